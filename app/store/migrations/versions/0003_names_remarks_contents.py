"""Which accessions each dataset has and names; accessions given away; what curators remark; what files hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.domain.duplicates import canonical
from app.domain.text import storable

revision = "0003"
down_revision = "0002"

LONGEST = 255
"""Characters of a name: what is longer is no accession, and PostgreSQL takes none much longer into an index."""


def upgrade() -> None:
    op.create_table(
        "naming",
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("dataset", "name", name="pk_naming"),
        comment="what datasets that are somewhere are found by: see Recording.names",
    )
    op.create_index("ix_naming_name", "naming", ["name"])
    op.create_table(
        "reservation",
        sa.Column("accession", sa.Text, nullable=False),
        sa.Column("given_to", sa.Text, nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("accession", name="pk_reservation"),
    )
    op.create_table(
        "remark",
        sa.Column("id", sa.Integer),
        sa.Column("kind", sa.Text, nullable=False, comment="see RemarkKind"),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False, server_default=""),
        sa.Column("said_by", sa.Text, nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.Text, nullable=False, server_default=""),
        sa.Column("undone_at", sa.DateTime(timezone=True), comment="NULL: it holds"),
        sa.PrimaryKeyConstraint("id", name="pk_remark"),
    )
    holds = sa.text("undone_at IS NULL")
    op.create_index(
        "uq_remark_now", "remark", ["kind", "subject"], unique=True, sqlite_where=holds, postgresql_where=holds
    )
    op.create_table(
        "content",
        sa.Column("device", sa.BigInteger),
        sa.Column("inode", sa.BigInteger),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("mtime_ns", sa.BigInteger, nullable=False),
        sa.Column("ctime_ns", sa.BigInteger, nullable=False),
        sa.Column("ends", sa.LargeBinary, nullable=False, comment="hash of head and tail"),
        sa.Column("whole", sa.LargeBinary, comment="hash of all of it; NULL: it was never needed"),
        sa.PrimaryKeyConstraint("device", "inode", name="pk_content"),
        sqlite_with_rowid=False,
    )
    _name(op.get_bind())


def _name(connection: sa.Connection) -> None:
    """What the datasets that are seen now say which accessions they have."""
    sightings = connection.execute(sa.text("SELECT dataset, metadata FROM sighting WHERE until_run IS NULL"))
    named = {
        (dataset, name)
        for dataset, said in sightings
        for name in _names(dataset, (json.loads(said) if isinstance(said, str) else said) or {})
    }
    if named:
        rows = [{"dataset": dataset, "name": name} for dataset, name in sorted(named)]
        connection.execute(sa.text("INSERT INTO naming (dataset, name) VALUES (:dataset, :name)"), rows)


def _names(dataset: str, said: Mapping[str, Any]) -> Iterator[str]:
    for accession in (dataset, *said.get("accessions", ()), *said.get("secondary_accessions", ())):
        name = storable(canonical(accession))
        if name != dataset and len(name) <= LONGEST:
            yield name
