"""The database below the store: opening it, transactions, its version, and its errors in plain words.

By the drivers alone, for to import SQLAlchemy takes longer than most of what is asked of a store, or told to it; only
what makes and migrates the tables is given SQLAlchemy's connections.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from app.domain.text import storable
from app.errors import StoreError, StoreMissing, StoreTooNew
from app.store.values import dumps, loads

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0008"
"""The newest migration. Known here so that opening a store need not import Alembic."""

PATIENCE = timedelta(seconds=30)
"""How long to wait for another process that is writing."""

CHUNK = 500
"""Values that one statement is given."""


@dataclass(frozen=True)
class Database:
    """`where` names it to a person, without a password; of an SQLite one it is the path. `arguments` are those that
    its driver is connected with."""

    is_sqlite: bool
    where: str
    arguments: Mapping[str, Any] = field(repr=False)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """One moment, to be read only."""
        with self.plainly(), closing(self.connected()) as connection:
            if self.is_sqlite:
                connection.execute("BEGIN")
            else:
                connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            yield Snapshot(connection, self.is_sqlite)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction that is the only writing one from its start (SQLite). All of it is written, or nothing."""
        with self.plainly(), closing(self.connected()) as connection:
            if self.is_sqlite:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("BEGIN IMMEDIATE")
            yield Transaction(connection, self.is_sqlite)
            connection.commit()  # what is not committed when the connection is closed never was

    def connected(self) -> Any:
        """A connection of the driver's, for whoever closes it. None is kept: a fork of this process must find none, and
        a store is asked a few times a run."""
        if self.is_sqlite:
            return self._sqlite("rw")  # a file that is away is not to be made anew, and empty
        import psycopg2
        from psycopg2.extras import register_default_json

        connection = psycopg2.connect(**self.arguments)
        register_default_json(connection, loads=loads)
        return connection

    def made(self) -> sqlite3.Connection:
        """The same to an SQLite file that need not be there yet."""
        return self._sqlite("rwc")

    def _sqlite(self, mode: str) -> sqlite3.Connection:
        where = f"file:{quote(os.fsencode(self.where))}?mode={mode}"  # SQLite manual, "URI Filenames"
        connection: sqlite3.Connection = sqlite3.connect(where, uri=True, isolation_level=None, **self.arguments)
        return connection

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """As `writing`, by SQLAlchemy."""
        from app.store.engine import engine

        with self.plainly(), engine(self).begin() as connection:
            yield connection

    @contextmanager
    def plainly(self) -> Iterator[None]:
        """Errors of the database become a StoreError that says where, what, and what to do."""
        try:
            yield
        except Exception as error:
            if not isinstance(error, self._errors()):
                raise
            raise StoreError(f"{self.where}: {_in_words(error)}") from error

    def _errors(self) -> tuple[type[Exception], ...]:
        """Those of the drivers and layers that have been imported: another cannot have raised any."""
        names = (("sqlite3", "Error"), ("psycopg2", "Error"), ("sqlalchemy.exc", "SQLAlchemyError"))
        return tuple(getattr(sys.modules[module], name) for module, name in names if module in sys.modules)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A transaction of a driver, and what its values mean."""

    connection: Any
    is_sqlite: bool

    def rows(self, query: str, **parameters: Any) -> Iterator[tuple[Any, ...]]:
        """`query` names its parameters `:so`."""
        return iter(self._executed(query, parameters))

    def _executed(self, query: str, parameters: Mapping[str, Any]) -> Any:
        cursor = self.connection.cursor()
        values = {name: given(value, self.is_sqlite) for name, value in parameters.items()}
        cursor.execute(query if self.is_sqlite else _NAMED.sub(r"%(\1)s", query), values)
        return cursor

    def first(self, query: str, **parameters: Any) -> tuple[Any, ...] | None:
        return next(self.rows(query, **parameters), None)

    def moment(self, value: Any) -> datetime | None:
        """A time, UTC. SQLite keeps them as text."""
        if value is None:
            return None
        if self.is_sqlite:
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        said: datetime = value.astimezone(UTC)
        return said

    def time(self, value: Any) -> datetime:
        """The same of a column that is never NULL."""
        moment = self.moment(value)
        assert moment is not None
        return moment

    def json(self, value: Any) -> Any:
        """SQLite keeps it as text."""
        return loads(value) if self.is_sqlite and value is not None else value


class Transaction(Snapshot):
    """One that writes. Values are given as they are in records: times, and what becomes JSON, too."""

    def execute(self, statement: str, **parameters: Any) -> int:
        """How many rows that was."""
        count: int = self._executed(statement, parameters).rowcount
        return count

    def added(self, table: str, **values: Any) -> int:
        """The number of the new row."""
        cursor = self._executed(_insert(table, values) + " RETURNING id" * (not self.is_sqlite), values)
        number: int = cursor.lastrowid if self.is_sqlite else cursor.fetchone()[0]
        return number


def _insert(table: str, names: Iterable[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"


def given(value: Any, is_sqlite: bool) -> Any:
    """As the driver takes it."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" if is_sqlite else value.astimezone(UTC)
    return dumps(value) if isinstance(value, (dict, list)) else value


