"""The file; what it does in a browser is tested in tests/browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from datetime import UTC
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.domain.details import Overview, overview
from app.domain.model import Code, Lifecycle, Scalar
from app.domain.overview import Layout, View
from app.errors import OutputError
from app.outputs.html_page import HtmlPage, as_html, as_json, data
from tests.domain.builders import noted
from tests.outputs.pages import AT, Dataset, many, told

LONDON = ZoneInfo("Europe/London")


class Elements(HTMLParser):
    """The elements of a page: name, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(("", {}, ""))

    def handle_data(self, text: str) -> None:
        if self.found:
            tag, attributes, before = self.found[-1]
            self.found[-1] = (tag, attributes, before + text)


def page(overview: Overview) -> str:
    return "".join(as_html(overview, LONDON))


def blocks(text: str) -> list[Any]:
    """What the two blocks of data hold."""
    return [json.loads(text) for tag, has, text in Elements(text).found if has.get("type") == "application/json"]


def test_the_file_is_put_in_place_whole(tmp_path: Path) -> None:
    overview = told(Dataset("E-MTAB-1"))
    where = HtmlPage(tmp_path / "made", LONDON).publish(overview)
    assert where == str(tmp_path / "made" / "overview.html")
    assert Path(where).read_text("utf-8") == page(overview)
    assert sorted(file.name for file in (tmp_path / "made").iterdir()) == [".html_page.rows", "overview.html"]


def test_on_a_full_disk_the_older_page_stays(tmp_path: Path) -> None:
    output = HtmlPage(tmp_path, LONDON)
    before = Path(output.publish(told(Dataset("E-MTAB-1")))).read_bytes()
    (tmp_path / ".overview.html.new").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"overview.html: No space left on device"):
        output.publish(told(Dataset("E-MTAB-2")))
    assert (tmp_path / "overview.html").read_bytes() == before


def test_equal_overviews_make_equal_pages() -> None:
    assert page(many(30)) == page(many(30))


def test_only_what_stands_in_it_may_run_and_nothing_may_be_fetched() -> None:
    elements = Elements(page(many(30))).found
    (policy,) = [has["content"] for tag, has, _ in elements if has.get("http-equiv") == "Content-Security-Policy"]
    code = [text for tag, has, text in elements if tag in ("style", "script") and "type" not in has]
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in code]
    style, script = hashes
    assert policy == (
        f"default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; form-action 'none'"
    )
    attributes = {(name, value) for _, has, _ in elements for name, value in has.items()}
    assert {name for name, _ in attributes if name in ("src", "style") or name.startswith("on")} == set()
    assert {value for name, value in attributes if name == "href"} == {"#main"}


@pytest.mark.parametrize("text", ["</script>", "<!--", "&amp;", "\u2028\u2029", "]]>", '"\\\n\0\x01', "naïve 細胞 🧬"])
def test_data_stays_within_its_block_and_comes_out_as_it_was(text: str) -> None:
    written = as_json({text: [text, 1.5, None]})
    assert json.loads(written) == {text: [text, 1.5, None]}
    assert not re.search("[<>&\u2028\u2029]", written)


def test_data_names_a_text_once() -> None:
    first, second = blocks(page(many(30)))
    texts = first["strings"] + second["strings"]
    assert len(texts) == len(set(texts))


def test_what_is_said_of_all_datasets_alike_stands_there_once() -> None:
    """Paths and sentences with the accession in them as well: most of what there is to say."""
    few, more = (data(many(number), UTC) for number in (200, 400))
    lengths = [sum(len(as_json(block)) for block in blocks) for blocks in (few, more)]
    assert (lengths[1] - lengths[0]) / 200 < 600


def test_titles_of_the_sites_own_make_no_difference_to_what_a_column_is() -> None:
    columns = (("Accession", "Dataset"), ("Status", "Stand"), ("Web Link", "Where"), ("Since", "From then"))
    layout = Layout(Lifecycle.of(), columns={"Track Ingested Experiments": columns})
    first, _ = data(told(Dataset("E-MTAB-1", "published"), layout=layout), UTC)
    track = first["tables"][2]
    assert dict(zip(track["columns"], track["kinds"], strict=True)) == {
        "Dataset": "accession",
        "Stand": "state",
        "Where": "link",
        "From then": "time",
    }
    assert [facet["name"] for facet in track["facets"]] == ["state", "organism", "curator", "problem"]


