"""SlowFs: shows what is there, misbehaves as told, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.servers.slowfs import OPERATIONS, PROJECT, SlowFs, SlowFsError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """/a/b is a file, /a/c too, /d an empty folder."""
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a" / "b").write_bytes(b"content of b")
    (root / "a" / "c").write_bytes(b"content of c")
    (root / "d").mkdir()
    return root


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "at").mkdir()
    yield tmp_path / "at"
    until(lambda: not mounted(tmp_path))
    until(lambda: not served(tmp_path))


def mounted(below: Path) -> bool:
    return f" {below}/" in Path("/proc/self/mountinfo").read_text()


def served(below: Path) -> bool:
    return str(below) in subprocess.run(["ps", "-eo", "args"], text=True, capture_output=True, check=True).stdout


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --------------------------------------------------------------------------- what it shows


def work(place: Path) -> None:
    """Every way to change something."""
    (place / "new").write_bytes(b"0123456789" * 100_000)
    with (place / "new").open("r+b") as file:
        file.truncate(500_000)
        file.seek(7)
        file.write(b"seven")
        file.flush()
        os.fsync(file.fileno())
    with (place / "new").open("ab") as file:
        file.write(b"end")
    (place / "a" / "b").write_bytes(b"shorter")
    (place / "a" / "c").rename(place / "d" / "moved")
    (place / "gone").touch()
    (place / "gone").unlink()
    (place / "folder" / "below").mkdir(parents=True)
    (place / "folder" / "below").rmdir()
    (place / "folder").chmod(0o750)
    (place / "hard").hardlink_to(place / "new")
    (place / "soft").symlink_to("a/b")
    os.utime(place / "new", ns=(1_000_000_001, 1_600_000_000_123_456_789))
    os.utime(place / "soft", ns=(3, 1_700_000_000_000_000_001), follow_symlinks=False)
    os.chown(place / "d", os.getuid(), os.getgid())


Picture = dict[str, tuple[object, ...]]


def picture(place: Path) -> Picture:
    """All that can be seen below a directory, by path."""
    return {str(path.relative_to(place)): (about(path.lstat()), seen(path)) for path in sorted(place.rglob("*"))}


def about(status: os.stat_result) -> tuple[int, ...]:
    times = (status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns)
    size = (status.st_size, status.st_blocks, status.st_nlink)
    return (status.st_ino, status.st_mode, status.st_uid, status.st_gid, *size, *times)


def seen(path: Path) -> object:
    if path.is_symlink():
        return path.readlink()
    if path.is_dir():
        with os.scandir(path) as entries:
            return sorted((one.name, one.inode(), one.is_dir(), one.is_file(), one.is_symlink()) for one in entries)
    return path.read_bytes()


def result(place: Path) -> Picture:
    """What does not differ between two places to which the same was done."""
    return {
        str(path.relative_to(place)): (
            path.lstat().st_mode, path.lstat().st_nlink, path.is_dir() or path.lstat().st_size,
            path.name in ("new", "soft", "hard") and path.lstat().st_mtime_ns,
            path.is_dir() or path.read_bytes(), path.is_symlink() and path.readlink(),
        )
        for path in sorted(place.rglob("*"))
    }  # fmt: skip


def test_what_is_done_to_it_is_done_to_the_directory(root: Path, at: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    subprocess.run(["cp", "-a", root, twin], check=True)
    work(twin)
    with SlowFs(root, at):
        work(at)
    assert result(root) == result(twin)


def test_it_shows_the_directory_to_the_nanosecond(root: Path, at: Path) -> None:
    work(root)
    with SlowFs(root, at):
        picture(root)  # reading may change the time of the last access
        assert picture(at) == picture(root)
        assert at.stat().st_dev != root.stat().st_dev
        assert os.statvfs(at).f_blocks == os.statvfs(root).f_blocks


def test_now_is_now(root: Path, at: Path) -> None:
    os.utime(root / "a" / "b", (0, 0))
    with SlowFs(root, at):
        os.utime(at / "a" / "b")
    assert abs((root / "a" / "b").stat().st_mtime - time.time()) < 60


# --------------------------------------------------------------------------- delays


def test_each_call_is_late_and_none_waits_for_another(root: Path, at: Path) -> None:
    with ThreadPoolExecutor(16) as pool, SlowFs(root, at) as fs:
        fs.delay(0.1)
        start = time.monotonic()
        list(pool.map(os.stat, [at] * 16))
        assert 0.1 <= time.monotonic() - start < 0.8
        fs.delay(0)
        start = time.monotonic()
        at.stat()
        assert time.monotonic() - start < 0.1


# --------------------------------------------------------------------------- faults

STAT, READ, LIST = Path.stat, Path.read_bytes, os.listdir

FAULTS = [
    ("/a/b", False, OPERATIONS, STAT, "a/b", True),
    ("/a/b", False, OPERATIONS, STAT, "a/c", False),
    ("/a/b", False, OPERATIONS, LIST, "a", False),
    ("/a/b", True, OPERATIONS, STAT, "a/bb", False),
    ("/a", False, {"readdir"}, LIST, "a", True),
    ("/a", False, {"readdir"}, STAT, "a", False),
    ("/a", False, {"readdir"}, READ, "a/b", False),
    ("/a", True, {"open"}, READ, "a/b", True),
    ("/a", True, {"open"}, STAT, "a/b", False),
    ("/a", True, {"open"}, LIST, "d", False),
    ("/", True, {"read"}, READ, "a/b", True),
    ("/d", True, {"rename"}, lambda path: path.rename(path.parents[1] / "d" / "b"), "a/b", True),
    ("/", False, OPERATIONS, STAT, "", True),
]


@pytest.mark.parametrize("error", [errno.ESTALE, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("path, below, operations, do, to, fails", FAULTS)
def test_the_chosen_calls_fail(
    mount: tuple[SlowFs, Path],
    path: str,
    below: bool,
    operations: Collection[str],
    do: Callable[[Path], object],
    to: str,
    fails: bool,
    error: int,
) -> None:
    fs, at = mount
    fs.heal()
    fs.fail(path, error, below, operations)
    if fails:
        with pytest.raises(OSError) as caught:
            do(at / to)
        assert caught.value.errno == error
    else:
        do(at / to)


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SlowFs, Path]]:
    """One for all tests that ruin nothing."""
    base = tmp_path_factory.mktemp("mount")
    (base / "root" / "a").mkdir(parents=True)
    (base / "root" / "d").mkdir()
    (base / "root" / "a" / "b").write_bytes(b"content of b")
    (base / "root" / "a" / "bb").touch()
    (base / "root" / "a" / "c").touch()
    (base / "at").mkdir()
    with SlowFs(base / "root", base / "at") as fs:
        yield fs, base / "at"


def test_the_latest_word_counts_and_healing_takes_back_all_that_was_said_of_a_path(root: Path, at: Path) -> None:
    with SlowFs(root, at) as fs:
        fs.fail("/a/b", errno.EIO)
        fs.fail("/a/b", errno.ESTALE)
        fs.fail("/d", errno.EIO)
        with pytest.raises(OSError, match="Stale"):
            (at / "a" / "b").stat()
        fs.heal("/a/b")
        (at / "a" / "b").stat()
        with pytest.raises(OSError):
            (at / "d").stat()
        fs.heal()
        (at / "d").stat()


@pytest.mark.parametrize(
    "path, operation, words",
    [
        ("/a", "stat", "no such operation: stat "),
        ("/a", "release", "no such operation: release "),
        ("a", "getattr", 'begins with "/"'),
        ("/a/", "getattr", "does not end with it: /a/"),
    ],
)
def test_what_could_never_happen_is_refused(root: Path, at: Path, path: str, operation: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SlowFs(root, at).fail(path, errno.EIO, operations={operation})


# --------------------------------------------------------------------------- hanging


def test_a_call_hangs_until_it_is_healed_and_others_do_not(root: Path, at: Path) -> None:
    with ThreadPoolExecutor() as pool, SlowFs(root, at) as fs:
        fs.hang("/a", below=True, operations={"open"})
        waiting = pool.submit((at / "a" / "b").read_bytes)
        until(lambda: fs.calls()["open"] == 1)
        assert (at / "a" / "b").stat().st_size == 12
        assert not waiting.done()
        fs.heal()
        assert waiting.result(timeout=1) == b"content of b"


def test_what_hangs_does_not_keep_others_from_its_folder(root: Path, at: Path) -> None:
    with ThreadPoolExecutor() as pool, SlowFs(root, at) as fs:
        fs.hang("/a")
        waiting = pool.submit((at / "a").stat)
        until(lambda: fs.calls()["getattr"] == 1)
        assert sorted(pool.submit(os.listdir, at).result(timeout=5)) == ["a", "d"]
        assert pool.submit((at / "d").is_dir).result(timeout=5)
        assert not waiting.done()


def test_whoever_hangs_can_be_killed_but_not_asked_to_stop(root: Path, at: Path) -> None:
    with SlowFs(root, at) as fs:
        fs.hang("/a")
        client = subprocess.Popen([sys.executable, "-c", HANDLING_SIGTERM, at / "a"])
        until(lambda: fs.calls()["getattr"] == 1)
        client.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            client.wait(timeout=0.2)
        client.kill()
        assert client.wait(timeout=5) == -signal.SIGKILL


HANDLING_SIGTERM = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: None)
os.stat(sys.argv[1])
"""


