"""The order of a crawl, on fakes: what fails is said, and the rest goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.history import Policy
from app.domain.model import Answer, Lifecycle, Outcome, Problem, Report, RunStatus, Sighting, SourceConfig, Verdict
from app.domain.overview import Layout, Table
from app.errors import Locked, LockLost, OutputError, SourceError, UnknownDataset, UsageError
from app.tracker import Tracker
from tests.fakes import MemoryStore

STATES = Lifecycle.of()


def place(name: str, stage: str = "", **more: str) -> SourceConfig:
    return SourceConfig(name, f"/nfs/{name}", f"/nfs/{name}", "filesystem", STATES.stage([stage or name]), **more)  # type: ignore[arg-type]


@dataclass
class FakeSource:
    """Shows these datasets, or raises. `then`: what it shows when it is asked again in the same run."""

    config: SourceConfig
    shows: Sequence[str] | Exception = ()
    then: Sequence[str] | Exception | None = None
    known: list[Mapping[str, Sighting]] = field(default_factory=list)
    full: bool = False

    def read(self, known: Mapping[str, Sighting], *, full: bool = False) -> Iterator[Sighting | Problem]:
        self.known.append(known)
        self.full = full
        yield from self._shown(self.shows)

    def find(self, datasets: Collection[str], known: Mapping[str, Sighting]) -> Iterator[Sighting]:
        shown = self.shows if self.then is None else self.then
        yield from (seen for seen in self._shown(shown) if seen.dataset in datasets)

    def probe(self) -> str:
        return "here"

    def _shown(self, shows: Sequence[str] | Exception) -> Iterator[Sighting]:
        if isinstance(shows, Exception):
            raise shows
        for dataset in shows:
            yield Sighting(dataset, self.config.name, f"{self.config.location}/{dataset}")


@dataclass
class FakeEligibility:
    says: Mapping[str, str] | None = field(default_factory=dict)
    asked: list[set[str]] = field(default_factory=list)

    def verdicts(self, datasets: Collection[str]) -> Iterator[Answer]:
        self.asked.append(set(datasets))
        if self.says is None:
            yield Answer("atlas", "gxp", None, "gxp is down")
        else:
            said = {d: Verdict(d, "atlas", Outcome(text)) for d, text in self.says.items() if d in datasets}
            yield Answer("atlas", "gxp", said)


@dataclass
class FakeOutput:
    name: str = "fake"
    fails: bool = False
    shown: list[Sequence[Table]] = field(default_factory=list)

    def publish(self, tables: Sequence[Table], as_of: datetime | None) -> str:
        if self.fails:
            raise OutputError(self.name, "no space")
        self.shown.append(tables)
        return "here"


@dataclass
class Site:
    """A tracker on fakes; `crawl` makes a run an hour later than the last."""

    shows: dict[str, Sequence[str] | Exception]
    places: Sequence[SourceConfig] = ()
    store: MemoryStore = field(default_factory=MemoryStore)
    eligibility: FakeEligibility = field(default_factory=FakeEligibility)
    outputs: Sequence[FakeOutput] = field(default_factory=lambda: (FakeOutput(),))
    species: frozenset[str] | SourceError | None = None
    then: dict[str, Sequence[str] | Exception] = field(default_factory=dict)
    opened: dict[str, FakeSource] = field(default_factory=dict)
    now: datetime = datetime(2026, 3, 1, 6, tzinfo=UTC)

    def tracker(self) -> Tracker:
        return Tracker(
            sources=tuple(self.places or [place(name) for name in self.shows]),
            open_source=self._open,
            store=self.store,
            eligibility=self.eligibility,
            supported_species=self._species,
            outputs=self.outputs,
            policy=Policy(STATES),
            layout=Layout(STATES),
            version="0.1.0",
            clock=lambda: self.now,
        )

    def crawl(self, **how: object) -> Report:
        self.now += timedelta(hours=1)
        self.opened.clear()
        return self.tracker().crawl(**how)  # type: ignore[arg-type]

    def states(self) -> dict[str, str | None]:
        return {d: s.decision.state and s.decision.state.name for d, s in self.store.known().standings.items()}

    def _open(self, config: SourceConfig) -> FakeSource:
        name = config.name
        return self.opened.setdefault(name, FakeSource(config, self.shows[name], self.then.get(name)))

    def _species(self) -> frozenset[str] | None:
        if isinstance(self.species, SourceError):
            raise self.species
        return self.species


def down(name: str) -> SourceError:
    return SourceError(name, f"/nfs/{name}", f"/nfs/{name} is not there")


def test_a_crawl_records_reports_and_publishes() -> None:
    site = Site({"external": ["E-MTAB-1"], "loading": ["E-MTAB-2"]}, eligibility=FakeEligibility({"E-MTAB-1": "PASS"}))
    report = site.crawl()
    assert (report.run.id, report.run.status, report.exit_code) == (1, RunStatus.SUCCEEDED, 0)
    assert {change.dataset: str(change.after) for change in report.changes} == {
        "E-MTAB-1": "incoming",
        "E-MTAB-2": "loading",
    }
    assert all(change.run == 1 for change in report.changes)
    assert site.states() == {"E-MTAB-1": "incoming", "E-MTAB-2": "loading"}
    assert [output.status for output in report.outputs] == ["published"]
    assert site.outputs[0].shown[0][2].rows[0][0] == "E-MTAB-1"


def test_one_failing_source_stops_no_other_and_empties_none() -> None:
    site = Site({"external": ["E-MTAB-1"], "loading": ["E-MTAB-2"]})
    site.crawl()
    site.shows = {"external": down("external"), "loading": ["E-MTAB-2", "E-MTAB-3"]}
    report = site.crawl()
    assert report.exit_code == 3
    assert [(source.name, source.status) for source in report.sources] == [
        ("external", "failed"),
        ("loading", "succeeded"),
    ]
    assert site.states() == {"E-MTAB-1": "external", "E-MTAB-2": "loading", "E-MTAB-3": "loading"}


def test_a_fault_in_a_source_kind_is_that_sources_failure(caplog: pytest.LogCaptureFixture) -> None:
    """Kinds may come from other packages, and fail in their own ways."""
    site = Site({"external": ["E-MTAB-1"], "loading": ZeroDivisionError("by zero")})
    report = site.crawl()
    assert report.exit_code == 3
    assert "fault in the source kind filesystem" in report.sources[1].error
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("only", [(), ("loading",)], ids=["all are read", "it is not read"])
def test_a_fault_in_a_source_kind_when_looked_at_again_is_its_own(only: tuple[str, ...]) -> None:
    site = Site({"loading": ["E-MTAB-1", "E-MTAB-2"], "analysing": ["E-MTAB-9"]})
    site.crawl()
    site.shows = {"loading": ["E-MTAB-2"], "analysing": ["E-MTAB-9"]}
    site.then = {"analysing": ZeroDivisionError("by zero")}
    report = site.crawl(only=only)
    assert report.exit_code == (0 if only else 3)
    assert site.states() == {"E-MTAB-1": None, "E-MTAB-2": "loading", "E-MTAB-9": "analysing"}


def test_nothing_can_be_read() -> None:
    site = Site({"external": ["E-MTAB-1"]})
    site.crawl()
    site.shows = {"external": down("external")}
    report = site.crawl()
    assert (report.run.status, report.exit_code) == (RunStatus.FAILED, 1)
    assert site.states() == {"E-MTAB-1": "external"}


def test_a_database_that_is_down_leaves_its_verdicts_and_the_run_is_partial() -> None:
    site = Site({"external": ["E-MTAB-1"]}, eligibility=FakeEligibility({"E-MTAB-1": "PASS"}))
    site.crawl()
    site.eligibility = FakeEligibility(None)
    report = site.crawl()
    assert report.exit_code == 3
    assert site.states() == {"E-MTAB-1": "incoming"}
    assert any("gxp is down" in problem.message for problem in report.problems)


def test_a_list_of_species_that_cannot_be_read_leaves_the_last_answers() -> None:
    site = Site({"external": ["E-MTAB-1"]}, species=down("species"))
    report = site.crawl()
    assert report.exit_code == 3
    assert any(problem.code.value == "species_unreadable" for problem in report.problems)


def test_one_failing_output_does_not_stop_the_others() -> None:
    good, bad = FakeOutput("good"), FakeOutput("bad", fails=True)
    site = Site({"external": ["E-MTAB-1"]}, outputs=(bad, good))
    report = site.crawl()
    assert report.exit_code == 3
    assert [(output.name, output.status) for output in report.outputs] == [("bad", "failed"), ("good", "published")]
    assert site.store.runs(1)[0].status is RunStatus.PARTIAL, "the store knows it as well"


def test_an_emptied_source_is_held_until_someone_confirms() -> None:
    site = Site({"external": ["E-MTAB-1", "E-MTAB-2"]})
    site.crawl()
    site.shows = {"external": []}
    held = site.crawl()
    assert (held.run.status, held.exit_code, held.changes) == (RunStatus.HELD, 4, ())
    assert held.sources[0].status == "held"
    assert "crawl --confirm external" in held.sources[0].error
    assert site.states() == {"E-MTAB-1": "external", "E-MTAB-2": "external"}
    confirmed = site.crawl(confirm=["external"])
    assert (confirmed.exit_code, len(confirmed.changes)) == (0, 2)
    assert site.states() == {"E-MTAB-1": None, "E-MTAB-2": None}


def test_a_dataset_that_moves_while_we_read_is_not_gone() -> None:
    """It was not yet in the second place when that was read, and no longer in the first."""
    site = Site({"analysing": ["E-MTAB-9"], "loading": ["E-MTAB-1", "E-MTAB-2"]})
    site.crawl()
    site.shows = {"analysing": ["E-MTAB-9"], "loading": ["E-MTAB-2"]}
    site.then = {"analysing": ["E-MTAB-9", "E-MTAB-1"]}
    report = site.crawl()
    assert site.states()["E-MTAB-1"] == "analysing"
    assert [str(change.after) for change in report.changes] == ["analysing"]


def test_a_dataset_that_is_back_when_looked_at_again_is_not_gone() -> None:
    site = Site({"loading": ["E-MTAB-1", "E-MTAB-2"]})
    site.crawl()
    site.shows, site.then = {"loading": ["E-MTAB-2"]}, {"loading": ["E-MTAB-1", "E-MTAB-2"]}
    assert site.crawl().changes == ()


def test_a_source_that_fails_when_looked_at_again_makes_nothing_gone() -> None:
    site = Site({"loading": ["E-MTAB-1", "E-MTAB-2"]})
    site.crawl()
    site.shows, site.then = {"loading": ["E-MTAB-2"]}, {"loading": down("loading")}
    assert site.crawl().exit_code == 1
    assert site.states() == {"E-MTAB-1": "loading", "E-MTAB-2": "loading"}


def test_a_deleted_dataset_is_gone() -> None:
    site = Site({"loading": ["E-MTAB-1", "E-MTAB-2"]})
    site.crawl()
    site.shows = {"loading": ["E-MTAB-2"]}
    assert [(c.dataset, c.after) for c in site.crawl().changes] == [("E-MTAB-1", None)]


@pytest.mark.parametrize("name", ["loading", "/nfs/loading", "/nfs/loading/"])
def test_only_the_chosen_sources_are_read(name: str) -> None:
    site = Site({"external": ["E-MTAB-1"], "loading": ["E-MTAB-2"]})
    site.crawl()
    site.shows = {"external": [], "loading": ["E-MTAB-2", "E-MTAB-3"]}
    report = site.crawl(only=[name])
    assert [source.name for source in report.sources] == ["loading"]
    assert site.states() == {"E-MTAB-1": "external", "E-MTAB-2": "loading", "E-MTAB-3": "loading"}


@pytest.mark.parametrize("how", [{"only": ["lodaing"]}, {"confirm": ["lodaing"]}])
def test_a_source_that_does_not_exist(how: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="no source is called 'lodaing'; there are: loading"):
        Site({"loading": []}).crawl(**how)


def test_a_dry_run_says_what_would_change_and_writes_nothing() -> None:
    site = Site({"loading": ["E-MTAB-1"]})
    report = site.crawl(dry_run=True)
    assert (report.dry_run, report.run.id, len(report.changes)) == (True, 0, 1)
    assert (site.states(), site.store.runs(), site.outputs[0].shown) == ({}, [], [])


@pytest.mark.parametrize("full", [False, True])
def test_what_was_seen_last_is_offered_to_the_source(full: bool) -> None:
    site = Site({"loading": ["E-MTAB-1"]})
    site.crawl()
    site.crawl(full=full)
    assert set(site.opened["loading"].known[0]) == {"E-MTAB-1"}
    assert site.opened["loading"].full is full


def test_a_dataset_that_moved_to_a_place_that_is_not_read_is_not_gone() -> None:
    site = Site({"loading": ["E-MTAB-1", "E-MTAB-2"], "analysing": ["E-MTAB-9"]})
    site.crawl()
    site.shows = {"loading": ["E-MTAB-2"], "analysing": ["E-MTAB-1", "E-MTAB-9"]}
    report = site.crawl(only=["loading"])
    assert [(c.dataset, str(c.after)) for c in report.changes] == [("E-MTAB-1", "analysing")]
    assert [source.name for source in report.sources] == ["loading"]
    assert site.crawl().changes == ()


def test_a_place_that_is_emptied_into_one_that_is_not_read_is_not_held() -> None:
    site = Site({"loading": ["E-MTAB-1"], "analysing": ["E-MTAB-9"]})
    site.crawl()
    site.shows = {"loading": [], "analysing": ["E-MTAB-1", "E-MTAB-9"]}
    assert site.crawl(only=["loading"]).exit_code == 0


def test_only_what_is_read_can_be_confirmed() -> None:
    site = Site({"loading": ["E-MTAB-1"], "analysing": ["E-MTAB-9"]})
    with pytest.raises(UsageError, match="add --source for analysing"):
        site.crawl(only=["loading"], confirm=["analysing"])


def test_a_clock_that_goes_back_does_not_turn_history_round() -> None:
    site = Site({"loading": ["E-MTAB-1"], "external": ["E-MTAB-2"]})
    site.crawl()
    site.now -= timedelta(hours=9)
    site.shows = {"loading": ["E-MTAB-1", "E-MTAB-2"]}
    assert site.crawl().exit_code == 4, "the removed source is still known, and held"
    first, second = site.store.runs()[::-1]
    assert first.finished <= second.finished
    assert second.started <= second.finished


def test_a_run_says_what_failed() -> None:
    site = Site({"external": ["E-MTAB-1"]}, eligibility=FakeEligibility(None), species=down("species"))
    assert site.crawl().run.error == (
        "atlas could not be asked, its last verdicts stay: gxp is down; "
        "The last answers on organisms stay: /nfs/species is not there"
    )


def test_a_name_that_is_almost_known_is_offered() -> None:
    site = Site({"loading": ["E-MTAB-1"]})
    site.crawl()
    with pytest.raises(UnknownDataset, match="did you mean E-MTAB-1"):
        site.tracker().dataset(" e-mtab-1")


def test_the_databases_are_asked_about_what_is_seen_and_what_is_known() -> None:
    site = Site({"external": ["E-MTAB-1"], "loading": ["E-MTAB-2"]})
    site.crawl()
    site.shows = {"external": down("external"), "loading": ["E-MTAB-2", "E-MTAB-3"]}
    site.crawl()
    assert site.eligibility.asked[-1] == {"E-MTAB-1", "E-MTAB-2", "E-MTAB-3"}


def test_two_crawls_never_interleave() -> None:
    site = Site({"loading": ["E-MTAB-1"]})
    with site.store.lock("crawl"), pytest.raises(Locked):
        site.crawl()
    site.crawl()


def test_a_lost_lock_records_nothing() -> None:
    site = Site({"loading": ["E-MTAB-1"]})
    tracker = site.tracker()

    def losing(config: SourceConfig) -> FakeSource:
        site.store.locks["crawl"].lost = True
        return FakeSource(config, ["E-MTAB-1"])

    with pytest.raises(LockLost):
        replace(tracker, open_source=losing).crawl()
    assert (site.states(), site.outputs[0].shown) == ({}, [])


def test_a_removed_source_is_held_and_then_let_go() -> None:
    site = Site({"external": ["E-MTAB-1"], "loading": ["E-MTAB-2"]})
    site.crawl()
    site.shows = {"loading": ["E-MTAB-2"]}
    assert site.crawl().exit_code == 4
    assert site.states()["E-MTAB-1"] == "external"
    assert site.crawl(confirm=["/nfs/external"]).exit_code == 0
    assert site.states()["E-MTAB-1"] is None
    assert site.crawl().exit_code == 0


def test_a_source_that_is_given_a_name_is_still_that_source() -> None:
    site = Site({"/nfs/loading": ["E-MTAB-1"]}, places=[replace(place("loading"), name="/nfs/loading")])
    site.crawl()
    site.shows, site.places = {"bulk loading": ["E-MTAB-1"]}, [replace(place("loading"), name="bulk loading")]
    report = site.crawl()
    assert (report.exit_code, report.changes) == (0, ())
    assert set(site.store.known().sightings) == {"bulk loading"}


def test_what_is_asked_of_an_unknown_dataset() -> None:
    tracker = Site({"loading": []}).tracker()
    with pytest.raises(UnknownDataset):
        tracker.dataset("E-MTAB-1")
    with pytest.raises(UnknownDataset):
        tracker.history("E-MTAB-1")


def test_the_past_is_shown_as_it_was() -> None:
    site = Site({"loading": ["E-MTAB-1", "E-MTAB-2"]})
    site.crawl()
    then = site.now
    site.shows = {"loading": ["E-MTAB-1"]}
    site.crawl()
    tracked = {table.name: table for table in site.tracker().overview(then)[1]}["Track Ingested Experiments"]
    assert [row[0] for row in tracked.rows] == ["E-MTAB-1", "E-MTAB-2"]
    assert [c.dataset for c in site.tracker().history("E-MTAB-2")] == ["E-MTAB-2", "E-MTAB-2"]


def test_problems_come_worst_first() -> None:
    site = Site({"external": ["E-MTAB-1", "e-mtab-1"], "loading": ["E-MTAB-2"]})
    site.crawl()
    site.shows = {"external": ["E-MTAB-1", "e-mtab-1"], "loading": []}
    site.crawl()
    assert [str(entry.problem.severity) for entry in site.tracker().problems()] == ["error", "warning"]
