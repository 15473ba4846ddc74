"""What is read again, and what is not: told by times, and by who wrote them."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.domain.contents import Identity
from app.domain.model import Problem, Sighting
from app.sources import filesystem, traces, tree
from app.sources.filesystem import FilesystemSource, Glance
from app.sources.traces import DAY, Clock, PlaceTrace, Trace
from tests.servers.slowfs import SlowFs
from tests.sources.places import ACCESSION, IDF, SDRF, config, dataset, fill

SECOND = 10**9
NOW = 20_000 * DAY + DAY // 2
OURS, THEIRS = True, False
OTHER = IDF.replace(b"A study", b"B study")


# --------------------------------------------------------------------------- how far times are trusted


def clock(*, ours: bool, now: int = NOW) -> Clock:
    clock = Clock("/", now)
    clock.is_ours = ours
    return clock


@pytest.mark.parametrize(
    ("ours", "ago", "too_new"),
    [
        (OURS, 0, True),
        (OURS, 2 * SECOND, True),
        (OURS, 3 * SECOND, True),
        (OURS, 3 * SECOND + 1, False),
        (OURS, -DAY, True),
        (THEIRS, 299 * SECOND, True),
        (THEIRS, 300 * SECOND, True),
        (THEIRS, 300 * SECOND + 1, False),
        (THEIRS, -3600 * SECOND, True),
    ],
)
def test_a_change_is_too_new_for_as_long_as_another_may_have_the_same_time(ours: bool, ago: int, too_new: bool) -> None:
    old: Identity = (0, 1, 10, NOW, NOW - 30 * DAY)
    assert clock(ours=ours).too_new([old, (0, 2, 10, 0, NOW - ago)]) is too_new


# --------------------------------------------------------------------------- one part each day


@pytest.mark.parametrize("days", [1, 7, 30])
def test_within_so_many_days_each_is_due_once_and_as_many_each_day(days: int) -> None:
    names = [f"E-MTAB-{number}" for number in range(3_000)]
    read = dict.fromkeys(names, 20_000)
    due: Counter[str] = Counter()
    for today in range(20_001, 20_001 + days):
        part = [name for name in names if traces.is_due(name, read[name], today, days)]
        assert len(part) == pytest.approx(len(names) / days, rel=0.35)
        read |= dict.fromkeys(part, today)
        due.update(part)
    assert set(due.values()) == {1} and len(due) == len(names)


@pytest.mark.parametrize("missed", [1, 3, 6, 20])
def test_what_was_due_on_a_day_that_was_missed_is_due_the_next_time(missed: int) -> None:
    names = [f"E-MTAB-{number}" for number in range(500)]
    parts = [{n for n in names if traces.is_due(n, day - 1, day, 7)} for day in range(20_001, 20_002 + missed)]
    assert {name for name in names if traces.is_due(name, 20_000, 20_001 + missed, 7)} == set().union(*parts)


def test_with_no_days_nothing_is_ever_due() -> None:
    assert not any(traces.is_due(f"E-MTAB-{number}", 0, 20_000, 0) for number in range(100))


# --------------------------------------------------------------------------- what is kept

TRACE = Trace(20_000, False, True, (b"\xff",), (), ((b"E-MTAB-1", (0, 1, 2, 3, 4)),))


def test_what_is_kept_is_told_again() -> None:
    place = PlaceTrace(
        "reader", True, False, frozenset({"E-MTAB-9"}), (0, 1, 2, 3, 4), (("E-MTAB-1B", "E-MTAB-1", b"E-MTAB-1B"),)
    )
    assert traces.told(traces.kept(TRACE), Trace) == TRACE
    assert traces.told(traces.kept(place), PlaceTrace) == place


@pytest.mark.parametrize(
    "data",
    [None, b"", b"not marshalled", traces.kept(TRACE)[:-3], traces.marshal.dumps((1, 2)), traces.marshal.dumps(7)],
    ids=["none", "empty", "of another form", "cut off", "with other fields", "a number"],
)
def test_what_cannot_be_understood_is_as_if_nothing_had_been_kept(data: bytes | None) -> None:
    assert traces.told(data, Trace) is None


# --------------------------------------------------------------------------- a place that is looked at again and again


class Visits:
    """Looks at a place, each time with what was kept. `ahead`: seconds by which the clock seems to be later; `asked`:
    names of the files that were opened the last time, `changed`: of datasets that are seen otherwise than before."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch, **options: object) -> None:
        self.place, self.options = place, options
        self.ahead, self.ours = 0.0, OURS
        self.known: dict[str, Sighting] = {}
        self.kept: dict[str, bytes | None] = {}
        self.problems: list[Problem] = []
        self.opened: list[str] = []
        self.altered: set[str] = set()
        self.changed: set[str] = set()
        head, init = tree.head, Clock.__init__

        def counting(path: bytes, size: int) -> bytes:
            self.opened.append(Path(os.fsdecode(path)).name)
            return head(path, size)

        def of_theirs(clock: Clock, location: str, now: int) -> None:
            init(clock, location, now)
            clock.is_ours = self.ours

        def in_this_process(work: Callable[[Any], Any], items: Any, *_: Any, **how: Any) -> Iterator[Any]:
            return map(work, items)

        monkeypatch.setattr(tree, "head", counting)
        monkeypatch.setattr(Clock, "__init__", of_theirs)
        monkeypatch.setattr(filesystem, "mapped", in_this_process)
        self._time = time.time_ns
        monkeypatch.setattr(filesystem, "time", SimpleNamespace(time_ns=self.now))

    def now(self) -> int:
        return time.time_ns() + round(self.ahead * SECOND)

    def look(self, only: Collection[str] | None = None, *, full: bool = False) -> list[str]:
        """Gives what was opened."""
        self.opened.clear()
        source = FilesystemSource(config(self.place, options=self.options), ACCESSION)
        glance = source.look(self.kept, only=only, full=full)
        told = list(glance.read(self.known))
        now = {seen.dataset: seen for seen in told if isinstance(seen, Sighting)}
        self.problems = [problem for problem in told if isinstance(problem, Problem)]
        self.altered = {*glance.altered}
        self.changed = {name for name in self.altered if self.known.get(name) != now.get(name)}
        self.known = {n: seen for n, seen in self.known.items() if n not in self.altered} | now
        kept = {**self.kept, **glance.kept()}
        self.kept = {n: trace for n, trace in kept.items() if not n or n in self.known}
        return sorted(self.opened)

    def settled(self) -> Visits:
        """Everything was read, long ago."""
        self.ahead += 3600
        self.look()
        if not self.ours:
            self.look()
        assert self.look() == []
        return self

    def title(self, name: str = "E-MTAB-1") -> str:
        return self.known[name].metadata.title


