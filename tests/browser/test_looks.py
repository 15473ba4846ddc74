"""Light and dark, narrow and wide, on paper, and for those who do not see it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from app.domain.details import Overview
from tests.browser.conftest import Open
from tests.browser.pages import accessions, rows
from tests.outputs.pages import many

TABS = ["summary", "discover", "track", "changes", "duplicates", "problems"]


def lightness(page: Page) -> float:
    """Of the ground behind everything, from 0 to 255."""
    found = page.evaluate("getComputedStyle(document.documentElement).backgroundColor.match(/[\\d.]+/g).slice(0, 3)")
    return sum(map(float, found)) / 3


@pytest.mark.parametrize("scheme, other", [("light", "Dark"), ("dark", "Light")])
def test_the_page_follows_the_system_until_it_is_told_otherwise(
    open_page: Open, six: Overview, scheme: str, other: str
) -> None:
    page = open_page(six, color_scheme=scheme)
    assert (lightness(page) > 128) == (scheme == "light")
    page.get_by_role("button", name=other).click()
    assert (lightness(page) > 128) == (scheme == "dark")
    page.reload()
    assert (lightness(page) > 128) == (scheme == "dark")


def test_where_a_browser_keeps_nothing_the_page_works_all_the_same(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track", color_scheme="light")
    page.context.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })")
    page.reload()
    page.get_by_role("button", name="Dark").click()
    assert lightness(page) < 128
    assert len(accessions(page)) == 4


@pytest.mark.parametrize("tab", TABS)
def test_a_narrow_page_never_scrolls_sideways(open_page: Open, six: Overview, tab: str) -> None:
    page = open_page(six, f"tab={tab}", viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("[...document.querySelectorAll('.rows')].every(each => each.scrollWidth <= 390)")


def test_a_narrow_table_shows_accession_state_and_title_and_can_be_sorted(open_page: Open, six: Overview) -> None:
    page = open_page(six, "tab=track", viewport={"width": 390, "height": 844})
    page.get_by_label("Sort by").select_option("-Accession")
    assert rows(page).first.inner_text().split() == ["E-MTAB-100", "published", "Hippocampus"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab", TABS)
def test_nothing_keeps_anybody_out(open_page: Open, tab: str, scheme: str) -> None:
    """No violation of the rules of axe, be a dataset open or not."""
    overview = many(30, stale="loading")
    page = open_page(overview, f"tab={tab}", color_scheme=scheme, reduced_motion="reduce")
    assert violations(page) == []
    dataset = next(detail.dataset for detail in overview.details if detail.problems)
    page.goto(f"{page.url}&dataset={dataset}")
    expect(page.get_by_role("dialog", name=dataset)).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["summary", "track", "track&dataset=E-MTAB-2", "duplicates", "problems"])
def test_what_is_greyed_can_be_read_all_the_same(open_page: Open, dealt_with: Overview, view: str, scheme: str) -> None:
    """Also where the mouse or the keys are."""
    page = open_page(dealt_with, f"tab={view}", color_scheme=scheme, reduced_motion="reduce")
    assert violations(page) == []
    for row in rows(page).all() if "dataset" not in view else []:
        row.hover()
        row.locator("a").first.focus()
        assert violations(page) == []


def violations(page: Page) -> list[tuple[str, str, list[str]]]:
    found = Axe().run(page).response["violations"]
    return [(each["impact"], each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found]


# --------------------------------------------------------------------------- on paper


def printed_rows(page: Page, path: Path) -> int:
    """How many rows there are in the tables of the page as a PDF. Where a row begins is marked in it for readers."""
    page.pdf(path=path, landscape=True, tagged=True)
    return len(re.findall(rb"/S\s*/TR\b", path.read_bytes()))


def test_paper_has_all_filtered_rows(open_page: Open, tmp_path: Path) -> None:
    page = open_page(many(400), "tab=discover&organism=Zea mays")
    count = int(page.locator(".shown").inner_text().split()[0])
    assert count > len(accessions(page)) + 10
    assert printed_rows(page, tmp_path / "all.pdf") == 1 + count
    assert len(accessions(page)) < count
