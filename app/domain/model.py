"""The records that pass between rooms. All frozen; all times UTC-aware."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from app.domain.text import storable
from app.domain.waiting import Rate

if TYPE_CHECKING:
    from app.domain.duplicates import KnownGroup

# --------------------------------------------------------------------------- states


@dataclass(frozen=True, slots=True, order=True)
class State:
    """A place in the lifecycle. Later states are greater, so "furthest" is `max`."""

    rank: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, order=True)
class Stage:
    """The states a dataset may be in where it was found. The one that *starts* furthest is greatest,
    then the one that ends furthest: `external..published` is less than `loading..loading`."""

    start: State
    end: State


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The ordered states of a site. Order is data: sites insert states of their own."""

    states: tuple[State, ...]
    _by_name: Mapping[str, State] = field(init=False, repr=False, compare=False)

    CORE = ("external", "incoming", "loading", "analysing", "processed", "published")
    DEFAULT = (*CORE[:-1], "published_dev", CORE[-1])

    @classmethod
    def of(cls, names: Iterable[str] = DEFAULT) -> Lifecycle:
        return cls(tuple(State(rank, name) for rank, name in enumerate(names)))

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {state.name: state for state in reversed(self.states)})

    def state(self, name: str) -> State:
        """The state of this name; one that a site has since retired ranks before all others."""
        return self._by_name.get(name) or State(-1, name)

    def stage(self, names: Iterable[str]) -> Stage:
        states = [self.state(name) for name in names]
        return Stage(min(states), max(states))

    @property
    def external(self) -> State:
        return self.state("external")

    @property
    def incoming(self) -> State:
        return self.state("incoming")


# --------------------------------------------------------------------------- problems


class Severity(enum.IntEnum):
    INFO = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


