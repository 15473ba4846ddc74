"""The database below the store: opening it, transactions, its version, and its errors in plain words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from app.errors import StoreError, StoreMissing, StoreTooNew
from app.store import tables

PATIENCE = timedelta(seconds=30)
"""How long to wait for another process that is writing."""


@dataclass(frozen=True, slots=True)
class Database:
    """`where` names it to a person, without a password."""

    engine: Engine
    where: str

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment and writes nothing."""
        options: dict[str, Any] = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self.plainly(), self.engine.connect() as connection:
            yield connection.execution_options(**options)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is the only writing one from its start (SQLite). All of it is written, or nothing."""
        with self.plainly(), self._writer.begin() as connection:
            yield connection

    @property
    def _writer(self) -> Engine:
        return self.engine.execution_options(writes=True)

    @contextmanager
    def plainly(self) -> Iterator[None]:
        """Errors of the database become a StoreError that says where, what, and what to do."""
        try:
            yield
        except (SQLAlchemyError, self.engine.dialect.loaded_dbapi.Error) as error:
            raise StoreError(f"{self.where}: {_in_words(error)}") from error


def connect(address: str, patience: timedelta = PATIENCE) -> Database:
    """Opens nothing yet. `address` is an SQLAlchemy one, for SQLite or PostgreSQL."""
    try:
        url = make_url(address)
    except ArgumentError:
        raise StoreError(f"the store's address is not one; {_ALLOWED}") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg2")
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        return _sqlite(url, patience)
    if url.drivername == "postgresql+psycopg2":
        return _postgresql(url, patience)
    raise StoreError(f"the store cannot be {url.drivername}; {_ALLOWED}")


_ALLOWED = "give sqlite:////path/to/file or postgresql+psycopg2://user@host/database"


def ensure_schema(database: Database, *, create: bool) -> None:
    """Makes or migrates the tables where `create` allows it; see `open_store` for what it raises."""
    revision = _revision(database) if _exists(database) else None
    if revision == tables.HEAD:
        return
    if revision is None and not create:
        raise StoreMissing(f"{database.where}: nothing has been crawled yet; run `ingest-tracker crawl`")
    _migrate(database, revision, create)


def _migrate(database: Database, revision: str | None, create: bool) -> None:
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
    with database.writing() as connection:
        if not database.is_sqlite:  # two first crawls at once: the second waits, then finds all done
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('ingest-tracker:migrate'))"))
        migrations.upgrade(connection)


def _revision(database: Database) -> str | None:
    with database.reading() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def _engine(url: URL, connect_args: Mapping[str, Any]) -> Engine:
    """Connections are not kept: a fork of this process must find none, and a store is asked a few times a run."""
    return create_engine(
        url,
        poolclass=NullPool,
        connect_args=dict(connect_args),
        json_serializer=tables.dumps,
        json_deserializer=tables.loads,
    )


# --------------------------------------------------------------------------- SQLite


def _sqlite(url: URL, patience: timedelta) -> Database:
    engine = _engine(url, {"timeout": patience.total_seconds()})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return Database(engine, url.database or "")


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _exists(database: Database) -> bool:
    try:
        return not database.is_sqlite or Path(database.where).exists()
    except OSError as error:
        raise StoreError(f"{database.where}: cannot be opened: {error.strerror}") from error


def _make_file(database: Database) -> None:
    """An empty file, which readers need not wait for while another process writes."""
    try:
        Path(database.where).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{database.where}: its directory cannot be made: {error.strerror}") from error
    with database.plainly(), database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("PRAGMA journal_mode = WAL")


# --------------------------------------------------------------------------- PostgreSQL


def _postgresql(url: URL, patience: timedelta) -> Database:
    settings = {
        "connect_timeout": 30,
        "application_name": "ingest-tracker",
        "options": f"-c lock_timeout={int(patience.total_seconds() * 1000)}",
    }
    engine = _engine(url, {name: value for name, value in settings.items() if name not in url.query})
    return Database(engine, url.set(query={}).render_as_string(hide_password=True))


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
}


def _in_words(error: Exception) -> str:
    """One line; the database's own words where there are none of ours."""
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    known = (words for part, words in _WORDS.items() if part in said)
    return next(known, said.strip().partition("\n")[0] or type(error).__name__)
