from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain import details
from app.domain.details import moves, over_time
from app.domain.model import Code, Entry, Known, KnownSource, RemarkKind, StateChange
from app.domain.overview import Layout, View, tables
from tests.domain.builders import DAY, DAY_1, STATES, noted, sighting, standing, state, verdict
from tests.outputs.pages import AT, SAID, Dataset, told


def change(days: float, before: str | None, after: str | None, dataset: str = "E-MTAB-1") -> StateChange:
    """So many days before AT."""
    return StateChange(dataset, state(before), state(after), "rule", f"{dataset} moved.", AT - timedelta(days=days))


# --------------------------------------------------------------------------- counts over time


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ([], {}),
        ([change(90, None, "external")], {"external": [1] * 91}),
        ([change(200, None, "external")], {"external": [1] * 91}),
        ([change(90, None, "external"), change(60, "external", None)], {"external": [1] * 30 + [0] * 61}),
        (
            [change(90, None, "external"), change(1, "external", "loading")],
            {"external": [1] * 89 + [0] * 2, "loading": [0] * 89 + [1] * 2},
        ),
        ([change(9, None, "loading"), change(9, None, "loading", "E-MTAB-2")], {"loading": [2] * 91}),
        ([change(9, None, "loading"), change(-1, "loading", None)], {"loading": [1] * 91}),
    ],
)
def test_counts_over_time_follow_from_the_changes(changes: list[StateChange], counts: dict[str, list[int]]) -> None:
    assert {name: list(steps) for name, steps in over_time(changes, AT).counts.items()} == counts


@pytest.mark.parametrize(("oldest", "first"), [(200, 90), (90, 90), (9, 9), (0.5, 0.5)])
def test_steps_are_equal_and_go_back_90_days_or_to_the_beginning(oldest: float, first: float) -> None:
    moments = over_time([change(oldest, None, "external")], AT).moments
    assert (moments[0], moments[-1], len(moments)) == (AT - timedelta(days=first), AT, 91)
    assert moments[1] - moments[0] == timedelta(days=first) / 90


# --------------------------------------------------------------------------- since yesterday


def test_moves_are_those_of_a_day_in_the_order_of_the_states_what_is_gone_last() -> None:
    changes = [
        change(1, None, "published"),  # exactly a day ago counts no more
        change(0.9, "loading", None),
        change(0.8, "external", "loading"),
        change(0.8, None, "loading"),
        change(0.7, None, "external"),
        change(0, None, "external", "E-MTAB-2"),
        change(-0.1, None, "processed"),  # not yet
    ]
    assert moves(changes, AT) == (
        ("new", "external", 2),
        ("new", "loading", 1),
        ("external", "loading", 1),
        ("loading", "gone", 1),
    )


# --------------------------------------------------------------------------- each dataset


def test_a_detail_is_all_that_is_known_of_a_dataset() -> None:
    here = sighting(title="A title", organisms=("Homo sapiens",), curators=("wren",), tech=("bulk",))
    said = verdict("PASS")
    known = Known(
        run=3,
        at=DAY_1,
        sources={"loading": KnownSource("loading", "k", "filesystem", {"stage": ["loading"]})},
        sightings={"loading": {"E-MTAB-1": here}},
        verdicts={("E-MTAB-1", said.check): said},
        entries={"sc_atlas": {"E-MTAB-1": Entry("E-MTAB-1", "sc_atlas")}},
        asked={"bulk_atlas": DAY_1, "sc_atlas": DAY_1 - DAY},
        standings={"E-MTAB-1": standing("published")},
    )
    history = [change(2, None, "external"), change(1, "external", "published")]
    layout = Layout(STATES, techs={"bulk_atlas": "bulk", "sc_atlas": "sc", "never_asked": "bulk"})
    (detail,) = details.overview(View(known), layout, history[::-1]).details
    assert (detail.dataset, detail.title, detail.standing) == ("E-MTAB-1", "A title", standing("published"))
    assert (detail.organisms, detail.curators, detail.verdicts) == (("Homo sapiens",), ("wren",), (said,))
    assert detail.link == "https://www.ebi.ac.uk/gxa/experiments/E-MTAB-1"
    assert [place.sighting for place in detail.seen] == [here]
    assert detail.history == tuple(history)
    assert [(listed.authority, listed.entry is not None, listed.asked) for listed in detail.listed] == [
        ("bulk_atlas", False, DAY_1),
        ("sc_atlas", True, DAY_1 - DAY),
    ]


