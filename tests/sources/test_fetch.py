from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import stamina

from app.errors import SourceError
from app.sources import fetch
from tests.servers.website import Reply, Website

QUICK = {"source": "listing", "connect": 2.0, "read": 0.3, "total": 5.0, "retries": 2}


@pytest.fixture(autouse=True)
def without_pauses() -> Iterator[None]:
    """Failures are tried again as often as asked, but without waiting."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def get(url: str, **given: Any) -> bytes:
    return fetch.get(url, **{**QUICK, **given})


def error(url: str, **given: Any) -> SourceError:
    with pytest.raises(SourceError) as raised:
        get(url, **given)
    return raised.value


# --------------------------------------------------------------------------- answers


@pytest.mark.parametrize("body", [b"[]", b"", bytes(range(256)) * 2000])
def test_the_body_is_what_was_sent(website: Website, body: bytes) -> None:
    assert get(website.serve("/list", body)) == body


def test_a_compressed_body_is_unpacked(website: Website) -> None:
    packed = gzip.compress(b"[]" * 1000)
    assert get(website.serve("/list", packed, headers={"Content-Encoding": "gzip"})) == b"[]" * 1000


def test_the_request_says_who_asks_and_no_address_of_a_person(website: Website) -> None:
    get(website.serve("/list", b"[]"))
    agent = website.requests[0].headers["user-agent"]
    assert agent.startswith("ingest-tracker")
    assert "@" not in agent


def test_redirects_are_followed(website: Website) -> None:
    website.serve("/old", status=301, headers={"Location": website.serve("/new", b"[]")})
    assert get(website.url("/old")) == b"[]"


# --------------------------------------------------------------------------- failures that may pass


@pytest.mark.parametrize(
    "failure",
    [
        Reply(status=429),
        Reply(status=429, headers={"Retry-After": "0"}),
        Reply(status=500),
        Reply(status=503),
        Reply(close=True),
        Reply(b"[1, 2]", truncate=3),
        Reply(b"[1, 2]", headers={"Content-Encoding": "gzip"}),
        Reply(hang=True),
    ],
)
def test_what_may_pass_is_tried_again_and_nothing_is_said_of_it(
    website: Website, failure: Reply, capfd: pytest.CaptureFixture[str]
) -> None:
    url = website.serve_in_turn("/list", failure, failure, Reply(b"[]"))
    assert get(url) == b"[]"
    assert len(website.requests) == 3
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (Reply(status=503), "answered 503: its server is in trouble; try again later"),
        (Reply(status=429), "answered 429: it wants to be asked less often; try again later"),
        (Reply(close=True), "could not be reached ("),
        (Reply(b"[1, 2]", truncate=3), "stopped in the middle of its answer: try again later"),
        (Reply(hang=True), "is silent: is its server up? Try again later"),
    ],
)
def test_what_does_not_pass_is_an_error_that_says_so(website: Website, failure: Reply, says: str) -> None:
    url = website.serve_in_turn("/list", failure)
    raised = error(url)
    assert str(raised).startswith(f"{url} {says}")
    assert (raised.source, raised.where, raised.permanent) == ("listing", url, False)
    assert len(website.requests) == 3


def test_a_pause_that_the_server_asks_for_and_that_does_not_fit_is_not_begun(website: Website) -> None:
    website.serve("/list", status=503, headers={"Retry-After": "3600"})
    with stamina.set_testing(False):
        assert "answered 503" in str(error(website.url("/list")))
    assert len(website.requests) == 1


def test_a_pause_that_the_server_asks_for_is_kept(website: Website) -> None:
    website.serve_in_turn("/list", Reply(status=503, headers={"Retry-After": "1"}), Reply(b"[]"))
    begun = time.monotonic()
    with stamina.set_testing(False):
        assert get(website.url("/list")) == b"[]"
    assert time.monotonic() - begun >= 1


NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0),
        ("7", 7),
        ("3600", 60),
        ("-7", 0),
        ("soon", 0),
        ("\u00b2", 0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 22 Nov 2099 11:00:00 GMT", 60),
        ("Sun, 22 Nov 2026 12:00:30", 0),
        ("Sun, 99 Nov 2026 12:00:30 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_reason(header: str, seconds: float) -> None:
    assert fetch.retry_after(header, NOW) == seconds


# --------------------------------------------------------------------------- failures that last


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(status=401), "answered 401: a login or key is needed"),
        (Reply(status=403), "answered 403: access is not allowed from here, or a login or key is needed"),
        (Reply(status=404), "answered 404: check the address"),
        (Reply(status=304), "answered 304: check the address"),
        (Reply(b"x" * 1001), "sends more than 1000 bytes, the most that is taken in"),
        (
            Reply(gzip.compress(b"x" * 10_000_000), headers={"Content-Encoding": "gzip"}),
            "sends more than 1000 bytes, the most that is taken in",
        ),
    ],
)
def test_what_lasts_is_not_tried_again(website: Website, reply: Reply, says: str) -> None:
    url = website.serve_in_turn("/list", reply)
    raised = error(url, max_bytes=1000)
    assert str(raised) == f"{url} {says}"
    assert raised.permanent
    assert len(website.requests) == 1


def test_redirects_in_a_circle_end(website: Website) -> None:
    url = website.serve("/list", status=302, headers={"Location": website.url("/list")})
    assert str(error(url)) == f"{url} redirects more than 5 times: check the address"


@pytest.mark.parametrize(
    "url", ["http://", "http://[", "ftp://example.org/x", "http://exa mple.org/", "http://.example.org/"]
)
def test_what_is_no_address_is_an_error(url: str) -> None:
    assert error(url).permanent


def test_a_server_that_is_not_there_is_an_error_in_the_systems_words() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    says = "could not be reached (Connection refused): is its server up, and the address right?"
    assert str(error(f"http://127.0.0.1:{port}/list")) == f"http://127.0.0.1:{port}/list {says}"


# --------------------------------------------------------------------------- time


@contextmanager
def dripping(before: bytes, drip: bytes) -> Iterator[str]:
    """A server that sends something at once, and then for ever a little now and then; its address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        done = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(before)
                while not done.wait(0.02):
                    try:
                        connection.sendall(drip)
                    except OSError:  # the client has gone, as it should
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/list"
        done.set()
        thread.join()


