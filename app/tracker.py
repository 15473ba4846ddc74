"""The jobs, in the fewest hops. Order only: what follows from facts is decided in `domain`.

source.read -> eligibility.listings, verdicts -> history.settle -> store.record -> details.overview -> output.publish
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from app.domain import details, history, presence
from app.domain.details import Overview
from app.domain.history import Findings, Policy
from app.domain.lifecycle import Species
from app.domain.model import (
    Code,
    Known,
    KnownProblem,
    OutputReport,
    Problem,
    Report,
    Run,
    RunStatus,
    Sighting,
    SourceConfig,
    SourceReport,
    StateChange,
)
from app.domain.overview import DAYS_AGO, Layout, Table, View, private, tables
from app.domain.presence import Failure, Reading
from app.domain.problems import Wanted, held, order
from app.errors import OutputError, SourceError, StoreError, UnknownDataset, UsageError
from app.ports import Eligibility, Lock, Output, Source, Store, SupportedSpecies

log = logging.getLogger(__name__)

T = TypeVar("T")

CHANGES_SHOWN = timedelta(days=30), 2_000
"""The Changes tab: how far back, and at most how many rows."""


@dataclass(frozen=True, slots=True)
class Tracker:
    """What ingest-tracker does. The command line, Jenkins and every other face call these methods."""

    sources: tuple[SourceConfig, ...]
    open_source: Callable[[SourceConfig], Source]
    store: Store
    eligibility: Eligibility
    supported_species: SupportedSpecies
    outputs: Sequence[Output]
    policy: Policy
    layout: Layout
    version: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    leave_out_private: Collection[str] = ()
    """the names of outputs that do not show private datasets"""

    def crawl(
        self,
        *,
        only: Collection[str] = (),
        confirm: Collection[str] = (),
        full: bool = False,
        dry_run: bool = False,
        progress: Callable[[str], object] = lambda doing: None,
    ) -> Report:
        """Reads the sources, decides, records and publishes. `only`: these sources (names or keys), the others
        keep what they last showed; `confirm`: let the disappearances of these through; `full`: read every file
        again; `dry_run`: report what would change and write nothing. `progress` is told what is being done.

        A source, database or output that fails is a line of the report; the rest goes on.
        Raises UsageError, Locked, StoreError."""
        chosen = self._chosen(only)
        with self._lock(dry_run) as lock:
            started, known = self.clock(), self.store.known()
            confirmed = self._confirmed(confirm, known, chosen)
            findings = self._findings(chosen, known, confirmed, full, progress)
            progress("deciding")
            # Time never goes back, whatever clocks do: history is told, and the past is found, by it.
            now = max(self.clock(), known.at or started)
            settled = history.settle(known, findings, self.policy, now)
            recording = history.recording(settled, findings, started=min(started, now), version=self.version)
            report = _report(recording.run, settled, findings)
            if lock is None:
                return replace(report, dry_run=True)
            progress("recording")
            run = self.store.record(recording, lock)
            progress("publishing")
            return self._publish(_numbered(report, run), replace(settled.after, run=run))

    def overview(self, at: datetime | None = None) -> tuple[Known, tuple[Table, ...]]:
        """What is known, and the tables that show it; `at`: as they stood at that moment."""
        known = self.store.known(at=at)
        return known, tables(self._view(known), self.layout)

    def dataset(self, accession: str) -> Known:
        """All that is known of one dataset. Raises UnknownDataset."""
        known = self.store.known(datasets=[accession])
        if accession not in known.standings:
            raise self._unknown(accession)
        return known

    def history(self, accession: str) -> Sequence[StateChange]:
        """Every change of one dataset's state, oldest first. Raises UnknownDataset."""
        changes = self.store.history(accession)
        if not changes:
            raise self._unknown(accession)
        return changes

    def problems(self, wanted: Wanted | None = None, *, past: bool = False) -> list[KnownProblem]:
        """What there is to mend, worst first; `past`: what there was and is over. The sources of `wanted` are names
        or keys. Raises UsageError for a source that there is not, UnknownDataset."""
        known, wanted = self.store.known(), wanted or Wanted()
        wanted = replace(wanted, sources=self._named(wanted.sources, self._sources(known)))
        entries = self.store.past_problems() if past else known.problems
        found = sorted(entries, key=lambda entry: order(entry.problem))
        heard_of = known.standings.keys() | {entry.problem.dataset for entry in found}
        for accession in wanted.datasets - heard_of:
            raise self._unknown(accession)
        return [entry for entry in found if entry.problem in wanted]

    def _unknown(self, accession: str) -> UnknownDataset:
        meant = accession.strip().upper()
        hint = f"; did you mean {meant}?" if self.store.history(meant) else ""
        for entry in self.store.known().problems:
            if entry.problem.code is Code.NEAR_MISS and accession.strip() in entry.problem.message:
                hint = f"; but {entry.problem.message} ({entry.problem.path})"
            elif entry.problem.dataset == accession:
                hint = f"; but {entry.problem.message}"
        return UnknownDataset(f"{accession!r} is not known: it was never seen in any source{hint}")

    # ----------------------------------------------------------------------- the steps of a crawl

    def _findings(
        self,
        chosen: Sequence[SourceConfig],
        known: Known,
        confirmed: frozenset[str],
        full: bool,
        progress: Callable[[str], object],
    ) -> Findings:
        """Asks the world: the sources, then the databases about what is there or was, then the list of species."""
        before = presence.renamed(known, presence.renames(known, self.sources))
        readings = [self._read(source, before, full, progress) for source in chosen]
        readings, glimpses = self._look_again(readings, before, progress)
        progress("asking the databases")
        listings = tuple(self.eligibility.listings())
        datasets = {dataset for reading in readings for dataset in reading.sightings} | known.standings.keys()
        deciding = {authority.name for authority in self.policy.authorities if authority.decides}
        datasets = datasets.union(*(listing.entries or () for listing in listings if listing.authority in deciding))
        answers = tuple(self.eligibility.verdicts(datasets))
        species, error = self._species()
        return Findings(self.sources, tuple(readings), answers, species, error, confirmed, tuple(glimpses), listings)

    def _chosen(self, only: Collection[str]) -> list[SourceConfig]:
        names = {_bare(name) for name in only}
        for wanted in names:
            if not any(wanted in (source.name, source.key) for source in self.sources):
                raise UsageError(f"no source is called {wanted!r}; there are: {_listed(s.name for s in self.sources)}")
        return [source for source in self.sources if not names or names & {source.name, source.key}]

    def _confirmed(self, confirm: Collection[str], known: Known, chosen: Sequence[SourceConfig]) -> frozenset[str]:
        """The names of the sources that are confirmed, be they configured or already gone from the configuration,
        and of production databases."""
        sources = self._sources(known)
        databases = {authority.name for authority in self.policy.authorities} - sources.keys()
        confirmed = self._named(set(confirm) - databases, sources) | databases.intersection(confirm)
        unread = {source.name for source in self.sources} - {source.name for source in chosen}
        if confirmed & unread:
            raise UsageError(f"only what is read can be confirmed: add --source for {_listed(confirmed & unread)}")
        return confirmed

    def _sources(self, known: Known) -> dict[str, str]:
        """What a source may be called, which is its name or its key -> its name."""
        names = {name: name for name in known.sources} | {source.key: name for name, source in known.sources.items()}
        names |= {source.name: source.name for source in self.sources}
        return names | {source.key: source.name for source in self.sources}

    def _named(self, wanted: Iterable[str], names: Mapping[str, str]) -> frozenset[str]:
        called = [_bare(name) for name in wanted]
        for name in called:
            if name not in names:
                raise UsageError(f"no source is called {name!r}; there are: {_listed(set(names.values()))}")
        return frozenset(names[name] for name in called)

    def _lock(self, dry_run: bool) -> AbstractContextManager[Lock | None]:
        return nullcontext() if dry_run else self.store.lock("crawl")

    def _read(self, config: SourceConfig, known: Known, full: bool, progress: Callable[[str], object]) -> Reading:
        progress(f"reading {config.name}")
        before = known.sightings.get(config.name, {})
        found = self._asked(config, lambda source: source.read(before, full=full))
        if isinstance(found, Failure):
            return Reading(config, failure=found)
        sightings = {sighting.dataset: sighting for sighting in found if isinstance(sighting, Sighting)}
        problems = tuple(problem for problem in found if isinstance(problem, Problem))
        log.info("source %s: %d datasets, %d problems", config.name, len(sightings), len(problems))
        return Reading(config, sightings, problems)

    def _asked(self, config: SourceConfig, question: Callable[[Source], Iterable[T]]) -> list[T] | Failure:
        """All of a source's answer, or why it has none: one failing source never stops another."""
        try:
            return list(question(self.open_source(config)))
        except Exception as error:  # a source kind may come from another package and fail in its own ways
            return _failure(config, error)

    def _look_again(
        self, readings: list[Reading], known: Known, progress: Callable[[str], object]
    ) -> tuple[list[Reading], list[Sighting]]:
        """Looks once more, everywhere, for datasets that were nowhere: one that was moved from a place not yet
        read to a place already read has been missed twice, and is not gone; nor is one that was moved to a place
        that this run does not read. Gives the readings, and what was found in sources that are not read."""
        missing = presence.lost(known, readings)
        if not missing:
            return readings, []
        progress(f"looking again for {len(missing):,} datasets")
        read = {reading.config.name for reading in readings}
        unread = [source for source in self.sources if source.name not in read]
        # What is not read in this run has no troubles in it either.
        answers = [self._found(source, missing, known) for source in unread]
        glimpses = [sighting for found in answers if not isinstance(found, Failure) for sighting in found]
        return [self._found_again(reading, missing, known) for reading in readings], glimpses

    def _found_again(self, reading: Reading, missing: set[str], known: Known) -> Reading:
        if reading.failure is not None:
            return reading
        found = self._found(reading.config, missing - reading.sightings.keys(), known)
        if isinstance(found, Failure):
            return Reading(reading.config, failure=found)
        return replace(reading, sightings={**reading.sightings, **{s.dataset: s for s in found}}) if found else reading

    def _found(self, config: SourceConfig, datasets: Collection[str], known: Known) -> list[Sighting] | Failure:
        before = known.sightings.get(config.name, {})
        return self._asked(config, lambda source: source.find(datasets, before))

    def _species(self) -> tuple[Species, str]:
        try:
            return Species(self.supported_species()), ""
        except SourceError as error:
            return Species(readable=False), str(error)

    def _publish(self, report: Report, known: Known) -> Report:
        view, hidden = self._view(known), private(known)
        left_out = {o.name: hidden if o.name in self.leave_out_private else view.left_out for o in self.outputs}
        changes = self.store.changes(until=known.at) if any(o.tells_details for o in self.outputs) else None
        shown = {n: details.overview(replace(view, left_out=n), self.layout, changes) for n in set(left_out.values())}
        outputs = tuple(self._publish_one(output, shown[left_out[output.name]]) for output in self.outputs)
        failed = [f"{output.name}: {output.where}" for output in outputs if output.status == "failed"]
        run = report.run
        if failed:
            status = RunStatus.PARTIAL if run.status is RunStatus.SUCCEEDED else run.status
            run = replace(run, status=status, error="; ".join(filter(None, (run.error, *failed))))
            try:
                self.store.amend(run.id, run.status, run.error)
            except StoreError as error:  # the crawl itself is recorded; the report says what is not
                log.warning("run %d: %s", run.id, error)
        return replace(report, run=run, outputs=outputs)

    def _publish_one(self, output: Output, shown: Overview) -> OutputReport:
        try:
            return OutputReport(output.name, "published", output.publish(shown))
        except OutputError as error:
            log.warning("output %s: %s", output.name, error)
            return OutputReport(output.name, "failed", str(error))

    def _view(self, known: Known) -> View:
        if known.at is None:
            return View(known)
        age, limit = CHANGES_SHOWN
        changes = self.store.changes(since=known.at - age, until=known.at, limit=limit)
        earlier = {days: self.store.counts(known.at - timedelta(days=days)) for days in DAYS_AGO}
        return View(known, changes, earlier)


