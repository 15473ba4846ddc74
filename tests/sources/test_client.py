from __future__ import annotations

import gzip
import logging
import socket
import ssl
import subprocess
import threading
import time
import traceback
import tracemalloc
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
import stamina

from app.domain.catalogue import KnownRecord
from app.domain.model import SourceConfig
from app.errors import SourceError
from app.sources import fetch
from app.sources.connecting import special
from app.sources.fetch import Client, Credentials, FetchOptions, Reply
from tests.domain.builders import stage
from tests.servers.faultweb import (
    HANG,
    RESET,
    Faultweb,
    Names,
    Routes,
    Script,
    answer,
    busy,
    chunks,
    dripping,
    endless,
    gzipped,
    head,
    large,
    lying,
    packed,
    redirect,
)

QUICK = {"connect": 2.0, "read": 0.15, "timeout": 10.0, "retries": 2, "max_bytes": 2**20}

SECRET = "hush/s3cr&t+é"
PUBLIC = "93.184.215.14"


class Turns:
    """A session that counts how often somebody waited for his turn, and what had been asked by then."""

    def __init__(self, web: Faultweb | None = None) -> None:
        self._web, self.asked_before = web, list[int]()

    def wait(self) -> None:
        self.asked_before.append(len(self._web.requests) if self._web else 0)

    def known(self, identifiers: Collection[str]) -> Mapping[str, KnownRecord]:
        raise NotImplementedError


@pytest.fixture
def web() -> Iterator[Faultweb]:
    with Faultweb() as web:
        yield web


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    return names


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> Routes:
    """The public address leads to this machine."""
    routes = Routes()
    monkeypatch.setattr(socket.socket, "connect", lambda *given: routes.connect(*given))
    routes.via({PUBLIC: "127.0.0.1"})
    return routes


