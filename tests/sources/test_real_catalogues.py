"""Real files of many catalogues, where they are at hand (beside the project, in ../shared/data): each is read, or
refused for the right reason. The outcomes were checked by hand, file by file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import app
from app.domain.catalogue import Asked
from app.domain.model import LogStatus, Severity
from tests.harvest.scripted import counted
from tests.servers.website import Website
from tests.sources.contract import DataJson, Desk
from tests.sources.places import REAL
from tests.sources.test_real_files import absent

NO_NAME = "identifier: is missing or empty, wanted is a text"
NO_TITLE = "title: is missing or empty, wanted is a text"
LOST = "is no JSON: whose record it is cannot be told, so none counts as gone"
NO_PARENT = "isPartOf: what it is a part of is not there"
TWICE = "stands there twice, and says something else each time; the first was taken"

# How many records are shown; what keeps others from it; or why the run fails.
OUTCOMES: dict[str, tuple[int, dict[str, int], str]] = {
    "catalog.data.gov/data.json": (8, {}, ""),
    "ckan-ng-harvest/healthdata.gov.data.json": (1629, {LOST: 27, TWICE: 106}, ""),
    "ckan-ng-harvest/usda.gov.data-2-datasets.json": (2, {}, ""),
    "ckan-ng-harvest/usda.gov.data-3-datasets.json": (3, {}, ""),
    "ckanext-datajson/arm.data.json": (3, {}, ""),
    "ckanext-datajson/collection-1-parent-2-children.data.json": (3, {}, ""),
    "ckanext-datajson/collection-2-parent-4-children.data.json": (6, {}, ""),
    "ckanext-datajson/geospatial.data.json": (2, {}, ""),
    "ckanext-datajson/large-spatial.data.json": (0, {"spatial: is longer than 32,766 characters": 1}, ""),
    "ckanext-datajson/many-resources.data.json": (1, {}, ""),
    "ckanext-datajson/missing-catalog.data.json": (1, {NO_NAME: 1}, ""),
    "ckanext-datajson/missing-dataset-fields.data.json": (1, {NO_NAME: 1}, ""),
    "ckanext-datajson/missing-identifier-title.data.json": (1, {NO_NAME: 1, NO_TITLE: 1}, ""),
    "ckanext-datajson/null-spatial.data.json": (1, {}, ""),
    "ckanext-datajson/numerical-title.data.json": (1, {}, ""),
    "ckanext-datajson/ny.data.json": (1, {}, ""),
    "ckanext-datajson/reserved-title.data.json": (1, {}, ""),
    "ckanext-datajson/usda.gov.data.json": (3, {}, ""),
    "ckanext-dcat/catalog.json": (2, {}, ""),
    "ckanext-dcat/catalog.rdf": (0, {}, "is no JSON"),
    "ckanext-dcat/catalog_datasets_list.rdf": (0, {}, "is no JSON"),
    "ckanext-dcat/catalog_pod.jsonld": (1, {}, ""),
    "ckanext-geodatagov/sample5_data.json": (2, {}, ""),
    "ckanext-geodatagov/sample6_bad_data.json": (0, {LOST: 1}, ""),
    "datagov-harvester/dcatus.json": (6, {NO_PARENT: 1}, ""),
    "datagov-harvester/dcatus3_0.json": (3, {NO_NAME: 1}, ""),
    "datagov-harvester/dcatus3_0_with_services.json": (3, {}, ""),
    "datagov-harvester/dcatus_2.json": (3, {}, ""),
    "datagov-harvester/dcatus_bad_license_uri.json": (1, {}, ""),
    "datagov-harvester/dcatus_no_identifier.json": (0, {NO_NAME: 1}, ""),
    "datagov-harvester/dcatus_single_record.json": (1, {}, ""),
    "datagov-harvester/missing_title.json": (0, {NO_TITLE: 1}, ""),
    "project-open-data/v1.0/catalog-sample-extended.csv": (0, {}, "neither array nor object"),
    "project-open-data/v1.0/catalog-sample-extended.json": (3, {}, ""),
    "project-open-data/v1.0/catalog-sample.csv": (0, {}, "neither array nor object"),
    "project-open-data/v1.0/catalog-sample.json": (3, {}, ""),
    "project-open-data/v1.1/catalog-sample-extended.json": (2, {NO_PARENT: 1}, ""),
    "project-open-data/v1.1/catalog-sample.json": (3, {}, ""),
    **{f"udata-ods/{name}.json": (0, {}, "has no `dataset`")
       for name in ("empty", "inspire", "no-data", "test-a", "test-b", "test-c", "test-shp-limit", "with-attachments")},
}  # fmt: skip


@pytest.fixture
def website() -> Iterator[Website]:
    with Website() as website:
        yield website


@pytest.fixture
def desk(website: Website, tmp_path: Path) -> Desk:
    return Desk(DataJson(website), tmp_path, chunk=500)


def test_no_file_is_left_out() -> None:
    if not REAL.is_dir():
        return absent(1)
    there = (path for path in (REAL / "datajson").rglob("*") if path.is_file())
    assert {str(path.relative_to(REAL / "datajson")) for path in there} == OUTCOMES.keys()


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_real_catalogue_is_read_or_refused(website: Website, desk: Desk, name: str) -> None:
    if not REAL.is_dir():
        return absent(1)
    shown, wrong, refused = OUTCOMES[name]
    website.serve("/data.json", (REAL / "datajson" / name).read_bytes())
    log = desk.harvest()
    assert (log.status is LogStatus.FAILED) == bool(refused)
    assert refused in log.error_message
    assert len(desk.shown()) == shown
    problems = [each for each in desk.store.harvests.problems(log.id) if each.severity is Severity.ERROR]
    assert Counter(each.message for each in problems) == wrong


def told(path: Path) -> dict[str, str]:
    """Identifier -> what the record says, by another reader."""
    return {each["identifier"]: json.dumps(each, sort_keys=True) for each in json.loads(path.read_bytes())["dataset"]}


@pytest.mark.parametrize(
    ("portal", "dates"),
    [
        ("02b-17113", ["20210529", "20210622", "20210716"]),
        ("10b-55093", ["20210210", "20210622", "20210927"]),
        ("10b-55109", ["20210210", "20210622"]),
    ],
)
def test_a_feed_over_time_counts_what_is_new_changed_and_gone(
    website: Website, desk: Desk, portal: str, dates: list[str]
) -> None:
    if not REAL.is_dir():
        return absent(1)
    before: dict[str, str] = {}
    ever: set[str] = set()
    for date in dates:
        path = REAL / "arcgis" / "hub-dcat" / f"{portal}_{date}.json"
        website.serve("/data.json", path.read_bytes())
        now, log = told(path), desk.harvest()
        assert log.status is LogStatus.SUCCEEDED
        assert counted(log).get("seen") == len(now)
        assert counted(log).get("new", 0) == len(now.keys() - ever)
        assert counted(log).get("gone", 0) == len(before.keys() - now.keys())
        same = [name for name in now.keys() & before.keys() if now[name] == before[name]]
        assert counted(log).get("unchanged", 0) >= len(same)
        assert sorted(desk.shown()) == sorted(now)
        before, ever = now, ever | now.keys()


def test_a_feed_that_drops_to_nothing_is_held_until_it_returns(website: Website, tmp_path: Path) -> None:
    if not REAL.is_dir():
        return absent(1)
    feeds = REAL / "arcgis" / "hub-dcat"
    desk = Desk(DataJson(website), tmp_path)
    with app.open_tracker(desk.config, writing=True) as tracker:
        website.serve("/data.json", (feeds / "02b-17113_20210529.json").read_bytes())
        assert tracker.harvest(None, Asked()).exit_code == 0
        shown = tracker.store.states()
        assert len(shown) == 42
        website.serve("/data.json", (feeds / "05b-27017_20210529.json").read_bytes())
        assert tracker.harvest(None, Asked()).exit_code == 4
        assert tracker.store.states() == shown
        website.serve("/data.json", (feeds / "02b-17113_20210529.json").read_bytes())
        assert tracker.harvest(None, Asked()).exit_code == 0
        assert tracker.store.states() == shown
