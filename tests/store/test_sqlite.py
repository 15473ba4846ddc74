"""A file that does not behave: one clear line, and nothing lost."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from app.errors import StoreError, StoreMissing
from app.store import open_store
from app.store.database import Database
from app.store.sql import SqlStore
from tests.store.crawls import LIFECYCLE, World, crawl, decision, hour, sighting

WORLD = World(sightings=[sighting("E-MTAB-1")], decisions=[decision("E-MTAB-1")])
LARGE = World(sightings=[sighting(f"E-MTAB-{n}") for n in range(3000)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    store = opened(path)
    crawl(store, WORLD, 0)
    yield store
    store.close()


def opened(path: Path, *, create: bool = True) -> SqlStore:
    store = open_store(f"sqlite:///{path}", LIFECYCLE, create=create, patience=timedelta(milliseconds=50))
    assert isinstance(store, SqlStore)
    return store


def test_a_store_is_made_with_its_directory(path: Path) -> None:
    opened(path)
    assert opened(path, create=False).known().run == 0


@pytest.mark.parametrize("what", ["nothing", "empty file"])
def test_without_a_crawl_there_is_no_store_and_none_is_made(path: Path, what: str) -> None:
    if what == "empty file":
        path.parent.mkdir()
        path.touch()
    with pytest.raises(StoreMissing, match="nothing has been crawled yet"):
        opened(path, create=False)
    assert path.exists() is (what == "empty file")


def test_a_file_that_is_away_is_not_made_anew(store: SqlStore, path: Path) -> None:
    """As when its disk is not mounted: an empty store would have everything new, and lose the history."""
    away = path.parent.rename(path.parent.with_name("away"))
    path.parent.mkdir()
    for ask in (store.known, lambda: crawl(store, WORLD, 1)):
        with pytest.raises(StoreError, match="cannot be opened"):
            ask()
    assert not list(path.parent.iterdir())
    path.parent.rmdir()
    away.rename(path.parent)
    assert store.known().run == 1


def test_any_name_will_do_for_a_file(tmp_path: Path) -> None:
    for name in ("a b", "what?mode=ro", "50%25", "#1", "ü", "a&b"):
        path = tmp_path / f"{name}.db"
        crawl(opened(path), WORLD, 0)
        assert opened(path, create=False).known().run == 1
        assert path.exists()


def _text(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("These are my notes, not a database. " * 100)


def _directory(path: Path) -> None:
    path.mkdir(parents=True)


def _parent_is_a_file(path: Path) -> None:
    path.parent.write_text("a file where the directory should be")


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(
    ("spoil", "what"),
    [(_text, "not an SQLite database"), (_directory, "cannot be opened")],
)
def test_what_is_no_store_is_said_in_one_line(
    path: Path, spoil: Callable[[Path], None], what: str, create: bool
) -> None:
    spoil(path)
    with pytest.raises(StoreError, match=what) as refused:
        opened(path, create=create)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


def test_a_directory_that_cannot_be_made_is_said_in_one_line(path: Path) -> None:
    _parent_is_a_file(path)
    with pytest.raises(StoreError, match=r"store\.db: its directory cannot be made"):
        opened(path)


def test_a_path_that_no_file_can_have_is_said_in_one_line(path: Path) -> None:
    path.parent.mkdir()
    with pytest.raises(StoreError, match="cannot be opened: File name too long"):
        opened(path.with_name("x" * 300))


def test_a_file_that_is_no_database_is_left_as_it_is(path: Path) -> None:
    _text(path)
    before = path.read_bytes()
    with pytest.raises(StoreError):
        opened(path)
    assert path.read_bytes() == before


def test_a_file_locked_by_another_process_is_said_and_can_be_read_meanwhile(store: SqlStore, path: Path) -> None:
    before = store.known()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another process; wait"):
            crawl(store, World(), 1)
        assert store.known() == before
    crawl(store, World(), 1)


def test_a_full_disk_loses_nothing_and_the_next_crawl_goes_on(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    before, connected = store.known(), Database.connected

    def no_room(database: Database) -> sqlite3.Connection:
        connection: sqlite3.Connection = connected(database)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        return connection

    with monkeypatch.context() as full:
        full.setattr(Database, "connected", no_room)
        with pytest.raises(StoreError, match="the disk is full; make room"):
            crawl(store, LARGE, 1)
    assert store.known() == before
    assert len(store.runs()) == 1
    crawl(store, LARGE, 2)
    assert len(store.known().sightings["incoming"]) == 3000


def test_a_store_that_may_only_be_read_can_be_read(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    connected = Database.connected

    def read_only(database: Database) -> sqlite3.Connection:
        connection: sqlite3.Connection = connected(database)
        connection.execute("PRAGMA query_only = ON")
        return connection

    monkeypatch.setattr(Database, "connected", read_only)
    with pytest.raises(StoreError, match="may not be written to by this user"):
        crawl(store, World(), 1)
    assert store.known().run == 1


def test_a_damaged_file_is_said_in_one_line(store: SqlStore, path: Path) -> None:
    crawl(store, LARGE, 1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 8192))
    with pytest.raises(StoreError) as refused:
        store.known()
    assert "\n" not in str(refused.value)


def test_a_commit_is_on_the_disk_and_readers_do_not_wait(store: SqlStore) -> None:
    with store.database.writing() as transaction:
        names = ("journal_mode", "synchronous", "foreign_keys")
        settings = {name: next(transaction.rows(f"PRAGMA {name}"))[0] for name in names}
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize(
    "address",
    ["var/store.db", "sqlite://", "sqlite:///:memory:", "mysql+pymysql://curator:hidden@localhost/x", "postgres:x"],
)
def test_an_address_that_is_no_stores_is_refused_with_those_that_are(address: str) -> None:
    with pytest.raises(StoreError, match=r"sqlite:////path/to/file or postgresql\+psycopg2") as refused:
        open_store(address, LIFECYCLE, create=True)
    assert "hidden" not in str(refused.value)


def test_times_are_kept_in_utc(store: SqlStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT at FROM state_change").fetchone() == ("2026-01-01 06:00:00.000000",)
    assert store.history("E-MTAB-1")[0].at.isoformat() == hour(0).isoformat() == "2026-01-01T06:00:00+00:00"
