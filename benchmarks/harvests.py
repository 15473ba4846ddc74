"""Records of a catalogue into a store: by the engine, or by a script that does the same inserts and nothing else.

    python -m benchmarks.harvests engine|again|plain STORE RECORDS

`again` finds all of them there, unchanged. Records have 2 KB; 500 are a transaction of ordinary durability (SQLite with
a write-ahead log and synchronous = NORMAL, PostgreSQL as it is), each deflated at level 1, by both.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import Any

from app.domain.catalogue import Asked, Facts, Record
from app.domain.harvest import Window
from app.domain.model import Lifecycle, SourceConfig
from app.harvest import Harvest, Terms
from app.ports import Session
from app.store import open_store

CHUNK, SIZE, LEVEL = 500, 2_000, 1
WORDS = [f"{number:x}" for number in range(4096, 8192)]


def bodies(count: int) -> Iterator[tuple[str, bytes]]:
    """Identifier and record: JSON whose text deflates about as real descriptions do."""
    rng = random.Random(1)
    for number in range(count):
        text = " ".join(rng.choices(WORDS, k=SIZE // 5 - 12))
        yield f"S-{number}", f'{{"id": "S-{number}", "title": "Study {number}", "text": "{text}"}}'.encode()


class Made:
    """See `app.ports.Catalogue`."""

    version = "001.000.000"
    dated = False

    def __init__(self, count: int) -> None:
        self._count = count
        stage = Lifecycle.of().stage(["external"])
        self.config = SourceConfig("made", "made", "https://example.org/made", "made", stage)

    def records(self, window: Window, session: Session) -> Iterator[Record]:
        for identifier, body in bodies(self._count):
            yield Record(identifier, body, "application/json")

    def facts(self, record: Record) -> Facts:
        raise NotImplementedError

    def probe(self) -> str:
        raise NotImplementedError


def engine(address: str, count: int) -> None:
    with closing(open_store(address, Lifecycle.of(), create=True)) as store:
        harvest = Harvest(Made(count), store.harvests, store.lock, "0", lambda: datetime.now(UTC), Terms(chunk=CHUNK))
        (log,) = harvest.run(Asked(transform=False))
        assert log.counters.seen == count


# --------------------------------------------------------------------------- the same by hand

TABLES = """
CREATE TABLE suid (id {serial}, source integer NOT NULL, identifier text NOT NULL, datum integer, UNIQUE (source, identifier));
CREATE TABLE content (id {serial}, sha256 {bytes} NOT NULL UNIQUE, size integer NOT NULL, body {bytes} NOT NULL);
CREATE TABLE datum (id {serial}, suid integer NOT NULL REFERENCES suid (id), sha256 {bytes} NOT NULL,
    change_key {bytes} NOT NULL, first_seen {time} NOT NULL, last_seen {time} NOT NULL, content_type text NOT NULL,
    UNIQUE (suid, sha256));
CREATE INDEX datum_sha256 ON datum (sha256);
CREATE TABLE log (id {serial}, seen integer NOT NULL);
CREATE TABLE link (log integer NOT NULL REFERENCES log (id), datum integer NOT NULL REFERENCES datum (id),
    PRIMARY KEY (log, datum));
CREATE INDEX link_datum ON link (datum);
INSERT INTO log (id, seen) VALUES (1, 0);
"""  # noqa: E501
SUIDS = "INSERT INTO suid (source, identifier) VALUES {} ON CONFLICT (source, identifier) DO UPDATE SET source = 1"
CONTENTS = "INSERT INTO content (sha256, size, body) VALUES {} ON CONFLICT (sha256) DO NOTHING"
DATA = (
    "INSERT INTO datum (suid, sha256, change_key, first_seen, last_seen, content_type) VALUES {}"
    " ON CONFLICT (suid, sha256) DO UPDATE SET last_seen = excluded.last_seen"
)
LINKS = "INSERT INTO link (log, datum) VALUES {} ON CONFLICT DO NOTHING"


def chunks(count: int) -> Iterator[list[tuple[str, bytes]]]:
    made = bodies(count)
    while some := list(islice(made, CHUNK)):
        yield some


def plain_sqlite(path: str, count: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        store.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON")
        store.executescript(TABLES.format(serial="integer PRIMARY KEY", bytes="blob", time="text"))

        def put(statement: str, rows: Sequence[Sequence[Any]], returning: str = "") -> list[Any]:
            one = f"({', '.join('?' * len(rows[0]))})"
            values = [value for row in rows for value in row]
            return store.execute(statement.format(", ".join([one] * len(rows))) + returning, values).fetchall()

        for some in chunks(count):
            store.execute("BEGIN IMMEDIATE")
            _store(put, some, datetime.now(UTC).isoformat())
            store.execute("UPDATE log SET seen = seen + ? WHERE id = 1", (len(some),))
            store.execute("COMMIT")


def plain_postgresql(address: str, count: int) -> None:
    import psycopg2
    from psycopg2.extras import execute_values

    with closing(psycopg2.connect(address.replace("+psycopg2", ""))) as store, store.cursor() as cursor:
        cursor.execute(TABLES.format(serial="serial PRIMARY KEY", bytes="bytea", time="timestamptz"))
        store.commit()

        def put(statement: str, rows: Sequence[Sequence[Any]], returning: str = "") -> list[Any]:
            found = execute_values(
                cursor, statement.format("%s") + returning, rows, page_size=CHUNK, fetch=bool(returning)
            )
            return found or []

        for some in chunks(count):
            _store(put, some, datetime.now(UTC))
            cursor.execute("UPDATE log SET seen = seen + %s WHERE id = 1", (len(some),))
            store.commit()


def _store(put: Any, some: Sequence[tuple[str, bytes]], now: Any) -> None:
    hashes = [sha256(body).digest() for _, body in some]
    suids = dict(put(SUIDS, [(1, name) for name, _ in some], " RETURNING identifier, id"))
    packed = [(key, len(body), zlib.compress(body, LEVEL)) for key, (_, body) in zip(hashes, some, strict=True)]
    put(CONTENTS, packed)
    rows = [(suids[name], key, key, now, now, "application/json") for key, (name, _) in zip(hashes, some, strict=True)]
    data = put(DATA, rows, " RETURNING id")
    put(LINKS, [(1, datum) for (datum,) in data])


def main(how: str, address: str, count: int) -> None:
    if how in ("engine", "again"):
        engine(address, count)
    elif address.startswith("sqlite:///"):
        plain_sqlite(address.removeprefix("sqlite:///"), count)
    else:
        plain_postgresql(address, count)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
