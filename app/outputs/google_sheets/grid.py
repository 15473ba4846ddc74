"""What a spreadsheet holds, as Google tells it: two replies become a Book.

Formats of the replies: Google Sheets API v4, `spreadsheets.get` (Spreadsheet, Sheet, DeveloperMetadata) and
`spreadsheets.values.batchGetByDataFilter`. What is zero or false may be left out of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain.model import Scalar

TAB, TITLES, OWN, BESIDE = (f"ingest-tracker.{name}" for name in ("tab", "titles", "column", "beside"))
"""Keys of developer metadata: on a tab, the table that it shows; on a row, that the titles stand in it; on a column
of ours, its title; on a column of the curators, the title that it had. Nobody sees them, and they go where the row or
column goes."""

STRUCTURE = (
    "spreadsheetId,spreadsheetUrl,properties(title,timeZone),"
    "sheets(properties(sheetId,title,index,sheetType,gridProperties),developerMetadata,basicFilter(range),"
    "conditionalFormats(ranges),protectedRanges(protectedRangeId),charts(chartId),"
    "data(columnMetadata(developerMetadata),rowMetadata(developerMetadata)))"
)
"""The fields of a spreadsheet that tell all but its cells."""


@dataclass(frozen=True, slots=True)
class Tag:
    """Developer metadata on a column, `own` or the curators', under which name."""

    id: int
    own: bool
    name: str
    column: int


@dataclass(frozen=True, slots=True)
class TitleTag:
    """Developer metadata on the row of the titles."""

    id: int
    row: int


@dataclass(frozen=True, slots=True)
class Tab:
    """`rows` and `columns` is how large the grid is; `cells` is as far as there is anything in it, each row as far
    as there is anything in that. Formulas are text that begins with `=`, dates are numbers."""

    id: int
    title: str
    rows: int
    columns: int
    table: str = ""
    tags: tuple[Tag, ...] = ()
    titles: TitleTag | None = None
    frozen: bool = False
    filtered: bool = False
    coloured: bool = False
    protected: bool = False
    charted: bool = False
    cells: Sequence[Sequence[Scalar]] = ()

    def at(self, row: int, column: int) -> Scalar:
        cells = self.cells[row] if row < len(self.cells) else ()
        return cells[column] if column < len(cells) else ""

    @property
    def width(self) -> int:
        """How many columns there is anything in."""
        return max((len(row) for row in self.cells), default=0)


@dataclass(frozen=True, slots=True)
class Book:
    """A spreadsheet. `ids` are those of all its tabs, also of those that hold no cells but a chart or a query."""

    key: str
    title: str
    address: str
    tabs: tuple[Tab, ...]
    ids: frozenset[int]
    titles: frozenset[str]


def book_of(told: Mapping[str, Any]) -> Book:
    """The spreadsheet without its cells, from the reply to a request for STRUCTURE."""
    sheets = told.get("sheets", ())
    key = told["spreadsheetId"]
    return Book(
        key,
        told.get("properties", {}).get("title", ""),
        told.get("spreadsheetUrl") or f"https://docs.google.com/spreadsheets/d/{key}/edit",
        tuple(_tab(sheet) for sheet in sheets if sheet["properties"].get("sheetType", "GRID") == "GRID"),
        frozenset(sheet["properties"].get("sheetId", 0) for sheet in sheets),
        frozenset(sheet["properties"]["title"] for sheet in sheets),
    )


def _tab(sheet: Mapping[str, Any]) -> Tab:
    properties = sheet["properties"]
    grid = properties.get("gridProperties", {})
    parts = sheet.get("data", ())
    return Tab(
        id=properties.get("sheetId", 0),
        title=properties["title"],
        rows=grid.get("rowCount", 0),
        columns=grid.get("columnCount", 0),
        table=next((m["metadataValue"] for m in sheet.get("developerMetadata", ()) if m["metadataKey"] == TAB), ""),
        tags=tuple(
            Tag(told["metadataId"], told["metadataKey"] == OWN, told.get("metadataValue", ""), number)
            for number, told in _metadata(parts, "columnMetadata")
            if told["metadataKey"] in (OWN, BESIDE)
        ),
        titles=next(
            (TitleTag(m["metadataId"], n) for n, m in _metadata(parts, "rowMetadata") if m["metadataKey"] == TITLES),
            None,
        ),
        frozen=grid.get("frozenRowCount", 0) > 0,
        filtered="basicFilter" in sheet,
        coloured=bool(sheet.get("conditionalFormats")),
        protected=bool(sheet.get("protectedRanges")),
        charted=bool(sheet.get("charts")),
    )


def _metadata(parts: Sequence[Mapping[str, Any]], dimension: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(row or column, what is tagged to it)."""
    for part in parts:
        for number, line in enumerate(part.get(dimension, ())):
            for told in line.get("developerMetadata", ()):
                yield number, told


Area = Mapping[str, int]
"""A GridRange: `sheetId`, and where in the tab it begins and ends; without that it is all of it."""


def wanted_cells(areas: Sequence[Area]) -> dict[str, Any]:
    """The request for all cells there. A tab is named by its number: its title may change at any moment."""
    return {
        "dataFilters": [{"gridRange": area} for area in areas],
        "majorDimension": "ROWS",
        "valueRenderOption": "FORMULA",
        "dateTimeRenderOption": "SERIAL_NUMBER",
    }


def with_cells(book: Book, told: Mapping[str, Any]) -> Book:
    """The same, and with the cells of the reply to `wanted_cells`."""
    cells = {tab.id: tab.cells for tab in book.tabs}
    for match in told.get("valueRanges", ()):
        for asked in match["dataFilters"]:
            area, values = asked["gridRange"], match["valueRange"].get("values", [])
            tab = area.get("sheetId", 0)
            if tab in cells:
                cells[tab] = _laid(cells[tab], values, area.get("startRowIndex", 0), area.get("startColumnIndex", 0))
    return replace(book, tabs=tuple(replace(tab, cells=cells[tab.id]) for tab in book.tabs))


def _laid(
    there: Sequence[Sequence[Scalar]], values: Sequence[Sequence[Scalar]], row: int, column: int
) -> Sequence[Sequence[Scalar]]:
    """The cells with these on them."""
    if not there and not row and not column:
        return values
    cells = [*there, *([()] * (row + len(values) - len(there)))]
    for number, line in ((number, line) for number, line in enumerate(values, row) if line):
        before = [*cells[number], *([""] * (column - len(cells[number])))]
        cells[number] = [*before[:column], *line, *before[column + len(line) :]]
    return cells
