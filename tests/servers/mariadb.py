"""A real MariaDB for tests: its own directory, port and password; gone without a trace when the tests are over."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import pymysql

from tests.servers.process import Directory, Program, free_port

USER = "curator"
PASSWORD = "made-up-pass-phrase"
PATH = "/usr/local/sbin:/usr/sbin:/usr/bin:/usr/local/bin"
SHARED = (Path("/usr/share/mysql"), Path("/usr/share/mariadb"))
"""Where the server's package may have put its messages, and the SQL that makes its own tables."""

SETTINGS = {
    "bind-address": "127.0.0.1",
    "socket": "",
    "skip-name-resolve": "1",
    "innodb-log-file-size": "8M",
    "innodb-buffer-pool-size": "16M",
    "innodb-doublewrite": "0",
    "innodb-flush-log-at-trx-commit": "2",
    "innodb-fast-shutdown": "2",
}


class MariadbError(Exception):
    """There is no MariaDB to test against; says why."""


class Mariadb:
    """`with Mariadb() as server: address = server.create_database()`. May be stopped, killed, frozen and started
    again, always on the same port."""

    def __init__(self) -> None:
        self.port = 0
        self._directory: Directory | None = None
        self._server: Program | None = None

    def __enter__(self) -> Mariadb:
        try:
            self._install()
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()
        self._remove()

    def address(self, database: str, *, user: str = USER, password: str = PASSWORD) -> str:
        return f"mysql+pymysql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """The SQLAlchemy address of a fresh, empty database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with self.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        return self.address(name)

    @contextmanager
    def cursor(self, database: str | None = None) -> Iterator[Any]:
        """One that may do anything; what it does is done at once."""
        with closing(self._connect(database)) as connection, connection.cursor() as cursor:
            yield cursor

    @property
    def folder(self) -> Path:
        """The server's own, which it may write to."""
        assert self._directory is not None
        return self._directory.path

    def keep(self, name: str, content: str) -> Path:
        """A file that only the server may read."""
        assert self._directory is not None
        return self._directory.keep(name, content)

    def start(self, *settings: str) -> None:
        """Returns once the server answers. A free port can be taken before the server has it: so a start that
        fails is tried again."""
        assert self._directory is not None
        wanted = self.port
        for _ in range(5):
            self.port = wanted or free_port()
            self._server = Program(
                [*self._command(), f"--port={self.port}", *settings], self._directory, if_orphaned=signal.SIGKILL
            )
            if self._answers():
                return
            self.kill()
            time.sleep(0.2)
        raise MariadbError(f"MariaDB does not start: {self._directory.last_words()}")

    def stop(self) -> None:
        """A clean stop: clients are disconnected, everything is written."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """The server dies at once, as in a crash."""
        self._end(signal.SIGKILL)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server is there, and does nothing at all; its kernel still takes what is sent."""
        assert self._server is not None
        self._server.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.end(how)

    def _install(self) -> None:
        self._directory = Directory("mariadb-")
        shared = next((path for path in SHARED if (path / "mysql_system_tables.sql").exists()), None)
        if shared is None or shutil.which("mariadbd", path=PATH) is None:
            raise MariadbError("there is no mariadbd; `./run test` installs it (Debian's package mariadb-server-core)")
        data = self._directory.path / "data"
        data.mkdir()
        self._directory.give(data)
        tables = [(shared / f"mysql_system_tables{part}.sql").read_text() for part in ("", "_data")]
        script = "\n".join([
            "CREATE DATABASE mysql;", "USE mysql;", *tables, "DELETE FROM global_priv;", "FLUSH PRIVILEGES;",
            f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';",
            f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION;", "",
        ])  # fmt: skip
        command = [*self._command(), "--bootstrap"]
        done = subprocess.run(command, input=script, text=True, capture_output=True, **self._directory.as_whom)
        if done.returncode:
            raise MariadbError(f"MariaDB's tables cannot be made: {done.stderr.strip()[-500:] or done.returncode}")

    def _command(self) -> list[str]:
        assert self._directory is not None
        program = shutil.which("mariadbd", path=PATH) or "mariadbd"
        settings = {"datadir": self._directory.path / "data", "tmpdir": self._directory.path} | SETTINGS
        return [program, "--no-defaults", *(f"--{name}={value}" for name, value in settings.items())]

    def _answers(self) -> bool:
        assert self._server is not None
        deadline = time.monotonic() + 30
        while self._server.running and time.monotonic() < deadline:
            try:
                self._connect().close()
            except pymysql.err.OperationalError:
                time.sleep(0.02)
            else:
                # another server, on a port that both wanted, may have answered while ours gave up
                return self._server.running
        return False

    def _connect(self, database: str | None = None) -> Any:
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, database=database,
            connect_timeout=5, autocommit=True,
        )  # fmt: skip

    def _remove(self) -> None:
        if self._directory is not None:
            self._directory.remove()
