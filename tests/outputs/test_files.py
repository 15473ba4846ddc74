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


def test_text_and_bytes_are_both_written(tmp_path: Path) -> None:
    replace_files("any", tmp_path, {"a": ["é", "\n"], "b": [b"\xff", b"\0"]})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"a": "é\n".encode(), "b": b"\xff\0"}


def test_only_what_changed_is_replaced(tmp_path: Path) -> None:
    """Of two files the one that says the same stays the file that it was; and nothing is left beside."""
    replace_files("any", tmp_path, {"same": ["a", "b"], "other": ["a"]})
    before = {file.name: file.stat() for file in tmp_path.iterdir()}
    replace_files("any", tmp_path, {"same": ["ab"], "other": ["b"]})
    after = {file.name: file.stat() for file in tmp_path.iterdir()}
    assert (after["same"].st_ino, after["same"].st_mtime_ns) == (before["same"].st_ino, before["same"].st_mtime_ns)
    assert after["other"].st_ino != before["other"].st_ino
    assert after.keys() == before.keys()


def test_what_differs_is_replaced_also_where_size_and_time_are_the_same(tmp_path: Path) -> None:
    """Some disks keep times to two seconds, and a long process publishes often."""

    def published(text: str) -> str:
        replace_files("any", tmp_path, {"a": frozen(text)})
        os.utime(tmp_path / "a", (1, 1))
        return (tmp_path / "a").read_text()[:3]

    def frozen(text: str) -> Iterator[str]:
        yield text * 100_000  # more than is kept back until the end
        os.utime(tmp_path / ".a.new", (1, 1))

    assert [published(text) for text in ("one", "one", "two")] == ["one", "one", "two"]


def test_others_may_read_what_is_published(tmp_path: Path) -> None:
    """As far as the umask allows: a web server shows these files."""
    before = os.umask(0o022)
    try:
        replace_files("json", tmp_path, {"a.txt": ["x"]})
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644
