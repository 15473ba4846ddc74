"""Sources that are added, changed, disabled and taken away by commands, and what is private of them."""

from __future__ import annotations

import json
import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.site import Site
from tests.end_to_end.site import states as standings
from tests.end_to_end.watching import configured, until, watching
from tests.servers.postgres import Postgres
from tests.servers.website import Website
from tests.sources.contract import Study, dcat_us, iso
from tests.sources.test_documents import csdgm
from tests.sources.test_listings import bucket, page

STUDIES = {"data": [{"identifier": "S-1", "title": "First", "links": ["E-MTAB-9"]}, {"identifier": "S-2"}]}
AS_LISTING = ("--kind", "json-listing", "--option", "items=data", "--option", 'identifiers=["links"]')
HERE = ("--option", "allow_private_addresses=true")
SECRET = "open-sesame"


@pytest.fixture
def site(tmp_path: Path, website: Website) -> Site:
    site = Site(tmp_path)
    site.fill("loading", ["E-MTAB-1"])
    site.fill("more", ["E-MTAB-2"])
    site.configure({"loading": {"stage": ["loading"]}})
    website.serve("/studies.json", json.dumps(STUDIES).encode())
    return site


def listed(site: Site) -> dict[str, dict[str, Any]]:
    return {source["name"]: source for source in site.run("sources", "list", "--json").json["sources"]}


def states(site: Site) -> dict[str, str]:
    """After a crawl."""
    site.run("crawl")
    return standings(site.standing())


def with_key(site: Site) -> Path:
    (site.root / "etc").mkdir()
    assert site.run("keys", "new", "etc/keys").code == 0
    site.write("etc/tracker.yaml", "harvest: {key_file: keys}\n")
    return site.root / "etc/keys"


# --------------------------------------------------------------------------- what is tracked


def test_what_is_added_is_crawled_with_the_rest_until_it_is_deleted(site: Site, website: Website) -> None:
    done = site.run("sources", "add", website.url("/studies.json"), "--name", "studies", *AS_LISTING, *HERE)
    assert (done.code, done.out) == (0, "studies is tracked from now on: 2 records\n")
    assert site.run("sources", "add", "more", "--stage", "analysing").code == 0
    assert {name: source["named_by"] for name, source in listed(site).items()} == {
        "loading": "the file",
        "studies": "the store",
        str(site.root / "more"): "the store",
    }
    assert states(site) == {"E-MTAB-1": "loading", "E-MTAB-9": "external", "E-MTAB-2": "analysing"}
    assert site.run("sources", "delete", "more").code == 0
    assert site.run("crawl").code == 4, "it is gone as a whole, which somebody has to confirm"
    assert site.run("crawl", "--confirm", str(site.root / "more")).code == 0
    assert states(site) == {"E-MTAB-1": "loading", "E-MTAB-9": "external"}


def test_what_cannot_be_read_is_not_added_unless_that_is_wanted(site: Site, website: Website) -> None:
    address = website.url("/nothing.json")
    done = site.run("sources", "add", address, *AS_LISTING, *HERE)
    assert done.code == 2
    assert done.message.endswith("answered 404: check the address. Nothing is changed; --no-check does it all the same")
    assert [*listed(site)] == ["loading"]
    assert site.run("sources", "add", address, "--no-check", *AS_LISTING, *HERE).code == 0
    assert [*listed(site)] == ["loading", address]


def test_all_that_is_wrong_with_it_is_said_at_once(site: Site) -> None:
    done = site.run("sources", "add", "more", "--stage", "lodaing", "--schedule", "often", "--rate-limit", "1 a year")
    assert done.code == 2
    assert "unknown state 'lodaing'; did you mean 'loading'?" in done.err
    assert "schedule: is not a schedule" in done.err
    assert "rate_limit: is not a rate; allowed: `30 a minute`" in done.err
    again = site.run("sources", "add", "loading")
    assert (again.code, "the new source: loading: is the same place as loading" in again.err) == (2, True)
    assert [*listed(site)] == ["loading"]


def test_what_the_file_names_is_changed_there_alone(site: Site) -> None:
    for change in (("edit", "loading", "--stage", "external"), ("delete", "loading")):
        assert site.run("sources", *change).message == "loading is named by the file of sources: change it there"
    assert site.run("sources", "add", "more", "--name", "more").code == 0
    site.configure({"loading": {"stage": ["loading"]}, "more": {"stage": ["processed"]}})
    assert listed(site)["more"]["named_by"] == "the file", "which is the truth for what it names"
    assert states(site) == {"E-MTAB-1": "loading", "E-MTAB-2": "processed"}


