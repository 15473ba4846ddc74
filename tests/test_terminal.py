"""What a person sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.overview import Table
from app.terminal import Terminal, duration


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


def test_a_long_line_stays_one_line_for_other_programs(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(ZoneInfo("UTC")).table(Table("Discover", ("Title",), (("word " * 100,),)))
    assert any(len(line) > 450 for line in capsys.readouterr().out.splitlines())
