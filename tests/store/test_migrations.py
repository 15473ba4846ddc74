"""The tables that migrations make are the ones the code uses, and old and new stores are told apart."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import string
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.domain.duplicates import canonical
from app.domain.history import Findings, Policy, recording, settle
from app.domain.model import Code, Entry, KnownProblem, Metadata, Problem
from app.domain.presence import Reading
from app.errors import StoreError, StoreTooNew
from app.store import migrations, open_store, tables
from app.store.database import HEAD, Database, connect, ensure_schema
from app.store.sql import SqlStore
from tests.servers.postgres import Postgres
from tests.store.conftest import Kit
from tests.store.crawls import LIFECYCLE, World, crawl, ended, hour, sighting, source
from tests.store.processes import OPENS, OPENS_FIRST, process, says, tell

WORLD = World(sightings=[sighting("E-MTAB-1")])

NEXT = f"""
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{HEAD}"


def upgrade() -> None:
    with op.batch_alter_table("sighting") as sighting:
        sighting.add_column(sa.Column("colour", sa.Text, nullable=False, server_default="grey"))
        sighting.alter_column("location", nullable=True)
"""


def test_the_newest_migration_is_the_one_that_the_code_expects() -> None:
    assert ScriptDirectory(str(migrations.FOLDER)).get_heads() == [HEAD]


def test_migrations_make_the_tables_that_the_code_uses(sqlite_address: str, tmp_path: Path, postgres: Postgres) -> None:
    plain = f"sqlite:///{tmp_path}/plain.db"
    for migrated, made in [(sqlite_address, plain), (postgres.create_database(), postgres.create_database())]:
        ensure_schema(connect(migrated), create=True)
        with connect(made).migrating() as connection:
            tables.metadata.create_all(connection)
        assert _schema(migrated) == _schema(made)


def _schema(address: str) -> list[tuple[str, ...]]:
    database = connect(address)
    query = _SQLITE if database.is_sqlite else _POSTGRESQL
    with database.migrating() as connection:
        rows = [tuple(map(str, row)) for row in connection.execute(text(query))]
    assert len(rows) > 20
    return sorted(row if len(row) > 3 else (*row[:2], *_clauses(row[2])) for row in rows)


def _clauses(made: str) -> list[str]:
    """What stands in the brackets of a CREATE statement, whatever its order: a column that came later is the last."""
    inner = re.sub(r"\s+", " ", made).partition("(")[2].removesuffix(")")
    return sorted(clause.strip() for clause in re.split(r",(?![^()]*\))", inner))


_SQLITE = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '%alembic%'"
_POSTGRESQL = """
    SELECT 'column', table_name, 0, column_name, data_type, is_nullable, column_default,
           col_description(('"' || table_name || '"')::regclass, ordinal_position)
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
    UNION ALL SELECT 'index', tablename, 0, indexname, indexdef, '', '', ''
    FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    UNION ALL SELECT 'constraint', conrelid::regclass::text, 0, conname, pg_get_constraintdef(oid), '', '', ''
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conname NOT LIKE 'alembic%'
"""


def test_two_first_crawls_at_once_both_find_a_whole_store(fresh_address: str) -> None:
    with ExitStack() as stack:
        children = [stack.enter_context(process(OPENS_FIRST, fresh_address)) for _ in range(3)]
        assert [says(child) for child in children] == ["ready"] * 3
        for child in children:
            tell(child)
        assert [says(child) for child in children] == ["opened, run 0"] * 3


def test_opening_a_store_that_is_up_to_date_does_not_import_alembic(sqlite_address: str) -> None:
    """Importing it takes half a second, which every command would pay."""
    open_store(sqlite_address, LIFECYCLE, create=True)
    with process(OPENS, sqlite_address) as child:
        assert says(child) == "False"


@pytest.mark.parametrize("create", [True, False])
def test_a_store_of_a_newer_version_is_left_as_it_is(sqlite_address: str, create: bool) -> None:
    crawl(open_store(sqlite_address, LIFECYCLE, create=True), WORLD, 0)
    with connect(sqlite_address).migrating() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = _digest(sqlite_address)
    with pytest.raises(StoreTooNew, match=r"newer version of ingest-tracker \(revision 9999\)"):
        open_store(sqlite_address, LIFECYCLE, create=create)
    assert _digest(sqlite_address) == before


def test_a_newer_store_on_a_server_is_left_too(postgresql_address: str) -> None:
    open_store(postgresql_address, LIFECYCLE, create=True)
    with connect(postgresql_address).migrating() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreTooNew):
        open_store(postgresql_address, LIFECYCLE, create=True)


OLD = Problem(Code.NOT_UTF8, "It is Latin-1.", "E-MTAB-1", "incoming", "/nfs/E-MTAB-1.idf.txt")
FIRST_ROWS = [
    "INSERT INTO run (started, finished, status, counts, checks) "
    f"VALUES ('{hour(0)}', '{ended(0)}', 'succeeded', '{{}}', '[\"atlas\"]')",
    "INSERT INTO problem (digest, code, severity, dataset, source, path, message, since_run) VALUES "
    "('ca40e3638bae878b705bbae991c625ab', 'not_utf8', 'warning', 'E-MTAB-1', 'incoming', '/nfs/E-MTAB-1.idf.txt', "
    "'It is Latin-1.', 1)",
]
"""What the first version wrote."""


def test_a_store_of_the_first_version_keeps_its_rows_and_takes_lines_and_entries(fresh_address: str) -> None:
    database = connect(fresh_address)
    _upgraded(fresh_address, "0001")
    with database.migrating() as connection:
        for statement in FIRST_ROWS:
            connection.execute(text(statement.replace("+00:00", "")))
    store = open_store(fresh_address, LIFECYCLE, create=True)
    assert store.known().problems == (KnownProblem(OLD, ended(0)),)
    world = World(problems=[replace(OLD, line=7)], entries=[Entry("E-MTAB-1", "gxpatlaspro", True)])
    crawl(store, world, 1)
    known = store.known()
    assert known.problems == (KnownProblem(replace(OLD, line=7), ended(0)),), "it is the same problem"
    assert known.entries == {"gxpatlaspro": {"E-MTAB-1": Entry("E-MTAB-1", "gxpatlaspro", True)}}


SAID = (
    "INSERT INTO remark (kind, subject, reason, evidence, said_by, said_at) VALUES "
    f"('ignored', 'E-MTAB-1', 'withdrawn', '', 'wren', '{hour(0)}')"
)


def test_a_store_of_the_third_version_keeps_what_was_said_and_takes_what_curators_have(fresh_address: str) -> None:
    _upgraded(fresh_address, "0003")
    with connect(fresh_address).migrating() as connection:
        for statement in (FIRST_ROWS[0], SAID):
            connection.execute(text(statement.replace("+00:00", "")))
    store = open_store(fresh_address, LIFECYCLE, create=True)
    assert [(said.reason, said.by) for said in store.known().remarks.values()] == [("withdrawn", "wren")]
    assert store.known().annotations == {}
    assert store.annotate({("E-MTAB-1", "Notes"): "waits"}, hour(1)) == 1
    assert store.known().annotations == {"E-MTAB-1": {"Notes": "waits"}}


SEEN = [
    ("E-MTAB-1", '{"secondary_accessions": ["gse7", "ERP1"], "accessions": ["E-MTAB-1"]}', "NULL"),
    ("E-MTAB-1", '{"secondary_accessions": ["ERP1"]}', "NULL"),
    ("E-GEOD-5", None, "NULL"),
    ("E-MTAB-2", '{"secondary_accessions": ["' + "a sentence " * 900 + '"]}', "NULL"),
    ("E-MTAB-1", '{"secondary_accessions": ["GSE99"]}', "2"),  # what it named before
]


def test_a_store_of_the_second_version_learns_by_which_names_its_datasets_are_found(fresh_address: str) -> None:
    database = connect(fresh_address)
    _upgraded(fresh_address, "0002")
    configured = "INSERT INTO source_config (label, kind, key, options, date_created, date_modified) VALUES "
    at = f"'{hour(0)}'"
    statements = [FIRST_ROWS[0], FIRST_ROWS[0]]
    statements += [f"{configured} ('s{n}', 'filesystem', '/s{n}', '{{}}', {at}, {at})" for n in range(len(SEEN))]
    with database.migrating() as connection:
        for statement in statements:
            connection.execute(text(statement.replace("+00:00", "").replace(":", "\\:")))
        seen = text(
            "INSERT INTO sighting (source_id, dataset, location, metadata, since_run, until_run)"
            " VALUES (:source, :dataset, '/nfs', :said, 1, :until)"
        )
        if not database.is_sqlite:
            seen = text(str(seen).replace(":said", "CAST(:said AS JSON)"))
        for number, (dataset, said, until) in enumerate(SEEN, 1):
            ended_by = None if until == "NULL" else int(until)
            connection.execute(seen, {"source": number, "dataset": dataset, "said": said, "until": ended_by})
    store = open_store(fresh_address, LIFECYCLE, create=True)
    assert store.having(["GSE7", "GSE5", "GSE99", "ERP1", "E-MTAB-2", ("A SENTENCE " * 900).strip()]) == {
        "E-MTAB-1": frozenset({"GSE7", "ERP1"}),
        "E-GEOD-5": frozenset({"GSE5"}),
    }


def test_names_learned_from_an_older_store_are_those_that_crawls_write_and_the_next_changes_nothing(
    sql_kit: Kit,
) -> None:
    """What the third version added is taken away again, so that the migration has to make it anew."""
    abstract = "".join(random.Random(7).choices(string.ascii_uppercase, k=9_000))  # which no database can shorten
    said = [
        ("E-MTAB-1", "a", Metadata(secondary_accessions=("gse7", "E-GEOD-8", abstract))),
        ("E-MTAB-1", "b", Metadata(accessions=("E-MTAB-1", "e-mtab-11"))),
        ("e-mtab-1", "a", Metadata()),
        ("e-mtab-1", "b", Metadata(secondary_accessions=("E-MTAB-1", "e-mtab-1"))),
        ("E-GEOD-5", "a", Metadata(title="It's 100% \\ quoted: :at")),
        ("E-MTAB-2", "a", Metadata(secondary_accessions=("x'y", "100%", "ERP1 ", "\0"))),
        ("E-MTAB-3", "b", Metadata(secondary_accessions=("GSE3",))),
    ]
    places = [source("a"), source("b")]
    sightings = [sighting(dataset, place, metadata=each) for dataset, place, each in said]
    crawl(sql_kit.store, World(places, [*sightings, sighting("E-GEOD-9", "a")]), 0)
    crawl(sql_kit.store, World(places, sightings), 1)
    asked = {"GSE9", *(canonical(name) for dataset, _, each in said for name in (dataset, *each.secondary_accessions))}
    before, rows = sql_kit.store.having(asked), sql_kit.rows()
    assert (len(before), rows["naming"]) == (5, 10)
    with _database(sql_kit).migrating() as connection:
        for table in ("naming", "reservation", "remark", "content", "annotation", "trace", "study_group", "schedule"):
            connection.execute(text(f"DROP TABLE {table}"))
        for table in ("harvest_log_raw_datum", "ingest_log", "harvest_problem", "pace", "raw_datum", "raw_content"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("DROP TABLE source_unique_identifier"))
        for column in ("asked", "whole", "cancelled"):
            connection.execute(text(f"ALTER TABLE harvest_log DROP COLUMN {column}"))
        connection.execute(text("ALTER TABLE source_config DROP COLUMN added"))
        connection.execute(text("ALTER TABLE run DROP COLUMN settings"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    ensure_schema(_database(sql_kit), create=True)
    assert (sql_kit.store.having(asked), sql_kit.rows()) == (before, rows)
    findings = Findings(
        tuple(places), tuple(Reading(p, {s.dataset: s for s in sightings if s.source == p.name}) for p in places)
    )
    settled = settle(sql_kit.store.known(), findings, Policy(LIFECYCLE), ended(2))
    assert not recording(settled, findings, started=hour(2), version="1.0").names
    crawl(sql_kit.store, World(places, sightings), 2)
    assert (sql_kit.store.having(asked), sql_kit.rows()["naming"]) == (before, rows["naming"])


def _database(kit: Kit) -> Database:
    assert isinstance(kit.store, SqlStore)
    return kit.store.database


def _upgraded(address: str, revision: str) -> None:
    """A store of that version, by the migrations as they are now."""
    database = connect(address)
    if database.is_sqlite:
        Path(database.where).parent.mkdir(parents=True)
    config = migrations._config()
    with database.migrating() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This program, one migration later."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "next_colour.py").write_text(NEXT)
    monkeypatch.setattr(migrations, "FOLDER", folder)


def test_an_older_store_is_migrated_by_a_crawl_and_by_nothing_else(
    fresh_address: str, next_version: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as old:
        old.setattr(migrations, "FOLDER", Path(migrations.__file__).parent)
        crawl(open_store(fresh_address, LIFECYCLE, create=True), WORLD, 0)
    monkeypatch.setattr("app.store.database.HEAD", "next")
    with pytest.raises(StoreError, match="from an older version; `ingest-tracker crawl` brings it up to date"):
        open_store(fresh_address, LIFECYCLE, create=False)
    store = open_store(fresh_address, LIFECYCLE, create=True)
    assert [*store.known().sightings["incoming"]] == ["E-MTAB-1"]
    with connect(fresh_address).migrating() as connection:
        assert _colours(connection) == ["grey"]


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    fresh_address: str, next_version: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as old:
        old.setattr(migrations, "FOLDER", Path(migrations.__file__).parent)
        crawl(open_store(fresh_address, LIFECYCLE, create=True), WORLD, 0)
    broken = migrations.FOLDER / "versions" / "next_colour.py"
    broken.write_text(NEXT + '    op.execute("this is not SQL")\n')
    with monkeypatch.context() as new:
        new.setattr("app.store.database.HEAD", "next")
        with pytest.raises(StoreError):
            open_store(fresh_address, LIFECYCLE, create=True)
    assert open_store(fresh_address, LIFECYCLE, create=True).known().run == 1


def _colours(connection: Connection) -> list[str]:
    return list(connection.execute(text("SELECT colour FROM sighting")).scalars())


def _digest(address: str) -> str:
    """Of the whole content; the file itself also holds what SQLite notes of its readers."""
    with connect(address).migrating() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")).scalars()
        rows = [(name, connection.exec_driver_sql(f'SELECT * FROM "{name}"').all()) for name in names]
    return hashlib.sha256(repr(rows).encode()).hexdigest()
