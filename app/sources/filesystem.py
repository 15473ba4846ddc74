"""File trees: datasets directly below a directory, as folders named by accession or as flat files.

    place/E-MTAB-1/E-MTAB-1.idf.txt      a folder; -idf.txt and .tsv too, and the same for sdrf
    place/E-MTAB-1/E-MTAB-1-analysis-methods.tsv, E-MTAB-1-configuration.xml, .curator.NAME
    place/E-MTAB-2.idf.txt               a flat dataset: its IDF, its SDRF, or both

The directory and each dataset's folder are listed once; only the files above are looked at, and they are
opened only if they are not the ones that were read last time. Where nothing has changed since then (`traces`), each
folder and each of those files is looked at once, and nothing is listed or opened.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from typing import ClassVar, TypeVar

from pydantic import BaseModel, Field

from app.domain.contents import Identity
from app.domain.model import Code, Problem, Sighting, SourceConfig
from app.domain.text import printable
from app.errors import SourceError
from app.sources import forked, magetab, traces, tree
from app.sources.dataset import FLEETING, NAMING, ROLES, Found, Look, role_of
from app.sources.forked import Unanswered, mapped
from app.sources.names import Accessions
from app.sources.traces import Clock, PlaceTrace, Trace, Traces
from app.sources.tree import Entry

READER = 1
"""To be raised when the same files come to say something else: then all of them are read again."""

T = TypeVar("T")
R = TypeVar("R")


class FilesystemOptions(BaseModel):
    sdrf_bytes: int = Field(
        default=magetab.SDRF_LIMIT, ge=1024, strict=True, description="how much of an SDRF is read, in bytes"
    )
    at_once: int = Field(
        default=16,
        ge=1,
        le=256,
        strict=True,
        description="how many questions another machine's file system is asked at once, if it takes its time to answer",
    )
    timeout: float = Field(
        default=120, gt=0, description="seconds without an answer after which another machine's file system is given up"
    )
    verify_days: int = Field(
        default=7,
        ge=0,
        strict=True,
        description="in how many days everything is read again, a part each day, whether or not it seems to have "
        "changed; 0: never",
    )


class FilesystemSource:
    kind: ClassVar[str] = "filesystem"
    summary: ClassVar[str] = "A directory that holds a folder, or a flat IDF and SDRF, for each dataset."
    Options: ClassVar[type[BaseModel]] = FilesystemOptions

    def __init__(self, config: SourceConfig, accession: re.Pattern[str]) -> None:
        self.config = config
        self.accessions = Accessions(accession)
        self.options = FilesystemOptions.model_validate(dict(config.options))
        self.reader = f"{READER} {accession.pattern} {int(accession.flags)} {self.options.sdrf_bytes}"

    def look(
        self, kept: Mapping[str, bytes | None], *, only: Collection[str] | None = None, full: bool = False
    ) -> Glance:
        return Glance(self, kept, only, full)

    def read(self, known: Mapping[str, Sighting], *, full: bool = False) -> Iterator[Sighting | Problem]:
        return self.look({}, full=full).read(known)

    def find(self, datasets: Collection[str], known: Mapping[str, Sighting]) -> Iterator[Sighting]:
        glance = self.look({})
        for name in glance.altered.keys() - set(datasets):
            del glance.altered[name]
        return (seen for seen in glance.read(known) if isinstance(seen, Sighting))

    def probe(self) -> str:
        lying = self.look({}).lying.values()
        folders = sum(dataset.folder is not None for dataset in lying)
        return f"{_counted(folders, 'folder')} and {_counted(len(lying) - folders, 'flat dataset')}"


@dataclass(slots=True)
class _Lying:
    """How a dataset lies in the directory: in a folder, as flat files, or both."""

    folder: Entry | None = None
    flat: Sequence[Found] = ()

    @property
    def flat_names(self) -> tuple[bytes, ...]:
        return tuple([found.entry.name for found in self.flat])


@dataclass(slots=True)
class _Place:
    """What one listing of the directory shows."""

    entries: Mapping[bytes, Entry] = field(default_factory=dict)
    datasets: dict[str, _Lying] = field(default_factory=dict)
    beside: frozenset[str] = frozenset()
    """accessions of files that alone make no dataset"""
    misnamed: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """name -> the accession it almost is, and the entry that was first seen to have it"""


class _Around(Mapping[bytes, Entry]):
    """The entries of a place in which all names are what they were. It is listed only if it takes more than what was
    seen of a dataset to tell whether one is there."""

    def __init__(self, there: Sequence[Entry], absent: Sequence[bytes], listed: Callable[[], _Place]) -> None:
        self._seen: dict[bytes, Entry | None] = {**dict.fromkeys(absent), **{entry.name: entry for entry in there}}
        self._listed = cache(listed)

    def __getitem__(self, name: bytes) -> Entry:
        entry = self._seen[name] if name in self._seen else self._listed().entries.get(name)
        if entry is None:
            raise KeyError(name)
        return entry

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._listed().entries)

    def __len__(self) -> int:
        return len(self._listed().entries)


class Glance:
    """A place that is looked at once: see `app.ports.Look`. It is begun at once, and done when it is asked for."""

    def __init__(
        self, source: FilesystemSource, kept: Mapping[str, bytes | None], only: Collection[str] | None, full: bool
    ) -> None:
        self._altered: dict[str, bool] = {}
        self._lying: dict[str, _Lying] = {}
        self._changing: Iterator[list[str]] | None = None
        self._source, self._accessions = source.config, source.accessions
        self._options, self._reader = source.options, source.reader
        self._where, self._root = printable(self._source.location), os.fsencode(self._source.location)
        self._clock = Clock(self._source.location, time.time_ns())
        before = traces.told(kept.get(""), PlaceTrace)
        self._before = before if before and before.reader == self._reader else None
        self._last = Traces(kept)
        self._full = full or (self._before is None and bool(self._last))
        self._identity = self._told(partial(tree.folder_identity, self._root))
        self._place: _Place | None = None
        self._traces: dict[str, bytes | None] = {}
        if only is None or not self._look_at({*only}):
            self._look_through()

    @property
    def altered(self) -> dict[str, bool]:
        """dataset -> whether its files are to be read again even if they seem to be the same"""
        self._look_to_the_end()
        return self._altered

    @property
    def lying(self) -> dict[str, _Lying]:
        """How those lie that are there."""
        self._look_to_the_end()
        return self._lying

    # ----------------------------------------------------------------------- what has changed

    def _look_at(self, names: Set[str]) -> bool:
        """At these entries of the place alone; False: what may have changed with them cannot be told from them."""
        if self._full or self._before is None:
            return False
        if not self._before.flat:
            names = {*filter(self._may_matter, names)}
        if not all(map(self._is_folder_of_its_own, names)):
            return False
        # Files beside a folder that is new belong to it.
        listed = {} if names.isdisjoint(self._before.beside) else self._listed().datasets
        there = self._ask(tree.may_be_folder, [*map(self._path, names)])
        for name, may_be_folder in zip(names, there, strict=True):
            trace = self._last.get(name)
            self._altered[name] = trace is not None and trace.again
            if may_be_folder:
                self._lying[name] = listed.get(name) or _Lying(self._entry(os.fsencode(name)))
        return True

    def _may_matter(self, name: str) -> bool:
        """Whether any dataset in a folder, or any that may come to be, could have to do with an entry of this name."""
        stem = os.fsdecode(role_of(Entry(os.fsencode(name), b"")).stem)
        return name in self._last or self._accessions.exact(stem) or bool(self._accessions.within(stem))

    def _is_folder_of_its_own(self, name: str) -> bool:
        """Whether it is a dataset, if it is a folder, and nothing else in the place belongs to it."""
        trace = self._last.get(name)
        return (
            self._accessions.exact(name) and not (trace is None and name in self._last) and not (trace and trace.flat)
        )

    def _look_through(self) -> None:
        before, today, days = self._before, self._clock.today, self._options.verify_days
        same = before is not None and not before.again and before.identity == self._within(self._identity)
        if self._full or not same:
            self._place = self._listed()
        unsure = [] if self._full else self._last.unsure(today, days)
        for name in self._last.keys() - {*unsure}:
            self._altered[name] = self._full or self._last[name] is not None
        self._changing = self._changed(unsure)

    def _look_to_the_end(self) -> None:
        if self._changing is None:
            return
        changing, self._changing = self._changing, None
        with self._explained():
            self._altered |= dict.fromkeys((name for found in changing for name in found), False)
        told = {name: trace for name in self._altered if (trace := self._last.get(name))}
        if self._place is None and len(told) < len(self._altered):
            self._place = self._listed()
        if self._place is None:  # whatever is in it has the name that it had
            self._lying = {name: self._as_before(name, trace) for name, trace in told.items()}
        else:
            lies_otherwise = [n for n in self._place.datasets.keys() | self._last.keys() if self._lies_otherwise(n)]
            self._altered = dict.fromkeys(lies_otherwise, self._full) | self._altered
            self._lying = {n: self._place.datasets[n] for n in self._altered if n in self._place.datasets}

    def _as_before(self, name: str, trace: Trace) -> _Lying:
        folder = self._entry(os.fsencode(name)) if trace.folder else None
        return _Lying(folder, [role_of(self._entry(flat)) for flat in trace.flat])

    def _changed(self, names: Sequence[str]) -> Iterator[list[str]]:
        """Those of which the folder or a file is not the one that was seen."""
        size = _LOOKED_AT if self._clock.is_ours else _ASKED_ABOUT
        parts = [names[at : at + size] for at in range(0, len(names), size)]
        return self._ask(self._changed_of, parts, forked.spare(), 2, 1)

    def _changed_of(self, names: Sequence[str]) -> list[str]:
        root, device = tree.root(self._root), self._identity[0]
        try:
            return [n for n in names if not ((trace := self._last[n]) and tree.same(root, device, trace.seen))]
        finally:
            os.close(root)

    def _lies_otherwise(self, name: str) -> bool:
        assert self._place is not None
        lying, trace = self._place.datasets.get(name), self._last.get(name)
        if lying is None or trace is None:
            return True
        if lying.folder is None and any(absent in self._place.entries for absent in trace.absent):
            return True
        return trace.folder != (lying.folder is not None) or trace.flat != lying.flat_names

    def _listed(self) -> _Place:
        listed = self._told(partial(tree.listed, self._root, kinds=True))
        place, flat = _Place({entry.name: entry for entry in listed}), dict[str, list[Found]]()
        for entry in listed:
            found = role_of(entry)
            name = os.fsdecode(found.stem)
            if self._accessions.exact(name):
                if found.role in ROLES:
                    flat.setdefault(name, []).append(found)
                elif entry.may_be_folder:
                    place.datasets[name] = _Lying(entry)
            elif (accession := self._accessions.within(name)) and (
                found.role in NAMING or (not found.role and entry.may_be_folder)
            ):
                place.misnamed.setdefault(name, (accession, entry.name))
        for name, files in flat.items():
            if name in place.datasets or any(found.role in NAMING for found in files):
                place.datasets.setdefault(name, _Lying()).flat = files
        place.beside = frozenset(flat.keys() - place.datasets.keys())
        return place

    # ----------------------------------------------------------------------- what it says now

    def read(self, known: Mapping[str, Sighting]) -> Iterator[Sighting | Problem]:
        names = sorted(self.altered.keys() & self.lying.keys())
        self._traces = dict.fromkeys(self.altered)
        taken: set[str] = set()
        whole = True
        for name, (seen, trace) in zip(names, self._ask(lambda name: self._seen(name, known), names), strict=True):
            self._traces[name] = traces.kept(trace) if trace else None
            if isinstance(seen, Sighting):
                taken.update(file.path for file in seen.files)
            else:
                whole = False
            yield seen
        yield from self._wrong(taken)
        if self._place is not None:
            self._traces[""] = traces.kept(self._of_place(self._place, whole=whole))

    def kept(self) -> Mapping[str, bytes | None]:
        return self._traces

    def _of_place(self, place: _Place, *, whole: bool) -> PlaceTrace:
        before, identity = self._before, self._within(self._identity)
        again = not whole or self._clock.too_new([identity])
        again |= not self._clock.is_ours and before is not None and before.identity != identity
        flat = any(lying.folder is None for lying in place.datasets.values())
        misnamed = tuple((n, *said) for n, said in place.misnamed.items())
        return PlaceTrace(self._reader, again, flat, place.beside, identity, misnamed)

    def _seen(self, name: str, known: Mapping[str, Sighting]) -> tuple[Sighting | Problem, Trace | None]:
        lying, full = self.lying[name], self.altered[name]
        last = known.get(name) or Sighting(name, self._source.name, "")
        stem, limit = os.fsencode(name), self._options.sdrf_bytes
        look = Look(name, stem, self._source, self._accessions, last, full, limit)
        if lying.folder is None:
            seen: Sighting | Problem = look.sighting(None, lying.flat, (), self._around(name))
            return seen, self._trace(look, lying, ())
        path = lying.folder.path
        try:
            folder = (path, tree.folder_identity(path))
            listed = {entry.name: entry for entry in tree.listed(path)}
        except OSError as error:
            return look.unlisted(lying.folder, error), None
        inside = [found for entry in listed.values() if (found := role_of(entry, stem)).role]
        seen = look.sighting(lying.folder, inside, lying.flat, listed)
        return seen, self._trace(look, lying, (folder,))

    def _around(self, name: str) -> Mapping[bytes, Entry]:
        trace = self._last.get(name)
        if self._place is not None or trace is None:
            return (self._place or self._listed()).entries
        there = [self._entry(path) for path in {*trace.flat, *(path for path, _ in trace.seen)}]
        return _Around(there, trace.absent, self._listed)

    def _entry(self, name: bytes) -> Entry:
        return Entry(name, os.path.join(self._root, name))  # noqa: PTH118 - any name is a name

    def _trace(self, look: Look, lying: _Lying, folder: Sequence[tuple[bytes, Identity]]) -> Trace | None:
        """None where something could not be looked at, or read: the next time may tell more."""
        if any(problem.code in FLEETING for problem in look.problems):
            return None
        looks = [*folder, *((path, tree.plain(file.identity)) for path, file in look.files.items() if file)]
        beyond = len(self._path(""))
        seen = tuple([(path[beyond:], self._within(identity)) for path, identity in looks])
        before = self._last.get(look.dataset)
        again = self._clock.too_new(identity for _, identity in seen)
        again |= not self._clock.is_ours and before is not None and before.seen != seen
        day = self._clock.today if before is None or self.altered[look.dataset] else before.day
        return Trace(day, again, bool(folder), lying.flat_names, look.absent, seen)

    def _wrong(self, taken: set[str]) -> Iterator[Problem]:
        """What is wrong with the place as a whole: no dataset at all; each name that is almost an accession, and each
        that differs from another's only in case. `taken`: paths of files that belong to a dataset, however named."""
        if self._place is not None:
            names, misnamed = {*self._place.datasets}, [(n, *said) for n, said in self._place.misnamed.items()]
        else:
            names = {*self._last} - self.altered.keys() | self.lying.keys()
            misnamed = [*self._before.misnamed] if self._before else []
        if not names:
            text = f"{self._where} holds no dataset"
            yield Problem(Code.SOURCE_EMPTY, text, source=self._source.name, path=self._where)
        spelt: dict[str, str] = {}
        for name in sorted(names) if misnamed or len({*map(str.lower, names)}) < len(names) else ():
            if (first := spelt.setdefault(name.lower(), name)) != name:
                message = f"{name} and {first} differ only in upper and lower case"
                yield Problem(Code.CASE_DUPLICATE, message, name, self._source.name, self._where)
        if misnamed:
            unaltered = (trace for name, trace in self._last.items() if trace and name not in self.altered)
            taken |= {printable(self._path("") + path) for trace in unaltered for path, _ in trace.seen}
        for name, accession, entry in misnamed:
            path = printable(self._path("") + entry)
            if path not in taken:
                yield self._misnamed(printable(entry), path, accession, spelt.get(name.lower()))

    def _misnamed(self, shown: str, path: str, accession: str, twin: str | None) -> Problem:
        if twin:
            message = f"{shown} differs from {twin} only in upper and lower case; it is not tracked"
            return Problem(Code.CASE_DUPLICATE, message, twin, self._source.name, path)
        message = f"{shown} is almost {self._accessions.almost(accession)}, but not quite; it is not tracked"
        return Problem(Code.NEAR_MISS, message, source=self._source.name, path=path)

    # ----------------------------------------------------------------------- asking the place

    def _ask(
        self,
        work: Callable[[T], R],
        items: Sequence[T],
        processes: int | None = None,
        worth_it: int | None = None,
        each: int | None = None,
    ) -> Iterator[R]:
        """The work on each of these, in order: see `mapped`. On another machine's file system it is done by a child, as
        its server may never answer, and by as many threads as may wait for it at once."""
        if self._clock.is_ours:
            return self._heard(mapped(work, items, processes, worth_it=worth_it, each=each))
        options = self._options
        return self._heard(mapped(work, items, 1, threads=options.at_once, patience=options.timeout))

    def _heard(self, results: Iterator[R]) -> Iterator[R]:
        try:
            yield from results
        except ChildProcessError as error:
            text = f"{self._where} could not be read in full: {error}"
            raise SourceError(self._source.name, self._where, text) from error
        except Unanswered as error:
            text = f"{self._where} gave no answer for {self._options.timeout:g} s: are its server and network well?"
            raise SourceError(self._source.name, self._where, text) from error

    def _told(self, question: Callable[[], R]) -> R:
        """The answer to a question about the place as a whole."""
        with self._explained():
            (answer,) = self._ask(lambda ask: ask(), [question])
            return answer

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # ValueError: no file system has such a name
            why = _ADVICE.get(type(error), f"could not be listed ({_reason(error)}): are its disk and server well?")
            raise SourceError(self._source.name, self._where, f"{self._where} {why}") from error

    def _within(self, identity: Identity) -> Identity:
        """With 0 for the device of the place, which gets another number whenever it is mounted."""
        return (0, *identity[1:]) if identity[0] == self._identity[0] else identity

    def _path(self, name: str) -> bytes:
        return os.path.join(self._root, os.fsencode(name))  # noqa: PTH118 - any name is a name


_LOOKED_AT, _ASKED_ABOUT = 512, 16
"""Datasets that are looked at by one process at once: in memory, and on another machine."""


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
