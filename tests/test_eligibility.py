from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from app.config import Address, Check, Database
from app.domain.model import Answer
from app.eligibility import Databases
from tests.servers.postgres import PASSWORD, Postgres, free_port

STATUS = Check("status", "curation", "SELECT acc, status FROM checks", frozenset({"PASS"}))
SCORE = Check("score", "curation", "SELECT acc, score FROM checks", frozenset({"0"}), "score {value}")
ROWS: list[tuple[str | None, str | None, float | None]] = [
    ("E-MTAB-1", "PASS", 0),
    ("E-MTAB-2", "no raw files", 3.50),
    ("E-MTAB-3", None, None),
    (" E-MTAB-4 ", "PASS ", 0.0),
    ("E-MTAB-9", "PASS", 0),
    (None, "PASS", 0),
]
ASKED = ("E-MTAB-1", "E-MTAB-2", "E-MTAB-3", "E-MTAB-4", "E-MTAB-5")


def ask(database: Database, *queries: str | Check, about: Collection[str] = ASKED) -> list[Answer]:
    checks = [q if isinstance(q, Check) else replace(STATUS, name=f"check{n}", query=q) for n, q in enumerate(queries)]
    return list(Databases([database], checks).verdicts(about))


def said(answer: Answer) -> dict[str, str]:
    """dataset -> verdict in words"""
    assert answer.verdicts is not None, answer.error
    assert all((v.dataset, v.check) == (d, answer.check) for d, v in answer.verdicts.items())
    return {dataset: str(verdict) for dataset, verdict in answer.verdicts.items()}


def error(answer: Answer) -> str:
    """Why there are no verdicts: one line that names the database, and no password."""
    assert answer.verdicts is None
    assert answer.error.startswith("curation (")
    assert "\n" not in answer.error
    assert PASSWORD not in answer.error
    return answer.error


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    path = tmp_path / "odd #name of a %20 file.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE checks (acc TEXT, status TEXT, score REAL)")
        connection.executemany("INSERT INTO checks VALUES (?, ?, ?)", ROWS)
    return Database("curation", Address(f"sqlite:///{str(path).replace('%', '%25')}"), "sqlite", 2, 30)


@contextmanager
def superuser(address: str) -> Iterator[Any]:
    """A cursor that may write."""
    with closing(psycopg2.connect(address.replace("+psycopg2", ""))) as connection:
        connection.autocommit = True
        yield connection.cursor()


@pytest.fixture
def postgresql(postgres: Postgres) -> Database:
    address = postgres.create_database()
    with superuser(address) as cursor:
        cursor.execute("CREATE TABLE checks (acc TEXT, status CHAR(20), score NUMERIC(6, 2))")
        cursor.executemany("INSERT INTO checks VALUES (%s, %s, %s)", ROWS)
        cursor.execute("CREATE SEQUENCE counter")
    return Database("curation", Address(address), "postgresql", 2, 30)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    made: Database = request.getfixturevalue(request.param)
    return made


# --------------------------------------------------------------------------- what rows mean


def test_each_check_answers_for_the_datasets_asked_about(database: Database) -> None:
    """Null is UNKNOWN; what is not in the database is not in the answer; white space around is no difference."""
    status, score = ask(database, STATUS, SCORE)
    assert (status.check, status.database, score.check) == ("status", "curation", "score")
    rest = {"E-MTAB-3": "UNKNOWN", "E-MTAB-4": "PASS"}
    assert said(status) == {"E-MTAB-1": "PASS", "E-MTAB-2": "FAIL (no raw files)", **rest}
    assert said(score) == {"E-MTAB-1": "PASS", "E-MTAB-2": "FAIL (score 3.5)", **rest}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("0.00::numeric", "0"),
        ("0::float8", "0"),
        ("'-0'::float8", "0"),
        ("2.50::numeric", "2.5"),
        ("0.1::float8", "0.1"),
        ("100::bigint", "100"),
        ("1e20::float8", "100000000000000000000"),
        ("'NaN'::float8", "NaN"),
        ("true", "true"),
        ("'0.0'", "0.0"),
        ("''", ""),
        ("DATE '2030-01-02'", "2030-01-02"),
    ],
)
def test_values_are_compared_and_shown_as_text(value: str, text: str, postgresql: Database) -> None:
    query = f"SELECT 'E-MTAB-1', {value}"
    passing = replace(SCORE, passes=frozenset({text}), query=query)
    failing = replace(SCORE, passes=frozenset({"something else"}), query=query)
    passed, failed = ask(postgresql, passing, failing)
    assert said(passed) == {"E-MTAB-1": "PASS"}
    assert said(failed) == {"E-MTAB-1": f"FAIL (score {text})"}


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        (["'PASS'", "'bad'"], "FAIL (bad)"),
        (["'bad'", "'PASS'"], "FAIL (bad)"),
        (["NULL", "'PASS'"], "PASS"),
        (["'PASS'", "NULL"], "PASS"),
        (["NULL", "NULL"], "UNKNOWN"),
        (["'bad'", "'worse'"], "FAIL (worse)"),
        (["'worse'", "'bad'"], "FAIL (worse)"),
    ],
)
def test_the_gravest_of_several_verdicts_counts_in_whatever_order_they_come(
    values: list[str], verdict: str, sqlite: Database
) -> None:
    (answer,) = ask(sqlite, " UNION ALL ".join(f"SELECT 'E-MTAB-1', {value}" for value in values))
    assert said(answer) == {"E-MTAB-1": verdict}


