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

from app.outputs.google_sheets.edits import Plan, TabPlan
from app.outputs.google_sheets.grid import BESIDE, OWN, TITLES
from app.outputs.google_sheets.mend import Mended
from app.outputs.google_sheets.setting_up import chart, columns, setup
from app.outputs.google_sheets.updates import (
    Request,
    Step,
    abreast,
    area,
    block,
    changed,
    curators_cell,
    notes,
    runs,
    span,
    tag,
    write,
)

LARGEST = 1_900_000
"""Bytes of a batch: Google recommends no more than 2 MB ("Usage limits")."""


@dataclass(frozen=True, slots=True)
class Batch:
    """`guards`: how many of the requests, the first ones, are guards; `cells`: how many cells are written."""

    requests: list[Request]
    guards: int
    cells: int


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
    return [write(cell.tab.id, cell.row, cell.column, [[curators_cell(cell.value)]]) for cell in cells]


def _batch(requests: list[Request], tabs: Iterable[TabPlan], cells: int, strict: bool) -> Batch:
    guards = [guard for plan in tabs for guard in _guards(plan, strict)]
    return Batch(guards + requests, len(guards), cells)


def _guards(plan: TabPlan, strict: bool) -> Iterator[Request]:
    tags = [(t.id, OWN if t.own else BESIDE, t.name, span(plan, "COLUMNS", t.column)) for t in plan.tab.tags]
    if titles := plan.tab.titles:
        tags.append((titles.id, TITLES, plan.want.name, span(plan, "ROWS", titles.row)))
    for number, key, name, where in tags:
        location = {"dimensionRange": where}
        here = {"metadataId": number, "locationMatchingStrategy": "EXACT_LOCATION", "metadataLocation": location}
        there = {"developerMetadataLookup": here}
        if strict:
            yield {"deleteDeveloperMetadata": {"dataFilter": there}}
            yield tag(key, name, location, number)
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

    def steps(self, states: Sequence[str]) -> Iterator[Step]:
        for tab in self.plan.tabs:
            self.ends[tab.want.name] = max(len(tab.tab.cells), tab.header + 1)
            self.grid[tab.want.name] = tab.tab.rows
        edited = [tab for tab in self.plan.tabs if tab.edited]
        for tab in edited:
            yield columns(tab)
            if tab.setup:
                yield Step(list(setup(tab, states)), (tab,))
            yield from changed(tab, tab.updates)
            yield from notes(tab)
        for tab in edited:
            if tab.want.datasets:
                for fresh in tab.fresh:
                    yield from self._append(tab, fresh.wanted)
        yield from self._moves()
        for tab in edited:
            for run in reversed(runs(sorted(tab.stale))):
                yield Step([*self._delete(tab, run.start, len(run))], (tab,))
            if not tab.want.datasets:
                yield from self._insertions(tab)
        for tab in edited:
            if tab.setup:
                yield from chart(tab)

    def _append(self, tab: TabPlan, wanted: Sequence[int]) -> Iterator[Step]:
        for part in _parts(tab, wanted):
            row = self.ends[tab.want.name]
            requests = [*self._room(tab, row, len(part)), *block(tab, row, part)]
            self.ends[tab.want.name] += len(part)
            yield Step(requests, (tab,), len(part) * len(tab.places))

    def _room(self, tab: TabPlan, row: int, rows: int) -> Iterator[Request]:
        """Rows at this place that are new for certain, whatever was done to the tab since it was read."""
        if row >= self.grid[tab.want.name]:
            yield {"appendDimension": {"sheetId": tab.tab.id, "dimension": "ROWS", "length": 1}}
            self.grid[tab.want.name] += 1
        yield {
            "insertDimension": {
                "range": span(tab, "ROWS", row, rows),
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
        yield {"deleteDimension": {"range": span(tab, "ROWS", row, rows)}}
        self.grid[name] -= rows

    def _moves(self) -> Iterator[Step]:
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
            for before, after, many in abreast(run[0].columns):
                corner = {"sheetId": there.tab.id, "rowIndex": at, "columnIndex": after}
                cells = area(here, first, rows, before, many)
                requests.append({"cutPaste": {"source": cells, "destination": corner, "pasteType": "PASTE_NORMAL"}})
            changes = {at + number: moved.changes for number, moved in enumerate(run)}
            requests += (request for step in changed(there, changes) for request in step.requests)
            requests += self._delete(here, first, rows)
            self.ends[target] += rows
            self.ends[source] -= rows
            yield Step(requests, (there, here), sum(map(len, changes.values())))

    def _insertions(self, tab: TabPlan) -> Iterator[Step]:
        """From the lowest row upwards; those that were deleted before are above or below by now."""
        for fresh in reversed(tab.fresh):
            row = fresh.row - sum(stale < fresh.row for stale in tab.stale)
            for part in reversed(list(_parts(tab, fresh.wanted))):
                requests = [*self._room(tab, row, len(part)), *block(tab, row, part)]
                yield Step(requests, (tab,), len(part) * len(tab.places))


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
