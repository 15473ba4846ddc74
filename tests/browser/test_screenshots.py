"""Pictures of the page, for people to look at: var/screenshots. docs/overview.png is one of them."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import demo, load, open_tracker
from tests.browser.conftest import Open

PICTURES = Path(__file__).parents[2] / "var" / "screenshots"
TODAY = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
LATER, WORK = ("later", "ae2_incoming"), ("loading", "analysing", "processed", "published_dev", "published")
"""The ways that datasets went: from outside into the first place, or through the pipeline."""


@pytest.fixture(scope="module")
def page_of_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo after three months of work: 40 datasets arrived, 40 went all the way, and this morning one place
    could not be read."""
    world = demo.build(tmp_path_factory.mktemp("atlas") / "demo")
    config, nfs, rng = load(config=world.config), world.directory / "nfs", random.Random(1)
    (nfs / LATER[0]).mkdir()
    todo: dict[int, list[tuple[Path, Path]]] = {}
    for way in (LATER, WORK):
        for accession in world.places[way[-1]][:40]:
            steps = [nfs / folder / accession for folder in way]
            steps[-1].rename(steps[0])
            days = sorted(rng.sample(range(1, 89), len(way) - 1), reverse=True)
            for day, before, after in zip(days, steps, steps[1:], strict=False):
                todo.setdefault(day, []).append((before, after))
    with open_tracker(config, writing=True) as tracker:
        for day in range(90, -1, -1):
            for before, after in todo.get(day, ()):
                before.rename(after)
            if day == 0:
                demo.move_on(world.directory)
                (nfs / "geo_mirror").rename(nfs / "unmounted")
            if day % 3 in (0, 1):
                moment = TODAY - timedelta(days=day)
                replace(tracker, clock=lambda moment=moment: moment, outputs=() if day else tracker.outputs).crawl()
    return config.out / "overview.html"


VIEWS = {
    "summary": ("", {}),
    "summary-dark": ("", {"color_scheme": "dark"}),
    "summary-narrow": ("", {"viewport": {"width": 390, "height": 844}}),
    "track": ("tab=track", {}),
    "track-dark": ("tab=track&state=loading&state=analysing&sort=-Since", {"color_scheme": "dark"}),
    "track-narrow": ("tab=track", {"viewport": {"width": 390, "height": 844}}),
    "discover": ("tab=discover", {}),
    "changes": ("tab=changes", {}),
    "duplicates": ("tab=duplicates", {}),
    "problems": ("tab=problems", {}),
    "dataset": ("tab=track&dataset=E-GEOD-87509", {}),
    "dataset-dark": ("tab=discover&dataset=E-GEOD-101234", {"color_scheme": "dark"}),
    "dataset-narrow": ("tab=track&dataset=E-GEOD-98765", {"viewport": {"width": 390, "height": 844}}),
}


FEW = ("summary", "track", "dataset")
"""In each run; all of them are for those who ask for them."""


@pytest.mark.parametrize(
    "name", [name if name in FEW else pytest.param(name, marks=pytest.mark.long) for name in VIEWS]
)
def test_a_picture_of_the_demo(open_page: Open, page_of_demo: Path, name: str) -> None:
    view, context = VIEWS[name]
    _take(open_page, page_of_demo, name, view, context)


def test_a_picture_of_many(open_page: Open, twenty_thousand: Path) -> None:
    _take(open_page, twenty_thousand, "many", "tab=discover", {})


def _take(open_page: Open, page: Path, name: str, view: str, context: dict[str, object]) -> None:
    context = {"viewport": {"width": 1400, "height": 880}, "reduced_motion": "reduce", **context}
    opened = open_page(page, view, now=TODAY + timedelta(hours=3), **context)
    PICTURES.mkdir(parents=True, exist_ok=True)
    picture = opened.screenshot(path=PICTURES / f"{name}.png")
    assert len(picture) > 10_000, "there is hardly anything to be seen"
