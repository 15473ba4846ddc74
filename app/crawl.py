"""What a crawl asks the world, and of how many datasets what is known must be at hand to decide.

The sources are read first. Where little has changed, only that and what it bears upon (`domain.scope`) is loaded and
decided anew; where much has, or the settings have, everything is.
"""

from __future__ import annotations

import logging
import traceback
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from app.domain import history, presence
from app.domain.duplicates import TITLE
from app.domain.history import Findings, Policy
from app.domain.lifecycle import Species
from app.domain.model import Code, Known, Outcome, Problem, Sighting, SourceConfig
from app.domain.presence import Failure, Reading
from app.domain.scope import connected, of_one_study, with_twins
from app.errors import SourceError, StoreError
from app.ports import Eligibility, Look, Remembering, Source, Store, SupportedSpecies

log = logging.getLogger(__name__)

T = TypeVar("T")

Touched = Mapping[str, Collection[str] | None]
"""source -> names of what lies directly in its place and may have changed; None: anything there"""

AHEAD = 4
"""Sources that are looked at while another is read."""

_Begun = tuple[Source, Look | None]
"""A source, and the look at it if it can tell at a glance what has changed."""

FEW, SHARE = 500, 0.1
"""So many datasets, or this share of all, are decided sooner by themselves than with all others."""


@dataclass(slots=True)
class _Answer:
    """What a source said of the datasets that are seen there otherwise than before: `before`, and `now`; of one that
    came there is no before, of one that went no now."""

    config: SourceConfig
    before: dict[str, Sighting] = field(default_factory=dict)
    now: dict[str, Sighting] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    traces: Mapping[str, bytes | None] | None = None
    """None: it keeps none, and has told everything"""
    failure: Failure | None = None

    @property
    def changed(self) -> set[str]:
        return {*self.before, *self.now}

    def there(self, known: Mapping[str, Sighting]) -> dict[str, Sighting]:
        """What there is of these, and of those of which this is known."""
        return {**{d: sighting for d, sighting in known.items() if d not in self.before}, **self.now}

    def reading(self, known: Mapping[str, Sighting]) -> Reading:
        if self.failure is not None:
            return Reading(self.config, failure=self.failure)
        return Reading(self.config, self.there(known), self.problems, traces=self.traces or {})