class Code(enum.Enum):
    """Every kind of problem: its stable code, how bad it is, and what it means to a curator."""

    severity: Severity
    meaning: str

    def __new__(cls, value: str, severity: Severity, meaning: str) -> Code:
        member = object.__new__(cls)
        member._value_, member.severity, member.meaning = value, severity, meaning
        return member

    SOURCE_UNREADABLE = (
        "source_unreadable",
        Severity.ERROR,
        "a source could not be read; its datasets keep their last state",
    )
    SOURCE_HELD = (
        "source_held",
        Severity.ERROR,
        "datasets disappeared from a source in a way that a person must confirm",
    )
    DATABASE_UNREADABLE = (
        "database_unreadable",
        Severity.ERROR,
        "a curation database could not be asked, or lists suspiciously little; what it last said stays",
    )
    SPECIES_UNREADABLE = (
        "species_unreadable",
        Severity.ERROR,
        "the list of supported species could not be read; the last answers stay",
    )
    UNREADABLE = ("unreadable", Severity.ERROR, "a file or folder could not be read (permission, loop, I/O)")
    ALREADY_INGESTED = ("already_ingested", Severity.WARNING, "the study is already ingested under another accession")
    WENT_BACKWARDS = ("went_backwards", Severity.WARNING, "the dataset's state went backwards")
    FAILED_BUT_IN_PROGRESS = (
        "failed_but_in_progress",
        Severity.WARNING,
        "the dataset failed an eligibility check but is being worked on",
    )
    SEVERAL_PLACES = ("several_places", Severity.WARNING, "the dataset is in several places of the same stage")
    CASE_DUPLICATE = ("case_duplicate", Severity.WARNING, "two names differ only in upper and lower case")
    NEAR_MISS = ("near_miss", Severity.WARNING, "a name is almost an accession; the dataset is not tracked")
    IDF_WITHOUT_SDRF = ("idf_without_sdrf", Severity.WARNING, "there is an IDF but no SDRF")
    SDRF_WITHOUT_IDF = ("sdrf_without_idf", Severity.WARNING, "there is an SDRF but no IDF")
    EMPTY_FILE = ("empty_file", Severity.WARNING, "a metadata file is empty")
    NOT_TEXT = ("not_text", Severity.ERROR, "a metadata file is no text, but a workbook or an archive; it was not read")
    NOT_MAGETAB = (
        "not_magetab",
        Severity.ERROR,
        "a metadata file holds nothing of what such a file must hold; it was not read",
    )
    CONFLICT_MARKERS = (
        "conflict_markers",
        Severity.ERROR,
        "a metadata file holds both sides of a merge that nobody finished",
    )
    NOT_UTF8 = ("not_utf8", Severity.WARNING, "a metadata file is not UTF-8; the encoding taken is named")
    MIXED_ENCODINGS = (
        "mixed_encodings",
        Severity.WARNING,
        "the lines of a metadata file are in different encodings; each was read in its own",
    )
    LINE_ENDS = ("line_ends", Severity.INFO, "the lines of a metadata file end in a way that other programs misread")
    UNCLOSED_QUOTE = ("unclosed_quote", Severity.WARNING, "a cell begins with a quote that is never closed")
    PLACEHOLDER = ("placeholder", Severity.WARNING, "a metadata file still holds the text of its template")
    REPEATED_ROW = ("repeated_row", Severity.INFO, "a field stands twice in a metadata file, with the same values")
    CONFLICTING_ROWS = (
        "conflicting_rows",
        Severity.WARNING,
        "a field stands twice in a metadata file, with different values",
    )
    NO_TITLE = ("no_title", Severity.WARNING, "the IDF gives no investigation title")
    NO_ORGANISM = ("no_organism", Severity.WARNING, "the SDRF names no organism")
    RAGGED_ROWS = ("ragged_rows", Severity.INFO, "a row of the SDRF has values beyond the last heading")
    ACCESSION_DIFFERS = (
        "accession_differs",
        Severity.WARNING,
        "the accession that the IDF gives is not the one in its name",
    )
    SDRF_NOT_THERE = ("sdrf_not_there", Severity.WARNING, "the IDF names an SDRF that is not there")
    SEVERAL_SDRFS = ("several_sdrfs", Severity.INFO, "the IDF names several SDRFs; all that are there were read")
    IN_DATABASE_NOT_FOUND = (
        "in_database_not_found",
        Severity.WARNING,
        "a production database has the dataset, and no source shows it",
    )
    IN_PLACE_NOT_IN_DATABASE = (
        "in_place_not_in_database",
        Severity.WARNING,
        "the dataset is in a place for datasets in production, and the production database does not have it",
    )
    BAD_RECORD = ("bad_record", Severity.WARNING, "one record of a listing could not be used")
    REPEATED = ("repeated", Severity.WARNING, "the same dataset was found twice in one source; the first was taken")
    VANISHED = ("vanished", Severity.INFO, "a file disappeared while it was being read")
    SOURCE_EMPTY = ("source_empty", Severity.INFO, "a source was read and holds no dataset")


Scalar = str | float | int | bool
"""What a cell holds that people filled in."""

KEY = 8
"""Digits of the key of a problem."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to mend. `message` is one line that a curator understands; it holds nothing that changes
    from run to run (no times, no counts of seconds), so that an unchanged problem stays the same row.
    `line` is where in the file (from 1; 0: the file as a whole, or no file)."""

    code: Code
    message: str
    dataset: str = ""
    source: str = ""
    path: str = ""
    line: int = 0

    @property
    def identity(self) -> tuple[str, ...]:
        """All that makes it this problem: one that moved to another line of its file is the same one."""
        return self.code.value, self.dataset, self.source, self.path, self.message

    @property
    def digest(self) -> str:
        """Tells it from every other: 32 hexadecimal digits. People name a problem by its first few, its `key`."""
        return hashlib.blake2b(storable("\0".join(self.identity)).encode(), digest_size=16).hexdigest()

    @property
    def key(self) -> str:
        return self.digest[:KEY]

    @property
    def place(self) -> str:
        """The path, and the line as editors take it."""
        return f"{self.path}:{self.line}" if self.path and self.line else self.path

    @property
    def severity(self) -> Severity:
        return self.code.severity


