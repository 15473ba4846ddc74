"""Tab-separated text as people and their programs really write it -> UTF-8 in lines, and what was odd about it.

    bytes -- decoded -- lines ended by LF -- markers of merges blanked -- quoted cells opened --> Plain

Opens nothing and never raises; the time it takes grows with the bytes it is given, whatever they are. What is
as it should be is only looked through; the work is done where something is odd.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from app.domain.model import Code

BROKEN = 0x1F
"""Stands in `Plain.data` for a line break inside a quoted cell: no end of a line, yet a line further down."""


class Note(NamedTuple):
    """Something odd: its kind, the line (from 1; 0: the file as a whole), and what is said after the file's name."""

    code: Code
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Plain:
    """The text, and what was odd about it. Where nothing could be read `data` is empty."""

    data: bytes
    notes: tuple[Note, ...] = ()

    def line(self, at: int) -> int:
        """The line that a byte is in, as an editor counts."""
        return self.breaks(0, at) + 1

    def breaks(self, begin: int, end: int) -> int:
        """How many lines end in this part."""
        return self.data.count(b"\n", begin, end) + self.data.count(BROKEN, begin, end)


class Rows(NamedTuple):
    """What tells an end of a row from a line break inside a cell."""

    after_cr: Callable[[bool, bytes], bool]
    """(has the line more cells than the file's first, what follows a CR in it) -> does a row begin behind the CR?"""
    in_quotes: Callable[[bytes], bool]
    """(a line inside what may be a quoted cell) -> is it a row, so that the quote was never closed?"""


def plain(data: bytes, rows: Rows, *, complete: bool = True) -> Plain:
    """`complete` False: the bytes are only the beginning of a file. Its last line, cut somewhere, is left out."""
    if (refused := _refused(data)) is not None:
        return Plain(b"", (refused,))
    text = _Text(data, rows, complete)
    for step in (_decode_wide, _cut, _end_lines, _decode_narrow, _blank_markers, _open_quotes, _look_for_placeholders):
        step(text)
    return Plain(text.data, tuple(text.notes))


@dataclass(slots=True)
class _Text:
    """The text on its way."""

    data: bytes
    rows: Rows
    complete: bool
    notes: list[Note] = field(default_factory=list)

    def note(self, code: Code, at: int | None, text: str) -> None:
        """`at`: the byte it begins with; None: the file as a whole."""
        self.notes.append(Note(code, 0 if at is None else Plain(self.data).line(at), text))


# --------------------------------------------------------------------------- is it text?

_SIGNATURES = {
    b"PK\x03\x04": "a workbook or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old workbook or document",
    b"\x1f\x8b": "compressed (gzip)",
    b"BZh": "compressed (bzip2)",
    b"\xfd7zXZ": "compressed (xz)",
    b"7z\xbc\xaf": "a 7z archive",
    b"%PDF-": "a PDF",
}
_LOOKED_AT = 4096
"""Bytes that tell text from something else."""


def _refused(data: bytes) -> Note | None:
    if not data or data.isspace():
        return Note(Code.EMPTY_FILE, 0, "holds nothing but white space" if data else "is empty")
    if data.startswith(tuple(_SIGNATURES)):
        what = next(what for signature, what in _SIGNATURES.items() if data.startswith(signature))
        return Note(Code.NOT_TEXT, 0, f"is {what}, not text; it was not read")
    head = data[:_LOOKED_AT]
    if 0 in head and head.count(0) * 20 > len(head) and not _wide(data):
        return Note(Code.NOT_TEXT, 0, "is not text; it was not read")
    return None


# --------------------------------------------------------------------------- encodings

_BOMS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip


