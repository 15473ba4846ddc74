"""A web server on 127.0.0.1 that is broken, hostile or both, byte for byte as a test has it; and names that lead where
a test says.

    with Faultweb() as web:
        url = web.serve("/list", [b"HTTP/1.1 200 OK\\r\\n", HANG])

What is sent is a script: bytes, seconds to wait, HANG or RESET. Scripts for the usual faults are below.
"""

from __future__ import annotations

import enum
import gzip
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, repeat
from types import TracebackType
from typing import Any

from tests.servers.website import Request


class Act(enum.Enum):
    HANG = "nothing more is sent until the server closes"
    RESET = "the connection is reset"


HANG, RESET = Act.HANG, Act.RESET

Step = bytes | float | Act
Script = Callable[[], Iterable[Step]] | Sequence[Step]


class Faultweb:
    """`requests`: all that were asked, in order. What is not served is 404. Closing waits for nobody. With `tls` it
    speaks TLS, as the certificate in there has it."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._tls = tls
        self._scripts: dict[str, list[Script]] = {}
        self._closing = threading.Event()
        self._connections: list[socket.socket] = []
        self.left = threading.Event()
        """Set once a client has hung up while something was sent to it."""

    def __enter__(self) -> Faultweb:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        for connection in [self._listening, *self._connections]:
            with suppress(OSError):  # the client was quicker
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._thread.join()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http{'s' if self._tls else ''}://{host}:{self.port}{path}"

    def serve(self, path: str, *scripts: Script) -> str:
        """The first request gets the first script, and so on; the last is repeated. Returns the address."""
        self._scripts[path] = list(scripts)
        return self.url(path)

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:  # it was closed
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError), connection:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as sent:
                if (request := _request(sent)) is not None:
                    self.requests.append(request)
                    self._play(self._script(request.path), connection)

    def _script(self, path: str) -> Script:
        scripts = self._scripts.get(path) or self._scripts.get(path.partition("?")[0]) or [answer(b"", 404)]
        return scripts.pop(0) if len(scripts) > 1 else scripts[0]

    def _play(self, script: Script, connection: socket.socket) -> None:
        for step in script() if callable(script) else script:
            if step is RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if isinstance(step, bytes):
                try:
                    connection.sendall(step)
                except OSError:
                    self.left.set()
                    return
            elif self._closing.wait(step if isinstance(step, float) else None):
                return


def _request(sent: Any) -> Request | None:
    begin = sent.readline().decode("latin-1").split()
    if len(begin) != 3:
        return None
    headers = {}
    while line := sent.readline().strip().decode("latin-1"):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(begin[0], begin[1], headers)


# --------------------------------------------------------------------------- scripts


def head(status: int = 200, **headers: object) -> bytes:
    """Status line and headers, named as in `Content_Length=5`; the connection is closed after it."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 {status} So\r\nConnection: close\r\n{''.join(lines)}\r\n".encode()


def answer(body: bytes, status: int = 200, **headers: object) -> Script:
    return [head(status, **{"Content_Length": len(body), **headers}), body]


def redirect(to: str, status: int = 302) -> Script:
    return answer(b"", status, Location=to)


def busy(status: int = 503, after: object = 0) -> Script:
    return answer(b"", status, Retry_After=after)


def lying(body: bytes, length: int) -> Script:
    """It says `length`, and sends the body."""
    return [head(Content_Length=length) + body]


def dripping(begin: bytes, drip: bytes, every: float = 0.02) -> Script:
    """The beginning at once, then for ever a little now and then."""
    return lambda: _endless(begin, drip, every)


def endless(begin: bytes, piece: bytes) -> Script:
    """As fast as it can."""
    return lambda: _endless(begin, piece, 0.0)


def _endless(begin: bytes, piece: bytes, every: float) -> Iterator[Step]:
    yield begin
    for again in repeat(piece):
        if every:
            yield every
        yield again


def large(size: int, piece: bytes = b"x" * 65536) -> Script:
    """A body of that many bytes, a multiple of the piece's; nobody ever holds it."""
    return lambda: chain([head(Content_Length=size)], repeat(piece, size // len(piece)))


def packed(size: int, *codings: str) -> bytes:
    """That many bytes of nothing, packed in one way after the other: gzip, deflate, bare (deflate without zlib's
    format)."""
    body: Iterable[bytes] = repeat(bytes(2**20), size // 2**20)
    for coding in codings:
        pack = zlib.compressobj(9, zlib.DEFLATED, {"gzip": 31, "deflate": 15, "bare": -15}[coding])
        body = [*(pack.compress(piece) for piece in body), pack.flush()]
    return b"".join(body)


def chunks(*sent: bytes) -> Script:
    """A body in chunks (RFC 9112, 7.1), as they are given."""
    return [head(Transfer_Encoding="chunked") + b"".join(sent)]


def gzipped(body: bytes, cut: int | None = None) -> Script:
    return answer(gzip.compress(body)[:cut], Content_Encoding="gzip")


# --------------------------------------------------------------------------- names


class Names:
    """In place of socket.getaddrinfo: `lead` says where a name leads, the first time, the second time, and so on; the
    last is repeated; without any, nobody knows it. Other names lead where they do."""

    def __init__(self) -> None:
        self._real = socket.getaddrinfo
        self._answers: dict[str, list[Sequence[str]]] = {}
        self.looked_up: list[str] = []

    def lead(self, name: str, *answers: Sequence[str]) -> None:
        self._answers[name] = list(answers)

    def __call__(self, host: Any, port: Any, *given: Any, **named: Any) -> list[Any]:
        if host not in self._answers:
            return self._real(host, port, *given, **named)
        self.looked_up.append(host)
        answers = self._answers[host]
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [each for address in found for each in self._real(address, port, type=socket.SOCK_STREAM)]


class Routes:
    """In place of socket.socket.connect: `via` has what leads to an address end on this machine instead; all else but
    this machine is unreachable. `tried`: where connections were meant to lead."""

    def __init__(self) -> None:
        self._real = socket.socket.connect
        self._via: dict[str, str] = {}
        self.tried: list[str] = []

    def via(self, routes: Mapping[str, str]) -> None:
        self._via.update(routes)

    def connect(self, connecting: socket.socket, address: Any) -> None:
        self.tried.append(address[0])
        host = self._via.get(address[0], address[0])
        if not host.startswith("127.") and host != "::1":
            raise OSError(101, "Network is unreachable")
        self._real(connecting, (host, *address[1:]))
