"""When something is due again: told by known answers, and by what holds of every schedule."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.schedule import Appointment, Schedule, Timetable

LONDON = ZoneInfo("Europe/London")
START = datetime(2026, 3, 1, 6, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("every 8 hours", 28_800),
        ("every 1 second", 1),
        ("every day", 86_400),
        ("Every  2  Weeks", 1_209_600),
        ("every 90 minutes", 5_400),
    ],
)
def test_an_interval_is_written_in_words(text: str, seconds: int) -> None:
    assert Schedule.of(text).every == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "8 hours", "every 0 hours", "every -1 hours", "every fortnight", "0 6 * *", "0 0 30 2 *", "61 * * * *"]
)
def test_what_is_no_schedule_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a schedule; allowed: `every 8 hours` .*, or cron's five fields"):
        Schedule.of(text)


@pytest.mark.parametrize(
    "text, moment, due",
    [
        ("every 8 hours", "2026-03-01 06:00", "2026-03-01 14:00"),
        ("every 8 hours", "2026-03-01 13:59:59.999999", "2026-03-01 14:00"),
        ("every 8 hours", "2026-03-03 00:07", "2026-03-03 06:00"),
        ("every 8 hours", "2026-02-28 23:00", "2026-03-01 06:00"),
        ("0 6,14,22 * * *", "2026-03-01 06:00", "2026-03-01 14:00"),
        ("*/5 * * * *", "2026-03-01 06:01", "2026-03-01 06:05"),
        ("30 1 * * *", "2026-03-28 12:00", "2026-03-29 01:00"),  # no 01:30 in London: it is made up at once
        ("30 1 * * *", "2026-10-24 12:00", "2026-10-25 00:30"),  # two of them: only the first counts
        ("30 1 * * *", "2026-10-25 00:30", "2026-10-26 01:30"),
        ("0 12 * * *", "2026-07-01 12:00", "2026-07-02 11:00"),
    ],
)
def test_the_next_moment_is_a_multiple_or_a_time_of_the_zone(text: str, moment: str, due: str) -> None:
    assert Schedule.of(text, LONDON).after(at(moment), START) == at(due)


@given(
    text=st.sampled_from(["every 7 hours", "every 13 seconds", "every week", "*/7 3-5 * * 1", "0 0 29 2 *"]),
    moments=st.lists(st.datetimes(datetime(2020, 1, 1), datetime(2031, 1, 1)), min_size=2, max_size=2),
)
def test_every_next_moment_is_later_and_none_is_left_out(text: str, moments: list[datetime]) -> None:
    early, late = sorted(moment.replace(tzinfo=UTC) for moment in moments)
    schedule = Schedule.of(text, LONDON)
    due = schedule.after(early, START)
    assert early < due <= schedule.after(late, START)
    assert schedule.after(late, START) == due or due <= late


# --------------------------------------------------------------------------- the timetable

EIGHT = {"": Schedule.of("every 8 hours")}


def test_what_never_ran_is_due_at_once_and_then_at_multiples() -> None:
    table = Timetable(EIGHT, {}, START)
    assert table.due(START) == [""]
    assert table.made([""], START + timedelta(seconds=5)) == {
        "": Appointment("every 8 hours", START, START + timedelta(seconds=5))
    }
    assert (table.due(START + timedelta(hours=7.9)), dict(table.next)) == ([], {"": START + timedelta(hours=8)})
    assert table.due(START + timedelta(hours=8)) == [""]


def test_a_run_that_begins_late_or_takes_long_moves_no_other() -> None:
    table, now = Timetable(EIGHT, {}, START), START
    begun = []
    for late in (0, 3, 0, 7.9, 1):
        now = max(now, table.next[""]) + timedelta(hours=late)
        begun.append(now)
        table.made([""], now)
    assert [(begin - START) // timedelta(hours=8) for begin in begun] == [0, 1, 2, 3, 4]
    assert table.next[""] == START + timedelta(hours=40)


def test_what_was_missed_is_made_up_once() -> None:
    kept = {"": Appointment("every 8 hours", START, START)}
    now = START + timedelta(days=3, hours=1)
    table = Timetable(EIGHT, kept, now)
    assert table.due(now) == [""]
    table.made([""], now)
    assert (table.due(now + timedelta(hours=6)), table.next[""]) == ([], START + timedelta(days=3, hours=8))


def test_what_was_not_missed_goes_on_where_it_was() -> None:
    kept = {"": Appointment("every 8 hours", START, START)}
    table = Timetable(EIGHT, kept, START + timedelta(hours=4))
    assert (table.due(START + timedelta(hours=4)), table.next[""]) == ([], START + timedelta(hours=8))


def test_a_new_text_holds_from_now_on_and_what_may_have_been_missed_is_made_up() -> None:
    kept = {"": Appointment("every day", START, START + timedelta(hours=3))}
    now = START + timedelta(hours=5)
    table = Timetable(EIGHT, kept, now)
    assert table.due(now) == [""]
    assert table.made([""], now)[""] == Appointment("every 8 hours", now, now)
    assert table.next[""] == now + timedelta(hours=8)


def test_a_clock_that_was_put_back_stops_nothing() -> None:
    later = START + timedelta(days=400)
    table = Timetable(EIGHT, {"": Appointment("every 8 hours", later, later)}, START)
    assert table.next[""] <= START + timedelta(hours=8)


def test_jitter_delays_each_by_chance_and_adds_nothing_up() -> None:
    jitter = timedelta(minutes=10)
    table, now, delays = Timetable(EIGHT, {}, START, jitter, random.Random(1)), START, []
    for number in range(1, 30):
        table.made([""], now)
        delays.append(table.next[""] - START - timedelta(hours=8 * number))
        now = table.next[""]
    assert len({*delays}) == 29
    assert all(timedelta(0) <= delay <= jitter for delay in delays)


def test_jobs_are_independent_of_each_other() -> None:
    table = Timetable({**EIGHT, "loading": Schedule.of("every hour")}, {}, START)
    table.made(["", "loading"], START)
    assert table.due(START + timedelta(hours=1)) == ["loading"]
    table.made(["loading"], START + timedelta(hours=1))
    assert table.due(START + timedelta(hours=8)) == ["", "loading"]


@pytest.mark.parametrize("text", ["every 53 weeks", "every 999999 weeks", "every 0 hours", "0 6 * * * *", "* * * *"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a schedule; allowed: `every 8 hours`"):
        Schedule.of(text)


@pytest.mark.parametrize("zone", ["Europe/London", "Australia/Lord_Howe", "America/Havana"])
@pytest.mark.parametrize("text", ["30 1 * * *", "*/20 * * * *", "0 0 * * *", "45 1,2 * * 0"])
def test_it_is_never_due_again_at_a_moment_that_has_been(zone: str, text: str) -> None:
    """Not in the hour that comes twice, either."""
    schedule = Schedule.of(text, ZoneInfo(zone))
    for change in (
        datetime(2026, 4, 4, tzinfo=UTC),
        datetime(2026, 10, 24, 12, tzinfo=UTC),
        datetime(2026, 11, 1, tzinfo=UTC),
    ):
        for minutes in range(0, 36 * 60, 7):
            moment = change + timedelta(minutes=minutes)
            assert schedule.after(moment, change) > moment


def test_a_clock_that_was_ahead_holds_nothing_up() -> None:
    """What ran in 2030 by a clock that was wrong is due again by the one that is right."""
    schedules, now = {"all": Schedule.of("every 8 hours")}, datetime(2026, 3, 1, tzinfo=UTC)
    table = Timetable(schedules, {"all": Appointment("every 8 hours", now)}, now)
    table.made(["all"], now.replace(year=2030))
    assert table.due(now) == []
    assert table.next["all"] == now + timedelta(hours=8)
    assert table.due(now + timedelta(hours=8)) == ["all"]
