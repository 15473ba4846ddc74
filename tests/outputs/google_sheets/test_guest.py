"""What curators find in their document, and what they can rely on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.overview import DISCOVER, PROBLEMS, TRACK, Table
from app.domain.visit import Guestbook
from app.outputs.google_sheets.want import KEY
from tests.outputs.google_sheets.tabs import COLUMNS, Desk, table
from tests.servers.sheets import Request, SheetsServer, Ways

ONE, TWO = ("E-MTAB-1", "loading", "Mice"), ("E-MTAB-2", "loading", "Rats")


def test_a_new_tab_is_set_up_once_and_left_as_the_curators_make_it(desk: Desk) -> None:
    desk.visit(table(TRACK, ONE))
    tab = desk.curator.tab(TRACK)
    made = tab.snapshot()
    assert tab.headers() == list(COLUMNS)
    assert made["properties"]["frozenRowCount"] == 1
    assert made["filter"]
    assert len(made["protected"]) == len(COLUMNS)
    assert all(one["warningOnly"] for one in made["protected"])
    assert any("TEXT_EQ" in str(rule) and "loading" in str(rule) for rule in made["formats"])
    tab.clear_filter().freeze(0)
    changed = set_up(desk)
    desk.visit(table(TRACK, ("E-MTAB-1", "analysing", "Mice")))
    assert set_up(desk) == changed


def set_up(desk: Desk) -> dict[str, object]:
    """All of the tab but its cells."""
    told = desk.curator.tab(TRACK).snapshot()
    told["metadata"].sort(key=lambda one: one["metadataId"])
    return {name: value for name, value in told.items() if name != "cells"}


def test_dates_are_dates(desk: Desk) -> None:
    moment = datetime(2026, 11, 22, 12, tzinfo=UTC)
    desk.visit(table(TRACK, (*ONE, moment)))
    tab = desk.curator.tab(TRACK)
    assert tab.cell(1, "Checked")["userEnteredValue"] == {"numberValue": 46348.5}
    assert tab.text(1, "Checked") == "2026-11-22 12:00:00"
    desk.visit(table(TRACK, (*ONE, moment + timedelta(days=1))))
    assert tab.text(1, "Checked") == "2026-11-23 12:00:00"


def test_a_format_that_curators_gave_a_date_stays(desk: Desk) -> None:
    desk.visit(table(TRACK, (*ONE, datetime(2026, 11, 22, tzinfo=UTC))))
    tab = desk.curator.tab(TRACK)
    tab._put(1, 3, userEnteredFormat={"numberFormat": {"type": "DATE", "pattern": "dd/mm/yyyy"}})
    desk.visit(table(TRACK, (*ONE, datetime(2026, 11, 23, tzinfo=UTC))))
    assert tab.text(1, "Checked") == "23/11/2026"


def test_the_key_of_other_tabs_is_hidden(desk: Desk) -> None:
    desk.visit(Table(PROBLEMS, ("Severity",), (("error",),), keys=("a",)))
    tab = desk.curator.tab(PROBLEMS)
    assert tab.headers() == ["Severity", KEY]
    assert tab.sheet.columns[1]["hiddenByUser"]


def test_a_dataset_that_moves_on_takes_all_along(desk: Desk) -> None:
    desk.visit(table(DISCOVER, ("E-MTAB-1", "external"), ("E-MTAB-3", "external")), table(TRACK, TWO))
    tab = desk.curator.tab(DISCOVER)
    tab.insert_columns(0, 1, "Notes").set(1, "Notes", "=1+1").set_note(1, "Notes", "ask").colour(1, "Notes")
    before = tab.cell(1, "Notes")
    desk.visit(table(DISCOVER, ("E-MTAB-3", "external")), table(TRACK, ONE, TWO))
    track = desk.curator.tab(TRACK)
    assert track.cell("E-MTAB-1", "Notes") == before
    assert [row[1] for row in tab.texts()] == ["Accession", "E-MTAB-3"]
    assert desk.asked()[:2] == (2, 1)


def test_one_that_is_gone_goes_to_the_archive_when_its_time_has_come_and_comes_back(desk: Desk) -> None:
    guest = type(desk.guest)(desk.guest.account, desk.key, UTC, archive_after=timedelta(days=90))
    desk.guest = guest
    desk.visit(table(TRACK, ONE, TWO))
    tab = desk.curator.tab(TRACK)
    tab.insert_columns(len(COLUMNS), 1, "Notes").set("E-MTAB-1", "Notes", "mine")
    desk.visit(table(TRACK, TWO), book=Guestbook({"E-MTAB-1": desk.at - timedelta(days=1)}))
    assert tab.text("E-MTAB-1", "Status") == "gone"
    assert "Archive" not in desk.curator.titles
    desk.visit(table(TRACK, TWO), book=Guestbook({"E-MTAB-1": desk.at - timedelta(days=91)}))
    archive = desk.curator.tab("Archive")
    assert archive.text("E-MTAB-1", "Notes") == "mine"
    assert archive.text("E-MTAB-1", "Title") == "Mice"
    assert "E-MTAB-1" not in str(tab.texts())
    desk.visit(table(TRACK, ONE, TWO))
    assert (tab.text("E-MTAB-1", "Notes"), tab.text("E-MTAB-1", "Status")) == ("mine", "loading")
    assert "E-MTAB-1" not in str(archive.texts())


@pytest.mark.parametrize("unmatched", ["refuse", "ignore"])
def test_a_column_that_moves_just_then_costs_nothing(desk: Desk, google: SheetsServer, unmatched: str) -> None:
    google.ways = Ways(unmatched=unmatched)
    desk.visit(table(TRACK, ONE, TWO))
    tab = desk.curator.tab(TRACK)
    tab.insert_columns(len(COLUMNS), 1, "Notes").set(1, "Notes", "mine").set(2, "Notes", "also")
    desk.visit(table(TRACK, ONE, TWO))

    def at_that_moment(server: SheetsServer, request: Request) -> None:
        if request.kind == "write":
            server.between = None
            tab.move_columns("Notes", 1)

    google.between = at_that_moment
    desk.visit(
        table(TRACK, ("E-MTAB-1", "analysing", "Mice"), ("E-MTAB-2", "analysing", "Rats"), ("E-MTAB-3", "loading"))
    )
    assert tab.texts() == [
        ["Accession", "Notes", "Status", "Title", "Checked"],
        ["E-MTAB-1", "mine", "analysing", "Mice"],
        ["E-MTAB-2", "also", "analysing", "Rats"],
        ["E-MTAB-3", "", "loading"],
    ]


def test_where_guards_hold_nothing_back_the_curators_cells_are_given_back(
    desk: Desk, google: SheetsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it would be if Google carried out what it documents to refuse: then it says so, and what it wrote over is
    known."""
    monkeypatch.setattr("app.outputs.google_sheets.STRICT", 0)
    test_a_column_that_moves_just_then_costs_nothing(desk, google, "ignore")
    assert [request.status for request in google.log.of("write")] == [200, 200, 200]


