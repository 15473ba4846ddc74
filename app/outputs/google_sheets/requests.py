"""A plan as requests: batches that Google carries out whole or not at all, each of no more than about 2 MB.

Formats: Google Sheets API v4, `spreadsheets.batchUpdate`. Every batch begins with guards: requests that change
nothing if each tagged column is where it was read, and that fail, and the batch with them, if one has gone elsewhere.
The strict ones take a tag away from that place and put it there again: where it was not there it has not been taken
away, and no spreadsheet has the same tag twice. The others set a tag there to what it is: the documentation of
UpdateDeveloperMetadataRequest says that its filters must match something. What Google's service does in either case
is not documented further; so the replies are looked at, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.domain.model import Scalar
from app.outputs.cells import colours
from app.outputs.google_sheets.edits import Plan, TabPlan
from app.outputs.google_sheets.grid import BESIDE, OWN, TAB, TITLES
from app.outputs.google_sheets.mend import Mended
from app.outputs.google_sheets.want import KEY, LINK

LARGEST = 1_900_000
"""Bytes of a batch: Google recommends no more than 2 MB ("Usage limits")."""

DATE = {"numberFormat": {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm:ss"}}
NARROWEST, WIDEST, CHARACTER = 70, 360, 7  # pixels
MUTED = {"Acknowledged": "LEN({})>0", "Dismissed": "LEN({})>0", "Problems": 'LEFT({},8)="Ignored:"'}
"""Column -> the formula, of its cell, that tells a row that curators have dealt with; it is shown greyed."""

Request = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """`guards`: how many of the requests, the first ones, are guards; `cells`: how many cells are written."""

    requests: list[Request]
    guards: int
    cells: int


@dataclass(slots=True)
class _Step:
    """Requests that belong together, and the tabs whose columns they rely on."""

    requests: list[Request]
    tabs: tuple[TabPlan, ...] = ()
    cells: int = 0


def batches(plan: Plan, states: Sequence[str], *, strict: bool) -> Iterator[Batch]:
    """Made one after the other, as they may be large. `states`: in their order, which gives them their colours;
    `strict`: which of the two kinds the guards are."""
    requests: list[Request] = []
    tabs: dict[int, TabPlan] = {}
    size = cells = 0
    for step in _Rows(plan).steps(states):
        weight = len(orjson.dumps(step.requests))
        if requests and size + weight > LARGEST:
            yield _batch(requests, tabs.values(), cells, strict)
            requests, tabs, size, cells = [], {}, 0, 0
        requests += step.requests
        tabs |= {tab.tab.id: tab for tab in step.tabs}
        size, cells = size + weight, cells + step.cells
    if requests:
        yield _batch(requests, tabs.values(), cells, strict)


def given_back(cells: Iterable[Mended]) -> list[Request]:
    return [_write(cell.tab.id, cell.row, cell.column, [[_curators_cell(cell.value)]]) for cell in cells]


def _batch(requests: list[Request], tabs: Iterable[TabPlan], cells: int, strict: bool) -> Batch:
    guards = [guard for plan in tabs for guard in _guards(plan, strict)]
    return Batch(guards + requests, len(guards), cells)


def _guards(plan: TabPlan, strict: bool) -> Iterator[Request]:
    tags = [(tag.id, OWN if tag.own else BESIDE, tag.name, _span(plan, "COLUMNS", tag.column)) for tag in plan.tab.tags]
    if titles := plan.tab.titles:
        tags.append((titles.id, TITLES, plan.want.name, _span(plan, "ROWS", titles.row)))
    for number, key, name, where in tags:
        location = {"dimensionRange": where}
        here = {"metadataId": number, "locationMatchingStrategy": "EXACT_LOCATION", "metadataLocation": location}
        there = {"developerMetadataLookup": here}
        if strict:
            yield {"deleteDeveloperMetadata": {"dataFilter": there}}
            yield _tag(key, name, location, number)
        else:
            value = {"dataFilters": [there], "developerMetadata": {"metadataValue": name}, "fields": "metadataValue"}
            yield {"updateDeveloperMetadata": value}


def guarded(told: Mapping[str, Any], batch: Batch) -> bool:
    """Whether every column was where it was read; if not, cells may have been written beside."""
    names = ("deletedDeveloperMetadata", "developerMetadata")
    replies = (found for reply in told["replies"][: batch.guards] for found in reply.values())
    return all(any(found.get(name) for name in names) for found in replies)


@dataclass(slots=True)
class _Rows:
    """The steps in their order, each numbering rows as those before it leave them. `ends`: of each tab, the row below
    its last one; `grid`: how many rows it has."""

    plan: Plan
    ends: dict[str, int] = field(default_factory=dict)
    grid: dict[str, int] = field(default_factory=dict)

    def steps(self, states: Sequence[str]) -> Iterator[_Step]:
        for tab in self.plan.tabs:
            self.ends[tab.want.name] = max(len(tab.tab.cells), tab.header + 1)
            self.grid[tab.want.name] = tab.tab.rows
        edited = [tab for tab in self.plan.tabs if tab.edited]
        for tab in edited:
            yield _columns(tab)
            if tab.setup:
                yield _Step(list(_setup(tab, states)), (tab,))
            yield from _changed(tab, tab.updates)
            yield from _notes(tab)
        for tab in edited:
            if tab.want.datasets:
                for fresh in tab.fresh:
                    yield from self._append(tab, fresh.wanted)
        yield from self._moves()
        for tab in edited:
            for run in reversed(_runs(sorted(tab.stale))):
                yield _Step([*self._delete(tab, run.start, len(run))], (tab,))
            if not tab.want.datasets:
                yield from self._insertions(tab)
        for tab in edited:
            if tab.setup:
                yield from _chart(tab)

    def _append(self, tab: TabPlan, wanted: Sequence[int]) -> Iterator[_Step]:
        for part in _parts(tab, wanted):
            row = self.ends[tab.want.name]
            requests = [*self._room(tab, row, len(part)), *_block(tab, row, part)]
            self.ends[tab.want.name] += len(part)
            yield _Step(requests, (tab,), len(part) * len(tab.places))

    def _room(self, tab: TabPlan, row: int, rows: int) -> Iterator[Request]:
        """Rows at this place that are new for certain, whatever was done to the tab since it was read."""
        if row >= self.grid[tab.want.name]:
            yield {"appendDimension": {"sheetId": tab.tab.id, "dimension": "ROWS", "length": 1}}
            self.grid[tab.want.name] += 1
        yield {
            "insertDimension": {
                "range": _span(tab, "ROWS", row, rows),
                "inheritFromBefore": False,  # a colour that curators gave the last row is of that row alone
            }
        }
        self.grid[tab.want.name] += rows

    def _delete(self, tab: TabPlan, row: int, rows: int) -> Iterator[Request]:
        """A row is left below the titles: Google does not delete all that are not frozen."""
        name = tab.want.name
        if self.grid[name] - rows <= tab.header + 1:
            yield {"appendDimension": {"sheetId": tab.tab.id, "dimension": "ROWS", "length": 1}}
            self.grid[name] += 1
        yield {"deleteDimension": {"range": _span(tab, "ROWS", row, rows)}}
        self.grid[name] -= rows

    def _moves(self) -> Iterator[_Step]:
        """From the lowest row upwards, so that those above stay where they are. What goes together is inserted,
        filled, cut over, and its old rows deleted, in one: nothing is ever in neither place."""
        tabs = {tab.want.name: tab for tab in self.plan.tabs}
        moves = sorted(
            ((move.source, move.row, tab.want.name, move) for tab in self.plan.tabs for move in tab.moves),
            key=lambda known: known[:2],
            reverse=True,
        )
        while moves:
            source, row, target, move = moves.pop(0)
            run = [move]
            while moves and moves[0][:3] == (source, row - len(run), target) and moves[0][3].columns == move.columns:
                run.append(moves.pop(0)[3])
            run.reverse()
            there, here, first, rows = tabs[target], tabs[source], run[0].row, len(run)
            at = self.ends[target]
            requests = [*self._room(there, at, rows)]
            for before, after, columns in _abreast(run[0].columns):
                corner = {"sheetId": there.tab.id, "rowIndex": at, "columnIndex": after}
                cells = _area(here, first, rows, before, columns)
                requests.append({"cutPaste": {"source": cells, "destination": corner, "pasteType": "PASTE_NORMAL"}})
            changes = {at + number: moved.changes for number, moved in enumerate(run)}
            requests += (request for step in _changed(there, changes) for request in step.requests)
            requests += self._delete(here, first, rows)
            self.ends[target] += rows
            self.ends[source] -= rows
            yield _Step(requests, (there, here), sum(map(len, changes.values())))

    def _insertions(self, tab: TabPlan) -> Iterator[_Step]:
        """From the lowest row upwards; those that were deleted before are above or below by now."""
        for fresh in reversed(tab.fresh):
            row = fresh.row - sum(stale < fresh.row for stale in tab.stale)
            parts = list(_parts(tab, fresh.wanted))
            for part in reversed(parts):
                yield _Step(
                    [*self._room(tab, row, len(part)), *_block(tab, row, part)], (tab,), len(part) * len(tab.places)
                )


# --------------------------------------------------------------------------- cells


def _cell(value: Scalar, date: bool = False) -> dict[str, Any]:
    if value == "" and isinstance(value, str):
        return {}
    if isinstance(value, bool):
        return {"userEnteredValue": {"boolValue": value}}
    if isinstance(value, int | float):
        cell: dict[str, Any] = {"userEnteredValue": {"numberValue": value}}
        return cell | {"userEnteredFormat": DATE} if date else cell
    cell = {"userEnteredValue": {"stringValue": value}}
    if LINK.fullmatch(value):
        cell["textFormatRuns"] = [{"format": {"link": {"uri": value}}}]
    return cell


def _curators_cell(value: Scalar) -> dict[str, Any]:
    """A cell as the curators had it: their formulas are formulas again."""
    if isinstance(value, str) and value.startswith("="):
        return {"userEnteredValue": {"formulaValue": value}}
    return _cell(value)


def _mask(cells: Iterable[Mapping[str, Any]]) -> str:
    """Only what the cells have: formats and notes of others are left alone. A value takes links with it."""
    there = {name for cell in cells for name in cell}
    more = [("textFormatRuns", "textFormatRuns"), ("userEnteredFormat", "userEnteredFormat.numberFormat")]
    return ",".join(["userEnteredValue", *(field for name, field in more if name in there)])


def _write(tab: int, row: int, column: int, rows: Sequence[Sequence[Mapping[str, Any]]]) -> Request:
    return {
        "updateCells": {
            "start": {"sheetId": tab, "rowIndex": row, "columnIndex": column},
            "rows": [{"values": cells} for cells in rows],
            "fields": _mask(cell for cells in rows for cell in cells),
        }
    }


def _block(tab: TabPlan, row: int, wanted: Sequence[int]) -> Iterator[Request]:
    """Whole rows that were inserted for it."""
    want = tab.want
    order = sorted((place, number) for number, place in enumerate(tab.places))
    for run in _runs(place for place, _ in order):
        numbers = [number for place, number in order if place in run]
        dates = [number in want.dates for number in numbers]
        rows = [
            [_cell(want.rows[line][number], date) for number, date in zip(numbers, dates, strict=True)]
            for line in wanted
        ]
        yield _write(tab.tab.id, row, run.start, rows)
    for offset, line in enumerate(wanted):
        for place, value in tab.new_notes.get(line, {}).items():
            yield _write(tab.tab.id, row + offset, place, [[_curators_cell(value)]])


def _parts(tab: TabPlan, wanted: Sequence[int]) -> Iterator[Sequence[int]]:
    """So many rows at a time as fit into a batch."""
    start = size = 0
    for number, line in enumerate(wanted):
        # what is around a value in the request takes about 50 bytes, and a link is there twice
        weight = sum(50 + (2 * len(value.encode()) if isinstance(value, str) else 20) for value in tab.want.rows[line])
        if size + weight > LARGEST // 2 and number > start:
            yield wanted[start:number]
            start, size = number, 0
        size += weight
    yield wanted[start:]


def _runs(numbers: Iterable[int]) -> list[range]:
    """Ascending numbers as ranges without gaps."""
    found: list[range] = []
    for number in numbers:
        if found and found[-1].stop == number:
            found[-1] = range(found[-1].start, number + 1)
        else:
            found.append(range(number, number + 1))
    return found


def _abreast(columns: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """(from, to, how many) of columns that stand side by side here and there."""
    found: list[tuple[int, int, int]] = []
    for before, after in sorted(columns):
        start, to, many = found[-1] if found else (-1, -1, 0)
        if (before, after) == (start + many, to + many):
            found[-1] = start, to, many + 1
        else:
            found.append((before, after, 1))
    return found


def _changed(tab: TabPlan, updates: Mapping[int, Mapping[int, Scalar]]) -> Iterator[_Step]:
    """row -> column of the table -> value. Cells side by side and below each other that are written alike are one
    request."""
    want = tab.want
    blocks: dict[tuple[int, int, str], tuple[int, list[list[dict[str, Any]]]]] = {}

    def done(shape: tuple[int, int, str]) -> _Step:
        row, rows = blocks.pop(shape)
        return _Step([_write(tab.tab.id, row, shape[0], rows)], (tab,), len(rows) * shape[1])

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
        cells[place] = _cell(value, new)
    columns = sorted(cells)
    start = 0
    for end in range(1, len(columns) + 1):
        if (
            end == len(columns)
            or columns[end] != columns[end - 1] + 1
            or _mask([cells[columns[end]]]) != _mask([cells[columns[start]]])
        ):
            yield columns[start], [cells[column] for column in columns[start:end]]
            start = end


def _notes(tab: TabPlan) -> Iterator[_Step]:
    for row, cells in sorted(tab.old_notes.items()):
        for place, value in cells.items():
            yield _Step([_write(tab.tab.id, row, place, [[_curators_cell(value)]])], (tab,), 1)


# --------------------------------------------------------------------------- what is set up once


def _columns(tab: TabPlan) -> _Step:
    """The tab, the columns and the titles that are not there yet, and tags that tell them again."""
    step = _Step([], () if tab.new else (tab,))
    made, sheet = tab.made, tab.tab.id
    if tab.new:
        grid = {"rowCount": tab.tab.rows, "columnCount": len(made)}
        properties = {"sheetId": sheet, "title": tab.tab.title, "gridProperties": grid}
        step.requests.append({"addSheet": {"properties": properties}})
    elif made and made[0].number >= tab.tab.columns:
        more = {"sheetId": sheet, "dimension": "COLUMNS", "length": len(made)}
        step.requests.append({"appendDimension": more})
    elif made:
        step.requests.append({"insertDimension": {"range": _span(tab, "COLUMNS", made[0].number, len(made))}})
    if tab.setup:
        step.requests.append(_tag(TAB, tab.want.name, {"sheetId": sheet}))
    if not tab.tab.titles:
        step.requests.append(_tag(TITLES, tab.want.name, {"dimensionRange": _span(tab, "ROWS", tab.header)}))
    for column in tab.columns:
        where = {"dimensionRange": _span(tab, "COLUMNS", column.number)}
        step.requests.append(_tag(OWN if column.own else BESIDE, column.title, where))
    bold = {"userEnteredFormat": {"textFormat": {"bold": True}}}
    new = {column.number for column in made}
    for number, title in sorted(tab.titles.items()):
        request = _write(tab.tab.id, tab.header, number, [[_cell(title) | (bold if number in new else {})]])
        if number in new:
            request["updateCells"]["fields"] = "userEnteredValue,userEnteredFormat.textFormat.bold"
        step.requests.append(request)
    step.requests += [request for column in made if column.own for request in _own_column(tab, column.number)]
    step.cells = len(tab.titles)
    return step


def _tag(key: str, value: str, where: Mapping[str, Any], number: int | None = None) -> Request:
    """Seen by every program that may read the spreadsheet: the account that writes may change."""
    metadata: dict[str, Any] = {"metadataKey": key, "metadataValue": value, "location": where, "visibility": "DOCUMENT"}
    if number is not None:
        metadata |= {"metadataId": number}
    return {"createDeveloperMetadata": {"developerMetadata": metadata}}


def _own_column(tab: TabPlan, column: int) -> Iterator[Request]:
    """How a column that we made looks: as wide as what is in it, within reason; the one of keys is hidden."""
    number = tab.places.index(column)
    title = tab.want.columns[number]
    longest = max((len(str(row[number])) for row in tab.want.rows[:200]), default=0)
    width = min(max(NARROWEST, CHARACTER * max(longest, len(title) + 4)), WIDEST)
    hidden = title == KEY
    properties = {"hiddenByUser": True} if hidden else {"pixelSize": width}
    span = _span(tab, "COLUMNS", column)
    yield {"updateDimensionProperties": {"range": span, "properties": properties, "fields": ",".join(properties)}}


def _setup(tab: TabPlan, states: Sequence[str]) -> Iterator[Request]:
    sheet, first = tab.tab.id, tab.header + 1
    if not tab.tab.frozen:
        properties = {"sheetId": sheet, "gridProperties": {"frozenRowCount": first}}
        yield {"updateSheetProperties": {"properties": properties, "fields": "gridProperties.frozenRowCount"}}
    if not tab.tab.filtered:
        yield {"setBasicFilter": {"filter": {"range": {"sheetId": sheet, "startRowIndex": tab.header}}}}
    if not tab.tab.coloured:
        rules = list(_colours(tab, states))
        yield from ({"addConditionalFormatRule": {"rule": rule, "index": n}} for n, rule in enumerate(rules))
    if not tab.tab.protected:
        for place in tab.places:
            span = {"sheetId": sheet, "startColumnIndex": place, "endColumnIndex": place + 1}
            said = "Filled in by ingest-tracker: what is written here is replaced."
            protected = {"range": span, "description": said, "warningOnly": True}
            yield {"addProtectedRange": {"protectedRange": protected}}


def _colours(tab: TabPlan, states: Sequence[str]) -> Iterator[dict[str, Any]]:
    below = {"sheetId": tab.tab.id, "startRowIndex": tab.header + 1}
    places = dict(zip(tab.want.columns, tab.places, strict=True))
    for title, formula in MUTED.items():
        if title in places and (title != "Problems" or tab.want.datasets):
            cell = f"${_letters(places[title])}{tab.header + 2}"
            grey = {"textFormat": {"italic": True, "foregroundColorStyle": {"rgbColor": _rgb("#595959")}}}
            condition = {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": f"={formula.format(cell)}"}]}
            whole = below | {"startColumnIndex": 0, "endColumnIndex": tab.end}
            yield {"ranges": [whole], "booleanRule": {"condition": condition, "format": grey}}
    if tab.want.datasets and "Status" in places:
        column = below | {"startColumnIndex": places["Status"], "endColumnIndex": places["Status"] + 1}
        for state, colour in colours(states).items():
            condition = {"type": "TEXT_EQ", "values": [{"userEnteredValue": state}]}
            shade = {"backgroundColorStyle": {"rgbColor": _rgb(colour)}}
            yield {"ranges": [column], "booleanRule": {"condition": condition, "format": shade}}


def _rgb(colour: str) -> dict[str, float]:
    red, green, blue = bytes.fromhex(colour[1:])
    return {"red": red / 255, "green": green / 255, "blue": blue / 255}


def _letters(column: int) -> str:
    """A1 notation: 0 is A, 26 is AA."""
    letters, rest = "", column + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def _chart(tab: TabPlan) -> Iterator[_Step]:
    """How many datasets stand in each state, beside the Summary."""
    states = [n for n, key in enumerate(tab.want.keys) if key.startswith("State/") and key != "State/all"]
    if tab.tab.charted or not tab.new or not states:
        return
    first, rows = tab.header + 1 + states[0], len(states)

    def column(title: str) -> dict[str, Any]:
        return {"sourceRange": {"sources": [_area(tab, first, rows, tab.places[tab.want.columns.index(title)], 1)]}}

    spec = {
        "title": "Datasets by state",
        "basicChart": {
            "chartType": "COLUMN",
            "legendPosition": "NO_LEGEND",
            "domains": [{"domain": column("Name")}],
            "series": [{"series": column("Now"), "targetAxis": "LEFT_AXIS"}],
        },
    }
    anchor = {"sheetId": tab.tab.id, "rowIndex": tab.header + 1, "columnIndex": tab.end - 1}
    yield _Step(
        [{"addChart": {"chart": {"spec": spec, "position": {"overlayPosition": {"anchorCell": anchor}}}}}], (tab,)
    )


# --------------------------------------------------------------------------- places


def _span(tab: TabPlan, dimension: str, start: int, length: int = 1) -> dict[str, Any]:
    return {"sheetId": tab.tab.id, "dimension": dimension, "startIndex": start, "endIndex": start + length}


def _area(tab: TabPlan, row: int, rows: int, column: int, columns: int) -> dict[str, int]:
    return {
        "sheetId": tab.tab.id,
        "startRowIndex": row,
        "endRowIndex": row + rows,
        "startColumnIndex": column,
        "endColumnIndex": column + columns,
    }
