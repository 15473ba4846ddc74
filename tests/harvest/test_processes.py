"""Harvests by other processes, which are killed, wait for each other, and are told to stop."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.domain.model import LogStatus
from app.store import open_store
from app.store.sql import SqlStore
from tests.end_to_end.site import Site
from tests.end_to_end.warm import ROOT
from tests.harvest.scripted import Desk
from tests.harvest.worker import CHUNK, POINTS
from tests.servers.postgres import Postgres
from tests.servers.website import Website
from tests.store.crawls import LIFECYCLE

RECORDS = 4 * CHUNK + 2
STARTED = LogStatus.STARTED.value


@dataclass
class Room:
    """A store, and those who harvest into it."""

    address: str
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, **plan: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.harvest.worker", self.address, json.dumps({"records": RECORDS, **plan})],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def run(self, **plan: Any) -> tuple[int, str, str]:
        process = self.start(**plan)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def desk(self) -> Desk:
        store = open_store(self.address, LIFECYCLE, create=True)
        assert isinstance(store, SqlStore)
        return Desk(store)

    def found(self) -> dict[str, Any]:
        """All that is kept but for times and numbers of rows, and what the last log says."""
        desk = self.desk()
        current = desk.rows(
            "SELECT s.identifier, s.gone_in, d.sha256, i.status FROM source_unique_identifier AS s"
            " JOIN raw_datum AS d ON d.id = s.raw_datum_id JOIN ingest_log AS i ON i.raw_datum_id = d.id"
        )
        last = desk.rows("SELECT id, status, seen FROM harvest_log ORDER BY date_started DESC, id DESC LIMIT 1")[0]
        linked = desk.rows("SELECT count(*) FROM harvest_log_raw_datum WHERE harvest_log_id = :log", log=last[0])[0][0]
        return {
            "current": sorted((name, gone, bytes(sha256).hex(), status) for name, gone, sha256, status in current),
            "shown": desk.shown(),
            "last": last[1:],
            "linked": linked,
            "counts": {table: n for table, n in desk.counts().items() if table.startswith(("raw", "source", "ingest"))},
            "on": desk.rows("SELECT count(*) FROM harvest_log WHERE status = :started", started=STARTED),
        }


@pytest.fixture(params=["sqlite", "postgresql"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    address = f"sqlite:///{tmp_path}/store.db"
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        address = postgres.create_database()
    room = Room(address)
    yield room
    for process in room.processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def undisturbed(tmp_path: Path, *told: dict[str, Any]) -> dict[str, Any]:
    other = Room(f"sqlite:///{tmp_path}/other.db")
    for plan in told:
        assert other.run(**plan)[0] == 0
    return other.found()


# --------------------------------------------------------------------------- killed


@pytest.mark.parametrize("point", POINTS)
def test_wherever_it_is_killed_the_next_one_ends_as_if_nothing_had_happened(
    room: Room, tmp_path: Path, point: str
) -> None:
    first, second = {"says": "first"}, {"says": "second"}
    assert room.run(**first)[0] == 0
    assert room.run(**second, kill=point)[0] == -signal.SIGKILL
    code, _, err = room.run(**second)
    assert code == 0, err
    assert ("has died; this one takes over" in err) == (point != "before the log")
    assert room.found() == undisturbed(tmp_path, first, second)


@pytest.mark.parametrize("times", [4, pytest.param(100, marks=pytest.mark.long)])
def test_whenever_it_is_killed_nothing_is_lost_or_there_twice(room: Room, tmp_path: Path, times: int) -> None:
    chance = random.Random(times)
    first, second = {"says": "first"}, {"says": "second"}
    assert room.run(**first)[0] == 0
    for _ in range(times):
        process = room.start(**second, pause=0.005)
        time.sleep(chance.uniform(0.2, 0.9))
        process.kill()
        process.communicate()
    assert room.run(**second)[0] == 0
    assert room.found() == undisturbed(tmp_path, first, second)


# --------------------------------------------------------------------------- at once


def began(process: subprocess.Popen[str], room: Room) -> None:
    deadline, desk = time.monotonic() + 30, room.desk()
    while not desk.rows("SELECT 1 FROM harvest_log WHERE status = 1 AND seen > 0"):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.02)


def test_of_two_at_once_one_waits_and_then_reads_what_is_left_to_read(room: Room) -> None:
    slow = room.start(pause=0.05)
    began(slow, room)
    code, out, _ = room.run(attempts=9)
    assert code == 0
    assert json.loads(out) == {"status": "SUCCEEDED", "seen": RECORDS}
    assert slow.wait(30) == 0
    assert room.desk().rows("SELECT status, seen, new FROM harvest_log ORDER BY id") == [
        (LogStatus.SUCCEEDED.value, RECORDS, RECORDS),
        (LogStatus.SUCCEEDED.value, RECORDS, 0),
    ]


def test_one_that_waits_in_vain_says_who_has_it(room: Room) -> None:
    slow = room.start(pause=0.5)
    began(slow, room)
    code, out, _ = room.run(attempts=2)
    assert code == 75
    assert re.search(r"another run holds the lock since .*(process \d+ on|ingest-tracker \d+@)", out)


def test_by_force_it_is_read_without_the_lock_which_is_said(room: Room, tmp_path: Path) -> None:
    slow = room.start(pause=0.1)
    began(slow, room)
    code, _, err = room.run(force=True)
    assert code == 0
    assert "it is read all the same, without the lock" in err
    assert slow.wait(30) == 0
    assert room.found()["current"] == undisturbed(tmp_path, {})["current"]


def test_the_lock_of_one_that_was_killed_holds_nobody_up(room: Room) -> None:
    slow = room.start(pause=0.5)
    began(slow, room)
    slow.kill()
    slow.communicate()
    code, _, err = room.run(attempts=9)
    assert code == 0, err
    assert "has died; this one takes over" in err


# --------------------------------------------------------------------------- from a shell


def catalogue(site: Site, website: Website, count: int, **more: Any) -> None:
    """Its records come slowly, one at a time."""
    told = [{"id": f"S-{n}", "title": f"Study {n}"} for n in range(count)]
    website.serve("/list.json", json.dumps(told).encode(), **more)
    entry = {"stage": "external", "kind": "json-listing", "name": "list", "identifier": "id"}
    site.configure({website.url("/list.json"): {**entry, "allow_private_addresses": True, "rate_limit": "5 a second"}})


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_one_that_is_told_to_stop_says_so_and_the_next_one_goes_on(
    tmp_path: Path, website: Website, how: signal.Signals
) -> None:
    site = Site(tmp_path)
    catalogue(site, website, 200, hang=True)
    process = site.start("harvest", "list")
    deadline = time.monotonic() + 30
    while not website.requests:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(how)
    done = site.end(process)
    assert done.code == 128 + how
    (log,) = site.run("runs", "--source", "list", "--json").json["harvests"]
    assert (log["status"], log["gone"]) == ("cancelled", 0)
    catalogue(site, website, 200)
    assert site.run("harvest", "list").code == 0
    assert [log["seen"] for log in site.run("runs", "--source", "list", "--json").json["harvests"]] == [200, 0]


def test_all_processes_together_keep_to_the_limit(tmp_path: Path, website: Website) -> None:
    site = Site(tmp_path)
    catalogue(site, website, 2)
    assert site.run("harvest", "list").code == 0
    arrived: list[float] = []
    answer = website.answer

    def noting(request: Any) -> Any:
        arrived.append(time.monotonic())
        return answer(request)

    website.answer = noting  # type: ignore[method-assign]
    for _ in range(2):
        processes = [site.start("harvest", "list", "--force", "--no-transform") for _ in range(3)]
        assert [site.end(process).code for process in processes] == [0, 0, 0]
    assert len(arrived) == 6
    assert arrived[-1] - arrived[0] > 5 * 0.19
