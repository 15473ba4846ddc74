"""From facts to states.

    sightings, verdicts, production databases, duplicates -> Facts -> RULES in order -> Decision -> StateChange

A rule looks at the facts and at the state so far, and names the state that follows, or None. The last rule
that moved a dataset is its reason: the rule's name is what history and `why` show.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.duplicates import Studies, Study
from app.domain.model import (
    Decision,
    Known,
    Lifecycle,
    Metadata,
    Outcome,
    Sighting,
    Stage,
    Standing,
    State,
    StateChange,
    Verdict,
)
from app.domain.production import Authority, Production
from app.domain.species import species_name

MOST_NAMED = 20
"""Datasets that are named as those under which a study is already here: no list in a sheet need be longer."""

NO_LONGER_SEEN = "no_longer_seen"

SUPPORTED, NOT_SUPPORTED, UNKNOWN_ORGANISM, NOT_ASKED = "Supported", "Not supported", "Unknown", ""


@dataclass(frozen=True, slots=True)
class Seen:
    """A sighting, and the states that a dataset seen there may be in."""

    stage: Stage
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision on one dataset rests on. `seen` is furthest first; `having` are the production databases
    that have it, `lacking` those that should, by its place, and have not."""

    dataset: str
    lifecycle: Lifecycle
    seen: tuple[Seen, ...]
    verdicts: tuple[Verdict, ...] = ()
    ingested_as: tuple[str, ...] = ()
    organism_status: str = NOT_ASKED
    last_location: str = ""
    having: tuple[Authority, ...] = ()
    lacking: tuple[Authority, ...] = ()

    @property
    def outcome(self) -> Outcome:
        return overall(self.verdicts)


Rule = Callable[[Facts, State | None], State | None]


def furthest_stage(facts: Facts, so_far: State | None) -> State | None:
    """The place whose range of states starts furthest decides: its start is what is certain."""
    return facts.seen[0].stage.start if facts.seen else None


def eligible_should_be_imported(facts: Facts, so_far: State | None) -> State | None:
    """External, eligible, of a supported organism, and not here already: it should be imported."""
    wanted = so_far == facts.lifecycle.external and not objections(facts)
    return facts.lifecycle.incoming if wanted else None


def confirmed_by_production(facts: Facts, so_far: State | None) -> State | None:
    """By the word of a production database that decides: what it has is in its state, wherever it was seen; what is
    in the place for that state, and not in the database, is in the state before."""
    if facts.having:
        confirmed = max((a.state for a in facts.having if a.decides), default=None)
        if confirmed is not None and (so_far is None or so_far < confirmed):
            return confirmed
    if facts.lacking and all(a.decides for a in facts.lacking):
        return max((state for state in facts.lifecycle.states if state < facts.lacking[0].state), default=None)
    return None


RULES: tuple[Rule, ...] = (furthest_stage, eligible_should_be_imported, confirmed_by_production)


def decide(facts: Facts) -> Decision:
    state, reason = None, NO_LONGER_SEEN
    for rule in RULES:
        if (following := rule(facts, state)) is not None:
            state, reason = following, rule.__name__
    if state is None:
        return Decision(facts.dataset, None, reason, _gone(facts), organism_status=facts.organism_status)
    if not facts.seen:
        return _unseen(facts, state, reason)
    deciding = facts.seen[0]
    return Decision(
        dataset=facts.dataset,
        state=state,
        rule=reason,
        sentence=_sentence(facts, state, reason),
        up_to=deciding.stage.end if deciding.stage.end > state else None,
        source=deciding.sighting.source,
        location=deciding.sighting.location,
        organism_status=facts.organism_status,
        ingested_as=facts.ingested_as,
    )


def overall(verdicts: Sequence[Verdict]) -> Outcome:
    """Any FAIL outweighs PASS, PASS outweighs UNKNOWN."""
    outcomes = [verdict.outcome for verdict in verdicts]
    return next((o for o in (Outcome.FAIL, Outcome.PASS) if o in outcomes), Outcome.UNKNOWN)


