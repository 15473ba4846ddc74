"""What curators say, and the accessions that they are given: written in transactions of its own, at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, insert, select, text, union_all, update

from app.domain.model import Remark, RemarkKind
from app.store.database import Database
from app.store.tables import decision, entry, naming, problem, remark, reservation


def say(database: Database, said: Remark) -> None:
    """It takes the place of what held of the same subject."""
    with database.writing() as connection:
        _end(connection, said.kind, said.subject, said.by, said.at)
        values = {
            "kind": said.kind.value,
            "subject": said.subject,
            "reason": said.reason,
            "evidence": said.evidence,
            "said_by": said.by,
            "said_at": said.at,
        }
        connection.execute(insert(remark), values)


def unsay(database: Database, kind: RemarkKind, subject: str, by: str, at: datetime) -> bool:
    with database.writing() as connection:
        return _end(connection, kind, subject, by, at)


def _end(connection: Connection, kind: RemarkKind, subject: str, by: str, at: datetime) -> bool:
    holds = update(remark).where(remark.c.kind == kind.value, remark.c.subject == subject, remark.c.undone_at.is_(None))
    return connection.execute(holds.values(undone_at=at, undone_by=by)).rowcount > 0


def reserve(database: Database, prefix: str, by: str, at: datetime) -> str:
    """One more than the highest number after this prefix (`E-CURD-`) that is or was any dataset's, that any dataset
    names, that a production database lists, that stands in the path of a problem (a folder with a name that is almost
    an accession), or that was given away. Whoever asks at the same time waits, and gets the next."""
    with database.writing() as connection:
        if not database.is_sqlite:  # whose writing transactions are alone anyway
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('ingest-tracker:reserve'))"))
        taken = max(_numbers(connection, prefix), default=0)
        accession = f"{prefix}{taken + 1}"
        connection.execute(insert(reservation), {"accession": accession, "given_to": by, "given_at": at})
        return accession


def _numbers(connection: Connection, prefix: str) -> Iterator[int]:
    names = (decision.c.dataset, entry.c.dataset, naming.c.name, reservation.c.accession)
    given = [select(name).where(name.like(f"{prefix}%")) for name in names]
    given.append(select(problem.c.path).where(problem.c.path.like(f"%{prefix}%")))
    numbered = re.compile(rf"{re.escape(prefix)}([0-9]+)")
    for (found,) in connection.execute(union_all(*given)):
        yield from map(int, numbered.findall(found))
