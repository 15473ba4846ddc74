"""What a person meets when something around the tracker is broken: one clear message, the right exit code,
nothing lost, nothing falsely gone, no secret shown. Whole processes on a site that had one good crawl before."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.end_to_end.site import Site, closed, states, without_privileges
from tests.servers.postgres import PASSWORD, USER, Postgres, free_port
from tests.servers.website import Website

SECRET, TOKEN = "hush-hush-7313", "psst-psst-4242"
LISTED = [{"experimentAccession": f"E-GEOD-{number}", "species": "Homo sapiens"} for number in range(1, 5)]
GOOD = json.dumps({"experiments": LISTED}).encode()
STATES = {
    **{f"E-MTAB-{number}": "external" for number in (2, 3)},
    "E-MTAB-1": "incoming",
    **{f"E-MTAB-{number}": "loading" for number in range(4, 10)},
    **{f"E-GEOD-{number}": "published" for number in range(1, 5)},
}


@dataclass(frozen=True)
class Baseline:
    """A site after a first crawl, kept aside; the same folder is set up from it for every test."""

    site: Site
    kept: Path
    website: Website
    standing: Any


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Baseline]:
    folder = tmp_path_factory.mktemp("bad-input")
    site = Site(folder / "site")
    site.fill("external", ["E-MTAB-1", "E-MTAB-2", "E-MTAB-3"])
    site.fill("loading", [f"E-MTAB-{number}" for number in range(4, 10)])
    site.curation({"E-MTAB-1": "PASS", "E-MTAB-2": "no raw files", "E-MTAB-3": None})
    site.write("etc/tracker.yaml", "databases: ../databases.json\noutputs: [csv_files, json]\n")
    site.write("databases.json", {"gxpatlaspro": {"dbtype": "sqlite", "path": "gxpatlaspro.db"}})
    with Website() as website:
        url = website.serve("/experiments", GOOD)
        site.configure(
            {
                "external": {"stage": ["external"], "tech": ["bulk"]},
                "loading": {"stage": ["loading"]},
                f"{url}?view={TOKEN}": {"stage": ["published"], "name": "atlas", "timeout": 1.5, "retries": 0},
            }
        )
        assert site.crawl().code == 0
        standing = site.standing()
        assert states(standing) == STATES
        shutil.copytree(site.root, folder / "kept", symlinks=True)
        yield Baseline(site, folder / "kept", website, standing)


@dataclass(frozen=True)
class Patient:
    """A crawl that waits for a store which another program keeps locked."""

    site: Site
    process: subprocess.Popen[str]
    holder: sqlite3.Connection
    standing: Any


@pytest.fixture(scope="module", autouse=True)
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    site = Site(tmp_path_factory.mktemp("patient"))
    site.fill("loading", ["E-MTAB-1"])
    site.configure({"loading": {"stage": ["loading"]}})
    assert site.crawl().code == 0
    standing = site.standing()
    holder = sqlite3.connect(site.root / "var/ingest-tracker.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert site.standing() == standing  # who only reads need not wait
    with closing(holder), site.start("crawl") as process:
        yield Patient(site, process, holder, standing)
        process.kill()


@pytest.fixture
def site(baseline: Baseline) -> Site:
    shutil.rmtree(baseline.site.root)
    shutil.copytree(baseline.kept, baseline.site.root, symlinks=True)
    baseline.website.serve("/experiments", GOOD)
    return baseline.site


def sources(site: Site) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((site.root / "sources_config.json").read_text())
    return told


def only(found: list[dict[str, Any]], key: str, value: str) -> dict[str, Any]:
    """The one of these that says so."""
    those = [one for one in found if one[key] == value]
    assert len(those) == 1, found
    return those[0]


def one_line_with(message: str, words: list[str]) -> bool:
    return "\n" not in message and all(word in message for word in words)


# --------------------------------------------------------------------------- configuration

PASSWORD_TWICE = f'{{"gxpatlaspro": {{"dbtype": "postgres", "host": "h", "password": "{SECRET}", "password": "x"}}}}'

MISTAKES = [
    ("malformed", "sources_config.json", '{"loading": {"stage": ["loading"]', ["is not JSON", "line 1"]),
    ("trailing comma", "sources_config.json", '{\n"loading": {"stage": ["loading"],}}', ["is not JSON", "line 2"]),
    ("no object", "sources_config.json", "[]", ["must be an object"]),
    ("no source", "sources_config.json", "{}", ["holds no source"]),
    (
        "duplicate key",
        "sources_config.json",
        '{"loading": {"stage": ["loading"]}, "loading": {"stage": ["external"]}}',
        ["loading", "more than once"],
    ),
    (
        "unknown state",
        "sources_config.json",
        '{"loading": {"stage": ["laoding"]}}',
        ["loading > stage", "unknown state 'laoding'", "did you mean 'loading'", "external, incoming"],
    ),
    ("empty stage", "sources_config.json", '{"loading": {"stage": []}}', ["loading > stage", "is empty"]),
    (
        "a key in an address",
        "sources_config.json",
        f'{{"https://example.org/list?token={SECRET}": {{"stage": ["published"]}}}}',
        ["example.org", "key", "leave it out"],
    ),
    ("malformed databases", "databases.json", f'{{"gxpatlaspro": {{"password": "{SECRET}"', ["is not JSON"]),
    ("duplicate password", "databases.json", PASSWORD_TWICE, ["gxpatlaspro", "password", "more than once"]),
    ("malformed settings", "etc/tracker.yaml", f"store: [postgresql://me:{SECRET}@h/x", ["is not YAML", "line"]),
]  # fmt: skip


@pytest.mark.parametrize("file, text, words", [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_a_mistake_in_a_file_is_one_line_with_the_file_the_key_and_what_is_allowed(
    site: Site, baseline: Baseline, file: str, text: str, words: list[str]
) -> None:
    good = (site.root / file).read_text()
    site.write(file, text)
    done = site.crawl()
    assert done.code == 2
    assert one_line_with(done.message, [Path(file).name, *words]) and SECRET not in done.err
    site.write(file, good)
    assert site.standing() == baseline.standing


def test_without_any_configuration_one_line_says_what_to_create(tmp_path: Path) -> None:
    done = Site(tmp_path).crawl()
    assert done.code == 2
    assert one_line_with(done.message, ["sources_config.json", "does not exist", "create it"])
    assert not (tmp_path / "var").exists()


def test_all_mistakes_are_told_at_once_and_nothing_is_touched(site: Site, baseline: Baseline) -> None:
    site.write("wrong.json", {"a": {"stage": ["nowhere"]}, "b": {}, "ftp://c": {"stage": ["loading"]}})
    done = site.crawl("--sources", "wrong.json")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 3)
    assert site.standing() == baseline.standing


# --------------------------------------------------------------------------- places


def is_missing(site: Site) -> None:
    site.remove("loading")


def is_a_file(site: Site) -> None:
    site.remove("loading")
    site.write("loading", "not a directory")


def cannot_be_listed(site: Site) -> None:
    """By nobody, root included."""
    site.remove("loading")
    (site.root / "loading").symlink_to("loading")


def website_says(**reply: Any) -> Callable[[Site, Website], None]:
    return lambda site, website: website.serve("/experiments", **reply) and None


UNREADABLE = [
    ("missing", lambda site, website: is_missing(site), "loading", ["/loading does not exist", "is it mounted?"]),
    ("a file", lambda site, website: is_a_file(site), "loading", ["/loading is a file"]),
    ("a loop", lambda site, website: cannot_be_listed(site), "loading", ["/loading could not be listed"]),
    ("500", website_says(status=500), "atlas", ["/experiments", "answered 500"]),
    ("404", website_says(status=404), "atlas", ["/experiments", "answered 404", "check the address"]),
    ("hanging", website_says(hang=True), "atlas", ["/experiments", "Try again later"]),
    ("dripping", website_says(body=GOOD, drip=0.2), "atlas", ["/experiments", "in the time allowed"]),
    ("hung up", website_says(close=True), "atlas", ["/experiments"]),
    ("not JSON", website_says(body=b"<html>we are moving</html>"), "atlas", ["/experiments", "well-formed JSON"]),
    ("no listing", website_says(body=b'{"error": "no"}'), "atlas", ["/experiments", "no listing of experiments"]),
    ("truncated", website_says(body=GOOD, truncate=60), "atlas", ["/experiments", "in the middle of its answer"]),
    ("cut short", website_says(body=GOOD[:60]), "atlas", ["/experiments", "well-formed JSON"]),
]  # fmt: skip


@pytest.mark.parametrize("broken, source, words", [row[1:] for row in UNREADABLE], ids=[row[0] for row in UNREADABLE])
def test_a_source_that_cannot_be_read_is_one_failure_and_changes_nothing(
    site: Site, baseline: Baseline, broken: Callable[[Site, Website], None], source: str, words: list[str]
) -> None:
    broken(site, baseline.website)
    done = site.crawl()
    report = done.json
    assert (done.code, done.err, report["run"]["status"], report["changes"]) == (3, "", "partial", [])
    assert {s["name"]: s["status"] for s in report["sources"]} == {
        name: "failed" if name == source else "succeeded" for name in ("external", "loading", "atlas")
    }
    message = only(report["problems"], "code", "source_unreadable")["message"]
    assert one_line_with(message, words) and only(report["sources"], "name", source)["error"] == message
    assert site.standing() == baseline.standing


def test_a_place_that_this_user_may_not_list_changes_nothing_and_is_read_again_when_it_may(
    site: Site, baseline: Baseline
) -> None:
    """Seen as a person sees it: a line of the table, and nothing on stderr."""
    with closed(site.root / "loading"):
        done = site.whole("crawl", before=without_privileges)
    assert (done.code, done.err) == (3, "")
    told = [line for line in done.out.splitlines() if "may not be listed: allow this user" in line]
    assert len(told) == 1 and told[0].startswith("loading ")
    assert site.standing() == baseline.standing
    again = site.crawl()
    assert (again.code, again.json["changes"], again.json["problems"]) == (0, [], [])


def test_a_dataset_that_this_user_may_not_list_or_read_keeps_all_that_was_known_of_it(
    site: Site, baseline: Baseline
) -> None:
    with closed(site.root / "loading/E-MTAB-4"), closed(site.root / "loading/E-MTAB-5/E-MTAB-5.idf.txt"):
        done = site.whole("crawl", "--json", "--full", before=without_privileges)
    assert (done.code, done.json["changes"]) == (0, [])
    unreadable = {p["accession"] for p in done.json["problems"] if p["code"] == "unreadable"}
    assert unreadable == {"E-MTAB-4", "E-MTAB-5"}
    assert states(site.standing()) == STATES


def test_when_nothing_at_all_can_be_read_the_run_has_failed(site: Site, baseline: Baseline) -> None:
    is_missing(site)
    site.remove("external")
    baseline.website.serve("/experiments", status=500)
    done = site.crawl()
    assert (done.code, done.err, done.json["run"]["status"]) == (1, "", "failed")
    assert {source["status"] for source in done.json["sources"]} == {"failed"}
    assert site.standing() == baseline.standing


def test_an_empty_tree_that_never_held_anything_is_no_failure(tmp_path: Path) -> None:
    site = Site(tmp_path)
    (tmp_path / "loading").mkdir()
    site.configure({"loading": {"stage": ["loading"]}})
    done = site.crawl()
    assert (done.code, done.err, done.json["counts"]) == (0, "", {})
    assert [(p["code"], p["severity"]) for p in done.json["problems"]] == [("source_empty", "info")]


def test_what_an_address_asks_for_is_shown_nowhere_as_it_may_be_a_secret(site: Site, baseline: Baseline) -> None:
    """Neither while all is well nor when its server is in trouble."""
    said = [site.run("crawl", "-v"), site.run("why", "E-GEOD-1")]
    baseline.website.serve("/experiments", status=500)
    said += [site.run("crawl", "-v"), site.crawl(), site.run("problems"), site.run("sources", "check")]
    assert [done for done in said if TOKEN in done.out + done.err] == []
    assert not [path for path in (site.root / "var/out").iterdir() if TOKEN.encode() in path.read_bytes()]


# --------------------------------------------------------------------------- curation databases


@contextmanager
def silent_server() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def gxpatlaspro(postgres: Postgres) -> int:
    """The port of a curation database of that name, whose one table is missing."""
    postgres.create_database("gxpatlaspro")
    return postgres.port


@pytest.fixture(scope="module")
def slow(postgres: Postgres) -> str:
    """One whose table takes a minute to answer."""
    address = postgres.create_database()
    with closing(psycopg2.connect(address.replace("+psycopg2", ""))) as connection, connection:
        connection.cursor().execute(
            "CREATE VIEW rnaseq_atlas_eligibility AS SELECT 'E-MTAB-2' AS ae2_acc, 'PASS' AS status FROM pg_sleep(60)"
        )
    return address.rpartition("/")[2]


def server(port: int, password: str = SECRET, **more: Any) -> dict[str, Any]:
    return {"dbtype": "postgres", "host": "127.0.0.1", "port": port, "user": USER, "password": password, **more}


def unanswered(site: Site, baseline: Baseline, entry: dict[str, Any] | str, words: list[str]) -> None:
    """A problem that says why; the last verdicts stand."""
    site.write("databases.json", {"gxpatlaspro": entry})
    done = site.crawl()
    report = done.json
    assert (done.code, done.err, report["run"]["status"], report["changes"]) == (3, "", "partial", [])
    told = [p["message"] for p in report["problems"] if p["code"] == "database_unreadable"]
    (verdicts, entries) = sorted(told, key=lambda message: "last verdicts stay" not in message)
    assert one_line_with(verdicts, ["gxpatlaspro", *words]), verdicts
    assert one_line_with(entries, ["The last list of gxpatlaspro stays"]), entries
    assert site.standing() == baseline.standing
    assert SECRET not in done.out
    kept = [path for path in (site.root / "var").rglob("*") if path.is_file()]
    assert len(kept) > 5 and not [path for path in kept if SECRET.encode() in path.read_bytes()]


def test_a_database_that_refuses_leaves_its_last_verdicts_standing(site: Site, baseline: Baseline) -> None:
    unanswered(site, baseline, server(free_port()), ["is the server running"])


def test_a_database_that_says_nothing_is_not_waited_for(site: Site, baseline: Baseline) -> None:
    with silent_server() as port:
        unanswered(site, baseline, server(port, connect_timeout=2), ["is the server running"])


def test_a_wrong_password_is_told_and_not_shown(site: Site, baseline: Baseline, gxpatlaspro: int) -> None:
    unanswered(site, baseline, server(gxpatlaspro), ["check the user and the password"])


def test_a_missing_table_is_named(site: Site, baseline: Baseline, gxpatlaspro: int, postgres: Postgres) -> None:
    address = postgres.address("gxpatlaspro")
    unanswered(site, baseline, address, ["rnaseq_atlas_eligibility", "does not exist", "check"])


def test_a_slow_database_is_stopped_at_its_time(site: Site, baseline: Baseline, slow: str, postgres: Postgres) -> None:
    """Its settings name it otherwise than the check does, as the form of sites takes the name for the database's."""
    site.write(
        "etc/tracker.yaml",
        "databases: ../databases.json\nchecks: {rnaseq_atlas_eligibility: "
        f"{{database: {slow}, query: SELECT * FROM rnaseq_atlas_eligibility, passes: [PASS]}}}}\n",
    )
    site.write("databases.json", {slow: server(postgres.port, PASSWORD, query_timeout=0.3)})
    done = site.crawl()
    assert (done.code, done.err, done.json["changes"]) == (3, "", [])
    message = only(done.json["problems"], "code", "database_unreadable")["message"]
    assert one_line_with(message, [slow, "the time allowed is 0.3 s"])
    assert site.standing() == baseline.standing


