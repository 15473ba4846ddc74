"""The shapes that adapters have. The tracker is written against these and knows no adapter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from app.domain.contents import Digests, Identity
from app.domain.details import Overview
from app.domain.duplicates import KnownGroup
from app.domain.model import (
    Annotation,
    Answer,
    Entry,
    Known,
    KnownProblem,
    Listing,
    LogStatus,
    Problem,
    Recording,
    Registered,
    Remark,
    RemarkKind,
    Reservation,
    Run,
    RunStatus,
    Scalar,
    Sighting,
    SourceConfig,
    Standing,
    State,
    StateChange,
    Verdict,
)
from app.domain.schedule import Appointment
from app.domain.visit import Guestbook, Visit

if TYPE_CHECKING:  # a crawl of trees needs nothing of it
    from app.domain.catalogue import (
        Asked,
        Change,
        Facts,
        Fault,
        Kept,
        KeptDatum,
        KnownRecord,
        LogEntry,
        Pruned,
        Record,
        Told,
        Understood,
    )
    from app.domain.harvest import Opening, Window
    from app.domain.runlog import RunLog


class Source(Protocol):
    """One configured place."""

    config: SourceConfig

    def read(self, known: Mapping[str, Sighting], *, full: bool = False) -> Iterator[Sighting | Problem]:
        """Everything that is there, each dataset once. `known` are the last sightings here by dataset: what has
        not changed since need not be read again (with `full` it is), and what cannot be read keeps what it last
        said. A part that cannot be read is a Problem; raises SourceError when the place as a whole cannot be read
        (then nothing yielded counts)."""
        ...

    def find(self, datasets: Collection[str], known: Mapping[str, Sighting]) -> Iterator[Sighting]:
        """Those of these datasets that are there now. `known`, and what is raised, as for `read`."""
        ...

    def probe(self) -> str:
        """One line that says what is there and that it can be read, at the least cost. Raises SourceError."""
        ...


@runtime_checkable
class Remembering(Source, Protocol):
    """A source that can tell at a glance what has changed in it, by traces that it keeps of each dataset."""

    def look(
        self, kept: Mapping[str, bytes | None], *, only: Collection[str] | None = None, full: bool = False
    ) -> Look:
        """`kept`: dataset -> its trace (None: there is none) of all datasets that were here, and the place's own under
        the empty name. `only`: what of the place may have changed, names of what lies directly in it; None: anything.
        `full`: whatever has changed, all is to be read. Raises SourceError, if it is not the look that does."""
        ...


class Look(Protocol):
    """A glance, which goes on while other sources are read."""

    @property
    def altered(self) -> Collection[str]:
        """The datasets that came, that went, or that may say something else than they did. Raises SourceError."""
        ...

    def read(self, known: Mapping[str, Sighting]) -> Iterator[Sighting | Problem]:
        """The altered ones that are there, and all that is wrong with the place as a whole. `known`, and what is
        raised, as for `Source.read`."""
        ...

    def kept(self) -> Mapping[str, bytes | None]:
        """Once they are read: the new traces, None where there is none any more."""
        ...


class Session(Protocol):
    """What a catalogue is read with. `paced`: `wait` may take its time; where it never does, other processes of the
    catalogue's may ask without it."""

    @property
    def paced(self) -> bool: ...

    def wait(self) -> None:
        """To be called before each request: returns once the source may be asked, by any process; raises SourceError
        once it has taken too long."""
        ...

    def known(self, identifiers: Collection[str]) -> Mapping[str, KnownRecord]:
        """What was stored of these records, as far as there was anything."""
        ...


@runtime_checkable
class Catalogue(Protocol):
    """A place that describes datasets, by records which are kept as they are."""

    config: SourceConfig
    version: str
    """Of how it is read: what another version read is read again."""
    dated: bool
    """Whether it can be asked for what changed within a window; else all of it is read each time."""

    def records(self, window: Window, session: Session) -> Iterator[Record | Fault]:
        """All that is there or, if it is dated, changed within the window; in any order, a record at a time. Raises
        SourceError where that is not all of it; what was yielded before counts all the same."""
        ...

    def facts(self, record: Record) -> Facts:
        """What a record says. Raises RecordError."""
        ...

    def probe(self) -> str:
        """See `Source.probe`."""
        ...


