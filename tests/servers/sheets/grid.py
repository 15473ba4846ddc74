"""Spreadsheets in memory: tabs of cells, and everything that is tied to places in them and moves when they move.

A cell is None or a dict with the writable fields of Google's CellData (userEnteredValue, userEnteredFormat, note,
textFormatRuns, dataValidation). It is never changed, only replaced, so that a copy of a spreadsheet is cheap.
All ranges are kept with their `sheetId` and given out without it where it is 0, as Google does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from tests.servers.sheets import masks

Json = dict[str, Any]
Cell = Json | None
MAX_CELLS, MAX_COLUMNS, MAX_CHARACTERS = 10_000_000, 18_278, 50_000
ENDLESS = 10**9


class Refused(Exception):
    """What the caller asked for cannot be done: HTTP 400 with this sentence, unless `status` says otherwise."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Area(NamedTuple):
    """A rectangle of one tab: `top` and `left` are in it, `bottom` and `right` are not."""

    sheet: int
    top: int
    bottom: int
    left: int
    right: int

    def meets(self, other: Area) -> bool:
        apart = self.bottom <= other.top or other.bottom <= self.top
        return self.sheet == other.sheet and not (apart or self.right <= other.left or other.right <= self.left)

    @property
    def size(self) -> int:
        return max(0, self.bottom - self.top) * max(0, self.right - self.left)


ROW_KEYS, COLUMN_KEYS = ("startRowIndex", "endRowIndex"), ("startColumnIndex", "endColumnIndex")
RANGE_KEYS = {"sheetId", *ROW_KEYS, *COLUMN_KEYS}


@dataclass
class Sheet:
    id: int
    title: str
    rows: list[list[Cell]]  # may be shorter than the tab is wide
    row_properties: list[Json]
    columns: list[Json]
    properties: Json = field(default_factory=dict)
    merges: list[Json] = field(default_factory=list)
    filter: Json | None = None
    formats: list[Json] = field(default_factory=list)
    protected: list[Json] = field(default_factory=list)
    charts: list[Json] = field(default_factory=list)
    groups: list[Json] = field(default_factory=list)
    formulas: bool = False  # whether there ever was one
    own: set[int] = field(default_factory=set)  # identities of rows that no copy shares

    def copy(self) -> Sheet:
        """Rows are shared until one of the two writes to them: most requests write to few of many."""
        self.own.clear()
        lists = ("row_properties", "columns", "merges", "formats", "protected", "charts", "groups")
        return replace(
            self,
            rows=self.rows[:],
            own=set(),
            properties=dict(self.properties),
            **{name: getattr(self, name)[:] for name in lists},
        )

    @property
    def height(self) -> int:
        return len(self.rows)

    @property
    def width(self) -> int:
        return len(self.columns)

    @property
    def everything(self) -> Area:
        return Area(self.id, 0, self.height, 0, self.width)

    def own_row(self, at: int) -> list[Cell]:
        """A row to write to."""
        if id(self.rows[at]) not in self.own:
            self.rows[at] = self.rows[at][:]
            self.own.add(id(self.rows[at]))
        return self.rows[at]

    def get(self, row: int, column: int) -> Cell:
        cells = self.rows[row]
        return cells[column] if column < len(cells) else None

    def put(self, row: int, column: int, cell: Cell) -> None:
        cells = self.own_row(row)
        if column >= len(cells):
            if not cell:
                return
            cells.extend([None] * (column + 1 - len(cells)))
        cells[column] = cell or None

    def block(self, area: Area) -> list[list[Cell]]:
        """The cells of an area, each row in full width."""
        width = area.right - area.left
        found = (row[area.left : area.right] for row in self.rows[area.top : area.bottom])
        return [cells + [None] * (width - len(cells)) for cells in found]

    def resize(self, height: int, width: int) -> None:
        self.rows[height:] = [[] for _ in range(height - self.height)]
        self.row_properties[height:] = [{} for _ in range(height - len(self.row_properties))]
        self.columns[width:] = [{} for _ in range(width - self.width)]
        for at, row in enumerate(self.rows):
            if len(row) > width:
                del self.own_row(at)[width:]

    def lines(self, dimension: str) -> list[Json]:
        return self.row_properties if dimension == "ROWS" else self.columns


def blank_sheet(identity: int, title: str, height: int = 1000, width: int = 26) -> Sheet:
    rows: list[list[Cell]] = [[] for _ in range(height)]
    return Sheet(identity, title, rows, [{} for _ in range(height)], [{} for _ in range(width)])


