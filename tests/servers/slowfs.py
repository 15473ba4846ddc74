"""A file system that shows a directory slowly, with errors, or not at all, as a test tells it to. Real: by FUSE."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Collection
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

PROJECT = Path(__file__).parents[2]

OPERATIONS = frozenset(
    {"access", "chmod", "chown", "create", "fsync", "getattr", "link", "mkdir", "open", "opendir", "read"}
    | {"readdir", "readlink", "rename", "rmdir", "statfs", "symlink", "truncate", "unlink", "utimens", "write"}
)
"""That can fail. Those that give back what was opened (release, releasedir) are only counted, and a moment later."""


class SlowFsError(Exception):
    """It cannot be mounted or unmounted; says why."""


class SlowFs:
    """`with SlowFs(root, at) as fs: fs.delay(0.001); fs.fail("/a", errno.ESTALE, below=True); os.stat(at / "a")`.

    Paths are below the root, and begin with "/". Faults and the delay stay over an unmount; counts begin anew.
    Looking a name up is a `getattr`: with timeouts of 0, `os.stat(at / "a" / "b")` is one of /a and two of /a/b.
    A call that hangs can be killed, and nothing else: as on a hard NFS mount. A file that is removed while it is open
    is renamed to .fuse_hidden* until it is closed. Only the user who mounts it may look. Closing never waits for a
    client: calls that hang, and files that are open, then fail with ENOTCONN or ECONNABORTED."""

    def __init__(
        self, root: Path, at: Path, delay: float = 0.0, attribute_timeout: float = 0.0, entry_timeout: float = 0.0
    ) -> None:
        """`delay`: seconds that each call takes. Timeouts: seconds for which the kernel need not ask again."""
        self._root = root.absolute()
        self._at = at.absolute()
        self._delay = delay
        self._faults: list[tuple[str, int | None, bool, list[str]]] = []
        self._options = f"attr_timeout={attribute_timeout},entry_timeout={entry_timeout}"
        self._server: _Server | None = None
        self._detached: list[_Server] = []

    def __enter__(self) -> SlowFs:
        self.mount()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for server in [*self._detached, *([self._server] if self._server is not None else [])]:
            server.kill()
        self._detached, self._server = [], None

    @property
    def pid(self) -> int:
        """Of the process that serves it."""
        return self._mounted().pid

    def delay(self, seconds: float) -> None:
        """Of each call, from now on."""
        self._delay = seconds
        self._change()

    def fail(self, path: str, error: int, below: bool = False, operations: Collection[str] = OPERATIONS) -> None:
        """These operations on `path` (and on all below it) end with that error. The latest word counts."""
        self._add(path, error, below, operations)

    def hang(self, path: str, below: bool = False, operations: Collection[str] = OPERATIONS) -> None:
        """These operations on `path` (and on all below it) wait until it is healed."""
        self._add(path, None, below, operations)

    def heal(self, path: str | None = None) -> None:
        """All that was said of that path (None: of any) is taken back."""
        self._faults = [fault for fault in self._faults if path is not None and fault[0] != path]
        self._change()

    def calls(self) -> Counter[str]:
        """How many of each operation came in, those that hang or failed included."""
        counts: Counter[str] = Counter()
        for (operation, _), count in self.calls_by_path().items():
            counts[operation] += count
        return counts

    def calls_by_path(self) -> Counter[tuple[str, str]]:
        """By operation and path. Of a rename or link, the path is the old one."""
        return Counter({(operation, path): count for operation, path, count in self._mounted().ask("calls")})

    def forget_calls(self) -> None:
        self._mounted().ask("forget")

    def mount(self) -> None:
        """Returns once it is there."""
        if self._server is not None:
            raise SlowFsError(f"{self._at} is mounted already")
        server = _Server(self._root, self._at, self._options)
        try:
            server.ask("change", self._delay, self._faults)
        except BaseException:
            server.kill()
            raise
        self._server = server

    def unmount(self, lazy: bool = False) -> None:
        """Refused while something is open there; if `lazy`, it is gone from there all the same, and what is open
        goes on working."""
        server = self._mounted()
        if words := self._fusermount("-u", "-z") if lazy else self._fusermount("-u"):
            raise SlowFsError(f"{self._at} cannot be unmounted: {words}")
        self._server = None
        if lazy:
            self._detached.append(server)
            with suppress(SlowFsError):  # nothing was open: it has ended already
                server.ask("dismiss")
        else:
            server.wait()

    def _fusermount(self, *how: str) -> str:
        """Why not, if not."""
        command = ["fusermount3", *how, str(self._at)]
        done = subprocess.run(command, text=True, capture_output=True, check=False)
        return done.stderr.strip() if done.returncode else ""

    def _add(self, path: str, error: int | None, below: bool, operations: Collection[str]) -> None:
        if unknown := sorted(set(operations) - OPERATIONS):
            raise ValueError(f"no such operation: {', '.join(unknown)} (there are {', '.join(sorted(OPERATIONS))})")
        if path != "/" and (not path.startswith("/") or path.endswith("/")):
            raise ValueError(f'a path begins with "/", and does not end with it: {path}')
        self._faults.insert(0, (path, error, below, sorted(operations)))
        self._change()

    def _change(self) -> None:
        if self._server is not None:
            self._server.ask("change", self._delay, self._faults)

    def _mounted(self) -> _Server:
        if self._server is None:
            raise SlowFsError(f"{self._at} is not mounted")
        return self._server


class _Server:
    """One mount's process. It ends, and is unmounted, when we do; and is unmounted when it ends."""

    def __init__(self, root: Path, at: Path, options: str) -> None:
        self._at = at
        self._asking = threading.Lock()
        self._connection, theirs = socket.socketpair()
        self._connection.settimeout(10)
        self._closing = ExitStack()
        self._closing.enter_context(self._connection)
        self._lines = self._closing.enter_context(self._connection.makefile("rb"))
        self._log = self._closing.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - it is one
        command = [sys.executable, "-m", "tests.servers.slowfs_main"]
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(root), str(at), options, str(os.getpid()), str(theirs.fileno())],
                cwd=PROJECT, env=os.environ | {"FUSE_LIBRARY_NAME": "fuse3"}, pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, question: str, *arguments: object) -> Any:
        with self._asking, suppress(ConnectionError):  # it is gone: there is no answer
            self._connection.sendall(json.dumps([question, arguments]).encode() + b"\n")
            if answer := self._lines.readline():
                return json.loads(answer)
        self._log.seek(0)
        words = self._log.read().decode(errors="replace").split("\n")[-5:]
        raise SlowFsError(f"{self._at} is not served: {' / '.join(words)}")

    def wait(self) -> None:
        """Until it has ended and is unmounted."""
        self._process.wait(timeout=10)
        with suppress(ConnectionError):  # it has not read all that was said
            while self._connection.recv(65536):
                pass
        self._closing.close()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self.wait()
