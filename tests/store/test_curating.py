"""What is asked of the store before an import, and what curators leave in it: on every store."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

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
from app.store import open_store
from tests.store.conftest import Kit
from tests.store.crawls import LIFECYCLE, World, crawl, decision, hour, sighting, source
from tests.store.processes import BEGIN, ROOT, process, says, tell

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
    entries = [Entry("E-MTAB-1", "gxp", False), Entry("E-MTAB-1", "atlas", True), Entry("E-MTAB-2", "gxp")]
    crawl(kit.store, World(entries=entries), 0)
    assert kit.store.listed(["E-MTAB-1", "E-MTAB-3"]) == {"E-MTAB-1": ("atlas", "gxp")}
    crawl(kit.store, World(entries=entries[1:]), 1)
    assert kit.store.listed(["E-MTAB-1"]) == {"E-MTAB-1": ("atlas",)}


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


# --------------------------------------------------------------------------- accessions


TAKEN_BY = [
    # what there is; the next of E-CURD-
    pytest.param(World(), 1, id="nothing"),
    pytest.param(of(naming("E-CURD-7")), 8, id="a dataset"),
    pytest.param(of(naming("E-CURD-7"), naming("E-CURD-12"), naming("E-CURD-9")), 13, id="the highest, not the last"),
    pytest.param(of(gone=("E-CURD-7",)), 8, id="one that is gone"),
    pytest.param(of(naming("E-MTAB-1", "E-CURD-20")), 21, id="one that is named"),
    pytest.param(World(entries=[Entry("E-CURD-30", "gxp")]), 31, id="one in production"),
    pytest.param(
        World(problems=[Problem(Code.NEAR_MISS, "almost", path="/nfs/loading/E-CURD-40 copy")]), 41, id="almost one"
    ),
    pytest.param(of(naming("E-CURD-0050")), 51, id="with zeros before it"),
    pytest.param(of(naming(f"E-CURD-{10**20}")), 10**20 + 1, id="a huge one"),
    pytest.param(of(naming("E-CURX-7"), naming("E-PROT-99"), naming("E-CURD-3")), 4, id="others are of others"),
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


RESERVES = """
store = open_store(address, LIFECYCLE, create=False)
for _ in range(int(sys.argv[2])):
    say(store.reserve("E-CURD-", by="heron", at=hour(0)))
"""


@pytest.mark.parametrize("each", [100, pytest.param(1_000, marks=pytest.mark.long)])
def test_two_callers_that_are_killed_again_and_again_never_get_the_same(fresh_address: str, each: int) -> None:
    open_store(fresh_address, LIFECYCLE, create=True).close()
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda seed: reserved(fresh_address, each, seed), (1, 2))
    assert len(first) >= each and len(second) >= each
    assert len({*first, *second}) == len(first) + len(second)
    assert first == sorted(first) and second == sorted(second), "numbers only grow"


def reserved(address: str, count: int, seed: int) -> list[int]:
    """The numbers that a process was given, however often it had to be started anew."""
    chance, given = random.Random(seed), list[int]()
    kills = 0
    while len(given) < count:
        command = [sys.executable, "-c", BEGIN + RESERVES, address, str(count - len(given))]
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        until = chance.randrange(count // 20, count // 8)
        for told, line in enumerate(child.stdout):
            if line.endswith("\n"):
                given.append(int(line.removeprefix("E-CURD-")))
            if told == until and kills < 4:
                time.sleep(chance.random() / 100)
                child.kill()
                kills += 1
        assert child.wait() in (0, -signal.SIGKILL)
    assert kills == 4
    return given


SAYS = """
from app.domain.model import Remark, RemarkKind
from app.store import curating
store = open_store(address, LIFECYCLE, create=False)
whole = curating._end

def stops(*given):
    done = whole(*given)
    say("the old one is over, nothing committed")
    told()
    return done

curating._end = stops
store.say(Remark(RemarkKind.IGNORED, "E-MTAB-1", "new", "wren", hour(2)))
"""


def test_a_curator_who_is_killed_while_speaking_has_said_nothing(sql_kit: Kit, request: pytest.FixtureRequest) -> None:
    crawl(sql_kit.store, of(naming("E-MTAB-1")), 0)
    sql_kit.store.say(remark("old", 1))
    with process(SAYS, address_of(sql_kit)) as child:
        assert says(child) == "the old one is over, nothing committed"
        child.kill()
    assert held(sql_kit.store.known()) == {("ignored", "E-MTAB-1"): "old"}
    with process(SAYS, address_of(sql_kit)) as child:
        says(child)
        tell(child)
        child.wait(20)
    assert held(sql_kit.store.known()) == {("ignored", "E-MTAB-1"): "new"}


def address_of(kit: Kit) -> str:
    database = kit.store.database  # type: ignore[attr-defined]
    if database.is_sqlite:
        return f"sqlite:///{database.where}"
    given = database.arguments
    password = f":{given['password']}" if "password" in given else ""
    return f"postgresql://{given['user']}{password}@{given['host']}:{given['port']}/{given['dbname']}"