def test_what_is_changed_keeps_the_rest(site: Site) -> None:
    given = ("--name", "more", "--stage", "analysing", "--tech", "sc", "--schedule", "every 2 hours")
    assert site.run("sources", "add", "more", *given).code == 0
    assert site.run("sources", "edit", "more", "--stage", "processed").code == 0
    more = listed(site)["more"]
    assert (more["stage"], more["tech"]) == ("processed", ["sc"])
    assert "more every 2 hours" in site.run("doctor").out
    with closing(sqlite3.connect(site.root / "var/ingest-tracker.db")) as store:
        found = store.execute("SELECT version, interval FROM source_config WHERE label = 'more'").fetchone()
    assert found == ("000.000.001", "every 2 hours")
    assert site.run("sources", "edit", "more", "--schedule", "").code == 0
    assert "more every 2 hours" not in site.run("doctor").out


def test_what_is_disabled_is_not_read_and_stays_as_it_is(site: Site) -> None:
    assert site.run("sources", "add", "more", "--name", "more", "--stage", "loading").code == 0
    assert states(site) == {"E-MTAB-1": "loading", "E-MTAB-2": "loading"}
    for source in ("more", "loading"):
        assert site.run("sources", "disable", source).code == 0
    site.remove("more")
    site.fill("loading", ["E-MTAB-3"])
    assert states(site) == {"E-MTAB-1": "loading", "E-MTAB-2": "loading"}
    assert site.run("crawl", "--source", "more").message.startswith("more: disabled; `sources enable`")
    assert site.run("sources", "enable", "loading").code == 0
    assert states(site) == {"E-MTAB-1": "loading", "E-MTAB-2": "loading", "E-MTAB-3": "loading"}


def test_a_file_of_sources_is_added_as_a_whole_or_not_at_all(site: Site) -> None:
    site.write("others/more.json", {"../more": {"stage": ["analysing"], "name": "more"}, "nowhere": {"stage": "lost"}})
    assert "unknown state 'lost'" in site.run("sources", "import", "others/more.json").message
    assert [*listed(site)] == ["loading"]
    for stage in ("analysing", "processed"):
        site.write("others/more.json", {"../more": {"stage": [stage], "name": "more"}})
        assert site.run("sources", "import", "others/more.json").out == "1 source is tracked from now on\n"
        assert listed(site)["more"]["stage"] == stage
    assert listed(site)["more"]["location"] == str(site.root / "more")
    site.write("others/more.json", "{")
    assert site.run("sources", "import", "others/more.json").message.startswith("others/more.json is not JSON")


def test_every_source_is_counted_and_nothing_of_it_kept(site: Site, website: Website) -> None:
    assert site.run("sources", "add", website.url("/studies.json"), "--name", "studies", *AS_LISTING, *HERE).code == 0
    assert site.run("sources", "add", website.url("/lost.json"), "--no-check", *AS_LISTING, *HERE).code == 0
    done = site.run("sources", "analyse", "--json")
    assert done.code == 3
    rows = {row["name"]: row for row in done.json["sources"]}
    assert {**rows["studies"], "seconds": 0} == {
        "name": "studies", "kind": "json-listing", "status": "ok", "records": 2, "understood": 1, "problems": 1,
        "seconds": 0, "found": "2 records",
    }  # fmt: skip
    assert rows["loading"]["found"] == "1 folder and 0 flat datasets"
    assert rows["loading"]["records"] is None, "it has none that could be counted"
    assert "answered 404" in rows[website.url("/lost.json")]["found"]
    assert site.run("runs", "--json").json["harvests"] == []


def test_they_are_kept_on_postgresql_too(site: Site, postgres: Postgres) -> None:
    store = postgres.create_database()
    given = ("--name", "more", "--stage", "analysing", "--rate-limit", "30 a minute", "--schedule", "every 2 hours")
    assert site.run("crawl", "--store", store).code == 0
    assert site.run("sources", "add", "more", *given, "--store", store).code == 0
    assert site.run("sources", "disable", "loading", "--store", store).code == 0
    found = site.run("sources", "list", "--json", "--store", store).json["sources"]
    assert [(row["name"], row["enabled"]) for row in found] == [("loading", False), ("more", True)]
    assert site.run("crawl", "--store", store, "--json").json["problems"] == []


# --------------------------------------------------------------------------- what is private