def test_times_are_those_of_the_sites_zone() -> None:
    first, _ = data(told(Dataset("E-MTAB-1", days={"loading": 150})), LONDON)
    assert (first["asOf"], first["zone"]) == ("2026-11-20T09:30:00+00:00", "Europe/London")
    assert "2026-06-23T10:30:00+01:00" in first["strings"]


def test_what_is_left_out_is_nowhere_in_the_file() -> None:
    secret = Dataset("E-MTAB-77", "published", title="Secret title")
    beside = Dataset("E-MTAB-1", days={"external": 3, "loading": 1})
    assert "Secret title" in page(told(secret, beside)) and "E-MTAB-77" in page(told(secret, beside))
    hidden = page(told(secret, beside, private=("E-MTAB-77",)))
    assert "Secret title" not in hidden and "E-MTAB-77" not in hidden


def test_each_greyed_row_says_what_was_done_and_why() -> None:
    alike = {"secondary_accessions": ("PXD5",)}
    datasets = [
        Dataset("E-MTAB-1", problems=(Code.NOT_UTF8, Code.UNREADABLE), more=alike),
        Dataset("E-MTAB-2", problems=(Code.NOT_UTF8,), more=alike),
        Dataset("E-MTAB-3", "external"),
    ]
    dealt_with = {"ignored": ("E-MTAB-2",), "acknowledged": (Code.UNREADABLE,), "dismissed": ("E-MTAB-1",)}
    first, second = data(told(*datasets, **dealt_with), LONDON)
    strings = first["strings"] + second["strings"]
    why = {table["name"]: [(row, strings[text]) for row, text in table["muted"]] for table in first["tables"]}
    assert {name: rows for name, rows in why.items() if rows} == {
        "Track Ingested Experiments": [(1, "Ignored: We know (wren, 2026-11-19)")],
        "Duplicates": [(0, "Dismissed: We know (wren, 2026-11-19)")],
        "Problems": [
            (1, "Acknowledged: We know (wren, 2026-11-19)"),
            (2, "Dataset ignored: We know (wren, 2026-11-19)"),
        ],
    }
    ignored = [[strings[text] for text in row[-1]] for row in second["datasets"]]
    assert ignored == [[], ["wren", "2026-11-19T23:30:00+00:00", "We know"], []]


HOSTILE = "</script><img src=x onerror=alert(1)><!--"


def of_curators(*cells: Scalar, title: str = "Notes") -> Overview:
    """Datasets beside which curators have these cells in a column of their own."""
    return overview(View(noted(*({title: cell} for cell in cells))), Layout(curators=(title,)), [])


@pytest.mark.parametrize(
    ("cells", "kind", "shown"),
    [
        (("=1+1", "two\nlines\x1b"), "text", ["=1+1", "two\nlines\ufffd"]),
        ((2, 3.5), "number", [2, 3.5]),
        ((2, "two"), "text", ["2", "two"]),
        ((True, False), "text", ["True", "False"]),
        ((HOSTILE, "<b>bold</b>"), "text", [HOSTILE, "<b>bold</b>"]),
        (("https://example.org/1", "javascript:alert(1)"), "text", ["https://example.org/1", "javascript:alert(1)"]),
        (("x" * 50_000,), "text", ["x" * 50_000]),
    ],
)
def test_what_curators_have_in_columns_of_their_own_is_shown_as_what_it_is(
    cells: tuple[Scalar, ...], kind: str, shown: list[str | float]
) -> None:
    first, _ = blocks(page(of_curators(*cells)))
    track = first["tables"][2]
    assert (track["columns"][-1], track["kinds"][-1]) == ("Notes", kind)
    found = track["cells"][-1]
    assert (found if kind == "number" else [first["strings"][text] for text in found]) == shown


def test_nothing_that_curators_write_is_markup() -> None:
    titles = ("Notes", "<i>Notes</i>" + HOSTILE)
    tags = [
        [tag for tag, *_ in Elements(page(of_curators(text, title=title))).found]
        for title, text in zip(titles, ("harmless", HOSTILE), strict=True)
    ]
    assert tags[0] == tags[1] and "script" in tags[0]


def test_before_the_first_crawl_there_is_a_page() -> None:
    first, second = blocks(page(told()))
    assert (first["asOf"], second) == (AT.isoformat(), {"datasets": [], "strings": []})


def test_only_who_makes_a_page_waits_for_the_templates() -> None:
    told = "import sys, app.outputs.html_page; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
