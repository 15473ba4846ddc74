"""Copies for a person: whole or not there, and nothing that was there is lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

import pytest

from app.errors import OutputError, SourceError
from app.sources.copying import copied


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two files, one of them empty."""
    (tmp_path / "from").mkdir()
    for name, content in {"a.idf.txt": "Investigation Title\tA\n", "a.sdrf.txt": ""}.items():
        (tmp_path / "from" / name).write_text(content)
        os.utime(tmp_path / "from" / name, (1_600_000_000, 1_600_000_000))
    return [str(tmp_path / "from" / name) for name in ("a.idf.txt", "a.sdrf.txt")]


def told(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


WHOLE = {"a.idf.txt": "Investigation Title\tA\n", "a.sdrf.txt": ""}


@pytest.mark.parametrize("there", [{}, {"other.txt": "x"}, {"a.idf.txt": WHOLE["a.idf.txt"]}])
def test_copies_are_the_same_with_the_same_times(tmp_path: Path, files: list[str], there: dict[str, str]) -> None:
    folder = tmp_path / "new" / "to"
    folder.mkdir(parents=True)
    for name, content in there.items():
        (folder / name).write_text(content)
    assert copied(files, folder) == [folder / "a.idf.txt", folder / "a.sdrf.txt"]
    assert told(folder) == {**there, **WHOLE}
    assert (folder / "a.sdrf.txt").stat().st_mtime == 1_600_000_000
    assert (folder / "a.sdrf.txt").stat().st_mode & 0o777 == 0o644


def test_a_file_of_that_name_is_never_overwritten_and_then_nothing_is_copied(tmp_path: Path, files: list[str]) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to/a.sdrf.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"a\.sdrf\.txt is there and is not the same .* move it away"):
        copied(files, tmp_path / "to")
    assert told(tmp_path / "to") == {"a.sdrf.txt": "mine"}


def _missing(file: Path) -> None:
    file.unlink()


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("spoil", [_missing, _pipe, _folder])
def test_what_is_no_file_is_said_and_nothing_is_copied(tmp_path: Path, files: list[str], spoil: object) -> None:
    spoil(Path(files[1]))  # type: ignore[operator]
    with pytest.raises(SourceError, match=r"a\.sdrf\.txt"):
        copied(files, tmp_path / "to")
    assert told(tmp_path / "to") == {}


def test_a_file_that_grows_while_it_is_copied_is_not_half_copied(
    tmp_path: Path, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = shutil.copyfileobj

    def grow(source: BinaryIO, target: BinaryIO, length: int) -> None:
        whole(source, target, length)
        with Path(files[0]).open("a") as file:
            file.write("more\n")

    monkeypatch.setattr(shutil, "copyfileobj", grow)
    with pytest.raises(SourceError, match="changed while it was copied"):
        copied(files, tmp_path / "to")
    assert told(tmp_path / "to") == {}


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_folder_that_is_none_is_said(tmp_path: Path, files: list[str], where: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="name a folder"):
        copied(files, tmp_path / where)
