"""What a tab holds and what it should hold -> the fewest edits."""

from __future__ import annotations

from app.domain.overview import DISCOVER, PROBLEMS, TRACK
from app.outputs.google_sheets.edits import Fresh, Move, Plan, TabPlan
from app.outputs.google_sheets.plan import plan
from app.outputs.google_sheets.want import KEY
from tests.outputs.google_sheets.tabs import COLUMNS, book, problems, tab, want


def of(planned: Plan, name: str = TRACK) -> TabPlan:
    return next(tab for tab in planned.tabs if tab.want.name == name)


def test_what_is_as_it_should_be_costs_nothing() -> None:
    there = tab(TRACK, COLUMNS, ["E-MTAB-1", "loading", "Mice", 4])
    assert not plan(book(there), [want(TRACK, ["E-MTAB-1", "loading", "Mice", 4])]).edited


def test_only_the_cells_that_changed_are_written() -> None:
    there = tab(TRACK, COLUMNS, ["E-MTAB-1", "loading", "Mice"], ["E-MTAB-2", "loading"])
    planned = of(plan(book(there), [want(TRACK, ["E-MTAB-1", "loading", "Mice"], ["E-MTAB-2", "analysing", "Rats"])]))
    assert planned.updates == {2: {1: "analysing", 2: "Rats"}}
    assert (planned.fresh, planned.moves, planned.stale, planned.columns) == ([], [], [], [])


def test_a_clock_alone_is_no_change() -> None:
    there = tab(TRACK, COLUMNS, ["E-MTAB-1", "loading", "", 4], ["E-MTAB-2", "loading", "", 4])
    assert not plan(book(there), [want(TRACK, ["E-MTAB-1", "loading", "", 5], ["E-MTAB-2", "loading", "", 5])]).edited


def test_a_clock_is_written_with_another_change_of_its_row() -> None:
    there = tab(TRACK, COLUMNS, ["E-MTAB-1", "loading", "", 4], ["E-MTAB-2", "loading", "", 4])
    wanted = want(TRACK, ["E-MTAB-1", "loading", "", 5], ["E-MTAB-2", "analysing", "", 5])
    assert of(plan(book(there), [wanted])).updates == {2: {1: "analysing", 3: 5}}


def test_columns_are_found_wherever_they_were_moved_to() -> None:
    there = tab(TRACK, ["Notes", "Title", "Accession", "Mine", "Status"], ["", "Mice", "E-MTAB-1", "x", "loading"])
    planned = of(plan(book(there), [want(TRACK, ["E-MTAB-1", "analysing", "Mice"])]))
    assert planned.places[:3] == [2, 4, 1]
    assert planned.updates == {1: {1: "analysing"}}


def test_a_column_of_ours_that_was_deleted_comes_last() -> None:
    there = tab(TRACK, ["Accession", "Status", "Notes"], ["E-MTAB-1", "loading", "mine"])
    planned = of(plan(book(there), [want(TRACK, ["E-MTAB-1", "loading", "Mice"])]))
    assert planned.places == [0, 1, 3, 4]
    assert [(column.number, column.title) for column in planned.made] == [(3, "Title"), (4, "Checked")]
    assert planned.titles == {3: "Title", 4: "Checked"}
    assert planned.updates == {1: {2: "Mice"}}


def test_a_title_that_somebody_changed_is_ours_still() -> None:
    there = tab(TRACK, COLUMNS, ["E-MTAB-1", "loading"])
    there.cells[0][1] = "State"  # type: ignore[index]
    planned = of(plan(book(there), [want(TRACK, ["E-MTAB-1", "loading"])]))
    assert (planned.titles, planned.made) == ({1: "Status"}, [])


def test_new_datasets_come_below_all_others() -> None:
    there = tab(TRACK, COLUMNS, ["E-MTAB-2", "loading"], ["", "", "a curator's row"])
    planned = of(plan(book(there), [want(TRACK, ["E-MTAB-1", "loading"], ["E-MTAB-2", "loading"], ["E-MTAB-3"])]))
    assert planned.fresh == [Fresh(3, (0, 2))]
    assert planned.updates == {}


