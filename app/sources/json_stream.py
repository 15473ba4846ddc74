"""The elements of an array in a JSON document (RFC 8259), one after the other, as bytes exactly as they stand there.

However long the document is, no more of it is held than an element. Only as much of it is understood as it takes to
tell where elements begin and end: what they say is for whoever wants them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

LARGEST = 64 * 2**20
"""Bytes of an element."""

NOTED = 64 * 2**10
"""Bytes of a field beside the arrays, if it is told."""

DEEPEST = 500
"""Levels of arrays and objects in each other."""


class NotJson(ValueError):
    """What is wrong with the document, in words."""


class Document:
    """A document that comes in pieces. `fields`: what its object says beside the arrays that are asked for, as far as
    it was passed by and is not large; `arrays`: those that were asked for and were there."""

    def __init__(self, pieces: Iterable[bytes], largest: int = LARGEST) -> None:
        self.fields: dict[str, Any] = {}
        self.arrays: list[str] = []
        self.is_object = False
        self._pieces = iter(pieces)
        self._buffer = b""
        self._at = 0
        self._largest = largest
        self._over = False

    def elements(self, path: Sequence[str] = ()) -> Iterator[bytes]:
        """Of the array at these keys; without any, of the document itself. Raises NotJson, at once or after some
        elements; and LookupError where there is no such array."""
        self._begin()
        yield from self._inside(list(path), ())
        self._end()

    def members(self, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Key and element of each of these arrays of the document, in its order; of a document that is itself an array
        each with an empty key. What is null is as if it were not there. Raises NotJson, at once or after some elements;
        and LookupError where one of them is no array, or the document neither array nor object."""
        self._begin()
        if self._peek() == b"[":
            yield from (("", element) for element in self._array())
        elif self._take(b"{"):
            self.is_object = True
            for key in self._keys():
                if key not in keys or self._peek() == b"n":
                    self._note(key, self._value())
                elif self._peek() != b"[":
                    raise LookupError(f"{key} is no array")
                else:
                    self.arrays.append(key)
                    yield from ((key, element) for element in self._array())
        else:
            self._value()
            raise LookupError("the document is neither array nor object")
        self._end()

    def _begin(self) -> None:
        self._peek(start=True)
        if self._buffer.startswith(b"\xef\xbb\xbf"):
            self._at = 3
        self._blank()
        if self._peek() == b"":
            raise NotJson("is empty")

    def _end(self) -> None:
        self._blank()
        if self._peek() != b"":
            raise NotJson("goes on after its end")

    def _note(self, key: str, value: bytes) -> None:
        if len(value) <= NOTED:
            self.fields[key] = _loaded(value)

    def _inside(self, path: list[str], where: tuple[str, ...]) -> Iterator[bytes]:
        self._blank()
        begins = self._peek()
        if not path:
            if begins != b"[":
                raise LookupError(f"{' > '.join(where) or 'the document'} is no array")
            yield from self._array()
            return
        if begins != b"{":
            raise LookupError(f"{' > '.join(where) or 'the document'} is no object")
        self._at += 1
        found = False
        for key in self._keys():
            if key == path[0] and not found:
                found = True
                yield from self._inside(path[1:], (*where, key))
            else:
                value = self._value()
                if not where:
                    self._note(key, value)
        if not found:
            raise LookupError(f"{' > '.join(where) or 'the document'} has no {path[0]!r}")

    def _keys(self) -> Iterator[str]:
        """Each when it is at its value, which must be passed before the next; then past the object."""
        self._blank()
        if self._take(b"}"):
            return
        while True:
            self._blank()
            if self._peek() != b'"':
                raise self._broken()
            key = _loaded(self._value())
            self._blank()
            if not self._take(b":"):
                raise self._broken()
            self._blank()
            yield key
            self._blank()
            if self._take(b"}"):
                return
            if not self._take(b","):
                raise self._broken()

    def _array(self) -> Iterator[bytes]:
        self._at += 1
        self._blank()
        if self._take(b"]"):
            return
        while True:
            if match := _ELEMENT.match(self._buffer, self._at):  # most of them, at once
                self._at = match.end()
                yield match[1]
                if match[2] == b"]":
                    return
                continue
            self._blank()
            yield self._value()
            self._blank()
            if self._take(b"]"):
                return
            if not self._take(b","):
                raise self._broken()

    def _value(self) -> bytes:
        """The value that begins here; then past it."""
        begins = self._peek()
        if begins in (b"{", b"["):
            return self._container()
        pattern = _TEXT if begins == b'"' else _WORD
        while True:
            match = pattern.match(self._buffer, self._at)
            # A number that reaches to the end of what is there may go on.
            if match and (begins == b'"' or match.end() < len(self._buffer) or self._over):
                self._at = match.end()
                return match[0]
            if not self._more(self._at):
                raise self._broken()

    def _container(self) -> bytes:
        if shallow := _SHALLOW.match(self._buffer, self._at):
            self._at = shallow.end()
            return shallow[0]
        at, depth = self._at, 0
        while True:
            match = _BRACKET.match(self._buffer, at)
            if match is None:
                at -= self._at
                if not self._more(self._at):
                    raise self._broken()
                at += self._at
                continue
            at = match.end()
            depth += 1 if match[1] in b"{[" else -1
            if depth == 0:
                value = self._buffer[self._at : at]
                self._at = at
                return value
            if depth > DEEPEST:
                raise NotJson(f"has more than {DEEPEST:,} levels")

    # ----------------------------------------------------------------------- pieces

    def _blank(self) -> None:
        while True:
            match = _BLANK.match(self._buffer, self._at)
            assert match
            self._at = match.end()
            if self._at < len(self._buffer) or not self._more(self._at):
                return

    def _peek(self, start: bool = False) -> bytes:
        while self._at >= len(self._buffer) or (start and len(self._buffer) < 3):
            if not self._more(self._at):
                break
        return self._buffer[self._at : self._at + 1]

    def _take(self, wanted: bytes) -> bool:
        if self._peek() == wanted:
            self._at += 1
            return True
        return False

    def _more(self, at: int) -> bool:
        """Another piece is there; what is before is no more."""
        if len(self._buffer) - at > self._largest:
            raise NotJson(f"has an element of more than {self._largest:,} bytes")
        kept, got, size = self._buffer[at:], list[bytes](), 0
        for piece in self._pieces:
            got.append(piece)
            size += len(piece)
            if size and size >= len(kept):  # what is long is not gone through again for each short piece
                break
        if size:
            self._buffer, self._at = b"".join([kept, *got]), 0
            return True
        self._over = True
        return False

    def _broken(self) -> NotJson:
        if self._over and self._at >= len(self._buffer) - 1:
            return NotJson("ends in the middle")
        near = self._buffer[self._at : self._at + 20].decode(errors="replace")
        return NotJson(f"is no JSON, or ends in the middle, at {near!r}")


def _loaded(value: bytes) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise NotJson(f"is no JSON at {value[:20].decode(errors='replace')!r}") from error


# Possessive throughout: what cannot match must not be tried in all other ways.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TEXT = re.compile(_STRING, re.DOTALL)
_WORD = re.compile(rb"[-+.0-9A-Za-z]++")
_BLANK = re.compile(rb"[ \t\r\n]*+")
_REST = rb'[^"{}\[\]]*+'
_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:' + _STRING + rb'[^"{}\[\]]*+)*+([{}\[\]])', re.DOTALL)


def _within(inner: bytes) -> bytes:
    """A text, or brackets around such: what has no more of them in each other is told at once, in half the time."""
    return rb"(?:" + _STRING + rb"|[{\[]" + _REST + rb"(?:" + inner + _REST + rb")*+[}\]])"


_FEW_LEVELS = _within(_within(_within(_within(_STRING))))
_SHALLOW = re.compile(_FEW_LEVELS, re.DOTALL)
_ELEMENT = re.compile(rb"[ \t\r\n]*+(" + _FEW_LEVELS + rb")[ \t\r\n]*+([,\]])", re.DOTALL)
