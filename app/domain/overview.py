"""The overview: what curators look at, as one table a tab.

Add a column: one `Column` in COLUMNS. Its title is what people see and what the settings call it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from app.domain.duplicates import KnownGroup, Studies, Study, in_order, known_groups
from app.domain.history import counts
from app.domain.lifecycle import Seen, by_dataset, furthest_first, merged
from app.domain.model import (
    KEY,
    Code,
    Known,
    KnownProblem,
    Lifecycle,
    Metadata,
    Problem,
    Remark,
    RemarkKind,
    Scalar,
    Secret,
    Standing,
    State,
    StateChange,
    Verdict,
)
from app.domain.presence import stages
from app.domain.problems import on_problem, worst_first
from app.domain.stuck import overdue, under_way, usual

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
    that has one a row: which, for a site may choose other columns and titles than Accession. `keys`: what tells each
    row from the others, whatever else in it changes; `muted`: the numbers of the rows that a curator has dealt with,
    which are shown greyed. `identity`: the title of the column that shows the key, if any does; `clocks`: titles of
    columns that only tell when something was last looked at; `curators`: of columns that the curators fill in.
    Times in cells are UTC; the output shows them in the site's time zone."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    datasets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    muted: frozenset[int] = frozenset()
    identity: str = ""
    clocks: frozenset[str] = frozenset()
    curators: tuple[str, ...] = ()
    only: frozenset[str] | None = None
    """the datasets that the rows tell of, where the others stay what they were; one of these without a row is not in
    this tab"""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a site wants to see it. `columns`: tab -> ((column, title shown), ...); a tab not named has the defaults.
    `techs`: production database -> the technology of its datasets. `curators`: columns of the dataset tabs that the
    curators fill in, elsewhere."""

    lifecycle: Lifecycle = field(default_factory=Lifecycle.of)
    links: Mapping[str, str] = field(default_factory=lambda: LINKS)
    columns: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    techs: Mapping[str, str] = field(default_factory=dict)
    curators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """What the overview shows: what is known, the newest changes (newest first), the counts per state some days
    before (days -> state name -> datasets), and how long stays in each state took that are over (state name -> stays).
    Private datasets that are `left_out` are counted, not named.

    Where a part of all is known, the dataset tabs tell of the datasets in `only`, as the others stay what they were;
    `late` (state name -> how many are stuck), `groups` and `states` (dataset -> state) tell the rest."""

    known: Known
    changes: Sequence[StateChange] = ()
    earlier: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    stays: Mapping[str, Sequence[timedelta]] = field(default_factory=dict)
    only: frozenset[str] | None = None
    late: Mapping[str, int] = field(default_factory=dict)
    groups: Sequence[KnownGroup] = ()
    states: Mapping[str, State | None] = field(default_factory=dict)


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
    ignored: Remark | None = None
    annotations: Mapping[str, Scalar] = field(default_factory=dict)

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

CLOCKS = ("Eligibility Checked",)
"""The columns that only tell when something was last looked at."""

_BY_TITLE = {column.title: column for column in COLUMNS}

COLUMN_NAMES = {tab: tuple(column.title for column in COLUMNS) for tab in (DISCOVER, TRACK)}
"""tab -> the columns that the settings may choose for it."""


def tables(view: View, layout: Layout, keys: Mapping[str, Secret] | None = None) -> tuple[Table, ...]:
    """Every tab, in the order in which people look at them. `keys`: dataset -> access key, for links that may be
    shown to whoever holds the tables; without them no key is in any cell."""
    known = shown(view)
    return tabs(rows(known, layout, keys or {}, view.only), known, view, layout)


def tabs(found: Sequence[Row], known: Known, view: View, layout: Layout) -> tuple[Table, ...]:
    """Those of these rows; `known` is what is shown of what the view knows."""
    discover = [row for row in found if row.state <= layout.lifecycle.external]
    track = [row for row in found if row.state > layout.lifecycle.external]
    return (
        _summary(view, layout),
        _dataset_table(DISCOVER, discover, layout, view.only),
        _dataset_table(TRACK, track, layout, view.only),
        _changes(view),
        _duplicates(found, view, layout),
        _problems(known, view),
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
        remarks={subject: _of_nobody(remark, left_out) for subject, remark in known.remarks.items()},
        annotations={
            dataset: {c: unnamed(v, left_out) if isinstance(v, str) else v for c, v in columns.items()}
            for dataset, columns in known.annotations.items()
            if dataset not in left_out
        },
    )


