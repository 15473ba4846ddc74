"""How long a server is waited for that wants to be asked again later."""

from __future__ import annotations

from datetime import datetime
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
