"""Connections: to whom they lead, how long they last, and whether what comes over them is whole.

urllib3 and http.client make them. What is added here they leave open: that only public addresses are connected to,
whatever a name leads to; that nothing outlasts its time, however slowly it trickles in; and that headers which break
off, or a body that goes on after its end, are errors.
"""

from __future__ import annotations

import http.client
import io
import math
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, TypeVar
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from app.domain.text import printable

T = TypeVar("T")


class NotPublic(Exception):
    """`address` is where a name leads, and `what` is the kind of address it is."""

    def __init__(self, address: str, what: str) -> None:
        super().__init__(f"{address}, {what}")
        self.address, self.what = address, what


class Surplus(http.client.HTTPException):
    """More comes than Content-Length says."""


# --------------------------------------------------------------------------- addresses

_SPECIAL = {
    ip_network(network): what
    for what, networks in {
        "a loopback address": ("127.0.0.0/8",),
        "a private address": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
        "a link-local address": ("169.254.0.0/16",),
        "a multicast address": ("224.0.0.0/4",),
        "an address of nothing": ("0.0.0.0/8",),
        # Azure's: public by its number, but answers each machine there with what is that machine's own
        "an address of a cloud's metadata": ("168.63.129.16/32",),
        "a reserved address": (
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "2001::/23",
            "2001:db8::/32",
            "3fff::/20",
        ),
    }.items()
    for network in networks
}
"""IANA's special-purpose registries (RFC 6890), which Python's own `is_global` knows as of its release"""

_UNICAST = ip_network("2000::/3")  # all of IPv6 that is given out (RFC 4291, 2.4); the rest is not public
_MAPPED = ip_network("::ffff:0:0/96")  # RFC 4291, 2.5.5.2
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052, 2.1
_6TO4 = ip_network("2002::/16")  # RFC 3056, 2


def special(address: str) -> str:
    """What kind of address it is, if it is not a public one; else nothing. An IPv6 address that stands for an IPv4
    address is what that one is."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        number = int(ip)
        if ip in _MAPPED or ip in _NAT64:
            return special(str(IPv4Address(number & 0xFFFFFFFF)))
        if ip in _6TO4:
            return special(str(IPv4Address(number >> 80 & 0xFFFFFFFF)))
        if ip not in _UNICAST:
            kinds = {"a loopback address": ip.is_loopback, "a link-local address": ip.is_link_local}
            return next((what for what, is_so in kinds.items() if is_so), "a private or reserved address")
    return next((what for network, what in _SPECIAL.items() if ip in network), "")


# --------------------------------------------------------------------------- one attempt


def within(seconds: float, work: Callable[[], T]) -> T:
    """Does the work in a thread that is left to itself if it takes longer: then raises TimeoutError. Nothing less
    holds against a slow name server."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # raised again where the outcome is waited for
            outcome.set_exception(error)

    threading.Thread(target=run, name="fetch", daemon=True).start()
    return outcome.result(seconds)


class Line:
    """The connections of one attempt, within a `with`. When `ends` comes (as time.monotonic tells it) they are cut,
    whatever is going on over them. `seconds`: how long a look-up, and each connection, may take. Only public addresses
    are connected to, unless `anywhere`."""

    def __init__(self, ends: float, seconds: float, *, anywhere: bool) -> None:
        self.ends = ends
        self._seconds, self._anywhere = seconds, anywhere
        self._open: list[socket.socket] | None = []
        self._lock = threading.Lock()

    def __enter__(self) -> Line:
        _watch.add(self)
        return self

    def __exit__(self, *error: object) -> None:
        _watch.remove(self)
        for handle in self._handles():
            handle.close()

    def left(self) -> float:
        """Seconds."""
        return max(self.ends - time.monotonic(), 0.001)

    @property
    def over(self) -> bool:
        """Whether it was cut: what then looks like the end of an answer may be none."""
        return self._open is None

    def vet(self, host: str, port: int) -> None:
        """Raises NotPublic where any address of this host is not, or none is known here: for a proxy, which finds and
        chooses them itself. Raises OSError where they cannot be looked up, and TimeoutError."""
        if self._anywhere:
            return
        try:
            found = self._found(host, port)
        except socket.gaierror as error:
            if error.errno != socket.EAI_NONAME:
                raise
            raise NotPublic(host, "which only the proxy may know") from error
        for *_, address in found:
            if what := special(str(address[0])):
                raise NotPublic(str(address[0]), what)

    def connect(self, connection: HTTPConnection) -> socket.socket:
        """The name is looked up once, and what is checked is what is connected to: a name that leads elsewhere from
        one moment to the next gains nothing. Raises OSError, TimeoutError, and NotPublic if there is nowhere else."""
        anywhere = self._anywhere or connection.proxy is not None  # a site's proxy is where the site put it
        refused, failed = None, None
        for family, kind, protocol, _, address in self._found(connection.host, connection.port):
            if not anywhere and (what := special(str(address[0]))):
                refused = NotPublic(str(address[0]), what)
                continue
            opened = socket.socket(family, kind, protocol)
            try:
                for option in connection.socket_options or ():
                    opened.setsockopt(*option)
                opened.settimeout(min(self._seconds, self.left()))
                opened.connect(address)
                self._keep(opened)
                return opened
            except OSError as error:
                opened.close()
                failed = error
        raise failed or refused or OSError("it has no address")

    def _found(self, host: str, port: int) -> list[Any]:
        look = partial(socket.getaddrinfo, host.strip("[]"), port, type=socket.SOCK_STREAM)
        return within(min(self._seconds, self.left()), look)

    def _keep(self, opened: socket.socket) -> None:
        # TLS takes the socket itself away, and whoever reads from it may close it
        handle = socket.fromfd(opened.fileno(), opened.family, opened.type)
        with self._lock:
            if self._open is not None:
                self._open.append(handle)
                return
        _hang_up(handle)

    def resume(self, connection: HTTPConnection) -> None:
        """One that is open from an earlier attempt is this one's as well."""
        self._keep(connection.sock)

    def cut(self) -> None:
        for handle in self._handles():
            _hang_up(handle)

    def _handles(self) -> list[socket.socket]:
        with self._lock:
            handles, self._open = self._open or [], None
        return handles


