"""Have we got this already? What is known of one accession, found by few questions to the store.

The same answer as `duplicates.Studies` gives, for which all datasets must be at hand; here they are asked for as the
search comes upon their names.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.duplicates import NAMES_OTHER, SAME_ACCESSION, SHARED_ACCESSION, Link, canonical, tied_by
from app.domain.model import Reservation, Standing, State


@dataclass(frozen=True, slots=True)
class Match:
    """A dataset that is the study that was asked for. `chain`: how that is known, one step after the other; empty: it
    is what was asked for, to the letter. `standing` None: no source ever showed it, and only the production databases
    that are `listing` it know it."""

    dataset: str
    chain: tuple[Link, ...] = ()
    standing: Standing | None = None
    listing: tuple[str, ...] = ()

    @property
    def state(self) -> State | None:
        return self.standing.decision.state if self.standing else None

    @property
    def status(self) -> str:
        """In a word or two."""
        if self.state is not None:
            return self.state.name
        return "only in a production database" if self.listing else "gone"

    @property
    def since(self) -> datetime | None:
        return self.standing.since if self.standing else None

    @property
    def location(self) -> str:
        if self.standing is None:
            return ", ".join(self.listing)
        return self.standing.decision.location


@dataclass(frozen=True, slots=True)
class Question:
    """What of an accession is asked. `internal`: whether any dataset has it, here or gone, or it was given away;
    `external`: whether its study is here, under whatever accession. `ingested`: what only waits outside (external or
    incoming), or is gone, or was given away, does not count."""

    internal: bool = True
    external: bool = True
    ingested: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one accession. `recognised`: it has a form of which it can be said that it is not here."""

    accession: str
    matches: tuple[Match, ...] = ()
    reservation: Reservation | None = None
    recognised: bool = True

    @property
    def known(self) -> bool:
        return bool(self.matches or self.reservation)


def spellings(accession: str) -> tuple[str, ...]:
    """The names under which a dataset may have this accession."""
    name = canonical(accession)
    imported = (f"E-GEOD-{name[3:]}",) if name.startswith("GSE") else ()
    return tuple(dict.fromkeys((accession, name, *imported)))


@dataclass(frozen=True, slots=True)
class Records:
    """What the store has on the names that came up."""

    standings: Mapping[str, Standing]
    listed: Mapping[str, tuple[str, ...]]
    reservations: Mapping[str, Reservation]


def answer(
    accession: str, chains: Mapping[str, tuple[Link, ...]], records: Records, question: Question, incoming: State
) -> Answer:
    """`chains`: the datasets of this study that are somewhere -> how that is known."""
    name, known = canonical(accession), dict(chains)
    for spelling in spellings(accession):
        if spelling in records.standings or spelling in records.listed:
            known.setdefault(spelling, () if spelling == accession else (_tie(accession, spelling, name),))
    matches = [Match(d, c, records.standings.get(d), records.listed.get(d, ())) for d, c in known.items()]
    wanted = (match for match in matches if _is_wanted(match, name, question, incoming))
    given = [records.reservations[s] for s in spellings(accession) if s in records.reservations]
    counts = given and question.internal and not question.ingested
    return Answer(accession, tuple(wanted), given[0] if counts else None)


def _is_wanted(match: Match, name: str, question: Question, incoming: State) -> bool:
    here = match.state is not None or bool(match.listing)
    if question.ingested and not match.listing and (match.state is None or match.state <= incoming):
        return False
    return (question.internal and canonical(match.dataset) == name) or (question.external and here)


def _tie(a: str, b: str, name: str) -> Link:
    """What this accession ties them by."""
    evidence = (SHARED_ACCESSION, NAMES_OTHER, SAME_ACCESSION)[[canonical(a), canonical(b)].count(name)]
    return Link(min(a, b), max(a, b), evidence, name)


@dataclass(slots=True)
class Search:
    """What was learnt so far of who has and names which accession."""

    _named: dict[str, frozenset[str]] = field(default_factory=dict)
    _own: dict[str, str] = field(default_factory=dict)
    _having: dict[str, list[str]] = field(default_factory=dict)
    """accession -> the datasets that have or name it; all of them, for one that was learnt"""
    _learnt: set[str] = field(default_factory=set)

    def learn(self, names: Iterable[str], found: Mapping[str, Iterable[str]]) -> None:
        """`found`: all datasets that have or name any of these -> what they name."""
        self._learnt.update(names)
        for dataset in sorted(found.keys() - self._own.keys()):
            self._own[dataset] = canonical(dataset)
            self._named[dataset] = frozenset(found[dataset]) | {self._own[dataset]}
            for name in self._named[dataset]:
                self._having.setdefault(name, []).append(dataset)

    def same_study(self, accession: str) -> tuple[dict[str, tuple[Link, ...]], set[str]]:
        """The datasets that certainly are this study, nearest first, each with how that is known; and the names that
        have yet to be learnt before that can be said."""
        first = canonical(accession)
        found: dict[str, tuple[Link, ...]] = {}
        unknown: set[str] = set()
        tied: dict[str, list[str]] = {}
        waiting = deque([(first, accession)])
        if accession in self._own:
            found[accession] = ()
            waiting.extend((other, accession) for other in sorted(self._named[accession]))
        while waiting:
            name, namer = waiting.popleft()
            if name not in self._learnt:
                unknown.add(name)
                continue
            if name not in tied:
                tied[name] = self._tied(name, owned=name == first)
            if name != first and namer not in tied[name]:
                continue  # it names what is not its study, such as an umbrella's
            for dataset in tied[name]:
                if dataset not in found:
                    step = () if dataset == accession else (_tie(namer, dataset, name),)
                    found[dataset] = found.get(namer, ()) + step
                    waiting.extend((other, dataset) for other in sorted(self._named[dataset]))
        return found, unknown

    def _tied(self, name: str, *, owned: bool) -> list[str]:
        datasets = self._having.get(name, [])
        return tied_by(
            name, datasets, self._own, owned=owned or any(self._own[dataset] == name for dataset in datasets)
        )
