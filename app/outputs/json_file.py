"""The whole overview as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path

from app.domain.overview import Table
from app.outputs.cells import plain
from app.outputs.files import replace_files


class JsonFile:
    """`overview.json` in the folder."""

    name = "json"

    def __init__(self, out: Path, time_zone: tzinfo) -> None:
        self.out, self.time_zone = out, time_zone

    def publish(self, tables: Sequence[Table], as_of: datetime | None) -> str:
        replace_files(self.name, self.out, {"overview.json": [as_json(tables, as_of, self.time_zone), "\n"]})
        return str(self.out / "overview.json")


def as_json(tables: Sequence[Table], as_of: datetime | None, time_zone: tzinfo) -> str:
    """`{"as_of": time, "tables": {tab: {"columns": [title ...], "rows": [{title: value} ...]}}}`;
    `as_of` is null before the first run."""
    shown = {
        table.name: {
            "columns": table.columns,
            "rows": [
                {title: plain(cell, time_zone) for title, cell in zip(table.columns, row, strict=True)}
                for row in table.rows
            ],
        }
        for table in tables
    }
    return json.dumps({"as_of": plain(as_of, time_zone), "tables": shown}, ensure_ascii=False, indent=1)
