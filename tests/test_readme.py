"""The README says what the code does, and its commands work as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import docs

PROJECT = Path(__file__).parents[1]


README = PROJECT / "README.md"


@pytest.mark.parametrize("page", docs.PAGES)
def test_the_generated_parts_are_what_the_code_says(page: str) -> None:
    """`./run docs --write` renews them."""
    text = (PROJECT / page).read_text()
    assert docs.renewed(page, text) == text


def test_every_command_works_in_the_order_of_the_page(tmp_path: Path) -> None:
    """All of them in one copy of the project, but for the test run itself."""
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("run", "app", "workflows", "etc", "setup.cfg", "pyproject.toml", "sources_config.json"):
        take = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy2
        take(PROJECT / name, copy / name)
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), flags=re.S)
    script = "set -e\n" + "\n".join(blocks).replace("./run test\n", "")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("INGEST_TRACKER_")}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=copy,
        env=clean | {"INGEST_TRACKER_VENV": sys.prefix, "HOME": str(tmp_path), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "E-MTAB-11818 is external" in done.stdout, "before any database was asked"
    assert "E-MTAB-11818" in done.stdout
    assert (copy / "all.json").stat().st_size > 10_000


def test_the_picture_is_what_the_demo_prints(tmp_path: Path) -> None:
    picture = README.read_text().split("```text\n")[1].split("```")[0]
    counts = [line for line in picture.splitlines() if re.fullmatch(r"[a-z_]+ +\d+ +\d+", line)]
    told = subprocess.run(
        [sys.executable, "-m", "app.cli", "demo", "--dir", "var/demo"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(counts) == 7
    assert [line for line in counts if line not in told] == []
    assert any(line.startswith("E-MTAB-11818 is incoming since") for line in told)
