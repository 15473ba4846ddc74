from __future__ import annotations

import re
import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from app.domain.details import Overview
from app.domain.overview import Cell, Layout, Table, View, tables
from app.errors import OutputError
from app.outputs.xlsx_file import XlsxFile, as_xlsx, sheet_names
from tests.domain.builders import noted

LONDON = ZoneInfo("Europe/London")
SUMMARY = Table("Summary", ("Name", "Now"), (("loading", 2), ("published", 0)))
STATES = ("incoming", "loading", "published")
TRACK = Table("Track Ingested Experiments", ("Accession", "Status"), (("E-MTAB-1", "loading"), ("E-MTAB-2", "")))
PLAIN, WINTER, SUMMER = "General", 'yyyy-mm-dd hh:mm:ss" +00:00"', 'yyyy-mm-dd hh:mm:ss" +01:00"'


def workbook(*tables: Table) -> bytes:
    return b"".join(as_xlsx(Overview(tables, states=STATES), LONDON))


def opened(*tables: Table) -> Any:
    return openpyxl.load_workbook(BytesIO(workbook(*tables)))


def written(cell: Cell) -> Any:
    """The cell as a reader finds it."""
    return opened(Table("T", ("title",), ((cell,),)))["T"]["A2"]


def part(book: bytes, name: str) -> str:
    return zipfile.ZipFile(BytesIO(book)).read(name).decode()


@pytest.mark.parametrize(
    ("cell", "kind", "value", "shown"),
    [
        ("E-MTAB-1", "s", "E-MTAB-1", PLAIN),
        ("données 細胞 😀", "s", "données 細胞 😀", PLAIN),
        ("12", "s", "12", PLAIN),
        ("2030-01-02", "s", "2030-01-02", PLAIN),
        ("  <b> & two\nlines ", "s", "  <b> & two\nlines ", PLAIN),
        ("_x0041_", "s", "_x0041_", PLAIN),
        ("line\r\nends\r", "s", "line\nends\n", PLAIN),
        ("caf\udce9.idf.txt", "s", r"caf\udce9.idf.txt", PLAIN),
        ("a\0b\x1bc\ufffe\uffff", "s", "a\ufffdb\ufffdc\ufffd\ufffd", PLAIN),
        (None, "n", None, PLAIN),
        ("", "n", None, PLAIN),
        (0, "n", 0, PLAIN),
        (-3, "n", -3, PLAIN),
        (-2.5, "n", -2.5, PLAIN),
        (float("nan"), "s", "nan", PLAIN),
        (True, "b", True, PLAIN),
        (False, "b", False, PLAIN),
        (datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC), "d", datetime(2030, 1, 2, 3, 4, 5), WINTER),
        (datetime(2030, 7, 2, 23, 4, 5, tzinfo=UTC), "d", datetime(2030, 7, 3, 0, 4, 5), SUMMER),
        (datetime(1601, 1, 1, tzinfo=UTC), "s", "1600-12-31T23:58:45-00:01:15", PLAIN),
    ],
)
def test_what_a_cell_becomes(cell: Cell, kind: str, value: object, shown: str) -> None:
    """Text is never taken for a number or a date; dates are dates, in the site's zone, which they show."""
    found = written(cell)
    assert (found.data_type, found.value, found.number_format) == (kind, value, shown)


def test_a_time_at_the_end_of_the_calendar_is_shown_in_utc_where_the_zone_has_none() -> None:
    last = datetime(9999, 12, 31, 23, 30, tzinfo=UTC)
    cell = next(as_xlsx(Overview((Table("T", ("title",), ((last,),)),)), ZoneInfo("Europe/Athens")))
    found: Any = openpyxl.load_workbook(BytesIO(cell))["T"]["A2"]
    assert (found.value, found.number_format) == (datetime(9999, 12, 31, 23, 30), WINTER)


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])  # noqa: RUF001
def test_text_that_a_spreadsheet_would_run_is_text_as_it_is_and_stays_text_when_it_is_edited(first: str) -> None:
    text = f"{first}HYPERLINK(1)"
    kept = text.replace("\r", "\n")
    sheet = opened(Table("T", (text,), ((text,),)))["T"]
    assert [(cell.data_type, cell.value, cell.quotePrefix) for (cell,) in sheet] == [("s", kept, True)] * 2


