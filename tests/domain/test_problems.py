"""Every kind of problem is said while it lasts, in words, and no longer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.domain.history import Policy
from app.domain.model import Code
from app.domain.problems import Wanted
from tests.domain.builders import (
    DOWN,
    UNREADABLE_LIST,
    Crawl,
    Found,
    Site,
    accessions,
    answer,
    authority,
    listing,
    place,
    problem,
    sighting,
)

PLACES = ("external", "incoming", "loading", "analysing", "published")


@dataclass(frozen=True)
class World:
    """What the places show (the others are empty), and what is answered."""

    found: dict[str, Found] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def crawl(self, site: Site) -> Crawl:
        return site.crawl({each.name: self.found.get(each.name, []) for each in site.places}, **self.more)


def world(*, answers: Any = (), listings: Any = (), species: Any = None, confirm: Any = (), **found: Found) -> World:
    return World(found, {"answers": answers, "listings": listings, "species": species, "confirm": confirm})


ONE = ["E-MTAB-1"]
BULK = [sighting("E-MTAB-1", tech=("bulk",))]
TWIN = [sighting("E-MTAB-1", secondary_accessions=("GSE7",))]
RETURNED = world(loading=ONE)

FOLLOWS: list[tuple[Code, list[World], World, list[str]]] = [
    (Code.SOURCE_UNREADABLE, [world(loading=ONE), world(loading=DOWN)], world(loading=ONE), ["does not answer"]),
    (Code.SOURCE_HELD, [world(loading=ONE), world()], world(loading=ONE), ["loading", "held", "--confirm loading"]),
    (Code.SOURCE_HELD, [world(loading=ONE), world()], world(confirm=["loading"]), ["1 dataset "]),
    (
        Code.SOURCE_HELD,
        [world(loading=accessions(20)), world(loading=accessions(4))],
        world(loading=accessions(20)),
        ["16 of its 20 datasets"],
    ),
    (
        Code.DATABASE_UNREADABLE,
        [world(loading=ONE, answers=[answer(None)])],
        world(loading=ONE, answers=[answer({})]),
        ["rnaseq", "connection refused", "last verdicts stay"],
    ),
    (
        Code.DATABASE_UNREADABLE,
        [world(loading=ONE, listings=[listing(None)])],
        world(loading=ONE, listings=[listing([])]),
        ["bulk_atlas", "connection refused", "last list", "stays"],
    ),
    (
        Code.DATABASE_UNREADABLE,
        [world(loading=ONE, listings=[listing(accessions(7))]), world(loading=ONE, listings=[listing([])])],
        world(loading=ONE, listings=[listing(accessions(7))]),
        ["last list of bulk_atlas stays", "7 of its 7 datasets", "crawl --confirm bulk_atlas"],
    ),
    (
        Code.IN_PLACE_NOT_IN_DATABASE,
        [world(published=BULK, listings=[listing([])])],
        world(published=BULK, listings=[listing(ONE)]),
        ["E-MTAB-1", "published", "not in bulk_atlas"],
    ),
    (
        Code.IN_PLACE_NOT_IN_DATABASE,
        [world(published=BULK, listings=[listing([])])],
        world(analysing=BULK, listings=[listing(None)], confirm=["published"]),
        ["E-MTAB-1"],
    ),
    (
        Code.IN_DATABASE_NOT_FOUND,
        [world(loading=ONE, listings=[listing([*ONE, "E-MTAB-9"])])],
        world(loading=[*ONE, "E-MTAB-9"], listings=[listing([*ONE, "E-MTAB-9"])]),
        ["E-MTAB-9", "in bulk_atlas", "no source shows it"],
    ),
    (
        Code.IN_DATABASE_NOT_FOUND,
        [world(loading=ONE, listings=[listing(["E-MTAB-9"]), listing(["E-MTAB-9"], "sc_atlas")])],
        world(loading=ONE, listings=[listing([]), listing([], "sc_atlas")]),
        ["E-MTAB-9", "in bulk_atlas and sc_atlas"],
    ),
    (
        Code.SPECIES_UNREADABLE,
        [world(loading=ONE, species=UNREADABLE_LIST)],
        world(loading=ONE),
        ["last answers", "the list is not there"],
    ),
    (
        Code.ALREADY_INGESTED,
        [world(external=["E-GEOD-7"], loading=TWIN)],
        world(external=["E-GEOD-7"], incoming=ONE, loading=[]),
        ["E-GEOD-7", "already ingested under E-MTAB-1"],
    ),
    (
        Code.ALREADY_INGESTED,
        [world(incoming=["E-GEOD-7"], published=TWIN)],
        world(published=[*ONE, "E-GEOD-7"]),
        ["E-GEOD-7", "already ingested under E-MTAB-1"],
    ),
    (
        Code.WENT_BACKWARDS,
        [world(analysing=ONE), world(loading=ONE)],
        world(analysing=ONE),
        ["E-MTAB-1", "backwards", "from analysing to loading"],
    ),
    (
        Code.FAILED_BUT_IN_PROGRESS,
        [world(analysing=ONE, answers=[answer({"E-MTAB-1": "FAIL no replicates"})])],
        world(analysing=ONE, answers=[answer({"E-MTAB-1": "PASS"})]),
        ["E-MTAB-1", "analysing", "rnaseq", "no replicates"],
    ),
    (
        Code.FAILED_BUT_IN_PROGRESS,
        [world(loading=ONE, answers=[answer({"E-MTAB-1": "FAIL no"}), answer({"E-MTAB-1": "PASS"}, "autosubs")])],
        world(published=ONE),
        ["E-MTAB-1", "loading"],
    ),
    (
        Code.CASE_DUPLICATE,
        [world(loading=["E-MTAB-1", "e-mtab-1"])],
        world(loading=["E-MTAB-1"]),
        ["E-MTAB-1", "e-mtab-1", "case"],
    ),
    (
        Code.CASE_DUPLICATE,
        [world(loading=["E-MTAB-1"], external=["E-mtab-1"])],
        world(loading=["E-MTAB-1"], confirm=["external"]),
        ["E-MTAB-1", "E-mtab-1", "case"],
    ),
]


def said(crawl: Crawl, code: Code) -> list[str]:
    return [problem.message for problem in crawl.problems if problem.code is code]


@pytest.mark.parametrize(("code", "worlds", "mended", "words"), FOLLOWS)
def test_what_follows_from_facts_is_said_while_it_lasts(
    code: Code, worlds: list[World], mended: World, words: list[str]
) -> None:
    site = Site(*map(place, PLACES), policy=Policy(authorities=(authority("bulk"), authority("sc"))))
    for each in worlds:
        crawl = each.crawl(site)
    messages = said(crawl, code)
    assert len(messages) == 1, messages
    assert all(word in messages[0] for word in words), messages
    assert "\n" not in messages[0]
    again = worlds[-1].crawl(site)
    assert said(again, code) == messages, "unchanged, it is the same row"
    assert not said(mended.crawl(site), code)


FOUND_IN_FILES = [
    Code.IDF_WITHOUT_SDRF, Code.SDRF_WITHOUT_IDF, Code.EMPTY_FILE, Code.NOT_TEXT, Code.NOT_MAGETAB,
    Code.CONFLICT_MARKERS, Code.NOT_UTF8, Code.MIXED_ENCODINGS, Code.LINE_ENDS, Code.UNCLOSED_QUOTE, Code.PLACEHOLDER,
    Code.REPEATED_ROW, Code.CONFLICTING_ROWS, Code.NO_TITLE, Code.NO_ORGANISM, Code.RAGGED_ROWS,
    Code.ACCESSION_DIFFERS, Code.SDRF_NOT_THERE, Code.SEVERAL_SDRFS, Code.UNREADABLE, Code.VANISHED,
]  # fmt: skip
FOUND_IN_PLACES = [Code.UNREADABLE, Code.NEAR_MISS, Code.BAD_RECORD, Code.REPEATED, Code.VANISHED, Code.SOURCE_EMPTY]


@pytest.mark.parametrize("code", FOUND_IN_FILES)
def test_what_was_found_in_its_files_is_said_as_long_as_they_are_so(code: Code) -> None:
    site = Site(place("loading"))
    wrong = sighting(problems=(problem(code, "E-MTAB-1"),))
    assert site.crawl({"loading": [wrong]}).codes == {code}
    assert site.crawl({"loading": DOWN}).codes == {code, Code.SOURCE_UNREADABLE}
    assert site.crawl({"loading": [sighting()]}).codes == set()


# DISAGREES WITH THE CODE: a source that failed, and was then read but is held, is still called unreadable.
@pytest.mark.parametrize("code", FOUND_IN_PLACES)
def test_what_was_found_in_a_place_is_said_until_it_is_read_well_again(code: Code) -> None:
    site = Site(place("loading"), place("external"))
    site.crawl({"loading": [*ONE, problem(code)], "external": []})
    assert site.crawl({"external": []}).codes == {code}, "not asked"
    assert site.crawl({"loading": DOWN, "external": []}).codes == {code, Code.SOURCE_UNREADABLE}
    assert site.crawl({"loading": []}).codes == {code, Code.SOURCE_HELD}
    assert site.crawl({"loading": ONE}).codes == set()


def test_several_places_of_the_same_stage() -> None:
    site = Site(place("one", "loading"), place("two", "loading"), place("range", "loading..published"))
    crawl = site.crawl({"one": ONE, "two": ONE, "range": ONE})
    (message,) = said(crawl, Code.SEVERAL_PLACES)
    assert all(word in message for word in ("2 places", "loading", "/atlas/one/E-MTAB-1", "/atlas/two/E-MTAB-1"))
    assert "range" not in message
    assert not said(site.crawl({"one": ONE, "two": [], "range": ONE}), Code.SEVERAL_PLACES)


def test_every_kind_of_problem_has_rows_here() -> None:
    covered = {code for code, *_ in FOLLOWS} | {*FOUND_IN_FILES, *FOUND_IN_PLACES, Code.SEVERAL_PLACES}
    assert covered == set(Code)


@pytest.mark.parametrize("at", ["external", "incoming", "published"])
def test_a_failed_check_is_no_problem_of_what_is_not_in_progress(at: str) -> None:
    site = Site(*map(place, PLACES))
    crawl = world(answers=[answer({"E-MTAB-1": "FAIL no"})], **{at: ONE}).crawl(site)
    assert Code.FAILED_BUT_IN_PROGRESS not in crawl.codes


def test_what_is_gone_has_no_problems() -> None:
    site = Site(*map(place, PLACES))
    failed = [answer({"E-MTAB-1": "FAIL no"})]
    wrong = sighting(problems=(problem(Code.EMPTY_FILE, "E-MTAB-1"),))
    world(loading=[wrong, "E-MTAB-2"], answers=failed).crawl(site)
    crawl = world(loading=["E-MTAB-2"], answers=failed).crawl(site)
    assert (crawl.gone, crawl.problems) == ({"E-MTAB-1"}, [])


def test_what_comes_back_further_behind_did_not_go_backwards_in_one_step() -> None:
    """It was gone in between: history says so."""
    site = Site(*map(place, PLACES))
    world(analysing=[*ONE, "E-MTAB-2"]).crawl(site)
    world(analysing=["E-MTAB-2"]).crawl(site)
    assert world(analysing=["E-MTAB-2"], loading=ONE).crawl(site).codes == set()


def test_a_problem_is_as_old_as_its_first_row() -> None:
    site = Site(place("loading"))
    first = site.crawl({"loading": [*ONE, problem(Code.NEAR_MISS)]})
    last = site.crawl({"loading": [*ONE, problem(Code.NEAR_MISS), problem(Code.REPEATED)]})
    since = {entry.problem.code: entry.since for entry in last.settled.after.problems}
    assert since == {Code.NEAR_MISS: first.settled.after.at, Code.REPEATED: last.settled.after.at}


def test_a_problem_found_twice_is_said_once() -> None:
    site = Site(place("loading"))
    crawl = site.crawl({"loading": [*ONE, problem(Code.NEAR_MISS), problem(Code.NEAR_MISS)]})
    assert len(crawl.problems) == 1


def test_problems_come_most_severe_first() -> None:
    site = Site(place("loading"), place("external"))
    shown = [*ONE, problem(Code.SOURCE_EMPTY), problem(Code.NEAR_MISS), problem(Code.UNREADABLE)]
    crawl = site.crawl({"loading": shown, "external": DOWN})
    severities = [each.severity for each in crawl.problems]
    assert severities == sorted(severities, reverse=True)


def test_those_of_one_kind_come_by_place_and_lines_as_numbers() -> None:
    site = Site(place("loading"))
    wrong = [problem(Code.PLACEHOLDER, message=f"Still {word}.") for word in "ABC"]
    lines = [replace(each, path=path, line=n) for each, path, n in zip(wrong, "baa", (1, 10, 9), strict=True)]
    shown = [*ONE, *lines, problem(Code.NEAR_MISS)]
    found = [(each.code, each.place) for each in site.crawl({"loading": shown}).problems]
    assert found == [
        (Code.NEAR_MISS, "/atlas/loading/x"),
        (Code.PLACEHOLDER, "a:9"),
        (Code.PLACEHOLDER, "a:10"),
        (Code.PLACEHOLDER, "b:1"),
    ]


def test_a_problem_that_moved_to_another_line_is_as_old_as_it_was() -> None:
    site = Site(place("loading"))
    shown = [replace(problem(Code.PLACEHOLDER), line=line) for line in (3, 5)]
    first, last = (site.crawl({"loading": [*ONE, one]}) for one in shown)
    assert [(e.problem.line, e.since) for e in last.settled.after.problems] == [(5, first.settled.after.at)]
    assert [len(part) for part in (last.recording.problems.opened, last.recording.problems.amended)] == [0, 1]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, True),
        ({"severities": {"error"}}, False),
        ({"severities": {"error", "warning"}}, True),
        ({"codes": {"near_miss"}}, True),
        ({"codes": {"not_utf8"}}, False),
        ({"sources": {"loading"}}, True),
        ({"sources": {"external"}}, False),
        ({"datasets": {"E-MTAB-1"}, "codes": {"near_miss"}}, True),
        ({"datasets": {"E-MTAB-2"}, "codes": {"near_miss"}}, False),
        ({"datasets": {"E-MTAB-1"}, "sources": {"external"}}, False),
    ],
)
def test_problems_can_be_chosen_by_all_that_they_are_known_by(wanted: dict[str, set[str]], found: bool) -> None:
    chosen = Wanted(**{name: frozenset(words) for name, words in wanted.items()})
    assert (problem(Code.NEAR_MISS, "E-MTAB-1") in chosen) is found


def test_an_unreadable_source_is_named_with_its_place_as_it_may_be_shown() -> None:
    config = place("loading", key="https://example.org/experiments?view=all")
    failure = replace(DOWN, where="https://example.org/experiments?view=...")
    (found,) = Site(config).crawl({"loading": failure}).problems
    assert (found.source, found.path) == ("loading", failure.where)


def test_two_names_that_differ_in_case_are_the_same_problem_in_whatever_order_they_are_read() -> None:
    site = Site(place("loading"))
    first = site.crawl({"loading": ["E-MTAB-1", "e-mtab-1"]})
    assert site.crawl({"loading": ["e-mtab-1", "E-MTAB-1"]}).problems == first.problems
