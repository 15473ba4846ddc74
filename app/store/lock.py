"""One crawl at a time. PostgreSQL ends a lock with its connection; on SQLite a lock is a row that runs out."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from app.errors import Locked, LockLost, StoreError
from app.ports import Lock
from app.store.database import Database, Snapshot, Transaction
from app.store.terms import LeaseTerms

log = logging.getLogger(__name__)


# --------------------------------------------------------------------------- PostgreSQL


@dataclass(frozen=True, slots=True)
class Advisory:
    """An advisory lock of a session of its own: it ends with that session, however that ends."""

    database: Database
    session: Snapshot
    name: str

    def check(self) -> None:
        """Asks the server, as a connection that broke took the lock with it."""
        try:
            with self.database.plainly():
                held = self.session.first(_IS_MINE, **_key(self.name)) is not None
        except StoreError as error:
            raise LockLost(f"{error}; the lock went with it, nothing was recorded") from error
        if not held:
            raise LockLost(f"{self.database.where}: the lock is no longer ours, nothing was recorded; run again")


@contextmanager
def advisory(database: Database, name: str) -> Iterator[Lock]:
    with database.plainly():
        connection = database.connected()
        connection.autocommit = True
    session = Snapshot(connection, is_sqlite=False)
    try:
        with database.plainly():
            _take(session, database, name)
        yield Advisory(database, session, name)
    finally:
        with suppress(StoreError), database.plainly():
            session.first(_UNLOCK)
        connection.close()


def _take(session: Snapshot, database: Database, name: str) -> None:
    session.first(_INTRODUCTION, who=f"ingest-tracker {os.getpid()}@{socket.gethostname()}"[:63])
    if session.first(_TRY, **_key(name)) != (True,):
        holder = session.first(_HOLDER, **_key(name))
        raise Locked(f"{database.where}: {_whose(holder)}; wait until it has ended")


def _whose(holder: tuple[Any, ...] | None) -> str:
    if holder is None:
        return "another run held the lock a moment ago"
    number, name, began = holder
    since = f" since {_at(began)}" if began else ""
    return f"another run holds the lock{since}: {name} (server process {number})"


def _key(name: str) -> dict[str, int]:
    digest = hashlib.sha256(f"ingest-tracker:{name}".encode()).digest()
    return {
        "key": int.from_bytes(digest[:8], "big", signed=True),
        "high": int.from_bytes(digest[:4], "big"),
        "low": int.from_bytes(digest[4:8], "big"),
    }


# The server notices within a minute that a holder's machine is gone (its default is two hours).
_INTRODUCTION = (
    "SELECT set_config('application_name', :who, false), set_config('tcp_keepalives_idle', '30', false),"
    " set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '3', false)"
)
_TRY = "SELECT pg_try_advisory_lock(:key)"
_UNLOCK = "SELECT pg_advisory_unlock_all()"
# How an advisory lock of one 64-bit key is listed: PostgreSQL manual, "pg_locks".
_LISTED = """
    FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid::bigint = :high AND objid::bigint = :low
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_HOLDER = f"SELECT pid, activity.application_name, activity.backend_start {_LISTED}"
_IS_MINE = f"SELECT 1 {_LISTED} AND pid = pg_backend_pid()"


# --------------------------------------------------------------------------- SQLite


