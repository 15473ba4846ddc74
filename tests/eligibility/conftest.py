"""A curation database of each kind, with the same rows in it."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from app.config import Address, Database, Tls
from tests.servers.mariadb import Mariadb
from tests.servers.postgres import Postgres

ROWS: list[tuple[str | None, str | None, float | None]] = [
    ("E-MTAB-1", "PASS", 0),
    ("E-MTAB-2", "no raw files", 3.50),
    ("E-MTAB-3", None, None),
    (" E-MTAB-4 ", "PASS ", 0.0),
    ("E-MTAB-9", "PASS", 0),
    (None, "PASS", 0),
]


Server = Postgres | Mariadb


def new_database(server: Server) -> Database:
    """Called curation, and empty. Without TLS, which takes PyMySQL longer than all else together."""
    address, tls = Address(server.create_database()), Tls("off")
    return Database("curation", address, "mysql" if isinstance(server, Mariadb) else "postgresql", 2, 30, tls)


def run(server: Server, database: Database, *statements: str) -> None:
    """As one who may write."""
    with server.cursor(make_url(database.url).database) as cursor:
        for statement in statements:
            cursor.execute(statement)


def filled(server: Server) -> Database:
    database = new_database(server)
    with server.cursor(make_url(database.url).database) as cursor:
        cursor.execute("CREATE TABLE checks (acc VARCHAR(20), status CHAR(20), score NUMERIC(6, 2))")
        cursor.executemany("INSERT INTO checks VALUES (%s, %s, %s)", ROWS)
    return database


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    path = tmp_path / "odd #name of a %20 file.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE checks (acc TEXT, status TEXT, score REAL)")
        connection.executemany("INSERT INTO checks VALUES (?, ?, ?)", ROWS)
    return Database("curation", Address(f"sqlite:///{str(path).replace('%', '%25')}"), "sqlite", 2, 30)


# No test changes them: all that is asked of them is asked by a reader. Fresh ones would take half a minute.


@pytest.fixture(scope="session")
def postgresql(postgres: Postgres) -> Database:
    database = filled(postgres)
    run(
        postgres, database, "CREATE SEQUENCE counter",
        "CREATE FUNCTION written() RETURNS TEXT LANGUAGE SQL AS $$ UPDATE checks SET status = 'PASS'; SELECT 'x' $$",
    )  # fmt: skip
    return database


@pytest.fixture(scope="session")
def mysql(mariadb: Mariadb) -> Database:
    database = filled(mariadb)
    run(
        mariadb, database,
        "CREATE FUNCTION written() RETURNS INT DETERMINISTIC BEGIN UPDATE checks SET status = 'PASS'; RETURN 1; END",
        "CREATE PROCEDURE rewrite() BEGIN COMMIT; SET SESSION TRANSACTION READ WRITE;"
        " UPDATE checks SET status = 'PASS'; COMMIT; SELECT 'E-MTAB-1', 'PASS'; END",
    )  # fmt: skip
    return database


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def database(request: pytest.FixtureRequest) -> Database:
    made: Database = request.getfixturevalue(request.param)
    return made


@pytest.fixture(params=["postgresql", "mysql"])
def remote(request: pytest.FixtureRequest) -> Database:
    """One of a server."""
    made: Database = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def server(remote: Database, request: pytest.FixtureRequest) -> Server:
    """That server."""
    running: Server = request.getfixturevalue("mariadb" if remote.dialect == "mysql" else "postgres")
    return running


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities, `ours` and `other`; of the first a `server` that is 127.0.0.1, and a `client`."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)

    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    for name in ("ours", "other"):
        openssl(f"req -x509 {key} -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem")
    for name, more in (("server", "-addext subjectAltName=IP:127.0.0.1"), ("client", "")):
        openssl(f"req {key} -subj /CN={name} -keyout {name}.key -out {name}.csr {more}")
        openssl(f"x509 -req -in {name}.csr -CA ours.pem -CAkey ours.key -days 2 -copy_extensions copy -out {name}.pem")
    return folder
