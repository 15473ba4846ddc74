"""What is told of a run: readable, and quickly so however much went wrong."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.catalogue import Change, Fault, LogEntry
from app.domain.harvest import Window
from app.domain.model import Counters, LogStatus, Severity
from app.domain.runlog import RunLog, Tally, advice, asked, summary
from app.errors import SourceError
from tests.harvest.scripted import Desk, record, records

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DOWN = SourceError("catalogue", "", "it answered 503")


def log(status: LogStatus = LogStatus.SUCCEEDED, **more: object) -> RunLog:
    given = {name: more.pop(name) for name in list(more) if name in LogEntry.__dataclass_fields__}
    entry = LogEntry(7, "catalogue", Window(FIRST, FIRST + timedelta(days=1)), status, **given)  # type: ignore[arg-type]
    return RunLog(entry, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", LogStatus)
def test_every_status_is_a_sentence(status: LogStatus) -> None:
    text = summary(log(status, counters=Counters(seen=1_234), error_message="it answered 503"))
    assert text[0].isupper() and text.endswith(".")
    if status in (LogStatus.SUCCEEDED, LogStatus.FAILED, LogStatus.CANCELLED):
        assert "1,234 records" in text


def test_what_was_asked_is_told_as_a_person_would() -> None:
    assert asked(log()) == "all records of catalogue, 2026-01-01 to 2026-01-02"
    assert (
        asked(log(whole=False, asked={"limit": 1, "superfluous": True, "transform": False}))
        == "at most 1 record of catalogue, 2026-01-01 to 2026-01-02; also what was read before; only to keep it, not to"
        " understand it"
    )


def test_there_is_advice_where_something_is_to_be_done_and_none_else() -> None:
    assert advice(log(counters=Counters(seen=5, new=5))) == []
    assert "read again with the next run" in advice(log(LogStatus.FAILED, failures=1))[0]
    assert "unless somebody says --force" in advice(log(LogStatus.FAILED, failures=5))[0]
    assert "2 records could not be used" in advice(log(problems=[Tally(Severity.ERROR, "has no title", 2)]))[0]
    assert advice(log(problems=[Tally(Severity.WARNING, "is odd", 2)])) == []


def test_a_log_has_samples_of_what_changed_and_counts_of_what_is_wrong(desk: Desk) -> None:
    desk.one(records(range(10)))
    faults = [Fault(f"F-{n}", "is odd", Severity.WARNING) for n in range(5)]
    shows = [
        *records(range(2, 4), "other"),
        *records(range(4, 10)),
        *records(range(10, 15)),
        record("B", "bad"),
        *faults,
    ]
    entry = desk.one(shows)
    found = desk.store.harvests.log(entry.id)
    assert found is not None
    assert found.entry == entry
    assert {change: [*some] for change, some in found.samples.items()} == {
        Change.NEW: ["R-10", "R-11", "R-12"],
        Change.CHANGED: ["R-2", "R-3"],
        Change.GONE: ["R-0", "R-1"],
    }
    assert [*found.problems] == [
        Tally(Severity.ERROR, "has no good title", 1, ("B",)),
        Tally(Severity.ERROR, "has no date", 1, ("B",)),
        Tally(Severity.WARNING, "is odd", 5, ("F-0", "F-1", "F-2")),
    ]
    assert desk.store.harvests.log(999) is None


def test_runs_that_failed_one_after_the_other_are_counted(desk: Desk) -> None:
    for shows in ([DOWN], records([1]), [DOWN], [DOWN]):
        entry = desk.one(shows)
    found = desk.store.harvests.log(entry.id)
    assert found is not None and found.failures == 2 and "Traceback" in found.traceback


def test_logs_are_listed_newest_first_and_by_source_and_status(desk: Desk) -> None:
    entries = [desk.one(shows) for shows in (records([1]), [DOWN], records([1]))]
    harvests = desk.store.harvests
    assert [entry.id for entry in harvests.logs()] == [entry.id for entry in reversed(entries)]
    assert [entry.id for entry in harvests.logs("catalogue", [LogStatus.FAILED])] == [entries[1].id]
    assert len(harvests.logs(limit=2)) == 2
    assert harvests.logs("nowhere") == []


def test_very_many_problems_are_counted_and_paged(desk: Desk) -> None:
    """100,000 of them, of 30 kinds."""
    kinds = itertools.cycle(f"is odd in way {n}" for n in range(30))
    entry = desk.one([Fault(f"F-{n}", next(kinds)) for n in range(100_000)])
    assert entry.counters.failed == 100_000
    found = desk.store.harvests.log(entry.id)
    assert found is not None
    assert (len(found.problems), found.kinds) == (20, 30)
    assert sum(tally.count for tally in found.problems) > 60_000
    paged = desk.store.harvests.problems(entry.id)
    assert next(paged).identifier == "F-0"
    assert sum(1 for _ in paged) == 99_999
    assert sum(1 for _ in desk.store.harvests.problems(entry.id, "is odd in way 7")) == 3_334
