"""What a write did that landed beside its columns, because people moved them since the spreadsheet was read.

Guards keep Google from carrying out such a write, if it does what it documents. Where it carries it out all the same,
and says so, it is known from what was read before what curators had in the cells that were written over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.model import Scalar
from app.outputs.google_sheets.edits import Plan, TabPlan
from app.outputs.google_sheets.grid import Book, Tab
from app.outputs.google_sheets.want import same


@dataclass(frozen=True, slots=True)
class Mended:
    """A cell that gets back what was in it, or a row's key that gets to its place."""

    tab: Tab
    row: int
    column: int
    value: Scalar


def mended(planned: Plan, now: Book) -> list[Mended]:
    """`planned` is what was written; `now` is what the spreadsheet holds since."""
    tabs = {tab.id: tab for tab in now.tabs}
    plans = [(plan, tabs[plan.tab.id]) for plan in planned.tabs if plan.tab.id in tabs and not plan.new]
    return [cell for plan, tab in plans for cell in _overwritten(plan, tab)]


def _overwritten(plan: TabPlan, tab: Tab) -> Iterator[Mended]:
    want, before = plan.want, plan.tab
    own = {tag.column for tag in tab.tags if tag.own}
    key = next((tag.column for tag in tab.tags if tag.own and tag.name == want.columns[want.key]), None)
    if key is None:
        return
    rows = {str(tab.at(row, key)): row for row in reversed(range(len(tab.cells)))}
    meant = {str(tab.at(row, plan.places[want.key])): row for row in reversed(range(len(tab.cells)))}
    was = {name: column for column, name in _names(before, plan.header).items()}
    names = _names(tab, plan.header)
    for title in (number for number in plan.titles if number in names and number not in own):
        if tab.at(plan.header, title) == plan.titles[title] != names[title]:
            yield Mended(tab, plan.header, title, names[title])
    for row, cells in plan.updates.items():
        there = rows.get(str(before.at(row, plan.places[want.key])))
        for column, value in ((plan.places[number], value) for number, value in cells.items()):
            if there is not None and column not in own and same(tab.at(there, column), value):
                theirs = was.get(names.get(column, ""))
                had = "" if theirs is None else before.at(row, theirs)
                if not same(had, value):
                    yield Mended(tab, there, column, had)
    for number in (number for fresh in plan.fresh for number in fresh.wanted):
        name = want.keys[number]
        there = rows.get(name, meant.get(name))
        if there is None:
            continue
        for column, value in zip(plan.places, want.rows[number], strict=True):
            if value != "" and column not in own and same(tab.at(there, column), value):
                yield Mended(tab, there, column, "")
        if name not in rows:
            yield Mended(tab, there, key, name)


def _names(tab: Tab, header: int) -> dict[int, str]:
    """The curators' columns, by the names that they were tagged with, or have."""
    own = {tag.column for tag in tab.tags if tag.own}
    names = {column: str(tab.at(header, column)) for column in range(tab.width) if column not in own}
    return {column: name for column, name in names.items() if name} | {t.column: t.name for t in tab.tags if not t.own}
