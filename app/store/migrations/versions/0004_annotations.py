"""What curators have in columns of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "annotation",
        sa.Column("id", sa.Integer),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False, comment="of the column"),
        sa.Column("value", sa.Text, nullable=False, comment="JSON: text, a number, true or false"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), comment="NULL: it stands there"),
        sa.PrimaryKeyConstraint("id", name="pk_annotation"),
        comment="what curators have in columns of their own",
    )
    stands = sa.text("until IS NULL")
    op.create_index(
        "uq_annotation_now",
        "annotation",
        ["dataset", "title"],
        unique=True,
        sqlite_where=stands,
        postgresql_where=stands,
    )
