from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store import open_store
from app.store.sql import SqlStore
from tests.harvest.scripted import Desk
from tests.servers.postgres import Postgres
from tests.store.crawls import LIFECYCLE


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path}/store.db"
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        address = postgres.create_database()
    store = open_store(address, LIFECYCLE, create=True)
    assert isinstance(store, SqlStore)
    yield store
    store.close()


@pytest.fixture
def desk(store: SqlStore) -> Desk:
    return Desk(store)
