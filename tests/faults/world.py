"""A world whose every part can be broken: places, a web site, a curation database, a store and what is published."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import outputs
from tests.end_to_end.site import IDF, Done
from tests.end_to_end.test_kill import Store, check_files
from tests.faults.system import Broken, Fault
from tests.servers.mariadb import Mariadb
from tests.servers.postgres import PASSWORD, USER, Postgres
from tests.servers.website import Website


class Gate(Website):
    """A web server that, while it is closed, says nothing: `reached` is set when somebody waits there."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self._open = threading.Event(), threading.Event()
        self._open.set()

    def wait(self, seconds: float | None) -> None:
        if not self._open.is_set():
            self.reached.set()
            self._open.wait(60)
        super().wait(seconds)

    @contextmanager
    def instead(self, path: str, body: bytes, **how: Any) -> Iterator[None]:
        """Meanwhile this is the answer."""
        before = self._replies[path]
        self.serve(path, body, **how)
        yield
        self._replies[path] = before

    @contextmanager
    def closed(self) -> Iterator[None]:
        self.reached.clear()
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def asked_since(self) -> Callable[[], bool]:
        """Tells whether anybody has asked for anything since now."""
        before = len(self.requests)
        return lambda: len(self.requests) > before


@contextmanager
def once(true: Callable[[], object], act: Callable[[], object]) -> Iterator[None]:
    """Meanwhile, as soon as that is true, this is done."""

    def watch() -> None:
        eventually(true)
        act()

    with ThreadPoolExecutor(1) as pool:
        watched = pool.submit(watch)
        yield
        watched.result()


