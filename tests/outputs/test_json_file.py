from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from app.domain.details import Overview
from app.domain.overview import Layout, Table, View, tables
from app.outputs.json_file import JsonFile, as_json
from tests.domain.builders import noted

ATHENS = ZoneInfo("Europe/Athens")
NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
PROBLEMS = Table(
    "Problems", ("Path", "Since", "Count", "Open"), (("é\udce9=1", NOON, 2, True), (None, None, 0.5, False))
)


def test_the_overview_as_json() -> None:
    """Text stays as it is (there are no formulas in JSON), times are in the site's zone, absent cells are null."""
    assert json.loads(as_json([PROBLEMS], NOON, ATHENS)) == {
        "as_of": "2030-01-02T14:00:00+02:00",
        "tables": {
            "Problems": {
                "columns": ["Path", "Since", "Count", "Open"],
                "rows": [
                    {"Path": r"é\udce9=1", "Since": "2030-01-02T14:00:00+02:00", "Count": 2, "Open": True},
                    {"Path": None, "Since": None, "Count": 0.5, "Open": False},
                ],
            }
        },
    }


def test_what_curators_have_in_columns_of_their_own_keeps_its_type() -> None:
    tabs = tables(View(noted({"Notes": "=1+1", "Hold": True}, {"Notes": 1.5})), Layout(curators=("Notes", "Hold")))
    track = json.loads(as_json(tabs, NOON, ATHENS))["tables"]["Track Ingested Experiments"]
    assert track["columns"][-2:] == ["Notes", "Hold"]
    assert [(row["Notes"], row["Hold"]) for row in track["rows"]] == [("=1+1", True), (1.5, None)]


def test_before_the_first_run_there_is_no_time_and_no_table() -> None:
    assert json.loads(as_json([], None, ATHENS)) == {"as_of": None, "tables": {}}


def test_the_file_holds_the_same(tmp_path: Path) -> None:
    where = JsonFile(tmp_path, ATHENS).publish(Overview((PROBLEMS,), NOON))
    assert where == str(tmp_path / "overview.json")
    assert Path(where).read_text(encoding="utf-8") == as_json([PROBLEMS], NOON, ATHENS) + "\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == [".json.rows", "overview.json"]
