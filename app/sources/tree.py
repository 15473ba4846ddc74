"""The only code that lists folders, looks at files and opens them. Paths are bytes: any name is a name.

Each function is one step and as few calls as that step can take; each raises OSError and leaves it
to the caller to say what that means.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from operator import attrgetter
from typing import TypeAlias

from app.domain.model import FileIdentity

Entry: TypeAlias = "os.DirEntry[bytes]"

# A file that turns into a pipe between our look and our reading must not make us wait for its writer.
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def listed(folder: bytes) -> list[Entry]:
    """What lies directly in a folder, by name."""
    with os.scandir(folder) as entries:
        return sorted(entries, key=attrgetter("name"))


def may_be_folder(entry: Entry) -> bool:
    """Whether listing it is worth a try. What the listing itself does not tell (a link, a folder that
    cannot be looked at) is a yes: listing it then says what is wrong."""
    try:
        return entry.is_symlink() or entry.is_dir()
    except OSError:
        return True


def identity(entry: Entry) -> FileIdentity:
    """Looks at a file once, through links. What is not a regular file raises OSError too."""
    seen = entry.stat()
    if not stat.S_ISREG(seen.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    return FileIdentity(seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def head(path: bytes, size: int) -> bytes:
    """The first `size` bytes of a file, fewer when it has become shorter: one open, one read, one close."""
    file = os.open(path, _OPEN)
    try:
        _advise(file)
        data = os.read(file, size)
        while 0 < len(data) < size and (more := os.read(file, size - len(data))):
            data += more
        return data
    finally:
        os.close(file)


def _advise(file: int) -> None:
    """Else the kernel also reads what comes next, which from a disk is twice as much in all."""
    with suppress(AttributeError, OSError):  # not every system has it, and not every file
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)


def printable(name: bytes | str) -> str:
    r"""A name as one line of text that every store and sheet takes: control characters as `\n`, `\x07` ...,
    bytes that are not UTF-8 as `\xff`."""
    text = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