def eventually(true: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


# --------------------------------------------------------------------------- a curation database

VERDICTS = {"E-MTAB-1": "PASS", "E-MTAB-2": "no raw files", "E-MTAB-3": None}
VERDICTS |= {f"E-MTAB-{number}": "PASS" for number in range(4, 10)}
PRODUCTION = {f"E-GEOD-{number}": False for number in range(1, 10)}
VIEWS = {
    "eligibility": "SELECT acc, status FROM verdicts",
    "experiment": "SELECT accession, private, access_key FROM experiments",
}
"""What is asked, and what it is made of: another view gives other rows."""


@dataclass(frozen=True)
class Curation:
    """The same in each kind of database. `path` is where it lies if it is SQLite, else `server` has it."""

    dbtype: str
    path: Path
    server: Any = None

    @property
    def entry(self) -> dict[str, Any]:
        times = {"connect_timeout": 1, "query_timeout": 1}
        if self.server is None:
            return {"dbtype": "sqlite", "path": str(self.path), **times}
        who = {"host": "127.0.0.1", "port": self.server.port, "user": USER, "password": PASSWORD, "tls": "off"}
        return {"dbtype": self.dbtype, **who, **times}

    def do(self, *statements: str) -> None:
        with self._cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def has(self, query: str) -> bool:
        """Whether that gives any row."""
        with self._cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone() is not None

    def make(self) -> None:
        if self.server is not None:
            with self.server.cursor() as cursor:
                cursor.execute("CREATE DATABASE curation")
        self.do(
            "CREATE TABLE verdicts (acc VARCHAR(20), status VARCHAR(200))",
            "CREATE TABLE experiments (accession VARCHAR(20), private BOOLEAN, access_key VARCHAR(50))",
        )

    def say(self, verdicts: Mapping[str, str | None], production: Mapping[str, bool]) -> None:
        keys = ((name, str(private).lower(), f"'{KEY}'") for name, private in production.items())
        rows = [f"('{name}', {private}, {key})" for name, private, key in keys]
        said = [f"('{name}', {'NULL' if said is None else repr(said)})" for name, said in verdicts.items()]
        self.do(
            "DELETE FROM verdicts",
            "DELETE FROM experiments",
            f"INSERT INTO verdicts VALUES {', '.join(said)}",
            f"INSERT INTO experiments VALUES {', '.join(rows)}",
            *(f"DROP VIEW IF EXISTS {name}" for name in VIEWS),
            *(f"CREATE VIEW {name} AS {query}" for name, query in VIEWS.items()),
        )

    @contextmanager
    def showing(self, view: str, query: str) -> Iterator[None]:
        """Meanwhile this is what a view gives; without a query there is none."""
        self.do(f"DROP VIEW {view}", *([f"CREATE VIEW {view} AS {query}"] if query else []))
        yield
        self.do(*([f"DROP VIEW {view}"] if query else []), f"CREATE VIEW {view} AS {VIEWS[view]}")

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        if self.server is not None:
            with self.server.cursor("curation") as cursor:
                yield cursor
        else:
            with closing(sqlite3.connect(self.path)) as connection, connection:
                yield connection.cursor()


# --------------------------------------------------------------------------- the world

KEY = "hush-hush-7313"
SECRETS = (KEY, PASSWORD)

OLD, NEW = range(1, 9), range(1, 10)
"""What the web site lists, before and after there is news."""

Change = tuple[str, str | None, str | None]

NEWS: Mapping[str, frozenset[Change]] = {
    "external": frozenset({("E-MTAB-21", None, "external")}),
    "loading": frozenset({("E-MTAB-24", None, "loading"), ("E-MTAB-13", "loading", None)}),
    "atlas": frozenset({("E-GEOD-9", None, "published")}),
    "curation": frozenset({("E-MTAB-2", "external", "incoming")}),
}
"""part of the world -> the changes of state that its news makes. Besides, E-MTAB-4 in `loading` has another title, and
E-GEOD-4 is private in production from then on."""

HELD = {
    "sightings": "SELECT label, dataset, location, tech, metadata, problems FROM sighting JOIN source_config"
    " ON source_config.id = source_id WHERE until_run IS NULL",
    "verdicts": "SELECT dataset, check_name, outcome, reason, current FROM verdict WHERE until_run IS NULL",
    "entries": "SELECT authority, dataset, private FROM entry WHERE until_run IS NULL",
    "decisions": "SELECT dataset, state, up_to, rule, sentence, source, location, organism_status, ingested_as"
    " FROM decision WHERE until_run IS NULL",
    "problems": "SELECT code, severity, dataset, source, path, message FROM problem WHERE until_run IS NULL",
    "holds": "SELECT label, reason FROM hold JOIN source_config ON source_config.id = source_id"
    " WHERE until_run IS NULL",
}


def listing(numbers: Iterable[int], title: str = "A study") -> bytes:
    listed = [{"experimentAccession": f"E-GEOD-{n}", "experimentDescription": title} for n in numbers]
    return json.dumps({"experiments": listed}).encode()


def changes(report: Any) -> set[Change]:
    return {(change["accession"], change["from"], change["to"]) for change in report["changes"]}


@dataclass(frozen=True)
class Connected(Store):
    """A store on one line, for PostgreSQL takes its time to let one in."""

    connection: Any

    def rows(self, query: str) -> list[Any]:
        cursor = self.connection.cursor()
        cursor.execute(query)
        return list(cursor.fetchall())


class World:
    """Two places, a web site, a curation database and a store, as they were after a first crawl; then there is news.
    Everything is done anew by `begin`, always in the same folder, so that what stores hold can be compared."""

    def __init__(self, folder: Path, website: Gate, postgres: Postgres, mariadb: Mariadb) -> None:
        self.site, self.website, self.postgres = Broken(folder / "site"), website, postgres
        self._kept, self.shown = folder / "kept", outputs.known()
        self.site.root.mkdir()
        path = self.site.root / "curation.db"
        self.curations = {
            "sqlite": Curation("sqlite", path),
            "postgresql": Curation("postgres", path, postgres),
            "mysql": Curation("mysql", path, mariadb),
        }
        self.curation, self.store = self.curations["sqlite"], Store(str(self.site.root / "var/ingest-tracker.db"))
        self._first()

    def _first(self) -> None:
        """The first crawl, into a store of each kind, and a copy of everything."""
        self.site.fill("external", ["E-MTAB-1", "E-MTAB-2", "E-MTAB-3"])
        self.site.fill("loading", [f"E-MTAB-{number}" for number in range(4, 14)])
        for curation in self.curations.values():
            curation.make()
            curation.say(VERDICTS, PRODUCTION)
        self.website.serve("/experiments", listing(OLD))
        self.configure()
        with self.postgres.cursor() as cursor:
            cursor.execute("CREATE DATABASE kept")
        for store in (Store(self.postgres.address("kept")), self.store):
            done = self.site.crawl_amid([], "--store", store.address)
            assert (done.code, done.err) == (0, ""), done
        shutil.copytree(self.site.root, self._kept, symlinks=True)

    def begin(self, store: str = "sqlite", curation: str = "sqlite", shown: Sequence[str] = outputs.known()) -> None:
        """`shown`: the outputs that there are from now on."""
        self.shown = shown
        shutil.rmtree(self.site.root)
        shutil.copytree(self._kept, self.site.root, symlinks=True)
        self.curation, self.store = self.curations[curation], Store(str(self.site.root / "var/ingest-tracker.db"))
        if store == "postgresql":
            self.store = Store(self.postgres.address(f"kept_{uuid.uuid4().hex[:12]}"))
            with self.postgres.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {self.database} TEMPLATE kept")
        self.curation.say(VERDICTS, PRODUCTION)
        self.configure()

    @property
    def database(self) -> str:
        """The store's, on PostgreSQL."""
        return self.store.address.rpartition("/")[2]

    def configure(self, url: str = "", curation: Mapping[str, Any] | None = None) -> None:
        settings = {
            "databases": "../databases.json",
            "outputs": list(self.shown),
            "checks": {
                "raw": {"database": "curation", "query": "SELECT acc, status FROM eligibility", "passes": "PASS"}
            },
            "production": {
                "production": {
                    "database": "curation",
                    "query": "SELECT accession, private, access_key FROM experiment",
                    "state": "published",
                    "tech": "bulk",
                }
            },
        }
        self.site.write("etc/tracker.yaml", settings)
        self.site.write("databases.json", {"curation": self.curation.entry | dict(curation or {})})
        about = {"stage": ["published"], "tech": ["bulk"], "name": "atlas", "timeout": 1.5, "retries": 0}
        self.site.configure(
            {
                "external": {"stage": ["external"], "tech": ["bulk"]},
                "loading": {"stage": ["loading"]},
                url or self.website.url("/experiments"): about,
            }
        )

    def path(self, name: str) -> Path:
        return self.site.root / name

    def there_is_news(self) -> None:
        self.site.fill("external", ["E-MTAB-21"])
        self.site.fill("loading", ["E-MTAB-24"])
        self.site.remove("loading/E-MTAB-13")
        self.site.write("loading/E-MTAB-4/E-MTAB-4.idf.txt", IDF.format("quite another thing"))
        self.website.serve("/experiments", listing(NEW))
        self.curation.say(VERDICTS | {"E-MTAB-2": "PASS"}, PRODUCTION | {"E-GEOD-4": True})

    def crawl(self, *faults: Fault, also: Iterable[str] = ()) -> Done:
        """No secret is shown or kept, whatever happens."""
        done = self.site.crawl_amid(faults, "--store", self.store.address, *also)
        assert [secret for secret in SECRETS if secret in done.out + done.err] == []
        kept = [path.read_bytes() for path in self.path("var").rglob("*") if path.is_file()]
        assert [secret for secret in SECRETS for content in kept if secret.encode() in content] == []
        return done

    @contextmanager
    def later(self, seconds: float, act: Callable[[], object]) -> Iterator[None]:
        """Meanwhile, after so many seconds, this is done; at the latest when it is over."""
        timer = threading.Timer(seconds, act)
        timer.start()
        yield
        timer.join()

    def cut_off(self) -> None:
        """Ends all lines to the store."""
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        with self.postgres.cursor() as cursor:
            cursor.execute(query, (self.database,))

    def held(self) -> dict[str, list[str]]:
        """What the store says is so, and every dataset's history, without times and numbers of rows and runs."""
        with closing(self.store.connected()) as connection:
            return self._held(Connected(self.store.address, connection))

    def _held(self, store: Store) -> dict[str, list[str]]:
        store.check(store.states())
        told = {what: [json.dumps([*map(_plain, row)]) for row in store.rows(query)] for what, query in HELD.items()}
        history: dict[str, list[Any]] = {}
        for dataset, *change in store.rows(
            "SELECT dataset, from_state, to_state, reason, sentence FROM state_change ORDER BY id"
        ):
            history.setdefault(dataset, []).append(change)
        told["history"] = [json.dumps(item) for item in history.items()]
        return {what: sorted(rows) for what, rows in told.items()}

    def news_in(self) -> dict[str, bool]:
        """output that is there, and whole -> whether it shows what is new since the first crawl"""
        out = self.path("var/out")
        check_files(out)
        shown = {
            "csv_files": out / "track_ingested_experiments.csv",
            "html_page": out / "overview.html",
            "json": out / "overview.json",
            "xlsx_file": out / "overview.xlsx",
        }
        return {name: "E-MTAB-24" in _text(shown[name]) for name in self.shown if shown[name].is_file()}


def _plain(value: Any) -> Any:
    """A value as both kinds of store give it."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        value = json.loads(value)
    return dict(sorted(value.items())) if isinstance(value, dict) else int(value) if isinstance(value, bool) else value


def _text(path: Path) -> str:
    if path.suffix != ".xlsx":
        return path.read_text()
    with zipfile.ZipFile(path) as book:
        assert book.testzip() is None
        return book.read("xl/sharedStrings.xml").decode()
