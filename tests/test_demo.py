"""The made-up world: always the same for a seed, careful with other people's files, and moving as it says."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import demo, load, open_tracker
from app.demo import World
from app.domain.lifecycle import NOT_SUPPORTED
from app.domain.model import Code, RunStatus
from app.errors import UsageError

ROOT = Path(__file__).parents[1]
STATES = ["external", "incoming", "loading", "analysing", "processed", "published_dev", "published"]
ACCESSION = re.compile(r"(E-[A-Z]{4}-\d+)(\.idf\.txt)?")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world to look at only."""
    return demo.build(tmp_path_factory.mktemp("fresh") / "demo")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One of another seed, to look at only."""
    return demo.build(tmp_path_factory.mktemp("other") / "demo", seed=2)


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fresh world as it is after moving on, to look at only."""
    directory = demo.build(tmp_path_factory.mktemp("moved") / "demo").directory
    demo.move_on(directory)
    return directory


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world to do things to."""
    return demo.build(tmp_path / "demo")


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def dates(directory: Path) -> dict[str, int]:
    """Of the datasets' files and folders; those of the places themselves tell nothing."""
    return {str(p.relative_to(directory)): p.stat().st_mtime_ns for p in directory.glob("nfs/*/**/*")}


def whereabouts(directory: Path) -> dict[str, set[str]]:
    """accession -> places, as a person finds them with ls."""
    found: dict[str, set[str]] = {}
    for entry in directory.glob("nfs/*/*"):
        if match := ACCESSION.fullmatch(entry.name):
            found.setdefault(match[1], set()).add(entry.parent.name)
    return found


def statuses(directory: Path) -> dict[str, str | None]:
    with closing(sqlite3.connect(directory / "gxpatlaspro.db")) as connection:
        return dict(connection.execute("SELECT ae2_acc, status FROM rnaseq_atlas_eligibility"))


def titles(directory: Path) -> list[str]:
    found = [re.search(rb"^Investigation Title\t(.+)$", p.read_bytes(), re.M) for p in directory.rglob("*.idf.txt")]
    return [match[1].decode("latin-1") for match in found if match]


# --------------------------------------------------------------------------- always the same


def test_a_seed_gives_the_same_bytes_and_dates_before_and_after_moving_on(
    world: World, fresh: World, moved: Path
) -> None:
    assert contents(world.directory) == contents(fresh.directory)
    assert dates(world.directory) == dates(fresh.directory)
    demo.move_on(world.directory)
    assert contents(world.directory) == contents(moved)
    assert dates(world.directory) == dates(moved)


def test_another_seed_gives_another_world(fresh: World, other: World) -> None:
    assert whereabouts(other.directory) != whereabouts(fresh.directory)


@pytest.mark.parametrize("seed", range(25))
def test_every_seed_has_what_the_moves_need(seed: int) -> None:
    assert len(set(demo.planned(seed).asked)) == len(STATES) + 1


def test_all_dates_lie_in_the_past(moved: Path) -> None:
    newest = max(dates(moved).values())
    assert datetime.fromtimestamp(newest / 1e9, UTC) <= demo.LAST_DAY < datetime.now(UTC)


# --------------------------------------------------------------------------- what is there


def test_there_are_some_300_datasets_in_eight_places(fresh: World) -> None:
    found = Counter(place for places in whereabouts(fresh.directory).values() for place in places)
    assert found == {
        "ae2_incoming": 78,
        "geo_mirror": 60,
        "loading": 30,
        "loading_sc": 16,
        "analysing": 18,
        "processed": 26,
        "published_dev": 14,
        "published": 58,
    }
    assert found == {place: len(accessions) for place, accessions in fresh.places.items()}


def test_titles_are_varied(fresh: World) -> None:
    assert len(set(titles(fresh.directory))) > 280


def test_the_settings_load_without_mistakes_or_warnings(fresh: World) -> None:
    config = load(config=fresh.config, environ={})
    assert config.warnings == ()
    assert all(Path(source.location).is_dir() for source in config.sources)
    assert {source.stage.start.name for source in config.sources} == {*STATES} - {"incoming"}


def test_the_example_at_the_top_runs_on_the_demo() -> None:
    """`./run crawl` after `./run demo` reads the same places."""
    assert (ROOT / "sources_config.json").read_text("utf-8") == demo.sources_config("var/demo/")


