"""MAGE-TAB bytes -> values. Opens nothing and never raises: whatever the bytes are, they say something, or nothing.

- IDF (MAGE-TAB 1.1, section 2.2): one field a line, its name and its values between tabs.
- SDRF (section 2.3): a table; its first line names the columns.
- analysis-methods.tsv: one step a line, as the Expression Atlas pipelines write it:
  `Read Mapping<TAB>Against genome reference (Ensembl release: 104) tophat2 version: 2.1.1`.

Work is on bytes: a field is found where its name stands in the file, and only what is wanted is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter, methodcaller
from typing import Generic, NamedTuple, TypeVar

from app.domain.model import Code
from app.domain.text import one_line
from app.sources.plaintext import BROKEN, Note, Plain, Rows, is_placeholder, plain

IDF_LIMIT = 4 * 1024 * 1024
SDRF_LIMIT = 64 * 1024
METHODS_LIMIT = 1024 * 1024

Values = tuple[str, ...]
T = TypeVar("T")


class Idf(NamedTuple):
    title: str = ""
    experiment_types: Values = ()
    analysis_types: Values = ()
    curators: Values = ()
    secondary_accessions: Values = ()
    accessions: Values = ()
    sdrf_files: Values = ()


class Sdrf(NamedTuple):
    organisms: Values = ()
    library_constructions: Values = ()


class Methods(NamedTuple):
    """Pairs are software and version; what the file does not say is empty."""

    gene_quantification: tuple[str, str] = ("", "")
    mapping: tuple[str, str] = ("", "")
    ensembl_release: str = ""
    transcript_quantification: tuple[str, str] = ("", "")


class Said(NamedTuple, Generic[T]):
    """What a file says, under the names that Metadata has; what is odd about it, each kind once, where it first
    shows; and the lines on which the fields stand that were found."""

    values: T
    notes: tuple[Note, ...] = ()
    lines: Mapping[str, int] = {}


CODES = frozenset(
    {
        Code.EMPTY_FILE,
        Code.NOT_TEXT,
        Code.NOT_MAGETAB,
        Code.NOT_UTF8,
        Code.MIXED_ENCODINGS,
        Code.LINE_ENDS,
        Code.UNCLOSED_QUOTE,
        Code.PLACEHOLDER,
        Code.CONFLICT_MARKERS,
        Code.REPEATED_ROW,
        Code.CONFLICTING_ROWS,
        Code.NO_TITLE,
        Code.NO_ORGANISM,
        Code.RAGGED_ROWS,
    }
)
"""What may be odd about a file's content: as long as the file does not change, these do not."""


# --------------------------------------------------------------------------- IDF

_IDF = {
    b"investigation title": "title",
    b"comment[eaexperimenttype]": "experiment_types",
    b"comment[aeexperimenttype]": "analysis_types",
    b"comment[eacurator]": "curators",
    b"comment[secondaryaccession]": "secondary_accessions",
    b"comment[arrayexpressaccession]": "accessions",
    b"comment[expressionatlasaccession]": "accessions",
    b"comment[proteomexchange accession number]": "accessions",
    b"comment[metabobank accession]": "accessions",
    b"sdrf file": "sdrf_files",
}
"""name of a field, as `_plainly` writes it -> field"""

