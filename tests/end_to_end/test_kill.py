"""kill -9 at random instants of a crawl: the store opens, it says what it said before or what it says after and
nothing between, and the next run ends right. The seed of each row is fixed; what the clock does is not."""

from __future__ import annotations

import csv
import json
import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from app.domain.model import Lifecycle
from app.store import open_store
from tests.end_to_end.site import Site, states, without_remarks
from tests.servers.postgres import Postgres

PLACES = {"external": "external", "incoming": "loading", "analysing": "analysing", "published": "published"}
"""place -> the state of what lies there"""

FACTS = {
    "sighting": ("source_id", "dataset"),
    "decision": ("dataset",),
    "verdict": ("dataset", "check_name"),
    "problem": ("digest",),
    "hold": ("source_id",),
}
"""table -> what may be there once in rows that hold now"""


@dataclass
class Work:
    """Curators at work on a tree: datasets come, move and go, but none of the first ones in each place."""

    site: Site
    chance: random.Random
    lying: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)

    def begin(self) -> None:
        self.site.write("etc/tracker.yaml", "outputs: [html_page, csv_files, json]\n")
        self.site.configure({place: {"stage": [state], "tech": ["bulk"]} for place, state in PLACES.items()})
        for place in PLACES:
            self.site.fill(place, [f"E-{place[:4].upper()}-{number}" for number in range(3)])
        self.come(60)

    def come(self, count: int) -> None:
        for _ in range(count):
            accession, place = f"E-MTAB-{len(self.known)}", self.chance.choice(list(PLACES))
            self.site.fill(place, [accession])
            self.known.add(accession)
            self.lying[accession] = place

    def go_on(self) -> None:
        self.come(2)
        for accession in self.chance.sample(sorted(self.lying), 6):
            place = self.chance.choice([place for place in PLACES if place != self.lying[accession]])
            self.site.move(accession, self.lying[accession], place)
            self.lying[accession] = place
        for accession in self.chance.sample(sorted(self.lying), 2):
            shutil.rmtree(self.site.root / self.lying.pop(accession) / accession)

    @property
    def states(self) -> dict[str, str]:
        first = {f"E-{place[:4].upper()}-{number}": state for place, state in PLACES.items() for number in range(3)}
        return first | {accession: PLACES[place] for accession, place in self.lying.items()}


@dataclass(frozen=True)
class Store:
    address: str

    @property
    def is_sqlite(self) -> bool:
        return "://" not in self.address

    def connected(self) -> Any:
        if self.is_sqlite:
            return sqlite3.connect(self.address, check_same_thread=False)
        return psycopg2.connect(self.address.replace("+psycopg2", ""))

    def rows(self, query: str) -> list[Any]:
        with closing(self.connected()) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            return list(cursor.fetchall())

    def do(self, statement: str) -> None:
        with closing(self.connected()) as connection, connection:
            connection.cursor().execute(statement)

    def states(self) -> dict[str, str]:
        return dict(self.rows("SELECT dataset, state FROM decision WHERE until_run IS NULL AND state IS NOT NULL"))

    def check(self, expected: Mapping[str, str]) -> None:
        """Every fact holds once; every history is one chain from nothing to where the dataset stands."""
        for table, key in FACTS.items():
            held = self.rows(f"SELECT {', '.join(key)} FROM {table} WHERE until_run IS NULL")
            assert [row for row, times in Counter(held).items() if times > 1] == []
        last: dict[str, str | None] = {}
        for dataset, before, after in self.rows("SELECT dataset, from_state, to_state FROM state_change ORDER BY id"):
            assert last.get(dataset) == before != after, dataset
            last[dataset] = after
        assert {dataset: state for dataset, state in last.items() if state} == expected
        assert self.states() == expected
        runs = {run for (run,) in self.rows("SELECT id FROM run")}
        assert {run for (run,) in self.rows("SELECT run_id FROM state_change")} <= runs


