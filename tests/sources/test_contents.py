from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from app.domain.contents import Digests, Found, Identity
from app.errors import SourceError
from app.sources import contents, forked, tree
from app.sources.contents import BLOCK, ENDS, identical
from benchmarks.contents import make, theirs
from tests.sources.places import as_ordinary_user, fill

SMALL, LARGE = 2 * ENDS, 8 * ENDS


def later() -> int:
    """A minute from now: what a test wrote has long been so."""
    return time.time_ns() + 60 * 10**9


@dataclass
class Kept:
    """What the store has; `meanwhile` happens when it is asked: after files were looked at, before they are read."""

    digests: dict[Identity, Digests] = field(default_factory=dict)
    meanwhile: Callable[[], object] = lambda: None
    batches: list[int] = field(default_factory=list)

    def known(self, files: Collection[Identity]) -> Mapping[Identity, Digests]:
        self.meanwhile()
        return self.digests

    def keep(self, digests: Mapping[Identity, Digests]) -> None:
        self.batches.append(len(digests))
        self.digests |= digests


def look(*paths: Path | bytes, kept: Kept | None = None, clock: Callable[[], int] = later) -> Found:
    kept = kept or Kept()
    return identical([os.fsencode(path) for path in paths], kept.known, kept.keep, clock=clock)


def names(found: Found, below: Path) -> list[list[str]]:
    """Of each group, by name: the names of each file, those of one file with = between them."""
    inside = len(os.fsencode(below)) + 1
    return sorted(
        sorted("=".join(os.fsdecode(name[inside:]) for name in file) for file in group.files) for group in found.groups
    )


def told(found: Found, below: Path) -> dict[str, str]:
    return {os.fsdecode(one.path).removeprefix(f"{below}/"): one.reason for one in found.unreadable}


def with_byte(size: int, at: int) -> bytes:
    """Zeros but for one byte."""
    return bytes(at) + b"\1" + bytes(size - at - 1)


# --------------------------------------------------------------------------- what is the same


