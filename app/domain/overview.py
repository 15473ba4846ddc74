"""The overview: what curators look at, as one table a tab.

Add a column: one `Column` in COLUMNS. Its title is what people see and what the settings call it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.duplicates import Studies
from app.domain.history import counts
from app.domain.lifecycle import Seen, by_dataset, furthest_first, merged
from app.domain.model import Code, Known, Lifecycle, Metadata, Standing, State, StateChange, Verdict
from app.domain.presence import stages
from app.domain.problems import worst_first

Cell = str | int | float | bool | datetime | None

SUMMARY, DISCOVER, TRACK = "Summary", "Discover Experiments", "Track Ingested Experiments"
CHANGES, DUPLICATES, PROBLEMS = "Changes", "Duplicates", "Problems"

DAYS_AGO = (1, 7, 30)
"""The moments in the past that the Summary compares with."""

LINKS = {
    "published bulk": "https://www.ebi.ac.uk/gxa/experiments/{accession}",
    "published sc": "https://www.ebi.ac.uk/gxa/sc/experiments/{accession}",
    "published_dev bulk": "https://wwwdev.ebi.ac.uk/gxa/experiments/{accession}",
    "published_dev sc": "https://wwwdev.ebi.ac.uk/gxa/sc/experiments/{accession}",
}
"""state and technology -> where the public finds a dataset, unless the settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Table:
    """One tab: its name, its column titles, and its rows (as many cells as there are columns).
    Times in cells are UTC; the output shows them in the site's time zone."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a site wants to see it. `columns`: tab -> ((column, title shown), ...); a tab not named has the defaults."""

    lifecycle: Lifecycle = field(default_factory=Lifecycle.of)
    links: Mapping[str, str] = field(default_factory=lambda: LINKS)
    columns: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """What the overview shows: what is known, the newest changes (newest first), and the counts per state
    some days before (days -> state name -> datasets)."""

    known: Known
    changes: Sequence[StateChange] = ()
    earlier: Mapping[int, Mapping[str, int]] = field(default_factory=dict)


# --------------------------------------------------------------------------- the two dataset tabs


@dataclass(frozen=True, slots=True)
class Row:
    """One dataset, with all that its cells are made from. `seen` is furthest first."""

    standing: Standing
    state: State
    seen: tuple[Seen, ...]
    metadata: Metadata
    verdicts: tuple[Verdict, ...]
    problems: tuple[str, ...]
    links: Mapping[str, str]

    @property
    def dataset(self) -> str:
        return self.standing.decision.dataset

    @property
    def tech(self) -> tuple[str, ...]:
        return self.seen[0].sighting.tech if self.seen else ()

    def file(self, role: str) -> str:
        """The path of the file with this role, from the furthest place that has one."""
        return next((file.path for place in self.seen if (file := place.sighting.file(role))), "")


@dataclass(frozen=True, slots=True)
class Column:
    """A title, what to show under it, and the tabs that have it unless the settings say otherwise."""

    title: str
    value: Callable[[Row], Cell]
    tabs: tuple[str, ...] = (DISCOVER, TRACK)


def _joined(values: Sequence[str]) -> str:
    return "; ".join(values)


def _web_link(row: Row) -> str:
    """Of a place for both technologies, single cells are told by their library construction."""
    techs = sorted(row.tech, key=lambda tech: (tech == "sc") != bool(row.metadata.library_constructions))
    template = next((row.links[key] for tech in techs if (key := f"{row.state.name} {tech}") in row.links), "")
    return template.format(accession=row.dataset)


def _eligibility(row: Row) -> str:
    if len(row.verdicts) == 1:
        return str(row.verdicts[0])
    return _joined([f"{verdict.check}: {verdict}" for verdict in row.verdicts])


def _last_modified(row: Row) -> datetime | None:
    return next((place.sighting.modified for place in row.seen if place.sighting.modified), None)