def _failure(config: SourceConfig, error: Exception) -> Failure:
    """An error that nobody foresaw is logged with its traceback."""
    kind, message, where = type(error).__name__, str(error), ""
    if isinstance(error, SourceError):
        where = error.where
        log.warning("source %s: %s", config.name, message)
    else:
        log.exception("source %s", config.name)
        message = f"{config.name} could not be read, by a fault in the source kind {config.kind}: {kind}: {message}"
    return Failure(kind, message, traceback.format_exc(), where)


def _report(run: Run, settled: history.Settled, findings: Findings) -> Report:
    return Report(
        run=run,
        sources=tuple(_source_report(reading, settled) for reading in findings.readings),
        changes=settled.changes,
        problems=tuple(entry.problem for entry in settled.after.problems),
    )


def _numbered(report: Report, run: int) -> Report:
    """The same with the number that the store gave the run."""
    changes = tuple(replace(change, run=run) for change in report.changes)
    return replace(report, run=replace(report.run, id=run), changes=changes)


def _bare(name: str) -> str:
    """A place as the configuration keeps it: shells complete `loading` to `loading/`."""
    return name.rstrip("/") or name


def _source_report(reading: Reading, settled: history.Settled) -> SourceReport:
    config, hold = reading.config, settled.held.get(reading.config.name)
    if reading.failure is not None:
        return SourceReport(config.name, config.kind, "failed", 0, reading.failure.message)
    if hold is not None:
        return SourceReport(config.name, config.kind, "held", len(reading.sightings), held(hold))
    return SourceReport(config.name, config.kind, "succeeded", len(reading.sightings))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
