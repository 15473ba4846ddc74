"""From one crawl to the next: what is written is the difference, and where there is none, nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pytest

from app.domain.history import BEGINNING, Policy, edits
from app.domain.model import Code, Counters, Edits, Known, LogStatus, RunStatus
from tests.domain.builders import (
    DAY,
    DAY_1,
    DOWN,
    UNREADABLE_LIST,
    Found,
    Site,
    accessions,
    answer,
    authority,
    file,
    listing,
    place,
    problem,
    sighting,
    species,
    state,
)

K = TypeVar("K")
T = TypeVar("T")

SOME = ["E-MTAB-1", "E-MTAB-2"]
NO_FINDINGS: Edits[Any] = Edits()


@dataclass(frozen=True)
class World:
    """What the places show before, and from then on."""

    first: dict[str, Found]
    then: dict[str, Found] | None = None
    said_first: tuple[Any, ...] = ()
    said_then: tuple[Any, ...] | None = None
    more: dict[str, Any] = field(default_factory=dict)


HUMAN = sighting(organisms=("Homo sapiens",))

UNCHANGED = {
    "nothing at all": World({"external": [], "loading": []}),
    "datasets": World({"external": SOME, "loading": ["E-MTAB-3"]}),
    "in several places": World({"external": SOME, "loading": SOME}),
    "metadata": World({"external": [sighting(title="A title", files=(file("idf", "/a.idf.txt"),))], "loading": []}),
    "problems of files": World({"external": [sighting(problems=(problem(Code.EMPTY_FILE, "E-MTAB-1"),))]}),
    "problems of places": World({"external": [*SOME, problem(Code.NEAR_MISS), problem(Code.UNREADABLE)]}),
    "names that differ in case": World({"external": ["E-MTAB-1", "e-mtab-1"]}),
    "gone backwards": World({"external": SOME, "loading": SOME}, {"external": SOME, "loading": SOME[:1]}),
    "an empty place on hold": World({"external": SOME, "loading": SOME}, {"external": SOME, "loading": []}),
    "a share on hold": World({"loading": accessions(20)}, {"loading": accessions(5)}),
    "a place that is down": World({"external": SOME, "loading": SOME}, {"external": SOME, "loading": DOWN}),
    "a place that was never up": World({"external": SOME, "loading": DOWN}),
    "everything down": World({"external": SOME, "loading": SOME}, {"external": DOWN, "loading": DOWN}),
    "a place that is not asked": World({"external": SOME, "loading": SOME}, {"external": SOME}),
    "gone datasets": World({"loading": SOME}, {"loading": SOME[:1]}),
    "verdicts": World({"external": SOME}, said_first=(answer({"E-MTAB-1": "PASS", "E-MTAB-2": "FAIL why"}),)),
    "verdicts without an answer any more": World(
        {"external": SOME},
        said_first=(answer({"E-MTAB-1": "PASS", "E-MTAB-2": "FAIL why"}),),
        said_then=(answer({"E-MTAB-1": "UNKNOWN"}),),
    ),
    "a database that is down": World(
        {"external": SOME, "loading": ["E-MTAB-3"]},
        said_first=(answer({"E-MTAB-1": "PASS", "E-MTAB-3": "FAIL why"}),),
        said_then=(answer(None),),
    ),
    "a failed check of what is in progress": World({"loading": SOME}, said_first=(answer({"E-MTAB-1": "FAIL no"}),)),
    "two checks": World(
        {"external": SOME}, said_first=(answer({"E-MTAB-1": "PASS"}), answer({"E-MTAB-1": "PASS"}, "autosubs"))
    ),
    "already ingested": World({"external": ["E-GEOD-7"], "loading": [sighting(secondary_accessions=("GSE7",))]}),
    "a list of species": World({"external": [HUMAN, "E-MTAB-2"]}, more={"species": species("Homo sapiens")}),
    "a production database": World({"external": SOME, "loading": []}, more={"listings": [listing({"E-MTAB-1": True})]}),
    "a dataset that only a database knows": World({"external": SOME}, more={"listings": [listing(["E-MTAB-9"])]}),
    "a dataset that is not in its database": World(
        {"loading": [sighting(tech=("bulk",))]}, more={"listings": [listing([])]}
    ),
    "a production database that is down": World({"loading": SOME}, more={"listings": [listing(None)]}),
    "a list that cannot be read": World({"external": [HUMAN, "E-MTAB-2"]}, more={"species": UNREADABLE_LIST}),
}


def two_places() -> Site:
    """And a production database that decides what is in the second."""
    deciding = authority(of="loading", decides=True)
    return Site(place("external"), place("loading"), policy=Policy(authorities=(deciding,)))


@pytest.mark.parametrize("world", UNCHANGED.values(), ids=UNCHANGED.keys())
def test_an_unchanged_run_writes_its_run_and_its_logs_and_nothing_else(world: World) -> None:
    site = two_places()
    then = world.first if world.then is None else world.then
    said = world.said_first if world.said_then is None else world.said_then
    site.crawl(world.first, answers=world.said_first, **world.more)
    settled = site.crawl(then, answers=said, **world.more)
    again = site.crawl(then, answers=said, **world.more)
    assert (again.edits, again.changes, again.recording.changes, again.recording.dropped) == ({}, [], (), ())
    assert again.recording.run.changes == 0
    assert len(again.recording.logs) == len(then)
    assert (again.status, again.problems, again.states) == (settled.status, settled.problems, settled.states)


@pytest.mark.parametrize("world", UNCHANGED.values(), ids=UNCHANGED.keys())
def test_what_is_known_can_be_rebuilt_from_what_was_written(world: World) -> None:
    site = two_places()
    then = world.first if world.then is None else world.then
    said = world.said_first if world.said_then is None else world.said_then
    for found, answers in [(world.first, world.said_first), (then, said)]:
        crawl = site.crawl(found, answers=answers, **world.more)
        rebuilt = site.ledger.known()
        after = replace(crawl.settled.after, run=rebuilt.run)
        assert replace(rebuilt, sightings={}, problems=()) == replace(after, sightings={}, problems=())
        assert rebuilt.sightings == {source: found for source, found in after.sightings.items() if found}
        assert set(rebuilt.problems) == set(after.problems)


# --------------------------------------------------------------------------- the run and its logs


def test_the_run_says_when_how_it_went_and_how_many_stand_where() -> None:
    site = Site(place("external"), place("loading"))
    crawl = site.crawl({"external": SOME, "loading": ["E-MTAB-2", "E-MTAB-3"]}, answers=[answer({"E-MTAB-1": "PASS"})])
    run = crawl.recording.run
    assert (run.started, run.finished, run.status) == (DAY_1 - DAY / 24, DAY_1, RunStatus.SUCCEEDED)
    assert (run.counts, run.changes, run.checks) == ({"incoming": 1, "loading": 2}, 3, ("rnaseq",))
    assert (run.error, run.tracker_version) == ("", "0.1.0")


def test_only_checks_that_answered_are_named() -> None:
    run = Site(place("loading")).crawl({"loading": []}, answers=[answer(None), answer({}, "autosubs")]).recording.run
    assert run.checks == ("autosubs",)


def test_gone_datasets_are_not_counted() -> None:
    site = Site(place("loading"))
    site.crawl({"loading": SOME})
    assert site.crawl({"loading": SOME[:1]}).recording.run.counts == {"loading": 1}


@pytest.mark.parametrize(
    ("found", "answers", "more", "status"),
    [
        ({"external": SOME, "loading": []}, (), {}, RunStatus.SUCCEEDED),
        ({"external": SOME, "loading": DOWN}, (), {}, RunStatus.PARTIAL),
        ({"external": SOME, "loading": []}, (answer(None),), {}, RunStatus.PARTIAL),
        ({"external": SOME, "loading": []}, (), {"species": UNREADABLE_LIST}, RunStatus.PARTIAL),
        ({"external": [], "loading": []}, (), {}, RunStatus.HELD),
        ({"external": [], "loading": DOWN}, (), {}, RunStatus.HELD),
        ({"external": [], "loading": []}, (answer(None),), {}, RunStatus.HELD),
        ({"external": DOWN, "loading": DOWN}, (), {}, RunStatus.FAILED),
        ({"external": DOWN}, (), {}, RunStatus.FAILED),
        ({"external": SOME}, (), {}, RunStatus.SUCCEEDED),
    ],
)
def test_how_a_run_went(found: dict[str, Found], answers: Any, more: Any, status: RunStatus) -> None:
    site = Site(place("external"), place("loading"))
    site.crawl({"external": SOME, "loading": []})
    assert site.crawl(found, answers=answers, **more).status is status


def test_a_log_covers_what_happened_since_its_source_was_last_read_whole() -> None:
    site = Site(place("loading"))
    logs = [site.crawl({"loading": shown}).recording.logs[0] for shown in (SOME, DOWN, [], SOME)]
    assert [(log.start, log.end) for log in logs] == [
        (BEGINNING, DAY_1),
        (DAY_1, DAY_1 + DAY),
        (DAY_1, DAY_1 + 2 * DAY),
        (DAY_1, DAY_1 + 3 * DAY),
    ]
    assert [log.status.name for log in logs] == ["SUCCEEDED", "FAILED", "FAILED", "SUCCEEDED"]


def test_a_failed_log_says_why_and_counts_nothing() -> None:
    site = Site(place("loading"))
    broken = replace(DOWN, trace="Traceback: ...")
    log = site.crawl({"loading": broken}).recording.logs[0]
    assert (log.status, log.error_type, log.error_message) == (LogStatus.FAILED, "SourceError", DOWN.message)
    assert (log.error_traceback, log.counters) == ("Traceback: ...", Counters())


def test_the_log_of_a_held_source_says_so() -> None:
    site = Site(place("loading"))
    site.crawl({"loading": SOME})
    log = site.crawl({"loading": []}).recording.logs[0]
    assert log.status is LogStatus.FAILED and "held" in log.error_message


def test_a_log_counts_what_is_new_changed_unchanged_gone_and_failed() -> None:
    site = Site(place("loading"))
    site.crawl({"loading": accessions(6)})
    unreadable = sighting("E-MTAB-4", problems=(problem(Code.UNREADABLE, "E-MTAB-4"),))
    shown = ["E-MTAB-1", sighting("E-MTAB-2", title="New"), unreadable, "E-MTAB-7"]
    log = site.crawl({"loading": shown}).recording.logs[0]
    assert log.counters == Counters(seen=4, new=1, changed=2, unchanged=1, gone=3, failed=1)


def test_all_configured_sources_are_recorded_with_when_they_were_last_read() -> None:
    site = Site(place("external"), place("loading"))
    site.crawl({"external": SOME})
    site.crawl({"external": DOWN, "loading": SOME})
    assert {n: s.last_read for n, s in site.ledger.known().sources.items()} == {
        "external": DAY_1,
        "loading": DAY_1 + DAY,
    }


# --------------------------------------------------------------------------- what is known


def test_settling_does_not_touch_what_was_known() -> None:
    site = Site(place("external"), place("loading"))
    site.crawl({"external": SOME, "loading": SOME})
    before, copy = site.ledger.known(), site.ledger.known()
    site.settle(site.findings([site.reading("external", [])]), before)
    assert before == copy


def test_a_state_holds_since_it_changed_however_often_it_is_decided_again() -> None:
    site = Site(place("loading"), place("analysing"))
    site.crawl({"loading": SOME, "analysing": []})
    site.crawl({"loading": SOME, "analysing": SOME[:1]})
    site.crawl({"loading": SOME, "analysing": [sighting("E-MTAB-1", title="New title")]})
    standings = site.ledger.known().standings
    assert (standings["E-MTAB-1"].since, standings["E-MTAB-1"].before) == (DAY_1 + DAY, state("loading"))
    assert (standings["E-MTAB-2"].since, standings["E-MTAB-2"].before) == (DAY_1, None)


def test_what_a_person_cannot_see_is_replaced_in_place() -> None:
    site = Site(place("loading"))
    site.crawl({"loading": [sighting(files=(file("idf", "/a.idf.txt", size=1),))]})
    crawl = site.crawl({"loading": [sighting(files=(file("idf", "/a.idf.txt", size=2),))]})
    assert crawl.edits.keys() == {"sightings"}
    assert (crawl.recording.sightings.opened, crawl.recording.sightings.closed) == ((), ())
    assert crawl.recording.sightings.amended[0].files[0].identity.size == 2


@pytest.mark.parametrize(
    "new",
    [
        sighting(title="New"),
        sighting(location="/elsewhere/E-MTAB-1"),
        sighting(tech=("sc",)),
        sighting(modified=DAY_1),
        sighting(files=(file("idf", "/b.idf.txt"),)),
        sighting(files=(file("sdrf", "/a.idf.txt"),)),
        sighting(problems=(problem(Code.EMPTY_FILE, "E-MTAB-1"),)),
    ],
)
def test_what_a_person_can_see_closes_a_row_and_opens_another(new: Any) -> None:
    site = Site(place("loading"))
    site.crawl({"loading": [sighting(files=(file("idf", "/a.idf.txt"),))]})
    written = site.crawl({"loading": [new]}).recording.sightings
    assert (len(written.opened), len(written.closed), written.amended) == (1, 1, ())


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, NO_FINDINGS),
        ({"a": 1}, {"a": 1}, NO_FINDINGS),
        ({}, {"a": 1}, Edits(opened=(1,))),
        ({"a": 1}, {}, Edits(closed=(1,))),
        ({"a": 1}, {"a": 2}, Edits(opened=(2,), closed=(1,))),
        ({"a": 1}, {"a": -1}, Edits(amended=(-1,))),
        ({"a": 1, "b": 2, "c": 3}, {"b": -2, "c": 4, "d": 5}, Edits(opened=(4, 5), closed=(1, 3), amended=(-2,))),
    ],
)
def test_edits_are_the_difference(before: dict[str, int], after: dict[str, int], expected: Edits[int]) -> None:
    assert edits(before, after, alike=lambda old, new: abs(old) == abs(new)) == expected


def test_nothing_is_known_before_the_first_crawl() -> None:
    assert Site(place("loading")).ledger.known() == Known()


# --------------------------------------------------------------------------- rows in another order


def backwards(rows: Mapping[K, T]) -> dict[K, T]:
    return dict(reversed(list(rows.items())))


def scrambled(known: Known) -> Known:
    """The same rows, in another order: no store promises one."""
    return replace(
        known,
        sightings={name: backwards(found) for name, found in backwards(known.sightings).items()},
        verdicts=backwards(known.verdicts),
        entries={name: backwards(found) for name, found in backwards(known.entries).items()},
        standings=backwards(known.standings),
        problems=known.problems[::-1],
    )


@pytest.mark.parametrize("world", UNCHANGED.values(), ids=UNCHANGED.keys())
def test_the_order_in_which_the_store_gives_its_rows_changes_nothing(world: World) -> None:
    site = two_places()
    then = world.first if world.then is None else world.then
    said = world.said_first if world.said_then is None else world.said_then
    for found, answers in [(world.first, world.said_first), (then, said)]:
        site.crawl(found, answers=answers, **world.more)
    readings = [site.reading(name, shown) for name, shown in then.items()]
    findings = site.findings(readings, answers=said, **world.more)
    assert site.settle(findings, scrambled(site.ledger.known())).edits == {}


@pytest.mark.parametrize("shown", [["E-MTAB-1", "E-MTAB-2"], ["E-MTAB-1", "e-mtab-1"]])
def test_the_order_in_which_a_place_lists_its_datasets_changes_nothing(shown: list[str]) -> None:
    site = Site(place("loading"))
    site.crawl({"loading": shown})
    assert site.crawl({"loading": shown[::-1]}).edits == {}


def test_the_order_in_which_databases_first_answered_changes_nothing() -> None:
    passed = {check: answer({"E-MTAB-1": "PASS"}, check) for check in ("autosubs", "rnaseq")}
    late, early = Site(place("external")), Site(place("external"))
    late.crawl({"external": ["E-MTAB-1"]}, answers=[answer(None, "autosubs"), passed["rnaseq"]])
    ends = [site.crawl({"external": ["E-MTAB-1"]}, answers=passed.values()) for site in (late, early)]
    assert len({end.settled.after.standings["E-MTAB-1"].decision.sentence for end in ends}) == 1
