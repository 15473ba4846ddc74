"""Databases that cannot be asked, and queries that fail: one sentence each, and the rest goes on."""

from __future__ import annotations

import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import make_url

from app.config import Address, Database, Tls
from app.eligibility import Databases
from tests.eligibility.asking import ASKED, ENCRYPTED, SCORE, STATUS, ask, error, known_as, said
from tests.eligibility.conftest import Server, run
from tests.servers.mariadb import Mariadb
from tests.servers.postgres import PASSWORD, Postgres
from tests.servers.process import free_port

WORKS = "SELECT 'E-MTAB-1', 'PASS'"
SCHEMES = {"postgresql": "postgresql+psycopg2", "mysql": "mysql+pymysql"}


# --------------------------------------------------------------------------- servers


def test_a_stopped_server_is_an_answer_for_each_check_and_the_others_go_on(
    remote: Database, server: Server, sqlite: Database
) -> None:
    elsewhere = replace(STATUS, name="elsewhere", database="other")
    databases = Databases([remote, replace(sqlite, name="other")], [STATUS, SCORE, elsewhere])
    server.stop()
    try:
        status, score, other = databases.verdicts(ASKED)
    finally:
        server.start()
    assert "Connection refused; is the server running" in error(status)
    assert error(status) == error(score)
    assert said(other)["E-MTAB-1"] == "PASS"
    assert said(next(databases.verdicts(ASKED)))["E-MTAB-1"] == "PASS"


@pytest.mark.parametrize("scheme", SCHEMES.values())
def test_a_database_that_cannot_be_reached_is_tried_once_however_many_its_checks(scheme: str) -> None:
    def visits(checks: int) -> int:
        with a_server(lambda client: None) as (port, seen):
            address = Address(f"{scheme}://curator:{PASSWORD}@127.0.0.1:{port}/x")
            dialect = scheme.partition("+")[0]
            if dialect == "postgresql":
                address = Address(f"{address[:]}?sslmode=disable")  # or it comes back to try without
            answers = ask(Database("curation", address, dialect, 2, 2), *["SELECT 1, 2"] * checks)  # type: ignore[arg-type]
        assert len(answers) == checks and all(map(error, answers))
        return len(seen)

    assert visits(3) == visits(1) == 1


@contextmanager
def a_server(serve: Callable[[socket.socket], object]) -> Iterator[tuple[int, list[object]]]:
    """Its port, and the clients it served, one after the other, and hung up on."""
    seen: list[object] = []

    def accept() -> None:
        while True:
            client, address = listening.accept()
            with client:
                if stop.is_set():
                    return
                seen.append(address)
                serve(client)

    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listening.getsockname()[1], seen
        finally:
            stop.set()
            socket.create_connection(listening.getsockname()).close()
            thread.join()


@pytest.mark.parametrize("dialect", SCHEMES)
@pytest.mark.parametrize(
    "greeting",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"220 mail.example.org ESMTP\r\n",
        b"\0" * 99,
        b"\xff" * 99,
        struct.pack("<I", 60) + b"\x0a8.0.36\0" + b"\xe9" * 52,
    ],
    ids=["ssh", "web", "mail", "noughts", "ones", "half a greeting"],
)
def test_something_else_listens_there(dialect: str, greeting: bytes) -> None:
    with a_server(lambda client: client.sendall(greeting)) as (port, _):
        address = Address(f"{SCHEMES[dialect]}://curator:{PASSWORD}@127.0.0.1:{port}/x")
        (answer,) = ask(Database("curation", address, dialect, 2, 2), WORKS)  # type: ignore[arg-type]
    assert f"is a {dialect} server at this host and port" in error(answer) or "is the server running" in answer.error


@pytest.mark.parametrize("dialect", SCHEMES)
def test_a_host_that_does_not_exist(dialect: str) -> None:
    address = Address(f"{SCHEMES[dialect]}://curator:{PASSWORD}@no-such-host.invalid/x")
    (answer,) = ask(Database("curation", address, dialect, 2, 2), WORKS)  # type: ignore[arg-type]
    assert "; is the server running, and are its host and port right" in error(answer)


@pytest.mark.parametrize(
    ("dialect", "option"), [("postgresql", "colour=red"), ("mysql", "colour=red"), ("mysql", "ssl_check_hostname=red")]
)
def test_an_address_with_an_option_that_is_none(dialect: str, option: str) -> None:
    address = Address(f"{SCHEMES[dialect]}://curator:{PASSWORD}@127.0.0.1:{free_port()}/x?{option}")
    (answer,) = ask(Database("curation", address, dialect, 2, 2), WORKS)  # type: ignore[arg-type]
    assert error(answer).endswith("; has the address in the settings an option that is none?")


