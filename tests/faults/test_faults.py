"""Every port meets every fault, on real adapters and by the real command line: it is reported, nothing is lost, the
rest goes on, and once it is over the next crawl ends where it would have ended without it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from app import outputs, sources
from app.config.databases import DRIVERS
from tests.faults.rows import DATABASES, LISTINGS, OUTPUTS, PLACES, STORES, Row
from tests.faults.world import NEWS, Gate, World, changes
from tests.servers.mariadb import Mariadb
from tests.servers.postgres import Postgres

FAULTS = {"down", "slow", "lying", "half-way"}
DIALECTS = {"sqlite", *DRIVERS}
STORE_KINDS = {"store on sqlite", "store on postgresql"}
ALL = frozenset().union(*NEWS.values())
PUBLISHED = dict.fromkeys(outputs.known(), True)

Held = Mapping[str, list[str]]


def test_every_port_meets_every_fault() -> None:
    """But catalogues, which have a contract of their own: tests/sources/test_contract.py."""
    kinds = {name for name, kind in sources.kinds().items() if not hasattr(kind, "records")}
    ports = {*kinds, *DIALECTS, *STORE_KINDS, *outputs.known()}
    met = {(row.port, row.fault) for row in (*PLACES, *LISTINGS, *DATABASES, *STORES, *OUTPUTS)}
    assert met == {(port, fault) for port in ports for fault in FAULTS}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, mariadb: Mariadb) -> Iterator[World]:
    with Gate() as website:
        yield World(tmp_path_factory.mktemp("faults"), website, postgres, mariadb)


@pytest.fixture(scope="module")
def before(whole: World) -> Held:
    """What the store says after the first crawl."""
    whole.begin()
    return whole.held()


@pytest.fixture(scope="module")
def after(whole: World) -> Held:
    """What the store says when there was news and no fault."""
    whole.begin()
    whole.there_is_news()
    done = whole.crawl()
    assert (done.code, done.err, changes(done.json)) == (0, "", ALL)
    assert whole.news_in() == PUBLISHED
    return whole.held()


def named(rows: Sequence[Row]) -> pytest.MarkDecorator:
    """Databases are asked for what is in production as they are asked for checks: with one kind that is tried always,
    with the others at length."""
    at_length = [row.port in DRIVERS and row.what.startswith("production") for row in rows]
    marked = [
        pytest.param(r, id=r.id, marks=[pytest.mark.long] * long) for r, long in zip(rows, at_length, strict=True)
    ]
    return pytest.mark.parametrize("row", marked)


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Generously: the machine may be busy with other things."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def news_of(parts: Iterable[str]) -> set[Any]:
    """The changes of these parts and datasets."""
    return {change for part, made in NEWS.items() for change in made if part in parts or change[0] in parts}


# --------------------------------------------------------------------------- places, web sites, databases


@named([*PLACES, *LISTINGS, *DATABASES])
def test_what_cannot_be_read_is_told_and_the_rest_goes_on(whole: World, row: Row, before: Held, after: Held) -> None:
    whole.begin(curation=row.port if row.port in DIALECTS else "sqlite", shown=["json"])
    whole.there_is_news()
    with no_longer_than(20), row.broken(whole) as faults:
        done = whole.crawl(*faults, also=row.also)
    assert (done.code, done.err) == (row.code, ""), done
    problems = {(p["code"], p["message"]) for p in done.json["problems"] if p["severity"] != "info"}
    assert bool(row.told) == bool(problems), problems
    if row.told:
        code, *words = row.told
        assert [text for kind, text in problems if kind == code and all(word in text for word in words)], problems
        assert not [text for _, text in problems if "\n" in text]
    failed = {s["name"]: s["status"] for s in done.json["sources"] if s["status"] != "succeeded"}
    assert failed == {n: {3: "failed", 4: "held"}[row.code] for n in ("loading", "atlas") if n in row.late and row.code}
    assert changes(done.json) == ALL - news_of(row.late)
    _nothing_else_is_said(whole, row, before, after)

    then = whole.crawl()
    assert (then.code, changes(then.json)) == (0, news_of(row.late)), then
    assert (whole.held(), whole.news_in()) == (after, {"json": True})


def _nothing_else_is_said(world: World, row: Row, before: Held, after: Held) -> None:
    """The store holds what it held, or what it would hold by now, and nothing else; so what is shown."""
    during, late = world.held(), row.late | {dataset for dataset, *_ in news_of(row.late)}
    for what in ("sightings", "verdicts", "entries", "decisions"):
        old, new, now = (
            {fact for fact in held[what] if not any(f'"{dataset}"' in fact for dataset in row.apart)}
            for held in (before, after, during)
        )
        assert now - old - new == set()
        assert old & new - now == set()
        assert {fact for fact in new - now if not any(f'"{part}"' in fact for part in late)} == set()
    assert any(row.says in fact for facts in during.values() for fact in facts)
    assert world.news_in() == {"json": "E-MTAB-24" not in late}


# --------------------------------------------------------------------------- the store


@named(STORES)
def test_a_store_that_fails_is_told_and_nothing_is_changed(whole: World, row: Row, before: Held, after: Held) -> None:
    """What waits for a person or another run ends well."""
    whole.begin(store=row.port.rpartition(" ")[2], shown=["json"])
    whole.there_is_news()
    with no_longer_than(40), row.broken(whole) as faults:
        done = whole.crawl(*faults)
    assert done.code == row.code, done
    if row.code == 0:
        assert (changes(done.json), done.err) == (ALL, "")
    else:
        assert (done.out, len(done.err.splitlines())) == ("", int(row.code > 0))
        assert all(word in done.err for word in row.told), done.err
        assert whole.held() == before
        assert whole.news_in() == {"json": False}
        assert whole.crawl().code == 0
    assert (whole.held(), whole.news_in()) == (after, {"json": True})


# --------------------------------------------------------------------------- outputs


@named(OUTPUTS)
def test_an_output_that_fails_is_told_and_the_others_are_published(whole: World, row: Row, after: Held) -> None:
    whole.begin()
    whole.there_is_news()
    with no_longer_than(20), row.broken(whole) as faults:
        done = whole.crawl(*faults)
        assert done.code == row.code, done
        assert whole.held() == after, "what was found is kept, whoever shows it"
        shown = whole.news_in()
        if row.code == 3:
            failed = {
                output["name"]: output["where"] for output in done.json["outputs"] if output["status"] == "failed"
            }
            assert failed.keys() == row.late
            assert all(word in failed[row.port] for word in row.told), failed
            kept = {name: name not in row.late for name in PUBLISHED}
            assert shown in (kept, {name: True for name in kept if kept[name]}), "old, or out of the way"
        elif row.code == 0:
            assert shown == PUBLISHED
        else:
            assert shown[row.port] is False, "the old one is whole"
    then = whole.crawl()
    assert (then.code, changes(then.json)) == (0, set())
    assert (whole.held(), whole.news_in()) == (after, PUBLISHED)
    assert [path.name for path in whole.path("var/out").glob(".*.new")] == []
