from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import stamina

from app.domain.model import Code, Metadata, Problem, Sighting
from app.errors import SourceError
from app.sources.experiments_json import ExperimentsJsonSource
from tests.servers.website import Reply, Website
from tests.sources.places import ACCESSION, config

RECORD = {
    "experimentAccession": "E-MTAB-1",
    "experimentDescription": "Mouse liver",
    "rawExperimentType": "RNASEQ_MRNA_BASELINE",
    "experimentType": "Baseline",
    "species": "Mus musculus",
    "technologyType": ["smart-seq", "10xv2", "smart-seq"],
    "lastUpdate": "31-10-2023",
    "loadDate": "01-01-2020",
}
SAID = Metadata(
    title="Mouse liver",
    experiment_types=("RNASEQ_MRNA_BASELINE",),
    organisms=("Mus musculus",),
    library_constructions=("smart-seq", "10xv2"),
)


@pytest.fixture(autouse=True)
def without_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


def source(url: str, **options: Any) -> ExperimentsJsonSource:
    given = config(url, name="public", kind="experiments-json", tech=("sc",), options=options)
    return ExperimentsJsonSource(given, ACCESSION)


def read(website: Website, listing: Any) -> tuple[list[Sighting], list[Problem]]:
    found = list(source(website.serve("/listing", json.dumps(listing).encode())).read({}))
    return [item for item in found if isinstance(item, Sighting)], [item for item in found if isinstance(item, Problem)]


def accession(*names: Any) -> list[dict[str, Any]]:
    return [{"experimentAccession": name} for name in names]


def nameless(number: int) -> tuple[Code, str]:
    return Code.BAD_RECORD, f"record {number}: its experimentAccession is missing or is no text"


@pytest.mark.parametrize(
    "listing",
    [
        [RECORD],
        {"experiments": [RECORD]},
        {"aaData": [RECORD]},
        [{"element": RECORD, "facets": []}],
        {"experiments": [{"element": RECORD}], "aaData": []},
    ],
)
def test_every_shape_of_listing_says_the_same(website: Website, listing: Any) -> None:
    sightings, problems = read(website, listing)
    where, modified = website.url("/listing"), datetime(2023, 10, 31, tzinfo=UTC)
    assert sightings == [Sighting("E-MTAB-1", "public", where, ("sc",), modified, SAID)]
    assert problems == []


@pytest.mark.parametrize(
    ("fields", "types"),
    [
        ({"experimentType": "Baseline"}, ("Baseline",)),
        ({"type": "Single-cell"}, ("Single-cell",)),
        ({"rawExperimentType": "", "type": ["a", "b", "a"]}, ("a", "b")),
        ({"rawExperimentType": None, "experimentType": 7}, ()),
        ({"type": "nul \0"}, ("nul \ufffd",)),
        ({"type": "half \ud83d"}, ("half \ufffd",)),
    ],
)
def test_the_first_field_that_says_something_is_taken(
    website: Website, fields: dict[str, Any], types: tuple[str, ...]
) -> None:
    (seen,), _ = read(website, [{"experimentAccession": "E-MTAB-1", **fields}])
    assert seen.metadata.experiment_types == types


@pytest.mark.parametrize(
    ("fields", "modified"),
    [
        ({"lastUpdate": "31-10-2023"}, datetime(2023, 10, 31, tzinfo=UTC)),
        ({"lastUpdated": "31/10/2023"}, datetime(2023, 10, 31, tzinfo=UTC)),
        ({"loadDate": "2023-10-31"}, datetime(2023, 10, 31, tzinfo=UTC)),
        ({"loadDate": "2023-10-31T12:30:00Z"}, datetime(2023, 10, 31, 12, 30, tzinfo=UTC)),
        ({"loadDate": "2023-10-31T12:30:00+02:00"}, datetime(2023, 10, 31, 10, 30, tzinfo=UTC)),
        ({"lastUpdate": "soon", "loadDate": "01-02-2020"}, datetime(2020, 2, 1, tzinfo=UTC)),
        ({"lastUpdate": "31-02-2020"}, None),
        ({"lastUpdate": "0001-01-01T00:00:00+23:00"}, None),
        ({"lastUpdate": 1698710400}, None),
        ({}, None),
    ],
)
def test_modified_is_the_first_date_that_can_be_read(
    website: Website, fields: dict[str, Any], modified: datetime | None
) -> None:
    (seen,), problems = read(website, [{"experimentAccession": "E-MTAB-1", **fields}])
    assert (seen.modified, problems) == (modified, [])


