"""What a person sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.model import Code, Entry, Known, KnownProblem, Problem
from app.domain.overview import Table
from app.terminal import Terminal, duration
from tests.domain.builders import DAY_1, noted, sighting, standing


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3_725, "1 h 2 min"),
        (86_400, "1 d"),
        (90_061, "1 d 1 h"),
        (400 * 86_400, "400 d"),
    ],
)
def test_a_duration_is_told_in_two_units(seconds: float, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words


def test_text_from_files_does_not_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    title = "\x1b]0;mine\x07[red]liver[/red]\x9b2J"
    Terminal(ZoneInfo("UTC")).table(Table("Discover", ("Title",), ((title,),)))
    told = capsys.readouterr().out
    assert "[red]liver[/red]" in told
    assert not {"\x1b", "\x07", "\x9b"} & set(told)


def test_times_are_shown_in_the_sites_zone(capsys: pytest.CaptureFixture[str]) -> None:
    moment = datetime(2026, 6, 1, 22, 30, tzinfo=UTC)
    Terminal(ZoneInfo("Europe/Berlin")).table(Table("Changes", ("When",), ((moment,),)))
    assert "2026-06-02 00:30" in capsys.readouterr().out


def known(incomplete: tuple[str, ...] = (), private: bool | None = None) -> Known:
    """One dataset, as the store tells of it."""
    seen = sighting(organisms=("Homo sapiens",), incomplete=incomplete)
    return Known(
        sightings={"loading": {"E-MTAB-1": seen}},
        standings={"E-MTAB-1": standing("loading")},
        entries={"bulk": {"E-MTAB-1": Entry("E-MTAB-1", "bulk", private)}, "sc": {}},
        asked={"bulk": DAY_1, "sc": DAY_1},
    )


@pytest.mark.parametrize(
    ("incomplete", "words"),
    [
        ((), ""),
        (("organisms",), "was read only in part, and may name more organisms."),
        (("organisms", "library_constructions"), "may name more organisms, library constructions."),
    ],
)
def test_why_says_what_a_file_may_name_beyond_what_was_read(
    incomplete: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Terminal(ZoneInfo("UTC")).why(known(incomplete), "E-MTAB-1")
    told = capsys.readouterr().out
    assert words in told and ("only in part" in told) is bool(incomplete)


@pytest.mark.parametrize(("private", "words"), [(None, "in production "), (False, "in production "), (True, "private")])
def test_why_says_what_each_production_database_says_and_since_when(
    private: bool | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Terminal(ZoneInfo("UTC")).why(known(private=private), "E-MTAB-1")
    bulk, sc = capsys.readouterr().out.splitlines()[-2:]
    assert bulk.startswith("bulk") and words in bulk and ("private" in bulk) is bool(private)
    assert sc.split() == ["sc", "not", "in", "production", "2026-03-02", "06:30"]


def test_why_says_what_curators_have_beside_the_dataset(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(ZoneInfo("UTC"))
    terminal.why(noted({"Notes": "[red]waits[/red]\x1b[2J", "Priority": 2, "Hold": True}), "E-MTAB-1")
    *_, head, notes, priority, hold = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0] == "Curators' column"
    assert notes.split(maxsplit=1) == ["Notes", "[red]waits[/red]\ufffd[2J"]
    assert (priority.split(), hold.split()) == (["Priority", "2"], ["Hold", "True"])
    terminal.why(noted({}), "E-MTAB-1")
    assert "Curators" not in capsys.readouterr().out


def test_a_row_is_a_line_whatever_curators_write(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(ZoneInfo("UTC")).table(Table("Discover", ("Notes", "Next"), (("two\nlines", "x"), ("one", "y"))))
    assert [line.split() for line in capsys.readouterr().out.splitlines()[2:]] == [["two", "lines", "x"], ["one", "y"]]


def test_text_of_problems_does_not_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    odd = Problem(Code.NEAR_MISS, "\x1b[31m[red]almost[/red]", path="/nfs/\x07[b]x")
    Terminal(ZoneInfo("UTC")).to_mend([KnownProblem(odd, DAY_1)])
    told = capsys.readouterr().out
    assert "[red]almost[/red]" in told and "[b]x" in told and not {"\x1b", "\x07"} & set(told)


def test_a_long_line_stays_one_line_for_other_programs(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(ZoneInfo("UTC")).table(Table("Discover", ("Title",), (("word " * 100,),)))
    assert any(len(line) > 450 for line in capsys.readouterr().out.splitlines())
