"""The production databases, as a site sets them up and as a person sees what they say."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.end_to_end.site import Site, states

KEY = "hush-hush"
IN_PRODUCTION = [("E-MTAB-1", False, ""), ("E-MTAB-2", True, KEY), ("E-MTAB-9", False, "")]
LINK = "https://wwwdev.ebi.ac.uk/gxa/experiments/E-MTAB-2/Results"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """E-MTAB-3 is published without being in production; E-MTAB-9 is in production and nowhere else."""
    site = Site(tmp_path)
    site.fill("published", ["E-MTAB-1", "E-MTAB-2", "E-MTAB-3"])
    site.fill("loading", ["E-MTAB-4"])
    site.curation({}, IN_PRODUCTION)
    site.write("databases.json", {"gxpatlaspro": {"dbtype": "sqlite", "path": "gxpatlaspro.db"}})
    site.configure(
        {"published": {"stage": ["published"], "tech": ["bulk"]}, "loading": {"stage": ["loading"], "tech": ["bulk"]}}
    )
    settings(site)
    return site


def settings(site: Site, more: str = "") -> None:
    site.write("etc/tracker.yaml", f"databases: ../databases.json\noutputs: [html_page, csv_files, json]\n{more}")


def wrong(site: Site, *arguments: str) -> list[tuple[str, str]]:
    return [(p["code"], p["accession"]) for p in site.run("problems", "--json", *arguments).json["problems"]]


DIFFERENCES = [("in_database_not_found", "E-MTAB-9"), ("in_place_not_in_database", "E-MTAB-3")]


def test_what_differs_between_places_and_production_is_a_problem(site: Site) -> None:
    first = site.crawl()
    assert (first.code, wrong(site)) == (0, DIFFERENCES)
    assert states(site.standing()) == {
        "E-MTAB-1": "published",
        "E-MTAB-2": "published",
        "E-MTAB-3": "published",
        "E-MTAB-4": "loading",
    }
    site.curation({}, [("E-MTAB-3", False, ""), *IN_PRODUCTION[:2]])
    assert (site.crawl().code, wrong(site)) == (0, [])
    assert sorted(wrong(site, "--past")) == DIFFERENCES


def test_the_state_follows_a_database_that_decides(site: Site) -> None:
    settings(site, "production: {gxpatlaspro: {decides: true}}\n")
    site.move("E-MTAB-1", "published", "loading")
    assert site.crawl().code == 0
    assert states(site.standing()) == {
        "E-MTAB-1": "published",
        "E-MTAB-2": "published",
        "E-MTAB-3": "published_dev",
        "E-MTAB-4": "loading",
        "E-MTAB-9": "published",
    }
    told = {accession: site.run("why", accession).out for accession in ("E-MTAB-1", "E-MTAB-3", "E-MTAB-9")}
    assert all("Rule: confirmed_by_production" in words for words in told.values())
    assert "E-MTAB-1 is published since" in told["E-MTAB-1"] and "by the word of gxpatlaspro" in told["E-MTAB-1"]
    assert "E-MTAB-3 is published_dev (up to published)" in told["E-MTAB-3"]
    assert "by the word of gxpatlaspro alone: no source shows it" in told["E-MTAB-9"]
    again = site.crawl()
    assert (again.code, again.json["changes"]) == (0, [])


@pytest.mark.parametrize("decides", ["true", "false"])
def test_while_it_is_down_all_stays_as_it_was(site: Site, decides: str) -> None:
    settings(site, f"production: {{gxpatlaspro: {{decides: {decides}}}}}\n")
    site.crawl()
    before = site.standing()
    (site.root / "gxpatlaspro.db").rename(site.root / "away")
    down = site.crawl()
    assert (down.code, down.json["changes"]) == (3, [])
    assert site.standing() == before
    assert [code for code, _ in wrong(site)] == ["database_unreadable"] * 2 + [code for code, _ in DIFFERENCES]
    assert "in production" in site.run("why", "E-MTAB-1").out
    (site.root / "away").rename(site.root / "gxpatlaspro.db")
    assert (site.crawl().code, wrong(site)) == (0, DIFFERENCES)


def test_a_production_database_that_suddenly_is_empty_waits_for_a_person(site: Site) -> None:
    settings(site, "production: {gxpatlaspro: {decides: true}}\nhold: {more_than: 2}\n")
    site.crawl()
    site.curation({})
    doubted = site.crawl()
    assert (doubted.code, doubted.json["changes"]) == (3, [])
    (message,) = [p["message"] for p in doubted.json["problems"] if p["code"] == "database_unreadable"]
    assert "crawl --confirm gxpatlaspro" in message and "3 of its 3 datasets disappeared at once" in message
    assert len(site.crawl("--confirm", "gxpatlaspro").json["changes"]) == 3


def test_a_default_database_can_be_left_out(site: Site) -> None:
    settings(site, "production: {gxpatlaspro: false}\n")
    assert (site.crawl().code, wrong(site)) == (0, [])


def test_past_overviews_tell_what_production_said_then(site: Site) -> None:
    site.crawl()
    then = site.run("runs", "--json").json["runs"][0]["finished"]
    site.curation({}, [("E-MTAB-2", False, "")])
    site.crawl()
    links = [tracked(site.run("overview", "--format", "csv", *more, "--tab", "Track Ingested Experiments").out)
             for more in (["--as-of", then], [])]  # fmt: skip
    assert [each["E-MTAB-2"]["Web Link"] for each in links] == [
        LINK,
        "https://www.ebi.ac.uk/gxa/experiments/E-MTAB-2",
    ]


def tracked(text: str) -> dict[str, dict[str, str]]:
    return {row["Accession"]: row for row in csv.DictReader(io.StringIO(text))}


def test_private_datasets_are_left_out_of_the_outputs_that_the_settings_name(site: Site) -> None:
    settings(site, "leave_out_private: [csv_files, html_page]\n")
    assert site.crawl().code == 0
    out = site.root / "var/out"
    files = {path.name: path.read_text() for path in out.glob("[!.]*.[ch]*")}
    assert "E-MTAB-1" in files["track_ingested_experiments.csv"]
    assert [name for name, text in files.items() if "E-MTAB-2" in text] == []
    assert "Left Out,private,1" in files["summary.csv"]
    whole = (out / "overview.json").read_text()
    assert f'"Web Link":"{LINK}"' in whole and KEY not in whole


def test_the_doctor_says_what_production_lists(site: Site) -> None:
    found = {row["what"]: row for row in site.run("doctor", "--json").json["checks"]}
    assert found["production gxpatlaspro"]["found"] == "gxpatlaspro lists 3 datasets"
    (site.root / "gxpatlaspro.db").unlink()
    done = site.run("doctor", "--json")
    found = {row["what"]: row for row in done.json["checks"]}
    assert (done.code, found["production gxpatlaspro"]["status"]) == (3, "failed")
