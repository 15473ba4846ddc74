"""spreadsheets.values: what cells show, what typing into them means, and the methods that read and write values."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

from tests.servers.sheets import formulas, metadata
from tests.servers.sheets.edits import Editor, as_range
from tests.servers.sheets.grid import Area, Book, Cell, Json, Refused, Sheet

EPOCH = datetime(1899, 12, 30)
DATED = ("DATE", "TIME", "DATE_TIME")


def number_format(cell: Cell) -> Json:
    return (cell or {}).get("userEnteredFormat", {}).get("numberFormat", {})


def plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e15 else format(number, ".15g")


def formatted(book: Book, sheet: Sheet, cell: Cell) -> str:
    """What a reader of the tab sees. Patterns: dates and times, digits with separators, percent."""
    value = formulas.value_of(book, sheet, cell)
    if value is None:
        return ""
    if isinstance(value, (bool, str)):
        return str(value).upper() if isinstance(value, bool) else value
    known = number_format(cell)
    pattern, kind = known.get("pattern", ""), known.get("type")
    if kind in DATED:
        return _dated(value, pattern or {"DATE": "m/d/yyyy", "TIME": "h:mm:ss", "DATE_TIME": "m/d/yyyy h:mm:ss"}[kind])
    found = re.fullmatch(r"([#,]*)0(?:\.(0+))?(%?)", pattern)
    if found:
        value = value * 100 if found[3] else value
        return f"{value:{',' if ',' in found[1] else ''}.{len(found[2] or '')}f}{found[3]}"
    return plain(value)


def _dated(number: float, pattern: str) -> str:
    moment = EPOCH + timedelta(seconds=round(number * 86400))
    parts = {"y": f"{moment:%Y}", "d": f"{moment.day}", "h": f"{moment.hour}", "s": f"{moment.second}"}
    last = ""

    def one(found: re.Match[str]) -> str:
        nonlocal last
        letter, after = found[0][0].lower(), pattern[found.end() :]
        minutes = letter == "m" and (last == "h" or re.match(r"\W*s", after))
        text = str(moment.minute if minutes else moment.month) if letter == "m" else parts[letter]
        last = letter
        return text[-2:] if letter == "y" and len(found[0]) == 2 else text.zfill(len(found[0]))

    return re.sub(r"y+|m+|d+|h+|s+", one, pattern, flags=re.IGNORECASE)


def rendered(book: Book, sheet: Sheet, area: Area, r: Json) -> list[list[Any]]:
    """The values of an area: without empty ends, "" for what is empty within."""
    option, strings = r.get("valueRenderOption", "FORMATTED_VALUE"), r.get("dateTimeRenderOption") == "FORMATTED_STRING"

    def one(cell: Cell) -> Any:
        if not cell:
            return ""
        if option == "FORMATTED_VALUE":
            return formatted(book, sheet, cell)
        value = cell.get("userEnteredValue")
        if value is None:
            return ""
        if "stringValue" in value:
            return value["stringValue"]
        if strings and number_format(cell).get("type") in DATED:
            return formatted(book, sheet, cell)
        if option == "FORMULA" and "formulaValue" in value:
            return value["formulaValue"]
        shown = formulas.value_of(book, sheet, cell)
        whole = type(shown) is float and shown.is_integer()
        return "" if shown is None else int(shown) if whole else shown

    rows = [[one(cell) for cell in row[area.left : area.right]] for row in sheet.rows[area.top : area.bottom]]
    if r.get("majorDimension") == "COLUMNS":
        width = max(map(len, rows), default=0)
        rows = [[row[at] if at < len(row) else "" for row in rows] for at in range(width)]
    for row in rows:
        while row and row[-1] == "":
            row.pop()
    while rows and not rows[-1]:
        rows.pop()
    return rows


def value_range(book: Book, area: Area, r: Json) -> Json:
    rows = rendered(book, book.sheet(area.sheet), area, r)
    major = "COLUMNS" if r.get("majorDimension") == "COLUMNS" else "ROWS"
    return {"range": book.a1(area), "majorDimension": major} | ({"values": rows} if rows else {})


def areas(book: Book, by: Json) -> list[Area]:
    """The cells that a DataFilter means."""
    if "developerMetadataLookup" in by:
        found = [metadata.area_of(book, one["location"]) for one in book.metadata if metadata.matches(book, one, by)]
        return [area for area in found if area]
    return [book.a1_area(by["a1Range"]) if "a1Range" in by else book.area(by.get("gridRange", {}), "gridRange")]


# -------------------------------------------------------------------- typing


def entered(value: Any, option: str, old: Cell) -> Json:
    """A value of the values API as a cell: its userEnteredValue, and a number format where typing it sets one."""
    if isinstance(value, bool):
        return {"userEnteredValue": {"boolValue": value}}
    if isinstance(value, (int, float)):
        return {"userEnteredValue": {"numberValue": value}}
    if option != "USER_ENTERED" or value == "":
        return {"userEnteredValue": {"stringValue": value}}
    if value.startswith("="):
        return {"userEnteredValue": {"formulaValue": value}}
    if value.startswith("'"):
        return {"userEnteredValue": {"stringValue": value[1:]}}
    if value.upper() in ("TRUE", "FALSE"):
        return {"userEnteredValue": {"boolValue": value.upper() == "TRUE"}}
    number = re.fullmatch(r"([+-]?)(\d+|\d{1,3}(?:,\d{3})+)(\.\d*)?(%?)", value.strip())
    if number:
        amount = float(value.strip().strip("%").replace(",", "")) / (100 if number[4] else 1)
        pattern = ("#,##0" if "," in number[2] else "0") + (".00" if number[3] else "") + number[4]
        styled = "," in number[2] or number[4]
        return {"userEnteredValue": {"numberValue": amount}} | (
            _styled("PERCENT" if number[4] else "NUMBER", pattern, old) if styled else {}
        )
    for shape, kind, pattern in (
        ("%Y-%m-%d", "DATE", "yyyy-mm-dd"),
        ("%Y-%m-%d %H:%M:%S", "DATE_TIME", "yyyy-mm-dd hh:mm:ss"),
    ):
        try:
            moment = datetime.strptime(value, shape)
        except ValueError:
            continue
        return {"userEnteredValue": {"numberValue": serial(moment)}} | _styled(kind, pattern, old)
    return {"userEnteredValue": {"stringValue": value}}


def _styled(kind: str, pattern: str, old: Cell) -> Json:
    style = {**(old or {}).get("userEnteredFormat", {}), "numberFormat": {"type": kind, "pattern": pattern}}
    return {} if number_format(old) else {"userEnteredFormat": style}


def serial(moment: datetime | date) -> float:
    """A date as Sheets keeps it: days since the end of 1899."""
    whole = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)
    return (whole.replace(tzinfo=None) - EPOCH) / timedelta(days=1)


class Values:
    """The methods of spreadsheets.values, each given its parameters and body in one."""

    def __init__(self, book: Book, editor: Editor) -> None:
        self.book, self.editor = book, editor

    def get(self, r: Json) -> Json:
        return value_range(self.book, self.book.a1_area(r["range"]), r)

    def batchGet(self, r: Json) -> Json:
        found = [value_range(self.book, self.book.a1_area(text), r) for text in r.get("ranges", [])]
        return {"spreadsheetId": self.book.key} | ({"valueRanges": found} if found else {})

    def batchGetByDataFilter(self, r: Json) -> Json:
        if not r.get("dataFilters"):
            raise Refused("Must specify at least one data filter.")
        found: dict[Area, list[Json]] = {}
        for by in r["dataFilters"]:
            for area in areas(self.book, by):
                found.setdefault(area, []).append(by)
        matched = [{"valueRange": value_range(self.book, area, r), "dataFilters": by} for area, by in found.items()]
        return {"spreadsheetId": self.book.key} | ({"valueRanges": matched} if matched else {})

    def update(self, r: Json) -> Json:
        return self._put(self.book.a1_area(r["range"]), r, r)

    def batchUpdate(self, r: Json) -> Json:
        done = [self._put(self.book.a1_area(one["range"]), one, r) for one in r.get("data", [])]
        return self._totals(done)

    def batchUpdateByDataFilter(self, r: Json) -> Json:
        done = [
            {**self._put(area, one, r), "dataFilter": one["dataFilter"]}
            for one in r.get("data", [])
            for area in areas(self.book, one["dataFilter"])
        ]
        reply = self._totals(done)
        for one in done:
            del one["spreadsheetId"]
        return reply

    def _totals(self, done: list[Json]) -> Json:
        touched = [self.book.a1_area(one["updatedRange"]) for one in done]
        rows = {(area.sheet, row) for area in touched for row in range(area.top, area.bottom)}
        columns = {(area.sheet, column) for area in touched for column in range(area.left, area.right)}
        totals = {"Rows": len(rows), "Columns": len(columns), "Sheets": len({area.sheet for area in touched})}
        totals["Cells"] = sum(one.get("updatedCells", 0) for one in done)
        counted = {f"totalUpdated{name}": number for name, number in totals.items() if number}
        return {"spreadsheetId": self.book.key, **counted, **({"responses": done} if done else {})}

    def _put(self, area: Area, one: Json, r: Json) -> Json:
        """Writes values from the first cell of an area on. Null: the cell is left alone."""
        option = r.get("valueInputOption", "INPUT_VALUE_OPTION_UNSPECIFIED")
        if option == "INPUT_VALUE_OPTION_UNSPECIFIED":
            raise Refused("'valueInputOption' is required but not specified")
        rows = one.get("values", [])
        for row, cells in enumerate(rows):
            for column, value in enumerate(cells):
                if isinstance(value, (dict, list)):
                    kind = "struct_value" if isinstance(value, dict) else "list_value"
                    raise Refused(f"Invalid values[{row}][{column}]: {kind}")
        if one.get("majorDimension") == "COLUMNS":
            height = max(map(len, rows), default=0)
            rows = [[column[at] if at < len(column) else None for column in rows] for at in range(height)]
        height, width = len(rows), max(map(len, rows), default=0)
        sheet = self.book.sheet(area.sheet)
        alone = area.size == 1
        limit = (
            (sheet.height - area.top, sheet.width - area.left)
            if alone
            else (area.bottom - area.top, area.right - area.left)
        )
        for what, some, most in (("row", height, limit[0]), ("column", width, limit[1])):
            if some > most:
                at = str((area.top if what == "row" else area.left) + most + 1)
                said = f"Requested writing within range [{self.book.a1(area)}], but tried writing to {what} [{at}]"
                raise Refused(said)
        target = Area(area.sheet, area.top, area.top + max(height, 1), area.left, area.left + max(width, 1))
        self.editor.touch(target)
        changed = [
            (row, column) for row, cells in enumerate(rows) for column, new in enumerate(cells) if new is not None
        ]
        for row, column in changed:
            at, along = area.top + row, area.left + column
            cell = entered(rows[row][column], option, sheet.get(at, along))
            given = {"start": {"sheetId": sheet.id, "rowIndex": at, "columnIndex": along}, "rows": [{"values": [cell]}]}
            self.editor.updateCells({**given, "fields": ",".join(cell)})
        counts = {
            "Rows": len({row for row, _ in changed}),
            "Columns": len({c for _, c in changed}),
            "Cells": len(changed),
        }
        reply = {"spreadsheetId": self.book.key, "updatedRange": self.book.a1(target)}
        reply |= {f"updated{name}": number for name, number in counts.items() if number}
        if r.get("includeValuesInResponse"):
            how = {key.removeprefix("response"): value for key, value in r.items() if key.startswith("response")}
            reply["updatedData"] = value_range(
                self.book, target, {key[0].lower() + key[1:]: v for key, v in how.items()}
            )
        return reply

    def append(self, r: Json) -> Json:
        area = self.book.a1_area(r["range"])
        sheet = self.book.sheet(area.sheet)
        table = _table(sheet, area)
        top, left = (table.bottom, table.left) if table else (area.top, area.left)
        rows = r.get("values", [])
        height = max(map(len, rows), default=0) if r.get("majorDimension") == "COLUMNS" else len(rows)
        if r.get("insertDataOption") == "INSERT_ROWS" and top < sheet.height:
            span = {"sheetId": sheet.id, "dimension": "ROWS", "startIndex": top, "endIndex": top + height}
            self.editor.insertDimension({"range": span, "inheritFromBefore": top > 0})
        if top + height > sheet.height:
            more = top + height - sheet.height
            self.editor.appendDimension({"sheetId": sheet.id, "dimension": "ROWS", "length": more})
        first = Area(sheet.id, top, top + 1, left, left + 1)
        reply = {"spreadsheetId": self.book.key, "updates": self._put(first, r, r)}
        return reply | ({"tableRange": self.book.a1(table)} if table else {})

    def clear(self, r: Json) -> Json:
        return {"spreadsheetId": self.book.key, "clearedRange": self._clear(self.book.a1_area(r["range"]))}

    def batchClear(self, r: Json) -> Json:
        cleared = [self._clear(self.book.a1_area(text)) for text in r.get("ranges", [])]
        return {"spreadsheetId": self.book.key, "clearedRanges": cleared}

    def _clear(self, area: Area) -> str:
        self.editor.repeatCell({"range": as_range(area), "cell": {}, "fields": "userEnteredValue"})
        return self.book.a1(area)


def _table(sheet: Sheet, area: Area) -> Area | None:
    """The last table in an area: the cells with values that touch its last cell with a value, in one rectangle."""

    def filled(row: int, column: int) -> bool:
        return "userEnteredValue" in (sheet.get(row, column) or {})

    last = next(
        (
            (row, column)
            for row in range(area.bottom - 1, area.top - 1, -1)
            for column in range(min(area.right, len(sheet.rows[row])) - 1, area.left - 1, -1)
            if filled(row, column)
        ),
        None,
    )
    if last is None:
        return None
    top, left, bottom, right = *last, last[0] + 1, last[1] + 1
    while True:
        rows, columns = (
            range(max(0, top - 1), min(sheet.height, bottom + 1)),
            range(max(0, left - 1), min(sheet.width, right + 1)),
        )
        near = [(row, column) for row in rows for column in columns if filled(row, column)]
        after = (
            min(r for r, _ in near),
            min(c for _, c in near),
            max(r for r, _ in near) + 1,
            max(c for _, c in near) + 1,
        )
        wider = min(top, after[0]), min(left, after[1]), max(bottom, after[2]), max(right, after[3])
        if wider == (top, left, bottom, right):
            return Area(sheet.id, top, bottom, left, right)
        top, left, bottom, right = wider
