"""Records exactly as received: of each identifier what it said, and each content once."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from app.domain.catalogue import Change, Fault, Kept, KeptDatum, Record, Understood
from app.domain.model import LogStatus
from app.store import bulk
from app.store.database import CHUNK, Database, Snapshot, Transaction

LEVEL = 1
"""Of compression: records are small, and each is compressed by itself."""


class Row(NamedTuple):
    """An identifier that is known, and what it said the last time, if it said anything."""

    id: int
    identifier: str
    gone: bool
    datum: int | None
    sha256: bytes | None
    change_key: bytes | None
    last_seen: datetime | None
    datestamp: datetime | None
    location: str
    mark: str


def known(snapshot: Snapshot, source: int, identifiers: Collection[str]) -> dict[str, Row]:
    wanted, found = list(identifiers), dict[str, Row]()
    for first in range(0, len(wanted), CHUNK):
        some = {f"v{number}": value for number, value in enumerate(wanted[first : first + CHUNK])}
        these = ", ".join(f":{name}" for name in some)
        rows = snapshot.rows(
            "SELECT s.id, s.identifier, s.gone_in, d.id, d.sha256, d.change_key, d.last_seen, d.datestamp, d.location,"
            " s.mark FROM source_unique_identifier AS s LEFT JOIN raw_datum AS d ON d.id = s.raw_datum_id"
            f" WHERE s.source_config_id = :source AND s.identifier IN ({these})",
            source=source,
            **some,
        )
        for suid, identifier, gone, datum, sha256, key, seen, stamp, location, mark in rows:
            found[identifier] = Row(
                suid,
                identifier,
                gone is not None,
                datum,
                sha256 and bytes(sha256),
                key and bytes(key),
                snapshot.moment(seen),
                snapshot.moment(stamp),
                location or "",
                mark,
            )
    return found


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is stored at once. `started`: when the run began, which is when all that it finds was last seen; so whatever
    has that moment already stood there before in the same run. `understand`: what new data say is found out by that,
    and with `superfluous` what all say; by this version of the kind."""

    transaction: Transaction
    source: int
    log: int
    started: datetime
    version: str
    understand: Callable[[Record], Understood] | None = None
    superfluous: bool = False

    def keep(self, chunk: Sequence[Kept]) -> tuple[list[Change], list[Fault]]:
        """What each is beside what was known, and what is wrong with them beside others."""
        there = known(self.transaction, self.source, {kept.record.identifier for kept in chunk})
        taken: dict[str, Kept] = {}
        changes: list[Change] = []
        faults: list[Fault] = []
        for kept in chunk:
            row, name = there.get(kept.record.identifier), kept.record.identifier
            if name in taken or (row and row.last_seen == self.started):
                first = taken[name].sha256 if name in taken else row.sha256 if row else None
                if kept.sha256 not in (b"", first):
                    faults.append(Fault(name, _TWICE))
                changes.append(Change.REPEATED)
                continue
            if kept.record.body is None and not kept.record.deleted and (row is None or row.datum is None):
                faults.append(Fault(name, "is said to be as it was, and was never read"))
                changes.append(Change.REPEATED)
                continue
            taken[name] = kept
            changes.append(_change(kept, row))
        return changes, [*faults, *self._write(list(taken.values()), there)]

    def _write(self, taken: Sequence[Kept], there: Mapping[str, Row]) -> list[Fault]:
        lost = [row.id for kept in taken if kept.record.deleted and (row := there.get(kept.record.identifier))]
        taken = [kept for kept in taken if not kept.record.deleted]
        same = [row.datum for kept in taken if (row := there.get(kept.record.identifier)) and _is_same(kept, row)]
        other = [kept for kept in taken if not _is_same(kept, there.get(kept.record.identifier))]
        other = [kept for kept in other if kept.record.body is not None]
        back = [row.id for kept in taken if (row := there.get(kept.record.identifier)) and row.gone]
        marked = [
            (row.id, kept.record.mark)
            for kept in taken
            if (row := there.get(kept.record.identifier)) and row.mark != kept.record.mark
        ]
        self._mark("source_unique_identifier", "gone_in = :log", lost, log=self.log)
        self._mark("source_unique_identifier", "gone_in = NULL", back)
        self._mark("raw_datum", f"last_seen = {_later('last_seen', ':at')}", same, at=self.started)
        bulk.point(self.transaction, "source_unique_identifier", "mark", marked)
        data = self._data(other, there)
        self._link([*same, *data.values()])
        if self.superfluous:
            other = [kept for kept in taken if kept.record.body is not None]
            data |= {name: row.datum for name, row in there.items() if row.datum is not None and name not in data}
        if self.understand is None:
            return []
        understood = {data[kept.record.identifier]: self.understand(kept.record) for kept in other}
        write_ingests(self.transaction, self.source, self.version, understood)
        return [fault for each in understood.values() for fault in each.faults]

    def _data(self, others: Sequence[Kept], there: Mapping[str, Row]) -> dict[str, int]:
        """Identifier -> the datum that it has now."""
        new = [kept.record for kept in others if kept.record.identifier not in there]
        suids = {name: row.id for name, row in there.items()} | self._suids(new)
        contents = {kept.sha256: kept.record.body or b"" for kept in others}
        bulk.added(
            self.transaction,
            "raw_content",
            ("sha256", "size", "body"),
            [(sha256, len(body), zlib.compress(body, LEVEL)) for sha256, body in contents.items()],
            "ON CONFLICT (sha256) DO NOTHING",
        )
        found = bulk.added(
            self.transaction,
            "raw_datum",
            _DATUM,
            [
                (suids[k.record.identifier], k.sha256, k.change_key, self.started, self.started, *_told(k.record))
                for k in others
            ],
            f"ON CONFLICT (suid_id, sha256) DO UPDATE SET {_AGAIN} RETURNING suid_id, id",
        )
        data = dict(found)
        bulk.point(self.transaction, "source_unique_identifier", "raw_datum_id", list(data.items()))
        return {kept.record.identifier: data[suids[kept.record.identifier]] for kept in others}

    def _suids(self, records: Sequence[Record]) -> dict[str, int]:
        rows = [(self.source, record.identifier, record.mark) for record in records]
        columns = ("source_config_id", "identifier", "mark")
        return dict(bulk.added(self.transaction, "source_unique_identifier", columns, rows, "RETURNING identifier, id"))

    def _link(self, data: Sequence[int | None]) -> None:
        bulk.added(
            self.transaction,
            "harvest_log_raw_datum",
            ("harvest_log_id", "raw_datum_id"),
            [(self.log, datum) for datum in data],
            "ON CONFLICT DO NOTHING",
        )

    def _mark(self, table: str, what: str, rows: Sequence[int | None], **values: Any) -> None:
        for first in range(0, len(rows), CHUNK):
            these = ", ".join(str(row) for row in rows[first : first + CHUNK])
            self.transaction.execute(f"UPDATE {table} SET {what} WHERE id IN ({these})", **values)