def test_a_crawl_finds_every_quirk(fresh: World, tmp_path: Path) -> None:
    config = load(config=fresh.config, store=tmp_path / "store.db", out=tmp_path / "out", environ={})
    with open_tracker(config, writing=True) as tracker:
        report = tracker.crawl()
        known, _ = tracker.overview()
    assert report.run.status is RunStatus.SUCCEEDED
    assert {(problem.code, problem.dataset) for problem in report.problems} == {
        (Code.IDF_WITHOUT_SDRF, "E-MTAB-4801"),
        (Code.SDRF_NOT_THERE, "E-MTAB-4801"),
        (Code.NOT_UTF8, "E-MTAB-4802"),
        (Code.EMPTY_FILE, "E-MTAB-4804"),
        (Code.FAILED_BUT_IN_PROGRESS, "E-MTAB-4805"),
        (Code.SEVERAL_PLACES, "E-GEOD-98765"),
        (Code.ALREADY_INGESTED, "E-GEOD-101234"),
        (Code.NEAR_MISS, ""),
    }
    assert known.standings["E-MTAB-4803"].decision.organism_status == NOT_SUPPORTED
    assert set(report.run.counts) == set(STATES)


# --------------------------------------------------------------------------- moving on


def test_datasets_move_as_it_says(fresh: World, moved: Path) -> None:
    before, after = whereabouts(fresh.directory), whereabouts(moved)
    moves = Counter(
        (*before.get(accession, {"-"}), *after.get(accession, {"-"}))
        for accession in before.keys() | after.keys()
        if before.get(accession) != after.get(accession)
    )
    assert moves == {
        ("ae2_incoming", "loading"): 3,
        ("loading", "analysing"): 3,
        ("loading_sc", "analysing"): 2,
        ("analysing", "processed"): 2,
        ("processed", "published_dev"): 2,
        ("published_dev", "published"): 3,
        ("processed", "loading"): 1,
        ("-", "ae2_incoming"): 1,
        ("ae2_incoming", "-"): 1,
    }


def test_one_dataset_is_claimed_by_a_curator(fresh: World, moved: Path) -> None:
    before, after = (
        {path.parent.name for path in directory.glob("nfs/*/*/.curator.*")} for directory in (fresh.directory, moved)
    )
    (new,) = after - before
    assert new in fresh.places["loading"]


def test_one_dataset_becomes_eligible(fresh: World, moved: Path) -> None:
    before, after = statuses(fresh.directory), statuses(moved)
    ((eligible, change),) = ((name, (before[name], after[name])) for name in before if before[name] != after[name])
    assert change == (None, "PASS")
    assert whereabouts(moved)[eligible] == {"ae2_incoming"}


def test_what_moves_has_the_files_of_its_new_place(fresh: World, moved: Path) -> None:
    """Analysed is what lies in processed and beyond, the one that went back included; curated what is not external."""
    nfs = moved / "nfs"
    analysed = {path.parent.parent.name for path in nfs.rglob("*-analysis-methods.tsv")}
    curated = {path.parent.parent.name for path in nfs.rglob("*.idf.txt") if b"[EACurator]" in path.read_bytes()}
    assert analysed == {"processed", "published_dev", "published"}
    assert curated == fresh.places.keys() - {"ae2_incoming", "geo_mirror"}


def test_single_cells_lie_only_where_they_are_expected(moved: Path) -> None:
    nfs = moved / "nfs"
    singles = {p.parent.parent.name for p in nfs.rglob("*.sdrf.txt") if b"[library construction]" in p.read_bytes()}
    assert singles == {"loading_sc", "analysing", "processed", "published_dev", "published"}


def test_who_is_worth_asking_is_one_of_each_state_and_one_that_is_gone(world: World) -> None:
    with open_tracker(load(config=world.config, environ={}), writing=True) as tracker:
        tracker.crawl()
        asked = demo.move_on(world.directory)
        report = tracker.crawl()
        known, _ = tracker.overview()
    assert report.exit_code == 0
    assert [str(known.standings[accession].decision.state) for accession in asked] == [*STATES, "None"]
    changed = [change.dataset for change in report.changes]
    assert set(asked) - set(changed) == {"E-GEOD-101234"}
    assert len(changed) == len(set(changed)) == 19


