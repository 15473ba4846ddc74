"""Which part of a source is read, and whether: a table of cases, and what holds of all."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.harvest import (
    LONGEST_PAUSE,
    Opening,
    Outside,
    Plan,
    Window,
    chunks,
    left,
    missing,
    next_whole,
    opening,
    outside,
    pause,
    plan,
    refusal,
)
from app.domain.model import LogStatus

CREATED, STARTED, SPLIT, SUCCEEDED, FAILED, RESCHEDULED, SKIPPED, CANCELLED = LogStatus

DAY = timedelta(days=1)
FIRST = datetime(2017, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return FIRST + number * DAY


def window(start: float, end: float) -> Window:
    return Window(day(start), day(end))


numbers = st.integers(0, 60)
windows = st.tuples(numbers, numbers).filter(lambda ends: ends[0] < ends[1]).map(lambda ends: window(*ends))


# --------------------------------------------------------------------------- windows


def test_a_window_begins_before_it_ends_and_holds_its_start_alone() -> None:
    assert day(1) in window(1, 2)
    assert day(2) not in window(1, 2)
    for start, end in ((1, 1), (2, 1)):
        with pytest.raises(ValueError, match="must begin before it ends"):
            window(start, end)


def test_a_window_is_told_as_briefly_as_it_can_be() -> None:
    assert str(window(0, 1)) == "2017-01-01 to 2017-01-02"
    assert str(window(0.5, 1)) == "2017-01-01 12:00:00 to 2017-01-02"


@pytest.mark.parametrize(
    "done, rest",
    [
        ([], [(10, 20)]),
        ([(0, 10), (20, 30)], [(10, 20)]),
        ([(10, 20)], []),
        ([(0, 30)], []),
        ([(10, 15), (15, 20)], []),
        ([(12, 14)], [(10, 12), (14, 20)]),
        ([(8, 12), (18, 22)], [(12, 18)]),
        ([(11, 19), (12, 13)], [(10, 11), (19, 20)]),
        ([(18, 19), (11, 12)], [(10, 11), (12, 18), (19, 20)]),
    ],
)
def test_what_was_done_is_cut_out(done: Sequence[tuple[int, int]], rest: Sequence[tuple[int, int]]) -> None:
    assert left(window(10, 20), [window(*ends) for ends in done]) == [window(*ends) for ends in rest]


@given(windows, st.lists(windows, max_size=6))
def test_what_is_left_and_what_was_done_are_all_and_share_nothing(wanted: Window, done: list[Window]) -> None:
    rest = left(wanted, done)
    for number in range(61):
        is_left = [each for each in rest if day(number) in each]
        assert len(is_left) == (day(number) in wanted and not any(day(number) in each for each in done))


@given(windows, st.integers(1, 70))
def test_chunks_follow_each_other_and_all_but_the_last_are_whole(wanted: Window, length: int) -> None:
    parts = chunks(wanted, length * DAY)
    assert (parts[0].start, parts[-1].end) == (wanted.start, wanted.end)
    assert [part.end for part in parts[:-1]] == [part.start for part in parts[1:]]
    assert {part.end - part.start for part in parts[:-1]} <= {length * DAY}
    assert parts[-1].end - parts[-1].start <= length * DAY


def test_what_is_read_whole_begins_where_it_last_ended() -> None:
    assert next_whole(day(3), day(5)) == window(3, 5)
    assert next_whole(None, day(5)) == window(4, 5)
    assert next_whole(None, day(5), day(1)) == window(1, 5)
    assert next_whole(day(5), day(5)) is None, "as after the clock was put back"
    assert next_whole(day(6), day(5)) is None


# --------------------------------------------------------------------------- the scheduler


@pytest.mark.parametrize(
    "days, last, cutoff, logs",
    [
        pytest.param(1, datetime(2016, 1, 1, tzinfo=UTC), FIRST, 367, id="daily for a year"),
        pytest.param(7, FIRST, datetime(2017, 1, 8, tzinfo=UTC), 2, id="weekly to 01-08"),
        pytest.param(7, FIRST, datetime(2017, 1, 9, tzinfo=UTC), 2, id="weekly to 01-09"),
        pytest.param(30, FIRST, datetime(2017, 3, 2, tzinfo=UTC), 3, id="monthly to 03-02"),
        pytest.param(1, FIRST, FIRST, 1, id="again"),
        pytest.param(1, FIRST, FIRST - 9 * DAY, 1, id="an earlier cutoff"),
    ],
)
def test_known_answers(days: int, last: datetime, cutoff: datetime, logs: int) -> None:
    """How many logs there are once they are scheduled, with the one that ended at `last`."""
    found = missing(days * DAY, cutoff, last=last)
    assert 1 + len(found) == logs
    assert found == sorted(found)
    if found:
        assert found[0].start == last
        assert missing(days * DAY, cutoff, last=found[-1].end) == []


def test_without_a_log_it_is_one_interval_or_all_since_the_earliest_date() -> None:
    assert missing(DAY, day(9), last=None) == [window(8, 9)]
    assert missing(DAY, day(9), last=None, earliest=day(6)) == [window(6, 7), window(7, 8), window(8, 9)]
    assert missing(7 * DAY, day(9), last=day(8), earliest=day(0)) == [window(0, 7)]


def test_what_is_read_whole_is_read_once_however_much_was_missed() -> None:
    assert missing(DAY, day(9.5), last=day(2), dated=False) == [window(2, 9)]
    assert missing(7 * DAY, day(8), last=day(2), dated=False) == []


@given(numbers, st.integers(1, 9), st.lists(st.floats(0, 60), max_size=5))
def test_however_often_it_is_scheduled_the_windows_are_the_same(start: int, length: int, cutoffs: list[float]) -> None:
    last, made = day(start), list[Window]()
    for cutoff in cutoffs:
        made += missing(length * DAY, day(cutoff), last=last)
        last = max([last, *(each.end for each in made)])
    at_once = missing(length * DAY, day(max(cutoffs)), last=day(start)) if cutoffs else []
    assert made == at_once


# --------------------------------------------------------------------------- whether


@pytest.mark.parametrize(
    "given, why",
    [
        ({}, ""),
        ({"enabled": False}, "s is disabled"),
        ({"deleted": True}, "s was deleted"),
        ({"enabled": False, "ignore_disabled": True}, ""),
        ({"deleted": True, "ignore_disabled": True}, ""),
        ({"enabled": False, "force": True}, ""),
        ({"latest": [FAILED] * 4}, ""),
        ({"latest": [FAILED] * 5}, "the last 5 runs of s failed"),
        ({"latest": [FAILED] * 4 + [SUCCEEDED, FAILED]}, ""),
        ({"latest": [FAILED] * 5 + [SUCCEEDED]}, "the last 5 runs of s failed"),
        ({"latest": [SUCCEEDED] + [FAILED] * 5}, ""),
        ({"latest": [FAILED, CANCELLED, FAILED, CREATED, FAILED, RESCHEDULED, FAILED, SKIPPED, FAILED]}, "the last 5"),
        ({"latest": [FAILED] * 5, "force": True}, ""),
        ({"latest": [FAILED] * 5, "ignore_disabled": True}, "the last 5 runs of s failed"),
        ({"latest": [FAILED] * 5, "exempt": True}, ""),
        ({"enabled": False, "exempt": True}, "s is disabled"),
    ],
)
def test_a_source_that_is_not_to_be_read_is_refused(given: dict[str, object], why: str) -> None:
    said = refusal("s", **{"enabled": True, "deleted": False, **given})  # type: ignore[arg-type]
    assert said.startswith(why) and bool(said) == bool(why)


@pytest.mark.parametrize(
    "status, superfluous, done",
    [
        (None, False, Opening.BEGIN),
        (None, True, Opening.BEGIN),
        *((status, False, Opening.BEGIN) for status in (CREATED, SPLIT, FAILED, RESCHEDULED, CANCELLED)),
        (STARTED, False, Opening.TAKE_OVER),
        (STARTED, True, Opening.TAKE_OVER),
        (SUCCEEDED, False, Opening.SKIP),
        (SKIPPED, False, Opening.SKIP),
        (SUCCEEDED, True, Opening.BEGIN),
        (SKIPPED, True, Opening.BEGIN),
    ],
)
def test_what_is_done_about_a_log(status: LogStatus | None, superfluous: bool, done: Opening) -> None:
    assert opening(status, superfluous=superfluous) is done


@pytest.mark.parametrize(
    "how, planned",
    [
        ({}, Plan((window(0, 10),))),
        ({"done": [window(0, 10)]}, Plan(skipped=window(0, 10))),
        ({"done": [window(0, 10)], "optimize": False}, Plan((window(0, 10),))),
        ({"done": [window(0, 10)], "superfluous": True}, Plan((window(0, 10),))),
        ({"done": [window(2, 4)]}, Plan((window(0, 2), window(4, 10)))),
        ({"length": 10.5 * DAY}, Plan((window(0, 10),))),
        ({"length": 10 * DAY}, Plan((window(0, 10),))),
        ({"length": 4 * DAY}, Plan((window(0, 4), window(4, 8), window(8, 10)), split=window(0, 10))),
        (
            {"length": 4 * DAY, "done": [window(3, 5)]},
            Plan((window(0, 3), window(5, 9), window(9, 10)), split=window(0, 10)),
        ),
        ({"length": 4 * DAY, "dated": False, "done": [window(0, 10)]}, Plan((window(0, 10),))),
    ],
)
def test_plans(how: dict[str, object], planned: Plan) -> None:
    assert plan(window(0, 10), **how) == planned  # type: ignore[arg-type]


# --------------------------------------------------------------------------- again, and records


def test_a_lock_is_asked_for_later_and_later_but_not_too_late() -> None:
    assert [pause(n, chance=_Least()) for n in (1, 2, 3, 9, 10, 1_000_000)] == [2, 4, 8, 512, 900, 900]
    assert 900 < pause(20) < 2 * LONGEST_PAUSE


class _Least(random.Random):
    def random(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    "at, how",
    [
        (1, Outside.NOT),
        (1.99, Outside.NOT),
        (2, Outside.SLIGHTLY),
        (3, Outside.SLIGHTLY),
        (3.01, Outside.FAR),
        (0.99, Outside.SLIGHTLY),
        (0, Outside.SLIGHTLY),
        (-0.01, Outside.FAR),
    ],
)
def test_a_datestamp_outside_what_was_asked_for(at: float, how: Outside) -> None:
    assert outside(day(at), window(1, 2)) is how