def test_text_that_comes_as_bytes_is_text(sqlite: Database) -> None:
    (answer,) = ask(sqlite, "SELECT CAST('E-MTAB-1' AS BLOB), CAST('PASS' AS BLOB)")
    assert said(answer) == {"E-MTAB-1": "PASS"}


def test_signs_that_drivers_use_are_nothing_special_in_a_query(database: Database) -> None:
    (answer,) = ask(database, "SELECT acc, status FROM checks WHERE acc LIKE 'E-%1' AND status <> ':x %s ?'")
    assert said(answer) == {"E-MTAB-1": "PASS"}


def test_of_a_large_table_only_what_was_asked_for_is_kept(postgresql: Database) -> None:
    asked = [f"E-MTAB-{n}" for n in range(10)]
    (answer,) = ask(postgresql, "SELECT 'E-MTAB-' || n, 'PASS' FROM generate_series(0, 49999) n", about=asked)
    assert said(answer) == dict.fromkeys(asked, "PASS")


def test_rows_are_streamed_from_a_cursor_of_the_server(postgresql: Database) -> None:
    (answer,) = ask(postgresql, "SELECT 'E-MTAB-1', count(*) FROM pg_cursors")
    assert said(answer) == {"E-MTAB-1": "FAIL (1)"}


def test_the_checks_of_a_database_share_one_connection(postgresql: Database) -> None:
    one, other = ask(postgresql, *["SELECT 'E-MTAB-1', pg_backend_pid()"] * 2)
    assert said(one) == said(other)


def test_a_database_without_checks_is_left_alone(sqlite: Database) -> None:
    other = replace(STATUS, database="another")
    assert ask(sqlite, other) == []


# --------------------------------------------------------------------------- databases that cannot be asked


def test_a_stopped_server_is_an_answer_for_each_check_and_the_others_go_on(
    postgres: Postgres, postgresql: Database, sqlite: Database
) -> None:
    elsewhere = replace(STATUS, name="elsewhere", database="other")
    databases = Databases([postgresql, replace(sqlite, name="other")], [STATUS, SCORE, elsewhere])
    postgres.stop()
    try:
        status, score, other = databases.verdicts(ASKED)
    finally:
        postgres.start()
    assert "Connection refused; is the server running" in error(status)
    assert error(status) == error(score)
    assert said(other)["E-MTAB-1"] == "PASS"
    assert said(next(databases.verdicts(ASKED)))["E-MTAB-1"] == "PASS"


def test_a_database_that_cannot_be_reached_is_tried_once_however_many_its_checks() -> None:
    def visits(checks: int) -> int:
        with impolite_server() as (port, seen):
            address = Address(f"postgresql+psycopg2://curator:{PASSWORD}@127.0.0.1:{port}/x?sslmode=disable")
            answers = ask(Database("curation", address, "postgresql", 2, 2), *["SELECT 1, 2"] * checks)
        assert len(answers) == checks and all(map(error, answers))
        return len(seen)

    assert visits(3) == visits(1) == 1


@contextmanager
def impolite_server() -> Iterator[tuple[int, list[object]]]:
    """Its port, and the clients it hung up on."""
    seen: list[object] = []

    def serve() -> None:
        while True:
            client, address = listening.accept()
            if stop.is_set():
                return client.close()
            seen.append(address)
            client.close()

    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1], seen
        finally:
            stop.set()
            socket.create_connection(listening.getsockname()).close()
            thread.join()


def test_a_server_that_never_answers_costs_the_time_allowed_for_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address(f"postgresql+psycopg2://curator:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/x")
        (answer,) = ask(Database("curation", address, "postgresql", 0.5, 1), STATUS)
    assert "timeout expired; is the server running" in error(answer)


def test_a_wrong_password_is_said_and_not_shown(postgres: Postgres, postgresql: Database) -> None:
    wrong = replace(postgresql, url=Address(postgres.address("postgres", password="wr0ng-pass-phrase")))
    (answer,) = ask(wrong, STATUS)
    assert 'password authentication failed for user "curator"; check the user and the password' in error(answer)
    assert "wr0ng" not in answer.error


def test_a_mysql_that_refuses() -> None:
    address = Address(f"mysql+pymysql://curator:{PASSWORD}@127.0.0.1:{free_port()}/ae_autosubs")
    (answer,) = ask(Database("curation", address, "mysql", 1, 1), STATUS)
    assert "Connection refused" in error(answer)
    assert "; is the server running" in answer.error


