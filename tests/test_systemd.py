"""The units in etc/systemd are what systemd takes, and they are as closed as they say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
UNITS = sorted((PROJECT / "etc" / "systemd").iterdir())


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """As they would be installed: with programs that are there."""
    for unit in UNITS:
        text = unit.read_text().replace("/opt/ingest-tracker/.venv/bin/", f"{tmp_path}/bin/")
        (tmp_path / unit.name).write_text(text.replace("/opt/ingest-tracker/workflows", str(PROJECT / "workflows")))
    (tmp_path / "bin").mkdir()
    for program in ("python", "ingest-tracker"):
        (tmp_path / "bin" / program).symlink_to("/bin/true")
    return tmp_path


def analysed(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False)


def test_systemd_finds_nothing_wrong_with_them(units: Path) -> None:
    done = analysed("verify", "--man=no", "--generators=no", *(units / unit.name for unit in UNITS))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_wrong_would_be_found(units: Path) -> None:
    unit = units / "ingest-tracker.service"
    unit.write_text(unit.read_text().replace("Type=exec", "Type=daemon").replace(f"{units}/bin/python", "/no/python"))
    said = analysed("verify", "--man=no", "--generators=no", unit).stderr
    assert "Failed to parse service type" in said
    assert "/no/python is not executable" in said


@pytest.mark.parametrize("unit", ["ingest-tracker.service", "ingest-tracker-crawl.service"])
def test_they_may_do_no_more_than_they_must(units: Path, unit: str) -> None:
    """Of 10, as systemd counts it; 2 and less is what it calls OK."""
    done = analysed("security", "--offline=true", "--threshold=20", units / unit)
    assert done.returncode == 0, done.stdout
    assert re.search(r"exposure level for .*: 1\.\d", done.stdout)


def test_what_they_run_is_there() -> None:
    told = "\n".join(unit.read_text() for unit in UNITS)
    scripts = re.findall(r"/opt/ingest-tracker/(workflows/\S+)", told)
    assert scripts
    assert all((PROJECT / script).exists() for script in scripts)
