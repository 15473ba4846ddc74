"""./run: what it installs, when, and what it passes on. A Python that only writes down what it is asked stands in."""

from __future__ import annotations

import os
import re
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
    programs(root / "run", "")  # nothing may be installed on this machine
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(PYTHON)
    python.chmod(0o755)
    return House(root)


def programs(run: Path, table: str) -> None:
    """Has it need these, and no others."""
    text, times = re.subn(r"(?s)(?<=\nPROGRAMS=').*?(?=')", f"\n{table}", run.read_text())
    assert times == 1
    run.write_text(text)


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


# --------------------------------------------------------------------------- programs that tests start

# Does what MISHAP_OF_APT says, writes down what it is asked, and installs by making the program.
APT = """#!/bin/sh
echo "apt-get $*" >>"$CALLS"
echo "Reading package lists..."
eval "$MISHAP_OF_APT"
case "$*" in *install*) printf '#!/bin/sh\\n' >"${0%/*}/a-server" && chmod +x "${0%/*}/a-server" ;; esac
"""
SUDO = '#!/bin/sh\necho "sudo $*" >>"$CALLS"\n[ "$1" = -n ] && shift\n%s\n'
UPDATE = "apt-get -o DPkg::Lock::Timeout=300 update"
INSTALL = "apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends a-server-core"


@pytest.fixture
def lacking(house: House) -> House:
    """A house whose tests need a program that this machine does not have; root lives there."""
    programs(house.root / "run", "a-server  a-server-core\nsh  dash\n")
    for name, text in (("apt-get", APT), ("id", "#!/bin/sh\necho ${USER_ID-0}\n"), ("sudo", SUDO % "exit 1")):
        program = house.root.parent / "bin" / name
        program.write_text(text)
        program.chmod(0o755)
    return house


def outcome(house: House, *arguments: str, **environment: str) -> tuple[str, int]:
    """What was said, and the exit code."""
    process = house.start(
        *(arguments or ("test", "--version")), MISHAP_OF_APT=environment.pop("MISHAP", ":"), **environment
    )
    return process.communicate(timeout=60)[1], process.returncode


@pytest.mark.parametrize("command", ["test", "test-long"])
def test_what_tests_start_is_installed_once_and_in_silence(command: str, lacking: House) -> None:
    message, code = outcome(lacking, command, "--version")
    assert code == 0 and message.endswith("run: installing Debian's packages a-server-core ...\n")
    assert lacking.asked(UPDATE) == lacking.asked(INSTALL) == 1
    assert outcome(lacking, command, "--version") == ("", 0)
    assert lacking.asked("apt-get") == 2


@pytest.mark.parametrize("command", ["crawl", "demo", "tracker", "lint", "docs", "help"])
def test_what_starts_no_server_needs_none(command: str, lacking: House) -> None:
    outcome(lacking, command)
    assert lacking.asked("apt-get") == 0


@pytest.mark.parametrize(
    ("mishap", "said"),
    [("exit 100", "E: no such thing"), ('[ "$3" = update ] || exit 100', "E: no such thing"), ("exit 0", "")],
    ids=["update fails", "install fails", "it comes without the program"],
)
def test_an_installation_that_fails_says_why(mishap: str, said: str, lacking: House) -> None:
    message, code = outcome(lacking, MISHAP=f"echo 'E: no such thing' >&2; {mishap}")
    assert code == 1 and said in message and "a-server-core" in message
    assert "Reading package lists" in message or not said
    assert lacking.asked("-m pytest") == 0


def test_one_who_is_not_root_installs_by_sudo_where_that_asks_nothing(lacking: House) -> None:
    (lacking.root.parent / "bin" / "sudo").write_text(SUDO % 'exec "$@"')
    assert outcome(lacking, USER_ID="1000")[1] == 0
    assert lacking.asked("sudo -n env DEBIAN_FRONTEND=noninteractive apt-get") == 2


@pytest.mark.parametrize("lacks", ["sudo", "apt-get"])
def test_where_nothing_may_be_installed_one_sentence_names_the_packages(lacks: str, lacking: House) -> None:
    if lacks == "apt-get":
        (lacking.root.parent / "bin" / "apt-get").unlink()
        user, path = "0", f"{lacking.root.parent / 'bin'}:{without('apt-get', lacking.root.parent)}"
    else:
        user, path = "1000", lacking.environment["PATH"]
    message, code = outcome(lacking, USER_ID=user, PATH=path)
    assert code == 1
    last = message.splitlines()[-1]
    assert last.startswith("run: tests need Debian's packages a-server-core, which this user cannot install: have that")
    assert lacking.asked("-m pytest") == 0


def without(program: str, folder: Path) -> Path:
    """A folder for PATH with all programs of this machine but one."""
    made = folder / "without"
    made.mkdir()
    for place in os.environ["PATH"].split(":"):
        for path in Path(place).iterdir() if Path(place).is_dir() else ():
            if path.name != program and not (made / path.name).exists():
                (made / path.name).symlink_to(path)
    return made


def test_two_at_once_install_what_tests_start_once(lacking: House) -> None:
    outcome(lacking, "lint")
    both = [lacking.start("test", "--version", MISHAP_OF_APT="sleep 0.5") for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert lacking.asked(INSTALL) == 1


@pytest.mark.parametrize("arguments", [(), ("help",)])
def test_help_lists_every_command_with_what_it_does(house: House, arguments: tuple[str, ...]) -> None:
    process = house.start(*arguments)
    listed = dict(line.split(maxsplit=1) for line in process.communicate()[0].splitlines()[1:])
    tests = ["test", "test-long", "soak", "fuzz", "test-google"]
    assert list(listed) == ["demo", "crawl", "tracker", *tests, "bench", "lint", "docs", "lock", "help"]
    assert all(listed.values()) and process.returncode == 0


def test_each_command_that_is_listed_can_be_given(house: House) -> None:
    """Those that tests of their own do not give."""
    for name, asks in [
        ("soak", "-m pytest -s -m long"),
        ("fuzz", "-m pytest -rP --numprocesses"),
        ("test-google", "-m pytest -m google"),
        ("bench", "-m benchmarks"),
    ]:
        house.start(name, "1").communicate()
        assert house.asked(asks) == 1


def test_a_command_that_does_not_exist_is_refused_with_the_list(house: House) -> None:
    """Neither a shell's own commands nor the script's inner functions are commands."""
    for name in ("harvset", "install", "rm"):
        process = house.start(name)
        out, message = process.communicate()
        assert (out, process.returncode) == ("", 2)
        assert message.startswith(f"run: there is no command '{name}'") and "test-long" in message