def test_new_rows_of_other_tabs_stand_in_their_place() -> None:
    there = tab(
        PROBLEMS,
        ["Severity", "Message", KEY],
        ["error", "b", "B"],
        ["info", "d", "D"],
        own=["Severity", "Message", KEY],
    )
    wanted = problems(
        ["error", "a", "A"], ["error", "b", "B"], ["error", "c", "C"], ["info", "d", "D"], ["info", "e", "E"]
    )
    assert of(plan(book(there), [wanted]), PROBLEMS).fresh == [Fresh(1, (0,)), Fresh(2, (2,)), Fresh(3, (4,))]


def test_what_is_over_goes_but_not_what_a_curator_wrote_beside_it() -> None:
    titles = ["Severity", "Message", KEY, "Notes"]
    there = tab(
        PROBLEMS, titles, ["error", "a", "A"], ["error", "b", "B", "asked"], ["", "", "", "mine"], own=titles[:3]
    )
    planned = of(plan(book(there), [problems()]), PROBLEMS)
    assert (planned.stale, planned.updates) == ([1], {2: {0: "over"}})


def test_a_dataset_that_is_gone_is_marked_and_one_that_was_never_known_is_the_curators() -> None:
    there = tab(TRACK, COLUMNS, ["E-MTAB-1", "loading"], ["E-MTAB-9", "soon"])
    planned = of(plan(book(there), [want(TRACK)], over={"E-MTAB-1": "gone"}))
    assert planned.updates == {1: {1: "gone"}}


def test_a_row_goes_to_another_tab_with_all_that_curators_have_in_it() -> None:
    discover = tab(
        DISCOVER, ["Accession", "Notes", "Status", "", "Due"], ["E-MTAB-1", "mine", "external", "?"], own=COLUMNS
    )
    track = tab(TRACK, ["due", *COLUMNS], ["", "E-MTAB-2", "loading"])
    planned = plan(
        book(discover, track), [want(DISCOVER), want(TRACK, ["E-MTAB-1", "loading"], ["E-MTAB-2", "loading"])]
    )
    assert of(planned).moves == [
        Move(DISCOVER, 1, 0, ((0, 1), (1, 5), (2, 2), (3, 6), (4, 0), (5, 3), (6, 4)), {1: "loading"})
    ]
    assert [(column.number, column.title) for column in of(planned).made] == [(5, "Notes"), (6, "")]
    assert not of(planned, DISCOVER).updates


def test_of_a_row_that_was_copied_the_upper_one_is_ours() -> None:
    there = tab(TRACK, COLUMNS, ["E-MTAB-1", "loading"], ["E-MTAB-1", "loading", "copy"])
    planned = plan(book(there), [want(TRACK, ["E-MTAB-1", "analysing"])])
    assert of(planned).updates == {1: {1: "analysing"}}
    assert planned.left_alone == (f"{TRACK!r} has E-MTAB-1 again in row 3; the copy is left alone",)


def test_a_dataset_in_both_tabs_is_left_alone_where_it_does_not_belong() -> None:
    discover, track = tab(DISCOVER, COLUMNS, ["E-MTAB-1", "external"]), tab(TRACK, COLUMNS, ["E-MTAB-1", "loading"])
    planned = plan(book(discover, track), [want(DISCOVER), want(TRACK, ["E-MTAB-1", "loading"])])
    assert not planned.edited
    assert "is left alone" in planned.left_alone[0]


def test_a_row_whose_accession_somebody_changed_is_known_by_the_rest() -> None:
    there = tab(TRACK, COLUMNS, ["E-MTAB-7", "loading", "Mice in spring"], ["", "loading", "Rats"])
    planned = of(
        plan(book(there), [want(TRACK, ["E-MTAB-1", "loading", "Mice in spring"], ["E-MTAB-2", "loading", "Rats"])])
    )
    assert planned.updates == {1: {0: "E-MTAB-1"}, 2: {0: "E-MTAB-2"}}
    assert planned.fresh == []


