"""Which tabs of a spreadsheet are ours, and which of their columns: known by tags, or at first by their titles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from app.domain.model import Scalar
from app.outputs.google_sheets.edits import Column, TabPlan
from app.outputs.google_sheets.grid import Area, Book, Tab, Tag
from app.outputs.google_sheets.want import Want

HEADER_WITHIN = 20
"""The rows at the top of a tab that is not yet ours, among which its titles are looked for."""


def shown_in(book: Book, wants: Sequence[Want]) -> dict[str, Tab]:
    """The name of each table that the spreadsheet has a tab of -> that tab. One that is not yet tagged is known by
    its titles; of several such, as earlier trackers made one a day, by its name: the same, or the last one that
    begins with it. An empty one of that very name was made for it."""
    found = {tab.table: tab for tab in reversed(book.tabs) if tab.table}
    taken = {tab.id for tab in found.values()}
    for want in wants:
        exact = want.name.casefold()
        named = [
            tab for tab in book.tabs if tab.id not in taken and not tab.table and tab.title.casefold().startswith(exact)
        ]
        fitting = [t for t in named if _header(t, want) is not None or (t.title.casefold() == exact and not t.cells)]
        if want.name not in found and fitting:
            best = max(fitting, key=lambda tab: (tab.title.casefold() == exact, tab.title))
            found[want.name] = best
            taken.add(best.id)
    return {want.name: found[want.name] for want in wants if want.name in found}


def to_be_read(book: Book, wants: Sequence[Want]) -> list[Area]:
    """Of which tabs the cells must be known: ours, and those that may be."""
    names = {want.name for want in wants}
    missing = [name.casefold() for name in names - {tab.table for tab in book.tabs}]
    return [
        {"sheetId": tab.id}
        for tab in book.tabs
        if tab.table in names or (not tab.table and any(tab.title.casefold().startswith(name) for name in missing))
    ]


def _header(tab: Tab, want: Want) -> int | None:
    """The row of the titles: the one with most of them, if that is half of them, with the one of the key."""
    titles = [title.casefold() for title in want.columns]
    best, most = None, len(titles) // 2
    for number, cells in enumerate(tab.cells[:HEADER_WITHIN]):
        there = {label_of(cell).casefold() for cell in cells}
        found = sum(title in there for title in titles)
        if found > most and (not want.datasets or titles[want.key] in there):
            best, most = number, found
    return best


def label_of(cell: Scalar) -> str:
    return cell.strip() if isinstance(cell, str) else str(cell)


def tab_plan(tab: Tab, want: Want, restore: bool) -> TabPlan:
    header = tab.titles.row if tab.titles else _header(tab, want) or 0
    plan = TabPlan(want, tab, header, setup=tab.table != want.name)
    labels = {number: label_of(tab.at(header, number)) for number in range(plan.end)}
    own = [tag for tag in tab.tags if tag.own]
    tagged, titled = _tagged(own, labels), {label.casefold(): number for number, label in reversed(labels.items())}
    places: dict[str, int] = {}
    for known in (tagged, titled):
        for title in want.columns:
            place = known.get(title.casefold())
            if title not in places and place is not None and place not in places.values():
                places[title] = place
    for title in want.columns:
        place = places.get(title)
        if place is None:
            plan.places.append(plan.make(title, own=True))
            continue
        plan.places.append(place)
        if tab.at(header, place) != title:
            plan.titles[place] = title
        if not any(tag.own and tag.column == place for tag in tab.tags):
            plan.columns.append(Column(place, title, own=True, made=False))
    _curators_columns(plan, labels, restore or plan.setup)
    return plan


def _tagged(tags: Iterable[Tag], labels: Mapping[int, str]) -> dict[str, int]:
    """Title -> column; where a column was copied with its tag, the one that still has its title."""
    found: dict[str, int] = {}
    for tag in tags:
        name = tag.name.casefold()
        if name not in found or (labels[found[name]] != tag.name and labels[tag.column] == tag.name):
            found[name] = tag.column
    return found


def _curators_columns(plan: TabPlan, labels: Mapping[int, str], make: bool) -> None:
    """Where the declared ones are; and tags for all that have a title, which tell whether one has moved."""
    tags = {tag.column: tag.name for tag in plan.tab.tags if not tag.own}
    own = plan.own
    for number, label in labels.items():
        if number in own:
            continue
        name = tags.get(number, label)
        if name and number not in tags:
            plan.columns.append(Column(number, label, own=False, made=False))
        for declared in plan.want.curators:
            if name.casefold() == declared.casefold():
                plan.beside.setdefault(declared, number)
    for declared in plan.want.curators if make else ():
        if declared not in plan.beside:
            plan.beside[declared] = plan.make(declared, own=False)


def new_tab(book: Book, want: Want, ids: set[int]) -> TabPlan:
    number = next(number for number in count(1) if number not in ids)
    ids.add(number)
    taken = {title.casefold() for title in book.titles}
    titles = (want.name, *(f"{want.name} ({again})" for again in range(2, len(taken) + 3)))
    title = next(title for title in titles if title.casefold() not in taken)
    plan = TabPlan(want, Tab(number, title, rows=2, columns=0), header=0, setup=True, new=True)
    plan.places = [plan.make(title, own=True) for title in want.columns]
    plan.beside = {title: plan.make(title, own=False) for title in want.curators}
    return plan
