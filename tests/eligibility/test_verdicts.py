"""What the rows of a check mean; the same on every kind of database."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.config import Address, Database
from app.config.databases import CHECKS
from app.domain.history import renewed
from app.eligibility import Databases
from tests.eligibility.asking import SCORE, STATUS, ask, said
from tests.eligibility.conftest import new_database, run
from tests.servers.mariadb import Mariadb
from tests.servers.postgres import Postgres


def test_each_check_answers_for_the_datasets_asked_about(database: Database) -> None:
    """Null is UNKNOWN; what is not in the database is not in the answer; white space around is no difference."""
    status, score = ask(database, STATUS, SCORE)
    assert (status.check, status.database, score.check) == ("status", "curation", "score")
    rest = {"E-MTAB-3": "UNKNOWN", "E-MTAB-4": "PASS"}
    assert said(status) == {"E-MTAB-1": "PASS", "E-MTAB-2": "FAIL (no raw files)", **rest}
    assert said(score) == {"E-MTAB-1": "PASS", "E-MTAB-2": "FAIL (score 3.5)", **rest}


def test_the_checks_that_sites_have_by_default(postgres: Postgres, mariadb: Mariadb) -> None:
    pro, autosubs = (replace(new_database(server), name=name)
                     for server, name in ((postgres, "gxpatlaspro"), (mariadb, "ae_autosubs")))  # fmt: skip
    run(postgres, pro, "CREATE TABLE rnaseq_atlas_eligibility (ae2_acc TEXT PRIMARY KEY, status TEXT)",
        "INSERT INTO rnaseq_atlas_eligibility VALUES ('E-1', 'PASS'), ('E-2', 'pass'), ('E-3', 'no SDRF'), ('E-4', '')",
        "INSERT INTO rnaseq_atlas_eligibility VALUES ('E-5', NULL)")  # fmt: skip
    run(mariadb, autosubs, "CREATE TABLE experiments (accession VARCHAR(255), atlas_fail_score INT)",
        "INSERT INTO experiments VALUES ('E-1', 0), ('E-2', -1), ('E-3', 12), ('E-5', NULL)")  # fmt: skip
    eligible, score = Databases([pro, autosubs], CHECKS).verdicts([f"E-{n}" for n in range(1, 7)])
    assert (eligible.check, score.check) == ("rnaseq_atlas_eligibility", "atlas_fail_score")
    assert said(eligible) == {
        "E-1": "PASS", "E-2": "FAIL (pass)", "E-3": "FAIL (no SDRF)", "E-4": "FAIL", "E-5": "UNKNOWN"
    }  # fmt: skip
    assert said(score) == {"E-1": "PASS", "E-2": "FAIL (score -1)", "E-3": "FAIL (score 12)", "E-5": "UNKNOWN"}


# --------------------------------------------------------------------------- values


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
        ("B'1'", "1"),
        ("'0.0'", "0.0"),
        ("''", ""),
        ("'\\x636166c3a9'::bytea", "café"),
        ("'\\x636166e9'::bytea", "café"),
        ("DATE '2030-01-02'", "2030-01-02"),
        ("'{1,2}'::int[]", "[1, 2]"),
        ("'a'::\"char\"", "a"),
    ],
)
def test_values_of_postgresql_are_compared_and_shown_as_text(value: str, text: str, postgresql: Database) -> None:
    assert compared(postgresql, f"SELECT 'E-MTAB-1', {value}", text)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("INT", "0", "0"),
        ("TINYINT(1)", "1", "1"),
        ("BIT(1)", "1", "1"),
        ("BIT(1)", "0", "0"),
        ("BIT(10)", "513", "513"),
        ("BIGINT UNSIGNED", "18446744073709551615", "18446744073709551615"),
        ("DECIMAL(6, 2)", "0", "0"),
        ("DECIMAL(6, 2)", "2.5", "2.5"),
        ("DECIMAL(6, 2)", "100", "100"),
        ("FLOAT", "0.1", "0.1"),
        ("DOUBLE", "-0e0", "0"),
        ("YEAR", "2030", "2030"),
        ("DATE", "'2030-01-02'", "2030-01-02"),
        ("ENUM('PASS', 'FAIL')", "'PASS'", "PASS"),
        ("CHAR(9)", "'PASS'", "PASS"),
        ("BINARY(4)", "'PASS'", "PASS"),
        ("VARBINARY(9)", "'PASS '", "PASS"),
        ("VARCHAR(9) COLLATE utf8mb4_bin", "'PÄSS'", "PÄSS"),
        ("VARCHAR(9) CHARACTER SET latin1", "'PÄSS'", "PÄSS"),
        ("VARCHAR(9) CHARACTER SET ucs2", "'PÄSS'", "PÄSS"),
        ("VARBINARY(9)", "X'50C44E'", "PÄN"),
        ("BLOB", "'PÄSS'", "PÄSS"),
        ("JSON", "'[1]'", "[1]"),
        ("VARCHAR(9)", "''", ""),
    ],
)
def test_values_of_mysql_are_compared_and_shown_as_text(
    column: str, value: str, text: str, mysql: Database, mariadb: Mariadb
) -> None:
    run(mariadb, mysql, f"CREATE OR REPLACE TABLE odd (it {column})", f"INSERT INTO odd VALUES ({value})")
    assert compared(mysql, "SELECT 'E-MTAB-1', it FROM odd", text)


def compared(database: Database, query: str, text: str) -> bool:
    """Does it pass when this text passes, and say this text when it fails?"""
    passing = replace(SCORE, passes=frozenset({text}), query=query)
    passed, failed = ask(database, passing, replace(passing, passes=frozenset({"something else"})))
    return (said(passed), said(failed)) == (
        {"E-MTAB-1": "PASS"},
        {"E-MTAB-1": f"FAIL (score {text})"},
    )


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


@pytest.mark.parametrize("stored", ["chr(233)", "chr(195) || chr(169)"], ids=["Latin-1", "UTF-8"])
def test_text_of_a_postgresql_that_knows_no_encoding(stored: str, postgres: Postgres) -> None:
    """One row that is in no encoding at all must not cost the verdicts of all others."""
    with postgres.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS old")
        cursor.execute("CREATE DATABASE old ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    old = Database("curation", Address(postgres.address("old")), "postgresql")
    (answer,) = ask(old, f"SELECT 'E-MTAB-1', 'caf' || {stored} UNION SELECT 'E-MTAB-2', 'PASS'")
    assert said(answer) == {"E-MTAB-1": "FAIL (café)", "E-MTAB-2": "PASS"}


def test_text_of_a_postgresql_in_an_encoding_of_its_own(postgres: Postgres) -> None:
    with postgres.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS polish")
        cursor.execute("CREATE DATABASE polish ENCODING 'LATIN2' LOCALE 'C' TEMPLATE template0")
    polish = Database("curation", Address(postgres.address("polish")), "postgresql")
    (answer,) = ask(polish, "SELECT 'E-MTAB-1', chr(179) || 'ódka'")
    assert said(answer) == {"E-MTAB-1": "FAIL (łódka)"}


def test_text_of_an_sqlite_file_in_no_encoding(sqlite: Database) -> None:
    (answer,) = ask(sqlite, "SELECT 'E-MTAB-1', CAST(X'636166E9' AS TEXT) UNION SELECT 'E-MTAB-2', 'PASS'")
    assert said(answer) == {"E-MTAB-1": "FAIL (café)", "E-MTAB-2": "PASS"}


# --------------------------------------------------------------------------- age


@pytest.mark.parametrize(
    "query",
    ["SELECT acc, status FROM nowhere", "SELECT acc FROM checks", "SELECT status, acc FROM checks WHERE acc = 'x'"],
    ids=["it fails", "it cannot be used", "nothing is said of them"],
)
def test_an_answer_that_says_nothing_keeps_the_last_verdicts_with_their_age(query: str, database: Database) -> None:
    monday, tuesday = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)
    before = renewed({}, ask(database, STATUS), monday)
    after = renewed(before, ask(database, replace(STATUS, query=query)), tuesday)
    assert {(str(v), v.checked) for v in before.values()} == {("PASS", monday), ("FAIL (no raw files)", monday)}
    assert {key: (str(v), v.checked) for key, v in after.items()} == {
        key: (str(v), monday) for key, v in before.items()
    }


# --------------------------------------------------------------------------- queries


def test_signs_that_drivers_use_are_nothing_special_in_a_query(database: Database) -> None:
    (answer,) = ask(database, "SELECT acc, status FROM checks WHERE acc LIKE 'E-%1' AND status <> ':x %s ?'")
    assert said(answer) == {"E-MTAB-1": "PASS"}


@pytest.mark.parametrize(
    "query",
    [
        "  SELECT acc, status FROM checks WHERE acc = 'E-MTAB-1' ; \n",
        "SELECT acc, status FROM checks WHERE acc = 'E-MTAB-1' -- the first",
        "/* the first */ SELECT acc, status FROM checks WHERE acc > 'E' ORDER BY acc LIMIT 1",
        "WITH one AS (SELECT * FROM checks WHERE acc = 'E-MTAB-1') SELECT acc, status FROM one",
        "SELECT acc, status FROM checks WHERE acc = 'E-MTAB-1' UNION SELECT 'E-MTAB-8', ';'",
        "SELECT acc, min(status) FROM checks GROUP BY acc HAVING acc = 'E-MTAB-1'",
    ],
)
def test_any_select_can_be_a_check(query: str, database: Database) -> None:
    (answer,) = ask(database, query)
    assert said(answer) == {"E-MTAB-1": "PASS"}


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_the_checks_of_a_database_share_one_connection(kind: str, request: pytest.FixtureRequest) -> None:
    mine = {"postgresql": "pg_backend_pid()", "mysql": "connection_id()"}[kind]
    one, other = ask(request.getfixturevalue(kind), *[f"SELECT 'E-MTAB-1', {mine}"] * 2)
    assert said(one) == said(other)


def test_a_database_without_checks_is_left_alone(sqlite: Database) -> None:
    other = replace(STATUS, database="another")
    assert ask(sqlite, other) == []


def test_importing_is_light() -> None:
    """SQLAlchemy and the drivers take longer to import than an unchanged crawl may take."""
    code = "import sys, app.eligibility; sys.exit(bool({'sqlalchemy', 'psycopg2', 'pymysql'} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
