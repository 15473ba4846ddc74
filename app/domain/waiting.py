"""How long a server is left alone: as it wants, or as we promised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_PAUSE = 60.0
"""Seconds; what a server asks for beyond that is not waited out."""


def retry_after(header: str, now: datetime) -> float:
    """Seconds that a Retry-After header asks for, as a number or a date (RFC 9110, 10.2.3); at most LONGEST_PAUSE,
    and 0 where it makes no sense."""
    try:
        seconds = float(header) if header.strip().isdigit() else (parsedate_to_datetime(header) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
        return 0.0
    return min(max(seconds, 0.0), LONGEST_PAUSE)


RATES = "`30 a minute` (a second, a minute, an hour or a day)"
_PERIODS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something may be asked: so many times (`allowance`) in a period of so many seconds."""

    allowance: int
    period: int

    @classmethod
    def of(cls, text: str) -> Rate:
        """Raises ValueError, saying what is allowed."""
        told = re.fullmatch(rf"(\d{{1,6}}) (?:an?|per) ({'|'.join(_PERIODS)})", " ".join(text.lower().split()))
        if told is None or int(told[1]) == 0:
            raise ValueError(f"is not a rate; allowed: {RATES}")
        return cls(int(told[1]), _PERIODS[told[2]])

    @property
    def every(self) -> timedelta:
        """From one time to the next."""
        return timedelta(seconds=self.period / self.allowance)

    def __str__(self) -> str:
        name = next((name for name, seconds in _PERIODS.items() if seconds == self.period), f"{self.period} seconds")
        return f"{self.allowance} {'an' if name == 'hour' else 'a'} {name}"
