"""File trees: datasets directly below a directory, as folders named by accession or as flat files.

    place/E-MTAB-1/E-MTAB-1.idf.txt      a folder; -idf.txt and .tsv too, and the same for sdrf
    place/E-MTAB-1/E-MTAB-1-analysis-methods.tsv, E-MTAB-1-configuration.xml, .curator.NAME
    place/E-MTAB-2.idf.txt               a flat dataset: its IDF, its SDRF, or both

The directory and each dataset's folder are listed once; only the files above are looked at, and they are
opened only if they are not the ones that were read last time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel

from app.domain.model import Code, File, Metadata, Problem, Sighting, SourceConfig
from app.errors import SourceError
from app.sources import magetab, tree
from app.sources.names import Accessions
from app.sources.tree import Entry, printable


class FilesystemOptions(BaseModel):
    """A file tree has none."""


class FilesystemSource:
    kind: ClassVar[str] = "filesystem"
    summary: ClassVar[str] = "A directory that holds a folder, or a flat IDF and SDRF, for each dataset."
    Options: ClassVar[type[BaseModel]] = FilesystemOptions

    def __init__(self, config: SourceConfig, accession: re.Pattern[str]) -> None:
        self.config = config
        self.accessions = Accessions(accession)

    def read(self, known: Mapping[str, Sighting], *, full: bool = False) -> Iterator[Sighting | Problem]:
        place = self._place()
        if not place.datasets:
            where = printable(self.config.location)
            yield Problem(Code.SOURCE_EMPTY, f"{where} holds no dataset", source=self.config.name, path=where)
        yield from self._misnamed(place)
        for name in sorted(place.datasets):
            yield self._sighting(name, place.datasets[name], known.get(name), full)

    def find(self, datasets: Collection[str], known: Mapping[str, Sighting]) -> Iterator[Sighting]:
        place = self._place()
        for name in sorted(place.datasets.keys() & set(datasets)):
            if isinstance(seen := self._sighting(name, place.datasets[name], known.get(name)), Sighting):
                yield seen

    def probe(self) -> str:
        lying = self._place().datasets.values()
        folders = sum(dataset.folder is not None for dataset in lying)
        return f"{_counted(folders, 'folder')} and {_counted(len(lying) - folders, 'flat dataset')}"

    def _place(self) -> _Place:
        """What the one listing of the directory shows."""
        place, flat = _Place(), dict[str, list[_Found]]()
        for entry in self._listed():
            found = _found(entry)
            name = os.fsdecode(found.stem)
            if self.accessions.exact(name):
                if found.role in _ROLES:
                    flat.setdefault(name, []).append(found)
                elif tree.may_be_folder(entry):
                    place.datasets[name] = _Lying(entry)
            elif (accession := self.accessions.within(name)) and (
                found.role in _NAMING or (not found.role and tree.may_be_folder(entry))
            ):
                place.misnamed.setdefault(name, (accession, entry))
        for name, files in flat.items():
            if name in place.datasets or any(found.role in _NAMING for found in files):
                place.datasets.setdefault(name, _Lying()).flat = files
        return place

    def _listed(self) -> list[Entry]:
        where = printable(self.config.location)
        try:
            return tree.listed(os.fsencode(self.config.location))
        except (OSError, ValueError) as error:  # ValueError: no file system has such a name
            why = _ADVICE.get(type(error), f"could not be listed ({_reason(error)}): are its disk and server well?")
            raise SourceError(self.config.name, where, f"{where} {why}") from error

    def _misnamed(self, place: _Place) -> Iterator[Problem]:
        """Each name that is almost an accession, and each that differs from another's only in case."""
        spelt: dict[str, str] = {}
        for name in sorted(place.datasets):
            if (first := spelt.setdefault(name.lower(), name)) != name:
                message = f"{name} and {first} differ only in upper and lower case"
                yield Problem(Code.CASE_DUPLICATE, message, name, self.config.name, printable(self.config.location))
        for name, (accession, entry) in place.misnamed.items():
            shown, path = printable(entry.name), printable(entry.path)
            if twin := spelt.get(name.lower()):
                message = f"{shown} differs from {twin} only in upper and lower case; it is not tracked"
                yield Problem(Code.CASE_DUPLICATE, message, twin, self.config.name, path)
            else:
                message = f"{shown} is almost {self.accessions.almost(accession)}, but not quite; it is not tracked"
                yield Problem(Code.NEAR_MISS, message, source=self.config.name, path=path)

    def _sighting(self, name: str, lying: _Lying, last: Sighting | None, full: bool = False) -> Sighting | Problem:
        last = last or Sighting(name, self.config.name, "")
        look = _Look(name, os.fsencode(name), self.config, self.accessions, last, full)
        if lying.folder is None:
            return look.sighting(None, lying.flat, ())
        try:
            inside = [found for entry in tree.listed(lying.folder.path) if (found := _found(entry, look.stem)).role]
        except OSError as error:
            return look.unlisted(lying.folder, error)
        return look.sighting(lying.folder, inside, lying.flat)


