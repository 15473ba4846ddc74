"""Whatever places show, whatever fails and whatever is answered: what must always hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.history import Findings, Policy
from app.domain.model import Answer, Known, Listing, SourceConfig, State
from app.domain.presence import HoldLimits, Reading
from tests.domain.builders import (
    DAY,
    DOWN,
    STATES,
    UNREADABLE_LIST,
    Crawl,
    Site,
    answer,
    authority,
    listing,
    place,
    sighting,
    species,
)

PLACES = (
    place("external"),
    place("catalogue", "external..published"),
    place("loading"),
    place("loading-2", "loading"),
    place("published"),
)
DATASETS = {
    "E-MTAB-1": sighting("E-MTAB-1", tech=("bulk",), organisms=("Homo sapiens",)),
    "E-MTAB-2": sighting("E-MTAB-2", organisms=("Danio rerio",), secondary_accessions=("GSE7",)),
    "E-MTAB-3": sighting("E-MTAB-3", secondary_accessions=("E-MTAB-1",)),
    "E-GEOD-7": sighting("E-GEOD-7", organisms=("Homo sapiens",)),
    "E-GEOD-8": sighting("E-GEOD-8", tech=("bulk", "sc"), title="Titled"),
    "E-CURD-9": sighting("E-CURD-9", tech=("sc",)),
}
AUTHORITIES = (authority("bulk"), authority("sc", decides=True))
POLICY = Policy(limits=HoldLimits(share=0.4, more_than=0), authorities=AUTHORITIES)
"""So that a share can be lost in a world of six datasets. One production database reports, the other decides."""


@dataclass(frozen=True)
class Night:
    """One crawl: what is configured, what each place asked shows (None: it is down), and what is answered."""

    configured: frozenset[str]
    shown: dict[str, frozenset[str] | None]
    answers: tuple[Answer, ...]
    listings: tuple[Listing, ...]
    listed: Any
    confirmed: frozenset[str]


names = st.sampled_from([each.name for each in PLACES])
homes = st.fixed_dictionaries({dataset: st.frozensets(names, max_size=2) for dataset in DATASETS})
said = st.one_of(
    st.none(), st.dictionaries(st.sampled_from(list(DATASETS)), st.sampled_from(["PASS", "FAIL no", "UNKNOWN"]))
)
in_production = st.one_of(
    st.none(), st.dictionaries(st.sampled_from([*DATASETS, "E-PROD-1"]), st.sampled_from([True, False, None]))
)


@st.composite
def nights(draw: st.DrawFn) -> Night:
    configured = frozenset(each.name for each in PLACES) - draw(st.frozensets(names, max_size=1))
    asked = configured if draw(st.booleans()) else configured & draw(st.frozensets(names))
    where, down = draw(homes), draw(st.frozensets(names, max_size=2))
    there = {name: frozenset(d for d, places in where.items() if name in places) for name in sorted(asked)}
    return Night(
        configured=configured,
        shown={name: None if name in down else found for name, found in there.items()},
        answers=tuple(answer(draw(said), check) for check in ("rnaseq", "autosubs")),
        listings=tuple(listing(draw(in_production), each.name) for each in AUTHORITIES),
        listed=draw(st.sampled_from([None, species("Homo sapiens"), UNREADABLE_LIST])),
        confirmed=draw(st.frozensets(names, max_size=1)),
    )


worlds = st.lists(nights(), min_size=1, max_size=6)


def findings(site: Site, night: Night) -> Findings:
    site.places = tuple(each for each in PLACES if each.name in night.configured)
    readings = [_reading(each, night.shown[each.name]) for each in site.places if each.name in night.shown]
    return site.findings(
        readings, answers=night.answers, listings=night.listings, species=night.listed, confirm=night.confirmed
    )


def _reading(config: SourceConfig, there: frozenset[str] | None) -> Reading:
    if there is None:
        return Reading(config, failure=DOWN)
    found = {d: replace(DATASETS[d], source=config.name) for d in sorted(there)}
    return Reading(config, found)


@dataclass(frozen=True)
class Lived:
    """One night: what the rows said before it, what it decided, and what the rows say after it."""

    site: Site
    night: Night
    findings: Findings
    before: Known
    crawl: Crawl
    after: Known


def lived(world: list[Night]) -> Iterator[Lived]:
    site = Site(*PLACES, policy=POLICY)
    for night in world:
        found, before = findings(site, night), site.ledger.known()
        crawl = site.settle(found)
        site.ledger.apply(crawl.recording)
        yield Lived(site, night, found, before, crawl, site.ledger.known())
        site.now += DAY


many = settings(max_examples=60, deadline=None)


@many
@given(worlds)
def test_nothing_is_gone_whose_place_was_not_read_well_or_is_held(world: list[Night]) -> None:
    for one in lived(world):
        for dataset in one.crawl.gone:
            for name in (name for name, found in one.before.sightings.items() if dataset in found):
                there = one.night.shown.get(name)
                read = there is not None and dataset not in there
                dropped = name not in one.night.configured and name in one.night.confirmed
                assert (read or dropped) and name not in one.crawl.held, (dataset, name)


@many
@given(worlds)
def test_nothing_is_gone_that_was_seen_this_night(world: list[Night]) -> None:
    for one in lived(world):
        assert not one.crawl.gone & {d for there in one.night.shown.values() if there for d in there}


@many
@given(worlds)
def test_what_is_seen_in_a_place_that_counts_is_never_gone(world: list[Night]) -> None:
    for one in lived(world):
        counts = [there for name, there in one.night.shown.items() if there and name not in one.crawl.held]
        assert all(one.crawl.states[dataset] is not None for there in counts for dataset in there)


@many
@given(worlds)
def test_what_is_known_is_what_was_written(world: list[Night]) -> None:
    """The ledger refuses to close, amend or open what does not fit."""
    for one in lived(world):
        known = one.crawl.settled.after
        assert one.after.sightings == {name: found for name, found in known.sightings.items() if found}
        assert set(one.after.problems) == set(known.problems) and len(one.after.problems) == len(known.problems)
        for rows in ("at", "sources", "verdicts", "entries", "asked", "standings", "holds"):
            assert getattr(one.after, rows) == getattr(known, rows), rows


@many
@given(worlds)
def test_changes_form_a_chain_that_ends_where_the_dataset_stands(world: list[Night]) -> None:
    last: dict[str, State | None] = {}
    for one in lived(world):
        for change in one.crawl.settled.changes:
            assert change.before == last.get(change.dataset) and change.before != change.after
            last[change.dataset] = change.after
        assert {d: s.decision.state for d, s in one.after.standings.items()} == last
        assert len({change.dataset for change in one.crawl.settled.changes}) == len(one.crawl.settled.changes)


@many
@given(worlds)
def test_each_run_counts_what_stands_where(world: list[Night]) -> None:
    for one in lived(world):
        states = [s.decision.state.name for s in one.after.standings.values() if s.decision.state is not None]
        assert one.crawl.recording.run.counts == Counter(states)
        assert one.crawl.recording.run.changes == len(one.crawl.recording.changes)


@many
@given(worlds)
def test_a_state_is_always_one_that_some_sighting_allows(world: list[Night]) -> None:
    """Or that a production database decides."""
    for one in lived(world):
        stages = {each.name: each.stage for each in PLACES}
        for dataset, standing in one.after.standings.items():
            if standing.decision.rule == "confirmed_by_production":
                there = dataset in one.after.entries.get("sc_atlas", {})
                assert standing.decision.state == STATES.state("published" if there else "published_dev")
                continue
            starts = {stages[name].start.name for name, found in one.after.sightings.items() if dataset in found}
            at = standing.decision.state
            assert (at is None) == (not starts)
            assert at is None or at == max(map(STATES.state, starts)) or (at.name, starts) == ("incoming", {"external"})


# DISAGREES WITH THE CODE: the number of datasets that a hold tells of grows by those that were sent back the night
# before (see test_presence.py).
@many
@given(worlds)
def test_the_same_night_again_changes_nothing(world: list[Night]) -> None:
    *_, one = lived(world)
    again = one.site.settle(replace(one.findings, confirmed=frozenset()))
    assert (again.edits, again.changes, again.recording.dropped) == ({}, [], ())


@many
@given(worlds, st.randoms(use_true_random=False))
def test_the_order_in_which_places_are_read_and_asked_decides_nothing(world: list[Night], chance: Random) -> None:
    site = Site(*PLACES, policy=POLICY)
    for night in world:
        found = findings(site, night)
        mixed = replace(
            found,
            readings=tuple(chance.sample(found.readings, len(found.readings))),
            listings=tuple(chance.sample(found.listings, len(found.listings))),
        )
        one, other, same = (site.settle(each) for each in (found, mixed, found))
        assert one == same
        assert one.settled == replace(other.settled, listings=one.settled.listings)
        site.ledger.apply(one.recording)
        site.now += DAY
