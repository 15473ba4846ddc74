"""One dataset in a file tree: which of its files count, and what they say.

Only files of the roles that a name can give are looked at, and they are opened only if they are not the ones that were
read last time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from app.domain.duplicates import canonical
from app.domain.model import Code, File, Metadata, Problem, Sighting, SourceConfig
from app.domain.text import printable
from app.sources import magetab, tree
from app.sources.magetab import Said
from app.sources.names import Accessions
from app.sources.tree import Entry

# --------------------------------------------------------------------------- what a name says

NAMING = ("idf", "sdrf")  # the roles whose file names make a dataset
ROLES = (*NAMING, "analysis_methods", "configuration")
_CURATOR = b".curator."
_DERIVED = (b".merged", b".condensed")  # written by pipelines, next to or in place of the curators' files
_ENDINGS = {
    **{f"{mark}{role}.{end}".encode(): role for mark in ".-" for role in NAMING for end in ("txt", "tsv")},
    b"-analysis-methods.tsv": "analysis_methods",
    b"-configuration.xml": "configuration",
}
_LENGTHS = sorted({len(ending) for ending in _ENDINGS})
_EXTENSIONS = {ending[-4:] for ending in _ENDINGS}


class Found(NamedTuple):
    """An entry, the role its name gives it (empty: none of ours), and the rest of its name."""

    role: str
    stem: bytes
    entry: Entry


def role_of(entry: Entry, stem: bytes = b"") -> Found:
    """`stem`: how it is expected to begin (that is the quick way)."""
    name = entry.name
    if name.startswith(stem) and (expected := _ENDINGS.get(name[len(stem) :])):
        return Found(expected, stem, entry)
    if name[-4:].lower() in _EXTENSIONS:  # most others are data
        for length in _LENGTHS:
            role, stem = _ENDINGS.get(name[-length:].lower()), name[:-length]
            if role:
                derived = role in NAMING and stem.endswith(_DERIVED)
                return Found("derived" if derived else role, stem, entry)
    if name.startswith(_CURATOR):
        return Found("curator", name[len(_CURATOR) :], entry)
    return Found("", name, entry)


# --------------------------------------------------------------------------- one dataset

_READERS: Mapping[str, Callable[..., Said[Any]]] = {
    "idf": magetab.read_idf,
    "sdrf": magetab.read_sdrf,
    "analysis_methods": magetab.read_analysis_methods,
}
"""role -> how its file is read"""

_FIELDS: Mapping[str, Sequence[str]] = {
    "idf": magetab.Idf._fields,
    "sdrf": magetab.Sdrf._fields,
    "analysis_methods": magetab.Methods._fields,
}
"""role -> the fields of Metadata that its file gives"""

# Troubles that may be over at the next look without a trace in any file's identity.
FLEETING = frozenset({Code.UNREADABLE, Code.VANISHED})

# What stays true of files as long as they are the same.
_LASTING = magetab.CODES | {Code.ACCESSION_DIFFERS, Code.SDRF_NOT_THERE, Code.SEVERAL_SDRFS}


@dataclass(slots=True)
class Look:
    """One dataset while it is looked at. `last`: how it was seen last time (empty when it never was)."""

    dataset: str
    stem: bytes
    source: SourceConfig
    accessions: Accessions
    last: Sighting
    full: bool
    sdrf_bytes: int
    problems: list[Problem] = field(default_factory=list)
    files: dict[bytes, File | None] = field(default_factory=dict)
    """path -> what was found when it was looked at; None: it could not be"""
    absent: tuple[bytes, ...] = ()
    """names of files that the IDF names, and that are not there"""

    def unlisted(self, folder: Entry, error: OSError) -> Sighting | Problem:
        """Of a folder that is there but does not open all that was known stays. One that has just gone is not there."""
        self._trouble(error, folder)
        if self.problems[0].code is Code.VANISHED:
            return self.problems[0]
        return self._seen(folder, self.last.files, self.last.modified, self.last.metadata)

    def sighting(
        self, folder: Entry | None, lying: Sequence[Found], beside: Sequence[Found], around: Mapping[bytes, Entry]
    ) -> Sighting:
        """`lying`: in the folder, or flat when there is none. `beside`: flat, though there is a folder.
        `around`: all that is in that folder, or in the place."""
        if any(found.role in NAMING for found in beside):
            message = f"{self.dataset} is there as a folder and flat; the folder comes first"
            self._note(Code.REPEATED, message, beside[0].entry)
        picked = self._picked(lying, beside)
        taken = _with_named(picked, self.last.metadata.sdrf_files, around)
        files = self._identified(taken)
        if self._unchanged(files):
            metadata = self.last.metadata
            self.problems += [problem for problem in self.last.problems if problem.code in _LASTING]
        else:
            taken, metadata = self._read(picked, around)
            paths = {printable(found.entry.path) for found in taken}
            # An SDRF that was only looked at before the IDF said that it is another one is no matter.
            self.problems = [p for p in self.problems if p.code not in FLEETING or p.path in paths]
            files = self._identified(taken)
        self.absent = tuple([name for name in map(_base, metadata.sdrf_files) if name not in around])
        self._check_names(taken, lying, metadata.sdrf_files)
        self._check_pair(taken, [*lying, *beside])
        return self._seen(folder or taken[0].entry, files, _modified(files), metadata)

    # ----------------------------------------------------------------------- which files

    def _picked(self, lying: Sequence[Found], flat: Sequence[Found]) -> list[Found]:
        """By their names: one file a role, the IDF first, and every curator."""
        roles: dict[str, list[Found]] = {}
        for found in lying:
            roles.setdefault(found.role, []).append(found)
        beside = {found.role: found for found in flat}
        picked = [self._pick(roles.get(role, []), beside.get(role)) for role in ROLES]
        return [found for found in picked if found] + roles.get("curator", [])

    def _pick(self, lying: Sequence[Found], beside: Found | None) -> Found | None:
        """The first that is named as it should be, else the one beside the folder, else the first that holds
        the accession, else the only one."""
        if exact := next((found for found in lying if found.stem == self.stem), beside):
            return exact
        holding = [found for found in lying if self._held(found) == self.dataset]
        return next(iter(holding or (lying if len(lying) == 1 else [])), None)

    def _held(self, found: Found) -> str:
        return self.accessions.within(os.fsdecode(found.stem))

    def _check_names(self, taken: Sequence[Found], lying: Sequence[Found], named: Collection[str]) -> None:
        """What is odd about the names of IDF and SDRF, but for those SDRFs that the IDF names."""
        chosen = {found.entry.name for found in taken}
        for found in lying:
            well = found.entry.name in chosen and (
                found.stem == self.stem or (found.role == "sdrf" and os.fsdecode(found.entry.name) in named)
            )
            if found.role in NAMING and not well:
                self._note_odd(found, found.entry.name in chosen)

    def _note_odd(self, found: Found, taken: bool) -> None:
        name, kind, held = printable(found.entry.name), found.role.upper(), self._held(found)
        fate = f"it was taken as its {kind}" if taken else "it was not read"
        if found.stem == self.stem:
            self._note(Code.REPEATED, f"{name} is another {kind} of {self.dataset}; {fate}", found.entry)
        elif held == self.dataset:
            self._note(Code.NEAR_MISS, f"{name} is almost named {self.dataset}, but not quite; {fate}", found.entry)
        elif held:
            self._note(Code.NEAR_MISS, f"{name} lies in {self.dataset} but is named {held}; {fate}", found.entry)

    def _check_pair(self, taken: Sequence[Found], lying: Sequence[Found]) -> None:
        by_role = {found.role: found for found in taken}
        for role, other, code in _PAIRS:
            if role in by_role and other not in by_role:
                unclear = any(found.role == other for found in lying)
                lack = f"it is not clear which of several is its {other.upper()}" if unclear else f"no {other.upper()}"
                self._note(code, f"{self.dataset} has an {role.upper()} but {lack}", by_role[role].entry)

    def _identified(self, taken: Sequence[Found]) -> tuple[File, ...]:
        """Each looked at once. One that cannot be looked at is the one that it was last time."""
        return tuple([file for found in taken if (file := self._file(found) or self._last_file(found))])

    def _file(self, found: Found) -> File | None:
        path = found.entry.path
        if path not in self.files:
            try:
                self.files[path] = File(found.role, printable(path), tree.identity(path))
            except OSError as error:
                self._trouble(error, found.entry)
                self.files[path] = None
        return self.files[path]

    def _last_file(self, found: Found) -> File | None:
        path = printable(found.entry.path)
        return next((file for file in self.last.files if file.path == path), None)

    # ----------------------------------------------------------------------- what they say

    def _unchanged(self, files: tuple[File, ...]) -> bool:
        fleeting = any(problem.code in FLEETING for problem in (*self.problems, *self.last.problems))
        return files == self.last.files and not fleeting and not self.full

    def _read(self, picked: Sequence[Found], around: Mapping[bytes, Entry]) -> tuple[list[Found], Metadata]:
        """The files that were taken, and what they say. The IDF comes first, as it may name the SDRFs."""
        values: dict[str, Any] = {}
        idf = next((found for found in picked if found.role == "idf"), None)
        if idf is not None:
            said = self._values(idf)
            if said.lines:
                self._check_idf(idf, said, around)
            values |= said.values
        taken = _with_named(picked, values.get("sdrf_files", ()), around)
        for found in taken:
            if found.role in _READERS and found is not idf:
                values = _joined(values, self._values(found).values)
        named = [printable(found.stem) for found in taken if found.role == "curator"]
        values["curators"] = tuple(dict.fromkeys([*named, *values.get("curators", ())]))
        return taken, Metadata(**values)

    def _values(self, found: Found) -> Said[dict[str, Any]]:
        """What the file says; of one that cannot be read, what it last said."""
        file = self._file(found)
        limit = self.sdrf_bytes if found.role == "sdrf" else _LIMITS[found.role]
        data = self._data(found, file, limit)
        if file is None or data is None:
            path = printable(found.entry.path)
            self.problems += [p for p in self.last.problems if p.path == path and p.code in _LASTING]
            return Said({name: getattr(self.last.metadata, name) for name in _FIELDS[found.role]})
        complete = file.identity.size <= limit
        said = _READERS[found.role](data, complete=complete)
        for note in said.notes:
            self._note(note.code, f"{printable(found.entry.name)} {note.text}", found.entry, note.line)
        values = dict(zip(_FIELDS[found.role], said.values, strict=True))
        if not complete:
            values["incomplete"] = tuple(
                name for name, value in values.items() if isinstance(value, tuple) and any(value)
            )
        return Said(values, said.notes, said.lines)

    def _data(self, found: Found, file: File | None, limit: int) -> bytes | None:
        if file is None or file.identity.size == 0:
            return None if file is None else b""
        try:
            return tree.head(found.entry.path, min(file.identity.size, limit))
        except OSError as error:
            self._trouble(error, found.entry)
            return None

    def _check_idf(self, found: Found, said: Said[dict[str, Any]], around: Mapping[bytes, Entry]) -> None:
        """What the IDF says against the name that it has and the files that are there."""
        name, accessions, sdrfs = printable(found.entry.name), said.values["accessions"], said.values["sdrf_files"]
        line = said.lines.get("sdrf_files", 0)
        if accessions and canonical(self.dataset) not in map(canonical, accessions):
            message = f"{name} says that its accession is {' and '.join(accessions)}"
            self._note(Code.ACCESSION_DIFFERS, message, found.entry, said.lines.get("accessions", 0))
        if absent := [sdrf for sdrf in sdrfs if _base(sdrf) not in around]:
            many = f"SDRFs that are not there: {', '.join(absent)}"
            self._note(
                Code.SDRF_NOT_THERE,
                f"{name} names " + (many if len(absent) > 1 else f"an SDRF that is not there: {absent[0]}"),
                found.entry,
                line,
            )
        if len(sdrfs) > 1:
            self._note(Code.SEVERAL_SDRFS, f"{name} names {len(sdrfs)} SDRFs: {', '.join(sdrfs)}", found.entry, line)

    # ----------------------------------------------------------------------- what to tell

    def _note(self, code: Code, message: str, entry: Entry, line: int = 0) -> None:
        self.problems.append(Problem(code, message, self.dataset, self.source.name, printable(entry.path), line))

    def _trouble(self, error: OSError, entry: Entry) -> None:
        """A link that leads nowhere has not vanished: it is there, and cannot be read."""
        name = printable(entry.name)
        if isinstance(error, FileNotFoundError) and not tree.is_link(entry.path):
            self._note(Code.VANISHED, f"{name} disappeared while it was being read", entry)
        else:
            self._note(Code.UNREADABLE, f"{name} cannot be read ({tree.reason(error)})", entry)

    def _seen(self, at: Entry, files: tuple[File, ...], modified: datetime | None, metadata: Metadata) -> Sighting:
        source, where = self.source, printable(at.path)
        return Sighting(self.dataset, source.name, where, source.tech, modified, metadata, files, tuple(self.problems))


_LIMITS = {"idf": magetab.IDF_LIMIT, "analysis_methods": magetab.METHODS_LIMIT}


def _with_named(picked: Sequence[Found], named: Sequence[str], around: Mapping[bytes, Entry]) -> list[Found]:
    """The SDRFs that the IDF names, as far as they are there, in place of the one with the dataset's name."""
    there = [around[name] for name in dict.fromkeys(map(_base, named)) if name in around]
    if not there or [entry.name for entry in there] == [found.entry.name for found in picked if found.role == "sdrf"]:
        return list(picked)
    sdrfs = [Found("sdrf", entry.name, entry) for entry in there]
    idf = [found for found in picked if found.role == "idf"]
    return [*idf, *sdrfs, *(found for found in picked if found.role not in NAMING)]


def _base(name: str) -> bytes:
    """The name of a file that an IDF names, where it may stand with folders or as an address."""
    return os.fsencode(name.replace("\\", "/").rpartition("/")[2])


def _joined(values: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Of several files of a role all values count, in order."""
    both = {name: tuple(dict.fromkeys((*values[name], *value))) for name, value in more.items() if name in values}
    return {**values, **more, **both}


_PAIRS = (("idf", "sdrf", Code.IDF_WITHOUT_SDRF), ("sdrf", "idf", Code.SDRF_WITHOUT_IDF))


def _modified(files: Sequence[File]) -> datetime | None:
    """The newest modification time of IDF and SDRF."""
    times = [file.identity.mtime_ns for file in files if file.role in NAMING]
    return _moment(max(times)) if times else None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(nanoseconds: int) -> datetime | None:
    """None: a time that no calendar has, as some file systems tell."""
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None