_FIELD = re.compile(
    rb"""^[ "]*(?:mage-?tab[ ]version|investigation[ ](?:title|accession.*)|comment[ ]*\[[^\]\t\n]*\]|study[ ]title
    |experiment[ ]description|experimental[ ](?:design|factor[ ](?:name|type))(?:[ ]term.*)?|date[ ]of[ ]experiment
    |public[ ]release[ ]date|person[ ](?:last[ ]name|first[ ]name|mid[ ]initials|email|phone|fax|address|affiliation
    |roles.*)|(?:quality[ ]control|replicate|normalization)[ ](?:type|term.*)|pubmed[ ]id
    |publication[ ](?:doi|author[ ]list|title|status.*)|protocol[ ](?:name|type|term.*|description|parameters|hardware
    |software|contact)|parameter[ ]name|sdrf[ ]files?|term[ ]source[ ](?:name|file|version))[ "]*(?:\t|$)""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
"""A line that is a field of an IDF."""

_FIELDS = Rows(
    after_cr=lambda longer, after: _FIELD.match(after) is not None,
    in_quotes=lambda line: _FIELD.match(line) is not None,
)


def read_idf(data: bytes, *, complete: bool = True) -> Said[Idf]:
    text = plain(data, _FIELDS, complete=complete)
    if not _FIELD.search(text.data):
        return Said(Idf(), _refused(text, "an IDF, for no line of it is a field of one"))
    rows: dict[str, list[_Row]] = {}
    for row in _rows(text.data, _WANTED):
        rows.setdefault(_IDF[row.name], []).append(row)
    values = {field: _distinct([value for row in found for value in row.values]) for field, found in rows.items()}
    for field in values.keys() & {"secondary_accessions", "accessions"}:
        parts = [part for value in values[field] for part in _SEPARATORS.split(value)]
        values[field] = _distinct([part for part in parts if _DIGIT.search(part)])
    idf = Idf("".join(values.pop("title", ())[:1]), **values)
    notes = [*text.notes, *_repetitions(text, rows)]
    if not idf.title:
        notes.append(Note(Code.NO_TITLE, 0, "gives no Investigation Title"))
    return Said(idf, _first_of_each(notes), _lines(text, {field: found[0].at for field, found in rows.items()}))


def _lines(text: Plain, places: Mapping[str, int]) -> dict[str, int]:
    """The line of each place, counted once from the first to the last."""
    lines, line, before = dict[str, int](), 1, 0
    for name, at in sorted(places.items(), key=itemgetter(1)):
        line, before = line + text.breaks(before, at), at
        lines[name] = line
    return lines


class _Row(NamedTuple):
    """A line with a field that is wanted: where it begins, the field's name, and its values."""

    at: int
    name: bytes
    values: Values


def _wanted(names: Iterable[bytes]) -> re.Pattern[bytes]:
    """A line that begins with one of these names, and the rest of it. In any case, and whatever the blanks."""
    any_of = b"|".join(
        re.escape(name).replace(rb"\ ", b" +").replace(rb"\[", rb" *\[ *").replace(rb"\]", rb" *\]") for name in names
    )
    # that it begins with a line end, and not with ^, makes it ten times as fast: the engine looks for one byte
    return re.compile(rb"\n[ \"]*(" + any_of + rb")[^\t\n]*\t([^\n]*)", re.IGNORECASE)


_WANTED = _wanted(_IDF)


def _rows(data: bytes, wanted: re.Pattern[bytes]) -> list[_Row]:
    return [
        _Row(found.start(), _plainly(found[1].lower()), _values(found[2].split(b"\t")))
        for found in wanted.finditer(b"\n" + data)
    ]


def _repetitions(text: Plain, rows: Mapping[str, Sequence[_Row]]) -> Iterator[Note]:
    """Fields that stand on several lines, each kind of it once a field. A line without a value says nothing twice."""
    for found in rows.values():
        if len(found) == 1:
            continue
        first: dict[bytes, _Row] = {}
        told = set[Code]()
        for row in found:
            before = first.setdefault(row.name, row)
            code = Code.REPEATED_ROW if row.values == before.values else Code.CONFLICTING_ROWS
            if row is not before and row.values and code not in told:
                told.add(code)
                yield Note(code, text.line(row.at), _repeated(text, row, code))


def _repeated(text: Plain, row: _Row, code: Code) -> str:
    name = text.data[row.at : text.data.find(b"\t", row.at)].decode().strip(' "')
    if code is Code.REPEATED_ROW:
        return f"has {name} on several lines, with the same values"
    fate = "the first counts" if _IDF[row.name] == "title" else "all of them were taken"
    return f"has {name} on several lines, with different values; {fate}"


# --------------------------------------------------------------------------- SDRF

_ORGANISM = b"characteristics[organism]"
_COLUMNS = (_ORGANISM, b"comment[library construction]")

_HEADING = re.compile(
    rb"""(?:^|(?<=\t))[ ]*(?:(?:source|sample|extract|labeled[ ]extract|assay|hybridization|scan|normalization)[ ]name
    |(?:characteristics|factor[ ]?value|parameter[ ]?value)[ ]*\[|protocol[ ]ref|material[ ]type
    |(?:derived[ ])?array[ ]data[ ](?:matrix[ ])?file)""",
    re.IGNORECASE | re.VERBOSE,
)
"""A heading of an SDRF."""

_TABLE = Rows(
    after_cr=lambda longer, after: longer,
    in_quotes=lambda line: b"\t" in line,
)


def read_sdrf(head: bytes, *, complete: bool = True) -> Said[Sdrf]:
    """`complete`: the head is the whole file. If not, its last line is cut somewhere, and left out."""
    text = plain(head, _TABLE, complete=complete)
    tables = _tables(text)
    if not _HEADING.search(tables[0].headings):
        return Said(Sdrf(), _refused(text, "an SDRF, for its first line has no heading of one"))
    places = [table.places() for table in tables]
    columns = [table.columns(at) for table, at in zip(tables, places, strict=True)]
    said = Sdrf(*(_values([cell for column in columns for cell in column[name]]) for name in _COLUMNS))
    notes = [*text.notes, *(note for table in tables for note in _ragged(text, table))]
    if not any(_ORGANISM in at for at in places):
        notes.append(Note(Code.NO_ORGANISM, 0, "has no column Characteristics[organism]"))
    elif not said.organisms:
        line = tables[0].line(text)
        notes.append(Note(Code.NO_ORGANISM, line, "names no organism in its column Characteristics[organism]"))
    return Said(said, _first_of_each(notes))


@dataclass(frozen=True, slots=True)
class _Table:
    """All lines of the text, and of those the line of headings and the rows below it."""

    lines: list[bytes]
    top: int
    end: int

    @property
    def headings(self) -> bytes:
        return self.lines[self.top]

    @property
    def rows(self) -> list[bytes]:
        return self.lines[self.top + 1 : self.end]

    def places(self) -> dict[bytes, list[int]]:
        """name of a wanted column -> where it stands, if it does"""
        headings = self.headings.lower()
        cells = headings.split(b"\t")
        found = {name: [at for at, cell in enumerate(cells) if telling in cell and _plainly(cell) == name]
                 for name in _COLUMNS if (telling := _telling(name)) in headings}  # fmt: skip
        return {name: places for name, places in found.items() if places}

    def columns(self, places: Mapping[bytes, Sequence[int]]) -> dict[bytes, list[bytes]]:
        """name of a wanted column -> its cells; of several columns with this name one after the other"""
        return {name: [cell for at in places.get(name, ()) for cell in self.column(at)] for name in _COLUMNS}

    def column(self, at: int) -> list[bytes]:
        rows = self.rows if self.lines[self.end - 1] else self.lines[self.top + 1 : self.end - 1]
        try:
            return [row.split(b"\t", at + 1)[at] for row in rows]
        except IndexError:  # some rows are too short
            return [cells[at] for row in rows if len(cells := row.split(b"\t", at + 1)) > at]

    def line(self, text: Plain, row: int = 0) -> int:
        """The line of the headings, or of one of the rows below them (from 1)."""
        return text.line(sum(len(line) + 1 for line in self.lines[: self.top + row]))


def _tables(text: Plain) -> list[_Table]:
    """The table; where a merge is unfinished, a side that has headings of its own is another one."""
    lines = text.data.split(b"\n")
    top = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith(b"#")), 0)
    tops = [top]
    first = lines[top].partition(b"\t")[0]
    if first and any(note.code is Code.CONFLICT_MARKERS for note in text.notes):
        tops += [n for n, line in enumerate(lines) if n > top and line.partition(b"\t")[0] == first]
    return [_Table(lines, n, end) for n, end in zip(tops, [*tops[1:], len(lines)], strict=True)]


