"""Folders on the web, collections and single documents: what is asked for, what is not, and what hostile ones gain."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.catalogue import LogEntry
from app.domain.model import LogStatus, Severity
from app.errors import SourceError
from app.sources import waf
from tests.harvest.scripted import counted
from tests.servers.folders import LONG_AGO, Folders, served
from tests.servers.website import Website
from tests.sources.contract import WITHOUT_PATIENCE, Desk, Doc, Study, Waf, WafCollection, iso, studies
from tests.sources.test_listings import bucket, page

SUCCEEDED, FAILED = LogStatus.SUCCEEDED, LogStatus.FAILED


@pytest.fixture
def nginx() -> Iterator[Folders]:
    with served("nginx") as server:
        yield server


class Asked:
    """What was asked of a server since the last time."""

    def __init__(self, server: Folders) -> None:
        self._server, self._before = server, 0

    def __call__(self) -> list[tuple[str, int]]:
        """Path and status; documents in no order."""
        told = [(path, status) for path, _, status in self._server.requests]
        new, self._before = told[self._before :], len(told)
        return sorted(new)


# --------------------------------------------------------------------------- what is asked for


@pytest.mark.parametrize(
    ("name", "dated"),
    [("nginx", True), ("apache-table", True), ("apache-pre", True), ("apache-plain", False), ("python", False)],
)
def test_what_did_not_change_is_not_sent_again(name: str, dated: bool, tmp_path: Path) -> None:
    with served(name) as server:
        world, asked = Waf(server), Asked(server)
        desk = Desk(world, tmp_path)
        world.shows(*studies(1, 2, 3))
        desk.harvest()
        asked()
        assert counted(desk.harvest()) == {"seen": 3, "unchanged": 3}
        again = [("/waf/", 200)]
        assert asked() == (again if dated else again + [(f"/waf/S-{n}.xml", 304) for n in (1, 2, 3)])
        world.shows(*studies(1, 3), *studies(2, says="Another"))
        assert counted(desk.harvest()) == {"seen": 3, "changed": 1, "unchanged": 2}
        assert asked() == (
            [("/waf/", 200), ("/waf/S-2.xml", 200)]
            if dated
            else [("/waf/", 200), ("/waf/S-1.xml", 304), ("/waf/S-2.xml", 200), ("/waf/S-3.xml", 304)]
        )


def test_the_date_of_what_changed_a_short_while_ago_proves_nothing(nginx: Folders, tmp_path: Path) -> None:
    world, asked = Waf(nginx), Asked(nginx)
    desk = Desk(world, tmp_path)
    now = time.time() // 60 * 60 - 3_600
    nginx.write("waf/S-1.xml", iso(Study("S-1", "Study 1")), at=now + 1)
    desk.harvest()
    asked()
    nginx.write("waf/S-1.xml", iso(Study("S-1", "Study 2")), at=now + 2)
    assert counted(desk.harvest()) == {"seen": 1, "changed": 1}, "in the same minute, and of the same length"
    assert asked() == [("/waf/", 200), ("/waf/S-1.xml", 200)]
    assert counted(desk.harvest()) == {"seen": 1, "unchanged": 1}
    assert asked() == [("/waf/", 200), ("/waf/S-1.xml", 304)]


def test_a_server_that_says_nothing_of_dates_is_asked_for_all(website: Website, tmp_path: Path) -> None:
    desk = Desk(OnWebsite(website), tmp_path)
    website.serve("/waf/", page('<a href="a.xml">a</a>').encode())
    website.serve("/waf/a.xml", iso(Study("a", "A")))
    assert counted(desk.harvest()) == {"seen": 1, "new": 1}
    assert counted(desk.harvest()) == {"seen": 1, "unchanged": 1}, "by what it says"
    assert [request.path for request in website.requests] == ["/waf/", "/waf/a.xml"] * 2


def test_folders_within_are_followed_as_deep_as_is_wanted(nginx: Folders, tmp_path: Path) -> None:
    for path in ("1", "a/2", "a/b/3", "a/b/c/4"):
        nginx.write(f"waf/{path}.xml", iso(Study(path, f"Study {path}")))
    nginx.write("waf/a/notes.txt", b"")
    nginx.write("waf/a/LOUD.XML", iso(Study("loud", "Loud")))
    (tmp_path / "shallow").mkdir()
    (tmp_path / "deep").mkdir()
    deep = Desk(Waf(nginx), tmp_path / "deep")
    assert counted(deep.harvest()) == {"seen": 5, "new": 5}
    shallow = Desk(Waf(nginx), tmp_path / "shallow", depth=1)
    log = shallow.harvest()
    assert (log.status, log.whole, log.counters.seen) == (SUCCEEDED, False, 3)
    assert "1 folders deep" in messages(shallow, log)[0]


def test_names_are_chosen_by_patterns(nginx: Folders, tmp_path: Path) -> None:
    for name in ("a.xml", "a.iso.xml", "b.JSON"):
        nginx.write(f"waf/{name}", iso(Study(name, name)))
    desk = Desk(Waf(nginx), tmp_path, patterns=["*.iso.xml", "b.*"])
    assert counted(desk.harvest())["seen"] == 2


# --------------------------------------------------------------------------- what goes wrong


class OnWebsite(Waf):
    """A folder on a server that says whatever a test wants it to."""

    def __init__(self, website: Website, path: str = "/waf/") -> None:
        self._website, self._path = website, path

    def entry(self) -> tuple[str, dict[str, Any]]:
        return self._website.url(self._path), WITHOUT_PATIENCE

    def study(self, identifier: str) -> str:
        return identifier.removeprefix(self._website.url())


def messages(desk: Desk, log: LogEntry) -> list[str]:
    return [each.message for each in desk.store.harvests.problems(log.id) if each.severity is Severity.ERROR]


def test_what_is_listed_and_cannot_be_had_is_its_own_problem_and_not_gone(nginx: Folders, tmp_path: Path) -> None:
    world = Waf(nginx)
    desk = Desk(world, tmp_path)
    world.shows(*studies(1, 2, 3))
    desk.harvest()
    world.shows(*studies(1, 3), *studies(2, says="Another"))
    nginx.trouble("waf/S-2.xml")
    log = desk.harvest()
    assert (log.status, counted(log)) == (SUCCEEDED, {"seen": 3, "unchanged": 3, "failed": 1})
    assert messages(desk, log) == ["answered 503: its server is in trouble; try again later"]
    nginx.trouble()
    assert counted(desk.harvest()) == {"seen": 3, "unchanged": 2, "changed": 1}, "it is asked for until it comes"


def test_many_that_cannot_be_had_for_good_do_not_fail_the_run(website: Website, tmp_path: Path) -> None:
    website.serve("/waf/", page(*(f'<a href="{n}.xml">{n}</a>' for n in range(20))).encode())
    desk = Desk(OnWebsite(website), tmp_path)
    log = desk.harvest()
    assert (log.status, log.counters.failed) == (SUCCEEDED, 20)
    assert set(messages(desk, log)) == {"answered 404: check the address"}


def test_a_folder_within_that_cannot_be_read_makes_nothing_gone(nginx: Folders, tmp_path: Path) -> None:
    world = Waf(nginx)
    desk = Desk(world, tmp_path)
    nginx.write("waf/1.xml", iso(Study("1", "One")))
    nginx.write("waf/sub/2.xml", iso(Study("2", "Two")))
    nginx.write("waf/3.xml", iso(Study("3", "Three")))
    assert counted(desk.harvest()) == {"seen": 3, "new": 3}
    nginx.write("waf/sub/index.html", b"<html><body>Under maintenance</body></html>")
    nginx.remove("waf/3.xml")
    log = desk.harvest()
    assert (log.status, log.whole, log.counters.gone) == (SUCCEEDED, False, 0)
    (message,) = messages(desk, log)
    assert message.startswith("does not look like a folder")
    assert message.endswith("what it holds cannot be told, so none counts as gone")


def test_a_folder_that_leads_back_to_itself_ends(website: Website, tmp_path: Path) -> None:
    loop = page(
        '<a href="./">again</a>', '<a href="sub/">sub</a>', '<a href="sub/../sub/">sub</a>', '<a href="a.xml">a</a>'
    )
    website.serve("/waf/", loop.encode())
    website.serve(
        "/waf/sub/", page('<a href="../">up</a>', '<a href="/waf/sub/">sub</a>', '<a href="/waf/">top</a>').encode()
    )
    website.serve("/waf/a.xml", iso(Study("a", "A")))
    desk = Desk(OnWebsite(website), tmp_path)
    assert counted(desk.harvest()) == {"seen": 1, "new": 1}
    assert sorted(request.path for request in website.requests) == ["/waf/", "/waf/a.xml", "/waf/sub/"]


def test_a_folder_without_bottom_ends_where_it_is_too_deep(tmp_path: Path) -> None:
    class Bottomless(Website):
        def answer(self, request: Any) -> Any:
            self.serve(request.path, page('<a href="deeper/">deeper</a>', '<a href="deeper2/">deeper</a>').encode())
            return super().answer(request)

    with Bottomless() as website:
        desk = Desk(OnWebsite(website), tmp_path, depth=3)
        log = desk.harvest()
        assert (log.status, log.whole, len(website.requests)) == (SUCCEEDED, False, 1 + 2 + 4 + 8)


@pytest.mark.parametrize("where", ["elsewhere", "above"])
def test_neither_folders_nor_documents_lead_elsewhere(website: Website, tmp_path: Path, where: str) -> None:
    with Website() as other:
        away = other.url("/waf/") if where == "elsewhere" else website.url("/secret/")
        for site in (other, website):
            site.serve("/waf/x.xml", iso(Study("x", "Not ours")))
            site.serve("/secret/", page('<a href="x.xml">x</a>').encode())
        website.serve("/waf/", page('<a href="sub/">sub</a>', '<a href="a.xml">a</a>').encode())
        website.serve("/waf/sub/", status=302, headers={"Location": away})
        website.serve("/waf/a.xml", status=302, headers={"Location": other.url("/waf/x.xml")})
        desk = Desk(OnWebsite(website), tmp_path)
        log = desk.harvest()
    assert (log.status, log.whole, log.counters.seen) == (SUCCEEDED, False, 0)
    lost, away_ = sorted(messages(desk, log), key=len, reverse=True)
    assert lost.startswith("leads out of the folder, to http://127.0.0.1:") or lost.startswith("redirects to")
    assert away_ == "leads to another server"


def test_a_hundred_thousand_documents_are_counted(website: Website, tmp_path: Path) -> None:
    rows = "\n".join(f'<a href="{n}.xml">{n}</a>   2020-01-31 09:05   4321' for n in range(100_000))
    website.serve("/waf/", page(rows).encode())
    desk = Desk(OnWebsite(website), tmp_path)
    assert desk.catalogue.probe() == "100,000 records"


def test_a_bucket_is_read_page_by_page(website: Website, tmp_path: Path) -> None:
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>2</NextContinuationToken>"
    website.serve("/b?list-type=2", bucket("1.xml", "notes.txt", more=more))
    website.serve("/b?list-type=2&continuation-token=2", bucket("sub/2.xml"))
    for name in ("1", "sub/2"):
        website.serve(f"/b/{name}.xml", iso(Study(name, f"Study {name}")))
    desk = Desk(OnWebsite(website, "/b?list-type=2"), tmp_path)
    assert counted(desk.harvest()) == {"seen": 2, "new": 2}
    assert [*desk.shown()] == ["b/1.xml", "b/sub/2.xml"]
    website.requests.clear()
    assert counted(desk.harvest()) == {"seen": 2, "unchanged": 2}
    assert len(website.requests) == 2, "the pages alone"


def test_a_bucket_that_never_ends_is_given_up(
    website: Website, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waf, "PAGES", 5)
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>2</NextContinuationToken>"
    website.serve("/b/", bucket("1.xml", more=more))
    website.serve("/b/1.xml", iso(Study("1", "One")))
    log = Desk(OnWebsite(website, "/b/"), tmp_path).harvest()
    assert log.status is FAILED
    assert log.error_message.endswith("/b/ goes on for more than 5 pages")


# --------------------------------------------------------------------------- collections


@pytest.mark.parametrize("parent", ["waf/all.xml", "elsewhere/all.xml"])
def test_children_carry_the_address_of_their_collection_which_is_none_of_them(
    nginx: Folders, tmp_path: Path, parent: str
) -> None:
    world = WafCollection(nginx, parent)
    world.shows(*studies(1, 2))
    desk = Desk(world, tmp_path)
    assert counted(desk.harvest()) == {"seen": 3, "new": 3}
    told = {each.identifier: each.facts.more.get("parent") for each in desk.store.harvests.shown("catalogue")}
    above = nginx.url(parent)
    assert told == {above: None, nginx.url("waf/S-1.xml"): above, nginx.url("waf/S-2.xml"): above}
    assert desk.catalogue.probe() == "2 records beside the collection's own"


@pytest.mark.parametrize("how", ["missing", "down", "no metadata", "no title"])
def test_without_its_collection_no_child_is_harvested(nginx: Folders, tmp_path: Path, how: str) -> None:
    world = WafCollection(nginx, "all.xml")
    world.shows(*studies(1, 2))
    desk, asked = Desk(world, tmp_path), Asked(nginx)
    desk.harvest()
    world.shows(*studies(1), *studies(2, says="Another"))
    asked()
    if how == "missing":
        nginx.remove("all.xml")
    elif how == "down":
        nginx.trouble("all.xml")
    else:
        body = b"<html/>" if how == "no metadata" else iso(Study("all", "", good=False))
        nginx.write("all.xml", body, at=LONG_AGO + 1)
    log = desk.harvest()
    assert (log.status, counted(log)) == (FAILED, {})
    assert [path for path, _ in asked()] == ["/all.xml"]
    assert len(desk.shown()) == 2
    with pytest.raises(SourceError):
        desk.catalogue.probe()


# --------------------------------------------------------------------------- single documents


def test_a_document_is_one_record_and_never_gone(nginx: Folders, tmp_path: Path) -> None:
    world, asked = Doc(nginx), Asked(nginx)
    world.shows(*studies(1))
    desk = Desk(world, tmp_path)
    assert counted(desk.harvest()) == {"seen": 1, "new": 1}
    asked()
    assert counted(desk.harvest()) == {"seen": 1, "unchanged": 1}
    assert asked() == [("/waf/S-1.xml", 304)]
    world.shows(*studies(1, says="Another"))
    assert counted(desk.harvest()) == {"seen": 1, "changed": 1}
    assert desk.shown() == {"S-1": "Another 1"}
    assert desk.catalogue.probe() == "1 record: Another 1"
    world.shows()
    log = desk.harvest()
    assert (log.status, counted(log)) == (FAILED, {})
    assert log.error_message.endswith("answered 404: check the address")
    assert desk.shown() == {"S-1": "Another 1"}


def test_a_document_that_is_no_metadata_is_its_own_problem(nginx: Folders, tmp_path: Path) -> None:
    nginx.write("waf/S-1.xml", b"<html/>")
    desk = Desk(Doc(nginx), tmp_path)
    log = desk.harvest()
    assert (log.status, counted(log)) == (SUCCEEDED, {"seen": 1, "new": 1, "failed": 1})
    assert messages(desk, log) == ["is no metadata of a standard that is known here: its root is html"]
