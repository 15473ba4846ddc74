"""What is written down while the program works, on standard error: sentences for people, or a JSON object a line for a
program. Never a secret: what looks like one is left out, and so are those that the configuration holds."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, MutableMapping
from contextlib import suppress
from datetime import datetime, tzinfo
from typing import Any, Literal

import structlog
from structlog.stdlib import ProcessorFormatter

from app.domain.redaction import redacting

Event = MutableMapping[str, Any]


def begin(
    form: Literal["people", "json"], zone: tzinfo, *, secrets: Collection[str] = (), verbose: bool = False
) -> None:
    """From now on all that is logged is written like that. Times are those of the zone."""
    redact = redacting(secrets)
    last = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else for_people
    handler = _StandardError()
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


class _StandardError(logging.Handler):
    """Nothing of what cannot be written is kept: whoever writes there next, or ends the program, need not fail too."""

    def emit(self, record: logging.LogRecord) -> None:
        data = f"{self.format(record)}\n".encode(errors="backslashreplace")
        with suppress(OSError):
            while data:
                data = data[os.write(2, data) :]


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


def _throughout(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: _throughout(inner, redact) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_throughout(inner, redact) for inner in value]
    return value if isinstance(value, int | float | bool | None) else redact(str(value))
