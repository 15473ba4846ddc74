"""What a harvest asks of a catalogue, and how what it says is kept: in the order of `domain.harvest`'s decisions.

Each chunk is a transaction. So however it ends, by an error in the middle, by a signal or by a power cut, what was read
is kept, its log tells how far it came, and the next run goes on from there.
"""

from __future__ import annotations

import hashlib
import logging
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from itertools import count

from app.domain.catalogue import Asked, Fault, Kept, KnownRecord, LogEntry, Record, Understood, as_json, sighted
from app.domain.harvest import (
    DONE,
    FAILURES,
    Opening,
    Outside,
    Plan,
    Step,
    Window,
    missing,
    next_whole,
    outside,
    pause,
    plan,
    refusal,
)
from app.domain.model import Code, LogStatus, Problem, Severity, Sighting, SourceConfig
from app.domain.redaction import redacted
from app.domain.text import storable
from app.errors import Locked, LockLost, RecordError, Refused, SourceError, StoreError
from app.ports import Catalogue, Harvests, Lock

log = logging.getLogger(__name__)

PENDING = frozenset({LogStatus.CREATED, LogStatus.RESCHEDULED})

LARGEST = 16 * 2**20
"""Bytes of a chunk, however few its records are."""


@dataclass(slots=True)
class Shown:
    """A catalogue as a crawl sees it: what was harvested of it. See `app.ports.Source`."""

    config: SourceConfig
    catalogue: Catalogue
    harvests: Harvests
    ours: Callable[[str], bool]

    def read(self, known: Mapping[str, Sighting], *, full: bool = False) -> Iterator[Sighting | Problem]:
        source, seen = self.config, set[str]()
        most = source.options.get("tracked")
        for told in self.harvests.shown(source.name, most):
            found = sighted(source, told.identifier, told.facts, told.location, told.datestamp, self.ours)
            if found is None:
                message = f"the identifier {told.identifier[:40]} ... is too long"
                yield Problem(Code.BAD_RECORD, message, source=source.name, path=told.location or source.location)
            elif found.dataset in seen:
                message = f"{told.identifier} is {found.dataset} as well"
                yield Problem(Code.REPEATED, message, found.dataset, source.name, found.location)
            else:
                seen.add(found.dataset)
                yield found

    def find(self, datasets: Collection[str], known: Mapping[str, Sighting]) -> Iterator[Sighting]:
        for found in self.read(known):
            if isinstance(found, Sighting) and found.dataset in datasets:
                yield found

    def probe(self) -> str:
        return self.catalogue.probe()


@dataclass(frozen=True, slots=True)
class Terms:
    """`chunk`: records that are stored at once; `split`: from which length on a window is split; `longest`: how long
    one run may take; `every`: how long a source is left alone between two requests; `earliest`: since when there is
    anything; `attempts`, `base`: how often, and how soon, a lock is asked for; `interval`: how long a window is that is
    planned, from `since` on if all is wanted, and not before a time of day, UTC (`after`)."""

    chunk: int = 500
    split: timedelta | None = None
    longest: timedelta = timedelta(hours=3)
    every: timedelta = timedelta(0)
    earliest: datetime | None = None
    attempts: int = 5
    base: float = 2.0
    interval: Step = timedelta(days=1)
    since: datetime | None = None
    after: time_of_day | None = None


