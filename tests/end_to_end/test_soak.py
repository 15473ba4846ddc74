"""The daemon, for as long as is wanted, in a world that does not stand still and in which everything fails in turn: no
change is lost, nothing is shown twice, and it does not grow."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.domain.overview import DISCOVER, TRACK
from tests.end_to_end.site import IDF, SDRF, Site
from tests.end_to_end.watching import Watching, configured, sources, until, watching
from tests.servers.postgres import Postgres
from tests.servers.sheets import Fault, SheetsServer
from tests.servers.slowfs import SlowFs
from tests.servers.website import Website

MINUTES = float(os.environ.get("INGEST_TRACKER_SOAK_MINUTES", "30"))
A_SECOND = 3.0  # events, so that there are 5,000 in half an hour, and some
PLACES = ("outside", "loading", "analysing", "far")
SETTINGS = """
store: ${STORE}
curators_columns: [Notes]
databases: {gxpatlaspro: {dbtype: sqlite, path: ../gxpatlaspro.db}}
production: {gxpatlaspro: false}
google_sheets: {sheet: SHEET, credentials: ../key.json, patience: 5}
hold: {share: 1.0, more_than: 1000000}
"""
UNTOLD = {"Since", "Last Modified", "Eligibility Checked", "Problems"}
"""Columns that tell of times, or of the past."""


@dataclass
class World:
    """Places in which somebody works, and all that can fail."""

    site: Site
    far: SlowFs
    postgres: Postgres
    website: Website
    google: SheetsServer
    chance: random.Random
    stop: threading.Event = field(default_factory=threading.Event)
    events: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    number: int = 0

    def path(self, place: str) -> Path:
        """Where people work: behind the file system that fails."""
        return self.site.root / ("behind" if place == "far" else place)

    # ----------------------------------------------------------------------- people

    def work(self) -> None:
        """The number of datasets stays about the same, so that what grows is the program's."""
        began = time.monotonic()
        while not self.stop.is_set():
            with suppress(
                FileNotFoundError, FileExistsError, OSError
            ):  # two things at once: one of them comes too late
                self.one()
                self.events += 1
            self.stop.wait(max(0.0, began + self.events / A_SECOND - time.monotonic()))

    def one(self) -> None:
        place = self.path(self.chance.choice(PLACES))
        there = sorted(entry.name for entry in place.iterdir() if entry.name.startswith("E-"))
        kind = self.chance.choice(["new", "move", "move", "write", "write", "replace", "remove", "junk"])
        if kind == "new" and len(there) < 40:
            self.number += 1
            self.put(place, f"E-MTAB-{self.number}")
        elif kind == "junk":
            (place / f"tmp-{self.chance.randrange(5)}.txt").write_text(str(self.events))
        elif there:
            dataset = self.chance.choice(there)
            folder = place / dataset
            if kind == "move":
                folder.rename(self.path(self.chance.choice(PLACES)) / dataset)
            elif kind == "write":
                (folder / f"{dataset}.idf.txt").write_text(IDF.format(f"{dataset}, version {self.events}"))
            elif kind == "replace":
                shutil.rmtree(folder)
                self.put(place, dataset)
            elif kind == "remove" and len(there) > 10:
                shutil.rmtree(folder)

    def put(self, place: Path, dataset: str) -> None:
        (place / dataset).mkdir()
        (place / dataset / f"{dataset}.idf.txt").write_text(IDF.format(f"{dataset}, begun at {self.events}"))
        (place / dataset / f"{dataset}.sdrf.txt").write_text(SDRF.format(dataset))

    # ----------------------------------------------------------------------- troubles

    def trouble(self, daemon: Watching) -> None:
        kinds: list[Callable[[], object]] = [
            self.hang, self.errors, self.unmounted, self.no_store, self.no_database, self.no_output, self.no_sheet,
            self.lost_answer, self.no_website, lambda: daemon.send(signal.SIGHUP),
        ]  # fmt: skip
        while not self.stop.wait(self.chance.uniform(2, 6)):
            kind = self.chance.choice(kinds)
            self.faults[getattr(kind, "__name__", "")] += 1
            kind()

    def hang(self) -> None:
        self.far.hang("/", below=True)
        self.stop.wait(self.chance.uniform(1, 5))
        self.far.heal()

    def errors(self) -> None:
        self.far.fail("/", self.chance.choice([errno.EIO, errno.ESTALE]), below=True)
        self.stop.wait(self.chance.uniform(1, 4))
        self.far.heal()

    def unmounted(self) -> None:
        self.far.unmount(lazy=True)
        self.stop.wait(self.chance.uniform(0, 3))
        self.far.mount()

    def no_store(self) -> None:
        self.postgres.kill()
        self.stop.wait(self.chance.uniform(0, 3))
        self.postgres.start()

    def no_database(self) -> None:
        path = self.site.root / "gxpatlaspro.db"
        path.rename(path.with_suffix(".away"))
        self.stop.wait(self.chance.uniform(1, 6))
        path.with_suffix(".away").rename(path)

    def no_output(self) -> None:
        """A folder is in the way of what is written beside."""
        names = [f".{name}.new" for name in ("overview.json", "overview.html", "track_ingested_experiments.csv")]
        made = [self.site.root / "var/out" / name for name in names]
        for path in made:
            with suppress(OSError):
                path.mkdir(parents=True)
        self.stop.wait(self.chance.uniform(1, 4))
        for path in made:
            with suppress(OSError):
                path.rmdir()

    def no_sheet(self) -> None:
        self.google.fail(Fault(status=self.chance.choice([429, 500, 503])), times=self.chance.randrange(1, 8))

    def lost_answer(self) -> None:
        self.google.fail(Fault(drop=self.chance.choice(["before", "after"])), times=1, when=lambda r: r.kind == "write")

    def no_website(self) -> None:
        self.serve(status=503)
        self.stop.wait(self.chance.uniform(1, 5))
        self.serve()

    def serve(self, status: int = 200) -> None:
        listed = [{"experimentAccession": f"E-GEOD-{n}", "experimentDescription": f"Study {n}"} for n in range(5)]
        self.website.serve("/experiments", json.dumps({"experiments": listed}).encode(), status=status)


