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


def printable(name: bytes | str) -> str:
    r"""A name as one line of text that every store and sheet takes: control characters as `\n`, `\x07` ...,
    bytes that are not UTF-8 as `\xff`."""
    text = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
