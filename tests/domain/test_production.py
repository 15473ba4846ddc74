"""A production database confirms a state: what it says is kept, compared with the places, and, where it decides,
followed."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.history import Policy
from app.domain.model import Code, Entry, Lifecycle, RunStatus
from app.domain.presence import HoldLimits
from app.domain.production import Authority, Production
from tests.domain.builders import (
    DAY_1,
    DOWN,
    STATES,
    Site,
    accessions,
    all_decided,
    answer,
    authority,
    decided,
    listing,
    place,
    seen,
    sighting,
    species,
    standing,
    standings,
    state,
    verdict,
)

NOT_FOUND, NOT_THERE = Code.IN_DATABASE_NOT_FOUND, Code.IN_PLACE_NOT_IN_DATABASE
BULK, SC = authority("bulk"), authority("sc")
ONE = "E-MTAB-1"


def production(*authorities: Authority, bulk: Any = (), sc: Any = ()) -> Production:
    """What each lists: accessions."""
    listed = {"bulk_atlas": bulk, "sc_atlas": sc}
    entries = {name: {d: Entry(d, name) for d in found} for name, found in listed.items()}
    return Production(authorities, entries)


def site(*authorities: Authority, stages: tuple[str, ...] = ("loading", "published"), **more: Any) -> Site:
    return Site(*map(place, stages), policy=Policy(authorities=authorities or (BULK, SC), **more))


def at(stage: str, *tech: str) -> dict[str, list[Any]]:
    """One dataset, in that place and no other."""
    return {name: [sighting(source=name, tech=tech)] if name == stage else [] for name in ("loading", "published")}


# --------------------------------------------------------------------------- which differences there are


@pytest.mark.parametrize(
    ("stage", "tech", "authorities", "bulk", "sc", "missing"),
    [
        ("published", "bulk", (BULK, SC), "", "", True),
        ("published", "bulk", (BULK, SC), ONE, "", False),
        ("published", "bulk", (BULK, SC), "", ONE, True),
        ("published", "sc", (BULK, SC), "", "", True),
        ("published", "sc", (BULK, SC), ONE, "", True),
        ("published", "sc", (BULK, SC), "", ONE, False),
        ("published", "bulk sc", (BULK, SC), "", "", True),
        ("published", "bulk sc", (BULK, SC), ONE, "", False),
        ("published", "bulk sc", (BULK, SC), "", ONE, False),
        ("published", "bulk sc", (BULK,), "", "", False),  # it may be in the other one, which was never asked
        ("published", "sc", (BULK,), "", "", False),
        ("published", "", (BULK, SC), "", "", False),
        ("published", "proteomics", (BULK, SC), "", "", False),
        ("published_dev", "bulk", (BULK, SC), "", "", False),
        ("published_dev..published", "bulk", (BULK, SC), "", "", False),  # it need not be published yet
        ("loading", "bulk", (BULK, SC), "", "", False),
        ("published", "bulk", (authority(of="published_dev"),), "", "", False),  # it has gone on from there
        ("published_dev", "bulk", (authority(of="published_dev"),), "", "", True),
        ("published", "bulk", (), "", "", False),
    ],
)
def test_what_is_in_its_place_should_be_in_a_database_of_its_technology(
    stage: str, tech: str, authorities: tuple[Authority, ...], bulk: str, sc: str, missing: bool
) -> None:
    there = seen(at=stage, tech=tuple(tech.split()))
    listed = production(*authorities, bulk=bulk.split(), sc=sc.split())
    assert bool(listed.lacking(ONE, there.sighting.tech, there.stage.start)) is missing


def test_the_furthest_place_is_the_one_that_counts() -> None:
    both = {"loading": [sighting(tech=("bulk",))], "published": [sighting(tech=("bulk",))]}
    assert NOT_THERE in site().crawl(both, listings=[listing([])]).codes


def test_what_differs_is_a_problem_and_moves_nothing() -> None:
    crawl = site().crawl(at("published", "bulk"), listings=[listing(["E-MTAB-9"])])
    assert {(p.code, p.dataset, p.path) for p in crawl.problems} == {
        (NOT_THERE, ONE, "/atlas/published/E-MTAB-1"),
        (NOT_FOUND, "E-MTAB-9", "bulk_atlas_db"),
    }
    assert (crawl.states, crawl.status) == ({ONE: "published"}, RunStatus.SUCCEEDED)


def test_nothing_is_said_of_a_database_before_it_has_answered() -> None:
    some = site()
    assert some.crawl(at("published", "bulk"), listings=[listing(None)]).codes == {Code.DATABASE_UNREADABLE}
    assert some.crawl(at("published", "bulk")).codes == set()
    assert some.crawl(at("published", "bulk"), listings=[listing([])]).codes == {NOT_THERE}
    assert some.crawl(at("published", "bulk"), listings=[listing(None)]).codes == {NOT_THERE, Code.DATABASE_UNREADABLE}


def test_a_database_that_is_no_longer_configured_has_no_say() -> None:
    some = site()
    some.crawl(at("published", "bulk"), listings=[listing(["E-MTAB-9"])])
    some.policy = Policy()
    assert some.crawl(at("published", "bulk")).codes == set()


def test_what_no_source_shows_is_only_said_once_all_have_been_read() -> None:
    """It may be in the place that could not be read yet."""
    some, listed = site(), [listing([ONE, "E-MTAB-9"])]
    assert NOT_FOUND not in some.crawl({"loading": [ONE], "published": DOWN}, listings=listed).codes
    assert NOT_FOUND not in some.crawl({"loading": [ONE]}, listings=listed).codes
    some.crawl({"published": ["E-MTAB-9"]}, listings=listed)
    assert NOT_FOUND not in some.crawl({"loading": [ONE], "published": DOWN}, listings=listed).codes
    gone = some.crawl({"published": []}, listings=listed, confirm=["published"])
    assert (gone.gone, gone.codes) == ({"E-MTAB-9"}, {NOT_FOUND})


# --------------------------------------------------------------------------- a database that decides

DECIDING, DECIDING_SC = authority("bulk", decides=True), authority("sc", decides=True)


@pytest.mark.parametrize(
    ("stage", "tech", "bulk", "after", "up_to", "rule", "words"),
    [
        ("published", "bulk", ONE, "published", None, "furthest_stage", ["a place for datasets that are published."]),
        (
            "published",
            "bulk",
            "",
            "published_dev",
            "published",
            "confirmed_by_production",
            ["only published_dev", "bulk_atlas: it is not there"],
        ),
        ("loading", "bulk", ONE, "published", None, "confirmed_by_production", ["published by the word of bulk_atlas"]),
        ("loading..analysing", "bulk", ONE, "published", None, "confirmed_by_production", ["bulk_atlas: it is there"]),
        (
            "published_dev..published",
            "bulk",
            ONE,
            "published",
            None,
            "confirmed_by_production",
            ["bulk_atlas: it is there"],
        ),
        ("external", "bulk", ONE, "published", None, "confirmed_by_production", ["bulk_atlas: it is there"]),
        ("loading", "bulk", "", "loading", None, "furthest_stage", ["loading."]),
        ("loading", "sc", ONE, "loading", None, "furthest_stage", ["loading."]),
        ("loading", "", ONE, "published", None, "confirmed_by_production", ["bulk_atlas: it is there"]),
        ("published", "bulk sc", "", "published", None, "furthest_stage", ["published."]),
    ],
)
def test_the_state_follows_a_database_that_decides(
    stage: str, tech: str, bulk: str, after: str, up_to: str | None, rule: str, words: list[str]
) -> None:
    """The other database, for single cells, only reports."""
    listed = production(DECIDING, SC, bulk=bulk.split())
    place = seen(at=stage, tech=tuple(tech.split()))
    decision = all_decided(place, production=listed)[ONE]
    assert (decision.state, decision.up_to, decision.rule) == (state(after), state(up_to), rule)
    assert (decision.source, decision.location) == (place.sighting.source, place.sighting.location)
    assert all(word in decision.sentence for word in words), decision.sentence
    assert "not to be imported" not in decision.sentence


def test_both_databases_must_decide_that_a_dataset_of_either_is_not_there() -> None:
    mixed = seen(at="published", tech=("bulk", "sc"))
    decision = all_decided(mixed, production=production(DECIDING, DECIDING_SC))[ONE]
    assert decision.state == state("published_dev")
    assert "only published_dev by the word of bulk_atlas and sc_atlas: it is not there" in decision.sentence


@pytest.mark.parametrize(
    ("states", "before"),
    [(Lifecycle.DEFAULT, "published_dev"), (Lifecycle.CORE, "processed"), ((*Lifecycle.CORE, "archived"), "processed")],
)
def test_the_state_before_is_the_one_that_the_site_has_there(states: tuple[str, ...], before: str) -> None:
    lifecycle = Lifecycle.of(states)
    deciding = Authority("atlas", "atlas_db", lifecycle.state("published"), "bulk", decides=True)
    there = seen(at="published", tech=("bulk",), states=lifecycle)
    decision = all_decided(there, states=lifecycle, production=Production((deciding,)))[ONE]
    assert decision.state == lifecycle.state(before)


def test_before_the_first_state_there_is_none() -> None:
    first = authority(of="external", decides=True)
    decision = all_decided(seen(at="external", tech=("bulk",)), production=Production((first,)))[ONE]
    assert (decision.state, decision.rule) == (STATES.external, "furthest_stage")


def test_what_only_a_deciding_database_knows_is_tracked_on_its_word() -> None:
    some = site(DECIDING)
    crawl = some.crawl(at("loading"), listings=[listing(["E-MTAB-9"])], species=species("Homo sapiens"))
    decision = crawl.settled.after.standings["E-MTAB-9"].decision
    assert (decision.state, decision.rule) == (state("published"), "confirmed_by_production")
    assert (decision.source, decision.location, decision.organism_status) == ("", "bulk_atlas_db", "Unknown")
    assert decision.sentence == "It is published by the word of bulk_atlas alone: no source shows it."
    assert crawl.codes == {NOT_FOUND}
    assert ("E-MTAB-9", None, "published") in crawl.changes
    left = some.crawl(at("loading"), listings=[listing([])])
    assert (left.gone, left.codes) == ({"E-MTAB-9"}, set())
    back = some.crawl(at("loading"), listings=[listing(["E-MTAB-9"])])
    assert back.changes == [("E-MTAB-9", None, "published")]


def test_where_no_list_of_species_is_configured_nothing_is_said_of_an_organism_that_nobody_knows() -> None:
    crawl = site(DECIDING).crawl(at("loading"), listings=[listing(["E-MTAB-9"])])
    assert crawl.settled.after.standings["E-MTAB-9"].decision.organism_status == ""


def test_what_leaves_its_place_and_is_still_in_a_deciding_database_is_not_gone() -> None:
    some, listed = site(DECIDING), [listing([ONE, "E-MTAB-2"])]
    both = [sighting(d, tech=("bulk",), organisms=("Homo sapiens",)) for d in (ONE, "E-MTAB-2")]
    human = species("Homo sapiens")
    some.crawl({"loading": [], "published": both}, listings=listed, species=human)
    crawl = some.crawl({"loading": [], "published": both[1:]}, listings=listed, species=human)
    decision = crawl.settled.after.standings[ONE].decision
    assert (crawl.changes, decision.location, decision.organism_status) == ([], "bulk_atlas_db", "Supported")


def test_a_study_that_is_in_a_deciding_database_is_here_already() -> None:
    mine = seen("E-GEOD-7", at="external")
    other = seen("E-MTAB-2", at="external", secondary_accessions=("GSE7",))
    listed = production(DECIDING, bulk=["E-MTAB-2"])
    decision = all_decided(mine, other, said=[verdict("PASS", "E-GEOD-7")], production=listed)["E-GEOD-7"]
    assert (decision.state, decision.ingested_as) == (STATES.external, ("E-MTAB-2",))


def test_a_database_that_only_reports_changes_no_decision() -> None:
    listed = production(BULK, bulk=["E-MTAB-9"])
    for stage in ("loading", "published"):
        there = seen(at=stage, tech=("bulk",))
        assert all_decided(there, production=listed) == {ONE: decided(there)}
    known = standings(standing(None, "E-MTAB-9"))
    assert all_decided(known=known, production=listed)["E-MTAB-9"].state is None


# --------------------------------------------------------------------------- what is kept


def test_what_a_database_lists_is_written_once_and_kept_while_it_is_down() -> None:
    some = site()
    first = some.crawl(at("loading"), listings=[listing({ONE: True, "E-MTAB-2": None}), listing([], "sc_atlas")])
    assert first.recording.run.checks == ("bulk_atlas", "sc_atlas")
    assert len(first.recording.entries.opened) == 2
    same = some.crawl(at("loading"), listings=[listing({ONE: True, "E-MTAB-2": None}), listing([], "sc_atlas")])
    assert (same.edits, same.recording.run.checks) == ({}, ("bulk_atlas", "sc_atlas"))
    down = some.crawl(at("loading"), listings=[listing(None), listing([], "sc_atlas")])
    assert (down.status, down.recording.run.checks) == (RunStatus.PARTIAL, ("sc_atlas",))
    assert "connection refused" in down.recording.run.error
    known = some.ledger.known()
    assert set(known.entries) == {"bulk_atlas"} and set(known.entries["bulk_atlas"]) == {ONE, "E-MTAB-2"}
    assert known.asked == {"bulk_atlas": same.settled.after.at, "sc_atlas": down.settled.after.at}


@pytest.mark.parametrize(
    ("then", "rows"), [({ONE: False}, (1, 1)), ({}, (0, 1)), ({ONE: True, "E-MTAB-2": None}, (1, 0))]
)
def test_what_changes_there_closes_a_row_and_opens_another(then: dict[str, bool], rows: tuple[int, int]) -> None:
    some = site()
    some.crawl(at("loading"), listings=[listing({ONE: True})])
    entries = some.crawl(at("loading"), listings=[listing(then)]).recording.entries
    assert ((len(entries.opened), len(entries.closed)), entries.amended) == (rows, ())


@pytest.mark.parametrize(
    ("had", "has", "doubted"),
    [(6, 0, True), (5, 0, False), (29, 23, True), (30, 24, False), (100, 80, False), (100, 79, True), (3, 9, False)],
)
def test_a_list_that_shrinks_like_an_outage_is_taken_for_one(had: int, has: int, doubted: bool) -> None:
    """More than five and more than a fifth at once: as for a source."""
    some = site()
    some.crawl(at("loading"), listings=[listing(accessions(had))])
    crawl = some.crawl(at("loading"), listings=[listing(accessions(has))])
    assert (Code.DATABASE_UNREADABLE in crawl.codes) is doubted
    assert len(some.ledger.known().entries.get("bulk_atlas", ())) == (had if doubted else has)
    assert (crawl.status, crawl.recording.run.checks) == (
        (RunStatus.PARTIAL, ()) if doubted else (RunStatus.SUCCEEDED, ("bulk_atlas",))
    )


def test_as_many_gone_that_others_replace_are_in_doubt_too() -> None:
    some = site()
    some.crawl(at("loading"), listings=[listing(accessions(10))])
    crawl = some.crawl(at("loading"), listings=[listing(accessions(10, first=50))])
    assert Code.DATABASE_UNREADABLE in crawl.codes and not crawl.recording.entries


def test_the_limits_are_those_of_the_settings() -> None:
    some = site(limits=HoldLimits(share=1, more_than=0))
    some.crawl(at("loading"), listings=[listing(accessions(10))])
    assert Code.DATABASE_UNREADABLE not in some.crawl(at("loading"), listings=[listing([])]).codes


def test_a_list_in_doubt_stays_so_until_it_is_back_or_confirmed() -> None:
    some = site(DECIDING)
    some.crawl(at("loading"), listings=[listing(accessions(9, first=2))])
    for _ in range(2):
        crawl = some.crawl(at("loading"), listings=[listing([])])
        assert (crawl.gone, crawl.status) == (set(), RunStatus.PARTIAL)
    assert not crawl.edits, "unchanged, it writes nothing"
    assert some.crawl(at("loading"), listings=[listing(accessions(9, first=2))]).status is RunStatus.SUCCEEDED
    crawl = some.crawl(at("loading"), listings=[listing([])], confirm=["bulk_atlas"])
    assert (len(crawl.gone), crawl.status) == (9, RunStatus.SUCCEEDED)


def test_a_database_that_is_down_changes_no_state() -> None:
    """Not even one that listed nothing when it last answered."""
    some = site(DECIDING, DECIDING_SC)
    first = some.crawl(at("published", "bulk"), listings=[listing([]), listing(["E-CURD-1"], "sc_atlas")])
    assert first.states == {ONE: "published_dev", "E-CURD-1": "published"}
    for listings in ([listing(None), listing(None, "sc_atlas")], []):
        crawl = some.crawl(at("published", "bulk"), listings=listings)
        assert (crawl.changes, crawl.states) == ([], first.states)


def test_a_check_and_a_production_database_are_told_apart_by_their_names() -> None:
    crawl = site().crawl(at("loading"), answers=[answer({ONE: "PASS"})], listings=[listing([])])
    assert crawl.settled.after.asked == {"rnaseq": DAY_1, "bulk_atlas": DAY_1}
