"""What a catalogue gave to tell whether a record has changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column(
        "source_unique_identifier",
        sa.Column(
            "mark", sa.Text, nullable=False, server_default="", comment="what its catalogue gave to tell changes"
        ),
    )
