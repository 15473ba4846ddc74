"""The log of a harvest for a person who knows the catalogue and no program: what was asked, what was found, what
changed, what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.catalogue import Change, LogEntry
from app.domain.harvest import FAILURES
from app.domain.model import LogStatus, Severity

SAMPLES = 3
"""Identifiers that are told of each change and of each problem."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records have this problem, and some of them."""

    severity: Severity
    message: str
    count: int
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunLog:
    """A log with all that is told of it. `asked`: the options; `samples`: of records that are new, that changed or that
    are gone; `problems`: the most frequent first, and `kinds` how many kinds there are in all; `failures`: how many
    runs of the source, this one included, failed one after the other."""

    entry: LogEntry
    asked: Mapping[str, Any] = field(default_factory=dict)
    samples: Mapping[Change, Sequence[str]] = field(default_factory=dict)
    problems: Sequence[Tally] = ()
    kinds: int = 0
    failures: int = 0
    traceback: str = ""


def summary(log: RunLog) -> str:
    """How it went, in a sentence."""
    entry, counters = log.entry, log.entry.counters
    records = _counted(counters.seen, "record")
    return {
        LogStatus.CREATED: "It is due, and has not begun.",
        LogStatus.STARTED: f"It is on, or its program died: {records} so far.",
        LogStatus.SPLIT: "It was split into shorter windows, each with a log of its own.",
        LogStatus.SUCCEEDED: f"It went well: {records}.",
        LogStatus.FAILED: f"It failed after {records}: {entry.error_message}.",
        LogStatus.RESCHEDULED: "Another harvest of the source was on, so it was put off.",
        LogStatus.SKIPPED: "It was skipped, for all of it had been read before.",
        LogStatus.CANCELLED: f"It was stopped after {records} ({entry.error_message}).",
    }[entry.status]


def asked(log: RunLog) -> str:
    """What was asked for, in a sentence."""
    parts = ["all records" if log.entry.whole else "records"]
    if (limit := log.asked.get("limit")) is not None:
        parts = [f"at most {_counted(limit, 'record')}"]
    parts.append(f"of {log.entry.source}, {log.entry.window}")
    also = [words for name, words in _OPTIONS.items() if log.asked.get(name)]
    left_out = [words for name, words in _LEFT_OUT.items() if log.asked.get(name) is False]
    return "; ".join([" ".join(parts), *also, *left_out])


_OPTIONS = {
    "superfluous": "also what was read before",
    "force": "whatever spoke against it",
    "ignore_disabled": "though it may be disabled",
}
_LEFT_OUT = {"transform": "only to keep it, not to understand it", "optimize": "also windows that were read before"}


def advice(log: RunLog) -> list[str]:
    """What to do next; nothing where there is nothing to do."""
    entry, found = log.entry, []
    if entry.status is LogStatus.FAILED:
        if log.failures >= FAILURES:
            found.append(
                f"The last {log.failures} runs failed: it is not read again unless somebody says --force. See that its "
                "address is right and its server well."
            )
        else:
            found.append("What was read is kept. It is read again with the next run; see that its server is well.")
    if entry.status is LogStatus.CANCELLED:
        found.append("What was read is kept; the next run goes on.")
    errors = sum(tally.count for tally in log.problems if tally.severity is Severity.ERROR)
    if errors:
        found.append(
            f"{_counted(errors, 'record')} could not be used: tell the people of the catalogue, who have their "
            f"identifiers from `runs problems h{entry.id}`."
        )
    counters = entry.counters
    if counters.gone and counters.gone >= counters.seen:
        found.append("More is gone than is left: look at the catalogue before you let that through.")
    return found


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + "s" * (number != 1)