def test_a_login_is_asked_for_sealed_and_sent_and_never_shown(site: Site, website: Website) -> None:
    given = ("--name", "studies", *AS_LISTING, *HERE, "--option", "login.user=me", "--private", "login.password")
    address = website.url("/studies.json")
    refused = site.told(SECRET + "\n", "sources", "add", address, *given)
    assert (refused.code, refused.out) == (2, "")
    assert "private options need a key: `keys new FILE` makes one" in refused.err
    keys = with_key(site)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert site.told("", "sources", "add", address, *given).message.startswith("--private login.password is read")
    done = site.told(SECRET + "\n", "sources", "add", address, *given)
    assert (done.code, done.err) == (0, "")
    website.requests.clear()
    for command in (("sources", "check"), ("harvest", "studies"), ("crawl",), ("runs",), ("doctor",), ("-v", "crawl")):
        ran = site.run(*command)
        assert SECRET not in ran.out + ran.err, command
    assert {request.headers["authorization"] for request in website.requests} == {"Basic bWU6b3Blbi1zZXNhbWU="}
    everything = b"".join(path.read_bytes() for path in (site.root / "var").rglob("*") if path.is_file())
    assert SECRET.encode() not in everything
    assert b"bWU6b3Blbi1zZXNhbWU" not in everything


def test_keys_are_changed_without_losing_what_they_sealed(site: Site, website: Website) -> None:
    keys = with_key(site)
    first = keys.read_text()
    given = ("--name", "studies", *AS_LISTING, *HERE, "--private", "login.token")
    assert site.told(SECRET + "\n", "sources", "add", website.url("/studies.json"), *given).code == 0
    assert site.run("keys", "new", "etc/keys").message.startswith("etc/keys is there already")
    done = site.run("keys", "rotate")
    assert done.out.startswith("what is private of 1 source is sealed anew; ")
    assert len(keys.read_text().split()) == 1
    assert keys.read_text() != first
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert site.run("sources", "check").code == 0
    assert website.requests[-1].headers["authorization"] == f"Bearer {SECRET}"
    last = keys.read_text()
    keys.write_text(first)
    assert site.run("sources", "list").message.startswith("studies: none of the keys is the one")
    keys.write_text(first + last)
    assert site.run("sources", "check").code == 0, "as where it was interrupted"
    keys.unlink()
    assert "etc/keys" not in site.run("sources", "check", INGEST_TRACKER_KEYS=f"{first} {last}").err
    assert site.run("keys", "rotate", INGEST_TRACKER_KEYS=f"{first} {last}").code == 0
    assert site.run("sources", "check", INGEST_TRACKER_KEYS=first).code == 0
    keys.write_text("nonsense")
    assert site.run("sources", "list").message == "studies: a key is none that `keys new` made"


def test_a_login_in_the_file_may_come_from_elsewhere(site: Site, website: Website) -> None:
    entry = {"stage": "external", "kind": "json-listing", "items": "data", "allow_private_addresses": True}
    address = website.url("/studies.json")
    site.write("secret.txt", SECRET + "\n")
    for login in ({"user": "me", "password_file": "secret.txt"}, {"user": "me", "password_env": "STUDIES"}):
        site.configure({address: {**entry, "login": login}})
        done = site.run("crawl", STUDIES=SECRET)
        assert done.code == 0, done
        assert website.requests[-1].headers["authorization"] == "Basic bWU6b3Blbi1zZXNhbWU="
    assert "login > password_env: the environment variable STUDIES is not set" in site.run("crawl").message
    everything = b"".join(path.read_bytes() for path in (site.root / "var").rglob("*") if path.is_file())
    assert SECRET.encode() not in everything


# --------------------------------------------------------------------------- a daemon


def test_a_daemon_that_is_told_reads_what_was_added(site: Site) -> None:
    with watching(site, configured(site)) as daemon:
        until(lambda: daemon.states() == {"E-MTAB-1": "loading"})
        assert site.run("sources", "add", "more", "--stage", "analysing").code == 0
        assert site.run("sources", "disable", "loading").code == 0
        daemon.send(signal.SIGHUP)
        until(lambda: daemon.states() == {"E-MTAB-1": "loading", "E-MTAB-2": "analysing"})
        site.fill("loading", ["E-MTAB-3"])
        site.fill("more", ["E-MTAB-4"])
        until(lambda: "E-MTAB-4" in daemon.states())
        assert "E-MTAB-3" not in daemon.states()
        assert daemon.end() == 0


