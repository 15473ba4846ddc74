"""Which datasets stay in a state longer than is usual there.

What is usual is told by the stays that are over: nine of ten took no longer than the 90th percentile. Percentiles are
by nearest rank: the least of the stays that as many, or more, took no longer than; so each is one that there was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.lifecycle import furthest_first, merged
from app.domain.model import Known, Lifecycle, RemarkKind, Standing
from app.domain.presence import stages

ENOUGH = 5
"""Fewer stays that are over do not tell what is usual."""

AT_LEAST = timedelta(days=1)
"""Nobody is stuck who has stayed for less, however quick the others were."""

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Usual:
    """How long datasets stay in a state: of so many stays that are over, half took no longer than the median, and nine
    of ten no longer than `p90`."""

    count: int
    median: timedelta
    p90: timedelta

    @property
    def limit(self) -> timedelta:
        """Whoever stays longer is stuck."""
        return max(self.p90, AT_LEAST)

    def __str__(self) -> str:
        longer = f"longer than {in_words(self.limit)}, as 9 of 10 were over by then"
        return f"{longer}; usually {in_words(self.median)} (of {self.count:,})"


@dataclass(frozen=True, slots=True)
class Stuck:
    """A dataset that has been in its state for so long. `usual` None: too few stays there are over to tell."""

    dataset: str
    state: str
    since: datetime
    stayed: timedelta
    curators: tuple[str, ...] = ()
    location: str = ""
    usual: Usual | None = None


def usual(stays: Mapping[str, Sequence[timedelta]]) -> dict[str, Usual]:
    """state name -> what is usual there; `stays`: state name -> how long each took of those that are over."""
    ordered = {state: sorted(took) for state, took in stays.items() if len(took) >= ENOUGH}
    return {state: Usual(len(took), _at(took, 50), _at(took, 90)) for state, took in ordered.items()}


def _at(ordered: Sequence[timedelta], percent: int) -> timedelta:
    return ordered[-(-len(ordered) * percent // 100) - 1]


def under_way(lifecycle: Lifecycle) -> tuple[str, ...]:
    """The states in which a long stay is a delay: not those up to external, where datasets wait that nobody wants, nor
    the last one, where they are to stay."""
    return tuple(state.name for state in lifecycle.states[:-1] if state > lifecycle.external)


def stuck(
    known: Known,
    stays: Mapping[str, Sequence[timedelta]],
    lifecycle: Lifecycle,
    now: datetime,
    longer_than: timedelta | None = None,
) -> list[Stuck]:
    """The datasets that have been in their state longer than nine of ten were, or than `longer_than`, whatever is
    usual; longest first. Only those under way: outside, and at the end of the lifecycle, a long stay is no delay.
    Ignored ones are left out."""
    usually = usual(stays)
    found = {standing.decision.dataset: standing for standing in overdue(known, usually, lifecycle, now, longer_than)}
    seen = furthest_first(
        {source: {d: there[d] for d in found.keys() & there.keys()} for source, there in known.sightings.items()},
        stages(known, (), lifecycle),
    )
    those = [
        Stuck(
            dataset,
            (state := str(standing.decision.state)),
            standing.since,
            now - standing.since,
            merged([place.sighting for place in seen[dataset]]).curators if dataset in seen else (),
            standing.decision.location,
            usually.get(state),
        )
        for dataset, standing in found.items()
    ]
    return sorted(those, key=lambda one: (-one.stayed, one.dataset))


def overdue(
    known: Known,
    usually: Mapping[str, Usual],
    lifecycle: Lifecycle,
    now: datetime,
    longer_than: timedelta | None = None,
) -> Iterator[Standing]:
    """See `stuck`; in no order."""
    limits = {state: longer_than for state in under_way(lifecycle)}
    if longer_than is None:
        limits = {state: usually[state].limit for state in limits if state in usually}
    for dataset, standing in known.standings.items():
        state = standing.decision.state
        limit = limits.get(state.name) if state else None
        if limit is not None and now - standing.since > limit and (RemarkKind.IGNORED, dataset) not in known.remarks:
            yield standing


def in_words(span: timedelta) -> str:
    """In the largest unit of which it is two or more, rounded down: `12 d`, `30 h`, `1 s`."""
    seconds = int(span.total_seconds())
    name, size = next(((name, size) for name, size in _UNITS if seconds >= 2 * size), _UNITS[-1])
    return f"{seconds // size:,} {name}"
