"""A catalogue that shows what a test says, and what is kept of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.catalogue import Asked, Facts, Fault, LogEntry, Record
from app.domain.harvest import Window
from app.domain.model import SourceConfig
from app.errors import RecordError
from app.harvest import Harvest, Terms
from app.ports import Session
from app.store.sql import SqlStore
from tests.store.crawls import source

BEGINNING = datetime(2026, 1, 1, 6, tzinfo=UTC)

Said = Record | Fault | BaseException


def record(identifier: object, says: object = "", **more: Any) -> Record:
    """Its title is what it says."""
    body = json.dumps({"id": str(identifier), "title": str(says or identifier)}).encode()
    return Record(str(identifier), **({"body": body} | more))


def records(numbers: Iterable[int], says: object = "") -> list[Record]:
    return [record(f"R-{number}", f"{says or 'record'} {number}") for number in numbers]


@dataclass
class Scripted:
    shows: Sequence[Said] = ()
    dated: bool = False
    config: SourceConfig = field(default_factory=lambda: source("catalogue", kind="scripted"))
    version: str = "001.000.000"
    asked: list[Window] = field(default_factory=list)

    def records(self, window: Window, session: Session) -> Iterator[Record | Fault]:
        self.asked.append(window)
        session.wait()
        for said in self.shows:
            if isinstance(said, BaseException):
                raise said
            yield said

    def facts(self, record: Record) -> Facts:
        assert record.body is not None
        told = json.loads(record.body)
        if told["title"] == "bad":
            raise RecordError("has no good title", "has no date")
        if told["title"] == "odd":
            raise ZeroDivisionError("by zero")
        return Facts(told["title"])

    def probe(self) -> str:
        return f"{len(self.shows)} records"


class Clock:
    """A minute later each time that it is asked."""

    def __init__(self) -> None:
        self.now = BEGINNING

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


class Desk:
    """What is harvested, again and again."""

    def __init__(self, store: SqlStore, catalogue: Scripted | None = None, **terms: Any) -> None:
        self.store, self.catalogue, self.clock = store, catalogue or Scripted(), Clock()
        self.terms = Terms(**terms)
        self.slept: list[float] = []

    def schedule(self, cutoff: datetime) -> int:
        return self._harvest().schedule(cutoff)

    def harvest(self, shows: Sequence[Said] | None = None, **asked: Any) -> list[LogEntry]:
        if shows is not None:
            self.catalogue.shows = shows
        return list(self._harvest().run(Asked(**asked)))

    def _harvest(self) -> Harvest:
        return Harvest(
            self.catalogue, self.store.harvests, self.store.lock, "0.1.0", self.clock, self.terms, self.slept.append
        )

    def one(self, shows: Sequence[Said] | None = None, **asked: Any) -> LogEntry:
        (log,) = self.harvest(shows, **asked)
        return log

    # ----------------------------------------------------------------------- what is kept

    def rows(self, query: str, **given: Any) -> list[tuple[Any, ...]]:
        with self.store.database.snapshot() as snapshot:
            return [tuple(row) for row in snapshot.rows(query, **given)]

    def shown(self) -> dict[str, str]:
        """Identifier -> title, of what is there now."""
        told = self.rows(
            "SELECT s.identifier, i.facts FROM source_unique_identifier AS s"
            " LEFT JOIN ingest_log AS i ON i.raw_datum_id = s.raw_datum_id"
            " AND i.transformer_version = :version WHERE s.gone_in IS NULL ORDER BY s.id",
            version=self.catalogue.version,
        )
        with self.store.database.snapshot() as snapshot:
            return {name: (snapshot.json(facts) or {}).get("title", "") for name, facts in told}

    def problems(self) -> list[tuple[str, str]]:
        return self.rows("SELECT identifier, message FROM harvest_problem ORDER BY id")

    def counts(self) -> dict[str, int]:
        tables = ("source_unique_identifier", "raw_datum", "raw_content", "harvest_log_raw_datum", "ingest_log")
        return {table: self.rows(f"SELECT count(*) FROM {table}")[0][0] for table in (*tables, "harvest_log")}


def counted(log: LogEntry) -> dict[str, int]:
    """Without what is none."""
    counters = {name: getattr(log.counters, name) for name in log.counters.__dataclass_fields__}
    return {name: value for name, value in counters.items() if value}


def again(catalogue: Scripted, **more: Any) -> Scripted:
    return replace(catalogue, **more)
