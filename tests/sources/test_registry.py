from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import UsageError
from app.sources import kinds, opener
from app.sources.filesystem import FilesystemSource
from tests.sources.places import ACCESSION, config


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A made-up package that registers a kind of source, as if it were installed beside this one."""

    def installed(name: str, value: str, code: str = "") -> None:
        about = tmp_path / "made_up-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[ingest_tracker.sources]\n{name} = {value}\n")
        (tmp_path / "made_up_sources.py").write_text(code)
        monkeypatch.syspath_prepend(str(tmp_path))

    return installed


def test_each_kind_says_what_it_is() -> None:
    known = kinds()
    assert {"filesystem", "experiments-json"} <= known.keys()
    for name, kind in known.items():
        assert kind.kind == name
        assert kind.summary.endswith(".")
        assert kind.Options.model_json_schema()["type"] == "object"


def test_a_package_installed_beside_this_one_adds_its_kind(install) -> None:  # type: ignore[no-untyped-def]
    install("made-up", "made_up_sources:MadeUp", "class MadeUp:\n    def __init__(self, *given): self.given = given\n")
    assert "made-up" in kinds()
    place = config("/somewhere", kind="made-up")
    assert vars(opener(ACCESSION)(place)) == {"given": (place, ACCESSION)}


def test_opening_a_source_opens_nothing() -> None:
    assert isinstance(opener(ACCESSION)(config("/not/there")), FilesystemSource)


def test_an_unknown_kind_is_told_with_those_that_are_known() -> None:
    with pytest.raises(UsageError) as raised:
        opener(ACCESSION)(config("ftp://example.org", kind="ftp"))
    assert str(raised.value) == f"loading: unknown kind of source 'ftp'; known are: {', '.join(sorted(kinds()))}"


@pytest.mark.parametrize("value", ["made_up_sources:Missing", "no_such_module:Kind"])
def test_a_kind_that_cannot_be_loaded_is_told_and_stops_no_other(install, value: str) -> None:  # type: ignore[no-untyped-def]
    install("broken", value)
    with pytest.raises(UsageError, match=r"the kind of source 'broken' .* cannot be loaded"):
        opener(ACCESSION)(config("/somewhere", kind="broken"))
    assert isinstance(opener(ACCESSION)(config("/somewhere")), FilesystemSource)


def test_reading_a_file_tree_loads_no_http_client() -> None:
    code = (
        "import sys, app.sources.filesystem, app.sources.experiments_json, app.sources.species;"
        "print(sorted({'requests', 'urllib3', 'stamina'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
