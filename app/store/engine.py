"""The database as SQLAlchemy has it, for what makes and migrates the tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from app.store.database import Database
from app.store.values import dumps, loads


def engine(database: Database) -> Engine:
    made = create_engine(
        "sqlite://" if database.is_sqlite else "postgresql+psycopg2://",
        creator=database.made if database.is_sqlite else database.connected,
        poolclass=NullPool,
        json_serializer=dumps,
        json_deserializer=loads,
    )
    if database.is_sqlite:
        event.listen(made, "connect", _prepare)
        event.listen(made, "begin", _begin)
    return made


def _prepare(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
