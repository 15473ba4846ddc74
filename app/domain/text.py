"""How text from outside is made fit to keep and to show."""

from __future__ import annotations

import re

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

_CONTROL = dict.fromkeys((*range(9), *range(14, 28), 127, *range(128, 133), *range(134, 160)), "\ufffd")
"""Control characters that are no white space: they command terminals, and no database takes NUL."""


def one_line(text: str) -> str:
    """Text on one line: white space as single blanks, U+FFFD for control characters and lone surrogates."""
    if text.isprintable():  # nearly always; blanks are printable, other white space and surrogates are not
        return " ".join(text.split())
    whole = text.translate(_CONTROL).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join(whole.split())


def storable(value: str) -> str:
    """What no database takes (NUL, half a surrogate pair) becomes U+FFFD."""
    if value.isascii() and "\0" not in value:
        return value
    return _UNSTORABLE.sub("\ufffd", value)
