"""Curators and crawls at the same time, and what is killed on the way: no accession twice, no remark lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.domain.model import Known, Remark, RemarkKind
from app.ports import Store
from app.store import open_store
from app.store.database import connect
from tests.end_to_end.site import Site
from tests.store.crawls import LIFECYCLE, World, crawl, decision, hour, sighting
from tests.store.processes import BEGIN, DIES_RECORDING, ROOT, process, says, tell

IGNORED = RemarkKind.IGNORED
SEEN = World(sightings=[sighting("E-MTAB-1")], decisions=[decision("E-MTAB-1")])


@pytest.fixture
def store(fresh_address: str) -> Iterator[Store]:
    """One that a crawl has made."""
    made = open_store(fresh_address, LIFECYCLE, create=True)
    crawl(made, SEEN, 0)
    yield made
    made.close()


def remark(reason: str, by: str = "heron") -> Remark:
    return Remark(IGNORED, "E-MTAB-1", reason, by, hour(1))


def held(known: Known) -> list[str]:
    return [said.reason for said in known.remarks.values()]


# --------------------------------------------------------------------------- accessions


RESERVES = """
store = open_store(address, LIFECYCLE, create=False)
while True:
    say(store.reserve("E-CURD-", by="heron", at=hour(0)))
"""


@pytest.mark.parametrize(("each", "kills"), [(60, 3), pytest.param(1_000, 20, marks=pytest.mark.long)])
def test_two_callers_that_are_killed_again_and_again_never_get_the_same(
    fresh_address: str, store: Store, each: int, kills: int
) -> None:
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda seed: reserved(fresh_address, each, kills, seed), (1, 2))
    assert len({*first, *second}) == len(first) + len(second) >= 2 * each
    assert first == sorted(first) and second == sorted(second), "numbers only grow"
    assert given_away(fresh_address) == [*range(1, max(*first, *second, *given_away(fresh_address)) + 1)]


def reserved(address: str, count: int, kills: int, seed: int) -> list[int]:
    """The numbers that a process was given and could tell, which was killed so many times and started anew."""
    chance, given = random.Random(seed), list[int]()
    for part in range(1, kills + 1):
        lost = max(given_away(address), default=0)
        child = subprocess.Popen([sys.executable, "-c", BEGIN + RESERVES, address], cwd=ROOT, stdout=subprocess.PIPE)
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(max(1, count * part // kills - len(given)))]
        time.sleep(chance.random() / 50)
        child.kill()
        told += child.stdout.readlines()
        assert child.wait() == -signal.SIGKILL
        numbers = [int(line.removeprefix(b"E-CURD-")) for line in told if line.endswith(b"\n")]
        assert numbers[0] > lost, "what nobody was told is not given away again either"
        given += numbers
    return given


def given_away(address: str) -> list[int]:
    with connect(address).snapshot() as snapshot:
        return sorted(int(a.removeprefix("E-CURD-")) for (a,) in snapshot.rows("SELECT accession FROM reservation"))


def test_commands_at_the_same_time_print_different_accessions(fresh_address: str, store: Store, tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.write("loading/README", "")
    site.configure({"loading": {"stage": ["loading"]}})
    site.write("etc/tracker.yaml", f"store: {fresh_address}\n")
    crawl(store, World(sightings=[sighting("E-CURD-7")], decisions=[decision("E-CURD-7")]), 1)
    printed = []
    for _ in range(2):
        both = [site.start("accession", "next", "E-CURD") for _ in range(2)]
        printed += [site.end(one) for one in both]
    assert [(done.code, done.err) for done in printed] == [(0, "")] * 4
    assert sorted(done.out for done in printed) == ["E-CURD-10\n", "E-CURD-11\n", "E-CURD-8\n", "E-CURD-9\n"]


# --------------------------------------------------------------------------- remarks


def test_of_all_that_say_something_at_the_same_time_nobody_is_refused_and_one_holds(store: Store) -> None:
    def speak(who: str) -> None:
        for number in range(10):
            store.say(remark(f"{who} {number}", who))

    with ThreadPoolExecutor(4) as curators:
        list(curators.map(speak, "abcd"))
    assert len(store.remarks()) == 40
    assert [said.reason for said in store.remarks() if said.until is None] == held(store.known())
    assert held(store.known())[0][2:] == "9"


def test_who_takes_back_what_is_just_being_replaced_takes_back_the_new_one(fresh_address: str, store: Store) -> None:
    store.say(remark("old"))
    with process(SAYS, fresh_address) as child, ThreadPoolExecutor(1) as other:
        assert says(child) == HALFWAY
        undone = other.submit(store.unsay, IGNORED, "E-MTAB-1", by="wren", at=hour(3))
        assert waits(undone)
        tell(child)
        assert undone.result(20)
    assert held(store.known()) == []
    assert [said.reason for said in store.remarks()] == ["old", "new"]


def test_a_remark_made_while_a_crawl_records_is_not_lost_and_nor_is_the_crawl(fresh_address: str, store: Store) -> None:
    """On SQLite the curator waits until it has been recorded."""
    with process(DIES_RECORDING, fresh_address) as child, ThreadPoolExecutor(1) as curator:
        assert says(child) == "all is written, nothing committed"
        said = curator.submit(store.say, remark("meanwhile"))
        if fresh_address.startswith("sqlite"):
            assert waits(said)
        else:
            said.result(20)
        tell(child)
        said.result(20)
        assert child.wait(20) == 0
    assert held(store.known()) == ["meanwhile"]
    assert [*store.known().sightings["incoming"]] == ["E-MTAB-9"]


def test_a_crawl_that_records_while_a_curator_speaks_is_not_lost_and_nor_is_the_remark(
    fresh_address: str, store: Store
) -> None:
    with process(SAYS, fresh_address) as child, ThreadPoolExecutor(1) as crawler:
        assert says(child) == HALFWAY
        crawled = crawler.submit(crawl, store, World(sightings=[sighting("E-MTAB-9")]), 50)
        if fresh_address.startswith("sqlite"):
            assert waits(crawled)
        else:
            assert crawled.result(20) == 2
        tell(child)
        assert crawled.result(20) == 2
        assert child.wait(20) == 0
    assert held(store.known()) == ["new"]
    assert [*store.known().sightings["incoming"]] == ["E-MTAB-9"]


def waits(future: Future[Any]) -> bool:
    time.sleep(0.5)
    return not future.done()


HALFWAY = "the old one is over, nothing committed"
SAYS = f"""
from app.domain.model import Remark, RemarkKind
from app.store import curating
store = open_store(address, LIFECYCLE, create=False)
whole = curating._end