def _wide(data: bytes) -> str:
    """The encoding of text in units of two or four bytes; empty for all others. Without a mark at its beginning
    it shows in that every other byte of English text is nought."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return encoding
    if 0 not in data[:_LOOKED_AT]:
        return ""
    even, odd = data[0:_LOOKED_AT:2], data[1:_LOOKED_AT:2]
    if len(data) >= 4 and even.count(0) * 10 >= len(even) * 9 and odd.count(0) * 10 < len(odd):
        return "utf-16-be"
    if len(data) >= 4 and odd.count(0) * 10 >= len(odd) * 9 and even.count(0) * 10 < len(even):
        return "utf-16-le"
    return ""


def _decode_wide(text: _Text) -> None:
    if encoding := _wide(text.data):
        text.data = text.data.decode(encoding, "replace").encode("utf-8", "replace")
        text.note(Code.NOT_UTF8, None, f"is not UTF-8; it was read as {encoding.upper()[:6]}")
    text.data = text.data.removeprefix(codecs.BOM_UTF8)


def _decode_narrow(text: _Text) -> None:
    """UTF-8 where that fits; if no line that is not ASCII is UTF-8, one other encoding for all of them, else one
    for each line. Each line's ASCII stays as it is."""
    if text.data.isascii() or _decodes(text.data, "utf-8"):
        return
    lines = text.data.split(b"\n")
    broken = {at for at, line in enumerate(lines) if not line.isascii() and not _decodes(line, "utf-8")}
    encoding = _narrow(b"\n".join(lines[at] for at in sorted(broken)))
    if any(at not in broken and not line.isascii() for at, line in enumerate(lines)):
        said = f"is in several encodings; its lines were read as UTF-8 or as {encoding}, each as it fits"
        text.notes.append(Note(Code.MIXED_ENCODINGS, min(broken) + 1, said))
    else:
        text.notes.append(Note(Code.NOT_UTF8, min(broken) + 1, f"is not UTF-8; it was read as {encoding}"))
    for at in broken:
        lines[at] = lines[at].decode(encoding, "replace").encode()
    text.data = b"\n".join(lines)


CONFIDENT = 0.2
"""Tried: right guesses at single lines come with 0.4, guesses at noise with less than 0.05."""


def _narrow(data: bytes) -> str:
    """Windows-1252 if each byte has a meaning there; else what the bytes look most like; else Latin-1, where all have
    a meaning. Guessing costs a hundred times as much as reading, so a sample must do."""
    if _decodes(data, "cp1252"):
        return "cp1252"
    import chardet

    guess = chardet.detect(data[:_LOOKED_AT])
    encoding = (guess["encoding"] or "") if guess["confidence"] > CONFIDENT else ""
    return encoding if _ascii_kept(encoding) and _decodes(data, encoding) else "latin-1"


def _ascii_kept(encoding: str) -> bool:
    """Whether ASCII is the same in it, so that tabs and names stay what they are."""
    ascii_bytes = bytes(range(32, 127)) + b"\t\n"
    try:
        return ascii_bytes.decode(encoding) == ascii_bytes.decode()
    except (LookupError, UnicodeError):
        return False


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except (LookupError, UnicodeError):
        return False
    return True


# --------------------------------------------------------------------------- lines

_END = re.compile(rb"\r\n|\n|\r")


def _cut(text: _Text) -> None:
    if not text.complete:
        end = text.data.rfind(b"\n") if b"\n" in text.data else text.data.rfind(b"\r")
        text.data = text.data[: end + 1] or text.data


def _end_lines(text: _Text) -> None:
    """CR LF and LF end lines. CR alone does in a file without LF, and where a row begins behind it."""
    data = text.data
    if b"\r" not in data:
        return
    if b"\n" not in data:
        text.data = data.replace(b"\r", b"\n")
        text.notes.append(Note(Code.LINE_ENDS, 1, "ends its lines with CR alone; many programs read it as one line"))
        return
    lines = data.split(b"\n")
    bodies = [line.removesuffix(b"\r") for line in lines[:-1]] + lines[-1:]
    text.data = b"\n".join(bodies)
    if b"\r" in text.data:
        _split_at_cr(text, bodies, _END.split(data, maxsplit=1)[0])
    elif len(data) - len(text.data) < len(bodies) - 1:
        wide = [line.endswith(b"\r") for line in lines[:-1]]
        text.notes.append(
            Note(Code.LINE_ENDS, wide.index(not wide[0]) + 1, "ends some lines with LF, others with CR LF")
        )