def test_closing_ends_what_hangs(root: Path, at: Path) -> None:
    with ThreadPoolExecutor() as pool:
        with SlowFs(root, at) as fs:
            fs.hang("/", below=True)
            waiting: list[Future[object]] = [pool.submit(at.stat), pool.submit(os.listdir, at / "a")]
            until(lambda: fs.calls()["getattr"] == 2)
        for one in waiting:
            with pytest.raises(OSError, match=r"abort|not connected"):
                one.result(timeout=1)
    assert list(at.iterdir()) == []


# --------------------------------------------------------------------------- counts

A, B = ("getattr", "/a"), ("getattr", "/a/b")
COUNTS = [
    ("a lookup of each part, and the status of the last", lambda at, _: (at / "a" / "b").stat(), {A: 1, B: 2}),
    ("one lookup and one status", lambda _, folder: os.stat("b", dir_fd=folder), {B: 2}),
    ("no lookup", lambda _, folder: os.fstat(folder), {A: 1}),
    (
        "one readdir, and no status but the folder's",
        lambda at, _: [one.is_dir() for one in os.scandir(at / "a")],
        {A: 2, ("opendir", "/a"): 1, ("readdir", "/a"): 1, ("releasedir", "/a"): 1},
    ),
]


@pytest.mark.parametrize("_, do, expected", COUNTS, ids=[row[0] for row in COUNTS])
def test_every_call_is_counted(
    mount: tuple[SlowFs, Path],
    _: str,
    do: Callable[[Path, int], object],
    expected: dict[tuple[str, str], int],
) -> None:
    fs, at = mount
    fs.heal()
    folder = os.open(at / "a", os.O_PATH)
    try:
        fs.forget_calls()
        do(at, folder)
        until(lambda: fs.calls_by_path().total() == sum(expected.values()))  # a release comes a moment later
        assert fs.calls_by_path() == expected
    finally:
        os.close(folder)


