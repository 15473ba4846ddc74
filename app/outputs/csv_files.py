"""One CSV file a table (RFC 4180, UTF-8), safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path

from app.domain.details import Overview
from app.domain.overview import Cell, Table
from app.outputs.cells import FORMULA, plain
from app.outputs.files import replace_files


class CsvFiles:
    """`Track Ingested Experiments` becomes `track_ingested_experiments.csv` in the folder. A table in which nothing
    changed keeps its file: a file's time says when what it shows last changed, not when that was last looked at."""

    name = "csv_files"
    tells_details = False

    def __init__(self, out: Path, time_zone: tzinfo) -> None:
        self.out, self.time_zone = out, time_zone

    def publish(self, overview: Overview) -> str:
        replace_files(
            self.name, self.out, {file_name(table): as_csv(table, self.time_zone) for table in overview.tables}
        )
        return str(self.out)


def file_name(table: Table) -> str:
    return re.sub(r"\W+", "_", table.name.lower()).strip("_") + ".csv"


def as_csv(table: Table, time_zone: tzinfo) -> Iterator[str]:
    """The table line by line, each with its CRLF. Text that a spreadsheet would take as a formula gets an
    apostrophe before it; numbers stay numbers."""
    lines = csv.writer(_Lines())
    yield lines.writerow([_field(title, time_zone) for title in table.columns])
    for row in table.rows:
        yield lines.writerow([_field(cell, time_zone) for cell in row])


class _Lines:
    """What csv writes to: gives every line back."""

    def write(self, line: str) -> str:
        return line


def _field(cell: Cell, time_zone: tzinfo) -> str | int | float | None:
    value = plain(cell, time_zone)
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value