def test_a_row_that_could_be_two_datasets_is_neither() -> None:
    there = tab(TRACK, COLUMNS, ["E-MTAB-7", "loading", "Mice"])
    planned = of(plan(book(there), [want(TRACK, ["E-MTAB-1", "loading", "Mice"], ["E-MTAB-2", "loading", "Mice"])]))
    assert (planned.updates, planned.fresh) == ({}, [Fresh(2, (0, 1))])


def test_what_the_curators_have_in_their_columns_is_read() -> None:
    there = tab(
        TRACK, [*COLUMNS, "notes", "Hold"], ["E-MTAB-1", "", "", "", "mine", True], ["E-MTAB-2"], ["x", "", "", "", "y"]
    )
    planned = plan(book(there), [want(TRACK, ["E-MTAB-1"], ["E-MTAB-2"], curators=("Notes", "Hold", "Due"))])
    assert planned.annotations == {
        ("E-MTAB-1", "Notes"): "mine",
        ("E-MTAB-1", "Hold"): True,
        ("E-MTAB-2", "Notes"): None,
        ("E-MTAB-2", "Hold"): None,
    }


def test_a_row_that_was_lost_comes_back_with_what_the_curators_had() -> None:
    there = tab(TRACK, [*COLUMNS, "Notes"], ["E-MTAB-2"])
    kept = {"E-MTAB-1": {"Notes": "mine", "Due": 3}, "E-MTAB-2": {"Notes": "old"}}
    planned = of(plan(book(there), [want(TRACK, ["E-MTAB-1"], ["E-MTAB-2"], curators=("Notes", "Due"))], kept=kept))
    assert (planned.new_notes, planned.old_notes, planned.made) == ({0: {4: "mine"}}, {}, [])


def test_a_column_of_the_curators_that_was_lost_comes_back_when_asked_for() -> None:
    there = tab(TRACK, COLUMNS, ["E-MTAB-1"], ["E-MTAB-2"])
    kept = {"E-MTAB-1": {"Notes": "mine"}}
    wanted = want(TRACK, ["E-MTAB-1"], ["E-MTAB-2"], curators=("Notes",))
    assert not plan(book(there), [wanted], kept=kept).edited
    planned = of(plan(book(there), [wanted], kept=kept, restore=True))
    assert [column.title for column in planned.made] == ["Notes"]
    assert planned.old_notes == {1: {4: "mine"}}


def test_a_tab_that_others_made_is_adopted_with_all_that_is_in_it() -> None:
    old = tab(TRACK, ["Experiments"], [], ["accession", "Notes", "Status", "Title"], ["E-MTAB-1", "x", "loading"],
              title=f"{TRACK} 2020-04-02", tagged=False)  # fmt: skip
    older = tab(TRACK, [*COLUMNS], ["E-MTAB-1"], title=f"{TRACK} 2020-04-01", tagged=False)
    planned = of(plan(book(older, old), [want(TRACK, ["E-MTAB-1", "loading"])]))
    assert (planned.tab.title, planned.header, planned.setup) == (f"{TRACK} 2020-04-02", 2, True)
    assert planned.places == [0, 2, 3, 4]
    assert (planned.updates, planned.fresh) == ({}, [])
    assert {(column.title, column.own, column.made) for column in planned.columns} == {
        ("Accession", True, False), ("Status", True, False), ("Title", True, False), ("Checked", True, True),
        ("Notes", False, False),
    }  # fmt: skip


def test_a_tab_of_the_same_name_with_other_columns_is_the_curators() -> None:
    theirs = tab(TRACK, ["What", "When"], ["x", "y"], tagged=False)
    planned = of(plan(book(theirs), [want(TRACK, ["E-MTAB-1"])]))
    assert (planned.new, planned.tab.title) == (True, f"{TRACK} (2)")
    assert planned.tab.id != theirs.id


def test_new_tabs_have_numbers_of_their_own() -> None:
    planned = plan(book(), [want(TRACK), want(DISCOVER)])
    assert len({tab.tab.id for tab in planned.tabs}) == 2
