"""What is in a table becomes what a spreadsheet's cells hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.domain.model import Scalar
from app.domain.overview import PROBLEMS, SUMMARY, TRACK, Cell, Table
from app.outputs.google_sheets.want import CUT, KEY, LONGEST, same, scalar, want_of

PARIS = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (None, ""),
        ("", ""),
        ("E-MTAB-1", "E-MTAB-1"),
        ("=IMPORTXML(1)", "=IMPORTXML(1)"),
        ("'quoted", "'quoted"),
        ("+1", "+1"),
        (" a\r\nb\rc ", " a\nb\nc "),
        ("nul\0 bell\a", "nul\ufffd bell\ufffd"),
        ("half \udce9", "half \\udce9"),
        ("\u202eright to left\u202c 😀", "\u202eright to left\u202c 😀"),
        (3, 3),
        (0.5, 0.5),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (True, True),
        (False, False),
        (datetime(1899, 12, 30, 23, tzinfo=UTC), "1899-12-31T00:00:00+01:00"),
        (datetime(1900, 1, 1, tzinfo=UTC), 2 + 1 / 24),
        (datetime(2026, 11, 22, 11, 0, 0, 999, tzinfo=UTC), 46348.5),
    ],
)
def test_a_cell_becomes_a_value_of_its_type(cell: Cell, value: Scalar) -> None:
    made = scalar(cell, PARIS)
    assert type(made) is type(value)
    assert made == pytest.approx(value, abs=1e-9) if isinstance(value, float) else made == value


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_a_cell_that_is_too_long_ends_with_a_mark_within_what_google_takes(letter: str) -> None:
    made = scalar(letter * 60_000, UTC)
    assert isinstance(made, str)
    assert made.endswith(CUT)
    assert LONGEST - 2 < len(made.encode("utf-16-le")) / 2 <= LONGEST
    longest = letter * (LONGEST // len(letter.encode("utf-16-le")) * 2)
    assert scalar(longest, UTC) == longest


@pytest.mark.parametrize(
    ("there", "wanted", "alike"),
    [
        ("a", "a", True),
        ("a", "A", False),
        ("5", 5, False),
        (5, "5", False),
        (5, 5.0, True),
        (True, 1, False),
        (1, True, False),
        (True, True, True),
        ("", "", True),
        ("", 0, False),
        ("'=1+1", "=1+1", True),
        ("=1+1", "'=1+1", False),
        (46348.5, 46348.5 + 1e-9, True),
        (46348.5, 46348.5 + 1 / 86_400, False),
    ],
)
def test_what_need_not_be_written_again(there: Scalar, wanted: Scalar, alike: bool) -> None:
    assert same(there, wanted) is alike


def test_a_tab_of_datasets_is_keyed_by_the_column_that_shows_them() -> None:
    rows: tuple[tuple[Cell, ...], ...] = (("x", "E-MTAB-1", datetime(2026, 1, 1, tzinfo=UTC)), ("y", "E-MTAB-2", None))
    table = Table(
        TRACK, ("Notes", "Dataset", "Checked"), rows, ("E-MTAB-1", "E-MTAB-2"), ("E-MTAB-1", "E-MTAB-2"),
        identity="Dataset", clocks=frozenset({"Checked"}), curators=("Notes",),
    )  # fmt: skip
    want = want_of(table, UTC)
    assert (want.columns, want.key, want.curators) == (("Dataset", "Checked"), 0, ("Notes",))
    assert [*want.rows] == [["E-MTAB-1", 46023.0], ["E-MTAB-2", ""]]
    assert (want.dates, want.clocks, want.datasets) == ({1}, {1}, True)


@pytest.mark.parametrize("name", [SUMMARY, PROBLEMS, TRACK])
def test_where_no_column_shows_the_key_there_is_a_hidden_one(name: str) -> None:
    want = want_of(Table(name, ("Name",), (("external",), ("all",)), keys=("State/external", "State/all")), UTC)
    assert (want.columns, want.key) == (("Name", KEY), 1)
    assert [*want.rows] == [["external", "State/external"], ["all", "State/all"]]