@dataclass
class Book:
    key: str
    properties: Json
    sheets: list[Sheet]
    metadata: list[Json] = field(default_factory=list)
    names: list[Json] = field(default_factory=list)
    last_id: int = 1000

    def copy(self) -> Book:
        sheets = [sheet.copy() for sheet in self.sheets]
        return replace(
            self, sheets=sheets, properties=dict(self.properties), metadata=self.metadata[:], names=self.names[:]
        )

    def new_id(self) -> int:
        self.last_id += 1
        return self.last_id

    @property
    def size(self) -> int:
        return sum(sheet.height * sheet.width for sheet in self.sheets)

    def sheet(self, identity: int | None) -> Sheet:
        for sheet in self.sheets:
            if sheet.id == (identity or 0) and sheet.columns:  # a chart's own tab has no cells
                return sheet
        raise Refused(f"No grid with id: {identity or 0}")

    def titled(self, title: str) -> Sheet | None:
        return next((sheet for sheet in self.sheets if sheet.title.lower() == title.lower()), None)

    # ---------------------------------------------------------------- ranges

    def area(self, given: Json, what: str = "range") -> Area:
        """A GridRange within its tab. Refused where it reaches beyond."""
        sheet = self.sheet(given.get("sheetId"))
        ends = []
        for kind, keys, count in (("row", ROW_KEYS, sheet.height), ("column", COLUMN_KEYS, sheet.width)):
            start, end = given.get(keys[0], 0), given.get(keys[1], count)
            if start < 0 or end < start:
                raise Refused(f"{what}.{keys[0]}[{start}] must be between 0 and {keys[1]}[{end}]")
            if start == end:
                raise Refused(f"{what} is empty: {keys[0]}[{start}] is {keys[1]}[{end}]")
            for key, value in ((keys[0], start + 1), (keys[1], end)):
                if value > count:
                    raise Refused(f"{what}.{key}[{given[key]}] is after last {kind} in grid[{count}]")
            ends += [start, end]
        return Area(sheet.id, *ends)

    def a1_area(self, text: str) -> Area:
        """A1 notation: `Tab!A1:B2`, `'a tab'!B2`, `A:C`, `2:5`, `D4:A1`, a named range. Refused beyond the tab."""
        quoted = re.fullmatch(r"'((?:[^']|'')*)'(?:!(.*))?", text, re.DOTALL)
        if quoted:
            sheet, cells = self.titled(quoted[1].replace("''", "'")), quoted[2] or ""
        elif self.titled(text):
            sheet, cells = self.titled(text), ""
        elif "!" in text:
            title, _, cells = text.rpartition("!")
            sheet = self.titled(title)
        else:
            sheet, cells = self.sheets[0], text
        named = next((name for name in self.names if name["name"].lower() == cells.lower()), None)
        if sheet and named:
            return self.area(named["range"])
        corners = [re.fullmatch(r"\$?([A-Za-z]{0,3})\$?([1-9]\d*)?", part) for part in cells.split(":")]
        if (
            sheet is None
            or len(corners) > 2
            or not all(corners)
            or (cells and len(corners) == 1 and "" in cells_of(cells))
        ):
            raise Refused(f"Unable to parse range: {text}")
        if not cells:
            return sheet.everything
        found = [corner.groups() for corner in corners if corner]
        columns, rows = [column_index(a) for a, _ in found if a], [int(b) - 1 for _, b in found if b]
        right = max(columns) + 1 if len(columns) == len(found) else sheet.width
        bottom = max(rows) + 1 if len(rows) == len(found) else sheet.height
        area = Area(sheet.id, min(rows, default=0), bottom, min(columns, default=0), right)
        if area.top >= sheet.height or area.left >= sheet.width or bottom > sheet.height or right > sheet.width:
            shown = self.a1(area)
            said = f"Max rows: {sheet.height}, max columns: {sheet.width}"
            raise Refused(f"Range ({shown}) exceeds grid limits. {said}")
        return area

    def a1(self, area: Area) -> str:
        title = quoted_title(self.sheet(area.sheet).title)
        first, last = f"{letters(area.left)}{area.top + 1}", f"{letters(area.right - 1)}{area.bottom}"
        return f"{title}!{first}" if first == last else f"{title}!{first}:{last}"

    # ---------------------------------------------------------------- what moves with rows and columns

    def anchored(self, sheet: Sheet, dimension: str, move: Move) -> None:
        """Moves everything that is tied to rows or columns of this tab; what has lost its place is gone."""

        def moved(value: Any) -> Any:
            if isinstance(value, list):
                return [item for item in (moved(part) for part in value) if item is not None]
            if not isinstance(value, dict):
                return value
            if is_range(value):
                return _moved_range(value, sheet.id, dimension, move)
            if value.get("sheetId", 0) == sheet.id and value.get("dimension") == dimension and "startIndex" in value:
                span = move(value["startIndex"], value["endIndex"])
                return span and {**value, "startIndex": span[0], "endIndex": span[1]}
            result = {key: moved(item) for key, item in value.items()}
            lost = [key for key, item in result.items() if item is None or (key == "ranges" and not item)]
            return None if lost else result

        for other in self.sheets:
            for name in ("formats", "charts", "protected"):
                setattr(other, name, moved(getattr(other, name)))
        self.names, self.metadata = moved(self.names), moved(self.metadata)
        sheet.merges = [merge for merge in moved(sheet.merges) if self.area(merge).size > 1]
        sheet.groups = moved(sheet.groups)
        if sheet.filter:
            kept = moved({key: value for key, value in sheet.filter.items() if key not in COLUMN_KEYED})
            sheet.filter = kept and {**kept, **_moved_columns(sheet.filter, dimension, move)}


