"""Many events become few batches. Times are seconds that the test says."""

from __future__ import annotations

import pytest

from app.triggers.batches import Batch, Collector


@pytest.fixture
def collector() -> Collector:
    return Collector(debounce=0.5, longest=5, most=3)


def test_nothing_that_happened_is_no_batch(collector: Collector) -> None:
    collector.touch("a", [], 0)
    assert (collector.due, collector.take(100)) == (None, None)


@pytest.mark.parametrize(
    "times, due",
    [
        ([10], 10.5),
        ([10, 10.4], 10.9),
        ([10, 10.4, 10.8], 11.3),
        ([10 + 0.4 * i for i in range(20)], 15),
    ],
    ids=["one", "two", "three", "many: at the latest so long after the first"],
)
def test_a_batch_is_due_once_it_is_quiet(collector: Collector, times: list[float], due: float) -> None:
    for time in times:
        collector.touch("a", ["x"], time)
    assert collector.due == pytest.approx(due)
    assert collector.take(due - 0.01) is None
    assert collector.take(due + 0.01) == Batch({"a": frozenset({"x"})}, {})


def test_what_is_to_be_looked_at_in_whole_waits_for_quiet_as_well(collector: Collector) -> None:
    collector.touch("a", ["x"], 0)
    collector.whole("b", "because", 0.4)
    assert collector.due == pytest.approx(0.9)


def test_places_are_told_apart_and_names_once(collector: Collector) -> None:
    collector.touch("a", ["x", "y"], 0)
    collector.touch("b", ["x"], 0)
    collector.touch("a", ["y"], 0)
    assert collector.take(1) == Batch({"a": frozenset({"x", "y"}), "b": frozenset({"x"})}, {})


def test_a_batch_is_given_out_once_and_the_next_begins_anew(collector: Collector) -> None:
    collector.touch("a", ["x"], 0)
    collector.whole("b", "because", 0)
    collector.take(1)
    assert collector.take(100) is None
    collector.touch("b", ["y"], 100)
    assert collector.due == 100.5
    assert collector.take(101) == Batch({"b": frozenset({"y"})}, {})


def test_a_batch_that_was_given_out_changes_no_more(collector: Collector) -> None:
    collector.whole("a", "because", 0)
    collector.touch("b", ["x"], 0)
    batch = collector.take(1)
    collector.whole("c", "because", 2)
    collector.touch("b", ["y"], 2)
    assert batch == Batch({"b": frozenset({"x"})}, {"a": "because"})


def test_of_a_place_that_is_looked_at_in_whole_no_names_are_told(collector: Collector) -> None:
    collector.touch("a", ["x"], 0)
    collector.whole("a", "because", 0)
    collector.touch("a", ["y"], 0)
    assert collector.take(1) == Batch({}, {"a": "because"})


def test_the_last_word_is_told(collector: Collector) -> None:
    collector.whole("a", "it is gone", 0)
    collector.whole("a", "it is back", 0)
    assert collector.take(1) == Batch({}, {"a": "it is back"})


@pytest.mark.parametrize("count, whole", [(3, {}), (4, {"a": "more than 3 entries changed"})])
def test_of_very_many_names_none_is_kept(collector: Collector, count: int, whole: dict[str, str]) -> None:
    collector.touch("b", ["x"], 0)
    for number in range(count):
        collector.touch("a", [str(number)], 0)
    batch = collector.take(1)
    assert batch is not None
    assert batch.whole == whole
    assert ("a" in batch.touched, "b" in batch.touched) == (not whole, True)


def test_a_storm_of_many_minutes_is_few_batches(collector: Collector) -> None:
    """100,000 events in 100 s are one batch in 5 s each."""
    batches = 0
    for event in range(100_000):
        collector.touch("a", [str(event)], event / 1000)
        batches += collector.take(event / 1000) is not None
    assert batches == 19
