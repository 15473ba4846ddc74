"""The contract of catalogues, kept by every registered kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app import sources
from app.domain.model import LogStatus
from app.errors import ConfigError, SourceError
from tests.harvest.scripted import counted
from tests.sources.contract import SINGLE, WORLDS, Desk, Study, World, configured, studies

CREATED, STARTED, SPLIT, SUCCEEDED, FAILED, RESCHEDULED, SKIPPED, CANCELLED = LogStatus

Opened = Callable[..., Desk]


several = pytest.mark.parametrize("world", sorted(WORLDS.keys() - SINGLE), indirect=True)
"""Not for those that show one record at most."""


@pytest.fixture(params=sorted(WORLDS))
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with WORLDS[request.param]() as world:
        yield world


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    return Desk(world, tmp_path)


def also(world: World, counts: dict[str, int], what: str = "unchanged") -> dict[str, int]:
    """The same, with what the world shows beside studies."""
    return dict(Counter(counts) + Counter({"seen": world.besides, what: world.besides}))


def test_every_registered_catalogue_is_tried() -> None:
    catalogues = {name for name, kind in sources.kinds().items() if hasattr(kind, "records")}
    assert catalogues == {name.partition(" ")[0] for name in WORLDS}


def test_it_says_what_it_is_and_each_option_what_it_means(world: World) -> None:
    kind = sources.kinds()[world.kind]
    assert re.fullmatch(r"[A-Z].*\.", kind.summary)
    assert all(field.description for field in kind.Options.model_fields.values())


# --------------------------------------------------------------------------- what is there


@several
def test_what_is_new_changed_unchanged_and_gone_is_counted(world: World, desk: Desk) -> None:
    world.shows(*studies(1, 2, 3, 4, 5))
    assert counted(desk.harvest()) == also(world, {"seen": 5, "new": 5}, "new")
    assert counted(desk.harvest()) == also(world, {"seen": 5, "unchanged": 5})
    world.shows(*studies(1), *studies(2, says="Another"), *studies(4, 5, 6))
    assert counted(desk.harvest()) == also(world, {"seen": 5, "new": 1, "changed": 1, "unchanged": 3, "gone": 1})
    assert desk.shown() == {
        "S-1": "Study 1", "S-2": "Another 2", "S-4": "Study 4", "S-5": "Study 5", "S-6": "Study 6"
    }  # fmt: skip
    world.shows(*studies(1, 2, 3, 4, 5))
    back = {"seen": 5, "changed": 1, "unchanged": 4, "gone": 1}
    assert counted(desk.harvest()) == also(world, back), "what is back is not new"


@several
def test_to_show_nothing_is_something_else_than_to_say_nothing_of_sense(world: World, desk: Desk) -> None:
    world.shows(*studies(1, 2))
    desk.harvest()
    world.senseless()
    failed = desk.harvest()
    assert (failed.status, failed.counters.gone) == (FAILED, 0)
    assert [*desk.shown()] == ["S-1", "S-2"]
    world.shows()
    assert counted(desk.harvest()) == also(world, {"gone": 2})


@several
def test_what_is_there_can_be_asked_at_the_least_cost(world: World, desk: Desk) -> None:
    world.shows(*studies(1, 2, 3))
    assert "3 records" in desk.catalogue.probe()


# --------------------------------------------------------------------------- what goes wrong


@several
def test_a_halt_in_the_middle_keeps_what_was_read_and_makes_nothing_gone(world: World, desk: Desk) -> None:
    world.shows(*studies(1, 2, 3, 4, 5))
    desk.harvest()
    world.halts(*studies(6, 1, 2, 7, 8))
    failed = desk.harvest()
    assert (failed.status, failed.counters.gone, failed.counters.new) == (FAILED, 0, 2)
    assert failed.error_message.startswith(desk.source.location)
    world.shows(*studies(6, 1, 2, 7, 8))
    done = desk.harvest()
    assert (done.status, counted(done)) == (SUCCEEDED, also(world, {"seen": 5, "new": 1, "unchanged": 4, "gone": 3}))
    assert sorted(desk.shown()) == ["S-1", "S-2", "S-6", "S-7", "S-8"]


@several
def test_a_bad_record_is_its_own_problem(world: World, desk: Desk) -> None:
    world.shows(*studies(1), Study("S-2", "", good=False), *studies(3))
    done = desk.harvest()
    assert (done.status, done.counters.seen, done.counters.failed) == (SUCCEEDED, 3 + world.besides, 1)
    assert [*desk.shown()] == ["S-1", "S-3"]
    (fault,) = desk.store.harvests.problems(done.id)
    assert world.study(fault.identifier) == "S-2"
    assert "S-2" not in fault.message, "others may have the same"


@pytest.mark.parametrize("how", ["down", "silent"])
def test_where_it_cannot_be_reached_one_sentence_says_what_to_do(world: World, desk: Desk, how: str) -> None:
    world.shows(*studies(1))
    desk.harvest()
    getattr(world, how)()
    failed = desk.harvest()
    assert (failed.status, counted(failed)) == (FAILED, {})
    assert re.fullmatch(r"http\S+ [^\n]+(try again later|Try again later)", failed.error_message)
    assert [*desk.shown()] == ["S-1"]
    with pytest.raises(SourceError):
        desk.catalogue.probe()


def test_a_wrong_option_is_a_mistake_of_the_configuration(world: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        configured(world, tmp_path, **world.wrong)
    (mistake,) = raised.value.mistakes
    assert next(iter(world.wrong)) in mistake.key
    assert "allowed: " in mistake.message


@several
def test_it_ends_where_a_person_wants_and_goes_on_from_there(world: World, desk: Desk) -> None:
    world.shows(*studies(*range(9)))
    begun: list[bool] = []

    def progress(doing: str) -> None:
        if not begun:
            begun.append(desk.cancel(1))

    cancelled = desk.harvest(progress)
    assert begun == [True]
    assert (cancelled.status, cancelled.counters.gone) == (CANCELLED, 0)
    assert 2 <= cancelled.counters.seen < 9
    done = desk.harvest()
    seen = 9 + world.besides
    assert (done.status, done.counters.seen, done.counters.unchanged) == (SUCCEEDED, seen, cancelled.counters.seen)


# --------------------------------------------------------------------------- within limits


@several
@pytest.mark.parametrize("limit", [0, 1, 3, 5, 7])
def test_no_more_than_wanted_and_then_nothing_is_gone(world: World, desk: Desk, limit: int) -> None:
    world.shows(*studies(1, 2, 3, 4, 5))
    desk.harvest()
    some = min(limit, 5 + world.besides)
    assert counted(desk.harvest(limit=limit)) == ({"seen": some, "unchanged": some} if some else {})
    assert len(desk.shown()) == 5


def test_its_log_covers_the_time_since_the_last_one(world: World, desk: Desk) -> None:
    world.shows(*studies(1))
    first, second = desk.harvest(), desk.harvest()
    if not desk.catalogue.dated:
        assert second.window.start == first.window.end


def test_every_request_waits_for_its_turn(world: World, tmp_path: Path) -> None:
    desk = Desk(world, tmp_path, rate_limit="1 an hour")
    world.shows(*studies(1))
    before = len(world.agents)
    for _ in range(3):
        desk.harvest()
    requests = len(world.agents) - before
    assert len(desk.slept) == requests - 1, "the first need not"
    assert all(timedelta(minutes=30) < timedelta(seconds=slept) for slept in desk.slept)


def test_who_asks_says_so(world: World, tmp_path: Path) -> None:
    desk = Desk(world, tmp_path, contact="curators@example.org")
    world.shows(*studies(1))
    desk.harvest()
    assert world.agents
    assert all(re.fullmatch(r"ingest-tracker/\S+ .*\(curators@example\.org\)", agent) for agent in world.agents)
