"""spreadsheets.batchUpdate: each kind of request, on a copy of the spreadsheet that replaces it when all went well."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.servers.sheets import formulas, masks, metadata
from tests.servers.sheets.grid import (
    COLUMN_KEYS,
    MAX_CELLS,
    MAX_CHARACTERS,
    MAX_COLUMNS,
    ROW_KEYS,
    Area,
    Book,
    Cell,
    Json,
    Move,
    Refused,
    Sheet,
    blank_sheet,
    deleting,
    each,
    given_out,
    inserting,
    moving,
    with_sheet_ids,
    written,
)

WRITABLE = {"userEnteredValue", "userEnteredFormat", "note", "textFormatRuns", "dataValidation", "chipRuns"}
ALL: masks.Mask = {"*": {}}
PASTED: dict[str, masks.Mask] = {
    "PASTE_NORMAL": ALL,
    "PASTE_NO_BORDERS": ALL,
    "PASTE_VALUES": {"userEnteredValue": {}},
    "PASTE_FORMULA": {"userEnteredValue": {}},
    "PASTE_FORMAT": {"userEnteredFormat": {}, "textFormatRuns": {}},
    "PASTE_DATA_VALIDATION": {"dataValidation": {}},
    "PASTE_CONDITIONAL_FORMATTING": {},
}


class NotModelled(Exception):
    """A request that this server does not know: a gap of ours, so the test that meets it fails."""


@dataclass
class Ways:
    """What Google's documentation and Google's service do not agree on, or do not say."""

    protected: int = 400
    """The status for a write into a protected range. The documentation: 403."""
    unmatched: str = "refuse"
    """What updateDeveloperMetadata and deleteDeveloperMetadata do that match nothing: "refuse" (400) or "ignore"."""


class Editor:
    """Runs requests on a book. `user`: who asks; None: a curator, whom nothing is protected from."""

    def __init__(self, book: Book, user: str | None, ways: Ways) -> None:
        self.book, self.user, self.ways = book, user, ways
        self.cells = 0

    def run(self, requests: list[Json]) -> list[Json]:
        replies = []
        for number, request in enumerate(requests):
            kind = next(iter(request), "")
            try:
                if not kind:
                    raise Refused("No request set.")
                action: Callable[[Json], Json | None] | None = getattr(self, kind, None)
                if action is None:
                    raise NotModelled(kind)
                reply = action(request[kind])
            except Refused as error:
                raise Refused(f"Invalid requests[{number}].{kind}: {error}", error.status) from None
            replies.append({} if reply is None else {kind: given_out(reply)})
        return replies

    # ---------------------------------------------------------------- cells

    def touch(self, area: Area) -> Area:
        """Refused where the user may not write."""
        for sheet in self.book.sheets if self.user else ():
            for one in sheet.protected:
                editors = one.get("editors", {}).get("users", [])
                if not one.get("warningOnly") and self.user not in editors and self.book.area(one["range"]).meets(area):
                    said = "You are trying to edit a protected cell or object. Please contact the spreadsheet owner to "
                    raise Refused(said + "remove protection if you need to edit.", self.ways.protected)
        return area

    def updateCells(self, r: Json) -> None:
        rows = [row.get("values", []) for row in r.get("rows", [])]
        mask = _mask(r)
        if "start" in r:
            start = r["start"]
            top, left = start.get("rowIndex", 0), start.get("columnIndex", 0)
            bottom, right = top + max(len(rows), 1), left + max(map(len, rows), default=1)
            given = dict(zip((*ROW_KEYS, *COLUMN_KEYS), (top, bottom, left, max(right, left + 1)), strict=True))
            area = self.book.area({"sheetId": start.get("sheetId", 0), **given}, "start")
            self.cells += sum(map(len, rows))
        elif "range" in r:
            area = self.book.area(r["range"])
            for what, last, some in (
                ("row", area.bottom, area.top + len(rows)),
                *(("column", area.right, area.left + len(row)) for row in rows),
            ):
                if some > last:
                    said = f"Attempting to write {what}: {last}, beyond the last requested {what} of: {last - 1}"
                    raise Refused(said)
            width = area.right - area.left
            rows = [row + [{}] * (width - len(row)) for row in rows + [[]] * (area.bottom - area.top - len(rows))]
            self.cells += area.size
        else:
            raise Refused("Must specify either start or range.")
        sheet = self.book.sheet(self.touch(area).sheet)
        for at, row in enumerate(rows, area.top):
            for column, new in enumerate(row, area.left):
                sheet.put(at, column, written(sheet.get(at, column), self.checked(new, sheet), mask))

    def repeatCell(self, r: Json) -> None:
        area, mask = self.touch(self.book.area(r.get("range", {}))), _mask(r)
        sheet = self.book.sheet(area.sheet)
        new = self.checked(r.get("cell", {}), sheet)
        on_blank = written(None, new, mask) or {}
        over = not {"*", "userEnteredValue"} & mask.keys()
        for row, column in each(area):
            old = sheet.get(row, column)
            simple = not old or (over and old.keys() <= {"userEnteredValue"})  # shares what is repeated: 500,000 cells
            sheet.put(row, column, {**(old or {}), **on_blank} if simple else written(old, new, mask))
        self.cells += area.size

    def checked(self, cell: Json, sheet: Sheet) -> Json:
        """A cell that may be written, as Google keeps it."""
        value = cell.get("userEnteredValue")
        if value:
            kind, item = next(iter(value.items()))
            if type(item) is str and len(item) > MAX_CHARACTERS:
                raise Refused(
                    f"Your input contains more than the maximum of {MAX_CHARACTERS} characters in a single cell."
                )
            if kind == "formulaValue":
                sheet.formulas = True
                if not item.startswith("="):
                    raise Refused("A formula must start with =.")
            elif kind == "errorValue":
                raise Refused("ExtendedValue.errorValue is read-only.")
            elif kind == "numberValue" and type(item) is float and item.is_integer():
                cell = {**cell, "userEnteredValue": {kind: int(item)}}
        if len(cell) == 1 and value:
            return cell
        if "textFormatRuns" in cell:
            text, last = (value or {}).get("stringValue", ""), -1
            for run in cell["textFormatRuns"]:
                if not last < run.get("startIndex", 0) < max(1, len(text.encode("utf-16-le")) // 2):
                    raise Refused(
                        f"TextFormatRun.startIndex {run.get('startIndex', 0)} is not within the text, in order."
                    )
                last = run.get("startIndex", 0)
        if "userEnteredFormat" in cell:
            cell = {**cell, "userEnteredFormat": coloured(cell["userEnteredFormat"])}
        return cell if cell.keys() <= WRITABLE else {key: item for key, item in cell.items() if key in WRITABLE}

    def cutPaste(self, r: Json) -> None:
        source, to = self.book.area(r.get("source", {}), "source"), r.get("destination", {})
        top, left = to.get("rowIndex", 0), to.get("columnIndex", 0)
        target = Area(
            to.get("sheetId", 0), top, top + source.bottom - source.top, left, left + source.right - source.left
        )
        self._inside(target)
        self.touch(source), self.touch(target)
        home, goal = self.book.sheet(source.sheet), self.book.sheet(target.sheet)
        block = home.block(source)
        merges = [merge for merge in home.merges if self.book.area(merge).meets(source)]
        home.merges = [merge for merge in home.merges if merge not in merges]
        for row, column in each(source):
            home.put(row, column, None)
        self._paste(block, home, target, r.get("pasteType", "PASTE_NORMAL"), None)
        for merge in merges if r.get("pasteType", "PASTE_NORMAL") == "PASTE_NORMAL" else ():
            down, right = target.top - source.top, target.left - source.left
            shift = {key: merge[key] + (down if key in ROW_KEYS else right) for key in (*ROW_KEYS, *COLUMN_KEYS)}
            goal.merges.append({"sheetId": goal.id, **shift})
        self._follow_cut(home, source, goal, target)

    def _follow_cut(self, home: Sheet, source: Area, goal: Sheet, target: Area) -> None:
        """References to cells that were cut point to where they are now (within one tab)."""
        down, right = target.top - source.top, target.left - source.left

        def change(tab: str | None, rows: Any, columns: Any, at: Sheet) -> Any:
            if (tab or at.title).lower() != home.title.lower() or not rows or not columns:
                return rows, columns
            inside = source.top <= rows[0] and rows[1] <= source.bottom and source.left <= columns[0]
            if not (inside and columns[1] <= source.right):
                return rows, columns
            return (rows[0] + down, rows[1] + down), (columns[0] + right, columns[1] + right)

        if home is goal:
            formulas.each_formula(
                self.book, lambda at, text: formulas.rewritten(text, lambda *given: change(*given, at))
            )

    def copyPaste(self, r: Json) -> None:
        source, to = (
            self.book.area(r.get("source", {}), "source"),
            self.book.area(r.get("destination", {}), "destination"),
        )
        home, block = self.book.sheet(source.sheet), self.book.sheet(source.sheet).block(source)
        if r.get("pasteOrientation") == "TRANSPOSE":
            block = [list(row) for row in zip(*block, strict=True)]
        height, width = len(block), len(block[0])
        many = (to.bottom - to.top) % height == 0 and (to.right - to.left) % width == 0
        target = to if many else Area(to.sheet, to.top, to.top + height, to.left, to.left + width)
        self._inside(target)
        self.touch(target)
        for top in range(target.top, target.bottom, height):
            for left in range(target.left, target.right, width):
                part = Area(target.sheet, top, top + height, left, left + width)
                self._paste(block, home, part, r.get("pasteType", "PASTE_NORMAL"), source)

    def _inside(self, area: Area) -> None:
        sheet = self.book.sheet(area.sheet)
        if area.top < 0 or area.left < 0 or area.bottom > sheet.height or area.right > sheet.width:
            said = f"Max rows: {sheet.height}, max columns: {sheet.width}"
            raise Refused(f"Range ({self.book.a1(area)}) exceeds grid limits. {said}")

    def _paste(self, block: list[list[Cell]], home: Sheet, target: Area, kind: str, copied: Area | None) -> None:
        """`copied`: where a copy comes from, so that its relative references go along; None: a cut."""
        goal = self.book.sheet(target.sheet)
        goal.formulas |= home.formulas
        for row, cells in enumerate(block):
            for column, cell in enumerate(cells):
                if copied:
                    cell = formulas.carried(
                        cell, target.top + row - copied.top - row, target.left + column - copied.left - column
                    )
                if kind == "PASTE_VALUES":
                    cell = {"userEnteredValue": _typed(formulas.value_of(self.book, home, cell))}
                old = goal.get(target.top + row, target.left + column)
                new = written(old, cell or {}, PASTED[kind]) if PASTED[kind] else old
                goal.put(target.top + row, target.left + column, new)
                self.cells += 1

    def sortRange(self, r: Json) -> None:
        area = self.touch(self.book.area(r.get("range", {})))
        sheet = self.book.sheet(area.sheet)
        block = sheet.block(area)
        order = list(range(len(block)))
        for spec in reversed(r.get("sortSpecs", [])):
            column, down = spec.get("dimensionIndex", 0), spec.get("sortOrder") == "DESCENDING"
            shown = [formulas.value_of(self.book, sheet, sheet.get(area.top + at, column)) for at in range(len(block))]
            order.sort(key=lambda at: _rank(shown[at]), reverse=down)
            order.sort(key=lambda at: shown[at] is None)  # blank ones are last in either order
        for to, at in enumerate(order):
            for column, cell in enumerate(block[at], area.left):
                sheet.put(area.top + to, column, formulas.carried(cell, to - at, 0))

    def setDataValidation(self, r: Json) -> None:
        new = {"dataValidation": r["rule"]} if "rule" in r else {}
        self.repeatCell({"range": r.get("range", {}), "cell": new, "fields": "dataValidation"})

    def mergeCells(self, r: Json) -> None:
        area, kind = self.touch(self.book.area(r.get("range", {}))), r.get("mergeType", "MERGE_ALL")
        sheet = self.book.sheet(area.sheet)
        self._unmerge(sheet, area)
        parts = [area]
        if kind == "MERGE_ROWS":
            parts = [area._replace(top=row, bottom=row + 1) for row in range(area.top, area.bottom)]
        elif kind == "MERGE_COLUMNS":
            parts = [area._replace(left=column, right=column + 1) for column in range(area.left, area.right)]
        for part in parts:
            sheet.merges.append(as_range(part))
            for row, column in each(part):
                if (row, column) != (part.top, part.left):
                    sheet.put(row, column, written(sheet.get(row, column), {}, {"userEnteredValue": {}}))

    def unmergeCells(self, r: Json) -> None:
        area = self.touch(self.book.area(r.get("range", {})))
        self._unmerge(self.book.sheet(area.sheet), area)

    def _unmerge(self, sheet: Sheet, area: Area) -> None:
        for merge in [merge for merge in sheet.merges if self.book.area(merge).meets(area)]:
            other = self.book.area(merge)
            if not (
                area.top <= other.top
                and other.bottom <= area.bottom
                and area.left <= other.left <= other.right <= area.right
            ):
                raise Refused("You must select all cells in a merged range to merge or unmerge them.")
            sheet.merges.remove(merge)

    # ---------------------------------------------------------------- rows and columns

    def _span(self, given: Json, what: str = "range", beyond: int = 0) -> tuple[Sheet, str, int, int]:
        sheet, dimension = self.book.sheet(given.get("sheetId")), given.get("dimension", "")
        if dimension not in ("ROWS", "COLUMNS"):
            raise Refused(f"{what}.dimension must be ROWS or COLUMNS.")
        count = len(sheet.lines(dimension))
        first, last = given.get("startIndex", 0), given.get("endIndex", count)
        kind = "row" if dimension == "ROWS" else "column"
        if first < 0 or last <= first:
            raise Refused(f"{what}.startIndex[{first}] must be less than endIndex[{last}]")
        if (last if not beyond else first) > count:
            raise Refused(f"{what}.endIndex[{last}] is after last {kind} in grid[{count}]")
        return sheet, dimension, first, last

    def _lines(self, sheet: Sheet, dimension: str, first: int, last: int) -> Area:
        ends = (first, last, 0, sheet.width) if dimension == "ROWS" else (0, sheet.height, first, last)
        return Area(sheet.id, *ends)

    def _anchors(self, sheet: Sheet, dimension: str, move: Move) -> None:
        self.book.anchored(sheet, dimension, move)
        formulas.followed(self.book, sheet, dimension, move)

    def _room(self, sheet: Sheet, rows: int, columns: int) -> None:
        """Refused where a tab of this size would be too large."""
        size = self.book.size - sheet.height * sheet.width + rows * columns
        if columns > MAX_COLUMNS:
            said = f"the number of columns in the sheet above the limit of {MAX_COLUMNS} columns."
        elif size > MAX_CELLS:
            said = f"the number of cells in the workbook above the limit of {MAX_CELLS} cells."
        else:
            return
        raise Refused(f"This action would increase {said}")

    def insertDimension(self, r: Json) -> None:
        sheet, dimension, first, last = self._span(r.get("range", {}), beyond=1)
        before = r.get("inheritFromBefore", False)
        if before and first == 0:
            raise Refused("inheritFromBefore cannot be true when the start index is 0.")
        near = first - 1 if before else first
        extra = last - first
        rows = dimension == "ROWS"
        self._room(sheet, sheet.height + extra * rows, sheet.width + extra * (not rows))
        lines = sheet.lines(dimension)
        like = {key: value for key, value in (lines[near] if near < len(lines) else {}).items() if key == "pixelSize"}
        if rows:
            kept = [_inherited(cell) for cell in sheet.rows[near]] if near < sheet.height else []
            sheet.rows[first:first] = [kept[:] for _ in range(extra)]
        else:
            for at, row in enumerate(sheet.rows):
                if len(row) > first or (len(row) > near and row[near]):
                    kept = _inherited(row[near]) if near < len(row) else None
                    sheet.own_row(at)[first:first] = [kept] * extra
        lines[first:first] = [dict(like) for _ in range(extra)]
        self._anchors(sheet, dimension, inserting(first, extra))

    def appendDimension(self, r: Json) -> None:
        sheet, rows, length = self.book.sheet(r.get("sheetId")), r.get("dimension") == "ROWS", r.get("length", 0)
        if length < 1:
            raise Refused("length must be greater than 0.")
        height, width = sheet.height + length * rows, sheet.width + length * (not rows)
        self._room(sheet, height, width)
        sheet.resize(height, width)

    def deleteDimension(self, r: Json) -> None:
        sheet, dimension, first, last = self._span(r.get("range", {}))
        self.touch(self._lines(sheet, dimension, first, last))
        lines, kind = sheet.lines(dimension), dimension.lower()
        frozen = f"frozen{kind[:-1].capitalize()}Count"
        if last - first == len(lines):
            raise Refused(f"You can't delete all the {kind} on the sheet.")
        cold = sheet.properties.get(frozen, 0)
        if first <= cold and last == len(lines):
            raise Refused(f"Sorry, it is not possible to delete all non-frozen {kind}.")
        if cold > first:
            sheet.properties[frozen] = cold - (min(last, cold) - first)
        del lines[first:last]
        if dimension == "ROWS":
            del sheet.rows[first:last]
        else:
            for at in range(sheet.height):
                del sheet.own_row(at)[first:last]
        self._anchors(sheet, dimension, deleting(first, last))

    def moveDimension(self, r: Json) -> None:
        sheet, dimension, first, last = self._span(r.get("source", {}), "source")
        to, lines = r.get("destinationIndex", 0), sheet.lines(dimension)
        if not 0 <= to <= len(lines):
            raise Refused(f"destinationIndex[{to}] is outside of the grid.")
        if first < to < last:
            raise Refused("The destination index must not be within the source range.")
        self.touch(self._lines(sheet, dimension, first, last))
        width = max(last, to)
        moved: list[list[Any]] = [lines]
        if dimension == "ROWS":
            moved.append(sheet.rows)
        else:
            for at in range(sheet.height):
                if len(row := sheet.own_row(at)) > min(first, to):
                    row.extend([None] * (width - len(row)))
                    moved.append(row)
        for one in moved:
            part = one[first:last]
            del one[first:last]
            at = to if to <= first else to - (last - first)
            one[at:at] = part
        self._anchors(sheet, dimension, moving(first, last, to))

    def updateDimensionProperties(self, r: Json) -> None:
        sheet, dimension, first, last = self._span(r.get("range", {}))
        mask, new = _mask(r), r.get("properties", {})
        lines = sheet.lines(dimension)
        for at in range(first, last):
            lines[at] = {key: value for key, value in masks.update(lines[at], new, mask).items() if value}

    def autoResizeDimensions(self, r: Json) -> None:
        """Google measures letters; here each is 7 pixels wide."""
        sheet, dimension, first, last = self._span(r.get("dimensions", {}), "dimensions")
        for at in range(first, last) if dimension == "COLUMNS" else ():
            shown = [str(formulas.value_of(self.book, sheet, row[at]) or "") for row in sheet.rows if len(row) > at]
            if any(shown):
                sheet.columns[at] = {**sheet.columns[at], "pixelSize": 7 * max(map(len, shown)) + 7}

    def addDimensionGroup(self, r: Json) -> Json:
        sheet, dimension, first, last = self._span(r.get("range", {}))
        span = {"sheetId": sheet.id, "dimension": dimension, "startIndex": first, "endIndex": last}
        around = [
            group
            for group in sheet.groups
            if group["range"]["dimension"] == dimension
            and group["range"]["startIndex"] <= first
            and last <= group["range"]["endIndex"]
        ]
        sheet.groups = [*sheet.groups, {"range": span, "depth": len(around) + 1}]
        sheet.properties[f"{dimension[:-1].lower()}GroupControlAfter"] = True
        return {"dimensionGroups": [group for group in sheet.groups if group["range"]["dimension"] == dimension]}

    def deleteDimensionGroup(self, r: Json) -> Json:
        sheet, dimension, first, last = self._span(r.get("range", {}))
        span = {"sheetId": sheet.id, "dimension": dimension, "startIndex": first, "endIndex": last}
        if span not in [group["range"] for group in sheet.groups]:
            raise Refused("There is no group over the specified range.")
        sheet.groups = [group for group in sheet.groups if group["range"] != span]
        left = [group for group in sheet.groups if group["range"]["dimension"] == dimension]
        return {"dimensionGroups": left} if left else {}

    # ---------------------------------------------------------------- tabs

    def addSheet(self, r: Json) -> Json:
        new = dict(r.get("properties", {}))
        title, grid = new.get("title") or self._free_title(), new.get("gridProperties", {})
        self._free(title)
        identity = new["sheetId"] if "sheetId" in new else self.book.new_id()
        if identity < 0:
            raise Refused("sheetId must be non-negative.")
        if identity in [sheet.id for sheet in self.book.sheets]:
            raise Refused(f"A sheet with id {identity} already exists. Please use another id.")
        sheet = blank_sheet(identity, title, 0, 0)
        cells = new.get("sheetType", "GRID") == "GRID"
        height, width = (grid.get("rowCount", 1000), grid.get("columnCount", 26)) if cells else (0, 0)
        self._room(sheet, height, width)
        sheet.resize(height, width)
        at = new.get("index", len(self.book.sheets))
        if not 0 <= at <= len(self.book.sheets):
            raise Refused(f"index {at} is outside of the spreadsheet.")
        self.book.sheets.insert(at, sheet)
        self._set_properties(
            sheet, new, {key: {} for key in new if key not in ("sheetId", "title", "index", "sheetType")}
        )
        return {"properties": sheet_properties(self.book, sheet)}

    def _free_title(self) -> str:
        number = len(self.book.sheets) + 1
        while self.book.titled(f"Sheet{number}"):
            number += 1
        return f"Sheet{number}"

    def _free(self, title: str) -> None:
        if self.book.titled(title):
            raise Refused(f'A sheet with the name "{title}" already exists. Please enter another name.')

    def deleteSheet(self, r: Json) -> None:
        sheet = self.book.sheet(r.get("sheetId"))
        if not [other for other in self.book.sheets if other is not sheet and not other.properties.get("hidden")]:
            raise Refused("You can't remove all the visible sheets in a document.")
        self.touch(sheet.everything)
        self.book.sheets.remove(sheet)
        self.book.metadata = [one for one in self.book.metadata if metadata.sheet_of(one) != sheet.id]
        self.book.names = [name for name in self.book.names if name["range"]["sheetId"] != sheet.id]
        formulas.gone(self.book, sheet)

    def updateSheetProperties(self, r: Json) -> None:
        new = r.get("properties", {})
        self._set_properties(self.book.sheet(new.get("sheetId")), new, _mask(r))

    def _set_properties(self, sheet: Sheet, new: Json, mask: masks.Mask) -> None:
        if "*" in mask:
            mask = {
                key: {}
                for key in ("title", "index", "hidden", "rightToLeft", "tabColor", "tabColorStyle", "gridProperties")
            }
        if "title" in mask and new.get("title") != sheet.title:
            title = new.get("title", "")
            if not title or self.book.titled(title) not in (None, sheet):
                self._free(title)
                raise Refused("Sheet name cannot be empty.")
            formulas.renamed(self.book, sheet.title, title)
            sheet.title = title
        if "index" in mask:
            at, to = self.book.sheets.index(sheet), new.get("index", 0)
            if not 0 <= to <= len(self.book.sheets):
                raise Refused(f"index {to} is outside of the spreadsheet.")
            self.book.sheets.remove(sheet)
            self.book.sheets.insert(to - (to > at), sheet)
        if "gridProperties" in mask:
            self._set_grid(sheet, new.get("gridProperties", {}), mask["gridProperties"])
        for key in ("hidden", "rightToLeft"):
            if key in mask:
                sheet.properties[key] = new.get(key, False)
        if "tabColor" in mask or "tabColorStyle" in mask:
            kept = coloured({key: new[key] for key in ("tabColor", "tabColorStyle") if new.get(key)})
            sheet.properties |= {key: kept.get(key) for key in ("tabColor", "tabColorStyle")}
        if all(one.properties.get("hidden") for one in self.book.sheets):
            raise Refused("You can't hide all the sheets in a document.")

    def _set_grid(self, sheet: Sheet, new: Json, mask: masks.Mask) -> None:
        def named(key: str) -> bool:
            return key in mask or ((not mask or "*" in mask) and key in new)

        height = new.get("rowCount", 0) if named("rowCount") else sheet.height
        width = new.get("columnCount", 0) if named("columnCount") else sheet.width
        if height < 1 or width < 1:
            raise Refused("A sheet must have at least one row and one column.")
        self._room(sheet, height, width)
        for dimension, count, now in (("ROWS", height, sheet.height), ("COLUMNS", width, sheet.width)):
            if count < now:
                self.touch(self._lines(sheet, dimension, count, now))
        before = sheet.height, sheet.width
        sheet.resize(height, width)
        if height < before[0]:
            self._anchors(sheet, "ROWS", deleting(height, before[0]))
        if width < before[1]:
            self._anchors(sheet, "COLUMNS", deleting(width, before[1]))
        for key in (
            "frozenRowCount",
            "frozenColumnCount",
            "hideGridlines",
            "rowGroupControlAfter",
            "columnGroupControlAfter",
        ):
            if named(key):
                sheet.properties[key] = new.get(key, 0)
        if sheet.properties.get("frozenRowCount", 0) >= height:
            raise Refused("You can't freeze all visible rows on the sheet.")
        if sheet.properties.get("frozenColumnCount", 0) >= width:
            raise Refused("You can't freeze all visible columns on the sheet.")

    def updateSpreadsheetProperties(self, r: Json) -> None:
        self.book.properties = masks.update(self.book.properties, r.get("properties", {}), _mask(r))

    # ---------------------------------------------------------------- what lies over the cells

    def _own_id(self, new: Json, key: str, taken: list[Json]) -> int:
        identity = new[key] if key in new else self.book.new_id()
        if identity in [one.get(key) for one in taken]:
            raise Refused(f"{key} {identity} already exists.")
        return identity

    def setBasicFilter(self, r: Json) -> None:
        new = with_sheet_ids(r.get("filter", {}))
        area = self.book.area(new.get("range", {}))
        sheet = self.book.sheet(area.sheet)
        if "criteria" in new and "filterSpecs" not in new:
            new["filterSpecs"] = [
                {"columnIndex": int(at), "filterCriteria": value} for at, value in new["criteria"].items()
            ]
        if "filterSpecs" in new:
            new["criteria"] = {str(one.get("columnIndex", 0)): one["filterCriteria"] for one in new["filterSpecs"]}
        sheet.filter = {**new, "range": as_range(area)}
        for row in range(sheet.height):
            shut = area.top < row < area.bottom and any(
                str(formulas.value_of(self.book, sheet, sheet.get(row, int(at))) or "") in one.get("hiddenValues", ())
                for at, one in new.get("criteria", {}).items()
            )
            if shut or sheet.row_properties[row].get("hiddenByFilter"):
                kept = {key: value for key, value in sheet.row_properties[row].items() if key != "hiddenByFilter"}
                sheet.row_properties[row] = {**kept, "hiddenByFilter": True} if shut else kept

    def clearBasicFilter(self, r: Json) -> None:
        sheet = self.book.sheet(r.get("sheetId"))
        sheet.filter = None
        sheet.row_properties = [
            {key: value for key, value in one.items() if key != "hiddenByFilter"} for one in sheet.row_properties
        ]

    def addConditionalFormatRule(self, r: Json) -> None:
        rule = with_sheet_ids(r.get("rule", {}))
        homes = {self.book.area(one).sheet for one in rule.get("ranges", [])}
        if len(homes) != 1:
            raise Refused("A rule must have ranges, all on the same sheet.")
        rules = self.book.sheet(homes.pop()).formats
        if not 0 <= r.get("index", 0) <= len(rules):
            raise Refused(f"index {r['index']} is outside of the rules.")
        rules.insert(r.get("index", 0), coloured(rule))

    def _rule(self, r: Json) -> tuple[list[Json], int]:
        rules, at = self.book.sheet(r.get("sheetId")).formats, r.get("index", 0)
        if not 0 <= at < len(rules):
            raise Refused(f"No conditional format on sheet: {r.get('sheetId', 0)} at index: {at}")
        return rules, at

    def deleteConditionalFormatRule(self, r: Json) -> Json:
        rules, at = self._rule(r)
        return {"rule": rules.pop(at)}

    def addProtectedRange(self, r: Json) -> Json:
        new = with_sheet_ids(r.get("protectedRange", {}))
        sheet = self.book.sheet(self.book.area(new.get("range", {})).sheet)
        taken = [one for other in self.book.sheets for one in other.protected]
        new["protectedRangeId"] = self._own_id(new, "protectedRangeId", taken)
        said = {key: value for key, value in new.get("editors", {}).items() if value}
        users = [*said.get("users", []), *([self.user] if self.user and self.user not in said.get("users", []) else [])]
        sheet.protected.append({**new, "editors": {**said, "users": users}})
        return {"protectedRange": {**protection(sheet.protected[-1], self.user), "editors": said}}

    def _protected(self, r: Json) -> tuple[list[Json], int]:
        for sheet in self.book.sheets:
            for at, one in enumerate(sheet.protected):
                if one["protectedRangeId"] == r.get("protectedRangeId"):
                    return sheet.protected, at
        raise Refused(f"No protected range with id: {r.get('protectedRangeId', 0)}")

    def deleteProtectedRange(self, r: Json) -> None:
        found, at = self._protected(r)
        del found[at]

    def addNamedRange(self, r: Json) -> Json:
        new = with_sheet_ids(r.get("namedRange", {}))
        self.book.area(new.get("range", {}))
        if not re.fullmatch(r"[A-Za-z_]\w*", new.get("name", "")):
            raise Refused("The name you have entered is invalid.")
        new = {"namedRangeId": str(self._own_id(new, "namedRangeId", self.book.names)), **new}
        self.book.names.append(new)
        return {"namedRange": new}

    def _named(self, r: Json) -> int:
        for at, one in enumerate(self.book.names):
            if one["namedRangeId"] == r.get("namedRangeId"):
                return at
        raise Refused(f"No named range with id: {r.get('namedRangeId', '')}")

    def updateNamedRange(self, r: Json) -> None:
        at = self._named(r.get("namedRange", {}))
        self.book.names[at] = masks.update(self.book.names[at], with_sheet_ids(r["namedRange"]), _mask(r))

    def deleteNamedRange(self, r: Json) -> None:
        del self.book.names[self._named(r)]

    def addChart(self, r: Json) -> Json:
        new = with_sheet_ids(r.get("chart", {}))
        cell = new.get("position", {}).get("overlayPosition", {}).get("anchorCell")
        if cell is None:
            raise NotModelled("a chart that is not anchored to a cell")
        if "spec" not in new:
            raise Refused("chart.spec is required.")
        sheet = self.book.sheet(cell.get("sheetId"))
        taken = [one for other in self.book.sheets for one in other.charts]
        sheet.charts.append({**new, "chartId": self._own_id(new, "chartId", taken)})
        return {"chart": sheet.charts[-1]}

    def deleteEmbeddedObject(self, r: Json) -> None:
        charts, at = self._chart(r.get("objectId"))
        del charts[at]

    def _chart(self, identity: int | None) -> tuple[list[Json], int]:
        for sheet in self.book.sheets:
            for at, one in enumerate(sheet.charts):
                if one["chartId"] == identity:
                    return sheet.charts, at
        raise Refused(f"No embedded object with id: {identity}")

    # ---------------------------------------------------------------- developer metadata

    def createDeveloperMetadata(self, r: Json) -> Json:
        new = with_sheet_ids(r.get("developerMetadata", {}))
        if not new.get("metadataKey") or "visibility" not in new:
            raise Refused("developerMetadata.metadataKey and developerMetadata.visibility are required.")
        new = {"metadataId": self._own_id(new, "metadataId", self.book.metadata), **new}
        new["location"] = metadata.located(self.book, new.get("location", {}))
        self.book.metadata.append(new)
        return {"developerMetadata": new}

    def _matching(self, filters: list[Json]) -> list[int]:
        found = [
            at
            for at, one in enumerate(self.book.metadata)
            if any(metadata.matches(self.book, one, by) for by in filters)
        ]
        if not found and self.ways.unmatched == "refuse":
            raise Refused("No developer metadata matches the specified data filters.")
        return found

    def updateDeveloperMetadata(self, r: Json) -> Json:
        new, mask, changed = with_sheet_ids(r.get("developerMetadata", {})), _mask(r), []
        if not r.get("dataFilters"):
            raise Refused("At least one data filter must be specified.")
        if "location" in new:
            new["location"] = metadata.located(self.book, new["location"])
        for at in self._matching(r["dataFilters"]):
            self.book.metadata[at] = masks.update(
                self.book.metadata[at], new, {k: {} for k in mask if k != "metadataId"}
            )
            changed.append(self.book.metadata[at])
        return {"developerMetadata": changed} if changed else {}

    def deleteDeveloperMetadata(self, r: Json) -> Json:
        found = self._matching([r.get("dataFilter", {})])
        lost = [self.book.metadata[at] for at in found]
        self.book.metadata = [one for one in self.book.metadata if one not in lost]
        return {"deletedDeveloperMetadata": lost} if lost else {}


# -------------------------------------------------------------------- small things


def _mask(r: Json) -> masks.Mask:
    try:
        mask = masks.parse(r.get("fields") or "")
    except masks.BadMask as error:
        raise Refused(f"Invalid field mask: {error}") from None
    if not mask:
        raise Refused("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
    return _both_colours(mask)


def _both_colours(mask: masks.Mask) -> masks.Mask:
    """A mask that names xColor or xColorStyle means both: Google keeps the two alike."""
    both = {key: _both_colours(below) for key, below in mask.items()}
    for key in mask:
        if key.lower().endswith("color") and key != "rgbColor":
            both.setdefault(f"{key}Style", {})
        elif key.lower().endswith("colorstyle"):
            both.setdefault(key.removesuffix("Style"), {})
    return both


def _typed(value: str | float | bool | None) -> Json:
    if value is None:
        return {}
    kind = "boolValue" if isinstance(value, bool) else "stringValue" if isinstance(value, str) else "numberValue"
    return {kind: value}


def _rank(value: str | float | bool | None) -> tuple[int, Any]:
    """Sheets sorts numbers before texts before booleans."""
    if isinstance(value, bool):
        return 2, value
    return (1, value.lower()) if isinstance(value, str) else (0, value or 0)


def _inherited(cell: Cell) -> Cell:
    """What a new row or column takes over from the one beside it."""
    kept = {key: value for key, value in (cell or {}).items() if key in ("userEnteredFormat", "dataValidation")}
    return kept or None


def as_range(area: Area) -> Json:
    return {"sheetId": area.sheet, **dict(zip((*ROW_KEYS, *COLUMN_KEYS), area[1:], strict=True))}


def _shade(number: float) -> float:
    """One of 256 shades of a colour, as Google keeps it, in the shortest decimal that is the same 32-bit float."""
    exact = struct.pack("f", int(number * 255 + 1e-6) / 255)
    near = struct.unpack("f", exact)[0]
    short = next(found for digits in range(1, 18) if struct.pack("f", found := float(f"{near:.{digits}g}")) == exact)
    return int(short) if short.is_integer() else short


def coloured(value: Any) -> Any:
    """A format as Google keeps it: every xColor also as xColorStyle, and the other way round; no zeros in colours."""
    if isinstance(value, list):
        return [coloured(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value and value.keys() <= {"red", "green", "blue", "alpha"}:
        return {key: _shade(number) for key, number in value.items() if _shade(number)}
    result = {key: coloured(item) for key, item in value.items()}
    for key, item in list(result.items()):
        if key.lower().endswith("color") and isinstance(item, dict) and key != "rgbColor":
            result.setdefault(f"{key}Style", {"rgbColor": item})
        elif key.lower().endswith("colorstyle") and "rgbColor" in item:
            result.setdefault(key[: -len("Style")], item["rgbColor"])
    return result


def protection(one: Json, user: str | None) -> Json:
    """A protected range as this user sees it."""
    can = one.get("warningOnly") or not user or user in one.get("editors", {}).get("users", [])
    kept = {
        key: value
        for key, value in one.items()
        if key not in ("requestingUserCanEdit", "editors") and value not in (False, "")
    }
    return {**kept, **({"requestingUserCanEdit": True} if can else {}), **({"editors": one["editors"]} if can else {})}


def sheet_properties(book: Book, sheet: Sheet) -> Json:
    kept = {key: value for key, value in sheet.properties.items() if value}
    grid_keys = (
        "frozenRowCount",
        "frozenColumnCount",
        "hideGridlines",
        "rowGroupControlAfter",
        "columnGroupControlAfter",
    )
    grid = {
        "rowCount": sheet.height,
        "columnCount": sheet.width,
        **{key: kept[key] for key in grid_keys if key in kept},
    }
    rest = {key: value for key, value in kept.items() if key not in grid_keys}
    index = book.sheets.index(sheet)
    own = {
        "sheetId": sheet.id,
        "title": sheet.title,
        "index": index,
        "sheetType": "GRID" if sheet.columns else "OBJECT",
    }
    return {**own, **({"gridProperties": grid} if sheet.columns else {}), **rest}
