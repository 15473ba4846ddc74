"""The process beside that writes outputs in whole: whatever becomes of it, it is told."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import app
from app import elsewhere
from app.config import Config
from app.domain.model import OutputReport
from app.elsewhere import Outputs


def never(kind: object, config: Config, outputs: Collection[str], tell: Connection) -> None:
    time.sleep(60)


def dies(kind: object, config: Config, outputs: Collection[str], tell: Connection) -> None:
    os._exit(1)


def works(kind: object, config: Config, outputs: Collection[str], tell: Connection) -> None:
    tell.send([OutputReport(name, "published", "there") for name in outputs])


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Outputs]:
    (tmp_path / "sources_config.json").write_text('{"loading": {"stage": ["loading"]}}')
    with closing(Outputs(app.load(environ={}, cwd=tmp_path))) as beside:
        yield beside


def done(beside: Outputs) -> Sequence[OutputReport]:
    deadline = time.monotonic() + 30
    while (reports := beside.done()) is None:
        assert beside.busy and time.monotonic() < deadline
        time.sleep(0.02)
    assert not beside.busy
    assert beside.done() is None
    return reports


def test_what_came_of_it_is_told_once(beside: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "_work", works)
    for _ in range(2):
        beside.begin({"html_page"})
        assert done(beside) == [OutputReport("html_page", "published", "there")]


def test_where_it_dies_nothing_was_written(beside: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "_work", dies)
    beside.begin({"html_page"})
    (report,) = done(beside)
    assert (report.name, report.status) == ("html_page", "failed")


def test_where_it_takes_too_long_it_is_given_up(beside: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "_work", never)
    monkeypatch.setattr(beside, "_longest", 0.3)
    beside.begin({"html_page"})
    process = beside._process
    assert process is not None and process.pid
    number = process.pid
    (report,) = done(beside)
    assert (report.name, report.status) == ("html_page", "failed")
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