def _split_at_cr(text: _Text, bodies: list[bytes], first: bytes) -> None:
    odd, inside = 0, False
    for at, body in enumerate(bodies):
        if b"\r" in body:
            odd = odd or at + 1
            longer = body.count(b"\t") > first.count(b"\t")
            piece, *more = body.split(b"\r")
            mended = bytearray(piece)
            for piece in more:
                row = text.rows.after_cr(longer, piece)
                inside = inside or not row
                mended += (b"\n" if row else b" ") + piece
            bodies[at] = bytes(mended)
    said = "has a CR inside a cell, where many programs begin a new line" if inside else "ends some lines with CR alone"
    text.notes.append(Note(Code.LINE_ENDS, odd, said))
    text.data = b"\n".join(bodies)


# --------------------------------------------------------------------------- merges, quotes, templates

_MARKER = re.compile(rb"^(?:<{7}|={7}|>{7}|\|{7})(?![<=>|])[^\n]*", re.MULTILINE)
_QUOTED = re.compile(rb'(?:^|(?<=\t)) *"((?:[^"]|"")*+)" *(?=[\t\n]|\Z)', re.MULTILINE)
_OPENED = re.compile(rb'(?:^|(?<=\t)) *"(?=[^"\t\n]*(?:[\t\n]|\Z))', re.MULTILINE)
_TEMPLATE = re.compile(rb"(?:^|(?<=\t)) *<[A-Za-z][A-Za-z0-9 ,.:'_-]*> *(?=[\t\n]|\Z)", re.MULTILINE)
_SPREAD = bytes.maketrans(b"\n\t", bytes((BROKEN, 0x20)))


def _blank_markers(text: _Text) -> None:
    """Both sides of an unfinished merge are read, in order; only the markers are not."""
    data = text.data
    # a single byte is looked for thirty times as fast as seven of them, and is seldom there
    if (b"<" in data and b"<<<<<<<" in data) or (b">" in data and b">>>>>>>" in data):
        markers = list(_MARKER.finditer(data))
        if any(found[0][:1] in b"<>" for found in markers):
            said = "holds both sides of an unfinished merge; both were read, one after the other"
            text.note(Code.CONFLICT_MARKERS, markers[0].start(), said)
            text.data = _MARKER.sub(b"", text.data)


def _open_quotes(text: _Text) -> None:
    """A quoted cell without its quotes: tabs in it become blanks, and a line break becomes BROKEN. One that would
    swallow rows is not closed where it seems to be."""
    if BROKEN in text.data:
        text.data = text.data.replace(bytes((BROKEN,)), b" ")
    if b'"' not in text.data:
        return

    def opened(cell: re.Match[bytes]) -> bytes:
        if any(map(text.rows.in_quotes, cell[1].split(b"\n")[1:])):
            return cell[0]
        return cell[1].replace(b'""', b'"').translate(_SPREAD)

    text.data = _QUOTED.sub(opened, text.data)
    if (left := _OPENED.search(text.data)) and (text.complete or b"\n" in text.data[left.end() :].rstrip(b"\n")):
        text.note(Code.UNCLOSED_QUOTE, left.start(), "has a cell that begins with a quote which is never closed")
        text.data = _OPENED.sub(b"", text.data)


def _look_for_placeholders(text: _Text) -> None:
    if b"<" in text.data and (found := _TEMPLATE.search(text.data)):
        text.note(Code.PLACEHOLDER, found.end(), "still holds text of its template, such as <FILL THIS>")


def is_placeholder(cell: bytes) -> bool:
    return cell[:1] == b"<" and _TEMPLATE.fullmatch(cell) is not None
