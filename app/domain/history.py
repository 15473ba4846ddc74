"""From one moment to the next: what is known after a crawl, and the rows that tell the difference.

Known (before) + Findings --settle--> Known (after) --recording--> only what changed
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from app.domain import duplicates, lifecycle, presence, problems, production
from app.domain.model import (
    Answer,
    Code,
    Counters,
    Decision,
    Edits,
    Entry,
    HarvestLog,
    Hold,
    Known,
    KnownProblem,
    KnownSource,
    Lifecycle,
    Listing,
    LogStatus,
    Outcome,
    Problem,
    Recording,
    Run,
    RunStatus,
    Sighting,
    SourceConfig,
    Stage,
    Standing,
    StateChange,
    Verdict,
)
from app.domain.presence import HoldLimits, Reading
from app.domain.production import Authority, Production
from app.domain.text import storable

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def settings(sources: Iterable[SourceConfig], policy: Policy, species: lifecycle.Species, version: str) -> str:
    """A digest of what decisions depend on, beside facts: where it is another, all are to be made anew."""
    names = None if species.names is None else sorted(species.names)
    told = repr((tuple(sources), policy, species.readable, names, version))
    return hashlib.blake2b(storable(told).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that decisions depend on."""

    lifecycle: Lifecycle = field(default_factory=Lifecycle.of)
    limits: HoldLimits = field(default_factory=HoldLimits)
    authorities: tuple[Authority, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """What a crawl brought home. `sources` are all that are configured, `readings` those that were read."""

    sources: tuple[SourceConfig, ...]
    readings: tuple[Reading, ...]
    answers: tuple[Answer, ...] = ()
    species: lifecycle.Species = field(default_factory=lifecycle.Species)
    species_error: str = ""
    confirmed: frozenset[str] = frozenset()
    glimpses: tuple[Sighting, ...] = ()
    """datasets that were missing where they were, and found in sources that this run does not read"""
    listings: tuple[Listing, ...] = ()
    judged: bool = False
    """whether `answers` and `listings` are only what is believed of them"""
    whole: bool = True
    """whether the databases were asked of all datasets, not just of some"""
    settings: str = ""
    """a digest of what decisions depend on, beside facts"""


@dataclass(frozen=True, slots=True)
class Settled:
    """What holds after a crawl, and the state changes that led there. `known` is what the store holds, `before`
    the same under the names that sources have now; `held` are the holds that this run came upon, `answers` and
    `listings` what databases said, as far as it is believed: what is in doubt is without verdicts or entries."""

    known: Known
    before: Known
    after: Known
    changes: tuple[StateChange, ...]
    held: Mapping[str, Hold]
    answers: tuple[Answer, ...]
    listings: tuple[Listing, ...]
    status: RunStatus
    stages: Mapping[str, Stage]
    """source name -> the states that datasets may be in there"""


def settle(known: Known, findings: Findings, policy: Policy, now: datetime) -> Settled:
    """Decides everything that follows from what was found. Pure: writes nothing."""
    sources, readings = findings.sources, findings.readings
    stored, known = known, presence.renamed(known, presence.renames(known, sources))
    findings = findings if findings.judged else judged(findings, known, policy)
    answers, listings = findings.answers, findings.listings
    held = presence.holds(
        known, readings, sources, glimpses=findings.glimpses, confirmed=findings.confirmed, limits=policy.limits
    )
    well = {r.config.name for r in readings if r.failure is None} - held.keys()
    sightings = presence.present(known, readings, findings.glimpses, held, sources)
    stages = presence.stages(known, sources, policy.lifecycle)
    verdicts = renewed(known.verdicts, findings.answers, now)
    entries = production.renewed(known.entries, listings)
    asked = {**known.asked, **dict.fromkeys(_answered(findings), now)}
    confirming = Production(tuple(a for a in policy.authorities if a.name in asked), entries)
    decided = {
        decision.dataset: decision
        for decision in lifecycle.decisions(
            sightings,
            verdicts,
            known=known,
            lifecycle=policy.lifecycle,
            stages=stages,
            species=findings.species,
            production=confirming,
        )
    }
    changes = lifecycle.changes(decided, known.standings, now)
    after = Known(
        at=now,
        settings=findings.settings,
        scope=known.scope,
        related=known.related,
        elsewhere=known.elsewhere,
        sources=_sources(known, sources, held, well, now),
        sightings=sightings,
        verdicts=verdicts,
        entries=entries,
        asked=asked,
        standings=_standings(decided, known, changes, now),
        holds=_standing_holds(known, sources, well) | held,
        remarks=known.remarks,
        annotations=known.annotations,
    )
    found = _problems(after, findings, known.problems, policy.lifecycle, stages, confirming)
    since = {entry.problem.identity: entry.since for entry in known.problems}
    after = replace(after, problems=tuple(KnownProblem(p, since.get(p.identity, now)) for p in found))
    return Settled(stored, known, after, changes, held, answers, listings, _status(findings, held), stages)


def judged(findings: Findings, known: Known, policy: Policy) -> Findings:
    """With those answers and listings that are in doubt as if they could not be asked."""
    answers = believed(findings.answers, known, policy.limits)
    listings = production.trusted(findings.listings, known, policy.limits, findings.confirmed)
    return replace(findings, answers=answers, listings=listings, judged=True)


def believed(answers: Iterable[Answer], known: Known, limits: HoldLimits) -> tuple[Answer, ...]:
    """The answers. A check that had more than a few and suddenly has none at all, as from a table that was emptied,
    is as if it could not be asked."""
    had = Counter(verdict.check for verdict in known.verdicts.values() if verdict.current)
    return tuple(
        answer
        if answer.verdicts is None or had[answer.check] <= limits.more_than or _said(answer.verdicts)
        else replace(answer, verdicts=None, error=_silence(answer.database, had[answer.check]))
        for answer in answers
    )


def _silence(database: str, had: int) -> str:
    return f"{database} answers, but knows none of the {had:,} datasets that it knew"


def _said(verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Without those that only say that there is none."""
    return {d: v for d, v in verdicts.items() if v.outcome is not Outcome.UNKNOWN}


def renewed(
    known: Mapping[tuple[str, str], Verdict], answers: Iterable[Answer], now: datetime
) -> dict[tuple[str, str], Verdict]:
    """The verdicts that count now. An answer replaces the last one; without an answer (unknown, not asked,
    database down) the last one stays, as old as it is."""
    verdicts = dict(known)
    for answer in answers:
        if answer.verdicts is None:
            continue
        said = _said(answer.verdicts)
        for key in known:
            if key[1] == answer.check and key[0] not in said:
                verdicts[key] = replace(known[key], current=False)
        verdicts |= {(d, answer.check): replace(v, checked=now, current=True) for d, v in said.items()}
    return verdicts


def _answered(findings: Findings) -> tuple[str, ...]:
    """The checks and the production databases that did, of all datasets."""
    if not findings.whole:
        return ()
    checks = (answer.check for answer in findings.answers if answer.verdicts is not None)
    return (*checks, *(listing.authority for listing in findings.listings if listing.entries is not None))


def _standing_holds(known: Known, configured: Iterable[SourceConfig], well: Collection[str]) -> dict[str, Hold]:
    """What a source that was not read well is still waiting for; one that has come back waits no more."""
    names = {source.name for source in configured} - set(well)
    return {n: hold for n, hold in known.holds.items() if n in names and hold.reason != presence.REMOVED}


def _sources(
    known: Known, configured: Iterable[SourceConfig], held: Collection[str], well: Collection[str], now: datetime
) -> dict[str, KnownSource]:
    sources = {n: replace(s, deleted=n not in held) for n, s in known.sources.items()}
    for config in configured:
        last_read = sources[config.name].last_read if config.name in sources else None
        options = {"stage": [config.stage.start.name, config.stage.end.name]}
        sources[config.name] = KnownSource(
            config.name, config.key, config.kind, options, last_read=now if config.name in well else last_read
        )
    return sources


def _standings(
    decided: Mapping[str, Decision], known: Known, changes: Iterable[StateChange], now: datetime
) -> dict[str, Standing]:
    first = {dataset: standing.first for dataset, standing in known.standings.items()}
    changed = {c.dataset: Standing(decided[c.dataset], now, c.before, first.get(c.dataset, now)) for c in changes}
    return {d: changed.get(d) or replace(known.standings[d], decision=decision) for d, decision in decided.items()}


def _problems(
    after: Known,
    findings: Findings,
    before: tuple[KnownProblem, ...],
    states: Lifecycle,
    stages: Mapping[str, Stage],
    confirming: Production,
) -> list[Problem]:
    """Worst first; each once."""
    places = lifecycle.furthest_first(after.sightings, stages)
    said = lifecycle.by_dataset(after.verdicts.values())
    configured = {source.name for source in findings.sources}
    everywhere = all(after.sources[name].last_read for name in configured)
    counting = {name: source for name, source in after.sources.items() if not source.deleted}
    found = [
        *problems.of_sources(findings.readings, after.holds, replace(after, sources=counting, problems=before)),
        *problems.of_answers(findings.answers, findings.listings, findings.species_error),
        *problems.of_names(places.keys()),
        *problems.of_production(confirming, places, looked_everywhere=everywhere),
    ]
    for dataset, seen in places.items():
        if after.scope is None or dataset in after.scope:
            found += problems.of_dataset(after.standings[dataset], seen, said.get(dataset, ()), states, configured)
    found += (p for p in (entry.problem for entry in before) if _stays(p, after.scope, whole=findings.whole))
    return problems.worst_first({problem.identity: problem for problem in reversed(found)}.values())


def _stays(problem: Problem, scope: Collection[str] | None, *, whole: bool) -> bool:
    """Whether nothing was learnt in this run that could tell otherwise."""
    if not problem.dataset:
        return not whole and problem.code in (Code.DATABASE_UNREADABLE, Code.SPECIES_UNREADABLE)
    return scope is not None and problem.dataset not in scope


def _status(findings: Findings, held: Mapping[str, Hold]) -> RunStatus:
    failures = [reading for reading in findings.readings if reading.failure is not None]
    if failures and len(failures) == len(findings.readings):
        return RunStatus.FAILED
    if held:
        return RunStatus.HELD
    unanswered = any(answer.verdicts is None for answer in findings.answers)
    unanswered |= any(listing.entries is None for listing in findings.listings)
    return RunStatus.PARTIAL if failures or unanswered or findings.species_error else RunStatus.SUCCEEDED


# --------------------------------------------------------------------------- what to write


def recording(settled: Settled, findings: Findings, *, started: datetime, version: str) -> Recording:
    """The rows that make the store say what is known now. Where nothing changed there are none but the run's."""
    findings = replace(findings, answers=settled.answers, listings=settled.listings)
    known, before, after = settled.known, settled.before, settled.after
    run = Run(
        started=started,
        finished=after.at or started,
        status=settled.status,
        counts=counts(after),
        changes=len(settled.changes),
        checks=_answered(findings),
        error="; ".join(_failures(settled, findings)),
        tracker_version=version,
    )
    sightings = edits(_flat(before), _flat(after), alike=_looks_the_same)
    return Recording(
        run=run,
        sources=findings.sources,
        renamed=tuple(presence.renames(known, findings.sources).items()),
        dropped=tuple(n for n, s in after.sources.items() if s.deleted and not before.sources[n].deleted),
        logs=tuple(_log(reading, settled, started) for reading in findings.readings),
        sightings=sightings,
        verdicts=edits(_undated(before.verdicts), _undated(after.verdicts)),
        entries=edits(_listed(before), _listed(after)),
        decisions=edits(_decisions(before), _decisions(after)),
        problems=edits(_identified(known), _identified(after), alike=lambda old, new: True),
        holds=edits(before.holds, after.holds),
        names=_renamed(settled, sightings),
        changes=settled.changes,
        settings=findings.settings,
        traces={r.config.name: r.traces for r in findings.readings if r.config.name not in settled.held},
    )


def _failures(settled: Settled, findings: Findings) -> Iterator[str]:
    """What went wrong with the run as a whole, in words."""
    yield from (reading.failure.message for reading in findings.readings if reading.failure is not None)
    yield from (problems.held(hold) for hold in settled.held.values())
    unanswered = problems.of_answers(findings.answers, findings.listings, findings.species_error)
    yield from (problem.message for problem in unanswered)


def counts(known: Known) -> dict[str, int]:
    """state name -> how many datasets stand there, in lifecycle order; gone ones are left out."""
    states = Counter(s.decision.state for s in known.standings.values() if s.decision.state is not None)
    states.update(known.elsewhere.counts)
    return {state.name: states[state] for state in sorted(states) if states[state]}


def edits(
    before: Mapping[K, T], after: Mapping[K, T], alike: Callable[[T, T], bool] = lambda old, new: old == new
) -> Edits[T]:
    """`alike` says whether two facts look the same to a person; those that do and still differ are amended."""
    kept = [(key, old, after[key]) for key, old in before.items() if key in after]
    differing = [(key, old, new) for key, old, new in kept if old is not new and old != new]
    replaced = {key for key, old, new in differing if not alike(old, new)}
    return Edits(
        opened=tuple(new for key, new in after.items() if key not in before or key in replaced),
        closed=tuple(old for key, old in before.items() if key not in after or key in replaced),
        amended=tuple(new for key, old, new in differing if key not in replaced),
    )


def _flat(known: Known) -> dict[tuple[str, str], Sighting]:
    return {(source, d): sighting for source, found in known.sightings.items() for d, sighting in found.items()}


def is_quiet(recording: Recording) -> bool:
    """Whether a person sees nothing else than before, but how late it is."""
    seen = recording.sightings, recording.verdicts, recording.entries, recording.decisions, recording.problems
    edited = (*seen, recording.holds, recording.groups)
    return not recording.changes and not any(edits.opened or edits.closed for edits in edited)


def _renamed(settled: Settled, edited: Edits[Sighting]) -> dict[str, frozenset[str]]:
    """The datasets that are found by other names than before; all of them where the settings are others, or the
    version, as by which names follows from those too."""
    before, after = settled.before, settled.after
    changed = {sighting.dataset for sighting in (*edited.opened, *edited.closed, *edited.amended)}
    if before.settings != after.settings:
        everywhere = {d for found in after.sightings.values() for d in found}
        return names(after.sightings, {*changed, *everywhere}, settled.stages)
    was = names(before.sightings, changed, settled.stages)
    now = names(after.sightings, changed, settled.stages)
    return {dataset: now[dataset] for dataset in changed if now[dataset] != was[dataset]}


def names(
    sightings: Mapping[str, Mapping[str, Sighting]], datasets: Collection[str], stages: Mapping[str, Stage]
) -> dict[str, frozenset[str]]:
    """By which accessions each is found, and by which title; nothing for one that is nowhere."""
    among = {source: {d: found[d] for d in datasets if d in found} for source, found in sightings.items()}
    places = lifecycle.furthest_first(among, stages)
    return {dataset: _named(dataset, places.get(dataset, ())) for dataset in datasets}


def _named(dataset: str, seen: Sequence[lifecycle.Seen]) -> frozenset[str]:
    if not seen:
        return frozenset()
    sightings = [place.sighting for place in seen]
    title = duplicates.title_key(duplicates.Study.of(lifecycle.merged(sightings)))
    return duplicates.names(dataset, [s.metadata for s in sightings]) | ({title} if title else set())


def _listed(known: Known) -> dict[tuple[str, str], Entry]:
    return {(authority, d): entry for authority, found in known.entries.items() for d, entry in found.items()}


def _decisions(known: Known) -> dict[str, Decision]:
    return {dataset: standing.decision for dataset, standing in known.standings.items()}


def _identified(known: Known) -> dict[tuple[str, ...], Problem]:
    return {entry.problem.identity: entry.problem for entry in known.problems}


def _looks_the_same(old: Sighting, new: Sighting) -> bool:
    def visible(sighting: Sighting) -> tuple[object, ...]:
        named = tuple((file.role, file.path) for file in sighting.files)
        return sighting.location, sighting.tech, sighting.modified, sighting.metadata, named, sighting.problems

    return visible(old) == visible(new)


def _undated(verdicts: Mapping[tuple[str, str], Verdict]) -> dict[tuple[str, str], Verdict]:
    """When a verdict that still stands was last checked follows from the runs, so that asking again writes nothing."""
    return {key: replace(v, checked=None) if v.current else v for key, v in verdicts.items()}


def _log(reading: Reading, settled: Settled, started: datetime) -> HarvestLog:
    """A tree has no dates: its log covers what happened since it was last read whole."""
    name, now = reading.config.name, settled.after.at or started
    before = settled.before.sources.get(name)
    since = (before.last_read if before else None) or BEGINNING
    failure = reading.failure
    if name in settled.held:
        failure = presence.Failure("Held", problems.held(settled.held[name]))
    if failure is not None:
        error = (failure.kind, failure.message, failure.trace)
        return HarvestLog(name, since, now, LogStatus.FAILED, started, Counters(), *error)
    was = settled.before.sightings.get(name, {})
    others = settled.before.elsewhere.found.get(name, 0), settled.before.elsewhere.failed.get(name, 0)
    return HarvestLog(name, since, now, LogStatus.SUCCEEDED, started, _counters(was, reading.sightings, *others))


def _counters(was: Mapping[str, Sighting], found: Mapping[str, Sighting], others: int, unreadable: int) -> Counters:
    """`others`: how many more there are, which are as they were."""
    unchanged = sum(d in was and (s is was[d] or _looks_the_same(was[d], s)) for d, s in found.items())
    new = sum(d not in was for d in found)
    failed = sum(any(p.code is Code.UNREADABLE for p in s.problems) for s in found.values())
    return Counters(
        seen=len(found) + others,
        new=new,
        changed=len(found) - new - unchanged,
        unchanged=unchanged + others,
        gone=len(was.keys() - found.keys()),
        failed=failed + unreadable,
    )
