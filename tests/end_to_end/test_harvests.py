"""Harvests as a person or a script asks for them: what is said, how it ends, and how one that is on is stopped."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.site import Site
from tests.servers.website import Website

COUNTERS = ("seen", "new", "changed", "unchanged", "gone", "failed")


@pytest.fixture
def site(tmp_path: Path, website: Website) -> Site:
    """Two catalogues, and a place that is none."""
    site = Site(tmp_path)
    site.fill("loading", ["E-MTAB-1"])
    entry = {"stage": "external", "kind": "json-listing", "identifier": "id", "allow_private_addresses": True}
    entry |= {"retries": 0}
    site.configure(
        {
            "loading": {"stage": ["loading"]},
            website.url("/studies.json"): {**entry, "name": "studies"},
            website.url("/others.json"): {**entry, "name": "others"},
        }
    )
    serve(website, "studies", 3)
    serve(website, "others", 2, "O")
    return site


def serve(website: Website, name: str, count: int, prefix: str = "S", **how: Any) -> None:
    listed = [{"id": f"{prefix}-{number}", "title": f"Study {number}", "more": "." * 2_000} for number in range(count)]
    website.serve(f"/{name}.json", json.dumps(listed).encode(), **how)


def test_a_script_is_told_of_every_run(site: Site, website: Website) -> None:
    done = site.run("harvest", "all", "--json")
    assert done.code == 0
    first, second = done.json["runs"]
    assert {*first} == {"id", "source", "status", "start", "end", *COUNTERS, "seconds", "error"}
    assert [first[name] for name in ("source", "status", "error")] == ["studies", "succeeded", ""]
    assert [first[name] for name in COUNTERS] == [3, 3, 0, 0, 0, 0]
    assert (second["source"], second["seen"]) == ("others", 2)
    assert done.json["crawl"]["counts"]["external"] == 5
    serve(website, "studies", 2)
    (again,) = site.run("harvest", "studies", "--json").json["runs"]
    assert [again[name] for name in COUNTERS] == [2, 0, 0, 2, 1, 0]
    assert again["id"] > second["id"]
    assert again["start"] == first["end"]


def test_a_person_is_told_what_was_found_and_where_more_is_said(site: Site, website: Website) -> None:
    website.serve("/studies.json", b'[{"id": "S-1", "title": "One"}, {"id": "S-2"}, {"title": "Three"}]')
    done = site.run("harvest", "studies")
    assert (done.code, done.err) == (0, "")
    assert [word for word in ("studies", "succeeded", "runs show h1") if word not in done.out] == []
    told = site.run("runs", "show", "h1")
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[:2] == ["Harvest h1 of studies", "It went well: 2 records."]
    assert lines[2].startswith("Asked for: all records of studies, ")
    assert "has no title" in told.out and "S-1, S-2" in told.out
    assert lines[-1].startswith("2 records could not be used: tell the people of the catalogue")
    assert len(lines) < 25
    faults = [json.loads(line) for line in site.run("runs", "problems", "h1").out.splitlines()]
    assert [fault["identifier"] for fault in faults] == ["record 3", "S-2"]
    (only,) = site.run("runs", "problems", "h1", "--message", "has no title").out.splitlines()
    assert json.loads(only) == faults[1]


def test_what_went_well_needs_nothing_to_be_done(site: Site) -> None:
    assert site.run("harvest", "studies").code == 0
    told = site.run("runs", "show", "1").out
    assert told.splitlines()[-1] == "There is nothing to do."
    assert site.run("runs", "show", "h1", "--json").json["advice"] == []


def test_it_ends_by_what_came_of_it(site: Site, website: Website) -> None:
    website.serve("/others.json", status=500)
    partly = site.run("harvest", "all")
    assert (partly.code, "failed" in partly.out, "answered 500" in partly.out) == (3, True, True)
    website.serve("/studies.json", b"<html>")
    failed = site.run("harvest", "all", "--json")
    assert failed.code == 1
    assert [run["status"] for run in failed.json["runs"]] == ["failed", "failed"]
    assert failed.json["crawl"]["counts"]["external"] == 3
    assert [log["status"] for log in site.run("runs", "--status", "succeeded", "--json").json["harvests"]] == [
        "succeeded"
    ]


def test_after_five_failures_a_person_is_asked_to_look(site: Site, website: Website) -> None:
    website.serve("/others.json", status=500)
    for _ in range(5):
        failed = site.run("harvest", "others", "--json")
        assert failed.code == 1
    asked = len(website.requests)
    refused = site.run("harvest", "others", "--json")
    assert (refused.code, refused.json["runs"], len(website.requests)) == (1, [], asked)
    assert refused.json["refused"]["others"].startswith("the last 5 runs of others failed, so it is not asked again")
    assert "--force" in site.run("runs", "show", str(failed.json["runs"][0]["id"])).out
    serve(website, "others", 2)
    assert site.run("harvest", "others", "--force").code == 0
    assert site.run("harvest", "others").code == 0


def test_no_record_is_kept_if_none_is_wanted(site: Site, website: Website) -> None:
    (log,) = site.run("harvest", "studies", "--limit", "0", "--json").json["runs"]
    assert (log["status"], log["seen"], website.requests) == ("succeeded", 0, [])
    (log,) = site.run("harvest", "studies", "--limit", "2", "--json").json["runs"]
    assert (log["seen"], log["new"]) == (2, 2)
    (log,) = site.run("harvest", "studies", "--json").json["runs"]
    assert (log["seen"], log["new"], log["unchanged"]) == (3, 1, 2)


def test_records_may_be_kept_and_understood_another_time(site: Site) -> None:
    done = site.run("harvest", "studies", "--no-transform", "--json")
    assert (done.code, done.json["crawl"], done.json["runs"][0]["new"]) == (0, None, 3)
    assert site.run("raw", "show", "studies", "S-0").code == 0
    done = site.run("harvest", "studies", "--json")
    assert (done.json["runs"][0]["unchanged"], done.json["crawl"]["counts"]["external"]) == (3, 3)


def test_where_no_source_is_a_catalogue_that_is_said(site: Site) -> None:
    site.configure({"loading": {"stage": ["loading"]}})
    done = site.run("harvest", "all")
    assert (done.code, done.out) == (0, "There is nothing to read: no source is a catalogue.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["harvest", "nowhere"], "nowhere"),
        (["harvest", "loading"], "loading: no catalogue; `crawl` reads it"),
        (["harvest", "studies", "--start", "2026-02-01", "--end", "2026-01-01"], "is not before --end 2026-01-01"),
        (["harvest", "studies", "--start", "soon"], "soon"),
        (["runs", "--status", "fine"], "'fine' is none; allowed: created, started, split, succeeded,"),
        (["runs", "--source", "nowhere"], "nowhere"),
        (["runs", "show", "h7"], "there is no harvest h7; `runs` lists them"),
        (["runs", "show", "seven"], "'seven' is no harvest"),
        (["runs", "cancel", "h7"], "harvest h7 is not on"),
        (["schedule"], "name catalogues, or say --all"),
        (["schedule", "studies", "--all"], "name catalogues, or say --all"),
        (["schedule", "loading"], "loading: no catalogue"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_line(site: Site, arguments: list[str], message: str) -> None:
    assert site.run("crawl").code == 0
    done = site.run(*arguments)
    assert done.code == 2
    assert message in done.message


def test_what_is_to_be_read_is_planned_once(site: Site) -> None:
    planned = site.run("schedule", "--all", "--json").json["sources"]
    assert planned == [{"source": "studies", "planned": 1}, {"source": "others", "planned": 1}]
    assert {row["planned"] for row in site.run("schedule", "--all", "--json").json["sources"]} == {0}
    assert [log["status"] for log in site.run("runs", "--json").json["harvests"]] == ["created", "created"]
    done = site.run("harvest", "all", "--json")
    assert [(run["id"], run["status"], run["seen"]) for run in done.json["runs"]] == [
        (1, "succeeded", 3), (2, "succeeded", 2)
    ]  # fmt: skip


def test_one_that_is_on_may_be_stopped_by_somebody_else(site: Site, website: Website) -> None:
    site.write("etc/tracker.yaml", "harvest: {chunk: 5}\n")
    assert site.run("crawl", "--source", "loading").code == 0
    serve(website, "studies", 500, drip=0.05, piece=16_384)
    process = site.start("harvest", "studies", "--json")
    deadline = time.monotonic() + 30
    while not (on := site.run("runs", "--status", "started", "--json").json["harvests"]) or not on[0]["seen"]:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    run = f"h{on[0]['id']}"
    assert site.run("runs", "cancel", run).out == f"harvest {run} will end\n"
    done = site.end(process)
    (log,) = done.json["runs"]
    assert (done.code, log["status"], log["error"]) == (1, "cancelled", "cancelled by a person")
    assert 0 < log["seen"] < 500
    told = site.run("runs", "show", run).out
    assert told.splitlines()[-1] == "What was read is kept; the next run goes on."
    serve(website, "studies", 500)
    (log,) = site.run("harvest", "studies", "--json").json["runs"]
    assert (log["seen"], log["new"] + log["unchanged"], log["gone"]) == (500, 500, 0)
