"""What a spreadsheet holds and what it should hold -> the fewest edits. Pure: no request is made here.

Columns of ours are known by their tags, which go where a column goes, and before there are tags by their titles; rows
by the key that stands in them. All else is the curators': it is read, and taken along, and never written over.

What people do between our reading and our writing must not cost them anything. So no row is ever filled but one that
is inserted for it in the same request; no cell that holds a row's key is ever changed, unless a person did so before;
a row that goes to another tab takes its key along with its curators' cells, whichever row it should turn out to be;
and rows are deleted only in tabs that are not of datasets, where no curator wrote anything. What lands wrongly all
the same are cells of ours, and the next run sees and mends them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from app.domain.model import Scalar
from app.outputs.google_sheets.columns import label_of, new_tab, shown_in, tab_plan
from app.outputs.google_sheets.edits import Fresh, Move, Plan, TabPlan
from app.outputs.google_sheets.grid import Book
from app.outputs.google_sheets.rows import Alike, key_of, rows_of
from app.outputs.google_sheets.want import Want, same

OVER = "over"
"""What a row is marked with that is in no table any more, but has cells of the curators."""


def plan(
    book: Book,
    wants: Sequence[Want],
    over: Mapping[str, str] | None = None,
    kept: Mapping[str, Mapping[str, Scalar]] | None = None,
    *,
    restore: bool = False,
) -> Plan:
    """`over`: datasets that are in no table but were once -> what their row is marked with; `kept`: dataset -> column
    -> what curators had there, which a row gets that must be made anew; `restore`: the curators' columns that are
    declared are made where they are missing, with all that is kept."""
    tabs, ids = shown_in(book, wants), set(book.ids)
    plans = [tab_plan(tabs[w.name], w, restore) if w.name in tabs else new_tab(book, w, ids) for w in wants]
    home = {key: plan for plan in plans if plan.want.datasets for key in plan.want.keys}
    over, kept = over or {}, kept or {}
    annotations: dict[tuple[str, str], Scalar | None] = {}
    left_alone: list[str] = []
    rows = rows_of(plans, home.keys() | over.keys(), left_alone)
    astray: list[tuple[str, TabPlan, int]] = []
    corrected: set[str] = set()
    for plan in plans:
        found, want = rows[plan.want.name], plan.want
        numbers = {key: number for number, key in enumerate(want.keys)}
        for key, row in found.items():
            if key in numbers:
                _update(plan, row, numbers[key])
            elif not want.datasets and not _beside(plan, row):
                plan.stale.append(row)
            elif want.datasets and key in home:
                astray.append((key, plan, row))
                if key_of(plan.tab.at(row, plan.places[want.key])) != key:  # a key is put right before it goes anywhere
                    plan.updates[row] = {want.key: key}
                    corrected.add(key)
            else:
                _mark(plan, row, over.get(key, OVER))
        if want.datasets:
            annotations |= _annotations(plan, found)
    moved = _moves([one for one in astray if one[0] not in corrected], home, rows, left_alone) | corrected
    _strays(plans, home, rows)
    plans = [plan for plan in plans if plan.moves or not (plan.new and plan.want.travels)]
    for plan in plans:
        _insert(plan, rows[plan.want.name], moved, kept)
        _put_back(plan, rows[plan.want.name], kept)
    if any(plan.edited for plan in plans):
        for plan in plans:
            for row, cells in plan.clocks.items():
                if row in plan.updates or not plan.want.datasets:
                    plan.updates.setdefault(row, {}).update(cells)
    return Plan(book, tuple(plans), annotations, tuple(left_alone), bool(corrected))


def _strays(plans: Sequence[TabPlan], home: Mapping[str, TabPlan], rows: Mapping[str, Mapping[str, int]]) -> None:
    """A row of the curators' own that was taken along in place of a dataset's, because rows were sorted at that very
    moment, goes back where it was: it has our cells of a dataset, but no key, and the dataset is still over there."""
    tabs = _by_name(plan for plan in plans if plan.want.datasets)
    for plan in tabs.values():
        away = {key: name for name in tabs for key in rows[name] if name != plan.want.name and home.get(key) is plan}
        if not away:
            continue
        alike = Alike([plan], lambda key, away=away: key in away)  # type: ignore[misc]
        for row in range(len(plan.tab.cells)):
            if not key_of(plan.tab.at(row, plan.places[plan.want.key])) and (key := alike.best(plan, row)):
                target = tabs[away[key]]
                target.moves.append(Move(plan.want.name, row, None, tuple(_taken_along(plan, target))))


def _update(plan: TabPlan, row: int, wanted: int) -> None:
    want, cells = plan.want, plan.tab.cells[row]
    end = len(cells)
    changed: dict[int, Scalar] = {}
    late: dict[int, Scalar] = {}
    for number, (place, value) in enumerate(zip(plan.places, want.rows[wanted], strict=True)):
        there = cells[place] if place < end else ""
        if (there != value or type(there) is not type(value)) and not same(there, value):
            (late if number in want.clocks else changed)[number] = value
    if changed:
        plan.updates[row] = changed
    if late:
        plan.clocks[row] = late


def _mark(plan: TabPlan, row: int, mark: str) -> None:
    number = plan.want.mark
    if number is not None and plan.tab.at(row, plan.places[number]) != mark:
        plan.updates[row] = {number: mark}


def _beside(plan: TabPlan, row: int) -> bool:
    """Whether a curator has written anything in the row."""
    own = plan.own
    return any(cell != "" and number not in own for number, cell in enumerate(plan.tab.cells[row]))


def _annotations(plan: TabPlan, found: Mapping[str, int]) -> dict[tuple[str, str], Scalar | None]:
    made = {column.number for column in plan.made}
    read = {name: place for name, place in plan.beside.items() if place not in made}
    return {
        (key, name): value if (value := plan.tab.at(row, place)) != "" else None
        for key, row in found.items()
        for name, place in read.items()
    }


def _moves(
    astray: Iterable[tuple[str, TabPlan, int]],
    home: Mapping[str, TabPlan],
    rows: Mapping[str, Mapping[str, int]],
    left_alone: list[str],
) -> set[str]:
    """Rows of datasets that belong in another tab by now go there, with the curators' cells."""
    moved: set[str] = set()
    columns: dict[tuple[str, str], list[tuple[int, int]]] = {}
    numbers = {name: {key: n for n, key in enumerate(p.want.keys)} for name, p in _by_name(home.values()).items()}
    for key, source, row in astray:
        target, name = home[key], source.want.name
        there = target.want.name
        if key in rows[there] or key in moved:
            where = f"{source.tab.title!r} has {key} in row {row + 1}"
            left_alone.append(f"{where}, and so has {target.tab.title!r}, where it belongs; the former is left alone")
            continue
        if (name, there) not in columns:
            columns[name, there] = sorted({*_shared(source, target).values(), *_taken_along(source, target)})
        target.moves.append(_move(source, row, target, numbers[there][key], columns[name, there]))
        moved.add(key)
    return moved


