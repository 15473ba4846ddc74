"""What others wrote is shown as they wrote it, and does nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from app.domain.overview import Layout
from tests.browser.conftest import Open
from tests.browser.pages import accessions, dataset, filter_by, rows
from tests.outputs.pages import Dataset, told

HOSTILE = [
    "</script><script>document.title = 'taken'</script>",
    "<img src=x onerror=\"document.title = 'taken'\">",
    "<!--<script>",
    "]]></style><style>* { display: none }</style>",
    "{{ 7 * 7 }} ${7 * 7} &lt;b&gt; &amp;",
    "\u2028\u2029'\"`\\",
]


def not_taken(page: Page) -> bool:
    return page.title() == "Where every dataset stands" and page.locator("img, main script, dialog script").count() == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_shown_as_it_is_everywhere(open_page: Open, text: str) -> None:
    hostile = Dataset("E-MTAB-1", title=text, more={"organisms": (text,), "curators": (text,)}, place=f"/atlas/{text}")
    page = open_page(told(hostile, Dataset("E-MTAB-2")), "tab=track")
    shown = " ".join(text.split())
    expect(page.locator(".rows td", has_text=shown).first).to_be_visible()
    filter_by(page, "organism", text)
    expect(page.locator(".chips button")).to_contain_text(shown)
    page.get_by_role("searchbox").fill(text)
    assert accessions(page) == ["E-MTAB-1"]
    page.get_by_role("link", name="E-MTAB-1").click()
    expect(dataset(page).locator(".lead")).to_have_text(shown)
    for tab in ("Summary", "Changes", "Duplicates", "Problems"):
        page.keyboard.press("Escape")
        page.get_by_role("link", name=tab).click()
    assert not_taken(page)


@pytest.mark.parametrize("accession", ["<b>E-1</b>", "E-1\"'><i>", "E 1 & #tab=summary&q=%41", "__proto__"])
def test_a_dataset_may_be_called_anything(open_page: Open, accession: str) -> None:
    page = open_page(told(Dataset(accession), Dataset("E-MTAB-2")), "tab=track")
    page.get_by_role("link", name=accession, exact=True).click()
    expect(page.get_by_role("dialog", name=accession)).to_be_visible()
    assert not_taken(page)


@pytest.mark.parametrize(
    "address", ["javascript:document.title='taken'//{accession}", "data:text/html,{accession}", "//x"]
)
def test_only_addresses_of_the_web_are_links(open_page: Open, address: str) -> None:
    layout = Layout(links={"published bulk": address})
    page = open_page(told(Dataset("E-MTAB-1", "published"), layout=layout), "tab=track&dataset=E-MTAB-1")
    expect(dataset(page)).to_contain_text(address.format(accession="E-MTAB-1"))
    assert {link.get_attribute("href", timeout=0)[:1] for link in page.locator("a").all()} == {"#"}  # type: ignore[index]


def test_links_to_the_web_tell_it_nothing(open_page: Open) -> None:
    page = open_page(told(Dataset("E-MTAB-1", "published")), "tab=track")
    link = page.get_by_role("link", name="E-MTAB-1 on www.ebi.ac.uk")
    assert (link.get_attribute("rel"), link.get_attribute("target")) == ("noopener noreferrer", "_blank")


def test_text_cannot_turn_around_what_stands_beside_it(open_page: Open) -> None:
    page = open_page(told(Dataset("E-MTAB-1", title="RNA\u202egpj.exe\u2066 \x1b[31m")), "tab=track&dataset=E-MTAB-1")
    expect(dataset(page).locator(".lead")).to_have_text("RNA\ufffdgpj.exe\ufffd \ufffd[31m")


def test_a_title_of_a_book_is_shown_in_part_in_its_row_and_whole_in_its_dataset(open_page: Open) -> None:
    title = "very long " * 5_000
    page = open_page(told(Dataset("E-MTAB-1", title=title), Dataset("E-MTAB-2")), "tab=track")
    assert [row.bounding_box()["height"] for row in page.locator(".rows tbody tr:not(.space)").all()] == [34, 34]  # type: ignore[index]
    assert len(rows(page).first.inner_text()) < 500
    page.get_by_role("link", name="E-MTAB-1").click()
    assert len(dataset(page).locator(".lead").inner_text()) == len(title.strip())
    expect(page.get_by_role("heading", name="History")).to_be_visible()


def test_a_file_name_that_is_no_text_is_shown_with_its_odd_bytes(open_page: Open) -> None:
    page = open_page(told(Dataset("E-MTAB-1", place="/atlas/caf\udce9")), "tab=track&dataset=E-MTAB-1")
    expect(dataset(page)).to_contain_text("/atlas/caf\\udce9")
