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

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from app.domain.model import Scalar
from app.domain.visit import Difference
from app.outputs.google_sheets.grid import Book, Tab, Tag
from app.outputs.google_sheets.want import Want, same

Annotations = Mapping[tuple[str, str], Scalar | None]
"""(dataset, column) -> what curators have there now; None: nothing."""

OVER = "over"
"""What a row is marked with that is in no table any more, but has cells of the curators."""

COMMON = 3
"""So many rows that have the same in a column make it common: it tells none of them."""

HEADER_WITHIN = 20
"""The rows at the top of a tab that is not yet ours, among which its titles are looked for."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column to be made at the end of a tab, or (`made` False) one that is there and gets its tag."""

    number: int
    title: str
    own: bool
    made: bool


@dataclass(frozen=True, slots=True)
class Fresh:
    """Rows to be inserted before `row`, below each other: the numbers of the wanted rows."""

    row: int
    wanted: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """A row that goes to another tab: its number there, the wanted row that it becomes (None: it has no dataset),
    which columns' cells come along, as (from, to), and what is otherwise over there, by column of the table. Its key
    and all else of ours comes along with the curators' cells, so that it stays what it is, whichever row it is."""

    source: str
    row: int
    wanted: int | None
    columns: tuple[tuple[int, int], ...]
    changes: Mapping[int, Scalar] = field(default_factory=dict)


@dataclass(slots=True)
class TabPlan:
    """The edits of one tab. Rows and columns are numbered as they were read; columns to be made follow the last.
    `places`: where each column of ours is or will be, in the order of the table; `beside`: of the curators' columns
    that are declared, where those are that there are; `titles`: cells of the header to be written, by column;
    `updates`: row -> number of the column in the table -> value, and `clocks` what would be written with others;
    `notes`: of new rows (by their number in the table) and of rows that are there, what curators had, by column."""

    want: Want
    tab: Tab
    header: int
    places: list[int] = field(default_factory=list)
    beside: dict[str, int] = field(default_factory=dict)
    columns: list[Column] = field(default_factory=list)
    titles: dict[int, str] = field(default_factory=dict)
    updates: dict[int, dict[int, Scalar]] = field(default_factory=dict)
    clocks: dict[int, dict[int, Scalar]] = field(default_factory=dict)
    fresh: list[Fresh] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)
    new_notes: dict[int, dict[int, Scalar]] = field(default_factory=dict)
    old_notes: dict[int, dict[int, Scalar]] = field(default_factory=dict)
    setup: bool = False
    new: bool = False

    @property
    def edited(self) -> bool:
        edits = self.setup, self.titles, self.updates, self.fresh, self.moves, self.stale, self.old_notes, self.made
        return any(edits)

    @property
    def made(self) -> list[Column]:
        return [column for column in self.columns if column.made]

    @property
    def own(self) -> set[int]:
        """The columns that are ours, also those of which the table has none any more."""
        return {*self.places, *(tag.column for tag in self.tab.tags if tag.own)}

    @property
    def end(self) -> int:
        """The first column to the right of all that is there or will be."""
        there = (*(tag.column for tag in self.tab.tags), *(column.number for column in self.columns))
        return max(self.tab.width, 1 + max(there, default=-1))

    def make(self, title: str, *, own: bool) -> int:
        number = self.end
        self.columns.append(Column(number, title, own, made=True))
        self.titles[number] = title
        return number


@dataclass(frozen=True, slots=True)
class Plan:
    """`left_alone`: what was found that no program should decide, in sentences; `again`: whether there is more to do
    once this is done."""

    book: Book
    tabs: tuple[TabPlan, ...]
    annotations: Annotations
    left_alone: tuple[str, ...]
    again: bool = False

    @property
    def edited(self) -> bool:
        return any(tab.edited for tab in self.tabs)

    @property
    def cells_after(self) -> int:
        """How many cells the whole spreadsheet then has."""
        cells = {tab.id: tab.rows * tab.columns for tab in self.book.tabs}
        for plan in self.tabs:
            rows = plan.tab.rows + sum(len(fresh.wanted) for fresh in plan.fresh) + len(plan.moves)
            cells[plan.tab.id] = rows * (plan.tab.columns + len(plan.made))
        return sum(cells.values())

    def differences(self) -> Iterator[Difference]:
        """Cell by cell what changes, but for the rows that are new, which are told by their key alone."""
        for plan in self.tabs:
            want, name = plan.want, plan.tab.title
            for number, title in plan.titles.items():
                yield Difference(name, "(header)", title, plan.tab.at(plan.header, number), title)
            for row, cells in sorted(plan.updates.items()):
                key = str(plan.tab.at(row, plan.places[want.key]))
                for number, value in cells.items():
                    yield Difference(name, key, want.columns[number], plan.tab.at(row, plan.places[number]), value)
            for wanted in (number for fresh in plan.fresh for number in fresh.wanted):
                yield Difference(name, want.keys[wanted], "(row)", "", "new")
            for move in plan.moves:
                key = "(a curator's)" if move.wanted is None else want.keys[move.wanted]
                yield Difference(name, key, "(row)", f"in {move.source}", f"in {name}")
            for row in plan.stale:
                yield Difference(name, str(plan.tab.at(row, plan.places[want.key])), "(row)", "over", "deleted")


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


