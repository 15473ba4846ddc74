from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

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
    assert tree.printable(name) == text


@given(some.binary() | some.text(some.characters(codec=None)))
def test_any_name_can_be_shown_and_stored(name: bytes | str) -> None:
    shown = tree.printable(name)
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
    assert tree.may_be_folder(Unlookable())  # type: ignore[arg-type]
