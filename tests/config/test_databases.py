"""Databases, what they are asked, and that no password is ever shown."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, text

from app import config
from app.config import Address, Check, Database, Tls
from tests.config.site import LOADING, Site

SETTINGS = "etc/tracker.yaml"
SECRET = "hunter2"


def databases(site: Site, entries: dict[str, Any]) -> tuple[Database, ...]:
    site.with_files({"db.json": entries})
    return site.load(databases="db.json").databases


# --------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("entry", "url", "dialect"),
    [
        (
            {"dbtype": "postgres", "host": "h", "port": 5432, "user": "u", "password": "p"},
            "postgresql+psycopg2://u:p@h:5432/d",
            "postgresql",
        ),
        ({"dbtype": "postgresql", "host": "h", "port": "5432"}, "postgresql+psycopg2://h:5432/d", "postgresql"),
        ({"dbtype": "mysql", "host": "::1", "user": "u"}, "mysql+pymysql://u@[::1]/d", "mysql"),
        ({"dbtype": "mysql", "host": "h", "user": "u", "password": 12}, "mysql+pymysql://u:12@h/d", "mysql"),
        ({"dbtype": "sqlite", "path": "x/../d.db"}, "sqlite:///{folder}/d.db", "sqlite"),
        ({"dbtype": "sqlite", "path": "/d.db", "host": None}, "sqlite:////d.db", "sqlite"),
        ("postgres://u@h/x", "postgresql+psycopg2://u@h/x", "postgresql"),
        ("postgresql://u:p@h:1/x?sslmode=require", "postgresql+psycopg2://u:p@h:1/x?sslmode=require", "postgresql"),
        ("postgresql:///x?host=/run/db", "postgresql+psycopg2:///x?host=/run/db", "postgresql"),
        ("postgresql+psycopg2://h/x", "postgresql+psycopg2://h/x", "postgresql"),
        ("mysql://u@[::1]:3306/x", "mysql+pymysql://u@[::1]:3306/x", "mysql"),
        ("sqlite:///x.db", "sqlite:///{folder}/x.db", "sqlite"),
        ("sqlite:////x.db?mode=ro", "sqlite:////x.db?mode=ro", "sqlite"),
        ("sqlite:///a%3Fb", "sqlite:///{folder}/a%3Fb", "sqlite"),
        ("sqlite://", "sqlite://", "sqlite"),
        ("sqlite:///:memory:", "sqlite:///:memory:", "sqlite"),
    ],
)
def test_every_form_becomes_an_address_with_its_driver(entry: Any, url: str, dialect: str, site: Site) -> None:
    (database,) = databases(site, {"d": entry})
    assert database.url == url.format(folder=site.folder)
    assert (database.name, database.dialect) == ("d", dialect)
    assert make_url(database.url).get_backend_name() == dialect


def test_timeouts_are_carried_and_have_defaults(site: Site) -> None:
    mine = {"dbtype": "mysql", "host": "h", "connect_timeout": 0.5, "query_timeout": 7}
    found = databases(site, {"a": mine, "b": "sqlite:///b"})
    assert [(d.connect_timeout, d.query_timeout) for d in found] == [(0.5, 7), (10, 60)]


@pytest.mark.parametrize("seconds", [0, -1, 86_401, 1e300, float("inf"), "60", True])
@pytest.mark.parametrize("key", ["connect_timeout", "query_timeout"])
def test_a_time_that_no_server_can_be_told_is_a_mistake(key: str, seconds: Any, site: Site) -> None:
    site.with_files({SETTINGS: {"databases": {"d": {"dbtype": "mysql", "host": "h", key: seconds}}}})
    (mistake,) = site.mistakes()
    assert mistake.key == f"databases > d > {key}"
    assert mistake.message.endswith("; allowed: seconds, more than 0 and no more than a day (86400)")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("postgresql+psycopg://u:hunter2@h/x", "must be asked by psycopg2; leave out +psycopg"),
        ("mysql+mysqldb://u:hunter2@h/x", "must be asked by pymysql; leave out +mysqldb"),
    ],
)
def test_a_driver_that_promises_nothing_is_a_mistake(address: str, message: str, site: Site) -> None:
    """That a database is only read, and in the time allowed, is kept by telling the driver."""
    site.with_files({"db.json": {"d": address}})
    (mistake,) = site.mistakes(databases="db.json")
    assert (mistake.key, mistake.message) == ("d", message)


# --------------------------------------------------------------------------- TLS

PEM = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"


def server(**more: Any) -> dict[str, Any]:
    return {"dbtype": "postgres", "host": "h", **more}


@pytest.mark.parametrize(
    ("entry", "tls"),
    [
        (server(), Tls()),
        (server(tls=None), Tls()),
        (server(tls="off"), Tls("off")),
        (server(tls=False), Tls("off")),
        (server(tls="prefer"), Tls("prefer")),
        (server(tls="require"), Tls("require")),
        (server(tls="verify", tls_ca="ca.pem"), Tls("verify", "{folder}/ca.pem")),
        (server(tls="require", tls_cert="me.pem", tls_key="x/me.key"),
         Tls("require", "", "{folder}/me.pem", "{folder}/x/me.key")),
        (server(dbtype="mysql", tls="verify", tls_ca="ca.pem", tls_cert="me.pem", tls_key="x/me.key"),
         Tls("verify", "{folder}/ca.pem", "{folder}/me.pem", "{folder}/x/me.key")),
        ("postgresql://h/x?sslmode=require", Tls()),
    ],
)  # fmt: skip
def test_tls_is_carried_with_absolute_paths(entry: Any, tls: Tls, site: Site) -> None:
    for name in ("ca.pem", "me.pem", "x/me.key"):
        site.write(name, PEM)
    (database,) = databases(site, {"d": entry})
    paths = (path.format(folder=site.folder) for path in (tls.ca, tls.cert, tls.key))
    assert database.tls == Tls(tls.mode, *paths)


def test_off_is_off_in_yaml_too(site: Site) -> None:
    """Where it means false."""
    site.with_files({SETTINGS: "databases: {d: {dbtype: mysql, host: h, tls: off}}"})
    assert site.load().databases[0].tls == Tls("off")


@pytest.mark.parametrize(
    ("more", "key", "message"),
    [
        ({"tls": "on"}, "tls", "must be 'off', 'prefer', 'require' or 'verify'; allowed: off; prefer: "),
        ({"tls": True}, "tls", "must be 'off', 'prefer', 'require' or 'verify'; allowed: "),
        ({"tls": "verify"}, "tls_ca", "is required with tls verify; allowed: path of the certificate (PEM) of who"),
        ({"tls_ca": "ca.pem"}, "tls_ca", "does not go with tls prefer; it goes with tls verify"),
        ({"tls": "require", "tls_ca": "ca.pem"}, "tls_ca", "does not go with tls require; it goes with tls verify"),
        ({"tls": "require", "tls_cert": "ca.pem"}, "tls_key", "is required with tls_cert; allowed: path of that"),
        ({"tls": "require", "tls_key": "ca.pem"}, "tls_cert", "is required with tls_key; allowed: path of a cert"),
        ({"tls": "verify", "tls_ca": "no.pem"}, "tls_ca", "no.pem does not exist"),
        ({"tls": "verify", "tls_ca": "."}, "tls_ca", ". cannot be read: Is a directory"),
        ({"tls": "verify", "tls_ca": "der"}, "tls_ca", "der is not UTF-8 (line 1)"),
        ({"tls": "verify", "tls_ca": "note"}, "tls_ca", "note is not a PEM file: nothing in it begins with -----BEGIN"),
        ({"tls": "verify", "tls_ca": ""}, "tls_ca", "is empty; allowed: path of the certificate (PEM) of who"),
        ({"tls": "verify", "tls_ca": 5}, "tls_ca", "5 does not exist"),
    ],
)
def test_tls_that_does_not_go_together_is_one_mistake(more: Any, key: str, message: str, site: Site) -> None:
    site.write("ca.pem", PEM)
    site.write("der", b"\x30\x82\xff")
    site.write("note", SECRET)
    site.with_files({"db.json": {"d": server(**more)}})
    (mistake,) = site.mistakes(databases="db.json")
    assert mistake.key == f"d > {key}"
    assert mistake.message.startswith(message)
    assert SECRET not in mistake.message


def test_each_mistake_of_tls_is_told(site: Site) -> None:
    site.write("x.pem", PEM)
    of_files = {"tls": "off", "tls_ca": "x.pem", "tls_cert": "x.pem", "tls_key": "no.pem"}
    site.with_files({"db.json": {"d": server(**of_files), "e": {"dbtype": "sqlite", "path": "x.db", **of_files}}})
    assert [(m.key, m.message.partition(";")[0]) for m in site.mistakes(databases="db.json")] == [
        ("d > tls_ca", "does not go with tls off"),
        ("d > tls_cert", "does not go with tls off"),
        ("d > tls_key", "does not go with tls off"),
        ("d > tls_key", "no.pem does not exist"),
        *((f"e > {key}", "does not go with dbtype sqlite") for key in of_files),
    ]


@pytest.mark.parametrize("name", ["store.db", "a b/ü.db", "50%.db", "what?.db", "%41", "a+b&c=d#e"])
def test_any_path_of_a_store_is_the_file_that_is_opened(name: str, site: Site) -> None:
    site.with_files({f"{name}.neighbour": ""})
    engine = create_engine(site.load(store=name).store)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
    engine.dispose()
    assert (site.folder / name).stat().st_size > 0


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        ("postgresql://u@h/x", "postgresql+psycopg2://u@h/x"),
        ("sqlite:///s.db", "sqlite:///{folder}/s.db"),
        ("${ADDRESS}", "postgresql+psycopg2://u:p%40@h/x"),
        ("postgresql://${ME}:${PASSWORD}@${HOST}/x?options=${PASSWORD}", None),
        ("${FILE}", "sqlite:///{folder}/a@b/c.db"),
    ],
)
def test_an_address_takes_variables_quoted_where_they_are_a_part(store: str, expected: str, site: Site) -> None:
    site.environ = {
        "ADDRESS": "postgres://u:p%40@h/x",
        "ME": "m:e",
        "PASSWORD": "p@/:%&",
        "HOST": "h:1",
        "FILE": "a@b/c.db",
    }
    found = site.with_files({}).load(store=store).store
    if expected:
        assert found == expected.format(folder=site.folder)
    else:
        url = make_url(found)
        assert (url.username, url.password, url.host, url.port) == ("m:e", "p@/:%&", "h", 1)
        assert url.query == {"options": "p@/:%&"}


# --------------------------------------------------------------------------- passwords


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
@example("p@ss:w/o%r?d#&+ []${HOME}")
@example("%40")
@settings(max_examples=60, deadline=None)
def test_any_password_survives_by_every_way_and_is_never_shown(tail: str) -> None:
    password = SECRET + tail
    with TemporaryDirectory() as folder:
        site = Site(Path(folder), {"SECRET": password})
        site.write("secret", password + "\n")
        server = {"dbtype": "postgres", "host": "h", "user": "u"}
        found = databases(
            site,
            {
                "a": {**server, "password": password},
                "b": {**server, "password_env": "SECRET"},
                "c": {**server, "password_file": "secret"},
                "d": "postgresql://u:${SECRET}@h/d",
            },
        )
        assert [make_url(d.url).password for d in found] == [password] * 4
        assert [(make_url(d.url).host, make_url(d.url).database) for d in found] == [("h", n) for n in "abcd"]
        assert SECRET not in f"{found} {site.load(databases='db.json', store='postgres://u:${SECRET}@h/s')}"


SECRETIVE = [
    f"postgresql://u:{SECRET}@h/x",
    f"postgresql://u:a@{SECRET}@h/x",
    f"postgresql://u:a/{SECRET}@h/x",
    f"postgresql://:{SECRET}@h/x",
    f"postgresql://h/x?user=u&password={SECRET}",
    f"postgresql://h/x?sslpassword={SECRET}&sslmode=require",
]


@pytest.mark.parametrize("address", SECRETIVE)
def test_an_address_shows_no_password_however_it_is_shown(address: str, caplog: pytest.LogCaptureFixture) -> None:
    database = Database("d", Address(address), "postgresql")
    logging.getLogger("test").error("cannot reach %s", database.url)
    ways = [
        str(database.url),
        repr(database.url),
        f"{database.url} {database.url:>99} {database.url!s}",
        "%s %r" % (database.url, database),  # noqa: UP031 - one of the ways
        database.shown,
        repr(database),
        str({"u": [database.url]}),
        caplog.text,
    ]
    assert not any(SECRET in way for way in ways)
    assert all("***" in way for way in ways)
    assert database.url == address, "for a driver it is whole"


@pytest.mark.parametrize(
    "address", ["sqlite:////a:b@c", "postgresql://u@h:5432/x", "https://example.org/a@b", "sqlite:///a?mode=ro"]
)
def test_an_address_without_a_password_is_shown_whole(address: str) -> None:
    assert str(Address(address)) == address


@pytest.mark.parametrize(
    "files",
    [
        *({"db.json": {"d": address.replace("postgresql", "oracle")}} for address in SECRETIVE),
        *({"db.json": {"d": address.replace("h/x", "h:port/x")}} for address in SECRETIVE),
        {"db.json": {"d": SECRET}},
        {"db.json": {"d": [SECRET]}},
        {"db.json": {"d": {"dbtype": "postgres", "password": [SECRET]}}},
        {"db.json": {"d": {"dbtype": "postgres", "password": {"x": SECRET}}}},
        {"db.json": {"d": {"dbtype": SECRET, "host": f"/{SECRET}", "port": SECRET, "connect_timeout": SECRET}}},
        {"db.json": {"d": {"dbtype": "sqlite", "path": "x", "password": SECRET}}},
        {"db.json": f'{{"d": {{"password": "{SECRET}", }}}}'},
        {"db.json": f'{{"d": {{"password": {SECRET}}}}}'},
        {"db.json": f'{{"d": {{"password": "{SECRET}\n"}}}}'},
        {"db.json": f'{{"d": {{"password": "{SECRET}'.encode("utf-16")},
        {"db.json": f'{{"d": {{"dbtype": "mysql", "password": "{SECRET}", "password": "{SECRET}"}}}}'},
        {"db.json": {}, SETTINGS: f"databases: {{d: {{password: *{SECRET}}}}}"},
        {"db.json": {}, SETTINGS: f"databases: {{d: {{password: !{SECRET} x}}}}"},
        {"db.json": {}, SETTINGS: f"databases: {{d: {{password: !a'b{SECRET} x}}}}"},
        {"db.json": {}, SETTINGS: f"databases: {{d: {{password: !a!{SECRET} x}}}}"},
        {"db.json": {}, SETTINGS: f"databases: {{d: {{password: %{SECRET}}}}}"},
        {"db.json": {}, SETTINGS: f"databases: {{d: {{password: @{SECRET}}}}}"},
        {"db.json": {}, SETTINGS: f"databases: {{d: {{password: '{SECRET}}}}}"},
        {"db.json": {}, SETTINGS: f'databases: {{d: {{password: "\\{SECRET}"}}}}'},
        {"db.json": {}, SETTINGS: f"databases: {{d: {{password: [{SECRET}: {SECRET}}}}}"},
        {"db.json": {}, SETTINGS: f"%{SECRET}\ndatabases: {{}}"},
        {"db.json": {}, SETTINGS: f"%YAML {SECRET}\n---\ndatabases: {{}}"},
        {"db.json": {}, SETTINGS: f"%TAG {SECRET}\n---\ndatabases: {{}}"},
        {"db.json": {}, SETTINGS: f"store: oracle://u:{SECRET}@h/x"},
        {"db.json": {}, SETTINGS: f"store: [postgresql://u:{SECRET}@h/x]"},
        {"db.json": {}, "sources_config.json": {f"https://u:{SECRET}@h/x": {"stage": "nope", "z": 1}}},
        {"db.json": {}, "sources_config.json": {f"https://u:{SECRET}@[h/x": {"stage": "loading"}}},
    ],
    ids=str,
)
def test_no_mistake_shows_a_password(files: dict[str, Any], site: Site) -> None:
    site.with_files(files)
    error = site.error() if SETTINGS in files else site.error(databases="db.json")
    assert SECRET not in f"{error} {error!r} {error.mistakes}"
    assert error.__cause__ is None
    assert error.__context__ is None, "a traceback would print it"


def test_a_source_may_carry_a_key_in_its_address_that_no_message_shows(site: Site) -> None:
    site.with_files({"sources_config.json": {f"https://example.org/x?accessKey={SECRET}": {"stage": "nope"}}})
    assert SECRET not in str(site.error())


def test_the_schema_holds_no_secret(site: Site) -> None:
    databases(site, {"d": {"dbtype": "mysql", "host": "h", "password": SECRET}})
    assert SECRET not in str(config.schema())


def test_the_password_of_the_first_line_is_not_stripped_of_blanks(site: Site) -> None:
    """Only the line's end is not part of it."""
    site.write("secret", f" {SECRET} \r\n")
    (database,) = databases(site, {"d": {"dbtype": "mysql", "host": "h", "user": "u", "password_file": "secret"}})
    assert make_url(database.url).password == f" {SECRET} "


