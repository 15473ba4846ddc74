"""Many rows at once: the driver's `executemany` on SQLite, COPY on PostgreSQL (twenty times as fast there)."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from app.store.database import CHUNK, Transaction, given

Values = dict[str, Any]


def insert(transaction: Transaction, table: str, rows: Sequence[Values]) -> None:
    """All rows have the same columns."""
    if not rows:
        return
    names = list(rows[0])
    if transaction.is_sqlite:
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        transaction.connection.executemany(statement, ([given(row[n], True) for n in names] for row in rows))
    else:
        copy(transaction, table, names, ([row[name] for name in names] for row in rows))


def added(
    transaction: Transaction, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]], then: str = ""
) -> list[tuple[Any, ...]]:
    """As `insert`, with more to be said in SQL: ON CONFLICT, RETURNING. Gives what that returns, in no order."""
    if not rows:
        return []
    values = [[given(value, transaction.is_sqlite) for value in row] for row in rows]
    into = f"INSERT INTO {table} ({', '.join(names)}) VALUES"
    cursor = transaction.connection.cursor()
    if not transaction.is_sqlite:
        from psycopg2.extras import execute_values

        found = execute_values(cursor, f"{into} %s {then}", values, page_size=CHUNK, fetch="RETURNING" in then)
        return found or []
    if "RETURNING" not in then:
        cursor.executemany(f"{into} ({', '.join('?' * len(names))}) {then}", values)
        return []
    one, returned = f"({', '.join('?' * len(names))})", []
    for first in range(0, len(values), CHUNK):
        some = values[first : first + CHUNK]
        cursor.execute(f"{into} {', '.join([one] * len(some))} {then}", [value for row in some for value in row])
        returned += cursor.fetchall()
    return returned


def point(transaction: Transaction, table: str, column: str, rows: Sequence[tuple[int, Any]]) -> None:
    """Row (by id) -> what it is to have in this column."""
    if not rows:
        return
    cursor = transaction.connection.cursor()
    if transaction.is_sqlite:
        cursor.executemany(f"UPDATE {table} SET {column} = ? WHERE id = ?", [(value, row) for row, value in rows])
        return
    from psycopg2.extras import execute_values

    statement = f"UPDATE {table} SET {column} = other.value FROM (VALUES %s) AS other (id, value)"
    execute_values(cursor, f"{statement} WHERE {table}.id = other.id", rows, page_size=CHUNK)


def update_current(transaction: Transaction, table: str, key: Sequence[str], rows: Sequence[Values]) -> int:
    """Updates the rows that hold now, each row of `rows` by its `key`; returns how many there were."""
    if not rows:
        return 0
    if not transaction.is_sqlite:
        return _update_from_copy(transaction, table, key, rows)
    values = [name for name in rows[0] if name not in key]
    matching = "".join(f"{name} = ? AND " for name in key)
    statement = f"UPDATE {table} SET {', '.join(f'{n} = ?' for n in values)} WHERE {matching}until_run IS NULL"
    ordered = ([given(row[name], True) for name in (*values, *key)] for row in rows)
    count: int = transaction.connection.executemany(statement, ordered).rowcount
    return count


def delete(transaction: Transaction, table: str, column: str, values: Collection[Any], **also: Any) -> None:
    """The rows that have any of these values there, and `also` these in the columns of those names."""
    wanted = list(values)
    condition = "".join(f" AND {name} = :{name}" for name in also)
    for first in range(0, len(wanted), CHUNK):
        some = {f"v{number}": value for number, value in enumerate(wanted[first : first + CHUNK])}
        these = ", ".join(f":{name}" for name in some)
        transaction.execute(f"DELETE FROM {table} WHERE {column} IN ({these}){condition}", **some, **also)


def _update_from_copy(transaction: Transaction, table: str, key: Sequence[str], rows: Sequence[Values]) -> int:
    names, edit = list(rows[0]), "ingest_tracker_edit"
    values = ", ".join(f"{name} = {edit}.{name}" for name in names if name not in key)
    match = "".join(f"{table}.{name} = {edit}.{name} AND " for name in key)
    transaction.execute(f"CREATE TEMPORARY TABLE {edit} AS SELECT {', '.join(names)} FROM {table} LIMIT 0")
    copy(transaction, edit, names, ([row[name] for name in names] for row in rows))
    done = transaction.execute(f"UPDATE {table} SET {values} FROM {edit} WHERE {match}{table}.until_run IS NULL")
    transaction.execute(f"DROP TABLE {edit}")
    return done


# --------------------------------------------------------------------------- COPY's text format


def copy(transaction: Transaction, table: str, names: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """PostgreSQL manual, COPY, "File Formats"."""
    lines = "".join("\t".join(map(copied, row)) + "\n" for row in rows)
    with transaction.connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} ({', '.join(names)}) FROM STDIN", io.StringIO(lines))


_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def copied(value: Any) -> str:
    """`\\N` is nothing, and a backslash is two."""
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    value = given(value, False)
    return value.isoformat() if isinstance(value, datetime) else str(value).translate(_ESCAPES)
