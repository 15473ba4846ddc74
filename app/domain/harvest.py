"""Which part of a source is read, whether it is, and what came of it: windows of time, and the logs of them.

A window is what one log is about. It is half-open, so that windows that follow each other share nothing and miss
nothing. A source that dates its records is read window by window; one that does not is always read whole, and its
window says when.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.domain.model import LogStatus

FAILURES = 5
"""Runs that failed one after the other, after which a source is no longer asked."""

DAY = timedelta(days=1)

SOON = DAY
"""How far a datestamp may lie outside the window that was asked for: clocks and time zones of catalogues differ."""

LONGEST_PAUSE = 900.0
"""Seconds between two attempts to get a lock."""

DONE = frozenset({LogStatus.SUCCEEDED, LogStatus.SKIPPED})
"""What such a log is about was read once."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """[start, end), UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError(f"a window must begin before it ends; this one begins {self.start} and ends {self.end}")

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def __str__(self) -> str:
        return f"{_at(self.start)} to {_at(self.end)}"


def _at(moment: datetime) -> str:
    text = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return text.removesuffix(" 00:00:00")


# --------------------------------------------------------------------------- windows


def left(wanted: Window, done: Iterable[Window]) -> list[Window]:
    """What none of these covers, in order."""
    found, start = [], wanted.start
    for window in sorted(done):
        if window.end <= start:
            continue
        if window.start >= wanted.end:
            break
        if window.start > start:
            found.append(Window(start, window.start))
        start = window.end
    if start < wanted.end:
        found.append(Window(start, wanted.end))
    return found


def chunks(window: Window, length: timedelta) -> list[Window]:
    """Whole chunks of that length from its start on; the last one is what is left."""
    found, start = [], window.start
    while start < window.end:
        found.append(Window(start, min(start + length, window.end)))
        start = found[-1].end
    return found


def next_whole(last: datetime | None, now: datetime, earliest: datetime | None = None) -> Window | None:
    """The window of a source that is read whole: from where the log before it ended; None: that lies ahead."""
    start = last or earliest or now - DAY
    return Window(start, now) if start < now else None


Step = timedelta | Callable[[datetime], datetime]
"""How long an interval is, or when the one that begins at a moment ends."""


def missing(
    interval: Step,
    cutoff: datetime,
    *,
    last: datetime | None,
    earliest: datetime | None = None,
    dated: bool = True,
) -> list[Window]:
    """The windows for which logs are due: whole intervals up to the cutoff, the remainder waits. They begin where the
    last log ended (`last`), or at `earliest` where that is given and all from then on is wanted; with neither it is
    one interval, or what ended within a day. What is read whole needs no more than one."""
    found, start = [], earliest or last or cutoff - (interval if isinstance(interval, timedelta) else DAY)
    while (end := start + interval if isinstance(interval, timedelta) else interval(start)) <= cutoff:
        found.append(Window(start, end))
        start = end
    return found if dated or not found else [Window(found[0].start, found[-1].end)]


# --------------------------------------------------------------------------- whether


def refusal(
    source: str,
    *,
    enabled: bool,
    deleted: bool,
    latest: Sequence[LogStatus] = (),
    exempt: bool = False,
    force: bool = False,
    ignore_disabled: bool = False,
) -> str:
    """Why a source is not to be read, in words; empty: it is. `latest`: how the last runs with this version of its kind
    ended, newest first; `exempt`: that is no reason, as for a file system, whose outage must end by itself."""
    if force:
        return ""
    if not ignore_disabled and deleted:
        return f"{source} was deleted; --ignore-disabled or --force reads it all the same"
    if not ignore_disabled and not enabled:
        return f"{source} is disabled; `sources enable` enables it, --ignore-disabled or --force reads it all the same"
    ended = [status for status in latest if status in (LogStatus.SUCCEEDED, LogStatus.FAILED)][:FAILURES]
    if not exempt and len(ended) == FAILURES and set(ended) == {LogStatus.FAILED}:
        return (
            f"the last {FAILURES} runs of {source} failed, so it is not asked again; see `runs --source`, mend what is "
            "wrong, and say --force"
        )
    return ""


class Opening(enum.Enum):
    """What is to be done about the log of a window."""

    BEGIN = "begin"
    TAKE_OVER = "take over"
    """somebody had begun, and is gone"""
    SKIP = "skip"


def opening(status: LogStatus | None, *, superfluous: bool = False) -> Opening:
    """`status`: of the log that there is (None: none). `superfluous`: what was done is done again."""
    if status in DONE and not superfluous:
        return Opening.SKIP
    return Opening.TAKE_OVER if status is LogStatus.STARTED else Opening.BEGIN


@dataclass(frozen=True, slots=True)
class Plan:
    """`windows`: what is read, one log each. `split`: the window that these are chunks of, which has a log as well.
    `skipped`: what was asked for was read before, all of it."""

    windows: tuple[Window, ...] = ()
    split: Window | None = None
    skipped: Window | None = None


def plan(
    wanted: Window,
    done: Iterable[Window] = (),
    *,
    dated: bool = True,
    length: timedelta | None = None,
    optimize: bool = True,
    superfluous: bool = False,
) -> Plan:
    """How a window is read. `done`: what was read with success, by this version of the kind; it is cut out unless that
    is not wanted. `length`: from which on it is split."""
    if not dated:
        return Plan((wanted,))
    rest = left(wanted, done) if optimize and not superfluous else [wanted]
    if not rest:
        return Plan(skipped=wanted)
    if length is None or all(window.end - window.start < length for window in rest):
        return Plan(tuple(rest))
    parts = [part for window in rest for part in chunks(window, length)]
    return Plan(tuple(parts), split=wanted if len(parts) > 1 else None)


# --------------------------------------------------------------------------- again


def pause(attempt: int, base: float = 2.0, chance: random.Random | None = None) -> float:
    """Seconds until a lock is asked for again, the `attempt`th time (from 1)."""
    return (1 + (chance or random).random()) * min(base ** min(attempt, 64), LONGEST_PAUSE)


# --------------------------------------------------------------------------- records


class Outside(enum.Enum):
    """How far a record's datestamp is from what was asked for."""

    NOT = "within"
    SLIGHTLY = "less than a day outside"
    FAR = "more than a day outside"


def outside(datestamp: datetime, window: Window) -> Outside:
    if datestamp in window:
        return Outside.NOT
    off = window.start - datestamp if datestamp < window.start else datestamp - window.end
    return Outside.FAR if off > SOON else Outside.SLIGHTLY
