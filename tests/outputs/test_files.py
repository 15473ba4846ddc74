from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import OutputError
from app.outputs.files import replace_files


def file_instead_of_folder(out: Path) -> None:
    out.write_text("a file")


def file_above_folder(out: Path) -> None:
    out.parent.rmdir()
    out.parent.write_text("a file")


def folder_instead_of_file(out: Path) -> None:
    (out / "a.txt" / "inside").mkdir(parents=True)


def full_disk(out: Path) -> None:
    out.mkdir()
    (out / ".a.txt.new").symlink_to("/dev/full")


@pytest.mark.parametrize(
    ("obstacle", "message"),
    [
        (file_instead_of_folder, "cannot write {out}: File exists; a file is in the way of the folder"),
        (file_above_folder, "cannot write {out}: Not a directory; a file is in the way of the folder"),
        (folder_instead_of_file, "cannot write {out}/a.txt: Is a directory; a folder is in the way"),
        (full_disk, "cannot write {out}/a.txt: No space left on device; free some space"),
    ],
)
def test_what_is_in_the_way_is_said_in_one_line(obstacle: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    out = tmp_path / "above" / "out"
    out.parent.mkdir()
    obstacle(out)
    with pytest.raises(OutputError) as caught:
        replace_files("csv_files", out, {"a.txt": ["text"]})
    assert str(caught.value).startswith(message.format(out=out))
    assert "\n" not in str(caught.value)
    assert caught.value.output == "csv_files"
    assert not list(tmp_path.rglob("*.new"))


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    seen: list[str] = []

    def pieces() -> Iterator[str]:
        for piece in ("new", "er"):
            seen.append((tmp_path / "a.txt").read_text())
            yield piece

    replace_files("json", tmp_path, {"a.txt": pieces()})
    assert seen == ["old", "old"]
    assert (tmp_path / "a.txt").read_text() == "newer"


def test_an_interrupted_run_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")

    def interrupted() -> Iterator[str]:
        yield "half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_files("json", tmp_path, {"a.txt": interrupted()})
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"a.txt": "old"}


def test_what_a_killed_run_left_beside_is_used_up_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".a.txt.new").write_text("half of something long")
    replace_files("json", tmp_path, {"a.txt": ["new"]})
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"a.txt": "new"}


def test_others_may_read_what_is_published(tmp_path: Path) -> None:
    """As far as the umask allows: a web server shows these files."""
    before = os.umask(0o022)
    try:
        replace_files("json", tmp_path, {"a.txt": ["x"]})
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644
