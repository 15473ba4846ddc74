"""What curators have in columns of their own: on every store."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import product

import pytest

from app.domain.model import Annotation, Scalar
from app.domain.text import storable
from app.store import open_store
from app.store.reading import CHUNK
from app.store.writing import LONGEST
from tests.store.conftest import Kit
from tests.store.crawls import LIFECYCLE, World, crawl, decision, ended, hour, sighting
from tests.store.processes import process, says, tell

Cells = Mapping[tuple[str, str], Scalar | None]

SEEN = World(sightings=[sighting("E-MTAB-1")], decisions=[decision("E-MTAB-1")])
NOTES, PRIORITY = ("E-MTAB-1", "Notes"), ("E-MTAB-1", "Priority")
OTHER = "E-MTAB-2", "Notes"


@pytest.fixture
def kit(kit: Kit) -> Kit:
    """One in which a crawl was recorded."""
    crawl(kit.store, SEEN, 0)
    return kit


def stood(kit: Kit, at: datetime | None = None) -> Cells:
    """All that stands there, or stood."""
    told = kit.store.known(at=at).annotations
    return {(dataset, column): value for dataset, columns in told.items() for column, value in columns.items()}


def typed(value: object) -> tuple[type, object]:
    return type(value), value


# --------------------------------------------------------------------------- values


INCOMPRESSIBLE = "".join(chr(number) for number in random.Random(7).choices(range(0x4E00, 0x9FA5), k=50_000))
VALUES: list[Scalar] = [
    "waits for the authors", "1", "1.0", "true", "null", " ", "=1+1", "'", '"quoted" \\N \t\r\n', "naïve 細胞 🧬",
    1, 1.0, 0, 0.0, -3, 0.1, 1e300, 46348.5, 2**60, True, False, "x" * 50_000, INCOMPRESSIBLE, "🧬" * 25_000,
]  # fmt: skip


def test_a_value_comes_back_as_it_was_with_its_type_and_is_not_written_again(kit: Kit) -> None:
    cells = {(f"E-MTAB-{number}", "Notes"): value for number, value in enumerate(VALUES)}
    assert kit.store.annotate(cells, hour(1)) == len(VALUES)
    assert [typed(stood(kit)[cell]) for cell in cells] == [typed(value) for value in VALUES]
    assert kit.store.annotate(cells, hour(2)) == 0
    for (dataset, column), value in cells.items():
        (one,) = kit.store.annotations(dataset)
        assert one == Annotation(dataset, column, value, hour(1)) and type(one.value) is type(value)


def test_values_that_look_alike_are_told_apart(kit: Kit) -> None:
    alike: list[Scalar] = ["1", 1, 1.0, True, "true", "True"]
    for before, after in product(alike, alike):
        kit.store.annotate({NOTES: before}, hour(1))
        assert kit.store.annotate({NOTES: after}, hour(2)) == int(typed(before) != typed(after))
        assert typed(stood(kit)[NOTES]) == typed(after)


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_cell_is_not_there_and_one_with_0_or_false_is(kit: Kit, nothing: Scalar | None) -> None:
    assert kit.store.annotate({NOTES: nothing, PRIORITY: 0, OTHER: False}, hour(1)) == 2
    assert stood(kit) == {PRIORITY: 0, OTHER: False}
    assert kit.store.annotate({PRIORITY: nothing, NOTES: nothing, OTHER: nothing}, hour(2)) == 2
    assert kit.store.known().annotations == {}


def test_text_that_no_database_takes_is_kept_as_other_text_is(kit: Kit) -> None:
    odd = 'x\'y "z" 100% a_b \\ :at {} \U0001f9ec \0 \ud800 \n'
    assert kit.store.annotate({(odd, odd): odd}, hour(1)) == 1
    assert kit.store.annotate({(odd, odd): odd}, hour(2)) == 0
    assert stood(kit) == {(storable(odd), storable(odd)): storable(odd)}
    assert kit.store.annotations(odd) == [Annotation(*[storable(odd)] * 3, hour(1))]
    assert kit.store.known(datasets=[odd]).annotations == {storable(odd): {storable(odd): storable(odd)}}


def test_a_title_may_be_as_long_as_a_title_can_be(kit: Kit) -> None:
    longest = INCOMPRESSIBLE[:LONGEST]
    kit.store.annotate({("E-MTAB-1", longest): "x"}, hour(1))
    assert stood(kit) == {("E-MTAB-1", longest): "x"}


# --------------------------------------------------------------------------- what changes, and what was


def test_only_what_differs_is_written_and_what_is_not_told_of_stays(kit: Kit) -> None:
    assert kit.store.annotate({NOTES: "a", PRIORITY: 1, OTHER: "b"}, hour(1)) == 3
    assert kit.store.annotate({}, hour(2)) == 0
    assert kit.store.annotate({NOTES: "a", PRIORITY: 2}, hour(2)) == 1
    assert stood(kit) == {NOTES: "a", PRIORITY: 2, OTHER: "b"}
    assert [(one.column, one.value, one.since, one.until) for one in kit.store.annotations("E-MTAB-1")] == [
        ("Notes", "a", hour(1), None),
        ("Priority", 1, hour(1), hour(2)),
        ("Priority", 2, hour(2), None),
    ]


def test_what_was_taken_away_and_came_back_stands_twice_in_the_history(kit: Kit) -> None:
    for at, value in enumerate(["a", None, None, "a", "b"], 1):
        kit.store.annotate({NOTES: value}, hour(at))
    assert kit.store.annotations("E-MTAB-1") == [
        Annotation(*NOTES, "a", hour(1), hour(2)),
        Annotation(*NOTES, "a", hour(4), hour(5)),
        Annotation(*NOTES, "b", hour(5)),
    ]
    assert kit.store.annotations("E-MTAB-404") == []
    told = {at: stood(kit, hour(at)).get(NOTES) for at in (0.9, 1, 1.9, 2, 3.9, 4, 4.9, 5, 99)}
    assert told == {0.9: None, 1: "a", 1.9: "a", 2: None, 3.9: None, 4: "a", 4.9: "a", 5: "b", 99: "b"}


def test_a_moment_sees_one_value_even_where_two_were_told_of_at_once(kit: Kit) -> None:
    for value, at in [("a", 1), ("b", 1), ("c", 2)]:
        kit.store.annotate({NOTES: value}, hour(at))
    assert {at: stood(kit, hour(at)) for at in (1, 1.9, 2)} == {1: {NOTES: "b"}, 1.9: {NOTES: "b"}, 2: {NOTES: "c"}}


def test_of_some_datasets_is_known_what_stands_beside_them(kit: Kit) -> None:
    cells = {(f"E-MTAB-{number}", "Notes"): number for number in range(2 * CHUNK + 3)}
    kit.store.annotate(cells, hour(1))
    kit.store.annotate({NOTES: "changed"}, hour(2))
    known = kit.store.known
    assert known(datasets=["E-MTAB-1", "E-MTAB-9", "E-MTAB-x"]).annotations == {
        "E-MTAB-1": {"Notes": "changed"},
        "E-MTAB-9": {"Notes": 9},
    }
    assert known(datasets=["E-MTAB-1"], at=hour(1)).annotations == {"E-MTAB-1": {"Notes": 1}}
    assert len(known(datasets=[dataset for dataset, _ in cells]).annotations) == len(cells)
    assert known(datasets=[]).annotations == {}


def test_a_whole_column_changes_and_goes(kit: Kit) -> None:
    """More cells than are asked for, or written, in one statement."""
    whole = {(f"E-MTAB-{number}", "Notes"): f"note {number}" for number in range(2 * CHUNK + 3)}
    assert kit.store.annotate(whole | {PRIORITY: 1}, hour(1)) == len(whole) + 1
    shouted = {cell: f"{note}!" for cell, note in whole.items()}
    assert kit.store.annotate(shouted, hour(2)) == len(whole)
    assert stood(kit) == shouted | {PRIORITY: 1}
    assert kit.store.annotate(dict.fromkeys(whole), hour(3)) == len(whole)
    assert stood(kit) == {PRIORITY: 1}
    assert stood(kit, hour(1)) == whole | {PRIORITY: 1}


def test_it_is_known_as_of_before_the_first_crawl_that_there_was_nothing(kit: Kit) -> None:
    kit.store.annotate({NOTES: "a"}, hour(-1))
    assert stood(kit, hour(-0.5)) == {}
    assert stood(kit, ended(0)) == {NOTES: "a"}


def test_a_crawl_changes_nothing_of_it_and_what_is_gone_keeps_it(kit: Kit) -> None:
    kit.store.annotate({NOTES: "a"}, hour(1))
    crawl(kit.store, World(decisions=[decision("E-MTAB-1", None)]), 2)
    assert stood(kit) == {NOTES: "a"}
    assert kit.reopen().known().annotations == kit.store.known().annotations


# --------------------------------------------------------------------------- at the same time


def test_of_two_that_tell_of_the_same_cells_at_once_neither_is_refused_and_each_cell_stands_once(
    fresh_address: str,
) -> None:
    store = open_store(fresh_address, LIFECYCLE, create=True)
    crawl(store, SEEN, 0)

    def tells(who: str) -> int:
        return sum(
            store.annotate({(f"E-MTAB-{n}", "Notes"): f"{who} {turn}" for n in range(30)}, hour(turn))
            for turn in range(1, 11)
        )

    with ThreadPoolExecutor(4) as curators:
        assert list(curators.map(tells, "abcd")) == [300] * 4
    for number in range(30):
        history = store.annotations(f"E-MTAB-{number}")
        assert sorted(str(one.value) for one in history) == sorted(f"{who} {n}" for who in "abcd" for n in range(1, 11))
        assert [one.value for one in history if one.until is None] == [
            store.known().annotations[f"E-MTAB-{number}"]["Notes"]
        ]
        assert [one.until for one in history[:-1]] == [one.since for one in history[1:]]
    store.close()


HALFWAY = "what stood there is over, nothing committed"
TELLS = f"""
from app.store import bulk
store = open_store(address, LIFECYCLE, create=False)
whole = bulk.insert