# --------------------------------------------------------------------------- what a name says

_NAMING = ("idf", "sdrf")  # the roles whose file names make a dataset
_ROLES = (*_NAMING, "analysis_methods", "configuration")
_CURATOR = b".curator."
_DERIVED = (b".merged", b".condensed")  # written by pipelines, next to or in place of the curators' files
_ENDINGS = {
    **{f"{mark}{role}.{end}".encode(): role for mark in ".-" for role in _NAMING for end in ("txt", "tsv")},
    b"-analysis-methods.tsv": "analysis_methods",
    b"-configuration.xml": "configuration",
}
_LENGTHS = sorted({len(ending) for ending in _ENDINGS})


class _Found(NamedTuple):
    """An entry, the role its name gives it (empty: none of ours), and the rest of its name."""

    role: str
    stem: bytes
    entry: Entry


def _found(entry: Entry, stem: bytes = b"") -> _Found:
    """`stem`: how it is expected to begin (that is the quick way)."""
    name = entry.name
    if name.startswith(stem) and (expected := _ENDINGS.get(name[len(stem) :])):
        return _Found(expected, stem, entry)
    for length in _LENGTHS:
        role, stem = _ENDINGS.get(name[-length:].lower()), name[:-length]
        if role:
            derived = role in _NAMING and stem.endswith(_DERIVED)
            return _Found("derived" if derived else role, stem, entry)
    if name.startswith(_CURATOR):
        return _Found("curator", name[len(_CURATOR) :], entry)
    return _Found("", name, entry)


@dataclass(slots=True)
class _Lying:
    """How a dataset lies in the directory: in a folder, as flat files, or both."""

    folder: Entry | None = None
    flat: Sequence[_Found] = ()


@dataclass(slots=True)
class _Place:
    datasets: dict[str, _Lying] = field(default_factory=dict)
    misnamed: dict[str, tuple[str, Entry]] = field(default_factory=dict)
    """name -> the accession it almost is, and where it was first seen"""


# --------------------------------------------------------------------------- one dataset

_READERS: dict[str, tuple[Sequence[str], int, Callable[[bytes, bool], tuple[Any, str]]]] = {
    "idf": (magetab.Idf._fields, magetab.IDF_LIMIT, lambda data, complete: magetab.read_idf(data)),
    "sdrf": (magetab.Sdrf._fields, magetab.SDRF_LIMIT, magetab.read_sdrf),
    "analysis_methods": (
        magetab.Methods._fields,
        magetab.METHODS_LIMIT,
        lambda data, complete: magetab.read_analysis_methods(data),
    ),
}
"""role -> the fields of Metadata that its file gives, how much of it is read, and how"""

# Troubles that may be over at the next look without a trace in any file's identity.
_FLEETING = frozenset({Code.UNREADABLE, Code.VANISHED})


