"""The one HTTP client. Built on requests, which gspread and OWSLib bring along anyway.

However a server behaves, `timeout` seconds is the longest that anyone waits, retries included; nothing larger than
`max_bytes` is taken in; nothing that is not whole is taken for whole; and no error, no log and no traceback shows what
an address may hold in secret, or what a source's login is.
"""

from __future__ import annotations

import logging
import os
import random
import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from http import HTTPStatus
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, unquote_plus, urljoin, urlsplit

import requests
import stamina
import urllib3.exceptions
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.sessions import SessionRedirectMixin
from requests.utils import get_netrc_auth, resolve_proxies
from urllib3.util import Url, parse_url

from app.domain.model import SourceConfig
from app.domain.redaction import hiding
from app.domain.text import one_line, printable
from app.domain.waiting import retry_after
from app.errors import SourceError
from app.sources.connecting import Adapter, Line, NotPublic, Surplus
from app.sources.unpacking import CODINGS, PIECE, BodyError, too_much, unpacked

if TYPE_CHECKING:
    from app.ports import Session

stamina.instrumentation.set_on_retry_hooks(())
"""Else it tells of each retry on standard output; what came of them is told by the error."""

T = TypeVar("T")

MIB = 1024 * 1024

IN_MEMORY = 256 * MIB
"""The most that is held at once, whatever a source may send in pieces."""


class FetchError(SourceError):
    """What is wrong with an address, in one line. `where`: the address as it may be shown. `pause`: seconds after which
    the server wants to be asked again."""

    def __init__(self, source: str, where: str, message: str, *, permanent: bool = False, pause: float = 0.0) -> None:
        super().__init__(source, where, f"{where} {message}", permanent=permanent)
        self.pause = pause


class Login(BaseModel):
    """How a source wants to be told who asks: by one of user and password, token, header and value, or parameter and
    value."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    user: str = Field("", description="a user's name")
    password: SecretStr = Field(SecretStr(""), description="a password, or password_file or password_env")
    token: SecretStr = Field(SecretStr(""), description="a bearer token, or token_file or token_env")
    header: str = Field("", description="the name of the header that the value is sent in")
    parameter: str = Field("", description="the name of the parameter that the value is sent in")
    value: SecretStr = Field(SecretStr(""), description="a value, or value_file or value_env")

    @model_validator(mode="after")
    def _can_be_sent(self) -> Login:
        self.credentials()
        return self

    def credentials(self) -> Credentials:
        password, token, value = (each.get_secret_value() for each in (self.password, self.token, self.value))
        return Credentials(self.user, password, token, self.header, self.parameter, value)


class FetchOptions(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    connect: float = Field(31.0, gt=0, description="seconds that a connection may take")
    read: float = Field(30.0, gt=0, description="seconds that the server may be silent")
    timeout: float = Field(10_800.0, gt=0, description="seconds that one request may take, retries and all")
    retries: int = Field(3, ge=0, le=10, description="how often to ask again after a failure that may pass")
    max_bytes: int = Field(4096 * MIB, gt=0, description="the largest answer to take in, unpacked")
    redirects: int = Field(5, ge=0, le=20, description="how often one request may be sent on to another address")
    proxy: str = Field("", repr=False, description="the address of a proxy; empty: as the environment says")
    login: Login | None = Field(None, description="{user, password}, {token}, {header, value} or {parameter, value}")
    contact: str = Field("", description="whom the people of the catalogue may write to")
    allow_private_addresses: bool = Field(
        False, description="whether it may be in a private network, or on this machine"
    )


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login of one of these kinds: `user` and `password` (RFC 7617), a bearer `token` (RFC 6750), or a `header` or a
    query `parameter` with its `value`. Raises ValueError for what cannot be sent."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    header: str = ""
    parameter: str = ""
    value: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if sum(map(bool, (self.user or self.password, self.token, self.header, self.parameter))) > 1:
            raise ValueError("a source has one login: a user, a token, a header or a parameter")
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*", self.header):  # RFC 9110, 5.6.2
            raise ValueError("a login is in a header whose name is none")
        if not (self.token + self.value).isprintable():
            raise ValueError("a login holds a character that cannot be sent")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown, in the forms in which it is sent."""
        return tuple(filter(None, (self.password, self.token, self.value, self._basic())))

    def sign(self, request: requests.PreparedRequest) -> None:
        if self.parameter:
            request.prepare_url(request.url, {self.parameter: self.value})
        elif self.header:
            request.headers[self.header] = self.value.encode()  # type: ignore[assignment]
        elif self.token or self._basic():
            kind, secret = ("Bearer", self.token) if self.token else ("Basic", self._basic())
            request.headers["Authorization"] = f"{kind} {secret}".encode()  # type: ignore[assignment]

    def _basic(self) -> str:
        return b64encode(f"{self.user}:{self.password}".encode()).decode() if self.user or self.password else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered. `url`: where it was found in the end, with all that its query says; `shown`: the same as
    it may be shown. `headers` are told by name in any case. `status`: 2xx, or 304 where that was asked for.
    `body`: all of it, from `Client.get`."""

    status: int
    headers: Mapping[str, str]
    url: str = field(repr=False)
    shown: str
    _pieces: Iterator[bytes] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes, unpacked; once. None is empty, and none is longer than 128 KiB. Raises FetchError
        where the rest cannot be had; only when this ends by itself it was all."""
        return self._pieces


