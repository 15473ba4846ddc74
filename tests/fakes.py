"""The ports, in memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from app.domain.contents import Digests, Identity
from app.domain.duplicates import TITLE, KnownGroup, in_order
from app.domain.model import (
    Annotation,
    Code,
    Decision,
    Edits,
    Elsewhere,
    Entry,
    Known,
    KnownProblem,
    KnownSource,
    LogStatus,
    Problem,
    Recording,
    Remark,
    RemarkKind,
    Reservation,
    Run,
    RunStatus,
    Scalar,
    Sighting,
    SourceConfig,
    Standing,
    State,
    StateChange,
    Verdict,
)
from app.domain.presence import renamed
from app.domain.schedule import Appointment
from app.domain.text import storable
from app.errors import Locked, LockLost, StoreError
from app.ports import Lock
from app.store.values import changed, dumps, loads
from app.store.writing import LONGEST

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass
class MemoryLock:
    lost: bool = False

    def check(self) -> None:
        if self.lost:
            raise LockLost("the lock was taken away; nothing was recorded")


@dataclass
class MemoryStore:
    """Keeps what was known after every run."""

    locks: dict[str, MemoryLock] = field(default_factory=dict)
    _past: list[Known] = field(default_factory=list)
    _runs: list[Run] = field(default_factory=list)
    _changes: list[StateChange] = field(default_factory=list)
    _over: list[KnownProblem] = field(default_factory=list)
    _names: dict[str, frozenset[str]] = field(default_factory=dict)
    _groups: dict[str, KnownGroup] = field(default_factory=dict)
    _traces: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _remarks: list[Remark] = field(default_factory=list)
    _annotations: list[Annotation] = field(default_factory=list)
    _reservations: dict[str, Reservation] = field(default_factory=dict)
    _appointments: dict[str, Appointment] = field(default_factory=dict)
    _contents: dict[tuple[int, int], tuple[Identity, Digests]] = field(default_factory=dict)

    @contextmanager
    def lock(self, name: str) -> Iterator[Lock]:
        if name in self.locks:
            raise Locked(f"this process holds the lock {name!r}; wait until it has ended")
        self.locks[name] = MemoryLock()
        try:
            yield self.locks[name]
        finally:
            del self.locks[name]

    def known(self, *, datasets: Collection[str] | None = None, at: datetime | None = None) -> Known:
        past = [known for known in self._past if at is None or (known.at is not None and known.at <= at)]
        known = past[-1] if past else Known()
        if past:
            known = replace(known, remarks={(r.kind, r.subject): r for r in self._remarks if _held(r, at)})
            known = replace(known, annotations=_stood(self._annotations, at, datasets))
        return known if datasets is None else _only(known, set(datasets))

    def part(self, scope: Collection[str], context: Collection[str]) -> Known:
        whole, those = self.known(), {*scope, *context}
        known = _only(whole, those)
        unread = {(e.problem.source, e.problem.dataset) for e in whole.problems if e.problem.code is Code.UNREADABLE}
        return replace(
            known,
            scope=frozenset(scope),
            problems=whole.problems,
            elsewhere=Elsewhere(
                Counter(s.decision.state for d, s in whole.standings.items() if d not in those and s.decision.state),
                {source: len(found.keys() - those) for source, found in whole.sightings.items()},
                Counter(
                    source
                    for source, dataset in unread
                    if dataset in whole.sightings.get(source, {}) and dataset not in those
                ),
            ),
        )

    def sightings(self, source: str, datasets: Collection[str] | None = None) -> Mapping[str, Sighting]:
        there = self.known().sightings.get(source, {})
        return there if datasets is None else {d: seen for d, seen in there.items() if d in set(datasets)}

    def traces(self, source: str) -> Mapping[str, bytes | None]:
        kept = self._traces.get(source, {})
        place = {"": kept[""]} if "" in kept else {}
        return {**{dataset: kept.get(dataset) for dataset in self.sightings(source)}, **place}

    def verdicts(self) -> Mapping[tuple[str, str], Verdict]:
        return self.known().verdicts

    def entries(self) -> Mapping[str, Mapping[str, Entry]]:
        return self.known().entries

    def groups(self) -> Sequence[KnownGroup]:
        return in_order(self._groups.values())

    def states(self) -> Mapping[str, State | None]:
        return {d: standing.decision.state for d, standing in self.known().standings.items()}

    def titles(self, datasets: Collection[str]) -> frozenset[str]:
        return frozenset(n for d in datasets for n in self._names.get(d, ()) if n.startswith(TITLE))

    def alike(self, keys: Collection[str]) -> Mapping[str, frozenset[str]]:
        return {key: frozenset(d for d, names in self._names.items() if key in names) for key in keys}

    def record(self, recording: Recording, lock: Lock) -> int:
        run = replace(recording.run, id=len(self._runs) + 1)
        known, before = self.known(), {entry.problem.identity: entry for entry in self.known().problems}
        known = replace(renamed(known, dict(recording.renamed)), problems=known.problems)
        known = _after(known, recording, [*self._runs, run])
        lock.check()
        self._over += [replace(before[p.identity], last=self._runs[-1].finished) for p in recording.problems.closed]
        self._past.append(known)
        self._runs.append(run)
        self._names |= {
            dataset: frozenset(name for name in map(storable, names) if len(name) <= LONGEST)
            for dataset, names in recording.names.items()
        }
        self._changes += [replace(change, run=run.id) for change in recording.changes]
        for group in recording.groups.closed:
            del self._groups[group.key]
        self._groups |= {group.key: group for group in recording.groups.opened}
        for old, new in recording.renamed:
            self._traces[new] = self._traces.pop(old, {})
        for source, kept in recording.traces.items():
            traces = {**self._traces.get(source, {}), **kept}
            self._traces[source] = {dataset: trace for dataset, trace in traces.items() if trace is not None}
        return run.id

    def amend(self, run: int, status: RunStatus, error: str) -> None:
        self._runs[run - 1] = replace(self._runs[run - 1], status=status, error=error)

    def runs(self, limit: int = 20) -> Sequence[Run]:
        return self._runs[::-1][:limit]

    def history(self, dataset: str) -> Sequence[StateChange]:
        return [change for change in self._changes if change.dataset == dataset]

    def changes(
        self, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> Sequence[StateChange]:
        within = [c for c in self._changes[::-1] if (not since or since <= c.at) and (not until or c.at <= until)]
        return sorted(within, key=lambda change: change.at, reverse=True)[:limit]

    def past_problems(self) -> Sequence[KnownProblem]:
        return self._over

    def having(self, names: Collection[str]) -> Mapping[str, frozenset[str]]:
        here = {d for d, standing in self.known().standings.items() if standing.decision.state is not None}
        names = set(map(storable, names))
        found = (here & names) | {d for d, also in self._names.items() if also & names}
        return {d: frozenset(n for n in self._names.get(d, ()) if not n.startswith(TITLE)) for d in found}

    def standings(self, datasets: Collection[str]) -> Mapping[str, Standing]:
        return {d: standing for d, standing in self.known().standings.items() if d in set(datasets)}

    def listed(self, datasets: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        entries = self.known().entries
        listing = {d: tuple(sorted(a for a, found in entries.items() if d in found)) for d in datasets}
        return {dataset: authorities for dataset, authorities in listing.items() if authorities}

    def stays(self, states: Collection[str], at: datetime | None = None) -> Mapping[str, Sequence[timedelta]]:
        found: dict[str, list[timedelta]] = {}
        last: dict[str, StateChange] = {}
        for change in self._changes:
            if at is None or change.at <= at:
                began = last.get(change.dataset)
                if began is not None and began.after is not None and began.after.name in states:
                    found.setdefault(began.after.name, []).append(change.at - began.at)
                last[change.dataset] = change
        return found

    def overdue(self, since: Mapping[str, datetime]) -> Mapping[str, int]:
        known = self.known()
        return Counter(
            state.name
            for d, standing in known.standings.items()
            if (state := standing.decision.state) is not None
            and state.name in since
            and standing.since < since[state.name]
            and (RemarkKind.IGNORED, d) not in known.remarks
        )

    def say(self, said: Remark) -> None:
        self.unsay(said.kind, said.subject, by=said.by, at=said.at)
        words = {name: storable(getattr(said, name)) for name in ("subject", "reason", "by", "evidence")}
        self._remarks.append(replace(said, **words))

    def unsay(self, kind: RemarkKind, subject: str, *, by: str, at: datetime) -> bool:
        which = kind, storable(subject), None
        holding = [n for n, r in enumerate(self._remarks) if (r.kind, r.subject, r.until) == which]
        for number in holding:
            self._remarks[number] = replace(self._remarks[number], until=at, undone_by=storable(by))
        return bool(holding)

    def remarks(self) -> Sequence[Remark]:
        return list(self._remarks)

    def annotate(self, cells: Mapping[tuple[str, str], Scalar | None], at: datetime) -> int:
        stands = {(one.dataset, one.column): n for n, one in enumerate(self._annotations) if one.until is None}
        new = changed(cells, {cell: dumps(self._annotations[n].value) for cell, n in stands.items()})
        for (dataset, column), value in new.items():
            if (n := stands.get((dataset, column))) is not None:
                self._annotations[n] = replace(self._annotations[n], until=at)
            if value is not None:
                self._annotations.append(Annotation(dataset, column, loads(value), at))
        return len(new)

    def annotations(self, dataset: str) -> Sequence[Annotation]:
        return [one for one in self._annotations if one.dataset == storable(dataset)]

    def reserve(self, prefix: str, *, by: str, at: datetime) -> str:
        prefix = storable(prefix)
        texts = [*self._reservations, *(name for names in self._names.values() for name in names)]
        for known in self._past:
            texts += [*known.standings, *(name for entries in known.entries.values() for name in entries)]
            texts += [words for kept in known.problems for words in (kept.problem.path, kept.problem.message)]
        numbered = re.compile(rf"(?<![^\W_]){re.escape(prefix)}([0-9]{{1,250}})(?![0-9])", re.IGNORECASE)
        accession = f"{prefix}{max((int(n) for text in texts for n in numbered.findall(text)), default=0) + 1}"
        self._reservations[accession] = Reservation(accession, storable(by), at)
        return accession

    def reservations(self, accessions: Collection[str]) -> Mapping[str, Reservation]:
        return {a: given for a, given in self._reservations.items() if a in set(map(storable, accessions))}

    def appointments(self) -> Mapping[str, Appointment]:
        return {**self._appointments}

    def appoint(self, appointments: Mapping[str, Appointment]) -> None:
        self._appointments |= appointments

    def contents(self, files: Collection[Identity]) -> Mapping[Identity, Digests]:
        return {file: self._contents[file[:2]][1] for file in files if self._contents.get(file[:2], (None,))[0] == file}

    def keep_contents(self, digests: Mapping[Identity, Digests]) -> None:
        self._contents |= {file[:2]: (file, digest) for file, digest in digests.items()}

    def counts(self, at: datetime) -> Mapping[str, int]:
        stood = {change.dataset: change.after for change in self._changes if change.at <= at}
        tally: dict[str, int] = {}
        for state in stood.values():
            if state is not None:
                tally[state.name] = tally.get(state.name, 0) + 1
        return tally

    def close(self) -> None:
        pass


def _stood(
    found: Sequence[Annotation], at: datetime | None, datasets: Collection[str] | None
) -> dict[str, dict[str, Scalar]]:
    told: dict[str, dict[str, Scalar]] = {}
    wanted = None if datasets is None else set(map(storable, datasets))
    for one in found:
        stands = one.until is None if at is None else one.since <= at and (one.until is None or one.until > at)
        if stands and (wanted is None or one.dataset in wanted):
            told.setdefault(one.dataset, {})[one.column] = one.value
    return told


def _held(remark: Remark, at: datetime | None) -> bool:
    if at is None:
        return remark.until is None
    return remark.at <= at and (remark.until is None or remark.until > at)


# --------------------------------------------------------------------------- from one Known to the next


def _after(before: Known, recording: Recording, runs: Sequence[Run]) -> Known:
    """`runs`: all of them, the one being recorded last."""
    run = runs[-1]
    decisions = _edited({d: s.decision for d, s in before.standings.items()}, recording.decisions, _dataset)
    asked = {check: run.finished for run in runs for check in run.checks}
    return Known(
        run=run.id,
        at=run.finished,
        settings=recording.settings,
        sources=_sources(before, recording),
        sightings=_sightings(before, recording.sightings),
        verdicts=_dated(_edited(before.verdicts, recording.verdicts, lambda v: (v.dataset, v.check)), asked),
        entries=_entries(before, recording.entries),
        asked=asked,
        standings=_standings(before, decisions, recording.changes),
        problems=_problems(before, recording.problems, run),
        holds=_edited(before.holds, recording.holds, lambda hold: hold.source),
    )


def _edited(held: Mapping[K, T], edits: Edits[T], key: Callable[[T], K]) -> dict[K, T]:
    now = dict(held)
    for item in edits.closed:
        if now.pop(key(item), None) is None:
            raise StoreError(f"{key(item)} does not hold; nothing was recorded")
    for item in edits.amended:
        if key(item) not in now:
            raise StoreError(f"{key(item)} does not hold; nothing was recorded")
        now[key(item)] = item
    for item in edits.opened:
        if key(item) in now:
            raise StoreError(f"{key(item)} holds already; nothing was recorded")
        now[key(item)] = item
    return now


def _dataset(decision: Decision) -> str:
    return decision.dataset


def _sources(before: Known, recording: Recording) -> dict[str, KnownSource]:
    sources = {
        name: replace(source, deleted=source.deleted or name in recording.dropped)
        for name, source in before.sources.items()
    }
    for config in recording.sources:
        last_read = sources[config.name].last_read if config.name in sources else None
        sources[config.name] = KnownSource(config.name, config.key, config.kind, _options(config), False, last_read)
    for log in recording.logs:
        if log.status is LogStatus.SUCCEEDED:
            sources[log.source] = replace(sources[log.source], last_read=log.end)
    return sources


def _options(config: SourceConfig) -> dict[str, Any]:
    stage = list(dict.fromkeys([config.stage.start.name, config.stage.end.name]))
    common = {"stage": stage, "tech": list(config.tech), "resource": config.resource, "source": config.origin}
    return {**config.options, **{name: value for name, value in common.items() if value}}


def _sightings(before: Known, edits: Edits[Sighting]) -> dict[str, dict[str, Sighting]]:
    held = {(source, dataset): s for source, found in before.sightings.items() for dataset, s in found.items()}
    now: dict[str, dict[str, Sighting]] = {}
    for (source, dataset), sighting in _edited(held, edits, lambda s: (s.source, s.dataset)).items():
        now.setdefault(source, {})[dataset] = sighting
    return now


def _entries(before: Known, edits: Edits[Entry]) -> dict[str, dict[str, Entry]]:
    held = {(authority, dataset): e for authority, found in before.entries.items() for dataset, e in found.items()}
    now: dict[str, dict[str, Entry]] = {}
    for (authority, dataset), entry in _edited(held, edits, lambda e: (e.authority, e.dataset)).items():
        now.setdefault(authority, {})[dataset] = entry
    return now


def _dated(
    verdicts: Mapping[tuple[str, str], Verdict], asked: Mapping[str, datetime]
) -> dict[tuple[str, str], Verdict]:
    return {key: replace(v, checked=asked.get(v.check)) if v.current else v for key, v in verdicts.items()}


def _standings(before: Known, decisions: Mapping[str, Decision], changes: Sequence[StateChange]) -> dict[str, Standing]:
    first = {dataset: standing.first for dataset, standing in before.standings.items()}
    changed = {c.dataset: (c.at, c.before, first.get(c.dataset, c.at)) for c in changes}
    kept = {d: (standing.since, standing.before, standing.first) for d, standing in before.standings.items()}
    return {dataset: Standing(decision, *(kept | changed)[dataset]) for dataset, decision in decisions.items()}


def _problems(before: Known, edits: Edits[Problem], run: Run) -> tuple[KnownProblem, ...]:
    since = {known.problem.identity: known.since for known in before.problems}
    since |= {problem.identity: run.finished for problem in edits.opened}
    now = _edited({known.problem.identity: known.problem for known in before.problems}, edits, lambda p: p.identity)
    return tuple(KnownProblem(problem, since[identity]) for identity, problem in now.items())


def _only(known: Known, datasets: set[str]) -> Known:
    return replace(
        known,
        sightings={
            source: {dataset: s for dataset, s in found.items() if dataset in datasets}
            for source, found in known.sightings.items()
        },
        verdicts={key: verdict for key, verdict in known.verdicts.items() if key[0] in datasets},
        entries={
            authority: {dataset: entry for dataset, entry in found.items() if dataset in datasets}
            for authority, found in known.entries.items()
        },
        standings={dataset: standing for dataset, standing in known.standings.items() if dataset in datasets},
        problems=tuple(known for known in known.problems if known.problem.dataset in datasets),
    )