def test_harmless_text_has_no_quote_prefix_and_no_cell_a_formula() -> None:
    assert not written("E=1").quotePrefix
    book = workbook(Table("T", ("=1", "{=1}"), (("=1+1", "{=SUM(A1:A2)}"),)))
    assert "<f>" not in part(book, "xl/worksheets/sheet1.xml")


def test_what_curators_have_in_columns_of_their_own_is_of_its_type_and_no_formula() -> None:
    found = noted({"=Notes": "=1+1", "Hold": True}, {"=Notes": -1.5}, {"=Notes": "1"})
    sheet = opened(tables(View(found), Layout(curators=("=Notes", "Hold")))[2])["Track Ingested Experiments"]
    columns, *rows = [[(cell.data_type, cell.value, cell.quotePrefix) for cell in row[-2:]] for row in sheet.rows]
    empty = ("n", None, False)
    assert columns == [("s", "=Notes", True), ("s", "Hold", False)]
    assert rows == [[("s", "=1+1", True), ("b", True, False)], [("n", -1.5, False), empty], [("s", "1", False), empty]]


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("https://www.example.org/gxa/experiments/E-MTAB-1", True),
        ("http://example.org/?a=1&b=%20#part", True),
        ("ftp://ftp.example.org/pub/", True),
        ("https://example.org/" + "x" * 2059, True),
        ("https://example.org/" + "x" * 2060, False),
        ("https://example.org/ and more", False),
        ("https://example.org/100%", False),
        ("see https://example.org/", False),
        ("/nfs/place/E-MTAB-1", False),
        ("file:///etc/passwd", False),
        ("javascript://example.org/%0aalert(1)", False),
        ("internal:Sheet!A1", False),
    ],
)
def test_addresses_are_links_and_all_else_is_text(text: str, linked: bool) -> None:
    found = written(text)
    link = found.hyperlink and "#".join(filter(None, (found.hyperlink.target, found.hyperlink.location)))
    assert (found.value, link) == (text, text if linked else None)


def test_a_sheet_has_no_more_links_than_excel_takes(recwarn: pytest.WarningsRecorder) -> None:
    links = Table("Links", ("Web Link",), tuple((f"https://example.org/{n}",) for n in range(65_531)))
    book = workbook(links, TRACK)
    assert part(book, "xl/worksheets/sheet1.xml").count("<hyperlink ") == 65_530
    assert "<t>https://example.org/65530</t>" in part(book, "xl/sharedStrings.xml")
    assert not recwarn.list


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x" * 32_767, "x" * 32_767),
        ("x" * 32_768, "x" * 32_759 + " … (cut)"),
        ("😀" * 16_384, "😀" * 16_379 + " … (cut)"),
    ],
    ids=["fits", "one too many", "two units each"],
)
def test_text_that_no_cell_holds_is_cut_with_a_mark(text: str, kept: str) -> None:
    assert written(text).value == kept


def test_a_sheet_has_a_frozen_header_a_filter_and_columns_as_wide_as_what_is_in_them() -> None:
    sheet = opened(Table("T", ("Id", "Title", "Since"), (("E-MTAB-1234", "x" * 500, datetime.now(UTC)),)))["T"]
    assert [cell.font.bold for cell in sheet[1]] == [True] * 3
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:C2")
    assert [round(sheet.column_dimensions[column].width) for column in "ABC"] == [12, 61, 27]


def test_states_have_colours_that_tell_how_far_they_are() -> None:
    sheet = opened(SUMMARY, TRACK)["Track Ingested Experiments"]
    ((where, rules),) = [(str(found.sqref), found.rules) for found in sheet.conditional_formatting]
    assert where == "B2:B3"
    assert [rule.formula for rule in rules] == [['"incoming"'], ['"loading"'], ['"published"']]
    assert [rule.dxf.fill.bgColor.rgb for rule in rules] == ["FFF4C2F4", "FFC2DBF4", "FFC2F4C2"]