def test_the_kernel_may_be_let_remember(root: Path, at: Path) -> None:
    with SlowFs(root, at, attribute_timeout=60, entry_timeout=60) as fs:
        for _ in range(3):
            (at / "a" / "b").stat()
        assert fs.calls_by_path() == {A: 1, B: 1}


# --------------------------------------------------------------------------- mounting


@pytest.mark.parametrize("lazy", [False, True])
def test_it_can_be_unmounted_and_mounted_again_and_stays_as_it_was_told_to_be(root: Path, at: Path, lazy: bool) -> None:
    with SlowFs(root, at) as fs:
        fs.fail("/a", errno.EIO)
        fs.unmount(lazy)
        assert list(at.iterdir()) == []
        with pytest.raises(SlowFsError, match="not mounted"):
            fs.calls()
        fs.mount()
        assert sorted(at.iterdir()) == [at / "a", at / "d"]
        with pytest.raises(OSError):
            (at / "a").stat()


def test_what_is_open_refuses_an_unmount_and_survives_a_lazy_one_until_the_end(root: Path, at: Path) -> None:
    with SlowFs(root, at) as fs:
        file = os.open(at / "a" / "b", os.O_RDONLY)
        with pytest.raises(SlowFsError, match="busy"):
            fs.unmount()
        fs.unmount(lazy=True)
        assert list(at.iterdir()) == []
        assert os.read(file, 7) == b"content"
        fs.mount()
        assert sorted(at.iterdir()) == [at / "a", at / "d"]
    with pytest.raises(OSError, match="not connected"):
        os.fstat(file)
    with suppress(OSError):  # it is closed all the same
        os.close(file)


def test_what_cannot_be_mounted_says_why(root: Path, tmp_path: Path) -> None:
    with pytest.raises(SlowFsError, match="No such file"), SlowFs(root, tmp_path / "missing"):
        pass


CRASHING = """
import os, sys, threading, time
from pathlib import Path
from tests.servers.slowfs import SlowFs
fs = SlowFs(Path(sys.argv[1]), Path(sys.argv[2]))
fs.mount()
if not os.fork():  # it holds the connection's end too
    time.sleep(60)
    os._exit(0)
fs.hang("/a")
threading.Thread(target=os.stat, args=[sys.argv[2] + "/a"]).start()
opened = open(sys.argv[2] + "/d/file", "w")
while not fs.calls_by_path()["getattr", "/a"]:
    time.sleep(0.01)
print(flush=True)
time.sleep(60)
"""


def test_it_goes_with_a_process_that_is_killed_while_it_hangs(root: Path, at: Path) -> None:
    command = [sys.executable, "-c", CRASHING, str(root), str(at)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert mounted(at.parent)
        process.kill()
        until(lambda: not mounted(at.parent))
        os.killpg(process.pid, signal.SIGKILL)  # its child


def test_it_is_unmounted_when_its_own_process_is_killed(root: Path, at: Path) -> None:
    with SlowFs(root, at) as fs:
        file = os.open(at / "a" / "b", os.O_RDONLY)
        os.kill(fs.pid, signal.SIGKILL)
        until(lambda: not mounted(at.parent))
        with pytest.raises(OSError, match="not connected"):
            os.read(file, 1)
        with suppress(OSError):  # it is closed all the same
            os.close(file)
        with pytest.raises(SlowFsError, match="not served"):
            fs.calls()


def test_what_was_detached_and_ends_leaves_what_is_mounted_since(root: Path, at: Path) -> None:
    with SlowFs(root, at) as fs:
        first = fs.pid
        with (at / "a" / "b").open("rb"):
            fs.unmount(lazy=True)
            fs.mount()
            os.kill(first, 0)
        until(lambda: state(first) == "Z")
        assert (at / "a" / "b").read_bytes() == b"content of b"


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
