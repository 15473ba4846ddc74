"""What every store promises: in memory, on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.domain.model import (
    Code,
    Edits,
    Entry,
    File,
    FileIdentity,
    Hold,
    Known,
    KnownProblem,
    Metadata,
    Outcome,
    Problem,
    RunStatus,
    Sighting,
    StateChange,
    Verdict,
)
from app.domain.schedule import Appointment
from app.errors import Locked, LockLost, StoreError
from tests.store.conftest import Kit
from tests.store.crawls import LIFECYCLE, World, crawl, decision, ended, hour, recording, sighting, source

EXTERNAL, INCOMING, LOADING = (LIFECYCLE.state(name) for name in ("external", "incoming", "loading"))

FULL_SIGHTING = sighting(
    "E-MTAB-1",
    tech=("bulk", "sc"),
    modified=hour(-100),
    metadata=Metadata(
        title='Größe; "quoted", \\backslash\\ and\ttab\nline',
        experiment_types=("rna-seq of coding rna", "chip-seq"),
        organisms=("Homo sapiens", "Mus musculus"),
        gene_quantification=("htseq-count", "0.6"),
        ensembl_release="98",
        incomplete=("organisms",),
    ),
    files=(
        File("idf", "/nfs/incoming/E-MTAB-1/E-MTAB-1.idf.txt", FileIdentity(64, 2**63 + 5, 812, 17672256001234567, 7)),
        File("sdrf", "/nfs/incoming/E-MTAB-1/E-MTAB-1.sdrf.txt", FileIdentity(64, 6, 0, 1, 2)),
    ),
    problems=(
        Problem(Code.EMPTY_FILE, "the SDRF is empty", "E-MTAB-1", "incoming", "/nfs/incoming/E-MTAB-1.sdrf.txt", 3),
        Problem(Code.NEAR_MISS, "of no dataset in particular"),
    ),
)
FULL_DECISION = decision(
    "E-MTAB-1",
    "loading",
    up_to=LIFECYCLE.state("published"),
    source="incoming",
    location="/nfs/incoming/E-MTAB-1",
    organism_status="supported",
    ingested_as=("E-GEOD-7", "GSE7"),
)
FULL = World(
    sightings=[FULL_SIGHTING, sighting("E-MTAB-2")],
    verdicts=[
        Verdict("E-MTAB-1", "atlas", Outcome.PASS),
        Verdict("E-MTAB-1", "score", Outcome.FAIL, "score 7", hour(-3), current=False),
    ],
    entries=[
        Entry("E-MTAB-1", "bulk", True),
        Entry("E-MTAB-1", "sc", False),
        Entry("E-MTAB-7", "bulk"),
    ],
    decisions=[FULL_DECISION, decision("E-MTAB-2")],
    problems=[Problem(Code.EMPTY_FILE, "the SDRF is empty", "E-MTAB-1", "incoming", "/nfs/x" * 1000, 12)],
    holds=[Hold("incoming", "share", 10, 2)],
)


def test_an_empty_store_knows_nothing(kit: Kit) -> None:
    assert kit.store.known() == kit.store.known(at=hour(9)) == kit.store.known(datasets=["E-MTAB-1"]) == Known()
    assert not kit.store.runs()
    assert not kit.store.history("E-MTAB-1")
    assert not kit.store.changes(since=hour(0), limit=9)
    assert kit.store.counts(hour(9)) == {}


def test_what_a_crawl_records_is_known_to_the_letter(kit: Kit) -> None:
    run = crawl(kit.store, FULL, 0)
    known = kit.reopen().known()
    assert (known.run, known.at) == (run, recording(Known(), FULL, 0).run.finished)
    assert known.sightings == {"incoming": {"E-MTAB-1": FULL_SIGHTING, "E-MTAB-2": sighting("E-MTAB-2")}}
    assert known.standings["E-MTAB-1"].decision == FULL_DECISION
    assert (known.standings["E-MTAB-1"].since, known.standings["E-MTAB-1"].before) == (hour(0), None)
    assert known.verdicts == {
        ("E-MTAB-1", "atlas"): Verdict("E-MTAB-1", "atlas", Outcome.PASS, checked=ended(0)),
        ("E-MTAB-1", "score"): Verdict("E-MTAB-1", "score", Outcome.FAIL, "score 7", hour(-3), current=False),
    }
    assert known.entries == {
        "bulk": {"E-MTAB-1": Entry("E-MTAB-1", "bulk", True), "E-MTAB-7": Entry("E-MTAB-7", "bulk")},
        "sc": {"E-MTAB-1": Entry("E-MTAB-1", "sc", False)},
    }
    assert known.problems == (KnownProblem(FULL.problems[0], ended(0)),)
    assert known.holds == {"incoming": Hold("incoming", "share", 10, 2)}


def test_a_crawl_that_changes_nothing_writes_its_run_and_one_log_a_source(sql_kit: Kit) -> None:
    world = replace(FULL, sources=[source("incoming"), source("loading")])
    crawl(sql_kit.store, world, 0)
    before = sql_kit.rows()
    crawl(sql_kit.store, world, 1)
    assert {name: n - before[name] for name, n in sql_kit.rows().items() if n != before[name]} == {
        "run": 1,
        "harvest_log": 2,
    }


def test_a_moment_is_answered_with_the_last_run_finished_by_then(kit: Kit) -> None:
    for number in (0, 1):
        crawl(kit.store, World(), number)
    asked = [hour(0), hour(0.5), hour(1), hour(5)]
    assert [kit.store.known(at=at).run for at in asked] == [0, 1, 1, 2]
    assert kit.store.known(at=kit.store.runs()[-1].finished).run == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_known_after_each_run_can_be_asked_for_ever_after(kit: Kit, seed: int) -> None:
    """Random crawls; after each, what every earlier one left is still told as it was then."""
    remembered: list[Known] = []
    for number, world in enumerate(_random_worlds(random.Random(seed), 8)):
        crawl(kit.store, world, number)
        remembered.append(kit.store.known())
        assert set(_seen(remembered[-1])) == {(s.source, s.dataset) for s in world.sightings}
        for then in remembered:
            assert _comparable(kit.store.known(at=then.at)) == _comparable(then)


def _random_worlds(chance: random.Random, count: int) -> Iterator[World]:
    names = [f"E-MTAB-{number}" for number in range(8)]
    places = [source("incoming"), source("loading")]

    def some(*choices: str) -> str:
        return chance.choice(choices)

    for _ in range(count):
        found = [name for name in names if chance.random() < 0.8]
        yield World(
            sources=places,
            sightings=[sighting(d, p.name, modified=hour(chance.randrange(2))) for d in found for p in places[:1]],
            verdicts=[
                Verdict(d, check, Outcome.FAIL, some("score 1", "score 2"), hour(-1), current=chance.random() < 0.7)
                for d in found
                for check in ("atlas", "score")
            ],
            entries=[Entry(d, "bulk", chance.choice([None, False, True])) for d in names if chance.random() < 0.6],
            decisions=[decision(d, some("external", "loading") if d in found else None) for d in names],
            problems=[Problem(Code.NEAR_MISS, "odd", d) for d in found if chance.random() < 0.5],
            holds=[Hold(p.name, "share", 9, chance.randrange(3)) for p in places if chance.random() < 0.5],
            checks=tuple(check for check in ("atlas", "score") if chance.random() < 0.6),
            failed={p.name: "gone" for p in places if chance.random() < 0.3},
        )


def _seen(known: Known) -> list[tuple[str, str]]:
    return [(source, dataset) for source, found in known.sightings.items() for dataset in found]


def _comparable(known: Known) -> tuple[Known, frozenset[KnownProblem]]:
    """The order of problems, and sources without sightings, are left open."""
    sightings = {source: found for source, found in known.sightings.items() if found}
    return replace(known, sightings=sightings, problems=()), frozenset(known.problems)


def test_an_amended_sighting_is_replaced_in_place(sql_kit: Kit) -> None:
    crawl(sql_kit.store, FULL, 0)
    before = sql_kit.rows()
    touched = replace(FULL_SIGHTING, files=FULL_SIGHTING.files[:1], problems=())
    with sql_kit.store.lock("crawl") as lock:
        sql_kit.store.record(replace(recording(Known(), World(), 1), sightings=Edits(amended=(touched,))), lock)
    assert sql_kit.rows()["sighting"] == before["sighting"]
    assert sql_kit.store.known().sightings["incoming"]["E-MTAB-1"] == touched


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param(Edits(opened=(sighting("E-MTAB-1"),)), id="opens what holds already"),
        pytest.param(Edits(closed=(sighting("E-MTAB-3"),)), id="closes what does not hold"),
        pytest.param(Edits(amended=(sighting("E-MTAB-3"),)), id="amends what does not hold"),
    ],
)
def test_edits_of_something_else_than_what_holds_are_refused_whole(kit: Kit, edits: Edits[Sighting]) -> None:
    crawl(kit.store, FULL, 0)
    before = kit.store.known()
    wrong = replace(recording(before, replace(FULL, decisions=[decision("E-MTAB-9")]), 1), sightings=edits)
    with pytest.raises(StoreError), kit.store.lock("crawl") as lock:
        kit.store.record(wrong, lock)
    assert kit.store.known() == before
    assert len(kit.store.runs()) == 1
    assert not kit.store.history("E-MTAB-9")


def test_a_recording_without_the_lock_writes_nothing(kit: Kit) -> None:
    crawl(kit.store, World(), 0)
    before = kit.store.known()
    with pytest.raises(LockLost), kit.store.lock("crawl") as lock:
        kit.take_lock_away()
        kit.store.record(recording(before, FULL, 1), lock)
    assert kit.reopen().known() == before
    assert len(kit.store.runs()) == 1


def test_a_lock_is_held_once_and_free_again_afterwards(kit: Kit) -> None:
    with kit.store.lock("crawl") as lock, kit.store.lock("sheet"):
        with pytest.raises(Locked, match="process"), kit.store.lock("crawl"):
            pass
        lock.check()
    with kit.store.lock("crawl"):
        pass


def test_only_the_datasets_asked_for_are_told(kit: Kit) -> None:
    world = World(
        sightings=[sighting(f"E-MTAB-{n}") for n in range(1200)],
        verdicts=[Verdict(f"E-MTAB-{n}", "atlas", Outcome.PASS) for n in range(3)],
        entries=[Entry(f"E-MTAB-{n}", "bulk") for n in range(3)] + [Entry("E-MTAB-2", "sc")],
        decisions=[decision(f"E-MTAB-{n}") for n in range(1200)],
        problems=[Problem(Code.NEAR_MISS, "odd", dataset) for dataset in ("", "E-MTAB-1", "E-MTAB-2")],
        holds=[Hold("incoming", "empty", 3, 0)],
    )
    crawl(kit.store, world, 0)
    known = kit.store.known(datasets=["E-MTAB-1", "E-MTAB-1", "E-NONE-1"])
    assert _seen(known) == [("incoming", "E-MTAB-1")]
    assert [*known.standings] == ["E-MTAB-1"]
    assert [*known.verdicts] == [("E-MTAB-1", "atlas")]
    assert known.entries == {"bulk": {"E-MTAB-1": Entry("E-MTAB-1", "bulk")}, "sc": {}}
    assert [kept.problem.dataset for kept in known.problems] == ["E-MTAB-1"]
    assert set(known.sources) == set(known.holds) == {"incoming"}
    assert len(kit.store.known(datasets=[f"E-MTAB-{n}" for n in range(1100)]).standings) == 1100
    assert not kit.store.known(datasets=[]).standings


# --------------------------------------------------------------------------- verdicts


def test_a_verdict_is_as_old_as_the_last_run_that_asked(kit: Kit) -> None:
    """A run that could not ask leaves the age; one that asked and got the same answer renews it without a row."""
    world = World(verdicts=[Verdict("E-MTAB-1", "atlas", Outcome.PASS)])
    for number, checks in enumerate([("atlas",), (), ("atlas", "score"), ("score",)]):
        crawl(kit.store, replace(world, checks=checks), number)
    ages = [kit.store.known(at=hour(n + 0.5)).verdicts["E-MTAB-1", "atlas"].checked for n in range(4)]
    assert ages == [ended(0), ended(0), ended(2), ended(2)]


def test_a_verdict_that_is_no_longer_given_keeps_its_age(kit: Kit) -> None:
    crawl(kit.store, World(verdicts=[Verdict("E-MTAB-1", "atlas", Outcome.PASS)]), 0)
    old = replace(kit.store.known().verdicts["E-MTAB-1", "atlas"], current=False)
    for number in (1, 2):
        crawl(kit.store, World(verdicts=[old]), number)
    assert kit.store.known().verdicts == {("E-MTAB-1", "atlas"): old}
    assert old.checked == ended(0)
    assert kit.store.known(at=hour(0.5)).verdicts["E-MTAB-1", "atlas"].current


def test_what_was_asked_is_told_with_when_it_last_answered(kit: Kit) -> None:
    """Also of a production database that lists nothing."""
    assert kit.store.known().asked == {}
    for number, checks in enumerate([("atlas",), ("atlas", "bulk"), (), ("atlas",)]):
        crawl(kit.store, World(checks=checks), number)
    asked = [kit.store.known(at=hour(n + 0.5)).asked for n in range(4)]
    assert asked == [
        {"atlas": ended(0)},
        {"atlas": ended(1), "bulk": ended(1)},
        {"atlas": ended(1), "bulk": ended(1)},
        {"atlas": ended(3), "bulk": ended(1)},
    ]
    assert kit.store.known(datasets=[]).asked == asked[-1]


def test_what_a_production_database_lists_is_known_as_it_was_then(kit: Kit) -> None:
    listed = [[Entry("E-MTAB-1", "bulk", True)], [Entry("E-MTAB-1", "bulk", False)], []]
    for number, entries in enumerate(listed):
        crawl(kit.store, World(entries=entries), number)
    told = [kit.store.known(at=hour(n + 0.5)).entries for n in range(3)]
    assert told == [{"bulk": {"E-MTAB-1": listed[0][0]}}, {"bulk": {"E-MTAB-1": listed[1][0]}}, {}]
    assert kit.store.known(datasets=["E-MTAB-1"]).entries == {}


# --------------------------------------------------------------------------- history


STORY = [
    [decision("E-MTAB-1"), decision("E-MTAB-2")],
    [decision("E-MTAB-1", "loading"), decision("E-MTAB-2")],
    [decision("E-MTAB-1", None), decision("E-MTAB-2", sentence="Said otherwise, standing where it stood.")],
    [decision("E-MTAB-1", "incoming"), decision("E-MTAB-2", "loading")],
]


@pytest.fixture
def told(kit: Kit) -> Kit:
    for number, decisions in enumerate(STORY):
        crawl(kit.store, World(decisions=decisions), number)
    return kit


def test_history_is_told_oldest_first(told: Kit) -> None:
    assert [(c.before, c.after, c.at, c.run) for c in told.store.history("E-MTAB-1")] == [
        (None, EXTERNAL, hour(0), 1),
        (EXTERNAL, LOADING, hour(1), 2),
        (LOADING, None, hour(2), 3),
        (None, INCOMING, hour(3), 4),
    ]
    first = StateChange("E-MTAB-2", None, EXTERNAL, "furthest_stage", "E-MTAB-2 was seen.", hour(0), 1)
    assert told.store.history("E-MTAB-2")[0] == first
    assert not told.store.history("E-MTAB-9")


@pytest.mark.parametrize(
    ("since", "until", "limit", "expected"),
    [
        (hour(0), None, 99, [(2, 3), (1, 3), (1, 2), (1, 1), (2, 0), (1, 0)]),
        (hour(0), None, 2, [(2, 3), (1, 3)]),
        (None, None, None, [(2, 3), (1, 3), (1, 2), (1, 1), (2, 0), (1, 0)]),
        (None, hour(0), None, [(2, 0), (1, 0)]),
        (hour(1), hour(2), 99, [(1, 2), (1, 1)]),
        (hour(0), hour(0), 99, [(2, 0), (1, 0)]),
        (hour(3.5), None, 99, []),
    ],
)
def test_changes_are_told_newest_first_both_ends_inclusive(
    told: Kit, since: object, until: object, limit: int | None, expected: list[tuple[int, int]]
) -> None:
    changes = told.store.changes(since=since, until=until, limit=limit)  # type: ignore[arg-type]
    assert [(c.dataset, c.at) for c in changes] == [(f"E-MTAB-{n}", hour(at)) for n, at in expected]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (hour(-1), {}),
        (hour(0), {"external": 2}),
        (hour(1.5), {"external": 1, "loading": 1}),
        (hour(2), {"external": 1}),
        (hour(9), {"incoming": 1, "loading": 1}),
    ],
)
def test_counts_leave_out_what_is_gone(told: Kit, at: object, expected: dict[str, int]) -> None:
    assert told.store.counts(at) == expected  # type: ignore[arg-type]


def test_a_standing_says_since_when_its_state_holds_and_which_one_came_before(told: Kit) -> None:
    """A decision in other words about the same state keeps its time. What is gone still stands in the book."""
    standings = told.store.known(at=hour(2.5)).standings
    gone, reworded = standings["E-MTAB-1"], standings["E-MTAB-2"]
    assert (gone.decision.state, gone.since, gone.before) == (None, hour(2), LOADING)
    assert (reworded.decision.sentence[:4], reworded.since, reworded.before) == ("Said", hour(0), None)


def test_runs_are_told_newest_first_with_all_they_say(kit: Kit) -> None:
    crawl(kit.store, World(), 0)
    run = replace(
        recording(Known(), World(), 1).run,
        status=RunStatus.PARTIAL,
        counts={"external": 3},
        checks=("atlas", "score"),
        error="the listing at https://example.org/list did not answer",
        tracker_version="1.2.10",
    )
    with kit.store.lock("crawl") as lock:
        number = kit.store.record(replace(recording(kit.store.known(), World(), 1), run=run), lock)
    assert kit.store.runs()[0] == replace(run, id=number)
    assert [run.id for run in kit.store.runs()] == [2, 1]
    assert [run.id for run in kit.store.runs(limit=1)] == [2]


def test_a_problem_is_known_since_the_run_that_first_found_it(kit: Kit) -> None:
    stays, comes = Problem(Code.NEAR_MISS, "odd", "E-MTAB-1"), Problem(Code.UNREADABLE, "no permission")
    for number, problems in enumerate([[stays], [stays, comes], [comes]]):
        crawl(kit.store, World(problems=problems), number)
    assert kit.store.known().problems == (KnownProblem(comes, ended(1)),)
    assert set(kit.store.known(at=hour(1.5)).problems) == {KnownProblem(stays, ended(0)), KnownProblem(comes, ended(1))}


def test_a_problem_that_moves_to_another_line_is_the_same_one(kit: Kit) -> None:
    found = Problem(Code.UNCLOSED_QUOTE, "A quote is not closed.", "E-MTAB-1", "incoming", "/nfs/x.sdrf.txt", 3)
    moved = replace(found, line=8)
    for number, problem in enumerate([found, moved, moved]):
        crawl(kit.store, World(problems=[problem]), number)
    assert kit.store.known().problems == (KnownProblem(moved, ended(0)),)
    assert not kit.store.past_problems()


def test_a_problem_that_is_over_is_told_with_its_first_and_last_sighting(kit: Kit) -> None:
    """One that comes back is another, and the first is still told."""
    stays, goes = Problem(Code.NEAR_MISS, "odd", "E-MTAB-1"), Problem(Code.UNREADABLE, "no permission", line=4)
    assert not kit.store.past_problems()
    for number, problems in enumerate([[stays], [stays, goes], [stays, goes], [stays], [stays, goes], [goes]]):
        crawl(kit.store, World(problems=problems), number)
    assert set(kit.store.known().problems) == {KnownProblem(goes, ended(4))}
    assert set(kit.store.past_problems()) == {
        KnownProblem(goes, ended(1), ended(2)),
        KnownProblem(stays, ended(0), ended(4)),
    }


# --------------------------------------------------------------------------- sources


def test_a_source_is_known_as_it_is_configured(kit: Kit) -> None:
    config = source(
        stage=LIFECYCLE.stage(["external", "loading"]),
        resource="ArrayExpress",
        origin="ae2",
        options={"depth": 2, "only": ["a", "b"]},
    )
    crawl(kit.store, World(sources=[config]), 0)
    known = kit.store.known().sources["incoming"]
    assert (known.name, known.key, known.kind, known.deleted) == ("incoming", "/nfs/incoming", "filesystem", False)
    assert known.options == {
        "stage": ["external", "loading"],
        "tech": ["bulk"],
        "resource": "ArrayExpress",
        "source": "ae2",
        "depth": 2,
        "only": ["a", "b"],
    }


def test_a_source_was_last_read_when_it_was_last_read_well(kit: Kit) -> None:
    crawl(kit.store, World(), 0)
    read = kit.store.runs()[0].finished
    crawl(kit.store, World(failed={"incoming": "not there"}), 1)
    assert kit.store.known().sources["incoming"].last_read == read
    crawl(kit.store, World(failed={"incoming": "not there"}, sources=[source("incoming"), source("loading")]), 2)
    assert kit.store.known().sources["loading"].last_read == kit.store.runs()[0].finished


SEEN = [sighting("E-MTAB-1")]


def test_a_source_that_moves_under_its_name_keeps_what_was_seen_there(sql_kit: Kit) -> None:
    crawl(sql_kit.store, World(sightings=SEEN), 0)
    moved = source(key="/nfs/elsewhere", location="/nfs/elsewhere")
    crawl(sql_kit.store, World(sources=[moved], sightings=SEEN), 1)
    known = sql_kit.store.known()
    assert [*known.sightings["incoming"]] == ["E-MTAB-1"]
    assert known.sources["incoming"].key == "/nfs/elsewhere"
    assert (sql_kit.rows()["source_config"], sql_kit.rows()["sighting"]) == (1, 1)


def test_a_source_that_is_given_another_name_keeps_what_was_seen_there(kit: Kit) -> None:
    """The new name is used for what it held before, and its rows are not written again."""
    crawl(kit.store, World(sightings=SEEN), 0)
    rename(kit, "incoming", "Arrivals", 1)
    known = kit.store.known()
    assert [(s.name, s.key, s.deleted) for s in known.sources.values()] == [("Arrivals", "/nfs/incoming", False)]
    assert known.sightings == {"Arrivals": {"E-MTAB-1": replace(SEEN[0], source="Arrivals")}}


def test_a_source_may_be_given_the_name_of_one_that_was_dropped(kit: Kit) -> None:
    crawl(kit.store, World(sources=[source("Arrivals"), source("incoming")], sightings=SEEN), 0)
    crawl(kit.store, World(sources=[source("incoming")], sightings=SEEN, dropped=("Arrivals",)), 1)
    rename(kit, "incoming", "Arrivals", 2)
    known = kit.store.known()
    assert [(s.name, s.key, s.deleted) for s in known.sources.values()] == [("Arrivals", "/nfs/incoming", False)]
    assert [*known.sightings["Arrivals"]] == ["E-MTAB-1"]


def rename(kit: Kit, old: str, new: str, number: float) -> None:
    changed = World(sources=[source(new, key=f"/nfs/{old}")])
    with kit.store.lock("crawl") as lock:
        kit.store.record(replace(recording(Known(), changed, number), renamed=((old, new),)), lock)


def test_a_dropped_source_is_kept_as_deleted_and_comes_back_as_itself(kit: Kit) -> None:
    crawl(kit.store, World(sources=[source("incoming"), source("loading")], sightings=SEEN), 0)
    crawl(kit.store, World(sources=[source("loading")], dropped=("incoming",)), 1)
    known = kit.store.known()
    assert {name: s.deleted for name, s in known.sources.items()} == {"incoming": True, "loading": False}
    assert not known.sightings.get("incoming")
    assert not kit.store.known(at=hour(0.5)).sources["incoming"].deleted
    crawl(kit.store, World(sources=[source("incoming"), source("loading")], sightings=SEEN), 2)
    assert not kit.store.known().sources["incoming"].deleted
    assert kit.store.known().sightings["incoming"] == {"E-MTAB-1": SEEN[0]}


def test_a_source_that_leaves_unconfirmed_stays_as_it_is(kit: Kit) -> None:
    crawl(kit.store, World(sightings=SEEN), 0)
    hold = Hold("incoming", "removed", 1, 0)
    crawl(kit.store, World(sources=[], sightings=SEEN, holds=[hold]), 1)
    assert kit.store.known().holds == {"incoming": hold}
    assert not kit.store.known().sources["incoming"].deleted
    crawl(kit.store, World(sources=[], dropped=("incoming",)), 2)
    assert kit.store.known().holds == {}
    assert kit.store.known(at=hour(1.5)).holds == {"incoming": hold}


def test_two_names_at_one_address_are_two_sources(kit: Kit) -> None:
    twins = [source("a", key="/nfs/x"), source("b", key="/nfs/x")]
    for number in (0, 1):
        crawl(kit.store, World(sources=twins, sightings=[sighting("E-MTAB-1", "a"), sighting("E-MTAB-1", "b")]), number)
    assert set(_seen(kit.store.known())) == {("a", "E-MTAB-1"), ("b", "E-MTAB-1")}


def test_what_is_due_again_and_again_is_kept_until_it_is_kept_otherwise(kit: Kit) -> None:
    store = kit.store
    assert store.appointments() == {}
    daily, weekly = Appointment("every day", hour(0)), Appointment("0 6 * * 1", hour(0.5), hour(2))
    store.appoint({"": daily, "loading": weekly})
    assert store.appointments() == {"": daily, "loading": weekly}
    store.appoint({"": replace(daily, made=hour(3))})
    store.appoint({})
    assert store.appointments() == {"": replace(daily, made=hour(3)), "loading": weekly}