_TWICE = "stands there twice, and says something else each time; the first was taken"

_DATUM = (
    "suid_id",
    "sha256",
    "change_key",
    "first_seen",
    "last_seen",
    "content_type",
    "datestamp",
    "parent",
    "location",
)


def _later(seen: str, at: str) -> str:
    """By force two may read at once: what one has seen, the other one that began before has seen as well."""
    return f"CASE WHEN {seen} < {at} THEN {at} ELSE {seen} END"


_AGAIN = ", ".join(
    [
        f"last_seen = {_later('raw_datum.last_seen', 'excluded.last_seen')}",
        *(f"{name} = excluded.{name}" for name in _DATUM[5:]),
    ]
)


def _told(record: Record) -> tuple[Any, ...]:
    return record.content_type, record.datestamp, record.parent, record.location


def _is_same(kept: Kept, row: Row | None) -> bool:
    return row is not None and row.datum is not None and kept.sha256 in (b"", row.sha256)


def _change(kept: Kept, row: Row | None) -> Change:
    if kept.record.deleted:
        return Change.GONE if row is not None and not row.gone else Change.UNCHANGED
    if row is None or row.datum is None:
        return Change.NEW
    same = _is_same(kept, row) or row.change_key == kept.change_key
    return Change.UNCHANGED if same else Change.CHANGED


