"""The task, step by step: refused, locked, cut, split, begun, read, understood, ended; whatever happens on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from app.domain.catalogue import Asked, Fault, Kept
from app.domain.harvest import Window
from app.domain.model import LogStatus, Severity
from app.errors import Locked, Refused, SourceError
from app.program import Stopped
from app.store.sql import SqlStore
from tests.harvest.scripted import Desk, Scripted, counted, record, records

CREATED, STARTED, SPLIT, SUCCEEDED, FAILED, RESCHEDULED, SKIPPED, CANCELLED = LogStatus

DAY = timedelta(days=1)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DOWN = SourceError("catalogue", "https://example.org", "https://example.org answered 503")


def window(start: float, end: float) -> Window:
    return Window(FIRST + start * DAY, FIRST + end * DAY)


@pytest.fixture
def dated(store: SqlStore) -> Desk:
    return Desk(store, Scripted(dated=True))


def between(start: float, end: float) -> dict[str, Any]:
    return {"start": FIRST + start * DAY, "end": FIRST + end * DAY}


# --------------------------------------------------------------------------- 1, 2: refused


@pytest.mark.parametrize("what", ["enabled = false", "deleted = true"])
def test_a_source_that_is_disabled_or_deleted_is_refused_and_nothing_is_written(desk: Desk, what: str) -> None:
    desk.one(records([1]))
    with desk.store.database.writing() as transaction:
        transaction.execute(f"UPDATE source_config SET {what}")
    before = desk.counts()
    with pytest.raises(Refused, match=r"catalogue (is disabled|was deleted)"):
        desk.harvest(records([1, 2]))
    assert desk.counts() == before
    assert desk.one(ignore_disabled=True).status is SUCCEEDED
    assert desk.one(force=True).status is SUCCEEDED


def test_after_five_failures_it_is_no_longer_asked_unless_by_force_or_by_another_version(desk: Desk) -> None:
    for _ in range(5):
        assert desk.one([DOWN]).status is FAILED
    with pytest.raises(Refused, match="the last 5 runs of catalogue failed"):
        desk.harvest(records([1]))
    desk.catalogue.version = "001.000.001"
    assert desk.one().status is SUCCEEDED
    desk.catalogue.version = "001.000.000"
    with pytest.raises(Refused):
        desk.harvest()
    assert desk.one(force=True).status is SUCCEEDED
    assert desk.one().status is SUCCEEDED


# --------------------------------------------------------------------------- 3: locked


def test_while_another_has_the_lock_it_is_asked_for_later_and_later(desk: Desk) -> None:
    with desk.store.lock("harvest catalogue"), pytest.raises(Locked):
        desk.harvest(records([1]))
    assert len(desk.slept) == 4
    assert all(2**n <= slept <= 2 * 2**n for n, slept in enumerate(desk.slept, 1))
    assert desk.counts()["raw_datum"] == 0


def test_by_force_it_is_read_without_the_lock_which_is_said(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with desk.store.lock("harvest catalogue"):
        assert desk.one(records([1]), force=True).status is SUCCEEDED
    assert "it is read all the same, without the lock" in caplog.text


def test_of_two_that_read_at_once_neither_takes_for_gone_what_the_other_saw(desk: Desk) -> None:
    desk.one(records([1, 2]))
    kept = [Kept(told, digest := sha256(told.body or b"").digest(), digest) for told in records([1, 2])]
    harvests, version = desk.store.harvests, desk.catalogue.version
    first, second = (
        harvests.begin("catalogue", version, window(day, day + 1), Asked(), "0.1.0", desk.clock(), True)[0]
        for day in (1, 2)
    )
    for log in (second, first):
        harvests.keep(log, "catalogue", kept, [], version, None)
    assert [harvests.gone(log, "catalogue") for log in (second, first)] == [0, 0]


def test_what_was_locked_is_remembered_and_done_the_next_time(dated: Desk) -> None:
    with dated.store.lock("harvest catalogue"), pytest.raises(Locked):
        dated.harvest(records([1]), **between(0, 1))
    assert dated.rows("SELECT status FROM harvest_log") == [(RESCHEDULED.value,)]
    assert [(log.window, log.status) for log in dated.harvest()] == [(window(0, 1), SUCCEEDED)]


# --------------------------------------------------------------------------- 4: cut, and split


def test_what_was_read_is_not_read_again(dated: Desk) -> None:
    dated.harvest(records([1]), **between(2, 4))
    dated.harvest(**between(0, 10))
    assert dated.catalogue.asked == [window(2, 4), window(0, 2), window(4, 10)]
    dated.catalogue.asked.clear()
    (log,) = dated.harvest(**between(2, 4))
    assert (log.status, log.completions, dated.catalogue.asked) == (SKIPPED, 2, [])
    (log,) = dated.harvest(**between(2, 4), superfluous=True)
    assert (log.status, log.completions, dated.catalogue.asked) == (SUCCEEDED, 3, [window(2, 4)])
    (log,) = dated.harvest(**between(0, 10), optimize=False)
    assert (log.status, dated.catalogue.asked[1:]) == (SUCCEEDED, [window(0, 10)])


def test_what_failed_is_read_again(dated: Desk) -> None:
    assert dated.one([DOWN], **between(0, 1)).status is FAILED
    assert dated.one(records([1]), **between(0, 1)).status is SUCCEEDED


def test_what_is_long_is_split(store: SqlStore) -> None:
    desk = Desk(store, Scripted(dated=True), split=3 * DAY)
    logs = desk.harvest(records([1]), **between(0, 7))
    assert [log.window for log in logs] == [window(0, 3), window(3, 6), window(6, 7)]
    assert {log.status for log in logs} == {SUCCEEDED}
    assert desk.rows("SELECT status FROM harvest_log ORDER BY id") == [(SPLIT.value,), *[(SUCCEEDED.value,)] * 3]
    desk = Desk(store, Scripted(dated=True), split=3 * DAY)
    desk.harvest(records([1]), **between(7, 14), split=False)
    assert desk.catalogue.asked == [window(7, 14)]


def test_of_what_was_split_the_rest_is_done_the_next_time(store: SqlStore) -> None:
    desk = Desk(store, Scripted(dated=True), split=3 * DAY)
    with pytest.raises(Stopped):
        desk.harvest([Stopped(15)], **between(0, 7))
    desk.catalogue.asked.clear()
    desk.harvest(records([1]))
    assert desk.catalogue.asked == [window(3, 6), window(6, 7)]
    desk.harvest(**between(0, 7))
    assert desk.catalogue.asked[2:] == [window(0, 3)]


def test_what_is_read_whole_follows_on_what_was_read_before(desk: Desk) -> None:
    logs = [desk.one(shows) for shows in (records([1]), [DOWN], records([1]))]
    assert [log.window.end for log in logs[:-1]] == [log.window.start for log in logs[1:]]
    assert logs[0].window.start == logs[0].window.end - DAY


def test_without_dates_it_goes_on_where_it_was(dated: Desk) -> None:
    dated.harvest(records([1]), **between(-4, -2))
    (log,) = dated.harvest()
    assert log.window.start == window(-4, -2).end


# --------------------------------------------------------------------------- 5: begun


def test_a_run_that_died_is_taken_over(dated: Desk, caplog: pytest.LogCaptureFixture) -> None:
    dated.harvest(records([1]), **between(0, 1))
    with dated.store.database.writing() as transaction:
        transaction.execute("UPDATE harvest_log SET status = :status, completions = 0", status=STARTED.value)
    log = dated.one(records([1, 2]), **between(0, 1))
    assert (log.status, counted(log)) == (SUCCEEDED, {"seen": 2, "new": 1, "unchanged": 1})
    assert "has died; this one takes over" in caplog.text


# --------------------------------------------------------------------------- 6, 7: read


def test_new_changed_unchanged_gone_and_back(desk: Desk) -> None:
    assert counted(desk.one(records([1, 2, 3]))) == {"seen": 3, "new": 3}
    assert counted(desk.one(records([1, 3]))) == {"seen": 2, "unchanged": 2, "gone": 1}
    assert counted(desk.one([*records([1]), *records([3], "other")])) == {"seen": 2, "unchanged": 1, "changed": 1}
    assert desk.shown() == {"R-1": "record 1", "R-3": "other 3"}
    assert counted(desk.one(records([1, 2, 3]))) == {"seen": 3, "unchanged": 2, "changed": 1}
    assert desk.shown() == {"R-1": "record 1", "R-2": "record 2", "R-3": "record 3"}
    assert desk.counts()["raw_datum"] == 4, "what it said before is not kept twice"


def test_what_does_not_matter_is_no_change(desk: Desk) -> None:
    desk.one([record("a", body=b'{"id": 1, "title": "x"}', canonical=b"same")])
    log = desk.one([record("a", body=b'{"title": "x", "id": 1}', canonical=b"same")])
    assert counted(log) == {"seen": 1, "unchanged": 1}
    assert desk.counts()["raw_datum"] == 2, "the bytes are kept all the same"


def test_a_read_that_fails_in_the_middle_keeps_what_was_read_and_makes_nothing_gone(desk: Desk) -> None:
    desk.one(records(range(700)))
    log = desk.one([*records(range(200), "new"), DOWN])
    assert (log.status, counted(log)) == (FAILED, {"seen": 200, "changed": 200})
    assert (log.error_type, log.error_message) == ("SourceError", "https://example.org answered 503")
    assert len(desk.shown()) == 700
    assert desk.rows("SELECT count(*) FROM harvest_log_raw_datum WHERE harvest_log_id = :id", id=log.id) == [(200,)]
    ((told,),) = desk.rows("SELECT error_traceback FROM harvest_log WHERE id = :id", id=log.id)
    assert "Traceback" in told


def test_a_limited_read_makes_nothing_gone(desk: Desk) -> None:
    desk.one(records(range(5)))
    assert counted(desk.one(limit=2)) == {"seen": 2, "unchanged": 2}
    assert len(desk.shown()) == 5


def test_identical_bytes_of_two_identifiers_are_two_data(desk: Desk) -> None:
    log = desk.one([record("a", body=b'{"title": "x"}'), record("b", body=b'{"title": "x"}')])
    assert counted(log) == {"seen": 2, "new": 2}
    assert (desk.counts()["raw_datum"], desk.counts()["raw_content"]) == (2, 1)


@pytest.mark.parametrize("apart", [0, 600], ids=["in one chunk", "chunks apart"])
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_an_identifier_that_stands_there_twice_is_that_records_error(desk: Desk, apart: int, known: bool) -> None:
    if known:
        desk.one([record("a", "first"), *records(range(apart))])
    log = desk.one([record("a", "first"), *records(range(apart)), record("a", "second"), record("a", "first")])
    assert (log.status, log.counters.seen, log.counters.failed) == (SUCCEEDED, apart + 1, 1)
    assert desk.shown()["a"] == "first"
    assert desk.problems() == [("a", "stands there twice, and says something else each time; the first was taken")]


def test_a_repeated_record_does_not_count_against_the_limit(desk: Desk) -> None:
    shows = [record("a"), record("a"), *records(range(5))]
    assert counted(desk.one(shows, limit=3)) == {"seen": 3, "new": 3}


def test_nul_characters_are_replaced_and_told(desk: Desk) -> None:
    log = desk.one([record("a\0b")])
    assert (log.status, log.counters.seen) == (SUCCEEDED, 1)
    assert list(desk.shown()) == ["a\ufffdb"]
    assert desk.problems() == [("a\ufffdb", "holds NUL characters, which were replaced")]


def test_a_record_without_an_identifier_is_told(desk: Desk) -> None:
    log = desk.one([record("", "x"), *records([1])])
    assert counted(log) == {"seen": 1, "new": 1, "failed": 1}
    assert desk.problems() == [("", "has no identifier")]


def test_what_the_reader_finds_wrong_is_told(desk: Desk) -> None:
    faults = [Fault("b", "is empty"), Fault("c", "has no date", Severity.WARNING)]
    log = desk.one([*records([1]), *faults])
    assert counted(log) == {"seen": 1, "new": 1, "failed": 1}
    assert desk.problems() == [("b", "is empty"), ("c", "has no date")]


def test_dates_outside_of_what_was_asked_for(dated: Desk) -> None:
    at = {"in": 0.5, "near": 1.5, "far": 2.5, "early": -2}
    shows = [record(name, datestamp=FIRST + days * DAY) for name, days in at.items()]
    log = dated.one(shows, **between(0, 1))
    assert counted(log) == {"seen": 2, "new": 2, "failed": 2}
    assert [name for name, _ in dated.problems()] == ["near", "far", "early"]


def test_what_a_catalogue_says_is_deleted_is_gone(dated: Desk) -> None:
    dated.one(records([1, 2]), **between(0, 1))
    log = dated.one([record("R-1", body=None, deleted=True), record("R-9", body=None, deleted=True)], **between(1, 2))
    assert log.counters.gone == 1
    assert list(dated.shown()) == ["R-2"]
    dated.one(records([1]), **between(2, 3))
    assert list(dated.shown()) == ["R-1", "R-2"]


def test_what_is_said_to_be_as_it_was_is_taken_as_seen(desk: Desk) -> None:
    desk.one(records([1, 2, 3]))
    log = desk.one([replace(each, body=None) for each in records([1, 2])])
    assert counted(log) == {"seen": 2, "unchanged": 2, "gone": 1}
    log = desk.one([replace(each, body=None) for each in records([1, 7])])
    assert log.counters.failed == 1
    assert desk.problems() == [("R-7", "is said to be as it was, and was never read")]


def test_a_run_that_takes_too_long_is_given_up_with_what_it_had(store: SqlStore) -> None:
    desk = Desk(store, longest=timedelta(0))
    log = desk.one(records([1, 2]))
    assert (log.status, log.counters.seen) == (FAILED, 1)
    assert "takes longer than 0:00:00" in log.error_message


def test_the_pace_is_that_of_all_together(store: SqlStore) -> None:
    desk = Desk(store, Scripted(dated=True), every=timedelta(minutes=10))
    for day in range(3):
        desk.one(records([1]), **between(day, day + 1))
    assert len(desk.slept) == 2, "its clock goes on less than ten minutes a run"
    assert 0 < desk.slept[0] < 600 < desk.slept[1] < 1_200


# --------------------------------------------------------------------------- 8: understood


def test_records_are_understood_when_they_are_new(desk: Desk) -> None:
    log = desk.one([record("a", "x"), record("b", "bad"), record("c", "odd")])
    assert (log.status, counted(log)) == (SUCCEEDED, {"seen": 3, "new": 3, "failed": 2})
    assert desk.problems() == [
        ("b", "has no good title"),
        ("b", "has no date"),
        ("c", "could not be understood, by a fault of the program (ZeroDivisionError)"),
    ]
    assert desk.shown() == {"a": "x", "b": "", "c": ""}
    assert desk.rows("SELECT status, error FROM ingest_log ORDER BY raw_datum_id") == [
        (SUCCEEDED.value, ""),
        (FAILED.value, "has no good title; has no date"),
        (FAILED.value, "could not be understood, by a fault of the program (ZeroDivisionError)"),
    ]


def test_what_was_not_understood_yet_is_the_next_time(desk: Desk) -> None:
    desk.one(records(range(1_200)), transform=False)
    assert desk.counts()["ingest_log"] == 0
    desk.one(records(range(1_200)))
    assert desk.counts()["ingest_log"] == 1_200
    assert desk.shown()["R-7"] == "record 7"


def test_another_version_understands_all_anew(desk: Desk) -> None:
    desk.one(records([1, 2]))
    desk.catalogue.version = "001.000.001"
    assert counted(desk.one()) == {"seen": 2, "unchanged": 2}
    assert desk.counts()["ingest_log"] == 4


# --------------------------------------------------------------------------- 9: ended


def test_a_signal_keeps_what_was_read(desk: Desk) -> None:
    with pytest.raises(Stopped):
        desk.harvest([*records(range(700)), Stopped(15)])
    assert desk.rows("SELECT status, seen FROM harvest_log") == [(CANCELLED.value, 700)]
    assert len(desk.shown()) == 700
    assert counted(desk.one(records(range(700)))) == {"seen": 700, "unchanged": 700}


def test_a_person_may_cancel_a_run(desk: Desk) -> None:
    class Cancelled(Scripted):
        def records(self, *given: Any) -> Any:
            for number, said in enumerate(super().records(*given)):
                if number == 600:
                    ((log,),) = desk.rows("SELECT id FROM harvest_log WHERE status = :on", on=STARTED.value)
                    assert desk.store.harvests.cancel(log, desk.clock())
                yield said

    desk.catalogue = Cancelled(records(range(5_000)))
    log = desk.one()
    assert (log.status, log.counters.seen, log.counters.gone) == (CANCELLED, 1_000, 0)
    assert not desk.store.harvests.cancel(log.id, desk.clock())


def test_no_secret_is_in_what_is_kept_of_an_error(desk: Desk) -> None:
    log = desk.one([SourceError("catalogue", "", "https://me:hunter2@example.org said token=abc123")])
    ((told,),) = desk.rows("SELECT error_traceback FROM harvest_log")
    assert not [word for word in ("hunter2", "abc123") if word in log.error_message + told]


def test_a_fault_of_the_kind_is_said_as_such(desk: Desk) -> None:
    log = desk.one([*records([1]), ZeroDivisionError("by zero")])
    assert (log.status, log.counters.seen) == (FAILED, 1)
    assert log.error_message == "a fault of the program (ZeroDivisionError): by zero"
