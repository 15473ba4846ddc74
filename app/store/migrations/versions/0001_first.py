"""The first tables: sources and their logs, runs, facts and the runs they held in, history, lease."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _sources_and_runs()
    _facts()
    _table(
        "state_change",
        _id(),
        _text("dataset", index=True),
        sa.Column("from_state", sa.Text, comment="NULL: first sighting"),
        sa.Column("to_state", sa.Text, comment="NULL: gone"),
        _text("reason"),
        _text("sentence"),
        sa.Column("run_id", sa.ForeignKey("run.id"), nullable=False),
        _moment("at", index=True),
    )
    _table(
        "lease",
        sa.Column("name", sa.Text, primary_key=True),
        _text("host"),
        sa.Column("pid", sa.Integer, nullable=False),
        _text("process_started", comment="as the kernel tells it: the same number later is another process"),
        _text("token"),
        _moment("acquired"),
        _moment("heartbeat"),
        _moment("expires"),
    )


def _sources_and_runs() -> None:
    _table(
        "source_config",
        _id(),
        _text("label"),
        _text("kind"),
        _text("key", index=True),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("rate_limit_allowance", sa.Integer),
        sa.Column("rate_limit_period", sa.Integer, comment="seconds"),
        sa.Column("harvest_after", sa.Time, comment="time of day, UTC"),
        sa.Column("interval", sa.Text, comment="seconds, or cron text"),
        sa.Column("earliest_date", sa.Date),
        sa.Column("full_harvest", sa.Boolean, nullable=False, server_default=sa.false()),
        _text("version", "000.000.000"),
        sa.Column("private_options", sa.LargeBinary, comment="encrypted"),
        _moment("date_created"),
        _moment("date_modified"),
    )
    op.create_index(
        "uq_source_config_label",
        "source_config",
        ["label"],
        unique=True,
        sqlite_where=sa.text("deleted = 0"),
        postgresql_where=sa.text("NOT deleted"),
    )
    _table(
        "run",
        _id(),
        _moment("started"),
        _moment("finished", index=True),
        _text("status"),
        sa.Column("counts", sa.JSON, nullable=False),
        _number("changes"),
        sa.Column("checks", sa.JSON, nullable=False),
        _text("error", ""),
        _text("tracker_version", ""),
    )
    _table(
        "harvest_log",
        _id(),
        sa.Column("source_config_id", sa.ForeignKey("source_config.id"), nullable=False, index=True),
        _moment("start_date", index=True),
        _moment("end_date", index=True),
        sa.Column("status", sa.Integer, nullable=False, server_default="0", index=True, comment="see LogStatus"),
        _text("error_type", ""),
        _text("error_message", ""),
        _text("error_traceback", ""),
        *map(_number, ("completions", "seen", "new", "changed", "unchanged", "gone", "failed")),
        sa.Column("date_started", sa.DateTime(timezone=True)),
        _moment("date_created"),
        _moment("date_modified"),
        _text("tracker_version", "UNKNOWN"),
        _text("harvester_version", "000.000.000", index=True),
        _text("source_config_version", "000.000.000", index=True),
        sa.Column("run_id", sa.ForeignKey("run.id"), index=True),
        sa.UniqueConstraint(
            "source_config_id", "harvester_version", "start_date", "end_date", name="uq_harvest_log_range"
        ),
    )


def _facts() -> None:
    _fact(
        "sighting",
        sa.Column("source_id", sa.ForeignKey("source_config.id"), nullable=False),
        _text("dataset", index=True),
        _text("location"),
        sa.Column("tech", sa.JSON),
        sa.Column("modified", sa.DateTime(timezone=True)),
        sa.Column("metadata", sa.JSON),
        sa.Column("files", sa.JSON),
        sa.Column("problems", sa.JSON),
        key=["source_id", "dataset"],
    )
    _fact(
        "verdict",
        _text("dataset"),
        _text("check_name"),
        _text("outcome"),
        _text("reason", ""),
        sa.Column("current", sa.Boolean, nullable=False),
        sa.Column(
            "checked_at",
            sa.DateTime(timezone=True),
            comment="NULL while current: then it is when a run last asked",
        ),
        key=["dataset", "check_name"],
    )
    _fact(
        "decision",
        _text("dataset"),
        sa.Column("state", sa.Text, comment="NULL: gone"),
        sa.Column("up_to", sa.Text),
        _text("rule"),
        _text("sentence"),
        _text("source", ""),
        _text("location", ""),
        _text("organism_status", ""),
        sa.Column("ingested_as", sa.JSON),
        key=["dataset"],
    )
    _fact(
        "problem",
        _text("digest", comment="of all that tells it from others, which may be too long for an index"),
        _text("code"),
        _text("severity"),
        _text("dataset", "", index=True),
        _text("source", ""),
        _text("path", ""),
        _text("message"),
        key=["digest"],
    )
    _fact(
        "hold",
        sa.Column("source_id", sa.ForeignKey("source_config.id"), nullable=False),
        _text("reason"),
        sa.Column("had", sa.Integer, nullable=False),
        sa.Column("now", sa.Integer, nullable=False),
        key=["source_id"],
    )


# What these make is part of this revision: a later one must not change them.


def _table(name: str, *columns: Any) -> None:
    """Keys are named as elsewhere; a column that says `index=True` gets one."""
    convention = {"pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s"}
    metadata = sa.MetaData(naming_convention={**convention, "ix": "ix_%(table_name)s_%(column_0_name)s"})
    for known in ("run", "source_config"):
        if known != name:
            sa.Table(known, metadata, sa.Column("id", sa.Integer, primary_key=True))
    sa.Table(name, metadata, *columns).create(op.get_bind())


def _fact(name: str, *columns: Any, key: list[str]) -> None:
    _table(
        name,
        _id(),
        *columns,
        sa.Column("since_run", sa.ForeignKey("run.id"), nullable=False),
        sa.Column("until_run", sa.ForeignKey("run.id")),
    )
    now = sa.text("until_run IS NULL")
    op.create_index(f"uq_{name}_now", name, key, unique=True, sqlite_where=now, postgresql_where=now)


def _id() -> Any:
    return sa.Column("id", sa.Integer, primary_key=True)


def _text(name: str, default: str | None = None, **more: Any) -> Any:
    return sa.Column(name, sa.Text, nullable=False, server_default=default, **more)


def _number(name: str) -> Any:
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def _moment(name: str, **more: Any) -> Any:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, **more)
