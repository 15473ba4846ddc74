"""What SQLite and PostgreSQL have in common and a store in memory has not: rows, and text that they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.model import Code, File, FileIdentity, Known, Metadata, Problem
from app.store.rows import padded
from app.store.sql import SqlStore
from tests.store.conftest import Kit
from tests.store.crawls import World, crawl, decision, recording, sighting, source

ODD = "E-MTAB-1\0\ud800 \udcff \U0001f9ec"


def test_text_that_no_database_takes_comes_back_with_a_mark(sql_kit: Kit) -> None:
    world = World(
        sightings=[replace(sighting("E-MTAB-1"), location=ODD)],
        decisions=[decision("E-MTAB-1", sentence=ODD)],
        problems=[Problem(Code.NOT_UTF8, ODD, path=ODD)],
    )
    crawl(sql_kit.store, world, 0)
    known, marked = sql_kit.store.known(), "E-MTAB-1\ufffd\ufffd \ufffd \U0001f9ec"
    assert known.sightings["incoming"]["E-MTAB-1"].location == marked
    assert known.standings["E-MTAB-1"].decision.sentence == marked
    assert known.problems[0].problem == Problem(Code.NOT_UTF8, marked, path=marked)
    crawl(sql_kit.store, World(), 1)
    assert not sql_kit.store.known().problems


def test_what_files_say_comes_back_as_it_was_so_that_it_is_seen_to_be_unchanged(sql_kit: Kit) -> None:
    odd = replace(
        sighting("E-MTAB-1"),
        metadata=Metadata(title=ODD, organisms=(ODD, "\\u0000", '"')),
        files=(File("idf", ODD, FileIdentity(1, 2, 3, 4, 5)),),
        problems=(Problem(Code.NOT_UTF8, ODD, path=ODD),),
    )
    crawl(sql_kit.store, World(sightings=[odd]), 0)
    assert sql_kit.store.known().sightings["incoming"]["E-MTAB-1"] == odd


def test_a_code_that_this_version_no_longer_has_is_skipped(sql_kit: Kit) -> None:
    found = Problem(Code.NEAR_MISS, "odd", "E-MTAB-1")
    crawl(sql_kit.store, World(sightings=[sighting("E-MTAB-1", problems=(found,))], problems=[found]), 0)
    assert isinstance(sql_kit.store, SqlStore)
    with sql_kit.store.database.writing() as transaction:
        transaction.execute("UPDATE problem SET code = 'retired'")
        found_in = [{"code": "retired", "message": "odd", "path": ""}]
        transaction.execute("UPDATE sighting SET problems = :problems", problems=found_in)
    assert sql_kit.store.known().problems == ()
    assert sql_kit.store.known().sightings["incoming"]["E-MTAB-1"].problems == ()


def test_a_log_says_which_run_wrote_it_and_by_which_version(sql_kit: Kit) -> None:
    crawl(sql_kit.store, World(failed={"incoming": "not mounted"}), 0)
    crawl(sql_kit.store, World(), 1)
    logs = _rows(sql_kit, "harvest_log")
    assert [
        (log["run_id"], log["status"], log["completions"], log["error_message"], log["harvester_version"])
        for log in logs
    ] == [(1, 4, 0, "not mounted", "000.001.000"), (2, 3, 1, "", "000.001.000")]
    assert {log["tracker_version"] for log in logs} == {"0.1.0"}
    assert {log["source_config_version"] for log in logs} == {"000.000.000"}


def test_a_range_that_is_read_again_keeps_its_one_log(sql_kit: Kit) -> None:
    again = recording(Known(), World(), 0)
    for _ in range(2):
        with sql_kit.store.lock("crawl") as lock:
            sql_kit.store.record(again, lock)
    assert [(log["run_id"], log["completions"]) for log in _rows(sql_kit, "harvest_log")] == [(2, 2)]


def test_a_source_is_written_only_when_it_is_configured_otherwise(sql_kit: Kit) -> None:
    modified = []
    for number, config in enumerate([source(), source(), source(tech=("sc",))]):
        crawl(sql_kit.store, World(sources=[config]), number)
        modified.append(next(iter(_rows(sql_kit, "source_config")))["date_modified"])
    assert modified[0] == modified[1] < modified[2]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.2.10", "001.002.010"),
        ("0.1.0.dev3+g12ab", "000.001.000"),
        ("2", "002.000.000"),
        ("1.2", "001.002.000"),
        ("", "000.000.000"),
        ("UNKNOWN", "000.000.000"),
    ],
)
def test_versions_are_padded_so_that_they_sort_as_text(version: str, expected: str) -> None:
    assert padded(version) == expected


def _rows(kit: Kit, table: str) -> list[dict[str, Any]]:
    assert isinstance(kit.store, SqlStore)
    with kit.store.database.snapshot() as snapshot:
        cursor = snapshot.connection.cursor()
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")
        return [dict(zip([column[0] for column in cursor.description], row, strict=True)) for row in cursor]