@dataclass(slots=True)
class _Look:
    """One dataset while it is looked at. `last`: how it was seen last time (empty when it never was)."""

    dataset: str
    stem: bytes
    source: SourceConfig
    accessions: Accessions
    last: Sighting
    full: bool
    problems: list[Problem] = field(default_factory=list)

    def unlisted(self, folder: Entry, error: OSError) -> Sighting | Problem:
        """Of a folder that is there but does not open all that was known stays. One that has just gone is not there."""
        self._trouble(error, folder)
        if self.problems[0].code is Code.VANISHED:
            return self.problems[0]
        return self._seen(folder, self.last.files, self.last.modified, self.last.metadata)

    def sighting(self, folder: Entry | None, lying: Sequence[_Found], beside: Sequence[_Found]) -> Sighting:
        """`lying`: in the folder, or flat when there is none. `beside`: flat, though there is a folder."""
        taken = self._taken(lying, beside)
        if any(found.role in _NAMING for found in beside):
            message = f"{self.dataset} is there as a folder and flat; the folder comes first"
            self._note(Code.REPEATED, message, beside[0].entry)
        self._check_pair(taken, [*lying, *beside])
        identified = [(found, self._file(found)) for found in taken]
        files = tuple([kept for found, file in identified if (kept := file or self._last_file(found))])
        return self._seen(folder or taken[0].entry, files, _modified(files), self._metadata(identified, files))

    # ----------------------------------------------------------------------- which files

    def _taken(self, lying: Sequence[_Found], flat: Sequence[_Found]) -> list[_Found]:
        """One file a role, the IDF first, and every curator."""
        roles: dict[str, list[_Found]] = {}
        for found in lying:
            roles.setdefault(found.role, []).append(found)
        beside = {found.role: found for found in flat}
        picked = [self._pick(roles.get(role, []), beside.get(role)) for role in _ROLES]
        return [found for found in picked if found] + roles.get("curator", [])

    def _pick(self, lying: Sequence[_Found], beside: _Found | None) -> _Found | None:
        """The first that is named as it should be, else the one beside the folder, else the first that holds
        the accession, else the only one. What is odd about the others is noted."""
        if len(lying) == 1 and lying[0].stem == self.stem:
            return lying[0]
        exact = [found for found in lying if found.stem == self.stem]
        holding = [found for found in lying if self._held(found) == self.dataset]
        others = holding or (lying if len(lying) == 1 else [])
        taken = exact[0] if exact else beside or (others[0] if others else None)
        for found in lying:
            if found.role in _NAMING and not (exact and found is taken):
                self._note_odd(found, taken)
        return taken

    def _held(self, found: _Found) -> str:
        return self.accessions.within(os.fsdecode(found.stem))

    def _note_odd(self, found: _Found, taken: _Found | None) -> None:
        name, kind, held = printable(found.entry.name), found.role.upper(), self._held(found)
        fate = f"it was taken as its {kind}" if found is taken else "it was not read"
        if found.stem == self.stem:
            self._note(Code.REPEATED, f"{name} is another {kind} of {self.dataset}; {fate}", found.entry)
        elif held == self.dataset:
            self._note(Code.NEAR_MISS, f"{name} is almost named {self.dataset}, but not quite; {fate}", found.entry)
        elif held:
            self._note(Code.NEAR_MISS, f"{name} lies in {self.dataset} but is named {held}; {fate}", found.entry)

    def _check_pair(self, taken: Sequence[_Found], lying: Sequence[_Found]) -> None:
        by_role = {found.role: found for found in taken}
        for role, other, code in _PAIRS:
            if role in by_role and other not in by_role:
                unclear = any(found.role == other for found in lying)
                lack = f"it is not clear which of several is its {other.upper()}" if unclear else f"no {other.upper()}"
                self._note(code, f"{self.dataset} has an {role.upper()} but {lack}", by_role[role].entry)

    def _file(self, found: _Found) -> File | None:
        try:
            file = File(found.role, printable(found.entry.path), tree.identity(found.entry))
        except OSError as error:
            self._trouble(error, found.entry)
            return None
        if file.identity.size == 0 and file.role in _READERS:
            self._note(Code.EMPTY_FILE, f"{printable(found.entry.name)} is empty", found.entry)
        return file

    def _last_file(self, found: _Found) -> File | None:
        path = printable(found.entry.path)
        return next((file for file in self.last.files if file.path == path), None)

    # ----------------------------------------------------------------------- what they say

    def _metadata(self, identified: Sequence[tuple[_Found, File | None]], files: tuple[File, ...]) -> Metadata:
        fleeting = any(problem.code in _FLEETING for problem in (*self.problems, *self.last.problems))
        if files == self.last.files and not fleeting and not self.full:
            self.problems += [problem for problem in self.last.problems if problem.code is Code.NOT_UTF8]
            return self.last.metadata
        values: dict[str, Any] = {}
        for found, file in identified:
            if found.role in _READERS:
                values |= self._values(found, file)
        named = [printable(found.stem) for found, _ in identified if found.role == "curator"]
        values["curators"] = tuple(dict.fromkeys([*named, *values.get("curators", ())]))
        return Metadata(**values)

    def _values(self, found: _Found, file: File | None) -> dict[str, Any]:
        """What the file says; of one that cannot be read, what it last said."""
        fields, limit, reader = _READERS[found.role]
        data = self._data(found, file, limit)
        if file is None or data is None:
            return {name: getattr(self.last.metadata, name) for name in fields}
        said, encoding = reader(data, file.identity.size <= limit)
        if encoding != "utf-8":
            name = printable(found.entry.name)
            self._note(Code.NOT_UTF8, f"{name} is not UTF-8; it was read as {encoding}", found.entry)
        return dict(zip(fields, said, strict=True))

    def _data(self, found: _Found, file: File | None, limit: int) -> bytes | None:
        if file is None or file.identity.size == 0:
            return None if file is None else b""
        try:
            return tree.head(found.entry.path, min(file.identity.size, limit))
        except OSError as error:
            self._trouble(error, found.entry)
            return None

    # ----------------------------------------------------------------------- what to tell

    def _note(self, code: Code, message: str, entry: Entry) -> None:
        self.problems.append(Problem(code, message, self.dataset, self.source.name, printable(entry.path)))

    def _trouble(self, error: OSError, entry: Entry) -> None:
        """A link that leads nowhere has not vanished: it is there, and cannot be read."""
        name = printable(entry.name)
        if isinstance(error, FileNotFoundError) and not entry.is_symlink():
            self._note(Code.VANISHED, f"{name} disappeared while it was being read", entry)
        else:
            self._note(Code.UNREADABLE, f"{name} cannot be read ({_reason(error)})", entry)

    def _seen(self, at: Entry, files: tuple[File, ...], modified: datetime | None, metadata: Metadata) -> Sighting:
        source, where = self.source, printable(at.path)
        return Sighting(self.dataset, source.name, where, source.tech, modified, metadata, files, tuple(self.problems))


_PAIRS = (("idf", "sdrf", Code.IDF_WITHOUT_SDRF), ("sdrf", "idf", Code.SDRF_WITHOUT_IDF))


def _modified(files: Sequence[File]) -> datetime | None:
    """The newest modification time of IDF and SDRF."""
    times = [file.identity.mtime_ns for file in files if file.role in _NAMING]
    return _moment(max(times)) if times else None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(nanoseconds: int) -> datetime | None:
    """None: a time that no calendar has, as some file systems tell."""
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None


# --------------------------------------------------------------------------- words

_ADVICE: dict[type[Exception], str] = {
    FileNotFoundError: "does not exist: is it mounted?",
    NotADirectoryError: "is a file: name the directory that holds the datasets",
    PermissionError: "may not be listed: allow this user to read and enter it",
}


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or "no file system has such a name"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
