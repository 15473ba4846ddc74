"""What may go wrong, as rows: the port, the fault, what happens, and what a person is told.

Each `Broken` is what happens to the world while one crawl looks at it; when it is over, all is as it should be.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from errno import EIO, ENOSPC, ESTALE
from gzip import compress
from pathlib import Path
from typing import Any

from app.store.database import HEAD
from tests.end_to_end.site import closed
from tests.faults.system import Fault
from tests.faults.world import OLD, PRODUCTION, VERDICTS, VIEWS, World, listing, once
from tests.servers.postgres import free_port

Broken = Callable[[World], AbstractContextManager[Iterable[Fault]]]


@dataclass(frozen=True)
class Row:
    """`told`: the code of the problem that says so and words of its one sentence. `late`: the parts whose news, or the
    datasets that, come only once it is over; `apart`: datasets of which the store may meanwhile say something else
    than before and after; `says`: what it then says; `also`: more arguments of that crawl."""

    port: str
    fault: str
    what: str
    broken: Broken
    code: int
    told: tuple[str, ...] = ()
    late: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    also: tuple[str, ...] = ()
    says: str = ""

    @property
    def id(self) -> str:
        return f"{self.port}, {self.fault}: {self.what}"


# --------------------------------------------------------------------------- how places break


def disk(fault: str, place: str, *details: Any) -> Broken:
    @contextmanager
    def broken(world: World) -> Iterator[list[Fault]]:
        yield [(fault, str(world.path(place)), *details)]

    return broken


@contextmanager
def gone(world: World) -> Iterator[list[Fault]]:
    with away(world.path("loading")):
        yield []


@contextmanager
def away(path: Path) -> Iterator[None]:
    path.rename(f"{path}.away")
    yield
    Path(f"{path}.away").rename(path)


@contextmanager
def back(path: Path) -> Iterator[None]:
    """What a fault has taken away returns, in place of an empty folder if that stayed."""
    yield
    if path.exists():
        path.rmdir()
    Path(f"{path}.away").rename(path)


def unmounted(after: int, leaves: bool) -> Broken:
    @contextmanager
    def broken(world: World) -> Iterator[list[Fault]]:
        with back(world.path("loading")):
            yield [("goes away", str(world.path("loading")), after, leaves)]

    return broken


def forbidden(place: str) -> Broken:
    @contextmanager
    def broken(world: World) -> Iterator[list[Fault]]:
        with closed(world.path(place)):
            yield [("without privileges",)]

    return broken


@contextmanager
def emptied(world: World) -> Iterator[list[Fault]]:
    with away(world.path("loading")):
        world.path("loading").mkdir()
        yield []
        world.path("loading").rmdir()


@contextmanager
def shrunken(world: World) -> Iterator[list[Fault]]:
    lost = [world.path(f"loading/E-MTAB-{number}") for number in range(5, 12)]
    world.path("elsewhere").mkdir()
    for path in lost:
        path.rename(world.path("elsewhere") / path.name)
    yield []
    for path in lost:
        (world.path("elsewhere") / path.name).rename(path)


@contextmanager
def pipe(world: World) -> Iterator[list[Fault]]:
    """In place of a file: who opens it waits for a writer."""
    idf = world.path("loading/E-MTAB-4/E-MTAB-4.idf.txt")
    with away(idf):
        os.mkfifo(idf)
        yield []
        idf.unlink()


IDF_4 = "loading/E-MTAB-4/E-MTAB-4.idf.txt"
LOADING, ONE = frozenset({"loading"}), frozenset({"E-MTAB-4"})
UNREADABLE = "source_unreadable"
ALL_BUT_FIVE = [f"E-MTAB-{number}" for number in range(9, 13)]

PLACES = [
    Row("filesystem", "down", "gone", gone, 3, (UNREADABLE, "/loading does not exist", "mounted?"), LOADING),
    Row("filesystem", "down", "may not be listed", forbidden("loading"), 3,
        (UNREADABLE, "/loading may not be listed", "allow this user"), LOADING),
    Row("filesystem", "down", "error of the disk", disk("breaks off", "loading", 0, EIO), 3,
        (UNREADABLE, "/loading could not be listed (Input/output error)"), LOADING),
    Row("filesystem", "down", "stale", disk("breaks off", "loading", 0, ESTALE), 3,
        (UNREADABLE, "/loading could not be listed (Stale file handle)"), LOADING),
    Row("filesystem", "down", "one dataset", forbidden("loading/E-MTAB-4"), 0,
        ("unreadable", "E-MTAB-4 cannot be read (Permission denied)"), apart=ONE),
    Row("filesystem", "slow", "listing", disk("comes late", "loading", 0.5), 0),
    Row("filesystem", "slow", "a file that waits for its writer", pipe, 0,
        ("unreadable", "E-MTAB-4.idf.txt cannot be read (it is not a regular file)"), apart=ONE),
    Row("filesystem", "lying", "empty", emptied, 4,
        ("source_held", "loading is held", "10 datasets and now shows none", "crawl --confirm loading"), LOADING),
    Row("filesystem", "lying", "shrunken", shrunken, 4,
        ("source_held", "loading is held", "8 of its 10 datasets disappeared", "crawl --confirm loading"), LOADING),
    Row("filesystem", "lying", "says less the first time", disk("first without", "loading", *ALL_BUT_FIVE), 0),
    Row("filesystem", "lying", "says nothing the first time", disk("first without", "loading"), 0,
        late=frozenset({"E-MTAB-24"})),
    Row("filesystem", "lying", "says everything twice", disk("shows twice", "loading"), 0),
    Row("filesystem", "lying", "a size too large", disk("seems of size", IDF_4, 10**6), 0),
    Row("filesystem", "lying", "a size too small", disk("seems of size", IDF_4, 20), 0,
        ("no_title", "gives no Investigation Title"), apart=ONE),
    Row("filesystem", "lying", "a size of nought", disk("seems of size", IDF_4, 0), 0,
        ("empty_file", "E-MTAB-4.idf.txt is empty"), apart=ONE),
    Row("filesystem", "half-way", "listing", disk("breaks off", "loading", 5, EIO), 3,
        (UNREADABLE, "/loading could not be listed (Input/output error)"), LOADING),
    Row("filesystem", "half-way", "listing of a dataset", disk("breaks off", "loading/E-MTAB-4", 1, EIO), 0,
        ("unreadable", "E-MTAB-4 cannot be read (Input/output error)"), apart=ONE),
    Row("filesystem", "half-way", "a file", disk("stops inside", IDF_4, 30, EIO), 0,
        ("unreadable", "E-MTAB-4.idf.txt cannot be read (Input/output error)"), apart=ONE),
    Row("filesystem", "half-way", "a reader is killed", disk("kills readers", "loading/E-MTAB-4"), 3,
        (UNREADABLE, "/loading could not be read in full: a process that was reading died"), LOADING, also=("--full",)),
    Row("filesystem", "half-way", "unmounted while it is read", unmounted(1, leaves=True), 4,
        ("source_held", "loading is held", "10 datasets and now shows none"), LOADING),
    Row("filesystem", "half-way", "gone while it is read", unmounted(1, leaves=False), 3,
        (UNREADABLE, "/loading does not exist"), LOADING),
    Row("filesystem", "half-way", "gone when looked at again", unmounted(2, leaves=False), 0),
]  # fmt: skip


# --------------------------------------------------------------------------- how web sites break


def answers(body: bytes = b"", **how: Any) -> Broken:
    """As `Website.serve` takes them."""

    @contextmanager
    def broken(world: World) -> Iterator[list[Fault]]:
        with world.website.instead("/experiments", body, **how):
            yield []

    return broken


@contextmanager
def refused(world: World) -> Iterator[list[Fault]]:
    world.configure(url=f"http://127.0.0.1:{free_port()}/experiments")
    yield []
    world.configure()


ATLAS = frozenset({"atlas"})
WHOLE = listing(OLD)
GZIP = {"Content-Encoding": "gzip"}
HALF_PACKED = compress(WHOLE)[:60]
WEB = "experiments-json"

LISTINGS = [
    Row(WEB, "down", "refused", refused, 3, (UNREADABLE, "/experiments", "refused"), ATLAS),
    Row(WEB, "down", "error of the server", answers(b"sorry", status=503), 3, (UNREADABLE, "503"), ATLAS),
    Row(WEB, "down", "not there", answers(b"where?", status=404), 3, (UNREADABLE, "404"), ATLAS),
    Row(WEB, "slow", "says nothing", answers(hang=True), 3, (UNREADABLE, "in the time allowed"), ATLAS),
    Row(WEB, "slow", "a byte now and then", answers(WHOLE, drip=0.2), 3, (UNREADABLE, "in the time allowed"), ATLAS),
    Row(WEB, "lying", "a page", answers(b"<!doctype html><title>Welcome</title>"), 3, (UNREADABLE, "JSON"), ATLAS),
    Row(WEB, "lying", "another shape", answers(b'{"experiments": 8}'), 3, (UNREADABLE, "experiments"), ATLAS),
    Row(WEB, "lying", "nothing", answers(listing([])), 4, ("source_held", "8 datasets and now shows none"), ATLAS),
    Row(WEB, "lying", "little", answers(listing([1, 9])), 4, ("source_held", "7 of its 8 datasets"), ATLAS),
    Row(WEB, "lying", "no gzip", answers(WHOLE, headers=GZIP), 3, (UNREADABLE, "not compressed as it says"), ATLAS),
    Row(WEB, "lying", "gzip that nobody claims", answers(compress(WHOLE)), 3, (UNREADABLE, "JSON"), ATLAS),
    Row(WEB, "half-way", "half of a gzip", answers(HALF_PACKED, headers=GZIP), 3, (UNREADABLE, "in the middle"), ATLAS),
    Row(WEB, "half-way", "cut off", answers(WHOLE, truncate=60), 3, (UNREADABLE, "in the middle"), ATLAS),
    Row(WEB, "half-way", "half of it", answers(WHOLE[:60]), 3, (UNREADABLE, "JSON"), ATLAS),
    Row(WEB, "half-way", "closed without a word", answers(close=True), 3, (UNREADABLE, "without an answer"), ATLAS),
]  # fmt: skip


# --------------------------------------------------------------------------- how databases break


@contextmanager
def database_gone(world: World) -> Iterator[list[Fault]]:
    if world.curation.server is None:
        with away(world.curation.path):
            yield []
        return
    world.configure(curation={"port": free_port()})
    yield []
    world.configure()


def view(name: str, queries: str | Mapping[str, str]) -> Broken:
    """Meanwhile this is what is found there; where it differs, by kind of database."""

    @contextmanager
    def broken(world: World) -> Iterator[list[Fault]]:
        with world.curation.showing(name, queries if isinstance(queries, str) else queries[world.curation.dbtype]):
            yield []

    return broken


ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {} FROM n WHERE i < 0",
    "postgres": "SELECT {} FROM (SELECT pg_sleep(60)) AS slept",
    "mysql": "SELECT {} FROM (SELECT sleep(60)) AS slept",
}
BREAKS = {
    "sqlite": "abs(-9223372036854775807 - 1)",
    "postgres": f"1 / (SELECT count(*) - {len(VERDICTS)} FROM verdicts)",
    "mysql": "(SELECT acc FROM verdicts)",
}
"""A value that an error comes in place of."""


def slowly(columns: str) -> dict[str, str]:
    return {kind: query.format(columns) for kind, query in ENDLESS.items()}


def after_rows(query: str, rest: str) -> dict[str, str]:
    """An error after the rows that there should be."""
    cast = {"sqlite": "CAST({} AS TEXT)", "postgres": "CAST({} AS TEXT)", "mysql": "CAST({} AS CHAR)"}
    return {kind: f"{query} UNION ALL SELECT {cast[kind].format(value)}, {rest}" for kind, value in BREAKS.items()}


TWIN = "SELECT 'E-MTAB-2', 'no raw files'"
PRIVATE = "SELECT 'E-GEOD-5', TRUE, 'a key' UNION ALL SELECT NULL, NULL, NULL"
NULL = "SELECT acc, CASE WHEN acc <> 'E-MTAB-2' THEN status END AS status FROM verdicts"
NOT_SAID = "SELECT accession, NULL AS private, NULL AS access_key FROM experiments"
CHECKED, LISTED = VIEWS["eligibility"], VIEWS["experiment"]
SAID, ANY, SHOWN = frozenset({"E-MTAB-2"}), frozenset(VERDICTS), frozenset({"E-GEOD-4"})
CURATION = frozenset({"curation"})
DOWN, STAYS, LAST = "database_unreadable", "its last verdicts stay", "The last list of production stays"


def databases(port: str) -> list[Row]:
    """The same for each kind."""

    def check(fault: str, what: str, query: str | Mapping[str, str], *told: str) -> Row:
        return Row(port, fault, f"check, {what}", view("eligibility", query), 3, (DOWN, STAYS, *told), CURATION, SAID)

    def listing(fault: str, what: str, query: str | Mapping[str, str], *told: str) -> Row:
        return Row(port, fault, f"production, {what}", view("experiment", query), 3, (DOWN, LAST, *told), apart=SHOWN)

    def believed(what: str, name: str, query: str, says: str, late: frozenset[str] = frozenset()) -> Row:
        apart = late or frozenset(PRODUCTION)
        return Row(port, "lying", what, view(name, query), 0, (), late, apart, says=says)

    return [
        Row(port, "down", "gone", database_gone, 3, (DOWN, STAYS), CURATION, SAID | SHOWN),
        check("down", "no such table", ""),
        listing("down", "no such table", ""),
        check("slow", "too slow", slowly("'E-MTAB-2' AS acc, 'PASS' AS status"), "1 s"),
        listing("slow", "more than allowed", slowly("'E-GEOD-1' AS accession, 1 AS private, '' AS access_key"), "1 s"),
        check("lying", "a column less", "SELECT acc FROM verdicts"),
        check("lying", "nothing", f"{CHECKED} WHERE acc = ''", "knows none of the 8 datasets that it knew"),
        Row(
            port, "lying", "check, less", view("eligibility", f"{CHECKED} WHERE acc = 'E-MTAB-9'"), 0, (), CURATION, ANY
        ),
        listing("lying", "nothing", f"{LISTED} WHERE accession = ''", "crawl --confirm production"),
        listing("lying", "little", f"{LISTED} WHERE accession < 'E-GEOD-3'", "crawl --confirm production"),
        listing(
            "lying", "neither yes nor no", "SELECT accession, 'maybe' AS private, '' AS access_key FROM experiments"
        ),
        believed(
            "check, of two minds", "eligibility", f"{CHECKED} UNION ALL {TWIN}", '"E-MTAB-2", "raw", "FAIL"', SAID
        ),
        believed("check, null", "eligibility", NULL, '"E-MTAB-2", "raw", "FAIL", "no raw files", 0', SAID),
        believed("production, of two minds", "experiment", f"{LISTED} UNION ALL {PRIVATE}", '"E-GEOD-5", 1'),
        believed("production, null", "experiment", NOT_SAID, '"E-GEOD-4", null'),
        check("half-way", "an error after rows", after_rows(CHECKED, "'PASS'")),
        listing("half-way", "an error after rows", after_rows(LISTED, "NULL, NULL")),
    ]


DATABASES = [row for port in ("sqlite", "postgresql", "mysql") for row in databases(port)]


# --------------------------------------------------------------------------- how stores break


def store(port: str, fault: str, what: str, broken: Broken, code: int, *told: str) -> Row:
    return Row(f"store on {port}", fault, what, broken, code, told)


@contextmanager
def store_forbidden(world: World) -> Iterator[list[Fault]]:
    with closed(Path(world.store.address)):
        yield [("without privileges",)]


@contextmanager
def store_damaged(world: World) -> Iterator[list[Fault]]:
    path = Path(world.store.address)
    whole = path.read_bytes()
    path.write_bytes(b"this is no database " * 100)
    yield []
    path.write_bytes(whole)


@contextmanager
def store_read_only(world: World) -> Iterator[list[Fault]]:
    path = Path(world.store.address)
    path.chmod(0o444)
    yield [("without privileges",)]
    path.chmod(0o644)


@contextmanager
def server_silent(world: World) -> Iterator[list[Fault]]:
    """It takes what is sent, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with elsewhere(world, f":{world.postgres.port}/", f":{port}/", "?connect_timeout=2"):
            yield []


