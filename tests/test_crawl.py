"""A crawl that knows only what it must records, and shows, just what one that knows everything does."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.crawl import Crawl
from app.domain.history import Policy
from app.domain.model import (
    Answer,
    Code,
    Entry,
    Lifecycle,
    Listing,
    Metadata,
    Outcome,
    Problem,
    RunStatus,
    Sighting,
    SourceConfig,
    Verdict,
)
from app.domain.overview import CLOCKS, COLUMN_NAMES, Layout
from app.domain.presence import HoldLimits
from app.domain.production import Authority
from app.errors import SourceError
from app.outputs.csv_files import CsvFiles
from app.outputs.json_file import JsonFile
from app.tracker import Tracker
from tests.fakes import MemoryStore

STATES = Lifecycle.of()
AUTHORITIES = (
    Authority("bulk", "pro", STATES.state("published"), "bulk"),
    Authority("sc", "pro", STATES.state("published"), "sc", decides=True),
)


def place(name: str, first: str, last: str = "") -> SourceConfig:
    return SourceConfig(
        name, f"/nfs/{name}", f"/nfs/{name}", "filesystem", STATES.stage([first, last or first]), ("bulk",)
    )


PLACES = (
    place("external", "external"),
    place("catalogue", "external", "published"),
    place("loading", "loading"),
    place("loading-2", "loading"),
    place("published", "published"),
)
REMEMBERING = ("external", "loading", "published")
DATASETS = ("E-MTAB-1", "E-MTAB-2", "E-MTAB-3", "E-GEOD-7", "E-GEOD-8", "E-CURD-9", "e-curd-9")
TITLE, OTHER = "Wing discs of flies that never slept", "Wing discs of flies that always slept"


@dataclass(frozen=True)
class World:
    """What there is: place -> dataset -> what is said of it there (None: it cannot be read); and what databases say."""

    shows: Mapping[str, Mapping[str, Metadata] | None]
    odd: Mapping[str, Collection[str]] = field(default_factory=dict)
    """place -> datasets of which the place has something to say"""
    verdicts: Mapping[str, str] | None = field(default_factory=dict)
    lists: Mapping[str, bool] | None = field(default_factory=dict)
    species: frozenset[str] | None = frozenset({"homo sapiens", "danio rerio"})


@dataclass
class Place:
    """A source. Its traces are what it showed, as text."""

    config: SourceConfig
    world: World
    altered: Collection[str] = ()
    traces: dict[str, bytes | None] = field(default_factory=dict)

    def read(self, known: Mapping[str, Sighting], *, full: bool = False) -> Iterator[Sighting | Problem]:
        yield from self._there().values()
        yield from self._odd()

    def find(self, datasets: Collection[str], known: Mapping[str, Sighting]) -> Iterator[Sighting]:
        return (seen for d, seen in self._there().items() if d in datasets)

    def probe(self) -> str:
        return "here"

    def _there(self) -> dict[str, Sighting]:
        shown = self.world.shows.get(self.config.name, {})
        if shown is None:
            raise SourceError(self.config.name, self.config.location, "not mounted")
        where = self.config.location
        return {d: Sighting(d, self.config.name, f"{where}/{d}", ("bulk",), None, said) for d, said in shown.items()}

    def _odd(self) -> Iterator[Problem]:
        for dataset in sorted(self.world.odd.get(self.config.name, ())):
            yield Problem(Code.CASE_DUPLICATE, f"{dataset} is odd", dataset, self.config.name)


class Remembering(Place):
    def look(
        self, kept: Mapping[str, bytes | None], *, only: Collection[str] | None = None, full: bool = False
    ) -> Remembering:
        traces = {d: repr(seen).encode() for d, seen in self._there().items()}
        wanted = traces.keys() | kept.keys() if only is None else only
        altered = {d for d in wanted if d and (full or kept.get(d) != traces.get(d))}
        self.altered, self.traces = altered, {d: traces.get(d) for d in altered}
        return self

    def read(self, known: Mapping[str, Sighting], *, full: bool = False) -> Iterator[Sighting | Problem]:
        yield from (seen for d, seen in self._there().items() if d in self.altered)
        yield from self._odd()

    def kept(self) -> Mapping[str, bytes | None]:
        return self.traces


@dataclass
class Databases:
    world: World
    checks: tuple[str, ...] = ("atlas",)

    def verdicts(self, datasets: Collection[str]) -> Iterator[Answer]:
        said = self.world.verdicts
        if said is None:
            yield Answer("atlas", "gxp", None, "gxp is down")
        else:
            yield Answer("atlas", "gxp", {d: Verdict(d, "atlas", Outcome(v)) for d, v in said.items() if d in datasets})

    def listings(self) -> Iterator[Listing]:
        for authority in ("bulk", "sc"):
            lists = self.world.lists
            found = None if lists is None else {d: Entry(d, authority, private) for d, private in lists.items()}
            yield Listing(authority, "pro", found, "" if found is not None else "pro is down")


LAYOUT = Layout(
    STATES,
    columns={tab: tuple((name, name) for name in names if name not in CLOCKS) for tab, names in COLUMN_NAMES.items()},
    techs={"bulk": "bulk", "sc": "sc"},
)
"""Without the columns that only tell when something was last looked at: they wait for another change of their row."""


@dataclass
class Site:
    world: World
    out: Path
    whole: bool = False
    store: MemoryStore = field(default_factory=MemoryStore)
    policy: Policy = Policy(STATES, HoldLimits(share=0.5, more_than=1), AUTHORITIES)  # noqa: RUF009 - frozen

    def crawl(self, world: World, at: datetime, **how: Any) -> RunStatus:
        self.world = world
        tracker = Tracker(
            sources=PLACES,
            open_source=self._open,
            store=self.store,
            eligibility=Databases(world),
            supported_species=self._species,
            outputs=(JsonFile(self.out, UTC), CsvFiles(self.out, UTC)),
            policy=self.policy,
            layout=LAYOUT,
            version="1",
            clock=lambda: at,
        )
        with pytest.MonkeyPatch.context() as patch:
            if self.whole:
                patch.setattr(Crawl, "_is_all_anew", lambda *_: True)
            return tracker.crawl(**how).run.status

    def _open(self, config: SourceConfig) -> Place:
        return (Remembering if config.name in REMEMBERING else Place)(config, self.world)

    def _species(self) -> frozenset[str] | None:
        if self.world.species is None:
            raise SourceError("species", "list", "not to be had")
        return self.world.species


said = st.builds(
    Metadata,
    title=st.sampled_from(["", TITLE, OTHER]),
    organisms=st.sampled_from([("Homo sapiens",), ("Danio rerio",), ("Mus musculus",)]),
    secondary_accessions=st.lists(
        st.sampled_from(["GSE7", "GSE8", "PRJNA5", "ERP3", "E-MTAB-1", "E-MTAB-2", "E-CURD-9"]), max_size=2
    ).map(tuple),
)
shown = st.dictionaries(st.sampled_from(DATASETS), said, max_size=len(DATASETS))
worlds = st.builds(
    World,
    shows=st.fixed_dictionaries({source.name: st.none() | shown | shown | shown for source in PLACES}),
    odd=st.dictionaries(st.sampled_from([source.name for source in PLACES]), st.frozensets(st.sampled_from(DATASETS))),
    verdicts=st.none() | st.dictionaries(st.sampled_from(DATASETS), st.sampled_from(["PASS", "FAIL", "UNKNOWN"])),
    lists=st.none() | st.dictionaries(st.sampled_from([*DATASETS, "E-MTAB-99"]), st.booleans(), max_size=4),
    species=st.none() | st.just(frozenset({"homo sapiens", "danio rerio"})) | st.just(frozenset({"homo sapiens"})),
)


@st.composite
def nights(draw: st.DrawFn) -> list[tuple[World, dict[str, Any]]]:
    """A world, and what becomes of it: most things stay as they were from one night to the next."""
    world = draw(worlds)
    told: list[tuple[World, dict[str, Any]]] = [(world, {})]
    for _ in range(draw(st.integers(1, 5))):
        new = draw(worlds)
        parts = draw(st.sets(st.sampled_from([*new.shows, "odd", "verdicts", "lists", "species"]), max_size=3))
        shows = {name: new.shows[name] if name in parts else there for name, there in world.shows.items()}
        world = replace(world, shows=shows, **{n: getattr(new, n) for n in parts - new.shows.keys()})
        how: dict[str, Any] = {}
        if draw(st.integers(0, 3)) == 0:
            how["only"] = draw(st.sets(st.sampled_from([*new.shows]), min_size=1))
        elif draw(st.integers(0, 3)) == 0:
            how["confirm"] = draw(st.sets(st.sampled_from([*new.shows])))
        told.append((world, how))
    return told


def facts(store: MemoryStore) -> tuple[Any, ...]:
    """What is known, and what is kept beside it; in any order."""
    known = store.known()
    return (
        replace(known, problems=()),
        sorted(known.problems, key=lambda entry: entry.problem.identity),
        {dataset: names for dataset, names in store._names.items() if names},
        [replace(run, error="") for run in store.runs()],
        sorted(store.changes(), key=lambda change: (change.run, change.dataset)),
        store.groups(),
    )


@settings(max_examples=60)
@given(nights())
def test_what_is_recorded_is_the_same(told: Sequence[tuple[World, dict[str, Any]]]) -> None:
    compare(told)


@pytest.mark.long
@settings(max_examples=5_000)
@given(nights())
def test_what_is_recorded_is_the_same_thousands_of_times(told: Sequence[tuple[World, dict[str, Any]]]) -> None:
    compare(told)


def test_a_third_that_names_a_project_undoes_what_it_tied() -> None:
    """It is of no study with either, before or after."""
    names = Metadata(title="", secondary_accessions=("PRJNA5",))
    shows: dict[str, dict[str, Metadata]] = {source.name: {} for source in PLACES} | {
        "external": {"E-GEOD-7": names},
        "loading": {"E-MTAB-1": names},
    }
    compare([(World(shows), {}), (World({**shows, "loading-2": {"E-MTAB-2": names}}), {}), (World(shows), {})])


def test_of_two_places_of_a_stage_the_one_that_is_configured_first_is_asked_first() -> None:
    """Also where it was there later, and it alone was read."""
    fish, human = Metadata(organisms=("Danio rerio",)), Metadata(organisms=("Homo sapiens",))
    shows: dict[str, dict[str, Metadata] | None] = dict.fromkeys((source.name for source in PLACES), None)
    second = {**shows, "loading-2": {"E-MTAB-1": human}}
    compare([(World(shows), {}), (World(second), {}), (World({**second, "loading": {"E-MTAB-1": fish}}), {})])


def compare(told: Sequence[tuple[World, dict[str, Any]]]) -> None:
    with TemporaryDirectory(dir=MEMORY) as one, TemporaryDirectory(dir=MEMORY) as other:
        part, whole = Site(told[0][0], Path(one)), Site(told[0][0], Path(other), whole=True)
        at = datetime(2026, 3, 1, tzinfo=UTC)
        for world, how in told:
            at += timedelta(hours=6)
            assert part.crawl(world, at, **how) == whole.crawl(world, at, **how)
            assert facts(part.store) == facts(whole.store)
            assert shown_in(part.out) == shown_in(whole.out)


MEMORY = next((folder for folder in ("/dev/shm",) if Path(folder).is_dir()), None)


def shown_in(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("[!.]*"))}