_TABS = methodcaller("count", b"\t")


def _ragged(text: Plain, table: _Table) -> Iterator[Note]:
    rows, width = table.rows, table.headings.count(b"\t") + 1
    if max(map(_TABS, rows), default=0) >= width:
        for number, row in enumerate(rows, start=1):
            if row.count(b"\t") >= width and row.split(b"\t", width)[width].strip():
                yield Note(Code.RAGGED_ROWS, table.line(text, number), "has a row with values beyond the last heading")
                return


# --------------------------------------------------------------------------- analysis methods

_RELEASE = re.compile(r"\(\s*Ensembl[^()]*?release:?\s*(?P<release>[^\s)]+)", re.IGNORECASE)
_REFERENCE = re.compile(r"^\s*(?:against\s+genome\s+reference)?\s*(?:\([^()]*\))?", re.IGNORECASE)
_SOFTWARE = re.compile(r"(?<!\S)(?P<name>\S+)\s+version:?\s*(?P<version>\S+)", re.IGNORECASE)


_STEP_NAMES = (b"gene quantification", b"quantification", b"transcript quantification", b"read mapping")
_WANTED_STEPS = _wanted(_STEP_NAMES)
_STEPS = Rows(after_cr=lambda longer, after: b"\t" in after, in_quotes=lambda line: b"\t" in line)