def _about_nobody(problem: Problem, left_out: Collection[str]) -> Problem:
    return replace(problem, message=unnamed(problem.message, left_out), path=unnamed(problem.path, left_out))


def _of_nobody(remark: Remark, left_out: Collection[str]) -> Remark:
    return replace(remark, reason=unnamed(remark.reason, left_out))


def unnamed(text: str, left_out: Collection[str]) -> str:
    return _NAME.sub(lambda name: "(private)" if name[0] in left_out else name[0], text) if left_out else text


_NAME = re.compile(r"[\w-]+")


def rows(known: Known, layout: Layout, keys: Mapping[str, Secret], only: frozenset[str] | None = None) -> list[Row]:
    """The datasets that are somewhere, by accession; of `only` these, where not all are wanted."""
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
            problems=(*_ignored(ignored), *wrong.get(dataset, ()), *stale.get(standing.decision.source, ())),
            links=layout.links,
            listed=() if seen else _listed(known, dataset, layout),
            private=dataset in hidden,
            key=keys.get(dataset),
            ignored=ignored,
            annotations=known.annotations.get(dataset, _NOTHING),
        )
        for dataset, standing in sorted(known.standings.items())
        if (state := standing.decision.state) is not None and (only is None or dataset in only)
        for ignored in (known.remarks.get((RemarkKind.IGNORED, dataset)),)
    ]


_NOTHING: Mapping[str, Scalar] = {}


def reason_of(remark: Remark) -> str:
    """Why it is shown greyed, and by whom and since which day (UTC)."""
    return f"{remark.reason} ({remark.by}, {remark.at.astimezone(UTC):%Y-%m-%d})"


def _ignored(remark: Remark | None) -> tuple[str, ...]:
    return (f"Ignored: {reason_of(remark)}.",) if remark else ()


def _listed(known: Known, dataset: str, layout: Layout) -> tuple[str, ...]:
    return tuple(tech for authority, tech in layout.techs.items() if dataset in known.entries.get(authority, ()))


def _messages(known: Known) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """dataset -> what is wrong with it, worst first; source -> why what it shows is stale."""
    wrong: dict[str, list[str]] = {}
    stale: dict[str, list[str]] = {}
    for problem in worst_first(entry.problem for entry in known.problems):
        if problem.dataset:
            wrong.setdefault(problem.dataset, []).append(problem.message)
        elif problem.code in STALE:
            stale[problem.source] = [f"Stale: this is what {problem.source} last showed."]
    return wrong, stale


def _dataset_table(tab: str, rows: Sequence[Row], layout: Layout, only: frozenset[str] | None) -> Table:
    default = tuple((column.title, column.title) for column in COLUMNS if tab in column.tabs)
    chosen = layout.columns.get(tab, default)
    titles = dict(chosen)
    curators = tuple(title for title in layout.curators if title not in titles.values())
    values = [_BY_TITLE[name].value for name, _ in chosen]
    cells = tuple(
        (*(value(row) for value in values), *(row.annotations.get(title) for title in curators)) for row in rows
    )
    datasets = tuple(row.dataset for row in rows)
    return Table(
        tab,
        (*(title for _, title in chosen), *curators),
        cells,
        datasets,
        datasets,
        muted=frozenset(number for number, row in enumerate(rows) if row.ignored),
        identity=titles.get("Accession", ""),
        clocks=frozenset(titles[name] for name in CLOCKS if name in titles),
        curators=curators,
        only=only,
    )


# --------------------------------------------------------------------------- the other tabs