def _hang_up(handle: socket.socket) -> None:
    with suppress(OSError):  # the other side was quicker
        handle.shutdown(socket.SHUT_RDWR)
    handle.close()


class _Watch:
    """One thread for all lines: it cuts those whose time has come, and ends when there are none for a while."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self._change = threading.Condition()
        self._lines = set[Line]()
        self._wakes = math.inf
        self._runs = False

    def add(self, line: Line) -> None:
        with self._change:
            self._lines.add(line)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="fetch", daemon=True).start()
            elif line.ends < self._wakes:
                self._change.notify()

    def remove(self, line: Line) -> None:
        with self._change:
            self._lines.discard(line)

    def _run(self) -> None:
        while due := self._due():
            for line in due:
                line.cut()

    def _due(self) -> list[Line]:
        """Those whose time has come, when it comes; none: they are all gone."""
        with self._change:
            while True:
                now = time.monotonic()
                if due := [line for line in self._lines if line.ends <= now]:
                    self._lines.difference_update(due)
                    return due
                idle = not self._lines
                self._wakes = min((line.ends for line in self._lines), default=math.inf)
                if not self._change.wait(min(self._wakes - now, _IDLE)) and idle and not self._lines:
                    self._runs = False
                    return []


_IDLE = 1.0
"""Seconds."""

_watch = _Watch()

os.register_at_fork(after_in_child=_watch.begin)  # its thread stays behind


# --------------------------------------------------------------------------- what urllib3 and http.client do with it


class Adapter(HTTPAdapter):
    """Has requests connect over a line, that of the attempt which is on. Connections stay open for the next one."""

    line: Line

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        verify: Any,
        proxies: Any = None,
        cert: Any = None,
    ) -> Any:
        if select_proxy(request.url or "", proxies):
            parts = urlsplit(request.url or "")
            self.line.vet(str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80))
        pool: Any = super().get_connection_with_tls_context(request, verify, proxies, cert)
        kind = _TlsConnection if isinstance(pool, HTTPSConnectionPool) else _Connection
        pool.ConnectionCls = partial(kind, self)
        return pool


class _Lines(io.BufferedReader):
    """Knows the last line that was read: with it, headers are over."""

    last = b""

    def readline(self, size: int | None = -1) -> bytes:
        self.last = super().readline(size)
        return self.last


class _Answer(http.client.HTTPResponse):
    """Raises HTTPException for headers that break off or are none, which http.client takes for the end of them, and, as
    a user agent may (RFC 9112, 6.3), for what comes after the end of a body: Surplus."""

    def __init__(self, sock: socket.socket, *given: Any, **named: Any) -> None:
        super().__init__(sock, *given, **named)
        self._sock = sock
        self._lines = self.fp = _Lines(self.fp.detach())

    def begin(self) -> None:
        super().begin()
        if not self._lines.last.endswith(b"\n"):
            raise http.client.IncompleteRead(b"")
        if self.headers.get_payload():  # from a line on that is no header; the length may be among what is lost so
            raise http.client.HTTPException("no header")

    def close(self) -> None:
        self.length = None  # what is not wanted need not be whole
        super().close()

    def _close_conn(self) -> None:
        surplus = self.length == 0 and not self.chunked and self._surplus()
        super()._close_conn()  # type: ignore[misc]
        if surplus:
            raise Surplus

    def _surplus(self) -> bytes:
        """What is there already, without waiting for it; some old servers end everything with an empty line."""
        seconds = self._sock.gettimeout()
        try:
            self._sock.settimeout(0)
            return self._lines.peek(1).strip()
        except (OSError, ssl.SSLError):  # there is nothing
            return b""
        finally:
            with suppress(OSError):
                self._sock.settimeout(seconds)


class _Connection(HTTPConnection):
    response_class = _Answer

    def __init__(self, adapter: Adapter, **given: Any) -> None:
        super().__init__(**given)
        self._adapter = adapter
        self._is_new = True

    def _new_conn(self) -> socket.socket:
        self._is_new = True
        try:
            return self._adapter.line.connect(self)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the time is over") from error
        except OSError as error:
            raise NewConnectionError(self, printable(str(error))) from error

    def request(self, *given: Any, **named: Any) -> None:
        if self.sock is not None and not self._is_new:
            self._adapter.line.resume(self)
        super().request(*given, **named)
        self._is_new = False


class _TlsConnection(_Connection, HTTPSConnection):
    pass