@pytest.mark.parametrize(
    "path, words",
    [
        ("nowhere.db", ["is the path right"]),
        ("sources_config.json", ["is the path right"]),
        ("loading", ["is the path right"]),
        ("empty.db", ["no such table"]),
    ],
)
def test_an_sqlite_database_that_is_none_is_told(site: Site, baseline: Baseline, path: str, words: list[str]) -> None:
    site.write("empty.db", "")
    unanswered(site, baseline, {"dbtype": "sqlite", "path": path}, words)
    assert not (site.root / "nowhere.db").exists()


@pytest.mark.parametrize("place", ["nowhere.txt", "loading", "sources_config.json"])
def test_a_list_of_species_that_cannot_be_read_is_one_problem(site: Site, baseline: Baseline, place: str) -> None:
    """Whether a dataset's organism is supported stays as it was."""
    done = site.crawl("--species", place)
    assert (done.code, done.err, done.json["changes"]) == (3, "", [])
    assert one_line_with(only(done.json["problems"], "code", "species_unreadable")["message"], [place])
    assert states(site.standing()) == STATES


# --------------------------------------------------------------------------- the store and the outputs


def limited(size: int) -> Callable[[], None]:
    """For `before`: no file may grow beyond that; writing more fails, as on a disk that is full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def with_news(site: Site) -> None:
    """Something that a crawl has to write."""
    site.move("E-MTAB-4", "loading", "external")


@pytest.mark.parametrize("size", [0, 8 * 1024, 64 * 1024])
def test_a_store_that_cannot_grow_is_left_as_it_was(site: Site, baseline: Baseline, size: int) -> None:
    with_news(site)
    published = (site.root / "var/out/overview.json").read_bytes()
    done = site.whole("crawl", before=limited(size))
    assert done.code == 1 and one_line_with(done.message, ["ingest-tracker.db", "disk"])
    assert site.standing() == baseline.standing
    assert (site.root / "var/out/overview.json").read_bytes() == published
    again = site.crawl()
    assert (again.code, [change["accession"] for change in again.json["changes"]]) == (0, ["E-MTAB-4"])


def test_a_first_crawl_on_a_full_disk_is_told_and_can_be_made_good(site: Site) -> None:
    done = site.whole("crawl", "--store", "another.db", before=limited(8 * 1024))
    assert done.code == 1 and one_line_with(done.message, ["another.db", "disk"])
    assert site.crawl("--store", "another.db").code == 0
    assert states(site.standing(store="another.db")) == STATES


def test_an_output_without_room_fails_alone(site: Site) -> None:
    """What was published last stays, the crawl is recorded, and the other outputs go on."""
    with_news(site)
    out = site.root / "var/out"
    published = (out / "overview.json").read_bytes()
    (out / ".overview.json.new").symlink_to("/dev/full")
    done = site.crawl()
    assert (done.code, done.err, done.json["run"]["status"]) == (3, "", "partial")
    assert {output["name"]: output["status"] for output in done.json["outputs"]} == {
        "csv_files": "published",
        "json": "failed",
    }
    where = only(done.json["outputs"], "name", "json")["where"]
    assert one_line_with(where, ["overview.json", "No space left on device", "free some space"])
    assert (out / "overview.json").read_bytes() == published
    assert site.crawl().code == 0 and (out / "overview.json").read_bytes() != published


@pytest.mark.parametrize("out", ["/dev/full", "sources_config.json", "/proc/nowhere"])
def test_where_nothing_can_be_published_the_crawl_is_still_recorded(site: Site, out: str) -> None:
    with_news(site)
    done = site.crawl("--out", out)
    assert (done.code, done.err) == (3, "")
    assert {output["status"] for output in done.json["outputs"]} == {"failed"}
    assert all(one_line_with(output["where"], [f"{out}: "]) for output in done.json["outputs"])
    assert states(site.standing())["E-MTAB-4"] == "external"


@pytest.mark.parametrize(
    "store, words",
    [
        ("loading", ["loading", "cannot be opened"]),
        ("sources_config.json", ["sources_config.json"]),
        ("sources_config.json/store.db", ["its directory"]),
        ("/proc/nowhere/store.db", ["its directory cannot be made"]),
        (f"postgresql://curator:{SECRET}@127.0.0.1:9/store", ["127.0.0.1:9", "refused"]),
        (f"mysql://curator:{SECRET}@127.0.0.1/store", ["allowed"]),
    ],
)
def test_a_store_that_cannot_be_one_is_told_in_one_line(site: Site, store: str, words: list[str]) -> None:
    configuration = (site.root / "sources_config.json").read_bytes()
    done = site.crawl("--store", store)
    assert done.code == (2 if "mysql" in store else 1)
    assert one_line_with(done.message, words) and SECRET not in done.err
    assert (site.root / "sources_config.json").read_bytes() == configuration


def test_a_wrong_password_of_the_store_is_told_and_not_shown(site: Site, postgres: Postgres) -> None:
    address = postgres.address("postgres", password="${STORE_PASSWORD}")
    done = site.crawl("--store", address, STORE_PASSWORD=SECRET)
    assert done.code == 1
    assert one_line_with(done.message, ["wrong user or password"]) and SECRET not in done.err


def test_reading_before_the_first_crawl_says_to_crawl(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.configure({"loading": {"stage": ["loading"]}})
    for command in (["overview"], ["why", "E-MTAB-1"], ["problems"], ["runs"]):
        done = site.run(*command)
        assert done.code == 1 and one_line_with(done.message, ["nothing has been crawled yet"])
    assert not (tmp_path / "var").exists()


def test_a_store_of_a_newer_version_is_left_alone(site: Site) -> None:
    store = site.root / "var/ingest-tracker.db"
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = store.read_bytes()
    for command in ("crawl", "overview"):
        done = site.run(command)
        assert done.code == 1 and one_line_with(done.message, ["newer version", "update ingest-tracker"])
    assert store.read_bytes() == before


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_second_crawl_at_once_stops_with_75_and_readers_go_on(
    site: Site, baseline: Baseline, postgres: Postgres, kind: str
) -> None:
    """The first waits for a web server that says nothing, with the lock in its hand."""
    store = {"sqlite": "var/ingest-tracker.db", "postgresql": postgres.create_database()}[kind]
    assert site.crawl("--store", store).code == 0
    with Website() as website:
        atlas = {website.serve("/list", hang=True): {"stage": ["published"], "name": "atlas", "retries": 0}}
        trees = {key: entry for key, entry in sources(site).items() if "name" not in entry}
        site.write("silent.json", {**atlas, **trees})
        first = site.start("crawl", "--json", "--store", store, "--sources", "silent.json")
        while not website.requests:
            assert first.poll() is None
        second = site.crawl("--store", store)
        assert second.code == 75 and one_line_with(second.message, ["another run holds the lock", "wait"])
        assert states(site.standing(store=store)) == STATES
    done = site.end(first)
    assert (done.code, done.json["changes"]) == (3, [])
    assert site.crawl("--store", store).code == 0
    assert states(site.standing(store=store)) == STATES


def test_a_crawl_that_is_stopped_by_hand_says_so_and_is_in_nobodys_way(site: Site, baseline: Baseline) -> None:
    baseline.website.serve("/experiments", hang=True)
    asked = len(baseline.website.requests)
    process = site.start("crawl")
    while len(baseline.website.requests) == asked:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    done = site.end(process)
    assert done.code == 130 and one_line_with(done.message, ["stopped", "not recorded"])
    baseline.website.serve("/experiments", GOOD)
    assert site.standing() == baseline.standing
    assert site.crawl().code == 0


def test_a_store_that_another_program_keeps_locked_is_told(patient: Patient) -> None:
    """After the half minute that it is waited for, which passes beside the tests before this one."""
    done = patient.site.end(patient.process)
    assert done.code == 1 and one_line_with(done.message, ["ingest-tracker.db", "locked by another process"])
    patient.holder.close()
    assert patient.site.crawl().code == 0 and patient.site.standing() == patient.standing


# --------------------------------------------------------------------------- disappearances


@pytest.mark.parametrize("count", [5, 500, pytest.param(5_000, marks=pytest.mark.long)])
def test_an_unmounted_place_is_held_until_it_is_back_or_confirmed(tmp_path: Path, count: int) -> None:
    site = Site(tmp_path)
    site.fill("published", ["E-MTAB-1"])
    for number in range(count):
        (tmp_path / f"loading/E-GEOD-{number}").mkdir(parents=True)
    site.configure({"loading": {"stage": ["loading"]}, "published": {"stage": ["published"]}})
    assert site.crawl().json["counts"] == {"loading": count, "published": 1}
    standing = site.standing()

    (tmp_path / "loading").rename(tmp_path / "mounted elsewhere")
    (tmp_path / "loading").mkdir()
    held = site.crawl()
    assert (held.code, held.err, held.json["changes"], held.json["run"]["status"]) == (4, "", [], "held")
    message = only(held.json["problems"], "code", "source_held")["message"]
    assert one_line_with(message, ["loading is held", f"{count:,} datasets", "crawl --confirm loading"])
    assert [source["status"] for source in held.json["sources"]] == ["held", "succeeded"]
    assert site.crawl().code == 4
    assert site.standing() == standing

    (tmp_path / "loading").rmdir()
    (tmp_path / "mounted elsewhere").rename(tmp_path / "loading")
    back = site.crawl()
    assert (back.code, back.json["changes"]) == (0, [])
    assert site.standing() == standing and "held" not in site.run("problems").out

    shutil.rmtree(tmp_path / "loading")
    (tmp_path / "loading").mkdir()
    confirmed = site.crawl("--confirm", "loading")
    assert (confirmed.code, confirmed.json["counts"]) == (0, {"published": 1})
    assert {(change["from"], change["to"]) for change in confirmed.json["changes"]} == {("loading", None)}
    assert len(confirmed.json["changes"]) == count
    assert site.crawl().code == 0


def test_a_source_that_left_the_configuration_is_held_until_it_is_back_or_confirmed(
    site: Site, baseline: Baseline
) -> None:
    all_of_them = sources(site)
    site.configure({key: entry for key, entry in all_of_them.items() if key != "loading"})
    held = site.crawl()
    assert (held.code, held.err, held.json["changes"]) == (4, "", [])
    message = only(held.json["problems"], "code", "source_held")["message"]
    assert one_line_with(message, ["loading is held", "no longer in the configuration", "crawl --confirm loading"])
    assert site.standing() == baseline.standing

    site.configure(all_of_them)
    back = site.crawl()
    assert (back.code, back.json["changes"], back.json["problems"]) == (0, [], [])
    assert site.standing() == baseline.standing

    site.configure({key: entry for key, entry in all_of_them.items() if key != "loading"})
    confirmed = site.crawl("--confirm", "loading")
    assert confirmed.code == 0
    assert {change["accession"] for change in confirmed.json["changes"]} == {f"E-MTAB-{n}" for n in range(4, 10)}
    assert site.crawl().code == 0


def test_a_word_that_is_no_source_is_told_with_those_that_are(site: Site, baseline: Baseline) -> None:
    for flag in ("--confirm", "--source"):
        done = site.crawl(flag, "laoding")
        assert done.code == 2 and one_line_with(done.message, ["'laoding'", "external, loading"])
    assert site.standing() == baseline.standing
