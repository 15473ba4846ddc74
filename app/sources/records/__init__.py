"""What records of catalogues say of a dataset, whatever standard they follow: each reader here gives the same facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.domain.catalogue import Facts
from app.domain.text import one_line

LONGEST_KEYWORD = 100
"""Characters."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A way to get the data: `format` as the record names it, `size` in bytes if it says so."""

    url: str
    format: str = ""
    title: str = ""
    size: int | None = None


def facts(
    title: str,
    *,
    description: str = "",
    identifiers: Iterable[str] = (),
    modified: datetime | None = None,
    issued: str = "",
    organisation: str = "",
    contact: str = "",
    keywords: Iterable[str] = (),
    spatial: str = "",
    box: Sequence[float] | None = None,
    temporal: str = "",
    distributions: Iterable[Distribution] = (),
    parent: str = "",
    kind: str = "",
    warnings: Iterable[str] = (),
) -> Facts:
    """`box`: west, south, east, north in degrees; `temporal`: ISO 8601, from/to; `parent`: the identifier of what it is
    a part of; `kind`: dataset, series, service ..., as its standard calls it; `warnings`: what is not as its standard
    wants it, without names."""
    more = {
        "kind": kind,
        "issued": issued,
        "organisation": organisation,
        "contact": contact,
        "keywords": split(keywords),
        "spatial": spatial,
        "box": [*box] if box else None,
        "temporal": temporal,
        "distributions": [_told(each) for each in distributions],
        "parent": parent,
    }
    return Facts(
        title,
        description,
        tuple(dict.fromkeys(identifiers)),
        modified=modified,
        more={name: value for name, value in more.items() if value},
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _told(distribution: Distribution) -> Mapping[str, Any]:
    told = {
        "url": distribution.url,
        "format": distribution.format,
        "title": distribution.title,
        "size": distribution.size,
    }
    return {name: value for name, value in told.items() if value}


def split(texts: Iterable[str]) -> list[str]:
    """Keywords: lists and paths (`Earth > Water`) taken apart, in lower case, each once."""
    words: dict[str, None] = {}
    for text in texts:
        for word in _APART.split(text):
            words[one_line(word).lower()[:LONGEST_KEYWORD].strip()] = None
    return [word for word in words if word]


_APART = re.compile("[;,>]")


def moment(text: str) -> datetime | None:
    """ISO 8601, also a year or a month alone (then its beginning); without a zone it is taken as UTC."""
    text = text.strip()
    if len(text) < 8 and (match := _SHORT.fullmatch(text)):
        text = f"{match[1]}-{match[2] or '01'}-01"
    return iso(text) if text else None


_SHORT = re.compile(r"(\d{4})(?:-(\d{2}))?")


def iso(text: str) -> datetime | None:
    """ISO 8601, with a day at least; without a zone it is taken as UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):  # OverflowError: a zone that leads out of the calendar
        return None
