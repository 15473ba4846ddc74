"""When something is due that is to happen again and again.

A schedule is a text: `every 8 hours`, or cron's five fields. The moments of an interval are multiples of it from the
moment since when it holds, those of cron text are of a time zone; neither depends on how long anything took, so they
never drift.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim, CronSimError

FIELDS = 5
UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}

LONGEST = timedelta(days=366)

ALLOWED = (
    "`every 8 hours` (seconds, minutes, hours, days, weeks; a year at most), or cron's five fields, such as "
    "`0 6,14,22 * * *`"
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`every`: its interval; None: it is cron text, and means times of the zone."""

    text: str
    zone: tzinfo
    every: timedelta | None

    @classmethod
    def of(cls, text: str, zone: tzinfo = UTC) -> Schedule:
        """Raises ValueError, saying what is allowed."""
        interval = re.fullmatch(rf"every(?: (\d{{1,6}}))? ({'|'.join(UNITS)})s?", " ".join(text.lower().split()))
        every = timedelta(seconds=int(interval[1] or 1) * UNITS[interval[2]]) if interval else timedelta(0)
        if timedelta(0) < every <= LONGEST:
            return cls(text, zone, every)
        try:
            if len(text.split()) == FIELDS:
                next(CronSim(text, datetime(2000, 1, 1)))
                return cls(text, zone, None)
        except (CronSimError, StopIteration):  # the latter: it never comes, as the 30th of February
            pass
        raise ValueError(f"is not a schedule; allowed: {ALLOWED}")

    def after(self, moment: datetime, anchor: datetime) -> datetime:
        """When it is due for the first time after this moment. `anchor`: since when it holds."""
        if self.every is None:
            # In the hour that comes twice it begins with what has been.
            moments = (due.astimezone(UTC) for due in CronSim(self.text, moment.astimezone(self.zone)))
            return next(due for due in moments if due > moment)
        return anchor + self.every * ((moment - anchor) // self.every + 1)


@dataclass(frozen=True, slots=True)
class Appointment:
    """What is kept of a schedule. `anchor`: since when it holds; `made`: when what it asks for began for the last time
    (None: never yet)."""

    text: str
    anchor: datetime
    made: datetime | None = None


class Timetable:
    """Which jobs (by name) are due. One that never ran is due at once; what was missed is made up once. `kept`: what
    was known of them; `jitter`: each begins up to that much later, by chance."""

    def __init__(
        self,
        schedules: Mapping[str, Schedule],
        kept: Mapping[str, Appointment],
        now: datetime,
        jitter: timedelta = timedelta(0),
        chance: random.Random | None = None,
    ) -> None:
        self._schedules, self._jitter, self._chance = schedules, jitter, chance or random.Random()
        self._kept = {name: self._since(kept.get(name), schedule, now) for name, schedule in schedules.items()}
        self._due = {name: self._next(name, now) for name in schedules}

    def _since(self, kept: Appointment | None, schedule: Schedule, now: datetime) -> Appointment:
        if kept and kept.text == schedule.text and kept.anchor <= now:
            return kept
        return Appointment(schedule.text, now, kept.made if kept else None)

    def _next(self, name: str, now: datetime) -> datetime:
        kept = self._kept[name]
        if kept.made is None:
            return now
        return self._schedules[name].after(min(kept.made, now), kept.anchor) + self._jitter * self._chance.random()

    @property
    def next(self) -> Mapping[str, datetime]:
        """Job -> when it is due."""
        return self._due

    def due(self, now: datetime) -> list[str]:
        for name, kept in self._kept.items():
            if kept.made and kept.made > now:  # the clock was put back
                self._kept[name] = replace(kept, made=now)
                self._due[name] = self._next(name, now)
        return [name for name, due in self._due.items() if due <= now]

    def made(self, names: Collection[str], began: datetime) -> Mapping[str, Appointment]:
        """What is to be kept, now that these ran."""
        for name in names:
            kept = self._kept[name]
            self._kept[name] = Appointment(kept.text, kept.anchor, began)
            self._due[name] = self._next(name, began)
        return {name: self._kept[name] for name in names}
