"""The schedule and the file events -> one queue -> the tracker: crawl what is due and what was touched, for days.

One thread does all the work, one run after the other; what happens in the meantime is one batch by the time that it is
done. What could not be done waits, and is tried again.
"""

from __future__ import annotations

import gc
import logging
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

import schedule

from app.domain.model import OutputReport, Report
from app.domain.schedule import Schedule, Timetable
from app.errors import Locked, TrackerError
from app.tracker import Tracker
from app.triggers import telling
from app.triggers.events import Batch, Mode, Place, Watcher
from app.triggers.health import STUCK, Health

if TYPE_CHECKING:
    from app.domain.catalogue import Harvested

log = logging.getLogger("ingest-tracker")

ALL = ""
"""The job that reads all sources that have no schedule of their own."""

FIRST_PAUSE, LONGEST_PAUSE, LOCKED_PAUSE = 5.0, 300.0, 5.0
"""Seconds before what failed is tried again: at first, twice as long each time, but no longer; and where another crawl
is on."""

UPKEEP = 1
"""Seconds between two looks at what other processes do."""

_ASKED = Mode("waiting", "")


class Elsewhere(Protocol):
    """Another process, where outputs are written in whole while events go on."""

    def begin(self, outputs: Collection[str]) -> None: ...

    def done(self) -> Sequence[OutputReport] | None:
        """What came of it, once; None: nothing was begun, or is not done yet."""
        ...

    @property
    def busy(self) -> bool: ...


