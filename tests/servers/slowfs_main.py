"""The process behind a SlowFs (which see): the files below a directory, each call by the system call of its name.

mfusepy lends its structures only: its own wrappers cost a third of the calls a second, and lose times such as "now".
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mfusepy  # type: ignore[import-untyped]

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_SYMLINK_NOFOLLOW = -100, 0x100
PATHS = {"symlink": slice(1, 2), "rename": slice(0, 2), "link": slice(0, 2)}
"""Which arguments of an operation are paths, if not just the first."""

AT_ONCE = 128
"""Calls that may be late or hang before others must wait for them."""

BETWEEN_LOOKS = 0.02
"""Seconds after which a call that hangs looks again whether it still shall."""


def system(name: str, *arguments: Any) -> int:
    """A C function that returns -1 for an error. Python's own would not understand what we were told in C."""
    result: int = getattr(LIBC, name)(*arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result


def killed(thread: int) -> bool:
    """Whether nothing but our answer keeps that thread from dying."""
    try:
        status = Path(f"/proc/{thread}/status").read_text()
    except OSError:
        return True
    pending = re.search(r"^SigPnd:\s(\w+)$", status, re.MULTILINE)
    return pending is not None and bool(int(pending[1], 16) & 1 << signal.SIGKILL - 1)


@dataclass(frozen=True, slots=True)
class Fault:
    """`error`: None to hang."""

    path: bytes
    error: int | None
    below: bool
    operations: frozenset[str]

    def hits(self, operation: str, path: bytes) -> bool:
        here = path == self.path or (self.below and path.startswith(self.path.rstrip(b"/") + b"/"))
        return here and operation in self.operations


class Behaviour:
    """What befalls calls, and how many there were."""

    def __init__(self) -> None:
        self._delay = 0.0
        self._faults: tuple[Fault, ...] = ()
        self._calls: Counter[tuple[str, bytes]] = Counter()
        self._counting = threading.Lock()

    def change(self, delay: float, faults: list[tuple[str, int | None, bool, list[str]]]) -> None:
        self._faults = tuple(
            Fault(os.fsencode(path), error, below, frozenset(operations)) for path, error, below, operations in faults
        )
        self._delay = delay

    def calls(self) -> list[tuple[str, str, int]]:
        with self._counting:
            return [(operation, os.fsdecode(path), count) for (operation, path), count in self._calls.items()]

    def forget(self) -> None:
        with self._counting:
            self._calls.clear()

    def meet(self, operation: str, *paths: bytes) -> None:
        """Before an operation is done: it is counted, late, stuck or refused."""
        with self._counting:
            self._calls[operation, paths[0]] += 1
        if self._delay:
            time.sleep(self._delay)
        while (fault := self._fault(operation, paths)) is not None:
            if fault.error is not None:
                raise OSError(fault.error, "as told")
            if killed(mfusepy.fuse_get_context()[2]):
                raise InterruptedError(errno.EINTR, "nobody waits any more")
            time.sleep(BETWEEN_LOOKS)

    def _fault(self, operation: str, paths: tuple[bytes, ...]) -> Fault | None:
        hits = (fault for fault in self._faults for path in paths if fault.hits(operation, path))
        return next(hits, None)


class Passthrough:
    """Public methods are libfuse's operations, by its names and with its arguments; paths begin with "/"."""

    def __init__(self, root: bytes) -> None:
        self._root = root

    def getattr(self, path: bytes, into: Any, _: Any) -> None:
        system("fstatat", AT_FDCWD, self._root + path, into, AT_SYMLINK_NOFOLLOW)

    def access(self, path: bytes, mode: int) -> None:
        system("access", self._root + path, mode)

    def statfs(self, path: bytes, into: Any) -> None:
        system("statvfs", self._root + path, into)

    def readlink(self, path: bytes, into: Any, size: int) -> None:
        into[system("readlink", self._root + path, into, size - 1)] = 0

    def opendir(self, path: bytes, file: Any) -> None:
        file.contents.fh = os.open(self._root + path, os.O_RDONLY | os.O_DIRECTORY)

    def readdir(self, path: bytes, into: Any, add: Any, start: int, file: Any, flags: int) -> None:
        """All at once, however many: libfuse then hands them out in parts without asking again."""
        add(into, b".", None, 0, 0)
        add(into, b"..", None, 0, 0)
        about = mfusepy.c_stat()
        with os.scandir(file.contents.fh) as entries:
            for entry in entries:
                about.st_ino = entry.inode()
                about.st_mode = kind(entry)
                add(into, os.fsencode(entry.name), about, 0, 0)

    def releasedir(self, path: bytes, file: Any) -> None:
        os.close(file.contents.fh)

    def open(self, path: bytes, file: Any) -> None:
        file.contents.fh = os.open(self._root + path, file.contents.flags)

    def create(self, path: bytes, mode: int, file: Any) -> None:
        file.contents.fh = os.open(self._root + path, file.contents.flags | os.O_CREAT, mode)

    def read(self, path: bytes, into: Any, size: int, start: int, file: Any) -> int:
        content = os.pread(file.contents.fh, size, start)
        ctypes.memmove(into, content, len(content))
        return len(content)

    def write(self, path: bytes, content: Any, size: int, start: int, file: Any) -> int:
        return os.pwrite(file.contents.fh, ctypes.string_at(content, size), start)

    def fsync(self, path: bytes, only_data: int, file: Any) -> None:
        os.fsync(file.contents.fh)

    def release(self, path: bytes, file: Any) -> None:
        os.close(file.contents.fh)

    def truncate(self, path: bytes, size: int, _: Any) -> None:
        os.truncate(self._root + path, size)

    def mkdir(self, path: bytes, mode: int) -> None:
        system("mkdir", self._root + path, mode)

    def rmdir(self, path: bytes) -> None:
        system("rmdir", self._root + path)

    def unlink(self, path: bytes) -> None:
        system("unlink", self._root + path)

    def rename(self, old: bytes, new: bytes, flags: int) -> None:
        system("renameat2", AT_FDCWD, self._root + old, AT_FDCWD, self._root + new, flags)

    def link(self, old: bytes, new: bytes) -> None:
        system("link", self._root + old, self._root + new)

    def symlink(self, target: bytes, path: bytes) -> None:
        system("symlink", target, self._root + path)

    def chmod(self, path: bytes, mode: int, _: Any) -> None:
        system("chmod", self._root + path, mode)

    def chown(self, path: bytes, user: int, group: int, _: Any) -> None:
        system("lchown", self._root + path, user, group)

    def utimens(self, path: bytes, times: Any, _: Any) -> None:
        system("utimensat", AT_FDCWD, self._root + path, times, AT_SYMLINK_NOFOLLOW)


def kind(entry: os.DirEntry[str]) -> int:
    """The type in a mode, without asking for anything; 0 is "unknown"."""
    if entry.is_symlink():
        return stat.S_IFLNK
    if entry.is_dir(follow_symlinks=False):
        return stat.S_IFDIR
    return stat.S_IFREG if entry.is_file(follow_symlinks=False) else 0


def callback(name: str, do: Callable[..., int | None], behaviour: Behaviour) -> Callable[..., int]:
    """As libfuse wants it: no exception, but an error's negative number."""
    paths = PATHS.get(name, slice(0, 1))

    def call(*arguments: Any) -> int:
        try:
            behaviour.meet(name, *arguments[paths])
            return do(*arguments) or 0
        except OSError as error:
            return -(error.errno or errno.EIO)
        except Exception:  # would be printed and taken for success
            traceback.print_exc()
            return -errno.EIO

    return call


PARALLEL = 1 << 18
"""To libfuse and to the kernel: lookups in a folder need not wait for one another, nor a listing of it for them."""


class Part(ctypes.Structure):
    """struct iovec"""

    _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t))


