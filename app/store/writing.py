"""Writes one crawl, inside a transaction of the caller's; and when the next ones are due."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from app.domain.duplicates import KnownGroup
from app.domain.model import Edits, HarvestLog, Recording, Run, RunStatus, SourceConfig
from app.domain.schedule import Appointment
from app.domain.text import storable
from app.errors import StoreError
from app.store import bulk, rows
from app.store.database import Database, Transaction
from app.store.rows import Fact, Ids, Values
from app.store.values import dumps, loads

T = TypeVar("T")


def write(transaction: Transaction, recording: Recording) -> int:
    """Returns the run's id."""
    ids = _write_sources(transaction, recording)
    run = transaction.added("run", **rows.run_values(recording.run), settings=recording.settings)
    _write_logs(transaction, recording.logs, recording.run, run, ids)
    book = _Book(transaction, run, ids)
    book.edit(rows.SIGHTINGS, recording.sightings)
    book.edit(rows.VERDICTS, recording.verdicts)
    book.edit(rows.ENTRIES, recording.entries)
    book.edit(rows.DECISIONS, recording.decisions)
    book.edit(rows.PROBLEMS, recording.problems)
    book.edit(rows.HOLDS, recording.holds)
    _write_names(transaction, recording.names)
    _write_groups(transaction, recording.groups)
    _write_traces(transaction, recording.traces, ids)
    bulk.insert(transaction, "state_change", [rows.change_values(change, run) for change in recording.changes])
    return run


def amend(transaction: Transaction, run: int, status: RunStatus, error: str) -> None:
    transaction.execute(
        "UPDATE run SET status = :status, error = :error WHERE id = :run", run=run, status=status.value, error=error
    )


@dataclass(frozen=True, slots=True)
class _Book:
    transaction: Transaction
    run: int
    ids: Ids

    def edit(self, fact: Fact[T], edits: Edits[T]) -> None:
        """What is closed first, so that its successor may hold from the same run."""
        self._close(fact, edits.closed)
        self._amend(fact, edits.amended)
        opened = [fact.values(item, self.ids) | {"since_run": self.run} for item in edits.opened]
        bulk.insert(self.transaction, fact.table, opened)

    def _close(self, fact: Fact[T], items: Sequence[T]) -> None:
        values = (fact.values(item, self.ids) for item in items)
        self._update(fact, [{name: row[name] for name in fact.key} | {"until_run": self.run} for row in values])

    def _amend(self, fact: Fact[T], items: Sequence[T]) -> None:
        self._update(fact, [fact.values(item, self.ids) for item in items])

    def _update(self, fact: Fact[Any], edited: Sequence[Values]) -> None:
        done = bulk.update_current(self.transaction, fact.table, fact.key, edited)
        if done != len(edited):
            raise StoreError(
                f"{len(edited) - done} rows of {fact.table} changed since they were read; "
                "nothing was recorded, run again"
            )


# --------------------------------------------------------------------------- sources


def _write_sources(transaction: Transaction, recording: Recording) -> Ids:
    """Every name that the recording may use -> its row. Where a deleted source had the name before, it is the other."""
    there = transaction.rows(
        f"SELECT id, {', '.join(rows.SOURCE_COLUMNS)} FROM source_config ORDER BY deleted DESC, id"
    )
    kept = {label: _Row(number, rows.kept_source((label, *row), transaction)) for number, label, *row in there}
    kept |= {new: kept[old] for old, new in recording.renamed}
    now = recording.run.finished
    configured = {s.name: _write_source(transaction, kept.get(s.name), s, now) for s in recording.sources}
    for name in recording.dropped:
        transaction.execute(
            "UPDATE source_config SET deleted = true, date_modified = :now WHERE id = :id AND NOT deleted",
            id=kept[name].id,
            now=now,
        )
    return {name: row.id for name, row in kept.items()} | configured


class _Row(NamedTuple):
    """A source as it is kept."""

    id: int
    values: rows.Values


def _write_source(transaction: Transaction, row: _Row | None, source: SourceConfig, now: datetime) -> int:
    values = rows.source_values(source)
    if row is None:
        return transaction.added("source_config", **values, date_created=now, date_modified=now)
    if row.values != values | {"options": loads(dumps(values["options"]))}:
        changed = ", ".join(f"{name} = :{name}" for name in (*values, "date_modified"))
        transaction.execute(
            f"UPDATE source_config SET {changed} WHERE id = :id", id=row.id, **values, date_modified=now
        )
    return row.id


# --------------------------------------------------------------------------- names

LONGEST = 255
"""Characters of an accession. People write whole sentences where one belongs, and PostgreSQL would refuse them."""


def _write_names(transaction: Transaction, names: Mapping[str, Collection[str]]) -> None:
    """In place of all that these datasets had and named before. What is too long for an index is no accession."""
    bulk.delete(transaction, "naming", "dataset", names)
    named = [
        {"dataset": dataset, "name": name}
        for dataset, having in names.items()
        for name in sorted(set(map(storable, having)))
        if len(name) <= LONGEST
    ]
    bulk.insert(transaction, "naming", named)


def _write_groups(transaction: Transaction, groups: Edits[KnownGroup]) -> None:
    bulk.delete(transaction, "study_group", "key", [group.key for group in groups.closed])
    bulk.insert(transaction, "study_group", [rows.group_values(group) for group in groups.opened])


def _write_traces(transaction: Transaction, traces: Mapping[str, Mapping[str, bytes | None]], ids: Ids) -> None:
    for source, kept in traces.items():
        bulk.delete(transaction, "trace", "dataset", kept, source_id=ids[source])
        rows = [
            {"source_id": ids[source], "dataset": d, "kept": trace} for d, trace in kept.items() if trace is not None
        ]
        bulk.insert(transaction, "trace", rows)


# --------------------------------------------------------------------------- logs


def _write_logs(transaction: Transaction, logs: Sequence[HarvestLog], of: Run, run: int, ids: Ids) -> None:
    """A range that was read before by the same version keeps its log, which then tells of the last time."""
    for log in logs:
        values = rows.log_values(log, of, ids[log.source], run)
        again = ", ".join(f"{name} = excluded.{name}" for name in values if name not in ("date_created", "completions"))
        transaction.execute(
            f"INSERT INTO harvest_log ({', '.join(values)}) VALUES ({', '.join(f':{name}' for name in values)})"
            " ON CONFLICT (source_config_id, harvester_version, start_date, end_date)"
            f" DO UPDATE SET {again}, completions = harvest_log.completions + excluded.completions",
            **values,
        )


def appoint(database: Database, appointments: Mapping[str, Appointment]) -> None:
    with database.writing() as transaction:
        for job, kept in appointments.items():
            transaction.execute("DELETE FROM schedule WHERE job = :job", job=job)
            transaction.execute(
                "INSERT INTO schedule (job, text, anchor, made) VALUES (:job, :text, :anchor, :made)",
                job=job,
                text=kept.text,
                anchor=kept.anchor,
                made=kept.made,
            )
