"""Curators work in the spreadsheet at the very moment it is published to, and requests fail.

Any sequence of that, and then one run that nobody disturbs: every cell of ours is right, every cell of the curators is
as they left it and stands beside the accession where they wrote it, no dataset is there twice, and none is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.overview import DISCOVER, TRACK
from app.domain.visit import Guestbook
from app.errors import OutputError
from app.outputs.google_sheets import client
from tests.outputs.google_sheets.tabs import Desk, table
from tests.servers.sheets import Fault, Request, SheetsServer, Tab, Ways

COLUMNS = ("Accession", "Status", "Location", "Title", "Organism", "Checked")
TITLES = (DISCOVER, TRACK)
OWNED = ("Mine", "Due")  # what the curators have from the beginning; `Mine` is never deleted

number = st.integers(0, 30)
Deed = tuple[str, int, int]
DEEDS = (
    *("insert_column", "move_column", "move_column", "delete_column", "insert_row", "insert_row", "row_on_top"),
    *("sort", "sort", "filter", "unfilter", "hide", "rename", "note", "colour", "formula", "write", "write", "write"),
    *("edit", "edit", "edit_title", "edit_accession"),
)
deeds: st.SearchStrategy[Deed] = st.tuples(st.sampled_from(DEEDS), number, number)
news = st.tuples(st.sampled_from(("new", "change", "change", "move", "move", "gone", "back")), number)
FAULTS = (
    Fault(status=429, retry_after=0), Fault(status=500), Fault(status=503), Fault(drop="before"), Fault(drop="after"),
    Fault(truncate=20), Fault(html=True, status=502), Fault(delay=0.01),
)  # fmt: skip


@dataclass(frozen=True)
class Round:
    """One run: what became of datasets before it; what the curators do before each of its requests; which request
    (by its number) meets which fault."""

    news: list[tuple[str, int]]
    deeds: list[list[Deed]]
    faults: list[tuple[int, int]]


rounds = st.builds(
    Round,
    news=st.lists(news, max_size=4),
    deeds=st.lists(st.lists(deeds, max_size=3), max_size=5),
    faults=st.lists(st.tuples(st.integers(0, 4), st.integers(0, len(FAULTS) - 1)), max_size=2),
)


@dataclass
class World:
    """What is true of the datasets, and what the curators did: (where, which column) -> the cell as they left it.
    Where is an accession, or the mark of a row of their own."""

    desk: Desk
    datasets: dict[str, tuple[str, str]] = field(default_factory=dict)  # accession -> tab ("" is gone), status
    cells: dict[tuple[str, str], Any] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)  # what they made of an accession
    names: dict[str, int] = field(default_factory=dict)  # tab -> its number in the spreadsheet
    filters: dict[str, Any] = field(default_factory=dict)
    count: int = 0

    def fresh(self, what: str) -> str:
        self.count += 1
        return f"{what}{self.count}"

    # ------------------------------------------------------------------- datasets

    def happens(self, what: str, which: int) -> None:
        known = sorted(self.datasets)
        if what == "new" or not known:
            self.datasets[self.fresh("E-MTAB-")] = (TITLES[which % 2], "a")
            return
        name = known[which % len(known)]
        where, status = self.datasets[name]
        if what == "change" and where:
            self.datasets[name] = (where, self.fresh("s"))
        elif what == "move" and where:
            self.datasets[name] = (TITLES[where == DISCOVER], status)
        elif what == "gone":
            self.datasets[name] = ("", status)
        elif what == "back" and not where:
            self.datasets[name] = (TITLES[which % 2], self.fresh("s"))

    def row(self, name: str) -> tuple[Any, ...]:
        status = self.datasets[name][1]
        return name, status, f"/nfs/{name}", f"Mice of {name}", "=mouse", datetime(2026, 1, 1, tzinfo=UTC)

    def publish(self) -> None:
        tables = [
            table(
                tab, *(self.row(n) for n, (where, _) in sorted(self.datasets.items()) if where == tab), columns=COLUMNS
            )
            for tab in TITLES
        ]
        gone = {name: datetime(2026, 1, 1, tzinfo=UTC) for name, (where, _) in self.datasets.items() if not where}
        self.desk.visit(*tables, book=Guestbook(gone))

    # ------------------------------------------------------------------- curators

    def tab(self, name: str) -> Tab:
        return Tab(self.desk.curator, self.names[name])

    def titles(self, tab: Tab) -> int:
        """The row of the titles."""
        return next(n for n, row in enumerate(tab.texts()) if "Mine" in row)

    def theirs(self, tab: Tab) -> list[str]:
        """Titles of the columns that are the curators'."""
        header = tab.texts()[self.titles(tab)]
        return [title for title in header if title and title not in COLUMNS and not title.startswith("ours")]

    def column(self, tab: Tab, title: str) -> int:
        return tab.texts()[self.titles(tab)].index(title)

    def ours(self, tab: Tab, title: str) -> int | None:
        """Where our column is, whatever its title reads now."""
        tagged = [
            one["location"]["dimensionRange"].get("startIndex", 0)
            for one in self.desk.curator.book.metadata
            if one["metadataKey"] == "ingest-tracker.column" and one["metadataValue"] == title
            and one["location"]["dimensionRange"].get("sheetId", 0) == tab.id
        ]  # fmt: skip
        return tagged[0] if tagged else None

    def where(self, tab: Tab, row: int) -> str:
        """Which dataset, or row of the curators' own, stands in this row."""
        place = self.ours(tab, "Accession")
        shown = tab.text(row, place) if place is not None else ""
        return self.aliases.get(shown, shown) or tab.text(row, self.column(tab, "Mine"))

    def rows(self, tab: Tab) -> list[int]:
        header = self.titles(tab)
        return [row for row in range(len(tab.texts())) if row > header and self.where(tab, row)]

    def do(self, deed: Deed) -> None:
        what, first, second = deed
        if not self.names:
            return
        name = TITLES[first % 2]
        tab = self.tab(name)
        header, rows, theirs = self.titles(tab), self.rows(tab), self.theirs(tab)
        width = max(map(len, tab.texts()))
        row = rows[second % len(rows)] if rows else None
        title = theirs[first % len(theirs)]
        if what == "insert_column":
            tab.insert_columns(second % (width + 1))
            tab.set(header, second % (width + 1), self.fresh("theirs"))
        elif what == "move_column":
            tab.move_columns(first % width, second % (width + 1)) if first % width != second % (width + 1) else None
        elif what == "delete_column" and title not in OWNED:
            tab.delete_columns(self.column(tab, title))
            self.cells = {at: cell for at, cell in self.cells.items() if at[1] != title or self.home(at[0]) != name}
        elif what == "insert_row":
            at = header + 1 + second % (len(rows) + 1)
            tab.insert_rows(at)
            mark = self.fresh("row")
            tab.set(at, self.column(tab, "Mine"), mark)
            self.keep(tab, at, "Mine")
        elif what == "row_on_top":
            tab.insert_rows(0)
        elif what == "sort":
            span = {"sheetId": tab.id, "startRowIndex": header + 1}
            tab._do("sortRange", range=span, sortSpecs=[{"dimensionIndex": second % width, "sortOrder": "DESCENDING"}])
        elif what == "filter":
            tab.set_filter()
        elif what == "unfilter":
            tab.clear_filter()
        elif what == "hide" and row:
            tab.hide_rows(row)
        elif what == "rename":
            tab.rename(self.fresh(name))
        elif what == "edit" and row:
            column = self.ours(tab, COLUMNS[1 + first % 4])
            if column is not None:
                tab.set(row, column, ("=1+1", "mine", "7", "")[second % 4])
        elif what == "edit_title":
            column = self.ours(tab, COLUMNS[1 + first % 4])
            if column is not None:
                tab.set(header, column, self.fresh("ours"))
        elif what == "edit_accession" and row and self.where(tab, row) in self.datasets:
            column = self.ours(tab, "Accession")
            if column is not None:
                alias, real = self.fresh("alias"), self.where(tab, row)
                self.aliases[alias] = real
                tab.set(row, column, alias)
        elif what in ("note", "colour", "formula", "write") and row and not (title == "Mine" and self.mark(tab, row)):
            column = self.column(tab, title)
            if what == "note":
                tab.set_note(row, column, self.fresh("note "))
            elif what == "colour":
                tab.colour(row, column, red=second / 31)
            else:
                tab.set(row, column, f"={second}+1" if what == "formula" else self.fresh("text "))
            self.keep(tab, row, title)

    def mark(self, tab: Tab, row: int) -> bool:
        return self.where(tab, row) not in self.datasets

    def home(self, where: str) -> str:
        """The tab in which it stands now, as far as anybody can see."""
        for name in TITLES:
            tab = self.tab(name)
            if any(self.where(tab, row) == where for row in self.rows(tab)):
                return name
        return ""

    def keep(self, tab: Tab, row: int, title: str) -> None:
        self.cells[self.where(tab, row), title] = tab.cell(row, self.column(tab, title))

    # ------------------------------------------------------------------- what must be true

    def check(self) -> None:
        shown: dict[str, tuple[str, int]] = {}
        for name in TITLES:
            tab = self.tab(name)
            for row in self.rows(tab):
                where = self.where(tab, row)
                assert where not in shown, f"{where} is there twice: {shown[where]} and {(name, row)}"
                shown[where] = name, row
        for accession, (home, _) in self.datasets.items():
            if home:
                assert shown.get(accession, ("nowhere", 0))[0] == home, f"{accession} is not where it belongs"
                tab, row = self.tab(home), shown[accession][1]
                for title, value in zip(COLUMNS[:5], self.row(accession), strict=False):
                    place = self.ours(tab, title)
                    assert place is not None
                    assert tab.cell(row, place).get("userEnteredValue") == {"stringValue": value}, (accession, title)
            elif accession in shown:
                tab, row = self.tab(shown[accession][0]), shown[accession][1]
                status, name = self.ours(tab, "Status"), self.ours(tab, "Accession")
                assert status is not None
                assert name is not None
                # of one that is gone nothing is left to know it by, if somebody changed its accession
                assert tab.text(row, status) == "gone" or tab.text(row, name) != accession
        for (where, title), cell in self.cells.items():
            assert where in shown, f"the row of {where} is lost, with {cell}"
            name, row = shown[where]
            assert self.tab(name).cell(row, self.column(self.tab(name), title)) == cell, (where, title)