@dataclass(frozen=True, slots=True)
class Crawl:
    """`chosen`: the sources to be read. `touched`: what of them may have changed; then only that is looked at, and the
    databases are only asked about what has. `full`: everything is read again. `silent`: sources that do not answer ->
    in what words; they are not asked."""

    sources: tuple[SourceConfig, ...]
    chosen: Sequence[SourceConfig]
    open_source: Callable[[SourceConfig], Source]
    store: Store
    eligibility: Eligibility
    supported_species: SupportedSpecies
    policy: Policy
    version: str
    confirmed: frozenset[str] = frozenset()
    touched: Touched | None = None
    full: bool = False
    silent: Mapping[str, str] = field(default_factory=dict)
    progress: Callable[[str], object] = lambda doing: None

    def findings(self, base: Known) -> tuple[Known, Findings]:
        """What is known, of all datasets or of as many as it takes, and what was found. `base`: what is known without
        any dataset."""
        species, error = self._species()
        settings = history.settings(self.sources, self.policy, species, self.version)
        known = self.store.known() if self._is_all_anew(base, settings) else None
        before = None if known is None else presence.renamed(known, presence.renames(known, self.sources))
        answers = [self._read(source, begun, before) for source, begun in self._looks(before)]
        glimpses = self._look_again(answers, before)
        found = Findings(
            self.sources,
            (),
            species=species,
            species_error=error,
            confirmed=self.confirmed,
            glimpses=tuple(glimpses),
            settings=settings,
            whole=self.touched is None,
        )
        self.progress("asking the databases")
        if known is None:
            found, changed = self._asked_anew(found, answers, base)
            if not self._bears_on_all(base, found, answers):
                known = self._all_that_matters(base, changed, answers, glimpses)
            known = known or self.store.known()
        else:
            found = self._asked(found, {*known.standings}.union(*(answer.now for answer in answers)))
        before = presence.renamed(known, presence.renames(known, self.sources))
        readings = tuple(answer.reading(before.sightings.get(answer.config.name, {})) for answer in answers)
        return known, _within(replace(found, readings=readings), known)

    def _is_all_anew(self, base: Known, settings: str) -> bool:
        return bool(base.at is None or self.full or self.confirmed or base.holds or base.settings != settings)

    # ----------------------------------------------------------------------- the sources

    def _looks(self, known: Known | None) -> Iterator[tuple[SourceConfig, _Begun | Failure]]:
        """While one place is read, the next are looked at."""
        ahead: deque[tuple[SourceConfig, _Begun | Failure]] = deque()
        for config in self.chosen:
            ahead.append((config, self._look(config, known)))
            if len(ahead) > AHEAD:
                yield ahead.popleft()
        yield from ahead

    def _look(self, config: SourceConfig, known: Known | None) -> _Begun | Failure:
        if config.name in self.silent:
            return Failure("Unanswered", self.silent[config.name])
        self.progress(f"looking at {config.name}")
        try:
            source = self.open_source(config)
            if not isinstance(source, Remembering):
                return source, None
            only = (self.touched or {}).get(config.name)
            return source, source.look(self._kept(config, known), only=only, full=self.full)
        except Exception as error:  # a source kind may come from another package and fail in its own ways
            return failure(config, error)

    def _read(self, config: SourceConfig, begun: _Begun | Failure, known: Known | None) -> _Answer:
        if isinstance(begun, Failure):
            return _Answer(config, failure=begun)
        self.progress(f"reading {config.name}")
        try:
            answer = self._answer(config, begun, known)
        except Exception as error:  # as above
            return _Answer(config, failure=failure(config, error))
        log.info("source %s: %d datasets changed, %d problems", config.name, len(answer.changed), len(answer.problems))
        return answer

    def _answer(self, config: SourceConfig, begun: _Begun, known: Known | None) -> _Answer:
        source, look = begun
        if look is not None:
            before = self._known_there(config, known, look.altered)
            told, traces = list(look.read(before)), look.kept()
        else:
            before = self._known_there(config, known, None)
            told, traces = list(source.read(before, full=self.full)), None
        now = {seen.dataset: seen for seen in told if isinstance(seen, Sighting)}
        problems = tuple(problem for problem in told if isinstance(problem, Problem))
        return _Answer(
            config,
            {d: seen for d, seen in before.items() if now.get(d) != seen},
            {d: seen for d, seen in now.items() if before.get(d) != seen},
            problems,
            traces,
        )

    def _kept(self, config: SourceConfig, known: Known | None) -> Mapping[str, bytes | None]:
        names = {} if known is None else {new: old for old, new in presence.renames(known, self.sources).items()}
        return self.store.traces(names.get(config.name, config.name))

    def _known_there(
        self, config: SourceConfig, known: Known | None, datasets: Collection[str] | None
    ) -> Mapping[str, Sighting]:
        if known is None:
            return self.store.sightings(config.name, datasets)
        there = known.sightings.get(config.name, {})
        return there if datasets is None else {d: there[d] for d in datasets if d in there}

    def _look_again(self, answers: Sequence[_Answer], known: Known | None) -> list[Sighting]:
        """Looks once more, everywhere, for datasets that were nowhere: one that was moved from a place not yet
        read to a place already read has been missed twice, and is not gone; nor is one that was moved to a place
        that this run does not read. Adds what it finds to the answers, and gives what is in other sources."""
        before = Known(sightings={answer.config.name: answer.before for answer in answers})
        missing = presence.lost(before, [answer.reading({}) for answer in answers])
        if not missing:
            return []
        self.progress(f"looking again for {len(missing):,} datasets")
        for answer in answers:
            if answer.failure is None:
                found = self._found(answer.config, missing - answer.now.keys(), known)
                if isinstance(found, Failure):
                    answer.failure = found
                else:
                    answer.now |= {seen.dataset: seen for seen in found}
        read = {answer.config.name for answer in answers}
        left = (source for source in self.sources if source.name not in read and source.name not in self.silent)
        unread = [self._found(source, missing, known) for source in left]
        # What is not read in this run has no troubles in it either.
        return [seen for found in unread if not isinstance(found, Failure) for seen in found]

    def _found(self, config: SourceConfig, datasets: Collection[str], known: Known | None) -> list[Sighting] | Failure:
        try:
            return list(self.open_source(config).find(datasets, self._known_there(config, known, datasets)))
        except Exception as error:
            return failure(config, error)

    # ----------------------------------------------------------------------- the databases

    def _species(self) -> tuple[Species, str]:
        try:
            return Species(self.supported_species()), ""
        except SourceError as error:
            return Species(readable=False), str(error)

    def _asked(self, found: Findings, datasets: set[str]) -> Findings:
        """About these datasets, and those that a database which decides lists."""
        listings = tuple(self.eligibility.listings()) if found.whole else ()
        deciding = {authority.name for authority in self.policy.authorities if authority.decides}
        datasets = datasets.union(*(listing.entries or () for listing in listings if listing.authority in deciding))
        return replace(found, listings=listings, answers=tuple(self.eligibility.verdicts(datasets)))

    def _asked_anew(self, found: Findings, answers: Sequence[_Answer], base: Known) -> tuple[Findings, set[str]]:
        """With what the databases say, as far as it is believed; and the datasets of which anything is new."""
        seen = {seen.dataset for seen in found.glimpses}.union(*(answer.changed for answer in answers))
        changed = seen.union(*(_spoken_of(answer, base) for answer in answers))
        if not found.whole:
            return self._asked(found, seen), changed
        found = self._asked(found, {*self.store.states(), *seen} if self.eligibility.checks else set())
        verdicts = self.store.verdicts() if found.answers else {}
        known = Known(verdicts=verdicts, entries=self.store.entries() if found.listings else {})
        found = history.judged(found, known, self.policy)
        return found, changed.union(_otherwise_listed(found, known), _otherwise_judged(found, known))

    # ----------------------------------------------------------------------- how much of it matters

    def _bears_on_all(self, base: Known, found: Findings, answers: Sequence[_Answer]) -> bool:
        """Whether a database has answered for the first time, or every source has been read: only then it can be said
        what is missing there, or here."""
        answered = {listing.authority for listing in found.listings if listing.entries is not None}
        unread = {s.name for s in self.sources if s.name not in base.sources or base.sources[s.name].last_read is None}
        read = {answer.config.name for answer in answers if answer.failure is None}
        return bool(answered - base.asked.keys() or (unread and unread <= read))

    def _all_that_matters(
        self, base: Known, changed: set[str], answers: Sequence[_Answer], glimpses: Sequence[Sighting]
    ) -> Known | None:
        """What is known of the datasets that are to be decided; None: it might as well be all."""
        few = max(FEW, int(SHARE * sum(base.elsewhere.counts.values())))
        if len(changed) > few:
            return None
        if not changed:
            return base
        here = {dataset for dataset, state in self.store.states().items() if state}
        changed = with_twins(changed, here)
        stages = presence.stages(base, self.sources, self.policy.lifecycle)
        names = history.names(_now(self.store.part(changed, ()), answers, glimpses), changed, stages)
        beside = connected(changed, names, self.store.having, few)
        if len(beside) > few:
            return None
        known = self.store.part((), beside)
        unseen = {*known.standings, *changed}
        # Who names an accession tells whether it ties others, too.
        scope = of_one_study(beside, known.sightings, stages, unseen)
        scope |= of_one_study(scope, _now(known, answers, glimpses), stages, unseen)
        keys = {name for its in names.values() for name in its if name.startswith(TITLE)} | self.store.titles(scope)
        related = scope.union(*self.store.alike(keys).values())
        beside |= connected(related, names, self.store.having, few)
        if len(beside) > few:
            return None
        return replace(self.store.part(scope, beside | with_twins(scope, here)), related=frozenset(related))


