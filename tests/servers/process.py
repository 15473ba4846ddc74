"""How tests run a server program: in a directory of its own, as nobody in particular, and never longer than they.

Such programs refuse to run as root, so root hands them to `nobody`; an ordinary user runs them as themselves.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# The server outlives its tests only if they are killed; then the pipe that `stdin` is breaks, and the watcher,
# which is nobody's child and waits on that pipe, ends the server ($1: how) and removes its directory ($0).
WATCHED = """
how=$1; shift
exec 3<&0
( ( read -r farewell <&3 || { kill "-$how" $$; kill -CONT $$  # it may be frozen
    for second in 1 2 3 4 5 6 7 8 9; do kill -0 $$ || break; sleep 1; done
    rm -rf "$0"; } ) >/dev/null 2>&1 & )
exec "$@" 3<&- </dev/null
"""


class Directory:
    """A new directory, closed to others, that belongs to whom the server runs as."""

    def __init__(self, prefix: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        self.give(self.path)

    def give(self, path: Path) -> None:
        """To whom the server runs as."""
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(path, nobody.pw_uid, nobody.pw_gid)

    def keep(self, name: str, content: str) -> Path:
        """A file there that nobody else may read."""
        path = self.path / name
        path.write_text(content)
        path.chmod(0o600)
        self.give(path)
        return path

    @property
    def as_whom(self) -> dict[str, Any]:
        """For `subprocess`: run there, as that user, knowing nothing of our environment."""
        keys: dict[str, Any] = {"cwd": self.path, "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            keys |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        return keys

    def last_words(self) -> str:
        return " / ".join((self.path / "log").read_text(errors="replace").splitlines()[-5:])

    def remove(self) -> None:
        for _ in range(50):  # a child of a killed server may still be writing its last file
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                break
            time.sleep(0.1)


class Program:
    """A server that runs. `if_orphaned` is the signal that ends it when the tests were killed."""

    def __init__(self, command: Sequence[str], directory: Directory, if_orphaned: signal.Signals) -> None:
        how = if_orphaned.name.removeprefix("SIG")
        with (directory.path / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", WATCHED, str(directory.path), how, *command],
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, **directory.as_whom,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def send(self, how: signal.Signals) -> None:
        self._process.send_signal(how)

    def end(self, how: signal.Signals) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"goodbye\n")  # tells the watcher that there is nothing to clean up
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # the watcher is gone already
        self.send(how)
        self._process.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