def test_a_tab_that_an_earlier_tracker_made_is_adopted(desk: Desk) -> None:
    old = desk.curator.add_tab(
        f"{TRACK} 2020-04-02", [["Accession", "Status", "Remarks", "Title"], ["E-MTAB-1", "processed", "ours!", "Mice"]]
    )
    older = desk.curator.add_tab(
        f"{TRACK} 2020-04-01", [["Accession", "Status", "Title"], ["E-MTAB-1", "loading", "Mice"]]
    )
    before = older.snapshot()
    desk.visit(table(TRACK, ("E-MTAB-1", "published", "Mice"), TWO))
    assert old.texts()[:3] == [
        ["Accession", "Status", "Remarks", "Title", "Checked"],
        ["E-MTAB-1", "published", "ours!", "Mice"],
        ["E-MTAB-2", "loading", "", "Rats"],
    ]
    assert older.snapshot() == before
    assert len(desk.curator.titles) == 3


def test_an_empty_tab_of_that_name_is_taken(desk: Desk) -> None:
    made = desk.curator.add_tab(TRACK)
    desk.visit(table(TRACK, ONE))
    assert desk.curator.titles == ["Sheet1", TRACK]
    assert made.texts() == [list(COLUMNS), list(ONE)]


def test_what_is_not_ours_is_never_touched(desk: Desk) -> None:
    theirs = desk.curator.add_tab("Rota", [["Who", "When"], ["a", "b"]])
    theirs.colour(1, 0).set_note(1, 1, "x").set(1, 1, "=1+1")
    before = theirs.snapshot()
    desk.visit(table(TRACK, ONE))
    desk.visit(table(TRACK, TWO), book=Guestbook({"E-MTAB-1": desk.at}))
    assert theirs.snapshot() == before
