"""spreadsheets.get: a spreadsheet as Google describes it, as far as the mask asks for it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from tests.servers.sheets import formulas, masks, metadata
from tests.servers.sheets.edits import coloured, protection, sheet_properties
from tests.servers.sheets.grid import Area, Book, Cell, Json, Sheet, given_out
from tests.servers.sheets.values import formatted

PIXELS = {"ROWS": 21, "COLUMNS": 100}
WHITE = {"rgbColor": {"red": 1, "green": 1, "blue": 1}}
DEFAULT_FORMAT: Json = {
    "backgroundColor": WHITE["rgbColor"],
    "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
    "verticalAlignment": "BOTTOM",
    "wrapStrategy": "OVERFLOW_CELL",
    "textFormat": {
        "foregroundColor": {},
        "fontFamily": "arial,sans,sans-serif",
        "fontSize": 10,
        **dict.fromkeys(("bold", "italic", "strikethrough", "underline"), False),
        "foregroundColorStyle": {"rgbColor": {}},
    },
    "backgroundColorStyle": WHITE,
}
THEME = {
    "TEXT": (0, 0, 0),
    "BACKGROUND": (255, 255, 255),
    "ACCENT1": (66, 133, 244),
    "ACCENT2": (234, 67, 53),
    "ACCENT3": (251, 188, 4),
    "ACCENT4": (52, 168, 83),
    "ACCENT5": (255, 109, 1),
    "ACCENT6": (70, 189, 198),
    "LINK": (17, 85, 204),
}
PROPERTIES: Json = {
    "title": "Untitled spreadsheet",
    "locale": "en_US",
    "autoRecalc": "ON_CHANGE",
    "timeZone": "Etc/GMT",
    "defaultFormat": DEFAULT_FORMAT,
    "spreadsheetTheme": {
        "primaryFontFamily": "Arial",
        "themeColors": [
            {
                "colorType": kind,
                "color": {
                    "rgbColor": coloured(dict(zip(("red", "green", "blue"), [c / 255 for c in rgb], strict=True)))
                },
            }
            for kind, rgb in THEME.items()
        ],
    },
}


def spreadsheet(book: Book, mask: masks.Mask, areas: list[Area] | None, grid: bool, user: str | None) -> Json:
    """`areas`: the ranges asked for, None for all. `grid`: whether cells are, which a mask overrules."""
    cells = masks.covers(mask, "sheets", "data") if mask else grid
    wanted = [sheet for sheet in book.sheets if areas is None or any(area.sheet == sheet.id for area in areas)]
    found: Json = {"spreadsheetId": book.key, "properties": book.properties}
    found["sheets"] = []
    for sheet in wanted:
        one = _sheet(book, sheet, user)
        if cells and sheet.columns:
            below = masks.below(mask, "sheets", "data")
            some = [sheet.everything] if areas is None else [area for area in areas if area.sheet == sheet.id]
            one["data"] = [_data(book, sheet, area, below) for area in some]
        found["sheets"].append(one)
    found |= {"namedRanges": book.names} if book.names else {}
    found["spreadsheetUrl"] = f"https://docs.google.com/spreadsheets/d/{book.key}/edit"
    own = [one for one in book.metadata if "spreadsheet" in one["location"]]
    found |= {"developerMetadata": own} if own else {}
    return given_out(masks.select(found, mask))


def _sheet(book: Book, sheet: Sheet, user: str | None) -> Json:
    groups = [{key: value for key, value in group.items() if value} for group in sheet.groups]
    parts = {
        "properties": sheet_properties(book, sheet),
        "merges": sheet.merges,
        "conditionalFormats": sheet.formats,
        "protectedRanges": [protection(one, user) for one in sheet.protected],
        "basicFilter": sheet.filter,
        "charts": sheet.charts,
        "developerMetadata": [
            one
            for one in book.metadata
            if one["location"].get("locationType") == "SHEET" and metadata.sheet_of(one) == sheet.id
        ],
        "rowGroups": [group for group in groups if group["range"]["dimension"] == "ROWS"],
        "columnGroups": [group for group in groups if group["range"]["dimension"] == "COLUMNS"],
    }
    return {key: value for key, value in parts.items() if value or key == "properties"}


def _data(book: Book, sheet: Sheet, area: Area, mask: masks.Mask) -> Json:
    found: Json = {"startRow": area.top} if area.top else {}
    found |= {"startColumn": area.left} if area.left else {}
    if masks.covers(mask, "rowData"):
        fields = masks.below(mask, "rowData", "values")
        rows = [_row(book, sheet, row[area.left : area.right], fields) for row in sheet.rows[area.top : area.bottom]]
        while rows and not rows[-1]:
            rows.pop()
        found |= {"rowData": rows} if rows else {}
    for name, dimension, first, last in (
        ("rowMetadata", "ROWS", area.top, area.bottom),
        ("columnMetadata", "COLUMNS", area.left, area.right),
    ):
        if masks.covers(mask, name):
            tied = {
                at: list(some) for at, some in groupby(sorted(_tied(book, sheet, dimension), key=_start), key=_start)
            }
            lines = sheet.lines(dimension)
            found[name] = [
                {"pixelSize": PIXELS[dimension], **lines[at], **({"developerMetadata": tied[at]} if at in tied else {})}
                for at in range(first, last)
            ]
    return found


def _tied(book: Book, sheet: Sheet, dimension: str) -> list[Json]:
    spans = [one for one in book.metadata if metadata.sheet_of(one) == sheet.id]
    return [one for one in spans if one["location"].get("dimensionRange", {}).get("dimension") == dimension]


def _start(one: Json) -> int:
    return int(one["location"]["dimensionRange"]["startIndex"])


def _row(book: Book, sheet: Sheet, cells: list[Cell], mask: masks.Mask) -> Json:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return {"values": [_cell(book, sheet, cell, mask) for cell in cells]} if cells else {}


def _cell(book: Book, sheet: Sheet, cell: Cell, mask: masks.Mask) -> Json:
    """effectiveFormat is only what was entered: the defaults and conditional formats are not worked out."""
    if not cell:
        return {}
    found: Json = dict(cell)
    value: Any = formulas.value_of(book, sheet, cell)
    if value is not None and masks.covers(mask, "effectiveValue"):
        kind = "boolValue" if isinstance(value, bool) else "stringValue" if isinstance(value, str) else "numberValue"
        found["effectiveValue"] = {kind: value}
    if value is not None and masks.covers(mask, "formattedValue"):
        found["formattedValue"] = formatted(book, sheet, cell)
    if "userEnteredFormat" in cell and masks.covers(mask, "effectiveFormat"):
        found["effectiveFormat"] = cell["userEnteredFormat"]
    if "textFormatRuns" in cell:
        found["textFormatRuns"] = [
            {k: v for k, v in run.items() if v or k != "startIndex"} for run in cell["textFormatRuns"]
        ]
    if link := hyperlink(cell):
        found["hyperlink"] = link
    return found


def hyperlink(cell: Json) -> str | None:
    """The one address that a whole cell leads to; None where there is none, or several."""
    formula = cell.get("userEnteredValue", {}).get("formulaValue")
    if formula:
        parts = formulas.hyperlink_parts(formula)
        return parts[0] if parts else None
    runs = [run.get("format", {}) for run in cell.get("textFormatRuns", [])]
    styles = [cell.get("userEnteredFormat", {}).get("textFormat", {}), *runs]
    links = {style["link"]["uri"] for style in styles if "link" in style}
    return links.pop() if len(links) == 1 else None
