"""What is on a page, as a test asks for it."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


def rows(page: Page) -> Locator:
    return page.locator(".rows tbody tr:not(.space)")


def accessions(page: Page) -> list[str]:
    """Those of the rows that are drawn, from above."""
    return page.locator(".rows td.of-accession a").all_inner_texts()


def column(page: Page, title: str) -> list[str]:
    """The cells under this title."""
    titles = page.locator(".rows thead th").all_inner_texts()
    return page.locator(f".rows tbody tr:not(.space) td:nth-child({titles.index(title) + 1})").all_inner_texts()


def chips(page: Page) -> list[str]:
    return [name.strip("\u00d7") for name in page.locator(".chips button:not(.clear)").all_inner_texts()]


def view(page: Page) -> str:
    """What stands behind the # of the address."""
    return str(page.evaluate("location.hash.slice(1)"))


FOCUSED = "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"


def focused(page: Page) -> str:
    """The text, or the label, of what has the keys."""
    return str(page.evaluate(FOCUSED))


def expect_focused(page: Page, name: str) -> None:
    """It gets the keys within moments: a browser hands them on after what was clicked has closed."""
    page.wait_for_function(f"name => ({FOCUSED}) === name", arg=name, timeout=5_000)


def filter_by(page: Page, what: str, value: str) -> None:
    """Chooses a value in the list of a filter."""
    page.get_by_label(f"Filter by {what}", exact=True).select_option(f"={value}")


def dataset(page: Page) -> Locator:
    """What is open of one dataset."""
    return page.get_by_role("dialog")