class Harvests(Protocol):
    """What was harvested, exactly as received, and the logs of it. Sources are told by name, versions are those of a
    catalogue. Raises StoreError."""

    def ensure(self, source: SourceConfig, at: datetime) -> None:
        """The source is known from now on."""
        ...

    def standing(self, source: str) -> tuple[bool, bool]:
        """Whether it is enabled, and whether it was deleted."""
        ...

    def known(self, source: str, identifiers: Collection[str]) -> Mapping[str, KnownRecord]:
        """See `Session.known`."""
        ...

    def latest(self, source: str, version: str, count: int) -> Sequence[LogStatus]:
        """How the last runs ended that failed or succeeded, newest first."""
        ...

    def windows(self, source: str, version: str, statuses: Collection[LogStatus]) -> Sequence[Window]:
        """Of the logs with these statuses, in order."""
        ...

    def create(
        self, source: str, version: str, windows: Iterable[Window], status: LogStatus, tracker: str, at: datetime
    ) -> int:
        """Logs for these windows, unless there are such; how many there were not."""
        ...

    def begin(
        self, source: str, version: str, window: Window, asked: Asked, tracker: str, at: datetime, whole: bool
    ) -> tuple[LogEntry, Opening]:
        """The log of this window, made if there is none, and what is to be done: unless it is to be skipped it counts
        as begun."""
        ...

    def keep(
        self,
        log: LogEntry,
        source: str,
        chunk: Sequence[Kept],
        faults: Sequence[Fault],
        version: str,
        lock: Lock | None,
        understand: Callable[[Record], Understood] | None = None,
        superfluous: bool = False,
    ) -> tuple[LogEntry, Sequence[Change], bool]:
        """Stores a chunk, or nothing of it: the log with what it counts now, what each record is beside what was known,
        and whether a person wants the run to end. `understand`: how new data are understood, or with `superfluous` all,
        and `version` by whom; None: not now. Raises LockLost."""
        ...

    def gone(self, log: LogEntry, source: str) -> int:
        """Whatever this log, of a read of all, did not show counts as gone from now on; how many that were."""
        ...

    def shown(self, source: str, most: int | None = None) -> Iterator[Told]:
        """What the source shows now, as the newest version understood it, as far as it did; in the order in which it
        was first seen; at most so many."""
        ...

    def untransformed(self, source: str, version: str, count: int) -> Iterator[tuple[int, Record]]:
        """So many, at most, of the records that the source shows and that this version was not yet asked to understand;
        each with the number of its datum."""
        ...

    def transformed(
        self,
        log: LogEntry,
        source: str,
        version: str,
        done: Mapping[int, Understood],
    ) -> LogEntry:
        """`done`: number of a datum -> what it was understood to say. Gives the log with what it counts now."""
        ...

    def end(self, log: LogEntry, at: datetime, traceback: str = "") -> LogEntry:
        """How it went. Gives the log as it is now."""
        ...

    def logs(self, source: str = "", statuses: Collection[LogStatus] = (), limit: int = 20) -> Sequence[LogEntry]:
        """The newest first: of a source, or of all harvests; with these statuses, if any are given."""
        ...

    def log(self, number: int) -> RunLog | None:
        """All that is told of a log, with a few of each: however many problems there are, they are counted where they
        are kept."""
        ...

    def problems(self, log: int, message: str = "") -> Iterator[Fault]:
        """All of them, or those that say this, in the order in which they were found; never all at once."""
        ...

    def kept(self, source: str, identifier: str, log: int | None = None) -> KeptDatum | None:
        """What an identifier says now, or what this log found of it, as it is kept; None: nothing is."""
        ...

    def faulty(self, source: str = "") -> Iterator[tuple[str, str]]:
        """(SHA-256, what is wrong) of all that is no longer what was received, of a source or of all; one at a time."""
        ...

    def prune(self, before: datetime, *, dry_run: bool = False) -> Pruned:
        """Removes what is no longer needed, and is from before then: what records said once, problems, and logs; but
        not what they say now, the last log of a source, nor those which tell what was read of a catalogue by date. With
        `dry_run` it is only counted."""
        ...

    def cancel(self, log: int, at: datetime) -> bool:
        """The run is to end at its next chunk; False: it is not on."""
        ...

    def pace(self, source: str, every: timedelta, now: datetime) -> timedelta:
        """How long to wait before the source is asked once more, such that all processes together ask it no more often
        than that; the turn is taken."""
        ...


