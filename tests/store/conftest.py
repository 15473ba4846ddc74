from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import make_url

from app.ports import Store
from app.store import open_store, tables
from app.store.sql import SqlStore
from tests.fakes import MemoryStore
from tests.servers.postgres import Postgres
from tests.store.crawls import LIFECYCLE


@dataclass(frozen=True)
class Kit:
    """A store, and what a test does behind its back."""

    store: Store
    take_lock_away: Callable[[], None]
    reopen: Callable[[], Store]

    def rows(self) -> dict[str, int]:
        assert isinstance(self.store, SqlStore)
        with self.store.database.snapshot() as snapshot:
            return {name: next(snapshot.rows(f"SELECT count(*) FROM {name}"))[0] for name in tables.metadata.tables}


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def kit(request: pytest.FixtureRequest) -> Iterator[Kit]:
    made: Kit = request.getfixturevalue(f"{request.param}_kit")
    yield made
    made.store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def sql_kit(request: pytest.FixtureRequest) -> Iterator[Kit]:
    made: Kit = request.getfixturevalue(f"{request.param}_kit")
    yield made
    made.store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_address(request: pytest.FixtureRequest) -> str:
    """Where there is no store yet."""
    address: str = request.getfixturevalue(f"{request.param}_address")
    return address


@pytest.fixture
def sqlite_address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/var/store.db"


@pytest.fixture
def postgresql_address(postgres: Postgres) -> str:
    return postgres.create_database()


@pytest.fixture
def memory_kit() -> Kit:
    store = MemoryStore()

    def take_lock_away() -> None:
        store.locks["crawl"].lost = True

    return Kit(store, take_lock_away, lambda: store)


@pytest.fixture
def sqlite_kit(sqlite_address: str) -> Kit:
    def take_lock_away() -> None:
        with sqlite3.connect(make_url(sqlite_address).database or "") as connection:
            connection.execute("UPDATE lease SET token = 'another'")
        connection.close()

    return _kit(sqlite_address, take_lock_away)


@pytest.fixture
def postgresql_kit(postgresql_address: str) -> Kit:
    def take_lock_away() -> None:
        connection = psycopg2.connect(postgresql_address.replace("+psycopg2", ""))
        connection.cursor().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        connection.close()

    return _kit(postgresql_address, take_lock_away)


def _kit(address: str, take_lock_away: Callable[[], None]) -> Kit:
    def reopen() -> Store:
        return open_store(address, LIFECYCLE, create=False)

    return Kit(open_store(address, LIFECYCLE, create=True), take_lock_away, reopen)
