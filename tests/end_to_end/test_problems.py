"""`problems`: what there is to mend, chosen, counted and placed; and what there was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.site import IDF, Site

WRONG = "A naïve title".encode("latin-1")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Three runs: E-MTAB-1 is odd in all, E-MTAB-2 in the first and the third; a place is down in the last. To look
    at only."""
    site = Site(tmp_path_factory.mktemp("problems"))
    site.fill("loading", ["E-MTAB-1", "E-MTAB-2"])
    site.fill("external", ["E-MTAB-3"])
    site.configure({"loading": {"stage": ["loading"], "name": "bulk loading"}, "external": {"stage": ["external"]}})
    for accession in ("E-MTAB-1", "E-MTAB-2"):
        odd(site, accession)
    assert site.crawl().code == 0
    site.write("loading/E-MTAB-2/E-MTAB-2.idf.txt", IDF.format("E-MTAB-2"))
    assert site.crawl().code == 0
    odd(site, "E-MTAB-2")
    site.remove("external")
    assert site.crawl().code == 3
    return site


def odd(site: Site, accession: str) -> Path:
    """Its IDF has a byte that is not UTF-8, in its third line."""
    path = site.root / f"loading/{accession}/{accession}.idf.txt"
    path.write_bytes(b"Comment[AEExperimentType]\tRNA-seq\n\nInvestigation Title\t" + WRONG + b"\n")
    return path


def codes(site: Site, *arguments: str) -> list[tuple[str, str | None]]:
    return [(p["code"], p["accession"]) for p in site.run("problems", "--json", *arguments).json["problems"]]


BOTH = [("not_utf8", "E-MTAB-1"), ("not_utf8", "E-MTAB-2")]
DOWN = ("source_unreadable", None)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], [DOWN, *BOTH]),
        (["--severity", "error"], [DOWN]),
        (["--severity", "warning"], BOTH),
        (["--severity", "warning", "--severity", "error"], [DOWN, *BOTH]),
        (["--severity", "info"], []),
        (["--code", "not_utf8"], BOTH),
        (["--code", "not_utf8", "--code", "source_unreadable"], [DOWN, *BOTH]),
        (["--source", "external"], [DOWN]),
        (["--source", "bulk loading"], BOTH),
        (["--source", "loading/"], BOTH),
        (["--dataset", "E-MTAB-2"], BOTH[1:]),
        (["--dataset", "E-MTAB-3"], []),
        (["--dataset", "E-MTAB-2", "--severity", "error"], []),
        (["--limit", "2"], [DOWN, *BOTH[:1]]),
        (["--past"], BOTH[1:]),
        (["--past", "--code", "source_unreadable"], []),
    ],
)
def test_problems_are_chosen(site: Site, arguments: list[str], found: list[tuple[str, str | None]]) -> None:
    assert codes(site, *arguments) == found


def test_a_person_sees_how_many_of_each_kind_and_then_where_and_since_when(site: Site) -> None:
    done = site.run("problems")
    counts, unreadable, odd_ones = done.out.split("\n\n")
    assert [line.split()[:3] for line in counts.splitlines()[1:]] == [
        ["error", "source_unreadable", "1"],
        ["warning", "not_utf8", "2"],
    ]
    assert unreadable.startswith("error source_unreadable\n")
    title, head, *rows = odd_ones.splitlines()
    assert (title, head.split()) == ("warning not_utf8", ["Key", "First", "seen", "Where", "Message"])
    runs = [run["finished"][:16].replace("T", " ") for run in site.run("runs", "--json").json["runs"]][::-1]
    assert [(row.split("  ")[1], row.split()[3]) for row in rows] == [
        (runs[0], f"{site.root}/loading/E-MTAB-1/E-MTAB-1.idf.txt:3"),
        (runs[2], f"{site.root}/loading/E-MTAB-2/E-MTAB-2.idf.txt:3"),
    ]


def test_what_is_over_is_shown_with_its_first_and_last_sighting(site: Site) -> None:
    *_, title, head, row = site.run("problems", "--past").out.splitlines()
    assert (title, head.split()) == ("warning not_utf8", ["Key", "First", "seen", "Last", "seen", "Where", "Message"])
    assert row.split()[5].endswith("E-MTAB-2.idf.txt:3")


def test_what_is_beyond_the_limit_is_counted(site: Site) -> None:
    done = site.run("problems", "--limit", "1")
    assert "not_utf8" in done.out and "E-MTAB-1" not in done.out
    assert done.out.splitlines()[-1] == "... and 2 more"
    assert site.run("problems", "--limit", "1", "--json").json["counts"] == {"source_unreadable": 1, "not_utf8": 2}


@pytest.mark.parametrize(
    "arguments", [["--severity", "info"], ["--dataset", "E-MTAB-3"], ["--past", "--code", "no_title"]]
)
def test_where_there_is_none_that_is_said(site: Site, arguments: list[str]) -> None:
    done = site.run("problems", *arguments)
    assert (done.code, done.out, done.err) == (0, "No problems.\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--severity", "eror"], 2, ["eror", "'error', 'warning', 'info'"]),
        (
            ["--code", "not_utf9"],
            2,
            ["'not_utf9'", "there are: source_unreadable,", "not_utf8", "in_database_not_found"],
        ),
        (["--source", "lodaing"], 2, ["'lodaing'", "there are: bulk loading, external"]),
        (["--limit", "0"], 2, ["greater than or equal to 1"]),
        (["--dataset", "e-mtab-1"], 1, ["'e-mtab-1' is not known", "did you mean E-MTAB-1?"]),
        (["--nope"], 2, ["No such option: --nope"]),
    ],
)
def test_what_there_is_not_is_told_with_what_there_is(
    site: Site, arguments: list[str], code: int, words: list[str]
) -> None:
    done = site.run("problems", *arguments)
    assert done.code == code
    assert all(word in done.message for word in words), done.message
