"""Real files of many archives, where they are at hand: beside the project, in ../shared/data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.model import Code, Problem, Sighting
from app.sources.experiments_json import ExperimentsJsonSource
from tests.servers.website import Website
from tests.sources.places import ACCESSION, REAL, config, read

PLACES = sorted({path.parent for path in REAL.glob("magetab/**/*") if path.is_file()} | set(REAL.glob("magetab/*")))
LISTINGS = [("experiments-sc.json", 133), ("sampleResults.json", 25)]


def absent(cases: int) -> None:
    print(f"{cases} cases did not run: there is no {REAL}")


def names_of(place: Path) -> Iterator[str]:
    """What looks like a dataset's name at the top of a place, worked out without the reader's code."""
    for entry in place.iterdir():
        file = re.fullmatch(r"(.*)[.-](idf|sdrf)\.(txt|tsv)", entry.name)
        if entry.is_dir():
            yield entry.name
        elif file and not file[1].endswith((".merged", ".condensed")):
            yield file[1]


def test_every_name_in_a_real_place_is_a_dataset_a_near_miss_or_neither() -> None:
    """Each folder of each archive is a place of its own. Nothing is lost, nothing made up, and nothing raises."""
    if not PLACES:
        return absent(200)
    assert len(PLACES) > 100
    for place in PLACES:
        sightings, problems = read(place)
        names = set(names_of(place))
        assert set(sightings) == {name for name in names if ACCESSION.fullmatch(name)}, place
        misses = {problem.path for problem in problems if problem.code is Code.NEAR_MISS}
        named = {sdrf.split(".sdrf.")[0] for seen in sightings.values() for sdrf in seen.metadata.sdrf_files}
        almost = {name for name in names - sightings.keys() - named if re.search(r"E-[A-Z]{4}-\d+", name)}
        assert len(misses) == len(almost), place
        assert all(any(Path(path).name.startswith(name) for path in misses) for name in almost), place


def test_what_real_files_say_is_fit_to_keep_and_found_again() -> None:
    if not PLACES:
        return absent(200)
    titled = 0
    for place in PLACES:
        sightings, _ = read(place)
        assert read(place, sightings)[0] == sightings
        for seen in sightings.values():
            json.dumps([str(seen)]).encode("ascii")
            assert "\\x00" not in repr(seen)
            titled += bool(seen.metadata.title)
            assert bool(seen.metadata.title) >= bool(seen.metadata.secondary_accessions), seen.location
    assert titled > 80


@pytest.mark.parametrize(("name", "count"), LISTINGS)
def test_a_real_listing_gives_every_accession_in_it(website: Website, name: str, count: int) -> None:
    found = list(REAL.glob(f"atlas_json/*/{name}"))
    if not found:
        return absent(1)
    body = found[0].read_bytes()
    records = [record.get("element", record) for record in json.loads(body)]
    accessions = {record["experimentAccession"] for record in records}
    assert len(accessions) == count

    url = website.serve("/experiments", body)
    seen = list(ExperimentsJsonSource(config(url, kind="experiments-json"), ACCESSION).read({}))
    assert not [item for item in seen if isinstance(item, Problem)]
    sightings = [item for item in seen if isinstance(item, Sighting)]
    assert {item.dataset for item in sightings} == accessions
    assert all(item.modified and item.metadata.title and item.metadata.organisms for item in sightings)
    assert {item.location for item in sightings} == {url}