def _shared(source: TabPlan, target: TabPlan) -> dict[str, tuple[int, int]]:
    """title -> (from, to), of the columns of ours that both have, with those of the keys, whatever they are called."""
    there = dict(zip(target.want.columns, target.places, strict=True))
    here = dict(zip(source.want.columns, source.places, strict=True))
    keys = source.places[source.want.key], target.places[target.want.key]
    return {title: (here[title], there[title]) for title in here if title in there} | {
        target.want.columns[target.want.key]: keys
    }


def _move(source: TabPlan, row: int, target: TabPlan, wanted: int, columns: Sequence[tuple[int, int]]) -> Move:
    want, along = target.want, {to: start for start, to in columns}
    there = (source.tab.at(row, along[place]) if place in along else "" for place in target.places)
    changes = {
        number: value
        for number, (before, value) in enumerate(zip(there, want.rows[wanted], strict=True))
        if not same(before, value)
    }
    return Move(source.want.name, row, wanted, tuple(columns), changes)


def _by_name(plans: Iterable[TabPlan]) -> dict[str, TabPlan]:
    return {plan.want.name: plan for plan in plans}


def _taken_along(source: TabPlan, target: TabPlan) -> list[tuple[int, int]]:
    """Each column of the curators in which there is anything -> the one of the same title over there, which is made
    where there is none."""
    travels = target.want.travels
    ours = set() if travels else {title.casefold() for title in target.want.columns}
    into = {label: number for label, (number, _) in _others(target, everything=travels).items()}
    pairs = []
    for label, (number, title) in _others(source, everything=travels).items():
        if label[0] not in ours:
            if label not in into:
                into[label] = target.make(title, own=False)
            pairs.append((number, into[label]))
    return pairs


def _others(plan: TabPlan, *, everything: bool) -> dict[tuple[str, int], tuple[int, str]]:
    """(title, how many of this title come before) -> column and title, of the curators' columns in which there is
    anything; or of all but the one of the key."""
    tab = plan.tab
    own = {plan.places[plan.want.key]} if everything else plan.own
    names = {tag.column: tag.name for tag in tab.tags} | {column.number: column.title for column in plan.columns}
    found: dict[tuple[str, int], tuple[int, str]] = {}
    for number in range(plan.end):
        if number in own:
            continue
        title = names.get(number) or label_of(tab.at(plan.header, number))
        if title or any(len(cells) > number and cells[number] != "" for cells in tab.cells):
            again = sum(label == title.casefold() for label, _ in found)
            found[title.casefold(), again] = number, title
    return found


def _insert(
    plan: TabPlan, found: Mapping[str, int], moved: Collection[str], kept: Mapping[str, Mapping[str, Scalar]]
) -> None:
    """Datasets that are new come last. In other tabs a new row stands below the one that comes before it in the
    table."""
    want = plan.want
    end = max(len(plan.tab.cells), plan.header + 1)
    below, groups = plan.header + 1, dict[int, list[int]]()
    for number, key in enumerate(want.keys):
        if key in found:
            below = found[key] + 1
        elif not (want.datasets and key in moved) and not want.travels:
            groups.setdefault(end if want.datasets else below, []).append(number)
            if want.datasets and key in kept:
                plan.new_notes[number] = {plan.beside[c]: v for c, v in kept[key].items() if c in plan.beside}
    plan.fresh = [Fresh(row, tuple(numbers)) for row, numbers in sorted(groups.items())]


def _put_back(plan: TabPlan, found: Mapping[str, int], kept: Mapping[str, Mapping[str, Scalar]]) -> None:
    """What is kept of columns that are made now, in the rows that are there."""
    made = {column.number for column in plan.made}
    missing = {name: place for name, place in plan.beside.items() if place in made}
    for key in found.keys() & kept.keys() if missing else ():
        cells = {missing[name]: value for name, value in kept[key].items() if name in missing}
        if cells:
            plan.old_notes[found[key]] = cells
