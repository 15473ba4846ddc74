"""One place, attended by one thread. The place may make it wait for ever; then nobody else waits."""

from __future__ import annotations

import errno
import logging
import math
import os
import select
import stat
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from app.triggers.inotify import LostError, NoEventsError, Watches

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """`name`: the source's. `events`: whether file events are told there, by a file system of this kind."""

    name: str
    path: Path
    events: bool
    scan_every: timedelta
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Mode:
    """How changes are told now. They are not while it is `waiting` (it is not there, or is being set up) or `silent`
    (it does not answer)."""

    how: Literal["events", "scan", "waiting", "silent"]
    why: str


BEING_SET_UP = "being set up"


class Woken(NamedTuple):
    events: bool
    mounts: bool


class Keeper:
    """`touch(names)` and `whole(why)` are called from its thread. `patience`: seconds after which the place is said not
    to answer."""

    def __init__(
        self,
        place: Place,
        touch: Callable[[set[bytes]], None],
        whole: Callable[[str], None],
        patience: float,
    ) -> None:
        self._place, self._path, self._every = place, os.fsencode(place.path), place.scan_every.total_seconds()
        self._touch, self._whole = touch, whole
        self._patience = patience
        self._mode = Mode("waiting", BEING_SET_UP)
        self._there = True
        self._asked: float | None = None  # since when the place is to answer
        self._silent = self._late = False
        self._pending, self._due = False, 0.0
        self._mounts: int | None = None
        self._bell: tuple[int, int] | None = None
        self._ringing = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"place {place.name}", daemon=True)

    # ----------------------------------------------------------------------- asked by others

    def start(self) -> None:
        self._bell = os.pipe()
        os.set_blocking(self._bell[1], False)
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._ring()

    def end(self, timeout: float) -> None:
        """Waits that long for it after `stop`. What still waits for its place then is left behind."""
        self._thread.join(timeout)
        with self._ringing:
            if self._bell and not self._thread.is_alive():
                for file in self._bell:
                    os.close(file)
                self._bell = None

    def given(self) -> None:
        """The word that it is to be looked at in whole was given out: the next interval begins."""
        self._pending, self._due = False, time.monotonic() + self._every
        self._ring()

    @property
    def mode(self) -> Mode:
        asked = self._asked
        if asked is None or (silence := time.monotonic() - asked) <= self._patience:
            return self._mode
        return Mode("silent", f"does not answer since {datetime.now(UTC) - timedelta(seconds=silence):%H:%M:%S} UTC")

    def notice(self) -> str:
        """To be called now and then, for who waits for an answer cannot say so; what there is to be said, once."""
        now = self.mode
        if now.how != "silent" or self._silent:
            return ""
        self._silent = True
        logger.warning("%s: %s", self._place.name, now.why)
        return now.why

    def _ring(self) -> None:
        with self._ringing, suppress(BlockingIOError):  # that much has not been heard: no need for more
            if self._bell:
                os.write(self._bell[1], b".")

    # ----------------------------------------------------------------------- its thread

    def _run(self) -> None:
        with ExitStack() as opened:
            with suppress(OSError):  # not every system has it: then the place is compared at intervals only
                self._mounts = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
                opened.callback(os.close, self._mounts)
            why = "it is looked at for the first time"
            while not self._stopping:
                try:
                    why = self._attend(why)
                except OSError as error:
                    if not self._stopping:
                        why = self._miss(_reason(error))
                except Exception:  # whatever it is, the place must not be forgotten for it
                    logger.exception("%s: something unforeseen; it is begun anew", self._place.name)
                    why = "something went wrong while it was watched"
                    self._rest(self._every)

    def _attend(self, why: str) -> str:
        """Goes on until it is to begin anew, and returns why it is to be looked at in whole then. Raises OSError if the
        place is not there."""
        seen = self._look()
        self._there = True
        if not self._place.events:
            return self._scan(seen, why, f"{self._place.kind or 'its file system'} tells no file events")
        try:
            with closing(Watches(self._path, self._beat)) as watches:
                return self._follow(watches, seen, why)
        except LostError as lost:
            return str(lost)
        except NoEventsError as error:
            return self._scan(
                seen, f"there may be changes of which nothing was told: {error}", str(error), error.is_over
            )
        except OSError as error:  # of the place as well: then it is missed at the first look
            reason = _reason(error)
            return self._scan(seen, f"there may be changes of which nothing was told: {reason}", reason, lambda: True)

    def _miss(self, reason: str) -> str:
        if self._there:
            self._there = False
            self._tell_whole(f"it is not there any more: {reason}")
        self._is(Mode("waiting", f"not there, looked for every second: {reason}"))
        self._rest(_PAUSE)
        return "it is there again"

    def _follow(self, watches: Watches, seen: Seen, why: str) -> str:
        """By events."""
        same, due = self._look() == seen, time.monotonic() + self._every
        if same:
            self._tell_whole(why)
        while same and not self._stopping:
            self._is(Mode("events", f"file events (inotify), {watches.folders:,} folders"))
            woken = self._rest(due - time.monotonic(), watches)
            touched = watches.read() if woken.events else set()
            is_due = time.monotonic() >= due
            if is_due:
                touched |= watches.unsure()
                due = time.monotonic() + self._every
            if is_due or woken.mounts or b"" in touched:
                same = self._look() == seen
            self._touch(touched - {b""})
        return _OTHER

    def _scan(self, seen: Seen, why: str, reason: str, may_be_watched: Callable[[], bool] = lambda: False) -> str:
        """By looks at intervals. Each begins when the word of the last was given out."""
        every = f"looked at every {self._every:g} s"
        while self._look() == seen:
            self._is(Mode("scan", f"{every}: {reason}"))
            self._tell_whole(why)
            why = f"it is {every}"
            while not self._stopping and (self._pending or time.monotonic() < self._due):
                woken = self._rest(None if self._pending else self._due - time.monotonic())
                if woken.mounts and self._look() != seen:
                    return _OTHER
            if self._stopping or may_be_watched():
                return why
        return _OTHER

    def _look(self) -> Seen:
        """What is another one once it is another directory, or other users may read it."""
        self._beat()
        seen = os.stat(self._path)  # noqa: PTH116 - any name is a name
        if not stat.S_ISDIR(seen.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return seen.st_dev, seen.st_ino, seen.st_mode, seen.st_uid, seen.st_gid

    def _rest(self, seconds: float | None, watches: Watches | None = None) -> Woken:
        """Until something happens, at most that long."""
        self._beat()
        self._asked = None
        if self._late:
            self._late = False
            self._tell_whole("it answers again")
        if self._silent:
            self._silent = False
            logger.info("%s: answers again", self._place.name)
        poll = select.poll()
        assert self._bell
        poll.register(self._bell[0], select.POLLIN)
        if self._mounts is not None:
            poll.register(self._mounts, select.POLLPRI)
        if watches:
            poll.register(watches, select.POLLIN)
        ready = {file for file, _ in poll.poll(None if seconds is None else max(0, math.ceil(seconds * 1000)))}
        if self._bell[0] in ready:
            os.read(self._bell[0], 4096)
        return Woken(watches is not None and watches.fileno() in ready, self._mounts in ready)

    def _beat(self) -> None:
        """Before each step that may take for ever."""
        now = time.monotonic()
        self._late = self._late or (self._asked is not None and now - self._asked > self._patience)
        self._asked = now

    def _tell_whole(self, why: str) -> None:
        self._pending = True
        self._whole(why)

    def _is(self, mode: Mode) -> None:
        """Says so where it is another than before: a line for each change, not for each new folder."""
        before, self._mode = self._mode, mode
        if before != mode and not before.how == mode.how == "events":
            wanted = "events" if self._place.events else "scan"
            logger.log(logging.INFO if mode.how == wanted else logging.WARNING, "%s: %s", self._place.name, mode.why)


Seen = tuple[int, int, int, int, int]

_PAUSE = 1.0
"""Seconds between two looks for a place that is not there."""

_OTHER = "it is another directory than before, or has another owner or other permissions"


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
