"""What was read of files, so that it need not be read again. By the drivers alone, for reading and for writing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import TypeAlias

from app.domain.contents import Digests, Identity
from app.store import bulk
from app.store.database import Database, Snapshot

Row: TypeAlias = tuple[int, int, int, int, int, bytes, bytes | None]

COLUMNS = "device, inode, size, mtime_ns, ctime_ns, ends, whole"
CHANGED = ", ".join(f"{name} = excluded.{name}" for name in ("size", "mtime_ns", "ctime_ns", "ends", "whole"))
AT_ONCE = 100
"""Rows in a statement of SQLite's: that takes two thirds of the time of one each."""
PUT = f"ON CONFLICT (device, inode) DO UPDATE SET {CHANGED}"


def known(snapshot: Snapshot, files: Collection[Identity]) -> dict[Identity, Digests]:
    """What was kept of those of these files that are as they were; of others too, for to leave them out would take as
    long again."""
    found: dict[Identity, Digests] = {}
    for device in {file[0] for file in files}:
        inodes = [_signed(file[1]) for file in files if file[0] == device]
        within = {"device": _signed(device), "first": min(inodes), "last": max(inodes)}
        rows = snapshot.rows(f"SELECT {COLUMNS} FROM content {_WITHIN}", **within)
        if device >= _HALF or min(inodes) < 0:
            rows = ((device, _unsigned(row[1]), *row[2:]) for row in rows)
        if not snapshot.is_sqlite:  # its driver gives views of bytes
            rows = ((*row[:5], bytes(row[5]), row[6] and bytes(row[6])) for row in rows)
        found |= {row[:5]: row[5:] for row in rows}
    return found


_WITHIN = "WHERE device = :device AND inode BETWEEN :first AND :last"


def keep(database: Database, digests: Mapping[Identity, Digests]) -> None:
    """In one transaction; in place of what was kept of these files before."""
    rows: list[Row] = [(*file, *said) for file, said in digests.items()]
    if digests and (max(map(max, digests)) >= _HALF or min(map(min, digests)) < -_HALF):
        # A time that the columns cannot hold is centuries from now.
        held = (row for row in rows if max(row[2:5]) < _HALF and min(row[2:5]) >= -_HALF)
        rows = [(_signed(device), _signed(inode), *more) for device, inode, *more in held]  # type: ignore[misc]
    with database.plainly():
        (_put_into_sqlite if database.is_sqlite else _put_into_postgresql)(database, rows)


def _put_into_sqlite(database: Database, rows: Sequence[Row]) -> None:
    with closing(database.connected()) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read again
        connection.execute("BEGIN IMMEDIATE")
        for at in range(0, len(rows), AT_ONCE):
            some = rows[at : at + AT_ONCE]
            values = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(some))
            connection.execute(f"INSERT INTO content ({COLUMNS}) VALUES {values} {PUT}", [*chain.from_iterable(some)])
        connection.execute("COMMIT")


def _put_into_postgresql(database: Database, rows: Sequence[Row]) -> None:
    with database.writing() as transaction:
        transaction.execute("CREATE TEMPORARY TABLE fresh (LIKE content) ON COMMIT DROP")
        bulk.copy(transaction, "fresh", COLUMNS.split(", "), rows)
        # In order, so that two that keep at a time do not wait for each other.
        transaction.execute(f"INSERT INTO content ({COLUMNS}) {_FRESH} {PUT}")


_FRESH = f"SELECT DISTINCT ON (device, inode) {COLUMNS} FROM fresh ORDER BY device, inode"


_HALF, _ALL = 2**63, 2**64


def _signed(number: int) -> int:
    """Devices and inodes are 64 bits without a sign, columns have one."""
    return number - _ALL if number >= _HALF else number


def _unsigned(number: int) -> int:
    return number + _ALL if number < 0 else number
