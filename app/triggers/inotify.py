"""A place and the folders directly below it, watched by one inotify descriptor: inotify(7).

Of watchdog this takes the layer that speaks to the kernel, not its observers: those watch all that is deeper as well,
of which nothing matters here; and `InotifyFD` holds its lock while the kernel looks a path up (which may take forever),
takes a folder that may not be read for a watched one, and needs four times the memory and twice the time.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

LIMITS = {
    errno.ENOSPC: (Path("/proc/sys/fs/inotify/max_user_watches"), Path("/proc/sys/user/max_inotify_watches")),
    errno.EMFILE: (Path("/proc/sys/fs/inotify/max_user_instances"), Path("/proc/sys/user/max_inotify_instances")),
}
"""The second ones are of the user namespace: in containers they may be the lower ones."""


_MODIFY, _ATTRIB, _CLOSE_WRITE, _DELETE_SELF, _MOVE_SELF = 0x2, 0x4, 0x8, 0x400, 0x800
_CAME = 0x80 | 0x100  # moved to, created
_WENT = 0x40 | 0x200  # moved from, deleted
_UNMOUNT, _OVERFLOW, _IGNORED, _ONLY_FOLDERS, _ISDIR = 0x2000, 0x4000, 0x8000, 0x1000000, 0x40000000
_GONE = _DELETE_SELF | _MOVE_SELF | _UNMOUNT | _IGNORED

_EVENTS = _MODIFY | _ATTRIB | _CLOSE_WRITE | _CAME | _WENT | _DELETE_SELF | _MOVE_SELF | _ONLY_FOLDERS
"""What is watched for: nothing that reading causes, or a crawl would be the cause of the next."""

_PLAIN = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG}
"""Why something is not watched, and need not be: what changes that is an event in the place."""


class NoEventsError(Exception):
    """There can be no file events here; says why."""

    def is_over(self) -> bool:
        """Whether it may be worth another try."""
        return False


class LimitError(NoEventsError):
    """The kernel gives this user no more of them."""

    def __init__(self, code: int, needed: int) -> None:
        self._code = code
        limit, path = self._limit = _limit(code)
        name = ".".join(path.parts[3:])
        lacking = f"{needed:,} are needed here" if code == errno.ENOSPC else "all are in use"
        super().__init__(f"{path} is {limit}, {lacking} (sysctl {name}={limit + max(needed, limit)})")

    def is_over(self) -> bool:
        return self._code == errno.EMFILE or _limit(self._code) != self._limit  # the first costs nothing to try


def _limit(code: int) -> tuple[int, Path]:
    """The lowest that holds; 0 where the system does not tell."""
    found = []
    for path in LIMITS[code]:
        with suppress(OSError, ValueError):
            found.append((int(path.read_text()), path))
    return min(found, default=(0, LIMITS[code][0]))


class LostError(Exception):
    """Events are missing, or what is watched is no longer the place; says which."""


class Watches:
    """Opening it sets all watches: raises OSError if the place cannot be listed, NoEventsError if it cannot be
    watched. `beat` is called before each step that may take forever."""

    def __init__(self, place: bytes, beat: Callable[[], None]) -> None:
        self._kernel = _Kernel()
        try:
            self._place, self._beat = place, beat
            self._device = os.stat(place).st_dev  # noqa: PTH116 - any name is a name
            self._names: dict[int, bytes] = {}
            self._odd: dict[bytes, int] = {}
            self._root = self._watch(place)
            self._watch_folders()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Gives all watches back."""
        self._kernel.close()

    def fileno(self) -> int:
        return self._kernel.fileno()

    @property
    def folders(self) -> int:
        return len(self._names)

    def read(self) -> set[bytes]:
        """Names of what something happened to or in, empty for the place itself; waits for nothing. New folders are
        watched when it returns: whoever looks at them then misses nothing. Raises LostError and NoEventsError."""
        touched: set[bytes] = set()
        for watch, mask, name in self._kernel.events():
            if mask & _OVERFLOW:
                raise LostError("more happened at once than the kernel keeps")
            if watch == self._root:
                if mask & _GONE:
                    raise LostError("it was removed, moved or unmounted")
                touched.add(name)
                if name and mask & (_CAME | _ATTRIB):
                    self._add(name, False if mask & _ISDIR else None)
                elif mask & _WENT and name in self._odd:
                    self._forget(self._odd.pop(name), name)
            elif names := self._names.get(watch):
                touched.update(names.split(b"/"))
                if mask & _IGNORED:
                    del self._names[watch]
                elif mask & _MOVE_SELF:  # perhaps to another name here
                    self._drop(watch)
                    for each in names.split(b"/"):
                        self._add(each)
        return touched

    def unsure(self) -> set[bytes]:
        """Names of which events may not tell all: links to what is no folder, is another one than before, or is on
        another file system, which may tell no events; and folders that cannot be watched though they may be read. To be
        asked for now and then."""
        found = set()
        for name, watch in list(self._odd.items()):
            self._add(name)
            if not watch or self._odd.get(name) != watch:
                found.add(name)
        return found

    # ----------------------------------------------------------------------- watching

    def _watch_folders(self) -> None:
        with os.scandir(self._place) as entries:
            for entry in entries:
                self._beat()
                if _may_be_folder(entry):
                    self._add(entry.name, entry.is_symlink())

    def _add(self, name: bytes, link: bool | None = None) -> None:
        """Watches what has this name, if it is a folder, and notes it if it is a link; `link` None: it is to be seen
        whether it is one. What is watched already stays so."""
        path = self._place + b"/" + name
        self._beat()
        watch, odd = 0, os.path.islink(path) if link is None else link  # noqa: PTH114 - any name is a name
        try:
            watch = self._watch(path)
            self._names[watch] = _with(self._names.get(watch), name)
        except OSError as error:
            odd = odd or error.errno not in _PLAIN
        before = self._odd.pop(name, 0)
        if odd:
            self._odd[name] = watch if watch and self._is_here(path) else 0
        if before not in (0, watch):
            self._forget(before, name)

    def _is_here(self, path: bytes) -> bool:
        with suppress(OSError):
            return os.stat(path).st_dev == self._device  # noqa: PTH116 - any name is a name
        return False

    def _forget(self, watch: int, name: bytes) -> None:
        """What this name led to is watched no more, unless by another name."""
        others = [each for each in self._names.get(watch, b"").split(b"/") if each not in (name, b"")]
        if others:
            self._names[watch] = b"/".join(others)
        else:
            self._drop(watch)

    def _drop(self, watch: int) -> None:
        if self._names.pop(watch, None) is not None:
            self._kernel.drop(watch)

    def _watch(self, path: bytes) -> int:
        try:
            return self._kernel.watch(path)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            with os.scandir(self._place) as entries:
                raise LimitError(errno.ENOSPC, 1 + sum(map(_may_be_folder, entries))) from error


