"""./run: what it installs, when, and what it passes on. A Python that only writes down what it is asked stands in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

# Makes environments in which `pip` does what MISHAP says and `ingest-tracker` says what it was given.
PYTHON = f"""#!/bin/sh
case "$*" in
"" | -c*) exec {sys.executable} "$@" ;;
--version) echo "Python 3.11.0"; exit ;;
"-m venv "*)
    mkdir -p "$4/bin" && cp "$0" "$4/bin/python"
    printf '#!/bin/sh\\nprintf "<%%s>" "$@"\\nexit 4\\n' >"$4/bin/ingest-tracker"
    chmod +x "$4/bin/ingest-tracker" ;;
*pip*requirement*) eval "$MISHAP" ;;
esac
echo "$*" >>"$CALLS"
"""

CRAWLED = ("<crawl><--json><a b>", 4)


@dataclass(frozen=True)
class House:
    """A copy of ./run and of what it reads, in a folder with a space, with that Python first in its PATH."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.root.parent / 'bin'}:{os.environ['PATH']}"
        return {"PATH": path, "CALLS": str(self.root.parent / "calls"), "MISHAP": ":"}

    def start(self, *arguments: str, run: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [run or self.root / "run", *arguments],
            env=self.environment | environment,
            cwd="/",
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def crawl(self, run: Path | None = None, **environment: str) -> tuple[str, int]:
        process = self.start("crawl", "--json", "a b", run=run, **environment)
        return process.communicate()[0], process.returncode

    def asked(self, words: str) -> int:
        """How many calls of that Python held these words."""
        calls = self.root.parent / "calls"
        return sum(words in line for line in calls.read_text().splitlines()) if calls.exists() else 0


@pytest.fixture
def house(tmp_path: Path) -> House:
    root = tmp_path / "a house"
    shutil.copytree(PROJECT / "requirements", root / "requirements")
    for name in ("run", "setup.cfg", "pyproject.toml"):
        shutil.copy2(PROJECT / name, root)
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(PYTHON)
    python.chmod(0o755)
    return House(root)


def test_arguments_output_and_exit_code_pass_through_untouched(house: House) -> None:
    """Installing says what it does on stderr only, so that `crawl --json > report.json` holds JSON alone."""
    assert house.crawl() == CRAWLED


def test_installs_once_from_the_lock_with_hashes(house: House) -> None:
    assert [house.crawl(), house.crawl()] == [CRAWLED, CRAWLED]
    assert house.asked("--require-hashes --requirement requirements/base.lock") == 1
    assert house.asked("-m venv") == house.asked("--editable") == 1


def test_works_through_a_symbolic_link(house: House) -> None:
    link = house.root.parent / "tracker"
    link.symlink_to(house.root / "run")
    assert house.crawl(run=link) == CRAWLED


@pytest.mark.parametrize("name", ["requirements/base.lock", "requirements/test.lock", "setup.cfg", "pyproject.toml"])
def test_makes_the_environment_anew_when_what_it_is_made_from_changed(house: House, name: str) -> None:
    house.crawl()
    with (house.root / name).open("a") as file:
        file.write("# changed\n")
    assert house.crawl() == CRAWLED
    assert house.asked("-m venv") == 2


def test_makes_the_environment_anew_when_the_folder_has_moved(house: House) -> None:
    house.crawl()
    moved = House(house.root.rename(house.root.with_name("another house")))
    assert moved.crawl() == CRAWLED
    assert moved.asked("-m venv") == 2


def test_tests_need_more_than_a_crawl_and_hold_what_a_crawl_needs(house: House) -> None:
    """The test requirements are added to the same environment; a crawl after that installs nothing."""
    house.crawl()
    house.start("test", "--version").communicate()
    house.crawl()
    assert house.asked("-m venv") == house.asked("base.lock") == house.asked("test.lock") == 1
    assert house.asked("-m pytest --version") == 1


@pytest.mark.parametrize("mishap", ["exit 1", "kill -9 $PPID; exit 1"], ids=["pip failed", "killed"])
def test_an_installation_that_did_not_end_is_begun_again(house: House, mishap: str) -> None:
    out, code = house.crawl(MISHAP=mishap)
    assert out == "" and code != 0
    assert house.crawl() == CRAWLED
    assert house.asked("-m venv") == 2


def test_two_at_once_install_once(house: House) -> None:
    """The second waits for the first, which is held up until the second has been started."""
    gate = house.root.parent / "gate"
    os.mkfifo(gate)
    both = [house.start("crawl", MISHAP=f"read -r go <'{gate}'") for _ in range(2)]
    gate.write_text("go\n")
    assert [process.communicate(timeout=60)[0] for process in both] == ["<crawl>", "<crawl>"]
    assert house.asked("--require-hashes") == 1


def test_an_environment_that_is_given_is_used_as_it_is(house: House) -> None:
    house.crawl()
    given = (house.root / ".venv").rename(house.root.parent / "given")
    assert house.crawl(INGEST_TRACKER_VENV=str(given)) == CRAWLED
    assert house.asked("-m venv") == 1 and not (house.root / ".venv").exists()


@pytest.mark.parametrize(
    "python, said",
    [
        ('echo "is 3.8" >&2; exit 1', "python3 is 3.8"),
        (
            f"exec {sys.executable} -S -c \"import sys; sys.modules['ensurepip'] = None; exec(sys.stdin.read())\"",
            "has no",
        ),
    ],
    ids=["too old", "cannot make environments"],
)
def test_a_machine_without_a_suitable_python_is_told_so_in_one_line(house: House, python: str, said: str) -> None:
    for name in ("python3", "python3.13", "python3.12", "python3.11"):
        stand_in = house.root.parent / "bin" / name
        stand_in.write_text(f"#!/bin/sh\n{python}\n")
        stand_in.chmod(0o755)
    process = house.start("crawl")
    message = process.communicate()[1]
    assert process.returncode == 1
    assert message.startswith("run: needs Python 3.11 or later") and said in message and message.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("help",)])
def test_help_lists_every_command_with_what_it_does(house: House, arguments: tuple[str, ...]) -> None:
    process = house.start(*arguments)
    listed = dict(line.split(maxsplit=1) for line in process.communicate()[0].splitlines()[1:])
    assert list(listed) == ["demo", "crawl", "tracker", "test", "test-long", "bench", "lint", "docs", "lock", "help"]
    assert all(listed.values()) and process.returncode == 0


def test_a_command_that_does_not_exist_is_refused_with_the_list(house: House) -> None:
    """Neither a shell's own commands nor the script's inner functions are commands."""
    for name in ("harvset", "install", "rm"):
        process = house.start(name)
        out, message = process.communicate()
        assert (out, process.returncode) == ("", 2)
        assert message.startswith(f"run: there is no command '{name}'") and "test-long" in message