@pytest.mark.parametrize("dialect", SCHEMES)
def test_the_time_for_connecting_is_not_spent_on_importing(dialect: str, tmp_path: Path) -> None:
    """Which takes longer than this, on a slow machine."""
    (tmp_path / "sqlalchemy.py").write_text("import sys, time; time.sleep(0.6); sys.path.remove(sys.argv[1]);"
                                            " del sys.modules['sqlalchemy']; import sqlalchemy\n")  # fmt: skip
    code = f"""
import sys; sys.path.insert(0, sys.argv[1])
from app.config import Address, Check, Database
from app.eligibility import Databases
database = Database("curation", Address("{SCHEMES[dialect]}://u:p@127.0.0.1:{free_port()}/x"), "{dialect}", 0.5)
print(*Databases([database], [Check("check", "curation", "SELECT 1", frozenset())]).verdicts(()))"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    told = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True).stdout
    assert "refused" in told and "connect_timeout" not in told


def test_of_several_addresses_of_a_host_the_last_one_tried_is_told(postgresql: Database) -> None:
    port = make_url(postgresql.url).port
    other = known_as(postgresql, host=None, port=None, password="wr0ng")
    twice = replace(other, url=Address(f"{other.url[:]}?host=127.0.0.1:{free_port()}&host=127.0.0.1:{port}"))
    (answer,) = ask(twice, WORKS)
    assert "password authentication failed" in error(answer) and "refused" not in answer.error


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("", ""),
        ("off", ""),
        ("prefer", ""),
        ("require", "; it has no TLS: have it set up there, or set tls: prefer in the settings"),
        ("verify", "; it has no TLS: have it set up there, or set tls: prefer in the settings"),
    ],
)
def test_a_server_without_tls(mode: str, message: str, remote: Database, certificates: Path) -> None:
    tls = Tls(mode, ca=str(certificates / "ours.pem") if mode == "verify" else "")  # type: ignore[arg-type]
    (answer,) = ask(replace(remote, tls=tls), ENCRYPTED[remote.dialect])
    if message:
        assert message in error(answer)
    else:
        assert said(answer) == {"E-MTAB-1": "FAIL (false)"}


# --------------------------------------------------------------------------- users


def test_a_wrong_password_is_said_and_not_shown(remote: Database) -> None:
    (answer,) = ask(known_as(remote, password="wr0ng-pass-phrase"), STATUS)
    assert "; check the user and the password in the settings" in error(answer)
    assert "'curator'" in answer.error.replace('"', "'")
    assert "wr0ng" not in answer.error


@pytest.mark.parametrize("password", ["pässwörd", "пароль €", "it's \"%&:/@", " "])
def test_a_password_may_hold_any_letters(password: str, remote: Database, server: Server) -> None:
    user = new_user(remote, server, password)
    (answer,) = ask(known_as(remote, username=user, password=password), WORKS)
    assert said(answer) == {"E-MTAB-1": "PASS"}


def new_user(database: Database, server: Server, password: str = PASSWORD, limit: int = 9) -> str:
    """One who may ask nothing but what needs no permission."""
    user, quoted = f"reader_{time.monotonic_ns()}", password.replace("'", "''")
    if isinstance(server, Postgres):
        run(server, database, f"CREATE USER {user} PASSWORD '{quoted}' CONNECTION LIMIT {limit}")
    else:
        name = make_url(database.url).database
        new = f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY '{quoted}' WITH MAX_USER_CONNECTIONS {limit}"
        run(server, database, new, f"GRANT CREATE TEMPORARY TABLES ON {name}.* TO {user}@'127.0.0.1'")
    return user


def test_a_user_who_may_not_read_the_table(remote: Database, server: Server) -> None:
    user = new_user(remote, server)
    denied, well = ask(known_as(remote, username=user), STATUS, WORKS)
    assert " denied " in error(denied) and "; the user of the settings must be allowed to read this" in denied.error
    assert said(well) == {"E-MTAB-1": "PASS"}


def test_a_user_who_may_not_use_the_database(remote: Database, server: Server) -> None:
    user, name = new_user(remote, server), "locked_away"
    run(server, remote, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    if isinstance(server, Postgres):
        run(server, remote, f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    (answer,) = ask(known_as(remote, username=user, database=name), WORKS)
    assert "; the user of the settings must be allowed to read this" in error(answer)


def test_a_database_that_does_not_exist(remote: Database) -> None:
    (answer,) = ask(known_as(remote, database="nowhere"), STATUS)
    assert "nowhere" in error(answer).partition("): ")[2]
    assert "; do the database and the query in the settings name what is there?" in answer.error


def test_a_user_with_too_many_connections(remote: Database, server: Server) -> None:
    user = new_user(remote, server, limit=1)
    limited = known_as(remote, username=user)
    from app.eligibility.lines import open_line

    line = open_line(limited)
    (answer,) = ask(limited, WORKS)
    line.close()
    assert "; it is busy; the next run asks again" in error(answer)


def test_a_server_with_too_many_connections(mysql: Database, mariadb: Mariadb) -> None:
    user = known_as(mysql, username=new_user(mysql, mariadb, limit=0))
    run(mariadb, mysql, "SET GLOBAL max_connections = 10")
    url = make_url(user.url)
    try:
        with ExitStack() as many:
            for _ in range(10):
                one = pymysql.connect(host=url.host, port=url.port or 0, user=url.username, password=PASSWORD)
                many.enter_context(closing(one))
            (answer,) = ask(user, WORKS)
    finally:
        run(mariadb, mysql, "SET GLOBAL max_connections = 151")
    assert "Too many connections; it is busy; the next run asks again" in error(answer)


def test_a_mysql_that_wants_a_password_encrypted_in_a_way_we_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """MySQL 8's way of logging in, on a line without TLS and with no earlier log-in that the server remembers."""

    def packet(number: int, content: bytes) -> bytes:
        return struct.pack("<I", len(content))[:3] + bytes([number]) + content

    def serve(client: socket.socket) -> None:
        salt, way = b"a" * 8, b"caching_sha2_password\0"
        greeting = (
            b"\x0a8.0.36\0" + struct.pack("<I", 7) + salt + b"\0" + struct.pack("<HBHH", 0xF7FF, 255, 2, 0x000F | 8)
        )
        client.sendall(packet(0, greeting + b"\x15" + bytes(10) + b"a" * 12 + b"\0" + way))
        client.recv(4096)
        client.sendall(packet(2, b"\x01\x04"))  # full authentication
        client.recv(4096)
        client.sendall(packet(4, b"\x01-----BEGIN PUBLIC KEY-----\n"))
        client.recv(4096)

    monkeypatch.setattr("pymysql._auth._have_cryptography", False)
    with a_server(serve) as (port, _):
        address = Address(f"mysql+pymysql://curator:{PASSWORD}@127.0.0.1:{port}/x")
        (answer,) = ask(Database("curation", address, "mysql", 2, 2), WORKS)
    assert "'cryptography' package is required" in error(answer)
    assert "; set tls: require in the settings, or install the package" in answer.error