def _may_be_folder(entry: os.DirEntry[bytes]) -> bool:
    return entry.is_symlink() or entry.is_dir(follow_symlinks=False)


def _with(names: bytes | None, name: bytes) -> bytes:
    """Names of one folder, which may have several, by links; joined by what no name has in it."""
    if names is None or names == name:
        return name
    return names if name in names.split(b"/") else names + b"/" + name


class _Kernel:
    """The calls. Raises OSError, and NoEventsError where it cannot be opened."""

    def __init__(self) -> None:
        try:
            from watchdog.observers import inotify_c
        except Exception as error:  # each system has its own way to say that it has none
            raise NoEventsError("this system tells no file events (it has no inotify)") from error
        self._calls = inotify_c
        self._file = inotify_c.inotify_init()
        if self._file < 0:
            code = ctypes.get_errno()
            os.close(os.open(os.devnull, os.O_RDONLY))  # if it is our own files that are too many, this says so
            raise LimitError(code, 0) if code == errno.EMFILE else OSError(code, os.strerror(code))
        os.set_inheritable(self._file, False)
        os.set_blocking(self._file, False)

    def fileno(self) -> int:
        return self._file

    def close(self) -> None:
        os.close(self._file)

    def watch(self, folder: bytes) -> int:
        """Its number, which it has already if it is watched already."""
        watch = self._calls.inotify_add_watch(self._file, folder, self._calls.Mask(_EVENTS))
        if watch < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), folder)
        return watch

    def drop(self, watch: int) -> None:
        self._calls.inotify_rm_watch(self._file, self._calls.WatchDescriptor(watch))  # it may be gone already

    def events(self) -> Iterator[tuple[int, int, bytes]]:
        """Number, what happened, and the name in the folder (empty: itself), of some that are waiting."""
        with suppress(BlockingIOError):
            data, at = os.read(self._file, 2**18), 0
            while at < len(data):
                watch, mask, _, length = _EVENT.unpack_from(data, at)
                at += _EVENT.size + length
                yield watch, mask, data[at - length : at].rstrip(b"\0")


_EVENT = struct.Struct("iIII")
