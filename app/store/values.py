"""Values as the store keeps them: JSON. Imports no database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson


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


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