def test_there_is_a_detail_for_every_row_and_for_what_is_newly_gone() -> None:
    gone, long_gone = {"external": 20, "gone": 3}, {"external": 90, "gone": 60}
    shown = told(
        Dataset("E-MTAB-3"), Dataset("E-MTAB-1"), Dataset("E-MTAB-2", days=gone), Dataset("E-MTAB-4", days=long_gone)
    )
    assert [detail.dataset for detail in shown.details] == ["E-MTAB-1", "E-MTAB-3", "E-MTAB-2"]
    assert [(c.before, c.after) for c in shown.details[-1].history] == [
        (None, state("external")),
        (state("external"), None),
    ]


def test_the_rows_of_the_two_dataset_tabs_name_their_datasets() -> None:
    shown = told(Dataset("E-MTAB-3"), Dataset("E-MTAB-1", "external"), Dataset("E-MTAB-2"))
    assert [table.datasets for table in shown.tables] == [(), ("E-MTAB-1",), ("E-MTAB-2", "E-MTAB-3"), (), (), ()]


def test_what_is_left_out_is_in_no_detail_and_named_in_none() -> None:
    open_one = Dataset("E-MTAB-1", place="/atlas/beside-E-MTAB-2 and E-MTAB-2")
    shown = told(open_one, Dataset("E-MTAB-2"), private=("E-MTAB-2",))
    (detail,) = shown.details
    words = [detail.standing.decision.sentence, *(change.sentence for change in detail.history)]
    assert words == ["It is in /atlas/beside-E-MTAB-2 and (private), a place for datasets that are loading."] * 2
    assert shown.over_time.counts["loading"][-1] == 2


def test_a_detail_tells_who_ignores_the_dataset_be_it_gone_or_not() -> None:
    gone = Dataset("E-MTAB-2", days={"external": 20, "gone": 3})
    shown = told(Dataset("E-MTAB-1"), gone, Dataset("E-MTAB-3"), ignored=("E-MTAB-1", "E-MTAB-2"))
    found = {detail.dataset: detail.ignored for detail in shown.details}
    assert {dataset: remark and (remark.reason, remark.by, remark.at) for dataset, remark in found.items()} == {
        "E-MTAB-1": SAID,
        "E-MTAB-2": SAID,
        "E-MTAB-3": None,
    }


def test_the_problems_of_a_dataset_tell_what_curators_said_of_them() -> None:
    both = (Code.NOT_UTF8, Code.UNREADABLE)
    of_ignored = Dataset("E-MTAB-2", problems=both)
    naming = Dataset("E-MTAB-1", problems=both, place="/atlas/beside-E-MTAB-3 and E-MTAB-3")
    more = {"ignored": ("E-MTAB-2",), "acknowledged": (Code.UNREADABLE,), "private": ("E-MTAB-3",)}
    shown = told(naming, of_ignored, Dataset("E-MTAB-3"), **more)
    kinds = [[entry.remark and entry.remark.kind for entry in detail.problems] for detail in shown.details]
    assert kinds == [[None, RemarkKind.ACKNOWLEDGED], [RemarkKind.IGNORED, RemarkKind.ACKNOWLEDGED]]
    assert "(private)" in shown.details[0].problems[0].problem.path


def test_sources_that_could_not_be_read_are_stale() -> None:
    assert told(Dataset("E-MTAB-1"), stale="loading").stale == {"loading"}
    assert told(Dataset("E-MTAB-1")).stale == frozenset()


def test_states_come_in_their_order_and_retired_ones_first() -> None:
    shown = told(Dataset("E-MTAB-1", "curating"), Dataset("E-MTAB-2"))
    assert shown.states == ("curating", *(each.name for each in STATES.states))


def test_the_overview_as_it_was_says_when_and_has_what_curators_had_as_cells_of_its_own() -> None:
    now = details.overview(View(noted({"Notes": "waits"})), Layout(curators=("Notes",)), None)
    then = details.as_it_was(now, DAY_1)
    assert [table.name for table in then.tables] == [f"{table.name} as of 2026-03-02 06:30:00" for table in now.tables]
    assert [table.rows for table in then.tables] == [table.rows for table in now.tables]
    assert [table.curators for table in (now.tables[2], *then.tables)] == [("Notes",), *[()] * len(then.tables)]


def test_before_the_first_run_there_are_the_tables_and_nothing_else() -> None:
    view = View(Known())
    assert details.overview(view, Layout(), ()) == details.Overview(tables(view, Layout()))
