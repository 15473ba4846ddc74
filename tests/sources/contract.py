"""What every kind of catalogue is tried with: a place that shows what a test says, and fails as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import app
from app.config import Config
from app.domain.catalogue import Asked, LogEntry
from app.domain.model import SourceConfig
from app.harvest import Harvest
from app.ports import Catalogue, Store
from app.sources import opener
from app.store import open_store
from tests.harvest.scripted import Clock
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
"""Kind -> a world of it, which ends by itself."""


def world(kind: str) -> Callable[[Callable[[], Iterator[World]]], object]:
    def register(make: Callable[[], Iterator[World]]) -> object:
        WORLDS[kind] = contextmanager(make)
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
        """Identifier -> title."""
        return {told.identifier: told.facts.title for told in self.store.harvests.shown(self.source.name)}

    def cancel(self, log: int) -> bool:
        return self.store.harvests.cancel(log, self.clock())


def configured(world: World, folder: Path, **options: Any) -> Config:
    """A site with this place alone. Raises ConfigError."""
    address, entry = world.entry()
    told = {"stage": ["external"], "kind": world.kind, "name": "catalogue", **entry, **options}
    (folder / "sources_config.json").write_text(json.dumps({address: told}))
    return app.load(environ={}, cwd=folder)


# --------------------------------------------------------------------------- worlds


class Json:
    """A document on a web server."""

    kind: str
    wrong: Mapping[str, Any]
    path = "/studies.json"
    begins = b"{"
    """A record, in what `_body` writes"""

    def __init__(self, website: Website) -> None:
        self._website = website

    def entry(self) -> tuple[str, dict[str, Any]]:
        return self._website.url(self.path), {
            "retries": 0,
            "read": 0.3,
            "connect": 1.0,
            "allow_private_addresses": True,
        }

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
