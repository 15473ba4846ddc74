"""What is told of each dataset beyond its row in a table, and how the numbers of datasets came to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from app.domain.lifecycle import Seen
from app.domain.model import (
    Decision,
    Entry,
    Known,
    KnownProblem,
    Remark,
    RemarkKind,
    Secret,
    Standing,
    State,
    StateChange,
    Verdict,
)
from app.domain.overview import (
    STALE,
    Layout,
    Row,
    Table,
    View,
    rows,
    shown,
    state_name,
    tabs,
    unnamed,
    web_link,
    with_true,
)
from app.domain.problems import on_problem

DAYS, STEPS = timedelta(days=90), 90
"""How far back the counts go, and in how many steps at most."""

Told = TypeVar("Told", Decision, StateChange)

YESTERDAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a production database said of a dataset when it was last asked; `entry` None: it does not have it."""

    authority: str
    entry: Entry | None
    asked: datetime | None


@dataclass(frozen=True, slots=True)
class Detail:
    """All that is known of one dataset. `seen` is furthest first, `history` oldest first; `ignored`: what a curator
    said, where it is shown greyed."""

    dataset: str
    standing: Standing
    title: str = ""
    link: str = ""
    organisms: tuple[str, ...] = ()
    curators: tuple[str, ...] = ()
    seen: tuple[Seen, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    listed: tuple[Listed, ...] = ()
    history: tuple[StateChange, ...] = ()
    problems: tuple[KnownProblem, ...] = ()
    ignored: Remark | None = None


@dataclass(frozen=True, slots=True)
class OverTime:
    """How many datasets stood in each state (its name) at each of these moments."""

    moments: tuple[datetime, ...] = ()
    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Overview:
    """What outputs are given: the tables as they stood at `as_of`, and what stands behind them. `states` are the
    names of all, in order; `moves` the changes since yesterday (from, to, how many); `stale` the sources that
    could not be read."""

    tables: tuple[Table, ...]
    as_of: datetime | None = None
    states: tuple[str, ...] = ()
    details: Sequence[Detail] = ()
    over_time: OverTime = OverTime()
    moves: tuple[tuple[str, str, int], ...] = ()
    stale: frozenset[str] = frozenset()
    layout: str = ""
    """a digest of how the site wants to see it, and by which version it is shown"""
    since: datetime | None = None
    """where the dataset tabs tell of some datasets only: when the others stood as they do now"""
    quiet: bool = False
    """whether nothing but time has changed since then"""


def over_time(changes: Iterable[StateChange], at: datetime) -> OverTime:
    """From the changes of all datasets, oldest first: steps of equal length, the last one ending now."""
    changes = [change for change in changes if change.at <= at]
    if not changes:
        return OverTime()
    first = max(changes[0].at, at - DAYS)
    moments = tuple(first + (at - first) * step / STEPS for step in range(STEPS + 1))
    standing: Counter[str] = Counter()
    counts: dict[str, list[int]] = {}
    left = iter([*changes, None])
    change = next(left)
    for told, moment in enumerate(moments):
        while change is not None and change.at <= moment:
            _move(standing, change.before, -1)
            _move(standing, change.after, 1)
            change = next(left)
        for state in standing:
            counts.setdefault(state, [0] * told).append(standing[state])
    return OverTime(moments, {state: tuple(steps) for state, steps in counts.items()})


def _move(standing: Counter[str], state: State | None, by: int) -> None:
    if state is not None:
        standing[state.name] += by


def moves(changes: Iterable[StateChange], at: datetime) -> tuple[tuple[str, str, int], ...]:
    """What moved in the day before this moment: from which state to which, and how many; what is new before what
    is further on, what is gone last."""
    recent = [change for change in changes if at - YESTERDAY < change.at <= at]
    found = Counter((change.before, change.after) for change in recent)
    ordered = sorted(found.items(), key=lambda item: (_rank(item[0][1], 99), _rank(item[0][0], -1)))
    return tuple((state_name(a, "new"), state_name(b, "gone"), count) for (a, b), count in ordered)


def _rank(state: State | None, otherwise: int) -> int:
    return otherwise if state is None else state.rank


# --------------------------------------------------------------------------- all of it


def overview(
    view: View, layout: Layout, changes: Sequence[StateChange] | None, keys: Mapping[str, Secret] | None = None
) -> Overview:
    """What outputs are given. `changes`: all there ever were, of all datasets, newest first; None: nobody will look
    behind the tables. `keys`: dataset -> access key, for links that may be shown to whoever holds the tables."""
    known, at = shown(view), view.known.at
    found = rows(known, layout, keys or {}, view.only)
    tables = tabs(found, known, view, layout)
    if at is None:
        return Overview(tables)
    states = [state.name for state in layout.lifecycle.states]
    retired = {row.state.name for row in found}.difference(states)
    if changes is None:
        return Overview(tables, at, (*sorted(retired), *states))
    changes = changes[::-1]
    return Overview(
        tables,
        at,
        (*sorted(retired), *states),
        tuple(_details(found, known, view, layout, changes)),
        over_time(changes, at),
        moves(changes, at),
        frozenset(entry.problem.source for entry in known.problems if entry.problem.code in STALE),
    )


def as_it_was(overview: Overview, at: datetime) -> Overview:
    """The same under names that say when that was, with what curators had then as part of it."""
    told = f" as of {at:%Y-%m-%d %H:%M:%S}"
    tables = tuple(replace(table, name=table.name + told, curators=()) for table in overview.tables)
    return replace(overview, tables=tables)


def _details(
    found: Sequence[Row], known: Known, view: View, layout: Layout, changes: Sequence[StateChange]
) -> Iterator[Detail]:
    """Of every dataset that is somewhere, then of those that are gone and among the newest changes."""
    histories: dict[str, list[StateChange]] = {}
    for change in changes:
        histories.setdefault(change.dataset, []).append(_with_sentence(change, unnamed(change.sentence, view.left_out)))
    wrong: dict[str, list[KnownProblem]] = {}
    for entry, true in with_true(known, view):
        remark = on_problem(true, known.remarks)
        wrong.setdefault(entry.problem.dataset, []).append(replace(entry, remark=remark) if remark else entry)

    def detail(dataset: str, standing: Standing, **more: Any) -> Detail:
        decision = _with_sentence(standing.decision, unnamed(standing.decision.sentence, view.left_out))
        history, problems = tuple(histories.get(dataset, ())), tuple(wrong.get(dataset, ()))
        more |= {"history": history, "problems": problems, "ignored": known.remarks.get((RemarkKind.IGNORED, dataset))}
        return Detail(dataset, replace(standing, decision=decision), **more)

    for row in found:
        yield detail(
            row.dataset,
            row.standing,
            title=row.metadata.title,
            link=web_link(row),
            organisms=row.metadata.organisms,
            curators=row.metadata.curators,
            seen=row.seen,
            verdicts=row.verdicts,
            listed=tuple(_listed(known, layout, row)),
        )
    for dataset in sorted({change.dataset for change in view.changes}):
        standing = known.standings.get(dataset)
        if standing is not None and standing.decision.state is None:
            yield detail(dataset, standing)


def _with_sentence(told: Told, sentence: str) -> Told:
    """The same one where the sentence is the same: it mostly is, and there are many."""
    return told if sentence == told.sentence else replace(told, sentence=sentence)


def _listed(known: Known, layout: Layout, row: Row) -> Iterator[Listed]:
    """What the databases of its technology say, and every other one that has it."""
    for authority, tech in layout.techs.items():
        entry = known.entries.get(authority, {}).get(row.dataset)
        if authority in known.asked and (entry or tech in row.tech):
            yield Listed(authority, entry, known.asked[authority])
