"""The script on real files of many archives, where they are at hand: beside the project, in ../shared/data.
What must come out is counted without any code of the readers."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.end_to_end.site import ROOT, Done, Site
from tests.servers.website import Website

REAL = ROOT.parent / "shared" / "data"
ACCESSION = re.compile(r"(E-[A-Z]{4}-[0-9]+)")
FLAT = re.compile(rf"{ACCESSION.pattern}[.-](idf|sdrf)\.(txt|tsv)", re.IGNORECASE)

FLAGS: Mapping[str, list[str]] = {
    "-s alone": [],
    "-s and -d": ["-d", "databases.json"],
    "-s, -d and -q": ["-d", "databases.json", "-q", "species.txt"],
}


def absent(cases: int) -> None:
    print(f"{cases} cases did not run: there is no {REAL}")


def places() -> list[Path]:
    """The folders with datasets in them, or none; those that lie inside a dataset are not places."""
    folders = [Path(folder) for folder, _, _ in os.walk(REAL / "magetab")]
    return [folder for folder in folders if not ACCESSION.fullmatch(folder.name)]


def datasets(place: Path) -> Iterator[str]:
    for entry in place.iterdir():
        if entry.is_dir() and ACCESSION.fullmatch(entry.name):
            yield entry.name
        elif not entry.is_dir() and (match := FLAT.fullmatch(entry.name)):
            yield match[1]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Each folder of each archive is a place of its own; every third is of external ones, of which some pass."""
    site = Site(tmp_path)
    states = ("external", "loading", "published")
    site.configure({str(place): {"stage": [states[number % 3]]} for number, place in enumerate(places())})
    site.write("databases.json", {"gxpatlaspro": {"dbtype": "sqlite", "path": "gxpatlaspro.db"}})
    site.write("species.txt", "Homo sapiens\nMus musculus\nArabidopsis thaliana\n")
    known = sorted({accession for place in places() for accession in datasets(place)})
    site.curation({accession: ("PASS", "no raw files", None)[number % 3] for number, accession in enumerate(known)})
    return site


def accessions(site: Site) -> set[str]:
    """Those that were published."""
    tables = [site.root / f"var/out/{tab}_experiments.csv" for tab in ("discover", "track_ingested")]
    return {row["Accession"] for table in tables for row in csv.DictReader(table.read_text().splitlines())}


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_every_dataset_that_lies_in_a_real_place_is_accounted_for(
    tmp_path: Path, flags: list[str], request: pytest.FixtureRequest
) -> None:
    if not REAL.exists():
        return absent(1)
    site: Site = request.getfixturevalue("site")
    expected = {accession for place in places() for accession in datasets(place)}
    assert len(expected) > 50
    done: Done = site.script("-s", "sources_config.json", *flags)
    assert done.code == 0 and "Run 1 succeeded" in done.out
    assert accessions(site) == expected

    databases = ["--databases", "databases.json"] if flags else []
    report = site.crawl("--full", *databases, *[f"--species={place}" for place in flags[3:]]).json
    assert report["changes"] == []
    per_place = {source["name"]: source["sightings"] for source in report["sources"]}
    assert per_place == {str(place): len(set(datasets(place))) for place in places()}


@pytest.mark.parametrize(("name", "count"), [("experiments-sc.json", 133), ("sampleResults.json", 25)])
def test_every_accession_of_a_real_listing_is_there(website: Website, tmp_path: Path, name: str, count: int) -> None:
    found = list(REAL.glob(f"atlas_json/*/{name}"))
    if not found:
        return absent(1)
    body = found[0].read_bytes()
    listed = {record.get("element", record)["experimentAccession"] for record in json.loads(body)}
    assert len(listed) == count

    site = Site(tmp_path)
    site.configure({website.serve("/gxa/json/experiments", body): {"stage": ["published"], "tech": ["sc"]}})
    done = site.script("-s", "sources_config.json")
    assert done.code == 0 and f"{count} new: {count} published" in done.out
    assert accessions(site) == listed
    assert len(website.requests) == 1