def check_files(out: Path) -> None:
    """What is there is whole."""
    if (out / "overview.json").is_file():
        json.loads((out / "overview.json").read_text())
    for path in filter(Path.is_file, out.glob("*.html")):
        assert path.read_text().endswith("</html>\n"), path
    for path in filter(Path.is_file, out.glob("*.csv")):
        with path.open(newline="") as file:
            assert len({len(row) for row in csv.reader(file)}) == 1, path


def told(report: Any) -> Any:
    """What a crawl says of the tree, whatever was there before."""
    return (
        report["counts"],
        [(source["name"], source["status"], source["sightings"]) for source in report["sources"]],
        sorted(
            (problem["code"], problem["accession"], problem["path"])
            for problem in report["problems"]
            if problem["code"] != "went_backwards"
        ),
    )


def crawled(site: Site, store: Store, out: str) -> tuple[Any, float]:
    """The report of a crawl that is left in peace, and its seconds. PostgreSQL may need a moment to see that
    a killed one is gone."""
    deadline = time.monotonic() + 20
    while True:
        began = time.monotonic()
        done = site.crawl("--store", store.address, "--out", out)
        if done.code != 75:
            assert (done.code, done.err) == (0, ""), done
            return done.json, time.monotonic() - began
        assert time.monotonic() < deadline, done


@pytest.fixture
def work(tmp_path: Path, seed: int) -> Iterator[Work]:
    work = Work(Site(tmp_path), random.Random(seed))
    work.begin()
    yield work


def addresses(kind: str, folder: Path, postgres: Postgres) -> Store:
    return Store(str(folder / "store.db") if kind == "sqlite" else postgres.create_database())


@pytest.mark.parametrize(
    "kind, kills, seed",
    [
        ("sqlite", 8, 1),
        ("postgresql", 5, 2),
        pytest.param("sqlite", 120, 3, marks=pytest.mark.long),
        pytest.param("postgresql", 80, 4, marks=pytest.mark.long),
    ],
)
def test_a_crawl_that_is_killed_at_any_instant_leaves_all_as_before_or_as_after(
    work: Work, kind: str, kills: int, seed: int, tmp_path: Path, postgres: Postgres
) -> None:
    store, out, blank = addresses(kind, tmp_path, postgres), tmp_path / "out", tmp_path / "blank.db"
    open_store(f"sqlite:///{blank}", Lifecycle.of(), create=True).close()
    crawled(work.site, store, "out")
    work.go_on()
    _, duration = crawled(work.site, store, "out")
    killed = recorded = 0
    for _ in range(kills):
        before = work.states
        work.go_on()
        instant = work.chance.uniform(0, duration * 1.3)
        code = work.site.killed("crawl", "--store", store.address, "--out", "out", after=instant)
        assert code in (0, -9)
        killed += code == -9
        check_files(out)
        now = store.states()
        assert now in (before, work.states)
        recorded += now == work.states
        store.check(now)

        report, seconds = crawled(work.site, store, "out")
        duration = duration if now == work.states else seconds  # which the next one, with as much to do, will take
        shutil.copy(blank, tmp_path / "fresh.db")
        fresh, _ = crawled(work.site, Store("fresh.db"), "fresh out")
        assert told(report) == told(fresh)
        store.check(work.states)
        published = json.loads((out / "overview.json").read_text())
        assert states(without_remarks(published)) == work.states
        assert not list(out.glob(".*.new"))
    print(f"{kind}: a crawl takes {duration:.3f} s; {killed} of {kills} were killed, {recorded} had recorded")
    assert killed and 0 < recorded < kills


@pytest.mark.parametrize("seed", [5])
def test_a_whole_process_that_is_killed_while_it_starts_works_or_ends_is_made_good(work: Work, seed: int) -> None:
    site, store = work.site, Store(str(work.site.root / "var/ingest-tracker.db"))
    began = time.monotonic()
    assert site.crawl().code == 0
    duration = time.monotonic() - began
    for _ in range(4):
        before = work.states
        work.go_on()
        process = site.start("crawl", "--json")
        time.sleep(work.chance.uniform(0, duration))
        process.kill()
        process.communicate()
        assert states(site.standing()) in (before, work.states)
        done = site.crawl()
        assert (done.code, sum(done.json["counts"].values())) == (0, len(work.states))
        store.check(work.states)
