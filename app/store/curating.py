"""What curators say, and the accessions that they are given: written in transactions of its own, at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import Connection, Table, insert, select, text, union_all, update

from app.domain.model import Remark, RemarkKind, Scalar
from app.domain.text import storable
from app.store import bulk
from app.store.database import Database
from app.store.reading import CHUNK
from app.store.tables import annotation, decision, entry, naming, problem, remark, reservation
from app.store.values import changed


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
    _alone(connection, remark)
    holds = update(remark).where(remark.c.kind == kind.value, remark.c.subject == subject, remark.c.undone_at.is_(None))
    return connection.execute(holds.values(undone_at=at, undone_by=by)).rowcount > 0


def _alone(connection: Connection, table: Table) -> None:
    """Whoever writes there at the same time waits until this is done; who reads does not. First in a transaction: it
    sees what was there when it began to look. On SQLite writing transactions are alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


def annotate(database: Database, cells: Mapping[tuple[str, str], Scalar | None], at: datetime) -> int:
    """What is said of these cells takes the place of what stood there; how many are otherwise than before."""
    with database.writing() as connection:
        _alone(connection, annotation)
        columns = annotation.c.dataset, annotation.c.title, annotation.c.value, annotation.c.id
        stands = connection.execute(select(*columns).where(annotation.c.until.is_(None))).all()
        new = changed(cells, {(dataset, title): value for dataset, title, value, _ in stands})
        over = [number for dataset, title, _, number in stands if (dataset, title) in new]
        for first in range(0, len(over), CHUNK):
            these = annotation.c.id.in_(over[first : first + CHUNK])
            connection.execute(update(annotation).where(these).values(until=at))
        bulk.insert(
            connection,
            annotation,
            [
                {"dataset": dataset, "title": title, "value": value, "since": at}
                for (dataset, title), value in new.items()
                if value is not None
            ],
        )
        return len(new)


def reserve(database: Database, prefix: str, by: str, at: datetime) -> str:
    """One more than the highest number after this prefix (`E-CURD-`, in whatever case) that is or was any dataset's,
    that any dataset names, that a production database lists or listed, that stands in the path or the message of a
    problem (a folder with a name that is almost an accession), or that was given away. Whoever asks at the same time
    waits, and gets the next."""
    prefix = storable(prefix)
    with database.writing() as connection:
        _alone(connection, reservation)
        accession = f"{prefix}{max(_numbers(connection, prefix), default=0) + 1}"
        connection.execute(insert(reservation), {"accession": accession, "given_to": by, "given_at": at})
        return accession


def _numbers(connection: Connection, prefix: str) -> Iterator[int]:
    names = (decision.c.dataset, entry.c.dataset, naming.c.name, reservation.c.accession)
    texts = (*names, problem.c.path, problem.c.message)
    given = [select(words).where(words.icontains(prefix, autoescape=True)) for words in texts]
    # Not in the middle of a word; and what has hundreds of digits is no number, and more than Python reads as one.
    numbered = re.compile(rf"(?<![^\W_]){re.escape(prefix)}([0-9]{{1,250}})(?![0-9])", re.IGNORECASE)
    for (found,) in connection.execute(union_all(*given)):
        yield from map(int, numbered.findall(found))
