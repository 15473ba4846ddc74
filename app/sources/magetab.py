"""MAGE-TAB bytes -> values. Opens nothing and never raises: whatever the bytes are, they say something, or nothing.

- IDF: one field a line, its name and its values between tabs.
- SDRF: a table; the first line names the columns.
- analysis-methods.tsv: one step a line, as the Expression Atlas pipelines write it:
  `Read Mapping<TAB>Against genome reference (Ensembl release: 104) tophat2 version: 2.1.1`.

Work is on bytes: a field is found where its name stands in the file, and only what is wanted is decoded.
Each reader returns the values, under the names they have in Metadata, and the encoding they were taken to be in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from app.domain.text import one_line

IDF_LIMIT = 4 * 1024 * 1024
SDRF_LIMIT = 64 * 1024
METHODS_LIMIT = 1024 * 1024

Values = tuple[str, ...]


class Idf(NamedTuple):
    title: str = ""
    experiment_types: Values = ()
    analysis_types: Values = ()
    curators: Values = ()
    secondary_accessions: Values = ()


class Sdrf(NamedTuple):
    organisms: Values = ()
    library_constructions: Values = ()


class Methods(NamedTuple):
    """Pairs are software and version; what the file does not say is empty."""

    gene_quantification: tuple[str, str] = ("", "")
    mapping: tuple[str, str] = ("", "")
    ensembl_release: str = ""
    transcript_quantification: tuple[str, str] = ("", "")


def read_idf(data: bytes) -> tuple[Idf, str]:
    text = _Text(data)
    titles, experiment_types, analysis_types, curators, secondary = text.fields(
        b"investigation title",
        b"comment[eaexperimenttype]",
        b"comment[aeexperimenttype]",
        b"comment[eacurator]",
        b"comment[secondaryaccession]",
    )
    accessions = _distinct(part for value in secondary for part in _SEPARATORS.split(value))
    return Idf("".join(titles[:1]), experiment_types, analysis_types, curators, accessions), text.encoding


def read_sdrf(head: bytes, complete: bool) -> tuple[Sdrf, str]:
    """`complete`: the head is the whole file. If not, its last line is cut somewhere, and left out."""
    text = _Text(head if complete else head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1])
    return Sdrf(*text.columns(b"characteristics[organism]", b"comment[library construction]")), text.encoding


def read_analysis_methods(data: bytes) -> tuple[Methods, str]:
    text = _Text(data)
    wanted = (b"gene quantification", b"quantification", b"transcript quantification", b"read mapping")
    genes, unnamed, transcripts, reads = ("".join(values[:1]) for values in text.fields(*wanted))
    release = _RELEASE.search(reads)
    return Methods(
        gene_quantification=_software(genes or unnamed),
        mapping=_software(_REFERENCE.sub("", reads)),
        ensembl_release=release["release"] if release else "",
        transcript_quantification=_software(transcripts),
    ), text.encoding


def encoding(data: bytes) -> str:
    """UTF-8, else Windows-1252 if each byte has a meaning there, else Latin-1, where all have."""
    if data.isascii() or _decodes(data, "utf-8"):
        return "utf-8"
    return "cp1252" if _decodes(data, "cp1252") else "latin-1"


# --------------------------------------------------------------------------- how it is found

_BOM = b"\xef\xbb\xbf"
_SEPARATORS = re.compile(r"[,;|]")
_RELEASE = re.compile(r"\(\s*Ensembl[^)]*?release:?\s*(?P<release>[^\s)]+)", re.IGNORECASE)
_REFERENCE = re.compile(r"^\s*(?:against\s+genome\s+reference)?\s*(?:\([^)]*\))?", re.IGNORECASE)
_SOFTWARE = re.compile(r"(?P<name>\S+)\s+version:?\s*(?P<version>\S+)", re.IGNORECASE)


class _Text:
    """A file's bytes with one kind of line end, and the encoding of its values."""

    def __init__(self, data: bytes) -> None:
        self.encoding = encoding(data)
        data = data.removeprefix(_BOM)
        self.data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data

    def fields(self, *keys: bytes) -> list[Values]:
        """For each key the values on the lines that are named so."""
        lower = self.data.lower()
        return [self._values(self._cells(lower, key)) for key in keys]

    def columns(self, *keys: bytes) -> list[Values]:
        """For each key the values below the headings that are named so."""
        rows = self.data.split(b"\n")
        headings = rows.pop(0).lower().split(b"\t")
        places = [_places(headings, key) for key in keys]
        last = max((at for columns in places for at in columns), default=-1)
        cells = [row.split(b"\t", last + 1) for row in rows] if last >= 0 else []
        return [self._values(row[at] for at in columns for row in cells if len(row) > at) for columns in places]

    def _cells(self, lower: bytes, key: bytes) -> list[bytes]:
        cells: list[bytes] = []
        part = _telling(key)
        at = lower.find(part)
        while at >= 0:
            start, end, tab = lower.rfind(b"\n", 0, at) + 1, lower.find(b"\n", at), lower.find(b"\t", at)
            end = len(lower) if end < 0 else end
            if at < tab < end and _key(lower[start:tab]) == key:
                cells += self.data[tab + 1 : end].split(b"\t")
            at = lower.find(part, end)
        return cells

    def _values(self, cells: Iterable[bytes]) -> Values:
        return _distinct([self._value(cell) for cell in dict.fromkeys(cells)])

    def _value(self, cell: bytes) -> str:
        """A cell without its quotes; nothing if it only says `<FILL THIS>`."""
        value = cell.strip()
        if value[:1] == b'"':
            value = value[1:].removesuffix(b'"').replace(b'""', b'"')
        if value.upper() == b"<FILL THIS>":
            return ""
        return one_line(value.decode(self.encoding))


def _key(name: bytes) -> bytes:
    """A name in lower case as names are compared: quotes, and blanks before the bracket, do not matter."""
    before, bracket, rest = name.strip(b' "').partition(b"[")
    return before.rstrip() + bracket + rest


def _places(headings: list[bytes], key: bytes) -> list[int]:
    part = _telling(key)
    return [at for at, name in enumerate(headings) if part in name and _key(name) == key]


@cache
def _telling(key: bytes) -> bytes:
    """The part of a name that hardly anything else holds: where it is not, no name need be compared."""
    return key[key.find(b"[") + 1 :].rstrip(b"]")


def _distinct(values: Iterable[str]) -> Values:
    return tuple(dict.fromkeys(stripped for value in values if (stripped := value.strip())))


def _software(step: str) -> tuple[str, str]:
    """`htseq version: 0.6.1p1` -> its two halves; a step that tells no version is all name."""
    match = _SOFTWARE.search(step)
    return (match["name"], match["version"]) if match else (step.strip(), "")


def _decodes(data: bytes, name: str) -> bool:
    try:
        data.decode(name)
    except UnicodeDecodeError:
        return False
    return True
