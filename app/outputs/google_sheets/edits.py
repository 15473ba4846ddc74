"""What is to be done to a spreadsheet: a plan is one tab after the other, and no request yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.domain.model import Scalar
from app.domain.visit import Difference
from app.outputs.google_sheets.grid import Book, Tab
from app.outputs.google_sheets.want import Want

AsRead = Mapping[tuple[str, str], Scalar | None]
"""(dataset, column) -> what curators have there now; None: nothing."""


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
    annotations: AsRead
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
