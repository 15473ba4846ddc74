"""What the production databases say: which of their lists count, and which datasets they have and should have.

A list that shrank as an outage would make it shrink is taken as one that could not be read: the last one stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from shlex import quote

from app.domain.model import Entry, Known, Listing, Secret, State
from app.domain.presence import HoldLimits


@dataclass(frozen=True, slots=True)
class Authority:
    """A database that says which datasets of one technology are in `state`. `decides`: where it and the places
    differ, the state follows the database."""

    name: str
    database: str
    state: State
    tech: str
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Production:
    """The databases that have answered at least once, and what they listed last."""

    authorities: tuple[Authority, ...] = ()
    entries: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)

    def having(self, dataset: str, tech: Collection[str]) -> tuple[Authority, ...]:
        """Those that have this dataset. One of another technology has no say in it; where the dataset's is not
        known, all have."""
        having = [a for a in self.authorities if dataset in self.entries.get(a.name, ())]
        return tuple([a for a in having if not tech or a.tech in tech]) if having else ()

    def lacking(self, dataset: str, tech: Collection[str], state: State) -> tuple[Authority, ...]:
        """Those that should have a dataset which is in a place for this state, and do not. A dataset of both
        technologies need only be in one of them, and is missing from neither before both have answered."""
        asked = [a for a in self.authorities if a.state == state and a.tech in tech]
        if not asked or {a.tech for a in asked} != set(tech):
            return ()
        return () if any(dataset in self.entries.get(a.name, ()) for a in asked) else tuple(asked)

    def tracked(self) -> set[str]:
        """What is tracked on the word of a database, even where nobody sees it."""
        return {dataset for a in self.authorities if a.decides for dataset in self.entries.get(a.name, ())}


def trusted(
    listings: Iterable[Listing], known: Known, limits: HoldLimits, confirmed: Collection[str]
) -> tuple[Listing, ...]:
    """The lists, with those that are in doubt, and that nobody confirmed, as if they could not be read."""
    return tuple(
        replace(listing, entries=None, error=doubt)
        if listing.authority not in confirmed and (doubt := _doubt(listing, known, limits))
        else listing
        for listing in listings
    )


def _doubt(listing: Listing, known: Known, limits: HoldLimits) -> str:
    if listing.entries is None:
        return ""
    before = known.entries.get(listing.authority, {})
    lost = len(before.keys() - listing.entries.keys())
    if lost <= max(limits.more_than, limits.share * len(before)):
        return ""
    gone = f"{lost:,} of its {len(before):,} datasets disappeared at once, as in an outage"
    return f"{listing.database} answers, but {gone}. To let it through: crawl --confirm {quote(listing.authority)}"


def renewed(known: Mapping[str, Mapping[str, Entry]], listings: Iterable[Listing]) -> dict[str, Mapping[str, Entry]]:
    """authority -> what counts now: its list, or, where it could not be asked, the last one."""
    listed = {listing.authority: listing.entries for listing in listings if listing.entries is not None}
    return {authority: entries for authority, entries in {**known, **listed}.items() if entries}


def access_keys(listings: Iterable[Listing]) -> dict[str, Secret]:
    """dataset -> the key that its page asks for. They live as long as the run."""
    return {dataset: key for listing in listings for dataset, key in listing.keys.items()}
