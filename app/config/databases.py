"""The databases that are asked, what they are asked, and where the store is.

Passwords come from files, from the environment or from the address, and never get into a message.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from app.config.forms import CheckSettings, DatabaseSettings, TrackerSettings
from app.config.pages import Given, Page, Unreadable, parse_json, read_text, unknown
from app.config.records import Address, Check, Database, Dialect, Tls

CHECKS = (
    Check(
        "rnaseq_atlas_eligibility",
        "gxpatlaspro",
        "SELECT ae2_acc, status FROM rnaseq_atlas_eligibility",
        frozenset({"PASS"}),
    ),
    Check(
        "atlas_fail_score",
        "ae_autosubs",
        "SELECT accession, atlas_fail_score FROM experiments",
        frozenset({"0"}),
        "score {value}",
    ),
)
DIALECTS: Mapping[str, Dialect] = {
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "sqlite": "sqlite",
}
DRIVERS = {"postgresql": "postgresql+psycopg2", "mysql": "mysql+pymysql"}
TLS = ("tls", "tls_ca", "tls_cert", "tls_key")
Key = tuple[str, ...]
_SERVER = re.compile(
    r"(?:[^:/@]*(?::[^@]*)?@)?(?:\[[^/?@]+\]|[^/:?@\[\]]*)(?::\d{1,5})?(?:/[^?]*)?(?:\?.*)?", re.DOTALL
)


class Found(NamedTuple):
    """The databases, and what they are called where; `names` is None when that cannot be told."""

    databases: tuple[Database, ...]
    names: Collection[str] | None
    page: Page
    key: Key = ()


def read_databases(given: Given, environ: Mapping[str, str]) -> Found:
    page, entries = given.page, given.value
    key: Key = (given.key,)
    if entries is None:
        return Found((), (), page)
    if isinstance(entries, str):
        page, entries = given.read(parse_json, f"named by {given.key}")
        key = ()
    elif not isinstance(entries, dict):
        page.mistake(f"must be {TrackerSettings.model_fields['databases'].description}", *key)
    if not isinstance(entries, dict):
        return Found((), None, page)
    databases = (_database(page, (*key, name), name, entry, environ) for name, entry in entries.items())
    return Found(tuple(database for database in databases if database), entries.keys(), page, key)


def _database(page: Page, key: Key, name: str, entry: Any, environ: Mapping[str, str]) -> Database | None:
    if isinstance(entry, str):
        address = _address(page, key, _filled(page, key, entry, environ), DIALECTS)
        return address and _by_address(page, key, name, *address)
    settings, faulty = page.check(DatabaseSettings, entry, *key)
    if "dbtype" in faulty:
        return None
    dialect = DIALECTS[settings.dbtype]
    _fields_go_together(page, key, settings, faulty)
    password = _password(page, key, settings, environ)
    url = _sqlite(page.path(settings.path or "")) if dialect == "sqlite" else _server(name, settings, password)
    tls = _tls(page, key, settings, faulty)
    return Database(name, url, dialect, settings.connect_timeout, settings.query_timeout, tls)


def _by_address(page: Page, key: Key, name: str, url: Address, dialect: Dialect) -> Database:
    """What is promised of databases (to read only, in the time allowed) is kept with our drivers alone."""
    driver = url.partition("://")[0]
    if driver not in (ours := DRIVERS.get(dialect, dialect), dialect):
        page.mistake(f"must be asked by {ours.rpartition('+')[2]}; leave out +{driver.partition('+')[2]}", *key)
    return Database(name, url, dialect)


def _fields_go_together(page: Page, key: Key, settings: DatabaseSettings, faulty: Collection[str]) -> None:
    server = ("host", "port", "user", "password", "password_file", "password_env", *TLS)
    needed, useless = ("path", server) if settings.dbtype == "sqlite" else ("host", ("path",))
    for field in useless:
        if field in settings.model_fields_set:
            page.mistake(f"does not go with dbtype {settings.dbtype}; leave it out", *key, field)
    if needed not in settings.model_fields_set | set(faulty):
        what = DatabaseSettings.model_fields[needed].description
        page.mistake(f"is required with dbtype {settings.dbtype}; allowed: {what}", *key, needed)


def _tls(page: Page, key: Key, settings: DatabaseSettings, faulty: Collection[str]) -> Tls:
    if settings.dbtype == "sqlite":
        return Tls()
    mode, given = settings.tls or "prefer", settings.model_fields_set | set(faulty)
    needs = {"tls_cert": "tls_key", "tls_key": "tls_cert"}
    missing = [(needs[field], field) for field in needs if field in given and needs[field] not in given]
    if "tls" not in faulty:
        missing += [("tls_ca", "tls verify")] * (mode == "verify" and "tls_ca" not in given)
        for field, modes in (("tls_ca", ["verify"]), *((field, ["require", "verify"]) for field in needs)):
            if field in given and mode not in modes:
                page.mistake(f"does not go with tls {mode}; it goes with tls {' and '.join(modes)}", *key, field)
    for field, what in missing:
        allowed = DatabaseSettings.model_fields[field].description
        page.mistake(f"is required with {what}; allowed: {allowed}", *key, field)
    return Tls(settings.tls or "", *(_pem(page, (*key, field), getattr(settings, field)) for field in TLS[1:]))


def _pem(page: Page, key: Key, written: str | None) -> str:
    """The absolute path of a file that must be there, and in that form."""
    if written is None:
        return ""
    path = page.path(written)
    try:
        if "-----BEGIN " not in read_text(Path(path)):
            page.mistake(f"{written} is not a PEM file: nothing in it begins with -----BEGIN", *key)
    except Unreadable as error:
        page.mistake(f"{written} {error}", *key)
    return path


def _server(name: str, settings: DatabaseSettings, password: str) -> Address:
    user = quote(settings.user or "", safe="") + (f":{quote(password, safe='')}" if password else "")
    host = settings.host or ""
    where = (f"[{host}]" if ":" in host else host) + (f":{settings.port}" if settings.port else "")
    driver = DRIVERS[DIALECTS[settings.dbtype]]
    return Address(f"{driver}://{user}{'@' if user else ''}{where}/{quote(name, safe='')}")


def _sqlite(path: str, query: str = "") -> Address:
    return Address(f"sqlite:///{path.replace('%', '%25').replace('?', '%3F')}{query}")


def _password(page: Page, key: Key, settings: DatabaseSettings, environ: Mapping[str, str]) -> str:
    ways = [way for way in ("password", "password_file", "password_env") if getattr(settings, way) is not None]
    if len(ways) > 1:
        page.mistake(f"only one of {' and '.join(ways)} can be given", *key, ways[-1])
    way = ways[-1] if ways else "password"
    told = getattr(settings, way) or ""
    return told if way == "password" else page.secret(told, environ, *key, way)


def _filled(page: Page, key: Key, text: str, environ: Mapping[str, str]) -> str:
    """The address with each ${NAME} replaced. As part of a user, a password or a query the value is quoted;
    elsewhere, such as for a whole address, it is taken as it stands."""
    start, end, query = text.find("://"), text.rfind("@"), text.find("?")

    def value(match: re.Match[str]) -> str:
        plain = page.variable(match[1], environ, *key)
        return quote(plain, safe="") if 0 <= start < match.start() < end or 0 <= query < match.start() else plain

    return re.sub(r"\$\{(\w+)\}", value, text)


def _address(page: Page, key: Key, text: str, allowed: Iterable[str]) -> tuple[Address, Dialect] | None:
    """The address with its driver named and its path absolute, and its dialect. A mistake never quotes it."""
    scheme, separator, rest = text.partition("://")
    written, plus, _ = scheme.partition("+")
    if not separator:
        page.mistake("is not an address; allowed: postgresql://user@host/name, mysql://..., sqlite:///path", *key)
    elif written not in allowed:
        page.mistake(unknown("kind of database", written, allowed), *key)
    elif (dialect := DIALECTS[written]) != "sqlite":
        if _SERVER.fullmatch(rest):
            return Address(f"{scheme if plus else DRIVERS[dialect]}://{rest}"), dialect
        page.mistake("is not an address; in a password, write @ as %40, : as %3A, / as %2F and % as %25", *key)
    elif rest and not rest.startswith("/"):
        page.mistake("is not an SQLite address; allowed: sqlite:/// and a path", *key)
    else:
        path, mark, query = rest[1:].partition("?")
        in_memory = path in ("", ":memory:")
        return (Address(text) if in_memory else _sqlite(page.path(unquote(path)), mark + query)), dialect
    return None


def read_store(given: Given, environ: Mapping[str, str]) -> Address:
    """A path is that of an SQLite file."""
    text = _filled(given.page, (given.key,), given.value, environ)
    if "://" not in text:
        return _sqlite(given.page.path(text))
    address = _address(given.page, (given.key,), text, ("sqlite", "postgresql", "postgres"))
    return address[0] if address else Address()


def read_checks(page: Page, entries: Mapping[str, Any], found: Found) -> tuple[Check, ...]:
    """The site's own, and the default ones of databases that are there."""
    names = found.names
    own = [check for name, entry in entries.items() if (check := _check(page, name, entry, names))]
    return (*(check for check in CHECKS if check.database in (names or ()) and check.name not in entries), *own)


def _check(page: Page, name: str, entry: Any, databases: Collection[str] | None) -> Check | None:
    settings, faulty = page.check(CheckSettings, entry, "checks", name)
    if databases is not None and "database" not in faulty and settings.database not in databases:
        page.mistake(unknown("database", settings.database, databases), "checks", name, "database")
    return (
        None if faulty else Check(name, settings.database, settings.query, frozenset(settings.passes), settings.label)
    )
