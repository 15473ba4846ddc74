"""What the store knew after one run, in one reading transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, Text, and_, cast, func, or_, select

from app.domain.model import (
    Entry,
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
    entry,
    harvest_log,
    hold,
    loads,
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


def past_problems(connection: Connection) -> Iterator[KnownProblem]:
    """Those that no longer hold. The last run that saw one is the last before the first that did not."""
    first, last = run.alias(), run.alias()
    before = select(func.max(run.c.id)).where(run.c.id < problem.c.until_run).scalar_subquery()
    over = select(problem, first.c.finished.label("first"), last.c.finished.label("last"))
    over = over.join_from(problem, first, first.c.id == problem.c.since_run).join(last, last.c.id == before)
    for row in connection.execute(over):
        for found in codec.problems([row._asdict()]):
            yield KnownProblem(found, row.first, row.last)


@dataclass(frozen=True, slots=True)
class Reading:
    """`datasets` None: all of them."""

    connection: Connection
    run: Row[Any]
    lifecycle: Lifecycle
    datasets: Collection[str] | None

    def known(self) -> Known:
        asked = self._asked()
        return Known(
            run=self.run.id,
            at=self.run.finished,
            sources=self._sources(),
            sightings=self._sightings(),
            verdicts=self._verdicts(asked),
            entries=self._entries(),
            asked=asked,
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

    def _asked(self) -> dict[str, datetime]:
        """check or authority -> when the newest run that it answered ended. Runs differ little in what they asked."""
        checks = cast(run.c.checks, Text)
        runs = select(checks, func.max(run.c.finished)).where(run.c.id <= self.run.id).group_by(checks)
        answered = sorted((finished, loads(names)) for names, finished in self.connection.execute(runs))
        return {name: finished for finished, names in answered for name in names}

    def _verdicts(self, asked: Mapping[str, datetime]) -> dict[tuple[str, str], Verdict]:
        rows = self._rows(select(verdict).where(self._holds_in(verdict)), verdict)
        return {(row.dataset, row.check_name): codec.verdict(row, asked) for row in rows}

    def _entries(self) -> dict[str, dict[str, Entry]]:
        """Of each authority that lists anything, be it these datasets or others."""
        listing = select(entry.c.authority).where(self._holds_in(entry)).distinct()
        found: dict[str, dict[str, Entry]] = {row.authority: {} for row in self.connection.execute(listing)}
        for row in self._rows(select(entry).where(self._holds_in(entry)), entry):
            found[row.authority][row.dataset] = codec.entry(row)
        return found

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
