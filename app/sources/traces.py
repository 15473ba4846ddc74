"""What is kept of a place that was looked through, to tell later whether anything in it has changed.

Times tell it, if they are not too new: what changed in the very moment in which it was looked at may have the same
times, and the same size, once it has changed again. So what had changed shortly before is read once more. Everything is
read again once in some days all the same, whatever its times say.
"""

from __future__ import annotations

import marshal
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from app.domain.contents import Identity
from app.sources.mounts import file_system, has_our_clock

DAY = 86_400 * 10**9
"""Nanoseconds."""


class Trace(NamedTuple):
    """Of one dataset. `day`: when all of it was read, in days since 1970; `again`: it is to be read the next time,
    whatever its times say; `folder`: whether it has one; `flat`: names of what belongs to it in the place itself;
    `absent`: of what it names and is not there; `seen`: its folder and its files, by path within the place, with 0 for
    the device of the place: it gets another number whenever it is mounted."""

    day: int
    again: bool
    folder: bool
    flat: tuple[bytes, ...]
    absent: tuple[bytes, ...]
    seen: tuple[tuple[bytes, Identity], ...]


class PlaceTrace(NamedTuple):
    """Of the place itself. `reader`: all that what is read depends on beside the files; `flat`: whether a dataset lies
    in the place itself, for which any name there may matter; `beside`: what lies there, by accession, and would belong
    to a dataset if there were one; `misnamed`: names that almost are accessions, see `filesystem`."""

    reader: str
    again: bool
    flat: bool
    beside: frozenset[str]
    identity: Identity
    misnamed: tuple[tuple[str, str, bytes], ...]


T = TypeVar("T", Trace, PlaceTrace)


def kept(trace: Trace | PlaceTrace) -> bytes:
    """Begins with what is asked of each dataset, so that the rest need not be told of each."""
    head = _HEAD.pack(trace.day, trace.again) if isinstance(trace, Trace) else bytes(_HEAD.size)
    return head + marshal.dumps(tuple(trace))


_HEAD = struct.Struct(">I?")
"""The day, and whether it is to be read again."""


def told(data: bytes | None, kind: type[T]) -> T | None:
    """What `kept` wrote; None: nothing, or nothing that this version can read."""
    try:
        return None if data is None else kind(*marshal.loads(memoryview(data)[_HEAD.size :]))
    except (EOFError, ValueError, TypeError):
        return None


class Traces(Mapping[str, Trace | None]):
    """dataset -> what was kept of it, told when it is asked for: most often that is of few out of many."""

    def __init__(self, kept: Mapping[str, bytes | None]) -> None:
        self._kept = {name: data for name, data in kept.items() if name}

    def __getitem__(self, name: str) -> Trace | None:
        return told(self._kept[name], Trace)

    def unsure(self, today: int, days: int) -> list[str]:
        """Those that need not be read if nothing in them has changed."""
        unsure, head, least = [], _HEAD.unpack_from, _HEAD.size
        for name, data in self._kept.items():
            if data is not None and len(data) > least:
                day, again = head(data)
                if not again and not (day < today and is_due(name, day, today, days)):
                    unsure.append(name)
        return unsure

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, name: object) -> bool:
        return name in self._kept


def is_due(name: str, read: int, today: int, days: int) -> bool:
    """Whether a dataset is to be read again though nothing shows that it has changed: one part of all each day, and
    those of a day that was missed the next time. `days` 0: never."""
    if not days:
        return False
    turn = today - (today - zlib.crc32(name.encode("utf-8", "surrogateescape"))) % days
    return read < turn


class Clock:
    """When a place is looked at, and how far its times may be trusted. A place on another machine has the times of that
    one, which may be off by some minutes; and there what changed at all since the last time is read once more, for
    even that tells nothing of how long ago that was."""

    def __init__(self, location: str, now: int) -> None:
        self.now, self.is_ours = now, has_our_clock(file_system(location))

    @property
    def today(self) -> int:
        return self.now // DAY

    def too_new(self, seen: Iterable[Identity]) -> bool:
        """Whether any of it may change again, or may just have, without another time."""
        newest = self.now - (_MOMENT if self.is_ours else _ASTRAY)
        return any(changed >= newest for *_, changed in seen)


_MOMENT = 3 * 10**9
"""Nanoseconds. The coarsest clocks of file systems tick every two seconds."""

_ASTRAY = 300 * 10**9
"""Nanoseconds by which another machine's clock may be off."""
