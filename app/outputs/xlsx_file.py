"""The whole overview as one Excel workbook, a sheet a table.

No cell is a formula. Each states its type in the file, and where that is text, Excel looks for no formula in it,
however it begins; so nothing needs to stand before it, and an apostrophe there would be seen. But when a person goes
into the cell and presses Enter, Excel reads its text as if it were typed then. So text that begins as FORMULA says
also has the quote prefix, which is what Excel makes of an apostrophe that is typed first: the text is shown and held
as it is, and stays text. (Excel loses both when it saves a sheet as CSV: the output csv_files is for that.)

Equal tables give equal bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from app.domain.details import Overview
from app.domain.overview import Cell, Table
from app.errors import OutputError
from app.outputs import lines
from app.outputs.cells import FORMULA, colours, cut, local, plain
from app.outputs.files import replace_files

# What Excel takes ("Excel specifications and limits"). It counts UTF-16 units.
MOST_ROWS = 1_048_575  # below the header
MOST_LINKS = 65_530  # in a sheet
LONGEST_LINK, LONGEST_TEXT, LONGEST_NAME = 2_079, 32_767, 31

CUT = " … (cut)"
CREATED = datetime(2000, 1, 1, tzinfo=UTC)  # what every workbook says, so that equal ones are equal
NARROWEST, WIDEST = 8, 60  # columns, in characters
MUTED = {"italic": True, "font_color": "#595959"}  # rows that curators have dealt with; legible on the states' colours

_LINK = re.compile(r"(?:https?|ftp)://(?:[!#$&-;=?-Z_a-z~]|%[0-9A-Fa-f]{2})+")  # what needs no escape
_NO_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # XML 1.0, section 2.2
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\\n]")


FILE = "overview.xlsx"


class XlsxFile:
    """`overview.xlsx` in the folder."""

    name = "xlsx_file"
    tells_details = False

    def __init__(self, out: Path, time_zone: tzinfo) -> None:
        self.out, self.time_zone = out, time_zone

    def publish(self, overview: Overview) -> str:
        path = self.out / FILE
        for table in overview.tables:
            if len(table.rows) > MOST_ROWS:
                what = f"{table.name} has {len(table.rows):,} rows, and a sheet takes {MOST_ROWS:,}"
                raise OutputError(self.name, f"cannot write {path}: {what}; publish as csv_files or json instead")
        replace_files(self.name, self.out, {FILE: as_xlsx(overview, self.time_zone)})
        lines.remember_whole(self.name, self.out, overview, FILE)
        return str(path)

    def refresh(self, overview: Overview) -> str | None:
        memory = lines.remembered(self.name, self.out, overview)
        left = memory is not None and lines.left_as_it_is(self.name, self.out, overview, memory)
        return str(self.out / FILE) if left else None


def as_xlsx(overview: Overview, time_zone: tzinfo) -> Iterator[bytes]:
    """The workbook, in one piece."""
    from xlsxwriter import Workbook  # type: ignore[import-untyped]

    file = BytesIO()
    # 20,000 rows of 27 cells take 4 s and 150 MiB. With constant_memory they take 4 s and 20 MiB; but then text stands
    # in the sheets and not in a table of its own, and Numbers and the previews of phones show such cells as empty.
    book = Workbook(file, {"in_memory": True})
    book.set_properties({"created": CREATED})
    form = cache(lambda **properties: book.add_format(properties))
    shades = colours(overview.states)
    for name, table in zip(sheet_names(table.name for table in overview.tables), overview.tables, strict=True):
        _Sheet(book.add_worksheet(name), form, time_zone).fill(table, shades)
    book.close()
    yield file.getvalue()


def sheet_names(names: Iterable[str]) -> list[str]:
    """The names as Excel takes them: short enough, without what it forbids in them, no two equal but for case, and
    none that is `History`, which it keeps for itself."""
    given: dict[str, str] = {"history": ""}
    for name in names:
        bare = _NOT_IN_NAMES.sub("_", _fit(name)).strip(" '") or "Sheet"
        mark, number = "", 1
        while (legal := cut(bare, LONGEST_NAME - len(mark)).rstrip(" '") + mark).lower() in given:
            number += 1
            mark = f" ({number})"
        given[legal.lower()] = legal
    return [*given.values()][1:]


class _Sheet:
    """One sheet while it is written. `form` gives the cell format that has these properties. Cells are written by
    the methods of their type alone: xlsxwriter's `write` would guess, and make formulas of some text."""

    def __init__(self, sheet: Any, form: Callable[..., Any], time_zone: tzinfo) -> None:
        self.sheet, self.form, self.time_zone, self.links = sheet, form, time_zone, 0

    def fill(self, table: Table, colours: dict[str, str]) -> None:
        widths = [self._text(0, column, title, bold=True) + 3 for column, title in enumerate(table.columns)]
        for row, cells in enumerate(table.rows, start=1):
            look = MUTED if row - 1 in table.muted else {}
            for column, cell in enumerate(cells):
                widths[column] = max(widths[column], self._cell(row, column, cell, look))
        for column, width in enumerate(widths):
            self.sheet.set_column(column, column, min(max(width, NARROWEST), WIDEST))
        self.sheet.freeze_panes(1, 0)
        self.sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
        if "Status" in table.columns and table.rows:
            self._colour(table.columns.index("Status"), len(table.rows), colours)

    def _cell(self, row: int, column: int, cell: Cell, look: Mapping[str, Any]) -> int:
        """Writes it; returns how many characters it shows."""
        if isinstance(cell, datetime) and (moment := local(cell, self.time_zone)).year >= 1900:
            shown = moment.isoformat(sep=" ")
            form = self.form(num_format=f'yyyy-mm-dd hh:mm:ss" {shown[19:]}"', **look)  # no date of Excel has a zone
            self.sheet.write_datetime(row, column, moment.replace(tzinfo=None), form)
            return len(shown) + 1
        value = plain(cell, self.time_zone)
        if isinstance(value, bool):
            self.sheet.write_boolean(row, column, value, self._form(look))
        elif isinstance(value, int | float) and math.isfinite(value):
            self.sheet.write_number(row, column, value, self._form(look))
        elif value is not None and value != "":
            return self._text(row, column, str(value), **look)
        return len(str(value or ""))

    def _form(self, properties: Mapping[str, Any]) -> Any:
        return self.form(**properties) if properties else None

    def _text(self, row: int, column: int, text: str, **properties: Any) -> int:
        text = cut(_fit(text), LONGEST_TEXT, CUT)
        if FORMULA.match(text):
            properties["quote_prefix"] = True
        if len(text) <= LONGEST_LINK and self.links < MOST_LINKS and _LINK.fullmatch(text):
            self.links += 1
            self.sheet.write_url(row, column, text, self._form(properties))
        else:
            self.sheet.write_string(row, column, text, self._form(properties))
        return len(text)

    def _colour(self, column: int, last: int, colours: dict[str, str]) -> None:
        for state, colour in colours.items():
            rule = {"type": "cell", "criteria": "==", "value": f'"{state}"', "format": self.form(bg_color=colour)}
            self.sheet.conditional_format(1, column, last, column, rule)


def _fit(text: str) -> str:
    """With U+FFFD for what XML cannot hold, and line ends as Excel has them in a cell."""
    if text.isprintable():
        return text
    return _NO_XML.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