@pytest.fixture(autouse=True)
def without_pauses() -> Iterator[None]:
    """Failures are tried again as often as asked, but without waiting."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def client(
    location: str = "https://example.org/",
    credentials: Credentials | None = None,
    session: Turns | None = None,
    contact: str = "",
    **given: Any,
) -> Client:
    options = FetchOptions.model_validate({**QUICK, "allow_private_addresses": True, **given})
    config = SourceConfig("listing", "listing", location, "json-listing", stage("external"))
    return Client(config, options, session, credentials, contact=contact)


def read(client: Client, url: str, how: str = "stream") -> bytes:
    if how == "get":
        return client.get(url).body
    with client.stream(url) as reply:
        return b"".join(reply.pieces())


def error(client: Client, url: str, how: str = "stream") -> SourceError:
    with pytest.raises(SourceError) as raised:
        read(client, url, how)
    return raised.value


both = pytest.mark.parametrize("how", ["get", "stream"])


# --------------------------------------------------------------------------- answers


@both
@pytest.mark.parametrize(
    "script",
    [
        answer(b"[1, 2]"),
        [head() + b"[1, 2]"],
        [head(Content_Length=6) + b"[1,", 0.05, b" 2]"],
        [head(Content_Length=6) + b"[1, 2]\r\n"],
        chunks(b"3\r\n[1,\r\n", b"3\r\n 2]\r\n", b"0\r\n\r\n"),
        gzipped(b"[1, 2]"),
        answer(packed(0, "gzip") + packed(0, "gzip"), Content_Encoding="gzip"),
        answer(b"", Content_Encoding="gzip"),
        answer(b"", 204),
    ],
)
def test_what_is_whole_is_taken(web: Faultweb, script: Script, how: str) -> None:
    url = web.serve("/list", script)
    assert read(client(), url, how) in (b"[1, 2]", b"")
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    "codings", [("gzip",), ("deflate",), ("bare",), ("gzip", "deflate"), ("gzip", "gzip"), ("bare", "gzip", "deflate")]
)
def test_what_is_packed_is_unpacked_however_often(web: Faultweb, codings: tuple[str, ...]) -> None:
    told = ", ".join(codings).replace("bare", "deflate")
    url = web.serve("/list", answer(packed(2**20, *codings), Content_Encoding=told))
    assert read(client(), url) == bytes(2**20)


def test_a_reply_says_where_it_was_found_and_what_its_headers_are(web: Faultweb) -> None:
    web.serve("/new", answer(b"[]", ETag='"7"'))
    web.serve("/old", redirect("/new?page=2"))
    with client().stream(web.url("/old")) as reply:
        assert (reply.status, reply.headers["etag"]) == (200, '"7"')
        assert (reply.url, reply.shown) == (web.url("/new?page=2"), web.url("/new?page=..."))
        assert list(reply.pieces()) == [b"[]"]
    assert client().get(web.url("/old")).body == b"[]"


@pytest.mark.parametrize("header", ["If-None-Match", "If-Modified-Since"])
def test_not_modified_is_a_reply_without_a_body_where_it_was_asked_for(web: Faultweb, header: str) -> None:
    url = web.serve("/list", [head(304, ETag='"7"')])
    reply = client().get(url, {header: '"7"'})
    assert (reply.status, reply.body, list(reply.pieces())) == (304, b"", [])
    assert web.requests[0].headers[header.lower()] == '"7"'
    assert "answered 304: check the address" in str(error(client(), url))


def test_a_part_is_no_answer_unless_it_was_asked_for(web: Faultweb) -> None:
    url = web.serve("/list", answer(b"[1", 206))
    assert "answered 206: that is only a part" in str(error(client(), url))
    assert client().get(url, {"Range": "bytes=0-1"}).body == b"[1"


def test_the_request_says_who_asks_and_whom_to_write_to(web: Faultweb) -> None:
    url = web.serve("/list", answer(b"[]"))
    client().get(url)
    client(contact="curators@example.org\r\nX-Evil: (1)").get(url)
    first, second = (request.headers["user-agent"] for request in web.requests)
    assert first.startswith("ingest-tracker")
    assert second == f"{first} (curators@example.org X-Evil: 1)"
    assert "x-evil" not in web.requests[1].headers


# --------------------------------------------------------------------------- failures


BROKEN: list[tuple[Script, str]] = [
    (busy(429), "answered 429: it wants to be asked less often; try again later"),
    (busy(500), "answered 500: its server is in trouble; try again later"),
    (busy(503, "Sun, 22 Nov 2026 12:00:30 GMT"), "answered 503: its server is in trouble; try again later"),
    ([HANG], "is silent: is its server up? Try again later"),
    ([b"HTTP/1.1 200 OK\r\nContent-Le", HANG], "is silent: is its server up? Try again later"),
    ([head(Content_Length=6), HANG], "is silent: is its server up? Try again later"),
    ([], "could not be reached (it closed the connection without an answer): is its server up, and the address right?"),
    ([RESET], "could not be reached (Connection reset by peer): is its server up, and the address right?"),
    (
        [b"HTTP/1.1 200 OK\r\nContent-Le"],
        "could not be reached (it broke off in the middle of its headers): is its server up, and the address right?",
    ),
    (
        [b"HTTP/1.1 200 OK\r\nnone\r\nContent-Length: 9\r\n\r\n"],
        "could not be reached (what it says is no HTTP): is its server up, and the address right?",
    ),
    ([b"SSH-2.0-x\r\n"], "could not be reached (what it says is no HTTP): is its server up, and the address right?"),
    (
        [head(**{f"X{number}": 1 for number in range(200)})],
        "could not be reached (what it says is no HTTP): is its server up, and the address right?",
    ),
    ([head(Content_Length=6) + b"[1, ", RESET], "stopped in the middle of its answer: try again later"),
    (lying(b"[1, 2]", 7), "stopped in the middle of its answer: try again later"),
    (lying(b"[1, 2]", 5), fetch._LIES),
    (lying(b"[1, 2]" * 9999, 5), fetch._LIES),
    (lying(b"[1, 2]" * 9999, 40_000), fetch._LIES),
    (lying(b"[1, 2]", 0), fetch._LIES),
    ([head(Content_Length="six") + b"[1, 2]"], fetch._LIES),
    ([head(Content_Length="-6") + b"[1, 2]"], fetch._LIES),
    ([b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 5\r\n\r\n[1, 2]"], fetch._LIES),
    (
        [head(Transfer_Encoding="gzip, chunked") + b"1\r\nx\r\n0\r\n\r\n"],
        "sends its answer in a form that is not understood: its server must be mended",
    ),
    (chunks(b"3\r\n[1,\r\n"), "stopped in the middle of its answer: try again later"),
    (chunks(b"3\r\n[1"), "stopped in the middle of its answer: try again later"),
    (chunks(b"three\r\n[1,\r\n0\r\n\r\n"), "stopped in the middle of its answer: try again later"),
    (gzipped(b"[1, 2]" * 99, cut=-1), "stopped in the middle of its answer: try again later"),
    (answer(b"[1, 2]", Content_Encoding="gzip"), "sends what is not compressed as it says: its server must be mended"),
    (
        answer(b"[1, 2]", Content_Encoding="deflate"),
        "sends what is not compressed as it says: its server must be mended",
    ),
    (answer(b"[1, 2]", Content_Encoding="br"), "is packed as 'br', which nobody asked for: its server must be mended"),
]


@both
@pytest.mark.parametrize(("script", "says"), BROKEN)
def test_what_may_pass_is_tried_again(web: Faultweb, script: Script, says: str, how: str) -> None:
    """With the same words, whether it is read at once or in pieces; and each time it waits for its turn."""
    turns = Turns(web)
    assert read(client(session=turns), web.serve("/list", script, script, answer(b"[]")), how) == b"[]"
    assert turns.asked_before == [0, 1, 2]


@pytest.mark.parametrize(("script", "says"), BROKEN)
def test_what_does_not_pass_is_an_error_that_says_so(web: Faultweb, script: Script, says: str) -> None:
    url = web.serve("/list", script)
    raised = error(client(), url)
    assert str(raised) == f"{url} {says}"
    assert (raised.source, raised.where, raised.permanent) == ("listing", url, False)
    assert len(web.requests) == 3


LASTING: list[tuple[Script, str]] = [
    (answer(b"", 404), "answered 404: check the address"),
    (answer(b"", 401), "answered 401: a login or key is needed"),
    (answer(b"", 407), "answered 407: the proxy wants a login"),
    (answer(b"", 302), "answered 302: check the address"),
    (redirect("/list"), "redirects more than 5 times: check the address"),
    (redirect("file:///etc/passwd"), "redirects to what is no web address: check the address"),
    (redirect("ftp://example.org/"), "redirects to what is no web address: check the address"),
    (redirect("http://["), "is not an address that can be asked: check it"),
    (redirect("http://:80/"), "is not an address that can be asked: check it"),
    (large(2**20 + 65536), "sends more than 1048576 bytes, the most that is taken in"),
    (lying(b"", 2**40), "sends more than 1048576 bytes, the most that is taken in"),
    (endless(head(), b"x" * 9999), "sends more than 1048576 bytes, the most that is taken in"),
    (
        endless(head(Transfer_Encoding="chunked"), b"4000\r\n" + b"x" * 0x4000 + b"\r\n"),
        "sends more than 1048576 bytes, the most that is taken in",
    ),
]


@both
@pytest.mark.parametrize(("script", "says"), LASTING)
def test_what_lasts_is_not_tried_again(web: Faultweb, script: Script, says: str, how: str) -> None:
    url = web.serve("/list", script)
    raised = error(client(), url, how)
    assert str(raised) == f"{url} {says}"
    assert raised.permanent
    assert len(web.requests) in (1, 6)


def test_a_pause_that_the_server_asks_for_is_kept_and_no_longer_one_begun(web: Faultweb) -> None:
    url = web.serve("/list", busy(503, 1), answer(b"[]"))
    begun = time.monotonic()
    with stamina.set_testing(False):
        assert read(client(), url) == b"[]"
        assert time.monotonic() - begun >= 1
        web.serve("/list", busy(429, 3600))
        assert "answered 429" in str(error(client(), url))
    assert time.monotonic() - begun < 9


def test_pauses_are_not_all_alike_and_none_ends_after_the_time_allowed(web: Faultweb) -> None:
    """Else all that failed together come back together."""
    errand = client(timeout=60)._errand(web.url(), None)
    failure = fetch.FetchError("listing", "", "")
    pauses = []
    for errand._asked in range(1, 9):
        pauses += [float(errand._again(failure)) for _ in range(9)]
    assert all(0.5 <= pause <= 20 for pause in pauses)
    assert len(set(pauses)) == len(pauses)
    assert not client(timeout=0.2)._errand(web.url(), None)._again(failure)


def test_a_session_that_ends_ends_the_request(web: Faultweb) -> None:
    class Over(Turns):
        def wait(self) -> None:
            raise SourceError("listing", "", "has taken too long")

    assert str(error(client(session=Over()), web.url())) == "has taken too long"
    assert web.requests == []


# --------------------------------------------------------------------------- streams


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ([head(Content_Length=99_999_999) + b"x" * 99_999, RESET], "stopped in the middle"),
        ([head(Content_Length=99_999_999) + b"x" * 99_999], "stopped in the middle"),
        ([head(Content_Length=99_999_999) + b"x" * 99_999, HANG], "is silent"),
        ([head() + b"x" * 99_999, HANG], "is silent"),
        (chunks(b"FFFFF\r\n" + b"x" * 99_999), "stopped in the middle"),
        (lying(b"x" * 99_999, 99_990), "lies about its length"),
    ],
)
def test_what_was_yielded_is_not_asked_for_again(web: Faultweb, script: Script, says: str) -> None:
    """Whoever reads would get it twice."""
    url = web.serve("/list", script, answer(b"[]"))
    with client(max_bytes=2**30).stream(url) as reply:
        pieces = reply.pieces()
        assert len(next(pieces)) == 65536
        with pytest.raises(SourceError, match=says):
            list(pieces)
    assert len(web.requests) == 1


def test_a_stream_of_any_length_takes_little_memory(web: Faultweb) -> None:
    url = web.serve("/list", large(200 * 2**20))
    tracemalloc.start()
    try:
        with client(max_bytes=2**30).stream(url) as reply:
            assert sum(map(len, reply.pieces())) == 200 * 2**20
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * 2**20


def test_a_stream_that_nobody_reads_to_its_end_is_hung_up(web: Faultweb) -> None:
    with client(max_bytes=2**30).stream(web.serve("/list", endless(head(), b"x" * 9999))) as reply:
        next(reply.pieces())
    assert web.left.wait(5)


def test_what_fails_while_a_stream_is_read_passes_through(web: Faultweb) -> None:
    url = web.serve("/list", answer(b"[]"))
    with pytest.raises(ZeroDivisionError), client().stream(url):
        raise ZeroDivisionError
    assert len(web.requests) == 1


# --------------------------------------------------------------------------- bombs


@both
@pytest.mark.parametrize(
    "codings", [("gzip",), ("deflate",), ("bare",), ("gzip", "gzip"), ("deflate", "gzip", "deflate")]
)
@pytest.mark.parametrize(
    ("most", "says"), [(2**20, "sends more than 1048576 bytes"), (2**30, "unpacks to more than 250 times")]
)
def test_bombs_do_not_go_off(web: Faultweb, codings: tuple[str, ...], most: int, says: str, how: str) -> None:
    told = ", ".join(codings).replace("bare", "deflate")
    size = 2 * most if most == 2**20 else 80 * 2**20
    url = web.serve("/list", answer(BOMBS[codings, size], Content_Encoding=told))
    tracemalloc.start()
    try:
        with pytest.raises(SourceError) as raised:
            if how == "get":
                client(max_bytes=most).get(url)
            with client(max_bytes=most).stream(url) as reply:
                assert sum(map(len, reply.pieces())) == 0
        _, held = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert says in str(raised.value)
    assert raised.value.permanent
    assert held < (8 if how == "stream" else 80) * 2**20
    assert len(web.requests) == 1


class _Bombs(dict[Any, bytes]):
    """Made once."""

    def __missing__(self, key: tuple[tuple[str, ...], int]) -> bytes:
        codings, size = key
        self[key] = packed(size, *codings)
        return self[key]


BOMBS = _Bombs()


def test_what_is_too_much_on_the_way_is_refused_though_it_comes_to_nothing(web: Faultweb) -> None:
    """Empty parts, packed well: whoever counts only what comes out would go on unpacking."""
    nothing = packed(0, "gzip") * 200_000
    bomb = gzip.compress(nothing)
    assert len(bomb) < 2**16 < 2**20 < len(nothing)
    url = web.serve("/list", answer(bomb, Content_Encoding="gzip, gzip"))
    assert "sends more than 1048576 bytes" in str(error(client(), url))


# --------------------------------------------------------------------------- time


DRIPS: list[tuple[bytes, bytes]] = [
    (b"", b"H"),
    (b"HTTP/1.1 200 OK\r\n", b"X"),
    (b"HTTP/1.1 200 OK\r\n", b"X-Drip: y\r\n"),
    (head(Content_Length=1_000_000), b"x"),
    (head(), b"x"),
    (head(Transfer_Encoding="chunked"), b"1\r\nx\r\n"),
    (head(Transfer_Encoding="chunked"), b"0"),
]


@both
@pytest.mark.parametrize(("begin", "drip"), DRIPS)
def test_a_server_that_drips_does_not_hold_us_longer_than_allowed(
    web: Faultweb, begin: bytes, drip: bytes, how: str
) -> None:
    """Nor is what came by then taken for all; nor does anything go on behind our back."""
    url = web.serve("/list", dripping(begin, drip))
    begun = time.monotonic()
    raised = error(client(timeout=0.3), url, how)
    assert time.monotonic() - begun < 5
    assert str(raised) == f"{url} did not answer in full in the time allowed: is its server busy? Try again later"
    assert web.left.wait(5)
    assert not [thread for thread in _ended() if thread.is_alive()]


def test_a_server_that_drips_after_a_good_beginning_does_not_either(web: Faultweb) -> None:
    """A body whose length was not told ends when the connection does, also when we cut it."""
    url = web.serve("/list", dripping(head() + b"x" * 99_999, b"x"))
    with client(timeout=0.3).stream(url) as reply, pytest.raises(SourceError, match="in the time allowed"):
        list(reply.pieces())


def test_whoever_is_slow_to_read_is_told_as_well(web: Faultweb) -> None:
    url = web.serve("/list", endless(head(), b"x" * 9999))
    with client(timeout=0.3, max_bytes=2**40).stream(url) as reply:
        pieces = reply.pieces()
        next(pieces)
        time.sleep(0.5)
        with pytest.raises(SourceError, match="in the time allowed"):
            list(pieces)


def _ended() -> list[threading.Thread]:
    threads = [thread for thread in threading.enumerate() if thread.name == "fetch"]
    for thread in threads:
        thread.join(5)
    return threads


def test_a_slow_name_server_does_not_hold_us(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(20) and [])
    begun = time.monotonic()
    assert "is silent" in str(error(client(connect=0.2, retries=0), "http://listing.example.org/"))
    assert "in the time allowed" in str(error(client(timeout=0.2, retries=0), "http://listing.example.org/"))
    assert time.monotonic() - begun < 5
    done.set()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, with its key."""
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key"
    made = f"req -x509 {key} -days 2 -subj /CN=here -addext subjectAltName=IP:127.0.0.1 -out server.pem"
    subprocess.run(["openssl", *made.split()], cwd=path.parent, check=True, capture_output=True)
    return path