@contextmanager
def no_such_database(world: World) -> Iterator[list[Fault]]:
    with elsewhere(world, world.database, "nowhere"):
        yield []


@contextmanager
def elsewhere(world: World, old: str, new: str, more: str = "") -> Iterator[None]:
    whole = world.store
    world.store = replace(whole, address=whole.address.replace(old, new) + more)
    yield
    world.store = whole


@contextmanager
def line_cut_while_recording(world: World) -> Iterator[list[Fault]]:
    yield [("line cut recording", world.store.address.replace("+psycopg2", ""))]


@contextmanager
def server_gone(world: World) -> Iterator[list[Fault]]:
    with elsewhere(world, f":{world.postgres.port}/", f":{free_port()}/"):
        yield []


@contextmanager
def another_run(world: World) -> Iterator[list[Fault]]:
    """Which waits for a web site that says nothing."""
    with world.website.instead("/experiments", b"", hang=True), world.website.closed():
        process = world.site.start("crawl", "--store", world.store.address)
        assert world.website.reached.wait(30)
        yield []
        process.kill()
        process.communicate(timeout=30)


@contextmanager
def writer_for_a_while(world: World) -> Iterator[list[Fault]]:
    """Somebody who writes while the crawl wants to, and stops after a second."""
    with closing(world.store.connected()) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN IMMEDIATE" if world.store.is_sqlite else "LOCK TABLE run IN ACCESS EXCLUSIVE MODE")
        with world.later(1, connection.commit):
            yield []


