"""Crawls for the tests: what holds is said whole, and the edits that lead there are worked out from what is known."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from app.domain.duplicates import names
from app.domain.model import (
    Decision,
    Edits,
    Entry,
    HarvestLog,
    Hold,
    Known,
    Lifecycle,
    LogStatus,
    Metadata,
    Problem,
    Recording,
    Run,
    RunStatus,
    Sighting,
    SourceConfig,
    StateChange,
    Verdict,
)
from app.ports import Store

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

LIFECYCLE = Lifecycle.of()
BEGINNING = datetime(2026, 1, 1, 6, tzinfo=UTC)


def hour(number: float) -> datetime:
    return BEGINNING + timedelta(hours=number)


def ended(number: float) -> datetime:
    """When the crawl that began at that hour was over."""
    return hour(number) + timedelta(minutes=5)


def source(name: str = "incoming", **more: object) -> SourceConfig:
    values: dict[str, object] = {
        "key": f"/nfs/{name}",
        "location": f"/nfs/{name}",
        "kind": "filesystem",
        "stage": LIFECYCLE.stage(["external"]),
        "tech": ("bulk",),
    }
    return SourceConfig(name, **(values | more))  # type: ignore[arg-type]


def sighting(dataset: str, source: str = "incoming", **more: object) -> Sighting:
    return Sighting(dataset, source, f"/nfs/{source}/{dataset}", **more)  # type: ignore[arg-type]


def decision(dataset: str, state: str | None = "external", **more: object) -> Decision:
    values: dict[str, object] = {"rule": "furthest_stage", "sentence": f"{dataset} was seen."}
    return Decision(dataset, state and LIFECYCLE.state(state), **(values | more))  # type: ignore[arg-type]


@dataclass(frozen=True)
class World:
    """All that a crawl finds to be true."""

    sources: Sequence[SourceConfig] = (source(),)
    sightings: Sequence[Sighting] = ()
    verdicts: Sequence[Verdict] = ()
    entries: Sequence[Entry] = ()
    decisions: Sequence[Decision] = ()
    problems: Sequence[Problem] = ()
    holds: Sequence[Hold] = ()
    checks: tuple[str, ...] = ("atlas",)
    dropped: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    """source name -> its error"""


def recording(known: Known, world: World, number: float) -> Recording:
    """The crawl of this hour."""
    started, finished = hour(number), ended(number)
    changes = tuple(_changes(known, world, started))
    return Recording(
        run=Run(started, finished, RunStatus.SUCCEEDED, {}, len(changes), world.checks, tracker_version="0.1.0"),
        sources=tuple(world.sources),
        dropped=world.dropped,
        logs=tuple(_log(s.name, known, world, finished) for s in world.sources),
        sightings=_edits(_sightings(known), {(s.source, s.dataset): s for s in world.sightings}),
        verdicts=_edits(_undated(known.verdicts), _undated({(v.dataset, v.check): v for v in world.verdicts})),
        entries=_edits(_entries(known), {(e.authority, e.dataset): e for e in world.entries}),
        decisions=_edits(
            {dataset: standing.decision for dataset, standing in known.standings.items()},
            {decision.dataset: decision for decision in world.decisions},
        ),
        problems=_problems(known, world.problems),
        holds=_edits(known.holds, {hold.source: hold for hold in world.holds}),
        names=_names(known, world),
        changes=changes,
    )


def crawl(store: Store, world: World, number: float) -> int:
    with store.lock("crawl") as lock:
        return store.record(recording(store.known(), world, number), lock)


def _edits(before: Mapping[K, T], after: Mapping[K, T]) -> Edits[T]:
    opened = tuple(item for key, item in after.items() if before.get(key) != item)
    closed = tuple(item for key, item in before.items() if after.get(key) != item)
    return Edits(opened, closed)


def _problems(known: Known, found: Sequence[Problem]) -> Edits[Problem]:
    """One that moved to another line is still the same."""
    before = {entry.problem.identity: entry.problem for entry in known.problems}
    after = {problem.identity: problem for problem in found}
    return Edits(
        opened=tuple(problem for key, problem in after.items() if key not in before),
        closed=tuple(problem for key, problem in before.items() if key not in after),
        amended=tuple(problem for key, problem in after.items() if before.get(key, problem) != problem),
    )


def _entries(known: Known) -> dict[tuple[str, str], Entry]:
    return {(authority, d): entry for authority, found in known.entries.items() for d, entry in found.items()}


def _sightings(known: Known) -> dict[tuple[str, str], Sighting]:
    return {(source, dataset): s for source, found in known.sightings.items() for dataset, s in found.items()}


def _names(known: Known, world: World) -> dict[str, frozenset[str]]:
    """Of all that were seen or are: what did not change is told again."""
    said: dict[str, list[Metadata]] = {dataset: [] for found in known.sightings.values() for dataset in found}
    for seen in world.sightings:
        said.setdefault(seen.dataset, []).append(seen.metadata)
    return {dataset: names(dataset, found) if found else frozenset() for dataset, found in said.items()}


def _undated(verdicts: Mapping[tuple[str, str], Verdict]) -> dict[tuple[str, str], Verdict]:
    return {key: replace(v, checked=None) if v.current else v for key, v in verdicts.items()}


def _log(name: str, known: Known, world: World, now: datetime) -> HarvestLog:
    last = known.sources[name].last_read if name in known.sources else None
    error = world.failed.get(name, "")
    status = LogStatus.FAILED if error else LogStatus.SUCCEEDED
    return HarvestLog(name, last or BEGINNING, now, status, now, error_message=error)


def _changes(known: Known, world: World, now: datetime) -> list[StateChange]:
    changes = []
    for new in world.decisions:
        standing = known.standings.get(new.dataset)
        before = standing.decision.state if standing else None
        if standing is None or before != new.state:
            changes.append(StateChange(new.dataset, before, new.state, new.rule, new.sentence, now))
    return changes
