"""A place and its folders, watched by the kernel. What happened is there once the call that did it returns."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.triggers.inotify import LostError, NoEventsError, Watches


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """E-1 and E-2 are folders, each with a file; flat is a file; linked leads to a folder elsewhere."""
    place = tmp_path / "place"
    for folder in (place / "E-1" / "deeper", place / "E-2", tmp_path / "elsewhere"):
        folder.mkdir(parents=True)
        (folder / "file").write_text("one")
    (place / "E-1" / "file").write_text("one")
    (place / "flat").write_text("one")
    (place / "linked").symlink_to("../elsewhere")
    return place


@pytest.fixture
def watches(place: Path) -> Iterator[Watches]:
    watches = Watches(os.fsencode(place), lambda: None)
    yield watches
    watches.close()


def move_in(place: Path) -> None:
    (place.parent / "elsewhere").rename(place / "E-3")


def make_filled(place: Path) -> None:
    shutil.copytree(place / "E-1", place / "E-3")


def write(file: Path) -> None:
    file.write_text("two")


def touches(*names: str) -> set[bytes]:
    return {os.fsencode(name) for name in names}


CHANGES: dict[str, tuple[Callable[[Path], object], set[bytes]]] = {
    "a file in a folder is written": (lambda p: write(p / "E-1" / "file"), touches("E-1")),
    "a file in a folder is made": (lambda p: (p / "E-1" / "new").touch(), touches("E-1")),
    "a file in a folder is removed": (lambda p: (p / "E-1" / "file").unlink(), touches("E-1")),
    "a file in a folder gets another name": (lambda p: (p / "E-1" / "file").rename(p / "E-1" / "b"), touches("E-1")),
    "a file may be read no more": (lambda p: (p / "E-1" / "file").chmod(0), touches("E-1")),
    "a file moves to another folder": (lambda p: (p / "E-1" / "file").rename(p / "E-2" / "b"), touches("E-1", "E-2")),
    "a flat file is written": (lambda p: write(p / "flat"), touches("flat")),
    "a flat file is made": (lambda p: (p / "new").touch(), touches("new")),
    "a flat file is removed": (lambda p: (p / "flat").unlink(), touches("flat")),
    "a folder is made": (lambda p: (p / "E-3").mkdir(), touches("E-3")),
    "a folder is made with all that is in it": (make_filled, touches("E-3")),
    "a folder is removed": (lambda p: shutil.rmtree(p / "E-1"), touches("E-1")),
    "a folder gets another name": (lambda p: (p / "E-1").rename(p / "E-3"), touches("E-1", "E-3")),
    "a folder takes another's place": (lambda p: (p / "linked").replace(p / "flat"), touches("linked", "flat")),
    "a folder moves away": (lambda p: (p / "E-1").rename(p.parent / "away"), touches("E-1")),
    "a folder moves in": (move_in, touches("linked", "E-3")),
    "a folder may be read no more": (lambda p: (p / "E-1").chmod(0), touches("E-1")),
    "a file where a link leads": (lambda p: write(p / "linked" / "file"), touches("linked")),
    "a link is removed": (lambda p: (p / "linked").unlink(), touches("linked")),
    "any name is a name": (lambda p: (p / os.fsdecode(b"\xe9 \n")).touch(), {b"\xe9 \n"}),
    "the place gets other permissions": (lambda p: p.chmod(0o500), {b""}),
}


@pytest.mark.parametrize("change, names", CHANGES.values(), ids=CHANGES)
def test_a_change_is_told_by_the_name_in_the_place(
    place: Path, watches: Watches, change: Callable[[Path], object], names: set[bytes]
) -> None:
    change(place)
    assert watches.read() == names


NO_CHANGES: dict[str, Callable[[Path], object]] = {
    "a file is read": lambda p: (p / "E-1" / "file").read_text(),
    "folders are listed": lambda p: [[*p.iterdir()], [*(p / "E-1").iterdir()]],
    "something is deeper": lambda p: write(p / "E-1" / "deeper" / "file"),
    "nothing": lambda p: None,
}


@pytest.mark.parametrize("change", NO_CHANGES.values(), ids=NO_CHANGES)
def test_what_changes_nothing_that_matters_tells_nothing(
    place: Path, watches: Watches, change: Callable[[Path], object]
) -> None:
    change(place)
    assert watches.read() == set()


def link_anew(place: Path) -> None:
    """As `ln -sfn` does."""
    (place / "new").symlink_to("E-2")
    (place / "new").rename(place / "linked")


NEWCOMERS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "made": (make_filled, "E-3/file", "E-3"),
    "moved in": (move_in, "E-3/file", "E-3"),
    "of another name": (lambda p: (p / "E-1").rename(p / "E-3"), "E-3/file", "E-3"),
    "a link to one": (lambda p: (p / "new").symlink_to("../elsewhere"), "../elsewhere/file", "new linked"),
    "a link that leads elsewhere now": (link_anew, "E-2/file", "E-2 linked"),
    "instead of a file": (lambda p: [(p / "flat").unlink(), (p / "flat").mkdir()], "flat/file", "flat"),
    "instead of another": (lambda p: [shutil.rmtree(p / "E-1"), (p / "E-1").mkdir()], "E-1/file", "E-1"),
}


@pytest.mark.parametrize("change, file, names", NEWCOMERS.values(), ids=NEWCOMERS)
def test_a_new_folder_is_watched_when_it_is_told_of(
    place: Path, watches: Watches, change: Callable[[Path], object], file: str, names: str
) -> None:
    change(place)
    watches.read()
    write(place / file)
    assert watches.read() == touches(*names.split())


LEAVERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "moved away": (lambda p: (p / "E-1").rename(p.parent / "away"), "../away/file"),
    "where no link leads any more": (lambda p: (p / "linked").unlink(), "../elsewhere/file"),
    "where a link led before": (link_anew, "../elsewhere/file"),
}


@pytest.mark.parametrize("change, file", LEAVERS.values(), ids=LEAVERS)
def test_a_folder_that_left_is_watched_no_more(
    place: Path, watches: Watches, change: Callable[[Path], object], file: str
) -> None:
    change(place)
    watches.read()
    write(place / file)
    assert watches.read() == set()


def test_watches_are_counted(place: Path, watches: Watches) -> None:
    """E-1, E-2 and where the link leads."""
    assert watches.folders == 3
    shutil.rmtree(place / "E-1")
    (place / "E-2").rename(place.parent / "away")
    (place / "E-3").mkdir()
    watches.read()
    assert watches.folders == 2


UNSURE: dict[str, tuple[Callable[[Path], object], list[set[bytes]]]] = {
    "a link to a folder beside it": (lambda p: None, [set(), set()]),
    "another file system": (lambda p: (p / "other").symlink_to("/proc"), [touches("other"), touches("other")]),
    "a link to a file": (lambda p: (p / "file").symlink_to("flat"), [touches("file"), touches("file")]),
    "a link to nothing": (lambda p: (p / "none").symlink_to("nothing"), [touches("none"), touches("none")]),
    "a link that is no more": (
        lambda p: [(p / "none").symlink_to("nothing"), (p / "none").unlink()],
        [set(), set()],
    ),
}


@pytest.mark.parametrize("change, names", UNSURE.values(), ids=UNSURE)
def test_what_events_may_not_tell_is_named_again_and_again(
    place: Path, watches: Watches, change: Callable[[Path], object], names: list[set[bytes]]
) -> None:
    change(place)
    watches.read()
    assert [watches.unsure(), watches.unsure()] == names


def test_where_a_link_leads_to_another_folder_that_is_watched(place: Path, watches: Watches) -> None:
    """Where it is made no event is told."""
    (place.parent / "elsewhere").rename(place.parent / "old")
    watches.read()
    (place.parent / "elsewhere").mkdir()
    assert [watches.unsure(), watches.unsure()] == [touches("linked"), set()]
    write(place.parent / "elsewhere" / "file")
    assert watches.read() == touches("linked")
    write(place.parent / "old" / "file")
    assert watches.read() == set()


GONE: dict[str, Callable[[Path], object]] = {
    "removed": shutil.rmtree,
    "moved away": lambda p: p.rename(p.parent / "away"),
}


@pytest.mark.parametrize("change", GONE.values(), ids=GONE)
def test_a_place_that_is_gone_is_lost(place: Path, watches: Watches, change: Callable[[Path], object]) -> None:
    change(place)
    with pytest.raises(LostError, match="it was removed, moved or unmounted"):
        watches.read()


def test_more_than_the_kernel_keeps_is_lost(place: Path, watches: Watches) -> None:
    for _ in range(int(Path("/proc/sys/fs/inotify/max_queued_events").read_text()) // 2 + 1):
        os.utime(place / "flat")
        os.utime(place / "E-1" / "file")
    with pytest.raises(LostError, match="more happened at once than the kernel keeps"):
        for _ in range(100):
            watches.read()


def test_closing_gives_all_back(place: Path) -> None:
    def ours() -> int:
        files = Path("/proc/self/fdinfo").iterdir()
        return sum(file.read_text().count("inotify wd") for file in files if file.exists())

    before = ours()
    watches = Watches(os.fsencode(place), lambda: None)
    assert ours() == before + 4
    watches.close()
    assert ours() == before


def test_what_cannot_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    before = len([*Path("/proc/self/fd").iterdir()])
    with pytest.raises(FileNotFoundError):
        Watches(os.fsencode(tmp_path / "none"), lambda: None)
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_a_system_without_inotify_says_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchdog.observers", None)
    with pytest.raises(NoEventsError, match="this system tells no file events"):
        Watches(os.fsencode(place), lambda: None)