def _summary(view: View, layout: Layout) -> Table:
    """How many datasets stand where, now and before; how many are stuck; when each source was last read; problems by
    kind. Not one of the counts of states is another through what curators say."""
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
    rows.extend(("Stuck", name, stuck, *blank, None, note) for name, stuck, note in _stuck(view, layout))
    notes = {entry.problem.source: entry.problem.message for entry in known.problems if entry.problem.code in STALE}
    for name, source in known.sources.items():
        if not source.deleted:
            found = len(known.sightings.get(name, {})) + known.elsewhere.found.get(name, 0)
            rows.append(("Source", name, found, *blank, source.last_read, notes.get(name, "")))
    dealt_with = Counter((e.problem.code, bool(_dealt_with(e.problem, known.remarks))) for e in known.problems)
    for code in Code:
        found, known_of = dealt_with[code, False], dealt_with[code, True]
        if found or known_of:
            note = f"{code.severity}: {code.meaning}" + (f"; {known_of:,} acknowledged" if known_of else "")
            rows.append(("Problem", code.value, found, *blank, None, note))
    if view.left_out:
        told = sum(s.decision.state is not None and d in view.left_out for d, s in known.standings.items())
        rows.append(("Left Out", "private", told, *blank, None, "datasets that are counted here and in no other tab"))
    keys = tuple(f"{row[0]}/{row[1]}" for row in rows)
    return Table(SUMMARY, columns, tuple(rows), keys=keys, clocks=frozenset({"Last Read"}))


def _stuck(view: View, layout: Layout) -> list[tuple[str, int, str]]:
    """State, how many are stuck there, and what that means; of the states of which it can be told what is usual."""
    usually, known = usual(view.stays), view.known
    if known.at is None:
        return []
    late: Mapping[str, int] = view.late
    if view.only is None:
        states = (s.decision.state for s in overdue(known, usually, layout.lifecycle, known.at))
        late = Counter(state.name for state in states if state)
    named = [name for name in under_way(layout.lifecycle) if name in usually]
    return [(name, late.get(name, 0), str(usually[name])) for name in named]


def _count(counted: Mapping[str, int] | None, name: str) -> int | None:
    """None, not 0, for a day before anything was tracked."""
    return counted.get(name, 0) if counted else None


def _total(counted: Mapping[str, int] | None) -> int | None:
    return sum(counted.values()) if counted else None


def _changes(view: View) -> Table:
    shown = [change for change in view.changes if change.dataset not in view.left_out]
    rows = [
        (change.at, change.dataset, state_name(change.before, "new"), state_name(change.after, "gone"), change.reason,
         unnamed(change.sentence, view.left_out), change.run)
        for change in shown
    ]  # fmt: skip
    columns = ("When", "Accession", "From", "To", "Reason", "Why", "Run")
    return Table(CHANGES, columns, tuple(rows), keys=tuple(f"{change.run}/{change.dataset}" for change in shown))


def state_name(state: State | None, otherwise: str) -> str:
    return state.name if state is not None else otherwise


# --------------------------------------------------------------------------- duplicates


def study_groups(known: Known, lifecycle: Lifecycle) -> list[KnownGroup]:
    """Certain ones by their first dataset, then possible ones; whether any is dismissed is not told."""
    places = furthest_first(known.sightings, stages(known, (), lifecycle))
    here = {d: standing for d, standing in known.standings.items() if standing.decision.state is not None}
    studies = Studies({d: Study.of(merged([place.sighting for place in places.get(d, ())])) for d in here})
    return known_groups(studies, {d: standing.first for d, standing in here.items()})


def renewed_groups(before: Sequence[KnownGroup], after: Known, lifecycle: Lifecycle) -> list[KnownGroup]:
    """All groups after a crawl; `before`: those before it, of which stay what `after` was not to tell of."""
    found = study_groups(after, lifecycle)
    if after.scope is None:
        return found
    return in_order(
        [group for group in before if after.related.isdisjoint(group.group.datasets)]
        + [group for group in found if not after.related.isdisjoint(group.group.datasets)]
    )


def duplicate_groups(known: Known, layout: Layout) -> list[KnownGroup]:
    """The groups as the tab has them: those that are dismissed come last."""
    return with_remarks(study_groups(known, layout.lifecycle), known.remarks)


def with_remarks(groups: Iterable[KnownGroup], remarks: Mapping[tuple[RemarkKind, str], Remark]) -> list[KnownGroup]:
    """Told which are dismissed, and those last."""
    said = ((group, remarks.get((RemarkKind.DISMISSED, group.key))) for group in groups)
    return _dismissed_last(
        [replace(g, dismissed=remark) if remark and remark.evidence == g.evidence else g for g, remark in said]
    )


