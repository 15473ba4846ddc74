"""What is done when: on fakes that tell what they were asked, and clocks that the test moves."""

from __future__ import annotations

import errno
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.domain.catalogue import Harvested
from app.domain.model import OutputReport, Report, Run, RunStatus, SourceReport
from app.domain.schedule import Appointment, Schedule
from app.errors import Locked, StoreError
from app.tracker import Tracker
from app.triggers import daemon as daemons
from app.triggers.daemon import ALL, Daemon, Site
from app.triggers.events import Batch, Mode, Place
from app.triggers.health import Health
from tests.fakes import MemoryStore

START = datetime(2026, 3, 1, 6, tzinfo=UTC)


@dataclass
class FakeTracker:
    """Notes how it was asked to crawl. `fails`: what it raises, in turn; `wrong`: of sources and outputs that fail."""

    names: Sequence[str] = ("a", "b", "c")
    store: MemoryStore = field(default_factory=MemoryStore)
    asked: list[dict[str, Any]] = field(default_factory=list)
    fails: list[BaseException] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)
    behind: set[str] = field(default_factory=set)
    catalogues: Collection[str] = ()
    disabled: Collection[str] = ()
    outputs: Sequence[SimpleNamespace] = (SimpleNamespace(name="html_page"),)
    guest: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="sheet", pause=lambda: 20.0))

    @property
    def sources(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name, enabled=name not in self.disabled) for name in self.names]

    def open_catalogue(self, source: SimpleNamespace) -> object:
        return self if source.name in self.catalogues else None

    def crawl(self, *, behind: set[str], progress: object, **how: Any) -> Report:
        if self.fails:
            raise self.fails.pop(0)
        self.asked.append({name: what for name, what in how.items() if what})
        behind |= self.behind
        read = (
            how["touched"]
            if "touched" in how
            else (how["only"] or [name for name in self.names if name not in self.disabled])
        )
        status = {name: SourceReport(name, "filesystem", "failed", 0, self.wrong[name]) for name in self.wrong}
        return Report(
            Run(START, START, RunStatus.SUCCEEDED, {}, 0, id=len(self.asked)),
            tuple(status.get(name, SourceReport(name, "filesystem", "succeeded", 1)) for name in read),
            (),
            (),
            tuple(OutputReport(name, "failed", self.wrong[name]) for name in self.wrong if name in ("sheet",)),
        )


@dataclass
class FakeWatcher:
    batches: list[Batch] = field(default_factory=list)
    modes_: dict[str, Mode] = field(default_factory=dict)
    waited: list[float] = field(default_factory=list)

    def wait(self, timeout: float) -> Batch | None:
        self.waited.append(timeout)
        return self.batches.pop(0) if self.batches else None

    def modes(self) -> Mapping[str, Mode]:
        return self.modes_


@dataclass
class FakeElsewhere:
    begun: list[Collection[str]] = field(default_factory=list)
    busy: bool = False
    reports: list[OutputReport] | None = None

    def begin(self, outputs: Collection[str]) -> None:
        self.begun.append(outputs)
        self.busy = True

    def done(self) -> Sequence[OutputReport] | None:
        reports, self.reports = self.reports, None
        self.busy = self.busy and reports is None
        return reports


@dataclass
class FakeCollector:
    """`begun`: what was to be read, in turn; `found`: what came of it, once it is told."""

    begun: list[Collection[str]] = field(default_factory=list)
    busy: bool = False
    found: Harvested | None = None

    def begin(self, names: Collection[str]) -> None:
        self.begun.append(names)
        self.busy = True

    def done(self) -> Harvested | None:
        found, self.found = self.found, None
        self.busy = self.busy and found is None
        return found


class Desk:
    """A daemon of which each turn is taken by hand."""

    def __init__(self, schedules: Mapping[str, str] | None = None, **more: Any) -> None:
        self.tracker, self.elsewhere, self.now = FakeTracker(**more), FakeElsewhere(), START
        self.collector = FakeCollector()
        texts = {ALL: "every 8 hours", **(schedules or {})}
        site = Site(
            cast("Tracker", self.tracker),
            [Place("a", Path("/nfs/a"), True, timedelta(seconds=60))],
            {name: Schedule.of(text) for name, text in texts.items()},
            self.elsewhere,
            self.collector,
        )
        self.health = Health("0.1.0")
        self.daemon = Daemon(site, self.health, lambda: self.now, lambda: self.now.timestamp())
        self.watcher = FakeWatcher()
        self.daemon._watcher = self.watcher  # type: ignore[assignment]
        self.daemon._upkeep = SimpleNamespace(run_pending=self._upkeep, idle_seconds=0.5)  # type: ignore[assignment]

    def _upkeep(self) -> None:
        self.daemon._hear()
        self.daemon._catch_up()
        self.daemon._collect()

    def turn(self, seconds: float = 1, touched: Mapping[str, Sequence[str]] | None = None, **whole: str) -> list[Any]:
        """What was asked of the tracker so many seconds later, after these events."""
        self.now += timedelta(seconds=seconds)
        if touched or whole:
            self.watcher.batches.append(Batch({s: frozenset(names) for s, names in (touched or {}).items()}, whole))
        before = len(self.tracker.asked)
        self.daemon._turn()
        return self.tracker.asked[before:]


