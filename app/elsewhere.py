"""Other processes that do what takes long (they write outputs in whole, and read catalogues), while this one goes on
with what happens.

It is a new one each time (not a fork, which would take threads' locks along), and ends with this one.
"""

from __future__ import annotations

import copyreg
import ctypes
import logging
import multiprocessing
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from app.domain.model import OutputReport
from app.errors import TrackerError

if TYPE_CHECKING:
    from app.config import Config
    from app.domain.catalogue import Harvested
    from app.tracker import Tracker

T = TypeVar("T")


def _unchangeable(items: dict[str, object]) -> MappingProxyType[str, object]:
    return MappingProxyType(items)


copyreg.pickle(MappingProxyType, lambda proxy: (_unchangeable, (dict(proxy),)))

LONGEST = 1_800.0
"""Seconds that outputs may take."""

GRACE = 3.0
"""Seconds in which it may end by itself what it is at, once this one ends."""

_END_WITH_PARENT = 1
"""PR_SET_PDEATHSIG: prctl(2)."""


class _Elsewhere(ABC, Generic[T]):
    """See `app.triggers.daemon.Elsewhere`. The configuration goes over a pipe, so that nobody sees what is in it."""

    what: str

    def __init__(self, config: Config, longest: float) -> None:
        self._config, self._longest = config, longest
        self._process: SpawnProcess | None = None
        self._told: Connection | None = None
        self._names: Collection[str] = ()
        self._until = 0.0

    @staticmethod
    @abstractmethod
    def work(tracker: Tracker, names: Collection[str]) -> T:
        """What is done there."""

    @staticmethod
    @abstractmethod
    def lost(names: Collection[str], why: str) -> T:
        """What is said where it could not be done."""

    def begin(self, names: Collection[str]) -> None:
        context = multiprocessing.get_context("spawn")
        told, tell = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(type(self), self._config, names, tell), daemon=True)
        process.start()
        tell.close()
        self._process, self._told, self._names = process, told, names
        self._until = time.monotonic() + self._longest

    @property
    def busy(self) -> bool:
        return self._process is not None

    def done(self) -> T | None:
        if self._process is None or self._told is None:
            return None
        if not self._told.poll():
            if time.monotonic() < self._until:
                return None
            self.close()
            return self.lost(self._names, f"the process that {self.what} was given up: it took too long")
        try:
            reports: T = self._told.recv()
        except (EOFError, OSError):
            self._process.join(1)
            why = f"the process that {self.what} ended unexpectedly (exit code {self._process.exitcode})"
            reports = self.lost(self._names, why)
        self.close()
        return reports

    def close(self) -> None:
        if self._process is not None and self._told is not None:
            self._process.terminate()
            self._process.join(GRACE)
            self._process.kill()
            self._process.join()
            self._process.close()
            self._told.close()
            self._process = self._told = None


class Outputs(_Elsewhere[Sequence[OutputReport]]):
    """Writes outputs in whole."""

    what = "wrote it"

    def __init__(self, config: Config) -> None:
        super().__init__(config, LONGEST)

    @staticmethod
    def work(tracker: Tracker, names: Collection[str]) -> Sequence[OutputReport]:
        return tracker.catch_up(names)

    @staticmethod
    def lost(names: Collection[str], why: str) -> Sequence[OutputReport]:
        return [OutputReport(name, "failed", why) for name in names]


class Catalogues(_Elsewhere["Harvested"]):
    """Reads catalogues, and keeps what they say."""

    what = "read it"

    def __init__(self, config: Config) -> None:
        super().__init__(config, LONGEST + len(config.sources) * config.harvest.longest.total_seconds())

    @staticmethod
    def work(tracker: Tracker, names: Collection[str]) -> Harvested:
        return tracker.collect(names)

    @staticmethod
    def lost(names: Collection[str], why: str) -> Harvested:
        from app.domain.catalogue import Harvested

        return Harvested(refused=dict.fromkeys(names, why))


def _work(kind: type[_Elsewhere[T]], config: Config, names: Collection[str], tell: Connection) -> None:
    import app

    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that began this
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)
    logging.disable()  # what there is to be said is said by the one that began this
    try:
        with app.open_tracker(config) as tracker:
            tell.send(kind.work(tracker, names))
    except TrackerError as error:
        tell.send(kind.lost(names, str(error)))


def _stop(number: int, frame: object) -> None:
    raise SystemExit(128 + number)
