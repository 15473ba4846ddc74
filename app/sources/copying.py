"""Copies of files, for a person to work on: each is whole or not there, and nothing is overwritten."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkstemp

from app.errors import OutputError, SourceError


def copied(files: Sequence[str], folder: Path) -> list[Path]:
    """Where the copies are; a file that is there already, byte by byte the same, is its own copy. All of them are
    made, or none: raises SourceError for a file that cannot be read or changes meanwhile, OutputError for a folder
    that cannot be written to or holds another file of that name."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            made = [_read(Path(file), folder, stack) for file in files]
            targets = [folder / Path(file).name for file in files]
            for file, copy, target in zip(files, made, targets, strict=True):
                if target.exists() and not _same(copy, target):
                    raise OutputError("copy", f"{target} is there and is not the same as {file}; move it away")
            for copy, target in zip(made, targets, strict=True):
                if not target.exists():
                    copy.rename(target)
            return targets
    except OSError as error:
        raise OutputError("copy", f"{folder}: {error.strerror}; name a folder that may be written to") from error


def _read(file: Path, folder: Path, stack: ExitStack) -> Path:
    """A copy under another name, which is gone when the stack is closed."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as source:
            before = os.fstat(source.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise SourceError("", str(file), f"{file} is not a regular file")
            number, name = mkstemp(dir=folder, prefix=".ingest-tracker-")
            copy = Path(name)
            stack.callback(copy.unlink, missing_ok=True)
            with os.fdopen(number, "wb") as written:
                shutil.copyfileobj(source, written, 1 << 20)
            after = os.fstat(source.fileno())
    except OSError as error:
        raise SourceError("", str(file), f"{file} could not be copied to {folder}: {error.strerror}") from error
    if (before.st_size, before.st_mtime_ns) != (copy.stat().st_size, after.st_mtime_ns):
        raise SourceError("", str(file), f"{file} changed while it was copied; try again")
    copy.chmod(0o644)
    os.utime(copy, ns=(after.st_atime_ns, after.st_mtime_ns))
    return copy


def _same(one: Path, other: Path) -> bool:
    with one.open("rb") as a, other.open("rb") as b:
        while True:
            block = a.read(1 << 20)
            if block != b.read(1 << 20):
                return False
            if not block:
                return True
