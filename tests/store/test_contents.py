from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.domain.contents import Digests, Identity
from app.errors import StoreError
from app.sources.contents import identical
from app.store import contents
from app.store.database import Database, connect, ensure_schema
from tests.servers.postgres import Postgres

ENDS, WHOLE = bytes(range(16)), b"\\\t\n\r\0'\"\xff" * 2
FILE = (64, 2, 3, 1_767_225_600_123_456_789, 1_767_225_600_123_456_790)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Database:
    if request.param == "sqlite":
        database = connect(f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db")
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        database = connect(postgres.create_database())
    ensure_schema(database, create=True)
    return database


@pytest.fixture
def database(made: Database) -> Database:
    """With nothing in it. To make one takes longer than any test."""
    with made.writing() as transaction:
        transaction.execute("DELETE FROM content")
    return made


def kept(database: Database, *files: Identity) -> dict[Identity, Digests]:
    """Of these files."""
    with database.snapshot() as snapshot:
        found = contents.known(snapshot, files)
    return {file: found[file] for file in files if file in found}


@pytest.mark.parametrize("digests", [(ENDS, WHOLE), (ENDS, None), (WHOLE, WHOLE)])
@pytest.mark.parametrize(
    "file",
    [
        FILE,
        (2**63 - 1, 2**63 - 1, 2**62, 2**63 - 1, 0),
        (2**63, 2**63, 0, -(2**63), -1),
        (2**64 - 1, 2**64 - 1, 1, 1, 1),
        (64, 2**64 - 5, 1, 1, 1),
    ],
)
def test_what_is_kept_is_known(database: Database, file: Identity, digests: Digests) -> None:
    contents.keep(database, {(64, 7, 1, 1, 1): (WHOLE, ENDS), file: digests})
    assert kept(database, file) == {file: digests}
    assert kept(database, (64, 7, 1, 1, 1), file) == {file: digests, (64, 7, 1, 1, 1): (WHOLE, ENDS)}


def test_of_nothing_nothing_is_known(database: Database) -> None:
    contents.keep(database, {})
    assert kept(database) == kept(database, FILE) == {}


@pytest.mark.parametrize("field", range(5))
def test_a_file_that_is_not_as_it_was_is_not_known(database: Database, field: int) -> None:
    contents.keep(database, {FILE: (ENDS, WHOLE)})
    assert kept(database, tuple(value + (number == field) for number, value in enumerate(FILE))) == {}  # type: ignore[arg-type]


def test_what_is_read_again_takes_the_place_of_what_was_read_before(database: Database) -> None:
    changed = (*FILE[:2], 9, 9, 9)
    contents.keep(database, {FILE: (ENDS, None), (64, 3, 1, 1, 1): (ENDS, None)})
    contents.keep(database, {FILE: (ENDS, WHOLE)})
    assert kept(database, FILE) == {FILE: (ENDS, WHOLE)}
    contents.keep(database, {changed: (WHOLE, None)})
    assert kept(database, FILE, changed, (64, 3, 1, 1, 1)) == {
        changed: (WHOLE, None),
        (64, 3, 1, 1, 1): (ENDS, None),
    }


def test_one_file_that_was_seen_as_two_does_not_stop_the_others(database: Database) -> None:
    contents.keep(database, {FILE: (ENDS, None), (*FILE[:2], 9, 9, 9): (WHOLE, None), (64, 3, 1, 1, 1): (ENDS, None)})
    assert kept(database, (64, 3, 1, 1, 1)) == {(64, 3, 1, 1, 1): (ENDS, None)}


@pytest.mark.parametrize("time", [2**63, -(2**63) - 1, 2**70])
def test_a_time_that_no_column_holds_is_not_kept(database: Database, time: int) -> None:
    odd = (64, 3, 1, time, 1)
    contents.keep(database, {FILE: (ENDS, None), odd: (ENDS, None)})
    assert kept(database, FILE, odd) == {FILE: (ENDS, None)}


def test_files_of_many_devices_and_numbers_come_back(database: Database) -> None:
    files = {(n % 7, n * 2**50 % 2**64, n, n, n): (n.to_bytes(16, "big"), None) for n in range(3_000)}
    assert len({file[:2] for file in files}) == 3_000
    contents.keep(database, files)
    assert kept(database, *files) == files


def test_a_store_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreError, match="lacks tables"):
        contents.keep(connect(f"sqlite:///{tmp_path}/empty.db"), {FILE: (ENDS, None)})


def test_a_run_that_is_killed_has_kept_what_it_had_read(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        (tmp_path / f"{number}.txt").write_bytes(b"same")
    monkeypatch.setattr("app.sources.contents.A_BATCH", 4)

    def keep(digests: Mapping[Identity, Digests]) -> None:
        contents.keep(database, digests)
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            identical([os.fsencode(tmp_path)], lambda files: {}, keep, clock=lambda: 2**62)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    seen = [path.stat() for path in tmp_path.glob("*.txt")]
    files = [(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in seen]
    assert len(kept(database, *files)) == 4
