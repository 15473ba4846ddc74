"""When what is to be done again and again was done for the last time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("job", sa.Text, comment="name of a source; empty: all that have none of their own"),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("anchor", sa.DateTime(timezone=True), nullable=False, comment="since when it holds"),
        sa.Column("made", sa.DateTime(timezone=True), comment="when what it asks for began for the last time"),
        sa.PrimaryKeyConstraint("job", name="pk_schedule"),
    )
