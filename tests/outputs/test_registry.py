from __future__ import annotations

import sys
from datetime import UTC
from pathlib import Path

import pytest

from app import outputs
from app.errors import OutputError, UsageError


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package that brings an output, and one that is broken."""
    (tmp_path / "bells.py").write_text(
        "class Bells:\n    name = 'bells'\n    def __init__(self, out, time_zone): self.out = out\n"
    )
    information = tmp_path / "bells-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: bells\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[ingest_tracker.outputs]\nbells = bells:Bells\nwhistles = whistles_that_nobody_made:Whistles\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "bells", raising=False)


def test_outputs_are_opened_in_the_order_of_their_names_and_write_nothing_yet(tmp_path: Path) -> None:
    opened = outputs.open_outputs(["json", "csv_files"], tmp_path / "out", UTC)
    assert [output.name for output in opened] == ["json", "csv_files"]
    assert not (tmp_path / "out").exists()


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no output 'jsn'; there are: .*csv_files, html_page, json"):
        outputs.open_outputs(["jsn"], tmp_path, UTC)


@pytest.mark.usefixtures("installed")
def test_another_package_brings_an_output_by_being_installed(tmp_path: Path) -> None:
    assert {"bells", "csv_files", "json"} <= set(outputs.known())
    (bells,) = outputs.open_outputs(["bells"], tmp_path, UTC)
    assert bells.name == "bells"


@pytest.mark.usefixtures("installed")
def test_an_output_whose_package_is_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"output whistles \(whistles_that_nobody_made:Whistles\) does not load"):
        outputs.open_outputs(["whistles"], tmp_path, UTC)
