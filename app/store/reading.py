"""What the store knew after one run, in one reading transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, func, or_, select

from app.domain.model import (
    Hold,
    Known,
    KnownProblem,
    KnownSource,
    Lifecycle,
    LogStatus,
    Sighting,
    Standing,
    Verdict,
)
from app.store import codec
from app.store.tables import (
    decision,
    harvest_log,
    hold,
    problem,
    run,
    sighting,
    source_config,
    state_change,
    verdict,
)

CHUNK = 500
"""Datasets asked for in one query, and rows fetched at once."""


def run_at(connection: Connection, at: datetime | None) -> Row[Any] | None:
    """The newest run, or the last one finished by `at`."""
    runs = select(run).order_by(run.c.id.desc()).limit(1)
    return connection.execute(runs if at is None else runs.where(run.c.finished <= at)).first()


@dataclass(frozen=True, slots=True)
class Reading:
    """`datasets` None: all of them."""

    connection: Connection
    run: Row[Any]
    lifecycle: Lifecycle
    datasets: Collection[str] | None

    def known(self) -> Known:
        return Known(
            run=self.run.id,
            at=self.run.finished,
            sources=self._sources(),
            sightings=self._sightings(),
            verdicts=self._verdicts(),
            standings=self._standings(),
            problems=tuple(self._problems()),
            holds=self._holds(),
        )

    def _sources(self) -> dict[str, KnownSource]:
        """As they are configured now. While a source is deleted nothing else modifies it, so that is when it was."""
        succeeded = harvest_log.c.status == LogStatus.SUCCEEDED.value
        ends = select(harvest_log.c.source_config_id, func.max(harvest_log.c.end_date)).where(
            succeeded, harvest_log.c.run_id <= self.run.id
        )
        read = {row[0]: row[1] for row in self.connection.execute(ends.group_by(harvest_log.c.source_config_id))}
        sources = select(source_config).where(source_config.c.date_created <= self.run.finished)
        return {
            row.label: KnownSource(
                name=row.label,
                key=row.key,
                kind=row.kind,
                options=row.options,
                deleted=row.deleted and row.date_modified <= self.run.finished,
                last_read=read.get(row.id),
            )
            for row in self.connection.execute(sources.order_by(source_config.c.deleted.desc(), source_config.c.id))
        }

    def _sightings(self) -> dict[str, dict[str, Sighting]]:
        found: dict[str, dict[str, Sighting]] = {}
        names = self._names()
        for row in self._rows(select(sighting).where(self._holds_in(sighting)).order_by(sighting.c.id), sighting):
            source = names[row.source_id]
            found.setdefault(source, {})[row.dataset] = codec.sighting(row, source)
        return found

    def _verdicts(self) -> dict[tuple[str, str], Verdict]:
        rows = list(self._rows(select(verdict).where(self._holds_in(verdict)), verdict))
        asked = self._asked({row.check_name for row in rows if row.current})
        return {(row.dataset, row.check_name): codec.verdict(row, asked) for row in rows}

    def _asked(self, checks: set[str]) -> dict[str, datetime]:
        """check -> when the newest run that asked it ended."""
        asked: dict[str, datetime] = {}
        runs = select(run.c.finished, run.c.checks).where(run.c.id <= self.run.id).order_by(run.c.id.desc())
        with self.connection.execute(runs, execution_options={"yield_per": 10}) as rows:
            while checks - asked.keys() and (row := rows.fetchone()) is not None:
                asked = {check: row.finished for check in row.checks} | asked
        return asked

    def _standings(self) -> dict[str, Standing]:
        newest = (
            select(func.max(state_change.c.id))
            .where(state_change.c.run_id <= self.run.id)
            .group_by(state_change.c.dataset)
        )
        changes = select(state_change.c.dataset, state_change.c.from_state, state_change.c.at)
        changed = {
            row.dataset: (row.at, row.from_state and self.lifecycle.state(row.from_state))
            for row in self._rows(changes.where(state_change.c.id.in_(newest)), state_change)
        }
        decisions = select(decision, run.c.finished).join_from(decision, run, decision.c.since_run == run.c.id)
        return {
            row.dataset: Standing(codec.decision(row, self.lifecycle), *changed.get(row.dataset, (row.finished, None)))
            for row in self._rows(decisions.where(self._holds_in(decision)).order_by(decision.c.id), decision)
        }

    def _problems(self) -> Iterator[KnownProblem]:
        problems = select(problem, run.c.finished).join_from(problem, run, problem.c.since_run == run.c.id)
        for row in self._rows(problems.where(self._holds_in(problem)).order_by(problem.c.id), problem):
            for found in codec.problems([row._asdict()]):
                yield KnownProblem(found, row.finished)

    def _holds(self) -> dict[str, Hold]:
        names = self._names()
        rows = self.connection.execute(select(hold).where(self._holds_in(hold)).order_by(hold.c.id))
        return {names[row.source_id]: Hold(names[row.source_id], row.reason, row.had, row.now) for row in rows}

    def _names(self) -> dict[int, str]:
        return {row.id: row.label for row in self.connection.execute(select(source_config.c.id, source_config.c.label))}

    def _holds_in(self, table: Table) -> ColumnElement[bool]:
        """Half-open: a row that this run closed no longer holds."""
        run = self.run.id
        return and_(table.c.since_run <= run, or_(table.c.until_run.is_(None), table.c.until_run > run))

    def _rows(self, query: Select[Any], table: Table) -> Iterator[Row[Any]]:
        for part in self._queries(query, table):
            for rows in self.connection.execute(part).partitions(CHUNK):
                yield from rows

    def _queries(self, query: Select[Any], table: Table) -> Iterator[Select[Any]]:
        if self.datasets is None:
            yield query
            return
        wanted = sorted(set(self.datasets))
        for first in range(0, len(wanted), CHUNK):
            yield query.where(table.c.dataset.in_(wanted[first : first + CHUNK]))
