"""A place of which a part is looked at, and one whose file system fails or does not answer."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.domain.history import Policy
from app.domain.model import Code, Lifecycle, Problem, Sighting, SourceConfig
from app.domain.overview import Layout
from app.domain.presence import HoldLimits
from app.eligibility import Databases
from app.errors import SourceError
from app.sources.filesystem import FilesystemSource
from app.tracker import Tracker
from tests.fakes import MemoryStore
from tests.servers.slowfs import OPERATIONS, SlowFs
from tests.sources.places import ACCESSION, IDF, SDRF, codes, config, dataset, fill

STATES = Lifecycle.of()
OTHER = IDF.replace(b"A study", b"B study")
METHODS = b"Read Mapping\tAgainst genome reference (Ensembl release: 104) tophat2 version: 2.1.1\n"
TIMEOUT = 0.5


class Known:
    """What is known of a place by looking at parts of it."""

    def __init__(self, place: Path, **options: object) -> None:
        self.place, self.options = place, options
        self.seen: dict[str, Sighting] = {}
        self.kept: dict[str, bytes | None] = {}
        self.problems: list[Problem] = []
        self.look()

    def look(self, only: Collection[str] | None = None) -> None:
        source = FilesystemSource(config(self.place, options=self.options), ACCESSION)
        glance = source.look(self.kept, only=only)
        told = list(glance.read({name: self.seen[name] for name in glance.altered if name in self.seen}))
        now = {item.dataset: item for item in told if isinstance(item, Sighting)}
        self.problems = [item for item in told if isinstance(item, Problem)]
        self.seen = {name: seen for name, seen in self.seen.items() if name not in glance.altered} | now
        kept = {**self.kept, **glance.kept()}
        self.kept = {name: kept.get(name) for name in (*self.seen, "")}


# --------------------------------------------------------------------------- a part of it


def become_flat(place: Path) -> None:
    for file in (place / "E-MTAB-1").iterdir():
        file.rename(place / file.name)
    (place / "E-MTAB-1").rmdir()


def write_beside(place: Path) -> None:
    fill(place, dataset("E-MTAB-3"))


def lead_astray(place: Path) -> None:
    shutil.rmtree(place / "E-MTAB-1")
    (place / "E-MTAB-1").symlink_to("E-MTAB-2")


def become_a_file(place: Path) -> None:
    shutil.rmtree(place / "E-MTAB-1")
    (place / "E-MTAB-1").write_bytes(b"")


PARTS: Mapping[str, tuple[Callable[[Path], object], list[str]]] = {
    "a folder": (lambda p: fill(p, dataset("E-MTAB-1", OTHER)), ["E-MTAB-1"]),
    "a folder that is gone": (lambda p: shutil.rmtree(p / "E-MTAB-1"), ["E-MTAB-1"]),
    "a folder that is new": (lambda p: fill(p, dataset("E-MTAB-9")), ["E-MTAB-9"]),
    "a folder beside a flat file that was no dataset": (write_beside, ["E-MTAB-3"]),
    "a folder that is a link now": (lead_astray, ["E-MTAB-1"]),
    "a folder that is a file now": (become_a_file, ["E-MTAB-1"]),
    "a folder by another name": (lambda p: (p / "E-MTAB-1").rename(p / "E-MTAB-9"), ["E-MTAB-1", "E-MTAB-9"]),
    "a folder by a name that is almost one": (
        lambda p: (p / "E-MTAB-1").rename(p / "E-MTAB-1B"),
        ["E-MTAB-1", "E-MTAB-1B"],
    ),
    "a folder that became flat": (become_flat, ["E-MTAB-1", "E-MTAB-1.idf.txt", "E-MTAB-1.sdrf.txt"]),
    "a folder beside a flat dataset": (lambda p: fill(p, dataset("E-MTAB-4")), ["E-MTAB-4"]),
    "a flat file": (lambda p: (p / "E-MTAB-4.idf.txt").write_bytes(OTHER), ["E-MTAB-4.idf.txt"]),
    "a flat file that an IDF names": (lambda p: (p / "named.sdrf.txt").write_bytes(SDRF), ["named.sdrf.txt"]),
    "another spelling of a name": (lambda p: (p / "E-MTAB-5").mkdir(), ["E-MTAB-5"]),
    "nothing of ours": (lambda p: (p / "README").write_bytes(b"new"), ["README"]),
    "nothing at all": (lambda p: None, []),
}


@pytest.mark.parametrize(("change", "touched"), PARTS.values(), ids=PARTS)
def test_a_look_at_what_was_touched_tells_what_a_look_at_everything_does(
    tmp_path: Path, change: Callable[[Path], object], touched: list[str]
) -> None:
    naming = IDF + b"SDRF File\tnamed.sdrf.txt\n"
    place = fill(
        tmp_path / "place",
        {
            **dataset("E-MTAB-1"),
            **dataset("E-MTAB-2"),
            "E-MTAB-3-analysis-methods.tsv": METHODS,
            "E-MTAB-4.idf.txt": naming,
            "e-mtab-5/": b"",
            "README": b"",
        },
    )
    known = Known(place)
    change(place)
    known.look(touched)
    there = Known(place)
    assert (known.seen, {p.identity for p in known.problems}) == (there.seen, {p.identity for p in there.problems})


def test_where_nothing_is_known_all_is_told_whatever_was_touched(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", {**dataset("E-MTAB-1"), **dataset("E-MTAB-2")})
    glance = FilesystemSource(config(place), ACCESSION).look({}, only=["E-MTAB-1"])
    assert {*glance.altered} == {"E-MTAB-1", "E-MTAB-2"}


def test_a_dataset_without_a_trace_may_have_flat_files_too(tmp_path: Path) -> None:
    """As one that was found while another was looked for: how it lies was not kept."""
    place = fill(tmp_path / "place", {**dataset("E-MTAB-1"), "E-MTAB-1-analysis-methods.tsv": METHODS})
    known = Known(place)
    before, known.kept["E-MTAB-1"] = known.seen["E-MTAB-1"], None
    assert before.file("analysis_methods")
    known.look(["E-MTAB-1"])
    assert known.seen["E-MTAB-1"] == before


# --------------------------------------------------------------------------- that fails


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return fill(tmp_path / "place", {**dataset("E-MTAB-1"), **dataset("E-MTAB-2"), "E-MTAB-3.idf.txt": IDF})


@pytest.fixture
def slow(tmp_path: Path, place: Path) -> Iterator[SlowFs]:
    (tmp_path / "at").mkdir()
    with SlowFs(tmp_path, tmp_path / "at") as slow:
        healing = threading.Timer(20, slow.heal)  # who waits all the same is to end, and to fail
        healing.start()
        yield slow
        healing.cancel()


@pytest.mark.parametrize("only", [None, ["E-MTAB-1"]], ids=["all", "touched"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE, errno.EACCES])
@pytest.mark.parametrize("operations", [OPERATIONS, {"getattr"}, {"opendir"}], ids=["all", "looking", "listing"])
def test_a_dataset_that_cannot_be_looked_at_has_not_gone(
    tmp_path: Path, slow: SlowFs, operations: Collection[str], error: int, only: Collection[str] | None
) -> None:
    known = Known(tmp_path / "at/place", verify_days=0)
    before = dict(known.seen)
    slow.fail("/place/E-MTAB-1", error, below=True, operations=operations)
    known.look(only)
    seen = known.seen["E-MTAB-1"]
    assert (seen.metadata, seen.files) == (before["E-MTAB-1"].metadata, before["E-MTAB-1"].files)
    assert codes(seen) == [Code.UNREADABLE] and os.strerror(error) in seen.problems[0].message
    assert {n: s for n, s in known.seen.items() if n != "E-MTAB-1"} == {
        n: s for n, s in before.items() if n != "E-MTAB-1"
    }
    slow.heal()
    known.look([])
    known.look(only)
    assert known.seen == before


# --------------------------------------------------------------------------- that does not answer


class Stopped(BaseException):
    """What the handler of a signal raises."""


def children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """And no child is left."""
    before, began = children(), time.monotonic()
    yield
    assert time.monotonic() - began < seconds
    assert children() == before


HANGING: Mapping[str, tuple[str, Collection[str], Collection[str] | None]] = {
    "the place": ("/place", {"getattr"}, None),
    "the place, which is to be listed": ("/place", {"opendir"}, None),
    "the place, of which a part was touched": ("/place", {"getattr"}, ["E-MTAB-1"]),
    "a folder": ("/place/E-MTAB-1", {"getattr"}, None),
    "a folder, which is to be listed": ("/place/E-MTAB-1", {"opendir"}, None),
    "a folder, which was touched": ("/place/E-MTAB-1", {"getattr"}, ["E-MTAB-1"]),
    "a file": ("/place/E-MTAB-1/E-MTAB-1.idf.txt", {"getattr"}, None),
    "a file, which is to be opened": ("/place/E-MTAB-1/E-MTAB-1.idf.txt", {"open"}, None),
    "a file, which is to be read": ("/place/E-MTAB-1/E-MTAB-1.idf.txt", {"read"}, ["E-MTAB-1"]),
    "a flat file, which is to be read": ("/place/E-MTAB-3.idf.txt", {"read"}, ["E-MTAB-3.idf.txt"]),
}


@pytest.mark.parametrize(("path", "operations", "only"), HANGING.values(), ids=HANGING)
def test_what_does_not_answer_is_given_up_in_time_and_says_so(
    tmp_path: Path, slow: SlowFs, path: str, operations: Collection[str], only: Collection[str] | None
) -> None:
    """At whatever step, and whether or not all of it was to be looked at."""
    known = Known(tmp_path / "at/place", timeout=TIMEOUT)
    fill(tmp_path / "place", {**dataset("E-MTAB-1", OTHER), "E-MTAB-3.idf.txt": OTHER})
    slow.hang(path, operations=operations)
    said = rf"{tmp_path}/at/place gave no answer for 0.5 s: are its server and network well\?"
    with within(TIMEOUT + 1.5), pytest.raises(SourceError, match=said):
        known.look(only)
    slow.heal()
    known.look(only)
    known.look()
    assert {seen.metadata.title for name, seen in known.seen.items() if name != "E-MTAB-2"} == {"B study"}


@pytest.mark.parametrize("threads", [1, 16])
def test_as_many_questions_are_asked_at_once_as_are_allowed(tmp_path: Path, threads: int) -> None:
    """The server takes its time for each: how much of it passes in all tells how many were asked at once."""
    fill(tmp_path / "place", {name: text for number in range(20) for name, text in dataset(f"E-MTAB-{number}").items()})
    (tmp_path / "at").mkdir()
    with SlowFs(tmp_path, tmp_path / "at", delay=0.01, attribute_timeout=30, entry_timeout=30) as slow:
        began = time.monotonic()
        Known(tmp_path / "at/place", at_once=threads)
        took = time.monotonic() - began
        waited = slow.calls().total() * 0.01
    assert took > waited * 0.7 if threads == 1 else took < waited * 0.4


# --------------------------------------------------------------------------- in a crawl


def tracker(tmp_path: Path, store: MemoryStore, timeout: float) -> Tracker:
    options = {"timeout": timeout}
    return Tracker(
        sources=tuple(
            SourceConfig(n, n, f"{tmp_path}/{at}", "filesystem", STATES.stage([n]), options=options)
            for n, at in [("external", "at/place"), ("loading", "well")]
        ),
        open_source=lambda config: FilesystemSource(config, ACCESSION),
        store=store,
        eligibility=Databases((), ()),
        supported_species=lambda: None,
        outputs=(),
        policy=Policy(STATES, HoldLimits()),
        layout=Layout(STATES),
        version="1",
    )


@pytest.mark.parametrize("touched", [None, {"external": None, "loading": None}], ids=["all", "touched"])
def test_a_place_that_does_not_answer_takes_nothing_from_others_and_keeps_what_it_had(
    tmp_path: Path, slow: SlowFs, touched: Mapping[str, None] | None
) -> None:
    fill(tmp_path / "well", dataset("E-MTAB-7"))
    store = MemoryStore()
    tracker(tmp_path, store, TIMEOUT).crawl()
    before = store.sightings("external")
    fill(tmp_path / "well", dataset("E-MTAB-8"))
    fill(tmp_path / "place", dataset("E-MTAB-9"))
    slow.hang("/place", below=True)
    with within(TIMEOUT + 2):
        report = tracker(tmp_path, store, TIMEOUT).crawl(touched=touched)
    assert {source.name: source.status for source in report.sources} == {"external": "failed", "loading": "succeeded"}
    assert store.sightings("external") == before and {*store.sightings("loading")} == {"E-MTAB-7", "E-MTAB-8"}
    slow.heal()
    tracker(tmp_path, store, TIMEOUT).crawl(touched=touched)
    assert {*store.sightings("external")} == {*before, "E-MTAB-9"}


def test_a_crawl_that_is_stopped_while_a_place_does_not_answer_leaves_at_once(tmp_path: Path, slow: SlowFs) -> None:
    """It records nothing, and the next one may begin."""

    def stop(number: int, frame: object) -> None:
        raise Stopped

    fill(tmp_path / "well", dataset("E-MTAB-7"))
    store = MemoryStore()
    slow.hang("/place", below=True)
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with within(2), pytest.raises(Stopped):
            tracker(tmp_path, store, 60).crawl()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert store.runs() == []
    slow.heal()
    assert tracker(tmp_path, store, 60).crawl().run.status.value == "succeeded"