@contextmanager
def world(unmatched: str) -> Iterator[World]:
    with TemporaryDirectory() as folder, SheetsServer(Ways(unmatched=unmatched)) as google:
        desk = Desk.of(google, Path(folder), datetime(2026, 11, 22, tzinfo=UTC), patience=30.0)
        known = World(desk)
        for number in range(4):
            known.happens("new", number)
        known.publish()
        for name in TITLES:
            tab = desk.curator.tab(name)
            known.names[name] = tab.id
            for title in OWNED:
                tab.insert_columns(len(tab.texts()[0]), 1, title)
        yield known


def played(known: World, told: list[Round]) -> None:
    google = known.desk.google
    for now in told:
        for one in now.news:
            known.happens(*one)
        waiting = [*now.deeds]

        def between(server: SheetsServer, request: Request, waiting: list[list[Deed]] = waiting) -> None:
            for deed in waiting.pop(0) if waiting and request.kind in ("read", "write") else ():
                known.do(deed)

        google.between = between
        for at, which in now.faults:
            google.fail(FAULTS[which], at=at)
        with suppress(OutputError):  # it says so, and the next run goes on
            known.publish()
        google.between = None
        google._planned.clear()
        known.publish()
        known.check()
        known.publish()
        assert google.log.writes == 0, "what is right is left alone"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.001)


ways = st.sampled_from(("refuse", "ignore"))
common = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


@settings(common, max_examples=30, derandomize=True)
@given(st.lists(rounds, min_size=1, max_size=3), ways)
def test_curators_lose_nothing_whatever_happens_at_once(told: list[Round], way: str) -> None:
    with world(way) as known:
        played(known, told)


@pytest.mark.long
@settings(common, max_examples=600)
@given(st.lists(rounds, min_size=1, max_size=4), ways)
def test_curators_lose_nothing_in_many_more_cases(told: list[Round], way: str) -> None:
    with world(way) as known:
        played(known, told)
