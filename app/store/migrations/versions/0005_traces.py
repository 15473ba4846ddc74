"""What sources keep to tell what has changed, what the decisions of a run depended on, and groups of duplicates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    settings = sa.Column(
        "settings",
        sa.Text,
        nullable=False,
        server_default="",
        comment="digest of what its decisions depended on, beside facts",
    )
    with op.batch_alter_table("run") as run:
        run.add_column(settings)
    op.create_table(
        "trace",
        sa.Column("source_id", sa.Integer),
        sa.Column("dataset", sa.Text, comment="empty: of the place itself"),
        sa.Column("kept", sa.LargeBinary, nullable=False, comment="see app.ports.Look"),
        sa.PrimaryKeyConstraint("source_id", "dataset", name="pk_trace"),
        sa.ForeignKeyConstraint(["source_id"], ["source_config.id"], name="fk_trace_source_id"),
        comment="what sources keep to tell what has changed; to be thrown away at any time",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "study_group",
        sa.Column("key", sa.Text),
        sa.Column("certain", sa.Boolean, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False, comment="digest of what ties it"),
        sa.Column("datasets", sa.JSON, nullable=False),
        sa.Column("links", sa.JSON, nullable=False, comment="one, other, evidence, accession"),
        sa.PrimaryKeyConstraint("key", name="pk_study_group"),
        comment="of duplicates, after the newest run",
    )
