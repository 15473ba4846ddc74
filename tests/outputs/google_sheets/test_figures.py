"""What it costs, with 20,000 datasets: docs/google-sheet.md shows just this."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.overview import CHANGES, COLUMNS, DISCOVER, DUPLICATES, PROBLEMS, SUMMARY, TRACK, Cell, Table
from app.domain.visit import Guestbook
from tests.outputs.google_sheets.tabs import Desk, table

PAGE = Path(__file__).parents[3] / "docs" / "google-sheet.md"
MANY = 20_000
SAID = tuple(column.title for column in COLUMNS)
HALF = MANY // 2
START = datetime(2026, 1, 1, tzinfo=UTC)


def row(number: int, state: str) -> tuple[Cell, ...]:
    name = f"E-MTAB-{number}"
    files = f"/nfs/atlas/{name}/{name}"
    said: dict[str, Cell] = {
        "Accession": name, "Status": state, "Since": START + timedelta(minutes=number), "Tech Type": "bulk",
        "Web Link": f"https://www.ebi.ac.uk/gxa/experiments/{name}", "Discovery Location": f"/nfs/atlas/{name}",
        "Investigation Title": f"Transcription profiling of mouse liver after treatment number {number}",
        "Organism": "Mus musculus", "Secondary Accessions": f"ERP{number}; GSE{number}", "IDF": f"{files}.idf.txt",
        "SDRF": f"{files}.sdrf.txt", "Last Modified": START, "Atlas Eligibility": "PASS", "Eligibility Checked": START,
    }  # fmt: skip
    return tuple(said.get(title) for title in SAID)


class Site:
    """The six tables of a site; half of the datasets are in each of the two tabs."""

    def __init__(self) -> None:
        self.states = {number: "external" if number < HALF else "loading" for number in range(MANY)}
        self.gone: dict[str, datetime] = {}
        self.now = START

    def tables(self) -> tuple[Table, ...]:
        def datasets(tab: str, external: bool) -> Table:
            shown = (row(n, state) for n, state in self.states.items() if (state == "external") is external)
            made = table(tab, *shown, columns=SAID)
            checked = SAID.index("Eligibility Checked")
            rows = tuple((*cells[:checked], self.now, *cells[checked + 1 :]) for cells in made.rows)
            return replace(made, rows=rows, clocks=frozenset({"Eligibility Checked"}))

        counts = {state: list(self.states.values()).count(state) for state in ("external", "loading", "analysing")}
        summary: list[Sequence[Cell]] = [("State", name, count, None) for name, count in counts.items()]
        summary.append(("Source", "loading", MANY, self.now))
        return (
            replace(named(SUMMARY, ("Section", "Name", "Now", "Last Read"), summary), clocks=frozenset({"Last Read"})),
            datasets(DISCOVER, external=True),
            datasets(TRACK, external=False),
            named(CHANGES, ("When", "Accession"), [(START, f"E-MTAB-{n}") for n in range(2_000)]),
            named(
                DUPLICATES, ("Group", "Accessions"), [(f"E-MTAB-{n}", f"E-MTAB-{n}; E-GEOD-{n}") for n in range(500)]
            ),
            named(PROBLEMS, ("Severity", "Message"), [("warning", f"something {n}") for n in range(1_000)]),
        )

    def later(self) -> Site:
        """The next run: all has been looked at again."""
        self.now += timedelta(hours=8)
        return self

    def become(self, state: str, numbers: range) -> Site:
        self.states |= dict.fromkeys(numbers, state)
        return self

    def lose(self, numbers: range) -> Site:
        for number in numbers:
            del self.states[number]
            self.gone[f"E-MTAB-{number}"] = START
        return self


def named(name: str, columns: tuple[str, ...], rows: Sequence[Sequence[Cell]]) -> Table:
    return Table(name, columns, tuple(map(tuple, rows)), keys=tuple("/".join(map(str, cells[:2])) for cells in rows))


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int, int]]:
    """scenario -> reads, writes, cells; one after the other in the same spreadsheet, in which curators have notes."""
    from tests.servers.sheets import SheetsServer

    site, told = Site(), {}
    with SheetsServer() as google:
        desk = Desk.of(google, tmp_path_factory.mktemp("figures"), START, patience=300.0)

        def visit(scenario: str) -> None:
            desk.visit(*site.tables(), book=Guestbook(site.gone))
            told[scenario] = desk.asked()
            assert max(int(request.headers.get("content-length", 0)) for request in google.log) < 2_000_000

        visit("first publication")
        for tab in (DISCOVER, TRACK):
            notes = desk.curator.tab(tab)
            notes.insert_columns(len(notes.headers()), 1, "Notes")
            notes.set(1, "Notes", "mine")
        site.later()
        visit("nothing changed")
        site.later().become("analysing", range(HALF, HALF + 1))
        visit("one dataset changed its state")
        site.later().become("loading", range(HALF, HALF + 1000))
        site.become("analysing", range(HALF, HALF + 1000))
        visit("1,000 datasets changed their state")
        site.later().become("loading", range(MANY, MANY + 100))
        visit("100 new datasets")
        site.later().become("loading", range(100))
        visit("100 datasets went from Discover to Track")
        site.later().lose(range(MANY - 100, MANY))
        visit("100 datasets are gone")
        site.later()
        visit("nothing changed again")
    return told


def test_an_unchanged_overview_is_read_and_never_written(figures: dict[str, tuple[int, int, int]]) -> None:
    for scenario in ("nothing changed", "nothing changed again"):
        assert figures[scenario] == (2, 0, 0)


def test_a_change_takes_at_most_two_reads_and_two_writes(figures: dict[str, tuple[int, int, int]]) -> None:
    changed = {name: told for name, told in figures.items() if name != "first publication"}
    assert [name for name, (reads, writes, _) in changed.items() if reads > 2 or writes > 2] == []


def test_only_what_changed_is_written(figures: dict[str, tuple[int, int, int]]) -> None:
    clocks = 1  # the Summary's
    # its state, when that was checked, two counts of the Summary
    assert figures["one dataset changed its state"][2] == 1 + 1 + 2 + clocks
    assert figures["1,000 datasets changed their state"][2] == 999 * 2 + 2 + clocks


def test_the_page_tells_these_figures(figures: dict[str, tuple[int, int, int]]) -> None:
    lines = ["| | reads | writes | cells written |", "|---|---|---|---|"]
    lines += [f"| {name} | {reads} | {writes} | {cells:,} |" for name, (reads, writes, cells) in figures.items()]
    told = re.search(r"<!-- figures -->\n(.*?)<!-- end -->", PAGE.read_text(), re.DOTALL)
    assert told
    assert told[1] == "\n".join(lines) + "\n", "\n".join(lines)