COLUMNS: tuple[Column, ...] = (
    Column("Accession", lambda row: row.dataset),
    Column("Status", lambda row: row.state.name),
    Column("Up To", lambda row: str(row.standing.decision.up_to or "")),
    Column("Since", lambda row: row.standing.since),
    Column("Tech Type", lambda row: _joined(row.tech), (TRACK,)),
    Column("Web Link", _web_link, (TRACK,)),
    Column("Discovery Location", lambda row: row.standing.decision.location),
    Column("Investigation Title", lambda row: row.metadata.title),
    Column("Experiment Type", lambda row: _joined(row.metadata.experiment_types), (TRACK,)),
    Column("Analysis Type", lambda row: _joined(row.metadata.analysis_types)),
    Column("Organism", lambda row: _joined(row.metadata.organisms)),
    Column("Organism Status", lambda row: row.standing.decision.organism_status, (DISCOVER,)),
    Column("Single-cell Experiment Type", lambda row: _joined(row.metadata.library_constructions), (TRACK,)),
    Column("Secondary Accessions", lambda row: _joined(row.metadata.secondary_accessions)),
    Column("IDF", lambda row: row.file("idf")),
    Column("SDRF", lambda row: row.file("sdrf")),
    Column("Last Modified", _last_modified),
    Column("Atlas Eligibility", _eligibility),
    Column("Eligibility Checked", lambda row: min((v.checked for v in row.verdicts if v.checked), default=None)),
    Column("Already Ingested", lambda row: _joined(row.standing.decision.ingested_as)),
    Column("GeneQuantSoft", lambda row: row.metadata.gene_quantification[0], (TRACK,)),
    Column("GQSVersion", lambda row: row.metadata.gene_quantification[1], (TRACK,)),
    Column("MappingSoft", lambda row: row.metadata.mapping[0], (TRACK,)),
    Column("MappingSoftVersion", lambda row: row.metadata.mapping[1], (TRACK,)),
    Column("E!Version", lambda row: row.metadata.ensembl_release, (TRACK,)),
    Column("TransQuantSoft", lambda row: row.metadata.transcript_quantification[0], (TRACK,)),
    Column("TQSVersion", lambda row: row.metadata.transcript_quantification[1], (TRACK,)),
    Column("Curator", lambda row: _joined(row.metadata.curators), (TRACK,)),
    Column("Problems", lambda row: " ".join(row.problems)),
)

_BY_TITLE = {column.title: column for column in COLUMNS}

COLUMN_NAMES = {tab: tuple(column.title for column in COLUMNS) for tab in (DISCOVER, TRACK)}
"""tab -> the columns that the settings may choose for it."""


def tables(view: View, layout: Layout) -> tuple[Table, ...]:
    """Every tab, in the order in which people look at them."""
    rows = _rows(view.known, layout)
    discover = [row for row in rows if row.state <= layout.lifecycle.external]
    track = [row for row in rows if row.state > layout.lifecycle.external]
    return (
        _summary(view, layout),
        _dataset_table(DISCOVER, discover, layout),
        _dataset_table(TRACK, track, layout),
        _changes(view),
        _duplicates(rows),
        _problems(view.known),
    )


def _rows(known: Known, layout: Layout) -> list[Row]:
    """The datasets that are somewhere, by accession."""
    places = furthest_first(known.sightings, stages(known, (), layout.lifecycle))
    said = by_dataset(known.verdicts.values())
    wrong, stale = _messages(known)
    return [
        Row(
            standing=standing,
            state=state,
            seen=(seen := tuple(places.get(dataset, ()))),
            metadata=merged([place.sighting for place in seen]),
            verdicts=said.get(dataset, ()),
            problems=(*wrong.get(dataset, ()), *stale.get(standing.decision.source, ())),
            links=layout.links,
        )
        for dataset, standing in sorted(known.standings.items())
        if (state := standing.decision.state) is not None
    ]


def _messages(known: Known) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """dataset -> what is wrong with it; source -> why what it shows is stale."""
    wrong: dict[str, list[str]] = {}
    stale: dict[str, list[str]] = {}
    for problem in (entry.problem for entry in known.problems):
        if problem.dataset:
            wrong.setdefault(problem.dataset, []).append(problem.message)
        elif problem.code in (Code.SOURCE_UNREADABLE, Code.SOURCE_HELD):
            stale[problem.source] = [f"Stale: this is what {problem.source} last showed."]
    return wrong, stale