def objections(facts: Facts) -> tuple[str, ...]:
    """Why an external dataset is not to be imported, in words; empty when it should be."""
    found = []
    outcome = facts.outcome
    if outcome is Outcome.FAIL:
        found.append("; ".join(f"{v.check} says {v}" for v in facts.verdicts if v.outcome is Outcome.FAIL))
    if outcome is Outcome.UNKNOWN:
        found.append("no eligibility check has an answer for it")
    if facts.ingested_as:
        found.append(f"its study is already here as {', '.join(facts.ingested_as)}")
    if facts.organism_status == NOT_SUPPORTED:
        found.append(f"its organism ({', '.join(_metadata(facts.seen).organisms)}) is not supported")
    if facts.organism_status == UNKNOWN_ORGANISM:
        found.append("its organism is not known")
    return tuple(found)


def _gone(facts: Facts) -> str:
    last = f"; it was last seen in {facts.last_location}" if facts.last_location else ""
    return f"It is no longer seen in any source{last}."


def _unseen(facts: Facts, state: State, reason: str) -> Decision:
    """Of a dataset that only a database knows: its place is the database."""
    confirming = _deciding(facts.having, state)
    sentence = f"It is {state} by the word of {_names(confirming)} alone: no source shows it."
    location = confirming[0].database
    return Decision(facts.dataset, state, reason, sentence, location=location, organism_status=facts.organism_status)


def _sentence(facts: Facts, state: State, reason: str) -> str:
    deciding = facts.seen[0]
    start, end = deciding.stage.start, deciding.stage.end
    where = f"It is in {deciding.sighting.location}, a place for datasets that are " + (
        f"{start}" if start == end else f"anything from {start} to {end}"
    )
    if len(facts.seen) > 1:
        where += f" (the furthest of the {len(facts.seen)} places where it was seen)"
    if reason == confirmed_by_production.__name__ and state > start:
        return f"{where}. It is {state} by the word of {_names(_deciding(facts.having, state))}: it is there."
    if reason == confirmed_by_production.__name__:
        return f"{where}. It is only {state} by the word of {_names(facts.lacking)}: it is not there."
    if state == facts.lifecycle.incoming != start:
        passed = ", ".join(f"{v.check} says {v}" for v in facts.verdicts if v.outcome is Outcome.PASS)
        organism = "its organism is supported, " if facts.organism_status == SUPPORTED else ""
        return f"{where}. It should be imported: {passed}, {organism}and its study is not here under another accession."
    if start == facts.lifecycle.external:
        return f"{where}. It is not to be imported: {'; '.join(objections(facts))}."
    return f"{where}."


def _deciding(authorities: Iterable[Authority], state: State) -> list[Authority]:
    return [authority for authority in authorities if authority.decides and authority.state == state]


def _names(authorities: Iterable[Authority]) -> str:
    return " and ".join(authority.name for authority in authorities)


# --------------------------------------------------------------------------- all datasets at once


def _metadata(seen: Sequence[Seen]) -> Metadata:
    return merged([place.sighting for place in seen])


def merged(sightings: Sequence[Sighting]) -> Metadata:
    """Field by field the first sighting's value that is not empty; it is incomplete if it was incomplete there."""
    if len(sightings) == 1:
        return sightings[0].metadata
    said = [sighting.metadata for sighting in sightings]
    chosen = {
        name: next((each for each in said if any(getattr(each, name))), None)
        or next((each for each in said if name in each.incomplete), _NOTHING_SAID)
        for name in _FIELDS
    }
    incomplete = tuple(name for name, each in chosen.items() if name in each.incomplete)
    return Metadata(**{name: getattr(each, name) for name, each in chosen.items()}, incomplete=incomplete)


_NOTHING_SAID = Metadata()
_FIELDS = tuple(name for name in Metadata.__slots__ if name != "incomplete")