class Collector(Protocol):
    """Another process, where catalogues are read while events go on."""

    def begin(self, names: Collection[str]) -> None: ...

    def done(self) -> Harvested | None:
        """As of `Elsewhere`."""
        ...

    @property
    def busy(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Site:
    """What the daemon is told of a configuration. `schedules`: of ALL, and of the sources that have one."""

    tracker: Tracker
    places: Sequence[Place]
    schedules: Mapping[str, Schedule]
    elsewhere: Elsewhere
    collector: Collector
    debounce: timedelta = timedelta(seconds=0.5)
    jitter: timedelta = timedelta(0)
    show_every: timedelta = timedelta(seconds=60)


@dataclass(slots=True)
class Wanted:
    """What is to be looked at: jobs that are due, and what was touched, by source -> names (None: anything there)."""

    jobs: set[str] = field(default_factory=set)
    touched: dict[str, set[str] | None] = field(default_factory=dict)
    catalogues: set[str] = field(default_factory=set)
    publish: bool = False

    def add(self, batch: Batch) -> None:
        for source, names in batch.touched.items():
            if (kept := self.touched.setdefault(source, set())) is not None:
                kept |= names
        self.touched |= dict.fromkeys(batch.whole)

    @property
    def depth(self) -> int:
        touched = sum(1 if names is None else len(names) for names in self.touched.values())
        return len(self.jobs) + len(self.catalogues) + touched

    def __bool__(self) -> bool:
        return bool(self.jobs or self.touched or self.publish)


@dataclass(slots=True)
class Retry:
    """When something that failed is tried again."""

    at: float = 0.0
    pause: float = FIRST_PAUSE

    def failed(self, now: float) -> None:
        self.at, self.pause = now + self.pause, min(2 * self.pause, LONGEST_PAUSE)


class Daemon:
    """`clock` tells the time of day, `steady` seconds that never go back."""

    def __init__(
        self,
        site: Site,
        health: Health,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site, self._tracker, self._health = site, site.tracker, health
        self._clock, self._steady = clock, steady
        self._watcher = Watcher(site.places, debounce=site.debounce)
        self._wanted = Wanted()
        self._news = telling.News()
        self._again: dict[str, Retry] = {}
        self._trouble: Retry | None = None
        self._locked: float | None = None
        self._why = ""
        self._sheet: Retry | None = None
        self._behind: set[str] = set()
        self._shown = -math.inf
        self._upkeep = schedule.Scheduler()
        self._timetable: Timetable | None = None
        self._catalogues = {s.name for s in site.tracker.sources if site.tracker.open_catalogue(s) is not None}
        self._collected: frozenset[str] = frozenset()
        """The catalogues that were read the last time."""
        self._not_read: dict[str, str] = {}
        """Those of them that could not be -> why."""
        health.sources([source.name for source in site.tracker.sources if source.enabled])

    def run(self, over: Callable[[], bool] = lambda: False) -> None:
        """Until `over`, which is asked about every second. What ends it otherwise is an exception of a signal's."""
        for each in (self._hear, self._catch_up, self._collect):
            self._upkeep.every(UPKEEP).seconds.do(each)
        self._upkeep.every(10).minutes.do(gc.collect)
        gc.collect()  # one before it, that had other settings, may lie there
        self._health.doing("")
        watched = self._watcher.modes()  # those say themselves that they are to be looked at
        # Catalogues are read when they are due: they are not ours to be asked each time that this begins.
        self._wanted.touched |= {name: None for name in self._names() - self._catalogues if name not in watched}
        self._watcher.start()
        try:
            while not over():
                self._turn()
        finally:
            self._watcher.stop()

    def _turn(self) -> None:
        if batch := self._watcher.wait(self._pause()):
            self._wanted.add(batch)
        if (self._upkeep.idle_seconds or 0) > UPKEEP + 1:  # the clock was put back
            self._upkeep.run_all()
        self._upkeep.run_pending()
        now = self._steady()
        self._due(now)
        if self._wanted and (self._trouble is None or now >= self._trouble.at):
            self._work(batch)
        self._health.waiting(
            self._wanted.depth,
            {name: (mode.how, mode.why) for name, mode in self._watcher.modes().items()},
            self._timetable.next if self._timetable else {},
        )

    def _pause(self) -> float:
        """Seconds to wait for events: so long, at most, nothing else is noticed."""
        left = [1.0]
        if self._timetable and self._trouble is None:  # else what is due waits for that to be over
            left += [(due - self._clock()).total_seconds() for due in self._timetable.next.values()]
        return max(min(left), 0.0)

    # ----------------------------------------------------------------------- what is to be done

    def _due(self, now: float) -> None:
        try:
            timetable = self._timetable = self._timetable or self._made_up()
        except TrackerError as error:
            self._in_trouble(str(error))
            return
        self._wanted.jobs.update(timetable.due(self._clock()))
        for source, retry in self._again.items():
            if now >= retry.at and source in self._catalogues:
                self._wanted.catalogues.add(source)
                retry.at = math.inf  # until it was read
            elif now >= retry.at:
                self._wanted.touched.setdefault(source, None)
        self._wanted.publish |= self._sheet is not None and now >= self._sheet.at

    def _made_up(self) -> Timetable:
        with self._busy():
            done = self._tracker.store.appointments()
        return Timetable(self._site.schedules, done, self._clock(), self._site.jitter)

    def _work(self, batch: Batch | None) -> None:
        began, clock = self._clock(), self._steady()
        jobs, touched = {*self._wanted.jobs}, dict(self._wanted.touched)
        catalogues = self._catalogues & (jobs | (self._without_schedule() if ALL in jobs else set()))
        only_those = not touched and not self._wanted.publish and jobs and jobs <= catalogues
        try:
            with self._busy():
                report = None if only_those else self._crawl(jobs, touched)
                if jobs and self._timetable:
                    self._tracker.store.appoint(self._timetable.made(jobs, began))
        except Locked as error:
            self._locked_out(str(error))
            return
        except TrackerError as error:
            self._in_trouble(str(error))
            return
        except Exception as error:  # whatever it is: others wait for what comes next
            log.exception("a fault of the program; what was to be done is tried again")
            self._in_trouble(f"a fault of the program ({type(error).__name__})", told=True)
            return
        seconds = self._steady() - clock
        self._wanted = Wanted(catalogues=self._wanted.catalogues | catalogues)
        gc.collect(1)  # else what those who asked how it is left behind lies there for hours
        self._recovered()
        if report is None:
            return
        self._health.ran(report, "schedule" if jobs else "events", seconds)
        self._retries(report)
        for level, sentence, facts in self._news.of(report, seconds):
            log.log(level, "%s", sentence, extra=facts)

    def _crawl(self, jobs: Collection[str], touched: Mapping[str, set[str] | None]) -> Report:
        silent = {
            name: f"{self._path(name)} {mode.why}"
            for name, mode in self._watcher.modes().items()
            if mode.how == "silent"
        } | {name: self._not_read[name] for name in touched if name in self._not_read}
        names, crawl = self._names(), partial(self._tracker.crawl, collect=False, progress=self._health.doing)
        trees = names - self._catalogues
        if ALL in jobs:
            chosen = (self._without_schedule() | {*jobs}) & trees | {*touched} & names
            only = None if chosen == names else sorted(chosen)
            return crawl(only=only, silent=silent, behind=self._behind)
        wanted = {name: what for name, what in touched.items() if name in names} | dict.fromkeys({*jobs} & trees)
        return crawl(touched=wanted, silent=silent, behind=self._behind)

    def _without_schedule(self) -> set[str]:
        return self._names() - self._site.schedules.keys()

    def _names(self) -> set[str]:
        return {source.name for source in self._tracker.sources if source.enabled}

    def _path(self, name: str) -> str:
        return next((str(place.path) for place in self._site.places if place.name == name), name)

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self._health.doing("asking the store")
        try:
            yield
        finally:
            self._health.doing("")

    # ----------------------------------------------------------------------- what went wrong

    def _in_trouble(self, why: str, *, told: bool = False) -> None:
        """Nothing can be recorded now."""
        self._trouble = self._trouble or Retry()
        self._trouble.failed(self._steady())
        self._health.failed(why)
        if why != self._why and not told:
            log.error("nothing can be recorded: %s; it is tried again, and nothing is lost", why)
        self._why = why

    def _locked_out(self, why: str) -> None:
        """Another crawl is on, which is told once, and is no trouble unless it takes longer than any should."""
        now = self._steady()
        if self._locked is None:
            self._locked = now
            log.info("another crawl is on, what is to be done waits: %s", why)
        elif now - self._locked > STUCK and not self._why:
            self._why = why
            self._health.failed(why)
            log.error("nothing could be recorded for %.0f minutes: %s", (now - self._locked) / 60, why)
        self._trouble = Retry(now + LOCKED_PAUSE)

    def _recovered(self) -> None:
        if self._why:
            log.info("what was to be done could be done")
        self._trouble, self._locked, self._why = None, None, ""

    def _retries(self, report: Report) -> None:
        """A source that could not be read is read again soon, and a document visited that could not be."""
        now = self._steady()
        for source in report.sources:
            if source.status != "failed":
                self._again.pop(source.name, None)
            elif self._watcher.modes().get(source.name, _ASKED).how != "silent":  # else it says when it answers
                self._again.setdefault(source.name, Retry()).failed(now)
        failed = {output.name for output in report.outputs if output.status == "failed"}
        self._behind |= failed & {output.name for output in self._tracker.outputs}
        guest = self._tracker.guest
        if guest and guest.name in failed:
            self._sheet = self._sheet or Retry()
            self._sheet.failed(now)
        elif guest and guest.name in self._behind:
            self._behind.discard(guest.name)
            self._sheet = Retry(now + guest.pause())
        else:
            self._sheet = None

    # ----------------------------------------------------------------------- upkeep

    def _catch_up(self) -> None:
        """Outputs that must be written in whole are, in another process, and not too often."""
        now, every = self._steady(), self._site.show_every.total_seconds()
        if self._behind and not self._site.elsewhere.busy and now >= self._shown + every:
            self._shown = now
            try:
                self._site.elsewhere.begin(frozenset(self._behind))
            except OSError as error:  # there is no process or file to be had just now
                log.error("%s cannot be written now: %s", " and ".join(sorted(self._behind)), error.strerror or error)
                return
            self._behind.clear()

    def _collect(self) -> None:
        """Catalogues that are due are read, and then looked at: what was found, or why there is nothing."""
        done = self._site.collector.done()
        if done is not None:
            self._not_read = dict(done.why_not)
            self._wanted.touched |= dict.fromkeys(self._collected)
        if not self._wanted.catalogues or self._site.collector.busy:
            return
        self._collected = frozenset(self._wanted.catalogues)
        try:
            self._site.collector.begin(self._collected)
        except OSError as error:
            log.error("catalogues cannot be read now: %s", error.strerror or error)
            return
        self._wanted.catalogues.clear()

    def _hear(self) -> None:
        """What came of that."""
        for output in self._site.elsewhere.done() or ():
            self._health.output(output)
            if output.status == "failed":
                self._behind.add(output.name)
            for level, sentence, facts in self._news.output(output):
                log.log(level, "%s", sentence, extra=facts)
