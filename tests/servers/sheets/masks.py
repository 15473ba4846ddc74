"""Field masks: `a(b,c),d.e,f/g`, `*`. A mask is a dict of names; an empty dict under a name means all of it."""

from __future__ import annotations

import re
from typing import Any

Mask = dict[str, Any]


class BadMask(ValueError):
    """What is written is not a mask."""


def parse(text: str) -> Mask:
    tokens = re.findall(r"[\w*$]+|[(),./]|\S", text)
    mask: Mask = {}
    if tokens:
        at = _list(tokens, 0, mask)
        if at != len(tokens):
            raise BadMask(text)
    return mask


def _list(tokens: list[str], at: int, mask: Mask) -> int:
    while True:
        at = _path(tokens, at, mask)
        if at >= len(tokens) or tokens[at] != ",":
            return at
        at += 1


def _path(tokens: list[str], at: int, mask: Mask) -> int:
    name = tokens[at] if at < len(tokens) else ""
    if not re.fullmatch(r"[\w$]+|\*", name):
        raise BadMask("".join(tokens))
    whole = name in mask and not mask[name]  # `a,a.b` is `a`
    below: Mask = {} if whole else mask.setdefault(name, {})
    at += 1
    if at < len(tokens) and tokens[at] in "./":
        at = _path(tokens, at + 1, below)
    elif at < len(tokens) and tokens[at] == "(":
        at = _list(tokens, at + 1, below) + 1
        if at > len(tokens) or tokens[at - 1] != ")":
            raise BadMask("".join(tokens))
    else:
        below.clear()  # `a.b,a` is `a`
    mask[name] = {} if whole else below
    return at


def select(value: Any, mask: Mask) -> Any:
    """What the mask leaves of a reply. An object of which nothing is left stays, as {}."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [select(item, mask) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: select(value[key], below) for key, below in mask.items() if key in value}


def update(old: dict[str, Any], new: dict[str, Any], mask: Mask) -> dict[str, Any]:
    """`old` with what the mask names taken from `new`, or taken away where `new` has none. Changes neither."""
    if "*" in mask:
        return dict(new)
    result = dict(old)
    for key, below in mask.items():
        given = new.get(key)
        if below and isinstance(given or result.get(key), dict):
            given = update(result.get(key) or {}, given or {}, below) or None
        if given is None:
            result.pop(key, None)
        else:
            result[key] = given
    return result


def covers(mask: Mask, *path: str) -> bool:
    """Whether anything at or below this path is asked for by name."""
    for name in path:
        if not mask or "*" in mask:
            return True
        if name not in mask:
            return False
        mask = mask[name]
    return True


def below(mask: Mask, *path: str) -> Mask:
    """The part of the mask below a path."""
    for name in path:
        mask = {} if "*" in mask else mask.get(name, {})
    return mask
