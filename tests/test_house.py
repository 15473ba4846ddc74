"""The house around the code: that its walls hold, and that its declarations, locks and package say the same."""

from __future__ import annotations

import ast
import configparser
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
APP = sorted(path for path in (PROJECT / "app").rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def declarations() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(PROJECT / "setup.cfg")
    return parser


def normal(name: str) -> str:
    """A distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


# --------------------------------------------------------------------------- walls

BREACHES = [
    ("app/domain/model.py", "os"),
    ("app/domain/lifecycle.py", "time"),
    ("app/domain/overview.py", "sqlalchemy"),
    ("app/domain/history.py", "app.ports"),
    ("app/ports.py", "app.store"),
    ("app/config/__init__.py", "app.sources"),
    ("app/sources/__init__.py", "app.store"),
    ("app/sources/filesystem.py", "app.tracker"),
    ("app/store/__init__.py", "app.sources"),
    ("app/store/tables.py", "app.cli"),
    ("app/eligibility/__init__.py", "app.outputs"),
    ("app/outputs/__init__.py", "app.store"),
    ("app/outputs/csv_files.py", "app.sources"),
    ("app/tracker.py", "app.store"),
    ("app/tracker.py", "app.config"),
    ("app/tracker.py", "sqlalchemy"),
    ("app/terminal.py", "app.outputs"),
    ("app/cli/shared.py", "app.store"),
    ("app/cli/__init__.py", "app.eligibility"),
]


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of a copy of the house that has all these holes, and a room too many."""
    copy = tmp_path_factory.mktemp("holes")
    shutil.copytree(PROJECT / "app", copy / "app")
    shutil.copy2(PROJECT / "setup.cfg", copy)
    (copy / "app" / "helpers.py").touch()
    for path, module in BREACHES:
        with (copy / path).open("a") as file:
            file.write(f"\nimport {module}\n")
    lint_imports = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([lint_imports, "--no-cache"], cwd=copy, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("path, module", BREACHES)
def test_an_import_through_a_wall_is_found(verdict: str, path: str, module: str) -> None:
    importer = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert re.search(rf"{re.escape(importer)} -> {re.escape(module)} \(", verdict)


def test_a_room_without_a_place_between_the_others_is_found(verdict: str) -> None:
    assert "app.helpers" in verdict


# --------------------------------------------------------------------------- declarations


def test_pyproject_says_how_to_build_and_nothing_else() -> None:
    """Everything else is in setup.cfg (and ruff.toml, since ruff does not read that)."""
    assert list(tomllib.loads((PROJECT / "pyproject.toml").read_text())) == ["build-system"]


def entry_points() -> Iterator[tuple[str, str, str]]:
    for group, lines in declarations()["options.entry_points"].items():
        for line in lines.strip().splitlines():
            name, _, target = line.partition(" = ")
            yield group, name, target


@pytest.mark.parametrize("group, name, target", list(entry_points()))
def test_entry_points_lead_to_something_that_can_be_called(group: str, name: str, target: str) -> None:
    module, _, attribute = target.partition(":")
    assert callable(getattr(import_module(module), attribute))


def required(extra: str = "") -> list[str]:
    section, key = ("options.extras_require", extra) if extra else ("options", "install_requires")
    return declarations()[section][key].split()


def test_every_requirement_has_a_floor() -> None:
    assert [line for line in required() + required("test") if ">=" not in line] == []


def test_everything_that_the_code_imports_is_required() -> None:
    """What is only there because something else needs it may be gone with that one's next release."""
    trees = [
        ast.parse(path.read_bytes()) for path in [*APP, *(PROJECT / "workflows").iterdir()] if path.suffix == ".py"
    ]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    outside = {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names) - {"app"}
    known = packages_distributions()
    wanted = {normal(line.partition(">=")[0]) for line in required()}
    # a top-level name may be of several packages, as `google` is
    assert [name for name in outside if not wanted & {normal(package) for package in known[name]}] == []


def pins(lock: str) -> dict[str, str]:
    lines = (PROJECT / "requirements" / lock).read_text().splitlines()
    return dict(line.split()[0].split("==") for line in lines if "==" in line and not line.startswith((" ", "#")))


@pytest.mark.parametrize("lock, extra", [("base.lock", ""), ("test.lock", "test")])
def test_a_lock_pins_everything_with_hashes_and_names_no_index(lock: str, extra: str) -> None:
    text = (PROJECT / "requirements" / lock).read_text()
    wanted = {
        normal(line.partition(">=")[0]) for line in [*required(), *(required(extra) if extra else []), "setuptools"]
    }
    assert wanted <= pins(lock).keys()
    assert len(re.findall(r"^\S+==\S+.* \\\n    --hash=sha256:", text, re.MULTILINE)) == len(pins(lock))
    assert not re.search(r"://|^-", text, re.MULTILINE)


def test_tests_run_on_the_versions_that_a_crawl_runs_on() -> None:
    assert pins("base.lock").items() <= pins("test.lock").items()


# --------------------------------------------------------------------------- layout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    copy = tmp_path_factory.mktemp("wheel")
    shutil.copytree(PROJECT / "app", copy / "app", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy2(PROJECT / name, copy)
    build = "from setuptools.build_meta import build_wheel; build_wheel('.')"
    subprocess.run([sys.executable, "-c", build], cwd=copy, capture_output=True, check=True)
    return set(zipfile.ZipFile(next(copy.glob("*.whl"))).namelist())


def test_an_installed_copy_has_every_file_of_the_application_and_no_other(wheel: set[str]) -> None:
    installed = {name for name in wheel if ".dist-info/" not in name}
    assert installed == {str(path.relative_to(PROJECT)) for path in APP}


@pytest.mark.parametrize("script", sorted((PROJECT / "workflows").glob("*.py")), ids=lambda path: path.name)
def test_a_workflow_is_thin(script: Path) -> None:
    """Arguments, one call, an exit code: what is longer belongs into app/."""
    assert len(script.read_text().splitlines()) <= 30


def test_ci_runs_what_a_person_runs() -> None:
    commands = [
        line for line in (PROJECT / ".ci" / "run").read_text().splitlines() if not line.startswith(("#", "set", "cd"))
    ]
    assert commands == ["./run test"]
