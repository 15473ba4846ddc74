"""The jobs, in the fewest hops. Order only: what follows from facts is decided in `domain`.

source.read -> eligibility.listings, verdicts -> history.settle -> store.record -> details.overview -> output.publish
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from app.crawl import Crawl, Touched
from app.domain import details, history, presence
from app.domain.accessions import is_accession, numbered
from app.domain.details import Overview
from app.domain.duplicates import KnownGroup
from app.domain.history import Findings, Policy
from app.domain.lifecycle import furthest_first
from app.domain.model import (
    Code,
    Known,
    KnownProblem,
    Listing,
    OutputReport,
    Problem,
    Remark,
    RemarkKind,
    Report,
    Run,
    RunStatus,
    Secret,
    SourceConfig,
    SourceReport,
    StateChange,
)
from app.domain.overview import DAYS_AGO, STALE, Layout, Table, View, private, renewed_groups, tables, with_remarks
from app.domain.presence import Reading
from app.domain.problems import Wanted, held, on_problem, order
from app.domain.production import access_keys
from app.domain.search import Answer, Question, Records, Search, answer, spellings
from app.domain.stuck import Stuck, stuck, under_way, usual
from app.domain.text import one_line, storable
from app.domain.versions import Version, versions
from app.domain.visit import Guestbook, Published, Visit, noted
from app.errors import Locked, OutputError, Refused, StoreError, UnknownDataset, UsageError
from app.ports import Catalogue, Eligibility, Guest, Lock, Output, Source, Store, SupportedSpecies

if TYPE_CHECKING:  # a crawl of trees needs nothing of it
    from app.domain.catalogue import Asked, Harvested, LogEntry
    from app.harvest import Harvest, Terms

log = logging.getLogger(__name__)

T = TypeVar("T")

FEWEST_DIGITS = 4
"""So many of its digits are enough to name a problem, if no other begins with them."""

CHANGES_SHOWN = timedelta(days=30), 2_000
"""The Changes tab: how far back, and at most how many rows."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """How to be a guest: see `Guest.visit`, and `Tracker.publish`."""

    allowed: Callable[[], None]
    keys: Mapping[str, Secret]
    at: datetime | None = None
    restore: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class _Shown:
    """What there is to show: what is known, and the groups of duplicates. After a crawl that knew only a part, `base`
    is what was known before it, which the outputs may show already; `quiet`: nothing but time has changed since;
    `touched`, `behind`: see `Tracker.crawl`; what curators write elsewhere in the document where we are a guest is only
    read where it was not known what is touched."""

    known: Known
    groups: Sequence[KnownGroup] = ()
    base: Known = field(default_factory=Known)
    quiet: bool = False
    touched: bool = False
    behind: set[str] | None = None


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
    ours: Callable[[str], bool] = lambda accession: True
    """whether an accession is of the site's own form"""
    guest: Guest | None = None
    shows_keys: bool = False
    """whether access keys may stand in the links of the document where we are a guest"""
    keys: dict[str, Secret] = field(default_factory=dict, repr=False)
    """those that the databases told the last time"""
    open_catalogue: Callable[[SourceConfig], Catalogue | None] = lambda source: None
    """None: the source is no catalogue, and is read by crawls alone"""
    terms: Callable[[SourceConfig], Terms] | None = None
    """of harvests"""

    def crawl(
        self,
        *,
        only: Collection[str] | None = None,
        confirm: Collection[str] = (),
        full: bool = False,
        dry_run: bool = False,
        touched: Touched | None = None,
        silent: Mapping[str, str] | None = None,
        behind: set[str] | None = None,
        collect: bool = True,
        progress: Callable[[str], object] = lambda doing: None,
    ) -> Report:
        """Reads the sources, decides, records and publishes. `only`: these sources (names or keys; None: all), the
        others keep what they last showed; `confirm`: let the disappearances of these through; `full`: read every file
        again; `dry_run`: report what would change and write nothing; `touched`: look at no more than this, and ask the
        databases of nothing else; `silent`: sources that are known not to answer -> in what words, which are not asked.
        Where a set `behind` is given, outputs that would have to be written in whole are not, but named there, for
        `catch_up`; and so is the document where we are a guest if a visit to it would have to wait. `collect`: also
        reads catalogues before, else they show what `collect` found. `progress` is told what is being done.

        A source, database or output that fails is a line of the report; the rest goes on.
        Raises UsageError, Locked, StoreError."""
        chosen = self._chosen(only) if touched is None else [s for s in self.sources if s.name in touched and s.enabled]
        if off := [source.name for source in chosen if not source.enabled]:
            raise UsageError(f"{_listed(off)}: disabled; `sources enable` enables what is to be read again")
        if collect and not dry_run:
            whole = [s for s in chosen if touched is None or touched[s.name] is None]
            silent = {**self._not_read(whole, progress), **(silent or {})}
        return self._crawl(chosen, confirm, full, dry_run, touched, silent or {}, behind, progress)

    def harvest(
        self,
        only: Collection[str] | None = None,
        asked: Asked | None = None,
        *,
        progress: Callable[[str], object] = lambda doing: None,
    ) -> Harvested:
        """Reads catalogues, keeps what they say as they say it, and then decides, records and publishes as a crawl does
        of these sources alone. `only`: these sources (names or keys; None: all that are catalogues). A source that
        fails, is refused or locked is told; the rest goes on. Raises UsageError, StoreError; Locked where another crawl
        is on, by when all is kept."""
        from app.domain.catalogue import Asked

        asked = asked or Asked()
        chosen = self._catalogues(only, also_disabled=asked.ignore_disabled or asked.force)
        done = self._collect(chosen, asked, progress)
        read = {log.source for log in done.logs}
        if not asked.transform or not read:
            return done
        chosen = [source for source in chosen if source.name in read]
        touched = dict.fromkeys(read)
        report = self._crawl(chosen, (), False, False, touched, done.why_not, None, progress)
        return replace(done, crawl=report)

    def schedule(
        self, only: Collection[str] | None, cutoff: datetime, *, also_disabled: bool = False
    ) -> Mapping[str, int]:
        """Catalogue -> how many logs were made of what is to be read of it until then. Raises UsageError,
        StoreError."""
        harvests = (
            self._harvest(catalogue, source)
            for source in self._catalogues(only, also_disabled=also_disabled)
            if (catalogue := self.open_catalogue(source)) is not None
        )
        return {harvest.name: harvest.schedule(cutoff) for harvest in harvests}

    def collect(self, names: Collection[str]) -> Harvested:
        """Reads these catalogues, and keeps what they say; a crawl shows it then. Raises UsageError, StoreError."""
        from app.domain.catalogue import Asked

        return self._collect(self._chosen(names), Asked(), lambda doing: None)

    def _catalogues(self, only: Collection[str] | None, *, also_disabled: bool) -> Sequence[SourceConfig]:
        """As `_chosen`; what is named must be a catalogue."""
        chosen = self._chosen(only, also_disabled=also_disabled)
        catalogues = [source for source in chosen if self.open_catalogue(source) is not None]
        if only is not None and (others := [source.name for source in chosen if source not in catalogues]):
            raise UsageError(f"{_listed(others)}: no catalogue; `crawl` reads it")
        return catalogues

    def _not_read(self, sources: Sequence[SourceConfig], progress: Callable[[str], object]) -> Mapping[str, str]:
        """Reads those of them that are catalogues, and says why not."""
        if all(self.open_catalogue(source) is None for source in sources):
            return {}  # then nothing of harvests need be loaded
        from app.domain.catalogue import Asked

        return self._collect(sources, Asked(), progress).why_not

    def _harvest(
        self, catalogue: Catalogue, source: SourceConfig, progress: Callable[[str], object] = lambda doing: None
    ) -> Harvest:
        from app.harvest import Harvest, Terms

        return Harvest(
            catalogue,
            self.store.harvests,
            self.store.lock,
            self.version,
            self.clock,
            self.terms(source) if self.terms else Terms(),
            progress=progress,
        )

    def _collect(self, sources: Sequence[SourceConfig], asked: Asked, progress: Callable[[str], object]) -> Harvested:
        """What was read of those of these sources that are catalogues."""
        from app.domain.catalogue import Harvested

        logs: list[LogEntry] = []
        refused: dict[str, str] = {}
        locked: dict[str, str] = {}
        for source in sources:
            catalogue = self.open_catalogue(source)
            if catalogue is None:
                continue
            progress(f"reading {source.name}")
            try:
                logs += self._harvest(catalogue, source, progress).run(asked)
            except Refused as error:
                refused[source.name] = str(error)
            except Locked as error:
                locked[source.name] = str(error)
        return Harvested(tuple(logs), refused, locked)

    def _crawl(
        self,
        chosen: Sequence[SourceConfig],
        confirm: Collection[str],
        full: bool,
        dry_run: bool,
        touched: Touched | None,
        silent: Mapping[str, str],
        behind: set[str] | None,
        progress: Callable[[str], object],
    ) -> Report:
        with self._lock(dry_run) as lock:
            started, base = self.clock(), self.store.part((), ())
            crawl = Crawl(
                self.sources,
                chosen,
                self.open_source,
                self.store,
                self.eligibility,
                self.supported_species,
                self.policy,
                self.version,
                self._confirmed(confirm, base, chosen),
                touched,
                full,
                silent,
                progress,
            )
            known, findings = crawl.findings(base)
            progress("deciding")
            # Time never goes back, whatever clocks do: history is told, and the past is found, by it.
            now = max(self.clock(), known.at or started)
            settled = history.settle(known, findings, self.policy, now)
            groups = renewed_groups(before := self.store.groups(), settled.after, self.layout.lifecycle)
            recording = history.recording(settled, findings, started=min(started, now), version=self.version)
            recording = replace(recording, groups=history.edits(_by_key(before), _by_key(groups)))
            report = _report(recording.run, settled, findings)
            if lock is None:
                return replace(report, dry_run=True)
            progress("recording")
            run = self.store.record(recording, lock)
            progress("publishing")
            shown = _Shown(
                replace(settled.after, run=run),
                groups,
                base,
                quiet=history.is_quiet(recording),
                touched=touched is not None,
                behind=behind,
            )
            visit = _Visit(lock.check, self._access_keys(findings.listings, asked=findings.whole))
            return self._publish(_numbered(report, run), shown, visit)

    def publish(
        self,
        *,
        at: datetime | None = None,
        restore: bool = False,
        dry_run: bool = False,
        progress: Callable[[str], object] = lambda doing: None,
    ) -> Published:
        """Shows what is known, without reading the sources. `at`: as it stood then, in tabs of its own in the document
        where we are a guest, and nowhere else; `restore`: what curators had in columns that were lost is put back;
        `dry_run`: tells what would be written there. Raises UsageError, Locked, StoreError."""
        if (at or restore or dry_run) and self.guest is None:
            raise UsageError("there is no Google Sheet: name one, by --sheet or google_sheets > sheet")
        with self._lock(dry_run) as lock:
            known = self.store.known(at=at)
            if known.at is None:
                raise UsageError(
                    "there is nothing to show yet: crawl first" if at is None else "there was nothing then"
                )
            keys: Mapping[str, Secret] = {}
            if self.shows_keys and at is None:
                progress("asking the databases")
                keys = self._access_keys(tuple(self.eligibility.listings()), asked=True)
            progress("publishing")
            visit = _Visit(lock.check if lock else lambda: None, keys, at, restore, dry_run)
            if at is not None or restore or dry_run:
                (report, done), _ = self._visit(known, visit)
                return Published((report,), done)
            return Published(self._shown(_Shown(known), visit))

    def catch_up(self, names: Collection[str]) -> tuple[OutputReport, ...]:
        """Shows what is known in these outputs. It takes no lock, and asks nobody: where another run recorded something
        in the meantime it begins anew. Raises StoreError."""
        outputs = [output for output in self.outputs if output.name in names]
        while True:
            known = self.store.known()
            reports = self._shown_whole(known, (), outputs)
            if self.store.part((), ()).at == known.at:
                return tuple(reports)

    def _access_keys(self, listings: Sequence[Listing], *, asked: bool) -> Mapping[str, Secret]:
        """Those of private datasets, if they are shown at all: as the databases tell them now, or told before."""
        if self.shows_keys and (asked or not self.keys):
            listings = listings if asked else tuple(self.eligibility.listings())
            if all(listing.entries is not None for listing in listings):
                self.keys.clear()
            self.keys.update(access_keys(listings))
        return self.keys

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

    def remarks(self, accession: str) -> list[Remark]:
        """What curators ever said of a dataset, oldest first."""
        said = (RemarkKind.IGNORED, accession)
        return [remark for remark in self.store.remarks() if (remark.kind, remark.subject) == said]

    def problems(self, wanted: Wanted | None = None, *, past: bool = False) -> list[KnownProblem]:
        """What there is to mend, worst first, and of each kind first what nobody has acknowledged; `past`: what there
        was and is over. The sources of `wanted` are names or keys. Raises UsageError for a source that there is
        not, UnknownDataset."""
        known, wanted = self.store.known(), wanted or Wanted()
        wanted = replace(wanted, sources=self._named(wanted.sources, self._sources(known)))
        entries = self.store.past_problems() if past else known.problems
        said = [replace(entry, remark=on_problem(entry.problem, known.remarks)) for entry in entries]
        found = sorted(said, key=lambda entry: order(entry.problem, minded=entry.remark is None))
        heard_of = known.standings.keys() | {entry.problem.dataset for entry in found}
        for accession in wanted.datasets - heard_of:
            raise self._unknown(accession)
        return [entry for entry in found if entry.problem in wanted]

    # ----------------------------------------------------------------------- duplicates and accessions

    def check(self, accessions: Iterable[str], question: Question = Question()) -> list[Answer]:  # noqa: B008 - frozen
        """What is known of each of these accessions. Answered from the store, by a few questions however many there
        are."""
        wanted, search = list(dict.fromkeys(accessions)), Search()
        while True:
            found = {accession: search.same_study(accession) for accession in wanted}
            unknown = set[str]().union(*(missing for _, missing in found.values()))
            if not unknown:
                break
            search.learn(unknown, self.store.having(unknown))
        names = {name for accession in wanted for name in (*spellings(accession), *found[accession][0])}
        records = Records(self.store.standings(names), self.store.listed(names), self.store.reservations(names))
        incoming = self.policy.lifecycle.incoming
        answers = (answer(accession, found[accession][0], records, question, incoming) for accession in wanted)
        return [a if a.known else replace(a, recognised=is_accession(a.accession, self.ours)) for a in answers]

    def next_accession(self, prefix: str, by: str) -> str:
        """One that was never given away, and that no dataset known anywhere has. Raises UsageError."""
        return self.store.reserve(numbered(prefix, self.ours), by=one_line(by), at=self.clock())

    def metadata_files(self, accession: str) -> list[Version]:
        """The latest IDF and SDRF of a dataset, then the earlier ones. Raises UnknownDataset."""
        known = self.dataset(accession)
        seen = furthest_first(known.sightings, presence.stages(known, self.sources, self.policy.lifecycle))
        return versions(seen.get(accession, ()))

    # ----------------------------------------------------------------------- what curators say

    def ignore(self, accession: str, reason: str, by: str) -> None:
        """The dataset is shown greyed from now on; its state goes on as before. Raises UnknownDataset, UsageError."""
        self.dataset(accession)
        self._say(RemarkKind.IGNORED, accession, reason, by)

    def acknowledge(self, key: str, reason: str, by: str) -> Problem:
        """The problem (by its key, or as many digits of its digest as tell it from others) is shown greyed as long as
        it lasts. Raises UsageError."""
        begins = key.strip().lower()
        if len(begins) < FEWEST_DIGITS:
            raise UsageError(f"{key!r} is too short for the key of a problem; give {FEWEST_DIGITS} digits or more")
        there = {e.problem.digest: e.problem for e in self.store.known().problems}
        found = {digest for digest in there if digest.startswith(begins)}
        problem = there[self._only(key, found, "of the problems", there)]
        self._say(RemarkKind.ACKNOWLEDGED, problem.digest, reason, by)
        return problem

    def dismiss(self, name: str, reason: str, by: str) -> KnownGroup:
        """These datasets are no duplicates, as long as what ties them stays the same. `name`: the key of a group, or
        any of its datasets if that is in no other group. Raises UsageError."""
        groups = {group.key: group for group in self.duplicates()}
        found = {key for key, group in groups.items() if name in group.group.datasets}
        group = groups[name if name in groups else self._only(name, found, "of the groups", groups)]
        self._say(RemarkKind.DISMISSED, group.key, reason, by, group.evidence)
        return group

    def undo(self, kind: RemarkKind, name: str, by: str) -> Remark:
        """What a curator said of this no longer holds; it is kept as history. A problem may be named by a part, as for
        `acknowledge`. Raises UsageError."""
        held = {subject: said for (its, subject), said in self.store.known().remarks.items() if its is kind}
        found = {name} & held.keys()
        if kind is RemarkKind.ACKNOWLEDGED and len(name) >= FEWEST_DIGITS:
            found = {digest for digest in held if digest.startswith(name.strip().lower())}
        subject = self._only(name, found, f"that is {kind.value}", held)
        self.store.unsay(kind, subject, by=one_line(by), at=self.clock())
        return held[subject]

    def _say(self, kind: RemarkKind, subject: str, reason: str, by: str, evidence: str = "") -> None:
        if not (said := one_line(reason)):
            raise UsageError("a reason is needed: others will want to know why")
        self.store.say(Remark(kind, subject, said, one_line(by), self.clock(), evidence))

    def _only(self, name: str, found: Collection[str], what: str, there: Collection[str]) -> str:
        if len(found) != 1:
            several, some = (f"more than one {what}", found) if found else (f"none {what}", there)
            examples = ", ".join(sorted(some)[:5]) + ", ..." * (len(some) > 5)
            raise UsageError(f"{name!r} names {several}" + (f"; there are {examples}" if some else ""))
        return next(iter(found))

    def duplicates(self) -> list[KnownGroup]:
        """The groups of the overview, those that are dismissed last."""
        return with_remarks(self.store.groups(), self.store.part((), ()).remarks)

    def stuck(self, longer_than: timedelta | None = None) -> list[Stuck]:
        """The datasets that stay in a state longer than is usual there, or longer than this; longest first."""
        stays = self.store.stays(under_way(self.policy.lifecycle))
        return stuck(self.store.known(), stays, self.policy.lifecycle, self.clock(), longer_than)

    def _unknown(self, accession: str) -> UnknownDataset:
        meant = accession.strip().upper()
        hint = f"; did you mean {meant}?" if self.store.history(meant) else ""
        for entry in self.store.known().problems:
            if entry.problem.code is Code.NEAR_MISS and accession.strip() in entry.problem.message:
                hint = f"; but {entry.problem.message} ({entry.problem.path})"
            elif entry.problem.dataset == accession:
                hint = f"; but {entry.problem.message}"
        return UnknownDataset(f"{accession!r} is not known: it was never seen in any source{hint}")

    def named(self, source: str) -> str:
        """The name of a source that is told by name or key. Raises UsageError."""
        (name,) = self._named([source], self._sources(self.store.known(datasets=())))
        return name

    # ----------------------------------------------------------------------- the steps of a crawl

    def _chosen(self, only: Collection[str] | None, *, also_disabled: bool = False) -> list[SourceConfig]:
        names = {_bare(name) for name in only or ()}
        for wanted in names:
            if not any(wanted in (source.name, source.key) for source in self.sources):
                raise UsageError(f"no source is called {wanted!r}; there are: {_listed(s.name for s in self.sources)}")
        if only is None:
            return [source for source in self.sources if source.enabled or also_disabled]
        return [source for source in self.sources if names & {source.name, source.key}]

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

    def _publish(self, report: Report, shown: _Shown, visit: _Visit) -> Report:
        outputs = self._shown(shown, visit)
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

    def _shown(self, what: _Shown, visit: _Visit) -> tuple[OutputReport, ...]:
        """First where we are a guest: what the curators have there is shown by the others as well."""
        reports: list[OutputReport] = []
        known, left, waiting = what.known, [*self.outputs], self.guest is not None
        if self.guest is not None and what.behind is not None and self.guest.pause():
            waiting = False
            what.behind.add(self.guest.name)
        if known.scope is not None and (view := self._part(what)):
            if waiting and what.touched and (done := self._visit_some(view, what, visit)):
                reports, waiting, view = [done[0]], False, done[1]
            if not waiting:
                more, left = self._refreshed(view, what)
                reports += more
        if waiting or (left and what.behind is None):
            known = known if known.scope is None else self.store.known()
        if waiting:
            (report, _), known = self._visit(known, visit)
            reports.append(report)
        if what.behind is not None:
            what.behind.update(output.name for output in left)
        elif left:
            reports += self._shown_whole(known, what.groups if what.known.scope is None else (), left)
        names = [output.name for output in self.outputs]
        return tuple(sorted(reports, key=lambda report: names.index(report.name) if report.name in names else -1))

    def _shown_whole(self, known: Known, groups: Sequence[KnownGroup], outputs: Sequence[Output]) -> list[OutputReport]:
        view, hidden = replace(self._view(known), groups=groups), private(known)
        left_out = {o.name: hidden if o.name in self.leave_out_private else view.left_out for o in outputs}
        changes = self.store.changes(until=known.at) if any(o.tells_details for o in outputs) else None
        shown = {n: self._overview(replace(view, left_out=n), changes) for n in set(left_out.values())}
        return [self._publish_one(output, shown[left_out[output.name]]) for output in outputs]

    def _part(self, what: _Shown) -> View | None:
        """What outputs need that show already all but what has changed; None: all must be told."""
        marked = {r.subject for r in self.store.remarks() if r.kind is RemarkKind.IGNORED and _since(r, what.base.at)}
        only = {*(what.known.scope or ()), *marked}
        if _stale(what.base) != _stale(what.known):  # which is told with each dataset of a source
            return None
        known = what.known if marked <= what.known.standings.keys() else self.store.part(only, ())
        view = self._view(known)
        assert known.at is not None
        limits = {state: known.at - usually.limit for state, usually in usual(view.stays).items()}
        return replace(
            view,
            only=frozenset(only),
            late=self.store.overdue(limits),
            groups=what.groups,
            states=self.store.states() if what.groups else {},
        )

    def _overview_of_part(self, view: View, what: _Shown, keys: Mapping[str, Secret]) -> Overview:
        quiet = what.quiet and not view.only
        return replace(self._overview(view, None, keys), since=what.base.at, quiet=quiet)

    def _visit_some(self, view: View, what: _Shown, how: _Visit) -> tuple[OutputReport, View] | None:
        """What came of a visit to some rows, and what is known since; None: all must be told there."""
        assert self.guest is not None
        name, known = self.guest.name, view.known
        if name in self.leave_out_private:
            return None
        shown = self._overview_of_part(view, what, how.keys if self.shows_keys else {})
        try:
            visit = self.guest.refresh(shown, Guestbook(_gone(known), (), known.annotations), how.allowed)
            if visit is None:
                return None
            known = self._noted(known, visit)
        except (OutputError, StoreError) as error:
            log.warning("output %s: %s", name, error)
            return OutputReport(name, "failed", str(error)), view
        return self._visited(visit), replace(view, known=known)

    def _refreshed(self, view: View, what: _Shown) -> tuple[list[OutputReport], list[Output]]:
        """The outputs that show it, and those that must be told everything."""
        shown = self._overview_of_part(view, what, {})
        reports, left = [], []
        for output in self.outputs:
            report = None if output.name in self.leave_out_private else self._refresh_one(output, shown)
            if report is None:
                left.append(output)
            else:
                reports.append(report)
        return reports, left

    def _refresh_one(self, output: Output, shown: Overview) -> OutputReport | None:
        try:
            where = output.refresh(shown)
        except OutputError as error:
            log.warning("output %s: %s", output.name, error)
            return OutputReport(output.name, "failed", str(error))
        return None if where is None else OutputReport(output.name, "published", where)

    def _overview(
        self, view: View, changes: Sequence[StateChange] | None, keys: Mapping[str, Secret] | None = None
    ) -> Overview:
        return replace(details.overview(view, self.layout, changes, keys), layout=self._look())

    def _look(self) -> str:
        """A digest of how the site wants to see it, and by which version it is shown."""
        return hashlib.blake2b(storable(repr((self.layout, self.version))).encode(), digest_size=16).hexdigest()

    def _visit(self, known: Known, how: _Visit) -> tuple[tuple[OutputReport, Visit | None], Known]:
        """What came of it, and what is known then of what curators have there."""
        assert self.guest is not None
        view, name = self._view(known), self.guest.name
        if name in self.leave_out_private:
            view = replace(view, left_out=private(known))
        shown = self._overview(view, None, how.keys if self.shows_keys else {})
        book = Guestbook(_gone(known), view.left_out, known.annotations)
        if how.at is not None:
            shown, book = details.as_it_was(shown, how.at), Guestbook()
        try:
            visit = self.guest.visit(shown, book, how.allowed, restore=how.restore, dry_run=how.dry_run)
            if how.at is None and not how.dry_run:
                known = self._noted(known, visit)
        except (OutputError, StoreError) as error:
            log.warning("output %s: %s", name, error)
            return (OutputReport(name, "failed", str(error)), None), known
        return (self._visited(visit), visit), known

    def _noted(self, known: Known, visit: Visit) -> Known:
        """With what the curators have there, which is kept."""
        self.store.annotate(visit.annotations, max(self.clock(), known.at or self.clock()))
        return replace(known, annotations=noted(known.annotations, visit.annotations))

    def _visited(self, visit: Visit) -> OutputReport:
        assert self.guest is not None
        for sentence in visit.left_alone:
            log.warning("output %s: %s", self.guest.name, sentence)
        notes = (visit.effort, *visit.left_alone)
        return OutputReport(self.guest.name, "published", visit.where, notes, visit.reads, visit.writes)

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
        return View(known, changes, earlier, stays=self.store.stays(under_way(self.layout.lifecycle), known.at))


def _by_key(groups: Iterable[KnownGroup]) -> dict[str, KnownGroup]:
    return {group.key: group for group in groups}


def _since(said: Remark, at: datetime | None) -> bool:
    """Whether it was said or undone since then. Who said it may have had another clock."""
    return at is None or max(said.at, said.until or said.at) > at - timedelta(minutes=5)


def _stale(known: Known) -> set[tuple[Code, str]]:
    return {(e.problem.code, e.problem.source) for e in known.problems if e.problem.code in STALE}


def _gone(known: Known) -> dict[str, datetime]:
    """The datasets that are nowhere, and since when."""
    return {d: standing.since for d, standing in known.standings.items() if standing.decision.state is None}


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
    found = len(reading.sightings) + settled.known.elsewhere.found.get(config.name, 0)
    if reading.failure is not None:
        return SourceReport(config.name, config.kind, "failed", 0, reading.failure.message)
    if hold is not None:
        return SourceReport(config.name, config.kind, "held", found, held(hold))
    return SourceReport(config.name, config.kind, "succeeded", found)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
