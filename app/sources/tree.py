"""The only code that lists folders, looks at files and opens them. Paths are bytes: any name is a name.

Each function is one step and as few calls as that step can take; each raises OSError and leaves it
to the caller to say what that means.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from app.domain.contents import Identity
from app.domain.model import FileIdentity

# A file that turns into a pipe between our look and our reading must not make us wait for its writer.
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


class Entry(NamedTuple):
    """What lies in a folder. `may_be_folder`: whether listing it is worth a try. What the listing of its folder does
    not tell (a link, a folder that cannot be looked at) is a yes: listing it then says what is wrong."""

    name: bytes
    path: bytes
    may_be_folder: bool = False


def listed(folder: bytes, *, kinds: bool = False) -> list[Entry]:
    """What lies directly in a folder, by name. `kinds`: also which may be folders, which some file systems only tell
    when each is asked about."""
    with os.scandir(folder) as entries:
        found = [Entry(entry.name, entry.path, kinds and _may_be_folder(entry)) for entry in entries]
    found.sort()
    return found


def _may_be_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_symlink() or entry.is_dir()
    except OSError:
        return True


def is_link(path: bytes) -> bool:
    return os.path.islink(path)  # noqa: PTH114 - any name is a name


def may_be_folder(path: bytes) -> bool:
    """As `Entry.may_be_folder`; False where there is nothing."""
    try:
        mode = os.lstat(path).st_mode
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)
    return stat.S_ISLNK(mode) or stat.S_ISDIR(mode)


def identity(path: bytes) -> FileIdentity:
    """Looks at a file once, through links. What is not a regular file raises OSError too."""
    seen = os.stat(path)  # noqa: PTH116
    if not stat.S_ISREG(seen.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    return FileIdentity(*_identity(seen))


def folder_identity(path: bytes) -> Identity:
    """Another one once anything came, went, or got another name in it."""
    return _identity(os.stat(path))  # noqa: PTH116


def root(folder: bytes) -> int:
    """A folder from which paths lead; it is not opened for that. To be closed."""
    return os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def same(root: int, device: int, seen: Iterable[tuple[bytes, Identity]]) -> bool:
    """Whether each of these is still the one that it was: one look each, through links, none after the first that is
    not. Paths lead from `root`; of a device of this number identities have 0."""
    try:
        for path, identity in seen:
            now = os.stat(path, dir_fd=root)
            its = 0 if now.st_dev == device else now.st_dev
            if (its, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns) != identity:
                return False
    except OSError:
        return False
    return True


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


class Inside(NamedTuple):
    """What lies directly in a folder. `names` and `identities` are of its regular files; what is neither file nor
    folder, links too, is left out. `unknown`: names of what could not be looked at, and why."""

    folder: tuple[int, int]  # device and inode
    folders: list[bytes]
    names: list[bytes]
    identities: list[Identity]
    unknown: list[tuple[bytes, str]]


def inside(folder: bytes, *, through_link: bool = False) -> Inside:
    """Lists a folder and looks at each file in it. Never leaves it for another by way of a link, but for the folder
    itself if it is allowed."""
    opened = os.open(folder, _OPEN | os.O_DIRECTORY | (0 if through_link else os.O_NOFOLLOW))
    try:
        own = os.fstat(opened)
        found = Inside((own.st_dev, own.st_ino), [], [], [], [])
        with os.scandir(opened) as entries:
            for entry in entries:
                try:
                    if entry.is_file(follow_symlinks=False):
                        found.identities.append(_identity(entry.stat(follow_symlinks=False)))
                        found.names.append(os.fsencode(entry.name))
                    elif entry.is_dir(follow_symlinks=False):
                        found.folders.append(os.fsencode(entry.name))
                except OSError as error:
                    found.unknown.append((os.fsencode(entry.name), reason(error)))
        return found
    finally:
        os.close(opened)


class Single(NamedTuple):
    """A file by itself, and where it is: the folder by device and inode, and its name there."""

    path: bytes
    place: tuple[int, int, bytes]
    identity: Identity


def single(path: bytes) -> Single:
    """What a path leads to, by links too. What is not a regular file raises OSError too."""
    path = os.path.realpath(path) if os.path.islink(path) else path  # noqa: PTH114 - any name is a name
    folder, name = os.path.split(path)
    seen, holds = os.lstat(path), os.stat(folder or b".")  # noqa: PTH116
    if not stat.S_ISREG(seen.st_mode):
        raise OSError(errno.EINVAL, "it is neither a file nor a folder")
    return Single(path, (holds.st_dev, holds.st_ino, name), _identity(seen))


def is_in_memory(path: bytes) -> bool:
    """Whether the beginning of a file can be had without a disk; False also where the system does not tell."""
    try:
        file = os.open(path, _OPEN | os.O_NOFOLLOW)
        try:
            return os.preadv(file, [bytearray(1)], 0, os.RWF_NOWAIT) == 1
        finally:
            os.close(file)
    except (AttributeError, OSError):
        return False


def ends(path: bytes, known: Identity, size: int) -> bytes:
    """The first and the last `size` bytes of a file, or all of it where it is not longer than both. Raises OSError
    also where it is not, or no longer, the one that is known."""
    file = os.open(path, _OPEN | os.O_NOFOLLOW)
    try:
        if known[2] <= 2 * size:
            data = _exactly(file, known[2], 0)
        else:
            _advise(file)
            data = _exactly(file, size, 0) + _exactly(file, size, known[2] - size)
        _check(file, known)
        return data
    finally:
        os.close(file)


def blocks(path: bytes, known: Identity, size: int) -> Iterator[memoryview]:
    """All of a file, block by block; each is good until the next is asked for. Raises OSError as `ends`, at last."""
    buffer = memoryview(bytearray(min(size, known[2])))
    file = os.open(path, _OPEN | os.O_NOFOLLOW)
    try:
        while count := os.readv(file, [buffer]):
            yield buffer[:count]
        _check(file, known)
    finally:
        os.close(file)


def _exactly(file: int, size: int, offset: int) -> bytes:
    """Fewer where the file ends."""
    data = os.pread(file, size, offset)
    while 0 < len(data) < size and (more := os.pread(file, size - len(data), offset + len(data))):
        data += more
    return data


def _check(file: int, known: Identity) -> None:
    """After reading: had it changed since it was looked at, or were it another, this would tell."""
    if _identity(os.fstat(file)) != known:
        raise OSError(errno.ESTALE, "it changed while it was read")


def plain(identity: FileIdentity) -> Identity:
    return identity.device, identity.inode, identity.size, identity.mtime_ns, identity.ctime_ns


def _identity(seen: os.stat_result) -> Identity:
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def reason(error: OSError) -> str:
    """In words, as far as there are any."""
    return error.strerror or type(error).__name__
