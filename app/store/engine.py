"""The database as SQLAlchemy has it, for what makes and migrates the tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from app.store.database import Database
from app.store.values import dumps, loads


def engine(database: Database) -> Engine:
    address = f"sqlite:///{database.where}" if database.is_sqlite else "postgresql+psycopg2://"
    made = create_engine(
        address,
        poolclass=NullPool,
        connect_args=dict(database.arguments),
        json_serializer=dumps,
        json_deserializer=loads,
    )
    if database.is_sqlite:
        event.listen(made, "connect", _prepare)
        event.listen(made, "begin", _begin)
    return made


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
