"""The database as SQLAlchemy has it: for whatever writes. Reading does without, for importing it takes longer than
most questions to the store."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

from app.store.values import dumps, loads


def sqlite(path: str, arguments: Mapping[str, Any]) -> Engine:
    engine = _engine(URL.create("sqlite", database=path), arguments)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def postgresql(arguments: Mapping[str, Any]) -> Engine:
    return _engine(URL.create("postgresql+psycopg2"), arguments)


def _engine(url: URL, arguments: Mapping[str, Any]) -> Engine:
    """Connections are not kept: a fork of this process must find none, and a store is asked a few times a run."""
    return create_engine(
        url, poolclass=NullPool, connect_args=dict(arguments), json_serializer=dumps, json_deserializer=loads
    )


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def write_ahead(engine: Engine, patience: float) -> None:
    """Makes the file, empty, such that readers need not wait for while another process writes. Where another makes it
    at the same moment SQLite does not wait as it does elsewhere; this does, for so many seconds."""
    deadline = time.monotonic() + patience
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        while True:
            try:
                driver.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return