# --------------------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True)
class SourceTerms:
    """On which terms a catalogue is asked. `rate`: how often, at most; `earliest`: since when there is anything, from
    which on all is wanted if it is to be read in `full`; `after`: not before this time of day. None of it makes it
    another place."""

    schedule: str = ""
    rate: Rate | None = None
    earliest: date | None = None
    full: bool = False
    after: time | None = None
    version: str = "000.000.000"


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One configured place. `name` is its identity (the configured name, else the key);
    `location` is what to open: an absolute path or an address. `private`: further options, which nobody is to see;
    `enabled`: whether it is read; `added`: by a command, and so named by the store alone."""

    name: str
    key: str
    location: str
    kind: str
    stage: Stage
    tech: tuple[str, ...] = ()
    resource: str = ""
    origin: str = ""
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    private: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), compare=False, repr=False)
    terms: SourceTerms = field(default_factory=SourceTerms, compare=False, repr=False)
    enabled: bool = field(default=True, compare=False, repr=False)
    added: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Registered:
    """A source as the store has it. `entry`: what sources_config.json would say of it, but for what is private, which
    is `sealed`. `added`: no file names it."""

    name: str
    key: str
    entry: Mapping[str, Any]
    sealed: bytes | None = field(default=None, repr=False)
    enabled: bool = True
    added: bool = True


class FileIdentity(NamedTuple):
    """What tells whether a file is still the one that was read."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class File:
    """A metadata file of a dataset. `role` is one of idf, sdrf, analysis_methods, curator, configuration."""

    role: str
    path: str
    identity: FileIdentity


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the files or the record say of a dataset. Several values keep their order in the file.
    `accessions` are those that the IDF gives as the dataset's own, `incomplete` the fields that may have
    more values in the part of a file that was not read."""

    title: str = ""
    accessions: tuple[str, ...] = ()
    experiment_types: tuple[str, ...] = ()
    analysis_types: tuple[str, ...] = ()
    organisms: tuple[str, ...] = ()
    library_constructions: tuple[str, ...] = ()
    secondary_accessions: tuple[str, ...] = ()
    curators: tuple[str, ...] = ()
    gene_quantification: tuple[str, str] = ("", "")
    mapping: tuple[str, str] = ("", "")
    ensembl_release: str = ""
    transcript_quantification: tuple[str, str] = ("", "")
    sdrf_files: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sighting:
    """A dataset was seen at a source. `dataset` is its accession, or `source:identifier` for a record
    without one. `problems` are those found while reading it; they stay as long as its files do not change."""

    dataset: str
    source: str
    location: str
    tech: tuple[str, ...] = ()
    modified: datetime | None = None
    metadata: Metadata = Metadata()
    files: tuple[File, ...] = ()
    problems: tuple[Problem, ...] = ()

    def file(self, role: str) -> File | None:
        return next((file for file in self.files if file.role == role), None)


class Outcome(enum.Enum):
    PASS = "PASS"
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says of a dataset. `checked` is when it last said so. `current` is False once the
    check was asked again and no longer had an answer: the last one is kept, with its age."""

    dataset: str
    check: str
    outcome: Outcome
    reason: str = ""
    checked: datetime | None = None
    current: bool = True

    def __str__(self) -> str:
        return f"{self.outcome.value} ({self.reason})" if self.reason else self.outcome.value


