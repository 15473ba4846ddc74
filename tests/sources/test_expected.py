"""Real MAGE-TAB files against what somebody read in them who did not know the reader; see expected_magetab.yaml."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.domain.model import Code
from app.sources import magetab
from app.sources.magetab import CODES, Said
from tests.sources.places import REAL

FILES = REAL / "magetab"
EXPECTED: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("expected_magetab.yaml").read_text("utf-8"))
READERS: dict[str, Callable[..., Said[Any]]] = {
    "idf": magetab.read_idf,
    "sdrf": magetab.read_sdrf,
    "methods": magetab.read_analysis_methods,
}


def said(kind: str, path: Path) -> dict[str, Any]:
    """What the reader says of a file, in the words of the expectations: nothing that is empty."""
    data = path.read_bytes()
    head = data[: magetab.SDRF_LIMIT] if kind == "sdrf" else data
    read = READERS[kind](head, complete=len(head) == len(data))
    found = {name: as_list(value) for name, value in read.values._asdict().items()}
    found["incomplete"] = len(head) < len(data)
    found["problems"] = sorted(([note.code.value, note.line] for note in read.notes), key=lambda p: (p[1], p[0]))
    return {name: value for name, value in found.items() if value and value != ["", ""]}


def as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def test_files_say_what_a_person_read_in_them() -> None:
    assert len(EXPECTED) >= 60
    if not FILES.is_dir():
        return print(f"{len(EXPECTED)} cases did not run: there is no {FILES}")
    wrong = {}
    for entry in EXPECTED:
        read = said(entry["kind"], FILES / entry["file"])
        expected = {name: value for name, value in entry.items() if name not in ("file", "kind", "why")}
        wrong |= {
            f"{entry['file']}: {name}": f"{read.get(name)} is not {expected.get(name)} ({entry['why']})"
            for name in read.keys() | expected.keys()
            if read.get(name) != expected.get(name)
        }
    assert not wrong, "\n".join(f"{where}: {what}" for where, what in sorted(wrong.items()))


def test_every_other_file_is_read_or_refused_with_a_right_problem() -> None:
    """All of them as each kind: whatever a file is, it is no traceback, and it is nothing without a reason."""
    files = [path for path in sorted(FILES.glob("**/*")) if path.is_file()]
    if not files:
        return print(f"385 cases did not run: there is no {FILES}")
    assert len(files) > 300
    for path in files:
        for kind in READERS:
            found = said(kind, path)
            problems = dict(found.pop("problems", []))
            assert {Code(code) for code in problems} <= CODES, path
            lines = len(re.split(rb"\r\n|\r|\n", path.read_bytes()))
            assert all(0 <= line <= lines for line in problems.values()), (path, problems)
            refused = problems.keys() & {"empty_file", "not_text", "not_magetab"}
            found.pop("incomplete", None)
            assert not refused or not found, (path, problems, found)
            if kind != "methods":
                assert bool(refused) == (not plainly(kind, path)), (path, kind, problems)


def plainly(kind: str, path: Path) -> bool:
    """Whether the file is of this kind, by its own words and not by the reader's code."""
    text = path.read_bytes().decode("latin-1").replace('"', "").removeprefix("\u00ef\u00bb\u00bf")
    if kind == "idf":
        return bool(re.search(r"(?im)^ *(MAGE-TAB Version|Investigation Title|Study Title|Person Last Name) *\t", text))
    head = re.sub(r"(?m)^(<<<<<<<|=======|>>>>>>>).*\n", "", text)
    first = head.lstrip().partition("\n")[0].lower()
    return first.startswith(("source name\t", "sample name\t", "assay name\t")) or "\tfactor value[" in first


@pytest.mark.parametrize("quirk", sorted(CODES, key=lambda code: code.value))
def test_every_kind_of_oddity_has_a_made_up_file_too(quirk: Code) -> None:
    """So that all of them are tried where the real files are not at hand."""
    assert f"Code.{quirk.name}, " in Path(__file__).with_name("test_magetab.py").read_text("utf-8")
