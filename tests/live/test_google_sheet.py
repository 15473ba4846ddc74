"""The same against a real Google Sheet: `./run test-google SHEET`, with GOOGLE_APPLICATION_CREDENTIALS.

The sheet is one for tests, shared with that account: tabs that the test makes (their names end with a moment) are
deleted at the end, and nothing else is touched. Each case begins with a tab of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.domain.details import Overview
from app.domain.model import Lifecycle
from app.domain.overview import Table
from app.domain.visit import Guestbook, Visit
from app.outputs.google_sheets import GoogleSheets, client
from app.outputs.google_sheets.client import Account, Refused, Sheets
from app.outputs.google_sheets.want import KEY

pytestmark = pytest.mark.google

TITLES = ("Name", "Text", "When")
ONE, TWO, THREE = (("one", "a", None), ("two", "b", None), ("three", "c", None))
HOSTILE = (
    *("=1+1", '=IMPORTXML("https://example.org", "//a")', "+1", "@x", "'=1+1"),
    *("007", "2026-11-22", "TRUE", "a\nb", "😀"),
)


class Hand:
    """One tab, and someone who works in it with the same account."""

    def __init__(self) -> None:
        file = Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"])
        account = Account(file, patience=120.0, api=os.environ.get("INGEST_TRACKER_GOOGLE_API", ""))
        self.guest = GoogleSheets(account, os.environ["INGEST_TRACKER_TEST_SHEET"], UTC)
        self.sheets = Sheets(account, self.guest.quota)
        self.key = self.sheets.open(self.guest.sheet).key
        self.name = f"test {datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"

    def visit(self, *rows: tuple[Any, ...], columns: tuple[str, ...] = TITLES) -> Visit:
        table = Table(self.name, columns, rows, keys=tuple(str(row[0]) for row in rows))
        return self.guest.visit(Overview((table,), datetime.now(UTC), Lifecycle.DEFAULT), Guestbook())

    def do(self, kind: str, **what: Any) -> None:
        self.sheets.write(self.key, {"requests": [{kind: what}]})

    @property
    def tab(self) -> Any:
        book = self.sheets.open(self.key)
        return next(
            t
            for t in self.sheets.cells(book, [{"sheetId": t.id} for t in book.tabs if t.table == self.name]).tabs
            if t.cells
        )

    @property
    def id(self) -> int:
        return next(tab.id for tab in self.sheets.open(self.key).tabs if tab.table == self.name)

    def shown(self) -> list[list[Any]]:
        """The cells, without the column of keys."""
        cells = [list(row) for row in self.tab.cells]
        hidden = cells[0].index(KEY)
        return [row[:hidden] + row[hidden + 1 :] for row in cells]

    def columns(self, start: int, to: int) -> None:
        span = {"sheetId": self.id, "dimension": "COLUMNS", "startIndex": start, "endIndex": start + 1}
        self.do("moveDimension", source=span, destinationIndex=to)

    def write(self, row: int, column: int, text: str, note: str = "") -> None:
        cell = {"userEnteredValue": {"stringValue": text}, "note": note}
        start = {"sheetId": self.id, "rowIndex": row, "columnIndex": column}
        self.do("updateCells", start=start, rows=[{"values": [cell]}], fields="userEnteredValue,note")


@pytest.fixture
def hand() -> Iterator[Hand]:
    hand = Hand()
    yield hand
    for tab in hand.sheets.open(hand.key).tabs:
        if tab.table == hand.name:
            hand.do("deleteSheet", sheetId=tab.id)


def test_what_is_right_is_not_written_again(hand: Hand) -> None:
    moment = datetime(2026, 11, 22, 9, 30, 15, tzinfo=UTC)
    assert hand.visit(ONE, ("two", "b", moment)).writes == 1
    again = hand.visit(ONE, ("two", "b", moment))
    assert (again.reads, again.writes) == (2, 0)
    changed = hand.visit(ONE, ("two", "B", moment))
    assert (changed.reads, changed.writes, changed.cells) == (2, 1, 1)


def test_text_is_text(hand: Hand) -> None:
    rows = [(f"row {number}", text, None) for number, text in enumerate(HOSTILE)]
    hand.visit(*rows)
    assert [row[1] for row in hand.shown()[1:]] == list(HOSTILE)
    assert hand.visit(*rows).writes == 0


def test_columns_and_rows_of_curators_stay_where_they_are(hand: Hand) -> None:
    hand.visit(ONE, TWO)
    span = {"sheetId": hand.id, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}
    hand.do("insertDimension", range=span)
    hand.write(0, 1, "Notes")
    hand.write(2, 1, "mine", note="ask")
    hand.do("sortRange", range={"sheetId": hand.id, "startRowIndex": 1},
            sortSpecs=[{"dimensionIndex": 0, "sortOrder": "DESCENDING"}])  # fmt: skip
    hand.visit(("one", "A", None), TWO, THREE)
    rows = {row[0]: row[1:3] for row in hand.shown()}
    assert rows == {"Name": ["Notes", "Text"], "one": ["", "A"], "two": ["mine", "b"], "three": ["", "c"]}


@pytest.mark.parametrize("strict", [True, False])
def test_a_batch_is_refused_where_a_column_has_moved(hand: Hand, strict: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds of guards: that Google refuses both is what is documented, as far as it is."""
    monkeypatch.setattr("app.outputs.google_sheets.STRICT", 1 if strict else 0)
    hand.visit(ONE, TWO)
    ask, statuses = client.Sheets.write, []

    def moved_first(sheets: Sheets, key: str, body: Any) -> Any:
        if not statuses:
            statuses.append("moved")
            hand.sheets.batch_update(key, {"requests": [{"moveDimension": {
                "source": {"sheetId": hand.id, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1},
                "destinationIndex": 2}}]})  # fmt: skip
        try:
            told = ask(sheets, key, body)
        except Refused:
            statuses.append("refused")
            raise
        statuses.append("done")
        return told

    monkeypatch.setattr(client.Sheets, "write", moved_first)
    hand.visit(("one", "A", None), TWO)
    assert statuses == ["moved", "refused", "done"]
    assert hand.shown() == [["Text", "Name", "When"], ["A", "one", ""], ["b", "two", ""]]