class Client:
    """Asks for what belongs to a source. Each request waits for its turn in the `session`, redirects and retries
    included; `credentials` go to the source's own scheme, host and port and to no others. `contact`: whom a server's
    people may write to. Opens nothing until it is asked; within a `with`, what each thread opened is used again."""

    def __init__(
        self,
        config: SourceConfig,
        options: FetchOptions,
        session: Session | None,
        credentials: Credentials | None = None,
        *,
        contact: str = "",
    ) -> None:
        self._config, self._options, self._session = config, options, session
        self._credentials = credentials or (options.login.credentials() if options.login else None)
        self._contact = contact or options.contact
        self._kept: _Kept | None = None

    def __enter__(self) -> Client:
        self._kept = _Kept()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._kept:
            self._kept.close()
        self._kept = None

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """The whole answer, of at most IN_MEMORY bytes. Raises FetchError. `headers` may ask for it only if it changed
        (RFC 9110, 13.1: then it may be a 304 without a body); they are sent along with redirects, so they are no place
        for secrets."""
        with self._errand(url, headers).reply(whole=True) as reply:
            return reply

    @contextmanager
    def stream(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Reply]:
        """The answer in pieces, however large. It is asked for again only until the first piece is there:
        64 KiB, or all."""
        with self._errand(url, headers).reply(whole=False) as reply:
            yield reply

    def wrong(self, url: str, message: str, *, permanent: bool = False) -> FetchError:
        """What is wrong with what an address gave, or with where it led."""
        return FetchError(self._config.name, shown(url), message, permanent=permanent)

    def _errand(self, url: str, headers: Mapping[str, str] | None) -> _Errand:
        return _Errand(
            url,
            self._config.name,
            self._options,
            {"User-Agent": _user_agent(self._contact), **(headers or {})},
            wait=self._session.wait if self._session else lambda: None,
            home=self._config.location,
            credentials=self._credentials,
            kept=self._kept,
        )


