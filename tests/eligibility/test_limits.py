"""Nothing waits for ever, and nothing holds all rows at once."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import make_url

from app.config import Database
from app.domain.model import Answer
from app.eligibility.lines import GRACE
from tests.eligibility.asking import STATUS, ask, error, known_as, said
from tests.eligibility.conftest import Server, run
from tests.eligibility.wire import Wire
from tests.servers.mariadb import Mariadb
from tests.servers.postgres import Postgres

ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'E-MTAB-1', max(i) FROM n",
    "postgresql": "SELECT 'E-MTAB-1', pg_sleep(600)",
    "mysql": "SELECT 'E-MTAB-1', sleep(600)",
}
LATER = "; the time allowed is {:g} s: allow more (query_timeout) or make the query cheaper"
DOWN = "; is the server running, and are its host and port right in the settings?"
MOMENT = 3.0
"""Seconds that a busy machine may take longer than it should."""


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds + MOMENT


# --------------------------------------------------------------------------- by the server


def test_a_query_that_takes_too_long_is_ended(database: Database) -> None:
    with no_longer_than(0.3):
        slow, well = ask(replace(database, query_timeout=0.3), ENDLESS[database.dialect], STATUS)
    assert "check check0" in error(slow)
    assert slow.error.endswith(LATER.format(0.3))
    assert said(well)["E-MTAB-1"] == "PASS"


@pytest.mark.parametrize(
    ("kind", "words"), [("postgresql", "canceling statement due to statement timeout"), ("mysql", "max_statement_time")]
)
def test_it_is_the_server_that_ends_it(kind: str, words: str, request: pytest.FixtureRequest) -> None:
    """So that it goes on with nothing that nobody waits for."""
    (slow,) = ask(replace(request.getfixturevalue(kind), query_timeout=0.3), ENDLESS[kind])
    assert words in error(slow)


def test_rows_that_come_slowly_have_no_more_time_than_others(postgresql: Database) -> None:
    """The server's own limit begins anew with every thousand rows that are fetched."""
    slow_rows = "SELECT 'E-' || n, CASE n % 100 WHEN 0 THEN pg_sleep(0.02)::text END FROM generate_series(1, 1000000) n"
    with no_longer_than(0.9 + GRACE):
        (slow,) = ask(replace(postgresql, query_timeout=0.9), slow_rows)
    assert "no answer within 0.9 s (query_timeout)" in error(slow) and slow.error.endswith(LATER.format(0.9))


# --------------------------------------------------------------------------- servers that do not come back


def test_a_frozen_server_costs_the_time_for_connecting(remote: Database, server: Server) -> None:
    with no_longer_than(remote.connect_timeout), server.frozen():
        one, other = ask(remote, STATUS, STATUS)
    assert error(one).endswith(DOWN) and error(one) == error(other)