def furthest_first(
    sightings: Mapping[str, Mapping[str, Sighting]], stages: Mapping[str, Stage]
) -> dict[str, list[Seen]]:
    """dataset -> where it was seen, furthest first; equal stages in the order that `stages` has."""
    places: dict[str, list[Seen]] = {}
    for source, stage in stages.items():
        for dataset, sighting in sightings.get(source, {}).items():
            places.setdefault(dataset, []).append(Seen(stage, sighting))
    for seen in places.values():
        seen.sort(key=lambda place: place.stage, reverse=True)
    return places


def decisions(
    sightings: Mapping[str, Mapping[str, Sighting]],
    verdicts: Mapping[tuple[str, str], Verdict],
    *,
    known: Known,
    lifecycle: Lifecycle,
    stages: Mapping[str, Stage],
    species: Species,
    production: Production,
) -> Iterator[Decision]:
    """A decision for every dataset that is seen now, was known before, or is in a database that decides."""
    places = furthest_first(sightings, stages)
    studies = Studies({d: Study.of(_metadata(seen)) for d, seen in places.items()})
    tracked = production.tracked()
    ingested = {d for d, seen in places.items() if seen[0].stage.start > lifecycle.incoming} | tracked
    ingested_as = studies.others_among(ingested, MOST_NAMED)
    said = by_dataset(verdicts.values())
    here = places.keys() | tracked
    for dataset in sorted(here | known.standings.keys()):
        standing = known.standings.get(dataset)
        outside = known.scope is not None and dataset not in known.scope
        if standing is not None and (outside or (dataset not in here and standing.decision.state is None)):
            yield standing.decision
            continue
        seen = tuple(places.get(dataset, ()))
        tech = seen[0].sighting.tech if seen else ()
        last = standing.decision if standing else _NEVER_SEEN
        yield decide(
            Facts(
                dataset,
                lifecycle,
                seen,
                said.get(dataset, ()),
                ingested_as=ingested_as(dataset) if seen else (),
                organism_status=_organism_status(seen, species, last),
                last_location=last.location,
                having=production.having(dataset, tech),
                lacking=production.lacking(dataset, tech, seen[0].stage.start) if seen else (),
            )
        )


def _organism_status(seen: Sequence[Seen], species: Species, last: Decision) -> str:
    """Of a dataset that nobody sees any more, and where the list could not be read, the last answer stays."""
    asked = species.readable and (seen or last is _NEVER_SEEN)
    return species.status(_metadata(seen).organisms) if asked else last.organism_status


_NEVER_SEEN = Decision("", None, "", "", organism_status=UNKNOWN_ORGANISM)


@dataclass(frozen=True, slots=True)
class Species:
    """The supported species: `names` normalised, None where no list is configured.
    `readable` False: the list could not be read this time, so that the last answers stay."""

    names: Collection[str] | None = None
    readable: bool = True

    def status(self, organisms: Sequence[str]) -> str:
        if self.names is None:
            return NOT_ASKED
        if not organisms:
            return UNKNOWN_ORGANISM
        return SUPPORTED if all(species_name(o) in self.names for o in organisms) else NOT_SUPPORTED


def by_dataset(verdicts: Collection[Verdict]) -> dict[str, tuple[Verdict, ...]]:
    """dataset -> its verdicts by check, in whatever order they come."""
    said: dict[str, tuple[Verdict, ...]] = {}
    for verdict in sorted(verdicts, key=lambda verdict: verdict.check):
        said[verdict.dataset] = (*said.get(verdict.dataset, ()), verdict)
    return said


def changes(
    decided: Mapping[str, Decision], standings: Mapping[str, Standing], now: datetime
) -> tuple[StateChange, ...]:
    """One row for every dataset whose state is not the one it had; nothing for the rest."""
    return tuple(
        StateChange(dataset, before, decision.state, decision.rule, decision.sentence, now)
        for dataset, decision in decided.items()
        if (before := standings[dataset].decision.state if dataset in standings else None) != decision.state
    )
