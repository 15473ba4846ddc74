from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.domain.text import printable
from app.sources import tree


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"E-MTAB-1", "E-MTAB-1"),
        (b"two\nlines\tand a tab", r"two\nlines\tand a tab"),
        (b"latin \xff\xe9", r"latin \xff\xe9"),
        (b"bell\x07 escape\x1b[31m", r"bell\x07 escape\x1b[31m"),
        ("caf\u00e9 \u4e2d".encode(), "caf\u00e9 \u4e2d"),
        ("turned\u202ename".encode(), r"turned\u202ename"),
        ("lone \ud800", r"lone \ud800"),
    ],
)
def test_a_name_is_shown_on_one_line(name: bytes | str, text: str) -> None:
    assert printable(name) == text


@given(some.binary() | some.text(some.characters(codec=None)))
def test_any_name_can_be_shown_and_stored(name: bytes | str) -> None:
    shown = printable(name)
    assert shown.isprintable()
    shown.encode()


@pytest.mark.parametrize(("size", "read"), [(4, b"0123"), (10, b"0123456789"), (99, b"0123456789")])
def test_only_the_head_of_a_file_is_read(tmp_path: Path, size: int, read: bytes) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    assert tree.head(os.fsencode(tmp_path / "file"), size) == read


def test_a_pipe_without_a_writer_does_not_make_the_reader_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert tree.head(os.fsencode(tmp_path / "pipe"), 10) == b""


class Unlookable:
    """An entry on a file system whose listing does not tell files from folders, and that fails when it is asked."""

    def is_symlink(self) -> bool:
        return False

    def is_dir(self) -> bool:
        raise PermissionError(13, "Permission denied")


def test_what_cannot_be_looked_at_may_be_a_folder() -> None:
    """So that it is listed, and the failure told, instead of its being passed over in silence."""
    assert tree._may_be_folder(Unlookable())  # type: ignore[arg-type]


def test_a_folder_is_listed_with_its_files_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"123")
    os.mkfifo(tmp_path / "pipe")
    for name, target in {"to folder": "folder", "to file": "folder/file", "to nothing": "nothing"}.items():
        (tmp_path / name).symlink_to(target)
    (tmp_path / os.fsdecode(b"latin \xff")).write_bytes(b"1")
    found = tree.inside(os.fsencode(tmp_path))
    seen = tmp_path.stat(), (tmp_path / os.fsdecode(b"latin \xff")).stat()
    assert found.folder == (seen[0].st_dev, seen[0].st_ino)
    assert (found.folders, found.names, found.unknown) == ([b"folder"], [b"latin \xff"], [])
    assert found.identities == [(seen[1].st_dev, seen[1].st_ino, 1, seen[1].st_mtime_ns, seen[1].st_ctime_ns)]


def test_a_link_to_a_folder_is_listed_only_where_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    assert tree.inside(os.fsencode(tmp_path / "link"), through_link=True).names == []
    with pytest.raises(NotADirectoryError):
        tree.inside(os.fsencode(tmp_path / "link"))


def looked_at(path: Path) -> tuple[bytes, tuple[int, int, int, int, int]]:
    seen = path.stat()
    return os.fsencode(path), (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


@pytest.mark.parametrize(("size", "read"), [(2, b"0189"), (4, b"01236789"), (5, b"0123456789"), (99, b"0123456789")])
def test_the_ends_of_a_file_are_read(tmp_path: Path, size: int, read: bytes) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    assert tree.ends(*looked_at(tmp_path / "file"), size) == read


def test_a_file_is_read_in_blocks(tmp_path: Path) -> None:
    """However large it is, no more is in memory."""
    (tmp_path / "file").write_bytes(b"0123456789")
    assert [bytes(block) for block in tree.blocks(*looked_at(tmp_path / "file"), 4)] == [b"0123", b"4567", b"89"]


def test_what_is_in_memory_is_told_from_what_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    assert tree.is_in_memory(os.fsencode(tmp_path / "file"))
    assert not tree.is_in_memory(os.fsencode(tmp_path / "no such"))
