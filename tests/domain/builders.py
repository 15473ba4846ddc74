"""How a test says what was seen, what a database answered, and what a crawl made of it.

seen("E-MTAB-1", at="external..published")      a dataset in a place, and the states that the place stands for
verdict("FAIL no replicates")                   what a check says of a dataset
Site(place("loading")).crawl({"loading": ["E-MTAB-1"]})
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain import history, lifecycle
from app.domain.history import Findings, Policy, Settled
from app.domain.lifecycle import Seen, Species
from app.domain.model import (
    Answer,
    Code,
    Decision,
    Edits,
    Entry,
    File,
    FileIdentity,
    Known,
    Lifecycle,
    Listing,
    Metadata,
    Outcome,
    Problem,
    Recording,
    RunStatus,
    Scalar,
    Sighting,
    SourceConfig,
    Stage,
    Standing,
    State,
    Verdict,
)
from app.domain.presence import Failure, Reading
from app.domain.production import Authority, Production
from app.domain.species import species_name
from tests.domain.ledger import Ledger

STATES = Lifecycle.of()
DAY_1 = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)

Found = Iterable[Any] | Failure
"""Accessions, Sightings and Problems; or why nothing could be read."""


def state(name: str | None, states: Lifecycle = STATES) -> State | None:
    return None if name is None else states.state(name)


def stage(text: str, states: Lifecycle = STATES) -> Stage:
    """`loading`, or a range: `external..published`."""
    return states.stage(text.split(".."))


# --------------------------------------------------------------------------- what was seen


def sighting(dataset: str = "E-MTAB-1", source: str = "loading", *, location: str = "", **said: Any) -> Sighting:
    """`said` is whatever else a Sighting, or its Metadata, has."""
    own = {name: said.pop(name) for name in ("tech", "modified", "files", "problems") if name in said}
    return Sighting(dataset, source, location or f"/atlas/{source}/{dataset}", metadata=Metadata(**said), **own)


def seen(dataset: str = "E-MTAB-1", *, at: str, source: str = "", states: Lifecycle = STATES, **said: Any) -> Seen:
    return Seen(stage(at, states), sighting(dataset, source or at, **said))


def file(role: str, path: str, size: int = 1) -> File:
    return File(role, path, FileIdentity(1, 2, size, 3, 4))


def problem(code: Code, dataset: str = "", source: str = "loading", message: str = "") -> Problem:
    return Problem(code, message or f"{dataset or source}: {code.value}", dataset, source, f"/atlas/{source}/x")


# --------------------------------------------------------------------------- what was said


def verdict(text: str, dataset: str = "E-MTAB-1", check: str = "rnaseq", **more: Any) -> Verdict:
    """`PASS`, `UNKNOWN`, or `FAIL` and its reason."""
    outcome, _, reason = text.partition(" ")
    return Verdict(dataset, check, Outcome(outcome), reason, **more)


def answer(said: Mapping[str, str] | None, check: str = "rnaseq") -> Answer:
    """What a check says of each dataset; None: its database is down."""
    if said is None:
        return Answer(check, f"{check}_db", None, "connection refused")
    return Answer(check, f"{check}_db", {d: verdict(text, d, check) for d, text in said.items()})


def authority(tech: str = "bulk", *, of: str = "published", decides: bool = False, name: str = "") -> Authority:
    """A production database that is named after its technology."""
    name = name or f"{tech}_atlas"
    return Authority(name, f"{name}_db", STATES.state(of), tech, decides)


def listing(shown: Iterable[str] | Mapping[str, bool | None] | None, name: str = "bulk_atlas") -> Listing:
    """The datasets of a production database, and whether each is private; None: the database is down."""
    if shown is None:
        return Listing(name, f"{name}_db", None, "connection refused")
    private = shown if isinstance(shown, Mapping) else dict.fromkeys(shown)
    return Listing(name, f"{name}_db", {d: Entry(d, name, hidden) for d, hidden in private.items()})


def species(*names: str) -> Species:
    return Species(frozenset(map(species_name, names)))


UNREADABLE_LIST = Species(readable=False)


def decided(
    *places: Seen, said: Iterable[Verdict] = (), known: Known | None = None, species: Species | None = None
) -> Decision:
    """The decision on the first of these datasets."""
    return all_decided(*places, said=said, known=known, species=species)[places[0].sighting.dataset]


def all_decided(
    *places: Seen,
    said: Iterable[Verdict] = (),
    known: Known | None = None,
    species: Species | None = None,
    states: Lifecycle = STATES,
    production: Production | None = None,
) -> dict[str, Decision]:
    sightings: dict[str, dict[str, Sighting]] = {}
    for place in places:
        sightings.setdefault(place.sighting.source, {})[place.sighting.dataset] = place.sighting
    made = lifecycle.decisions(
        sightings,
        {(v.dataset, v.check): v for v in said},
        known=known or Known(),
        lifecycle=states,
        stages={place.sighting.source: place.stage for place in places},
        species=species or Species(),
        production=production or Production(),
    )
    return {decision.dataset: decision for decision in made}


def standing(name: str | None, dataset: str = "E-MTAB-1", before: str | None = None, **more: Any) -> Standing:
    decision = Decision(dataset, state(name), "furthest_stage", "Why.", **more)
    return Standing(decision, DAY_1, state(before))


def standings(*those: Standing) -> Known:
    return Known(standings={each.decision.dataset: each for each in those})


def noted(*cells: Mapping[str, Scalar]) -> Known:
    """E-MTAB-1, E-MTAB-2 ... are loaded, and curators have this beside them."""
    there = dict(zip(accessions(len(cells)), cells, strict=True))
    known = standings(*(standing("loading", dataset) for dataset in there))
    return replace(known, at=DAY_1, annotations=there)


# --------------------------------------------------------------------------- a site, from run to run

DOWN = Failure("SourceError", "the server does not answer")


def accessions(number: int, first: int = 1) -> list[str]:
    return [f"E-MTAB-{n}" for n in range(first, first + number)]


def place(name: str, at: str = "", *, key: str = "", states: Lifecycle = STATES, **more: Any) -> SourceConfig:
    """A configured place, named after the stage it stands for unless `at` says otherwise."""
    key = key or f"/atlas/{name}"
    return SourceConfig(name, key, key, "filesystem", stage(at or name, states), **more)


@dataclass(frozen=True)
class Crawl:
    """What one crawl decided and wrote."""

    settled: Settled
    recording: Recording

    @property
    def states(self) -> dict[str, str | None]:
        """Where every known dataset stands; None is gone."""
        return {d: _name(s.decision.state) for d, s in self.settled.after.standings.items()}

    @property
    def changes(self) -> list[tuple[str, str | None, str | None]]:
        return [(c.dataset, _name(c.before), _name(c.after)) for c in self.settled.changes]

    @property
    def gone(self) -> set[str]:
        return {change.dataset for change in self.settled.changes if change.after is None}

    @property
    def held(self) -> dict[str, str]:
        return {name: hold.reason for name, hold in self.settled.held.items()}

    @property
    def problems(self) -> list[Problem]:
        return [entry.problem for entry in self.settled.after.problems]

    @property
    def codes(self) -> set[Code]:
        return {problem.code for problem in self.problems}

    @property
    def status(self) -> RunStatus:
        return self.settled.status

    @property
    def edits(self) -> dict[str, Edits[Any]]:
        """What it wrote besides its run and its logs; empty when nothing changed."""
        names = ("sightings", "verdicts", "entries", "decisions", "problems", "holds")
        written = {name: getattr(self.recording, name) for name in names}
        return {name: edits for name, edits in written.items() if edits}


def _name(state: State | None) -> str | None:
    return None if state is None else state.name


class Site:
    """Some places, and what is known of them from one crawl to the next: each crawl begins with what the rows
    of those before it say, and nothing else."""

    def __init__(self, *places: SourceConfig, policy: Policy | None = None) -> None:
        self.places = places
        self.policy = policy or Policy()
        self.ledger = Ledger(self.policy.lifecycle)
        self.now = DAY_1

    def crawl(
        self,
        found: Mapping[str, Found],
        *,
        answers: Iterable[Answer] = (),
        listings: Iterable[Listing] = (),
        species: Species | None = None,
        confirm: Iterable[str] = (),
    ) -> Crawl:
        """`found`: what each place shows (DOWN: cannot be read); a place that is not in it is not asked."""
        readings = [self.reading(name, shown) for name, shown in found.items()]
        findings = self.findings(readings, answers=answers, listings=listings, species=species, confirm=confirm)
        crawl = self.settle(findings)
        self.ledger.apply(crawl.recording)
        self.now += DAY
        return crawl

    def settle(self, findings: Findings, known: Known | None = None) -> Crawl:
        """Decides, and writes nothing."""
        settled = history.settle(known or self.ledger.known(), findings, self.policy, self.now)
        return Crawl(settled, history.recording(settled, findings, started=self.now - DAY / 24, version="0.1.0"))

    def findings(
        self,
        readings: Iterable[Reading],
        *,
        answers: Iterable[Answer] = (),
        listings: Iterable[Listing] = (),
        species: Species | None = None,
        confirm: Iterable[str] = (),
    ) -> Findings:
        listed = species or Species()
        error = "" if listed.readable else "the list is not there"
        asked = tuple(answers), listed, error, frozenset(confirm)
        return Findings(self.places, tuple(readings), *asked, listings=tuple(listings))

    def reading(self, name: str, shown: Found) -> Reading:
        config = next(each for each in self.places if each.name == name)
        if isinstance(shown, Failure):
            return Reading(config, failure=shown)
        items = [sighting(item, name) if isinstance(item, str) else item for item in shown]
        found = {item.dataset: replace(item, source=name) for item in items if isinstance(item, Sighting)}
        return Reading(config, found, tuple(item for item in items if isinstance(item, Problem)))
