"""Bodies that were packed for the way (Content-Encoding: RFC 9110, 8.4.1), unpacked a piece at a time.

A few bytes may unpack to gigabytes: never is more held than a piece, and what is beyond measure is refused.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

CODINGS = "gzip, deflate"
"""What can be unpacked."""

PIECE = 64 * 1024

_SUSPECT = 64 * 1024 * 1024
_RATIO = 250
"""Of bytes unpacked to bytes sent. Listings reach 50, bombs 1,000 (the most that deflate can do), and far more where
what is packed is packed."""


class BodyError(Exception):
    """What is wrong with a body, in words; `permanent`: it will be no other the next time."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


def too_much(most: int) -> BodyError:
    return BodyError(f"sends more than {most} bytes, the most that is taken in", permanent=True)


def unpacked(pieces: Iterable[bytes], coding: str, most: int) -> Iterator[bytes]:
    """The body, in pieces that are never empty. `coding`: the header. Raises BodyError, also as soon as there are more
    than `most` bytes, be it on the way or in the end."""
    sent = _Meter(pieces, most)
    stage: Iterable[bytes] = sent
    names = [name.strip().lower() for name in coding.split(",")]
    for name in reversed([name for name in names if name not in ("", "identity")]):
        if name not in ("gzip", "x-gzip", "deflate"):
            raise BodyError(f"is packed as {name[:20]!r}, which nobody asked for: its server must be mended")
        stage = _Meter(_inflated(stage, gzip=name != "deflate"), most, sent)
    yield from stage


class _Meter:
    """Passes pieces on, counts, and stops what is too much: for anybody, or for what was `sent`."""

    def __init__(self, pieces: Iterable[bytes], most: int, sent: _Meter | None = None) -> None:
        self._pieces, self._most, self._sent = pieces, most, sent
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            if self.size > self._most:
                raise too_much(self._most)
            if self._sent and self.size > max(_SUSPECT, _RATIO * self._sent.size):
                raise BodyError(f"unpacks to more than {_RATIO} times what it sends: that is a bomb", permanent=True)
            if piece:
                yield piece


def _inflated(pieces: Iterable[bytes], *, gzip: bool) -> Iterator[bytes]:
    """gzip is members one after the other (RFC 1952, 2.2); what follows them and is none is left out, as everybody
    does. deflate is to be zlib's format (RFC 1950), but many servers send it bare (RFC 1951)."""
    unpack, any_yet = None, False
    for piece in pieces:
        any_yet = True
        while piece:
            if unpack is None or unpack.eof:
                if unpack is not None and not (gzip and piece.startswith(b"\x1f")):
                    break
                unpack = zlib.decompressobj(31 if gzip else 15 if piece[0] & 0x0F == 8 else -15)
            try:
                yield unpack.decompress(piece, PIECE)
                while not unpack.eof and unpack.unconsumed_tail:
                    yield unpack.decompress(unpack.unconsumed_tail, PIECE)
                while not unpack.eof and (more := unpack.decompress(b"", PIECE)):
                    yield more
            except zlib.error:
                raise BodyError("sends what is not compressed as it says: its server must be mended") from None
            piece = unpack.unused_data
    if any_yet and (unpack is None or not unpack.eof):
        raise BodyError("stopped in the middle of its answer: try again later")
