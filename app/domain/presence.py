"""What of the readings counts: which sightings hold now, and which disappearances a person must confirm.

A source that was read tells all that is in it. One that failed, is held, or was not asked keeps what it last
showed. A disappearance that looks like an outage (an unmounted disk, an empty listing) is held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.domain.model import Hold, Known, KnownSource, Lifecycle, Problem, Sighting, SourceConfig, Stage


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a source could not be read. `where` is its place as it may be shown; `trace` is for the harvest log only."""

    kind: str
    message: str
    trace: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source said in this run; `failure` set: it could not be read, and nothing it said counts."""

    config: SourceConfig
    sightings: Mapping[str, Sighting] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    failure: Failure | None = None
    traces: Mapping[str, bytes | None] = field(default_factory=dict)
    """what the source wants to keep, see `Recording.traces`"""


@dataclass(frozen=True, slots=True)
class HoldLimits:
    """More than `more_than` datasets and more than this share of a source gone at once is held."""

    share: float = 0.2
    more_than: int = 5


EMPTY, SHARE, REMOVED = "empty", "share", "removed"


def lost(known: Known, readings: Iterable[Reading]) -> set[str]:
    """Datasets that were at a source which was read well, and were not there this time, nor newly elsewhere."""
    good = [reading for reading in readings if reading.failure is None]
    arrived = {d for r in good for d in r.sightings.keys() - known.sightings.get(r.config.name, {}).keys()}
    return {d for r in good for d in known.sightings.get(r.config.name, {}).keys() - r.sightings.keys()} - arrived


def holds(
    known: Known,
    readings: Sequence[Reading],
    configured: Sequence[SourceConfig],
    *,
    glimpses: Collection[Sighting] = (),
    confirmed: Collection[str],
    limits: HoldLimits,
) -> dict[str, Hold]:
    """source name -> why its disappearances wait for a person."""
    good = [reading for reading in readings if reading.failure is None]
    elsewhere = {glimpse.dataset for glimpse in glimpses}
    found = [_disappearance(known, reading, good, elsewhere, limits) for reading in good]
    found += [_removal(known, source) for source in _removed(known, configured)]
    return {hold.source: hold for hold in found if hold is not None and hold.source not in confirmed}


def _removed(known: Known, configured: Sequence[SourceConfig]) -> list[KnownSource]:
    """Sources of the store that are no longer in the configuration. `known`: under the names that count now."""
    names = {source.name for source in configured}
    return [source for source in known.sources.values() if not source.deleted and source.name not in names]


def _removal(known: Known, source: KnownSource) -> Hold | None:
    had = len(known.sightings.get(source.name, {}))
    return Hold(source.name, REMOVED, had, 0) if had else None


def _disappearance(
    known: Known, reading: Reading, good: Sequence[Reading], elsewhere: Collection[str], limits: HoldLimits
) -> Hold | None:
    before = known.sightings.get(reading.config.name, {})
    left = before.keys() - reading.sightings.keys() - set(elsewhere)
    vanished = {dataset for dataset in left if not _moved(dataset, reading, known, good)}
    if not vanished:
        return None
    others = known.elsewhere.found.get(reading.config.name, 0)
    had = len(before) + others
    if not reading.sightings and not others:
        return Hold(reading.config.name, EMPTY, had, 0)
    if len(vanished) > limits.more_than and len(vanished) > limits.share * had:
        return Hold(reading.config.name, SHARE, had, len(before.keys() & reading.sightings.keys()) + others)
    return None


def _moved(dataset: str, left: Reading, known: Known, good: Sequence[Reading]) -> bool:
    """Whether it is elsewhere, so that leaving this place tells no outage: in a place as far on as this one
    (a copy further back would let the state fall back), or newly arrived in a place that was read before
    (all that a new source shows is new to us, and tells nothing)."""
    return any(
        other.config.stage >= left.config.stage or _arrived(dataset, other, known)
        for other in good
        if other is not left and dataset in other.sightings
    )


def _arrived(dataset: str, place: Reading, known: Known) -> bool:
    name = place.config.name
    read_before = name in known.sources and known.sources[name].last_read is not None
    return read_before and dataset not in known.sightings.get(name, {})


def present(
    known: Known,
    readings: Sequence[Reading],
    glimpses: Iterable[Sighting],
    held: Collection[str],
    configured: Sequence[SourceConfig],
) -> dict[str, Mapping[str, Sighting]]:
    """source name -> the sightings that hold now, in the order of the configuration, then removed sources on hold.
    A dataset that left a place for one that is held stays where it was, as nothing is changed for a source on hold.
    `glimpses` are what was found in sources that were not read."""
    good = [reading for reading in readings if reading.failure is None]
    waiting = {d for r in good if r.config.name in held for d in r.sightings}
    now = {}
    for name in dict.fromkeys([*(source.name for source in configured), *held]):
        now[name] = known.sightings.get(name, {})
    for reading in good:
        if (name := reading.config.name) not in held:
            now[name] = {**{d: now[name][d] for d in waiting & now[name].keys()}, **reading.sightings}
    for glimpse in glimpses:
        now[glimpse.source] = {**now[glimpse.source], glimpse.dataset: glimpse}
    return now


def renames(known: Known, configured: Sequence[SourceConfig]) -> dict[str, str]:
    """Old name -> new name of the sources that keep their key and are given another name. A source is known by
    its name first, so that its path may move; only one that no configured source claims by name is known by its key."""
    live = {source.name: source for source in known.sources.values() if not source.deleted}
    names = {source.name for source in configured}
    given = {source.key: source.name for source in configured if source.name not in live}
    return {name: given[s.key] for name, s in live.items() if name not in names and s.key in given}


def renamed(known: Known, new: Mapping[str, str]) -> Known:
    """The same knowledge under other names (`renames`)."""
    if not new:
        return known
    sources = {n: s for n, s in known.sources.items() if n not in new.values()}
    return replace(
        known,
        sources={new.get(n, n): replace(s, name=new.get(n, n)) for n, s in sources.items()},
        sightings={
            new.get(n, n): {d: _found_at(new[n], s) for d, s in found.items()} if n in new else found
            for n, found in known.sightings.items()
        },
        problems=tuple(
            replace(entry, problem=replace(entry.problem, source=new.get(entry.problem.source, entry.problem.source)))
            for entry in known.problems
        ),
        holds={new.get(n, n): replace(hold, source=new.get(n, n)) for n, hold in known.holds.items()},
    )


def _found_at(source: str, sighting: Sighting) -> Sighting:
    problems = tuple(replace(problem, source=source) for problem in sighting.problems)
    return replace(sighting, source=source, problems=problems)


def stages(known: Known, configured: Sequence[SourceConfig], lifecycle: Lifecycle) -> dict[str, Stage]:
    """source name -> its states, in the order of the configuration; then the sources that left it, which keep those
    that they had."""
    now = {source.name: source.stage for source in configured}
    return now | {n: lifecycle.stage(s.options["stage"]) for n, s in known.sources.items() if n not in now}
