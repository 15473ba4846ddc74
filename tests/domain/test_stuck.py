"""Which datasets stay longer than is usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.model import Known, KnownSource, Lifecycle, Remark, RemarkKind, Standing
from app.domain.stuck import Stuck, Usual, in_words, stuck, usual
from tests.domain.builders import DAY, DAY_1, STATES, sighting, standing, standings

NOW = DAY_1 + 100 * DAY
LOADING = {"loading": [DAY * n for n in range(1, 11)]}
"""Nine of these ten took no longer than 9 days."""


def stays(*days: float) -> dict[str, list[timedelta]]:
    return {"loading": [timedelta(days=each) for each in days]}


def at(state: str | None, days: float, dataset: str = "E-MTAB-1", **more: str) -> Standing:
    """In that state for so many days."""
    return replace(standing(state, dataset, **more), since=NOW - timedelta(days=days))


def late(
    *those: Standing, took: Mapping[str, list[timedelta]] = LOADING, longer_than: float | None = None
) -> list[str]:
    limit = None if longer_than is None else timedelta(days=longer_than)
    return [one.dataset for one in stuck(standings(*those), took, STATES, NOW, limit)]


# --------------------------------------------------------------------------- what is usual


@pytest.mark.parametrize(
    ("days", "median", "p90"),
    [
        ((1, 2, 3, 4, 5), 3, 5),
        ((5, 3, 1, 4, 2), 3, 5),
        ((1, 2, 3, 4, 5, 6), 3, 6),
        (range(1, 10), 5, 9),
        (range(1, 11), 5, 9),
        (range(1, 12), 6, 10),
        (range(1, 101), 50, 90),
        ((2, 2, 2, 2, 9), 2, 9),
    ],
)
def test_what_is_usual_is_told_by_stays_that_there_were(days: tuple[int, ...], median: int, p90: int) -> None:
    assert usual(stays(*days)) == {"loading": Usual(len(days), DAY * median, DAY * p90)}


def test_fewer_than_five_stays_tell_nothing() -> None:
    assert usual({**stays(1, 2, 3, 4), "analysing": []}) == {}


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(days=12, hours=23), "12 d"),
        (timedelta(days=2), "2 d"),
        (timedelta(days=1, hours=23, minutes=59), "47 h"),
        (timedelta(hours=1, minutes=59), "119 min"),
        (timedelta(minutes=2), "2 min"),
        (timedelta(seconds=119), "119 s"),
        (timedelta(seconds=1), "1 s"),
        (timedelta(milliseconds=5), "0 s"),
        (timedelta(days=1500), "1,500 d"),
    ],
)
def test_a_span_is_told_in_the_largest_unit_of_which_there_are_two(span: timedelta, words: str) -> None:
    assert in_words(span) == words


def test_what_is_usual_in_words() -> None:
    assert str(Usual(31, 4 * DAY, 12 * DAY)) == "longer than 12 d, as 9 of 10 were over by then; usually 4 d (of 31)"


# --------------------------------------------------------------------------- who is stuck


@pytest.mark.parametrize(("days", "found"), [(9.01, ["E-MTAB-1"]), (9, []), (1, [])])
def test_a_stay_longer_than_nine_of_ten_is_stuck(days: float, found: list[str]) -> None:
    assert late(at("loading", days)) == found


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("external", False),
        ("incoming", True),
        ("loading", True),
        ("analysing", True),
        ("processed", True),
        ("published_dev", True),
        ("published", False),
        ("retired", False),
        (None, False),
    ],
)
@pytest.mark.parametrize("longer_than", [None, 9.0])
def test_only_under_way_a_long_stay_is_a_delay(state: str | None, found: bool, longer_than: float | None) -> None:
    took = {str(state): LOADING["loading"]}
    assert bool(late(at(state, 50), took=took, longer_than=longer_than)) is found


def test_a_site_without_external_has_its_states_under_way_but_the_last() -> None:
    states = Lifecycle.of(("loading", "published"))
    known = standings(at("loading", 50), at("published", 50, "E-MTAB-2"))
    here = {d: replace(s, decision=replace(s.decision, state=states.state(str(s.decision.state))))
            for d, s in known.standings.items()}  # fmt: skip
    found = stuck(replace(known, standings=here), {**LOADING, "published": LOADING["loading"]}, states, NOW)
    assert [one.dataset for one in found] == ["E-MTAB-1"]


@pytest.mark.parametrize("took", [{}, stays(1, 1, 1, 1)])
def test_where_nothing_is_usual_nothing_is_stuck(took: dict[str, list[timedelta]]) -> None:
    assert late(at("loading", 50), took=took) == []


@pytest.mark.parametrize(("longer_than", "found"), [(4, ["E-MTAB-1"]), (5, []), (60, [])])
@pytest.mark.parametrize("took", [{}, LOADING, stays(90, 90, 90, 90, 90)])
def test_a_limit_that_is_named_counts_whatever_is_usual(
    took: dict[str, list[timedelta]], longer_than: float, found: list[str]
) -> None:
    assert late(at("loading", 5), took=took, longer_than=longer_than) == found


def test_the_longest_come_first_then_by_name() -> None:
    those = [at("loading", days, d) for d, days in {"E-4": 20, "E-2": 30, "E-3": 20, "E-1": 9}.items()]
    assert late(*those) == ["E-2", "E-3", "E-4"]


def test_ignored_datasets_are_left_out() -> None:
    known = standings(at("loading", 50), at("loading", 50, "E-MTAB-2"))
    ignored = Remark(RemarkKind.IGNORED, "E-MTAB-2", "Why", "wren", DAY_1)
    other = replace(ignored, kind=RemarkKind.DISMISSED, subject="E-MTAB-1")
    known = replace(known, remarks={(each.kind, each.subject): each for each in (ignored, other)})
    assert [one.dataset for one in stuck(known, LOADING, STATES, NOW)] == ["E-MTAB-1"]


def test_who_is_stuck_is_told_with_all_that_one_needs_to_look_after_it() -> None:
    """Its curators are those of its files, wherever they are furthest."""
    places = {"external": "external", "loading": "loading..published", "other": "loading"}
    said = {"external": ("heron",), "loading": (), "other": ("wren", "siskin")}
    known = Known(
        sources={name: KnownSource(name, name, "filesystem", {"stage": s.split("..")}) for name, s in places.items()},
        sightings={name: {"E-MTAB-1": sighting(source=name, curators=names)} for name, names in said.items()},
        standings={"E-MTAB-1": at("loading", 50, location="/atlas/loading/E-MTAB-1")},
    )
    assert stuck(known, LOADING, STATES, NOW) == [
        Stuck(
            "E-MTAB-1",
            "loading",
            NOW - 50 * DAY,
            50 * DAY,
            ("wren", "siskin"),
            "/atlas/loading/E-MTAB-1",
            Usual(10, 5 * DAY, 9 * DAY),
        )
    ]
    (unusual,) = stuck(known, {}, STATES, NOW, DAY)
    assert unusual.usual is None


def test_what_only_a_database_knows_has_no_curators() -> None:
    assert [one.curators for one in stuck(standings(at("loading", 50)), LOADING, STATES, NOW)] == [()]


def test_nobody_is_stuck_within_a_day_however_quick_the_others_were() -> None:
    quick = Usual(9, timedelta(minutes=2), timedelta(minutes=5))
    assert quick.limit == DAY
    assert str(quick) == "longer than 24 h, as 9 of 10 were over by then; usually 2 min (of 9)"
