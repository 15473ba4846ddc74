"""What catalogues say, exactly as they say it; which runs found it, what was wrong with it, and what it was understood
to say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "source_config",
        sa.Column(
            "added", sa.Boolean, nullable=False, server_default=sa.false(), comment="by a command: no file names it"
        ),
    )
    op.add_column("harvest_log", sa.Column("asked", sa.JSON(none_as_null=True)))
    op.add_column(
        "harvest_log",
        sa.Column(
            "whole",
            sa.Boolean,
            nullable=False,
            server_default=sa.true(),
            comment="nothing was left out: no limit, no window",
        ),
    )
    op.add_column(
        "harvest_log",
        sa.Column(
            "cancelled",
            sa.Boolean,
            nullable=False,
            server_default=sa.false(),
            comment="a person wants it to end",
        ),
    )
    op.create_table(
        "source_unique_identifier",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("source_config_id", sa.Integer, nullable=False),
        sa.Column("identifier", sa.Text, nullable=False),
        sa.Column("raw_datum_id", sa.Integer, comment="what it says now"),
        sa.Column("gone_in", sa.Integer, comment="which no longer showed it; NULL: it is there"),
        sa.PrimaryKeyConstraint("id", name="pk_source_unique_identifier"),
        sa.ForeignKeyConstraint(
            ["source_config_id"], ["source_config.id"], name="fk_source_unique_identifier_source_config_id"
        ),
        sa.ForeignKeyConstraint(["gone_in"], ["harvest_log.id"], name="fk_source_unique_identifier_gone_in"),
        sa.UniqueConstraint("source_config_id", "identifier", name="uq_suid"),
    )
    op.create_index("ix_source_unique_identifier_gone_in", "source_unique_identifier", ["gone_in"])
    op.create_table(
        "raw_content",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.Integer, nullable=False, comment="bytes as received"),
        sa.Column("body", sa.LargeBinary, nullable=False, comment="deflated: RFC 1950"),
        sa.PrimaryKeyConstraint("id", name="pk_raw_content"),
        sa.UniqueConstraint("sha256", name="uq_raw_content_sha256"),
        comment="records exactly as received, each once",
    )
    op.create_table(
        "raw_datum",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("suid_id", sa.Integer, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column(
            "change_key", sa.LargeBinary, nullable=False, comment="hash of the canonical form; another is a change"
        ),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_type", sa.Text, nullable=False, server_default=""),
        sa.Column("datestamp", sa.DateTime(timezone=True)),
        sa.Column("parent", sa.Text, nullable=False, server_default=""),
        sa.Column("location", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_raw_datum"),
        sa.ForeignKeyConstraint(["suid_id"], ["source_unique_identifier.id"], name="fk_raw_datum_suid_id"),
        sa.UniqueConstraint("suid_id", "sha256", name="uq_raw_datum_content"),
    )
    op.create_index("ix_raw_datum_sha256", "raw_datum", ["sha256"])
    op.create_table(
        "harvest_log_raw_datum",
        sa.Column("harvest_log_id", sa.Integer, nullable=False),
        sa.Column("raw_datum_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("harvest_log_id", "raw_datum_id", name="pk_harvest_log_raw_datum"),
        sa.ForeignKeyConstraint(["harvest_log_id"], ["harvest_log.id"], name="fk_harvest_log_raw_datum_harvest_log_id"),
        sa.ForeignKeyConstraint(["raw_datum_id"], ["raw_datum.id"], name="fk_harvest_log_raw_datum_raw_datum_id"),
        comment="which runs found which datum",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_harvest_log_raw_datum_raw_datum_id", "harvest_log_raw_datum", ["raw_datum_id"])
    op.create_table(
        "ingest_log",
        sa.Column("raw_datum_id", sa.Integer, nullable=False),
        sa.Column("transformer_version", sa.Text, nullable=False),
        sa.Column("source_config_id", sa.Integer, nullable=False),
        sa.Column("status", sa.Integer, nullable=False, comment="see LogStatus"),
        sa.Column("error", sa.Text, nullable=False, server_default=""),
        sa.Column("facts", sa.JSON(none_as_null=True)),
        sa.PrimaryKeyConstraint("raw_datum_id", "transformer_version", name="pk_ingest_log"),
        sa.ForeignKeyConstraint(["raw_datum_id"], ["raw_datum.id"], name="fk_ingest_log_raw_datum_id"),
        sa.ForeignKeyConstraint(["source_config_id"], ["source_config.id"], name="fk_ingest_log_source_config_id"),
        comment="what records were understood to say",
    )
    op.create_index("ix_ingest_log_source_config_id", "ingest_log", ["source_config_id"])
    op.create_table(
        "harvest_problem",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("harvest_log_id", sa.Integer, nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("message", sa.Text, nullable=False, comment="the same fault is the same message"),
        sa.Column("identifier", sa.Text, nullable=False, server_default="", comment="of the record"),
        sa.PrimaryKeyConstraint("id", name="pk_harvest_problem"),
        sa.ForeignKeyConstraint(["harvest_log_id"], ["harvest_log.id"], name="fk_harvest_problem_harvest_log_id"),
    )
    op.create_index("ix_harvest_problem_harvest_log_id", "harvest_problem", ["harvest_log_id"])
    op.create_table(
        "pace",
        sa.Column("name", sa.Text, nullable=False, comment="of a source"),
        sa.Column("next", sa.DateTime(timezone=True), nullable=False, comment="before which it is not to be asked"),
        sa.PrimaryKeyConstraint("name", name="pk_pace"),
    )
