"""Tells what changed in places: by file events where there are any, else by a word now and then that it may have.

Each place has a thread of its own, which alone ever touches it (`keeper`), and an inotify descriptor of its own: one
that makes its thread wait for ever, or floods it, takes nothing from the others.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

import app
from app.config import Config
from app.triggers.batches import Batch, Collector
from app.triggers.keeper import Keeper, Mode, Place

__all__ = ["Batch", "Mode", "Place", "Watcher", "places"]


def places(config: Config) -> list[Place]:
    """Where files may change, and whether that is told there."""
    kinds = app.file_systems(config)
    return [
        Place(source.name, Path(source.location), kinds[source.name][1], config.watch.scan_every, kinds[source.name][0])
        for source in config.sources
        if source.name in kinds and source.enabled
    ]


class Watcher:
    """Any thread may call it. The first word of each place is that it is to be looked at in whole: what changed before
    it was watched, nobody saw. `patience`: after how long a place is said not to answer."""

    def __init__(
        self,
        places: Iterable[Place],
        *,
        debounce: timedelta = timedelta(seconds=0.5),
        longest: timedelta = timedelta(seconds=5),
        most: int = 1_000,
        patience: timedelta = timedelta(seconds=10),
    ) -> None:
        self._collector = Collector(debounce.total_seconds(), longest.total_seconds(), most)
        self._changed = threading.Condition()
        self._stopped = False
        self._keepers = {
            place.name: Keeper(
                place, partial(self._touch, place.name), partial(self._whole, place.name), patience.total_seconds()
            )
            for place in places
        }

    def start(self) -> None:
        """Returns at once: each place is set up by itself."""
        for keeper in self._keepers.values():
            keeper.start()

    def stop(self) -> None:
        """For good; nobody waits any more. Places that do not answer are left behind, with their threads."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for keeper in self._keepers.values():
            keeper.stop()
        deadline = time.monotonic() + _PARTING
        for keeper in self._keepers.values():
            keeper.end(max(0, deadline - time.monotonic()))

    def wait(self, timeout: float) -> Batch | None:
        """The next batch, once it is due; None where none is within so many seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                if batch := self._collector.take(now):
                    for source in batch.whole:
                        self._keepers[source].given()
                    return batch
                if now >= deadline:
                    return None
                for name, keeper in self._keepers.items():
                    if why := keeper.notice():
                        self._collector.whole(name, why, now)
                due = self._collector.due
                self._changed.wait(min(deadline, now + _NOTICE, deadline if due is None else due) - now)
        return None

    def hint(self, source: str, name: str = "") -> None:
        """Somebody else says that something happened: to the entry of this name, or anywhere in the place."""
        if source not in self._keepers:
            raise ValueError(f"no place is called {source}: there are {', '.join(self._keepers) or 'none'}")
        if name:
            self._touch(source, {os.fsencode(name)})
        else:
            self._whole(source, "somebody asked for it")

    def modes(self) -> Mapping[str, Mode]:
        """source -> how changes in its place are told now."""
        return {name: keeper.mode for name, keeper in self._keepers.items()}

    def _touch(self, source: str, names: Iterable[bytes]) -> None:
        with self._changed:
            idle = self._collector.due is None
            self._collector.touch(source, [os.fsdecode(name) for name in names], time.monotonic())
            self._wake(idle)

    def _whole(self, source: str, why: str) -> None:
        with self._changed:
            idle = self._collector.due is None
            self._collector.whole(source, why, time.monotonic())
            self._wake(idle)

    def _wake(self, idle: bool) -> None:
        """More of what is not due yet only makes it due later: nobody need be woken for that."""
        if idle:
            self._changed.notify_all()


_NOTICE = 5.0
"""Seconds within which it is noticed that a place does not answer."""

_PARTING = 1.0
"""Seconds that all places have to end in."""