def test_rows_that_curators_have_dealt_with_are_grey_and_slanted_whatever_is_in_them() -> None:
    cells = ("=1", "text", "https://example.org/1", 2, True, datetime(2030, 1, 1, tzinfo=UTC))
    table = Table("T", tuple("abcdef"), (cells, cells), muted=frozenset({1}))
    _, *rows = opened(table)["T"].rows
    looks = [{(cell.font.italic, cell.font.color.rgb if cell.font.i else "") for cell in row} for row in rows]
    assert looks == [{(False, "")}, {(True, "FF595959")}]
    shown = [[(cell.value, cell.number_format, cell.quotePrefix, bool(cell.hyperlink)) for cell in row] for row in rows]
    assert shown[0] == shown[1]


def test_where_no_state_is_shown_nothing_is_coloured() -> None:
    assert not any(sheet.conditional_formatting for sheet in opened(SUMMARY, Table("Track", ("Status",), ())))


@pytest.mark.parametrize(
    ("names", "sheets"),
    [
        (["Summary", "Changes"], ["Summary", "Changes"]),
        (["a[b]c:d*e?f/g\\h\ni"], ["a_b_c_d_e_f_g_h_i"]),
        (["'quoted'", "", "  ", "\0"], ["quoted", "Sheet", "Sheet (2)", "\ufffd"]),
        (["x" * 40, "X" * 40, "x" * 31], ["x" * 31, "X" * 27 + " (2)", "x" * 27 + " (3)"]),
        (["x" * 30 + "' and so on"], ["x" * 30]),
        (["😀" * 16], ["😀" * 15]),
        (["History"], ["History (2)"]),
    ],
)
def test_the_names_of_sheets_are_legal_and_differ(names: list[str], sheets: list[str]) -> None:
    assert sheet_names(names) == sheets
    assert opened(*(Table(name, ("title",), ()) for name in names)).sheetnames == sheets


def test_sheets_come_in_the_order_of_the_tables(tmp_path: Path) -> None:
    where = XlsxFile(tmp_path / "made for me", LONDON).publish(Overview((TRACK, SUMMARY)))
    assert where == str(tmp_path / "made for me" / "overview.xlsx")
    assert openpyxl.load_workbook(where).sheetnames == [TRACK.name, SUMMARY.name]
    assert len([*Path(where).parent.iterdir()]) == 1


def test_more_rows_than_a_sheet_takes_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    long = Table("Long", ("Accession",), (("E-MTAB-1",),) * 1_048_576)
    rows = "Long has 1,048,576 rows, and a sheet takes 1,048,575"
    with pytest.raises(OutputError, match=rf"^cannot write .*/overview\.xlsx: {rows}; [^\n]*$"):
        XlsxFile(tmp_path / "out", LONDON).publish(Overview((TRACK, long)))
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_the_old_workbook(tmp_path: Path) -> None:
    output = XlsxFile(tmp_path, LONDON)
    before = Path(output.publish(Overview((TRACK,)))).read_bytes()
    (tmp_path / ".overview.xlsx.new").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"overview.xlsx: No space left on device; free some space"):
        output.publish(Overview((SUMMARY,)))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"overview.xlsx": before}


def test_equal_tables_give_equal_bytes_whenever_they_are_written(tmp_path: Path) -> None:
    """So an unchanged workbook stays as it is. No time of writing stands in it."""
    output = XlsxFile(tmp_path, LONDON)
    file = Path(output.publish(Overview((SUMMARY, TRACK), datetime(2030, 1, 1, tzinfo=UTC))))
    before = file.stat()
    output.publish(Overview((SUMMARY, TRACK), datetime(2030, 1, 2, tzinfo=UTC)))
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert {info.date_time for info in zipfile.ZipFile(file).infolist()} == {(1980, 1, 1, 0, 0, 0)}
    properties = part(file.read_bytes(), "docProps/core.xml")
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", properties)) == {"2000-01-01T00:00:00Z"}
