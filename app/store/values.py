"""Values as the store keeps them: JSON. Imports no database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from app.domain.model import Scalar
from app.domain.text import storable


def dumps(value: Any) -> str:
    """Compact JSON. Any text comes back as it was, with half surrogate pairs too, which orjson does not take."""
    try:
        return orjson.dumps(value, default=_plain).decode()
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":"), default=_plain)


def loads(text: str) -> Any:
    """What `dumps` wrote."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def changed(
    cells: Mapping[tuple[str, str], Scalar | None], stands: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], str | None]:
    """Of these cells those that are otherwise than what stands there: as they are to be kept; None: nothing any
    more. Empty text is nothing."""
    kept = {
        (storable(dataset), storable(title)): None
        if value is None or value == ""
        else dumps(storable(value) if isinstance(value, str) else value)
        for (dataset, title), value in cells.items()
    }
    return {cell: value for cell, value in kept.items() if stands.get(cell) != value}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
