"""One CSV file a table (RFC 4180, UTF-8), safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from pathlib import Path

from app.domain.details import Overview
from app.domain.overview import COLUMN_NAMES, Cell, Table
from app.outputs import lines
from app.outputs.cells import FORMULA, plain
from app.outputs.files import replace_files
from app.outputs.lines import Memory, Place, Rows


class CsvFiles:
    """`Track Ingested Experiments` becomes `track_ingested_experiments.csv` in the folder. A table in which nothing
    changed keeps its file: a file's time says when what it shows last changed, not when that was last looked at."""

    name = "csv_files"
    tells_details = False

    def __init__(self, out: Path, time_zone: tzinfo) -> None:
        self.out, self.time_zone = out, time_zone

    def publish(self, overview: Overview) -> str:
        return self._written(overview, None)

    def refresh(self, overview: Overview) -> str | None:
        memory = lines.remembered(self.name, self.out, overview)
        if memory is None:
            return None
        left = lines.left_as_it_is(self.name, self.out, overview, memory)
        return str(self.out) if left else self._written(overview, memory)

    def _written(self, overview: Overview, memory: Memory | None) -> str:
        contents: dict[str, Sequence[bytes | memoryview]] = {}
        places: dict[str, Place] = {}
        for table in overview.tables:
            if memory is not None and table.only is not None and not table.only:
                places[table.name] = memory.tables[table.name]  # and its file stays
                continue
            head, *new = [line.encode() for line in as_csv(table, self.time_zone)]
            rows = Rows.of(table.datasets, new)
            if memory is not None and table.only is not None:
                old = memoryview((self.out / file_name(table)).read_bytes())
                told = dict(zip(table.datasets, new, strict=True))
                rows = memory.tables[table.name].with_rows(old, table.only, told, b"")
            if table.name in COLUMN_NAMES:
                places[table.name] = Place(len(head), rows.keys, rows.lengths)
            contents[file_name(table)] = [head, *rows.pieces]
        replace_files(self.name, self.out, contents)
        if overview.as_of:
            found = lines.identities(self.out, map(file_name, overview.tables))
            lines.remember(self.name, self.out, overview, Memory(found, places, overview.as_of))
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
