"""What the tabs should hold: tables, in the values that a spreadsheet has."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from app.domain.model import Scalar
from app.domain.overview import COLUMN_NAMES, Cell, Table
from app.outputs.cells import cut, local, plain

LONGEST = 50_000
"""Characters a cell ("Files you can store in Google Drive"); Google counts UTF-16 units."""

CUT = " … (cut)"
KEY = "Row Key"
"""The column, hidden, that tells the rows of tabs that are not of datasets."""

EPOCH = datetime(1899, 12, 30)  # Sheets API v4, "Date & time values"
SECOND = 1 / 86_400

LINK = re.compile(r"https?://[!#$&-;=?-Z_a-z~%]+")
_NO_TEXT = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Want:
    """One tab as it should be. `columns`: the titles of ours, of which the one at `key` tells the rows apart;
    `dates` and `clocks` are numbers of columns. `mark`: the one that says of a row that it is over. `datasets`:
    whether its rows are datasets, which go from tab to tab and are never deleted."""

    name: str
    columns: tuple[str, ...]
    key: int
    keys: tuple[str, ...]
    rows: Sequence[Sequence[Scalar]]
    dates: frozenset[int] = frozenset()
    clocks: frozenset[int] = frozenset()
    mark: int | None = None
    curators: tuple[str, ...] = ()
    datasets: bool = False
    travels: bool = False
    """whether all cells of a row come along when it comes here, not only the curators'"""


MARKS = ("Status", "Severity", "Certain")
"""Columns, the first of which that a tab has says that what stood in a row is over."""


def want_of(table: Table, time_zone: tzinfo) -> Want:
    datasets = table.name in COLUMN_NAMES
    shown = [number for number, column in enumerate(table.columns) if column not in table.curators]
    columns = [table.columns[number] for number in shown]
    rows = [[scalar(row[number], time_zone) for number in shown] for row in table.rows]
    if datasets and table.identity in columns:
        key = columns.index(table.identity)
    else:
        key = len(columns)
        columns.append(KEY)
        for cells, name in zip(rows, table.keys, strict=True):
            cells.append(name)
    return Want(
        name=table.name,
        columns=tuple(columns),
        key=key,
        keys=table.keys,
        rows=rows,
        dates=frozenset(
            place for place, number in enumerate(shown) if any(isinstance(row[number], datetime) for row in table.rows)
        ),
        clocks=frozenset(columns.index(clock) for clock in table.clocks if clock in columns),
        mark=next((columns.index(mark) for mark in MARKS if mark in columns), None),
        curators=table.curators,
        datasets=datasets,
    )


def scalar(cell: Cell, time_zone: tzinfo) -> Scalar:
    """A cell's value: a date is the number of days since EPOCH, in the site's time zone, and what a spreadsheet
    cannot hold is text; nothing is empty text. What is longer than a cell ends with a mark."""
    if isinstance(cell, datetime) and (moment := local(cell, time_zone)).year >= 1900:
        return (moment.replace(tzinfo=None) - EPOCH).total_seconds() * SECOND
    value = plain(cell, time_zone)
    if isinstance(value, bool) or (isinstance(value, int | float) and math.isfinite(value)):
        return value
    return "" if value is None else text(str(value))


def text(value: str) -> str:
    if not value.isprintable():
        value = _NO_TEXT.sub("\ufffd", value.replace("\r\n", "\n").replace("\r", "\n"))
    return cut(value, LONGEST, CUT)


def same(one: Scalar, other: Scalar) -> bool:
    """Whether a cell that holds the one holds the other already. Numbers may differ by what is lost on the way of
    a time; text that looks like something else may come back with the apostrophe that keeps it text."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, str) or isinstance(other, str):
        return one == other or (isinstance(one, str) and isinstance(other, str) and one == f"'{other}")
    return math.isclose(one, other, rel_tol=1e-12, abs_tol=SECOND / 100)