def test_a_host_that_swallows_everything_costs_the_time_for_connecting(remote: Database) -> None:
    """As behind a firewall; here by a queue that is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        for _ in range(3):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        with no_longer_than(2):
            (answer,) = ask(known_as(remote, port=full.getsockname()[1]), STATUS)
    assert error(answer).endswith(DOWN)


def test_a_server_that_freezes_during_a_query(remote: Database, server: Server) -> None:
    impatient = replace(remote, query_timeout=0.6)
    with no_longer_than(0.6 + GRACE):
        (slow,) = during(server, impatient, server.frozen, lambda: ask(impatient, SLEEP[remote.dialect]))
    assert "no answer within 0.6 s (query_timeout)" in error(slow) and slow.error.endswith(LATER.format(0.6))
    (well,) = ask(remote, STATUS)
    assert said(well)["E-MTAB-1"] == "PASS"


SLEEP = {"postgresql": "SELECT 'E-MTAB-1', pg_sleep(9)", "mysql": "SELECT 'E-MTAB-1', sleep(9)"}


def during(
    server: Server, database: Database, then: Callable[[], object], asking: Callable[[], list[Answer]]
) -> list[Answer]:
    """What is answered when this is done while the server is at it; what it opens is closed after that."""
    name = make_url(database.url).database
    at_it = {
        "postgresql": f"SELECT 1 FROM pg_stat_activity WHERE query LIKE 'FETCH%' AND datname = '{name}'"
        " AND state = 'active'",
        "mysql": f"SELECT 1 FROM information_schema.processlist WHERE info LIKE '%sleep(9)%' AND db = '{name}'"
        " AND id <> connection_id()",
    }[database.dialect]
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(asking)
        with server.cursor() as cursor:
            deadline = time.monotonic() + 10
            while not cursor.execute(at_it) and not cursor.fetchone():
                assert time.monotonic() < deadline, "it was never asked"
                time.sleep(0.01)
        done = then()
        if hasattr(done, "__enter__"):
            with done:
                return answers.result(timeout=60)
        return answers.result(timeout=60)


def test_a_server_that_is_killed_during_a_query(remote: Database, server: Server) -> None:
    try:
        with no_longer_than(2):
            lost, unreachable = during(server, remote, server.kill, lambda: ask(remote, SLEEP[remote.dialect], STATUS))
    finally:
        server.start()
    assert "check check0" in error(lost) and lost.error.endswith(DOWN)
    assert error(unreachable).endswith(DOWN)
    (well,) = ask(remote, STATUS)
    assert said(well)["E-MTAB-1"] == "PASS"


def test_a_connection_that_is_ended_during_a_query_is_replaced_by_one_as_harmless(
    remote: Database, server: Server
) -> None:
    name = make_url(remote.url).database

    def end() -> None:
        if isinstance(server, Postgres):
            run(server, remote, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{name}' AND pid <> pg_backend_pid()")  # fmt: skip
        else:
            with server.cursor() as cursor:
                cursor.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{name}'")
                for (number,) in cursor.fetchall():
                    cursor.execute(f"KILL {number}")

    asking = lambda: ask(remote, SLEEP[remote.dialect], STATUS, "SELECT acc, written() FROM checks")  # noqa: E731
    broken, well, writing = during(server, remote, end, asking)
    assert "check check0" in error(broken)
    assert said(well)["E-MTAB-1"] == "PASS"
    assert "it may only read" in error(writing)


# --------------------------------------------------------------------------- wires that go bad


def behind(wire: Wire, database: Database) -> Database:
    return replace(known_as(database, host="127.0.0.1", port=wire.port), connect_timeout=2, query_timeout=0.5)


@pytest.mark.parametrize("drip", [0, 0.2], ids=["nothing more", "a byte now and then"])
def test_a_server_that_falls_silent_at_any_moment(drip: float, remote: Database) -> None:
    """While it says hello, takes the password, begins, or answers: a tenth further on each time."""
    port = make_url(remote.url).port or 0
    with Wire(port) as wire:
        assert said(ask(behind(wire, remote), STATUS)[0])["E-MTAB-1"] == "PASS"

    def asked(after: int) -> Answer:
        with Wire(port, after, drip=drip) as bad:
            return ask(behind(bad, remote), STATUS)[0]

    places = [wire.said * tenth // 10 for tenth in range(10)]
    with no_longer_than(2 * 2 + 0.5 + GRACE), ThreadPoolExecutor(len(places)) as pool:
        for answer in pool.map(asked, places):
            assert error(answer).endswith((DOWN, LATER.format(0.5)))


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_spoilt_on_the_way_is_an_answer(seed: int, remote: Database) -> None:
    """Never an exception: some bytes matter and some do not."""
    port = make_url(remote.url).port or 0

    def asked(number: int) -> Answer:
        dice = Random(100 * seed + number)
        spoilt = {dice.randrange(dice.choice((120, 400, 900))): dice.randrange(256) for _ in range(dice.randint(1, 4))}
        with Wire(port, spoilt=spoilt) as bad:
            return ask(replace(behind(bad, remote), connect_timeout=1), STATUS)[0]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(asked, range(32)))
    assert all(error(answer) if answer.verdicts is None else said(answer) is not None for answer in answers)
    assert len({answer.verdicts is None for answer in answers}) == 2


def test_a_server_that_freezes_just_after_connecting(mysql: Database, mariadb: Mariadb) -> None:
    port = make_url(mysql.url).port or 0
    with Wire(port) as wire:
        assert said(ask(behind(wire, mysql), STATUS)[0])
    frozen = threading.Event()

    def freeze() -> None:
        frozen.set()
        stack.__enter__()

    stack = mariadb.frozen()
    try:
        with no_longer_than(2 + 0.5 + GRACE), Wire(port, wire.said // 2, then=freeze) as bad:
            (answer,) = ask(behind(bad, mysql), STATUS)
    finally:
        stack.__exit__(None, None, None)
    assert frozen.is_set() and error(answer)
    assert said(ask(mysql, STATUS)[0])["E-MTAB-1"] == "PASS"


def test_nothing_is_left_behind_of_lines_that_were_cut(remote: Database) -> None:
    """No thread and no open file, however often it happens."""

    def held() -> tuple[int, int]:
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    def more() -> bool:
        return any(now > then for now, then in zip(held(), before, strict=True))

    before, deadline = held(), time.monotonic() + MOMENT
    for _ in range(3):
        error(ask(replace(remote, query_timeout=0.05), ENDLESS[remote.dialect])[0])
    while more() and time.monotonic() < deadline:
        time.sleep(0.01)  # threads take their leave in their own time, also those of tests before
    assert not more(), (held(), before)


# --------------------------------------------------------------------------- memory

MILLION = {
    "postgresql": "SELECT 'E-MTAB-' || n, 'PASS' FROM generate_series(1, 1000000) n",
    "mysql": "SELECT concat('E-MTAB-', seq), 'PASS' FROM seq_1_to_1000000",
}
MEASURE = """
import resource, sys
from app.config import Address, Check, Database
from app.eligibility import Databases

def ask(query):
    check = Check("check", "curation", query, frozenset({"PASS"}))
    (answer,) = Databases([Database("curation", Address(sys.argv[1]), sys.argv[2])], [check]).verdicts(asked)
    assert answer.verdicts and answer.verdicts.keys() == set(asked), answer.error
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

asked = ["E-MTAB-1", "E-MTAB-1000000"]
before = ask(" UNION ".join(f"SELECT '{dataset}', 'PASS'" for dataset in asked))
print(ask(sys.argv[3]) - before)
"""


def test_a_million_rows_take_no_memory(postgresql: Database, mysql: Database) -> None:
    def grown(database: Database) -> int:
        """KiB"""
        command = [sys.executable, "-c", MEASURE, database.url, database.dialect, MILLION[database.dialect]]
        return int(subprocess.run(command, cwd=Path(__file__).parents[2], check=True, capture_output=True).stdout)

    with ThreadPoolExecutor() as pool:
        both = list(pool.map(grown, (postgresql, mysql)))
    assert max(both) < 10_000, both
