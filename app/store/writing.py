"""Writes one crawl, inside a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, delete, false, insert, select, update

from app.domain.model import Edits, HarvestLog, Recording, Run, RunStatus, SourceConfig
from app.domain.text import storable
from app.errors import StoreError
from app.store import bulk, rows
from app.store.reading import CHUNK
from app.store.rows import Fact, Ids, Values
from app.store.tables import harvest_log, naming, run, source_config, state_change
from app.store.values import dumps, loads

T = TypeVar("T")


def write(connection: Connection, recording: Recording) -> int:
    """Returns the run's id."""
    ids = _write_sources(connection, recording)
    run_id = _inserted(connection.execute(insert(run), rows.run_values(recording.run)))
    _write_logs(connection, recording.logs, recording.run, run_id, ids)
    book = _Book(connection, run_id, ids)
    book.edit(rows.SIGHTINGS, recording.sightings)
    book.edit(rows.VERDICTS, recording.verdicts)
    book.edit(rows.ENTRIES, recording.entries)
    book.edit(rows.DECISIONS, recording.decisions)
    book.edit(rows.PROBLEMS, recording.problems)
    book.edit(rows.HOLDS, recording.holds)
    _write_names(connection, recording.names)
    bulk.insert(connection, state_change, [rows.change_values(change, run_id) for change in recording.changes])
    return run_id


def amend(connection: Connection, run_id: int, status: RunStatus, error: str) -> None:
    amended = update(run).where(run.c.id == run_id)
    connection.execute(amended.values(status=status.value, error=error))


@dataclass(frozen=True, slots=True)
class _Book:
    connection: Connection
    run_id: int
    ids: Ids

    def edit(self, fact: Fact[T], edits: Edits[T]) -> None:
        """What is closed first, so that its successor may hold from the same run."""
        self._close(fact, edits.closed)
        self._amend(fact, edits.amended)
        opened = [fact.values(item, self.ids) | {"since_run": self.run_id} for item in edits.opened]
        bulk.insert(self.connection, fact.table, opened)

    def _close(self, fact: Fact[T], items: Sequence[T]) -> None:
        values = (fact.values(item, self.ids) for item in items)
        self._update(fact, [{name: row[name] for name in fact.key} | {"until_run": self.run_id} for row in values])

    def _amend(self, fact: Fact[T], items: Sequence[T]) -> None:
        self._update(fact, [fact.values(item, self.ids) for item in items])

    def _update(self, fact: Fact[Any], edited: Sequence[Values]) -> None:
        done = bulk.update_current(self.connection, fact.table, fact.key, edited)
        if done != len(edited):
            raise StoreError(
                f"{len(edited) - done} rows of {fact.table.name} changed since they were read; "
                "nothing was recorded, run again"
            )


# --------------------------------------------------------------------------- sources


def _write_sources(connection: Connection, recording: Recording) -> Ids:
    """Every name that the recording may use -> its row. Where a deleted source had the name before, it is the other."""
    there = connection.execute(select(source_config).order_by(source_config.c.deleted.desc(), source_config.c.id))
    kept = {row.label: row for row in there}
    kept |= {new: kept[old] for old, new in recording.renamed}
    now = recording.run.finished
    configured = {s.name: _write_source(connection, kept.get(s.name), s, now) for s in recording.sources}
    _drop(connection, {int(kept[name].id) for name in recording.dropped}, now)
    return {name: int(row.id) for name, row in kept.items()} | configured


def _write_source(connection: Connection, row: Row[Any] | None, source: SourceConfig, now: datetime) -> int:
    values = rows.source_values(source)
    values["options"] = loads(dumps(values["options"]))  # as it will be read
    if row is None:
        values |= {"date_created": now, "date_modified": now}
        return _inserted(connection.execute(insert(source_config), values))
    if any(getattr(row, name) != value for name, value in values.items()):
        changed = values | {"date_modified": now}
        connection.execute(update(source_config).where(source_config.c.id == row.id).values(changed))
    return int(row.id)


def _drop(connection: Connection, ids: set[int], now: datetime) -> None:
    if ids:
        dropped = update(source_config).where(source_config.c.id.in_(ids), source_config.c.deleted == false())
        connection.execute(dropped.values(deleted=True, date_modified=now))


# --------------------------------------------------------------------------- names

LONGEST = 255
"""Characters of an accession. People write whole sentences where one belongs, and PostgreSQL would refuse them."""


def _write_names(connection: Connection, names: Mapping[str, Collection[str]]) -> None:
    """In place of all that these datasets had and named before. What is too long for an index is no accession."""
    whose = sorted(names)
    for first in range(0, len(whose), CHUNK):
        connection.execute(delete(naming).where(naming.c.dataset.in_(whose[first : first + CHUNK])))
    rows = [
        {"dataset": dataset, "name": name}
        for dataset, having in names.items()
        for name in sorted(set(map(storable, having)))
        if len(name) <= LONGEST
    ]
    bulk.insert(connection, naming, rows)


# --------------------------------------------------------------------------- logs


def _write_logs(connection: Connection, logs: Sequence[HarvestLog], of: Run, run_id: int, ids: Ids) -> None:
    """A range that was read before by the same version keeps its log, which then tells of the last time."""
    dialect = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")  # either takes as long as all the rest
    for log in logs:
        values = rows.log_values(log, of, ids[log.source], run_id)
        statement = dialect.insert(harvest_log).values(values)
        again = {name: statement.excluded[name] for name in values if name != "date_created"}
        again["completions"] += harvest_log.c.completions
        constraint = ["source_config_id", "harvester_version", "start_date", "end_date"]
        connection.execute(statement.on_conflict_do_update(index_elements=constraint, set_=again))


def _inserted(result: Any) -> int:
    return int(result.inserted_primary_key[0])