@pytest.fixture
def tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faultweb]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("server.key"))
    with Faultweb(context) as web:
        yield web


def test_all_that_holds_over_tls_too(tls: Faultweb) -> None:
    assert read(client(), tls.serve("/list", answer(b"[]" * 99_999))) == b"[]" * 99_999
    assert "lies about its length" in str(error(client(), tls.serve("/lies", lying(b"[1, 2]", 5))))
    assert "in the time allowed" in str(error(client(timeout=0.3), tls.serve("/drip", dripping(head(), b"x"))))
    assert tls.left.wait(5)
    assert ", a loopback address" in str(error(client(allow_private_addresses=False), tls.url("/list")))


def test_a_certificate_that_nobody_knows_is_refused(tls: Faultweb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    raised = error(client(), tls.url("/list"))
    assert "has a certificate that is not trusted" in str(raised)
    assert tls.requests == []


# --------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("93.184.215.14", ""),
        ("8.8.8.8", ""),
        ("2606:2800:220:1::1", ""),
        ("::ffff:8.8.8.8", ""),
        ("64:ff9b::8.8.8.8", ""),
        ("2002:808:808::1", ""),
        ("127.0.0.1", "a loopback address"),
        ("127.255.255.254", "a loopback address"),
        ("10.1.2.3", "a private address"),
        ("172.31.0.1", "a private address"),
        ("192.168.0.1", "a private address"),
        ("100.64.0.1", "a private address"),
        ("100.100.100.200", "a private address"),
        ("169.254.169.254", "a link-local address"),
        ("168.63.129.16", "an address of a cloud's metadata"),
        ("224.0.0.1", "a multicast address"),
        ("0.0.0.0", "an address of nothing"),
        ("192.0.0.192", "a reserved address"),
        ("192.0.2.1", "a reserved address"),
        ("198.18.0.1", "a reserved address"),
        ("240.0.0.1", "a reserved address"),
        ("255.255.255.255", "a reserved address"),
        ("::", "a private or reserved address"),
        ("::1", "a loopback address"),
        ("::127.0.0.1", "a private or reserved address"),
        ("::ffff:127.0.0.1", "a loopback address"),
        ("::ffff:0:127.0.0.1", "a private or reserved address"),
        ("64:ff9b::10.0.0.1", "a private address"),
        ("64:ff9b:1::8.8.8.8", "a private or reserved address"),
        ("2002:7f00:1::1", "a loopback address"),
        ("2002:a9fe:a9fe::1", "a link-local address"),
        ("2001:0:1::1", "a reserved address"),
        ("2001:db8::1", "a reserved address"),
        ("fe80::1%lo", "a link-local address"),
        ("fc00::1", "a private or reserved address"),
        ("fd00:ec2::254", "a private or reserved address"),
        ("ff02::1", "a private or reserved address"),
    ],
)
def test_what_is_no_public_address_is_known(address: str, kind: str) -> None:
    assert special(address) == kind


