"""What is written down: sentences or JSON, and never a secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from app import logs
from app.domain.redaction import HIDDEN, redacting

ZONE = ZoneInfo("Asia/Kathmandu")


def told(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return capfd.readouterr().err.splitlines()


def test_for_people_a_line_is_a_time_and_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    logs.begin("people", ZONE)
    logging.getLogger("x").info("E-MTAB-1 is now analysing", extra={"dataset": "E-MTAB-1"})
    logging.getLogger("y").warning("%s is %s", "loading", "not there")
    first, second = told(capfd)
    assert first[19:] == " E-MTAB-1 is now analysing"
    assert second[19:] == " warning: loading is not there"
    written = datetime.fromisoformat(first[:19]).replace(tzinfo=ZONE)
    assert abs((datetime.now(ZONE) - written).total_seconds()) < 60


def test_for_programs_a_line_is_an_object_with_the_facts(capfd: pytest.CaptureFixture[str]) -> None:
    logs.begin("json", ZONE)
    logging.getLogger("x").info("E-MTAB-1 is now analysing", extra={"dataset": "E-MTAB-1", "run": 3, "before": None})
    logging.getLogger("y").error("ü\n%s", "second line", extra={"source": "loading"})
    first, second = map(json.loads, told(capfd))
    assert datetime.fromisoformat(first.pop("timestamp")).utcoffset() == ZONE.utcoffset(datetime.now())
    assert first == {
        "level": "info", "event": "E-MTAB-1 is now analysing", "dataset": "E-MTAB-1", "run": 3, "before": None
    }  # fmt: skip
    assert (second["event"], second["level"], second["source"]) == ("ü\nsecond line", "error", "loading")


def test_text_from_files_neither_commands_the_terminal_nor_looks_like_another_line(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logs.begin("people", ZONE)
    logging.getLogger("x").error("E-MTAB-1\n2026-01-01 00:00:00 error: \x1b[31mall is lost\r")
    (line,) = told(capfd)
    assert line[19:] == " error: E-MTAB-1\ufffd2026-01-01 00:00:00 error: \ufffd[31mall is lost\ufffd"


def test_what_was_raised_is_told_below(capfd: pytest.CaptureFixture[str]) -> None:
    logs.begin("people", ZONE)
    try:
        raise ValueError("postgresql://curator:hunter2@db.example.org/x")
    except ValueError:
        logging.getLogger("x").exception("a fault")
    lines = told(capfd)
    assert lines[0].endswith(" error: a fault")
    assert lines[-1] == "    ValueError: postgresql://curator:***@db.example.org/x"


@pytest.mark.parametrize("verbose, count", [(False, 2), (True, 6)])
def test_what_is_told_in_each_report_is_only_told_on_demand(
    capfd: pytest.CaptureFixture[str], verbose: bool, count: int
) -> None:
    logs.begin("people", ZONE, verbose=verbose)
    for name in ("app.crawl", "app.triggers.keeper"):
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            logging.getLogger(name).log(level, "said")
    assert len(told(capfd)) == count + (0 if not verbose else -1)


# --------------------------------------------------------------------------- secrets

SECRET = "kXy:9/@z"
KEY_FILE = json.dumps(
    {
        "type": "service_account",
        "private_key_id": "f00d",
        "private_key": "-----BEGIN PRIVATE KEY-----\nMIIabc123\n-----END PRIVATE KEY-----\n",
    }
)


@pytest.mark.parametrize("form", ["people", "json"])
@pytest.mark.parametrize(
    "text, shown",
    [
        (f"cannot reach postgresql://curator:{SECRET}@db.example.org:5432/x?a=b now", "postgresql://curator:***@db"),
        ("Authorization: Bearer ya29.a0AfH6SMBx-_y", "Bearer ***"),
        ('{"password": "x7Zz,", "user": "curator"}', '"password": "***'),
        ("PGPASSWORD=abcd1234 psql", "PGPASSWORD=*** psql"),
        ("https://example.org/x?api_key=abc123&view=1", "api_key=***&view=1"),
        ("https://example.org/x?accessKey=abc123&view=1", "accessKey=***&view=1"),
        ("-----BEGIN PRIVATE KEY-----\nMIIabc123\n-----END PRIVATE KEY----- end", "*** end"),
        (f"the driver says: {SECRET} is wrong", "the driver says: *** is wrong"),
        (f"the driver says: {SECRET.replace(':', '%3A').replace('/', '%2F').replace('@', '%40')} is wrong", "***"),
        ("git clone https://gtok_abc123@example.org/x", "https://***@example.org/x"),
        ("https://example.org/x?sp=r&sig=abc123%3D&se=1", "sig=***&se=1"),
        ("passphrase = 'it\\'s abc123'; user = 'x'", "passphrase = '***'; user = 'x'"),
        (KEY_FILE, '"type": "service_account"'),
    ],
)
def test_what_looks_like_a_secret_or_is_one_is_left_out(
    capfd: pytest.CaptureFixture[str], form: Literal["people", "json"], text: str, shown: str
) -> None:
    logs.begin(form, ZONE, secrets=[SECRET])
    logging.getLogger("x").error(text)
    logging.getLogger("y").error("said", extra={"facts": {"inner": [text]}, "path": text})
    out = capfd.readouterr().err
    assert shown in (json.loads(out.splitlines()[0])["event"] if form == "json" else out)
    assert not [part for part in (SECRET, "a0AfH6", "x7Zz", "abcd1234", "abc123") if part in out]


@pytest.mark.parametrize(
    "text",
    [
        "E-MTAB-1 is now analysing: it is in /nfs/analysing/E-MTAB-1 since 10:30:00",
        "the key of a problem: 1a2b3c; the token file is missing",
        "https://example.org:8080/a?b=c",
        "2 reads, 1 write; passwords are never shown",
    ],
)
def test_what_is_no_secret_is_told_as_it_is(capfd: pytest.CaptureFixture[str], text: str) -> None:
    logs.begin("people", ZONE, secrets=["", "abc"])
    logging.getLogger("x").error("%s", text)
    assert told(capfd)[0].endswith(f" error: {text}")


@pytest.mark.parametrize("form", [str, repr, json.dumps, lambda text: json.dumps(text, ensure_ascii=False)])
def test_a_secret_is_left_out_however_it_is_written(form: Callable[[str], str]) -> None:
    redact = redacting(['p"a\\ss wö', "abcdef"])
    assert redact(form('p"a\\ss wö')).strip("'\"") == HIDDEN
    assert redact("p%22a%5Css+w%C3%B6, p%22a%5Css%20w%C3%B6") == "***, ***"


def test_long_text_takes_no_longer_for_what_it_nearly_says() -> None:
    """Quadratic, this would take minutes."""
    for text in ("key-" * 100_000, "://" + "a" * 400_000, "password='" + "\\" * 400_000, "-----BEGIN " * 40_000):
        assert len(redacting(["abcdef"])(text)) > 5
