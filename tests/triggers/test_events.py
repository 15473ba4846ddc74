"""What is told of places, all at once: real directories, mounts, limits, and a file system that does not answer."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from app.triggers import keeper
from app.triggers.events import Batch, Mode, Place, Watcher
from tests.servers.slowfs import SlowFs

PROJECT = Path(__file__).parents[2]
NEVER = 3600.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_PAUSE", 0.05)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "place" / "E-1").mkdir(parents=True)
    return tmp_path / "place"


def place(path: Path, name: str = "a", *, events: bool = True, every: float = NEVER, kind: str = "") -> Place:
    return Place(name, path, events, timedelta(seconds=every), kind)


@contextmanager
def watching(*places: Place, most: int = 1000, patience: float = 10) -> Iterator[Watcher]:
    """Once every place was set up, and that was told."""
    watcher = Watcher(
        places,
        debounce=timedelta(seconds=0.03),
        longest=timedelta(seconds=0.5),
        most=most,
        patience=timedelta(seconds=patience),
    )
    watcher.start()
    try:
        waiting = {place.name for place in places}
        while waiting:
            waiting -= next_batch(watcher).whole.keys()
        yield watcher
    finally:
        watcher.stop()


def next_batch(watcher: Watcher) -> Batch:
    batch = watcher.wait(5)
    assert batch is not None
    return batch


def next_whole(watcher: Watcher, but: str = "", source: str = "a") -> str:
    """Why a place is to be looked at in whole, the next time that it is for another reason than `but`."""
    while (why := next_batch(watcher).whole.get(source, but)) == but:
        pass
    return why


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def touched(*names: str, source: str = "a") -> Batch:
    return Batch({source: frozenset(names)}, {})


# --------------------------------------------------------------------------- by events


def test_a_place_is_to_be_looked_at_in_whole_first_for_nobody_saw_what_was_before(path: Path) -> None:
    watcher = Watcher([place(path)])
    assert watcher.modes() == {"a": Mode("waiting", "being set up")}
    watcher.start()
    assert watcher.wait(5) == Batch({}, {"a": "it is looked at for the first time"})
    assert watcher.modes() == {"a": Mode("events", "file events (inotify), 1 folders")}
    watcher.stop()


def test_what_changes_is_told_of_the_place_where_it_did(path: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with watching(place(path), place(tmp_path / "other", "b")) as watcher:
        (path / "E-1" / "file").touch()
        assert next_batch(watcher) == touched("E-1")
        (tmp_path / "other" / "flat").touch()
        assert next_batch(watcher) == touched("flat", source="b")


def test_many_changes_are_one_batch(path: Path) -> None:
    with watching(place(path)) as watcher:
        for number in range(50):
            (path / f"E-{number}").mkdir(exist_ok=True)
            (path / f"E-{number}" / "file").touch()
        assert next_batch(watcher) == touched(*(f"E-{number}" for number in range(50)))
        assert watcher.wait(0.1) is None
        assert watcher.modes()["a"].why == "file events (inotify), 50 folders"


def test_very_many_changes_are_the_whole_place(path: Path) -> None:
    with watching(place(path), most=10) as watcher:
        for number in range(11):
            (path / f"flat-{number}").touch()
        assert next_batch(watcher) == Batch({}, {"a": "more than 10 entries changed"})


def test_while_it_never_gets_quiet_batches_are_told_all_the_same(path: Path) -> None:
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.005):
            (path / "E-1" / "file").touch()

    with watching(place(path)) as watcher:
        writer = threading.Thread(target=write)
        writer.start()
        assert next_batch(watcher) == touched("E-1")
        done.set()
        writer.join()


def test_a_name_that_is_no_text_is_told_as_python_writes_it(path: Path) -> None:
    with watching(place(path)) as watcher:
        (path / os.fsdecode(b"\xe9")).touch()
        assert next_batch(watcher) == touched("\udce9")


def test_what_others_say_is_told_as_well(path: Path) -> None:
    with watching(place(path)) as watcher:
        watcher.hint("a", "E-7")
        assert next_batch(watcher) == touched("E-7")
        watcher.hint("a")
        assert next_batch(watcher) == Batch({}, {"a": "somebody asked for it"})
        with pytest.raises(ValueError, match="no place is called b: there are a"):
            watcher.hint("b")


def test_waiting_ends_at_its_time_and_when_all_is_stopped(path: Path) -> None:
    with watching(place(path)) as watcher:
        began = time.monotonic()
        assert watcher.wait(0.1) is None
        assert 0.1 <= time.monotonic() - began < 1
        threading.Timer(0.1, watcher.stop).start()
        assert watcher.wait(30) is None
        assert time.monotonic() - began < 5


def test_when_all_is_stopped_nothing_is_left_open(path: Path) -> None:
    before = len([*Path("/proc/self/fd").iterdir()])
    with watching(place(path), place(path, "b", events=False)):
        assert len([*Path("/proc/self/fd").iterdir()]) == before + 7
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_what_the_kernel_lost_is_the_whole_place_and_it_is_watched_anew(path: Path) -> None:
    (path / "flat").touch()
    with watching(place(path)) as watcher:
        with watcher._changed:  # holds the reader up
            for _ in range(int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())):
                os.utime(path / "flat")
                os.utime(path / "E-1")
            (path / "E-2").mkdir()  # nobody is told of it
        assert next_whole(watcher) == "more happened at once than the kernel keeps"
        (path / "E-2" / "file").touch()
        assert next_batch(watcher) == touched("E-2")


def test_links_are_told_of_at_intervals_where_events_may_not_tell_all(path: Path) -> None:
    (path / "E-2").symlink_to("/proc")
    with watching(place(path, every=0.2)) as watcher:
        assert [next_batch(watcher), next_batch(watcher)] == [touched("E-2"), touched("E-2")]


def test_whatever_goes_wrong_a_place_is_not_forgotten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, wrong = keeper.Watches, [ZeroDivisionError()]

    def watches(*arguments: object) -> keeper.Watches:
        if wrong:
            raise wrong.pop()
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(keeper, "Watches", watches)
    with watching(place(path, every=0.1)) as watcher:
        assert watcher.modes()["a"].how == "events"


# --------------------------------------------------------------------------- the place itself


def replace(path: Path) -> None:
    """It may be seen that it is not there in between."""
    path.rename(path.parent / "old")
    (path / "E-2").mkdir(parents=True)


def lead_elsewhere(path: Path) -> None:
    """The place is a link, and no event tells where it leads to."""
    (path.parent / "other" / "E-2").mkdir(parents=True)
    (path.parent / "new").symlink_to("other")
    (path.parent / "new").replace(path)


OTHER = "it is another directory than before, or has another owner or other permissions"
CHANGES: dict[str, tuple[bool, Callable[[Path], object], str]] = {
    "another one": (False, replace, "it (was removed, moved or unmounted|is not there any more: .*|is there again)"),
    "led to by a link that leads elsewhere": (True, lead_elsewhere, OTHER),
    "open to others": (False, lambda path: path.chmod(0o711), OTHER),
}


@pytest.mark.parametrize("events", [True, False], ids=["events", "scan"])
@pytest.mark.parametrize("linked, change, why", CHANGES.values(), ids=CHANGES)
def test_a_place_that_is_another_one_than_before_is_looked_at_in_whole_and_watched_anew(
    path: Path, linked: bool, change: Callable[[Path], object], why: str, events: bool
) -> None:
    if linked:
        (path.parent / "link").symlink_to("place")
        path = path.parent / "link"
    with watching(place(path, events=events, every=0.3)) as watcher:
        change(path)
        told = next_whole(watcher, but="it is looked at every 0.3 s")
        assert re.fullmatch(why if events else f"{why}|{OTHER}", told)
        if events:
            (path / "E-2").mkdir(exist_ok=True)
            until(lambda: watcher.modes()["a"].why == f"file events (inotify), {len([*path.iterdir()])} folders")
            while watcher.wait(0.1):
                pass
            (path / "E-2" / "file").touch()
            assert next_batch(watcher) == touched("E-2")


@pytest.mark.parametrize("events", [True, False], ids=["events", "scan"])
def test_a_place_that_is_not_there_is_told_once_and_once_when_it_is_again(path: Path, events: bool) -> None:
    with watching(place(path, events=events, every=NEVER if events else 0.1)) as watcher:
        shutil.rmtree(path)
        gone = "it is not there any more: No such file or directory"
        assert next_whole(watcher, but="it is looked at every 0.1 s") == gone
        assert watcher.modes() == {
            "a": Mode("waiting", "not there, looked for every second: No such file or directory")
        }
        assert watcher.wait(0.3) is None
        path.mkdir()
        assert next_batch(watcher).whole == {"a": "it is there again"}
        assert watcher.modes()["a"].how == ("events" if events else "scan")
        (path / "flat").touch()
        assert next_batch(watcher) == (touched("flat") if events else Batch({}, {"a": "it is looked at every 0.1 s"}))


@pytest.mark.parametrize("make", [lambda path: None, Path.touch], ids=["nothing", "a file"])
def test_a_place_that_is_not_there_yet_is_waited_for(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "later"
    make(path)
    with watching(place(path)) as watcher:
        assert watcher.modes()["a"].how == "waiting"
        path.unlink(missing_ok=True)
        path.mkdir()
        assert next_batch(watcher) == Batch({}, {"a": "it is there again"})


def test_each_change_of_mode_is_one_line_of_the_log(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app.triggers")
    with watching(place(path), place(path / "E-1", "b", events=False, kind="nfs4")) as watcher:
        for number in range(3):
            (path / f"new-{number}").mkdir()
        next_batch(watcher)
        shutil.rmtree(path)
        until(lambda: {mode.how for mode in watcher.modes().values()} == {"waiting", "scan"})
    assert sorted((line.levelname, line.getMessage()) for line in caplog.records) == [
        ("INFO", "a: file events (inotify), 1 folders"),
        ("INFO", "b: looked at every 3600 s: nfs4 tells no file events"),
        ("WARNING", "a: not there, looked for every second: No such file or directory"),
    ]


# --------------------------------------------------------------------------- by looking at intervals


def test_where_no_events_are_told_a_place_is_looked_at_in_whole_at_intervals(path: Path) -> None:
    with watching(place(path, events=False, every=0.2, kind="nfs4")) as watcher:
        assert watcher.modes() == {"a": Mode("scan", "looked at every 0.2 s: nfs4 tells no file events")}
        (path / "E-1" / "file").touch()
        assert watcher.wait(0.1) is None
        assert next_batch(watcher) == Batch({}, {"a": "it is looked at every 0.2 s"})


def test_an_interval_begins_when_the_last_word_was_given_out(path: Path) -> None:
    with watching(place(path, events=False, every=0.2)) as watcher:
        time.sleep(0.7)  # whoever waits for batches is at work
        began = time.monotonic()
        next_batch(watcher)
        assert time.monotonic() - began < 0.1
        assert watcher.wait(0.15) is None
        next_batch(watcher)
        assert 0.2 <= time.monotonic() - began < 0.5


# --------------------------------------------------------------------------- a place that does not answer


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[SlowFs]:
    for folder in ("root/place/E-1", "at"):
        (tmp_path / folder).mkdir(parents=True)
    with SlowFs(tmp_path / "root", tmp_path / "at") as slow:
        yield slow


@pytest.mark.parametrize(
    "events, hanging",
    [(True, "getattr"), (False, "getattr"), (True, "opendir")],
    ids=["events", "scan", "it cannot be listed"],
)
def test_a_place_that_does_not_answer_takes_nothing_from_others(
    tmp_path: Path, path: Path, slow: SlowFs, events: bool, hanging: str, caplog: pytest.LogCaptureFixture
) -> None:
    """While it is set up, and while it is looked at."""
    silent = place(tmp_path / "at" / "place", "silent", events=events, every=0.1)
    slow.hang("/place", operations=[hanging])
    watcher = Watcher([silent, place(path)], debounce=timedelta(seconds=0.03), patience=timedelta(seconds=0.2))
    watcher.start()
    assert watcher.wait(5) == Batch({}, {"a": "it is looked at for the first time"})
    until(lambda: watcher.modes()["silent"].how == "silent")
    said = next_whole(watcher, source="silent")
    assert said.startswith("does not answer since ")
    (path / "E-1" / "file").touch()
    assert watcher.wait(5) == touched("E-1"), "it is said once"
    (line,) = caplog.records
    assert re.fullmatch(r"silent: does not answer since \d\d:\d\d:\d\d UTC", line.getMessage())
    slow.heal()
    assert next_batch(watcher).whole.keys() == {"silent"}
    until(lambda: watcher.modes()["silent"].how == ("events" if events else "scan"))
    slow.hang("/place")
    until(lambda: watcher.modes()["silent"].how == "silent")
    began = time.monotonic()
    watcher.stop()
    assert time.monotonic() - began < 2


# --------------------------------------------------------------------------- limits and mounts, in a world of its own


def in_a_world_of_its_own(script: str, folder: Path) -> list[object]:
    """What a script appends to `said`. It may mount, and has limits of its own: it is in another user namespace."""
    head = """
