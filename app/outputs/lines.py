"""Files made of rows, of which only those are written anew that are others than before.

Beside what an output wrote lies a hidden file that says which row is where. It counts as long as the files are the very
ones that were written, and show what the overview builds upon; else everything is written anew.
"""

from __future__ import annotations

import marshal
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from app.domain.details import Overview


class Rows(NamedTuple):
    """The rows of a table as they stand in a file: their keys in order, how long each is, and all of them in pieces,
    each of one row or several, which `between` separates."""

    keys: list[str]
    lengths: list[int]
    pieces: list[bytes | memoryview]

    @classmethod
    def of(cls, keys: Sequence[str], rows: list[bytes]) -> Rows:
        return cls([*keys], [*map(len, rows)], [*rows])


class Place(NamedTuple):
    """Where the rows of a table are in a file: where the first begins, their keys, and how long each is."""

    start: int
    keys: list[str]
    lengths: list[int]

    def with_rows(self, file: memoryview, only: frozenset[str], new: Mapping[str, bytes], between: bytes) -> Rows:
        """With these in place of those of `only`."""
        starts = [*accumulate((length + len(between) for length in self.lengths), initial=self.start)]
        keys: list[str] = []
        lengths: list[int] = []
        pieces: list[bytes | memoryview] = []

        def keep(first: int, end: int) -> None:
            if first < end:
                keys.extend(self.keys[first:end])
                lengths.extend(self.lengths[first:end])
                pieces.append(file[starts[first] : starts[end] - len(between)])

        at = 0
        for key in sorted(only | new.keys()):
            to = bisect_left(self.keys, key, at)
            keep(at, to)
            at = to + (to < len(self.keys) and self.keys[to] == key)
            if key in new:
                keys.append(key)
                lengths.append(len(new[key]))
                pieces.append(new[key])
        keep(at, len(self.keys))
        return Rows(keys, lengths, pieces)


class Memory(NamedTuple):
    """What an output knows of what it wrote: files (name -> identity), of each table (by name) which row is where, and
    as of when the files say that they are."""

    files: Mapping[str, tuple[int, ...]]
    tables: Mapping[str, Place]
    as_of: datetime


def remembered(output: str, folder: Path, overview: Overview) -> Memory | None:
    """None: nothing, or not what the overview builds upon."""
    if overview.since is None:
        return None
    try:
        layout, since, as_of, files, tables = marshal.loads(_path(output, folder).read_bytes())
        found = Memory(files, {name: Place(*place) for name, place in tables.items()}, datetime.fromisoformat(as_of))
    except (OSError, EOFError, ValueError, TypeError, AttributeError):
        return None
    valid = (layout, since) == (overview.layout, overview.since.isoformat())
    return found if valid and files == identities(folder, files) else None


def remember(output: str, folder: Path, overview: Overview, memory: Memory) -> None:
    """For the next time. That it cannot be kept costs that time, and is no failure."""
    if overview.as_of is None:
        return
    tables = {name: tuple(place) for name, place in memory.tables.items()}
    kept = overview.layout, overview.as_of.isoformat(), memory.as_of.isoformat(), dict(memory.files), tables
    path = _path(output, folder)
    new = path.with_name(f"{path.name}.new")
    with suppress(OSError):
        new.write_bytes(marshal.dumps(kept))
        new.replace(path)


def identities(folder: Path, names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Of those files that are there: others once anything was done to them."""
    found: dict[str, tuple[int, ...]] = {}
    for name in names:
        with suppress(OSError):
            seen = (folder / name).stat()
            found[name] = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
    return found


def _path(output: str, folder: Path) -> Path:
    return folder / f".{output}.rows"


# --------------------------------------------------------------------------- files that may stay as they are

A_WHILE = timedelta(hours=1)


def remember_whole(output: str, folder: Path, overview: Overview, name: str) -> None:
    """Of a file in which no row is known."""
    if overview.as_of is not None:
        remember(output, folder, overview, Memory(identities(folder, [name]), {}, overview.as_of))


def left_as_it_is(output: str, folder: Path, overview: Overview, memory: Memory) -> bool:
    """Whether nothing but time has changed since it was written, and that was not long ago, so that what it shows never
    seems to be older than that. Then it is as of this overview the next time."""
    if not overview.quiet or overview.as_of is None or overview.as_of - memory.as_of > A_WHILE:
        return False
    remember(output, folder, overview, memory)
    return True
