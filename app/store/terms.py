"""For how long a lock on SQLite is granted. Known apart from the lock itself, so that opening a store need not import
what locks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def utcnow() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """A lease that has not been renewed for `expiry` is anybody's; its holder renews it every `beat`."""

    expiry: timedelta = timedelta(seconds=60)
    beat: timedelta = timedelta(seconds=15)
    clock: Callable[[], datetime] = utcnow