def test_what_is_due_is_read_in_whole_and_what_was_touched_in_part() -> None:
    desk = Desk()
    assert desk.turn() == [{}]
    assert desk.turn() == []
    assert desk.turn(touched={"a": ["E-1", "E-2"]}, b="it is there again") == [
        {"touched": {"a": {"E-1", "E-2"}, "b": None}}
    ]
    assert desk.turn() == []
    assert desk.turn(8 * 3_600) == [{}]


def test_what_is_due_takes_what_was_touched_along() -> None:
    desk = Desk()
    assert desk.turn(touched={"a": ["E-1"]}) == [{}]
    assert desk.turn() == []


def test_a_source_with_a_schedule_of_its_own_is_read_with_the_others_only_if_it_was_touched() -> None:
    desk = Desk({"c": "every 1 week"})
    assert desk.turn() == [{}], "all is due the first time"
    assert desk.turn(8 * 3_600) == [{"only": ["a", "b"]}]
    assert desk.turn(8 * 3_600, c="it is there again") == [{}]
    assert desk.turn(152 * 3_600 - 2 * 8 * 3_600) == [{"only": ["a", "b"]}]
    desk = Desk({"c": "every 1 hour"})
    desk.turn()
    assert desk.turn(3_600) == [{"touched": {"c": None}}]


def test_what_was_begun_is_kept_for_the_next_time() -> None:
    desk = Desk()
    desk.turn()
    assert desk.tracker.store.appointments() == {ALL: Appointment("every 8 hours", desk.now, desk.now)}


def test_what_is_touched_in_no_source_that_there_is_is_nothing() -> None:
    desk = Desk()
    desk.turn()
    assert desk.turn(z="it was there before") == [{}], "the sheet is seen to, nothing is read"
    assert desk.tracker.asked[-1] == {}


# --------------------------------------------------------------------------- what goes wrong


