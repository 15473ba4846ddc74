"""The list of species that the pipelines support, from addresses or files.

Each is a listing, `{"tree": [{"path": "homo_sapiens"}, ...]}`, or has one name a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from app.domain.species import species_name
from app.domain.text import printable
from app.errors import SourceError

_WANTED = 'wanted is {"tree": [{"path": "homo_sapiens"}, ...]} or one name a line'


def read_species(places: Sequence[str]) -> frozenset[str] | None:
    """The normalised names in all of the places; None without places: then every species is supported.
    Raises SourceError if a place cannot be read, is no such list, or names nothing."""
    if not places:
        return None
    return frozenset(name for place in places for name in _species_of(place))


def _species_of(place: str) -> frozenset[str]:
    data, where = _read(place)
    try:
        names = frozenset(filter(None, map(species_name, _names(data.decode("utf-8-sig")))))
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise _unreadable(where, f"is not a list of species: {_WANTED}") from error
    if not names:
        raise _unreadable(where, f"names no species: {_WANTED}")
    return names


def _names(text: str) -> Iterable[str]:
    """Raises ValueError, TypeError or KeyError for what is no list of names."""
    start = text.lstrip()[:1]
    if start == "<":
        raise ValueError("a page, not a list")
    if start in ("{", "["):
        return [str.strip(branch["path"]) for branch in json.loads(text)["tree"]]  # TypeError for what is no text
    return text.splitlines()


def _read(place: str) -> tuple[bytes, str]:
    """The bytes, and the place as it may be shown."""
    if place.startswith(("http://", "https://")):
        from app.sources import fetch  # late: a file needs no HTTP

        return fetch.get(place, source="supported species"), fetch.shown(place)
    where = printable(place)
    try:
        return Path(place).read_bytes(), where
    except OSError as error:
        raise _unreadable(where, f"cannot be read: {error.strerror}") from error


def _unreadable(where: str, message: str) -> SourceError:
    return SourceError("supported species", where, f"{where} {message}")