def _groups(found: Sequence[Row], remarks: Mapping[tuple[RemarkKind, str], Remark]) -> list[KnownGroup]:
    studies = Studies({row.dataset: Study.of(row.metadata) for row in found})
    return with_remarks(known_groups(studies, {row.dataset: row.standing.first for row in found}), remarks)


def _dismissed_last(groups: Sequence[KnownGroup]) -> list[KnownGroup]:
    return sorted(groups, key=lambda known: known.dismissed is not None)


def _shown_groups(found: Sequence[Row], view: View, layout: Layout) -> list[KnownGroup]:
    """Those of these rows. Who dismissed a group dismissed what is left of it where datasets are left out."""
    if view.only is not None or (view.groups and not view.left_out):
        return with_remarks(view.groups, view.known.remarks)
    if not view.left_out or all(kind is not RemarkKind.DISMISSED for kind, _ in view.known.remarks):
        return _groups(found, view.known.remarks)
    whole = {
        (known.group.certain, dataset): _of_nobody(known.dismissed, view.left_out)
        for known in duplicate_groups(view.known, layout)
        if known.dismissed
        for dataset in known.group.datasets
    }
    parts = _groups(found, {})
    return _dismissed_last([replace(k, dismissed=whole.get((k.group.certain, k.group.datasets[0]))) for k in parts])


def _duplicates(found: Sequence[Row], view: View, layout: Layout) -> Table:
    state = {dataset: state.name for dataset, state in view.states.items() if state}
    state |= {row.dataset: row.state.name for row in found}
    groups = _shown_groups(found, view, layout)
    rows = [
        (
            known.key,
            len(known.group.datasets),
            _joined(known.group.datasets),
            _joined([state[dataset] for dataset in known.group.datasets]),
            _joined(known.group.shared),
            "yes" if known.group.certain else "possible",
            _joined([str(link) for link in known.group.links]),
            reason_of(known.dismissed) if known.dismissed else "",
        )
        for known in groups
    ]
    columns = ("Group", "Datasets", "Accessions", "Status", "Shared Accessions", "Certain", "Evidence", "Dismissed")
    muted = frozenset(number for number, known in enumerate(groups) if known.dismissed)
    keys = tuple(known.key for known in groups)
    return Table(DUPLICATES, columns, tuple(rows), keys=keys, muted=muted, identity="Group")


# --------------------------------------------------------------------------- problems


def _dealt_with(problem: Problem, remarks: Mapping[tuple[RemarkKind, str], Remark]) -> str:
    """What a curator said of the problem, or of its dataset; empty: nothing."""
    remark = on_problem(problem, remarks)
    if remark is None:
        return ""
    return "dataset ignored: " * (remark.kind is RemarkKind.IGNORED) + reason_of(remark)


def with_true(known: Known, view: View) -> Iterator[tuple[KnownProblem, Problem]]:
    """The problems that are shown, each with what it is where nothing is left out: of that curators speak."""
    true = (entry.problem for entry in view.known.problems if entry.problem.dataset not in view.left_out)
    return zip(known.problems, true, strict=True)


def _problems(known: Known, view: View) -> Table:
    """Those that curators have dealt with come last. One that names a dataset that is left out has no key here: from
    the true one that name could be found by trying."""
    told = {
        entry.problem: (entry.since, true, _dealt_with(true, known.remarks)) for entry, true in with_true(known, view)
    }
    order = sorted(worst_first(told), key=lambda problem: bool(told[problem][2]))
    rows, keys = [], []
    for p in order:
        since, true, acknowledged = told[p]
        keys.append(digest := p.digest)
        key = digest[:KEY] if p == true else ""
        place = p.message, p.dataset, p.source, p.path, p.line or None
        rows.append((str(p.severity), p.code.value, *place, since, key, acknowledged))
    columns = (
        "Severity", "Problem", "Message", "Accession", "Source", "Path", "Line", "Since", "Key", "Acknowledged",
    )  # fmt: skip
    muted = frozenset(number for number, problem in enumerate(order) if told[problem][2])
    return Table(PROBLEMS, columns, tuple(rows), keys=tuple(keys), muted=muted)