@pytest.mark.parametrize(
    ("records", "datasets", "problems"),
    [
        (accession("E-MTAB-1", "E-MTAB-2"), ["E-MTAB-1", "E-MTAB-2"], []),
        (accession("E-MTAB-1", "E-MTAB-1"), ["E-MTAB-1"], [(Code.REPEATED, "record 2 repeats E-MTAB-1")]),
        (accession("E-MTAB-1", None), ["E-MTAB-1"], [nameless(2)]),
        (accession(7, "", "  ", ["E-MTAB-2"], "E-MTAB-1"), ["E-MTAB-1"], list(map(nameless, range(1, 5)))),
        ([None, "E-MTAB-2", [], {}, {"element": {}}, {"element": 7}, *accession("E-MTAB-1")],
         ["E-MTAB-1"], list(map(nameless, range(1, 7)))),
        (accession("E-MTAB-1", "e-mtab-12"), ["E-MTAB-1"],
         [(Code.NEAR_MISS, "e-mtab-12 is almost the accession E-MTAB-12, but not quite; it is not tracked")]),
        (accession("PXD000288"), ["public:PXD000288"], []),
        (accession("two\nlines"), ["public:two lines"], []),
        (accession("E-MTAB-1", "x" * 300), ["E-MTAB-1"],
         [(Code.BAD_RECORD, "record 2: its experimentAccession is too long")]),
    ],
)  # fmt: skip
def test_a_bad_record_is_its_own_problem_and_the_rest_go_on(
    website: Website, records: list[Any], datasets: list[str], problems: list[tuple[Code, str]]
) -> None:
    sightings, found = read(website, records)
    assert [seen.dataset for seen in sightings] == datasets
    assert [(problem.code, problem.message) for problem in found] == problems
    assert all(problem.source == "public" and problem.path == website.url("/listing") for problem in found)


def test_of_a_repeated_record_the_first_is_taken(website: Website) -> None:
    (seen,), _ = read(website, [RECORD, {**RECORD, "experimentDescription": "another"}])
    assert seen.metadata.title == "Mouse liver"


@pytest.mark.parametrize("listing", [[], {"experiments": []}])
def test_an_empty_listing_is_a_good_read_of_nothing(website: Website, listing: Any) -> None:
    sightings, (problem,) = read(website, listing)
    assert sightings == []
    assert (problem.code, problem.message) == (Code.SOURCE_EMPTY, f"{website.url('/listing')} lists no dataset")


JSON = "did not answer with whole, well-formed JSON: is this the listing's address? Is its server well?"
SHAPE = 'is JSON but no listing of experiments: wanted is an array, or {"experiments": [...]}'


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(b""), "answered with nothing: is its server well? Try again later"),
        (Reply(b" \n"), "answered with nothing: is its server well? Try again later"),
        (Reply(b"<!DOCTYPE html><html>"), JSON),
        (Reply(b'[{"experimentAccession": "E-MTAB-1"}, {"exp'), JSON),
        (Reply(b"[" * 100_000), JSON),
        (Reply(b'["\xff"]'), JSON),
        (Reply(b'{"error": "try later"}'), SHAPE),
        (Reply(b'{"experiments": {"E-MTAB-1": {}}}'), SHAPE),
        (Reply(b"null"), SHAPE),
        (Reply(b'"E-MTAB-1"'), SHAPE),
        (Reply(b"[1, 2, 3]", truncate=4), "stopped in the middle of its answer: try again later"),
        (Reply(status=500), "answered 500: its server is in trouble; try again later"),
        (Reply(b"[" + b" " * 2000 + b"]"), "sends more than 1000 bytes, the most that is taken in"),
        (Reply(hang=True), "did not answer in full in the time allowed: is its server busy? Try again later"),
    ],
)
def test_a_listing_that_cannot_be_read_is_an_error_that_says_what_to_do(
    website: Website, reply: Reply, says: str
) -> None:
    url = website.serve_in_turn("/listing", reply)
    if reply.hang or b"[" * 1000 in reply.body:
        limits = {"timeout": 0.3} if reply.hang else {}
    else:
        limits = {"max_bytes": 1000}
    for ask in (lambda: list(source(url, **limits).read({})), source(url, **limits).probe):
        with pytest.raises(SourceError) as raised:
            ask()
        assert str(raised.value) == f"{url} {says}"
        assert raised.value.source == "public"


def test_neither_location_nor_problem_shows_a_secret(website: Website) -> None:
    website.serve("/listing", json.dumps([RECORD, RECORD, None]).encode())
    seen, *problems = source(website.url("/listing?key=s3cret")).read({})
    assert isinstance(seen, Sighting)
    assert seen.location == website.url("/listing?key=...")
    assert len(problems) == 2
    assert "s3cret" not in repr([seen, *problems])


def test_find_gives_those_that_are_asked_for(website: Website) -> None:
    url = website.serve("/listing", json.dumps(accession("E-MTAB-1", "E-MTAB-2", None)).encode())
    assert [seen.dataset for seen in source(url).find(["E-MTAB-2", "E-MTAB-404"], {})] == ["E-MTAB-2"]


@pytest.mark.parametrize(("count", "line"), [(0, "0 experiments"), (1, "1 experiment"), (133, "133 experiments")])
def test_probe_counts(website: Website, count: int, line: str) -> None:
    assert source(website.serve("/listing", json.dumps([RECORD] * count).encode())).probe() == line
