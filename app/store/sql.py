"""The store on SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from app.domain.model import Known, KnownProblem, Lifecycle, Recording, Run, RunStatus, StateChange
from app.ports import Lock
from app.store import codec, tables
from app.store.database import Database
from app.store.lock import LeaseTerms, advisory, leased
from app.store.reading import Reading, past_problems, run_at
from app.store.tables import state_change
from app.store.writing import write


@dataclass(frozen=True, slots=True)
class SqlStore:
    """See `app.ports.Store`."""

    database: Database
    lifecycle: Lifecycle
    lease: LeaseTerms

    def lock(self, name: str) -> AbstractContextManager[Lock]:
        return leased(self.database, name, self.lease) if self.database.is_sqlite else advisory(self.database, name)

    def known(self, *, datasets: Collection[str] | None = None, at: datetime | None = None) -> Known:
        with self.database.reading() as connection:
            run = run_at(connection, at)
            return Reading(connection, run, self.lifecycle, datasets).known() if run else Known()

    def record(self, recording: Recording, lock: Lock) -> int:
        with self.database.writing() as connection:
            run = write(connection, recording)
            lock.check()  # last: whoever stood still until now must not commit
            return run

    def amend(self, run: int, status: RunStatus, error: str) -> None:
        with self.database.writing() as connection:
            amended = update(tables.run).where(tables.run.c.id == run)
            connection.execute(amended.values(status=status.value, error=error))

    def runs(self, limit: int = 20) -> Sequence[Run]:
        newest = select(tables.run).order_by(tables.run.c.id.desc()).limit(limit)
        with self.database.reading() as connection:
            return [codec.run(row) for row in connection.execute(newest)]

    def history(self, dataset: str) -> Sequence[StateChange]:
        changes = select(state_change).where(state_change.c.dataset == dataset).order_by(state_change.c.id)
        with self.database.reading() as connection:
            return [codec.change(row, self.lifecycle) for row in connection.execute(changes)]

    def changes(
        self, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> Sequence[StateChange]:
        newest = select(state_change).order_by(state_change.c.at.desc(), state_change.c.id.desc()).limit(limit)
        if since is not None:
            newest = newest.where(state_change.c.at >= since)
        if until is not None:
            newest = newest.where(state_change.c.at <= until)
        with self.database.reading() as connection:
            return [codec.change(row, self.lifecycle) for row in connection.execute(newest)]

    def past_problems(self) -> Sequence[KnownProblem]:
        with self.database.reading() as connection:
            return list(past_problems(connection))

    def counts(self, at: datetime) -> Mapping[str, int]:
        last = select(func.max(state_change.c.id)).where(state_change.c.at <= at).group_by(state_change.c.dataset)
        stood = select(state_change.c.to_state, func.count()).where(
            state_change.c.id.in_(last), state_change.c.to_state.is_not(None)
        )
        with self.database.reading() as connection:
            return {state: count for state, count in connection.execute(stood.group_by(state_change.c.to_state))}

    def close(self) -> None:
        self.database.engine.dispose()