def statement(spoils: str, mends: str) -> Broken:
    @contextmanager
    def broken(world: World) -> Iterator[list[Fault]]:
        world.store.do(spoils)
        yield []
        world.store.do(mends)

    return broken


NEWER = statement(
    "UPDATE alembic_version SET version_num = '9999'", f"UPDATE alembic_version SET version_num = '{HEAD}'"
)
FOREIGN = statement("ALTER TABLE alembic_version RENAME TO theirs", "ALTER TABLE theirs RENAME TO alembic_version")
SPOILT = statement("ALTER TABLE sighting RENAME TO sighted", "ALTER TABLE sighted RENAME TO sighting")


@contextmanager
def disk_full(world: World) -> Iterator[list[Fault]]:
    """As soon as anything is to be written."""
    yield [("grows no file", 4096)]


@contextmanager
def line_cut(world: World) -> Iterator[list[Fault]]:
    """While the crawl reads a web site; its lock goes with it."""
    slow = world.website.instead("/experiments", listing(OLD), delay=1.2)
    with slow, once(world.website.asked_since(), world.cut_off):
        yield []


@contextmanager
def killed_while_recording(world: World) -> Iterator[list[Fault]]:
    yield [("dies recording",)]


STORES = [
    store("sqlite", "down", "may not be opened", store_forbidden, 1, "tracker.db: cannot be opened"),
    store("sqlite", "down", "is no database", store_damaged, 1, "not an SQLite database", "name another file"),
    store("sqlite", "slow", "another run", another_run, 75, "another run holds the lock"),
    store("sqlite", "slow", "somebody writes", writer_for_a_while, 0),
    store("sqlite", "lying", "of a newer version", NEWER, 1, "written by a newer version", "update ingest-tracker"),
    store("sqlite", "lying", "a table is missing", SPOILT, 1, "lacks tables of ingest-tracker"),
    store("sqlite", "down", "may only be read", store_read_only, 1, "may not be written to by this user"),
    store("sqlite", "lying", "tables of others", FOREIGN, 1, "holds tables that are not of ingest-tracker"),
    store("postgresql", "down", "no such database", no_such_database, 1, "there is no such database"),
    store("postgresql", "slow", "says nothing", server_silent, 1, "does not answer"),
    store("postgresql", "lying", "tables of others", FOREIGN, 1, "holds tables that are not of ingest-tracker"),
    store("postgresql", "half-way", "the line is cut while recording", line_cut_while_recording, 1,
          "the server closed the connection; run again"),
    store("sqlite", "half-way", "the disk is full", disk_full, 1, "tracker.db: "),
    store("sqlite", "half-way", "killed", killed_while_recording, -9),
    store("postgresql", "down", "not running", server_gone, 1, "refused; see that the server runs there"),
    store("postgresql", "slow", "another run", another_run, 75, "another run holds the lock"),
    store("postgresql", "slow", "somebody writes", writer_for_a_while, 0),
    store("postgresql", "lying", "of a newer version", NEWER, 1, "written by a newer version", "update ingest-tracker"),
    store("postgresql", "lying", "a table is missing", SPOILT, 1, "lacks tables of ingest-tracker"),
    store("postgresql", "half-way", "the line is cut", line_cut, 1, "the lock went with it, nothing was recorded"),
    store("postgresql", "half-way", "killed", killed_while_recording, -9),
]  # fmt: skip


