"""The benchmarks: their tree is what it says, and they run and leave nothing behind. Not how fast anything is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from app import load, open_tracker
from benchmarks.__main__ import COMMANDS
from benchmarks.tree import PLACES, make


def contents(directory: Path) -> dict[Path, bytes]:
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_equal_arguments_give_equal_bytes_and_another_seed_gives_others(tmp_path: Path) -> None:
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    assert make(one, 40).accessions == make(two, 40).accessions != make(other, 40, seed=2).accessions
    assert contents(one) == contents(two) != contents(other)


def test_a_crawl_of_the_tree_finds_what_the_tree_says(tmp_path: Path) -> None:
    """Every dataset in its state, datasets in every place, and no problem but with the files that are made odd."""
    tree = make(tmp_path, 40)
    with open_tracker(load(config=tree.config, environ={}), writing=True) as tracker:
        report = tracker.crawl()
    assert report.exit_code == 0
    assert Counter(report.run.counts) == tree.counts
    assert {change.dataset for change in report.changes} == set(tree.accessions)
    assert Counter(problem.code.value for problem in report.problems) == tree.problems
    assert [source.sightings > 0 for source in report.sources] == [True] * len(PLACES)


def test_prints_every_row_leaves_nothing_behind_and_keeps_off_the_store_of_the_environment(tmp_path: Path) -> None:
    bench = [sys.executable, "-m", "benchmarks", "--datasets", "20", "--runs", "1", "--dir", str(tmp_path)]
    environment = os.environ | {"INGEST_TRACKER_STORE": str(tmp_path / "real.db")}
    done = subprocess.run(bench, cwd=Path(__file__).parents[1], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    assert [row[0] for row in rows] == [*COMMANDS]
    assert all(float(peak) > 1 for _, _, _, peak, *_ in rows)
    assert not any(tmp_path.iterdir())