import json, os, subprocess, sys, time
from datetime import timedelta
from pathlib import Path
from app.triggers.events import Place, Watcher
folder, said = Path(sys.argv[1]), []
def limit(what, number):
    Path(f"/proc/sys/user/max_inotify_{what}").write_text(str(number))
def watch(*places):
    watcher = Watcher(places, debounce=timedelta(seconds=0.03))
    watcher.start()
    return watcher
def tell(watcher, source="a"):
    while True:
        batch = watcher.wait(5)
        if batch is None:
            return None
        if source in batch.whole:
            return batch.whole[source]
        if source in batch.touched:
            return sorted(batch.touched[source])
def place(name, events=True, every=3600.0):
    return Place(name, folder / name, events, timedelta(seconds=every))
"""
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c"]
    done = subprocess.run(
        [*command, f"{head}\n{script}\nprint(json.dumps(said))", folder],
        cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)}, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_a_place_that_is_mounted_over_or_unmounted_is_noticed_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    script = """
watcher = watch(place("a"))
said.append(tell(watcher))
subprocess.run(["mount", "-t", "tmpfs", "none", folder / "a"], check=True)
said.append(tell(watcher))
(folder / "a" / "flat").touch()
said.append(tell(watcher))
subprocess.run(["umount", folder / "a"], check=True)
said.append(tell(watcher))
(folder / "a" / "below").touch()
said.append(tell(watcher))
"""
    first, mounted, above, unmounted, below = in_a_world_of_its_own(script, tmp_path)
    assert (first, mounted, above, below) == ("it is looked at for the first time", OTHER, ["flat"], ["below"])
    assert unmounted in (OTHER, "it was removed, moved or unmounted")


def test_where_the_kernel_gives_no_more_watches_a_place_is_looked_at_until_it_does(tmp_path: Path) -> None:
    """The others go on, and all that the place had is given back: otherwise there were none for `new`."""
    for name in ["a/E-1", *(f"b/E-{number}" for number in range(20))]:
        (tmp_path / name).mkdir(parents=True)
    script = """
