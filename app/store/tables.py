"""The tables. Rows of facts are never deleted: each says in which runs it held.

`since_run` is the first run that it held after, `until_run` the first that it no longer did (NULL: it holds now).
So what was known after run R are the rows with `since_run <= R` and `until_run` NULL or `> R`, and a partial
unique index sees to it that a fact holds once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Time,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.types import TypeDecorator

from app.domain.text import storable


class Words(TypeDecorator[str]):
    """Text. What no database takes (NUL, half a surrogate pair) becomes U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value if value is None else storable(value)


class Moment(TypeDecorator[datetime]):
    """An aware time; UTC in the store and when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _id() -> Column[Any]:
    return Column("id", Integer, primary_key=True)


def _words(name: str, default: str | None = None, **more: Any) -> Column[Any]:
    return Column(name, Words, nullable=False, server_default=default, **more)


def _number(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False, server_default="0")


def _json(name: str) -> Column[Any]:
    return Column(name, JSON(none_as_null=True))


def _source(name: str = "source_id") -> Column[Any]:
    return Column(name, ForeignKey("source_config.id"), nullable=False, index=True)


def _fact(name: str, *columns: Column[Any], key: tuple[str, ...]) -> Table:
    now = text("until_run IS NULL")
    return Table(
        name,
        metadata,
        _id(),
        *columns,
        Column("since_run", ForeignKey("run.id"), nullable=False),
        Column("until_run", ForeignKey("run.id")),
        Index(f"uq_{name}_now", *key, unique=True, sqlite_where=now, postgresql_where=now),
    )


source_config = Table(
    "source_config",
    metadata,
    _id(),
    _words("label"),
    _words("kind"),
    _words("key", index=True),
    Column("options", JSON(none_as_null=True), nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("added", Boolean, nullable=False, server_default=false(), comment="by a command: no file names it"),
    Column("deleted", Boolean, nullable=False, server_default=false()),
    Column("rate_limit_allowance", Integer),
    Column("rate_limit_period", Integer, comment="seconds"),
    Column("harvest_after", Time, comment="time of day, UTC"),
    Column("interval", Text, comment="seconds, or cron text"),
    Column("earliest_date", Date),
    Column("full_harvest", Boolean, nullable=False, server_default=false()),
    _words("version", "000.000.000"),
    Column("private_options", LargeBinary, comment="encrypted"),
    Column("date_created", Moment, nullable=False),
    Column("date_modified", Moment, nullable=False),
    Index(
        "uq_source_config_label",
        "label",
        unique=True,
        sqlite_where=text("deleted = 0"),
        postgresql_where=text("NOT deleted"),
    ),
)

run = Table(
    "run",
    metadata,
    _id(),
    Column("started", Moment, nullable=False),
    Column("finished", Moment, nullable=False, index=True),
    _words("status"),
    Column("counts", JSON(none_as_null=True), nullable=False),
    _number("changes"),
    Column("checks", JSON(none_as_null=True), nullable=False),
    _words("error", ""),
    _words("tracker_version", ""),
    _words("settings", "", comment="digest of what its decisions depended on, beside facts"),
)

harvest_log = Table(
    "harvest_log",
    metadata,
    _id(),
    _source("source_config_id"),
    Column("start_date", Moment, nullable=False, index=True),
    Column("end_date", Moment, nullable=False, index=True),
    Column("status", Integer, nullable=False, server_default="0", index=True, comment="see LogStatus"),
    _words("error_type", ""),
    _words("error_message", ""),
    _words("error_traceback", ""),
    _number("completions"),
    _number("seen"),
    _number("new"),
    _number("changed"),
    _number("unchanged"),
    _number("gone"),
    _number("failed"),
    Column("date_started", Moment),
    Column("date_created", Moment, nullable=False),
    Column("date_modified", Moment, nullable=False),
    _words("tracker_version", "UNKNOWN"),
    _words("harvester_version", "000.000.000", index=True),
    _words("source_config_version", "000.000.000", index=True),
    Column("run_id", ForeignKey("run.id"), index=True),
    _json("asked"),
    Column(
        "whole", Boolean, nullable=False, server_default=true(), comment="nothing was left out: no limit, no window"
    ),
    Column("cancelled", Boolean, nullable=False, server_default=false(), comment="a person wants it to end"),
    UniqueConstraint("source_config_id", "harvester_version", "start_date", "end_date", name="uq_harvest_log_range"),
)

source_unique_identifier = Table(
    "source_unique_identifier",
    metadata,
    _id(),
    Column("source_config_id", ForeignKey("source_config.id"), nullable=False),
    _words("identifier"),
    Column("raw_datum_id", Integer, comment="what it says now"),
    Column("gone_in", ForeignKey("harvest_log.id"), index=True, comment="which no longer showed it; NULL: it is there"),
    _words("mark", "", comment="what its catalogue gave to tell changes"),
    UniqueConstraint("source_config_id", "identifier", name="uq_suid"),
)

raw_content = Table(
    "raw_content",
    metadata,
    _id(),
    Column("sha256", LargeBinary, nullable=False, unique=True),
    Column("size", Integer, nullable=False, comment="bytes as received"),
    Column("body", LargeBinary, nullable=False, comment="deflated: RFC 1950"),
    comment="records exactly as received, each once",
)

raw_datum = Table(
    "raw_datum",
    metadata,
    _id(),
    Column("suid_id", ForeignKey("source_unique_identifier.id"), nullable=False),
    Column("sha256", LargeBinary, nullable=False, index=True),
    Column("change_key", LargeBinary, nullable=False, comment="hash of the canonical form; another is a change"),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    _words("content_type", ""),
    Column("datestamp", Moment),
    _words("parent", ""),
    _words("location", ""),
    UniqueConstraint("suid_id", "sha256", name="uq_raw_datum_content"),
)

harvest_log_raw_datum = Table(
    "harvest_log_raw_datum",
    metadata,
    Column("harvest_log_id", ForeignKey("harvest_log.id"), primary_key=True),
    Column("raw_datum_id", ForeignKey("raw_datum.id"), primary_key=True, index=True),
    comment="which runs found which datum",
    sqlite_with_rowid=False,
)

ingest_log = Table(
    "ingest_log",
    metadata,
    Column("raw_datum_id", ForeignKey("raw_datum.id"), primary_key=True),
    _words("transformer_version", primary_key=True),
    _source("source_config_id"),
    Column("status", Integer, nullable=False, comment="see LogStatus"),
    _words("error", ""),
    _json("facts"),
    comment="what records were understood to say",
)

harvest_problem = Table(
    "harvest_problem",
    metadata,
    _id(),
    Column("harvest_log_id", ForeignKey("harvest_log.id"), nullable=False, index=True),
    Column("severity", Integer, nullable=False),
    _words("message", comment="the same fault is the same message"),
    _words("identifier", "", comment="of the record"),
)

pace = Table(
    "pace",
    metadata,
    _words("name", primary_key=True, comment="of a source"),
    Column("next", Moment, nullable=False, comment="before which it is not to be asked"),
)

sighting = _fact(
    "sighting",
    Column("source_id", ForeignKey("source_config.id"), nullable=False),
    _words("dataset", index=True),
    _words("location"),
    _json("tech"),
    Column("modified", Moment),
    _json("metadata"),
    _json("files"),
    _json("problems"),
    key=("source_id", "dataset"),
)

verdict = _fact(
    "verdict",
    _words("dataset"),
    _words("check_name"),
    _words("outcome"),
    _words("reason", ""),
    Column("current", Boolean, nullable=False),
    Column("checked_at", Moment, comment="NULL while current: then it is when a run last asked"),
    key=("dataset", "check_name"),
)

entry = _fact(
    "entry",
    _words("authority"),
    _words("dataset", index=True),
    Column("private", Boolean, comment="NULL: the database does not say"),
    key=("authority", "dataset"),
)

decision = _fact(
    "decision",
    _words("dataset"),
    Column("state", Words, comment="NULL: gone"),
    Column("up_to", Words),
    _words("rule"),
    _words("sentence"),
    _words("source", ""),
    _words("location", ""),
    _words("organism_status", ""),
    _json("ingested_as"),
    key=("dataset",),
)

state_change = Table(
    "state_change",
    metadata,
    _id(),
    _words("dataset", index=True),
    Column("from_state", Words, comment="NULL: first sighting"),
    Column("to_state", Words, comment="NULL: gone"),
    _words("reason"),
    _words("sentence"),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("at", Moment, nullable=False, index=True),
)

problem = _fact(
    "problem",
    _words("digest", comment="of all that tells it from others, which may be too long for an index"),
    _words("code"),
    _words("severity"),
    _words("dataset", "", index=True),
    _words("source", ""),
    _words("path", ""),
    _words("message"),
    _number("line"),
    key=("digest",),
)

hold = _fact(
    "hold",
    Column("source_id", ForeignKey("source_config.id"), nullable=False),
    _words("reason"),
    Column("had", Integer, nullable=False),
    Column("now", Integer, nullable=False),
    key=("source_id",),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Words, primary_key=True),
    _words("host"),
    Column("pid", Integer, nullable=False),
    _words("process_started", comment="as the kernel tells it: the same number later is another process"),
    _words("token"),
    Column("acquired", Moment, nullable=False),
    Column("heartbeat", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
)

naming = Table(
    "naming",
    metadata,
    _words("dataset", primary_key=True),
    _words("name", primary_key=True, index=True),
    comment="what datasets that are somewhere are found by: see Recording.names",
)

reservation = Table(
    "reservation",
    metadata,
    _words("accession", primary_key=True),
    _words("given_to"),
    Column("given_at", Moment, nullable=False),
)

_HOLDS = text("undone_at IS NULL")

remark = Table(
    "remark",
    metadata,
    _id(),
    _words("kind", comment="see RemarkKind"),
    _words("subject"),
    _words("reason"),
    _words("evidence", ""),
    _words("said_by"),
    Column("said_at", Moment, nullable=False),
    _words("undone_by", ""),
    Column("undone_at", Moment, comment="NULL: it holds"),
    Index("uq_remark_now", "kind", "subject", unique=True, sqlite_where=_HOLDS, postgresql_where=_HOLDS),
)

_STANDS = text("until IS NULL")

annotation = Table(
    "annotation",
    metadata,
    _id(),
    _words("dataset"),
    _words("title", comment="of the column"),
    _words("value", comment="JSON: text, a number, true or false"),
    Column("since", Moment, nullable=False),
    Column("until", Moment, comment="NULL: it stands there"),
    Index("uq_annotation_now", "dataset", "title", unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS),
    comment="what curators have in columns of their own",
)

trace = Table(
    "trace",
    metadata,
    Column("source_id", ForeignKey("source_config.id"), primary_key=True),
    Column("dataset", Words, primary_key=True, comment="empty: of the place itself"),
    Column("kept", LargeBinary, nullable=False, comment="see app.ports.Look"),
    comment="what sources keep to tell what has changed; to be thrown away at any time",
    sqlite_with_rowid=False,
)

study_group = Table(
    "study_group",
    metadata,
    _words("key", primary_key=True),
    Column("certain", Boolean, nullable=False),
    _words("evidence", comment="digest of what ties it"),
    Column("datasets", JSON(none_as_null=True), nullable=False),
    Column("links", JSON(none_as_null=True), nullable=False, comment="one, other, evidence, accession"),
    comment="of duplicates, after the newest run",
)

schedule = Table(
    "schedule",
    metadata,
    _words("job", primary_key=True, comment="name of a source; empty: all that have none of their own"),
    _words("text"),
    Column("anchor", Moment, nullable=False, comment="since when it holds"),
    Column("made", Moment, comment="when what it asks for began for the last time"),
)

content = Table(
    "content",
    metadata,
    Column("device", BigInteger, primary_key=True, autoincrement=False),
    Column("inode", BigInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("ctime_ns", BigInteger, nullable=False),
    Column("ends", LargeBinary, nullable=False, comment="hash of head and tail"),
    Column("whole", LargeBinary, comment="hash of all of it; NULL: it was never needed"),
    sqlite_with_rowid=False,
)