def _now(known: Known, answers: Sequence[_Answer], glimpses: Sequence[Sighting]) -> dict[str, dict[str, Sighting]]:
    """source -> dataset -> sighting: what is known, with what was found in place of it."""
    there = {source: dict(found) for source, found in known.sightings.items()}
    there |= {a.config.name: a.there(there.get(a.config.name, {})) for a in answers if a.failure is None}
    for seen in glimpses:
        there.setdefault(seen.source, {})[seen.dataset] = seen
    return there


def _spoken_of(answer: _Answer, base: Known) -> Iterator[str]:
    """The datasets of which a place, not what is seen of them there, has something else to say than before."""
    if answer.failure is not None:
        return
    told = {problem.identity: problem.dataset for problem in answer.problems if problem.dataset}
    known = {entry.problem.identity for entry in base.problems}
    yield from (dataset for identity, dataset in told.items() if identity not in known)
    for problem in (entry.problem for entry in base.problems):
        of_place = problem.code in _OF_PLACES or answer.traces is None
        if problem.source == answer.config.name and problem.dataset and of_place and problem.identity not in told:
            yield problem.dataset


_OF_PLACES = (Code.CASE_DUPLICATE, Code.VANISHED, Code.REPEATED)
"""What a source that remembers says of datasets without seeing them."""


def _otherwise_listed(found: Findings, known: Known) -> Iterator[str]:
    for listing in found.listings:
        before, now = known.entries.get(listing.authority, {}), listing.entries
        if now is not None and now != before:
            yield from (d for d in before.keys() | now.keys() if before.get(d) != now.get(d))


def _otherwise_judged(found: Findings, known: Known) -> Iterator[str]:
    for answer in found.answers:
        if answer.verdicts is None:
            continue
        said = {d: (v.outcome, v.reason) for d, v in answer.verdicts.items() if v.outcome is not Outcome.UNKNOWN}
        held = {d: (v.outcome, v.reason) for (d, c), v in known.verdicts.items() if c == answer.check and v.current}
        if said != held:
            yield from (d for d in said.keys() | held.keys() if said.get(d) != held.get(d))


def _within(found: Findings, known: Known) -> Findings:
    """What was said of the datasets that are at hand."""
    if known.scope is None:
        return found
    there = {*known.scope, *known.standings}
    answers = tuple(
        answer
        if answer.verdicts is None
        else replace(answer, verdicts={d: v for d, v in answer.verdicts.items() if d in there})
        for answer in found.answers
    )
    listings = tuple(
        listing
        if listing.entries is None
        else replace(listing, entries={d: e for d, e in listing.entries.items() if d in there})
        for listing in found.listings
    )
    return replace(found, answers=answers, listings=listings, judged=True)


def failure(config: SourceConfig, error: Exception) -> Failure:
    """An error that nobody foresaw is logged with its traceback. One of the store is no source's, and raised again."""
    if isinstance(error, StoreError):
        raise error
    kind, message, where = type(error).__name__, str(error), ""
    if isinstance(error, SourceError):
        where = error.where
        log.warning("source %s: %s", config.name, message)
    else:
        log.exception("source %s", config.name)
        message = f"{config.name} could not be read, by a fault in the source kind {config.kind}: {kind}: {message}"
    return Failure(kind, message, traceback.format_exc(), where)
