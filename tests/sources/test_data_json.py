"""data.json: what is read, what is refused, and which faults are whose."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.model import LogStatus, Severity
from app.errors import RecordError
from app.sources.records import dcat, dcat_us
from tests.harvest.scripted import counted
from tests.servers.website import Website
from tests.sources.contract import DataJson, Desk, Study
from tests.sources.contract import dcat_us as dataset

V11 = "https://project-open-data.cio.gov/v1.1/schema"


@pytest.fixture
def website() -> Iterator[Website]:
    with Website() as website:
        yield website


@pytest.fixture
def desk(website: Website, tmp_path: Path) -> Desk:
    return Desk(DataJson(website), tmp_path)


def record(identifier: object, **more: Any) -> dict[str, Any]:
    return {**dataset(Study("", f"Study {identifier}")), "identifier": identifier, **more}


def serve(website: Website, document: Any) -> None:
    website.serve("/data.json", document if isinstance(document, bytes) else json.dumps(document).encode())


def catalogue(*datasets: Any, **more: Any) -> dict[str, Any]:
    return {"conformsTo": V11, "dataset": list(datasets), **more}


def faults(desk: Desk, log: int) -> set[tuple[str, str]]:
    return {
        (each.identifier, each.message) for each in desk.store.harvests.problems(log) if each.severity is Severity.ERROR
    }


def warnings(desk: Desk, log: int) -> set[tuple[str, str]]:
    every = desk.store.harvests.problems(log)
    return {(each.identifier, each.message) for each in every if each.severity is Severity.WARNING}


# --------------------------------------------------------------------------- the document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"<html></html>", "is no JSON"),
        (json.dumps(catalogue(record("a")))[:-1].encode(), "ends in the middle"),
        (b"", "is empty"),
        ({"conformsTo": V11, "title": "A catalogue"}, "has no `dataset`"),
        ({"conformsTo": V11, "dataset": {"identifier": "a"}}, "dataset is no array"),
        (catalogue(record("a"), conformsTo="https://example.org/another"), "neither DCAT-US 1.1 nor 3.0"),
        (catalogue(record("a"), conformsTo={"title": "DCAT-US 4.0"}), "neither DCAT-US 1.1 nor 3.0"),
        ("a text", "neither array nor object"),
    ],
)
def test_what_is_no_catalogue_is_refused_and_nothing_is_gone(
    website: Website, desk: Desk, document: Any, message: str
) -> None:
    serve(website, catalogue(record("a"), record("b")))
    desk.harvest()
    serve(website, document)
    failed = desk.harvest()
    assert (failed.status, failed.counters.gone) == (LogStatus.FAILED, 0)
    assert message in failed.error_message
    assert failed.error_message.endswith("is this the address of a data.json?")
    assert sorted(desk.shown()) == ["a", "b"]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([record("a")], "the catalogue is a list, as in version 1.0 of its schema"),
        ({"dataset": [record("a")]}, "the catalogue does not say which version it follows (conformsTo)"),
    ],
)
def test_an_old_form_is_read_and_said(website: Website, desk: Desk, document: Any, told: str) -> None:
    serve(website, document)
    done = desk.harvest()
    assert counted(done) == {"seen": 1, "new": 1}
    assert ("", told) in warnings(desk, done.id)


@pytest.mark.parametrize("version", [V11, "https://resources.data.gov/dcat-us/3.0.0", {"title": "DCAT-US 3.0"}])
def test_the_version_may_stand_before_or_after(website: Website, desk: Desk, version: Any) -> None:
    serve(website, {"dataset": [record("a")], "conformsTo": version})
    done = desk.harvest()
    assert (done.status, warnings(desk, done.id)) == (LogStatus.SUCCEEDED, set())


def test_it_is_read_in_bounded_memory(website: Website, desk: Desk) -> None:
    """No more is held than some records: those that have to wait for others do so on disk."""
    serve(website, catalogue(*(record(f"c-{n}", isPartOf=f"p-{n % 7}") for n in range(200)),
                             *(record(f"p-{n}") for n in range(7))))  # fmt: skip
    told = desk.catalogue.records(None, _Nobody())  # type: ignore[arg-type]
    names = [each.identifier for each in told]
    assert names[:7] == [f"p-{n}" for n in range(7)], "parents first"
    assert names[7:] == [f"c-{n}" for n in range(200)]


class _Nobody:
    def wait(self) -> None: ...

    def known(self, identifiers: object) -> dict[str, Any]:
        return {}


def test_a_series_as_socrata_writes_it(website: Website, desk: Desk) -> None:
    """It escapes slashes or does not, and turns the order of fields and records about, without a change of any."""

    def view(name: str, **more: Any) -> dict[str, Any]:
        return record(
            f"https://data.example.org/api/views/{name}", landingPage=f"https://data.example.org/d/{name}", **more
        )

    names = ("22ew-dxez", "rppv-wbiv", "pwgb-7r9t", "a4y5-998d")
    serve(website, catalogue(*map(view, names)))
    assert counted(desk.harvest()) == {"seen": 4, "new": 4}
    turned = [dict(reversed(view(name).items())) for name in reversed(names)]
    website.serve("/data.json", json.dumps(catalogue(*turned), indent=1).replace("/", "\\/").encode())
    assert counted(desk.harvest()) == {"seen": 4, "unchanged": 4}
    serve(website, catalogue(view(names[0], modified="2026-02-01"), *map(view, names[1:3]), view("2222-2222")))
    assert counted(desk.harvest()) == {"seen": 4, "new": 1, "changed": 1, "unchanged": 2, "gone": 1}
    serve(website, catalogue(*map(view, names)))
    assert counted(desk.harvest()) == {"seen": 4, "changed": 1, "unchanged": 3, "gone": 1}


# --------------------------------------------------------------------------- records


def test_faults_are_those_of_the_record(website: Website, desk: Desk) -> None:
    untitled = record("untitled")
    del untitled["title"]
    serve(website, catalogue(
        record("good"), record(""), record(None), record("good", title="Another"), untitled,
        record("wide", spatial="x" * 32_767), "no object", record({"@type": "Identifier"}), record(7, title=8),
    ))  # fmt: skip
    done = desk.harvest()
    assert (done.status, desk.shown()) == (LogStatus.SUCCEEDED, {"good": "Study good", "7": "8"})
    missing = "identifier: is missing or empty, wanted is a text"
    assert faults(desk, done.id) >= {
        ("record 2", missing),
        ("record 3", missing),
        ("record 8", missing),
        ("record 7", "is no JSON object"),
        ("untitled", "title: is missing or empty, wanted is a text"),
        ("wide", "spatial: is longer than 32,766 characters"),
    }
    assert any(name == "good" for name, _ in faults(desk, done.id)), "its identifier is repeated"


def test_an_element_that_is_no_json_makes_nothing_gone(website: Website, desk: Desk) -> None:
    serve(website, catalogue(record("a"), record("b"), record("c")))
    desk.harvest()
    broken = json.dumps(catalogue(record("a"), record("b"))).replace('"b", "title"', '"b\\x", "title"').encode()
    serve(website, broken)
    done = desk.harvest()
    assert (done.status, counted(done)) == (LogStatus.SUCCEEDED, {"seen": 1, "unchanged": 1, "failed": 1})
    assert sorted(desk.shown()) == ["a", "b", "c"]
    assert faults(desk, done.id) == {
        ("record 2", "is no JSON: whose record it is cannot be told, so none counts as gone")
    }
    serve(website, catalogue(record("a"), record("b")))
    assert counted(desk.harvest()) == {"seen": 2, "unchanged": 2, "gone": 1}


def test_the_order_of_keys_and_blanks_is_no_change(website: Website, desk: Desk) -> None:
    told = record("a", distribution=[{"downloadURL": "https://example.org/a", "mediaType": "text/csv"}])
    serve(website, catalogue(told))
    desk.harvest()
    turned = {key: told[key] for key in reversed(told)}
    turned["distribution"] = [{key: each[key] for key in reversed(each)} for each in told["distribution"]]
    serve(website, json.dumps(catalogue(turned), indent=4).encode())
    assert counted(desk.harvest()) == {"seen": 1, "unchanged": 1}


def test_parts_come_after_what_they_are_a_part_of(website: Website, desk: Desk) -> None:
    parts = [record("part", isPartOf="whole"), record("lost", isPartOf="nowhere"), record("deep", isPartOf="part")]
    serve(website, catalogue(*parts, record("whole")))
    done = desk.harvest()
    assert sorted(desk.shown()) == ["part", "whole"]
    assert faults(desk, done.id) == {
        ("lost", "isPartOf: what it is a part of is not there"),
        ("deep", "isPartOf: what it is a part of is itself a part of another"),
    }
    serve(website, catalogue(record("part"), record("whole")))
    assert counted(desk.harvest()) == {"seen": 2, "changed": 1, "unchanged": 1}, "to be promoted is a change"
    serve(website, catalogue(record("part", isPartOf="whole"), record("whole")))
    assert counted(desk.harvest()) == {"seen": 2, "changed": 1, "unchanged": 1}, "and so is the way back"
    serve(website, catalogue(record("part", isPartOf="whole")))
    done = desk.harvest()
    assert counted(done) == {"seen": 1, "unchanged": 1, "failed": 1, "gone": 1}
    assert sorted(desk.shown()) == ["part"], "what is there stays as it was known"


def test_filters_and_defaults(website: Website, tmp_path: Path) -> None:
    desk = Desk(
        DataJson(website), tmp_path,
        filters={"accessLevel": ["public"], "keyword": ["soil", "water"]}, defaults={"title": "Without a title"},
    )  # fmt: skip
    untitled = record("c", keyword=["air", "water"])
    del untitled["title"]
    serve(website, catalogue(
        record("a", keyword=["soil"]), record("b", keyword=["soil"], accessLevel="non-public"), untitled, record("d"),
    ))  # fmt: skip
    done = desk.harvest()
    assert desk.shown() == {"a": "Study a", "c": "Without a title"}
    assert warnings(desk, done.id) == {("", "2 records were left out, as `filters` says")}


# --------------------------------------------------------------------------- version 3.0


def three(kind: str, identifier: Any, **more: Any) -> dict[str, Any]:
    told = record(identifier, title=f"{kind} {identifier}", **more)
    del told["accessLevel"]
    return {"@type": kind, **told}


def test_services_series_and_other_catalogues_are_read(website: Website, desk: Desk) -> None:
    serve(website, {
        "conformsTo": {"@id": "https://resources.data.gov/dcat-us/3.0.0"},
        "dataset": [three("Dataset", {"@id": "https://example.org/1"}), three("Dataset", "2", inSeries=["s"])],
        "service": [three("DataService", "api", endpointURL=["https://example.org/api"])],
        "datasetSeries": [three("DatasetSeries", "s", seriesMember=[three("Dataset", "3")])],
        "catalog": [{**three("Catalog", ""), "@id": "https://example.org/inner", "dataset": [three("Dataset", "4")]}],
    })  # fmt: skip
    done = desk.harvest()
    assert (done.status, faults(desk, done.id), warnings(desk, done.id)) == (LogStatus.SUCCEEDED, set(), set())
    assert sorted(desk.shown()) == ["2", "3", "4", "api", "https://example.org/1", "https://example.org/inner", "s"]
    told = {each.identifier: each.facts.more for each in desk.store.harvests.shown("catalogue")}
    assert {name: more["parent"] for name, more in told.items() if "parent" in more} == {
        "2": "s", "3": "s", "4": "https://example.org/inner"
    }  # fmt: skip
    assert told["api"]["distributions"] == [{"url": "https://example.org/api", "format": "service"}]


def test_a_series_does_not_change_with_its_members(website: Website, desk: Desk) -> None:
    series = three("DatasetSeries", "s")
    for members in ([three("Dataset", "1")], [three("Dataset", "1"), three("Dataset", "2")]):
        serve(website, {"conformsTo": {"title": "DCAT-US 3.0"}, "datasetSeries": [{**series, "seriesMember": members}]})
        done = desk.harvest()
    assert counted(done) == {"seen": 3, "new": 1, "unchanged": 2}


# --------------------------------------------------------------------------- the rules


def test_a_record_that_keeps_the_rules_has_no_warnings() -> None:
    assert [*dcat_us.breaches(record("a"), dcat_us.OTHERS)] == []
    federal = record("a", bureauCode=["015:11"], programCode=["015:001"], keyword=["soil"], modified="2026-01-31")
    assert dcat_us.profile(federal) == dcat_us.FEDERAL
    assert [*dcat_us.breaches(federal, dcat_us.FEDERAL)] == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"license": "none"}, "license: is a text of another form, wanted is an address such as https://example.org/a"),
        ({"accessLevel": "open"},
         "accessLevel: is a text of another form, wanted is public, restricted public or non-public"),
        ({"keyword": []}, "keyword: is empty, wanted is a list of texts"),
        ({"publisher": {}}, "publisher.name: is missing, wanted is a text"),
        ({"contactPoint": None}, "contactPoint: is null, wanted is an object with fn and hasEmail"),
        ({"distribution": [{"downloadURL": "https://example.org/a"}]},
         "distribution[].mediaType: is missing, wanted is a media type such as text/csv"),
        ({"title": 7}, "title: is a number, wanted is a text"),
        ({"modified": "last week", "bureauCode": ["015:11"]},
         "modified: is a text of another form, wanted is a date as ISO 8601 writes it, such as 2026-01-31, or an "
         "interval such as R/P1D"),
        ({"bureauCode": ["999:99"]}, "bureauCode: holds a code that no bureau has; wanted are codes such as 015:11"),
    ],
)  # fmt: skip
def test_a_breach_says_the_field_what_was_found_and_what_is_wanted(fields: dict[str, Any], message: str) -> None:
    told = record("a", **fields)
    assert message in [*dcat_us.breaches(told, dcat_us.profile(told))]


@pytest.mark.parametrize("kind", dcat_us.TYPES_OF_3)
def test_version_3_has_rules_for_each_type(kind: str) -> None:
    good = three(kind, "a", endpointURL=["https://example.org"])
    assert dcat_us.profile(good) == dcat_us.THREE
    assert [*dcat_us.breaches(good, dcat_us.THREE)] == []
    bad = [*dcat_us.breaches({"@type": kind, "modified": "yesterday"}, dcat_us.THREE)]
    assert "title: is missing, wanted is a text" in bad
    assert any(message.startswith("modified: is a text of another form") for message in bad)


def test_warnings_do_not_keep_a_record_from_being_used(website: Website, desk: Desk) -> None:
    serve(website, catalogue(record("a", license="none"), record("b", license="free", title="")))
    done = desk.harvest()
    assert [*desk.shown()] == ["a"]
    assert {name for name, _ in warnings(desk, done.id)} == {"a", "b"}
    assert {name for name, _ in faults(desk, done.id)} == {"b"}
    assert len({message for _, message in warnings(desk, done.id)}) == 1, "the same fault is the same sentence"


def test_every_bureau_has_a_code_and_a_name() -> None:
    assert len(dcat_us.bureaus()) > 300
    assert dcat_us.bureaus()["001:05"] == "Senate"


# --------------------------------------------------------------------------- facts


def test_all_that_is_said_becomes_facts() -> None:
    facts = dcat.understood(record(
        "a", title=" Soil\n samples ", keyword=["Soil; Water", "Earth > Air"], theme=["Geology"],
        modified="2026-01-31T10:00:00+02:00", issued="2020", landingPage="https://example.org/a",
        spatial="-10,40,5,60", temporal="2020-01-01/2021-01-01",
        distribution=[{"downloadURL": "https://example.org/a.csv", "mediaType": "text/csv", "byteSize": "12"}],
    ), 100)  # fmt: skip
    assert (facts.title, facts.identifiers) == ("Soil samples", ("https://example.org/a",))
    assert facts.modified is not None
    assert facts.modified.isoformat() == "2026-01-31T08:00:00+00:00"
    assert facts.more == {
        "issued": "2020",
        "organisation": "A laboratory",
        "contact": "The desk <desk@example.org>",
        "keywords": ["soil", "water", "earth", "air", "geology"],
        "spatial": "-10,40,5,60",
        "box": [-10.0, 40.0, 5.0, 60.0],
        "temporal": "2020-01-01/2021-01-01",
        "distributions": [{"url": "https://example.org/a.csv", "format": "text/csv", "size": 12}],
    }


@pytest.mark.parametrize(
    ("spatial", "box"),
    [
        ("1,2,3,4", [1, 2, 3, 4]),
        ([{"bbox": "POLYGON((1 2, 3 2, 3 4, 1 4, 1 2))"}], [1, 2, 3, 4]),
        ('{"type":"Polygon","coordinates":[[[1,2],[3,2],[3,4],[1,4],[1,2]]]}', [1, 2, 3, 4]),
        ("3,4,1,2", None),
        ("Wales", None),
        ("1,2,3", None),
        ("1,2,3,400", None),
        (None, None),
        ({"a": 1}, None),
    ],
)
def test_an_extent_is_understood_or_left_as_it_is(spatial: Any, box: list[float] | None) -> None:
    facts = dcat.understood(record("a", spatial=spatial), 1_000)
    assert facts.more.get("box") == box


def test_whatever_stands_in_a_record_it_is_facts_or_a_record_error() -> None:
    chance = random.Random(7)
    values: list[Any] = [
        None,
        True,
        0,
        -1.5,
        10**400,
        "",
        "\0",
        "a" * 300,
        [],
        {},
        [[]],
        {"@id": {}},
        [None, {"name": 1}],
    ]
    fields = [
        *record("a"), "keyword", "theme", "spatial", "temporal", "distribution", "isPartOf", "inSeries", "modified",
        "issued", "landingPage", "@type", "@id", "endpointURL", "bureauCode", "references",
    ]  # fmt: skip
    for _ in range(2_000):
        told = record("a") | {chance.choice(fields): chance.choice(values) for _ in range(chance.randrange(6))}
        warned = [*dcat_us.breaches(told, dcat_us.profile(told))]
        try:
            facts = dcat.understood(told, 100, "", warned)
        except RecordError as error:
            assert all(": " in message for message in error.messages)
        else:
            json.dumps(dict(facts.more))
