"""Reading no more of the spreadsheet than what some datasets are in: the tabs that are not of datasets; of the others
the titles and the keys, and then the rows in which those datasets are. Nothing is guessed: None stands for whatever can
only be told from all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from app.outputs.google_sheets.edits import Plan
from app.outputs.google_sheets.grid import Area, Book, Tab
from app.outputs.google_sheets.rows import key_of
from app.outputs.google_sheets.want import Want

Reading = Callable[[Book, Sequence[Area]], Book]
"""The book with the cells there."""


def some_of(book: Book, wants: Sequence[Want], datasets: Collection[str], read: Reading) -> Book | None:
    tabs = {tab.table: tab for tab in book.tabs if tab.table}
    areas: list[Area] = []
    keys: dict[str, int] = {}
    for want in wants:
        tab = tabs.get(want.name)
        if tab is None:
            return None
        if not want.datasets:
            areas.append({"sheetId": tab.id})
            continue
        at = next((tag.column for tag in tab.tags if tag.own and tag.name == want.columns[want.key]), None)
        if at is None or tab.titles is None:
            return None
        keys[want.name] = at
        areas.append({"sheetId": tab.id, "startRowIndex": tab.titles.row, "endRowIndex": tab.titles.row + 1})
        areas.append({"sheetId": tab.id, "startColumnIndex": at, "endColumnIndex": at + 1})
    book = read(book, areas)
    tabs = {tab.table: tab for tab in book.tabs if tab.table}
    found = {name: _rows(tabs[name], at, datasets) for name, at in keys.items()}
    book = read(
        book,
        [
            {"sheetId": tabs[name].id, "startRowIndex": row, "endRowIndex": row + 1}
            for name, rows in found.items()
            for row in rows
        ],
    )
    tabs = {tab.table: tab for tab in book.tabs if tab.table}
    if any(_rows(tabs[name], at, datasets, found[name]) != found[name] for name, at in keys.items()):
        return None
    return replace(book, tabs=tuple(_alone(tab, found[tab.table]) if tab.table in found else tab for tab in book.tabs))


def _alone(tab: Tab, rows: Collection[int]) -> Tab:
    """With the titles and these rows, and nothing of the others but that they are there."""
    assert tab.titles is not None
    return replace(tab, cells=[c if n in rows or n == tab.titles.row else () for n, c in enumerate(tab.cells)])


def _rows(tab: Tab, column: int, datasets: Collection[str], among: Iterable[int] | None = None) -> Mapping[int, str]:
    """row -> key, of those (all, or these) that are of these datasets."""
    rows = range(len(tab.cells)) if among is None else among
    keys = ((row, key_of(tab.cells[row][column])) for row in rows if len(tab.cells[row]) > column)
    return {row: key for row, key in keys if key in datasets}


def is_told(planned: Plan, known: Collection[str]) -> bool:
    """Whether a plan that was made from some of it is the one that would be made from all. `known`: the datasets that
    have a row as far as is known: one that cannot be found may be in a row of which somebody changed the key."""
    new = {tab.want.keys[n] for tab in planned.tabs if tab.want.datasets for fresh in tab.fresh for n in fresh.wanted}
    set_up = any(tab.setup or tab.new or tab.titles or tab.made for tab in planned.tabs)
    return not (set_up or planned.again or planned.left_alone or new & {*known})
