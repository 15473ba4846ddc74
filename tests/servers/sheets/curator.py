"""Someone who works in a spreadsheet by hand, between any two requests of a program; and looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.servers.sheets import values
from tests.servers.sheets.edits import Editor, Ways, as_range
from tests.servers.sheets.grid import Book, Cell, Json, Sheet, is_range

if TYPE_CHECKING:
    from tests.servers.sheets.server import SheetsServer

Place = int | str
"""A row: its index from 0, or a text of which the first cell that shows it is meant. A column: its index or header."""


class Curator:
    """`google.curator(key).tab("Track").set(3, "Notes", "call back")`. Every call holds the server's lock."""

    def __init__(self, google: SheetsServer, key: str) -> None:
        self.google, self.key = google, key

    @property
    def book(self) -> Book:
        return self.google.files[self.key].book

    @property
    def titles(self) -> list[str]:
        return [sheet.title for sheet in self.book.sheets]

    def tab(self, title: str) -> Tab:
        """The tab that has this title now; it stays the same tab when it is renamed."""
        sheet = self.book.titled(title)
        assert sheet, f"there is no tab {title!r} among {self.titles}"
        return Tab(self, sheet.id)

    def add_tab(self, title: str, rows: list[list[Any]] | None = None, **properties: Any) -> Tab:
        """A new tab, with values as a program gives them: a text is a text. `sheetType="OBJECT"`: a chart's own tab."""
        self.do("addSheet", properties={"title": title, **properties})
        return self.tab(title).fill(rows or [])

    def do(self, kind: str, **given: Any) -> Json:
        """One request of spreadsheets.batchUpdate, by someone whom nothing is protected from."""
        with self.google.lock:
            book = self.book.copy()
            reply = Editor(book, None, Ways()).run([{kind: given}])
            self.google.files[self.key].book = book
            return reply[0]


