"""What is written down while the program works, on standard error: sentences for people, or a JSON object a line for a
program. Never a secret: what looks like one is left out, and so are those that the configuration holds."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Collection, MutableMapping
from datetime import datetime, tzinfo
from typing import Any, Literal

import structlog
from structlog.stdlib import ProcessorFormatter

Event = MutableMapping[str, Any]

HIDDEN = "***"


def begin(
    form: Literal["people", "json"], zone: tzinfo, *, secrets: Collection[str] = (), verbose: bool = False
) -> None:
    """From now on all that is logged is written like that. Times are those of the zone."""
    redact = redacting(secrets)
    last = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else for_people
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
                lambda _, __, event: {**event, "timestamp": datetime.now(zone).isoformat(timespec="milliseconds")},
                structlog.processors.format_exc_info,
            ],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                lambda _, __, event: {name: _throughout(event[name], redact) for name in sorted(event, key=_first)},
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    for name in ("app.crawl", "app.tracker", "urllib3", "google", "sqlalchemy", "alembic", "schedule"):
        # what matters of it is in the report of each run
        logging.getLogger(name).setLevel(logging.INFO if verbose and name.startswith("app") else logging.ERROR)


def _first(name: str) -> int:
    order = ("timestamp", "level", "event")
    return order.index(name) if name in order else len(order)


def say(sentence: str, *, bad: bool = False) -> None:
    """What there is to be said of the program itself."""
    logging.getLogger("ingest-tracker").log(logging.ERROR if bad else logging.INFO, "%s", sentence)


def for_people(_: object, __: str, event: Event) -> str:
    """A line that begins with the time, and with how bad it is where it is; what else is known of it is left out."""
    level, said = str(event.get("level", "info")), str(event.get("event", ""))
    moment = datetime.fromisoformat(event["timestamp"])
    lines = [f"{moment:%Y-%m-%d %H:%M:%S} {'' if level in ('info', 'debug') else f'{level}: '}{_on_a_line(said)}"]
    if error := event.get("exception"):
        lines += [f"    {_on_a_line(line)}" for line in str(error).splitlines()]
    return "\n".join(lines)


def _on_a_line(text: str) -> str:
    """Text from files must not command the terminal, nor look like another line."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


# --------------------------------------------------------------------------- secrets

_LOOKS_SECRET = (
    (re.compile(r"(://[^\s:/?#@'\"]*):[^\s'\"]*@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"(?i)((?:[\w-]*[_-])?(?:pass(?:word|wd)?|pwd|secret|token|(?:api|access|private|auth)_?key|accesskey)"
            r"['\"]?\s*[=:]\s*['\"]?)(?!\*)[^\s'\"&,;)}\]]+"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
)

SHORTEST = 4
"""Characters of a secret that is looked for as such: to hide shorter ones would garble everything."""


def redacting(secrets: Collection[str]) -> Callable[[str], str]:
    """Text without these, and without what looks like a secret."""
    known = [re.escape(secret) for secret in sorted(set(secrets), key=len, reverse=True) if len(secret) >= SHORTEST]
    exact = re.compile("|".join(known)) if known else None

    def redacted(text: str) -> str:
        for pattern, shown in _LOOKS_SECRET:
            text = pattern.sub(shown, text)
        return exact.sub(HIDDEN, text) if exact else text

    return redacted


def _throughout(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: _throughout(inner, redact) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_throughout(inner, redact) for inner in value]
    return value if isinstance(value, int | float | bool | None) else redact(str(value))