def test_what_could_not_be_recorded_is_tried_again_later_and_later(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.turn()
    desk.tracker.fails = [StoreError("the store is down")] * 3
    assert desk.turn(touched={"a": ["E-1"]}) == []
    assert desk.health.told()["trouble"] == "the store is down"
    tried = []
    for second in range(1, 60):
        left = len(desk.tracker.fails)
        asked = desk.turn(1, {"a": [f"E-{second + 1}"]} if second < 4 else None)
        if asked or len(desk.tracker.fails) < left:
            tried.append(second)
        if asked:
            break
    assert tried == [5, 15, 35]
    assert asked == [{"touched": {"a": {"E-1", "E-2", "E-3", "E-4"}}}]
    assert desk.health.told()["trouble"] == ""
    assert [record.levelname for record in caplog.records].count("ERROR") == 1


def test_while_another_crawl_is_on_what_is_to_be_done_waits() -> None:
    desk = Desk()
    desk.turn()
    desk.tracker.fails = [Locked("run 7 is on")]
    assert desk.turn(touched={"a": ["E-1"]}) == []
    assert (desk.turn(4), desk.health.told()["status"]) == ([], "ok")
    assert desk.turn(1) == [{"touched": {"a": {"E-1"}}}]


def test_a_crawl_that_is_on_is_told_once_and_is_trouble_when_it_never_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    desk = Desk()
    desk.turn()
    desk.tracker.fails = [Locked("run 7 is on")] * 1_000
    desk.turn(touched={"a": ["E-1"]})
    for _ in range(170):
        assert desk.turn(5) == []
    assert [record.levelname for record in caplog.records if "run 7 is on" in record.getMessage()] == ["INFO"]
    assert desk.health.told()["status"] == "ok"
    for _ in range(20):
        desk.turn(5)
    assert [record.levelname for record in caplog.records if "run 7 is on" in record.getMessage()] == ["INFO", "ERROR"]
    assert desk.health.told()["trouble"] == "run 7 is on"
    desk.tracker.fails = []
    assert desk.turn(5) == [{"touched": {"a": {"E-1"}}}]
    assert desk.health.told()["status"] == "ok"
    assert "what was to be done could be done" in caplog.text


def test_in_trouble_it_waits_also_for_what_is_due() -> None:
    """Else it would ask all the time whether it is over."""
    desk = Desk({"c": "every 1 second"})
    desk.turn()
    desk.tracker.fails = [StoreError("the store is down")] * 9
    desk.turn(10)
    desk.turn(1)
    assert desk.watcher.waited[-1] == 1.0


def test_a_fault_of_the_program_is_told_with_all_there_is_to_know_and_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    desk.tracker.fails = [ZeroDivisionError("by zero")]
    assert desk.turn() == []
    assert "ZeroDivisionError: by zero" in caplog.text
    assert desk.health.told()["trouble"] == "a fault of the program (ZeroDivisionError)"
    assert desk.turn(5) == [{}]


def test_whoever_stops_it_is_obeyed() -> None:
    desk = Desk()
    desk.tracker.fails = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        desk.turn()


def test_a_source_that_could_not_be_read_is_read_again_later_and_later() -> None:
    desk = Desk(wrong={"b": "/nfs/b is not there"})
    assert desk.turn() == [{}]
    times = [second for second in range(1, 80) if desk.turn(1)]
    assert times == [5, 15, 35, 75]
    assert desk.tracker.asked[-1] == {"touched": {"b": None}}
    desk.tracker.wrong.clear()
    assert [asked for _ in range(400) for asked in desk.turn(1)] == [{"touched": {"b": None}}]


def test_a_source_that_does_not_answer_is_not_asked_until_it_says_that_it_does() -> None:
    desk = Desk(wrong={"a": "/nfs/a does not answer since 06:00:00 UTC"})
    desk.watcher.modes_ = {"a": Mode("silent", "does not answer since 06:00:00 UTC"), "b": Mode("scan", "")}
    assert desk.turn(a="does not answer since 06:00:00 UTC") == [
        {"silent": {"a": "/nfs/a does not answer since 06:00:00 UTC"}}
    ]
    assert [asked for _ in range(400) for asked in desk.turn(1)] == []
    desk.watcher.modes_["a"], desk.tracker.wrong = Mode("events", ""), {}
    assert desk.turn(a="it answers again") == [{"touched": {"a": None}}]


def test_a_document_that_could_not_be_written_is_visited_again() -> None:
    desk = Desk(wrong={"sheet": "Google is down"})
    desk.turn()
    assert desk.turn(4) == []
    desk.tracker.wrong.clear()
    assert desk.turn(1) == [{}]
    assert [asked for _ in range(400) for asked in desk.turn(1)] == []


def test_a_document_whose_turn_it_is_not_is_visited_when_it_is() -> None:
    desk = Desk(behind={"sheet"})
    desk.turn()
    desk.tracker.behind = set()
    assert [desk.turn(19), desk.turn(1)] == [[], [{}]]
    assert desk.elsewhere.begun == []


# --------------------------------------------------------------------------- outputs that are written in whole


def test_outputs_that_were_put_off_are_written_elsewhere_at_once_and_then_not_too_often() -> None:
    desk = Desk(behind={"html_page"})
    desk.turn()
    desk.turn()
    assert desk.elsewhere.begun == [{"html_page"}]
    desk.elsewhere.reports = [OutputReport("html_page", "published", "out/overview.html")]
    for _ in range(10):
        desk.turn(1, {"a": ["E-1"]})
    assert len(desk.elsewhere.begun) == 1
    desk.turn(60)
    assert len(desk.elsewhere.begun) == 2


def test_where_there_is_no_process_to_be_had_it_is_told_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(behind={"html_page"})

    def begin(outputs: Collection[str]) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.elsewhere, "begin", begin)
        desk.turn()
        desk.turn()
    assert "html_page cannot be written now: Too many open files" in caplog.text
    desk.turn(60)
    assert desk.elsewhere.begun == [{"html_page"}]


def test_what_is_being_written_is_waited_for() -> None:
    desk = Desk(behind={"html_page"})
    for _ in range(5):
        desk.turn(100, {"a": ["E-1"]})
    assert len(desk.elsewhere.begun) == 1


