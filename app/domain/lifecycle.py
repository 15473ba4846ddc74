"""From facts to states.

    sightings, verdicts, duplicates -> Facts -> RULES in order -> Decision -> StateChange

A rule looks at the facts and at the state so far, and names the state that follows, or None. The last rule
that moved a dataset is its reason: the rule's name is what history and `why` show.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.duplicates import Studies
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
from app.domain.species import species_name

NO_LONGER_SEEN = "no_longer_seen"

SUPPORTED, NOT_SUPPORTED, UNKNOWN_ORGANISM, NOT_ASKED = "Supported", "Not supported", "Unknown", ""


@dataclass(frozen=True, slots=True)
class Seen:
    """A sighting, and the states that a dataset seen there may be in."""

    stage: Stage
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision on one dataset rests on. `seen` is furthest first."""

    dataset: str
    lifecycle: Lifecycle
    seen: tuple[Seen, ...]
    verdicts: tuple[Verdict, ...] = ()
    ingested_as: tuple[str, ...] = ()
    organism_status: str = NOT_ASKED
    last_location: str = ""

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


RULES: tuple[Rule, ...] = (furthest_stage, eligible_should_be_imported)


def decide(facts: Facts) -> Decision:
    state, reason = None, NO_LONGER_SEEN
    for rule in RULES:
        if (following := rule(facts, state)) is not None:
            state, reason = following, rule.__name__
    if state is None:
        return Decision(facts.dataset, None, reason, _gone(facts), organism_status=facts.organism_status)
    deciding = facts.seen[0]
    return Decision(
        dataset=facts.dataset,
        state=state,
        rule=reason,
        sentence=_sentence(facts, state),
        up_to=deciding.stage.end if deciding.stage.end > state else None,
        source=deciding.sighting.source,
        location=deciding.sighting.location,
        organism_status=facts.organism_status,
        ingested_as=facts.ingested_as,
    )


def overall(verdicts: Sequence[Verdict]) -> Outcome:
    """Any FAIL outweighs PASS, PASS outweighs UNKNOWN."""
    outcomes = {verdict.outcome for verdict in verdicts}
    return next((o for o in (Outcome.FAIL, Outcome.PASS) if o in outcomes), Outcome.UNKNOWN)


def objections(facts: Facts) -> tuple[str, ...]:
    """Why an external dataset is not to be imported, in words; empty when it should be."""
    said = {
        Outcome.PASS: "",
        Outcome.FAIL: "; ".join(f"{v.check} says {v}" for v in facts.verdicts if v.outcome is Outcome.FAIL),
        Outcome.UNKNOWN: "no eligibility check has an answer for it",
    }[facts.outcome]
    ingested = f"its study is already here as {', '.join(facts.ingested_as)}" if facts.ingested_as else ""
    organism = {
        NOT_SUPPORTED: f"its organism ({', '.join(_metadata(facts.seen).organisms)}) is not supported",
        UNKNOWN_ORGANISM: "its organism is not known",
    }.get(facts.organism_status, "")
    return tuple(filter(None, (said, ingested, organism)))


def _gone(facts: Facts) -> str:
    last = f"; it was last seen in {facts.last_location}" if facts.last_location else ""
    return f"It is no longer seen in any source{last}."


def _sentence(facts: Facts, state: State) -> str:
    deciding = facts.seen[0]
    start, end = deciding.stage.start, deciding.stage.end
    where = f"It is in {deciding.sighting.location}, a place for datasets that are " + (
        f"{start}" if start == end else f"anything from {start} to {end}"
    )
    if len(facts.seen) > 1:
        where += f" (the furthest of the {len(facts.seen)} places where it was seen)"
    if state == facts.lifecycle.incoming != start:
        passed = ", ".join(f"{v.check} says {v}" for v in facts.verdicts if v.outcome is Outcome.PASS)
        organism = "its organism is supported, " if facts.organism_status == SUPPORTED else ""
        return f"{where}. It should be imported: {passed}, {organism}and its study is not here under another accession."
    if start == facts.lifecycle.external:
        return f"{where}. It is not to be imported: {'; '.join(objections(facts))}."
    return f"{where}."


# --------------------------------------------------------------------------- all datasets at once


def _metadata(seen: Sequence[Seen]) -> Metadata:
    return merged([place.sighting for place in seen])


def merged(sightings: Sequence[Sighting]) -> Metadata:
    """Field by field the first sighting's value that is not empty."""
    if len(sightings) == 1:
        return sightings[0].metadata
    fields = {
        name: next((value for s in sightings if any(value := getattr(s.metadata, name))), getattr(Metadata(), name))
        for name in Metadata.__slots__
    }
    return Metadata(**fields)


def furthest_first(
    sightings: Mapping[str, Mapping[str, Sighting]], stages: Mapping[str, Stage]
) -> dict[str, list[Seen]]:
    """dataset -> where it was seen, furthest first; equal stages in the order of the configuration."""
    places: dict[str, list[Seen]] = {}
    for source, found in sightings.items():
        stage = stages[source]
        for dataset, sighting in found.items():
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
) -> Iterator[Decision]:
    """A decision for every dataset that is seen now or was known before."""
    places = furthest_first(sightings, stages)
    studies = Studies({d: _metadata(seen).secondary_accessions for d, seen in places.items()})
    ingested = {d for d, seen in places.items() if seen[0].stage.start > lifecycle.incoming}
    said = by_dataset(verdicts.values())
    for dataset in sorted(places.keys() | known.standings.keys()):
        standing = known.standings.get(dataset)
        if dataset not in places and standing is not None and standing.decision.state is None:
            yield standing.decision
            continue
        seen = tuple(places.get(dataset, ()))
        last = standing.decision if standing else _NEVER_SEEN
        yield decide(
            Facts(
                dataset,
                lifecycle,
                seen,
                said.get(dataset, ()),
                ingested_as=tuple(sorted(studies.others(dataset) & ingested)) if seen else (),
                organism_status=_organism_status(seen, species, last),
                last_location=last.location,
            )
        )


def _organism_status(seen: Sequence[Seen], species: Species, last: Decision) -> str:
    """Of a dataset that is gone, and where the list could not be read, the last answer stays."""
    return species.status(_metadata(seen).organisms) if seen and species.readable else last.organism_status


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