FILES = ["E-MTAB-1.idf.txt", "E-MTAB-1.sdrf.txt"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return fill(tmp_path / "place", {**dataset("E-MTAB-1"), **dataset("E-MTAB-2"), "E-MTAB-3.idf.txt": IDF})


@pytest.fixture
def visits(place: Path, monkeypatch: pytest.MonkeyPatch) -> Visits:
    visits = Visits(place, monkeypatch, verify_days=0)
    visits.look()
    return visits


def edit(path: Path, content: bytes = OTHER) -> None:
    """With the same size and times as before, as far as anybody can have that."""
    seen = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def unseen_edit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the granularity of the file system's clock: not even the time of its inode tells."""
    before, real = path.stat(), os.stat
    path.write_bytes(OTHER)
    assert path.stat().st_size == before.st_size

    def stat(asked: Any, **how: Any) -> os.stat_result:
        seen = real(asked, **how)
        return before if (seen.st_dev, seen.st_ino) == (before.st_dev, before.st_ino) else seen

    monkeypatch.setattr(os, "stat", stat)


@pytest.mark.parametrize(("ours", "trusted_after"), [(OURS, 3), (THEIRS, 300)])
def test_an_edit_that_no_time_tells_is_found_if_the_time_was_young(
    place: Path, visits: Visits, monkeypatch: pytest.MonkeyPatch, ours: bool, trusted_after: int
) -> None:
    visits.ours = ours
    visits.look()
    unseen_edit(place / "E-MTAB-1/E-MTAB-1.idf.txt", monkeypatch)
    visits.ahead = trusted_after - 1
    assert "E-MTAB-1.idf.txt" in visits.look()
    assert (visits.title(), visits.changed) == ("B study", {"E-MTAB-1"})
    visits.ahead = trusted_after + 2
    visits.look()
    assert visits.look() == [], "now it is trusted"


@pytest.mark.parametrize("ours", [OURS, THEIRS])
def test_what_is_old_is_read_no_more(visits: Visits, ours: bool) -> None:
    visits.ours = ours
    visits.settled()
    for only in (None, ["E-MTAB-1"], ["E-MTAB-1.idf.txt"], []):
        assert (visits.look(only), visits.changed) == ([], set())


@pytest.mark.parametrize("skew", [-1800, -200, 200, 86_400], ids=lambda skew: f"{skew} s")
def test_times_of_another_machine_may_be_off(
    place: Path, visits: Visits, monkeypatch: pytest.MonkeyPatch, skew: int
) -> None:
    """Whatever time it gives a change: that it is another one than before tells, and it is read once more then."""
    visits.ours = THEIRS
    visits.settled()
    visits.ahead -= skew
    edit(place / "E-MTAB-1/E-MTAB-1.idf.txt", IDF.replace(b"A study", b"C study"))
    assert (visits.look(), visits.title()) == (FILES, "C study")
    unseen_edit(place / "E-MTAB-1/E-MTAB-1.idf.txt", monkeypatch)
    assert (visits.look(), visits.title()) == (FILES, "B study")


CHANGES: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "of the same size and time": (lambda p: edit(p / "E-MTAB-1/E-MTAB-1.idf.txt"), "B study"),
    "a backup with an old time": (
        lambda p: (
            (p / "E-MTAB-1/E-MTAB-1.idf.txt").write_bytes(OTHER),
            os.utime(p / "E-MTAB-1/E-MTAB-1.idf.txt", (1, 1)),
        ),
        "B study",
    ),
    "another file by that name": (
        lambda p: (
            shutil.copy2(p / "E-MTAB-1/E-MTAB-1.idf.txt", p / "new"),
            edit(p / "new"),
            (p / "new").replace(p / "E-MTAB-1/E-MTAB-1.idf.txt"),
        ),
        "B study",
    ),
    "by another name of the file": (
        lambda p: (
            (p / "other").hardlink_to(p / "E-MTAB-1/E-MTAB-1.idf.txt"),
            edit(p / "other"),
        ),
        "B study",
    ),
    "another folder by that name": (
        lambda p: (
            fill(p.parent, dataset("E-MTAB-1", OTHER)),
            (p / "E-MTAB-1").rename(p.parent / "old"),
            (p.parent / "E-MTAB-1").rename(p / "E-MTAB-1"),
        ),
        "B study",
    ),
    "a link that leads elsewhere": (
        lambda p: (
            fill(p.parent, dataset("E-MTAB-1", OTHER)),
            shutil.rmtree(p / "E-MTAB-1"),
            (p / "E-MTAB-1").symlink_to("../E-MTAB-1"),
        ),
        "B study",
    ),
    "a file by another name": (
        lambda p: (p / "E-MTAB-1/E-MTAB-1.idf.txt").rename(p / "E-MTAB-1/E-MTAB-1.txt"),
        "",
    ),
    "a folder by another's name": (
        lambda p: (
            fill(p, dataset("E-MTAB-2", OTHER)),
            shutil.rmtree(p / "E-MTAB-1"),
            (p / "E-MTAB-2").rename(p / "E-MTAB-1"),
            (p / "E-MTAB-1/E-MTAB-2.idf.txt").rename(p / "E-MTAB-1/E-MTAB-1.idf.txt"),
        ),
        "B study",
    ),
}


