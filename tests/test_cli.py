"""The command line: arguments in, words and exit codes out."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.cli import main, moment, shared_first
from app.errors import UsageError


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("crawl --store S --json", "--store S crawl --json"),
        ("--store S crawl", "--store S crawl"),
        ("why E-1 --store=S -v", "--store=S -v why E-1"),
        ("crawl --source S --sources T", "--sources T crawl --source S"),
        ("crawl --store", "--store crawl"),
        ("why -- --store", "why -- --store"),
        ("", ""),
    ],
)
def test_shared_options_may_stand_before_or_after_the_command(given: str, taken: str) -> None:
    assert shared_first(given.split()) == taken.split()


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("2026-11-20", "2026-11-20T22:59:59.999999"),
        ("2026-11-20 09:30", "2026-11-20T08:30:59.999999"),
        ("2026-11-20T09:30:05", "2026-11-20T08:30:05.999999"),
        ("2026-11-20T09:30:05.25", "2026-11-20T08:30:05.250000"),
        ("2026-11-20T09:30Z", "2026-11-20T09:30:59.999999"),
        ("2026-11-20T09:30:05+02:00", "2026-11-20T07:30:05.999999"),
    ],
)
def test_a_time_is_taken_to_its_end_in_the_sites_zone(text: str, taken: str) -> None:
    told = moment(text, ZoneInfo("Europe/Berlin"))
    assert told is not None
    assert told.astimezone(UTC) == datetime.fromisoformat(taken).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "20.11.2026"])
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time; write 2026-11-20"):
        moment(text, UTC)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nope"], 2, "No such command 'nope'"),
        (["crawl", "--nope"], 2, "No such option: --nope"),
        (["why"], 2, "Missing argument"),
        (["overview", "--format", "xml"], 2, "xml"),
        (["--store"], 2, "requires an argument"),
        (["crawl", "--sources", "/nowhere.json"], 2, "/nowhere.json"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    out, told = capsys.readouterr()
    assert (out, told.count("\n")) == ("", 1)
    assert words in told
