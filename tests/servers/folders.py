"""Folders on the web, as nginx, Apache and Python's http.server show them: real servers on 127.0.0.1.

with Nginx() as server:
    server.write("waf/a.xml", b"<a/>")
    get(server.url("waf/"))
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.servers.process import Directory, Program, free_port

PATH = f"{os.defpath}:/usr/local/sbin:/usr/sbin:/sbin"

MODULES = Path("/usr/lib/apache2/modules")

LONG_AGO = 1_700_000_000
"""2023-11-14: when what is written here seems to have changed, if nobody says otherwise."""


class Folders:
    """What they have in common. What is written under `trouble` is answered with 503."""

    port: int
    root: Path

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def write(self, path: str, body: bytes, at: float = LONG_AGO) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        for folder in file.relative_to(self.root).parents:
            (self.root / folder).chmod(0o755)
        file.write_bytes(body)
        file.chmod(0o644)
        os.utime(file, (at, at))

    def remove(self, path: str) -> None:
        """A file, or a folder with all that is in it; if it is there."""
        shutil.rmtree(self.root / path, ignore_errors=True)
        (self.root / path).unlink(missing_ok=True)

    def trouble(self, *paths: str) -> None:
        """From now on these, and no others, are answered with 503. An empty one: all are."""
        self.remove(".trouble")
        for path in paths:
            self.write(f".trouble/{path or 'all'}", b"")

    def freeze(self) -> None:
        """It takes connections, and says nothing until it is thawed."""
        raise NotImplementedError

    def thaw(self) -> None:
        raise NotImplementedError

    @property
    def requests(self) -> Sequence[tuple[str, str, int]]:
        """Path, who asked, and the status that was answered."""
        raise NotImplementedError


class _Daemon(Folders):
    """One that is a program."""

    log = "requests"

    def __enter__(self) -> _Daemon:
        self._directory = Directory("ingest-tracker-web-")
        try:
            self.port, self.root = free_port(), self._directory.path / "site"
            self.root.mkdir(mode=0o755)
            for name in ("temporary", self.log):
                (self._directory.path / name).mkdir() if name == "temporary" else self._directory.keep(name, "")
                self._directory.give(self._directory.path / name)
            self._program = Program(self._command(), self._directory, signal.SIGKILL)
            self._await()
        except BaseException:
            self._directory.remove()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self.thaw()
        self._program.end(signal.SIGKILL)
        self._directory.remove()

    def freeze(self) -> None:
        self._program.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._program.send(signal.SIGCONT)

    @property
    def requests(self) -> Sequence[tuple[str, str, int]]:
        lines = (self._directory.path / self.log).read_text().splitlines()
        parts = [line.split("\t") for line in lines]
        return [(path, agent, int(status)) for path, agent, status in parts]

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _await(self) -> None:
        for _ in range(500):
            if not self._program.running:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"{type(self).__name__} does not start: {self._directory.last_words()}")


def _program(name: str) -> str:
    return shutil.which(name, path=PATH) or name


class Nginx(_Daemon):
    """In one process, so that it can be frozen."""

    def _command(self) -> list[str]:
        here = self._directory.path
        temporary = "".join(
            f"{name}_temp_path {here}/temporary/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        settings = f"""
            daemon off; master_process off; pid {here}/pid;
            events {{ worker_connections 256; }}
            http {{
                types {{ application/xml xml; text/html html; }}
                log_format told "$uri\\t$http_user_agent\\t$status";
                access_log {here}/{self.log} told;
                {temporary}
                server {{
                    listen 127.0.0.1:{self.port};
                    root {self.root};
                    autoindex on;
                    if (-f $document_root/.trouble/all) {{ return 503; }}
                    if (-f $document_root/.trouble$uri) {{ return 503; }}
                }}
            }}"""
        return [_program("nginx"), "-c", str(self._directory.keep("nginx.conf", settings)), "-e", "stderr"]


class Apache(_Daemon):
    """`style`: how it shows a folder, in words of its IndexOptions."""

    style = "FancyIndexing HTMLTable"

    modules = ("mpm_event", "authz_core", "autoindex", "dir", "log_config", "mime", "rewrite")

    def _command(self) -> list[str]:
        here = self._directory.path
        there = {name: MODULES / f"mod_{name}.so" for name in self.modules}  # some are built in elsewhere
        loaded = "\n".join(f"LoadModule {name}_module {file}" for name, file in there.items() if file.exists())
        settings = f"""
            {loaded}
            ServerRoot {here}
            ServerName localhost
            DefaultRuntimeDir {here}
            PidFile {here}/pid
            Mutex file:{here}
            Listen 127.0.0.1:{self.port}
            ErrorLog {here}/errors
            LogFormat "%U\\t%{{User-Agent}}i\\t%>s" told
            CustomLog {here}/{self.log} told
            ThreadsPerChild 32
            ServerLimit 1
            DocumentRoot {self.root}
            TypesConfig /dev/null
            AddType application/xml .xml
            AddType text/html .html
            DirectoryIndex index.html
            <Directory {self.root}>
                Options Indexes
                IndexOptions {self.style}
                Require all granted
            </Directory>
            RewriteEngine on
            RewriteCond %{{DOCUMENT_ROOT}}/.trouble/all -f [OR]
            RewriteCond %{{DOCUMENT_ROOT}}/.trouble%{{REQUEST_URI}} -f
            RewriteRule .* - [R=503,L]
            """
        settings = "\n".join(line.strip() for line in settings.splitlines())
        return [_program("apache2"), "-X", "-f", str(self._directory.keep("apache.conf", settings))]


class ApachePre(Apache):
    style = "FancyIndexing"


class ApachePlain(Apache):
    style = "-FancyIndexing"


class PythonServer(Folders):
    def __enter__(self) -> PythonServer:
        self._directory = Directory("ingest-tracker-web-")
        self.root = self._directory.path
        self._asked: list[tuple[str, str, int]] = []
        self._flows = threading.Event()
        self._flows.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handled)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.thaw()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._directory.remove()

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    @property
    def requests(self) -> Sequence[tuple[str, str, int]]:
        return list(self._asked)

    def _handled(self, *given: Any) -> SimpleHTTPRequestHandler:
        return _Handler(self, *given, directory=str(self.root))


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, folders: PythonServer, *given: Any, **named: Any) -> None:
        self._folders = folders
        super().__init__(*given, **named)

    def do_GET(self) -> None:
        self._folders._flows.wait()
        there = self._folders.root / ".trouble"
        try:
            if (there / "all").is_file() or (there / self.path.lstrip("/")).is_file():
                self.send_error(503)
            else:
                super().do_GET()
        except ConnectionError:  # who asked gave up
            self.close_connection = True

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        self._folders._asked.append((self.path, self.headers.get("User-Agent", ""), int(code)))

    def log_message(self, format: str, *arguments: object) -> None:
        """Tests look at `requests`; nothing is printed."""


SERVERS: dict[str, type[Folders]] = {
    "nginx": Nginx,
    "apache-table": Apache,
    "apache-pre": ApachePre,
    "apache-plain": ApachePlain,
    "python": PythonServer,
}


@contextmanager
def served(name: str) -> Iterator[Folders]:
    with SERVERS[name]() as server:  # type: ignore[attr-defined]
        yield server