@dataclass(frozen=True, slots=True)
class Harvest:
    """Of one source."""

    catalogue: Catalogue
    harvests: Harvests
    lock: Callable[[str], AbstractContextManager[Lock]]
    tracker: str
    clock: Callable[[], datetime]
    terms: Terms = field(default_factory=Terms)
    sleep: Callable[[float], object] = time.sleep
    progress: Callable[[str], object] = lambda doing: None

    @property
    def name(self) -> str:
        return self.catalogue.config.name

    def run(self, asked: Asked) -> Iterator[LogEntry]:
        """One log after the other, as they end. Raises Refused, Locked, StoreError, and what stops the program."""
        self.harvests.ensure(self.catalogue.config, self.clock())
        enabled, deleted = self.harvests.standing(self.name)
        latest = self.harvests.latest(self.name, self.catalogue.version, FAILURES)
        if why := refusal(
            self.name,
            enabled=enabled,
            deleted=deleted,
            latest=latest,
            force=asked.force,
            ignore_disabled=asked.ignore_disabled,
        ):
            raise Refused(why)
        with self._locked(asked) as lock:
            planned = self._plan(asked, alone=lock is not None)
            if planned.skipped:
                self._create([planned.skipped], LogStatus.SKIPPED)
                yield self._one(planned.skipped, asked, lock)
            for window in planned.windows:
                yield self._one(window, asked, lock)

    def schedule(self, cutoff: datetime) -> int:
        """Makes the logs that are missing until then, and says how many. Raises StoreError."""
        self.harvests.ensure(self.catalogue.config, self.clock())
        name, version, terms = self.name, self.catalogue.version, self.terms
        if terms.after is not None and cutoff.astimezone(UTC).time() < terms.after:
            return 0
        if not self.catalogue.dated:
            cutoff = min(cutoff, self.clock())  # it shows what is there now
            if self.harvests.windows(name, version, PENDING):
                return 0
        last = max((window.end for window in self.harvests.windows(name, version, [*LogStatus])), default=None)
        windows = missing(terms.interval, cutoff, last=last, earliest=terms.since, dated=self.catalogue.dated)
        return self._create(windows, LogStatus.CREATED)

    # ----------------------------------------------------------------------- the lock

    @contextmanager
    def _locked(self, asked: Asked) -> Iterator[Lock | None]:
        """None: it is done without, as somebody else has it."""
        with ExitStack() as stack:
            yield self._obtained(stack, asked)

    def _obtained(self, stack: ExitStack, asked: Asked) -> Lock | None:
        for attempt in count(1):
            try:
                return stack.enter_context(self.lock(f"harvest {self.name}"))
            except Locked as error:
                if asked.force:
                    log.warning("%s; it is read all the same, without the lock", error)
                    return None
                self._reschedule(asked)
                if attempt == self.terms.attempts:
                    raise
                seconds = pause(attempt, self.terms.base)
                log.info("%s; asked for again in %.0f s", error, seconds)
                self.progress(f"waiting for another harvest of {self.name}")
                self.sleep(seconds)
        raise AssertionError("the last attempt raises")

    def _reschedule(self, asked: Asked) -> None:
        """What was to be read by dates is remembered; what is read whole will be read whole."""
        if self.catalogue.dated and asked.start and asked.end:
            self._create([Window(asked.start, asked.end)], LogStatus.RESCHEDULED)

    # ----------------------------------------------------------------------- windows

    def _plan(self, asked: Asked, *, alone: bool) -> Plan:
        """`alone`: nobody else reads it, so that whoever has begun is gone."""
        version, dated = self.catalogue.version, self.catalogue.dated
        done = self.harvests.windows(self.name, version, DONE)
        last = max((window.end for window in done), default=None)
        if not dated:
            waiting = PENDING | {LogStatus.STARTED} if alone else PENDING
            if pending := self.harvests.windows(self.name, version, waiting):
                return Plan((pending[-1],))
            ended = self.harvests.windows(self.name, version, [*DONE, LogStatus.FAILED, LogStatus.CANCELLED])
            wanted = next_whole(max((w.end for w in ended), default=None), self.clock(), self.terms.earliest)
            return Plan((wanted,) if wanted else ())
        if asked.start is None and asked.end is None:
            pending = self.harvests.windows(self.name, version, PENDING)
            if pending:
                return Plan(tuple(pending))
        end = asked.end or self.clock()
        start = asked.start or last or self.terms.earliest or end - timedelta(days=1)
        if start >= end:
            return Plan()
        planned = plan(
            Window(start, end),
            done,
            length=self.terms.split if asked.split else None,
            optimize=asked.optimize,
            superfluous=asked.superfluous,
        )
        if planned.split:
            self._create([planned.split], LogStatus.SPLIT)
            self._create(planned.windows, LogStatus.CREATED)
        return planned

    def _create(self, windows: Iterable[Window], status: LogStatus) -> int:
        """Logs for these windows, where there are none; how many that were."""
        return self.harvests.create(self.name, self.catalogue.version, windows, status, self.tracker, self.clock())

    # ----------------------------------------------------------------------- one window

    def _one(self, window: Window, asked: Asked, lock: Lock | None) -> LogEntry:
        whole = not self.catalogue.dated and asked.limit is None
        entry, done = self.harvests.begin(
            self.name, self.catalogue.version, window, asked, self.tracker, self.clock(), whole
        )
        if done is Opening.SKIP:
            return entry
        if done is Opening.TAKE_OVER:
            log.warning("%s: the run of %s that was on has died; this one takes over", self.name, window)
        reading = _Reading(self, entry, asked, lock)
        try:
            reading.read(window)
        except Exception as error:
            if isinstance(error, StoreError):  # nothing can be said of it in the store either
                raise
            return reading.failed(error)
        except BaseException:
            reading.cancelled("stopped")
            raise
        return reading.ended()