def test_what_could_not_be_written_is_written_the_next_time(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    desk = Desk(behind={"html_page"})
    desk.turn()
    desk.turn()
    desk.tracker.behind = set()
    for status, where in (("failed", "no space"), ("failed", "no space"), ("published", "out/overview.html")):
        desk.elsewhere.reports = [OutputReport("html_page", status, where)]
        desk.turn(61)
        desk.turn(61)
    assert len(desk.elsewhere.begun) == 3
    said = [record.getMessage() for record in caplog.records if "html_page" in record.getMessage()]
    assert said == ["html_page cannot be published: no space", "html_page is published again: out/overview.html"]


# --------------------------------------------------------------------------- waiting


def test_it_waits_no_longer_than_until_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.turn()
    desk.turn()
    assert desk.watcher.waited == [1.0, 1.0]
    desk.turn(8 * 3_600 - 1.25)
    desk.turn(0)
    assert desk.watcher.waited[-1] == pytest.approx(0.25, abs=0.01)


def test_it_ends_when_it_is_over() -> None:
    desk = Desk()
    desk.daemon._watcher, desk.daemon._upkeep = daemons.Watcher([]), daemons.schedule.Scheduler()
    turns: Iterator[bool] = iter([False, False, True])
    desk.daemon._pause = lambda: 0.01  # type: ignore[method-assign]
    desk.daemon.run(lambda: next(turns))
    assert len(desk.tracker.asked) == 1


def test_sources_that_nobody_watches_are_looked_at_when_it_begins() -> None:
    """So a new one is shown as soon as the settings were read again, and not only when all is due."""
    desk = Desk()
    desk.turn()
    again = Desk()
    again.tracker.store = desk.tracker.store
    turns: Iterator[bool] = iter([False, True])
    again.daemon._pause = lambda: 0.01  # type: ignore[method-assign]
    again.watcher.modes_ = {"a": Mode("events", "")}
    again.watcher.start = again.watcher.stop = lambda: None  # type: ignore[attr-defined]
    again.daemon._upkeep = daemons.schedule.Scheduler()
    again.daemon.run(lambda: next(turns))
    assert again.tracker.asked == [{"touched": {"b": None, "c": None}}]


def test_a_clock_that_is_put_back_keeps_nothing_from_being_done() -> None:
    desk = Desk(behind={"html_page"})
    asked = []
    desk.daemon._upkeep = SimpleNamespace(  # type: ignore[assignment]
        run_pending=lambda: None, run_all=lambda: asked.append("all"), idle_seconds=3_600.0
    )
    desk.turn()
    assert asked == ["all"]


# --------------------------------------------------------------------------- catalogues


def test_catalogues_that_are_due_are_read_beside_and_looked_at_then() -> None:
    desk = Desk(catalogues={"c"})
    assert desk.turn() == [{"only": ["a", "b"]}]
    assert desk.turn() == []
    assert desk.collector.begun == [{"c"}]
    assert desk.turn(touched={"a": ["x"]}) == [{"touched": {"a": {"x"}}}], "events go on"
    desk.collector.found = Harvested()
    assert desk.turn() == [{"touched": {"c": None}}]
    desk.turn()
    assert desk.collector.begun == [{"c"}]
    desk.turn(8 * 3600)
    desk.turn()
    assert desk.collector.begun == [{"c"}, {"c"}]


def test_a_catalogue_with_a_schedule_of_its_own_makes_no_run_of_trees() -> None:
    desk = Desk({"c": "every 1 hour"}, catalogues={"c"})
    assert desk.turn() == [{"only": ["a", "b"]}]
    desk.turn()
    desk.collector.found = Harvested()
    assert desk.turn() == [{"touched": {"c": None}}]
    assert desk.turn(3600) == []
    desk.turn()
    assert desk.collector.begun == [{"c"}, {"c"}]


def test_one_that_could_not_be_read_is_told_so_and_read_again_later() -> None:
    desk = Desk(catalogues={"c"}, wrong={"c": "its server is down"})
    desk.turn()
    desk.turn()
    desk.collector.found = Harvested(refused={"c": "its server is down"})
    assert desk.turn() == [{"touched": {"c": None}, "silent": {"c": "its server is down"}}]
    desk.turn(2)
    assert desk.collector.begun == [{"c"}]
    desk.turn(4)
    desk.turn()
    assert desk.collector.begun == [{"c"}, {"c"}]
    desk.tracker.wrong.clear()
    desk.collector.found = Harvested()
    assert desk.turn() == [{"touched": {"c": None}}]


def test_sources_that_are_disabled_are_left_alone() -> None:
    desk = Desk({"b": "every 1 hour"}, disabled={"b", "c"})
    assert desk.turn() == [{}], "of all that are enabled"
    assert desk.health.told()["sources"].keys() == {"a"}