class Register(Protocol):
    """The sources that commands have named. Raises StoreError."""

    def sources(self) -> Sequence[Registered]:
        """Those, and whatever is disabled, in the order in which they came."""
        ...

    def add(self, sources: Iterable[tuple[SourceConfig, bytes | None]], at: datetime) -> None:
        """They are known from now on, as they are here, each with what is private of it; what they were before is
        replaced. All of them, or none."""
        ...

    def withdraw(self, name: str, at: datetime) -> None:
        """No command names it any more: unless a file does, the next crawl takes it for one that is gone."""
        ...

    def enable(self, source: SourceConfig, enabled: bool, at: datetime) -> None:
        """It is known from now on, if it was not."""
        ...

    def seal(self, sealed: Mapping[str, bytes], at: datetime) -> None:
        """Name -> what is private, sealed anew."""
        ...


class Eligibility(Protocol):
    """The curation databases."""

    @property
    def checks(self) -> Collection[object]:
        """What is asked about datasets."""
        ...

    def verdicts(self, datasets: Collection[str]) -> Iterator[Answer]:
        """One Answer a check. A database that cannot be asked is an Answer without verdicts; never raises."""
        ...

    def listings(self) -> Iterator[Listing]:
        """One Listing an authority: all that is in production. A database that cannot be asked is a Listing
        without entries; never raises."""
        ...


class SupportedSpecies(Protocol):
    def __call__(self) -> frozenset[str] | None:
        """Normalised names of the supported species; None where no list is configured. Raises SourceError."""
        ...


class Lock(Protocol):
    def check(self) -> None:
        """Raises LockLost when the lock is no longer ours."""
        ...


