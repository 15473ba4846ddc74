"""Faults of the system that a command runs on: its disk, its user.

A fault is a tuple, its name and its details. It is done in the process of one command, before that begins, and ends
with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import count, islice
from pathlib import Path
from typing import Any

from app import cli
from app.sources import forked
from tests.end_to_end.site import Done, Site
from tests.end_to_end.warm import Ended, warm

Fault = tuple[Any, ...]

READY = """
import app.outputs.html_page, app.outputs.xlsx_file, jinja2, psycopg2, pymysql, requests, stamina, xlsxwriter
from tests.faults.system import main
"""


def main(arguments: list[str]) -> int:
    """The program, in a process of its own, among the faults that its environment names."""
    for name, *details in json.loads(os.environ.pop("FAULTS", "[]")):
        FAULTS[name](*details)
    return cli.main(arguments)


class Broken(Site):
    """A site whose crawls meet faults."""

    def crawled(self, *arguments: str, faults: Iterable[Fault] = (), after: float | None = None) -> Ended:
        """`after`: seconds after which it is killed."""
        environment = self._environment({"FAULTS": json.dumps([*faults])})
        return warm(READY).run(["crawl", "--json", *arguments], self.root, environment, after)

    def crawl_amid(self, faults: Iterable[Fault], *arguments: str) -> Done:
        ended = self.crawled(*arguments, faults=faults)
        return self._done(ended.code, ended.out, ended.err)


# --------------------------------------------------------------------------- folders and files


class _Listing:
    """What `os.scandir` gives, with something else in it."""

    def __init__(self, entries: Any, shown: Iterable[Any]) -> None:
        self._entries, self._shown = entries, shown

    def __enter__(self) -> _Listing:
        return self

    def __exit__(self, *_: object) -> None:
        self._entries.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._shown)


def _listed(folder: str, otherwise: Callable[[Iterator[Any], int], Iterable[Any]]) -> None:
    """From now on this folder shows what `otherwise` makes of its entries, and of how often it was listed before."""
    honest, times = os.scandir, count()

    def scandir(path: Any = ".") -> Any:
        entries = honest(path)
        if not isinstance(path, str | bytes) or os.fsdecode(path) != folder:
            return entries
        return _Listing(entries, otherwise(iter(entries), next(times)))

    os.scandir = scandir  # type: ignore[assignment]


def breaks_off(folder: str, number: int, code: int) -> None:
    """A listing fails after so many entries."""

    def otherwise(entries: Iterator[Any], _: int) -> Iterator[Any]:
        yield from islice(entries, number)
        raise OSError(code, os.strerror(code))

    _listed(folder, otherwise)


def comes_late(folder: str, seconds: float) -> None:
    def otherwise(entries: Iterator[Any], _: int) -> Iterator[Any]:
        time.sleep(seconds)
        yield from entries

    _listed(folder, otherwise)


def first_without(folder: str, *names: str) -> None:
    """The first listing leaves these out, or all where none is named; later ones do not."""

    def otherwise(entries: Iterator[Any], before: int) -> Iterator[Any]:
        return (e for e in entries if before or (names and os.fsdecode(e.name) not in names))

    _listed(folder, otherwise)


def shows_twice(folder: str) -> None:
    _listed(folder, lambda entries, _: (entry for one in entries for entry in (one, one)))


def goes_away(folder: str, after: int, leaves: bool) -> None:
    """Is unmounted once it has been listed so often; `leaves`: an empty folder stays, as a mount point does."""

    def otherwise(entries: Iterator[Any], before: int) -> Iterator[Any]:
        shown = list(entries)
        if before + 1 == after:
            Path(folder).rename(f"{folder}.away")
            if leaves:
                Path(folder).mkdir()
        return iter(shown)

    _listed(folder, otherwise)


def seems_of_size(path: str, size: int) -> None:
    """A file that is looked at, and is of another size in truth."""
    honest = os.stat

    def stat(name: Any, **how: Any) -> os.stat_result:
        true = honest(name, **how)
        if not isinstance(name, str | bytes) or os.fsdecode(name) != path:
            return true
        named = {name: getattr(true, name) for name in dir(true) if name.startswith("st_")}
        return os.stat_result((*true[:6], size, *true[7:]), named)

    os.stat = stat


def kills_readers(folder: str) -> None:
    """As the kernel does where memory is short: whatever other process than the first lists that is gone."""
    first = os.getpid()
    os.sched_getaffinity = lambda _: {0, 1}  # so that there are others, also on one core
    forked.WORTH_IT, forked.AT_ONCE = 2, 2

    def otherwise(entries: Iterator[Any], _: int) -> Iterator[Any]:
        if os.getpid() != first:
            os.kill(os.getpid(), signal.SIGKILL)
        return entries

    _listed(folder, otherwise)


def stops_inside(path: str, after: int, code: int) -> None:
    """A file that can be opened, and read so far."""
    honest_open, honest_read = os.open, os.read
    opened: dict[int, int] = {}

    def open_(name: Any, *how: Any) -> int:
        file = honest_open(name, *how)
        opened.pop(file, None)
        if os.fsdecode(name) == path:
            opened[file] = after
        return file

    def read(file: int, size: int) -> bytes:
        if file not in opened:
            return honest_read(file, size)
        if not opened[file]:
            raise OSError(code, os.strerror(code))
        data = honest_read(file, min(size, opened[file]))
        opened[file] -= len(data)
        return data

    os.open, os.read = open_, read  # type: ignore[assignment]


# --------------------------------------------------------------------------- the user


def without_privileges() -> None:
    """Root, too, is held to the permissions of files. An ordinary user has nothing to lose. See capset(2)."""
    version_3, may_read_all, may_list_all = 0x20080522, 1, 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    header, sets = (ctypes.c_uint32 * 2)(version_3, 0), (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None)
    assert libc.capget(header, sets) == 0
    for one in (0, 1):  # effective, permitted
        sets[one] &= ~(1 << may_read_all | 1 << may_list_all)
    assert libc.capset(header, sets) == 0


# --------------------------------------------------------------------------- what is written


def when_written(name: str, what: str, detail: float = 0) -> None:
    """While a file of this name (beside its place, as `.name.new`) is brought to the disk. `detail`: the error that
    it `fails` with, or the seconds that it `waits`; `dies`: the process does."""
    honest = os.fsync

    def fsync(file: int) -> None:
        path = Path(f"/proc/self/fd/{file}").readlink()
        if path.name == f".{name}.new":
            if what == "fails":
                raise OSError(int(detail), os.strerror(int(detail)))
            if what == "waits":
                time.sleep(detail)
            if what == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
        honest(file)

    os.fsync = fsync  # type: ignore[assignment]


def dies_recording() -> None:
    """When all is written, and nothing is committed."""
    from app.store import writing

    honest = writing.write

    def write(*given: Any) -> int:
        honest(*given)
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    writing.write = write


def line_cut_recording(address: str) -> None:
    """When all is written, and nothing is committed, the server ends the line."""
    import psycopg2

    from app.store import writing

    honest = writing.write

    def write(transaction: Any, recording: Any) -> int:
        run = honest(transaction, recording)
        with closing(psycopg2.connect(address)) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", (transaction.connection.get_backend_pid(),))
        return run

    writing.write = write


def grows_no_file(size: int) -> None:
    """Beyond that; writing more fails, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


FAULTS: Mapping[str, Callable[..., None]] = {
    "breaks off": breaks_off,
    "comes late": comes_late,
    "first without": first_without,
    "shows twice": shows_twice,
    "goes away": goes_away,
    "seems of size": seems_of_size,
    "kills readers": kills_readers,
    "stops inside": stops_inside,
    "when written": when_written,
    "dies recording": dies_recording,
    "line cut recording": line_cut_recording,
    "grows no file": grows_no_file,
    "without privileges": without_privileges,
}
