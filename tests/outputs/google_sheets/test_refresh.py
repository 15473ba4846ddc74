"""A visit to the rows of some datasets leaves the document as a visit to all of it would, or says that it cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.details import Overview
from app.domain.model import Lifecycle
from app.domain.overview import DISCOVER, PROBLEMS, TRACK, Table
from app.domain.visit import Guestbook, Visit
from tests.outputs.google_sheets.tabs import Desk, table

Rows = dict[str, tuple[str, str]]
"""dataset -> (state, title)"""

ALL: Rows = {f"E-MTAB-{number}": ("loading", f"Mice, part {number} of a long story") for number in range(6)}


def tables(rows: Rows, only: frozenset[str] | None = None) -> tuple[Table, ...]:
    """New ones are in one tab, the others in another; and a tab that is not of datasets counts them."""
    told = {d: row for d, row in sorted(rows.items()) if only is None or d in only}
    new = [(d, *row) for d, row in told.items() if row[0] == "external"]
    under_way = [(d, *row) for d, row in told.items() if row[0] != "external"]
    counted = Table(PROBLEMS, ("Severity", "Message"), (("info", f"{len(rows)} datasets"),), keys=("count",))
    return (
        replace(table(DISCOVER, *new, curators=("Notes",)), only=only),
        replace(table(TRACK, *under_way, curators=("Notes",)), only=only),
        counted,
    )


class Shown:
    """What the desk is told, one moment after the other."""

    def __init__(self, desk: Desk) -> None:
        desk.guest.quota.limit = 1_000_000
        self.desk, self.rows = desk, dict[str, tuple[str, str]]()
        self.gone: set[str] = set()

    def whole(self, rows: Rows) -> Visit:
        self.rows = dict(rows)
        self.desk.google.log.reset()
        book = Guestbook(dict.fromkeys(self.gone - rows.keys(), self.desk.at))
        return self.desk.guest.visit(Overview(tables(rows), self.desk.at, Lifecycle.DEFAULT), book)

    def some(self, changed: Rows, gone: frozenset[str] = frozenset()) -> Visit | None:
        since, self.desk.at = self.desk.at, self.desk.at + timedelta(minutes=1)
        self.gone |= gone
        self.rows = {d: row for d, row in (self.rows | changed).items() if d not in gone}
        overview = Overview(tables(self.rows, frozenset({*changed, *gone})), self.desk.at, Lifecycle.DEFAULT)
        self.desk.google.log.reset()
        return self.desk.guest.refresh(replace(overview, since=since), Guestbook(dict.fromkeys(gone, since)))

    def texts(self) -> dict[str, list[tuple[str, ...]]]:
        book = self.desk.curator
        return {name: sorted(map(tuple, book.tab(name).texts())) for name in (DISCOVER, TRACK, PROBLEMS)}


@pytest.fixture
def shown(desk: Desk) -> Shown:
    shown = Shown(desk)
    shown.whole(ALL)
    return shown


def test_no_more_is_read_than_titles_keys_and_those_rows_and_one_row_is_written(shown: Shown, desk: Desk) -> None:
    visit = shown.some({"E-MTAB-3": ("analysing", ALL["E-MTAB-3"][1])})
    assert visit is not None
    assert desk.asked() == (3, 1, 1)
    assert "analysing" in desk.curator.tab(TRACK).texts()[4]
    assert shown.whole(shown.rows).cells == 0


def test_what_curators_have_beside_those_rows_is_told(shown: Shown, desk: Desk) -> None:
    desk.curator.tab(TRACK).set("E-MTAB-3", "Notes", "ask").set("E-MTAB-4", "Notes", "another")
    visit = shown.some({"E-MTAB-3": ("analysing", "Mice")})
    assert visit is not None
    assert visit.annotations == {("E-MTAB-3", "Notes"): "ask"}


CHANGES: dict[str, tuple[Rows, frozenset[str]]] = {
    "a new one": ({"E-MTAB-7": ("external", "Rats")}, frozenset()),
    "two new ones, in two tabs": ({"E-MTAB-7": ("external", "Rats"), "E-MTAB-8": ("loading", "Pigs")}, frozenset()),
    "one goes to the other tab": ({"E-MTAB-2": ("external", ALL["E-MTAB-2"][1])}, frozenset()),
    "one is gone": ({}, frozenset({"E-MTAB-2"})),
    "all of that": (
        {"E-MTAB-7": ("external", "Rats"), "E-MTAB-2": ("external", "Dogs"), "E-MTAB-0": ("loading", "Pigs")},
        frozenset({"E-MTAB-5"}),
    ),
    "nothing": ({}, frozenset()),
}


@pytest.mark.parametrize("changed, gone", CHANGES.values(), ids=CHANGES)
def test_it_is_what_a_visit_to_all_would_have_written(
    shown: Shown, desk: Desk, changed: Rows, gone: frozenset[str]
) -> None:
    desk.curator.tab(TRACK).insert_columns(1, 1, "Mine").set("E-MTAB-2", "Mine", "=1+1")
    desk.curator.tab(DISCOVER).insert_columns(0, 1, "Mine")
    shown.whole(ALL)
    assert shown.some(changed, gone) is not None
    after = shown.texts()
    assert (shown.whole(shown.rows).cells, shown.texts()) == (0, after)


def test_only_what_was_shown_in_whole_can_be_shown_in_part(desk: Desk) -> None:
    shown = Shown(desk)
    assert shown.some(ALL) is None
    shown.whole(ALL)
    desk.at += timedelta(minutes=1)  # another process showed something in between
    assert shown.some({"E-MTAB-3": ("analysing", "Mice")}) is None
    shown.whole(shown.rows)
    assert shown.some({"E-MTAB-3": ("processed", "Mice")}) is not None


def change_a_key(desk: Desk) -> None:
    desk.curator.tab(TRACK).set("E-MTAB-3", "Accession", "mine now")


def delete_a_title(desk: Desk) -> None:
    desk.curator.tab(TRACK).set(0, "Title", "")


def delete_the_tab(desk: Desk) -> None:
    desk.curator.tab(PROBLEMS).delete()


def copy_the_row(desk: Desk) -> None:
    tab = desk.curator.tab(TRACK)
    row = tab.texts()[4]
    tab.insert_rows(2).fill([]).set(2, "Accession", row[0]).set(2, "Status", row[1]).set(2, "Title", row[2])


@pytest.mark.parametrize("change", [change_a_key, delete_a_title, delete_the_tab, copy_the_row])
def test_what_can_only_be_told_from_all_of_it_is_left_to_a_visit_to_all(
    shown: Shown, desk: Desk, change: object
) -> None:
    change(desk)  # type: ignore[operator]
    before = shown.texts() if change is not delete_the_tab else {}
    assert shown.some({"E-MTAB-3": ("analysing", ALL["E-MTAB-3"][1])}) is None
    assert desk.asked()[1:] == (0, 0)
    assert before == (shown.texts() if change is not delete_the_tab else {})
    assert shown.some({}) is None, "nobody knows what is shown until all is"
    shown.whole(shown.rows)
    assert ["E-MTAB-3", "analysing"] in [row[:2] for row in desk.curator.tab(TRACK).texts()]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.dictionaries(
                st.sampled_from([f"E-MTAB-{n}" for n in range(9)]),
                st.tuples(st.sampled_from(["external", "loading", "processed"]), st.text("ab ", max_size=3)),
                max_size=3,
            ),
            st.frozensets(st.sampled_from([*ALL]), max_size=1),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_however_often_some_rows_are_shown_all_of_it_is_right(
    desk: Desk, steps: list[tuple[Rows, frozenset[str]]]
) -> None:
    desk = Desk.of(desk.google, desk.guest.account.file.parent, desk.at)
    shown = Shown(desk)
    shown.whole(ALL)
    for changed, gone in steps:
        if shown.some({d: row for d, row in changed.items() if d not in gone}, gone) is None:
            shown.whole(shown.rows)
    told = [cells for name in (DISCOVER, TRACK) for cells in desk.curator.tab(name).texts()[1:]]
    assert {
        cells[0]: (cells[1], "".join(cells[2:])) for cells in told if cells[1] not in ("gone", "over")
    } == shown.rows
    assert len({cells[0] for cells in told}) == len(told)