def stops(*given):
    say("{HALFWAY}")
    told()
    whole(*given)

bulk.insert = stops
store.annotate({{("E-MTAB-1", "Notes"): "new", ("E-MTAB-1", "Priority"): None}}, hour(2))
"""


def test_who_is_killed_while_telling_has_told_nothing(fresh_address: str) -> None:
    store = open_store(fresh_address, LIFECYCLE, create=True)
    crawl(store, SEEN, 0)
    store.annotate({NOTES: "old", PRIORITY: 1}, hour(1))
    with process(TELLS, fresh_address) as child:
        assert says(child) == HALFWAY
        assert store.known().annotations == {"E-MTAB-1": {"Notes": "old", "Priority": 1}}
        child.kill()
    assert store.known().annotations == {"E-MTAB-1": {"Notes": "old", "Priority": 1}}
    with process(TELLS, fresh_address) as child:
        says(child)
        tell(child)
        assert child.wait(20) == 0
    assert store.known().annotations == {"E-MTAB-1": {"Notes": "new"}}
    store.close()


def test_who_tells_of_what_is_just_being_replaced_replaces_the_new_one(fresh_address: str) -> None:
    store = open_store(fresh_address, LIFECYCLE, create=True)
    crawl(store, SEEN, 0)
    store.annotate({NOTES: "old", PRIORITY: 1}, hour(1))
    with process(TELLS, fresh_address) as child, ThreadPoolExecutor(1) as other:
        assert says(child) == HALFWAY
        done = other.submit(store.annotate, {NOTES: "newest", PRIORITY: None}, hour(3))
        time.sleep(0.5)
        assert not done.done(), "it waits"
        tell(child)
        assert done.result(20) == 1, "the other has gone already"
    assert [(one.value, one.until) for one in store.annotations("E-MTAB-1")] == [
        ("old", hour(2)),
        (1, hour(2)),
        ("new", hour(3)),
        ("newest", None),
    ]
    store.close()