def to_be_read(book: Book, wants: Sequence[Want]) -> list[Tab]:
    """The tabs of which the cells must be known: ours, and those that may be."""
    names = {want.name for want in wants}
    missing = [name.casefold() for name in names - {tab.table for tab in book.tabs}]
    return [
        tab
        for tab in book.tabs
        if tab.table in names or (not tab.table and any(tab.title.casefold().startswith(name) for name in missing))
    ]


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
    plans = [_tab_plan(tabs[w.name], w, restore) if w.name in tabs else _new_tab(book, w, ids) for w in wants]
    home = {key: plan for plan in plans if plan.want.datasets for key in plan.want.keys}
    over, kept = over or {}, kept or {}
    annotations: dict[tuple[str, str], Scalar | None] = {}
    left_alone: list[str] = []
    rows = _rows(plans, home.keys() | over.keys(), left_alone)
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
                if _key(plan.tab.at(row, plan.places[want.key])) != key:  # a key is put right before it goes anywhere
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


# --------------------------------------------------------------------------- columns


def _header(tab: Tab, want: Want) -> int | None:
    """The row of the titles: the one with most of them, if that is half of them, with the one of the key."""
    titles = [title.casefold() for title in want.columns]
    best, most = None, len(titles) // 2
    for number, cells in enumerate(tab.cells[:HEADER_WITHIN]):
        there = {_label(cell).casefold() for cell in cells}
        found = sum(title in there for title in titles)
        if found > most and (not want.datasets or titles[want.key] in there):
            best, most = number, found
    return best


def _label(cell: Scalar) -> str:
    return cell.strip() if isinstance(cell, str) else str(cell)


def _tab_plan(tab: Tab, want: Want, restore: bool) -> TabPlan:
    header = tab.titles.row if tab.titles else _header(tab, want) or 0
    plan = TabPlan(want, tab, header, setup=tab.table != want.name)
    labels = {number: _label(tab.at(header, number)) for number in range(plan.end)}
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


def _new_tab(book: Book, want: Want, ids: set[int]) -> TabPlan:
    number = next(number for number in count(1) if number not in ids)
    ids.add(number)
    taken = {title.casefold() for title in book.titles}
    titles = (want.name, *(f"{want.name} ({again})" for again in range(2, len(taken) + 3)))
    title = next(title for title in titles if title.casefold() not in taken)
    plan = TabPlan(want, Tab(number, title, rows=2, columns=0), header=0, setup=True, new=True)
    plan.places = [plan.make(title, own=True) for title in want.columns]
    plan.beside = {title: plan.make(title, own=False) for title in want.curators}
    return plan


# --------------------------------------------------------------------------- rows


def _rows(plans: Sequence[TabPlan], datasets: Collection[str], left_alone: list[str]) -> dict[str, dict[str, int]]:
    """tab -> key -> the row that is ours. Of a row that was copied the upper one is."""
    found: dict[str, dict[str, int]] = {plan.want.name: {} for plan in plans}
    others: dict[str, list[int]] = {plan.want.name: [] for plan in plans}
    copies: list[tuple[TabPlan, str, int]] = []
    for plan in plans:
        want, tab = plan.want, plan.tab
        place, mine = plan.places[want.key], found[want.name]
        for row in range(len(tab.cells)):
            key = _key(tab.at(row, place))
            if row == plan.header:
                continue
            if not key or (want.datasets and key not in datasets):
                others[want.name].append(row)
            elif key in mine:
                others[want.name].append(row)
                copies.append((plan, key, row))
            else:
                mine[key] = row
    _recognise(plans, found, others)
    for plan, key, row in copies:
        if row in others[plan.want.name]:
            left_alone.append(f"{plan.tab.title!r} has {key} again in row {row + 1}; the copy is left alone")
    return found


