"""One crawl at a time, whatever happens to the one that holds the lock."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import make_url

from app.errors import Locked, LockLost, StoreError
from app.ports import Store
from app.store import open_store
from app.store.terms import LeaseTerms, utcnow
from tests.store.crawls import LIFECYCLE, World, crawl, decision, hour, recording, sighting
from tests.store.processes import DIES_RECORDING, STANDS_STILL, eventually, process, says, tell

EARLIER = World(sightings=[sighting("E-MTAB-1")], decisions=[decision("E-MTAB-1")])


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


def opened(address: str, terms: LeaseTerms | None = None) -> Store:
    return open_store(address, LIFECYCLE, create=True, lease=terms or LeaseTerms())


def take(store: Store) -> None:
    with store.lock("crawl") as lock:
        lock.check()


# --------------------------------------------------------------------------- both


def test_a_holder_killed_while_recording_neither_blocks_nor_leaves_anything(fresh_address: str) -> None:
    store = opened(fresh_address)
    crawl(store, EARLIER, 0)
    before = store.known()
    with process(DIES_RECORDING, fresh_address) as child:
        assert says(child) == "all is written, nothing committed"
        child.kill()
        child.wait()
        eventually(lambda: take(store))
    assert store.known() == before
    assert len(store.runs()) == 1
    crawl(store, World(sightings=[sighting("E-MTAB-9")], decisions=[decision("E-MTAB-9")]), 1)
    assert [*store.known().sightings["incoming"]] == ["E-MTAB-9"]


def test_another_process_holds_the_lock_and_is_named(fresh_address: str) -> None:
    store = opened(fresh_address)
    with process(STANDS_STILL, fresh_address) as child:
        assert says(child) == "has the lock"
        with pytest.raises(Locked) as refused:
            take(store)
        tell(child)
        assert says(child) == "recorded"
    assert str(child.pid) in str(refused.value)
    assert socket.gethostname() in str(refused.value)
    assert "since 2" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_lock_is_free_again_after_an_error(fresh_address: str) -> None:
    store = opened(fresh_address)
    with pytest.raises(ZeroDivisionError), store.lock("crawl"):
        raise ZeroDivisionError
    take(store)


# --------------------------------------------------------------------------- SQLite


@pytest.fixture
def clock() -> Clock:
    return Clock(hour(0))


@pytest.fixture
def store(sqlite_address: str, clock: Clock) -> Store:
    return opened(sqlite_address, LeaseTerms(clock=clock))


def hold_from(address: str, host: str, pid: int, process_started: str) -> None:
    """A lease that somebody was granted at hour 0."""
    with sqlite3.connect(make_url(address).database or "") as connection:
        connection.execute(
            "INSERT INTO lease VALUES ('crawl', ?, ?, ?, 'theirs', ?, ?, ?)",
            (host, pid, process_started, "2026-01-01 06:00:00", "2026-01-01 06:00:30", "2026-01-01 06:01:30"),
        )
    connection.close()


def test_a_holder_that_stood_still_past_its_lease_loses_it_and_records_nothing(sqlite_address: str) -> None:
    """Stopped, its lease taken by a run two minutes later, and woken."""
    later = opened(sqlite_address, LeaseTerms(clock=lambda: utcnow() + timedelta(minutes=2)))
    with process(STANDS_STILL, sqlite_address) as child:
        assert says(child) == "has the lock"
        child.send_signal(signal.SIGSTOP)
        crawl(later, EARLIER, 0)
        child.send_signal(signal.SIGCONT)
        tell(child)
        assert says(child) == "LockLost"
    assert [*later.known().sightings["incoming"]] == ["E-MTAB-1"]


def test_a_lease_that_could_not_be_released_is_taken_again_by_the_same_process(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the disk was full just then. Else a daemon would wait for itself."""

    def fail(lease: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch, store.lock("crawl"):
        patch.setattr("app.store.lock.Lease.release", fail)
    with monkeypatch.context() as patch:
        patch.setattr("app.store.lock.Lease.release", fail)
        take(store)
    with store.lock("crawl"), pytest.raises(Locked):
        take(store)


def test_a_holder_that_was_killed_and_not_yet_buried_is_dead(sqlite_address: str) -> None:
    """Its parent has not asked how it ended, as in a container whose first process never asks."""
    with process(DIES_RECORDING, sqlite_address) as child:
        says(child)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        take(opened(sqlite_address))


@pytest.mark.parametrize(
    ("host", "pid", "started"),
    [
        pytest.param(socket.gethostname(), os.getpid(), "17", id="its number is another process's now"),
        pytest.param(socket.gethostname(), 2**22 + 1, "17", id="there is no such process"),
    ],
)
def test_a_dead_holder_is_succeeded_at_once_with_a_warning(
    store: Store, sqlite_address: str, caplog: pytest.LogCaptureFixture, host: str, pid: int, started: str
) -> None:
    hold_from(sqlite_address, host, pid, started)
    take(store)
    assert caplog.record_tuples == [
        ("app.store.lock", logging.WARNING, "the last crawl, started 2026-01-01 06:00 UTC, died; going on")
    ]


def test_a_holder_elsewhere_is_waited_for_until_its_lease_has_run_out(
    store: Store, sqlite_address: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    hold_from(sqlite_address, "other.example.org", 4711, "17")
    clock.now = hour(0) + timedelta(seconds=89)
    with pytest.raises(Locked, match=r"since 2026-01-01 06:00 UTC: process 4711 on other\.example\.org; wait"):
        take(store)
    clock.now += timedelta(seconds=1)
    take(store)
    assert caplog.messages == ["the last crawl has not been heard of since 2026-01-01 06:00 UTC; going on"]


def test_a_holder_renews_its_lease(sqlite_address: str, clock: Clock) -> None:
    """Long after the first lease has run out, another run is still refused."""
    holder = opened(sqlite_address, LeaseTerms(clock=clock, beat=timedelta(milliseconds=5)))
    other = opened(sqlite_address, LeaseTerms(clock=clock))
    with holder.lock("crawl") as lock:
        clock.now += timedelta(minutes=5)

        def refused() -> None:
            with sqlite3.connect(make_url(sqlite_address).database or "") as connection:
                assert connection.execute("SELECT heartbeat FROM lease").fetchone()[0] > "2026-01-01 06:05"
            with pytest.raises(Locked):
                take(other)

        eventually(refused)
        lock.check()


def test_who_lost_the_lease_does_not_release_the_next_holders(store: Store, sqlite_address: str, clock: Clock) -> None:
    other = opened(sqlite_address, LeaseTerms(clock=clock))
    with store.lock("crawl") as lost:
        clock.now += timedelta(minutes=5)
        other_lock = other.lock("crawl")
        held = other_lock.__enter__()
        with pytest.raises(LockLost):
            lost.check()
    held.check()
    other_lock.__exit__(None, None, None)


def test_a_long_recording_needs_no_renewal(sqlite_address: str, clock: Clock) -> None:
    """While one records nobody else can write, so its lease cannot be taken however late it is."""
    holder, known = opened(sqlite_address, LeaseTerms(clock=clock)), opened(sqlite_address).known()
    with holder.lock("crawl") as lock:
        clock.now += timedelta(hours=1)
        assert holder.record(recording(known, EARLIER, 0), lock) == 1