@dataclass(frozen=True, slots=True)
class Lease:
    """A row that says who works, and until when it must have said so again."""

    database: Database
    name: str
    terms: LeaseTerms
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def check(self) -> None:
        """A recording has the only writing transaction, so what this sees stays true until it commits."""
        with self.database.snapshot() as snapshot:
            if snapshot.first("SELECT token FROM lease WHERE name = :name", name=self.name) != (self.token,):
                raise LockLost(
                    f"{self.database.where}: another run took over as this one had stood still; nothing was recorded"
                )

    def acquire(self) -> None:
        with self.database.writing() as transaction:
            found = transaction.first(
                f"SELECT {', '.join(_Holder._fields)} FROM lease WHERE name = :name", name=self.name
            )
            if found is not None:
                *who, acquired, heartbeat, expires = found
                times = [transaction.time(time) for time in (acquired, heartbeat, expires)]
                self._take_over(transaction, _Holder(*who, *times))
            now, pid = self.terms.clock(), os.getpid()
            transaction.execute(
                "INSERT INTO lease (name, host, pid, process_started, token, acquired, heartbeat, expires)"
                " VALUES (:name, :host, :pid, :started, :token, :now, :now, :expires)",
                name=self.name,
                host=socket.gethostname(),
                pid=pid,
                started=_process_started(pid),
                token=self.token,
                now=now,
                expires=now + self.terms.expiry,
            )

    def renew(self) -> bool:
        now = self.terms.clock()
        with self.database.writing() as transaction:
            renewed = transaction.execute(
                f"UPDATE lease SET heartbeat = :now, expires = :expires {_MINE}",
                now=now,
                expires=now + self.terms.expiry,
                name=self.name,
                token=self.token,
            )
            return renewed == 1

    def release(self) -> None:
        with self.database.writing() as transaction:
            transaction.execute(f"DELETE FROM lease {_MINE}", name=self.name, token=self.token)

    def _take_over(self, transaction: Transaction, holder: _Holder) -> None:
        """Raises Locked where the holder may still be at work."""
        if holder.token in _LEFT:
            _LEFT.discard(holder.token)
        elif not _is_dead(holder):
            if holder.expires > self.terms.clock():
                raise Locked(
                    f"{self.database.where}: another run holds the lock since {_at(holder.acquired)}: "
                    f"process {holder.pid} on {holder.host}; wait until it has ended"
                )
            log.warning("the last %s has not been heard of since %s; going on", self.name, _at(holder.heartbeat))
        else:
            log.warning("the last %s, started %s, died; going on", self.name, _at(holder.acquired))
        transaction.execute("DELETE FROM lease WHERE name = :name", name=self.name)


_MINE = "WHERE name = :name AND token = :token"


class _Holder(NamedTuple):
    token: str
    host: str
    pid: int
    process_started: str
    acquired: datetime
    heartbeat: datetime
    expires: datetime


@contextmanager
def leased(database: Database, name: str, terms: LeaseTerms) -> Iterator[Lock]:
    lease = Lease(database, name, terms)
    lease.acquire()
    done = threading.Event()
    heart = threading.Thread(target=_beat, args=(lease, done), name=f"lease-{name}", daemon=True)
    heart.start()
    try:
        yield lease
    finally:
        done.set()
        heart.join()
        try:
            lease.release()
        except StoreError:  # it is found dead, or runs out, or this process comes back for it
            _LEFT.add(lease.token)


_LEFT: set[str] = set()
"""The tokens of leases of this process that could not be released."""


def _beat(lease: Lease, done: threading.Event) -> None:
    """Renews until done, or until the lease is another's (which its holder learns from `check`)."""
    while not done.wait(lease.terms.beat.total_seconds()):
        try:
            if not lease.renew():
                return
        except StoreError as error:  # as long as this run itself records, no one else can write
            log.debug("the lease waits to be renewed: %s", error)


def _is_dead(holder: _Holder) -> bool:
    """Whether the holder was a process of this machine that has ended. Of another machine's nothing is known."""
    if holder.host != socket.gethostname():
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # another user's, and running
    return _process_started(holder.pid) not in ("", holder.process_started)


def _process_started(pid: int) -> str:
    """Tells a process from a later one of the same number: field 22 of /proc/PID/stat, see proc(5).
    "zombie" when it has ended and nobody has asked how; empty where the system does not tell."""
    try:
        about = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    fields = about.rpartition(b")")[2].split()  # the second field, the name, may hold anything
    return "zombie" if fields[0] in b"ZX" else fields[19].decode()


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
