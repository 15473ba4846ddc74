"""The daemon as an operator has it: whole processes, signals, servers that fail, places that do not answer."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.domain.overview import TRACK
from tests.end_to_end.site import Site
from tests.end_to_end.warm import ROOT
from tests.end_to_end.watching import Watching, configured, sources, until, watching
from tests.servers.postgres import Postgres
from tests.servers.process import free_port
from tests.servers.sheets import SheetsServer
from tests.servers.slowfs import SlowFs

PAGE, README = ROOT / "docs" / "watch.md", ROOT / "README.md"
PLACES = sources(outside="external", loading="loading", analysing="analysing")
FIRST = {"E-MTAB-1": "external", "E-MTAB-2": "external", "E-MTAB-3": "loading", "E-MTAB-7": "loading"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    site.fill("outside", ["E-MTAB-1", "E-MTAB-2"])
    site.fill("loading", ["E-MTAB-3", "E-MTAB-7"])
    (tmp_path / "analysing").mkdir()
    site.configure(PLACES)
    yield site


def test_what_changes_is_shown_and_said_within_seconds_until_it_is_stopped(site: Site) -> None:
    with watching(site, configured(site)) as daemon:
        until(lambda: daemon.states() == FIRST)
        site.fill("loading", ["E-MTAB-4"])
        until(lambda: daemon.states() == {**FIRST, "E-MTAB-4": "loading"}, 5)
        site.move("E-MTAB-3", "loading", "analysing")
        until(lambda: daemon.states().get("E-MTAB-3") == "analysing", 5)
        line = daemon.says("E-MTAB-3 is now analysing: it is in ")
        assert line.endswith("analysing/E-MTAB-3, a place for datasets that are analysing.")
        site.remove("loading/E-MTAB-4")
        until(lambda: "E-MTAB-4" not in daemon.states(), 5)
        assert daemon.end(seconds=3) == 0
    assert daemon.lines[-1].endswith(" stopped")
    assert site.crawl().json["changes"] == [], "a crawl of everything finds nothing else"


@pytest.mark.parametrize("versions", [15, pytest.param(125, marks=pytest.mark.long)])
def test_a_storm_of_events_is_few_runs(site: Site, versions: int) -> None:
    """With 125 they are 100,000: each write is a change and a closing, and so they are told."""
    names = [f"E-MTAB-{number}" for number in range(100, 500)]
    site.fill("loading", names)
    with watching(site, configured(site)) as daemon:
        until(lambda: len(daemon.states()) == 404)
        before = sum(value for name, value in daemon.metrics().items() if name.startswith("ingest_tracker_runs_total"))
        for version in range(versions):
            for name in names:
                (site.root / "loading" / name / f"{name}.idf.txt").write_text(
                    f"Investigation Title\tversion {version}\n"
                )
        site.fill("loading", ["E-MTAB-999"])
        until(lambda: "E-MTAB-999" in daemon.states())
        time.sleep(1)
        after = sum(value for name, value in daemon.metrics().items() if name.startswith("ingest_tracker_runs_total"))
        assert after - before < 15
        assert daemon.end() == 0
    assert site.crawl("--full").json["changes"] == []


def test_it_goes_on_where_it_was_whenever_it_is_killed(site: Site) -> None:
    port = configured(site)
    for number in range(10, 14):
        with watching(site, port) as daemon:
            until(lambda: daemon.states().keys() >= FIRST.keys())
            site.fill("loading", [f"E-MTAB-{number}"])
            time.sleep(0.11 * (number - 9))  # before, while or after it looks
            assert daemon.end(signal.SIGKILL) == -9
        site.fill("loading", [f"E-MTAB-{number}0"])  # while nobody watches
    with watching(site, port) as daemon:
        until(lambda: len(daemon.states()) == 4 + 8)
        assert daemon.end() == 0
    report = site.crawl("--full").json
    assert (report["changes"], report["run"]["status"]) == ([], "succeeded")


def test_how_it_is_can_be_asked_for(site: Site) -> None:
    with watching(site, configured(site)) as daemon:
        until(lambda: daemon.states() == FIRST)
        code, told = until(lambda: (found := daemon.health())[1]["next"] and found)
        assert (code, told["status"], told["doing"], told["trouble"]) == (200, "ok", "", "")
        assert {name: (s["status"], s["changes_told_by"]) for name, s in told["sources"].items()} == dict.fromkeys(
            PLACES, ("succeeded", "events")
        )
        assert set(told["next"]) == {"all"}
        metrics = until(lambda: (found := daemon.metrics()).get('ingest_tracker_output_up{output="json"}') and found)
        assert metrics['ingest_tracker_datasets{state="external"}'] == 2
        assert metrics['ingest_tracker_source_up{source="loading"}'] == 1
        last = metrics['ingest_tracker_source_last_success_timestamp_seconds{source="loading"}']
        assert 0 <= time.time() - last < 60
        assert metrics["ingest_tracker_healthy"] == 1
        assert metrics["ingest_tracker_queue_depth"] == 0
        assert metrics['ingest_tracker_problems{code="source_empty"}'] == 1


def test_a_port_that_is_taken_is_said_at_once(site: Site) -> None:
    port = configured(site)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        done = site.whole("watch")
    assert done.code == 2
    assert f"port {port} of this machine cannot be had (Address already in use)" in done.err


def test_the_settings_are_read_again_and_refused_where_they_are_wrong(site: Site) -> None:
    with watching(site, configured(site)) as daemon:
        until(lambda: daemon.states() == FIRST)
        site.configure({**PLACES, "processed": {"stage": ["procesed"], "tek": "bulk"}})
        daemon.send(signal.SIGHUP)
        daemon.says("unknown state 'procesed'")
        assert daemon.says("the new configuration is refused; the one before it still holds")
        site.fill("loading", ["E-MTAB-4"])
        until(lambda: "E-MTAB-4" in daemon.states())
        site.fill("processed", ["E-MTAB-9"])
        site.configure({**PLACES, **sources(processed="processed")})
        daemon.send(signal.SIGHUP)
        until(lambda: daemon.states().get("E-MTAB-9") == "processed")
        assert "processed" in daemon.health()[1]["sources"]
        assert daemon.end() == 0


def test_what_is_due_goes_on_over_restarts_and_what_was_missed_is_made_up_once(site: Site) -> None:
    port = configured(site, "schedule: every 1 hour")
    with watching(site, port) as daemon:
        due = until(lambda: daemon.health()[1]["next"])
        until(lambda: daemon.states() == FIRST)
        assert daemon.end() == 0
    with watching(site, port) as daemon:
        assert until(lambda: daemon.health()[1]["next"]) == due
        assert daemon.end() == 0
    port = configured(site, "schedule: every 1 second")
    with watching(site, port) as daemon:
        ran = 'ingest_tracker_run_seconds_count{began_by="schedule"}'
        until(lambda: daemon.metrics().get(ran, 0) >= 3)
        assert daemon.end() == 0


def test_a_source_with_a_schedule_of_its_own_is_read_by_that_alone(site: Site) -> None:
    site.configure({**PLACES, **sources(loading={"stage": ["loading"], "schedule": "every 1 second"})})
    with watching(site, configured(site)) as daemon:
        until(lambda: set(daemon.health()[1]["next"]) == {"all", "loading"})
        read = 'ingest_tracker_source_last_success_timestamp_seconds{{source="{}"}}'
        until(lambda: {read.format(name) for name in PLACES} <= daemon.metrics().keys())
        before = daemon.metrics()
        until(lambda: daemon.metrics()[read.format("loading")] > before[read.format("loading")] + 1)
        assert daemon.metrics()[read.format("outside")] == before[read.format("outside")]
        assert daemon.end() == 0


def test_while_the_store_is_down_nothing_is_lost_and_everybody_is_told(site: Site, postgres: Postgres) -> None:
    site.configure(PLACES)
    address = postgres.create_database()
    port = configured(site, settings="store: ${STORE}\n")
    with watching(site, port, STORE=address) as daemon:
        until(lambda: daemon.states() == FIRST)
        try:
            postgres.kill()
            site.fill("loading", ["E-MTAB-4"])
            daemon.says("error: nothing can be recorded: ")
            code, told = daemon.health()
            assert (code, told["status"]) == (503, "failing")
            assert daemon.metrics()["ingest_tracker_healthy"] == 0
        finally:
            postgres.start()
        until(lambda: "E-MTAB-4" in daemon.states(), 30)
        assert daemon.says("what was to be done could be done")
        assert daemon.health()[0] == 200
        assert daemon.end() == 0
    password = address.split(":")[2].split("@")[0]
    assert not [line for line in daemon.lines if password in line]


def test_a_source_that_does_not_answer_stops_nothing_and_is_told(site: Site, tmp_path: Path) -> None:
    (tmp_path / "far" / "E-MTAB-8").mkdir(parents=True)
    (tmp_path / "at").mkdir()
    more = {**PLACES, **sources(at={"stage": ["analysing"], "timeout": 2})}
    site.configure(more)
    with SlowFs(tmp_path / "far", tmp_path / "at") as far, watching(site, configured(site)) as daemon:
        until(lambda: daemon.health()[1]["sources"]["at"]["status"] == "succeeded")
        assert daemon.health()[1]["sources"]["at"]["changes_told_by"] == "scan"
        far.hang("/", below=True)
        until(lambda: daemon.health()[1]["sources"]["at"]["status"] == "failed", 30)
        site.fill("loading", ["E-MTAB-4"])
        until(lambda: "E-MTAB-4" in daemon.states(), 10)
        assert "E-MTAB-8" in daemon.states()
        far.heal()
        site.fill("far", ["E-MTAB-9"])
        until(lambda: "E-MTAB-9" in daemon.states(), 30)
        assert daemon.says("at can be read again")
        far.hang("/", below=True)
        site.fill("loading", ["E-MTAB-5"])
        assert daemon.end() == 0, "within ten seconds"
        far.heal()


def test_a_server_that_never_answers_does_not_keep_it_from_stopping(site: Site) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/experiments"
        site.configure({**PLACES, **sources(**{address: "published"})})
        with watching(site, configured(site)) as daemon:
            until(lambda: daemon.health()[1]["doing"] == f"reading {address}")
            assert daemon.end() == 0, "within ten seconds"


def test_for_a_program_each_line_is_json_and_tells_the_facts(site: Site) -> None:
    with watching(site, configured(site, "log: json")) as daemon:
        until(lambda: daemon.states() == FIRST)
        site.move("E-MTAB-3", "loading", "analysing")
        daemon.says('"before": "loading"')
        assert daemon.end() == 0
    told = [json.loads(line) for line in daemon.lines]
    (change,) = [line for line in told if line.get("before") == "loading"]
    assert (change["dataset"], change["after"], change["level"]) == ("E-MTAB-3", "analysing", "info")
    assert change["event"].startswith("E-MTAB-3 is now analysing: ")
    assert [[*line][:3] for line in told] == [["timestamp", "level", "event"]] * len(told)


@contextmanager
def a_sheet(site: Site, google: SheetsServer) -> Iterator[tuple[Watching, str]]:
    """A daemon that keeps a sheet, and the key of that."""
    email = google.service_account_file(site.root / "key.json")
    key = google.create("DEV Ingest Status").book.key
    google.share(key, email)
    port = configured(
        site, settings=f"google_sheets: {{sheet: {key}, credentials: ../key.json}}\ncurators_columns: [Notes]\n"
    )
    path = site.root / "etc/tracker.yaml"
    path.write_text(path.read_text().replace("outputs: [json, csv_files]", "outputs: [json, google_sheets]"))
    with watching(site, port, INGEST_TRACKER_GOOGLE_API=google.url) as daemon:
        until(lambda: daemon.states() == FIRST)
        yield daemon, key
        assert daemon.end() == 0


def test_a_row_of_the_sheet_changes_within_seconds_and_what_curators_wrote_stays(site: Site) -> None:
    with SheetsServer() as google, a_sheet(site, google) as (daemon, key):
        tab = google.curator(key).tab(TRACK)
        tab.set("E-MTAB-3", "Notes", "mine")
        site.move("E-MTAB-3", "loading", "analysing")
        until(lambda: tab.text("E-MTAB-3", "Status") == "analysing", 5)
        until(lambda: daemon.states().get("E-MTAB-3") == "analysing")
        assert tab.text("E-MTAB-3", "Notes") == "mine"
        assert until(lambda: daemon.metrics()['ingest_tracker_sheet_requests_total{kind="write"}'] >= 2)
        google.log.reset()
        site.move("E-MTAB-3", "analysing", "loading")
        until(lambda: tab.text("E-MTAB-3", "Status") == "loading", 5)
        assert google.log.reads == 3, "not all of it is read"


def test_settings_that_are_read_again_leave_no_line_open(site: Site) -> None:
    with SheetsServer() as google, a_sheet(site, google) as (daemon, key):
        tab = google.curator(key).tab(TRACK)
        for state, before in [("analysing", "loading"), ("loading", "analysing")] * 4:
            said = len(daemon.lines)
            daemon.send(signal.SIGHUP)
            daemon.says("watching ", after=said)
            site.move("E-MTAB-3", before, state)
            until(lambda: tab.text("E-MTAB-3", "Status") == state)  # noqa: B023
        until(lambda: google.lines <= 2)  # one for what is asked, one for who asks


# --------------------------------------------------------------------------- what the pages say


def test_every_metric_is_in_the_page_and_no_other(site: Site) -> None:
    told = set(re.findall(r"`(ingest_tracker_\w+)", PAGE.read_text()))
    with watching(site, configured(site)) as daemon:
        until(lambda: "ingest_tracker_output_up" in {name.partition("{")[0] for name in daemon.metrics()})
        names = {re.sub(r"_(bucket|count|sum)$", "", name.partition("{")[0]) for name in daemon.metrics()}
        assert daemon.end() == 0
    assert {name for name in names if not name.endswith("_created")} == told


@pytest.mark.parametrize("page", [PAGE, README], ids=["its page", "the README"])
def test_what_it_says_is_what_the_pages_show(tmp_path: Path, page: Path) -> None:
    picture = page.read_text().split("$ ./run tracker watch --config var/demo/tracker.yaml\n")[1].split("```")[0]
    shown = [line[20:] for line in picture.splitlines() if re.match(r"\d{4}-", line)]
    site, port = Site(tmp_path), free_port()
    assert site.run("demo", "--dir", "var/demo").code == 0
    with (tmp_path / "var/demo/tracker.yaml").open("a") as file:
        file.write(f"watch: {{port: {port}}}\n")
    with watching(site, port, "--config", "var/demo/tracker.yaml") as daemon:
        until(lambda: daemon.health()[1]["last_run"] and "doing" in daemon.health()[1])
        daemon.says("nfs/analysing: file events")
        time.sleep(1.5)
        moved = re.search(r"E-[A-Z]+-\d+(?= is now analysing)", picture)
        assert moved
        site.move(moved[0], "var/demo/nfs/loading", "var/demo/nfs/analysing")
        daemon.says(" succeeded in ", after=len(daemon.lines) - 1)
        assert daemon.end() == 0
    said = [re.sub(r"/\S+?/nfs/", ".../nfs/", line[20:]).replace(f":{port}/", ":9870/") for line in daemon.lines]

    def alike(line: str) -> str:
        return re.sub(r"\d+(\.\d)?(?= (folders|s:|succeeded))|(?<=run )\d+|nfs/\w+:", "N", line)

    assert {alike(line) for line in shown} <= {alike(line) for line in said}