WRITEV = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, ctypes.POINTER(Part), ctypes.c_int, ctypes.c_void_p)


class Io(ctypes.Structure):
    """struct fuse_custom_io"""

    _fields_ = (("writev", WRITEV), ("read", ctypes.c_void_p), ("splices", ctypes.c_void_p * 2))


def ask_for_parallel_lookups() -> None:
    """libfuse does not pass this wish on before 3.17 (its pull request 861): so it is put into the answer that it is
    about to give to the kernel, the one that follows on this (struct fuse_init_out: its fourth number)."""
    libfuse = mfusepy._libfuse
    libfuse.fuse_get_session.restype = ctypes.c_void_p
    session = ctypes.c_void_p(libfuse.fuse_get_session(ctypes.c_void_p(libfuse.fuse_get_context().contents.fuse)))

    def use(writev: Any) -> None:
        io = Io(ctypes.cast(writev, WRITEV), ctypes.cast(LIBC.read, ctypes.c_void_p))
        libfuse.fuse_session_custom_io(session, ctypes.byref(io), libfuse.fuse_session_fd(session))

    def first(file: int, parts: Any, count: int, _: Any) -> int:
        ctypes.c_uint32.from_address(parts[1].start + 12).value |= PARALLEL
        use(LIBC.writev)
        written: int = LIBC.writev(file, parts, count)
        return written

    KEPT.append(WRITEV(first))
    use(KEPT[-1])


