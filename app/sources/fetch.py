"""The one HTTP client. Built on requests, which gspread and OWSLib bring along anyway.

However a server behaves, `total` seconds is the longest that anyone waits, retries included; nothing larger than
`max_bytes` is taken in; and no error shows what an address may hold in secret.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import RemoteDisconnected
from importlib.metadata import PackageNotFoundError, metadata
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import stamina
import urllib3.exceptions

from app.domain.text import printable
from app.domain.waiting import retry_after
from app.errors import SourceError

stamina.instrumentation.set_on_retry_hooks(())
"""Else it tells of each retry on standard output; what came of them is told by the error."""

MIB = 1024 * 1024
_PIECE = 64 * 1024
_REDIRECTS = 5


class FetchError(SourceError):
    """What is wrong with an address, in one line. `pause`: seconds after which the server wants to be asked again."""

    def __init__(self, source: str, url: str, message: str, *, permanent: bool = False, pause: float = 0.0) -> None:
        super().__init__(source, shown(url), f"{shown(url)} {message}", permanent=permanent)
        self.pause = pause


def get(
    url: str,
    *,
    source: str,
    connect: float = 31.0,
    read: float = 30.0,
    total: float = 120.0,
    retries: int = 3,
    max_bytes: int = 256 * MIB,
) -> bytes:
    """The body at an address. `connect` and `read` are seconds of silence, `total` is seconds for everything.
    Asked again, after a pause that the server may set: 429, 5xx, dropped connections, silence.
    Raises FetchError in the name of `source`."""
    ends = time.monotonic() + total
    errand = _Errand(url, source, connect, read, ends, max_bytes)

    def again(error: Exception) -> bool | float:
        if not isinstance(error, FetchError) or error.permanent or time.monotonic() + error.pause > ends:
            return False
        return error.pause or True

    for attempt in stamina.retry_context(on=again, attempts=retries + 1, timeout=None, wait_initial=0.5, wait_max=20.0):
        with attempt:
            try:
                return _within(errand.left(), errand.run)
            except TimeoutError:
                raise errand.too_slow() from None
    raise AssertionError("stamina returns or raises")


def shown(url: str) -> str:
    """An address as it may be shown: without user, password and fragment, and with its query's values left out."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    names = [name for name, equals, _ in (pair.partition("=") for pair in parts.query.split("&")) if equals]
    query = "?" + "&".join(f"{name}=..." for name in names) if parts.query else ""
    host = parts.netloc.rpartition("@")[2]
    return printable(f"{parts.scheme}://{host}{parts.path}{query}")


# --------------------------------------------------------------------------- one attempt

T = TypeVar("T")


def _within(seconds: float, work: Callable[[], T]) -> T:
    """Does the work in a thread that is left to itself if it takes longer: then raises TimeoutError. Nothing less
    holds against a slow name server, or a server that sends its headers byte by byte."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # raised again where the outcome is waited for
            outcome.set_exception(error)

    threading.Thread(target=run, name="fetch", daemon=True).start()
    return outcome.result(seconds)


@dataclass(frozen=True, slots=True)
class _Errand:
    """What to fetch, and within which limits."""

    url: str
    source: str
    connect: float
    read: float
    ends: float
    max_bytes: int

    def left(self) -> float:
        return max(self.ends - time.monotonic(), 0.001)

    def run(self) -> bytes:
        timeout = (min(self.connect, self.left()), min(self.read, self.left()))
        try:
            with requests.Session() as session:
                session.max_redirects = _REDIRECTS
                headers = {"User-Agent": _user_agent()}
                with session.get(self.url, headers=headers, timeout=timeout, stream=True) as response:
                    if not 200 <= response.status_code < 300:
                        raise self._refused(response.status_code, response.headers.get("Retry-After", ""))
                    return self._body(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            # `from None`: what requests and urllib3 say holds the whole address, secrets included.
            raise self._broken(error) from None

    def too_slow(self) -> FetchError:
        return self._failed("did not answer in full in the time allowed: is its server busy? Try again later")

    def _body(self, response: requests.Response) -> bytes:
        body = bytearray()
        # read1 returns with what is there: a server that sends a byte a second does not keep us in one read.
        while piece := response.raw.read1(_PIECE, decode_content=True):
            body += piece
            if len(body) > self.max_bytes:
                raise self._failed(f"sends more than {self.max_bytes} bytes, the most that is taken in", permanent=True)
            if time.monotonic() > self.ends:
                raise self.too_slow()
        return bytes(body)

    def _refused(self, status: int, header: str) -> FetchError:
        passing = status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500
        advice = _ADVICE.get(status, "its server is in trouble; try again later" if passing else "check the address")
        pause = retry_after(header, datetime.now(UTC)) if passing else 0.0
        return self._failed(f"answered {status}: {advice}", permanent=not passing, pause=pause)

    def _broken(self, error: Exception) -> FetchError:
        if isinstance(error, _SILENT) and self.left() < _NEARLY:
            return self.too_slow()
        for kinds, message, permanent in _BROKEN:
            if isinstance(error, kinds):
                return self._failed(message, permanent=permanent)
        return self._failed(f"could not be reached ({_root(error)}): is its server up, and the address right?")

    def _failed(self, message: str, *, permanent: bool = False, pause: float = 0.0) -> FetchError:
        return FetchError(self.source, self.url, message, permanent=permanent, pause=pause)


# --------------------------------------------------------------------------- what went wrong

_ADVICE: dict[int, str] = {
    401: "a login or key is needed",
    403: "access is not allowed from here, or a login or key is needed",
    429: "it wants to be asked less often; try again later",
}

_SILENT = (requests.Timeout, urllib3.exceptions.TimeoutError)
_NEARLY = 0.05  # seconds; a silence that ends where the time allowed does took all of it

_BROKEN: tuple[tuple[tuple[type[Exception], ...], str, bool], ...] = (
    (
        (requests.exceptions.SSLError, urllib3.exceptions.SSLError),
        "has a certificate that is not trusted: check the address and this machine's certificates",
        True,
    ),
    (
        _SILENT,
        "is silent: is its server up? Try again later",
        False,
    ),
    ((requests.TooManyRedirects,), f"redirects more than {_REDIRECTS} times: check the address", True),
    (
        (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError),
        "sends what is not compressed as it says: its server must be mended",
        False,
    ),
    (
        (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError),
        "stopped in the middle of its answer: try again later",
        False,
    ),
    ((ValueError,), "is not an address that can be asked: check it", True),
)
"""The first that fits; requests' errors for addresses it cannot make sense of are ValueErrors"""


def _root(error: BaseException) -> str:
    """The system's own words, from the bottom of the pile of wrapped errors; they hold no address."""
    words = "no connection"
    following: BaseException | None = error
    while following is not None:
        if isinstance(following, RemoteDisconnected):
            words = "it closed the connection without an answer"
        elif isinstance(following, OSError) and following.strerror:
            words = following.strerror
        following = following.__cause__ or following.__context__
    return words


def _user_agent() -> str:
    """Who asks, so that a server's people can tell: tool, version and where the project lives."""
    try:
        about = metadata("ingest-tracker")
    except PackageNotFoundError:
        return "ingest-tracker"
    homes = "".join(f" (+{home})" for home in about.get_all("Home-page") or ())
    return f"ingest-tracker/{about['Version']}{homes}"
