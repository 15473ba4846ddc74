"""The whole overview as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

import orjson

from app.domain.details import Overview
from app.domain.overview import COLUMN_NAMES, Cell, Table
from app.outputs import lines
from app.outputs.cells import plain
from app.outputs.files import replace_files
from app.outputs.lines import Memory, Place, Rows


class JsonFile:
    """`overview.json` in the folder."""

    name = "json"
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
        return str(self.out / FILE) if left else self._written(overview, memory)

    def _written(self, overview: Overview, memory: Memory | None) -> str:
        path = self.out / FILE
        document = _Document(self.time_zone, memory, memoryview(path.read_bytes() if memory else b""))
        document.write(overview.tables, overview.as_of)
        replace_files(self.name, self.out, {FILE: [*document.pieces, b"\n"]})
        if overview.as_of:
            found = lines.identities(self.out, [FILE])
            lines.remember(self.name, self.out, overview, Memory(found, document.places, overview.as_of))
        return str(path)


def as_json(tables: Sequence[Table], as_of: datetime | None, time_zone: tzinfo) -> str:
    """`{"as_of": time, "tables": {tab: {"columns": [title ...], "rows": [{title: value} ...]}}}`;
    `as_of` is null before the first run."""
    document = _Document(time_zone)
    document.write(tables, as_of)
    return b"".join(document.pieces).decode()


@dataclass
class _Document:
    """A row a line, so that one can look at it. `memory`, `old`: of the file as it is, from which rows are taken."""

    time_zone: tzinfo
    memory: Memory | None = None
    old: memoryview = field(default_factory=lambda: memoryview(b""))
    pieces: list[bytes | memoryview] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    _size: int = 0

    def write(self, tables: Sequence[Table], as_of: datetime | None) -> None:
        self._add(b'{"as_of":%b,"tables":{' % orjson.dumps(plain(as_of, self.time_zone)))
        for number, table in enumerate(tables):
            self._add(b"%b\n%b:{" % (b"," * bool(number), orjson.dumps(table.name)))
            self._add(b'"columns":%b,"rows":[\n' % orjson.dumps(table.columns))
            self._add_rows(table)
            self._add(b"\n]}")
        self._add(b"\n}}")

    def _add(self, piece: bytes | memoryview) -> None:
        self.pieces.append(piece)
        self._size += len(piece)

    def _add_rows(self, table: Table) -> None:
        new = list(_rows(table, self.time_zone))
        rows = Rows.of(table.datasets, new)
        if table.only is not None and self.memory is not None:
            told = dict(zip(table.datasets, new, strict=True))
            rows = self.memory.tables[table.name].with_rows(self.old, table.only, told, _BETWEEN)
        if table.name in COLUMN_NAMES:
            self.places[table.name] = Place(self._size, rows.keys, rows.lengths)
        for number, piece in enumerate(rows.pieces):
            self._add(_BETWEEN * bool(number))
            self._add(piece)


FILE, _BETWEEN = "overview.json", b",\n"


def _rows(table: Table, time_zone: tzinfo) -> Iterator[bytes]:
    times: dict[object, Cell] = {}  # many rows have the same

    def time(cell: datetime) -> Cell:
        if cell not in times:
            times[cell] = plain(cell, time_zone)
        return times[cell]

    for cells in table.rows:
        row = dict(zip(table.columns, cells, strict=True))
        try:
            yield orjson.dumps(row, default=time, option=orjson.OPT_PASSTHROUGH_DATETIME)
        except orjson.JSONEncodeError:  # what it does not take, such as names of files that are not UTF-8
            row = {title: plain(cell, time_zone) for title, cell in row.items()}
            yield json.dumps(row, ensure_ascii=False).encode()
