"""Pages opened from disk in a real browser, which may ask for nothing but the file, and may not complain."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from app.domain.details import Overview
from app.domain.model import Code
from app.outputs.html_page import HtmlPage
from tests.outputs.pages import AT, Dataset, many, told

Open = Callable[..., Page]
LATER = AT + timedelta(hours=3)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; where there is none, tests fail."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("there is no chromium: on Debian, apt install chromium", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens the page of an overview, or a file; `view` is what stands behind the # of its address. It is LATER there,
    and stays so (`now` None: time runs). Whatever else is asked for, or complained of, fails the test."""
    contexts, troubles = [], []

    def opened(what: Overview | Path, view: str = "", *, now: datetime | None = LATER, **context: Any) -> Page:
        path = what if isinstance(what, Path) else Path(HtmlPage(tmp_path, UTC).publish(what))
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **context}))
        address = path.as_uri()

        def only_the_file(route: Route) -> None:
            if route.request.url.partition("#")[0] == address:
                route.continue_()
            else:
                troubles.append(f"asked for {route.request.url[:100]}")
                route.abort()

        contexts[-1].set_default_timeout(10_000)
        contexts[-1].route("**/*", only_the_file)
        page = contexts[-1].new_page()
        page.on("console", lambda said: troubles.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        if now is not None:
            page.clock.set_fixed_time(now)
        page.goto(f"{address}#{view}" if view else address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(scope="session")
def twenty_thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 20,000 datasets."""
    return Path(HtmlPage(tmp_path_factory.mktemp("many"), UTC).publish(many(20_000)))


@pytest.fixture
def six() -> Overview:
    """Two external datasets and four that are under way."""
    human, mouse = {"organisms": ("Homo sapiens",)}, {"organisms": ("Mus musculus",)}
    both = {"organisms": ("Homo sapiens", "Mus musculus"), "curators": ("wren", "heron")}
    return told(
        Dataset("E-MTAB-7", "external", title="Naïve T cells", more=human),
        Dataset("E-MTAB-12", "external", title="Root tip", said="FAIL no replicates", more=mouse),
        Dataset("E-MTAB-9", "loading", title="Liver", more={**human, "curators": ("wren",)}),
        Dataset("E-MTAB-10", "analysing", title="Kidney", more={**mouse, "curators": ("heron",)}, up_to="processed"),
        Dataset(
            "E-MTAB-100",
            days={"external": 40, "incoming": 12.5, "loading": 10, "published": 0.25},
            title="Hippocampus",
            more=both,
        ),
        Dataset("E-MTAB-2", "loading", title="Spleen", more=human, problems=(Code.NOT_UTF8, Code.UNREADABLE)),
        Dataset("E-MTAB-5", days={"external": 4, "gone": 2}),
    )


@pytest.fixture
def dealt_with() -> Overview:
    """A dataset is ignored, a problem acknowledged, and a group dismissed; and there is one of each that is not."""
    same, other = ({"secondary_accessions": (name,)} for name in ("PXD5", "PXD6"))
    return told(
        Dataset("E-MTAB-1", problems=(Code.NOT_UTF8, Code.UNREADABLE), more=same),
        Dataset("E-MTAB-2", problems=(Code.NOT_UTF8,), more=same),
        Dataset("E-MTAB-3", "published", more=other),
        Dataset("E-MTAB-4", "published", more=other),
        ignored=("E-MTAB-2",),
        acknowledged=(Code.UNREADABLE,),
        dismissed=("E-MTAB-1",),
        stays={"loading": [timedelta(days=1)] * 5},
    )
