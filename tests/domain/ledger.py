"""The smallest store there can be: rows in dictionaries, changed by recordings and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from app.domain.model import (
    Decision,
    Edits,
    Entry,
    Hold,
    Known,
    KnownProblem,
    KnownSource,
    Lifecycle,
    LogStatus,
    Problem,
    Recording,
    Run,
    Sighting,
    SourceConfig,
    Standing,
    State,
    StateChange,
    Verdict,
)

T = TypeVar("T")


@dataclass
class Rows(Generic[T]):
    """Facts that hold now, and since when. Refuses whatever a strict database would refuse."""

    key: Callable[[T], Hashable]
    now: dict[Any, T] = field(default_factory=dict)
    since: dict[Any, datetime] = field(default_factory=dict)

    def apply(self, edits: Edits[T], at: datetime) -> None:
        for item in edits.closed:
            assert self.now.pop(self.key(item), None) == item, f"closed what did not hold: {item}"
            del self.since[self.key(item)]
        for item in edits.amended:
            assert self.key(item) in self.now, f"amended what did not hold: {item}"
            self.now[self.key(item)] = item
        for item in edits.opened:
            assert self.key(item) not in self.now, f"opened what holds already: {item}"
            self.now[self.key(item)] = item
            self.since[self.key(item)] = at


class Ledger:
    def __init__(self, states: Lifecycle) -> None:
        self.states = states
        self.sources: dict[str, KnownSource] = {}
        self.sightings: Rows[Sighting] = Rows(lambda s: (s.source, s.dataset))
        self.verdicts: Rows[Verdict] = Rows(lambda v: (v.dataset, v.check))
        self.entries: Rows[Entry] = Rows(lambda e: (e.authority, e.dataset))
        self.decisions: Rows[Decision] = Rows(lambda d: d.dataset)
        self.problems: Rows[Problem] = Rows(lambda p: p.identity)
        self.holds: Rows[Hold] = Rows(lambda h: h.source)
        self.runs: list[Run] = []
        self.changes: list[StateChange] = []

    def apply(self, recording: Recording) -> None:
        at = recording.run.finished
        for old, new in recording.renamed:
            self._rename(old, new)
        self._take_in(recording.sources)
        for name in recording.dropped:
            self.sources[name] = replace(self.sources[name], deleted=True)
        for log in recording.logs:
            if log.status is LogStatus.SUCCEEDED:
                self.sources[log.source] = replace(self.sources[log.source], last_read=log.end)
        self.sightings.apply(recording.sightings, at)
        self.verdicts.apply(recording.verdicts, at)
        self.entries.apply(recording.entries, at)
        self.decisions.apply(recording.decisions, at)
        self.problems.apply(recording.problems, at)
        self.holds.apply(recording.holds, at)
        self.runs.append(recording.run)
        self.changes += recording.changes

    def _take_in(self, configured: tuple[SourceConfig, ...]) -> None:
        for source in configured:
            before = self.sources.get(source.name)
            options = {"stage": [source.stage.start.name, source.stage.end.name]}
            last_read = before.last_read if before else None
            self.sources[source.name] = KnownSource(source.name, source.key, source.kind, options, last_read=last_read)

    def _rename(self, old: str, new: str) -> None:
        self.sources[new] = replace(self.sources.pop(old), name=new)
        _move(self.sightings, lambda s: _found_at(new, s) if s.source == old else s)
        _move(self.holds, lambda h: replace(h, source=new) if h.source == old else h)

    def known(self) -> Known:
        if not self.runs:
            return Known()
        at = self.runs[-1].finished
        sightings: dict[str, dict[str, Sighting]] = {}
        for (source, dataset), sighting in self.sightings.now.items():
            sightings.setdefault(source, {})[dataset] = sighting
        return Known(
            run=len(self.runs),
            at=at,
            sources=dict(self.sources),
            sightings=sightings,
            verdicts={key: self._dated(verdict) for key, verdict in self.verdicts.now.items()},
            entries=self._entries(),
            asked={name: run.finished for run in self.runs for name in run.checks},
            standings=self._standings(),
            problems=tuple(KnownProblem(p, self.problems.since[key]) for key, p in self.problems.now.items()),
            holds=dict(self.holds.now),
        )

    def _entries(self) -> dict[str, dict[str, Entry]]:
        entries: dict[str, dict[str, Entry]] = {}
        for (authority, dataset), entry in self.entries.now.items():
            entries.setdefault(authority, {})[dataset] = entry
        return entries

    def _dated(self, verdict: Verdict) -> Verdict:
        """A verdict that still stands was checked when a run last asked its check."""
        asked = [run.finished for run in self.runs if verdict.check in run.checks]
        return replace(verdict, checked=asked[-1]) if verdict.current else verdict

    def _standings(self) -> dict[str, Standing]:
        last = {change.dataset: change for change in self.changes}
        first = {change.dataset: change.at for change in reversed(self.changes)}
        kept = self.decisions.now.items()
        return {d: Standing(decision, last[d].at, last[d].before, first[d]) for d, decision in kept}

    def last_states(self) -> dict[str, State | None]:
        return {change.dataset: change.after for change in self.changes}


def _found_at(source: str, sighting: Sighting) -> Sighting:
    return replace(sighting, source=source, problems=tuple(replace(p, source=source) for p in sighting.problems))


def _move(rows: Rows[T], moved: Callable[[T], T]) -> None:
    since = list(rows.since.values())
    rows.now = {rows.key(moved(item)): moved(item) for item in rows.now.values()}
    rows.since = dict(zip(rows.now, since, strict=True))
