"""Tables: searched, sorted, filtered, and sent to somebody."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from app.domain.details import Overview
from tests.browser.conftest import Open
from tests.browser.pages import accessions, chips, column, expect_focused, filter_by, focused, rows, view

TRACKED = ["E-MTAB-10", "E-MTAB-100", "E-MTAB-2", "E-MTAB-9"]


def test_every_tab_is_there_with_how_many_rows_it_has(open_page: Open, six: Overview) -> None:
    page = open_page(six)
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == [
        "Summary",
        "Discover Experiments 2",
        "Track Ingested Experiments 4",
        "Changes 10",
        "Duplicates 0",
        "Problems 2",
    ]
    page.get_by_role("link", name="Discover Experiments").click()
    assert accessions(page) == ["E-MTAB-12", "E-MTAB-7"]
    page.get_by_role("link", name="Track Ingested Experiments").click()
    assert accessions(page) == TRACKED
    page.get_by_role("link", name="Duplicates").click()
    expect(page.get_by_text("There is nothing here.")).to_be_visible()


@pytest.mark.parametrize(
    ("searched", "found"),
    [
        ("kidney", ["E-MTAB-10"]),
        ("KIDNEY  mtab", ["E-MTAB-10"]),
        ("wren hippo", ["E-MTAB-100"]),
        ("loading/E-MTAB-9", ["E-MTAB-9"]),
        ("no such thing", []),
        ("<b>", []),
    ],
)
def test_a_search_finds_rows_with_every_word_in_any_column(
    open_page: Open, six: Overview, searched: str, found: list[str]
) -> None:
    page = open_page(six, "tab=track")
    page.get_by_role("searchbox").fill(searched)
    assert accessions(page) == found
    assert page.locator(".shown").inner_text() == ("4 rows" if len(found) == 4 else f"{len(found)} of 4 rows")
    expect(page).to_have_url(re.compile("&q="))


def test_a_search_needs_no_accents(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=discover")
    page.get_by_role("searchbox").fill("naive")
    assert accessions(page) == ["E-MTAB-7"]


@pytest.mark.parametrize(
    ("title", "first", "again"),
    [
        ("Accession", ["2", "9", "10", "100"], ["100", "10", "9", "2"]),
        ("Status", ["2", "9", "10", "100"], ["100", "10", "2", "9"]),
        ("Up To", ["10", "100", "2", "9"], ["10", "100", "2", "9"]),
        ("Since", ["100", "10", "2", "9"], ["10", "2", "9", "100"]),
        ("Investigation Title", ["100", "10", "9", "2"], ["2", "9", "10", "100"]),
    ],
)
def test_columns_sort_by_what_they_mean(
    open_page: Open, six: Overview, title: str, first: list[str], again: list[str]
) -> None:
    """Numbers within accessions, states in their order, the newest time first; what is empty comes last."""
    page = open_page(six, "tab=track")
    for expected in (first, again):
        page.get_by_role("columnheader", name=title).get_by_role("button").click()
        assert [name.removeprefix("E-MTAB-") for name in accessions(page)] == expected


def test_only_the_sorted_column_says_so(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track&sort=-Status")
    sort = {th.inner_text(): th.get_attribute("aria-sort") for th in page.get_by_role("columnheader").all()}
    assert {title: way for title, way in sort.items() if way} == {"Status": "descending"}


@pytest.mark.parametrize(
    ("what", "value", "found"),
    [
        ("state", "loading", ["E-MTAB-2", "E-MTAB-9"]),
        ("organism", "Mus musculus", ["E-MTAB-10", "E-MTAB-100"]),
        ("curator", "wren", ["E-MTAB-100", "E-MTAB-9"]),
        ("curator", "", ["E-MTAB-2"]),
        ("problem", "not_utf8", ["E-MTAB-2"]),
        ("problem", "", ["E-MTAB-10", "E-MTAB-100", "E-MTAB-9"]),
    ],
)
def test_a_filter_leaves_the_rows_that_have_the_value(
    open_page: Open, six: Overview, what: str, value: str, found: list[str]
) -> None:
    page = open_page(six, "tab=track")
    filter_by(page, what, value)
    assert accessions(page) == found


def test_values_of_one_filter_add_up_and_filters_narrow_each_other(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track")
    filter_by(page, "state", "loading")
    filter_by(page, "state", "published")
    assert accessions(page) == ["E-MTAB-100", "E-MTAB-2", "E-MTAB-9"]
    filter_by(page, "curator", "wren")
    assert accessions(page) == ["E-MTAB-100", "E-MTAB-9"]
    assert chips(page) == ["State: loading", "State: published", "Curator: wren"]


def test_chips_are_removed_one_by_one_or_all(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track&state=analysing&state=loading&curator=&problem=not_utf8")
    assert chips(page) == ["State: analysing", "State: loading", "Curator: no curator", "Problem: not utf8"]
    page.get_by_role("button", name="Remove filter State: analysing").press("Enter")
    assert chips(page) == ["State: loading", "Curator: no curator", "Problem: not utf8"]
    expect_focused(page, "Remove filter State: loading")
    page.get_by_role("button", name="Remove all", exact=True).click()
    assert (chips(page), accessions(page)) == ([], TRACKED)


def test_where_nothing_fits_the_filters_can_be_removed(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track&state=loading&q=kidney")
    expect(page.get_by_text("Nothing here is like that.")).to_be_visible()
    page.get_by_role("button", name="Remove all filters").click()
    assert accessions(page) == TRACKED


def test_a_view_can_be_sent_to_somebody(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track")
    filter_by(page, "state", "loading")
    page.get_by_role("columnheader", name="Accession").get_by_role("button").click()
    page.get_by_role("searchbox").fill("mtab")
    expect(page).to_have_url(re.compile("&q=mtab"))
    address = view(page)
    page.get_by_role("link", name="E-MTAB-9").click()
    expect(page).to_have_url(re.compile("&dataset=E-MTAB-9"))

    other = open_page(six, view(page))
    assert accessions(other) == ["E-MTAB-2", "E-MTAB-9"]
    assert chips(other) == ["State: loading"]
    assert other.get_by_role("searchbox", include_hidden=True).input_value() == "mtab"
    expect(other.get_by_role("dialog", name="E-MTAB-9")).to_be_visible()

    again = open_page(six, address)
    expect(again.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize(
    "view", ["tab=nonsense", "tab=track&sort=Nonsense&state=nonsense", "%%%", "tab=track&dataset=%3Cb%3E"]
)
def test_an_address_that_says_nonsense_does_no_harm(open_page: Open, six: Overview, view: str) -> None:
    page = open_page(six, view)
    expect(page.get_by_role("heading", name="Where every dataset stands", include_hidden=True)).to_be_attached()


def test_a_tab_is_found_as_it_was_left_and_back_leads_back(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track")
    filter_by(page, "state", "loading")
    page.get_by_role("link", name="Changes").click()
    assert len(rows(page).all()) == 10
    page.get_by_role("link", name="Track Ingested Experiments").click()
    assert chips(page) == ["State: loading"]
    page.go_back()
    assert len(rows(page).all()) == 10


def test_columns_can_be_shown_and_stay_so(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track")
    assert "IDF" not in page.get_by_role("columnheader").all_inner_texts()
    page.get_by_text("Columns").click()
    page.get_by_role("checkbox", name="IDF").check()
    page.get_by_role("checkbox", name="Since").uncheck()
    page.reload()
    titles = page.get_by_role("columnheader").all_inner_texts()
    assert "IDF" in titles and "Since" not in titles
    assert column(page, "IDF")[0] == "/nfs/production/atlas/analysing/E-MTAB-10/E-MTAB-10.idf.txt"


def test_what_is_wrong_is_marked_in_shape_and_words(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track")
    marks = page.locator(".of-accession .mark")
    assert [mark.get_attribute("aria-label") for mark in marks.all()] == ["error: not utf8, unreadable"]


@pytest.mark.parametrize(
    ("tab", "drawn", "badges"),
    [
        ("track", [False, True, False, False], ["Ignored"]),
        ("duplicates", [False, True], ["Dismissed"]),
        ("problems", [False, True, True], ["Acknowledged", "Dataset ignored"]),
        ("changes", [False] * 4, []),
    ],
)
def test_what_curators_have_dealt_with_is_grey_and_says_why(
    open_page: Open, dealt_with: Overview, tab: str, drawn: list[bool], badges: list[str]
) -> None:
    page = open_page(dealt_with, f"tab={tab}")
    colours = [row.evaluate("row => getComputedStyle(row.cells[1]).color") for row in rows(page).all()]
    assert [colour != colours[0] for colour in colours] == drawn
    assert page.locator(".rows .badge").all_inner_texts() == badges
    titles = [row.get_attribute("title") for row in rows(page).all()]
    assert [title for title in titles if title] == [f"{badge}: We know (wren, 2026-11-19)" for badge in badges]
    assert [bool(title) for title in titles] == drawn


def test_a_greyed_row_stays_grey_wherever_it_is_sorted_to(open_page: Open, dealt_with: Overview) -> None:
    page = open_page(dealt_with, "tab=track&sort=-Accession")
    assert [row.get_attribute("title") is not None for row in rows(page).all()] == [False, False, True, False]


def test_a_reader_is_told_how_long_the_table_is_and_where_a_row_stands(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track&state=loading")
    table = page.get_by_role("table", name="Track Ingested Experiments")
    assert table.get_attribute("aria-rowcount") == "3"
    assert [row.get_attribute("aria-rowindex") for row in rows(page).all()] == ["2", "3"]
    assert page.get_by_role("status").inner_text() == "2 of 4 rows"


def test_times_are_in_the_sites_zone_with_their_age(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=changes")
    assert column(page, "When")[0].split() == ["2026-11-20", "9", "h", "ago"]
    assert page.locator(".rows time").first.get_attribute("title") == "2026-11-20 03:30:00 (+00:00, UTC)"


def keyed(page: Page, *keys: str) -> str:
    for key in keys:
        page.keyboard.press(key)
    return focused(page)


def test_rows_are_walked_with_the_arrow_keys(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track")
    assert keyed(page, "/") == "Search Track Ingested Experiments"
    assert keyed(page, "ArrowDown") == "E-MTAB-10"
    assert keyed(page, "ArrowDown", "ArrowDown") == "E-MTAB-2"
    assert keyed(page, "End") == "E-MTAB-9"
    assert keyed(page, "ArrowDown") == "E-MTAB-9"
    assert keyed(page, "Home") == "E-MTAB-10"


def test_the_skip_link_comes_first_and_leads_to_the_rows(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track")
    assert keyed(page, "Tab") == "Skip to the content"
    assert keyed(page, "Enter") == "Track Ingested Experiments, rows"
    assert keyed(page, "ArrowDown") == "E-MTAB-10"


def test_the_slash_searches_from_the_summary_and_is_text_in_the_search(open_page: Open, six: Overview) -> None:
    page = open_page(six)
    assert keyed(page, "/") == "Search Track Ingested Experiments"
    page.keyboard.type("g/E-MTAB-9")
    assert page.get_by_role("searchbox").input_value() == "g/E-MTAB-9"
    assert accessions(page) == ["E-MTAB-9"]
    keyed(page, "Escape")
    assert (page.get_by_role("searchbox").input_value(), accessions(page)) == ("", TRACKED)