def _dataset_table(tab: str, rows: Sequence[Row], layout: Layout) -> Table:
    default = tuple((column.title, column.title) for column in COLUMNS if tab in column.tabs)
    chosen = layout.columns.get(tab, default)
    values = [_BY_TITLE[name].value for name, _ in chosen]
    return Table(tab, tuple(title for _, title in chosen), tuple(tuple(value(row) for value in values) for row in rows))


# --------------------------------------------------------------------------- the other tabs


def _summary(view: View, layout: Layout) -> Table:
    """How many datasets stand where, now and before; when each source was last read; problems by kind."""
    known, now = view.known, counts(view.known)
    columns = (
        "Section",
        "Name",
        "Now",
        *(f"{days} Day{'s' * (days > 1)} Ago" for days in DAYS_AGO),
        "Last Read",
        "Note",
    )
    past = [view.earlier.get(days) for days in DAYS_AGO]
    used = {*Lifecycle.CORE, *now, *(name for counted in past for name in counted or ())}
    states = [state.name for state in layout.lifecycle.states if state.name in used]
    states += sorted(used.difference(states))
    blank = (None,) * len(DAYS_AGO)
    rows: list[tuple[Cell, ...]] = [
        ("State", name, now.get(name, 0), *(_count(counted, name) for counted in past), None, "") for name in states
    ]
    rows.append(("State", "all", sum(now.values()), *(_total(counted) for counted in past), None, ""))
    notes = {
        entry.problem.source: entry.problem.message
        for entry in known.problems
        if entry.problem.code in (Code.SOURCE_UNREADABLE, Code.SOURCE_HELD)
    }
    for name, source in known.sources.items():
        if not source.deleted:
            found = len(known.sightings.get(name, {}))
            rows.append(("Source", name, found, *blank, source.last_read, notes.get(name, "")))
    for code in Code:
        if found := sum(entry.problem.code is code for entry in known.problems):
            rows.append(("Problem", code.value, found, *blank, None, f"{code.severity}: {code.meaning}"))
    return Table(SUMMARY, columns, tuple(rows))


def _count(counted: Mapping[str, int] | None, name: str) -> int | None:
    """None, not 0, for a day before anything was tracked."""
    return counted.get(name, 0) if counted else None


def _total(counted: Mapping[str, int] | None) -> int | None:
    return sum(counted.values()) if counted else None


def _changes(view: View) -> Table:
    rows = [
        (change.at, change.dataset, state_name(change.before, "new"), state_name(change.after, "gone"), change.reason,
         change.sentence, change.run)
        for change in view.changes
    ]  # fmt: skip
    return Table(CHANGES, ("When", "Accession", "From", "To", "Reason", "Why", "Run"), tuple(rows))


def state_name(state: State | None, otherwise: str) -> str:
    return state.name if state is not None else otherwise


def _duplicates(rows: Sequence[Row]) -> Table:
    by_name = {row.dataset: row for row in rows}
    studies = Studies({row.dataset: row.metadata.secondary_accessions for row in rows})
    found = [
        (
            group.key,
            len(group.datasets),
            _joined(group.datasets),
            _joined([by_name[d].state.name for d in group.datasets]),
            _joined(group.shared),
        )
        for group in studies.groups()
    ]
    return Table(DUPLICATES, ("Group", "Datasets", "Accessions", "Status", "Shared Accessions"), tuple(found))


def _problems(known: Known) -> Table:
    since = {entry.problem: entry.since for entry in known.problems}
    rows = [
        (str(p.severity), p.code.value, p.message, p.dataset, p.source, p.path, since[p]) for p in worst_first(since)
    ]
    return Table(PROBLEMS, ("Severity", "Problem", "Message", "Accession", "Source", "Path", "Since"), tuple(rows))