def test_a_catalogue_that_takes_its_time_holds_nothing_up(site: Site, website: Website) -> None:
    entry = {"stage": "external", "kind": "json-listing", "name": "studies", "items": "data", "identifiers": ["links"]}
    listing = website.url("/studies.json")
    site.configure(
        {"loading": {"stage": ["loading"]}, listing: {**entry, "allow_private_addresses": True, "retries": 0}}
    )
    website.serve("/studies.json", json.dumps(STUDIES).encode(), hang=True)
    with watching(site, configured(site, "schedule: every 3 seconds")) as daemon:
        until(lambda: website.requests)
        site.fill("loading", ["E-MTAB-3"])
        until(lambda: daemon.states() == {"E-MTAB-1": "loading", "E-MTAB-3": "loading"}, 5)
        assert daemon.end() == 0
    (log,) = site.run("runs", "--source", "studies", "--json").json["harvests"]
    assert log["status"] == "cancelled"
    website.serve("/studies.json", json.dumps(STUDIES).encode())
    with watching(site, configured(site, "schedule: every 3 seconds")) as daemon:
        until(lambda: daemon.states().get("E-MTAB-9") == "external", 20)
        website.serve("/studies.json", json.dumps({"data": [{"identifier": "S-3", "title": "Third"}]}).encode())
        until(lambda: daemon.states() == {"E-MTAB-1": "loading", "E-MTAB-3": "loading", "studies:S-3": "external"}, 20)
        website.serve("/studies.json", status=503)
        assert "answered 503" in daemon.says("studies cannot be read: ")
        assert daemon.end() == 0


# --------------------------------------------------------------------------- what an address looks like


@pytest.mark.parametrize(
    ("body", "kind", "looks", "found"),
    [
        (page('<a href="a.xml">a.xml</a>  2026-01-31 09:05').encode(), "waf", "a folder", "1 record"),
        (bucket("a.xml", "b.txt"), "waf", "a folder", "1 record"),
        (iso(Study("S-1", "Meadows")), "doc", "a metadata document as ISO 19139 has it", "1 record: Meadows"),
        (csdgm(title="Lakes"), "doc", "a metadata document as FGDC CSDGM has it", "1 record: Lakes"),
        (json.dumps({"dataset": [dcat_us(Study("S-1", "Meadows"))]}).encode(), "data-json",
         "a catalogue as DCAT-US has it", "1 record"),
        (json.dumps([dcat_us(Study("S-1", "Meadows"))]).encode(), "data-json",
         "a catalogue as DCAT-US 1.0 has it", "1 record"),
    ],
)  # fmt: skip
def test_the_kind_of_an_address_is_told_by_what_is_there(
    site: Site, website: Website, body: bytes, kind: str, looks: str, found: str
) -> None:
    place = website.url("/there/")
    website.serve("/there/", body)
    done = site.run("sources", "add", place, *HERE)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"{place} looks like {looks}, and is read as one (--kind {kind})",
        f"{place} is tracked from now on: {found}",
    ]
    assert listed(site)[place]["kind"] == kind


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (json.dumps(STUDIES).encode(), "holds JSON with data, identifier, title, links, which no kind takes for its "
                                       "own: if it lists datasets, --kind json-listing reads it"),
        (b"<html><body>Under maintenance</body></html>", "is a page, and not that of a folder"),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'/>", "holds XML of another kind"),
        (b"\x89PNG", "is neither JSON nor XML"),
    ],
)  # fmt: skip
def test_what_looks_like_nothing_is_not_added_and_what_was_found_is_said(
    site: Site, website: Website, body: bytes, why: str
) -> None:
    website.serve("/there/", body)
    done = site.run("sources", "add", website.url("/there/"), *HERE)
    assert (done.code, done.out) == (2, "")
    assert why in done.message
    assert done.message.endswith("--kind names one of data-json, doc, experiments-json, filesystem, json-listing, waf, "
                                 "waf-collection")  # fmt: skip
    assert [*listed(site)] == ["loading"]


def test_an_address_that_cannot_be_asked_has_no_look(site: Site, website: Website) -> None:
    done = site.run("sources", "add", website.url("/nothing/"), *HERE)
    assert done.code == 2
    assert "answered 404: check the address. Nothing is changed; --kind and --no-check" in done.message
    done = site.run("sources", "add", website.url("/nothing/"))
    assert "leads to 127.0.0.1, a loopback address" in done.message


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("doc", "its root is html: is this the address of a metadata document? Nothing is changed; --no-check does"),
        (
            "waf",
            "does not look like a folder: it has no links to what is in it: is this the address of a folder? Nothing",
        ),
        ("data-json", "is no JSON, or ends in the middle"),
    ],
)
def test_a_kind_that_does_not_fit_says_what_it_misses(site: Site, website: Website, kind: str, why: str) -> None:
    website.serve("/page/", b"<html><body>Under maintenance</body></html>")
    done = site.run("sources", "add", website.url("/page/"), "--kind", kind, *HERE)
    assert (done.code, done.out, why in done.message) == (2, "", True), done.message