class Tab:
    def __init__(self, curator: Curator, identity: int) -> None:
        self._curator, self.id = curator, identity

    def _do(self, kind: str, **given: Any) -> Tab:
        self._curator.do(kind, **given)
        return self

    @property
    def sheet(self) -> Sheet:
        return self._curator.book.sheet(self.id)

    @property
    def title(self) -> str:
        return self.sheet.title

    # ---------------------------------------------------------------- looking

    def shown(self, cell: Cell) -> str:
        return values.formatted(self._curator.book, self.sheet, cell)

    def texts(self) -> list[list[str]]:
        """What a reader sees, row by row, without empty ends."""
        everything = self.sheet.everything
        return values.rendered(self._curator.book, self.sheet, everything, {"valueRenderOption": "FORMATTED_VALUE"})

    def values(self) -> list[list[Any]]:
        """Typed values, formulas as formulas, dates as numbers."""
        return values.rendered(self._curator.book, self.sheet, self.sheet.everything, {"valueRenderOption": "FORMULA"})

    def headers(self) -> list[str]:
        return [self.shown(cell) for cell in self.sheet.rows[0]]

    def records(self) -> list[dict[str, Any]]:
        """Rows below the header by header, each in full; rows without a value are left out."""
        headers = self.headers()
        rows = [row + [""] * (len(headers) - len(row)) for row in self.values()[1:] if row]
        return [{header: value for header, value in zip(headers, row, strict=False) if header} for row in rows]

    def row(self, place: Place) -> int:
        if isinstance(place, int):
            return place
        for at, row in enumerate(self.texts()):
            if place in row:
                return at
        raise AssertionError(f"no cell of {self.title} shows {place!r}")

    def column(self, place: Place) -> int:
        if isinstance(place, int):
            return place
        headers = self.headers()
        assert place in headers, f"{self.title} has no column {place!r}, only {headers}"
        return headers.index(place)

    def cell(self, row: Place, column: Place) -> Json:
        """A whole cell: value, format, note, rich text, validation. {} where it is empty."""
        return self.sheet.get(self.row(row), self.column(column)) or {}

    def text(self, row: Place, column: Place) -> str:
        return self.shown(self.cell(row, column))

    def note(self, row: Place, column: Place) -> str:
        return str(self.cell(row, column).get("note", ""))

    def snapshot(self) -> Json:
        """Everything about the tab, to compare with itself later: cells by place, and what lies over them."""
        sheet = self.sheet
        cells = {(at, to): cell for at, row in enumerate(sheet.rows) for to, cell in enumerate(row) if cell}
        names = (
            "row_properties",
            "columns",
            "merges",
            "filter",
            "formats",
            "protected",
            "charts",
            "groups",
            "properties",
        )
        tied = [
            one
            for one in self._curator.book.metadata
            if one["location"].get("dimensionRange", one["location"]).get("sheetId") == self.id
        ]
        return {
            "title": sheet.title,
            "cells": cells,
            "metadata": tied,
            **{name: getattr(sheet, name) for name in names},
        }

    # ---------------------------------------------------------------- cells

    def _one(self, row: Place, column: Place) -> Json:
        at, along = self.row(row), self.column(column)
        return {
            "sheetId": self.id,
            "startRowIndex": at,
            "endRowIndex": at + 1,
            "startColumnIndex": along,
            "endColumnIndex": along + 1,
        }

    def _put(self, row: Place, column: Place, **cell: Any) -> Tab:
        given = {"range": self._one(row, column), "rows": [{"values": [cell]}], "fields": ",".join(cell)}
        return self._do("updateCells", **given)

    def fill(self, rows: list[list[Any]]) -> Tab:
        given = [{"values": [values.entered(value, "RAW", None) for value in row]} for row in rows]
        return (
            self._do("updateCells", start={"sheetId": self.id}, rows=given, fields="userEnteredValue") if rows else self
        )

    def set(self, row: Place, column: Place, value: Any) -> Tab:
        """Types a value as a curator does: `=` begins a formula, `2026-01-31` is a date, "" empties the cell."""
        return self._put(row, column, **values.entered(value, "USER_ENTERED", self.cell(row, column)))

    def set_note(self, row: Place, column: Place, note: str) -> Tab:
        return self._put(row, column, note=note)

    def colour(self, row: Place, column: Place, red: float = 1, green: float = 1, blue: float = 0) -> Tab:
        colour = {"red": red, "green": green, "blue": blue}
        kept = self.cell(row, column).get("userEnteredFormat", {})
        return self._put(
            row,
            column,
            userEnteredFormat={**kept, "backgroundColor": colour, "backgroundColorStyle": {"rgbColor": colour}},
        )

    # ---------------------------------------------------------------- rows and columns

    def _span(self, dimension: str, first: int, count: int) -> Json:
        return {"sheetId": self.id, "dimension": dimension, "startIndex": first, "endIndex": first + count}

    def insert_rows(self, at: Place, count: int = 1) -> Tab:
        return self._do("insertDimension", range=self._span("ROWS", self.row(at), count))

    def insert_columns(self, at: Place, count: int = 1, *headers: str) -> Tab:
        at = self.column(at)
        self._do("insertDimension", range=self._span("COLUMNS", at, count))
        for along, header in enumerate(headers):
            self.set(0, at + along, header)
        return self

    def delete_rows(self, at: Place, count: int = 1) -> Tab:
        return self._do("deleteDimension", range=self._span("ROWS", self.row(at), count))

    def delete_columns(self, at: Place, count: int = 1) -> Tab:
        return self._do("deleteDimension", range=self._span("COLUMNS", self.column(at), count))

    def move_rows(self, at: Place, to: int, count: int = 1) -> Tab:
        """`to`: the index before which they are put, counted before they are taken away."""
        return self._do("moveDimension", source=self._span("ROWS", self.row(at), count), destinationIndex=to)

    def move_columns(self, at: Place, to: Place, count: int = 1) -> Tab:
        """`to`: the column before which they are put."""
        source, to = self._span("COLUMNS", self.column(at), count), self.column(to)
        return self._do("moveDimension", source=source, destinationIndex=to)

    def hide_rows(self, at: Place, count: int = 1, hidden: bool = True) -> Tab:
        span = self._span("ROWS", self.row(at), count)
        return self._do(
            "updateDimensionProperties", range=span, properties={"hiddenByUser": hidden}, fields="hiddenByUser"
        )

    def hide_columns(self, at: Place, count: int = 1, hidden: bool = True) -> Tab:
        span = self._span("COLUMNS", self.column(at), count)
        return self._do(
            "updateDimensionProperties", range=span, properties={"hiddenByUser": hidden}, fields="hiddenByUser"
        )

    # ---------------------------------------------------------------- the tab

    def _below_header(self) -> Json:
        return {"sheetId": self.id, "startRowIndex": 1}

    def sort(self, column: Place, descending: bool = False) -> Tab:
        """All rows below the header."""
        order = "DESCENDING" if descending else "ASCENDING"
        spec = {"dimensionIndex": self.column(column), "sortOrder": order}
        return self._do("sortRange", range=self._below_header(), sortSpecs=[spec])

    def set_filter(self, column: Place | None = None, *hidden: str) -> Tab:
        """A filter over the tab; of `column`, rows that show one of `hidden` are hidden."""
        specs = (
            [{"columnIndex": self.column(column), "filterCriteria": {"hiddenValues": [*hidden]}}]
            if column is not None
            else []
        )
        more = {"filterSpecs": specs} if specs else {}
        return self._do("setBasicFilter", filter={"range": as_range(self.sheet.everything), **more})

    def clear_filter(self) -> Tab:
        return self._do("clearBasicFilter", sheetId=self.id)

    def rename(self, title: str) -> Tab:
        return self._do("updateSheetProperties", properties={"sheetId": self.id, "title": title}, fields="title")

    def freeze(self, rows: int) -> Tab:
        properties = {"sheetId": self.id, "gridProperties": {"frozenRowCount": rows}}
        return self._do("updateSheetProperties", properties=properties, fields="gridProperties.frozenRowCount")

    def delete(self) -> None:
        self._do("deleteSheet", sheetId=self.id)

    def protect(self, *editors: str, area: Json | None = None) -> Tab:
        """Nobody but the curators and these may write."""
        span = {"sheetId": self.id, **(area or {})}
        assert is_range(span)
        return self._do("addProtectedRange", protectedRange={"range": span, "editors": {"users": list(editors)}})
