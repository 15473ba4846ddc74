"""Problems say on which line of their file they are; what production databases list is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("problem") as problem:
        problem.add_column(sa.Column("line", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "entry",
        sa.Column("id", sa.Integer),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("private", sa.Boolean, comment="NULL: the database does not say"),
        sa.Column("since_run", sa.Integer, nullable=False),
        sa.Column("until_run", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_entry"),
        sa.ForeignKeyConstraint(["since_run"], ["run.id"], name="fk_entry_since_run"),
        sa.ForeignKeyConstraint(["until_run"], ["run.id"], name="fk_entry_until_run"),
    )
    op.create_index("ix_entry_dataset", "entry", ["dataset"])
    now = sa.text("until_run IS NULL")
    op.create_index(
        "uq_entry_now", "entry", ["authority", "dataset"], unique=True, sqlite_where=now, postgresql_where=now
    )
