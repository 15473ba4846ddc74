"""Whatever stands in files and databases lands in the sheet as plain, harmless text, and comes back as it was."""

from __future__ import annotations

import pytest

from app.domain.overview import TRACK
from app.outputs.google_sheets.want import LONGEST
from tests.outputs.google_sheets.tabs import Desk, table

HOSTILE = {
    "a formula that fetches": '=IMPORTXML("https://example.org", "//a")',
    "a formula that opens": '=HYPERLINK("https://example.org?"&A1, "click")',
    "plus": "+1",
    "minus": "-1+2",
    "at": "@SUM(A1)",
    "full width": "＝1+1",  # noqa: RUF001
    "tab": "\t=1+1",
    "leading apostrophe": "'=1+1",
    "looks like a number": "007",
    "looks like a date": "2026-11-22",
    "looks like true": "TRUE",
    "lines": "one\ntwo\n",
    "right to left": "\u202eabc\u202c مرحبا",
    "emoji": "👩‍🔬 🧬",
    "blanks": "  x  ",
    "markup": "<b>bold</b> &amp;",
    "quotes": "a \"b\" 'c'",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_it_is_text_and_nothing_else(desk: Desk, text: str) -> None:
    desk.visit(table(TRACK, ("E-MTAB-1", "loading", "first")))
    told = table(TRACK, ("E-MTAB-1", "loading", text), ("E-MTAB-2", text, text))
    desk.visit(told)
    tab = desk.curator.tab(TRACK)
    for row, column in ((1, "Title"), (2, "Title"), (2, "Status")):
        assert tab.cell(row, column)["userEnteredValue"] == {"stringValue": text}
        assert "textFormatRuns" not in tab.cell(row, column)
    desk.visit(told)
    assert desk.asked() == (2, 0, 0), "what it reads like does not make it look changed"


@pytest.mark.parametrize("text", ["nul\0nul", "bell\a", "half \ud83d", "bytes \udce9"])
def test_what_no_sheet_takes_is_replaced(desk: Desk, text: str) -> None:
    told = table(TRACK, ("E-MTAB-1", "loading", text))
    desk.visit(told)
    shown = desk.curator.tab(TRACK).text(1, "Title")
    assert shown.startswith(text.split()[0][:3])
    assert shown.isprintable()
    desk.visit(told)
    assert desk.asked()[1] == 0


@pytest.mark.parametrize("length", [LONGEST, LONGEST + 1, 60_000])
def test_what_is_longer_than_a_cell_is_cut(desk: Desk, length: int) -> None:
    told = table(TRACK, ("E-MTAB-1", "loading", "x" * length))
    desk.visit(told)
    shown = desk.curator.tab(TRACK).text(1, "Title")
    assert len(shown) == LONGEST
    assert shown.endswith("(cut)") is (length > LONGEST)
    desk.visit(told)
    assert desk.asked()[1] == 0


def test_an_address_is_a_link_and_reads_as_it_is(desk: Desk) -> None:
    address = "https://www.ebi.ac.uk/gxa/experiments/E-MTAB-1?a=1&b=%20"
    desk.visit(table(TRACK, ("E-MTAB-1", "loading", address), ("E-MTAB-2", "loading", f"see {address}")))
    tab = desk.curator.tab(TRACK)
    assert tab.cell(1, "Title")["textFormatRuns"] == [{"format": {"link": {"uri": address}}}]
    assert tab.text(1, "Title") == address
    assert "textFormatRuns" not in tab.cell(2, "Title")
    desk.visit(table(TRACK, ("E-MTAB-1", "loading", "no more"), ("E-MTAB-2", "loading", f"see {address}")))
    assert "textFormatRuns" not in tab.cell(1, "Title")
