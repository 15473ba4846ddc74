"""Many events become few batches: pure, and told what time it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Batch:
    """What happened since the last one. A source is in one of the two."""

    touched: Mapping[str, frozenset[str]]
    """source -> names of what lies directly in its place that something happened to or in"""
    whole: Mapping[str, str]
    """source -> why it is to be looked at in whole, in a sentence without a subject"""


class Collector:
    """Times are seconds, by any clock that never goes back. `debounce`: a batch is due once nothing happened for that
    long, or `longest` after the first thing that happened. Of a source with more than `most` names none is kept."""

    def __init__(self, debounce: float, longest: float, most: int) -> None:
        self._debounce, self._longest, self._most = debounce, longest, most
        self._touched: dict[str, set[str]] = {}
        self._whole: dict[str, str] = {}
        self._first = self._last = 0.0

    def touch(self, source: str, names: Collection[str], now: float) -> None:
        if not names:
            return
        self._happened(now)
        if source not in self._whole:
            touched = self._touched.setdefault(source, set())
            touched.update(names)
            if len(touched) > self._most:
                self.whole(source, f"more than {self._most:,} entries changed", now)

    def whole(self, source: str, why: str, now: float) -> None:
        """What is said last is told."""
        self._happened(now)
        self._touched.pop(source, None)
        self._whole[source] = why

    def _happened(self, now: float) -> None:
        if self.due is None:
            self._first = now
        self._last = now

    @property
    def due(self) -> float | None:
        """When the next batch is, as far as is known; None: nothing happened."""
        if not self._touched and not self._whole:
            return None
        return min(self._last + self._debounce, self._first + self._longest)

    def take(self, now: float) -> Batch | None:
        """The batch if it is due; then it is given out, and the next one begins."""
        if self.due is None or now < self.due:
            return None
        batch = Batch({source: frozenset(names) for source, names in self._touched.items()}, self._whole)
        self._touched, self._whole = {}, {}
        return batch