class _Kept:
    """What each thread asks with, again and again."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._own, self._all, self._process = threading.local(), list[_Way](), os.getpid()

    def way(self) -> _Way:
        if self._process != os.getpid():  # what its parent has open is not a child's
            self._begin()
        if not hasattr(self._own, "way"):
            self._own.way = _Way()
            self._all.append(self._own.way)
        way: _Way = self._own.way
        return way

    def close(self) -> None:
        for way in self._all:
            way.close()


class _Way:
    """A connection to each host, and how this machine wants it to be asked."""

    def __init__(self) -> None:
        self.adapter = Adapter()
        self._surroundings: dict[tuple[str | None, str | None], dict[str, Any]] = {}

    def close(self) -> None:
        self.adapter.close()

    def surroundings(self, request: requests.PreparedRequest, proxy: str) -> Mapping[str, Any]:
        """As the environment says, of proxies and certificates."""
        parts = _parts(request.url or "")
        origin = (parts.scheme, parts.netloc)
        if origin not in self._surroundings:
            proxies = resolve_proxies(request, {"http": proxy, "https": proxy} if proxy else {})
            bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
            self._surroundings[origin] = {"proxies": proxies, "verify": bundle}
        return self._surroundings[origin]


def get(
    url: str,
    *,
    source: str,
    connect: float = 31.0,
    read: float = 30.0,
    total: float = 120.0,
    retries: int = 3,
    max_bytes: int = IN_MEMORY,
) -> bytes:
    """The body at an address, wherever that is. `connect` and `read` are seconds of silence, `total` is seconds for
    everything. Asked again, after a pause that the server may set: 429, 5xx, dropped connections, silence.
    Raises FetchError in the name of `source`."""
    limits = {"connect": connect, "read": read, "timeout": total, "retries": retries, "max_bytes": max_bytes}
    options = FetchOptions.model_validate({**limits, "allow_private_addresses": True})
    with _Errand(url, source, options, {"User-Agent": _user_agent()}, netrc=True).reply(whole=True) as reply:
        return reply.body


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


# --------------------------------------------------------------------------- one request


class _Errand:
    """What to fetch, and within which limits. `credentials` are those of `home`. `netrc`: where nothing else says how
    to log in, this machine's ~/.netrc may."""

    def __init__(
        self,
        url: str,
        source: str,
        options: FetchOptions,
        headers: Mapping[str, str],
        wait: Callable[[], None] = lambda: None,
        home: str = "",
        credentials: Credentials | None = None,
        netrc: bool = False,
        kept: _Kept | None = None,
    ) -> None:
        self._url, self._source, self._options, self._wait = url, source, options, wait
        self._headers = {"Accept": "*/*", "Accept-Encoding": CODINGS, **headers}
        self._kept = kept
        self._logins = {self._url: _login(self._url), home: credentials or _login(home)}
        self._netrc = netrc and not any(self._logins.values())
        self._ends = time.monotonic() + options.timeout
        self._asked = 0
        self._at = url
        """Where it was sent on to."""

    @contextmanager
    def reply(self, *, whole: bool) -> Iterator[Reply]:
        """With its body, or with the first piece of it at hand. What is open is closed in the end."""
        with ExitStack() as kept:
            yield self._tried(kept, whole)

    def _tried(self, kept: ExitStack, whole: bool) -> Reply:
        attempts = self._options.retries + 1
        for attempt in stamina.retry_context(on=self._again, attempts=attempts, timeout=None):
            with attempt:
                self._asked += 1
                return self._attempt(kept, whole)
        raise AssertionError("stamina returns or raises")

    def _again(self, error: Exception) -> bool | float:
        """After how many seconds. A pause that ends after the time allowed is not begun."""
        if not isinstance(error, FetchError) or error.permanent:
            return False
        pause = error.pause or min(0.5 * 2**self._asked, 20.0) * random.uniform(0.5, 1.0)
        return pause if time.monotonic() + pause < self._ends else False

    # ----------------------------------------------------------------------- one attempt

    def _attempt(self, kept: ExitStack, whole: bool) -> Reply:
        with ExitStack() as stack:
            anywhere = self._options.allow_private_addresses
            line = stack.enter_context(Line(self._ends, self._options.connect, anywhere=anywhere))
            response = self._told(partial(self._answer, stack, line))
            pieces = self._pieces(response, line, IN_MEMORY if whole else self._options.max_bytes)
            begin = b"".join(pieces if whole else _first(pieces))
            kept.push(stack.pop_all())
        where = self._redacted(shown(self._at))
        rest = _all_of(begin, pieces)
        return Reply(response.status_code, response.headers, self._at, where, rest, begin if whole else b"")

    def _answer(self, stack: ExitStack, line: Line) -> requests.Response:
        """The one that is none of going elsewhere, and no refusal."""
        way = self._kept.way() if self._kept else stack.enter_context(closing(_Way()))
        way.adapter.line = line
        self._at = _without_login(self._url)
        cookies = RequestsCookieJar()
        for _ in range(self._options.redirects + 1):
            self._wait()
            auth = get_netrc_auth(self._at) if self._netrc else self._sign
            request = requests.Request("GET", self._at, self._headers, auth=auth, cookies=cookies).prepare()
            response = way.adapter.send(
                request,
                timeout=(min(self._options.connect, line.left()), min(self._options.read, line.left())),
                stream=True,
                **way.surroundings(request, self._options.proxy),
            )
            stack.enter_context(response)
            if not response.is_redirect:
                return self._accepted(response)
            extract_cookies_to_jar(cookies, request, response.raw)  # type: ignore[no-untyped-call]
            self._at = self._target(SessionRedirectMixin().get_redirect_target(response) or "")
            response.close()
        times = "once" if self._options.redirects == 1 else f"{self._options.redirects} times"
        raise self._failed(f"redirects more than {times}: check the address", permanent=True)

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Decides by the address as it is asked: what it says must not be understood here in another way."""
        asked = _origin(request.url or "")
        for url, login in self._logins.items():
            if login and _origin(url) == asked:
                login.sign(request)
                break
        return request

    def _target(self, location: str) -> str:
        """Where to go on: without a login that is not ours, and without ours if the server repeats it."""
        url = parse_url(urljoin(self._at, location))
        if url.scheme not in ("http", "https"):
            raise self._failed("redirects to what is no web address: check the address", permanent=True)
        values = {login.value for login in self._logins.values() if login and login.parameter and login.value}
        pairs = [pair.partition("=") for pair in (url.query or "").split("&")]
        query = "&".join("".join(pair) for pair in pairs if unquote_plus(pair[2]) not in values)
        return Url(url.scheme, None, url.host, url.port, url.path, query or None).url

    def _accepted(self, response: requests.Response) -> requests.Response:
        status, headers = response.status_code, response.headers
        asked = {name.lower() for name in self._headers}
        if status == HTTPStatus.NOT_MODIFIED and asked & {"if-none-match", "if-modified-since"}:
            return response
        if not 200 <= status < 300 or (status == HTTPStatus.PARTIAL_CONTENT and "range" not in asked):
            raise self._refused(status, headers.get("Retry-After", ""))
        if headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
            raise self._failed("sends its answer in a form that is not understood: its server must be mended")
        length = headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            raise self._failed(_LIES)
        return response

    def _pieces(self, response: requests.Response, line: Line, most: int) -> Iterator[bytes]:
        most = min(most, self._options.max_bytes)
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            return
        if int(response.headers.get("Content-Length", 0)) > most:
            raise self._broken(too_much(most))
        pieces = unpacked(self._sent(response, line), response.headers.get("Content-Encoding", ""), most)
        while piece := self._told(partial(next, pieces, b"")):
            yield piece

    def _sent(self, response: requests.Response, line: Line) -> Iterator[bytes]:
        while piece := response.raw.read(PIECE, decode_content=False):
            yield piece
            if line.over:
                break
        if line.over:  # a body whose length was not told would seem to be whole
            raise TimeoutError

    # ----------------------------------------------------------------------- what went wrong

    def _told(self, work: Callable[[], T]) -> T:
        """What the work gives. What goes wrong is told in our words alone: what requests and urllib3 say, and what they
        hold on to, has the whole address and the login in it."""
        try:
            return work()
        except _TROUBLE as error:
            broken = self._broken(error)
        raise broken

    def _broken(self, error: Exception) -> FetchError:
        if self._ends - time.monotonic() < _NEARLY:
            return self._failed("did not answer in full in the time allowed: is its server busy? Try again later")
        if isinstance(error, NotPublic):
            lifted = 'where that is meant, set "allow_private_addresses": true for this source'
            return self._failed(self._sent_on(f"leads to {printable(str(error))}: {lifted}"), permanent=True)
        if isinstance(error, BodyError):
            return self._failed(str(error), permanent=error.permanent)
        if any(isinstance(each, Surplus) for each in _pile(error)):
            return self._failed(_LIES)
        for kinds, message, permanent in _BROKEN:
            if isinstance(error, kinds):
                return self._failed(message.replace("{words}", _root(error)), permanent=permanent)
        return self._failed(f"could not be reached ({_root(error)}): is its server up, and the address right?")

    def _refused(self, status: int, header: str) -> FetchError:
        passing = status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500
        advice = _ADVICE.get(status, "its server is in trouble; try again later" if passing else "check the address")
        pause = retry_after(header, datetime.now(UTC)) if passing else 0.0
        return self._failed(self._sent_on(f"answered {status}: {advice}"), permanent=not passing, pause=pause)

    def _sent_on(self, message: str) -> str:
        """The same of the address that this one led to."""
        return message if self._at == _without_login(self._url) else f"redirects to {shown(self._at)}, which {message}"

    def _failed(self, message: str, *, permanent: bool = False, pause: float = 0.0) -> FetchError:
        where = self._redacted(shown(self._url))
        return FetchError(self._source, where, self._redacted(message), permanent=permanent, pause=pause)

    def _redacted(self, text: str) -> str:
        logins = (*self._logins.values(), _login(self._options.proxy))
        secrets = [secret for login in logins if login for secret in login.secrets]
        hidden = hiding(secrets)
        text = hidden(text)
        plain = unquote(text)  # what a server repeats it may have written in another way
        return text if hidden(plain) == plain else printable(hidden(plain))


def _first(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """As many as make a whole one: of what is short, all is known to be well before any of it is told."""
    size = 0
    while size < PIECE and (piece := next(pieces, b"")):
        size += len(piece)
        yield piece


def _all_of(begin: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if begin:
        yield begin
    yield from rest


# --------------------------------------------------------------------------- addresses


@lru_cache(64)  # each is asked for again and again
def _parts(url: str) -> Url:
    """As urllib3 understands it, which goes there; where it does not, nothing."""
    try:
        return parse_url(url)
    except ValueError:
        return Url()


def _origin(url: str) -> tuple[str | None, str | None, int | None]:
    """RFC 6454, 4."""
    parts = _parts(url)
    return parts.scheme, parts.host, parts.port or {"http": 80, "https": 443}.get(parts.scheme or "")


def _login(url: str) -> Credentials | None:
    """Of an address that has user and password before its host."""
    user, _, password = (_parts(url).auth or "").partition(":")
    return Credentials(unquote(user), unquote(password)) if user or password else None


def _without_login(url: str) -> str:
    parts = _parts(url)
    return parts._replace(auth=None).url if parts.auth is not None else url


# --------------------------------------------------------------------------- words

_ADVICE: dict[int, str] = {
    206: "that is only a part; its server must be mended",
    401: "a login or key is needed",
    403: "access is not allowed from here, or a login or key is needed",
    407: "the proxy wants a login",
    429: "it wants to be asked less often; try again later",
}

_LIES = "lies about its length: try again later; if that does not help, its server must be mended"

_TROUBLE = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    ValueError,
    HTTPException,
    BodyError,
    NotPublic,
)

_NEARLY = 0.05  # seconds; what ends where the time allowed does took all of it

_BROKEN: tuple[tuple[tuple[type[Exception], ...], str, bool], ...] = (
    (
        (requests.exceptions.InvalidProxyURL,),
        "cannot be asked: what is given as the proxy is no address",
        True,
    ),
    (
        (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError),
        "could not be asked, as the proxy does not do it ({words}): is the proxy up, and its address right?",
        False,
    ),
    (
        (requests.exceptions.SSLError, urllib3.exceptions.SSLError),
        "has a certificate that is not trusted: check the address and this machine's certificates",
        True,
    ),
    (
        (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError),
        "is silent: is its server up? Try again later",
        False,
    ),
    (
        (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError),
        "stopped in the middle of its answer: try again later",
        False,
    ),
    ((requests.exceptions.InvalidHeader, urllib3.exceptions.InvalidHeader), _LIES, False),
    ((ValueError,), "is not an address that can be asked: check it", True),
)
"""The first that fits; requests' errors for addresses it cannot make sense of are ValueErrors"""