# --------------------------------------------------------------------------- checks

ELIGIBILITY = Check(
    "rnaseq_atlas_eligibility",
    "gxpatlaspro",
    "SELECT ae2_acc, status FROM rnaseq_atlas_eligibility",
    frozenset({"PASS"}),
    "{value}",
)
FAIL_SCORE = Check(
    "atlas_fail_score",
    "ae_autosubs",
    "SELECT accession, atlas_fail_score FROM experiments",
    frozenset({"0"}),
    "score {value}",
)
MINE = {"database": "other", "query": "SELECT a, b FROM c", "passes": [0, 1.5, "yes"], "label": "is {value}"}


@pytest.mark.parametrize(
    ("names", "checks", "expected"),
    [
        ([], {}, ()),
        (["gxpatlaspro"], {}, (ELIGIBILITY,)),
        (["gxpatlaspro", "ae_autosubs"], {}, (ELIGIBILITY, FAIL_SCORE)),
        (["ae_autosubs"], {}, (FAIL_SCORE,)),
        (
            ["other"],
            {"mine": MINE},
            (Check("mine", "other", "SELECT a, b FROM c", frozenset({"0", "1.5", "yes"}), "is {value}"),),
        ),
        (
            ["gxpatlaspro"],
            {"rnaseq_atlas_eligibility": {"database": "gxpatlaspro", "query": "q", "passes": "x"}},
            (Check("rnaseq_atlas_eligibility", "gxpatlaspro", "q", frozenset({"x"}), "{value}"),),
        ),
    ],
)
def test_known_databases_have_their_checks_unless_the_site_has_one_of_that_name(
    names: list[str], checks: dict[str, Any], expected: tuple[Check, ...], site: Site
) -> None:
    addresses = {name: f"sqlite:///{name}.db" for name in names}
    site.with_files({"sources_config.json": LOADING, SETTINGS: {"databases": addresses, "checks": checks}})
    loaded = site.load()
    assert loaded.checks == expected
    assert loaded.warnings == ()