def stops(*given):
    done = whole(*given)
    say("{HALFWAY}")
    told()
    return done

curating._end = stops
store.say(Remark(RemarkKind.IGNORED, "E-MTAB-1", "new", "wren", hour(2)))
"""


def test_a_curator_who_is_killed_while_speaking_has_said_nothing(fresh_address: str, store: Store) -> None:
    store.say(remark("old"))
    with process(SAYS, fresh_address) as child:
        assert says(child) == HALFWAY
        child.kill()
    assert held(store.known()) == ["old"]
    with process(SAYS, fresh_address) as child:
        says(child)
        tell(child)
        assert child.wait(20) == 0
    assert held(store.known()) == ["new"]


SPEAKS = """
from itertools import count
from app.domain.model import Remark, RemarkKind
store = open_store(address, LIFECYCLE, create=False)
for number in count(len(store.remarks())):
    store.say(Remark(RemarkKind.IGNORED, "E-MTAB-1", str(number), "wren", hour(2)))
    say(number)
"""


def test_whenever_a_curator_is_killed_one_remark_holds_the_last_that_was_told_or_the_next(
    fresh_address: str, store: Store
) -> None:
    chance = random.Random(3)
    for _ in range(3):
        with process(SPEAKS, fresh_address) as child:
            assert child.stdout is not None
            told = [int(says(child)) for _ in range(chance.randrange(1, 5))]
            time.sleep(chance.random() / 50)
            child.kill()
            told += [int(line) for line in child.stdout if line.endswith("\n")]
        holding = int(held(store.known())[0])
        assert holding in (told[-1], told[-1] + 1)
        assert [said.reason for said in store.remarks()] == [str(number) for number in range(holding + 1)]
        assert [said.reason for said in store.remarks() if said.until is None] == [str(holding)]