_NAMED = re.compile(r"(?<!:):(\w+)")


# --------------------------------------------------------------------------- addresses


def connect(address: str, patience: timedelta = PATIENCE) -> Database:
    """Opens nothing yet. `address` is written as SQLAlchemy has them, for SQLite or PostgreSQL."""
    kind, separator, rest = address.partition("://")
    if not separator:
        raise StoreError(f"the store's address is not one; {_ALLOWED}")
    if kind == "sqlite" and rest.startswith("/") and rest not in ("/", "/:memory:"):
        return Database(is_sqlite=True, where=rest[1:], arguments={"timeout": patience.total_seconds()})
    if kind in ("postgres", "postgresql", "postgresql+psycopg2"):
        return _postgresql(rest, patience)
    raise StoreError(f"the store cannot be {kind}; {_ALLOWED}")


_ALLOWED = "give sqlite:////path/to/file or postgresql+psycopg2://user@host/database"


def _postgresql(rest: str, patience: timedelta) -> Database:
    """What follows the question mark are further parameters of libpq (PostgreSQL manual, "Parameter Key Words")."""
    try:
        parts = urlsplit(f"postgresql://{rest}")
        host, port = parts.hostname, parts.port  # either raises where it is none
    except ValueError:
        raise StoreError(f"the store's address is not one; {_ALLOWED}") from None
    named = {"host": host, "port": port, "user": parts.username, "password": parts.password, "dbname": parts.path[1:]}
    arguments: dict[str, Any] = {
        "connect_timeout": 30,
        "application_name": "ingest-tracker",
        "options": f"-c lock_timeout={int(patience.total_seconds() * 1000)}",
        **{name: unquote(str(value)) for name, value in named.items() if value},
        **dict(parse_qsl(parts.query)),
    }
    who = f"{parts.username}{':***' if parts.password else ''}@" if parts.username else ""
    where = f"postgresql+psycopg2://{who}{parts.netloc.rpartition('@')[2]}{parts.path}"
    return Database(is_sqlite=False, where=where, arguments=arguments)


# --------------------------------------------------------------------------- versions


def ensure_schema(database: Database, *, create: bool) -> None:
    """Makes or migrates the tables where `create` allows it; see `open_store` for what it raises."""
    revision = _revision(database) if _exists(database) else None
    if revision == HEAD:
        return
    if revision is None and not create:
        raise StoreMissing(f"{database.where}: nothing has been crawled yet; run `ingest-tracker crawl`")
    _migrate(database, revision, create)