KEPT: list[Any] = []
"""What C code calls, and Python would throw away."""


class Watcher:
    """Unmounts when this process has been killed, however. (libfuse's own auto_unmount does so for root only.)
    It holds the connection too: when that is closed, the parent knows that nothing is left to wait for."""

    def __init__(self, at: str, connection: socket.socket) -> None:
        reading, self._writing = os.pipe()
        subprocess.Popen(
            ["/bin/sh", "-c", 'read -r farewell || exec fusermount3 -u -z -q "$0"', at], pass_fds=[connection.fileno()],
            stdin=reading, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(reading)

    def dismiss(self) -> None:
        """It is unmounted, and by now something else may be mounted there."""
        os.write(self._writing, b"goodbye\n")


class Control:
    """Obeys what the parent says, one line after the other, until there is no parent."""

    def __init__(self, connection: socket.socket, parent: int, behaviour: Behaviour, watcher: Watcher) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._parent = os.pidfd_open(parent)  # its children may have inherited its end of the connection
        self._commands: dict[str, Callable[..., object]] = {
            "change": behaviour.change,
            "calls": behaviour.calls,
            "forget": behaviour.forget,
            "dismiss": watcher.dismiss,
        }

    def configure(self) -> None:
        """The parent speaks first, and is answered when the file system is mounted."""
        self._obey(self._lines.readline())

    def mounted(self, connection: Any, config: Any) -> int:
        connection.contents.max_background = AT_ONCE
        connection.contents.want |= PARALLEL
        if 13 <= mfusepy.fuse_version_minor < 17:
            ask_for_parallel_lookups()
        config.contents.use_ino = 1
        threading.Thread(target=self._converse, daemon=True).start()
        return 0

    def _converse(self) -> None:
        try:
            self._answer(None)
            while line := self._next():
                self._answer(self._obey(line))
        finally:
            os._exit(0)  # calls end with an error, and the watcher unmounts

    def _obey(self, line: bytes) -> object:
        name, arguments = json.loads(line)
        return self._commands[name](*arguments)

    def _next(self) -> bytes:
        ready, _, _ = select.select([self._connection.fileno(), self._parent], [], [])
        return b"" if self._parent in ready else self._lines.readline()

    def _answer(self, value: object) -> None:
        self._connection.sendall(json.dumps(value).encode() + b"\n")


def main(root: str, at: str, options: str, parent: str, connection: str) -> int:
    os.umask(0)  # the client's is applied already
    behaviour = Behaviour()
    line = socket.socket(fileno=int(connection))
    line.set_inheritable(False)
    watcher = Watcher(at, line)
    control = Control(line, int(parent), behaviour, watcher)
    control.configure()

    operations = mfusepy.fuse_operations()
    prototypes = {field[0]: field[1] for field in mfusepy.fuse_operations._fields_}
    operations.init = prototypes["init"](control.mounted)
    for name, do in vars(Passthrough).items():
        if not name.startswith("_"):
            method = do.__get__(Passthrough(os.fsencode(root)))
            setattr(operations, name, prototypes[name](callback(name, method, behaviour)))

    if mfusepy.fuse_version_minor >= 12:  # older ones know no limit
        options += f",max_threads={AT_ONCE}"
    words = [os.fsencode(word) for word in ("slowfs", "-f", "-o", options, at)]
    arguments = (ctypes.c_char_p * len(words))(*words)
    result: int = mfusepy.fuse_main_real(
        len(words), arguments, ctypes.byref(operations), ctypes.sizeof(operations), None
    )
    watcher.dismiss()
    return result


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