def read_analysis_methods(data: bytes, *, complete: bool = True) -> Said[Methods]:
    text = plain(data, _STEPS, complete=complete)
    if b"\t" not in text.data:
        return Said(Methods(), _refused(text, "a table of analysis methods, for no line of it has two cells"))
    steps: dict[bytes, list[str]] = {name: [] for name in _STEP_NAMES}
    for row in _rows(text.data, _WANTED_STEPS):
        steps[row.name] += row.values
    genes, unnamed, transcripts, reads = ("".join(values[:1]) for values in steps.values())
    release = _RELEASE.search(reads)
    methods = Methods(
        gene_quantification=_software(genes or unnamed),
        mapping=_software(_REFERENCE.sub("", reads)),
        ensembl_release=release["release"] if release else "",
        transcript_quantification=_software(transcripts),
    )
    return Said(methods, _first_of_each(text.notes))


def _software(step: str) -> tuple[str, str]:
    """`htseq version: 0.6.1p1` -> its two halves; a step that tells no version is all name."""
    match = _SOFTWARE.search(step)
    return (match["name"], match["version"]) if match else (step.strip(), "")


# --------------------------------------------------------------------------- names, values, notes

_SEPARATORS = re.compile(r"[,;|]")
_DIGIT = re.compile(r"\d")
"""Without one it is no accession, but says that there is none: `None`, `NA`, `-`."""


def _plainly(name: bytes) -> bytes:
    """A name (in lower case) as names are compared: quotes, and blanks around or inside the bracket, do not matter."""
    before, bracket, rest = name.strip(b' "').partition(b"[")
    if not bracket:
        return b" ".join(before.split())
    inside, closing, _ = rest.partition(b"]")
    return b" ".join(before.split()) + b"[" + b" ".join(inside.split()) + closing


@cache
def _telling(name: bytes) -> bytes:
    """The part of a name that hardly anything else holds, and no blank can be in: where it is not, nor is the name."""
    return max(name[name.find(b"[") + 1 :].rstrip(b"]").split(), key=len)


def _values(cells: Iterable[bytes]) -> Values:
    """Those that are not empty, each once."""
    return tuple(dict.fromkeys([value for cell in dict.fromkeys(cells) if cell and (value := _value(cell))]))


def _value(cell: bytes) -> str:
    value = cell.strip()
    if is_placeholder(value):
        return ""
    return one_line((value.replace(_BROKEN, b" ") if BROKEN in value else value).decode())


_BROKEN = bytes((BROKEN,))


def _distinct(values: Iterable[str]) -> Values:
    return tuple(dict.fromkeys(stripped for value in values if (stripped := value.strip())))


def _refused(text: Plain, what: str) -> tuple[Note, ...]:
    """Why there are no values: there is no text, or it is not `what` it should be."""
    return (Note(Code.NOT_MAGETAB, 0, f"is not {what}; it was not read"),) if text.data else text.notes


def _first_of_each(notes: Iterable[Note]) -> tuple[Note, ...]:
    first: dict[Code, Note] = {}
    for note in sorted(notes, key=lambda note: note.line):
        first.setdefault(note.code, note)
    return tuple(first.values())