limit("watches", 8)
watcher = watch(place("a"))
tell(watcher)
both = watch(place("b", every=0.2))
said.append(tell(both, "b"))
said.append(both.modes()["b"].why)
said.append(tell(both, "b"))
(folder / "a" / "new").mkdir()
said.append(tell(watcher))
(folder / "a" / "new" / "file").touch()
said.append(tell(watcher))
limit("watches", 100)
while both.modes()["b"].how != "events":
    both.wait(0.1)
said.append(both.modes()["b"].why)
"""
    why = "/proc/sys/user/max_inotify_watches is 8, 21 are needed here (sysctl user.max_inotify_watches=29)"
    assert in_a_world_of_its_own(script, tmp_path) == [
        f"there may be changes of which nothing was told: {why}",
        f"looked at every 0.2 s: {why}",
        "it is looked at every 0.2 s",
        ["new"],
        ["new"],
        "file events (inotify), 20 folders",
    ]


def test_a_place_that_grows_over_the_limit_is_looked_at_from_then_on(tmp_path: Path) -> None:
    (tmp_path / "a" / "E-1").mkdir(parents=True)
    script = """
limit("watches", 3)
watcher = watch(place("a"))
tell(watcher)
(folder / "a" / "E-2").mkdir()
said.append(tell(watcher))
(folder / "a" / "E-3").mkdir()
said.append(tell(watcher))
said.append(watcher.modes()["a"].how)
"""
    why = "/proc/sys/user/max_inotify_watches is 3, 4 are needed here (sysctl user.max_inotify_watches=7)"
    told = f"there may be changes of which nothing was told: {why}"
    assert in_a_world_of_its_own(script, tmp_path) == [["E-2"], told, "scan"]


def test_where_the_kernel_gives_no_more_descriptors_a_place_is_looked_at_until_it_does(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    script = """
limit("instances", 1)
watcher = watch(place("a"))
tell(watcher)
other = watch(place("b", every=0.2))
tell(other, "b")
said.append(other.modes()["b"].why)
watcher.stop()
while other.modes()["b"].how != "events":
    other.wait(0.1)
"""
    why = "/proc/sys/user/max_inotify_instances is 1, all are in use (sysctl user.max_inotify_instances=2)"
    assert in_a_world_of_its_own(script, tmp_path) == [f"looked at every 0.2 s: {why}"]
