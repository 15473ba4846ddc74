"""One dataset, opened from a table."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from app.domain.details import Overview
from app.domain.model import Code
from tests.browser.conftest import Open
from tests.browser.pages import accessions, dataset, expect_focused
from tests.outputs.pages import Dataset, told


def part(page: Page, title: str) -> list[str]:
    """The lines under a heading of the open dataset."""
    section = dataset(page).locator("section", has=page.get_by_role("heading", name=title, exact=True))
    return [line for line in section.inner_text().splitlines()[1:] if line.strip()]


def test_a_dataset_says_why_it_stands_where_it_stands(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track&dataset=E-MTAB-10")
    said = dataset(page).locator(".why").inner_text().splitlines()
    assert [line for line in said if line] == [
        "analysing (up to processed) since 2026-11-18 09:30 (2 d ago)",
        "It is in /nfs/production/atlas/analysing/E-MTAB-10, a place for datasets that are analysing.",
        'Decided by the rule "furthest stage".',
    ]


def test_a_dataset_shows_where_it_was_seen_and_what_was_said_of_it(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track&dataset=E-MTAB-100")
    assert part(page, "Where it was seen") == [
        "published, for datasets that are published",
        "/nfs/production/atlas/published/E-MTAB-100 Copy",
        "last modified 2026-10-11 04:30 (40 d ago)",
        "idf: E-MTAB-100.idf.txt",
        "sdrf: E-MTAB-100.sdrf.txt",
        "configuration: E-MTAB-100-configuration.xml",
    ]
    assert part(page, "Eligibility")[-1] == "rnaseq_atlas_eligibility\tPASS\t2026-11-20 09:30 (3 h ago)"
    assert part(page, "Production databases")[-1].split("\t")[:2] == ["bulk_atlas", "in production"]
    assert part(page, "On the web") == ["https://www.ebi.ac.uk/gxa/experiments/E-MTAB-100"]


def test_history_tells_how_long_each_state_lasted_newest_first(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track&dataset=E-MTAB-100")
    assert [line for line in part(page, "History") if " for " in line and "place" not in line] == [
        "loading \u2192 published for 6 h so far",
        "incoming \u2192 loading for 9 d 18 h",
        "external \u2192 incoming for 2 d 12 h",
        "first seen as external for 27 d 12 h",
    ]


def test_problems_say_what_and_where(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track&dataset=E-MTAB-2")
    assert part(page, "Problems") == [
        "warning: not utf8 since 2026-11-18 (2 d ago)",
        f"E-MTAB-2: {Code.NOT_UTF8.meaning}",
        "/nfs/production/atlas/loading/E-MTAB-2/E-MTAB-2.idf.txt:3",
        "error: unreadable since 2026-11-18 (2 d ago)",
        f"E-MTAB-2: {Code.UNREADABLE.meaning}",
        "/nfs/production/atlas/loading/E-MTAB-2/E-MTAB-2.idf.txt:3",
    ]


def test_every_column_is_told_those_too_that_the_table_does_not_show(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track&dataset=E-MTAB-9")
    said = part(page, "All that the table says")
    assert said[said.index("IDF") + 1] == "/nfs/production/atlas/loading/E-MTAB-9/E-MTAB-9.idf.txt"


def test_one_that_is_gone_still_tells_its_history(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=changes")
    page.get_by_role("link", name="E-MTAB-5").first.click()
    assert dataset(page).locator(".why").inner_text().startswith("gone since 2026-11-18")
    assert part(page, "History")[0] == "external \u2192 gone for 2 d so far"


def test_one_that_is_ignored_says_by_whom_since_when_and_why(open_page: Open) -> None:
    page = open_page(told(Dataset("E-MTAB-1"), Dataset("E-MTAB-2"), ignored=("E-MTAB-1",)), "tab=track")
    page.get_by_role("link", name="E-MTAB-2").click()
    expect(dataset(page)).not_to_contain_text("Ignored")
    page.get_by_role("button", name="Previous").click()
    expect(dataset(page).locator(".why")).to_contain_text("Ignored by wren on 2026-11-19 (13 h ago): We know")


def test_a_problem_that_is_acknowledged_says_so_and_marks_no_dataset(open_page: Open) -> None:
    found = [Dataset("E-MTAB-1", problems=(Code.UNREADABLE,)), Dataset("E-MTAB-2", problems=(Code.NOT_UTF8,))]
    page = open_page(told(*found, acknowledged=(Code.UNREADABLE,)), "tab=track")
    marks = page.locator(".of-accession .mark")
    assert [mark.get_attribute("aria-label") for mark in marks.all()] == ["warning: not utf8"]
    page.get_by_role("link", name="E-MTAB-1").click()
    assert part(page, "Problems")[-1] == "Acknowledged: We know (wren, 2026-11-19)"
    page.get_by_role("button", name="Next").click()
    expect(dataset(page)).to_contain_text("not utf8")
    expect(dataset(page)).not_to_contain_text("Acknowledged")


def test_an_accession_that_is_not_there_is_told(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track&dataset=E-MTAB-404")
    expect(dataset(page)).to_contain_text("There is nothing about it on this page")


def test_it_is_opened_and_closed_by_keyboard_and_the_keys_go_back_to_its_row(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track")
    for key in ("/", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("dialog", name="E-MTAB-100")).to_be_visible()
    expect_focused(page, "E-MTAB-100")
    page.keyboard.press("Escape")
    expect(dataset(page)).to_be_hidden()
    expect_focused(page, "E-MTAB-100")
    assert page.evaluate("document.activeElement.tagName") == "A"
    expect(page).not_to_have_url(re.compile("dataset="))


def test_the_keys_stay_within_it_while_it_is_open(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track&dataset=E-MTAB-9")
    for _ in range(20):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")


def test_one_steps_from_dataset_to_dataset_in_the_order_of_the_table(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track&sort=-Accession&dataset=E-MTAB-10")
    assert accessions(page) == ["E-MTAB-100", "E-MTAB-10", "E-MTAB-9", "E-MTAB-2"]
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("dialog", name="E-MTAB-9")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    page.get_by_role("button", name="Close").click()
    expect_focused(page, "E-MTAB-2")


def test_back_closes_it(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track")
    page.get_by_role("link", name="E-MTAB-9").click()
    expect(dataset(page)).to_be_visible()
    page.go_back()
    expect(dataset(page)).to_be_hidden()


@pytest.mark.parametrize("allowed", [True, False])
def test_the_accession_can_be_copied(open_page: Open, six: Overview, allowed: bool) -> None:
    """Through the clipboard's own way in, or the older one where browsers refuse that."""
    page = open_page(six, "tab=track", permissions=["clipboard-read", "clipboard-write"])
    if not allowed:
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.get_by_role("link", name="E-MTAB-9").click()
    page.get_by_role("button", name="Copy E-MTAB-9").click()
    expect(page.get_by_role("button", name="Copy E-MTAB-9")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "E-MTAB-9"


def test_what_a_source_showed_before_it_could_not_be_read_is_marked(open_page: Open) -> None:
    page = open_page(told(Dataset("E-MTAB-1"), Dataset("E-MTAB-2", "published"), stale="loading"), "tab=track")
    assert page.locator(".rows .of-state", has_text="Stale").all_inner_texts() == ["loadingStale"]
    page.get_by_role("link", name="E-MTAB-1").click()
    expect(dataset(page)).to_contain_text("loading could not be read last time: this is what it showed before.")
