"""The Google Sheet as a person has it: whole processes, a service account's key made for the test, what goes wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.domain.overview import DISCOVER, TRACK
from tests.end_to_end.site import SCRIPT, Done, Site
from tests.servers.sheets import Curator, Fault, Request, SheetsServer, Ways

API, PAGE = "INGEST_TRACKER_GOOGLE_API", Path(__file__).parents[2] / "docs" / "google-sheet.md"
SOURCES = {"outside": {"stage": ["external"], "tech": ["bulk"]}, "loading": {"stage": ["loading"], "tech": ["bulk"]}}
SETTINGS = """
google_sheets: {{sheet: {sheet}, credentials: ../key.json, patience: 2}}
curators_columns: [Notes]
outputs: [csv_files, json, google_sheets]
"""


@dataclass
class Office:
    """A site, its spreadsheet, and the account that writes there."""

    site: Site
    google: SheetsServer
    key: str
    email: str

    @property
    def curator(self) -> Curator:
        return self.google.curator(self.key)

    def settings(self, sheet: str = "", more: str = "") -> None:
        self.site.write("etc/tracker.yaml", SETTINGS.format(sheet=json.dumps(sheet or self.key)) + more)

    def run(self, *arguments: str) -> Done:
        done = self.site.run(*arguments, **{API: self.google.url})
        self.nothing_secret(done.out + done.err)
        return done

    def nothing_secret(self, told: str) -> None:
        told += "".join(path.read_text() for path in (self.site.root / "var").rglob("*.csv"))
        assert "Traceback" not in told
        assert "PRIVATE KEY" not in told
        private = json.loads((self.site.root / "key.json").read_text())["private_key"].splitlines()[3]
        assert private not in told

    def states(self) -> dict[str, str]:
        """What the two tabs show of each dataset."""
        shown = {}
        for title in (DISCOVER, TRACK):
            for row in self.curator.tab(title).records():
                assert row["Accession"] not in shown, "twice"
                shown[row["Accession"]] = row["Status"]
        return shown


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    site = Site(tmp_path)
    site.fill("outside", ["E-MTAB-1", "E-MTAB-2"])
    site.fill("loading", ["E-MTAB-3"])
    site.configure(SOURCES)
    with SheetsServer() as google:
        email = google.service_account_file(tmp_path / "key.json")
        key = google.create("DEV Ingest Status").book.key
        google.share(key, email)
        office = Office(site, google, key, email)
        office.settings()
        yield office


ALL = {"E-MTAB-1": "external", "E-MTAB-2": "external", "E-MTAB-3": "loading"}


def test_the_script_with_the_flags_that_sites_are_used_to(office: Office) -> None:
    office.site.remove("etc")
    flags = "-s", "sources_config.json", "-g", "key.json", "-n", "DEV Ingest Status"
    done = office.site.end(office.site.start(*flags, program=SCRIPT, **{API: office.google.url}))
    assert (done.code, office.states()) == (0, ALL)
    assert "published google_sheets: https://docs.google.com/spreadsheets/d/" in done.out
    assert (office.site.root / "var/out/overview.html").exists()


# --------------------------------------------------------------------------- what goes wrong


def key_of(office: Office, change: Callable[[str], str]) -> None:
    path = office.site.root / "key.json"
    path.write_text(change(path.read_text()))


def unshare(office: Office, role: str = "none") -> None:
    office.google.share(office.key, office.email, role)


def protect(office: Office, status: int) -> None:
    office.run("crawl")
    office.google.ways = Ways(protected=status)
    office.site.fill("loading", ["E-MTAB-4"])
    office.curator.tab(TRACK).protect("curator@example.org")


def second(office: Office) -> None:
    other = office.google.create("DEV Ingest Status").book.key
    office.google.share(other, office.email)
    office.settings("DEV Ingest Status")


def fill(office: Office) -> None:
    office.curator.add_tab("huge", gridProperties={"rowCount": 997_390, "columnCount": 10})


def always(office: Office, fault: Fault) -> None:
    office.google.fail(fault, times=1000)


CAUSES: dict[str, tuple[Callable[[Office], object], str]] = {
    "a wrong key": (lambda o: o.settings("1aBcD" + "0" * 40), "there is no spreadsheet '1aBcD0"),
    "an unknown title": (lambda o: o.settings("No such"), "there is no spreadsheet 'No such' that robot@"),
    "two of one title": (second, "2 spreadsheets are called 'DEV Ingest Status'; give the key of one"),
    "not an address": (lambda o: o.settings("https://example.org/x"), "is not the address of a Google Sheet"),
    "it was deleted": (lambda o: o.google.files.pop(o.key), "was it deleted?"),
    "not shared": (unshare, "may not read the spreadsheet"),
    "shared to read": (lambda o: unshare(o, "reader"), "share it with that address, as editor"),
    "an API that is not enabled": (lambda o: o.google.disabled.add("sheets"), "enable it at https://console."),
    "protected, as it is": (lambda o: protect(o, 400), "is protected against robot@"),
    "protected, as documented": (lambda o: protect(o, 403), "protect"),
    "too many cells": (fill, "10,000,000"),
    "no quota for long": (lambda o: always(o, Fault(status=429, retry_after=60)), "Google answers 429"),
    "in trouble": (lambda o: always(o, Fault(status=503)), "Google answers 503"),
    "a page in place of an answer": (lambda o: always(o, Fault(html=True)), "Google answers 50"),
    "no answer": (lambda o: always(o, Fault(drop="before")), "Google cannot be reached, or breaks off"),
    "no file": (lambda o: (o.site.root / "key.json").rename(o.site.root / "k"), "cannot read the key file"),
    "no JSON": (lambda o: key_of(o, lambda text: text[:100]), "it is not JSON"),
    "an OAuth client": (lambda o: key_of(o, lambda text: '{"installed": {}}'), "is an OAuth client"),
    "half a key": (lambda o: key_of(o, lambda text: re.sub("MII.{99}", "MII", text)), "or not a whole one"),
}  # fmt: skip


@pytest.mark.parametrize("cause", CAUSES)
def test_what_goes_wrong_is_said_once_and_stops_nothing_else(office: Office, cause: str) -> None:
    break_it, message = CAUSES[cause]
    whole = (office.site.root / "key.json").read_text()
    files = dict(office.google.files)
    break_it(office)
    done = office.site.run("crawl", **{API: office.google.url})
    assert (done.code, done.out.count("failed google_sheets")) == (3, 1), done
    assert message in done.out
    assert "Traceback" not in done.out + done.err
    assert whole[200:260] not in done.out + done.err
    assert "published csv_files" in done.out
    assert "E-MTAB-3" in (office.site.root / "var/out/track_ingested_experiments.csv").read_text()
    (office.site.root / "key.json").write_text(whole)
    office.google.files = files
    office.google.disabled.clear()
    office.google._planned.clear()
    unshare(office, "writer")
    for tab in office.curator.book.sheets:
        tab.protected = [one for one in tab.protected if one.get("warningOnly")]
        if tab.title == "huge":
            office.curator.tab("huge").delete()
    office.settings()
    assert office.run("crawl").code == 0, "the next run goes on as if nothing had been"
    assert set(ALL) <= set(office.states())


def test_an_account_that_google_does_not_know(office: Office) -> None:
    office.google.service_account_file(office.site.root / "key.json", "other", known=False)
    done = office.run("sheet", "check")
    assert done.code == 1
    assert "Google does not accept the key of other@" in done.out


def test_the_doctor_looks_at_the_sheet_too(office: Office) -> None:
    assert office.run("crawl").code == 0
    done = office.run("doctor")
    assert (done.code, "sheet: writing" in done.out, "DEV Ingest Status" in done.out) == (0, True, True), done
    unshare(office, "reader")
    done = office.run("doctor", "--json")
    found = {line["what"]: line for line in json.loads(done.out)["checks"]}
    assert (done.code, found["sheet: spreadsheet"]["status"], found["sheet: writing"]["status"]) == (3, "ok", "failed")
    assert f"{office.email} may not write the spreadsheet" in found["sheet: writing"]["found"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("google_sheets: {sheet: x}", "needs an account that writes it"),
        ("google_sheets: {credentials: k}", "is required with credentials"),
        ("google_sheets: {sheet: x, credentials: k, patience: 0}", "google_sheets > patience"),
        ("google_sheets: {sheet: x, credentials: k, colour: red}", "unknown key 'colour'"),
        ("outputs: [google_sheets]", "google_sheets needs google_sheets > sheet"),
        ("curators_columns: [Status, Notes, notes]", "'status' is the title of a column that is filled in here"),
    ],
)
def test_mistakes_in_the_settings(office: Office, settings: str, message: str) -> None:
    office.site.write("etc/tracker.yaml", settings)
    done = office.run("config", "check")
    assert done.code == 2
    assert message in done.out


def test_requests_go_nowhere_but_to_this_machine_and_google(office: Office) -> None:
    done = office.site.run("crawl", **{API: "http://sheets.example.org"})
    assert done.code == 2
    assert f"{API}: is not an address of this machine" in done.err


# --------------------------------------------------------------------------- what it is for


def test_what_curators_write_is_shown_everywhere_and_goes_along(office: Office) -> None:
    assert office.run("crawl").code == 0
    tab = office.curator.tab(DISCOVER)
    tab.set("E-MTAB-2", "Notes", "=1+1").set("E-MTAB-1", "Notes", "call them").set_note("E-MTAB-1", "Notes", "ask")
    office.site.move("E-MTAB-1", "outside", "loading")
    assert office.run("crawl").code == 0
    track = office.curator.tab(TRACK)
    assert (track.text("E-MTAB-1", "Notes"), track.note("E-MTAB-1", "Notes")) == ("call them", "ask")
    assert "call them" in (office.site.root / "var/out/track_ingested_experiments.csv").read_text()
    assert "'=1+1" in (office.site.root / "var/out/discover_experiments.csv").read_text()
    assert office.run("why", "E-MTAB-1", "--json").json["annotations"] == {"Notes": "call them"}
    tab.delete()
    track.delete_columns("Notes")
    assert office.run("restore").code == 0
    assert office.curator.tab(DISCOVER).cell("E-MTAB-2", "Notes")["userEnteredValue"] == {"formulaValue": "=1+1"}
    assert track.text("E-MTAB-1", "Notes") == "call them"


def test_a_dry_run_tells_each_cell_and_writes_none(office: Office) -> None:
    office.run("crawl")
    office.curator.tab(TRACK).set("E-MTAB-3", "Status", "oops")
    office.google.log.reset()
    done = office.run("publish", "--dry-run", "--json")
    assert (done.code, office.google.log.writes) == (0, 0)
    change = {"tab": TRACK, "row": "E-MTAB-3", "column": "Status", "is": "oops", "becomes": "loading"}
    assert done.json["differences"] == [change]
    assert "oops" in office.run("publish", "--dry-run").out
    assert office.run("publish").code == 0
    assert office.states() == ALL


def test_two_runs_at_once_never_write_both(office: Office) -> None:
    office.google.fail(Fault(delay=3), when=lambda request: request.kind == "write")
    first = office.site.start("crawl", **{API: office.google.url})
    while not office.google.log.writes:
        time.sleep(0.05)
    assert office.run("publish").code == 75
    assert office.site.end(first).code == 0


@pytest.mark.parametrize("done", [False, True], ids=["before it is carried out", "after"])
def test_a_run_that_is_killed_while_it_writes(office: Office, done: bool) -> None:
    def slow(server: SheetsServer, request: Request) -> None:
        if request.kind == "write" and done:
            os.kill(process.pid, signal.SIGKILL)

    if not done:
        office.google.fail(Fault(delay=2, drop="before"), when=lambda request: request.kind == "write")
    office.google.between = slow
    process = office.site.start("crawl", **{API: office.google.url})
    while not office.google.log.writes:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    office.google.between = None
    assert office.run("crawl").code == 0
    assert office.states() == ALL


def test_the_past_comes_into_tabs_of_its_own(office: Office) -> None:
    office.run("crawl")
    office.curator.tab(DISCOVER).set("E-MTAB-1", "Notes", "then")
    office.run("publish")
    then = datetime.now(UTC).isoformat()
    office.curator.tab(DISCOVER).set("E-MTAB-1", "Notes", "now")
    office.site.move("E-MTAB-2", "outside", "loading")
    office.run("crawl")
    script = [sys.executable, str(PAGE.parents[1] / "workflows" / "restore_overview.py")]
    past = office.site.end(office.site.start("--as-of", then, program=script, **{API: office.google.url}))
    assert past.code == 0, past
    tab = next(title for title in office.curator.titles if title.startswith(f"{DISCOVER} as of"))
    rows = {row["Accession"]: row["Notes"] for row in office.curator.tab(tab).records()}
    assert rows == {"E-MTAB-1": "then", "E-MTAB-2": ""}
    assert office.states() == {**ALL, "E-MTAB-2": "loading"}
    assert office.curator.tab(DISCOVER).text("E-MTAB-1", "Notes") == "now"


@pytest.mark.parametrize("allowed", [False, True])
def test_access_keys_stand_in_the_sheet_only_where_that_is_wanted(office: Office, allowed: bool) -> None:
    office.site.fill("published", ["E-MTAB-5"])
    office.site.configure({**SOURCES, "published": {"stage": ["published"], "tech": ["bulk"]}})
    office.site.curation({}, [("E-MTAB-5", True, "hush-hush")])
    office.site.write("databases.json", {"gxpatlaspro": {"dbtype": "sqlite", "path": "gxpatlaspro.db"}})
    text = SETTINGS.format(sheet=office.key).replace("patience: 2", f"patience: 2, access_keys: {str(allowed).lower()}")
    office.site.write("etc/tracker.yaml", text + "databases: ../databases.json\n")
    done = office.run("crawl")
    assert done.code == 0
    assert ("hush-hush" in office.curator.tab(TRACK).text("E-MTAB-5", "Web Link")) is allowed
    assert "hush-hush" not in done.out + done.err
    files = [path for path in (office.site.root / "var").rglob("*") if path.is_file()]
    assert [path for path in files if b"hush-hush" in path.read_bytes()] == []
    assert office.run("publish").code == 0
    assert office.google.log.writes == 1, "it is asked for again, and nothing has changed"
    assert office.run("restore", "--as-of", "2999-01-01").code == 0
    past = next(title for title in office.curator.titles if title.startswith(f"{TRACK} as of"))
    assert "hush-hush" not in str(office.curator.tab(past).texts())


def test_the_commands_of_the_page_work_in_their_order(office: Office) -> None:
    office.site.remove("etc")
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    script = "set -e\n" + "\n".join(blocks).replace("./run tracker", "python -m app.cli").replace(
        "./run crawl", "python -m app.cli crawl"
    )
    told = os.environ | {API: office.google.url, "SHEET": office.key, "KEY_FILE": "key.json"}
    told |= {"PYTHONPATH": str(PAGE.parents[1]), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=office.site.root, env=told, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert office.states() == ALL
