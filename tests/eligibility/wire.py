"""A wire between a client and a server that goes bad."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType, TracebackType


class Wire:
    """`with Wire(port, after=100) as wire:` listens on `wire.port` and passes all on to the server there and back;
    but after so many bytes of the server's, the server is heard no more. `then` is done at that moment; with `drip`
    the rest comes, a byte each time so many seconds have gone by. In place of the server's n-th byte comes `spoilt[n]`.
    """

    def __init__(
        self,
        server: int,
        after: int = 1_000_000_000,
        then: Callable[[], object] = bool,
        drip: float = 0,
        spoilt: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        self.said = 0
        """How many bytes the server has said."""
        self._server, self._after, self._then, self._drip, self._spoilt = server, after, then, drip, spoilt
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = [self._listening]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Wire:
        self._run(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        for end in self._open:
            with suppress(OSError):  # of one that is closed already
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join()

    def _run(self, what: Callable[..., object], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=what, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
            except OSError:
                return
            self._open += [client, server]
            self._run(self._there, client, server)
            self._run(self._back, server, client)

    def _there(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other end has gone

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while said := server.recv(65536):
                data = bytes(self._spoilt.get(self.said + n, byte) for n, byte in enumerate(said))
                whole, rest = data[: max(self._after - self.said, 0)], data[max(self._after - self.said, 0) :]
                self.said += len(data)
                client.sendall(whole)
                if rest:
                    self._then()
                    self._end(rest, server, client)
                    return
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other end has gone

    def _end(self, rest: bytes, server: socket.socket, client: socket.socket) -> None:
        while self._drip:
            for byte in rest:
                if self._over.wait(self._drip):
                    return
                client.sendall(bytes([byte]))
            rest = server.recv(65536)
        self._over.wait()