# --------------------------------------------------------------------------- files


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


# --------------------------------------------------------------------------- queries


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT acc FROM checks", "check check0: the query gives acc; it must give 2 columns: accession, value"),
        ("SELECT acc, status, score FROM checks", "the query gives acc, status, score; it must give 2 columns"),
        ("SELECT a, b FROM nowhere", "check check0: "),
        ("SELECT a, b FROM nowhere", "nowhere"),
        ("SELECT a, b FROM nowhere", "; do the database and the query in the settings name what is there?"),
        ("SELECT no_such, status FROM checks", "no_such"),
        ("SELECT no_such, status FROM checks", "; do the database and the query in the settings name what is there?"),
        ("SELEC acc, status FROM checks", "; its query must be one SELECT"),
        ("SELECT acc, status FROM", "; its query must be one SELECT"),
        ("SELECT acc, status FROM checks; -- all", "; its query must be one SELECT"),
        ("", "; its query must be one SELECT"),
    ],
)
def test_a_query_that_fails_says_why_and_spoils_no_other(query: str, message: str, database: Database) -> None:
    failed, well = ask(database, query, STATUS)
    assert message in error(failed)
    assert "LINE 1" not in failed.error and "asked" not in failed.error, "nothing of what we put around it"
    assert said(well)["E-MTAB-1"] == "PASS"


def test_a_password_that_the_server_quotes_is_not_shown(postgresql: Database) -> None:
    (answer,) = ask(postgresql, f'SELECT a, b FROM "{PASSWORD}"')
    assert 'relation "***" does not exist' in error(answer)


def test_two_columns_of_one_name(mysql: Database) -> None:
    (answer,) = ask(mysql, "SELECT acc, acc FROM checks")
    assert "Duplicate column name 'acc'; give each column of the query a name of its own" in error(answer)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("DATE '0044-03-15 BC'", "a value there cannot be understood (ValueError)"),
        ("1 / 0", "division by zero"),
        ("CAST(acc AS INT)", "invalid input syntax for type integer"),
    ],
)
def test_values_that_the_driver_or_the_server_cannot_make(value: str, message: str, postgresql: Database) -> None:
    failed, well = ask(postgresql, f"SELECT acc, {value} FROM checks", STATUS)
    assert message in error(failed) and "; something there is not what the query takes it for" in failed.error
    assert said(well)["E-MTAB-1"] == "PASS"
