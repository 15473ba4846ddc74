"""How far a change reaches: of which datasets all is to be decided anew, and which others must be known for that.

What is decided of a dataset follows from what is seen and said of it, and from where the other datasets of its study
are; and a problem is told of two whose names differ only in case. So whoever was, or came to be, of one study with a
dataset that changed is decided anew. For that all must be at hand that may tell which study they are: all that share
an accession with any of them, directly or along a chain, for who names a project tells whether it ties anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from app.domain.duplicates import TITLE, Studies, Study, may_tie
from app.domain.lifecycle import furthest_first, merged
from app.domain.model import Sighting, Stage
from app.domain.search import spellings

Sightings = Mapping[str, Mapping[str, Sighting]]
"""source -> dataset -> sighting"""

Having = Callable[[Collection[str]], Mapping[str, frozenset[str]]]
"""See `app.ports.Store.having`."""


def connected(datasets: Iterable[str], names: Mapping[str, frozenset[str]], having: Having, most: int) -> set[str]:
    """All that share an accession with any of these, directly or along a chain; where that comes to more than `most`,
    some of them. `names`: what some are found by from now on, `having` what all were."""
    found: dict[str, frozenset[str]] = {dataset: _accessions(dataset, names.get(dataset, ())) for dataset in datasets}
    asked: set[str] = set()
    while (wanted := set[str]().union(*found.values()) - asked) and len(found) <= most:
        asked |= wanted
        for dataset, also in having(wanted).items():
            found[dataset] = _accessions(dataset, also | names.get(dataset, frozenset()))
        for dataset, now in names.items():
            if dataset not in found and wanted & _accessions(dataset, now):
                found[dataset] = _accessions(dataset, now)
    return {*found}


def _accessions(dataset: str, names: Iterable[str]) -> frozenset[str]:
    written = (name for name in (dataset, *names) if may_tie(name) and not name.startswith(TITLE))
    return frozenset(spelt for name in written for spelt in spellings(name))


def of_one_study(
    datasets: Collection[str], there: Sightings, stages: Mapping[str, Stage], unseen: Iterable[str]
) -> set[str]:
    """These, and those that certainly are of one study with any of them. `there`: what is seen of all that are
    connected with them; `unseen`: those of them, or more, that may only be in a production database."""
    places = furthest_first(there, stages)
    seen = {d: Study.of(merged([place.sighting for place in its])) for d, its in places.items()}
    studies = Studies({**dict.fromkeys(unseen, Study()), **seen})
    return {*datasets}.union(*(studies.others(dataset) for dataset in datasets))


def with_twins(datasets: Collection[str], everything: Iterable[str]) -> set[str]:
    """These, and those of all whose names differ from one of theirs only in case."""
    wanted = {dataset.casefold() for dataset in datasets}
    return {*datasets, *(dataset for dataset in everything if dataset.casefold() in wanted)}