@pytest.mark.parametrize("ours", [OURS, THEIRS])
@pytest.mark.parametrize(("change", "title"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_found_whatever_times_the_file_has(
    place: Path, visits: Visits, ours: bool, change: Callable[[Path], object], title: str
) -> None:
    visits.ours = ours
    visits.settled()
    change(place)
    visits.look()
    assert visits.title() == title


def test_other_files_that_say_the_same_are_read_and_change_nothing_that_is_said(place: Path, visits: Visits) -> None:
    visits.settled()
    before = visits.known["E-MTAB-1"]
    shutil.copytree(place / "E-MTAB-1", place / "copy")
    shutil.rmtree(place / "E-MTAB-1")
    (place / "copy").rename(place / "E-MTAB-1")
    assert visits.look() == FILES
    assert (visits.known["E-MTAB-1"].metadata, visits.known["E-MTAB-1"].problems) == (before.metadata, before.problems)


# --------------------------------------------------------------------------- everything again


def test_each_dataset_is_read_again_within_some_days_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fill(tmp_path / "place", {n: c for number in range(40) for n, c in dataset(f"E-MTAB-{number}").items()})
    visits = Visits(place, monkeypatch, verify_days=5)
    visits.look()
    visits.ahead = 10.0
    visits.look()
    today = visits.now() // DAY
    visits.ahead += DAY / SECOND - (visits.now() % DAY) / SECOND + 60
    assert visits.now() // DAY == today + 1
    days = []
    for _ in range(5):
        days.append(visits.look())
        assert visits.look() == [], "once that day"
        visits.ahead += DAY / SECOND
    assert sorted(name for day in days for name in day) == sorted(p.name for p in place.glob("*/*"))
    assert max(map(len, days)) < 40
    visits.ahead += 3 * DAY / SECOND
    assert len(visits.look()) > max(map(len, days)), "days that were missed are made up for"


def test_what_no_time_tells_is_found_when_its_day_has_come(
    place: Path, visits: Visits, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits.options["verify_days"] = 7
    visits.settled()
    unseen_edit(place / "E-MTAB-1/E-MTAB-1.idf.txt", monkeypatch)
    assert (visits.look(), visits.title()) == ([], "A study")
    visits.ahead += 7 * DAY / SECOND
    visits.look()
    assert visits.title() == "B study"


ALL = sorted([*FILES, "E-MTAB-2.idf.txt", "E-MTAB-2.sdrf.txt", "E-MTAB-3.idf.txt"])


@pytest.mark.parametrize("only", [None, ["E-MTAB-1"]])
def test_everything_is_read_again_if_it_is_asked_for(visits: Visits, only: Collection[str] | None) -> None:
    visits.settled()
    assert visits.look(only, full=True) == ALL
    assert visits.look() == []


@pytest.mark.parametrize("only", [None, ["E-MTAB-1"]])
@pytest.mark.parametrize("how", ["reader", "option"])
def test_everything_is_read_again_by_another_reader(
    visits: Visits, monkeypatch: pytest.MonkeyPatch, how: str, only: Collection[str] | None
) -> None:
    visits.settled()
    if how == "reader":
        monkeypatch.setattr(filesystem, "READER", filesystem.READER + 1)
    else:
        visits.options["sdrf_bytes"] = 4096
    assert visits.look(only) == ALL
    assert visits.look() == []


@pytest.mark.parametrize("only", [None, ["E-MTAB-1"]])
@pytest.mark.parametrize("data", [None, b"?"], ids=["lost", "not understood"])
@pytest.mark.parametrize(("trace", "again"), [("E-MTAB-1", []), ("", ALL)], ids=["of a dataset", "of the place"])
def test_what_has_no_trace_is_looked_at_and_without_the_places_all_is_read(
    place: Path, visits: Visits, trace: str, again: list[str], data: bytes | None, only: Collection[str] | None
) -> None:
    """A file that is the one that was read need not be read again for that; a trace is."""
    visits.settled()
    edit(place / "E-MTAB-1/E-MTAB-1.sdrf.txt", SDRF.replace(b"Homo", b"Homi"))
    visits.kept[trace] = data
    assert visits.look(only) == (again or FILES)
    assert visits.known["E-MTAB-1"].metadata.organisms == ("Homi sapiens",)
    visits.settled()


# --------------------------------------------------------------------------- what it costs


@pytest.fixture
def slow(place: Path, tmp_path: Path) -> Iterator[SlowFs]:
    (tmp_path / "at").mkdir()
    with SlowFs(tmp_path, tmp_path / "at", attribute_timeout=30, entry_timeout=30) as slow:
        yield slow


def asked(slow: SlowFs) -> Counter[str]:
    """Without what is only given back."""
    calls = slow.calls()
    for given_back in ("release", "releasedir"):
        del calls[given_back]
    return calls


class Source:
    """The same as `Visits`, and nothing replaced but the time."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place, self.ahead = place, 0
        self.known: dict[str, Sighting] = {}
        self.kept: dict[str, bytes | None] = {}
        now = SimpleNamespace(time_ns=lambda: time.time_ns() + self.ahead * SECOND)
        monkeypatch.setattr(filesystem, "time", now)

    def look(self, only: Collection[str] | None = None) -> set[str]:
        """Gives the datasets that may say something else."""
        source = FilesystemSource(config(self.place, options={"verify_days": 0}), ACCESSION)
        glance: Glance = source.look(self.kept, only=only)
        told = list(glance.read(self.known))
        self.known |= {seen.dataset: seen for seen in told if isinstance(seen, Sighting)}
        self.kept |= glance.kept()
        return {*glance.altered}

    def settled(self) -> Source:
        self.ahead = 3600
        self.look()
        self.look()
        return self


FOLDERS, KNOWN = 2, 5
"""Of the place: of datasets, and files that are read."""


def test_the_first_look_lists_each_folder_once_and_opens_and_reads_each_file_once(
    slow: SlowFs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Source(tmp_path / "at/place", monkeypatch).look()
    calls = asked(slow)
    assert calls.pop("getattr") <= 2 + FOLDERS + KNOWN, "the root, the place, and each that is in it"
    assert calls == {"opendir": 1 + FOLDERS, "readdir": 1 + FOLDERS, "open": KNOWN, "read": KNOWN}


@pytest.mark.parametrize("mounted_anew", [False, True])
def test_a_place_in_which_nothing_changed_costs_one_look_at_each_folder_and_file(
    slow: SlowFs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounted_anew: bool
) -> None:
    """A file system has another number once it is mounted anew; that is no change."""
    source = Source(tmp_path / "at/place", monkeypatch).settled()
    number = (tmp_path / "at").stat().st_dev
    slow.unmount()
    if mounted_anew:  # with another before it, or it would be given the same number
        (tmp_path / "between").mkdir()
        with SlowFs(tmp_path / "place", tmp_path / "between"):
            slow.mount()
        assert (tmp_path / "at").stat().st_dev != number
    else:
        slow.mount()
    slow.forget_calls()
    assert source.look() == set()
    calls = asked(slow)
    assert {operation for operation in calls} == {"getattr"}
    assert calls["getattr"] <= 2 + FOLDERS + KNOWN
    assert max(slow.calls_by_path().values()) == 1


def test_what_is_touched_costs_no_look_at_anything_else(
    slow: SlowFs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(tmp_path / "at/place", monkeypatch).settled()
    number = (tmp_path / "at").stat().st_dev
    slow.unmount()
    slow.mount()
    same = (tmp_path / "at").stat().st_dev == number  # else another was mounted in the meantime: files are others then
    slow.forget_calls()
    assert source.look(["E-MTAB-1"]) == {"E-MTAB-1"}
    paths = {path for (_, path) in slow.calls_by_path()}
    assert {path for path in paths if "E-MTAB-1" not in path} <= {"/", "/place"}
    assert (asked(slow)["readdir"], asked(slow)["open"]) == (1, 0 if same else 2)


def test_names_that_have_to_do_with_no_dataset_cost_nothing(
    slow: SlowFs, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "E-MTAB-3.idf.txt").unlink()
    source = Source(tmp_path / "at/place", monkeypatch).settled()
    slow.unmount()
    slow.mount()
    slow.forget_calls()
    assert source.look(["anything", "logs", ".snapshot", "E-"]) == set()
    assert {*slow.calls_by_path()} <= {("getattr", "/"), ("getattr", "/place")}


def test_what_an_idf_in_the_place_itself_names_may_be_called_anything(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "E-MTAB-3.idf.txt").write_bytes(IDF + b"SDRF File\tanything\n")
    visits = Visits(place, monkeypatch, verify_days=0).settled()
    (place / "anything").write_bytes(SDRF)
    visits.look(["anything"])
    assert "E-MTAB-3" in visits.changed


def test_what_lies_in_the_place_itself_is_read_without_listing_it_unless_another_file_is_named(
    slow: SlowFs, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    idf, named = place / "E-MTAB-3.idf.txt", "SDRF File\tfirst\n"
    (place / "first").write_bytes(SDRF)
    (place / "other").write_bytes(SDRF)
    idf.write_bytes(IDF + named.encode())
    source = Source(tmp_path / "at/place", monkeypatch).settled()
    for title, listings in ((named, 0), ("SDRF File\tother\n", 1), ("SDRF File\tabsent\n", 1)):
        slow.unmount()
        idf.write_bytes(IDF + b"Comment[x]\ty\n" + title.encode())
        slow.mount()
        slow.forget_calls()
        assert source.look() == {"E-MTAB-3"}
        assert asked(slow)["readdir"] == listings
        names = {Path(file.path).name for file in source.known["E-MTAB-3"].files}
        assert names == {idf.name} | ({title.split()[-1]} if "absent" not in title else set())
        source.settled()
