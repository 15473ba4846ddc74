"""What is removed of harvests once it is old: never what is shown, and never history."""

from __future__ import annotations

from datetime import datetime

from app.domain.catalogue import Pruned
from app.domain.harvest import DONE
from app.domain.model import LogStatus
from app.store.database import Database

AT_ONCE = 5_000
"""Rows that a transaction removes: others can write in between."""

_SAID_ONCE = (
    "raw_datum WHERE last_seen < :before"
    " AND NOT EXISTS (SELECT 1 FROM source_unique_identifier AS s WHERE s.raw_datum_id = raw_datum.id)"
)
"""Of an identifier that is gone too, what it said last is kept: it may come back."""

_UNUSED = "raw_content WHERE NOT EXISTS (SELECT 1 FROM raw_datum AS d WHERE d.sha256 = raw_content.sha256)"

_OLD = (
    "harvest_log WHERE run_id IS NULL AND date_modified < :before"
    f" AND status NOT IN ({LogStatus.CREATED.value}, {LogStatus.STARTED.value}, {LogStatus.RESCHEDULED.value})"
    " AND EXISTS (SELECT 1 FROM harvest_log AS later WHERE later.source_config_id = harvest_log.source_config_id"
    " AND later.run_id IS NULL AND later.id > harvest_log.id)"
    " AND NOT EXISTS (SELECT 1 FROM source_unique_identifier AS s WHERE s.gone_in = harvest_log.id)"
)
_REPEATABLE = f" AND (whole OR status NOT IN ({', '.join(str(status.value) for status in DONE)}))"
"""What was read whole will be again; what was read by date is read no more if its log says so."""

_PROBLEMS = (
    "harvest_problem WHERE harvest_log_id IN (SELECT id FROM harvest_log WHERE date_modified < :before"
    " AND EXISTS (SELECT 1 FROM harvest_log AS later WHERE later.source_config_id = harvest_log.source_config_id"
    " AND later.run_id IS NULL AND later.id > harvest_log.id))"
)


def pruned(database: Database, before: datetime, *, dry_run: bool) -> Pruned:
    if dry_run:
        with database.snapshot() as snapshot:
            counts = [
                (snapshot.first(f"SELECT count(*) FROM {what}", before=before) or (0,))[0]
                for what in (_SAID_ONCE, _UNUSED, _PROBLEMS, _OLD + _REPEATABLE)
            ]
        return Pruned(*counts)
    problems = _removed(database, _PROBLEMS, before)
    data = _removed(
        database, _SAID_ONCE, before, ("harvest_log_raw_datum", "raw_datum_id"), ("ingest_log", "raw_datum_id")
    )
    contents = _removed(database, _UNUSED, before)
    links = (("harvest_log_raw_datum", "harvest_log_id"), ("harvest_problem", "harvest_log_id"))
    logs = _removed(database, _OLD + _REPEATABLE, before, *links)
    return Pruned(data, contents, problems, logs)


def _removed(database: Database, what: str, before: datetime, *linked: tuple[str, str]) -> int:
    """How many rows; `linked`: (table, column) where rows go with them."""
    table, count = what.split()[0], 0
    while True:
        with database.writing() as transaction:
            found = [n for (n,) in transaction.rows(f"SELECT id FROM {what} LIMIT {AT_ONCE}", before=before)]
            for first in range(0, len(found), 500):
                these = ", ".join(map(str, found[first : first + 500]))
                for other, column in linked:
                    transaction.execute(f"DELETE FROM {other} WHERE {column} IN ({these})")
                transaction.execute(f"DELETE FROM {table} WHERE id IN ({these})")
        count += len(found)
        if len(found) < AT_ONCE:
            return count
