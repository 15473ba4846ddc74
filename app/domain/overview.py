"""The overview: what curators look at, as one table a tab.

Add a column: one `Column` in COLUMNS. Its title is what people see and what the settings call it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import quote

from app.domain.duplicates import Studies, Study
from app.domain.history import counts
from app.domain.lifecycle import Seen, by_dataset, furthest_first, merged
from app.domain.model import (
    Code,
    Known,
    Lifecycle,
    Metadata,
    Problem,
    Secret,
    Standing,
    State,
    StateChange,
    Verdict,
)
from app.domain.presence import stages
from app.domain.problems import worst_first

Cell = str | int | float | bool | datetime | None

SUMMARY, DISCOVER, TRACK = "Summary", "Discover Experiments", "Track Ingested Experiments"
CHANGES, DUPLICATES, PROBLEMS = "Changes", "Duplicates", "Problems"

DAYS_AGO = (1, 7, 30)
"""The moments in the past that the Summary compares with."""

STALE = (Code.SOURCE_UNREADABLE, Code.SOURCE_HELD)
"""The problems of a source that mean: this is what it last showed, and it may be otherwise by now."""

LINKS = {
    "published bulk": "https://www.ebi.ac.uk/gxa/experiments/{accession}",
    "published sc": "https://www.ebi.ac.uk/gxa/sc/experiments/{accession}",
    "published_dev bulk": "https://wwwdev.ebi.ac.uk/gxa/experiments/{accession}",
    "published_dev sc": "https://wwwdev.ebi.ac.uk/gxa/sc/experiments/{accession}",
    "private bulk": "https://wwwdev.ebi.ac.uk/gxa/experiments/{accession}/Results?accessKey={key}",
}
"""state (or private) and technology -> where a dataset is found, unless the settings say otherwise. {key} stands in
the query, so that what comes before it can be shown to everybody."""


@dataclass(frozen=True, slots=True)
class Table:
    """One tab: its name, its column titles, and its rows (as many cells as there are columns). `datasets`, of a tab
    that has one a row: which, for a site may choose other columns and titles than Accession.
    Times in cells are UTC; the output shows them in the site's time zone."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    datasets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """How a site wants to see it. `columns`: tab -> ((column, title shown), ...); a tab not named has the defaults.
    `techs`: production database -> the technology of its datasets."""

    lifecycle: Lifecycle = field(default_factory=Lifecycle.of)
    links: Mapping[str, str] = field(default_factory=lambda: LINKS)
    columns: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    techs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """What the overview shows: what is known, the newest changes (newest first), and the counts per state
    some days before (days -> state name -> datasets). Private datasets that are `left_out` are counted, not named."""

    known: Known
    changes: Sequence[StateChange] = ()
    earlier: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()


# --------------------------------------------------------------------------- the two dataset tabs


@dataclass(frozen=True, slots=True)
class Row:
    """One dataset, with all that its cells are made from. `seen` is furthest first; `listed` are the technologies of
    the production databases that have it."""

    standing: Standing
    state: State
    seen: tuple[Seen, ...]
    metadata: Metadata
    verdicts: tuple[Verdict, ...]
    problems: tuple[str, ...]
    links: Mapping[str, str]
    listed: tuple[str, ...] = ()
    private: bool = False
    key: Secret | None = None

    @property
    def dataset(self) -> str:
        return self.standing.decision.dataset

    @property
    def tech(self) -> tuple[str, ...]:
        return self.seen[0].sighting.tech if self.seen else self.listed

    def file(self, role: str) -> str:
        """The path of the file with this role, from the furthest place that has one."""
        return next((file.path for place in self.seen if (file := place.sighting.file(role))), "")

    def values(self, field: str) -> str:
        """Those of this field of the metadata, with a mark where the file may have more."""
        more = " …" if field in self.metadata.incomplete else ""
        return _joined(getattr(self.metadata, field)) + more


@dataclass(frozen=True, slots=True)
class Column:
    """A title, what to show under it, and the tabs that have it unless the settings say otherwise."""

    title: str
    value: Callable[[Row], Cell]
    tabs: tuple[str, ...] = (DISCOVER, TRACK)


def _joined(values: Sequence[str]) -> str:
    return "; ".join(values)


def web_link(row: Row) -> str:
    """Of a place for both technologies, single cells are told by their library construction. Where there is no
    access key to be shown, a link that needs one ends before it."""
    techs = sorted(row.tech, key=lambda tech: (tech == "sc") != bool(row.metadata.library_constructions))
    links = [f"private {tech}" for tech in techs[:1]] if row.private else [f"{row.state.name} {tech}" for tech in techs]
    template = next((row.links[link] for link in links if link in row.links), "")
    if row.key is None and "{key}" in template:
        template = template.partition("?")[0]
    return template.format(accession=row.dataset, key=quote(row.key.reveal(), safe="") if row.key else "")


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
    Column("Web Link", web_link, (TRACK,)),
    Column("Discovery Location", lambda row: row.standing.decision.location),
    Column("Investigation Title", lambda row: row.metadata.title),
    Column("Experiment Type", lambda row: _joined(row.metadata.experiment_types), (TRACK,)),
    Column("Analysis Type", lambda row: _joined(row.metadata.analysis_types)),
    Column("Organism", lambda row: row.values("organisms")),
    Column("Organism Status", lambda row: row.standing.decision.organism_status, (DISCOVER,)),
    Column("Single-cell Experiment Type", lambda row: row.values("library_constructions"), (TRACK,)),
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


def tables(view: View, layout: Layout, keys: Mapping[str, Secret] | None = None) -> tuple[Table, ...]:
    """Every tab, in the order in which people look at them. `keys`: dataset -> access key, for links that may be
    shown to whoever holds the tables; without them no key is in any cell."""
    known = shown(view)
    return tabs(rows(known, layout, keys or {}), known, view, layout)


def tabs(found: Sequence[Row], known: Known, view: View, layout: Layout) -> tuple[Table, ...]:
    """Those of these rows; `known` is what is shown of what the view knows."""
    discover = [row for row in found if row.state <= layout.lifecycle.external]
    track = [row for row in found if row.state > layout.lifecycle.external]
    return (
        _summary(view, layout),
        _dataset_table(DISCOVER, discover, layout),
        _dataset_table(TRACK, track, layout),
        _changes(view),
        _duplicates(found),
        _problems(known),
    )


def private(known: Known) -> frozenset[str]:
    """The datasets that a production database says are private."""
    return frozenset(d for found in known.entries.values() for d, entry in found.items() if entry.private)


def shown(view: View) -> Known:
    """What is known of all that is not left out."""
    return _without(view.known, view.left_out) if view.left_out else view.known


def _without(known: Known, left_out: Collection[str]) -> Known:
    """The same, with neither these datasets nor their names in what is said of others."""
    standings = {dataset: standing for dataset, standing in known.standings.items() if dataset not in left_out}
    for dataset, standing in standings.items():
        if standing.decision.ingested_as:
            others = tuple(unnamed(other, left_out) for other in standing.decision.ingested_as)
            standings[dataset] = replace(standing, decision=replace(standing.decision, ingested_as=others))
    return replace(
        known,
        standings=standings,
        problems=tuple(
            replace(entry, problem=_about_nobody(entry.problem, left_out))
            for entry in known.problems
            if entry.problem.dataset not in left_out
        ),
    )


def _about_nobody(problem: Problem, left_out: Collection[str]) -> Problem:
    return replace(problem, message=unnamed(problem.message, left_out), path=unnamed(problem.path, left_out))


def unnamed(text: str, left_out: Collection[str]) -> str:
    return _NAME.sub(lambda name: "(private)" if name[0] in left_out else name[0], text) if left_out else text


_NAME = re.compile(r"[\w-]+")


def rows(known: Known, layout: Layout, keys: Mapping[str, Secret]) -> list[Row]:
    """The datasets that are somewhere, by accession."""
    places = furthest_first(known.sightings, stages(known, (), layout.lifecycle))
    said = by_dataset(known.verdicts.values())
    wrong, stale = _messages(known)
    hidden = private(known)
    return [
        Row(
            standing=standing,
            state=state,
            seen=(seen := tuple(places.get(dataset, ()))),
            metadata=merged([place.sighting for place in seen]),
            verdicts=said.get(dataset, ()),
            problems=(*wrong.get(dataset, ()), *stale.get(standing.decision.source, ())),
            links=layout.links,
            listed=() if seen else _listed(known, dataset, layout),
            private=dataset in hidden,
            key=keys.get(dataset),
        )
        for dataset, standing in sorted(known.standings.items())
        if (state := standing.decision.state) is not None
    ]


def _listed(known: Known, dataset: str, layout: Layout) -> tuple[str, ...]:
    return tuple(tech for authority, tech in layout.techs.items() if dataset in known.entries.get(authority, ()))


def _messages(known: Known) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """dataset -> what is wrong with it; source -> why what it shows is stale."""
    wrong: dict[str, list[str]] = {}
    stale: dict[str, list[str]] = {}
    for problem in (entry.problem for entry in known.problems):
        if problem.dataset:
            wrong.setdefault(problem.dataset, []).append(problem.message)
        elif problem.code in STALE:
            stale[problem.source] = [f"Stale: this is what {problem.source} last showed."]
    return wrong, stale


def _dataset_table(tab: str, rows: Sequence[Row], layout: Layout) -> Table:
    default = tuple((column.title, column.title) for column in COLUMNS if tab in column.tabs)
    chosen = layout.columns.get(tab, default)
    values = [_BY_TITLE[name].value for name, _ in chosen]
    cells = tuple(tuple(value(row) for value in values) for row in rows)
    return Table(tab, tuple(title for _, title in chosen), cells, tuple(row.dataset for row in rows))


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
    notes = {entry.problem.source: entry.problem.message for entry in known.problems if entry.problem.code in STALE}
    for name, source in known.sources.items():
        if not source.deleted:
            found = len(known.sightings.get(name, {}))
            rows.append(("Source", name, found, *blank, source.last_read, notes.get(name, "")))
    for code in Code:
        if found := sum(entry.problem.code is code for entry in known.problems):
            rows.append(("Problem", code.value, found, *blank, None, f"{code.severity}: {code.meaning}"))
    if view.left_out:
        told = sum(s.decision.state is not None and d in view.left_out for d, s in known.standings.items())
        rows.append(("Left Out", "private", told, *blank, None, "datasets that are counted here and in no other tab"))
    return Table(SUMMARY, columns, tuple(rows))


def _count(counted: Mapping[str, int] | None, name: str) -> int | None:
    """None, not 0, for a day before anything was tracked."""
    return counted.get(name, 0) if counted else None


def _total(counted: Mapping[str, int] | None) -> int | None:
    return sum(counted.values()) if counted else None


def _changes(view: View) -> Table:
    rows = [
        (change.at, change.dataset, state_name(change.before, "new"), state_name(change.after, "gone"), change.reason,
         unnamed(change.sentence, view.left_out), change.run)
        for change in view.changes
        if change.dataset not in view.left_out
    ]  # fmt: skip
    return Table(CHANGES, ("When", "Accession", "From", "To", "Reason", "Why", "Run"), tuple(rows))


def state_name(state: State | None, otherwise: str) -> str:
    return state.name if state is not None else otherwise


def _duplicates(rows: Sequence[Row]) -> Table:
    by_name = {row.dataset: row for row in rows}
    studies = Studies({row.dataset: Study.of(row.metadata) for row in rows})
    found = [
        (
            group.key,
            len(group.datasets),
            _joined(group.datasets),
            _joined([by_name[d].state.name for d in group.datasets]),
            _joined(group.shared),
            "yes" if group.certain else "possible",
            _joined([str(link) for link in group.links]),
        )
        for group in studies.groups()
    ]
    columns = ("Group", "Datasets", "Accessions", "Status", "Shared Accessions", "Certain", "Evidence")
    return Table(DUPLICATES, columns, tuple(found))


def _problems(known: Known) -> Table:
    since = {entry.problem: entry.since for entry in known.problems}
    rows = [
        (str(p.severity), p.code.value, p.message, p.dataset, p.source, p.path, p.line or None, since[p])
        for p in worst_first(since)
    ]
    columns = ("Severity", "Problem", "Message", "Accession", "Source", "Path", "Line", "Since")
    return Table(PROBLEMS, columns, tuple(rows))