@dataclass(frozen=True, slots=True)
class Answer:
    """What one check answered in this run. `verdicts` is None when its database could not be asked."""

    check: str
    database: str
    verdicts: Mapping[str, Verdict] | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A dataset in a production database. `private` None: the database does not say."""

    dataset: str
    authority: str
    private: bool | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """Text that is shown nowhere by accident: not in messages, logs, tracebacks or JSON."""

    value: str = field(repr=False)

    def reveal(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Listing:
    """All that one authority lists in this run. `entries` is None when its database could not be asked.
    `keys` (dataset -> access key of a private one) live only as long as the run: they are never stored."""

    authority: str
    database: str
    entries: Mapping[str, Entry] | None
    error: str = ""
    keys: Mapping[str, Secret] = field(default_factory=lambda: MappingProxyType({}), repr=False)


# --------------------------------------------------------------------------- what curators say


class RemarkKind(enum.Enum):
    """What a curator may say, and of what: it is shown greyed, and changes no state."""

    IGNORED = "ignored"
    """a dataset, by its name"""
    ACKNOWLEDGED = "acknowledged"
    """a problem, by its digest"""
    DISMISSED = "dismissed"
    """a group of duplicates, by its key"""


@dataclass(frozen=True, slots=True)
class Remark:
    """A curator's word, with the reason. Of a group `evidence` is a digest of what tied it then: once that is another
    one, the remark no longer speaks of it. `until` is when it was undone, and `undone_by` who did so."""

    kind: RemarkKind
    subject: str
    reason: str
    by: str
    at: datetime
    evidence: str = ""
    until: datetime | None = None
    undone_by: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What curators had in a column of their own, beside a dataset. `until` None: it stands there."""

    dataset: str
    column: str
    value: Scalar
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """An accession that was given away, to whom and when."""

    accession: str
    by: str
    at: datetime


# --------------------------------------------------------------------------- decisions and history


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a dataset stands and why: the rule, its sentence in words, and the deciding sighting.
    `state` None means gone: no longer seen in any source."""

    dataset: str
    state: State | None
    rule: str
    sentence: str
    up_to: State | None = None
    source: str = ""
    location: str = ""
    organism_status: str = ""
    ingested_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """A decision as the store keeps it: since when the state holds, which one came before, and when the dataset was
    first seen (None: not told)."""

    decision: Decision
    since: datetime
    before: State | None = None
    first: datetime | None = None


@dataclass(frozen=True, slots=True)
class StateChange:
    """One row of history. `before` None: first sighting. `after` None: gone. `reason` is the rule's name."""

    dataset: str
    before: State | None
    after: State | None
    reason: str
    sentence: str
    at: datetime
    run: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """Datasets disappeared from a source in a way that is more likely an outage than work.
    Nothing changes for the source until a person confirms."""

    source: str
    reason: str
    had: int
    now: int


@dataclass(frozen=True, slots=True)
class KnownProblem:
    """A problem, when it was first seen, and, if it is over, when it was last seen; `remark`: why a curator does not
    mind it, where that was looked for."""

    problem: Problem
    since: datetime
    last: datetime | None = None
    remark: Remark | None = None


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A source as the store knows it. `last_read` is when it was last read whole; None: never."""

    name: str
    key: str
    kind: str
    options: Mapping[str, Any]
    deleted: bool = False
    last_read: datetime | None = None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """How many datasets there are beyond those that are at hand: state -> datasets, source -> datasets that it shows,
    source -> datasets that it shows and of which something could not be read."""

    counts: Mapping[State, int] = field(default_factory=dict)
    found: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """All that the store knows, as it stood after one run (the newest, or the last one before a moment).

    Or a part of it, all that the `scope` needs: of these datasets, and of others that tell which study they are, it is
    what is known; of the rest all problems, and their numbers `elsewhere`. `settings`: a digest of what decisions
    depended on, beside facts; empty: not told."""

    run: int = 0
    at: datetime | None = None
    settings: str = ""
    scope: frozenset[str] | None = None
    related: frozenset[str] = frozenset()
    """the scope, and what has a title with any of it: their groups of duplicates may be others than before"""
    elsewhere: Elsewhere = Elsewhere()
    sources: Mapping[str, KnownSource] = field(default_factory=dict)
    sightings: Mapping[str, Mapping[str, Sighting]] = field(default_factory=dict)
    """source name -> dataset -> sighting"""
    verdicts: Mapping[tuple[str, str], Verdict] = field(default_factory=dict)
    """(dataset, check) -> verdict"""
    entries: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)
    """authority -> dataset -> entry"""
    asked: Mapping[str, datetime] = field(default_factory=dict)
    """check or authority -> when it last answered"""
    standings: Mapping[str, Standing] = field(default_factory=dict)
    problems: tuple[KnownProblem, ...] = ()
    holds: Mapping[str, Hold] = field(default_factory=dict)
    remarks: Mapping[tuple[RemarkKind, str], Remark] = field(default_factory=dict)
    """(kind, subject) -> what curators said, as far as it was not undone"""
    annotations: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    """dataset -> column -> what curators have in a column of their own"""


# --------------------------------------------------------------------------- runs


class RunStatus(enum.Enum):
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Run:
    """One crawl. `checks` names the checks and the authorities that answered: the age of what they said follows
    from it."""

    started: datetime
    finished: datetime
    status: RunStatus
    counts: Mapping[str, int]
    changes: int
    checks: tuple[str, ...] = ()
    error: str = ""
    tracker_version: str = ""
    id: int = 0


class LogStatus(enum.Enum):
    """The statuses of a harvest log. A crawl writes SUCCEEDED or FAILED; the others are a harvest's."""

    CREATED = 0
    STARTED = 1
    SPLIT = 2
    SUCCEEDED = 3
    FAILED = 4
    RESCHEDULED = 5
    SKIPPED = 6
    CANCELLED = 7


