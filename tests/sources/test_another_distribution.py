"""A kind of source in a distribution of its own: built, installed beside this one, and then as good as ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.site import Site, states
from tests.end_to_end.warm import ROOT

CODE = '''
import json
import re
from collections.abc import Iterator

from pydantic import BaseModel, Field

from app.domain.catalogue import Facts, Record
from app.domain.harvest import Window
from app.domain.model import SourceConfig
from app.ports import Session


class Options(BaseModel):
    colour: str = Field("grey", description="a colour")


class Rainbow:
    """Two studies, in the colour that is wanted."""

    kind = "rainbow"
    summary = "Studies in a colour."
    Options = Options
    version = "001.002.000"
    dated = False

    def __init__(self, config: SourceConfig, accession: re.Pattern[str]) -> None:
        self.config, self.colour = config, config.options.get("colour", "grey")

    def records(self, window: Window, session: Session) -> Iterator[Record]:
        session.wait()
        for accession in ("E-MTAB-71", "E-MTAB-72"):
            yield Record(accession, json.dumps({"title": f"{accession} in {self.colour}"}).encode())

    def facts(self, record: Record) -> Facts:
        return Facts(json.loads(record.body)["title"])

    def probe(self) -> str:
        return f"all is {self.colour}"
'''

SETUP = """[metadata]
name = rainbow-for-ingest-tracker
version = 1.2
[options]
py_modules = rainbow
[options.entry_points]
ingest_tracker.sources =
    rainbow = rainbow:Rainbow
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is installed."""
    folder = tmp_path_factory.mktemp("rainbow")
    (folder / "rainbow.py").write_text(CODE)
    (folder / "setup.cfg").write_text(SETUP)
    (folder / "pyproject.toml").write_text('[build-system]\nrequires = ["setuptools"]\n')
    build = [sys.executable, "-c", "from setuptools import build_meta; print(build_meta.build_wheel('.'))"]
    wheel = subprocess.run(build, cwd=folder, check=True, capture_output=True, text=True).stdout.split()[-1]
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--no-index", "--no-deps"]
    where = folder / "installed"
    quiet = os.environ | {"UV_CACHE_DIR": str(folder / "cache")}
    subprocess.run([*uv, "--target", where, folder / wheel], check=True, env=quiet)
    return where


def test_its_datasets_are_tracked_with_the_others(tmp_path: Path, installed: Path) -> None:
    site = Site(tmp_path)
    site.fill("loading", ["E-MTAB-1"])
    site.configure({"loading": {"stage": ["loading"]}})
    there = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(installed)])}
    address = "https://example.org/rainbow"
    assert "unknown kind 'rainbow'" in site.whole("sources", "add", address, "--kind", "rainbow").err
    added = site.whole("sources", "add", address, "--kind", "rainbow", "--option", "colour=blue", **there)
    assert (added.code, added.out) == (0, f"{address} is tracked from now on: all is blue\n")
    assert site.whole("sources", "edit", address, "--option", "colour=[1]", **there).code == 2
    crawled = site.whole("crawl", **there)
    assert crawled.code == 0, crawled
    shown = states(site.standing())
    assert shown == {"E-MTAB-1": "loading", "E-MTAB-71": "external", "E-MTAB-72": "external"}
    (log,) = site.whole("runs", "--source", address, "--json", **there).json["harvests"]
    assert (log["status"], log["seen"]) == ("succeeded", 2)
    told = json.loads(site.whole("overview", "--format", "json", **there).out)
    titles = {row["Accession"]: row["Investigation Title"] for row in told["tables"]["Discover Experiments"]["rows"]}
    assert titles["E-MTAB-71"] == "E-MTAB-71 in blue"


def test_once_it_is_taken_away_again_that_is_said(tmp_path: Path, installed: Path) -> None:
    site = Site(tmp_path)
    site.fill("loading", ["E-MTAB-1"])
    site.configure(
        {"loading": {"stage": ["loading"]}, "https://example.org/r": {"stage": "external", "kind": "rainbow"}}
    )
    there = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(installed)])}
    assert site.whole("crawl", **there).code == 0
    assert "kind: unknown kind 'rainbow'" in site.whole("crawl").message