# --------------------------------------------------------------------------- how outputs break

FILES = {
    "html_page": "overview.html",
    "csv_files": "track_ingested_experiments.csv",
    "json": "overview.json",
    "xlsx_file": "overview.xlsx",
}
"""output -> a file of it that shows what is new"""


def folder_in_the_way(name: str) -> Broken:
    @contextmanager
    def broken(world: World) -> Iterator[list[Fault]]:
        path = world.path(f"var/out/{name}")
        with away(path):
            (path / "of somebody").mkdir(parents=True)
            yield []
            (path / "of somebody").rmdir()
            path.rmdir()

    return broken


def changed_by_others(name: str) -> Broken:
    @contextmanager
    def broken(world: World) -> Iterator[list[Fault]]:
        world.path(f"var/out/{name}").write_bytes(b"what somebody thinks\n")
        yield []

    return broken


def while_written(name: str, *what: Any) -> Broken:
    @contextmanager
    def broken(world: World) -> Iterator[list[Fault]]:
        yield [("when written", name, *what)]

    return broken


@contextmanager
def folder_closed(world: World) -> Iterator[list[Fault]]:
    out = world.path("var/out")
    out.chmod(0o555)
    yield [("without privileges",)]
    out.chmod(0o755)


def no_room(name: str) -> Broken:
    """What is written beside its place goes to a device that is always full."""

    @contextmanager
    def broken(world: World) -> Iterator[list[Fault]]:
        world.path(f"var/out/.{name}.new").symlink_to("/dev/full")
        yield []

    return broken


def output(port: str, name: str) -> list[Row]:
    def failed(fault: str, what: str, broken: Broken, advice: str) -> Row:
        return Row(port, fault, what, broken, 3, (name, advice), frozenset({port}))

    return [
        failed("down", "a folder in the way", folder_in_the_way(name), "a folder is in the way: move it"),
        Row(port, "slow", "a slow disk", while_written(name, "waits", 0.5), 0),
        Row(port, "lying", "changed by others", changed_by_others(name), 0),
        failed("half-way", "full disk", while_written(name, "fails", ENOSPC), "free some space there"),
        failed("half-way", "no room", no_room(name), "free some space there"),
        Row(port, "half-way", "killed", while_written(name, "dies"), -9),
    ]


OUTPUTS = [
    Row("html_page", "down", "none may be written", folder_closed, 3, ("allow this user to write",), frozenset(FILES)),
    *(row for port, name in FILES.items() for row in output(port, name)),
]