@pytest.mark.parametrize(
    ("files", "groups"),
    [
        ({"a": b"same", "b": b"same", "c": b"else"}, [["a", "b"]]),
        ({"a": b"same", "b": b"same and more"}, []),
        ({"a": b"", "b": b"", "c": b"x"}, []),
        ({"a": b"x", "b": b"y", "c": b"x", "d": b"y"}, [["a", "c"], ["b", "d"]]),
        ({"one/a": b"x", "two/deep/er/a": b"x", ".hidden/.a": b"x"}, [[".hidden/.a", "one/a", "two/deep/er/a"]]),
        ({b"new\nline": b"x", b"latin \xff": b"x", b"-r": b"x"}, [["-r", "latin \udcff", "new\nline"]]),
        ({"a": bytes(ENDS), "b": bytes(ENDS), "c": bytes(ENDS + 1)}, [["a", "b"]]),
        *(
            ({"a": with_byte(size, at), "b": with_byte(size, at), "c": bytes(size)}, [["a", "b"]])
            for size in (SMALL - 1, SMALL, SMALL + 1, LARGE, BLOCK + SMALL, 2 * BLOCK)
            for at in (0, ENDS - 1, ENDS, size // 2, size - ENDS, size - 1)
        ),
    ],
)
def test_files_are_the_same_where_every_byte_is(
    tmp_path: Path, files: dict[str | bytes, bytes], groups: list[list[str]]
) -> None:
    assert names(look(fill(tmp_path / "place", files)), tmp_path / "place") == groups


def test_the_most_wasted_comes_first_and_all_is_counted(tmp_path: Path) -> None:
    files = {"b1": b"12", "b2": b"12", "a1": b"21", "a2": b"21", "c1": b"123", "c2": b"123", "c3": b"123", "empty": b""}
    found = look(fill(tmp_path / "place", files))
    assert [(group.files[0][0][-2:], group.size, group.wasted) for group in found.groups] == [
        (b"c1", 3, 6),
        (b"a1", 2, 2),
        (b"b1", 2, 2),
    ]
    assert (found.files, found.bytes, found.read, found.unreadable) == (8, 17, 7, ())


def test_what_no_other_is_as_long_as_is_not_opened(tmp_path: Path, opened: list[str]) -> None:
    found = look(fill(tmp_path / "place", {"a": b"1", "b": b"12", "c": b"123", "d": b"", "e": b""}))
    assert (found.read, opened) == (0, [])


def test_of_files_of_other_sizes_only_the_ends_are_read(tmp_path: Path, opened: list[str]) -> None:
    other = with_byte(LARGE, 0)
    look(fill(tmp_path / "place", {"a": bytes(LARGE), "b": other, "c": bytes(LARGE + 1), "d": other + b"\0"}))
    assert sorted(opened) == ["a", "b", "c", "d"]


def reference(place: Path) -> list[list[str]]:
    """By reading everything."""
    same: dict[bytes, dict[tuple[int, int], set[str]]] = {}
    for path in place.rglob("*"):
        if path.is_file() and not path.is_symlink() and (data := path.read_bytes()):
            seen = path.stat()
            files = same.setdefault(sha256(data).digest(), {})
            files.setdefault((seen.st_dev, seen.st_ino), set()).add(str(path.relative_to(place)))
    return sorted(
        sorted("=".join(sorted(file)) for file in files.values()) for files in same.values() if len(files) > 1
    )


@given(
    some.lists(some.tuples(some.sampled_from("abc"), some.sampled_from((0, 1, SMALL, SMALL + 9)), some.integers(0, 3)))
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_tree_has_the_groups_that_reading_everything_finds(
    tmp_path: Path, made: list[tuple[str, int, int]]
) -> None:
    place = fill(
        Path(mkdtemp(dir=tmp_path)),
        {f"{folder}/{n}": (bytes([k]) * size)[:-1] + b"." for n, (folder, size, k) in enumerate(made)},
    )
    for number in range(0, len(made), 3):
        folder = made[number][0]
        (place / folder / f"{number} too").hardlink_to(place / folder / str(number))
    assert names(look(place), place) == reference(place)


def test_jdupes_finds_the_same(tmp_path: Path) -> None:
    place = make(tmp_path, 400, 4 * 2**20).place
    said = subprocess.run(["jdupes", "-q", "-r", place], capture_output=True, text=True, check=True).stdout
    ours = frozenset(frozenset(map(inode, (file[0] for file in group.files))) for group in look(place).groups)
    assert ours == theirs(said)
    assert len(ours) > 30


def inode(path: bytes) -> tuple[int, int]:
    seen = Path(os.fsdecode(path)).lstat()
    return seen.st_dev, seen.st_ino


# --------------------------------------------------------------------------- one file, many ways


def test_hard_links_are_one_file(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", {"a": b"x", "c": b"x", "alone": b"yy"})
    (place / "b").hardlink_to(place / "a")
    (place / "also alone").hardlink_to(place / "alone")
    found = look(place)
    assert names(found, place) == [["a=b", "c"]]
    assert (found.files, found.groups[0].wasted) == (3, 1)


def test_two_names_of_a_file_that_changed_in_between_are_still_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fill(tmp_path / "place", {"a": b"x"})
    (place / "b").hardlink_to(place / "a")
    found = tree.inside(bytes(place))
    *same, ctime = found.identities[0]
    seen = [(*same, ctime), (*same, ctime + 1)]
    monkeypatch.setattr(tree, "inside", lambda folder, **more: found._replace(identities=seen))
    kept = Kept(dict.fromkeys(seen, (b"digest", b"digest")))
    assert look(place, kept=kept).groups == ()


def test_links_are_not_followed_wherever_they_lead(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", {"a": b"x", "in/b": b"x"})
    fill(tmp_path / "outside", {"c": b"x"})
    for name, target in {
        "loop": "..",
        "in/loop": "../in",
        "out": "../outside",
        "c": "../outside/c",
        "no": "no",
    }.items():
        (place / name).symlink_to(target)
    found = look(place)
    assert names(found, place) == [["a", "in/b"]]
    assert found.unreadable == ()


def test_a_path_itself_may_be_a_link(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", {"a": b"x", "b": b"x"})
    (tmp_path / "folder").symlink_to(place)
    (tmp_path / "file").symlink_to(place / "a")
    assert names(look(tmp_path / "folder"), tmp_path / "folder") == [["a", "b"]]
    assert names(look(tmp_path / "file", place / "b"), place) == [["a", "b"]]


@pytest.mark.parametrize(
    "paths",
    [
        ["place", "place"],
        ["place", "place/in"],
        ["place/in", "place"],
        ["place", "place/a", "place/in/b"],
        ["place/a", "place/in"],
        ["place/a", "place/in/b", "place/in/../a", "place/a"],
        ["place", "folder", "file"],
        ["place/", "place//in/", "./place"],
    ],
)
def test_what_is_reached_twice_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paths: list[str]) -> None:
    fill(tmp_path / "place", {"a": b"x", "in/b": b"x"})
    (tmp_path / "folder").symlink_to("place")
    (tmp_path / "file").symlink_to("place/a")
    monkeypatch.chdir(tmp_path)
    found = look(*map(os.fsencode, paths))
    assert [[len(file) for file in group.files] for group in found.groups] == [[1, 1]]
    assert found.files == 2


# --------------------------------------------------------------------------- what cannot be read


def test_what_is_no_file_is_left_out_and_what_is_not_there_is_told(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", {"a": b"x", "b": b"x"})
    os.mkfifo(place / "pipe")
    found = look(place / "no such", place / "pipe", place / "a" / "under", place)
    assert names(found, place) == [["a", "b"]]
    assert told(found, place) == {
        "a/under": "Not a directory",
        "no such": "No such file or directory",
        "pipe": "it is neither a file nor a folder",
    }


def test_what_may_not_be_read_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", {"a": b"x", "b": b"x", "c": b"x", "shut/d": b"x"})
    (place / "c").chmod(0)
    (place / "shut").chmod(0)
    found = as_ordinary_user(lambda: look(b"."), place)
    assert [group.files for group in found.groups] == [((b"./a",), (b"./b",))]
    assert told(found, place) == {"./c": "Permission denied", "./shut": "Permission denied"}


def replaced_by_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("a"))


def replaced_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replaced(path: Path) -> None:
    path.with_name("new").write_bytes(path.read_bytes())
    path.with_name("new").rename(path)


def rewritten(path: Path) -> None:
    """As it was, to the byte and the time."""
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        path.write_bytes(path.read_bytes())
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = [
    (Path.unlink, "No such file or directory"),
    (replaced_by_a_link, "Too many levels of symbolic links"),
    (replaced_by_a_pipe, "Illegal seek"),
    (replaced, "it changed while it was read"),
    (rewritten, "it changed while it was read"),
    (lambda path: os.truncate(path, 1), "it changed while it was read"),
    (lambda path: path.write_bytes(bytes(LARGE + 1)), "it changed while it was read"),
]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
def test_a_file_that_changes_after_it_was_looked_at_is_told_and_not_kept(
    tmp_path: Path, change: Callable[[Path], object], reason: str
) -> None:
    place = fill(tmp_path / "place", {"a": bytes(LARGE), "b": bytes(LARGE), "c": bytes(LARGE)})
    kept = Kept(meanwhile=lambda: change(place / "c"))
    found = look(place, kept=kept)
    assert names(found, place) == [["a", "b"]]
    assert told(found, place) == {"c": reason}
    assert len(kept.digests) == 2


@pytest.mark.parametrize("call", ["pread", "readv"])
def test_a_file_that_changes_while_it_is_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """What reads how files begin, and what reads all of them."""
    place = fill(tmp_path / "place", {"a": bytes(LARGE), "b": bytes(LARGE), "c": bytes(LARGE)})
    changing, read = inode(bytes(place / "c")), getattr(os, call)

    def reading(file: int, *arguments: Any) -> Any:
        said = read(file, *arguments)
        if os.fstat(file).st_ino == changing[1]:
            rewritten(place / "c")
        return said

    monkeypatch.setattr(os, call, reading)
    kept = Kept()
    found = look(place, kept=kept)
    assert names(found, place) == [["a", "b"]]
    assert told(found, place) == {"c": "it changed while it was read"}
    assert [whole for file, (_, whole) in kept.digests.items() if file[:2] == changing] in ([], [None])


@pytest.mark.parametrize("call", ["pread", "readv"])
def test_a_disk_error_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    place = fill(tmp_path / "place", {"a": bytes(LARGE), "b": bytes(LARGE), "c": bytes(LARGE)})
    bad, read = inode(bytes(place / "c")), getattr(os, call)

    def failing(file: int, *arguments: Any) -> Any:
        if os.fstat(file).st_ino == bad[1]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(file, *arguments)

    monkeypatch.setattr(os, call, failing)
    found = look(place)
    assert (names(found, place), told(found, place)) == ([["a", "b"]], {"c": "Input/output error"})


def test_nothing_is_written(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", {"a": bytes(LARGE), "in/b": bytes(LARGE)})

    def state() -> list[tuple[str, int, int]]:
        return [(str(path), path.lstat().st_mtime_ns, path.lstat().st_ctime_ns) for path in sorted(tmp_path.rglob("*"))]

    before = state()
    look(place)
    assert state() == before


# --------------------------------------------------------------------------- what is kept


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are opened, by name."""
    made: list[str] = []
    really = os.open

    def opening(path: bytes, flags: int, *arguments: Any, **more: Any) -> int:
        if not flags & os.O_DIRECTORY and isinstance(path, bytes):
            made.append(os.path.basename(os.fsdecode(path)))  # noqa: PTH119
        return really(path, flags, *arguments, **more)

    monkeypatch.setattr(os, "open", opening)
    return made


FILES: dict[str | bytes, bytes] = {
    **{name: bytes(LARGE) for name in ("a", "b")},
    "c": with_byte(LARGE, 0),
    **{name: b"x" for name in ("d", "e")},
}


def test_an_unchanged_file_is_not_opened_again(tmp_path: Path, opened: list[str]) -> None:
    place, kept = fill(tmp_path / "place", FILES), Kept()
    first = look(place, kept=kept)
    assert sorted(opened) == ["a", "a", "b", "b", "c", "d", "e"]
    assert first.read == 5
    opened.clear()
    second = look(place, kept=kept)
    assert opened == []
    assert (second.groups, second.read) == (first.groups, 0)


def test_what_is_new_is_read_and_compared_with_what_is_known(tmp_path: Path, opened: list[str]) -> None:
    place, kept = fill(tmp_path / "place", FILES), Kept()
    look(place, kept=kept)
    fill(place, {"c2": FILES["c"], "d2": b"x"})
    opened.clear()
    assert names(look(place, kept=kept), place) == [["a", "b"], ["c", "c2"], ["d", "d2", "e"]]
    assert sorted(opened) == ["c", "c2", "c2", "d2"]  # all of c was not needed before


def test_a_change_that_hides_its_size_and_its_time_is_seen(tmp_path: Path) -> None:
    place, kept = fill(tmp_path / "place", FILES), Kept()
    look(place, kept=kept)
    before = (place / "d").stat()
    while (place / "d").stat().st_ctime_ns == before.st_ctime_ns:
        (place / "d").write_bytes(b"y")
        os.utime(place / "d", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (place / "d").stat().st_mtime_ns == before.st_mtime_ns
    assert names(look(place, kept=kept), place) == [["a", "b"]]


@pytest.mark.parametrize(
    ("since_change", "mtime_ago", "kept"),
    [(0, 0, 0), (1, 1, 0), (3, 3, 2), (-60, -60, 0), (60, 1, 0), (60, 10**6, 2), (60, -(10**6), 2)],
)
def test_what_was_changed_a_moment_ago_is_not_kept(
    tmp_path: Path, since_change: int, mtime_ago: int, kept: int
) -> None:
    """It might change again within one tick of the file system's clock, and look the same."""
    place = fill(tmp_path / "place", {"a": b"x", "b": b"x"})
    now = time.time_ns() + since_change * 10**9
    for file in place.iterdir():
        os.utime(file, ns=(0, now - mtime_ago * 10**9))
    store = Kept()
    assert names(look(place, kept=store, clock=lambda: now), place) == [["a", "b"]]
    assert len(store.digests) == kept


def test_what_was_read_is_kept_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = fill(tmp_path / "place", {str(number): b"%03d" % (number // 2) for number in range(10)})
    monkeypatch.setattr(contents, "A_BATCH", 4)
    look(place, kept=(kept := Kept()))
    assert kept.batches == [4, 4, 2]
    monkeypatch.setattr(contents, "PATIENCE", -1)
    look(place, kept=(kept := Kept()))
    assert kept.batches == [1] * 10


# --------------------------------------------------------------------------- several processes


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Path]:
    rng = random.Random(1)
    files = {f"{n % 600}/{n}": bytes([rng.randrange(40)]) * rng.choice((1, 9, SMALL + 1)) for n in range(1_300)}
    yield fill(tmp_path / "place", files)


def test_several_processes_find_the_same_as_one(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[Found, Kept]] = []
    monkeypatch.setattr(tree, "is_in_memory", lambda path: False)
    for processes in (1, 3):
        monkeypatch.setattr(forked, "fitting", lambda processes=processes: processes)
        kept = Kept()
        said.append((look(many, kept=kept), kept))
    assert said[0] == said[1]
    assert names(said[0][0], many) == reference(many)


def test_few_large_files_are_read_by_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "is_in_memory", lambda path: False)
    readers = tmp_path / "readers"
    place = fill(tmp_path / "place", {str(number): bytes(LARGE + number // 2) for number in range(64)})

    def reading(path: bytes, known: Identity, size: int) -> Iterable[memoryview]:
        with readers.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(0.001)
        return blocks(path, known, size)

    blocks = tree.blocks
    monkeypatch.setattr(tree, "blocks", reading)
    monkeypatch.setattr(contents, "MUCH", LARGE * 64)
    monkeypatch.setattr(forked, "fitting", lambda: 4)
    assert len(look(place).groups) == 32
    said = readers.read_text().split()
    assert (len(said), len({*said} - {str(os.getpid())})) == (64, 4)


@pytest.mark.parametrize(("in_memory", "processes"), [(True, 3), (False, 12)])
def test_there_are_as_many_processes_as_cores_where_no_disk_is_waited_for(
    many: Path, monkeypatch: pytest.MonkeyPatch, in_memory: bool, processes: int
) -> None:
    asked: list[int] = []

    def mapping(work: Callable[[Any], Any], items: Iterable[Any], count: int = 0) -> Iterator[Any]:
        asked.extend([count] * bool(count))
        return map(work, items)

    monkeypatch.setattr("os.cpu_count", lambda: 3)
    monkeypatch.setattr(forked, "fitting", lambda: 12)
    monkeypatch.setattr(tree, "is_in_memory", lambda path: in_memory)
    monkeypatch.setattr(contents, "mapped", mapping)
    look(many)
    assert asked == [processes, 1]  # few are left to be read in full


def test_a_reader_that_dies_is_an_error_and_never_a_short_list(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = os.getpid()

    def dying(path: bytes, known: Identity, size: int) -> bytes:
        assert os.getpid() != parent
        os.kill(os.getpid(), signal.SIGKILL)
        return b""

    monkeypatch.setattr(forked, "fitting", lambda: 2)
    monkeypatch.setattr(tree, "ends", dying)
    with pytest.raises(SourceError, match="died"):
        look(many)
