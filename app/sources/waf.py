"""Folders on the web (WAF, web accessible folder) with a metadata document a file: what they list is read, folder by
folder, and each document is a record, which is known by its address. A collection is such a folder with one document,
there or elsewhere, of which all in it is a part.

What is listed with the date that it had before is not asked for, and what its server says did not change is not sent
again. But the date of a document that changed a short while ago proves nothing yet: it may change again within the
same minute, and nobody knows in which zone the date is.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from urllib.parse import unquote

from pydantic import BaseModel, Field

from app.domain.catalogue import Facts, Fault, KnownRecord, Record
from app.domain.model import SourceConfig
from app.errors import RecordError, SourceError
from app.sources import document, fetch, listings
from app.sources.document import Mark
from app.sources.forked import mapped
from app.sources.listings import Entry
from app.sources.records import documents

if TYPE_CHECKING:
    from app.domain.harvest import Window
    from app.ports import Session

AT_REST = timedelta(hours=38)
"""So long after its date a document is at rest, whatever the zone, and where the date has no time."""

IN_A_ROW = 5
"""So many documents, one after the other, that cannot be had: then it is the server that is in trouble."""

PAGES = 10_000
"""Of one folder."""

AHEAD = 2_000
"""Documents that are asked for before the next folder is looked into."""

PROCESSES = 2
"""At most: one more fetches no more of what one of our own takes in."""


class FolderOptions(document.DocumentOptions):
    patterns: list[str] = Field(["*.xml"], description="names of documents, in any case; * stands for anything")
    depth: int = Field(10, ge=0, description="folders in each other that are followed, below the first")
    at_once: int = Field(8, gt=0, le=64, description="documents that are asked for at the same time")


class CollectionOptions(FolderOptions):
    collection_metadata_url: str = Field(
        pattern="^https?://.", description="the web address of the document that all in the folder is a part of"
    )


class WafSource:
    kind: ClassVar[str] = "waf"
    summary: ClassVar[str] = "A folder on the web with a metadata document a file, and folders within it."
    Options: ClassVar[type[BaseModel]] = FolderOptions
    version: ClassVar[str] = "001.000.000"
    dated: ClassVar[bool] = False

    def __init__(self, config: SourceConfig, accession: re.Pattern[str]) -> None:
        self.config = config
        self._options = FolderOptions.model_validate({**config.options, **config.private})

    @classmethod
    def recognised(cls, begin: bytes, url: str) -> str:
        try:
            entries = listings.understood(begin, url).entries
        except listings.NoListing:
            return ""
        return "a folder" if cls is WafSource and entries else ""

    def records(self, window: Window, session: Session) -> Iterator[Record | Fault]:
        return _Folder(self.config, self._options, session).records()

    def facts(self, record: Record) -> Facts:
        return _facts(record)

    def probe(self) -> str:
        return _Folder(self.config, self._options, None).counted()


class WafCollectionSource(WafSource):
    kind: ClassVar[str] = "waf-collection"
    summary: ClassVar[str] = "A folder on the web whose documents are all a part of one that is named."
    Options: ClassVar[type[BaseModel]] = CollectionOptions

    def __init__(self, config: SourceConfig, accession: re.Pattern[str]) -> None:
        super().__init__(config, accession)
        self._parent = str(config.options.get("collection_metadata_url", ""))

    def records(self, window: Window, session: Session) -> Iterator[Record | Fault]:
        """The parent first: without it, nothing in the folder is read."""
        yield self._collection(session)
        yield from _Folder(self.config, self._options, session, self._parent).records()

    def probe(self) -> str:
        self._collection(None)
        return f"{_Folder(self.config, self._options, None, self._parent).counted()} beside the collection's own"

    def _collection(self, session: Session | None) -> Record:
        known = session.known([self._parent]).get(self._parent) if session else None
        client = fetch.Client(self.config, self._options, session)
        record = document.read(client, self._parent, known)
        try:
            if record.body is not None:
                self.facts(record)
        except RecordError as error:
            wrong = f"{error}: is this the address of the collection's metadata?"
            raise client.wrong(self._parent, wrong, permanent=True) from None
        return record


def _facts(record: Record) -> Facts:
    return documents.understood(record.body or b"", record.parent)


class _Folder:
    """One reading of a folder. `parent`: the identifier, which is the address, of what all in it is a part of."""

    def __init__(self, config: SourceConfig, options: FolderOptions, session: Session | None, parent: str = "") -> None:
        self._config, self._options, self._session = config, options, session
        self._client = fetch.Client(config, options, session)
        self._names = re.compile("|".join(map(translate, options.patterns)), re.IGNORECASE)
        self._parent = parent
        self._failed = 0
        self._root = ""

    def records(self) -> Iterator[Record | Fault]:
        assert self._session
        listed = self._listed()
        with self._client:
            while some := list(islice(listed, AHEAD)):
                yield from (each for each in some if isinstance(each, Fault))
                entries = [each for each in some if isinstance(each, Entry)]
                yield from self._documents(entries, self._session.known({entry.url for entry in entries}))

    def counted(self) -> str:
        with self._client:
            count = sum(isinstance(each, Entry) for each in self._listed())
        return f"{count:,} record" if count == 1 else f"{count:,} records"

    # ----------------------------------------------------------------------- listings

    def _listed(self) -> Iterator[Entry | Fault]:
        """Its documents, and those of the folders below it. Raises SourceError if it cannot be read itself."""
        ahead, seen = deque([(self._config.location, 0)]), set[str]()
        while ahead:
            url, depth = ahead.popleft()
            try:
                for entry in self._page_by_page(url):
                    if not entry.is_folder and self._is_wanted(entry.url):
                        yield entry
                    elif entry.is_folder and entry.url not in seen:
                        seen.add(entry.url)
                        if depth < self._options.depth:
                            ahead.append((entry.url, depth + 1))
                        else:
                            deep = f"lies more than {self._options.depth} folders deep"
                            yield Fault(entry.url, f"{deep}{_LOST}", lost=True)
            except SourceError as error:
                if depth == 0:
                    raise
                yield Fault(url, f"{str(error).removeprefix(error.where).strip()}{_LOST}", lost=True)

    def _is_wanted(self, url: str) -> bool:
        name = unquote(url.rpartition("/")[2])
        return bool(self._names.match(name)) and (not self._parent or unquote(url) != unquote(self._parent))

    def _page_by_page(self, folder: str) -> Iterator[Entry]:
        url = folder
        for _ in range(PAGES):
            reply = self._client.get(url)
            self._root = self._root or reply.url.partition("?")[0].rpartition("/")[0] + "/"
            if not reply.url.startswith(self._root):
                raise self._client.wrong(
                    url, f"leads out of the folder, to {reply.shown}: check the address", permanent=True
                )
            try:
                listing = listings.understood(reply.body, reply.url)
            except listings.NoListing as error:
                raise self._client.wrong(url, f"{error}: is this the address of a folder?") from None
            yield from listing.entries
            if not listing.more:
                return
            url = listing.more
        raise self._client.wrong(folder, f"goes on for more than {PAGES:,} pages", permanent=True)

    # ----------------------------------------------------------------------- documents

    def _documents(self, entries: Sequence[Entry], known: Mapping[str, KnownRecord]) -> Iterator[Record | Fault]:
        """First those that are as they were, then the others."""
        others = []
        for entry in entries:
            if (before := known.get(entry.url)) and entry.stamp and entry.stamp == Mark.of(before).stamp:
                yield self._same(before)
            else:
                others.append(entry)
        for entry, got in zip(others, self._fetched(others, known), strict=True):
            if isinstance(got, Record):
                self._failed = 0
                yield got
                continue
            self._failed += 0 if got.permanent else 1
            if self._failed >= IN_A_ROW:
                raise self._client.wrong(entry.url, got.message)
            yield Fault(entry.url, got.message)
            if before := known.get(entry.url):
                yield self._same(before)

    def _same(self, known: KnownRecord) -> Record:
        """What is listed is there, even where it cannot be had."""
        return Record(known.identifier, None, parent=self._parent, location=known.identifier, mark=known.mark)

    def _fetched(self, entries: Sequence[Entry], known: Mapping[str, KnownRecord]) -> Iterator[Record | _Missed]:
        """Several at once, by processes with threads, which understand them as well: most of it is work."""
        work, at_once = partial(self._got, known), self._options.at_once
        if at_once == 1 or (self._session and self._session.paced):
            return map(work, entries)
        processes = min(PROCESSES, at_once)
        return mapped(work, entries, processes, worth_it=at_once, each=4, threads=at_once // processes)

    def _got(self, known: Mapping[str, KnownRecord], entry: Entry) -> Record | _Missed:
        before = known.get(entry.url)
        try:
            record = document.read(self._client, entry.url, before, _at_rest(entry.stamp), elsewhere=False)
        except SourceError as error:
            return _Missed(str(error).removeprefix(error.where).strip(), error.permanent)
        record = replace(record, parent=self._parent)
        try:
            return record if record.body is None else replace(record, facts=_facts(record))
        except Exception:  # is told where the record is kept
            return record


class _Missed(NamedTuple):
    """Why a document could not be had; the same fault of others is the same sentence."""

    message: str
    permanent: bool


_LOST = ": what it holds cannot be told, so none counts as gone"


def _at_rest(stamp: str) -> str:
    """Empty for what changed so short a while ago that it may do so again under the same date."""
    try:
        moment = datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    except ValueError:
        return ""
    return stamp if datetime.now(UTC) - moment > AT_REST else ""
