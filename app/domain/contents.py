"""Identical files: what passes between those who read files, who keep what was read, and who shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Identity: TypeAlias = tuple[int, int, int, int, int]
"""As FileIdentity. Of hundreds of thousands plain tuples are made, sent and looked up in half the time."""

Digests: TypeAlias = tuple[bytes, bytes | None]
"""Hashes of how a file begins and ends, and of all of it; None: that was never needed."""


@dataclass(frozen=True, slots=True)
class Identical:
    """Files that hold the same. Of each all names that were found (more than one: hard links), by name."""

    size: int
    files: tuple[tuple[bytes, ...], ...]

    @property
    def wasted(self) -> int:
        """Bytes that one of them would save the others."""
        return self.size * (len(self.files) - 1)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file or folder. It is in no group; of a folder, nothing below it is."""

    path: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """Groups come with the most wasted first, then by path. `files` and `bytes`: what was looked through, each file
    once whatever its names, empty ones too. `read`: how many of them had to be opened."""

    groups: tuple[Identical, ...]
    files: int
    bytes: int
    read: int
    unreadable: tuple[Unreadable, ...]


def located(path: bytes, places: Mapping[bytes, str], accession_in: Callable[[str], str]) -> tuple[str, str]:
    """The source whose place (`places`: path -> name) is the nearest above this path, and the dataset there: the
    accession in the name that lies directly below it. Empty where there is none."""
    above = [place for place in places if path.startswith(place.rstrip(b"/") + b"/")]
    if not above:
        return "", ""
    place = max(above, key=len)
    name = path[len(place.rstrip(b"/")) + 1 :].partition(b"/")[0]
    return places[place], accession_in(name.decode("utf-8", "surrogateescape"))
