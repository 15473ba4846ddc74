"""How the daemon is, for those who ask; whoever asks cannot harm it."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from app.domain.redaction import redacting
from app.errors import UsageError
from app.triggers import health as health_room
from app.triggers.health import AT_ONCE, Health, served


@pytest.fixture
def health() -> Health:
    health = Health("0.1.0")
    health.doing("")
    return health


@pytest.fixture
def port(health: Health) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with served(health, port) as port:
        yield port


def get(port: int, path: str = "/healthz") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_well_it_answers_200_and_in_trouble_503(health: Health, port: int) -> None:
    assert get(port)[0] == 200
    health.failed("the store is down")
    status, body = get(port)
    assert (status, json.loads(body)["trouble"]) == (503, "the store is down")
    assert b"ingest_tracker_healthy 0.0" in get(port, "/metrics")[1]
    assert get(port, "/else") == (404, b"/healthz and /metrics\n")


def test_a_job_of_which_nothing_is_heard_is_trouble(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    health.doing("publishing json")
    began = time.monotonic()
    monkeypatch.setattr(health_room.time, "monotonic", lambda: began + health_room.STUCK - 1)
    assert health.trouble == ""
    monkeypatch.setattr(health_room.time, "monotonic", lambda: began + health_room.STUCK + 2)
    assert health.trouble.startswith("publishing json since 90")
    health.doing("publishing google_sheets")
    assert health.trouble == ""


def test_no_secret_is_told(health: Health) -> None:
    health.redact = redacting(["hunter2!"])
    health.sources(["a"])
    health.failed("postgresql://curator:abc@db.example.org is down: hunter2!")
    health._places["a"].error = "https://example.org/x?sig=abc123 says hunter2!"
    told = json.dumps(health.told())
    assert "postgresql://curator:***@db.example.org is down: ***" in told
    assert "hunter2" not in told and "abc" not in told


def test_a_port_that_is_taken_is_said(port: int) -> None:
    with pytest.raises(UsageError, match=f"port {port} of this machine cannot be had"), served(Health("x"), port):
        pass


def test_those_who_connect_and_say_nothing_take_no_more_than_their_share(health: Health, port: int) -> None:
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(AT_ONCE)]
    try:
        deadline = time.monotonic() + 5
        while True:  # until all of them are held
            try:
                get(port)
            except (ConnectionError, http.client.HTTPException):
                break
            assert time.monotonic() < deadline
    finally:
        for each in idle:
            each.close()
    deadline = time.monotonic() + 5
    while True:
        try:
            assert get(port)[0] == 200
            return
        except (ConnectionError, http.client.HTTPException):
            assert time.monotonic() < deadline, "it never answers again"


def test_those_who_go_away_are_not_spoken_of(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port)) as each:
            each.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
    assert get(port)[0] == 200
    assert capfd.readouterr() == ("", "")