@pytest.mark.parametrize(
    ("before", "drip"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\n", b"X"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Drip: y\r\n"),
        (b"", b"H"),
    ],
)
def test_a_server_that_drips_does_not_hold_us_longer_than_allowed(before: bytes, drip: bytes) -> None:
    """Neither in its headers nor in its body, though it is never silent."""
    with dripping(before, drip) as url:
        begun = time.monotonic()
        raised = error(url, total=0.5, retries=0)
        assert time.monotonic() - begun < 3
        assert str(raised).startswith(f"{url} ")


def test_nothing_goes_on_reading_behind_our_back() -> None:
    with dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x") as url:
        error(url, total=0.5, retries=0)
        reading = [thread for thread in threading.enumerate() if thread.name == "fetch" and thread.is_alive()]
        for thread in reading:
            thread.join(5)
        assert not any(thread.is_alive() for thread in reading)


# --------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/gxa/json/experiments", "https://example.org/gxa/json/experiments"),
        ("https://ada:s3cret@example.org:8443/x", "https://example.org:8443/x"),
        ("https://example.org/x?type=sc&key=s3cret#s3cret", "https://example.org/x?type=...&key=..."),
        ("https://example.org/x?s3cret", "https://example.org/x?"),
        ("http://s3cret@[broken", "an address that cannot be read"),
        ("https://example.org/new\nline", "https://example.org/newline"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert fetch.shown(url) == shown


@pytest.mark.parametrize(
    "reply", [Reply(status=404), Reply(status=503), Reply(close=True), Reply(hang=True), Reply(b"[1]", truncate=1)]
)
def test_no_error_holds_a_secret_nor_does_what_caused_it(website: Website, reply: Reply) -> None:
    website.serve_in_turn("/list", reply)
    address = website.url("/list?key=s3cret").replace("http://", "http://ada:s3cret@")
    raised: BaseException | None = error(address)
    assert "key=..." in str(raised)
    while raised is not None:
        assert "s3cret" not in f"{raised} {raised!r} {vars(raised)}"
        raised = raised.__cause__ or (None if raised.__suppress_context__ else raised.__context__)
