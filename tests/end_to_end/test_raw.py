"""What catalogues said, byte by byte; and what is removed of it one day."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from app.store import open_store
from app.store.sql import SqlStore
from tests.end_to_end.site import Site
from tests.harvest.scripted import Desk, counted, record, records
from tests.servers.website import Website

FIRST, SECOND = b'{"id": "S-1",  "title": "First \xc3\xa9"}', b'{"id":"S-2"}'
LATER = [b'{"id": "S-1", "title": "First again"}', SECOND]


@pytest.fixture
def site(tmp_path: Path, website: Website) -> Site:
    site = Site(tmp_path)
    serve(website, FIRST, SECOND)
    entry = {"stage": "external", "kind": "json-listing", "name": "studies", "identifier": "id"}
    site.configure({website.url("/studies.json"): {**entry, "allow_private_addresses": True}})
    return site


def serve(website: Website, *said: bytes) -> None:
    website.serve("/studies.json", b"[" + b" , ".join(said) + b"]\n")


def stored(site: Site, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(site.root / "var/ingest-tracker.db")) as store, store:
        return store.execute(query, values).fetchall()


# --------------------------------------------------------------------------- as it was received


def test_a_record_is_shown_as_it_was_received_then_and_now(site: Site, website: Website) -> None:
    assert site.run("harvest", "studies").code == 0
    serve(website, *LATER)
    assert site.run("harvest", "studies").code == 0
    assert site.run("raw", "show", "studies", "S-1").out.encode() == LATER[0]
    assert site.run("raw", "show", "studies", "S-1", "--run", "h1").out.encode() == FIRST
    told = site.run("raw", "show", "studies", "S-1", "--json").json
    assert (told["sha256"], told["size"], told["gone"]) == (sha256(LATER[0]).hexdigest(), len(LATER[0]), False)
    assert told["content_type"] == "application/json"
    assert site.run("raw", "show", "studies", "S-3").message == "nothing is kept of 'S-3' of studies"
    assert site.run("raw", "show", "studies", "S-1", "--run", "h9").message.endswith("of studies in h9")
    assert site.run("raw", "show", "nowhere", "S-1").code == 2


def test_what_is_no_longer_as_it_was_received_is_named(site: Site) -> None:
    assert site.run("harvest", "studies").code == 0
    whole = site.run("raw", "verify")
    assert (whole.code, whole.out) == (0, "All that is kept is as it was received.\n")
    numbers = [number for (number,) in stored(site, "SELECT id FROM raw_content ORDER BY id")]
    stored(site, "UPDATE raw_content SET body = ? WHERE id = ?", zlib.compress(b"forged"), numbers[0])
    stored(site, "UPDATE raw_content SET body = ? WHERE id = ?", b"rotten", numbers[1])
    wrong = site.run("raw", "verify", "studies")
    assert wrong.code == 1
    assert sorted(line.split(" ", 1)[1] for line in wrong.out.splitlines()) == [
        "cannot be unpacked", "hashes to something else"
    ]  # fmt: skip
    assert {line.split()[0] for line in wrong.out.splitlines()} == {
        sha256(said).hexdigest() for said in (FIRST, SECOND)
    }
    stored(site, "DELETE FROM raw_content")
    assert site.run("raw", "verify").out.count(" is not there\n") == 2


# --------------------------------------------------------------------------- without a store


def test_a_catalogue_is_read_and_nothing_is_kept(site: Site, website: Website) -> None:
    serve(website, FIRST, SECOND, b'{"title": "no name"}')
    done = site.run("fetch", "studies")
    assert done.code == 0
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [(each["identifier"], each["title"], each["error"], each["size"]) for each in told] == [
        ("S-1", "First é", "", len(FIRST)), ("S-2", None, "has no title", len(SECOND))
    ]  # fmt: skip
    assert done.err == "error: record 3: has no id, or none that is text or a number\n2 records, 1 problem\n"
    assert not (site.root / "var").exists()
    assert site.run("fetch", "studies", "--limit", "1").out.count("\n") == 1
    website.serve("/studies.json", status=404)
    failed = site.run("fetch", "studies")
    assert (failed.code, failed.out) == (1, "")
    assert "answered 404: check the address" in failed.err


def test_what_is_no_catalogue_cannot_be_fetched(site: Site) -> None:
    site.fill("loading", ["E-MTAB-1"])
    site.configure({"loading": {"stage": ["loading"]}})
    assert site.run("fetch", "loading").message.startswith("loading is no catalogue")


# --------------------------------------------------------------------------- what is removed


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    address = f"sqlite:///{tmp_path}/store.db"
    if request.param == "postgresql":
        address = request.getfixturevalue("postgres").create_database()
    from tests.store.crawls import LIFECYCLE

    store = open_store(address, LIFECYCLE, create=True)
    assert isinstance(store, SqlStore)
    return Desk(store)


def test_what_is_said_now_is_kept_and_what_was_said_once_is_not(desk: Desk) -> None:
    desk.one([*records([1, 2, 3]), record("R-4", "bad")])
    desk.one([*records([2, 3], "another"), record("R-4", "bad"), record("R-4", "twice")])
    desk.clock.now += timedelta(days=100)
    desk.one([*records([2, 3], "third"), record("R-4", "bad")])
    before = desk.clock.now - timedelta(days=90)
    shown, counts = desk.shown(), desk.counts()
    counted_only = desk.store.harvests.prune(before, dry_run=True)
    assert desk.counts() == counts
    pruned = desk.store.harvests.prune(before)
    assert (pruned.data, pruned.contents) == (4, 4)
    assert pruned.problems > 0
    assert pruned.logs == 1, "one says what is gone since"
    assert (counted_only.data, counted_only.problems) == (pruned.data, pruned.problems)
    assert desk.shown() == shown
    assert desk.store.harvests.kept("catalogue", "R-1") is not None, "it may come back"
    assert not [*desk.store.harvests.faulty()]
    assert desk.store.harvests.prune(before) == type(pruned)()
    again = desk.one([*records([2, 3], "third"), record("R-4", "bad")])
    assert counted(again) == {"seen": 3, "unchanged": 3}
    assert counted(desk.one(records([1, 2, 3], "third")))["seen"] == 3


def test_logs_that_say_what_was_read_by_date_stay(desk: Desk) -> None:
    desk.catalogue.dated = True
    first = datetime(2026, 1, 1, tzinfo=UTC)
    for day in range(3):
        desk.one(records([day]), start=first + timedelta(days=day), end=first + timedelta(days=day + 1))
    desk.clock.now += timedelta(days=100)
    assert desk.store.harvests.prune(desk.clock.now - timedelta(days=9)).logs == 0
    (log,) = desk.harvest(start=first, end=first + timedelta(days=3))
    assert log.status.name == "SKIPPED"


def test_how_old_is_said_in_days(site: Site) -> None:
    assert site.run("harvest", "studies").code == 0
    assert site.run("prune", "--older-than", "soon").message.endswith("is no number of days; allowed: 90d")
    done = site.run("prune", "--older-than", "90d", "--dry-run")
    assert done.out == "0 old records, 0 contents, 0 problems and 0 logs would be removed.\n"
    assert site.run("prune", "--older-than", "0d", "--json").json == {
        "data": 0, "contents": 0, "problems": 0, "logs": 0
    }  # fmt: skip
