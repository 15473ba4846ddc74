"""What catalogues show goes the way of all datasets: external, incoming when it is eligible, and past that by the
places in which its accession is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from app.domain.catalogue import Asked, Facts, Harvested
from app.domain.history import Policy
from app.domain.model import LogStatus, Report, SourceConfig
from app.domain.overview import Layout
from app.errors import SourceError, UsageError
from app.harvest import Shown, Terms
from app.ports import Catalogue, Source
from app.store.sql import SqlStore
from app.tracker import Tracker
from tests.harvest.scripted import Clock, Said, Scripted, record, records
from tests.store.crawls import LIFECYCLE, source
from tests.test_tracker import FakeEligibility, FakeSource, place

DOWN = SourceError("catalogue", "https://example.org", "https://example.org answered 503")


class Naming(Scripted):
    """Its records name accessions in their titles."""

    def facts(self, record: Any) -> Facts:
        facts = super().facts(record)
        return Facts(facts.title, identifiers=tuple(facts.title.split()[1:]))


class Site:
    """A catalogue and a place."""

    def __init__(self, store: SqlStore, **options: object) -> None:
        self.catalogue = Naming(config=source("catalogue", kind="scripted", options=options))
        self.there: list[str] = []
        self.eligibility = FakeEligibility()
        self.tracker = Tracker(
            sources=(self.catalogue.config, place("loading")),
            open_source=self.open_source,
            store=store,
            eligibility=self.eligibility,
            supported_species=lambda: None,
            outputs=(),
            policy=Policy(LIFECYCLE),
            layout=Layout(LIFECYCLE),
            version="0.1.0",
            clock=Clock(),
            ours=lambda name: name.startswith("E-MTAB-"),
            open_catalogue=self.open_catalogue,
            terms=lambda source: Terms(attempts=1),
        )

    def open_source(self, config: SourceConfig) -> Source:
        if config.name == "loading":
            return FakeSource(config, self.there)
        return Shown(config, self.catalogue, self.tracker.store.harvests, self.tracker.ours)

    def open_catalogue(self, config: SourceConfig) -> Catalogue | None:
        return self.catalogue if config.name == "catalogue" else None

    def harvest(self, shows: Sequence[Said] | None = None, *only: str, **asked: Any) -> Harvested:
        self.catalogue.shows = self.catalogue.shows if shows is None else shows
        return self.tracker.harvest(only or None, Asked(**asked))

    def crawl(self, **how: Any) -> Report:
        return self.tracker.crawl(**how)

    def states(self) -> dict[str, str | None]:
        return {dataset: state and state.name for dataset, state in self.tracker.store.states().items()}


@pytest.fixture
def site(store: SqlStore) -> Site:
    return Site(store)


def test_what_a_catalogue_shows_is_external_and_incoming_when_it_is_eligible(site: Site) -> None:
    done = site.harvest([record("S-1", "about E-MTAB-1"), record("S-2", "no accession")])
    assert done.exit_code == 0 and done.crawl and len(done.crawl.changes) == 2
    assert site.states() == {"E-MTAB-1": "external", "catalogue:S-2": "external"}
    site.eligibility.says = {"E-MTAB-1": "PASS"}
    site.crawl()
    assert site.states() == {"E-MTAB-1": "incoming", "catalogue:S-2": "external"}
    site.there.append("E-MTAB-1")
    site.crawl()
    assert site.states()["E-MTAB-1"] == "loading"
    known = site.tracker.dataset("E-MTAB-1")
    assert {*known.sightings} == {"catalogue", "loading"}
    assert (
        site.tracker.dataset("catalogue:S-2").sightings["catalogue"]["catalogue:S-2"].metadata.title == "no accession"
    )


def test_archives_accessions_tie_it_to_its_study(site: Site) -> None:
    site.harvest([record("S-1", "about GSE123 10.1000/doi")])
    (seen,) = site.tracker.dataset("catalogue:S-1").sightings["catalogue"].values()
    assert seen.metadata.secondary_accessions == ("GSE123",)


def test_a_crawl_harvests_as_well_and_a_dry_run_does_not(site: Site) -> None:
    site.catalogue.shows = records([1])
    site.crawl(dry_run=True)
    assert site.catalogue.asked == []
    assert site.crawl().exit_code == 0
    assert site.states() == {"catalogue:R-1": "external"}


def test_what_was_touched_elsewhere_harvests_nothing(site: Site) -> None:
    site.crawl()
    site.catalogue.asked.clear()
    site.crawl(touched={"loading": {"E-MTAB-1"}})
    assert site.catalogue.asked == []
    site.crawl(touched={"catalogue": None})
    assert len(site.catalogue.asked) == 1


def test_a_catalogue_that_cannot_be_read_keeps_what_it_showed_and_is_told(site: Site) -> None:
    site.crawl()
    site.harvest(records([1, 2]))
    done = site.harvest([*records([1]), DOWN])
    assert (done.exit_code, done.logs[0].status) == (1, LogStatus.FAILED)
    assert site.states() == {"catalogue:R-1": "external", "catalogue:R-2": "external"}
    report = site.crawl()
    assert report.exit_code == 3
    assert [s.error for s in report.sources if s.status == "failed"] == ["https://example.org answered 503"]


def test_datasets_that_are_gone_are_gone_and_too_many_are_held(site: Site) -> None:
    site.harvest(records(range(30)))
    assert site.harvest(records(range(1, 30))).exit_code == 0
    assert site.states()["catalogue:R-0"] is None
    done = site.harvest(records([29]))
    assert done.exit_code == 4
    assert [state for state in site.states().values() if state] == ["external"] * 29
    assert site.crawl(confirm=["catalogue"]).exit_code == 0
    assert [state for state in site.states().values() if state] == ["external"]


def test_a_source_can_be_kept_out_or_capped(store: SqlStore) -> None:
    site = Site(store, tracked=2)
    site.harvest(records(range(5)))
    assert list(site.states()) == ["catalogue:R-0", "catalogue:R-1"]
    site = Site(store, tracked=0)
    site.harvest(records(range(5)))
    assert site.tracker.store.harvests.known("catalogue", ["R-4"])


def test_a_source_that_is_no_catalogue_is_said_to_be_none(site: Site) -> None:
    with pytest.raises(UsageError, match="loading: no catalogue; `crawl` reads it"):
        site.harvest(None, "loading")
    with pytest.raises(UsageError, match="no source is called 'nowhere'"):
        site.harvest(None, "nowhere")


def test_a_catalogue_that_is_locked_is_told(site: Site) -> None:
    with site.tracker.store.lock("harvest catalogue"):
        done = site.harvest(records([1]))
        assert (done.exit_code, [*done.locked], done.crawl) == (75, ["catalogue"], None)
        assert site.crawl().exit_code == 3
