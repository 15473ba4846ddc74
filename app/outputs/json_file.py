"""The whole overview as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path

import orjson

from app.domain.details import Overview
from app.domain.overview import Cell, Table
from app.outputs.cells import plain
from app.outputs.files import replace_files


class JsonFile:
    """`overview.json` in the folder."""

    name = "json"
    tells_details = False

    def __init__(self, out: Path, time_zone: tzinfo) -> None:
        self.out, self.time_zone = out, time_zone

    def publish(self, overview: Overview) -> str:
        pieces = _document(overview.tables, overview.as_of, self.time_zone)
        replace_files(self.name, self.out, {"overview.json": [*pieces, b"\n"]})
        return str(self.out / "overview.json")


def as_json(tables: Sequence[Table], as_of: datetime | None, time_zone: tzinfo) -> str:
    """`{"as_of": time, "tables": {tab: {"columns": [title ...], "rows": [{title: value} ...]}}}`;
    `as_of` is null before the first run."""
    return b"".join(_document(tables, as_of, time_zone)).decode()


def _document(tables: Sequence[Table], as_of: datetime | None, time_zone: tzinfo) -> Iterator[bytes]:
    """A row a line, so that one can look at it."""
    yield b'{"as_of":%b,"tables":{' % orjson.dumps(plain(as_of, time_zone))
    for number, table in enumerate(tables):
        yield b"%b\n%b:{" % (b"," * bool(number), orjson.dumps(table.name))
        yield b'"columns":%b,"rows":[\n' % orjson.dumps(table.columns)
        yield b",\n".join(_rows(table, time_zone))
        yield b"\n]}"
    yield b"\n}}"


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