@both
@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("127.0.0.1", "127.0.0.1, a loopback address"),
        ("localhost", ", a loopback address"),
        ("2130706433", "127.0.0.1, a loopback address"),
        ("0x7f.1", "127.0.0.1, a loopback address"),
        ("0177.0.0.1", "127.0.0.1, a loopback address"),
        ("0", "0.0.0.0, an address of nothing"),
        ("[::1]", "::1, a loopback address"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1, a loopback address"),
        ("169.254.169.254", "169.254.169.254, a link-local address"),
        ("inside.example.org", "10.0.0.7, a private address"),
    ],
)
def test_what_is_not_public_is_refused_until_it_is_allowed(
    web: Faultweb, names: Names, routes: Routes, host: str, found: str, how: str
) -> None:
    names.lead("inside.example.org", ["10.0.0.7"])
    url = web.url("/list", host)
    raised = error(client(allow_private_addresses=False), url, how)
    assert str(raised).startswith(f"{url} leads to ")
    lifted = 'where that is meant, set "allow_private_addresses": true for this source'
    assert str(raised).endswith(f"{found}: {lifted}")
    assert raised.permanent
    assert routes.tried == web.requests == []


@pytest.mark.parametrize(
    ("to", "found"),
    [
        ("http://127.0.0.1:{port}/in", "127.0.0.1, a loopback address"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254, a link-local address"),
        ("http://[::1]:{port}/in", "::1, a loopback address"),
        ("//2130706433:{port}/in", "127.0.0.1, a loopback address"),
    ],
)
def test_nobody_is_redirected_to_what_is_not_public(
    web: Faultweb, names: Names, routes: Routes, to: str, found: str
) -> None:
    names.lead("www.example.org", [PUBLIC])
    web.serve("/out", redirect(to.format(port=web.port)))
    web.serve("/in", answer(b"not for you"))
    raised = error(client(allow_private_addresses=False), web.url("/out", "www.example.org"))
    assert f"redirects to http://{to.partition('//')[2].format(port=web.port)}, which leads to {found}" in str(raised)
    assert (web.paths, routes.tried) == (["/out"], [PUBLIC])


def test_a_name_that_leads_elsewhere_the_next_moment_gains_nothing(web: Faultweb, names: Names, routes: Routes) -> None:
    """It is looked up once a connection, and what was checked is what is connected to."""
    names.lead("www.example.org", [PUBLIC], ["127.0.0.1"])
    web.serve("/list", redirect("/in"))
    web.serve("/in", answer(b"not for you"))
    raised = error(client(allow_private_addresses=False), web.url("/list", "www.example.org"))
    assert "127.0.0.1, a loopback address" in str(raised)
    assert (routes.tried, web.paths) == ([PUBLIC], ["/list"])
    assert names.looked_up == ["www.example.org"] * 2


def test_of_many_addresses_only_public_ones_are_connected_to(web: Faultweb, names: Names, routes: Routes) -> None:
    names.lead("www.example.org", ["127.0.0.1", "10.0.0.1", "93.184.215.99", PUBLIC, "::1"])
    web.serve("/list", answer(b"[]"))
    assert read(client(allow_private_addresses=False), web.url("/list", "www.example.org")) == b"[]"
    assert routes.tried == ["93.184.215.99", PUBLIC]
    names.lead("www.example.org", ["93.184.215.99", "127.0.0.1"])
    raised = error(client(allow_private_addresses=False), web.url("/list", "www.example.org"))
    assert "could not be reached (Network is unreachable)" in str(raised)
    assert not raised.permanent


# --------------------------------------------------------------------------- proxies


def proxied(proxy: str, **given: Any) -> Client:
    return client(proxy=proxy, allow_private_addresses=False, **given)


def test_a_proxy_may_be_anywhere_but_is_asked_only_for_what_is_public(web: Faultweb, names: Names) -> None:
    names.lead("www.example.org", [PUBLIC])
    names.lead("inside.example.org", [PUBLIC, "10.0.0.7"])
    names.lead("unknown.example.org")
    web.serve("http://www.example.org/list", answer(b"[]"))
    assert read(proxied(web.url()), "http://www.example.org/list") == b"[]"
    for inside in ("http://inside.example.org/list", "https://inside.example.org/list"):
        assert "leads to 10.0.0.7, a private address" in str(error(proxied(web.url()), inside))
    raised = error(proxied(web.url()), "http://unknown.example.org/list")
    assert "leads to unknown.example.org, which only the proxy may know: where that is meant" in str(raised)
    assert web.paths == ["http://www.example.org/list"]


def test_the_proxy_of_the_environment_is_treated_alike(
    web: Faultweb, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", web.url())
    names.lead("inside.example.org", ["10.0.0.7"])
    raised = error(client(allow_private_addresses=False), "http://inside.example.org/list")
    assert "10.0.0.7, a private address" in str(raised)
    assert web.requests == []


def test_a_proxy_that_does_not_do_it_is_told_of_as_such(names: Names) -> None:
    names.lead("www.example.org", [PUBLIC])
    with Faultweb() as web:
        web.serve("www.example.org:443", [b"HTTP/1.1 403 No\r\n\r\n"])
        raised = error(proxied(web.url().replace("//", f"//ada:{'s3cret' * 2}@")), "https://www.example.org/list")
        assert "the proxy does not do it (Tunnel connection failed: 403 No)" in str(raised)
        assert "proxy-authorization" in web.requests[0].headers
    raised = error(proxied(web.url()), "http://www.example.org/list")
    assert "the proxy does not do it (Connection refused)" in str(raised)
    raised = error(proxied("http://"), "http://www.example.org/list")
    assert "what is given as the proxy is no address" in str(raised)


# --------------------------------------------------------------------------- logins


LOGINS = [
    Credentials(user="ada", password=SECRET),
    Credentials(token="s3cr3t-token"),
    Credentials(header="X-Api-Key", value=SECRET),
    Credentials(parameter="api_key", value=SECRET),
]


def sent(web: Faultweb) -> list[bool]:
    """Of each request, whether it had a login."""
    named = ("authorization", "x-api-key")
    return ["api_key=" in request.path or any(name in request.headers for name in named) for request in web.requests]


@pytest.mark.parametrize(
    ("credentials", "header", "value"),
    [
        (Credentials(user="ada", password="lovelace"), "authorization", "Basic YWRhOmxvdmVsYWNl"),
        (Credentials(token="s3cr3t"), "authorization", "Bearer s3cr3t"),
        (Credentials(header="X-Api-Key", value="s3cr3t"), "x-api-key", "s3cr3t"),
    ],
)
def test_a_login_is_sent_as_it_is_to_be(web: Faultweb, credentials: Credentials, header: str, value: str) -> None:
    url = web.serve("/list", answer(b"[]"))
    client(url, credentials).get(url)
    assert web.requests[0].headers[header] == value


def test_a_login_in_the_query_comes_after_what_else_is_there(web: Faultweb) -> None:
    url = web.serve("/list", answer(b"[]"))
    reply = client(url, Credentials(parameter="api_key", value="a b&c")).get(f"{url}?page=2")
    assert web.paths == ["/list?page=2&api_key=a+b%26c"]
    assert reply.url == f"{url}?page=2"


def test_a_login_may_be_in_the_address(web: Faultweb) -> None:
    url = web.serve("/list", redirect("/new"))
    web.serve("/new", answer(b"[]"))
    location = url.replace("//", "//ada:love%20lace@")
    reply = client(location).get(location)
    assert client(location).get(web.url("/new")).body == reply.body == b"[]"
    assert reply.url == web.url("/new")
    assert [request.headers["authorization"] for request in web.requests] == ["Basic YWRhOmxvdmUgbGFjZQ=="] * 3


@pytest.mark.parametrize("credentials", LOGINS)
def test_a_login_goes_to_the_sources_own_scheme_host_and_port_alone(
    web: Faultweb, tls: Faultweb, credentials: Credentials
) -> None:
    with Faultweb() as other:
        other.serve("/list", redirect(web.url("/back")))
        web.serve("/back", answer(b"[]"))
        web.serve("/list", redirect("/on"))
        web.serve("/on", redirect(other.url("/list")))
        web.serve("/tls", redirect(tls.serve("/list", answer(b"[]"))))
        ours = client(web.url("/"), credentials)
        ours.get(web.url("/list"))
        ours.get(web.url("/tls"))
        ours.get(other.serve("/direct", answer(b"[]")))
        ours.get(web.url("/back", "localhost"))
        assert web.paths[-1] == "/back"
        assert sent(web) == [True, True, True, True, False]
        assert sent(other) == [False, False]
        assert sent(tls) == [False]


@pytest.mark.parametrize("credentials", LOGINS)
@pytest.mark.parametrize("trick", ["http://{other}\\@{own}/x", "http://{own}@{other}/x", "http://{other}#@{own}/x"])
def test_no_trick_with_an_address_gets_a_login(web: Faultweb, credentials: Credentials, trick: str) -> None:
    """What looks like the own host to one who reads addresses in one way is another to one who reads in another."""
    with Faultweb() as other:
        places = {"own": f"127.0.0.1:{web.port}", "other": f"127.0.0.1:{other.port}"}
        web.serve("/list", redirect(trick.format(**places)))
        error(client(web.url("/"), credentials), web.url("/list"))
        assert sent(web)[0]
        assert not any(sent(other))


def test_what_a_server_repeats_of_a_login_goes_nowhere_else(web: Faultweb) -> None:
    with Faultweb() as other:
        other.serve("/list", answer(b"[]"))
        web.serve("/list", redirect(other.url("/list?page=2&api_key=a+secret&x=&y")))
        reply = client(web.url("/"), Credentials(parameter="api_key", value="a secret")).get(web.url("/list"))
        assert other.paths == ["/list?page=2&x=&y"]
        assert reply.url == other.url("/list?page=2&x=&y")


def test_no_login_comes_from_this_machine(web: Faultweb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("default login ada password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    client().get(web.serve("/list", answer(b"[]")))
    assert sent(web) == [False]


@pytest.mark.parametrize(
    "given",
    [
        {"user": "ada", "token": "s3cr3t"},
        {"token": "s3cr3t\r\nX: y"},
        {"header": "X-Key", "value": "s3cr3t\n"},
        {"header": "X Key:", "value": "s3cr3t"},
    ],
)
def test_a_login_that_cannot_be_sent_is_refused_in_silence(given: dict[str, str]) -> None:
    with pytest.raises(ValueError) as raised:
        Credentials(**given)
    assert "s3cr3t" not in str(raised.value)


FAULTS: list[Script] = [script for script, _ in BROKEN if script != [HANG]] + [script for script, _ in LASTING]


@pytest.mark.parametrize("credentials", LOGINS)
def test_no_error_no_log_and_no_traceback_shows_a_login(
    web: Faultweb, credentials: Credentials, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = credentials.secrets[0]
    echoes = [redirect(f"/no/{each}?api_key={each}") for each in (secret, quote(secret), quote(secret, safe=""))]
    places = [web.serve(f"/{number}", script) for number, script in enumerate([*FAULTS, *echoes])]
    for url in [*places, web.url("/x", "0x7f.1"), "http://127.0.0.1:1/x"]:
        ours = client(url, credentials, retries=0, read=0.1, allow_private_addresses="0x7f.1" not in url)
        _assert_silent(error(ours, url), credentials)
        assert not _shows(f"{ours!r} {credentials!r}", credentials)
    assert any(map(_requested, caplog.messages))
    assert not _shows(caplog.text, credentials)


def _requested(message: str) -> bool:
    return '"GET /' in message


def _shows(text: str, credentials: Credentials) -> bool:
    forms = {*credentials.secrets, repr(credentials.value)[1:-1], "hush", "s3cr"}
    return any(form in text or form in unquote(text) for form in forms if form)


def _assert_silent(raised: BaseException, credentials: Credentials) -> None:
    """Neither in words, nor in what hangs on it, nor in the variables of the code that it came through."""
    assert raised.__cause__ is None and raised.__context__ is None
    assert not _shows(f"{raised} {raised!r} {vars(raised)}", credentials)
    told = traceback.TracebackException.from_exception(raised, capture_locals=True)
    for frame in told.stack:
        if "/app/" in frame.filename or "requests" in frame.filename:
            assert not _shows(str(frame.locals), credentials), frame
    assert not _shows("".join(traceback.format_exception(raised)), credentials)


# --------------------------------------------------------------------------- turns


def test_every_request_waits_for_its_turn(web: Faultweb) -> None:
    turns = Turns(web)
    web.serve("/list", redirect("/on"))
    web.serve("/on", redirect("/there"))
    web.serve("/there", busy(503), answer(b"[]"))
    assert read(client(session=turns), web.url("/list")) == b"[]"
    assert turns.asked_before == [0, 1, 2, 3, 4, 5]
    assert all(after - before == 1 for before, after in pairwise(turns.asked_before))


def test_a_client_opens_nothing_and_keeps_nothing(web: Faultweb) -> None:
    ours = client("http://[")
    assert ours.get(web.serve("/list", answer(b"[]"))).body == b"[]"
    assert not [thread for thread in _ended() if thread.is_alive()]
    assert isinstance(ours.get(web.url("/list")), Reply)


def test_a_server_that_is_not_there_is_an_error_in_the_systems_words() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    url = f"http://127.0.0.1:{port}/list"
    assert str(error(client(), url)) == (
        f"{url} could not be reached (Connection refused): is its server up, and the address right?"
    )