def _migrate(database: Database, revision: str | None, create: bool) -> None:
    from sqlalchemy import text

    from app.store import migrations  # Alembic takes 0.6 s to import

    if revision is not None and not migrations.is_known(revision):
        raise StoreTooNew(
            f"{database.where}: written by a newer version of ingest-tracker (revision {revision}) and left as it is; "
            "update ingest-tracker"
        )
    if not create:
        raise StoreError(f"{database.where}: from an older version; `ingest-tracker crawl` brings it up to date")
    if database.is_sqlite:
        _make_file(database)
    with database.migrating() as connection:
        if not database.is_sqlite:  # two first crawls at once: the second waits, then finds all done
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('ingest-tracker:migrate'))"))
        migrations.upgrade(connection)


def _revision(database: Database) -> str | None:
    there = "SELECT to_regclass('alembic_version')"
    if database.is_sqlite:
        there = "SELECT max(name) FROM sqlite_master WHERE name = 'alembic_version'"
    with database.snapshot() as snapshot:
        if snapshot.first(there) in (None, (None,)):
            return None
        found = snapshot.first("SELECT version_num FROM alembic_version")
    return str(found[0]) if found else None


def _exists(database: Database) -> bool:
    try:
        return not database.is_sqlite or Path(database.where).exists()
    except OSError as error:
        raise StoreError(f"{database.where}: cannot be opened: {error.strerror}") from error


def _make_file(database: Database) -> None:
    """An empty one."""
    try:
        Path(database.where).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{database.where}: its directory cannot be made: {error.strerror}") from error
    with database.plainly(), closing(database.made()) as connection:
        _write_ahead(connection, database.arguments["timeout"])


def _write_ahead(connection: sqlite3.Connection, patience: float) -> None:
    """Makes the file such that readers need not wait while another process writes. Where another makes it at the same
    moment SQLite does not wait as it does elsewhere; this does, for so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


# --------------------------------------------------------------------------- errors


_WORDS = {
    # SQLite
    "database is locked": "locked by another process; wait until it has ended",
    "database table is locked": "locked by another process; wait until it has ended",
    "disk is full": "the disk is full; make room and run again",
    "file is not a database": "not an SQLite database; name another file, or move this one away",
    "unable to open database file": "cannot be opened; see that its directory is there and may be written to",
    "readonly database": "may not be written to by this user",
    "disk image is malformed": "damaged; restore it from a backup",
    "disk I/O error": "the disk reports an error; see the system's log",
    # PostgreSQL
    "No space left on device": "the server's disk is full; make room and run again",
    "authentication failed": "wrong user or password",
    "no password supplied": "needs a password",
    "Connection refused": "refused; see that the server runs there and accepts connections",
    "could not translate host name": "there is no such host",
    "timeout expired": "does not answer",
    "lock timeout": "locked by another process; wait until it has ended",
    "terminating connection": "the server closed the connection; run again",
    "server closed the connection": "the server closed the connection; run again",
    "connection already closed": "the server closed the connection; run again",
    "permission denied": "this user may not do that there; grant the right to use and to create tables",
    "read-only transaction": "may only be read",
    # both
    "UNIQUE constraint failed": "changed since it was read; nothing was recorded, run again",
    "duplicate key value": "changed since it was read; nothing was recorded, run again",
    "already exists": "holds tables that are not of ingest-tracker; name another database",
    "no such table": "lacks tables of ingest-tracker; restore it from a backup, or name another database",
    'relation "': "lacks tables of ingest-tracker; restore it from a backup, or name another database",
    'FATAL:  database "': "there is no such database; create it, or name another",
}


def _in_words(error: Exception) -> str:
    """One line; the database's own words where there are none of ours."""
    said = str(getattr(error, "orig", None) or error)  # what SQLAlchemy says begins with the statement
    known = (words for part, words in _WORDS.items() if part in said)
    return next(known, said.strip().partition("\n")[0] or type(error).__name__)
