"""What is asked of the store before an import, and what curators leave in it: on every store."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.domain.duplicates import names
from app.domain.history import Findings, Policy, recording, settle
from app.domain.model import (
    Code,
    Entry,
    Known,
    Metadata,
    Problem,
    Remark,
    RemarkKind,
    Reservation,
    Sighting,
)
from app.domain.presence import Failure, HoldLimits, Reading
from app.domain.text import storable
from tests.store.conftest import Kit
from tests.store.crawls import LIFECYCLE, World, crawl, decision, ended, hour, sighting, source

IGNORED, ACKNOWLEDGED, DISMISSED = RemarkKind


def naming(dataset: str, *secondary: str, place: str = "incoming") -> Sighting:
    return sighting(dataset, place, metadata=Metadata(secondary_accessions=secondary))


def of(*sightings: Sighting, gone: tuple[str, ...] = ()) -> World:
    places = [source(name) for name in dict.fromkeys(s.source for s in sightings)] or [source()]
    decisions = [decision(s.dataset) for s in {s.dataset: s for s in sightings}.values()]
    return World(places, sightings, decisions=[*decisions, *(decision(name, None) for name in gone)])


# --------------------------------------------------------------------------- who has and names which accession


def test_datasets_are_found_by_their_own_names_and_by_those_they_name(kit: Kit) -> None:
    crawl(kit.store, of(naming("E-MTAB-1", "GSE7", "gse8 "), naming("E-GEOD-9"), naming("e-mtab-4")), 0)
    named = {
        "E-MTAB-1": {"E-MTAB-1": frozenset({"GSE7", "GSE8"})},
        "GSE7": {"E-MTAB-1": frozenset({"GSE7", "GSE8"})},
        "GSE8": {"E-MTAB-1": frozenset({"GSE7", "GSE8"})},
        "GSE9": {"E-GEOD-9": frozenset({"GSE9"})},
        "E-GEOD-9": {"E-GEOD-9": frozenset({"GSE9"})},
        "E-MTAB-4": {"e-mtab-4": frozenset({"E-MTAB-4"})},
        "E-MTAB-11": {},
        "E-MTAB-%": {},
        "E_MTAB_1": {},
    }
    assert {name: kit.store.having([name]) for name in named} == named
    assert kit.store.having([*named, *(f"GSE{number}" for number in range(100, 1_300))]) == {
        dataset: names for found in named.values() for dataset, names in found.items()
    }
    assert kit.store.having([]) == {}


def test_what_a_dataset_names_is_what_it_names_now(kit: Kit) -> None:
    crawl(kit.store, of(naming("E-MTAB-1", "GSE7"), naming("E-MTAB-2", "GSE7")), 0)
    crawl(kit.store, of(naming("E-MTAB-1", "GSE8"), gone=("E-MTAB-2",)), 1)
    assert kit.store.having(["GSE7"]) == {}
    assert kit.store.having(["GSE8"]) == {"E-MTAB-1": frozenset({"GSE8"})}
    assert kit.store.having(["E-MTAB-2"]) == {}, "it is gone"
    assert [*kit.store.standings(["E-MTAB-2", "E-MTAB-3"])] == ["E-MTAB-2"]
    crawl(kit.store, of(naming("E-MTAB-1"), naming("E-MTAB-2", "GSE7", place="other")), 2)
    assert kit.store.having(["GSE7", "GSE8"]) == {"E-MTAB-2": frozenset({"GSE7"})}


def test_text_that_databases_mind_is_only_text(kit: Kit) -> None:
    odd = ["x'y", 'x"y', "100%", "a_b", "a\\b", "ü", "a:b"]
    crawl(kit.store, of(naming("E-MTAB-1", *odd)), 0)
    for name in odd:
        assert [*kit.store.having([name.upper()])] == ["E-MTAB-1"]


def test_text_that_no_database_takes_can_be_asked_for(kit: Kit) -> None:
    crawl(kit.store, of(naming("E-MTAB-1", "GSE1\0", "GSE1\ud800")), 0)
    for name in ("GSE1\0", "GSE1\udfff", "GSE1\ufffd"):
        assert kit.store.having([name]) == {"E-MTAB-1": frozenset({"GSE1\ufffd"})}
        assert (kit.store.standings([name]), kit.store.listed([name]), kit.store.stays([name])) == ({}, {}, {})
        assert (kit.store.known(datasets=[name]).standings, kit.store.reservations([name])) == ({}, {})


def test_a_text_too_long_for_an_accession_is_none_and_hinders_nothing(kit: Kit) -> None:
    """Somebody pasted the abstract where the accession belongs. It holds nothing that a database could shorten."""
    chance = random.Random(7)
    abstract = "".join(chance.choices(string.ascii_uppercase, k=20_000))
    longest = abstract[:255]
    crawl(kit.store, of(naming("E-MTAB-1", "GSE7", abstract, longest)), 0)
    assert kit.store.having([abstract]) == {}
    assert kit.store.having([longest]) == {"E-MTAB-1": frozenset({"GSE7", longest})}
    assert kit.store.known().sightings["incoming"]["E-MTAB-1"].metadata.secondary_accessions[1] == abstract


def test_names_that_differ_in_case_are_both_found(kit: Kit) -> None:
    crawl(kit.store, of(naming("E-MTAB-1"), naming("e-mtab-1"), naming("E-mtab-1", "e-mtab-1")), 0)
    both = {"E-MTAB-1": frozenset(), "e-mtab-1": frozenset({"E-MTAB-1"}), "E-mtab-1": frozenset({"E-MTAB-1"})}
    assert kit.store.having(["E-MTAB-1"]) == both


def test_what_two_places_say_of_a_dataset_counts_together(kit: Kit) -> None:
    here, there = naming("E-MTAB-1", "GSE1", "GSE2"), naming("E-MTAB-1", "GSE2", "GSE3", place="other")
    steps = [of(here, there), of(here), of(here, replace(there, metadata=Metadata(accessions=("gse4",)))), of(there)]
    expected = [{"GSE1", "GSE2", "GSE3"}, {"GSE1", "GSE2"}, {"GSE1", "GSE2", "GSE4"}, {"GSE2", "GSE3"}]
    for number, (world, named) in enumerate(zip(steps, expected, strict=True)):
        crawl(kit.store, world, number)
        assert kit.store.having([f"GSE{n}" for n in range(6)]) == {"E-MTAB-1": frozenset(named)}


@pytest.mark.parametrize("seed", [1, 2])
def test_names_are_those_that_follow_from_all_that_is_known(kit: Kit, seed: int) -> None:
    """Random crawls: sources that fail, are left out, dropped, held, given other names; datasets that come, go, move
    and name others. After each, what datasets are found by is what one would work out from the newest state."""
    for number, findings in enumerate(_random_findings(random.Random(seed), 10)):
        _crawled(kit, findings, number)
        known = kit.store.known()
        said: dict[str, list[Metadata]] = {}
        for found in known.sightings.values():
            for dataset, seen in found.items():
                said.setdefault(dataset, []).append(seen.metadata)
        told = {dataset: names(dataset, these) for dataset, these in said.items()}
        asked = {"E-NONE-1", *known.standings, *(name for named in told.values() for name in named)}
        assert said.keys() == {d for d, standing in known.standings.items() if standing.decision.state}
        assert kit.store.having(asked) == told
        for name in asked:
            assert kit.store.having([name]) == {d: also for d, also in told.items() if name in {d, *also}}


def _crawled(kit: Kit, findings: Findings, number: int) -> None:
    with kit.store.lock("crawl") as lock:
        settled = settle(
            kit.store.known(), findings, Policy(LIFECYCLE, HoldLimits(share=0.6, more_than=2)), ended(number)
        )
        kit.store.record(recording(settled, findings, started=hour(number), version="1.0"), lock)


def _random_findings(chance: random.Random, count: int) -> Iterator[Findings]:
    datasets = ["E-MTAB-1", "E-MTAB-2", "e-mtab-2", "E-GEOD-3", "GSE3", "E-CURD-4", "PXD5"]
    called = {key: key for key in ("a", "b", "c")}

    def seen(dataset: str, place: str) -> Sighting:
        said = Metadata(
            accessions=tuple(chance.sample(datasets, chance.choice([0, 0, 1]))),
            secondary_accessions=tuple(
                chance.sample(["E-GEOD-3", "gse9", "ERP8", *datasets], chance.choice([0, 1, 3]))
            ),
        )
        return sighting(dataset, place, metadata=said)

    for number in range(count):
        if chance.random() < 0.3:
            called[chance.choice("abc")] = f"called {number}"
        places = tuple(source(name, key=key) for key, name in called.items() if chance.random() < 0.85)
        readings = tuple(
            Reading(place, failure=Failure("Unreadable", "it is not there"))
            if chance.random() < 0.2
            else Reading(place, {d: seen(d, place.name) for d in datasets if chance.random() < 0.5})
            for place in places
            if chance.random() < 0.85
        )
        confirmed = frozenset(called.values()) if chance.random() < 0.4 else frozenset()
        yield Findings(places, readings, confirmed=confirmed)


def test_where_datasets_stand_is_told_of_those_alone(kit: Kit) -> None:
    crawl(kit.store, of(naming("E-MTAB-1"), naming("E-MTAB-2")), 0)
    world = of(naming("E-MTAB-1"), naming("E-MTAB-2"))
    crawl(
        kit.store,
        World(world.sources, world.sightings, decisions=[decision("E-MTAB-1", "loading"), decision("E-MTAB-2")]),
        1,
    )
    standing = kit.store.standings(["E-MTAB-1"])["E-MTAB-1"]
    assert (str(standing.decision.state), standing.since, standing.first) == ("loading", hour(1), hour(0))
    assert kit.store.standings(["E-MTAB-1"]) == {"E-MTAB-1": kit.store.known().standings["E-MTAB-1"]}


def test_a_new_store_knows_nothing(kit: Kit) -> None:
    assert (kit.store.having(["GSE1"]), kit.store.standings(["GSE1"]), kit.store.listed(["GSE1"])) == ({}, {}, {})
    assert (kit.store.stays(["loading"]), kit.store.remarks(), kit.store.reservations(["GSE1"])) == ({}, [], {})


def test_what_production_lists_is_told_with_who_lists_it(kit: Kit) -> None:
    entries = [Entry("E-MTAB-1", name) for name in ("gxp", "atlas", "Zoo", "_x")] + [Entry("E-MTAB-2", "gxp", True)]
    crawl(kit.store, World(entries=entries), 0)
    assert kit.store.listed(["E-MTAB-1", "E-MTAB-3"]) == {"E-MTAB-1": ("Zoo", "_x", "atlas", "gxp")}
    crawl(kit.store, World(entries=entries[1:2]), 1)
    assert kit.store.listed(["E-MTAB-1", "E-MTAB-2"]) == {"E-MTAB-1": ("atlas",)}


def test_stays_are_those_that_are_over(kit: Kit) -> None:
    for number, state in enumerate(["external", "loading", None, "loading", "published"]):
        crawl(kit.store, World(decisions=[decision("E-MTAB-1", state), decision("E-MTAB-2", "loading")]), number)

    def hours(states: list[str], at: float | None = None) -> dict[str, list[float]]:
        found = kit.store.stays(states, None if at is None else hour(at))
        return {state: sorted(stay.total_seconds() / 3600 for stay in stays) for state, stays in found.items()}

    assert hours(["external", "loading", "published"]) == {"external": [1], "loading": [1, 1]}
    assert hours(["loading"], 3.5) == {"loading": [1]}
    assert hours(["loading"], 1.5) == {}
    assert hours([]) == {}


# --------------------------------------------------------------------------- what curators say


def remark(reason: str, at: float, kind: RemarkKind = IGNORED, subject: str = "E-MTAB-1", evidence: str = "") -> Remark:
    return Remark(kind, subject, reason, "heron", hour(at), evidence)


def held(known: Known) -> dict[tuple[str, str], str]:
    return {(kind.value, subject): said.reason for (kind, subject), said in known.remarks.items()}


def test_remarks_hold_until_they_are_undone_and_are_kept(kit: Kit) -> None:
    crawl(kit.store, of(naming("E-MTAB-1")), 0)
    kit.store.say(remark("first", 1))
    kit.store.say(remark("tied", 1, DISMISSED, "E-MTAB-1", "abc"))
    kit.store.say(remark("second", 2))
    assert held(kit.store.known()) == {("ignored", "E-MTAB-1"): "second", ("dismissed", "E-MTAB-1"): "tied"}
    assert kit.store.known().remarks[DISMISSED, "E-MTAB-1"].evidence == "abc"
    assert kit.store.unsay(IGNORED, "E-MTAB-1", by="wren", at=hour(3))
    assert not kit.store.unsay(IGNORED, "E-MTAB-1", by="wren", at=hour(4))
    assert not kit.store.unsay(ACKNOWLEDGED, "E-MTAB-1", by="wren", at=hour(4))
    assert held(kit.store.known()) == {("dismissed", "E-MTAB-1"): "tied"}
    told = [(r.kind, r.reason, r.at, r.until, r.undone_by) for r in kit.store.remarks()]
    assert told == [
        (IGNORED, "first", hour(1), hour(2), "heron"),
        (DISMISSED, "tied", hour(1), None, ""),
        (IGNORED, "second", hour(2), hour(3), "wren"),
    ]
    past = {at: held(kit.store.known(at=hour(at))).get(("ignored", "E-MTAB-1")) for at in (0.5, 1.5, 2.5, 3.5)}
    assert past == {0.5: None, 1.5: "first", 2.5: "second", 3.5: None}


def test_a_remark_is_seen_at_once_and_needs_no_lock(kit: Kit) -> None:
    crawl(kit.store, of(naming("E-MTAB-1")), 0)
    before = kit.store.known()
    with kit.store.lock("crawl"):
        kit.store.say(remark("while a crawl is on \u00e9 ' % \\", 1))
    after = kit.store.known()
    assert held(after) == {("ignored", "E-MTAB-1"): "while a crawl is on \u00e9 ' % \\"}
    assert (after.standings, after.run) == (before.standings, before.run)


def test_what_curators_say_may_hold_any_text(kit: Kit) -> None:
    crawl(kit.store, of(naming("E-MTAB-1")), 0)
    odd = 'x\'y "z" 100% a_b \\ :at {} \U0001f9ec \0 \ud800 \n'
    kit.store.say(Remark(DISMISSED, odd, odd, odd, hour(1), odd))
    assert kit.store.remarks() == [Remark(DISMISSED, *[storable(odd)] * 3, hour(1), storable(odd))]
    assert kit.store.known().remarks == {(DISMISSED, storable(odd)): kit.store.remarks()[0]}
    assert kit.store.unsay(DISMISSED, odd, by=odd, at=hour(2))
    assert kit.store.remarks()[0].undone_by == storable(odd)


def test_a_moment_sees_one_remark_of_a_subject_even_where_two_were_made_at_once(kit: Kit) -> None:
    crawl(kit.store, of(naming("E-MTAB-1")), 0)
    for reason, at in [("a", 1), ("b", 1), ("c", 2)]:
        kit.store.say(remark(reason, at))
    kit.store.unsay(IGNORED, "E-MTAB-1", by="wren", at=hour(3))
    told = {at: held(kit.store.known(at=hour(at))).get(("ignored", "E-MTAB-1")) for at in (0.9, 1, 1.9, 2, 2.9, 3)}
    assert told == {0.9: None, 1: "b", 1.9: "b", 2: "c", 2.9: "c", 3: None}


# --------------------------------------------------------------------------- accessions


def almost(path: str, message: str = "almost") -> Problem:
    return Problem(Code.NEAR_MISS, message, path=path)


TAKEN_BY = [
    # what there is; the next of E-CURD-
    pytest.param(World(), 1, id="nothing"),
    pytest.param(of(naming("E-CURD-7")), 8, id="a dataset"),
    pytest.param(of(naming("E-CURD-7"), naming("E-CURD-12"), naming("E-CURD-9")), 13, id="the highest, not the last"),
    pytest.param(of(gone=("E-CURD-7",)), 8, id="one that is gone"),
    pytest.param(of(naming("E-MTAB-1", "E-CURD-20")), 21, id="one that is named"),
    pytest.param(World(entries=[Entry("E-CURD-30", "gxp")]), 31, id="one in production"),
    pytest.param(World(problems=[almost("/nfs/loading/E-CURD-40 copy")]), 41, id="almost one"),
    pytest.param(of(naming("E-CURD-0050")), 51, id="with zeros before it"),
    pytest.param(of(naming(f"E-CURD-{10**20}")), 10**20 + 1, id="a huge one"),
    pytest.param(of(naming("E-CURX-7"), naming("E-PROT-99"), naming("E-CURD-3")), 4, id="others are of others"),
    pytest.param(
        of(naming("XE-CURD-9"), naming("E-MTAB-1", "XE-CURD-8"), gone=("XE-CURD-7",)), 1, id="of a longer prefix"
    ),
    pytest.param(World(problems=[almost("/nfs/XE-CURD-9")]), 1, id="almost one of a longer prefix"),
    pytest.param(of(naming("E-MTAB-1", "E-CURD-60; GSE7, E-CURD-61")), 62, id="two in one cell"),
    pytest.param(of(gone=("e-curd-70",)), 71, id="in lower case, and gone"),
    pytest.param(World(entries=[Entry("e-curd-70", "gxp")]), 71, id="in lower case, in production"),
    pytest.param(World(problems=[almost("/nfs/old_e-curd-70.bak")]), 71, id="almost one, in lower case"),
    pytest.param(
        World(problems=[almost("/nfs/ECURD 70", "ECURD 70 is almost the accession E-CURD-70")]),
        71,
        id="one in other words",
    ),
    pytest.param(World(entries=[Entry("E-CURD-" + "9" * 5_000, "gxp")]), 1, id="more digits than a number has"),
]


@pytest.mark.parametrize(("world", "number"), TAKEN_BY)
def test_the_next_accession_is_one_more_than_any_that_is_known(kit: Kit, world: World, number: int) -> None:
    crawl(kit.store, world, 0)
    given = [kit.store.reserve("E-CURD-", by="heron", at=hour(1)) for _ in range(3)]
    assert given == [f"E-CURD-{number}", f"E-CURD-{number + 1}", f"E-CURD-{number + 2}"]
    assert kit.store.reservations([*given, "E-CURD-1000"]) == {a: Reservation(a, "heron", hour(1)) for a in given}
    assert kit.store.reserve("E-ENAD-", by="wren", at=hour(2)) == "E-ENAD-1"


def test_a_dataset_that_came_later_is_gone_past(kit: Kit) -> None:
    assert kit.store.reserve("E-CURD-", by="heron", at=hour(0)) == "E-CURD-1"
    crawl(kit.store, of(naming("E-CURD-5")), 1)
    assert kit.store.reserve("E-CURD-", by="heron", at=hour(2)) == "E-CURD-6"


@pytest.mark.parametrize("world", [of(naming("E-CURD-7")), World(entries=[Entry("E-CURD-7", "gxp")])])
def test_a_number_that_was_somebodys_once_is_not_given_away(kit: Kit, world: World) -> None:
    crawl(kit.store, world, 0)
    crawl(kit.store, of(gone=tuple(d.dataset for d in world.decisions)), 1)
    assert kit.store.reserve("E-CURD-", by="heron", at=hour(2)) == "E-CURD-8"


def test_a_problem_that_is_over_still_holds_its_number(kit: Kit) -> None:
    crawl(kit.store, World(problems=[almost("/nfs/loading/E-CURD-40 copy")]), 0)
    crawl(kit.store, World(), 1)
    assert kit.store.reserve("E-CURD-", by="heron", at=hour(2)) == "E-CURD-41"


def test_a_prefix_is_text_and_no_pattern(kit: Kit) -> None:
    crawl(kit.store, of(naming("E-CURD-7"), naming("E-MTAB-8", "EXCURD-9")), 0)
    for prefix in ("E_CURD-", "%-", "_", "E\\CURD\\", "E-(CU|RD)-", "E'CURD\"-", ":at-", "/", "E\0-", "\ud800"):
        shown = storable(prefix)
        given = [kit.store.reserve(prefix, by="her\0on", at=hour(1)) for _ in range(2)]
        assert given == [f"{shown}1", f"{shown}2"]
        assert kit.store.reservations([f"{prefix}2"]) == {given[1]: Reservation(given[1], "her\ufffdon", hour(1))}


def test_prefixes_that_differ_in_case_share_their_numbers(kit: Kit) -> None:
    """An accession is the same in whatever case."""
    given = [kit.store.reserve(prefix, by="heron", at=hour(0)) for prefix in ("E-CURD-", "e-curd-", "E-CURD-")]
    assert given == ["E-CURD-1", "e-curd-2", "E-CURD-3"]
