"""The problems that follow from facts: what is wrong with a dataset, a source or a database as a whole.

Problems of single files and names are found where they are read (sources); these need the whole picture.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from shlex import quote

from app.domain.lifecycle import Seen, overall
from app.domain.model import (
    Answer,
    Code,
    Hold,
    Known,
    Lifecycle,
    Listing,
    Outcome,
    Problem,
    Remark,
    RemarkKind,
    Standing,
    Verdict,
)
from app.domain.presence import EMPTY, REMOVED, Reading
from app.domain.production import Authority, Production


def of_dataset(
    standing: Standing,
    seen: Sequence[Seen],
    verdicts: Sequence[Verdict],
    states: Lifecycle,
    configured: Collection[str],
) -> Iterator[Problem]:
    """What is wrong with one dataset, its files included. One that is gone has no problems. A copy in a place
    that left the configuration (`configured` are the others) may be the same one under an old path."""
    decision = standing.decision
    dataset, state = decision.dataset, decision.state
    if state is None:
        return
    for place in seen:
        yield from place.sighting.problems
    if decision.ingested_as and state <= states.incoming:
        others = ", ".join(decision.ingested_as)
        yield Problem(Code.ALREADY_INGESTED, f"{dataset} is already ingested under {others}.", dataset)
    if standing.before is not None and standing.before > state:
        yield Problem(Code.WENT_BACKWARDS, f"{dataset} went backwards: from {standing.before} to {state}.", dataset)
    if overall(verdicts) is Outcome.FAIL and states.incoming < state < states.states[-1]:
        failed = "; ".join(f"{v.check} says {v}" for v in verdicts if v.outcome is Outcome.FAIL)
        yield Problem(Code.FAILED_BUT_IN_PROGRESS, f"{dataset} is {state}, although {failed}.", dataset)
    here = (place for place in seen if place.sighting.source in configured)
    for stage, places in groupby(here, key=lambda place: place.stage):
        if len(locations := [place.sighting.location for place in places]) > 1:
            text = f"{dataset} is in {len(locations)} places of the same stage ({stage.start}): {', '.join(locations)}."
            yield Problem(Code.SEVERAL_PLACES, text, dataset)


def of_names(datasets: Collection[str]) -> Iterator[Problem]:
    """Datasets whose names differ only in upper and lower case."""
    for _, alike in groupby(sorted(datasets, key=lambda name: (name.casefold(), name)), key=str.casefold):
        first, *others = alike
        for other in others:
            yield Problem(Code.CASE_DUPLICATE, f"{other} and {first} differ only in upper and lower case.", other)


def of_sources(readings: Iterable[Reading], holds: Mapping[str, Hold], known: Known) -> Iterator[Problem]:
    """What the readings say of their places. A source that was not read well keeps what was said of it last.
    `known`: under the names and with the sources that count now; `holds`: those that hold now."""
    read = {reading.config.name: reading for reading in readings}
    well = {name for name, reading in read.items() if reading.failure is None and name not in holds}
    for name, reading in read.items():
        if reading.failure is not None:
            failure = reading.failure
            yield Problem(Code.SOURCE_UNREADABLE, failure.message, source=name, path=failure.where)
        elif name in well:
            yield from reading.problems
    for problem in (entry.problem for entry in known.problems):
        told_anew = problem.code is Code.SOURCE_HELD or (
            problem.code is Code.SOURCE_UNREADABLE and problem.source in read
        )
        if problem.source in known.sources and problem.source not in well and not told_anew:
            yield problem
    for hold in holds.values():
        yield Problem(Code.SOURCE_HELD, held(hold), source=hold.source)


def held(hold: Hold) -> str:
    had = f"{hold.had:,} dataset" + ("" if hold.had == 1 else "s")
    what = {
        EMPTY: f"it showed {had} and now shows none",
        REMOVED: f"it is no longer in the configuration, and last showed {had}"
        f' (if it is there under another path, give that entry "name": "{hold.source}")',
    }.get(hold.reason, f"{hold.had - hold.now:,} of its {had} disappeared at once")
    confirm = f"crawl --confirm {quote(hold.source)}"
    return f"{hold.source} is held, nothing was changed for it: {what}. To let it through: {confirm}"


def of_production(
    production: Production, places: Mapping[str, Sequence[Seen]], *, looked_everywhere: bool
) -> Iterator[Problem]:
    """Where the production databases and the places differ. What is nowhere is only said once every source has been
    read (`looked_everywhere`)."""
    for dataset, (furthest, *_) in places.items():
        state = furthest.stage.start
        if lacking := production.lacking(dataset, furthest.sighting.tech, state):
            text = f"{dataset} is in a place for datasets that are {state}, but not in {_databases(lacking)}."
            yield Problem(Code.IN_PLACE_NOT_IN_DATABASE, text, dataset, path=furthest.sighting.location)
    listed = {dataset for authority in production.authorities for dataset in production.entries.get(authority.name, ())}
    for dataset in listed - places.keys() if looked_everywhere else ():
        having = production.having(dataset, ())
        text = f"{dataset} is in {_databases(having)}, but no source shows it."
        yield Problem(Code.IN_DATABASE_NOT_FOUND, text, dataset, path=having[0].database)


def _databases(authorities: Iterable[Authority]) -> str:
    return " and ".join(authority.name for authority in authorities)


def of_answers(answers: Iterable[Answer], listings: Iterable[Listing], species_error: str) -> Iterator[Problem]:
    for answer in answers:
        if answer.verdicts is None:
            text = f"{answer.check} could not be asked, its last verdicts stay: {answer.error}"
            yield Problem(Code.DATABASE_UNREADABLE, text, path=answer.database)
    for listing in listings:
        if listing.entries is None:
            text = f"The last list of {listing.authority} stays: {listing.error}"
            yield Problem(Code.DATABASE_UNREADABLE, text, path=listing.database)
    if species_error:
        yield Problem(Code.SPECIES_UNREADABLE, f"The last answers on organisms stay: {species_error}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Problems of any of these severities, codes, sources and datasets; of all where none is named."""

    severities: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    datasets: frozenset[str] = frozenset()

    def __contains__(self, problem: Problem) -> bool:
        said = str(problem.severity), problem.code.value, problem.source, problem.dataset
        named = self.severities, self.codes, self.sources, self.datasets
        return all(not names or word in names for names, word in zip(named, said, strict=True))


def worst_first(found: Iterable[Problem]) -> list[Problem]:
    return sorted(found, key=order)


def order(problem: Problem, *, minded: bool = True) -> tuple[object, ...]:
    """By severity, kind and place; those that nobody need mind after the others of their kind."""
    place = problem.path, problem.line, problem.source, problem.dataset, problem.message
    return -problem.severity, problem.code.value, not minded, *place


def on_problem(problem: Problem, remarks: Mapping[tuple[RemarkKind, str], Remark]) -> Remark | None:
    """Why nobody need mind it: it was acknowledged, or its dataset is ignored."""
    if not remarks:
        return None
    acknowledged = remarks.get((RemarkKind.ACKNOWLEDGED, problem.digest))
    return acknowledged or remarks.get((RemarkKind.IGNORED, problem.dataset))
