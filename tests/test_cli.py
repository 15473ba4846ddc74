"""The command line: arguments in, words and exit codes out."""

from __future__ import annotations

import os
import shlex
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.cli import main, shared_first
from app.cli.shared import moment
from app.errors import UsageError

PROJECT = Path(__file__).parents[1]


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


# --------------------------------------------------------------------------- as a process


def started(folder: Path, *arguments: str, spoilt: str = "") -> subprocess.Popen[str]:
    """The program on one place with one dataset; `spoilt` is run before it."""
    (folder / "loading" / "E-MTAB-1").mkdir(parents=True, exist_ok=True)
    (folder / "sources_config.json").write_text('{"loading": {"stage": ["loading"]}}')
    program = f"import sys\nfrom app.cli import main\n{spoilt}\nsys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "TMPDIR": str(folder)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_fault_of_the_program_is_one_line_and_a_file(tmp_path: Path) -> None:
    process = started(
        tmp_path, "crawl", spoilt="from app.domain import details; details.overview = lambda *given: 1 / 0"
    )
    told = process.communicate()[1]
    assert (process.returncode, told.count("\n")) == (1, 1)
    assert "a fault of the program (ZeroDivisionError); details are in" in told
    assert "Traceback" in Path(told.split()[-1]).read_text()


@pytest.mark.parametrize("closed", ["0<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_whoever_began_it_has_closed_harm_nothing(tmp_path: Path, closed: str) -> None:
    """The store would be opened as the standard error, and get all that is said."""
    (tmp_path / "loading" / "E-MTAB-1").mkdir(parents=True)
    (tmp_path / "sources_config.json").write_text('{"loading": {"stage": ["loading"]}, "gone": {"stage": ["loading"]}}')
    command = [sys.executable, "-m", "app.cli", "crawl"]
    done = subprocess.run(
        ["sh", "-c", f"exec {shlex.join(command)} {closed}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3, done
    assert "Traceback" not in done.stderr
    with closing(sqlite3.connect(tmp_path / "var" / "store.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_crawl_that_is_stopped_says_so_and_gives_up_its_lock(number: int, code: int, tmp_path: Path) -> None:
    waiting = "import app.tracker as t, time; t.presence.lost = lambda *given: print(flush=True) or time.sleep(60)"
    process = started(tmp_path, "crawl", spoilt=waiting)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    told = process.communicate()[1]
    assert (process.returncode, told) == (code, "ingest-tracker: stopped; what was not finished is not recorded\n")
    again = started(tmp_path, "crawl")
    assert (again.communicate()[1], again.returncode) == ("", 0)


@pytest.mark.parametrize("arguments", [["overview"], ["runs", "--json"], ["overview", "--format", "csv"]])
def test_a_full_disk_behind_stdout_is_said(arguments: list[str], tmp_path: Path) -> None:
    assert started(tmp_path, "crawl").wait() == 0
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "the result could not be written: No space left on device" in done.stderr


def test_a_dry_run_before_the_first_crawl_leaves_nothing_behind(tmp_path: Path) -> None:
    process = started(tmp_path, "crawl", "--dry-run")
    assert "1 new: 1 loading" in process.communicate()[0]
    assert {path.name for path in tmp_path.iterdir()} == {"loading", "sources_config.json"}
