from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.domain.details import Overview
from app.domain.overview import Cell, Layout, Table, View, tables
from app.errors import OutputError
from app.outputs.csv_files import CsvFiles, as_csv, file_name
from tests.domain.builders import noted

LONDON = ZoneInfo("Europe/London")
TRACK = Table("Track Ingested Experiments", ("Accession", "Status"), (("E-MTAB-1", "loading"),))
CHANGES = Table("Changes", ("Accession", "To"), (("E-MTAB-1", "loading"),))


def written(cell: Cell) -> str:
    """The cell as it stands in the file, without the quotes."""
    lines = "".join(as_csv(Table("T", ("title", "next"), ((cell, "x"),)), LONDON))
    return next(csv.reader(lines.splitlines(keepends=True)[1:]))[0]


@pytest.mark.parametrize(
    ("cell", "field"),
    [
        ("E-MTAB-1", "E-MTAB-1"),
        ('a "b", c', 'a "b", c'),
        ("données 細胞", "données 細胞"),
        ("caf\udce9.idf.txt", r"caf\udce9.idf.txt"),
        (None, ""),
        ("", ""),
        (0, "0"),
        (-3, "-3"),
        (-2.5, "-2.5"),
        (True, "true"),
        (False, "false"),
        (datetime(2030, 1, 2, 3, 4, 5, 678, tzinfo=UTC), "2030-01-02T03:04:05+00:00"),
        (datetime(2030, 7, 2, 23, 4, 5, tzinfo=UTC), "2030-07-03T00:04:05+01:00"),
    ],
)
def test_what_a_cell_becomes(cell: Cell, field: str) -> None:
    assert written(cell) == field


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])  # noqa: RUF001
def test_text_that_a_spreadsheet_would_run_is_made_harmless(first: str) -> None:
    text = f"{first}HYPERLINK(1)"
    assert "".join(as_csv(Table("T", (text,), ((text,),)), LONDON)).count(f"'{text}") == 2


def test_what_curators_have_in_columns_of_their_own_is_as_harmless_as_all_else() -> None:
    found = noted({"=Notes": "=1+1", "Hold": True}, {"=Notes": -1}, {"=Notes": "@a\n=2"})
    table = tables(View(found), Layout(curators=("=Notes", "Hold")))[2]
    columns, *rows = csv.reader("".join(as_csv(table, LONDON)).splitlines(keepends=True))
    assert columns[-2:] == ["'=Notes", "Hold"]
    assert [row[-2:] for row in rows] == [["'=1+1", "true"], ["-1", ""], ["'@a\n=2", ""]]


def test_a_lone_carriage_return_does_not_break_the_row() -> None:
    assert written("two\rlines") == "two\rlines"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Track Ingested Experiments", "track_ingested_experiments.csv"),
        ("Changes", "changes.csv"),
        ("../Odd / name!", "odd_name.csv"),
    ],
)
def test_the_name_of_the_file_follows_from_the_table(name: str, file: str) -> None:
    assert file_name(Table(name, (), ())) == file


def test_every_table_is_a_file_and_nothing_else_is_left(tmp_path: Path) -> None:
    out = tmp_path / "made" / "for me"
    where = CsvFiles(out, LONDON).publish(Overview((TRACK, CHANGES)))
    assert where == str(out)
    assert sorted(file.name for file in out.iterdir()) == ["changes.csv", "track_ingested_experiments.csv"]
    assert (out / "changes.csv").read_bytes() == b"Accession,To\r\nE-MTAB-1,loading\r\n"


def test_publishing_again_replaces_what_was_there_and_leaves_other_files_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    output = CsvFiles(tmp_path, LONDON)
    output.publish(Overview((CHANGES,)))
    output.publish(Overview((Table("Changes", ("Accession",), ()),)))
    assert (tmp_path / "changes.csv").read_bytes() == b"Accession\r\n"
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_table_in_which_nothing_changed_keeps_its_file(tmp_path: Path) -> None:
    output = CsvFiles(tmp_path, LONDON)
    output.publish(Overview((TRACK, CHANGES)))
    before = {file.name: file.stat().st_ino for file in tmp_path.iterdir()}
    output.publish(Overview((TRACK, Table("Changes", ("Accession",), ()))))
    after = {file.name: file.stat().st_ino for file in tmp_path.iterdir()}
    assert [name for name in before if before[name] == after[name]] == ["track_ingested_experiments.csv"]


def test_where_one_table_cannot_be_written_all_the_old_ones_stay(tmp_path: Path) -> None:
    """The second file lands on a full disk: the first, already written beside, does not take its place either."""
    output = CsvFiles(tmp_path, LONDON)
    output.publish(Overview((TRACK, CHANGES)))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    (tmp_path / ".changes.csv.new").symlink_to("/dev/full")
    newer = [Table(table.name, table.columns, table.rows * 2) for table in (TRACK, CHANGES)]
    with pytest.raises(OutputError, match=r"changes.csv: No space left on device; free some space"):
        output.publish(Overview(tuple(newer)))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
