"""The order of a crawl, on fakes: what fails is said, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.details import Overview
from app.domain.history import Policy
from app.domain.model import (
    Answer,
    Code,
    Entry,
    Lifecycle,
    Listing,
    Outcome,
    Problem,
    RemarkKind,
    Report,
    RunStatus,
    Scalar,
    Secret,
    Sighting,
    SourceConfig,
    Verdict,
)
from app.domain.overview import Layout, Table
from app.domain.problems import Wanted
from app.domain.production import Authority
from app.domain.visit import Guestbook, Visit
from app.errors import Locked, LockLost, OutputError, SourceError, StoreError, UnknownDataset, UsageError
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
            yield Sighting(dataset, self.config.name, f"{self.config.location}/{dataset}", self.config.tech)


@dataclass
class FakeEligibility:
    says: Mapping[str, str] | None = field(default_factory=dict)
    asked: list[set[str]] = field(default_factory=list)
    lists: Mapping[str, bool] | None = field(default_factory=dict)
    """What is in production, and whether it is private."""
    checks: tuple[str, ...] = ("atlas",)

    def verdicts(self, datasets: Collection[str]) -> Iterator[Answer]:
        self.asked.append(set(datasets))
        if self.says is None:
            yield Answer("atlas", "gxp", None, "gxp is down")
        else:
            said = {d: Verdict(d, "atlas", Outcome(text)) for d, text in self.says.items() if d in datasets}
            yield Answer("atlas", "gxp", said)

    def listings(self) -> Iterator[Listing]:
        if self.lists is None:
            yield Listing("production", "gxp", None, "gxp is down")
        else:
            entries = {dataset: Entry(dataset, "production", private) for dataset, private in self.lists.items()}
            yield Listing("production", "gxp", entries, keys={dataset: Secret("hush-hush") for dataset in entries})


@dataclass
class FakeOutput:
    name: str = "fake"
    fails: bool = False
    tells_details: bool = True
    shown: list[Sequence[Table]] = field(default_factory=list)

    def publish(self, overview: Overview) -> str:
        if self.fails:
            raise OutputError(self.name, "no space")
        self.shown.append(overview.tables)
        return "here"

    def refresh(self, overview: Overview) -> str | None:
        return None


@dataclass
class FakeGuest:
    """Notes what it is given. `finds`: what the curators have there."""

    name: str = "sheet"
    finds: Mapping[tuple[str, str], Scalar | None] = field(default_factory=dict)
    fails: bool = False
    left_alone: tuple[str, ...] = ()
    visits: list[tuple[Overview, Guestbook, bool, bool]] = field(default_factory=list)
    refreshes: bool = True
    refreshed: list[Overview] = field(default_factory=list)
    waits: float = 0.0

    def pause(self) -> float:
        return self.waits

    def visit(
        self,
        overview: Overview,
        book: Guestbook,
        allowed: Callable[[], None],
        *,
        restore: bool = False,
        dry_run: bool = False,
    ) -> Visit:
        self.visits.append((overview, book, restore, dry_run))
        if not dry_run:
            allowed()
        if self.fails:
            raise OutputError(self.name, "nobody is in")
        return Visit("there", self.finds, self.left_alone, reads=2, writes=1, cells=5)

    def refresh(self, overview: Overview, book: Guestbook, allowed: Callable[[], None]) -> Visit | None:
        allowed()
        self.refreshed.append(overview)
        return Visit("there", self.finds, reads=3, writes=1, cells=1) if self.refreshes else None


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
    authorities: tuple[Authority, ...] = ()
    leave_out_private: Collection[str] = ()
    guest: FakeGuest | None = None
    shows_keys: bool = False
    layout: Layout = Layout(STATES)  # noqa: RUF009 - frozen
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
            policy=Policy(STATES, authorities=self.authorities),
            layout=self.layout,
            version="0.1.0",
            clock=lambda: self.now,
            leave_out_private=self.leave_out_private,
            guest=self.guest,
            shows_keys=self.shows_keys,
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


@pytest.mark.parametrize("only", [None, ("loading",)], ids=["all are read", "it is not read"])
def test_a_fault_in_a_source_kind_when_looked_at_again_is_its_own(only: tuple[str, ...] | None) -> None:
    site = Site({"loading": ["E-MTAB-1", "E-MTAB-2"], "analysing": ["E-MTAB-9"]})
    site.crawl()
    site.shows = {"loading": ["E-MTAB-2"], "analysing": ["E-MTAB-9"]}
    site.then = {"analysing": ZeroDivisionError("by zero")}
    report = site.crawl(only=only)
    assert report.exit_code == (0 if only else 3)
    assert site.states() == {"E-MTAB-1": None, "E-MTAB-2": "loading", "E-MTAB-9": "analysing"}


@pytest.mark.parametrize("question", [1, 2, 3], ids=["of the first", "of the second", "when looking again"])
def test_a_store_that_fails_while_sources_are_read_is_no_fault_of_theirs(
    question: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site({"loading": ["E-MTAB-1", "E-MTAB-2"], "analysing": []})
    site.crawl()
    site.shows = {"loading": ["E-MTAB-2"], "analysing": []}
    asked, sightings = [], site.store.sightings

    def down(*given: Any) -> Mapping[str, Sighting]:
        asked.append(given)
        if len(asked) == question:
            raise StoreError("the store is down")
        return sightings(*given)

    with monkeypatch.context() as patch:
        patch.setattr(site.store, "sightings", down)
        with pytest.raises(StoreError, match="the store is down"):
            site.crawl()
    assert site.crawl().exit_code == 0
    assert site.states() == {"E-MTAB-1": None, "E-MTAB-2": "loading"}


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


# --------------------------------------------------------------------------- production databases

REPORTING = Authority("production", "gxp", STATES.state("published"), "bulk")
DECIDING = replace(REPORTING, decides=True)


def published(*shown: str, lists: Mapping[str, bool] | None, authorities: Sequence[Authority] = (REPORTING,)) -> Site:
    places = [place("loading"), place("published", tech=("bulk",))]  # type: ignore[arg-type]
    eligibility = FakeEligibility(lists=lists)
    return Site({"loading": [], "published": shown}, places, eligibility=eligibility, authorities=tuple(authorities))


def test_what_is_not_in_production_is_reported() -> None:
    site = published("E-MTAB-1", "E-MTAB-2", lists={"E-MTAB-2": False, "E-MTAB-3": False})
    report = site.crawl()
    assert {(problem.code, problem.dataset) for problem in report.problems} == {
        (Code.IN_PLACE_NOT_IN_DATABASE, "E-MTAB-1"),
        (Code.IN_DATABASE_NOT_FOUND, "E-MTAB-3"),
    }
    assert (report.exit_code, site.states()) == (0, {"E-MTAB-1": "published", "E-MTAB-2": "published"})


def test_a_production_database_that_is_down_makes_the_run_partial_and_changes_nothing() -> None:
    site = published("E-MTAB-1", lists={"E-MTAB-2": False}, authorities=[DECIDING])
    site.crawl()
    site.eligibility.lists = None
    report = site.crawl()
    assert (report.exit_code, report.changes) == (3, ())
    assert "gxp is down" in report.run.error
    assert site.states() == {"E-MTAB-1": "published_dev", "E-MTAB-2": "published"}


def test_a_list_in_doubt_can_be_confirmed_by_the_name_of_its_database() -> None:
    site = published("E-MTAB-1", lists={f"E-MTAB-{n}": False for n in range(1, 9)}, authorities=[DECIDING])
    site.crawl()
    site.eligibility.lists = {"E-MTAB-1": False}
    report = site.crawl()
    assert (report.exit_code, report.changes) == (3, ())
    assert any("crawl --confirm production" in problem.message for problem in report.problems)
    assert len(site.crawl(confirm=["production"]).changes) == 7


def test_the_checks_are_asked_at_once_about_what_only_a_deciding_database_knows() -> None:
    """So that the next crawl finds nothing new."""
    site = published("E-MTAB-1", lists={"E-MTAB-9": False}, authorities=[DECIDING])
    site.eligibility.says = {"E-MTAB-9": "PASS"}
    site.crawl()
    assert site.eligibility.asked[-1] == {"E-MTAB-1", "E-MTAB-9"}
    site = published("E-MTAB-1", lists={"E-MTAB-9": False})
    site.crawl()
    assert site.eligibility.asked[-1] == {"E-MTAB-1"}


def test_a_dataset_is_told_with_what_every_database_says_of_it() -> None:
    """Also when it is looked at with settings that name no database."""
    site = published("E-MTAB-1", "E-MTAB-2", lists={"E-MTAB-2": True})
    site.crawl()
    site.authorities = ()
    assert site.tracker().dataset("E-MTAB-1").entries == {"production": {}}
    assert site.tracker().dataset("E-MTAB-2").entries["production"]["E-MTAB-2"].private is True


def test_one_that_only_a_database_knows_is_not_tracked_and_where_it_is_is_said() -> None:
    site = published(lists={"E-MTAB-9": False})
    site.crawl()
    with pytest.raises(UnknownDataset, match="E-MTAB-9 is in production, but no source shows it"):
        site.tracker().dataset("E-MTAB-9")


def test_private_datasets_are_left_out_of_the_outputs_that_say_so() -> None:
    public, whole = FakeOutput("public"), FakeOutput("whole")
    site = published("E-MTAB-1", "E-MTAB-2", lists={"E-MTAB-2": True})
    site.outputs, site.leave_out_private = (public, whole), ["public"]
    site.crawl()
    assert [[row[0] for row in output.shown[0][2].rows] for output in (public, whole)] == [
        ["E-MTAB-1"],
        ["E-MTAB-1", "E-MTAB-2"],
    ]
    assert "E-MTAB-2" not in repr(public.shown)
    assert "E-MTAB-2" in repr(site.tracker().overview()[1]), "what a person asks for is whole"


def test_no_access_key_is_shown_or_kept() -> None:
    site = published("E-MTAB-1", lists={"E-MTAB-1": True})
    report = site.crawl()
    assert "/Results" in repr(site.outputs[0].shown)
    assert "hush-hush" not in repr((report, site.store, site.outputs, site.tracker().overview()))


# --------------------------------------------------------------------------- asking


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


def test_problems_that_are_over_are_told_when_asked_for() -> None:
    site = Site({"loading": ["E-MTAB-1", "e-mtab-1"]})
    first, second = (site.crawl().run.finished for _ in range(2))
    site.shows = {"loading": ["E-MTAB-1"]}
    site.crawl()
    (over,) = site.tracker().problems(past=True)
    assert (over.problem.code, over.since, over.last) == (Code.CASE_DUPLICATE, first, second)
    assert site.tracker().problems() == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), 2),
        (Wanted(sources=frozenset({"loading"})), 1),
        (Wanted(sources=frozenset({"/nfs/loading/"})), 1),
        (Wanted(sources=frozenset({"external"})), 0),
        (Wanted(datasets=frozenset({"e-mtab-1"})), 1),
        (Wanted(datasets=frozenset({"E-MTAB-1"})), 0),
    ],
)
def test_problems_are_chosen_by_what_sources_are_called_and_by_dataset(wanted: Wanted, found: int) -> None:
    site = Site({"external": ["E-MTAB-1", "e-mtab-1"], "loading": down("loading")})
    site.crawl()
    assert len(site.tracker().problems(wanted)) == found


def test_problems_of_what_does_not_exist_are_not_taken_for_none() -> None:
    site = Site({"loading": ["E-MTAB-1"]})
    site.crawl()
    with pytest.raises(UsageError, match="no source is called 'lodaing'; there are: loading"):
        site.tracker().problems(Wanted(sources=frozenset({"lodaing"})))
    with pytest.raises(UnknownDataset, match="did you mean E-MTAB-1"):
        site.tracker().problems(Wanted(datasets=frozenset({"e-mtab-1"})))


# --------------------------------------------------------------------------- what curators ask and say


def stays_of_two_days() -> Site:
    """Six datasets were loading for two days each; one has been for three."""
    site = Site({"loading": [f"E-MTAB-{number}" for number in range(7)], "published": []})
    site.crawl()
    site.now += timedelta(days=2)
    site.shows = {"loading": ["E-MTAB-6"], "published": [f"E-MTAB-{number}" for number in range(6)]}
    site.crawl()
    site.now += timedelta(days=1)
    return site


def test_what_stays_longer_than_the_others_did_is_stuck_and_told_in_the_summary() -> None:
    site = stays_of_two_days()
    (one,) = site.tracker().stuck()
    assert (one.dataset, one.state, one.stayed > timedelta(days=3)) == ("E-MTAB-6", "loading", True)
    site.crawl()
    summary = site.outputs[0].shown[-1][0]
    told = [row for row in summary.rows if row[0] == "Stuck"]
    assert [(row[1], row[2], row[-1]) for row in told] == [
        ("loading", 1, "longer than 2 d, as 9 of 10 were over by then; usually 2 d (of 6)")
    ]
    assert site.tracker().stuck(timedelta(days=4)) == []


def test_the_past_is_not_told_what_was_usual_later() -> None:
    site = stays_of_two_days()
    _, (summary, *_) = site.tracker().overview(site.now - timedelta(days=2))
    assert [row for row in summary.rows if row[0] == "Stuck"] == []


def test_remarks_change_what_is_shown_and_nothing_else() -> None:
    site = Site({"loading": ["E-MTAB-1", "E-MTAB-2"], "more": ["E-MTAB-1"]})
    site.places = [place("loading"), place("more", "loading")]
    site.crawl()
    before = site.store.known()
    (problem,) = [entry.problem for entry in before.problems if entry.problem.code is Code.SEVERAL_PLACES]
    tracker = site.tracker()
    tracker.ignore("E-MTAB-2", "withdrawn", "heron")
    assert tracker.acknowledge(problem.key, "on purpose", "wren") == problem
    site.crawl()
    after = site.store.known()
    assert {s.subject for s in after.remarks.values()} == {"E-MTAB-2", problem.digest}
    assert (after.standings, after.problems) == (before.standings, before.problems)
    track = site.outputs[0].shown[-1][2]
    assert [track.datasets[row] for row in track.muted] == ["E-MTAB-2"]
    assert [entry.remark and entry.remark.by for entry in site.tracker().problems()] == ["wren"]
    with pytest.raises(UnknownDataset):
        tracker.ignore("E-MTAB-3", "x", "heron")
    assert tracker.undo(RemarkKind.ACKNOWLEDGED, problem.key, "heron").reason == "on purpose"
    assert [entry.remark for entry in site.tracker().problems()] == [None]


# --------------------------------------------------------------------------- where we are a guest


def shown(tables: Sequence[Table], column: str) -> list[object]:
    """A column of the tab Track."""
    track = next(table for table in tables if table.name == "Track Ingested Experiments")
    return [row[track.columns.index(column)] for row in track.rows]


def with_a_guest(**how: object) -> tuple[Site, FakeGuest]:
    guest = FakeGuest(**how)  # type: ignore[arg-type]
    return Site({"loading": ["E-MTAB-1", "E-MTAB-2"]}, guest=guest), guest


def test_what_curators_wrote_is_known_before_the_other_outputs_are_written() -> None:
    site, guest = with_a_guest(finds={("E-MTAB-1", "Priority"): "mine"})
    site.layout = Layout(STATES, curators=("Priority",))
    report = site.crawl()
    assert [(output.name, output.status) for output in report.outputs] == [
        ("sheet", "published"),
        ("fake", "published"),
    ]
    assert report.outputs[0].notes == ("5 cells written (2 reads, 1 write)",)
    assert shown(site.outputs[0].shown[0], "Priority") == ["mine", None]
    assert guest.visits[0][1].annotations == {}
    guest.finds = {("E-MTAB-1", "Priority"): None, ("E-MTAB-2", "Priority"): 7.0}
    site.crawl()
    assert guest.visits[1][1].annotations == {"E-MTAB-1": {"Priority": "mine"}}
    assert shown(site.outputs[0].shown[1], "Priority") == [None, 7.0]
    assert site.store.known().annotations == {"E-MTAB-2": {"Priority": 7.0}}


def test_a_guest_that_fails_is_said_and_changes_nothing_that_is_known() -> None:
    site, guest = with_a_guest(finds={("E-MTAB-1", "Priority"): "mine"})
    site.layout = Layout(STATES, curators=("Priority",))
    site.crawl()
    guest.fails, guest.finds = True, {("E-MTAB-1", "Priority"): None}
    report = site.crawl()
    assert (report.exit_code, report.run.status, report.run.error) == (3, RunStatus.PARTIAL, "sheet: nobody is in")
    assert shown(site.outputs[0].shown[1], "Priority") == ["mine", None]
    assert (published := site.tracker().publish()).exit_code == 3
    assert published.visit is None


def test_nothing_is_written_there_without_the_lock() -> None:
    site, _ = with_a_guest()
    site.crawl()

    def taken(doing: str) -> None:
        if doing == "publishing":
            site.store.locks["crawl"].lost = True

    published = site.tracker().publish(progress=taken)
    assert published.exit_code == 3
    assert published.outputs[0].where.startswith("the lock was taken away")


def test_what_no_program_should_decide_is_said() -> None:
    site, _ = with_a_guest(left_alone=("the tab Changes is hidden by somebody",))
    report = site.crawl()
    assert report.exit_code == 0
    assert report.outputs[0].notes[1:] == ("the tab Changes is hidden by somebody",)


@pytest.mark.parametrize("how", [{}, {"restore": True}, {"dry_run": True}, {"at": datetime(2026, 3, 1, tzinfo=UTC)}])
def test_there_is_nothing_to_show_before_the_first_crawl(how: dict[str, object]) -> None:
    site, guest = with_a_guest()
    with pytest.raises(UsageError, match="nothing"):
        site.tracker().publish(**how)  # type: ignore[arg-type]
    assert guest.visits == []


@pytest.mark.parametrize("how", [{"restore": True}, {"dry_run": True}, {"at": datetime(2026, 3, 1, tzinfo=UTC)}])
def test_what_is_for_the_sheet_needs_one(how: dict[str, object]) -> None:
    site = Site({"loading": ["E-MTAB-1"]})
    site.crawl()
    with pytest.raises(UsageError, match="there is no Google Sheet: name one"):
        site.tracker().publish(**how)  # type: ignore[arg-type]


def test_restoring_and_a_dry_run_touch_no_other_output() -> None:
    site, guest = with_a_guest(finds={("E-MTAB-1", "Priority"): "mine"})
    site.crawl()
    guest.finds = {("E-MTAB-1", "Priority"): "another"}
    for how in ({"restore": True}, {"dry_run": True}):
        (report,) = site.tracker().publish(**how).outputs
        assert report.name == "sheet"
    assert [visit[2:] for visit in guest.visits] == [(False, False), (True, False), (False, True)]
    assert len(site.outputs[0].shown) == 1


def test_a_dry_run_keeps_nothing_and_takes_no_lock() -> None:
    site, guest = with_a_guest()
    site.crawl()
    guest.finds = {("E-MTAB-1", "Priority"): "mine"}
    with site.store.lock("crawl"):
        site.tracker().publish(dry_run=True)
        with pytest.raises(Locked):
            site.tracker().publish()
    assert site.store.known().annotations == {}


def test_the_past_is_shown_as_it_was_and_takes_nothing_along() -> None:
    site, guest = with_a_guest(finds={("E-MTAB-1", "Priority"): "mine"})
    site.crawl()
    then = site.now
    site.shows = {"loading": ["E-MTAB-2"]}
    site.crawl()
    guest.finds = {("E-MTAB-2", "Priority"): "of the past"}
    site.tracker().publish(at=then)
    overview, book, *_ = guest.visits[-1]
    assert all(" as of " in table.name for table in overview.tables)
    assert book == Guestbook()
    assert site.store.known().annotations == {"E-MTAB-1": {"Priority": "mine"}}


def test_it_is_told_what_is_gone_and_what_is_left_out() -> None:
    site, guest = with_a_guest()
    site.authorities = (Authority("production", "gxp", "", STATES.state("published"), ""),)
    site.eligibility = FakeEligibility(lists={"E-MTAB-2": True})
    site.leave_out_private = ("sheet",)
    site.crawl()
    site.shows = {"loading": ["E-MTAB-2"]}
    site.crawl(confirm=["loading"])
    overview, book, *_ = guest.visits[-1]
    assert book.gone.keys() == {"E-MTAB-1"}
    assert set(book.left_out) == {"E-MTAB-2"}
    assert shown(overview.tables, "Accession") == []


@pytest.mark.parametrize("shows_keys", [False, True])
def test_access_keys_are_asked_for_only_where_they_are_shown(shows_keys: bool) -> None:
    site, _ = with_a_guest()
    site.shows_keys = shows_keys
    site.crawl()
    doing: list[str] = []
    site.tracker().publish(progress=doing.append)
    assert ("asking the databases" in doing) == shows_keys


# --------------------------------------------------------------------------- what was touched


def test_what_was_touched_is_looked_at_and_the_databases_are_asked_of_what_changed() -> None:
    site = Site({"external": ["E-MTAB-1"], "loading": ["E-MTAB-2"]})
    site.crawl()
    site.shows = {"external": ["E-MTAB-1", "E-MTAB-3"], "loading": []}
    report = site.crawl(touched={"external": None})
    assert [(source.name, source.status) for source in report.sources] == [("external", "succeeded")]
    assert site.states() == {"E-MTAB-1": "external", "E-MTAB-2": "loading", "E-MTAB-3": "external"}
    assert site.eligibility.asked == [{"E-MTAB-1", "E-MTAB-2"}, {"E-MTAB-3"}]


def test_a_source_that_is_known_not_to_answer_is_not_asked_and_fails() -> None:
    site = Site({"external": ["E-MTAB-1"], "loading": ["E-MTAB-2"]})
    site.crawl()
    site.shows = {"external": ["E-MTAB-1", "E-MTAB-3"], "loading": ["E-MTAB-4"]}
    report = site.crawl(silent={"loading": "/nfs/loading does not answer since 06:00:00 UTC"})
    assert (report.exit_code, *(source.status for source in report.sources)) == (3, "succeeded", "failed")
    assert report.sources[1].error == "/nfs/loading does not answer since 06:00:00 UTC"
    assert "loading" not in site.opened
    assert site.states() == {"E-MTAB-1": "external", "E-MTAB-2": "loading", "E-MTAB-3": "external"}


def test_nothing_is_looked_for_in_a_source_that_does_not_answer() -> None:
    site = Site({"external": ["E-MTAB-1", "E-MTAB-3"], "loading": ["E-MTAB-2"]})
    site.crawl()
    site.shows = {"external": ["E-MTAB-3"], "loading": ["E-MTAB-1", "E-MTAB-2"]}
    site.crawl(touched={"external": None}, silent={"loading": "it does not answer"})
    assert "loading" not in site.opened


def test_outputs_that_must_be_written_in_whole_are_put_off_where_that_is_wanted() -> None:
    rows, whole = RowsOutput("rows"), FakeOutput("whole")
    site, behind = Site({"loading": ["E-MTAB-1"]}, outputs=(rows, whole)), set[str]()
    site.crawl(touched={"loading": None}, behind=behind)
    assert behind == {"rows", "whole"}
    assert [report.name for report in site.tracker().catch_up(behind)] == ["rows", "whole"]
    site.shows, behind = {"loading": ["E-MTAB-1", "E-MTAB-2"]}, set()
    report = site.crawl(touched={"loading": None}, behind=behind)
    assert [output.name for output in report.outputs] == ["rows"]
    assert (behind, shown(rows.refreshed[0], "Accession")) == ({"whole"}, ["E-MTAB-2"])
    site.tracker().catch_up(behind)
    assert (len(rows.shown), shown(whole.shown[-1], "Accession")) == (1, ["E-MTAB-1", "E-MTAB-2"])


def test_what_is_recorded_while_outputs_catch_up_is_shown_as_well() -> None:
    site = Site({"loading": ["E-MTAB-1"]})
    site.crawl()
    tracker, output = site.tracker(), site.outputs[0]
    real = output.publish

    def slow(overview: Overview) -> str:
        if len(site.store.runs()) < 2:
            site.shows, site.outputs = {"loading": ["E-MTAB-1", "E-MTAB-2"]}, (FakeOutput("another"),)
            site.crawl()
        return real(overview)

    output.publish = slow  # type: ignore[method-assign]
    tracker.catch_up({"fake"})
    assert shown(output.shown[-1], "Accession") == ["E-MTAB-1", "E-MTAB-2"]


@dataclass
class RowsOutput(FakeOutput):
    """One that can show rows by themselves, once it showed everything."""

    refreshed: list[Sequence[Table]] = field(default_factory=list)

    def refresh(self, overview: Overview) -> str | None:
        if not self.shown:
            return None
        self.refreshed.append(overview.tables)
        return "here"


def test_a_guest_is_told_of_what_was_touched_alone_and_of_all_where_that_does_not_do() -> None:
    site, guest = with_a_guest(finds={("E-MTAB-2", "Priority"): "mine"})
    site.layout = Layout(STATES, curators=("Priority",))
    site.outputs = (rows := RowsOutput("rows"),)
    site.crawl()
    site.shows = {"loading": ["E-MTAB-1", "E-MTAB-2", "E-MTAB-3"]}
    guest.finds = {("E-MTAB-3", "Priority"): "new"}
    report = site.crawl(touched={"loading": None})
    assert (len(guest.visits), shown(guest.refreshed[0].tables, "Accession")) == (1, ["E-MTAB-3"])
    assert shown(rows.refreshed[0], "Priority") == ["new"], "it is known before the others are written"
    assert [output.status for output in report.outputs] == ["published", "published"]
    guest.refreshes, site.shows = False, {"loading": ["E-MTAB-1", "E-MTAB-2", "E-MTAB-3", "E-MTAB-4"]}
    site.crawl(touched={"loading": None})
    assert len(guest.visits) == 2
    assert shown(guest.visits[1][0].tables, "Accession") == ["E-MTAB-1", "E-MTAB-2", "E-MTAB-3", "E-MTAB-4"]
    site.crawl()
    assert (len(guest.visits), len(guest.refreshed)) == (3, 2), "what curators write elsewhere is read as well"


def test_a_guest_whose_turn_it_is_not_is_put_off_where_that_is_wanted() -> None:
    site, guest = with_a_guest(waits=7.5)
    behind = set[str]()
    report = site.crawl(touched={"loading": None}, behind=behind)
    assert ([output.name for output in report.outputs], behind) == ([], {"sheet", "fake"})
    assert (guest.visits, guest.refreshed) == ([], [])
    assert site.crawl().outputs[0].name == "sheet", "nobody goes on with it, so it waits"


def test_access_keys_are_those_that_the_databases_told_the_last_time() -> None:
    site, guest = with_a_guest()
    site.authorities = (Authority("production", "gxp", "", STATES.state("published"), ""),)
    site.eligibility, site.shows_keys = FakeEligibility(lists={"E-MTAB-2": True}), True
    site.layout = Layout(STATES, links={"private bulk": "https://example.org/{accession}?key={key}"})
    tracker = site.tracker()
    tracker.crawl()
    site.eligibility.lists = None
    site.shows = {"loading": ["E-MTAB-1", "E-MTAB-2", "E-MTAB-3"]}
    tracker.crawl(touched={"loading": None})
    assert tracker.keys.keys() == {"E-MTAB-2"}
    assert len(guest.refreshed) == 1
