"""Cells, and where they are, as Google's requests: each function makes some, none knows of batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from app.domain.model import Scalar
from app.outputs.google_sheets.edits import TabPlan
from app.outputs.google_sheets.want import LINK

DATE = {"numberFormat": {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm:ss"}}

Request = dict[str, Any]


@dataclass(slots=True)
class Step:
    """Requests that belong together, and the tabs whose columns they rely on."""

    requests: list[Request]
    tabs: tuple[TabPlan, ...] = ()
    cells: int = 0


def cell(value: Scalar, date: bool = False) -> dict[str, Any]:
    if value == "" and isinstance(value, str):
        return {}
    if isinstance(value, bool):
        return {"userEnteredValue": {"boolValue": value}}
    if isinstance(value, int | float):
        return {"userEnteredValue": {"numberValue": value}} | ({"userEnteredFormat": DATE} if date else {})
    written: dict[str, Any] = {"userEnteredValue": {"stringValue": value}}
    if LINK.fullmatch(value):
        written["textFormatRuns"] = [{"format": {"link": {"uri": value}}}]
    return written


def curators_cell(value: Scalar) -> dict[str, Any]:
    """A cell as the curators had it: their formulas are formulas again."""
    if isinstance(value, str) and value.startswith("="):
        return {"userEnteredValue": {"formulaValue": value}}
    return cell(value)


def _mask(cells: Iterable[Mapping[str, Any]]) -> str:
    """Only what the cells have: formats and notes of others are left alone. A value takes links with it."""
    there = {name for cell in cells for name in cell}
    more = [("textFormatRuns", "textFormatRuns"), ("userEnteredFormat", "userEnteredFormat.numberFormat")]
    return ",".join(["userEnteredValue", *(field for name, field in more if name in there)])


def write(tab: int, row: int, column: int, rows: Sequence[Sequence[Mapping[str, Any]]]) -> Request:
    return {
        "updateCells": {
            "start": {"sheetId": tab, "rowIndex": row, "columnIndex": column},
            "rows": [{"values": cells} for cells in rows],
            "fields": _mask(cell for cells in rows for cell in cells),
        }
    }


def block(tab: TabPlan, row: int, wanted: Sequence[int]) -> Iterator[Request]:
    """Whole rows that were inserted for it."""
    want = tab.want
    order = sorted((place, number) for number, place in enumerate(tab.places))
    for run in runs(place for place, _ in order):
        numbers = [number for place, number in order if place in run]
        dates = [number in want.dates for number in numbers]
        rows = [
            [cell(want.rows[line][number], date) for number, date in zip(numbers, dates, strict=True)]
            for line in wanted
        ]
        yield write(tab.tab.id, row, run.start, rows)
    for offset, line in enumerate(wanted):
        for place, value in tab.new_notes.get(line, {}).items():
            yield write(tab.tab.id, row + offset, place, [[curators_cell(value)]])


def runs(numbers: Iterable[int]) -> list[range]:
    """Ascending numbers as ranges without gaps."""
    found: list[range] = []
    for number in numbers:
        if found and found[-1].stop == number:
            found[-1] = range(found[-1].start, number + 1)
        else:
            found.append(range(number, number + 1))
    return found


def abreast(columns: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """(from, to, how many) of columns that stand side by side here and there."""
    found: list[tuple[int, int, int]] = []
    for before, after in sorted(columns):
        start, to, many = found[-1] if found else (-1, -1, 0)
        if (before, after) == (start + many, to + many):
            found[-1] = start, to, many + 1
        else:
            found.append((before, after, 1))
    return found


def changed(tab: TabPlan, updates: Mapping[int, Mapping[int, Scalar]]) -> Iterator[Step]:
    """row -> column of the table -> value. Cells side by side and below each other that are written alike are one
    request."""
    want = tab.want
    blocks: dict[tuple[int, int, str], tuple[int, list[list[dict[str, Any]]]]] = {}

    def done(shape: tuple[int, int, str]) -> Step:
        row, rows = blocks.pop(shape)
        return Step([write(tab.tab.id, row, shape[0], rows)], (tab,), len(rows) * shape[1])

    for row, changes in sorted(updates.items()):
        for line in (shape for shape, (first, rows) in list(blocks.items()) if first + len(rows) < row):
            yield done(line)
        for column, cells in _side_by_side(tab, row, changes, want.dates):
            shape = column, len(cells), _mask(cells)
            if shape in blocks:
                blocks[shape][1].append(cells)
            else:
                blocks[shape] = row, [cells]
    for line in list(blocks):
        yield done(line)


def _side_by_side(
    tab: TabPlan, row: int, changes: Mapping[int, Scalar], dates: Iterable[int]
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """(first column, cells) of what changes in a row. A date gets its format where no number was before."""
    cells = {}
    for number, value in changes.items():
        place = tab.places[number]
        new = number in dates and not isinstance(tab.tab.at(row, place), int | float)
        cells[place] = cell(value, new)
    for run in runs(sorted(cells)):
        for _, alike in groupby(run, key=lambda place: _mask([cells[place]])):
            columns = list(alike)
            yield columns[0], [cells[column] for column in columns]


def notes(tab: TabPlan) -> Iterator[Step]:
    for row, cells in sorted(tab.old_notes.items()):
        for place, value in cells.items():
            yield Step([write(tab.tab.id, row, place, [[curators_cell(value)]])], (tab,), 1)


# --------------------------------------------------------------------------- places


def span(tab: TabPlan, dimension: str, start: int, length: int = 1) -> dict[str, Any]:
    return {"sheetId": tab.tab.id, "dimension": dimension, "startIndex": start, "endIndex": start + length}


def area(tab: TabPlan, row: int, rows: int, column: int, columns: int) -> dict[str, int]:
    return {
        "sheetId": tab.tab.id,
        "startRowIndex": row,
        "endRowIndex": row + rows,
        "startColumnIndex": column,
        "endColumnIndex": column + columns,
    }


def tag(key: str, value: str, where: Mapping[str, Any], number: int | None = None) -> Request:
    """Seen by every program that may read the spreadsheet: the account that writes may change."""
    metadata: dict[str, Any] = {"metadataKey": key, "metadataValue": value, "location": where, "visibility": "DOCUMENT"}
    if number is not None:
        metadata |= {"metadataId": number}
    return {"createDeveloperMetadata": {"developerMetadata": metadata}}
