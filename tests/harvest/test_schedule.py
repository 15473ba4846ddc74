"""What is planned, as it is kept; and that it is what is read then."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from app.domain.harvest import Window
from app.domain.model import LogStatus
from app.domain.schedule import Schedule
from app.store.sql import SqlStore
from tests.harvest.scripted import Desk, Scripted, counted, records

CREATED, STARTED, SPLIT, SUCCEEDED, FAILED, RESCHEDULED, SKIPPED, CANCELLED = LogStatus

DAY = timedelta(days=1)


def at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def desk_of(store: SqlStore, *, dated: bool = True, last: datetime | None = None, **terms: object) -> Desk:
    """With one log, that ended then."""
    desk = Desk(store, Scripted(dated=dated), **terms)
    if last is not None:
        desk.one(start=last - DAY, end=last)
    return desk


def logs(desk: Desk) -> int:
    return desk.counts()["harvest_log"]


@pytest.mark.parametrize(
    ("days", "last", "cutoffs", "totals"),
    [
        (1, at(2016, 1, 1), [at(2017, 1, 1), at(2017, 1, 1), at(2016, 6, 1)], [367, 367, 367]),
        (7, at(2017, 1, 1), [at(2017, 1, 8), at(2017, 1, 9)], [2, 2]),
        (30, at(2017, 1, 1), [at(2017, 3, 2), at(2017, 3, 2)], [3, 3]),
    ],
    ids=["daily", "weekly", "monthly"],
)
def test_the_logs_that_are_missing_are_made_once(
    store: SqlStore, days: int, last: datetime, cutoffs: list[datetime], totals: list[int]
) -> None:
    desk = desk_of(store, last=last, interval=days * DAY)
    for cutoff, total in zip(cutoffs, totals, strict=True):
        before = logs(desk)
        assert desk.schedule(cutoff) == total - before
        assert logs(desk) == total


def test_what_is_planned_is_read_in_order_and_once(store: SqlStore) -> None:
    desk = desk_of(store, last=at(2026, 1, 1))
    desk.catalogue.asked.clear()
    assert desk.schedule(at(2026, 1, 4, 12)) == 3
    done = desk.harvest()
    wanted = [Window(at(2026, 1, n), at(2026, 1, n + 1)) for n in (1, 2, 3)]
    assert [log.window for log in done] == desk.catalogue.asked == wanted
    assert {log.status for log in done} == {SUCCEEDED}
    assert desk.schedule(at(2026, 1, 4, 12)) == 0


def test_all_is_planned_since_the_earliest_date_if_it_is_to_be_read_in_full(store: SqlStore) -> None:
    desk = desk_of(store, last=at(2026, 1, 5), since=at(2026, 1, 1))
    assert desk.schedule(at(2026, 1, 5)) == 3, "the fourth day was read"
    assert desk.schedule(at(2026, 1, 6)) == 1
    assert desk.schedule(at(2026, 1, 6)) == 0


def test_between_the_moments_of_cron_text(store: SqlStore) -> None:
    schedule = Schedule.of("0 6,18 * * *")
    desk = desk_of(store, last=at(2026, 1, 1), interval=lambda moment: schedule.after(moment, moment))
    assert desk.schedule(at(2026, 1, 2, 7)) == 3
    windows = desk.store.harvests.windows("catalogue", desk.catalogue.version, [CREATED])
    moments = [at(2026, 1, 1), at(2026, 1, 1, 6), at(2026, 1, 1, 18), at(2026, 1, 2, 6)]
    assert windows == [*map(Window, moments, moments[1:])]


def test_what_is_read_whole_is_planned_once_and_read_whole(store: SqlStore) -> None:
    desk = desk_of(store, dated=False)
    desk.one(records(range(3)))
    assert desk.schedule(desk.clock() + 3 * DAY) == 0, "nobody knows what it will show"
    desk.clock.now += 3 * DAY
    assert desk.schedule(desk.clock()) == 1
    desk.clock.now += 3 * DAY
    assert desk.schedule(desk.clock()) == 0, "one is waiting"
    done = desk.one(records(range(1, 4)))
    assert counted(done) == {"seen": 3, "new": 1, "unchanged": 2, "gone": 1}
    assert desk.store.harvests.windows("catalogue", desk.catalogue.version, [CREATED]) == []


def test_nothing_is_planned_before_the_time_of_day_that_suits_the_source(store: SqlStore) -> None:
    desk = desk_of(store, last=at(2026, 1, 1), after=time(22))
    assert desk.schedule(at(2026, 1, 3, 21)) == 0
    assert desk.schedule(at(2026, 1, 3, 22)) == 2
