"""The logs of harvests, and what they found. A chunk is one transaction: its data, their links to the log, what was
wrong with them, what they were understood to say, and the log's counters; or nothing of it."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from app.domain.catalogue import (
    Asked,
    Change,
    Fault,
    Kept,
    KeptDatum,
    KnownRecord,
    LogEntry,
    Pruned,
    Record,
    Told,
    Understood,
    from_json,
)
from app.domain.harvest import Opening, Window, opening
from app.domain.model import Counters, LogStatus, Severity, SourceConfig
from app.domain.runlog import SAMPLES, RunLog, Tally
from app.errors import StoreError
from app.ports import Lock
from app.store import bulk, pruning, raw, rows
from app.store.database import Database, Snapshot, Transaction
from app.store.values import dumps


@dataclass(frozen=True, slots=True)
class SqlHarvests:
    """See `app.ports.Harvests`."""

    database: Database

    # ----------------------------------------------------------------------- sources

    def ensure(self, source: SourceConfig, at: datetime) -> None:
        with self.database.writing() as transaction:
            if source_row(transaction, source.name) is None:
                transaction.added("source_config", **rows.source_values(source), date_created=at, date_modified=at)

    def standing(self, source: str) -> tuple[bool, bool]:
        with self.database.snapshot() as snapshot:
            found = snapshot.first(
                "SELECT enabled, deleted FROM source_config WHERE label = :source ORDER BY deleted, id DESC LIMIT 1",
                source=source,
            )
        return (True, False) if found is None else (bool(found[0]), bool(found[1]))

    def known(self, source: str, identifiers: Collection[str]) -> Mapping[str, KnownRecord]:
        with self.database.snapshot() as snapshot:
            number = source_row(snapshot, source)
            found = {} if number is None else raw.known(snapshot, number, identifiers)
            return {
                name: KnownRecord(name, row.sha256, row.datestamp, row.location, row.gone, row.mark)
                for name, row in found.items()
                if row.sha256 is not None
            }

    # ----------------------------------------------------------------------- logs

    def latest(self, source: str, version: str, count: int) -> Sequence[LogStatus]:
        ended = (LogStatus.SUCCEEDED.value, LogStatus.FAILED.value)
        with self.database.snapshot() as snapshot:
            found = snapshot.rows(
                f"SELECT log.status FROM harvest_log AS log JOIN source_config AS source"
                f" ON source.id = log.source_config_id WHERE source.label = :source AND NOT source.deleted"
                f" AND log.harvester_version = :version AND log.status IN {ended}"
                " ORDER BY log.date_started DESC, log.id DESC LIMIT :count",
                source=source,
                version=version,
                count=count,
            )
            return [LogStatus(status) for (status,) in found]

    def windows(self, source: str, version: str, statuses: Collection[LogStatus]) -> Sequence[Window]:
        these = ", ".join(str(status.value) for status in statuses)
        with self.database.snapshot() as snapshot:
            found = snapshot.rows(
                "SELECT log.start_date, log.end_date FROM harvest_log AS log JOIN source_config AS source"
                " ON source.id = log.source_config_id WHERE source.label = :source AND NOT source.deleted"
                f" AND log.harvester_version = :version AND log.status IN ({these}) ORDER BY log.start_date, log.id",
                source=source,
                version=version,
            )
            return [Window(snapshot.time(start), snapshot.time(end)) for start, end in found]

    def create(
        self, source: str, version: str, windows: Iterable[Window], status: LogStatus, tracker: str, at: datetime
    ) -> int:
        """How many were not there yet."""
        with self.database.writing() as transaction:
            number = _required(transaction, source)
            return sum(_created(transaction, number, version, w, status, tracker, at) for w in windows)

    def begin(
        self, source: str, version: str, window: Window, asked: Asked, tracker: str, at: datetime, whole: bool
    ) -> tuple[LogEntry, Opening]:
        with self.database.writing() as transaction:
            number = _required(transaction, source)
            _created(transaction, number, version, window, LogStatus.CREATED, tracker, at)
            log = _log(transaction, f"{_THIS_LOG}", **_range(number, version, window))
            assert log is not None
            done = opening(log.status, superfluous=asked.superfluous)
            if done is Opening.SKIP:
                transaction.execute(
                    "UPDATE harvest_log SET status = :status, completions = completions + 1, date_modified = :at"
                    " WHERE id = :id",
                    status=LogStatus.SKIPPED.value,
                    at=at,
                    id=log.id,
                )
                return replace(log, status=LogStatus.SKIPPED, completions=log.completions + 1), done
            given = {field.name: getattr(asked, field.name) for field in fields(asked)}
            given = {name: value for name, value in given.items() if name not in ("start", "end")}
            transaction.execute(
                "UPDATE harvest_log SET status = :status, date_started = :at, date_modified = :at, error_type = '',"
                " error_message = '', error_traceback = '', asked = :asked, whole = :whole, cancelled = false,"
                f" tracker_version = :tracker, {', '.join(f'{name} = 0' for name in _COUNTERS)} WHERE id = :id",
                status=LogStatus.STARTED.value,
                at=at,
                asked=dumps(given),
                whole=whole,
                tracker=tracker,
                id=log.id,
            )
            transaction.execute("DELETE FROM harvest_problem WHERE harvest_log_id = :id", id=log.id)
            return replace(log, status=LogStatus.STARTED, date_started=at, counters=Counters(), whole=whole), done

    def end(self, log: LogEntry, at: datetime, traceback: str = "") -> LogEntry:
        """The log as it is now, with how it went."""
        done = log.status is LogStatus.SUCCEEDED
        with self.database.writing() as transaction:
            transaction.execute(
                "UPDATE harvest_log SET status = :status, completions = completions + :done, error_type = :type,"
                " error_message = :message, error_traceback = :traceback, whole = :whole, date_modified = :at,"
                f" {', '.join(f'{name} = :{name}' for name in _COUNTERS)} WHERE id = :id",
                status=log.status.value,
                done=int(done),
                type=log.error_type,
                message=log.error_message,
                traceback=traceback,
                whole=log.whole,
                at=at,
                id=log.id,
                **_counted(log.counters),
            )
        return replace(log, completions=log.completions + done, date_modified=at)

    def cancel(self, log: int, at: datetime) -> bool:
        with self.database.writing() as transaction:
            return bool(
                transaction.execute(
                    "UPDATE harvest_log SET cancelled = true, date_modified = :at WHERE id = :log"
                    " AND status = :started",
                    log=log,
                    at=at,
                    started=LogStatus.STARTED.value,
                )
            )

    def logs(self, source: str = "", statuses: Collection[LogStatus] = (), limit: int = 20) -> Sequence[LogEntry]:
        which = ["source.label = :source", _READ_THERE] if source else ["log.run_id IS NULL"]
        if statuses:
            which.append(f"log.status IN ({', '.join(str(status.value) for status in statuses)})")
        with self.database.snapshot() as snapshot:
            where = f"WHERE {' AND '.join(which)} ORDER BY log.date_modified DESC, log.id DESC LIMIT :limit"
            return list(logs(snapshot, where, limit=limit, **({"source": source} if source else {})))

    def log(self, number: int) -> RunLog | None:
        with self.database.snapshot() as snapshot:
            entry = _log(snapshot, "log.id = :number", number=number)
            if entry is None:
                return None
            told = snapshot.first("SELECT asked, error_traceback FROM harvest_log WHERE id = :id", id=number)
            assert told is not None
            problems, kinds = _tallies(snapshot, number)
            return RunLog(
                entry,
                snapshot.json(told[0]) or {},
                {change: _samples(snapshot, entry, change) for change in (Change.NEW, Change.CHANGED, Change.GONE)},
                problems,
                kinds,
                _failures(snapshot, entry),
                told[1],
            )

    def problems(self, log: int, message: str = "") -> Iterator[Fault]:
        last, also = 0, " AND message = :message" * bool(message)
        while True:
            with self.database.snapshot() as snapshot:
                found = list(
                    snapshot.rows(
                        "SELECT id, identifier, message, severity FROM harvest_problem WHERE harvest_log_id = :log"
                        f" AND id > :last{also} ORDER BY id LIMIT {PAGE}",
                        log=log,
                        last=last,
                        **({"message": message} if message else {}),
                    )
                )
            for _, identifier, text, severity in found:
                yield Fault(identifier, text, Severity(severity))
            if len(found) < PAGE:
                return
            last = found[-1][0]

    # ----------------------------------------------------------------------- what is kept

    def kept(self, source: str, identifier: str, log: int | None = None) -> KeptDatum | None:
        with self.database.snapshot() as snapshot:
            number = source_row(snapshot, source)
            return None if number is None else raw.kept(snapshot, number, identifier, log)

    def faulty(self, source: str = "") -> Iterator[tuple[str, str]]:
        with self.database.snapshot() as snapshot:
            number = source_row(snapshot, source) if source else None
        yield from raw.faulty(self.database, number)

    def prune(self, before: datetime, *, dry_run: bool = False) -> Pruned:
        return pruning.pruned(self.database, before, dry_run=dry_run)

    # ----------------------------------------------------------------------- data

    def keep(
        self,
        log: LogEntry,
        source: str,
        chunk: Sequence[Kept],
        faults: Sequence[Fault],
        version: str,
        lock: Lock | None,
        understand: Callable[[Record], Understood] | None = None,
        superfluous: bool = False,
    ) -> tuple[LogEntry, Sequence[Change], bool]:
        """The log with what it counts now; what each record is beside what was known; and whether a person wants it to
        end."""
        assert log.date_started is not None
        with self.database.writing() as transaction:
            number = _required(transaction, source)
            changes, wrong = raw.Chunk(
                transaction, number, log.id, log.date_started, version, understand, superfluous
            ).keep(chunk)
            problems = [*faults, *wrong]
            _write_problems(transaction, log.id, problems)
            log = self._counting(transaction, log, Counter(changes), problems)
            found = transaction.first("SELECT cancelled FROM harvest_log WHERE id = :id", id=log.id)
            if lock is not None:
                lock.check()  # last: whoever stood still until now must not commit
            return log, changes, bool(found and found[0])

    def _counting(
        self, transaction: Transaction, log: LogEntry, changes: Mapping[Change, int], faults: Sequence[Fault]
    ) -> LogEntry:
        failed = len({fault.identifier for fault in faults if fault.severity is Severity.ERROR})
        counters = _sum(log.counters, changes, failed)
        transaction.execute(
            f"UPDATE harvest_log SET {', '.join(f'{name} = :{name}' for name in _COUNTERS)} WHERE id = :id",
            id=log.id,
            **_counted(counters),
        )
        return replace(log, counters=counters)

    def gone(self, log: LogEntry, source: str) -> int:
        """Marks what this log, of a read of everything, did not show; how many that were."""
        with self.database.writing() as transaction:
            return transaction.execute(
                "UPDATE source_unique_identifier SET gone_in = :log WHERE source_config_id = :number"
                " AND gone_in IS NULL AND EXISTS (SELECT 1 FROM raw_datum AS d"
                " WHERE d.id = source_unique_identifier.raw_datum_id AND d.last_seen < :started)",
                log=log.id,
                number=_required(transaction, source),
                started=log.date_started,
            )

    def shown(self, source: str, most: int | None = None) -> Iterator[Told]:
        with self.database.snapshot() as snapshot:
            found = snapshot.rows(
                "SELECT s.identifier, i.facts, d.location, d.datestamp FROM source_unique_identifier AS s"
                " JOIN raw_datum AS d ON d.id = s.raw_datum_id JOIN ingest_log AS i ON i.raw_datum_id = d.id"
                " WHERE s.source_config_id = :number AND s.gone_in IS NULL AND i.transformer_version = (SELECT"
                " max(transformer_version) FROM ingest_log WHERE raw_datum_id = d.id)"
                f" AND i.status = :done ORDER BY s.id{' LIMIT :most' * (most is not None)}",
                number=source_row(snapshot, source),
                done=LogStatus.SUCCEEDED.value,
                **({} if most is None else {"most": most}),
            )
            for identifier, facts, location, datestamp in found:
                yield Told(identifier, from_json(snapshot.json(facts) or {}), location, snapshot.moment(datestamp))

    def untransformed(self, source: str, version: str, count: int) -> Iterator[tuple[int, Record]]:
        """Of what the source shows, so many of those that this version was not yet asked to understand."""
        with self.database.snapshot() as snapshot:
            found = snapshot.rows(
                "SELECT d.id, s.identifier, c.body, d.content_type, d.datestamp, d.parent, d.location"
                " FROM source_unique_identifier AS s JOIN raw_datum AS d ON d.id = s.raw_datum_id"
                " JOIN raw_content AS c ON c.sha256 = d.sha256"
                " WHERE s.source_config_id = :number AND NOT EXISTS (SELECT 1 FROM ingest_log AS i"
                " WHERE i.raw_datum_id = d.id AND i.transformer_version = :version) ORDER BY s.id LIMIT :count",
                number=source_row(snapshot, source),
                version=version,
                count=count,
            )
            for datum, identifier, body, content_type, datestamp, parent, location in found:
                plain = zlib.decompress(bytes(body))
                yield datum, Record(identifier, plain, content_type, snapshot.moment(datestamp), parent, location)

    def transformed(
        self,
        log: LogEntry,
        source: str,
        version: str,
        done: Mapping[int, Understood],
    ) -> LogEntry:
        """`done`: datum -> facts as JSON, or why there are none."""
        with self.database.writing() as transaction:
            number = _required(transaction, source)
            raw.write_ingests(transaction, number, version, done)
            faults = [fault for each in done.values() for fault in each.faults]
            _write_problems(transaction, log.id, faults)
            return self._counting(transaction, log, {}, faults)

    # ----------------------------------------------------------------------- pace

    def pace(self, source: str, every: timedelta, now: datetime) -> timedelta:
        """How long to wait before the source is asked once more, such that all processes together ask it no more often
        than that; the turn is taken."""
        with self.database.writing() as transaction:
            found = transaction.first("SELECT next FROM pace WHERE name = :source", source=source)
            turn = max(now, transaction.time(found[0])) if found else now
            turn = min(turn, now + 3 * every) if found and turn - now > timedelta(hours=3) else turn
            transaction.execute(
                "INSERT INTO pace (name, next) VALUES (:source, :next)"
                " ON CONFLICT (name) DO UPDATE SET next = excluded.next",
                source=source,
                next=turn + every,
            )
        return turn - now


# --------------------------------------------------------------------------- rows


def _write_problems(transaction: Transaction, log: int, faults: Sequence[Fault]) -> None:
    rows = [
        {"harvest_log_id": log, "severity": f.severity.value, "message": f.message, "identifier": f.identifier}
        for f in faults
    ]
    bulk.insert(transaction, "harvest_problem", rows)


_COUNTERS = tuple(field.name for field in fields(Counters))

_THIS_LOG = "source_config_id = :number AND harvester_version = :version AND start_date = :start AND end_date = :end"


def _range(number: int, version: str, window: Window) -> dict[str, Any]:
    return {"number": number, "version": version, "start": window.start, "end": window.end}


def _created(
    transaction: Transaction, number: int, version: str, window: Window, status: LogStatus, tracker: str, at: datetime
) -> bool:
    added = transaction.execute(
        "INSERT INTO harvest_log (source_config_id, harvester_version, start_date, end_date, status, date_created,"
        " date_modified, tracker_version) VALUES (:number, :version, :start, :end, :status, :at, :at, :tracker)"
        " ON CONFLICT (source_config_id, harvester_version, start_date, end_date) DO NOTHING",
        **_range(number, version, window),
        status=status.value,
        tracker=tracker or "UNKNOWN",
        at=at,
    )
    return added == 1


def source_row(snapshot: Snapshot, source: str) -> int | None:
    found = snapshot.first(
        "SELECT id FROM source_config WHERE label = :source ORDER BY deleted, id DESC LIMIT 1", source=source
    )
    return None if found is None else int(found[0])


def _required(snapshot: Snapshot, source: str) -> int:
    number = source_row(snapshot, source)
    if number is None:
        raise StoreError(f"no source is called {source!r}")
    return number


def _log(snapshot: Snapshot, condition: str, **parameters: Any) -> LogEntry | None:
    return next(logs(snapshot, f"WHERE {condition}", **parameters), None)


_READ_THERE = (
    "(log.run_id IS NULL OR NOT EXISTS"
    " (SELECT 1 FROM harvest_log AS own WHERE own.source_config_id = source.id AND own.run_id IS NULL))"
)
"""A crawl has logs of its own; of a catalogue they only say that what was harvested of it was looked at."""


def logs(snapshot: Snapshot, which: str, **parameters: Any) -> Iterator[LogEntry]:
    found = snapshot.rows(
        "SELECT log.id, source.label, log.start_date, log.end_date, log.status, log.completions, log.date_started,"
        " log.date_modified, log.error_type, log.error_message, log.harvester_version, log.whole,"
        f" {', '.join(f'log.{name}' for name in _COUNTERS)}"
        f" FROM harvest_log AS log JOIN source_config AS source ON source.id = log.source_config_id {which}",
        **parameters,
    )
    for number, source, start, end, status, done, started, modified, kind, message, version, whole, *counts in found:
        yield LogEntry(
            number,
            source,
            Window(snapshot.time(start), snapshot.time(end)),
            LogStatus(status),
            Counters(*counts),
            done,
            snapshot.moment(started),
            snapshot.moment(modified),
            kind,
            message,
            version,
            bool(whole),
        )


MOST = 20
"""Kinds of problems of a run that are told."""

PAGE = 1_000
"""Problems that are loaded at once."""


def _tallies(snapshot: Snapshot, log: int) -> tuple[list[Tally], int]:
    """The most frequent kinds, and how many there are."""
    kinds = snapshot.first("SELECT count(DISTINCT message) FROM harvest_problem WHERE harvest_log_id = :log", log=log)
    found = snapshot.rows(
        "SELECT message, severity, count(*), min(id) FROM harvest_problem WHERE harvest_log_id = :log"
        f" GROUP BY message, severity ORDER BY severity DESC, count(*) DESC, min(id) LIMIT {MOST}",
        log=log,
    )
    tallies = []
    for message, severity, count, first in list(found):
        some = snapshot.rows(
            "SELECT identifier FROM harvest_problem WHERE harvest_log_id = :log AND id >= :first AND message = :message"
            f" ORDER BY id LIMIT {SAMPLES}",
            log=log,
            first=first,
            message=message,
        )
        tallies.append(Tally(Severity(severity), message, count, tuple(identifier for (identifier,) in some)))
    return tallies, int(kinds[0]) if kinds else 0


def _samples(snapshot: Snapshot, entry: LogEntry, change: Change) -> tuple[str, ...]:
    if change is Change.GONE:
        query = "SELECT s.identifier FROM source_unique_identifier AS s WHERE s.gone_in = :log"
    else:
        before = "EXISTS (SELECT 1 FROM raw_datum AS o WHERE o.suid_id = d.suid_id AND o.first_seen < :started)"
        query = (
            "SELECT s.identifier FROM harvest_log_raw_datum AS l JOIN raw_datum AS d ON d.id = l.raw_datum_id"
            " JOIN source_unique_identifier AS s ON s.id = d.suid_id WHERE l.harvest_log_id = :log"
            f" AND d.first_seen = :started AND {'NOT ' * (change is Change.NEW)}{before}"
        )
    if entry.date_started is None:
        return ()
    given = {"log": entry.id} | ({} if change is Change.GONE else {"started": entry.date_started})
    return tuple(identifier for (identifier,) in snapshot.rows(f"{query} ORDER BY s.id LIMIT {SAMPLES}", **given))


def _failures(snapshot: Snapshot, entry: LogEntry) -> int:
    """How many runs failed one after the other, up to this one."""
    if entry.status is not LogStatus.FAILED or entry.date_started is None:
        return 0
    ended = snapshot.rows(
        "SELECT log.status FROM harvest_log AS log JOIN source_config AS source ON source.id = log.source_config_id"
        " WHERE source.label = :source AND log.harvester_version = :version AND log.date_started <= :started"
        f" AND log.status IN ({LogStatus.SUCCEEDED.value}, {LogStatus.FAILED.value})"
        " ORDER BY log.date_started DESC, log.id DESC LIMIT 100",
        source=entry.source,
        version=entry.harvester_version,
        started=entry.date_started,
    )
    return sum(1 for _ in takewhile(lambda row: row[0] == LogStatus.FAILED.value, ended))


def _counted(counters: Counters) -> dict[str, int]:
    return {name: getattr(counters, name) for name in _COUNTERS}


def _sum(counters: Counters, changes: Mapping[Change, int], failed: int) -> Counters:
    new, changed, unchanged = (changes.get(c, 0) for c in (Change.NEW, Change.CHANGED, Change.UNCHANGED))
    return Counters(
        counters.seen + new + changed + unchanged,
        counters.new + new,
        counters.changed + changed,
        counters.unchanged + unchanged,
        counters.gone + changes.get(Change.GONE, 0),
        counters.failed + failed,
    )