@dataclass(frozen=True, slots=True)
class Counters:
    seen: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class HarvestLog:
    """What happened to one source in one run: the half-open range [start, end) it covers, and how it went."""

    source: str
    start: datetime
    end: datetime
    status: LogStatus
    date_started: datetime
    counters: Counters = Counters()
    error_type: str = ""
    error_message: str = ""
    error_traceback: str = ""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edits(Generic[T]):
    """The difference between what the store holds and what is true now.
    `closed` held until this run, `opened` holds from this run, `amended` is replaced in place
    because nothing a person sees has changed."""

    opened: tuple[T, ...] = ()
    closed: tuple[T, ...] = ()
    amended: tuple[T, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.opened or self.closed or self.amended)


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything one crawl writes, in one transaction."""

    run: Run
    sources: tuple[SourceConfig, ...]
    renamed: tuple[tuple[str, str], ...] = ()
    """(old name, new name) of sources that are given another name; before anything else"""
    dropped: tuple[str, ...] = ()
    """names of sources that left the configuration and whose leaving needs no (more) confirmation"""
    logs: tuple[HarvestLog, ...] = ()
    sightings: Edits[Sighting] = Edits()
    verdicts: Edits[Verdict] = Edits()
    entries: Edits[Entry] = Edits()
    decisions: Edits[Decision] = Edits()
    problems: Edits[Problem] = Edits()
    holds: Edits[Hold] = Edits()
    names: Mapping[str, Collection[str]] = field(default_factory=dict)
    """dataset -> the accessions (canonical) that it has and names now, of those where they are others than before; its
    own is not among them where it is the dataset's name to the letter"""
    changes: tuple[StateChange, ...] = ()
    settings: str = ""
    """a digest of what decisions depended on, beside facts"""
    groups: Edits[KnownGroup] = Edits()
    """of duplicates"""
    traces: Mapping[str, Mapping[str, bytes | None]] = field(default_factory=dict)
    """source -> dataset ("" for the place itself) -> what the source keeps of it, see `app.ports.Look`, as far as that
    is another than before; None: nothing any more"""


# --------------------------------------------------------------------------- reports


@dataclass(frozen=True, slots=True)
class SourceReport:
    """`status` is succeeded, failed or held."""

    name: str
    kind: str
    status: str
    sightings: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class OutputReport:
    """`status` is published or failed; `where` the path or address, or the error; `notes`: what else there is to be
    said of it, in sentences; `reads` and `writes`: how many requests that took."""

    name: str
    status: str
    where: str
    notes: tuple[str, ...] = ()
    reads: int = 0
    writes: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What a crawl did, for a person, a script and an exit code."""

    run: Run
    sources: tuple[SourceReport, ...]
    changes: tuple[StateChange, ...]
    problems: tuple[Problem, ...]
    outputs: tuple[OutputReport, ...] = ()
    dry_run: bool = False

    @property
    def exit_code(self) -> int:
        return {RunStatus.SUCCEEDED: 0, RunStatus.PARTIAL: 3, RunStatus.FAILED: 1, RunStatus.HELD: 4}[self.run.status]
