"""The first look."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from app.domain import details
from app.domain.details import Overview
from app.domain.model import Code, Known, Lifecycle
from app.domain.overview import Layout, View
from tests.browser.conftest import Open
from tests.browser.pages import accessions, chips, rows
from tests.outputs.pages import AT, Dataset, many, told


def card(page: Page, title: str) -> list[list[str]]:
    """The rows of a card's table, cell by cell."""
    table = page.get_by_role("region", name=title).locator("tbody tr")
    return [[cell.strip() for cell in row.split("\t")] for row in table.all_inner_texts()]


def test_the_states_are_counted_now_and_before(open_page: Open, six: Overview) -> None:
    page = open_page(six)
    states = {row[0]: row[1:5] for row in card(page, "Datasets by state")}
    assert states["loading"] == ["2", "\u22121", "+1", "+2"]
    assert states["published"] == ["1", "+1", "+1", "+1"]
    assert states["all"] == ["6", "\u00b10", "+5", "+5"]
    assert page.locator(".figures p").all_inner_texts()[:2] == ["6\ndatasets", "1\nchange since yesterday"]


def test_a_state_leads_to_its_datasets(open_page: Open, six: Overview) -> None:
    page = open_page(six)
    page.get_by_role("link", name="loading").click()
    assert (chips(page), accessions(page)) == (["State: loading"], ["E-MTAB-2", "E-MTAB-9"])


def test_the_counts_over_time_are_drawn_as_steps_and_told_in_words(open_page: Open, six: Overview) -> None:
    page = open_page(six)
    chart = page.get_by_role("img", name="external over time: from 1 to 2, least 0, most 2")
    assert "H" in (chart.locator("path").last.get_attribute("d") or "")
    assert len(page.get_by_role("img").all()) == 6


def test_pointing_at_a_chart_tells_the_counts_of_that_day(open_page: Open, six: Overview) -> None:
    page = open_page(six)
    region = page.get_by_role("region", name="Datasets by state")
    box = region.locator("svg").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 1, box["y"] + 5)
    expect(region).to_contain_text("On 2026-10-11 09:30")
    assert [row[-1] for row in card(page, "Datasets by state")][:3] == ["1", "0", "0"]
    page.mouse.move(0, 0)
    expect(region).not_to_contain_text("On 2026")


def test_what_changed_since_yesterday_leads_to_the_changes(open_page: Open, six: Overview) -> None:
    page = open_page(six)
    moved = card(page, "Since yesterday")
    assert [[cell for cell in row if cell] for row in moved] == [["loading", "\u2192", "published", "1"]]
    page.get_by_role("region", name="Since yesterday").get_by_role("link").click()
    assert chips(page) == ["From: loading", "To: published"]
    assert len(rows(page).all()) == 1


def test_a_kind_of_problem_leads_to_its_problems(open_page: Open, six: Overview) -> None:
    page = open_page(six)
    page.get_by_role("link", name="not utf8").click()
    assert chips(page) == ["Problem: not utf8"]
    assert accessions(page) == ["E-MTAB-2"]


def test_of_a_kind_of_problem_the_open_ones_are_counted_and_the_others_told(open_page: Open) -> None:
    found = [Dataset("E-MTAB-1", problems=(Code.NOT_UTF8,)), Dataset("E-MTAB-2", problems=(Code.NOT_UTF8,))]
    page = open_page(told(*found, ignored=("E-MTAB-2",)))
    assert card(page, "Problems by kind") == [
        ["warning", "not utf8", f"{Code.NOT_UTF8.meaning}; 1 acknowledged", "1"]
    ]  # fmt: skip
    assert page.locator(".figures p").all_inner_texts()[-1] == "1\nwarning"


def test_what_is_stuck_is_counted_and_leads_to_its_state_longest_first(open_page: Open) -> None:
    took = {"loading": [timedelta(days=days) for days in range(1, 11)]}
    found = {"E-MTAB-1": 2, "E-MTAB-2": 10, "E-MTAB-3": 30}
    page = open_page(told(*(Dataset(d, days={"loading": days}) for d, days in found.items()), stays=took))
    note = "longer than 9 d, as 9 of 10 were over by then; usually 5 d (of 10)"
    assert card(page, "Stuck") == [["loading", "2", note]]
    page.get_by_role("region", name="Stuck").get_by_role("link", name="loading").click()
    assert (chips(page), accessions(page)) == (["State: loading"], ["E-MTAB-3", "E-MTAB-2", "E-MTAB-1"])


def test_where_it_is_not_known_what_is_usual_nothing_is_said_of_it(open_page: Open, six: Overview) -> None:
    page = open_page(six)
    expect(page.get_by_role("region", name="Datasets by state")).to_be_visible()
    expect(page.get_by_role("region", name="Stuck")).to_have_count(0)


def test_a_source_that_could_not_be_read_is_marked_with_its_age(open_page: Open) -> None:
    page = open_page(told(Dataset("E-MTAB-1"), stale="loading"))
    sources = {row[0]: row[1:] for row in card(page, "Sources")}
    assert sources["loading"] == [
        "1", "2026-11-17 09:30 (3 d ago)", "Stale", "loading could not be read: connection refused",
    ]  # fmt: skip
    assert sources["published"][2] == "read"


def test_a_page_that_nobody_renewed_says_so(open_page: Open, six: Overview) -> None:
    page = open_page(six, now=AT + timedelta(days=5))
    expect(page.locator("#as-of .old")).to_have_text("(5 d ago)")


def test_before_the_first_crawl_there_is_a_page_that_says_so(open_page: Open) -> None:
    page = open_page(details.overview(View(Known()), Layout(), ()))
    expect(page.get_by_text("Nothing has been crawled yet.")).to_be_visible()
    page.get_by_role("link", name="Track Ingested Experiments").click()
    expect(page.get_by_text("There is nothing here.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_states_are_told_apart_without_seeing_hues(open_page: Open, scheme: str) -> None:
    """Each is darker than the one before it, by a step that can be seen, on sites with states of their own as well."""
    names = "external incoming queued loading checked analysing processed staged published_dev published"
    page = open_page(many(50, states=Lifecycle.of(names.split())), color_scheme=scheme)
    shades = page.evaluate(
        """() => [...document.querySelectorAll(".states .gauge")].map(gauge => {
            const probe = document.createElement("i");
            probe.style.color = getComputedStyle(gauge).getPropertyValue("--colour");
            document.body.append(probe);
            return Number(getComputedStyle(probe).color.match(/oklch\\(([\\d.]+)/)[1]);
        })"""
    )
    steps = [before - after for before, after in pairwise(shades)]
    assert len(shades) >= 7 and min(steps) > 0.02