def test_moving_on_twice_changes_nothing_more(world: World) -> None:
    asked = demo.move_on(world.directory)
    once = contents(world.directory / "nfs"), dates(world.directory), statuses(world.directory)
    assert demo.move_on(world.directory) == asked
    assert (contents(world.directory / "nfs"), dates(world.directory), statuses(world.directory)) == once


@pytest.mark.parametrize("marker", [None, "", "[]", '{"seed": "one", "files": []}'])
def test_only_a_demo_can_move_on(tmp_path: Path, marker: str | None) -> None:
    if marker is not None:
        (tmp_path / demo.MARKER).write_text(marker)
    with pytest.raises(UsageError, match="no demo is here"):
        demo.move_on(tmp_path)


# --------------------------------------------------------------------------- other people's files


def test_a_directory_of_somebody_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("chapter one")
    with pytest.raises(UsageError, match="not empty and holds no demo"):
        demo.build(tmp_path)
    assert contents(tmp_path) == {"thesis.txt": b"chapter one"}


def test_a_file_is_no_directory_to_build_in(tmp_path: Path) -> None:
    file = tmp_path / "demo"
    file.write_text("mine")
    with pytest.raises(UsageError, match=r"demo: the demo cannot be made here: Not a directory$"):
        demo.build(file)
    assert file.read_text() == "mine"


def test_a_marker_that_says_nothing_removes_nothing(tmp_path: Path) -> None:
    (tmp_path / demo.MARKER).write_text("?")
    (tmp_path / "tracker.yaml").write_text("mine")
    with pytest.raises(UsageError, match="no demo is here"):
        demo.build(tmp_path)
    assert (tmp_path / "tracker.yaml").read_text() == "mine"


def test_building_again_removes_the_store_and_only_what_is_the_demos_own(world: World, fresh: World) -> None:
    theirs = {
        "notes.txt": b"look at these",
        "nfs/loading/E-MTAB-99999/E-MTAB-99999.idf.txt": b"Investigation Title\tMine\n",
        f"nfs/published/{world.places['published'][0]}/notes.txt": b"mine too",
    }
    demo.move_on(world.directory)
    for ending in ("", "-wal", "-shm", "-journal"):
        (world.directory / f"store.db{ending}").write_bytes(b"what was tracked")
    for name, content in theirs.items():
        (world.directory / name).parent.mkdir(exist_ok=True)
        (world.directory / name).write_bytes(content)
    assert demo.build(world.directory) == world
    assert contents(world.directory) == contents(fresh.directory) | theirs


def test_a_file_of_somebody_else_is_not_written_over(world: World, other: World, tmp_path: Path) -> None:
    name = min(contents(other.directory / "nfs").keys() - contents(world.directory / "nfs").keys())
    mine = world.directory / "nfs" / name
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(UsageError, match="not the demo's and in its way; move it elsewhere"):
        demo.build(world.directory, seed=2)
    assert mine.read_text() == "mine"
    mine.rename(tmp_path / "elsewhere")
    demo.build(world.directory, seed=2)  # nothing of the first seed is left
    assert contents(world.directory) == contents(other.directory)


def test_an_interrupted_build_can_be_built_again(world: World, fresh: World) -> None:
    for path in sorted(world.directory.glob("nfs/*/*/*"))[::2]:
        path.unlink()
    (world.directory / "gxpatlaspro.db").unlink()
    demo.build(world.directory)
    assert contents(world.directory) == contents(fresh.directory)


def test_nothing_outside_of_the_directory_is_removed(world: World, tmp_path: Path) -> None:
    """Neither by a way out in the marker, nor through a link that took the place of a folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    marker = world.directory / demo.MARKER
    linked = next((world.directory / "nfs/loading").iterdir())
    names = [path.name for path in linked.iterdir()]
    for name in ("mine.txt", *names):
        (outside / name).write_text("mine")
    for name in names:
        (linked / name).unlink()
    linked.rmdir()
    linked.symlink_to(outside)
    written = json.loads(marker.read_text())
    marker.write_text(json.dumps(written | {"files": [*written["files"], "../outside/mine.txt"]}))
    with pytest.raises(UsageError, match="not the demo's and in its way"):
        demo.build(world.directory)
    assert set(contents(outside).values()) == {b"mine"}
    assert len(contents(outside)) == len(names) + 1
