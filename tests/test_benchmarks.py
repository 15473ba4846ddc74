"""The benchmarks: their tree is what it says, and they run and leave nothing behind. Not how fast anything is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import benchmarks.__main__
from app import load, open_tracker
from app.domain.model import Known, Report
from benchmarks import daemon
from benchmarks import tree as trees
from benchmarks.__main__ import OTHERS, STEPS
from benchmarks.reference import read
from benchmarks.tree import PLACES, Tree, kept, make


def contents(directory: Path) -> dict[Path, bytes]:
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return make(tmp_path_factory.mktemp("tree"), 110)


@pytest.fixture(scope="module", params=["tracker.yaml", "whole.yaml"])
def crawled(tree: Tree, request: pytest.FixtureRequest) -> tuple[Report, Known]:
    with open_tracker(load(config=tree.root / request.param, environ={}), writing=True) as tracker:
        return tracker.crawl(), tracker.store.known()


def test_equal_arguments_give_equal_bytes_and_another_seed_gives_others(tmp_path: Path) -> None:
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    assert make(one, 20).accessions == make(two, 20).accessions != make(other, 20, seed=2).accessions
    assert contents(one) == contents(two) != contents(other)


def test_the_tree_is_as_large_as_it_says(tree: Tree) -> None:
    made = [path for path in (tree.root / "nfs").rglob("*") if path.is_file()]
    assert (tree.files, tree.size) == (len(made), sum(path.stat().st_size for path in made))
    assert len(tree.accessions) == 110


def test_a_crawl_of_the_tree_finds_what_the_tree_says(tree: Tree, crawled: tuple[Report, Known]) -> None:
    """Every dataset in its state, datasets in every place, and no problem but with the files that are made odd."""
    report, _ = crawled
    assert report.exit_code == 0
    assert report.run.counts == tree.counts
    assert {change.dataset for change in report.changes} == set(tree.accessions)
    assert (
        Counter(problem.code.value for problem in report.problems) == tree.problems == {"not_utf8": 2, "empty_file": 2}
    )
    assert [source.sightings > 0 for source in report.sources] == [True] * len(PLACES)


def test_the_reference_and_a_crawl_say_the_same_of_every_dataset(tree: Tree, crawled: tuple[Report, Known]) -> None:
    """But that the reference takes every file for UTF-8."""
    _, known = crawled
    ours = {name: seen.metadata for found in known.sightings.values() for name, seen in found.items()}
    theirs = read(tree.places)
    assert ours.keys() == theirs.keys() == {*tree.accessions}
    fields = ("experiment_types", "analysis_types", "secondary_accessions", "curators", "organisms")
    for field in (*fields, "library_constructions"):
        assert {name: list(getattr(said, field)) for name, said in ours.items()} == {
            name: said.get(field, []) for name, said in theirs.items()
        }
    odd = {name for name, said in theirs.items() if said["title"] != [ours[name].title]}
    assert {name.rpartition("-")[2] for name in odd} == {"4", "104"}
    assert all(theirs[name]["title"] == [ours[name].title.replace("ï", "\ufffd")] for name in odd)
    assert {len(said.organisms) for said in ours.values()} == {0, 1, 2}
    assert {len(said.curators) for said in ours.values()} == {0, 1, 2}
    assert {len(said.library_constructions) for said in ours.values()} == {0, 1}


def test_a_change_is_seen_by_the_next_crawl_and_leaves_the_size(tmp_path: Path) -> None:
    tree = make(tmp_path, 30)
    before = contents(tmp_path)
    tree.change(10, 7)
    after = contents(tmp_path)
    changed = [path for path in before if before[path] != after[path]]
    assert len(changed) == 10
    assert all(after[path] == before[path].replace(b"\t000000\n", b"\t000007\n") for path in changed)


def test_datasets_are_changed_before_a_changed_crawl_is_measured(tmp_path: Path) -> None:
    tree = make(tmp_path, 20)
    bench, before = benchmarks.__main__.Bench(), contents(tmp_path / "nfs")
    bench.crawl(tree)
    bench.cost("unchanged")
    assert contents(tmp_path / "nfs") == before
    bench.cost("changed")
    after = contents(tmp_path / "nfs")
    assert sum(before[path] != after[path] for path in before) == 10


def test_a_tree_is_kept_and_made_anew_where_it_is_another_or_not_whole(tmp_path: Path) -> None:
    made = [kept(tmp_path / "tree", 5), kept(tmp_path / "tree", 5)]
    assert made[0] == made[1]
    note = tmp_path / "tree" / "complete.json"
    times = [note.stat().st_mtime_ns]
    for spoil in (lambda: None, note.unlink, lambda: note.write_text("{")):
        spoil()
        kept(tmp_path / "tree", 5)
        times.append(note.stat().st_mtime_ns)
    assert len({*times}) == 3
    assert len(kept(tmp_path / "tree", 6).accessions) == 6
    assert len(list((tmp_path / "tree" / "nfs").rglob("*.idf.txt"))) == 6


def test_a_disk_that_is_too_small_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "LEFT_FREE", 2**60)
    with pytest.raises(OSError, match=r"has [\d.]+ GiB free; 5 datasets need [\d.]+ GiB free"):
        kept(tmp_path / "tree", 5)
    assert not any(tmp_path.iterdir())


def bench(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    project = Path(__file__).parents[1]
    return subprocess.run(command, cwd=project, env=os.environ | environment, capture_output=True, text=True)


@pytest.fixture
def for_all() -> Iterator[Path]:
    """A directory that PostgreSQL, which is somebody else, may enter; those of pytest are for oneself."""
    with TemporaryDirectory(prefix="ingest-tracker-bench-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_prints_every_row_leaves_nothing_behind_and_keeps_off_the_store_of_the_environment(
    tmp_path: Path, for_all: Path
) -> None:
    """But the cold ones: emptying the caches is a burden to the machine."""
    warm = [name for name in STEPS if "cold" not in STEPS[name].before]
    real = str(tmp_path / "real.db")
    few = ("--datasets", "20", "--far", "10", "--folders", "20", "--known", "80", "--files", "50", "--gib", "0.001")
    few = (*few, "--records", "1000", "--elements", "50", "--documents", "20", "--runs", "1", "--hasty")
    done = bench(*few, "--only", ",".join(warm), INGEST_TRACKER_STORE=real, TMPDIR=str(for_all))
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    absent = [name for name in warm if f"Not measured: {name}," in done.stdout]
    assert [row[0] for row in rows] == [name for name in warm if name not in absent]
    assert {*absent} <= {"fd", *OTHERS}
    assert all(float(peak) > 1 for _, _, _, peak, *_ in rows)
    assert not any(for_all.iterdir()) and not any(tmp_path.iterdir())


def test_one_row_alone_has_what_it_needs_is_written_to_the_page_and_the_tree_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page, arguments = tmp_path / "page.md", ["--datasets", "20", "--runs", "1", "--only", "why", "--write"]
    monkeypatch.setattr(benchmarks.__main__, "PAGE", page)
    monkeypatch.setattr("sys.argv", ["benchmarks", *arguments, "--dir", str(tmp_path)])
    benchmarks.__main__.main()
    told = capsys.readouterr().out
    assert [line.split(" | ")[0] for line in told.splitlines() if line.startswith("| ")] == ["| what", "| why"]
    assert page.read_text().startswith("# What it costs\n")
    assert page.read_text().endswith(told)
    assert (tmp_path / "ingest-tracker-bench" / "crawled" / "complete.json").exists()


def test_of_the_daemon_it_is_told_how_soon_a_row_follows_what_it_costs_idle_and_whether_it_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "EVERY", 0.0)
    monkeypatch.setattr(daemon, "SETTLING", 1.0)
    monkeypatch.setattr(daemon, "IDLE", 0.5)
    lines = [*daemon.measured(tmp_path / "root", folders=50, events=2, cycles=5)]
    assert [line.split(":")[0] for line in lines] == [
        "- event to row",
        "- idle",
        "- memory over 5 cycles of a change and its run",
    ]
    assert "of 2, of which 0.5 s are the debounce; 50 folders, 10 rows" in lines[0]
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("wrong", [("--datasets", "0"), ("--only", "frist"), ("--dir", "/nowhere at all")])
def test_what_cannot_be_measured_is_refused(wrong: tuple[str, ...]) -> None:
    done = bench(*wrong)
    assert done.returncode == 2
    assert "--only is some of reference,find" in done.stderr


def test_the_launcher_tells_of_what_a_process_starts_as_well() -> None:
    """Two processes of 64 MiB each at a time: neither has as much as both."""
    hold = "import time; held = b'x' * 2**26; time.sleep(0.5)"
    both = f"import subprocess, sys; other = subprocess.Popen([sys.executable, '-c', {hold!r}]); {hold}; other.wait()"
    launch = str(Path(trees.__file__).with_name("launch.py"))
    command = [sys.executable, "-IS", launch, sys.executable, "-c", both]
    code, wall, cpu, peak, read = map(float, subprocess.run(command, capture_output=True, text=True).stdout.split())
    assert (code, read >= 0, cpu < wall) == (0, True, True)
    assert 128 < peak < 256
