"""Nothing that stands in a check or an authority can write."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from app.config import Database
from tests.eligibility.asking import SCORE, STATUS, ask, error, listed, said
from tests.eligibility.conftest import Server, run
from tests.servers.mariadb import Mariadb

UNCHANGED = [
    {"E-MTAB-1": "PASS", "E-MTAB-2": "FAIL (no raw files)", "E-MTAB-3": "UNKNOWN", "E-MTAB-4": "PASS"},
    {"E-MTAB-1": "PASS", "E-MTAB-2": "FAIL (score 3.5)", "E-MTAB-3": "UNKNOWN", "E-MTAB-4": "PASS"},
]
EVERYWHERE = [
    "UPDATE checks SET status = 'PASS'",
    "DELETE FROM checks",
    "WITH one AS (SELECT 1) DELETE FROM checks",
    "SELECT acc, status FROM checks; DELETE FROM checks",
    "DROP TABLE checks",
    "CREATE TABLE another (acc INT)",
    "INSERT INTO checks (acc) VALUES ('E-MTAB-5')",
]


@pytest.mark.parametrize("query", EVERYWHERE)
def test_a_statement_that_writes_is_refused(query: str, database: Database) -> None:
    refused(database, query)
    (answer,) = ask(database, "SELECT acc, status FROM another")
    assert error(answer)


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM checks RETURNING acc, status",
        "WITH gone AS (DELETE FROM checks RETURNING acc, status) SELECT * FROM gone",
        "SELECT acc, status FROM checks; COMMIT; DELETE FROM checks",
        "SELECT acc, status FROM checks; COMMIT; BEGIN READ WRITE; DELETE FROM checks; COMMIT",
        "SELECT acc, status INTO another FROM checks",
        "SELECT acc, status FROM checks FOR UPDATE",
        "SELECT acc, written() FROM checks",
        "SELECT 'E-MTAB-1', nextval('counter')",
        "SELECT 'E-MTAB-1', set_config('transaction_read_only', 'off', false) || written()",
        "COPY checks TO PROGRAM 'touch {folder}/written'",
    ],
)
def test_nothing_writes_to_a_postgresql(query: str, postgresql: Database, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    refused(postgresql, query.format(folder=tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM checks RETURNING acc, status",
        "SELECT acc, status FROM checks; COMMIT; START TRANSACTION READ WRITE; DELETE FROM checks; COMMIT",
        "SELECT acc, status FROM checks FOR UPDATE",
        "SELECT acc, written() FROM checks",
        "CALL rewrite()",
        "SET SESSION TRANSACTION READ WRITE",
        "SELECT acc, status FROM checks INTO OUTFILE '{folder}/written'",
        "SELECT acc, status INTO DUMPFILE '{folder}/written' FROM checks LIMIT 1",
        "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE checks",
    ],
)
def test_nothing_writes_to_a_mysql(query: str, mysql: Database, server_folder: Path) -> None:
    refused(mysql, query.format(folder=server_folder))
    assert not (server_folder / "written").exists()


@pytest.fixture
def server_folder(mariadb: Mariadb, mysql: Database) -> Path:
    """One that the server can write to."""
    folder = mariadb.folder
    run(mariadb, mysql, f"SELECT 1 INTO OUTFILE '{folder}/writable'")
    (folder / "writable").unlink()
    return folder


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM checks RETURNING acc, status",
        "ATTACH DATABASE '{folder}/written' AS x",
        "VACUUM INTO '{folder}/written'",
        "PRAGMA user_version = 7",
    ],
)
def test_nothing_writes_to_an_sqlite_file(query: str, sqlite: Database, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    refused(sqlite, query.format(folder=tmp_path))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def refused(database: Database, query: str) -> None:
    no, *after = ask(database, query, STATUS, SCORE)
    assert "check check0: " in error(no)
    assert "query must be one SELECT" in no.error or "it may only read" in no.error
    (listing,) = listed(database, query)
    assert "authority authority0: " in error(listing)
    later = ask(database, STATUS, SCORE)
    assert [said(answer) for answer in after] == [said(answer) for answer in later] == UNCHANGED


def test_a_line_to_a_server_only_reads_whatever_is_sent_on_it(remote: Database) -> None:
    """Also without the query around the query."""
    from app.eligibility.lines import failures, open_line

    line = open_line(remote)
    line.begin()
    with pytest.raises(failures(remote), match=r"(?i)read.only"):
        line.connection.cursor().execute("UPDATE checks SET status = 'PASS'")
    line.close()


def test_locks_of_others_do_not_hold_up_a_reader(remote: Database, server: Server) -> None:
    with server.cursor(make_url(remote.url).database) as cursor:
        cursor.execute("BEGIN")
        cursor.execute("UPDATE checks SET status = 'PASS'")
        (answer,) = ask(remote, STATUS)
    assert said(answer)["E-MTAB-2"] == "FAIL (no raw files)"
