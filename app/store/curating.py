"""What curators say, and the accessions that they are given: written in transactions of its own, at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from app.domain.model import Remark, RemarkKind, Scalar
from app.domain.text import storable
from app.store import bulk
from app.store.database import Database, Transaction
from app.store.values import changed


def say(database: Database, said: Remark) -> None:
    """It takes the place of what held of the same subject."""
    with database.writing() as transaction:
        _end(transaction, said.kind, said.subject, said.by, said.at)
        transaction.added(
            "remark",
            kind=said.kind.value,
            subject=said.subject,
            reason=said.reason,
            evidence=said.evidence,
            said_by=said.by,
            said_at=said.at,
        )


def unsay(database: Database, kind: RemarkKind, subject: str, by: str, at: datetime) -> bool:
    with database.writing() as transaction:
        return _end(transaction, kind, subject, by, at)


def _end(transaction: Transaction, kind: RemarkKind, subject: str, by: str, at: datetime) -> bool:
    _alone(transaction, "remark")
    ended = transaction.execute(
        "UPDATE remark SET undone_at = :at, undone_by = :by"
        " WHERE kind = :kind AND subject = :subject AND undone_at IS NULL",
        kind=kind.value,
        subject=subject,
        by=by,
        at=at,
    )
    return ended > 0


def _alone(transaction: Transaction, table: str) -> None:
    """Whoever writes there at the same time waits until this is done; who reads does not. First in a transaction: it
    sees what was there when it began to look. On SQLite writing transactions are alone anyway."""
    if not transaction.is_sqlite:
        transaction.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


def annotate(database: Database, cells: Mapping[tuple[str, str], Scalar | None], at: datetime) -> int:
    """What is said of these cells takes the place of what stood there; how many are otherwise than before."""
    with database.writing() as transaction:
        _alone(transaction, "annotation")
        rows = transaction.rows("SELECT dataset, title, value, id FROM annotation WHERE until IS NULL")
        stands = {(dataset, title): (value, number) for dataset, title, value, number in rows}
        new = changed(cells, {cell: value for cell, (value, _) in stands.items()})
        for cell in new.keys() & stands.keys():
            transaction.execute("UPDATE annotation SET until = :at WHERE id = :id", at=at, id=stands[cell][1])
        told = [
            {"dataset": dataset, "title": title, "value": value, "since": at}
            for (dataset, title), value in new.items()
            if value is not None
        ]
        bulk.insert(transaction, "annotation", told)
        return len(new)


def reserve(database: Database, prefix: str, by: str, at: datetime) -> str:
    """One more than the highest number after this prefix (`E-CURD-`, in whatever case) that is or was any dataset's,
    that any dataset names, that a production database lists or listed, that stands in the path or the message of a
    problem (a folder with a name that is almost an accession), or that was given away. Whoever asks at the same time
    waits, and gets the next."""
    prefix = storable(prefix)
    with database.writing() as transaction:
        _alone(transaction, "reservation")
        accession = f"{prefix}{max(_numbers(transaction, prefix), default=0) + 1}"
        transaction.execute(
            "INSERT INTO reservation (accession, given_to, given_at) VALUES (:accession, :by, :at)",
            accession=accession,
            by=by,
            at=at,
        )
        return accession


_WORDS = {
    "decision": ("dataset",),
    "entry": ("dataset",),
    "naming": ("name",),
    "reservation": ("accession",),
    "problem": ("path", "message"),
}
"""table -> the columns in which there may be an accession"""


def _numbers(transaction: Transaction, prefix: str) -> Iterator[int]:
    holding = [
        f"SELECT {column} FROM {table} WHERE lower({column}) LIKE lower(:pattern) ESCAPE '/'"
        for table, columns in _WORDS.items()
        for column in columns
    ]
    pattern = re.sub("([%_/])", r"/\1", prefix)
    # Not in the middle of a word; and what has hundreds of digits is no number, and more than Python reads as one.
    numbered = re.compile(rf"(?<![^\W_]){re.escape(prefix)}([0-9]{{1,250}})(?![0-9])", re.IGNORECASE)
    for (found,) in transaction.rows(" UNION ALL ".join(holding), pattern=f"%{pattern}%"):
        yield from map(int, numbered.findall(found))
