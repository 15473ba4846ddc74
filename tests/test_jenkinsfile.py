"""The Jenkinsfile: its `sh` steps are taken out and run, on a small tree, with the environment that it declares."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import Locked

PROJECT = Path(__file__).parents[1]
JENKINSFILE = (PROJECT / "Jenkinsfile").read_text()

# --------------------------------------------------------------------------- as much Groovy as a Jenkinsfile has

TOKEN = re.compile(
    r"""(?P<comment> //[^\n]* | /\*.*?\*/)
      | (?P<string> '''.*?(?<!\\)''' | \"\"\".*?(?<!\\)\"\"\" | '(?:\\.|[^'\\\n])*' | "(?:\\.|[^"\\\n])*")
      | (?P<word> [\w.]+)
      | (?P<mark> \n | [^\s\w])""",
    re.VERBOSE | re.DOTALL,
)


def tokens(groovy: str) -> list[str]:
    return [match.group() for match in TOKEN.finditer(groovy) if match.lastgroup != "comment"]


def text(string: str) -> str:
    """What a string literal says."""
    quotes = 3 if string[:3] in ("'''", '"""') else 1
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), string[quotes:-quotes])


def is_string(token: str) -> bool:
    return token[0] in "'\""


def arguments(after: list[str]) -> Iterator[str]:
    """The tokens of one call: to the bracket that closes it or, without brackets, to the end of its line."""
    depth, before = 0, ""
    for token in after:
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth < 0 or (depth == 0 and (token == ")" or (token == "\n" and before != ","))):
            return
        yield token
        before = token


def steps(groovy: str) -> list[str]:
    """The scripts of all `sh` steps, whichever way they are written."""
    found = tokens(groovy)
    calls = [list(arguments(found[at + 1 :])) for at, token in enumerate(found) if token == "sh"]
    return [
        text(call[call.index("script") + 2] if "script" in call else next(filter(is_string, call))) for call in calls
    ]


def environment(groovy: str) -> dict[str, str]:
    """What the `environment` block sets, with the parameters at their defaults."""
    found = [token for token in tokens(groovy) if token != "\n"]
    start = found.index("environment") + 2
    block = found[start : found.index("}", start)]
    defaults = dict(re.findall(r"name: '(\w+)', defaultValue: '([^']*)'", groovy))
    values = {name: text(value) for name, mark, value in zip(block, block[1:], block[2:], strict=False) if mark == "="}
    return {name: re.sub(r"\$\{params\.(\w+)}", lambda m: defaults[m[1]], value) for name, value in values.items()}


@pytest.mark.parametrize(
    "groovy, scripts",
    [
        ("sh 'make'", ["make"]),
        ('sh "make"', ["make"]),
        ("sh('make')", ["make"]),
        ("sh '''\n  one\n  two\n'''", ["\n  one\n  two\n"]),
        ('sh """one "quoted" two"""', ['one "quoted" two']),
        ("int code = sh(returnStatus: true, script: 'make')", ["make"]),
        ("sh label: 'build',\n   script: '''make'''", ["make"]),
        ("sh(script: 'echo ) (', label: 'brackets')", ["echo ) ("]),
        (r"sh 'it\'s\n'", ["it's\n"]),
        ("// sh 'no'\n/* sh 'no' */ echo \"sh 'no'\"\nsh 'yes'", ["yes"]),
        ("sh 'one'\nsh 'two'", ["one", "two"]),
    ],
)
def test_steps_are_found_however_they_are_written(groovy: str, scripts: list[str]) -> None:
    assert steps(groovy) == scripts


# --------------------------------------------------------------------------- ours

TEST_RUN = "./run test"
CRAWLS = [step for step in steps(JENKINSFILE) if step != TEST_RUN]


def test_a_push_runs_the_tests_as_a_person_does() -> None:
    assert TEST_RUN in steps(JENKINSFILE) and CRAWLS


def test_exit_codes_of_an_incomplete_run_mark_the_build_unstable() -> None:
    """Failed in part, held, and another run's lock; anything else but success fails the build."""
    codes = re.findall(r"^\s*(\d+)\s*: '", JENKINSFILE, re.MULTILINE)
    assert [int(code) for code in codes] == [3, 4, Locked.exit_code]


class Workspace:
    """A copy of the project as Jenkins checks it out, with two places of our making as its sources."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.loading, self.published = root / "places" / "loading", root / "places" / "published"
        for place, accession in ((self.loading, "E-MTAB-1"), (self.published, "E-MTAB-2")):
            dataset = place / accession
            dataset.mkdir(parents=True)
            (dataset / f"{accession}.idf.txt").write_text(
                f"Investigation Title\tA study\nSDRF File\t{accession}.sdrf.txt\n"
            )
            (dataset / f"{accession}.sdrf.txt").write_text("Source Name\tCharacteristics[organism]\na\tHomo sapiens\n")
        self.configure(self.loading, self.published)

    def configure(self, loading: Path, published: Path) -> None:
        sources = {str(loading): {"stage": ["loading"]}, str(published): {"stage": ["published"]}}
        (self.root / "sources_config.json").write_text(json.dumps(sources))

    def run(self, step: str) -> int:
        """The step as Jenkins runs it, in the environment that these tests run in."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("INGEST_TRACKER_")}
        ours = {**environment(JENKINSFILE), "INGEST_TRACKER_VENV": sys.prefix}
        return subprocess.run(["sh", "-xe", "-c", step], cwd=self.root, env=inherited | ours, check=False).returncode

    @property
    def status(self) -> str:
        return str(json.loads((self.root / "report.json").read_text())["run"]["status"])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "work space"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "var", "tests", "report.json")
    shutil.copytree(PROJECT, root, ignore=left_out, symlinks=True)
    return Workspace(root)


@pytest.mark.parametrize("step", CRAWLS)
def test_a_crawl_of_places_that_can_be_read_succeeds(workspace: Workspace, step: str) -> None:
    """And leaves the report and the tables where they are archived from."""
    assert (workspace.run(step), workspace.status) == (0, "succeeded")
    assert list((workspace.root / environment(JENKINSFILE)["INGEST_TRACKER_OUT"]).iterdir())


@pytest.mark.parametrize("step", CRAWLS)
def test_a_crawl_with_a_place_that_does_not_exist_exits_3(workspace: Workspace, step: str) -> None:
    workspace.configure(workspace.loading, workspace.published / "elsewhere")
    assert (workspace.run(step), workspace.status) == (3, "partial")


@pytest.mark.parametrize("step", CRAWLS)
def test_a_crawl_that_finds_a_place_emptied_exits_4(workspace: Workspace, step: str) -> None:
    assert workspace.run(step) == 0
    shutil.rmtree(workspace.loading / "E-MTAB-1")
    assert (workspace.run(step), workspace.status) == (4, "held")
