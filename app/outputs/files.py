"""Files that are there whole, or not at all."""

from __future__ import annotations

import errno
import filecmp
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from app.errors import OutputError

ADVICE = {
    errno.ENOSPC: "free some space there or choose another folder",
    errno.EDQUOT: "free some space there or choose another folder",
    errno.EACCES: "allow this user to write there or choose another folder",
    errno.EPERM: "allow this user to write there or choose another folder",
    errno.EROFS: "choose a folder that can be written",
    errno.EISDIR: "a folder is in the way: move it",
    errno.ENOTDIR: "a file is in the way of the folder: move it or choose another folder",
    errno.EEXIST: "a file is in the way of the folder: move it or choose another folder",
}


def replace_files(output: str, folder: Path, contents: Mapping[str, Iterable[str | bytes | memoryview]]) -> None:
    """Writes these files (name -> pieces of it; text is UTF-8) into the folder, which is made where there is none.
    All of them are written and on the disk before the first takes the place of an older one: when something fails,
    the older ones stay. Readers never see half a file. A file that says the same already is left as it is, with its
    time: what was confirmed and has not changed looks changed to nobody, unless it tells the time of that itself, as
    `as_of` in the JSON does. Raises OutputError."""
    with _explained(output, folder):
        folder.mkdir(parents=True, exist_ok=True)
    # always the same names beside, so that a run that was killed leaves nothing that the next one does not reuse
    beside = {folder / name: folder / f".{name}.new" for name in contents}
    changed = []
    try:
        for (path, new), pieces in zip(beside.items(), contents.values(), strict=True):
            with _explained(output, path):
                if _write(new, pieces, path):
                    changed.append(path)
        for path in changed:
            with _explained(output, path):
                beside[path].replace(path)
    finally:
        for new in beside.values():
            with suppress(OSError):  # what went wrong before says more
                new.unlink()


def _write(path: Path, pieces: Iterable[str | bytes | memoryview], older: Path) -> bool:
    """Whether that is anything new. Only then it waits for the disk, which takes longer than to compare."""
    with path.open("wb") as file:
        file.writelines(piece.encode() if isinstance(piece, str) else piece for piece in pieces)
        file.flush()
        if _equal(path, older):
            return False
        os.fsync(file.fileno())
    return True


def _equal(new: Path, older: Path) -> bool:
    filecmp.clear_cache()  # it knows files by size and time, which on some disks is not enough
    try:
        return filecmp.cmp(new, older, shallow=False)
    except OSError:  # there is none, or none that can be read
        return False


@contextmanager
def _explained(output: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        advice = ADVICE.get(error.errno or 0, "choose another folder")
        raise OutputError(output, f"cannot write {path}: {error.strerror or error}; {advice}") from error