def _warnings(name: str, messages: Iterable[str]) -> Iterator[Fault]:
    return (Fault(name, message, Severity.WARNING) for message in messages)


class _Reading:
    """One window being read."""

    def __init__(self, harvest: Harvest, entry: LogEntry, asked: Asked, lock: Lock | None) -> None:
        self._harvest, self._entry, self._asked, self._lock = harvest, entry, asked, lock
        self._catalogue, self._harvests = harvest.catalogue, harvest.harvests
        self._chunk: list[Kept] = []
        self._faults: list[Fault] = []
        self._size = 0
        self._ends = time.monotonic() + harvest.terms.longest.total_seconds()
        self._was_cancelled = False

    # ----------------------------------------------------------------------- reading

    def read(self, window: Window) -> None:
        asked = self._asked
        if asked.limit != 0:
            self._read(window)
        if self._entry.whole and not self._was_cancelled:
            gone = self._harvests.gone(self._entry, self._harvest.name)
            counters = self._entry.counters
            self._entry = replace(self._entry, counters=replace(counters, gone=counters.gone + gone))
        if asked.transform and not self._was_cancelled:
            self._understand_the_rest()

    def _read(self, window: Window) -> None:
        try:
            for said in self._catalogue.records(window, self):
                if isinstance(said, Fault):
                    self._faults.append(said)
                    if said.lost:
                        self._entry = replace(self._entry, whole=False)
                elif self._is_wanted(said, window):
                    self._take(said)
                if self._is_full() and self._keep():
                    return
                if time.monotonic() > self._ends:
                    longest = self._harvest.terms.longest
                    raise SourceError(self._harvest.name, "", f"takes longer than {longest}; what was read is kept")
        except BaseException:
            self._keep()
            raise
        self._keep()

    def _is_wanted(self, record: Record, window: Window) -> bool:
        name = record.identifier
        if not name:
            self._faults.append(Fault("", "has no identifier"))
            return False
        if "\0" in name or "\0" in record.location or "\0" in record.parent:
            self._faults.append(Fault(name, "holds NUL characters, which were replaced", Severity.WARNING))
        if not self._catalogue.dated or record.datestamp is None:
            return True
        off = outside(record.datestamp, window)
        if off is Outside.FAR:
            self._faults.append(Fault(name, "has a datestamp more than a day outside of what was asked for"))
        elif off is Outside.SLIGHTLY:
            message = "has a datestamp outside of what was asked for"
            self._faults.append(Fault(name, message, Severity.WARNING))
        return off is not Outside.FAR

    def _take(self, record: Record) -> None:
        record = replace(record, identifier=storable(record.identifier))
        body = record.body
        sha256 = b"" if body is None else hashlib.sha256(body).digest()
        key = sha256 if record.canonical is None else hashlib.sha256(record.canonical).digest()
        self._chunk.append(Kept(record, sha256, key))
        self._size += len(body or b"")

    def _is_full(self) -> bool:
        most = self._harvest.terms.chunk
        if self._asked.limit is not None:
            most = min(most, self._asked.limit - self._entry.counters.seen)
        return len(self._chunk) >= most or self._size >= LARGEST or len(self._faults) >= self._harvest.terms.chunk

    def _keep(self) -> bool:
        """Stores the chunk; whether that was the last one."""
        if not self._chunk and not self._faults:
            return False
        chunk, faults = self._chunk, self._faults
        self._chunk, self._faults, self._size = [], [], 0
        understand = self._understood if self._asked.transform else None
        version, again = self._catalogue.version, self._asked.superfluous
        self._entry, _, cancelled = self._harvests.keep(
            self._entry, self._harvest.name, chunk, faults, version, self._lock, understand, again
        )
        self._harvest.progress(f"{self._harvest.name}: {self._entry.counters.seen:,} records")
        if cancelled:
            self._was_cancelled = True
        limit = self._asked.limit
        return cancelled or (limit is not None and self._entry.counters.seen >= limit)

    # ----------------------------------------------------------------------- understanding

    def _understood(self, record: Record) -> Understood:
        name = record.identifier
        try:
            facts = record.facts or self._catalogue.facts(record)
            return Understood(as_json(facts), faults=tuple(_warnings(name, facts.warnings)))
        except RecordError as error:
            wrong = (Fault(name, message) for message in error.messages)
            return Understood(None, str(error), (*wrong, *_warnings(name, error.warnings)))
        except Exception as error:  # a kind may come from another package; its fault with a record is that record's
            log.warning("%s: %s could not be understood", self._harvest.name, name, exc_info=True)
            message = f"could not be understood, by a fault of the program ({type(error).__name__})"
            return Understood(None, message, (Fault(name, message),))

    def _understand_the_rest(self) -> None:
        """What an earlier run had no time for, or another version of the kind understood otherwise."""
        source, version = self._harvest.name, self._catalogue.version
        while some := dict(self._harvests.untransformed(source, version, self._harvest.terms.chunk)):
            done = {datum: self._understood(record) for datum, record in some.items()}
            self._entry = self._harvests.transformed(self._entry, source, version, done)

    # ----------------------------------------------------------------------- the session

    @property
    def paced(self) -> bool:
        return bool(self._harvest.terms.every)

    def wait(self) -> None:
        every = self._harvest.terms.every
        if not every:
            return
        seconds = self._harvests.pace(self._harvest.name, every, self._harvest.clock()).total_seconds()
        if seconds > self._ends - time.monotonic():
            raise SourceError(
                self._harvest.name, "", "may not be asked so often that it could be read in the time allowed"
            )
        if seconds > 0:
            self._harvest.sleep(seconds)

    def known(self, identifiers: Collection[str]) -> Mapping[str, KnownRecord]:
        return self._harvests.known(self._harvest.name, identifiers)

    # ----------------------------------------------------------------------- the end

    def ended(self) -> LogEntry:
        if self._was_cancelled:
            return self.cancelled("cancelled by a person")
        return self._harvests.end(replace(self._entry, status=LogStatus.SUCCEEDED), self._harvest.clock())

    def failed(self, error: Exception) -> LogEntry:
        """What is wrong, in words; what Python says of it is for those who mend the program."""
        known = isinstance(error, (SourceError, LockLost))
        message = str(error) if known else f"a fault of the program ({type(error).__name__}): {error}"
        entry = replace(
            self._entry,
            status=LogStatus.FAILED,
            whole=False,
            error_type=type(error).__name__,
            error_message=redacted(message),
        )
        told = "".join(traceback.format_exception(error))
        return self._harvests.end(entry, self._harvest.clock(), redacted(told))

    def cancelled(self, why: str) -> LogEntry:
        entry = replace(self._entry, status=LogStatus.CANCELLED, whole=False, error_message=why)
        return self._harvests.end(entry, self._harvest.clock())