COLUMN_KEYED = ("filterSpecs", "sortSpecs", "criteria")
Move = Callable[[int, int], tuple[int, int] | None]
"""Where rows or columns start..end are afterwards; None: nowhere."""


def inserting(at: int, count: int) -> Move:
    return lambda start, end: (start + count * (start >= at), end + count * (end > at))


def deleting(first: int, last: int) -> Move:
    def move(start: int, end: int) -> tuple[int, int] | None:
        start, end = (x if x <= first else max(first, x - (last - first)) for x in (start, end))
        return (start, end) if start < end else None

    return move


def moving(first: int, last: int, to: int) -> Move:
    """What is wholly among the moved lines goes along; what only holds some of them closes there and opens at `to`."""
    landed = to if to <= first else to - (last - first)

    def move(start: int, end: int) -> tuple[int, int] | None:
        if first <= start and end <= last:
            return start - first + landed, end - first + landed
        kept = deleting(first, last)(start, end)
        return kept and inserting(landed, last - first)(*kept)

    return move


def is_range(value: Json) -> bool:
    return "sheetId" in value and value.keys() <= RANGE_KEYS


def _moved_range(value: Json, sheet: int, dimension: str, move: Move) -> Json | None:
    start, end = ROW_KEYS if dimension == "ROWS" else COLUMN_KEYS
    if value["sheetId"] != sheet or not (start in value or end in value):
        return value
    span = move(value.get(start, 0), value.get(end, ENDLESS))
    if span is None:
        return None
    after = {start: span[0], end: span[1]}
    return {**value, **{key: after[key] for key in after if key in value}}


def _moved_columns(found: Json, dimension: str, move: Move) -> Json:
    """The parts of a filter that name columns one by one."""
    place = (lambda at: (move(at, at + 1) or (None,))[0]) if dimension == "COLUMNS" else (lambda at: at)
    result: Json = {}
    for name, key in (("filterSpecs", "columnIndex"), ("sortSpecs", "dimensionIndex")):
        specs = [{**spec, key: place(spec.get(key, 0))} for spec in found.get(name, [])]
        result |= {name: kept} if (kept := [spec for spec in specs if spec[key] is not None]) else {}
    criteria = {place(int(at)): value for at, value in found.get("criteria", {}).items()}
    kept_criteria = {str(at): value for at, value in criteria.items() if at is not None}
    return result | ({"criteria": kept_criteria} if kept_criteria else {})


# -------------------------------------------------------------------- names of places


def column_index(name: str) -> int:
    index = 0
    for letter in name.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def letters(index: int) -> str:
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def cells_of(text: str) -> tuple[str, str]:
    found = re.fullmatch(r"\$?([A-Za-z]{0,3})\$?(\d*)", text)
    return (found[1], found[2]) if found else ("", "")


def quoted_title(title: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_]\w*", title, re.ASCII) and not re.fullmatch(r"[A-Za-z]{1,3}\d+", title)
    return title if plain else "'" + title.replace("'", "''") + "'"


# -------------------------------------------------------------------- what Google gives out and takes in


def with_sheet_ids(value: Any) -> Any:
    """The same with an absent `sheetId` of each range (0, says protobuf) written out. Kept things are like this."""
    if isinstance(value, list):
        return [with_sheet_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value and value.keys() <= RANGE_KEYS:
        return {"sheetId": 0, **value}
    if {"dimension", "startIndex"} <= value.keys():
        return {"sheetId": 0, **value}
    return {key: with_sheet_ids(item) for key, item in value.items()}


def given_out(value: Any) -> Any:
    """The same as Google prints it: ranges of the tab 0 without `sheetId`, colours without zeros."""
    if isinstance(value, list):
        return [given_out(item) for item in value]
    if not isinstance(value, dict):
        return value
    ranged = is_range(value) or "dimension" in value
    return {key: given_out(item) for key, item in value.items() if not (ranged and key == "sheetId" and not item)}


def clean(cell: Json) -> Cell:
    """A cell as it is kept: without what is empty."""
    value = cell.get("userEnteredValue")
    if value is not None and (not value or value.get("stringValue") == ""):
        cell = {key: item for key, item in cell.items() if key not in ("userEnteredValue", "textFormatRuns")}
    if all(cell.values()):
        return cell or None
    return {key: item for key, item in cell.items() if item} or None


VALUE_ONLY: masks.Mask = {"userEnteredValue": {}}


def written(old: Cell, new: Json, mask: masks.Mask) -> Cell:
    """A cell after an update: a new value takes the rich text of the old away, unless the update brings its own."""
    if mask == VALUE_ONLY and (not old or old.keys() <= {"userEnteredValue"}):
        value = new.get("userEnteredValue")
        return clean({"userEnteredValue": value}) if value else None
    result = masks.update(old or {}, new, mask)
    if "userEnteredValue" in mask and not masks.covers(mask, "textFormatRuns"):
        result.pop("textFormatRuns", None)
    return clean(result)


def each(area: Area) -> Iterator[tuple[int, int]]:
    for row in range(area.top, area.bottom):
        for column in range(area.left, area.right):
            yield row, column