def absent(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def something_else(path: Path) -> None:
    path.write_text("Accession\tStatus\n" * 100)


@pytest.mark.parametrize(
    ("is_", "message"),
    [
        (absent, "unable to open database file; is the path right"),
        (a_folder, "; is the path right"),
        (something_else, "file is not a database; is the path right? This file is something else"),
    ],
)
def test_an_sqlite_file_that_is_not_one(
    is_: Callable[[Path], None], message: str, sqlite: Database, tmp_path: Path
) -> None:
    (path,) = tmp_path.iterdir()
    is_(path)
    (answer,) = ask(sqlite, STATUS)
    assert message in error(answer)
    assert path.exists() is (is_ is not absent)


def test_an_sqlite_file_that_another_program_holds(sqlite: Database, tmp_path: Path) -> None:
    (path,) = tmp_path.iterdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        (answer,) = ask(replace(sqlite, connect_timeout=0.05), STATUS)
        assert time.monotonic() - started < 4  # the driver would wait 5 s
    assert "database is locked; another program is writing" in error(answer)


def test_a_driver_that_is_not_installed(sqlite: Database) -> None:
    (answer,) = ask(replace(sqlite, url=Address("postgresql+pg8000://x:y@h/z"), dialect="postgresql"), STATUS)
    assert "No module named 'pg8000'; install it" in error(answer)


# --------------------------------------------------------------------------- queries that fail


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT acc FROM checks", "check check0: the query gives acc; it must give two columns"),
        ("SELECT acc, status, score FROM checks", "the query gives acc, status, score; it must give two columns"),
        ("SELECT a, b FROM nowhere", "check check0: "),
        ("SELECT a, b FROM nowhere", "nowhere"),
        ("SELECT a, b FROM nowhere", "; do the database and the query in the settings name what is there?"),
        ("SELECT no_such, status FROM checks", "no_such"),
        ("SELEC acc, status FROM checks", "syntax error; a check's query must be one SELECT"),
    ],
)
def test_a_query_that_fails_says_why_and_spoils_no_other(query: str, message: str, database: Database) -> None:
    failed, well = ask(database, query, STATUS)
    assert message in error(failed).replace(' at or near "SELEC"', "").replace('near "SELEC": ', "")
    assert said(well)["E-MTAB-1"] == "PASS"


def test_text_that_is_not_in_the_database_s_encoding(postgres: Postgres) -> None:
    address = postgres.create_database()
    with superuser(address) as cursor:
        cursor.execute("CREATE DATABASE old ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    old = Database("curation", Address(postgres.address("old")), "postgresql", 2, 30)
    failed, well = ask(old, "SELECT 'E-MTAB-1', chr(233)", "SELECT 'E-MTAB-1', 'PASS'")
    assert "0xe9 in position 0" in error(failed)
    assert said(well) == {"E-MTAB-1": "PASS"}


ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'E-MTAB-1', max(i) FROM n",
    "postgresql": "SELECT 'E-MTAB-1', pg_sleep(600)",
}


def test_a_query_that_takes_too_long_is_ended(database: Database) -> None:
    slow, well = ask(replace(database, query_timeout=0.3), ENDLESS[database.dialect], STATUS)
    assert "check check0" in error(slow)
    assert "; the time allowed is 0.3 s: allow more (query_timeout) or make the query cheaper" in slow.error
    assert said(well)["E-MTAB-1"] == "PASS"


def test_a_connection_that_breaks_is_replaced_by_one_as_harmless(postgresql: Database) -> None:
    broken, well, writing = ask(
        postgresql,
        "SELECT 'E-MTAB-1', pg_terminate_backend(pg_backend_pid())",
        STATUS,
        "SELECT 'E-MTAB-1', nextval('counter')",
    )
    assert "check check0" in error(broken)
    assert said(well)["E-MTAB-1"] == "PASS"
    assert "read-only transaction" in error(writing)


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("sqlite", "UPDATE checks SET status = 'PASS'"),
        ("sqlite", "DELETE FROM checks RETURNING acc, status"),
        ("sqlite", "SELECT acc, status FROM checks; DELETE FROM checks"),
        ("postgresql", "UPDATE checks SET status = 'PASS'"),
        ("postgresql", "DELETE FROM checks RETURNING acc, status"),
        ("postgresql", "WITH gone AS (DELETE FROM checks RETURNING acc, status) SELECT * FROM gone"),
        ("postgresql", "SELECT acc, status FROM checks; COMMIT; DELETE FROM checks"),
        ("postgresql", "SELECT 'E-MTAB-1', nextval('counter')"),
    ],
)
def test_a_check_cannot_write(kind: str, query: str, request: pytest.FixtureRequest) -> None:
    database: Database = request.getfixturevalue(kind)
    before = [said(answer) for answer in ask(database, STATUS, SCORE)]
    refused, *after = ask(database, query, STATUS, SCORE)
    assert "check check0" in error(refused)
    assert [said(answer) for answer in after] == before
    assert [said(answer) for answer in ask(database, STATUS, SCORE)] == before


def test_importing_is_light() -> None:
    """SQLAlchemy takes longer to import than an unchanged crawl may take."""
    code = "import sys, app.eligibility; sys.exit('sqlalchemy' in sys.modules)"
    root = Path(__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
