"""A web server on 127.0.0.1 that answers well, badly, slowly or not at all, as a test tells it to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer. `delay`: seconds before anything is sent. `drip`: seconds before each `piece` (bytes) of the
    body. `truncate`: that many bytes of the body are sent, though Content-Length promises all, and the connection is
    closed. `hang`: nothing is sent until the server closes. `close`: the connection is closed without a word."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    truncate: int | None = None
    drip: float = 0.0
    piece: int = 1
    hang: bool = False
    close: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """`path` with its query, as sent; names of `headers` in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


class Website:
    """`with Website() as site: site.serve("/list.json", b"[]"); get(site.url("/list.json"))`.
    What is not served is 404. Closing never waits for a client, a delay or a hang."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._replies: dict[str, list[Reply]] = {}
        self._closing = threading.Event()

    def __enter__(self) -> Website:
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def serve(
        self,
        path: str,
        body: bytes = b"",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        truncate: int | None = None,
        drip: float = 0.0,
        piece: int = 1,
        hang: bool = False,
        close: bool = False,
    ) -> str:
        """From now on `path` is answered like this (see Reply). Returns the address."""
        return self.serve_in_turn(path, Reply(body, status, headers or {}, delay, truncate, drip, piece, hang, close))

    def serve_in_turn(self, path: str, *replies: Reply) -> str:
        """The first request gets the first reply, and so on; the last reply is repeated. Returns the address."""
        self._replies[path] = list(replies)
        return self.url(path)

    def wait(self, seconds: float | None) -> None:
        """Returns after so many seconds (None: never), or when the server closes."""
        self._closing.wait(seconds)

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        replies = self._replies.get(request.path) or self._replies.get(request.path.partition("?")[0])
        if replies is None:
            return Reply(b"not here\n", 404)
        return replies.pop(0) if len(replies) > 1 else replies[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, site: Website) -> None:
        self.site = site
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        self._connections.add(request)
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError):  # the client was quicker
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        with suppress(ConnectionError):  # clients that give up are part of many tests
            super().handle()

    def do_GET(self) -> None:
        seen = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.site.answer(Request(self.command, self.path, seen))
        self.server.site.wait(None if reply.hang else reply.delay)
        if reply.hang or reply.close:
            self.close_connection = True
        else:
            self._send(reply)

    do_HEAD = do_GET

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        body = reply.body[: reply.truncate]
        for piece in [body[at : at + reply.piece] for at in range(0, len(body), reply.piece)] if reply.drip else [body]:
            self.server.site.wait(reply.drip)
            self.wfile.write(piece)
        self.close_connection = reply.truncate is not None or self.close_connection

    def log_message(self, format: str, *arguments: object) -> None:
        """Tests look at `requests`; nothing is printed."""
