"""The store on SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.contents import Digests, Identity
from app.domain.duplicates import KnownGroup
from app.domain.model import (
    Annotation,
    Entry,
    Known,
    KnownProblem,
    Lifecycle,
    Recording,
    Remark,
    RemarkKind,
    Reservation,
    Run,
    RunStatus,
    Scalar,
    Sighting,
    Standing,
    State,
    StateChange,
    Verdict,
)
from app.domain.schedule import Appointment
from app.ports import Harvests, Lock, Register
from app.store import contents, curating, lock, reading, writing
from app.store.database import Database
from app.store.terms import LeaseTerms
from app.store.values import changed


@dataclass(frozen=True, slots=True)
class SqlStore:
    """See `app.ports.Store`."""

    database: Database
    lifecycle: Lifecycle
    lease: LeaseTerms

    @property
    def harvests(self) -> Harvests:
        from app.store.harvesting import SqlHarvests  # a crawl of trees needs nothing of it

        return SqlHarvests(self.database)

    @property
    def register(self) -> Register:
        from app.store.register import SqlRegister

        return SqlRegister(self.database)

    def lock(self, name: str) -> AbstractContextManager[Lock]:
        if self.database.is_sqlite:
            return lock.leased(self.database, name, self.lease)
        return lock.advisory(self.database, name)

    def known(self, *, datasets: Collection[str] | None = None, at: datetime | None = None) -> Known:
        with self.database.snapshot() as snapshot:
            when = reading.run_at(snapshot, at)
            return reading.Reading(snapshot, when, self.lifecycle, datasets, at).known() if when else Known()

    def part(self, scope: Collection[str], context: Collection[str]) -> Known:
        with self._now({*scope, *context}) as now:
            return now.part(scope) if now else Known(scope=frozenset(scope))

    def sightings(self, source: str, datasets: Collection[str] | None = None) -> Mapping[str, Sighting]:
        with self._now(datasets) as now:
            return now.sightings(now.names(), source).get(source, {}) if now else {}

    def traces(self, source: str) -> Mapping[str, bytes | None]:
        with self.database.snapshot() as snapshot:
            return reading.traces(snapshot, source)

    def verdicts(self) -> Mapping[tuple[str, str], Verdict]:
        with self._now() as now:
            return now.verdicts(now.asked()) if now else {}

    def entries(self) -> Mapping[str, Mapping[str, Entry]]:
        with self._now() as now:
            return now.entries() if now else {}

    def groups(self) -> Sequence[KnownGroup]:
        with self.database.snapshot() as snapshot:
            return reading.groups(snapshot)

    def states(self) -> Mapping[str, State | None]:
        with self._now() as now:
            return now.states() if now else {}

    def titles(self, datasets: Collection[str]) -> frozenset[str]:
        with self.database.snapshot() as snapshot:
            return reading.titles(snapshot, datasets)

    def alike(self, keys: Collection[str]) -> Mapping[str, frozenset[str]]:
        with self.database.snapshot() as snapshot:
            return reading.alike(snapshot, keys)

    @contextmanager
    def _now(self, datasets: Collection[str] | None = None) -> Iterator[reading.Reading | None]:
        """After the newest run; None: there was none."""
        with self.database.snapshot() as snapshot:
            when = reading.run_at(snapshot, None)
            yield reading.Reading(snapshot, when, self.lifecycle, datasets) if when else None

    def record(self, recording: Recording, lock: Lock) -> int:
        with self.database.writing() as transaction:
            run = writing.write(transaction, recording)
            lock.check()  # last: whoever stood still until now must not commit
            return run

    def amend(self, run: int, status: RunStatus, error: str) -> None:
        with self.database.writing() as transaction:
            writing.amend(transaction, run, status, error)

    def runs(self, limit: int = 20) -> Sequence[Run]:
        with self.database.snapshot() as snapshot:
            return reading.runs(snapshot, limit)

    def history(self, dataset: str) -> Sequence[StateChange]:
        with self.database.snapshot() as snapshot:
            return reading.changes(snapshot, self.lifecycle, "WHERE dataset = :dataset ORDER BY id", dataset=dataset)

    def changes(
        self, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> Sequence[StateChange]:
        given = {"since": since, "until": until, "limit": limit}
        when = [text for name, text in _WHEN.items() if given[name] is not None]
        which = f"WHERE {' AND '.join(when)} " * bool(when) + "ORDER BY at DESC, id DESC"
        which += " LIMIT :limit" * (limit is not None)
        with self.database.snapshot() as snapshot:
            return reading.changes(snapshot, self.lifecycle, which, **given)

    def past_problems(self) -> Sequence[KnownProblem]:
        with self.database.snapshot() as snapshot:
            return list(reading.past_problems(snapshot))

    def having(self, names: Collection[str]) -> Mapping[str, frozenset[str]]:
        with self.database.snapshot() as snapshot:
            return reading.having(snapshot, names)

    def standings(self, datasets: Collection[str]) -> Mapping[str, Standing]:
        with self._now(datasets) as now:
            return now.standings() if now else {}

    def listed(self, datasets: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        with self.database.snapshot() as snapshot:
            return reading.listed(snapshot, datasets)

    def stays(self, states: Collection[str], at: datetime | None = None) -> Mapping[str, Sequence[timedelta]]:
        with self.database.snapshot() as snapshot:
            return reading.stays(snapshot, at, states)

    def overdue(self, since: Mapping[str, datetime]) -> Mapping[str, int]:
        with self.database.snapshot() as snapshot:
            return reading.overdue(snapshot, since)

    def say(self, said: Remark) -> None:
        curating.say(self.database, said)

    def unsay(self, kind: RemarkKind, subject: str, *, by: str, at: datetime) -> bool:
        return curating.unsay(self.database, kind, subject, by, at)

    def remarks(self) -> Sequence[Remark]:
        with self.database.snapshot() as snapshot:
            return list(reading.remarks(snapshot, over=True))

    def annotate(self, cells: Mapping[tuple[str, str], Scalar | None], at: datetime) -> int:
        with self.database.snapshot() as snapshot:
            if not changed(cells, reading.annotated_now(snapshot)):
                return 0
        return curating.annotate(self.database, cells, at)

    def annotations(self, dataset: str) -> Sequence[Annotation]:
        with self.database.snapshot() as snapshot:
            return list(reading.kept_annotations(snapshot, datasets=[dataset], over=True))

    def reserve(self, prefix: str, *, by: str, at: datetime) -> str:
        return curating.reserve(self.database, prefix, by, at)

    def reservations(self, accessions: Collection[str]) -> Mapping[str, Reservation]:
        with self.database.snapshot() as snapshot:
            return reading.reservations(snapshot, accessions)

    def appointments(self) -> Mapping[str, Appointment]:
        with self.database.snapshot() as snapshot:
            return reading.appointments(snapshot)

    def appoint(self, appointments: Mapping[str, Appointment]) -> None:
        writing.appoint(self.database, appointments)

    def contents(self, files: Collection[Identity]) -> Mapping[Identity, Digests]:
        with self.database.snapshot() as snapshot:
            return contents.known(snapshot, files)

    def keep_contents(self, digests: Mapping[Identity, Digests]) -> None:
        contents.keep(self.database, digests)

    def counts(self, at: datetime) -> Mapping[str, int]:
        with self.database.snapshot() as snapshot:
            return reading.counts(snapshot, at)

    def close(self) -> None:
        """Nothing is kept open."""


_WHEN = {"since": "at >= :since", "until": "at <= :until"}