def write_ingests(transaction: Transaction, source: int, version: str, understood: Mapping[int, Understood]) -> None:
    """`understood`: by datum."""
    bulk.added(
        transaction,
        "ingest_log",
        ("raw_datum_id", "transformer_version", "source_config_id", "status", "error", "facts"),
        [
            (datum, version, source, (LogStatus.FAILED if u.error else LogStatus.SUCCEEDED).value, u.error, u.facts)
            for datum, u in understood.items()
        ],
        "ON CONFLICT (raw_datum_id, transformer_version) DO UPDATE SET status = excluded.status,"
        " error = excluded.error, facts = excluded.facts",
    )


# --------------------------------------------------------------------------- what is kept, as it is


def kept(snapshot: Snapshot, source: int, identifier: str, log: int | None) -> KeptDatum | None:
    """What an identifier says now, or what a harvest found of it; None: nothing."""
    which = "d.id = s.raw_datum_id" if log is None else "l.raw_datum_id IS NOT NULL"
    found = snapshot.first(
        "SELECT d.sha256, c.size, length(c.body), d.content_type, d.first_seen, d.last_seen, d.datestamp, d.location,"
        " s.gone_in, c.body FROM source_unique_identifier AS s JOIN raw_datum AS d ON d.suid_id = s.id"
        " JOIN raw_content AS c ON c.sha256 = d.sha256"
        " LEFT JOIN harvest_log_raw_datum AS l ON l.raw_datum_id = d.id AND l.harvest_log_id = :log"
        f" WHERE s.source_config_id = :source AND s.identifier = :identifier AND {which} ORDER BY d.id DESC LIMIT 1",
        source=source,
        identifier=identifier,
        log=log or 0,
    )
    if found is None:
        return None
    sha256, size, stored, kind, first, last, stamp, location, gone, body = found
    return KeptDatum(
        identifier,
        bytes(sha256).hex(),
        size,
        stored,
        kind or "",
        snapshot.time(first),
        snapshot.time(last),
        snapshot.moment(stamp),
        location or "",
        gone is not None,
        zlib.decompress(bytes(body)),
    )


def faulty(database: Database, source: int | None) -> Iterator[tuple[str, str]]:
    """(SHA-256, what is wrong) of each content that is not what it was: it hashes to something else, cannot be unpacked
    or is not there. `source`: only what that says or said. A page of them is read at a time."""
    whose = "" if source is None else f" AND s.source_config_id = {source}"
    told, last = _TOLD.format(whose=whose), b""
    while True:
        with database.snapshot() as snapshot:
            page = list(snapshot.rows(told, last=last))
        for sha256, body in page:
            if wrong := _wrong(bytes(sha256), body):
                yield bytes(sha256).hex(), wrong
        if len(page) < _PAGE:
            return
        last = bytes(page[-1][0])


_PAGE = 200
_TOLD = (
    "SELECT DISTINCT d.sha256, c.body FROM raw_datum AS d JOIN source_unique_identifier AS s ON s.id = d.suid_id"
    " LEFT JOIN raw_content AS c ON c.sha256 = d.sha256 WHERE d.sha256 > :last{whose}"
    f" ORDER BY d.sha256 LIMIT {_PAGE}"
)


def _wrong(sha256: bytes, body: Any) -> str:
    if body is None:
        return "is not there"
    try:
        unpacked = zlib.decompress(bytes(body))
    except zlib.error:
        return "cannot be unpacked"
    return "" if hashlib.sha256(unpacked).digest() == sha256 else "hashes to something else"