class Store(Protocol):
    """What is known and what was. Every method raises StoreError when the store cannot be used."""

    def lock(self, name: str) -> AbstractContextManager[Lock]:
        """Holds the named lock, not waiting: raises Locked, saying who holds it since when.
        The lock of a holder that died never blocks."""
        ...

    def known(self, *, datasets: Collection[str] | None = None, at: datetime | None = None) -> Known:
        """What is known, of all datasets or some; `at`: as it stood after the last run finished by then. `entries`
        has every authority that lists anything, also where it lists none of these datasets."""
        ...

    def part(self, scope: Collection[str], context: Collection[str]) -> Known:
        """What is known of the datasets in the scope and those in the context, and how many there are elsewhere."""
        ...

    def sightings(self, source: str, datasets: Collection[str] | None = None) -> Mapping[str, Sighting]:
        """What a source shows: all of it, or of these datasets."""
        ...

    def traces(self, source: str) -> Mapping[str, bytes | None]:
        """What a source kept of each dataset that it shows (None: nothing), and of the place itself, under the empty
        name, if it kept something of that."""
        ...

    def verdicts(self) -> Mapping[tuple[str, str], Verdict]:
        """(dataset, check) -> verdict, of all."""
        ...

    def entries(self) -> Mapping[str, Mapping[str, Entry]]:
        """authority -> dataset -> entry, of all."""
        ...

    def groups(self) -> Sequence[KnownGroup]:
        """The groups of duplicates, in order; whether any is dismissed is not told."""
        ...

    def states(self) -> Mapping[str, State | None]:
        """All that were ever seen -> in which state they are; None: gone."""
        ...

    def titles(self, datasets: Collection[str]) -> frozenset[str]:
        """The keys of the titles of these datasets."""
        ...

    def alike(self, keys: Collection[str]) -> Mapping[str, frozenset[str]]:
        """Key of a title (see `app.domain.duplicates`) -> the datasets that have it."""
        ...

    def record(self, recording: Recording, lock: Lock) -> int:
        """Writes a crawl in one transaction and returns the run's id. Raises LockLost, writing nothing."""
        ...

    def amend(self, run: int, status: RunStatus, error: str) -> None:
        """Corrects how a recorded run went: its outputs are published after it is recorded, and may fail."""
        ...

    def runs(self, limit: int = 20) -> Sequence[Run]:
        """Newest first."""
        ...

    def history(self, dataset: str) -> Sequence[StateChange]:
        """Oldest first."""
        ...

    def changes(
        self, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> Sequence[StateChange]:
        """Those of all datasets, newest first; `since` inclusive, `until` inclusive."""
        ...

    def past_problems(self) -> Sequence[KnownProblem]:
        """Those that are over, in no particular order: each with when it was first and last seen. One that came back
        is here once for each time that it was over."""
        ...

    def having(self, names: Collection[str]) -> Mapping[str, frozenset[str]]:
        """Of the datasets that are somewhere those that have, or name, any of these accessions (canonical) -> the
        accessions that each has and names; its own is not among them where it is its name to the letter."""
        ...

    def standings(self, datasets: Collection[str]) -> Mapping[str, Standing]:
        """Where those of these datasets stand, gone or not, that were ever seen."""
        ...

    def listed(self, datasets: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Those of these datasets that production databases list -> which ones, by name."""
        ...

    def stays(self, states: Collection[str], at: datetime | None = None) -> Mapping[str, Sequence[timedelta]]:
        """How long datasets stayed in each of these states (by name), of all stays that were over (by `at`), in no
        order. One that began before anything was tracked counts from then."""
        ...

    def overdue(self, since: Mapping[str, datetime]) -> Mapping[str, int]:
        """state name -> how many datasets have been in it since before that moment, and are now; those that curators
        ignore are left out."""
        ...

    def say(self, said: Remark) -> None:
        """Keeps what a curator says; it takes the place of what held of the same subject, which is kept as over."""
        ...

    def unsay(self, kind: RemarkKind, subject: str, *, by: str, at: datetime) -> bool:
        """What held of this subject is over; False: nothing held."""
        ...

    def remarks(self) -> Sequence[Remark]:
        """All that curators ever said, oldest first."""
        ...

    def annotate(self, cells: Mapping[tuple[str, str], Scalar | None], at: datetime) -> int:
        """Keeps what curators have in their columns: (dataset, column) -> what stands there now (None, or empty
        text: nothing). What is not told of stays. Only what differs is written; how many cells that were."""
        ...

    def annotations(self, dataset: str) -> Sequence[Annotation]:
        """All that ever stood there, oldest first."""
        ...

    def reserve(self, prefix: str, *, by: str, at: datetime) -> str:
        """Gives away the accession that is one more than the highest known anywhere with this prefix (`E-CURD-`):
        of a dataset, in what a dataset names, in a production database, in the path or the message of a problem, or
        given away before; in whatever case. No two callers ever get the same."""
        ...

    def reservations(self, accessions: Collection[str]) -> Mapping[str, Reservation]:
        """Those of these accessions that were given away."""
        ...

    def appointments(self) -> Mapping[str, Appointment]:
        """Job -> what was kept of its schedule."""
        ...

    def appoint(self, appointments: Mapping[str, Appointment]) -> None:
        """Keeps these in place of what was kept of the same jobs. Needs no lock."""
        ...

    def contents(self, files: Collection[Identity]) -> Mapping[Identity, Digests]:
        """What was kept of those of these files that were not changed since; there may be others among it."""
        ...

    def keep_contents(self, digests: Mapping[Identity, Digests]) -> None:
        """What was read of files, in place of what was kept of them before. Needs no lock."""
        ...

    def counts(self, at: datetime) -> Mapping[str, int]:
        """How many datasets stood in each state at that moment (gone ones left out); empty before the first run."""
        ...

    @property
    def harvests(self) -> Harvests: ...

    @property
    def register(self) -> Register: ...

    def close(self) -> None: ...


class Output(Protocol):
    name: str
    tells_details: bool
    """Whether it shows what is behind the tables; all of that is loaded only for an output that does."""

    def publish(self, overview: Overview) -> str:
        """Shows the tables as they stood then, and what is behind them if it tells of that, and returns where: a
        path or an address. Raises OutputError; never leaves half a file."""
        ...

    def refresh(self, overview: Overview) -> str | None:
        """The same where the dataset tabs tell only of some datasets (`Table.only`), as the others are shown already as
        of `overview.since`, and nothing is told of what is behind them. None: that is not what is shown, or all must be
        told to show any of it; then nothing was done."""
        ...


class Guest(Protocol):
    """A document that shows the overview, and that people write in as well."""

    name: str

    def visit(
        self,
        overview: Overview,
        book: Guestbook,
        allowed: Callable[[], None],
        *,
        restore: bool = False,
        dry_run: bool = False,
    ) -> Visit:
        """Shows the tables as they stood then, writing only what is ours and only what changed; tells what the
        curators have beside it. `allowed` is called before each write and raises where nothing more may be written;
        `restore`: columns that curators lost are put back; `dry_run`: tells what would be written. Raises
        OutputError; what was written before stays, and the next visit goes on from there."""
        ...

    def refresh(self, overview: Overview, book: Guestbook, allowed: Callable[[], None]) -> Visit | None:
        """The same where the dataset tabs tell only of some datasets: see `Output.refresh`. Of the curators' cells only
        those beside them are told."""
        ...

    def pause(self) -> float:
        """Seconds until a visit need not wait for its turn."""
        ...