def _key(cell: Scalar) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def _recognise(plans: Sequence[TabPlan], found: Mapping[str, dict[str, int]], others: Mapping[str, list[int]]) -> None:
    """Rows of which somebody changed the key are known by the rest, and found. Where rows were sorted just while such
    a key was put right, it came to stand in another row; so a row that has little of what its key has is looked at
    as well."""
    for together in ([plan for plan in plans if plan.want.datasets], *([p] for p in plans if not p.want.datasets)):
        doubtful = [
            (plan, key, row) for plan in together for key, row in _doubtful(plan, found[plan.want.name], together)
        ]
        if not doubtful and not any(others[plan.want.name] for plan in together):
            continue
        for plan, key, _ in doubtful:
            del found[plan.want.name][key]
        there = {key for plan in together for key in found[plan.want.name]}
        missing = _Alike(together, lambda key, there=there: key not in there)  # type: ignore[misc]
        left = [(plan, key, row) for plan, key, row in doubtful if not missing.claim(plan, row, found)]
        bare = [(plan, key, row) for plan, key, row in left if not _filled(plan, row)]
        for plan, key, row in (one for one in left if one not in bare):
            _settle(plan, key, row, found, others, missing.taken)
        for plan in together:
            strange = others[plan.want.name]
            strange[:] = [row for row in strange if not missing.claim(plan, row, found)]
        for plan, key, row in bare:
            if not _settle(plan, key, row, found, others, missing.taken):
                plan.updates[row] = {plan.want.key: ""}


def _filled(plan: TabPlan, row: int) -> bool:
    """Whether there is anything in the columns of ours beside the key."""
    return any(plan.tab.at(row, place) != "" for n, place in enumerate(plan.places) if n != plan.want.key)


def _settle(
    plan: TabPlan,
    key: str,
    row: int,
    found: Mapping[str, dict[str, int]],
    others: Mapping[str, list[int]],
    taken: set[str],
) -> bool:
    """The row is what its key says, unless another one is."""
    if key in taken:
        others[plan.want.name].append(row)
        return False
    found[plan.want.name][key] = row
    taken.add(key)
    return True


def _doubtful(plan: TabPlan, rows: Mapping[str, int], together: Sequence[TabPlan]) -> Iterator[tuple[str, int]]:
    """Those rows in which two cells or more are otherwise than the dataset of their key has them, be its tab this one
    or another."""
    want, cells = plan.want, plan.tab.cells
    for other in (known.want for known in together):
        numbers = {key: number for number, key in enumerate(other.keys) if key in rows}
        places = dict(zip(want.columns, plan.places, strict=True))
        told = [
            (number, places[title])
            for number, title in enumerate(other.columns)
            if title in places and number != other.key and number not in other.clocks
        ]
        for key, number in numbers.items():
            there, wanted, otherwise = cells[rows[key]], other.rows[number], 0
            for n, place in told:
                otherwise += wanted[n] != (there[place] if place < len(there) else "")
            if otherwise > 1:
                yield key, rows[key]


class _Alike:
    """Which of these wanted rows a row is that is there, told by the cells that hardly any other has: a title or a
    path, not a state or an organism."""

    def __init__(self, plans: Iterable[TabPlan], which: Callable[[str], bool]) -> None:
        self.taken: set[str] = set()
        self.having: dict[tuple[str, Scalar], list[str]] = {}
        for plan in plans:
            want = plan.want
            told = [n for n in range(len(want.columns)) if n != want.key and n not in want.clocks]
            for key, cells in zip(want.keys, want.rows, strict=True):
                for number in told:
                    if cells[number] != "":
                        self.having.setdefault((want.columns[number], cells[number]), []).append(key)
        self.having = {cell: keys for cell, keys in self.having.items() if len(keys) < COMMON}
        self.filled = Counter(key for keys in self.having.values() for key in keys)
        self.wanted = {key for key in self.filled if which(key)}

    def claim(self, plan: TabPlan, row: int, found: Mapping[str, dict[str, int]]) -> bool:
        """Whether this row is one of them; then it is found."""
        if not self.wanted or (best := self.best(plan, row)) is None:
            return False
        found[plan.want.name][best] = row
        self.taken.add(best)
        return True

    def best(self, plan: TabPlan, row: int) -> str | None:
        """The one that most cells are of, if that is half of what it has, and no other has as many."""
        alike = Counter[str]()
        for title, place in zip(plan.want.columns, plan.places, strict=True):
            alike.update(self.having.get((title, plan.tab.at(row, place)), ()))
        (best, most), (_, next_best) = [*alike.most_common(2), ("", 0), ("", 0)][:2]
        alone = most > next_best and 2 * most >= self.filled[best]
        return best if alone and best in self.wanted and best not in self.taken else None


def _strays(plans: Sequence[TabPlan], home: Mapping[str, TabPlan], rows: Mapping[str, Mapping[str, int]]) -> None:
    """A row of the curators' own that was taken along in place of a dataset's, because rows were sorted at that very
    moment, goes back where it was: it has our cells of a dataset, but no key, and the dataset is still over there."""
    tabs = _by_name(plan for plan in plans if plan.want.datasets)
    for plan in tabs.values():
        away = {key: name for name in tabs for key in rows[name] if name != plan.want.name and home.get(key) is plan}
        if not away:
            continue
        alike = _Alike([plan], lambda key, away=away: key in away)  # type: ignore[misc]
        for row in range(len(plan.tab.cells)):
            if not _key(plan.tab.at(row, plan.places[plan.want.key])) and (key := alike.best(plan, row)):
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
        title = names.get(number) or _label(tab.at(plan.header, number))
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