def _pile(error: BaseException | None) -> Iterator[BaseException]:
    """It, and what it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _root(error: BaseException) -> str:
    """The system's own words, from the bottom of the pile of wrapped errors; they hold no address."""
    words = "no connection"
    for each in _pile(error):
        if isinstance(each, RemoteDisconnected):
            words = "it closed the connection without an answer"
        elif isinstance(each, IncompleteRead):
            words = "it broke off in the middle of its headers"
        elif isinstance(each, HTTPException):
            words = "what it says is no HTTP"
        elif isinstance(each, OSError) and each.strerror:
            words = each.strerror
        elif isinstance(each, OSError) and str(each).startswith("Tunnel connection failed"):
            words = printable(str(each))
    return words


class _HostsOnly(logging.Filter):
    """urllib3 logs the addresses that it asks, keys and all, and those that a server made of them."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_PATH.sub(r"\1/...", each) if isinstance(each, str) else each for each in record.args)
        return True


_PATH = re.compile(r"^(\w+://[^/?]*|)[/?].*", re.DOTALL)

for _name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.response"):
    logging.getLogger(_name).addFilter(_HostsOnly())


@cache
def _user_agent(contact: str = "") -> str:
    """Who asks, so that a server's people can tell: tool, version, where the project lives, and whom to write to."""
    try:
        about = metadata("ingest-tracker")
    except PackageNotFoundError:
        agent = "ingest-tracker"
    else:
        homes = "".join(f" (+{home})" for home in about.get_all("Home-page") or ())
        agent = f"ingest-tracker/{about['Version']}{homes}"
    told = re.sub(r"[^\x20-\x7e]|[()\\]", "", one_line(contact))
    return f"{agent} ({told})" if told else agent