@contextmanager
def in_threads(*works: Callable[[], None]) -> Iterator[None]:
    failed: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
    assert not failed


def used(pid: int) -> tuple[float, int, int]:
    """MiB of memory, open files, threads."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    memory, threads = int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"])
    return memory, len([*Path(f"/proc/{pid}/fd").iterdir()]), threads


@pytest.mark.parametrize("minutes, seed", [(0.2, 1), pytest.param(MINUTES, 2, marks=pytest.mark.long)])
def test_whatever_happens_for_however_long_nothing_is_lost_shown_twice_or_left_behind(
    tmp_path: Path, postgres: Postgres, website: Website, minutes: float, seed: int
) -> None:
    site = Site(tmp_path)
    for place in ("outside", "loading", "analysing", "behind", "far"):
        (tmp_path / place).mkdir()
    site.curation({f"E-MTAB-{n}": "PASS" for n in range(100)})
    with SheetsServer() as google, SlowFs(tmp_path / "behind", tmp_path / "far", delay=0.001) as far:
        world = World(site, far, postgres, website, google, random.Random(seed))
        world.serve()
        for place in PLACES:
            for _ in range(15):
                world.number += 1
                world.put(world.path(place), f"E-MTAB-{world.number}")
        site.configure(sources(**{
            "outside": "external", "loading": "loading", "analysing": "analysing",
            "far": {"stage": ["processed"], "timeout": 2}, website.url("/experiments"): "published",
        }))  # fmt: skip
        key = google.create("DEV Ingest Status").book.key
        google.share(key, google.service_account_file(tmp_path / "key.json"))
        port = configured(site, "schedule: every 5 seconds", SETTINGS.replace("SHEET", key))
        settings = site.root / "etc/tracker.yaml"
        settings.write_text(
            settings.read_text().replace("[json, csv_files]", "[json, csv_files, html_page, google_sheets]")
        )
        more = {"STORE": postgres.create_database(), "INGEST_TRACKER_GOOGLE_API": google.url}
        with watching(site, port, **more) as daemon:
            until(lambda: daemon.states().get("E-MTAB-60"))
            runs, samples = soaked(world, daemon, minutes)
            settled(world, daemon, key)
            assert daemon.end() == 0
        (site.root / "etc/fresh.yaml").write_text(
            "outputs: [json]\nstore: ../fresh.db\nout: ../fresh\nsources: ../sources_config.json\n"
            "databases: {gxpatlaspro: {dbtype: sqlite, path: ../gxpatlaspro.db}}\nproduction: {gxpatlaspro: false}\n"
            "curators_columns: [Notes]\n"
        )
        fresh = site.run("crawl", "--config", "etc/fresh.yaml")
    print(f"{world.events:,} events, {runs:.0f} scheduled runs, faults: {dict(world.faults)}")
    print(f"MiB, files, threads: at first {samples[0]}, at last {samples[-1]}")
    assert fresh.code == 0
    assert rows(site.root / "fresh/overview.json") == rows(site.root / "var/out/overview.json")
    assert runs >= 10 * minutes
    assert world.events >= 0.9 * A_SECOND * 60 * minutes
    if minutes > 10:
        third = len(samples) // 3
        before, after = (
            statistics.median(s[0] for s in part) for part in (samples[third : 2 * third], samples[-third:])
        )
        assert after < 1.1 * before
    assert samples[-1][1] <= samples[0][1] + 10
    assert samples[-1][2] <= samples[0][2] + 5


def soaked(world: World, daemon: Watching, minutes: float) -> tuple[float, list[tuple[float, int, int]]]:
    """How many scheduled runs there were, and what the daemon used from time to time."""
    samples = [used(daemon.process.pid)]
    deadline = time.monotonic() + 60 * minutes
    with in_threads(world.work, lambda: world.trouble(daemon)):
        try:
            while time.monotonic() < deadline:
                time.sleep(1)
                assert daemon.process.poll() is None, daemon.lines[-5:]
                samples.append(used(daemon.process.pid))
        finally:
            world.stop.set()
    return daemon.metrics()['ingest_tracker_run_seconds_count{began_by="schedule"}'], samples


def settled(world: World, daemon: Watching, key: str) -> None:
    """All that failed works again; what is shown is what is there, everywhere, once."""
    world.far.heal()
    world.google.calm()
    wanted = {}
    for state, place in zip(("external", "loading", "analysing", "processed"), PLACES, strict=True):
        for entry in world.path(place).iterdir():
            if entry.name.startswith("E-"):
                wanted[entry.name] = state

    def shown() -> bool:
        return {d: s.replace("incoming", "external") for d, s in daemon.states().items() if "GEOD" not in d} == wanted

    until(shown, 120)

    def in_the_sheet() -> bool:
        found = [row for name in (DISCOVER, TRACK) for row in world.google.curator(key).tab(name).records()]
        assert len({row["Accession"] for row in found}) == len(found), "twice"
        told = {row["Accession"]: row["Status"] for row in found if row["Status"] not in ("gone", "over")}
        return told == daemon.states()

    until(in_the_sheet, 120)
    samples = daemon.health()
    assert samples[0] == 200


def rows(overview: Path) -> dict[str, list[object]]:
    """What is told of each dataset, but for times and what depends on the past."""
    tables = json.loads(overview.read_text())["tables"]
    told = [row for tab in (DISCOVER, TRACK) for row in tables[tab]["rows"]]
    return {row["Accession"]: [cell for name, cell in row.items() if name not in UNTOLD] for row in told}
