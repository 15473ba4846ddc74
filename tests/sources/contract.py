"""What every kind of catalogue is tried with: a place that shows what a test says, and fails as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from xml.sax.saxutils import escape

import app
from app.config import Config
from app.domain.catalogue import Asked, LogEntry
from app.domain.model import SourceConfig
from app.harvest import Harvest
from app.ports import Catalogue, Store
from app.sources import opener
from app.store import open_store
from tests.harvest.scripted import Clock
from tests.servers.folders import SERVERS, Folders, served
from tests.servers.website import Website
from tests.store.crawls import LIFECYCLE


@dataclass(frozen=True, slots=True)
class Study:
    """What a record tells; `good` False: it is there, and cannot be used."""

    identifier: str
    title: str
    good: bool = True


def studies(*numbers: int, says: str = "Study") -> list[Study]:
    return [Study(f"S-{number}", f"{says} {number}") for number in numbers]


class World(Protocol):
    """A place of one kind. Each method says what it does from then on."""

    kind: str
    wrong: Mapping[str, Any]
    """An option as nobody may give it"""
    besides: int
    """Records that it shows beside studies"""

    def study(self, identifier: str) -> str:
        """Which one has this identifier; empty for what is none of them."""
        ...

    def entry(self) -> tuple[str, dict[str, Any]]:
        """Its address, and what is said of it beside its kind; it is asked without patience."""
        ...

    def shows(self, *studies: Study) -> None: ...

    def halts(self, *studies: Study) -> None:
        """In the middle, after all of these but the last."""
        ...

    def senseless(self) -> None:
        """It answers well, with what is no catalogue."""
        ...

    def down(self) -> None: ...

    def silent(self) -> None: ...

    @property
    def agents(self) -> Sequence[str]:
        """Who asked, request by request."""
        ...


WORLDS: dict[str, Callable[[], AbstractContextManager[World]]] = {}
"""Kind, and on what if there are several -> a world of it, which ends by itself."""

SINGLE: set[str] = set()
"""Those that show one study at most."""


def world(name: str, single: bool = False) -> Callable[[Callable[[], Iterator[World]]], object]:
    def register(make: Callable[[], Iterator[World]]) -> object:
        WORLDS[name] = contextmanager(make)
        SINGLE.update([name] if single else [])
        return make

    return register


# --------------------------------------------------------------------------- what is done there


class Desk:
    """A catalogue, harvested again and again into a store of its own."""

    def __init__(self, world: World, folder: Path, chunk: int = 2, **options: Any) -> None:
        self.world, self.clock, self.slept = world, Clock(), list[float]()
        self.config = configured(world, folder, **options)
        self.store: Store = open_store(f"sqlite:///{folder}/store.db", LIFECYCLE, create=True)
        there = opener(re.compile(self.config.accession))(self.source)
        assert isinstance(there, Catalogue)
        self.catalogue, self._chunk = there, chunk

    @property
    def source(self) -> SourceConfig:
        return self.config.sources[0]

    def harvest(self, progress: Callable[[str], object] = lambda doing: None, **asked: Any) -> LogEntry:
        """The last log."""
        terms = replace(app.terms(self.config, self.source), chunk=self._chunk)
        harvests = self.store.harvests
        harvest = Harvest(
            self.catalogue, harvests, self.store.lock, "0.1.0", self.clock, terms, self.slept.append, progress
        )
        return [*harvest.run(Asked(**asked))][-1]

    def shown(self) -> dict[str, str]:
        """Study -> title."""
        told = self.store.harvests.shown(self.source.name)
        return {name: each.facts.title for each in told if (name := self.world.study(each.identifier))}

    def cancel(self, log: int) -> bool:
        return self.store.harvests.cancel(log, self.clock())


def configured(world: World, folder: Path, **options: Any) -> Config:
    """A site with this place alone. Raises ConfigError."""
    address, entry = world.entry()
    told = {"stage": ["external"], "kind": world.kind, "name": "catalogue", **entry, **options}
    (folder / "sources_config.json").write_text(json.dumps({address: told}))
    return app.load(environ={}, cwd=folder)


# --------------------------------------------------------------------------- worlds

WITHOUT_PATIENCE = {"retries": 0, "read": 0.3, "connect": 1.0, "allow_private_addresses": True}


class Json:
    """A document on a web server."""

    kind: str
    wrong: Mapping[str, Any]
    besides = 0
    path = "/studies.json"
    begins = b"{"
    """A record, in what `_body` writes"""

    def __init__(self, website: Website) -> None:
        self._website = website

    def study(self, identifier: str) -> str:
        return identifier

    def entry(self) -> tuple[str, dict[str, Any]]:
        return self._website.url(self.path), WITHOUT_PATIENCE

    def _body(self, studies: Sequence[Study]) -> bytes:
        raise NotImplementedError

    def shows(self, *studies: Study) -> None:
        self._website.serve(self.path, self._body(studies))

    def halts(self, *studies: Study) -> None:
        # What is short is not told before all of it is there.
        body = self._body(studies).replace(b", " + self.begins, b"," + b" " * 70_000 + self.begins)
        self._website.serve(self.path, body, truncate=body.rindex(self.begins) + 5)

    def senseless(self) -> None:
        self._website.serve(self.path, b"<html><body>Under maintenance</body></html>")

    def down(self) -> None:
        self._website.serve(self.path, status=503)

    def silent(self) -> None:
        self._website.serve(self.path, hang=True)

    @property
    def agents(self) -> Sequence[str]:
        return [request.headers["user-agent"] for request in self._website.requests]


class Listing(Json):
    kind = "json-listing"
    wrong: Mapping[str, Any] = {"identifiers": "title"}
    begins = b'{"id"'

    def entry(self) -> tuple[str, dict[str, Any]]:
        address, how = super().entry()
        return address, {"items": "studies", "identifier": "id", **how}

    def _body(self, studies: Sequence[Study]) -> bytes:
        told = [{"id": each.identifier, **({"title": each.title} if each.good else {})} for each in studies]
        return json.dumps({"studies": told}).encode()


@world(Listing.kind)
def _listing() -> Iterator[World]:
    with Website() as website:
        yield Listing(website)


class DataJson(Json):
    kind = "data-json"
    wrong: Mapping[str, Any] = {"profile": "1.1"}
    path = "/data.json"
    begins = b'{"identifier"'

    def _body(self, studies: Sequence[Study]) -> bytes:
        version = "https://project-open-data.cio.gov/v1.1/schema"
        return json.dumps({"conformsTo": version, "dataset": [dcat_us(each) for each in studies]}).encode()


def dcat_us(study: Study) -> dict[str, Any]:
    """A record that follows DCAT-US 1.1, but for the title of one that is not good."""
    return {
        "identifier": study.identifier,
        "title": study.title if study.good else "",
        "description": "What was found",
        "publisher": {"name": "A laboratory"},
        "contactPoint": {"fn": "The desk", "hasEmail": "mailto:desk@example.org"},
        "accessLevel": "public",
    }


@world(DataJson.kind)
def _data_json() -> Iterator[World]:
    with Website() as website:
        yield DataJson(website)


class Waf:
    """A folder on a web server of that name."""

    kind = "waf"
    wrong: Mapping[str, Any] = {"depth": "deep"}
    besides = 0

    def __init__(self, server: Folders) -> None:
        self.server = server
        self._now = LONG_AGO

    def study(self, identifier: str) -> str:
        folder, _, name = identifier.rpartition("/")
        return name.removesuffix(".xml") if folder == self.server.url("waf") else ""

    def entry(self) -> tuple[str, dict[str, Any]]:
        return self.server.url("waf/"), {**WITHOUT_PATIENCE, "at_once": 2}

    def shows(self, *studies: Study) -> None:
        """What is as it was before keeps its date."""
        self.server.trouble()
        self.server.thaw()
        self._now += 3_600
        there = {f"{each.identifier}.xml": iso(each) for each in studies}
        self.server.write("waf/of another kind.txt", b"")
        for file in (self.server.root / "waf").iterdir():
            if file.name not in there:
                self.server.remove(f"waf/{file.name}")
        for name, body in there.items():
            file = self.server.root / "waf" / name
            if not file.exists() or file.read_bytes() != body:
                self.server.write(f"waf/{name}", body, self._now)

    def halts(self, *studies: Study) -> None:
        """A server in trouble is known by several documents that it does not give."""
        after = [replace(studies[-1], identifier=f"{studies[-1].identifier}-{n}") for n in range(4)]
        self.shows(*studies, *after)
        self.server.trouble(*(f"waf/{each.identifier}.xml" for each in [studies[-1], *after]))

    def senseless(self) -> None:
        self.server.write("waf/index.html", b"<html><body>Under maintenance</body></html>")

    def down(self) -> None:
        self.server.trouble("")

    def silent(self) -> None:
        self.server.freeze()

    @property
    def agents(self) -> Sequence[str]:
        return [agent for _, agent, _ in self.server.requests]


LONG_AGO = 1_700_000_000


def iso(study: Study) -> bytes:
    """A document that follows ISO 19139, but for the title of one that is not good."""
    who = f"<gmd:CI_ResponsibleParty>{_told('organisationName', 'A laboratory')}{_code('role', 'CI_RoleCode', 'owner')}"
    date = f"<gmd:CI_Date><gmd:date>{_DATE}</gmd:date>{_code('dateType', 'CI_DateTypeCode', 'creation')}</gmd:CI_Date>"
    title = _told("title", study.title if study.good else "")
    return (
        '<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco">'
        f"<gmd:contact>{who}</gmd:CI_ResponsibleParty></gmd:contact><gmd:dateStamp>{_DATE}</gmd:dateStamp>"
        "<gmd:identificationInfo><gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation>"
        f"{title}<gmd:date>{date}</gmd:date></gmd:CI_Citation></gmd:citation>"
        f"{_told('abstract', 'What was found')}{_told('language', 'eng')}"
        "</gmd:MD_DataIdentification></gmd:identificationInfo></gmd:MD_Metadata>"
    ).encode()


_DATE = "<gco:Date>2026-01-31</gco:Date>"


def _told(name: str, text: str) -> str:
    return f"<gmd:{name}><gco:CharacterString>{escape(text)}</gco:CharacterString></gmd:{name}>"


def _code(name: str, kind: str, value: str) -> str:
    return f'<gmd:{name}><gmd:{kind} codeList="{kind}" codeListValue="{value}">{value}</gmd:{kind}></gmd:{name}>'


class WafCollection(Waf):
    """The document of the collection lies beside the others, or elsewhere: in `parent`."""

    kind = "waf-collection"
    wrong: Mapping[str, Any] = {"collection_metadata_url": "all.xml"}
    besides = 1

    def __init__(self, server: Folders, parent: str) -> None:
        super().__init__(server)
        self._parent = parent

    def study(self, identifier: str) -> str:
        return "" if identifier == self.server.url(self._parent) else super().study(identifier)

    def entry(self) -> tuple[str, dict[str, Any]]:
        address, how = super().entry()
        return address, {**how, "collection_metadata_url": self.server.url(self._parent)}

    def shows(self, *studies: Study) -> None:
        super().shows(*studies)
        self.server.write(self._parent, iso(Study("all", "All of them")))


class Doc(Waf):
    kind = "doc"
    wrong: Mapping[str, Any] = {"max_bytes": 0}

    def entry(self) -> tuple[str, dict[str, Any]]:
        return self.server.url("waf/S-1.xml"), WITHOUT_PATIENCE

    def down(self) -> None:
        self.server.trouble("waf/S-1.xml")


def _on(server: str, make: Callable[[Folders], World]) -> Callable[[], Iterator[World]]:
    def world() -> Iterator[World]:
        with served(server) as folders:
            yield make(folders)

    return world


for _name in SERVERS:
    world(f"waf on {_name}")(_on(_name, Waf))
world("waf-collection on nginx")(_on("nginx", partial(WafCollection, parent="waf/all.xml")))
world("waf-collection on apache-pre")(_on("apache-pre", partial(WafCollection, parent="all.xml")))
for _name in ("nginx", "apache-table", "python"):
    world(f"doc on {_name}", single=True)(_on(_name, Doc))
