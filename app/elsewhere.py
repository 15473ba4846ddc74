"""Another process that writes outputs in whole, while this one goes on with what happens.

It is a new one each time (not a fork, which would take threads' locks along), and ends with this one.
"""

from __future__ import annotations

import copyreg
import ctypes
import logging
import multiprocessing
import signal
import time
from collections.abc import Collection, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.domain.model import OutputReport
from app.errors import TrackerError

if TYPE_CHECKING:
    from app.config import Config


def _unchangeable(items: dict[str, object]) -> MappingProxyType[str, object]:
    return MappingProxyType(items)


copyreg.pickle(MappingProxyType, lambda proxy: (_unchangeable, (dict(proxy),)))

LONGEST = 1_800.0
"""Seconds that it may take."""

_END_WITH_PARENT = 1
"""PR_SET_PDEATHSIG: prctl(2)."""


class Elsewhere:
    """See `app.triggers.daemon.Elsewhere`. The configuration goes over a pipe, so that nobody sees what is in it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._process: SpawnProcess | None = None
        self._told: Connection | None = None
        self._outputs: Collection[str] = ()
        self._until = 0.0

    def begin(self, outputs: Collection[str]) -> None:
        context = multiprocessing.get_context("spawn")
        told, tell = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(self._config, outputs, tell), daemon=True)
        process.start()
        tell.close()
        self._process, self._told, self._outputs = process, told, outputs
        self._until = time.monotonic() + LONGEST

    @property
    def busy(self) -> bool:
        return self._process is not None

    def done(self) -> Sequence[OutputReport] | None:
        if self._process is None or self._told is None:
            return None
        if not self._told.poll():
            if time.monotonic() < self._until:
                return None
            self.close()
            why = f"the process that wrote it was given up after {LONGEST / 60:g} minutes"
            return [OutputReport(name, "failed", why) for name in self._outputs]
        try:
            reports: Sequence[OutputReport] = self._told.recv()
        except (EOFError, OSError):
            self._process.join(1)
            why = f"the process that wrote it ended unexpectedly (exit code {self._process.exitcode})"
            reports = [OutputReport(name, "failed", why) for name in self._outputs]
        self.close()
        return reports

    def close(self) -> None:
        if self._process is not None and self._told is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._told.close()
            self._process = self._told = None


def _work(config: Config, outputs: Collection[str], tell: Connection) -> None:
    import app

    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that began this
    ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)
    logging.disable()  # what there is to be said is said by the one that began this
    try:
        with app.open_tracker(config) as tracker:
            tell.send(tracker.catch_up(outputs))
    except TrackerError as error:
        tell.send([OutputReport(name, "failed", str(error)) for name in outputs])
