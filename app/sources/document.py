"""Metadata documents on the web, each known by its address and asked for only if it changed; and the kind of source
that is a single one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from app.domain.catalogue import Facts, Fault, KnownRecord, Record
from app.domain.model import SourceConfig
from app.errors import RecordError
from app.sources import fetch
from app.sources.catalogue import CatalogueOptions
from app.sources.records import documents

if TYPE_CHECKING:
    from app.domain.harvest import Window
    from app.ports import Session


class DocumentOptions(CatalogueOptions):
    max_bytes: int = Field(64 * fetch.MIB, gt=0, description="the largest answer to take in, unpacked")


class DocumentSource:
    kind: ClassVar[str] = "doc"
    summary: ClassVar[str] = "A single metadata document on the web: ISO 19139 or 19115-3, FGDC, or DCAT-US."
    Options: ClassVar[type[BaseModel]] = DocumentOptions
    version: ClassVar[str] = "001.000.000"
    dated: ClassVar[bool] = False

    def __init__(self, config: SourceConfig, accession: re.Pattern[str]) -> None:
        self.config = config
        self._options = DocumentOptions.model_validate({**config.options, **config.private})

    @classmethod
    def recognised(cls, begin: bytes, url: str) -> str:
        return documents.recognised(begin)

    def records(self, window: Window, session: Session) -> Iterator[Record | Fault]:
        """An address where there is no document any more is a read that fails, never a record that is gone."""
        url = self.config.location
        known = session.known([url]).get(url)
        yield read(fetch.Client(self.config, self._options, session), url, known)

    def facts(self, record: Record) -> Facts:
        return documents.understood(record.body or b"", record.parent)

    def probe(self) -> str:
        client, url = fetch.Client(self.config, self._options, None), self.config.location
        try:
            return f"1 record: {self.facts(read(client, url)).title}"
        except RecordError as error:
            raise client.wrong(url, f"{error}: is this the address of a metadata document?", permanent=True) from None


def read(
    client: fetch.Client, url: str, known: KnownRecord | None = None, stamp: str = "", *, elsewhere: bool = True
) -> Record:
    """The document at an address; without a body if it is as it is `known`. `stamp`: what dates it elsewhere;
    `elsewhere`: it may be on another server in the end. Raises FetchError."""
    mark = Mark.of(known)
    reply = client.get(url, mark.asks())
    if not elsewhere and urlsplit(reply.url)[:2] != urlsplit(url)[:2]:
        raise client.wrong(url, "leads to another server", permanent=True)
    if reply.status == 304:
        return Record(url, None, location=url, mark=mark._replace(stamp=stamp).text)
    told = reply.headers
    mark = Mark(stamp, told.get("ETag", ""), told.get("Last-Modified", ""))
    return Record(url, reply.body, told.get("Content-Type", ""), mark.moment, location=url, mark=mark.text)


class Mark(NamedTuple):
    """What a document was known by: how its folder dated it, and how its server did (RFC 9110, 8.8)."""

    stamp: str = ""
    etag: str = ""
    modified: str = ""

    @classmethod
    def of(cls, known: KnownRecord | None) -> Mark:
        try:
            return cls(*map(str, json.loads(known.mark))) if known else cls()
        except (ValueError, TypeError):  # none, or of another version
            return cls()

    @property
    def text(self) -> str:
        return json.dumps(self) if any(self) else ""

    @property
    def moment(self) -> datetime | None:
        try:
            return parsedate_to_datetime(self.modified).astimezone(UTC) if self.modified else None
        except (ValueError, OverflowError):
            return None

    def asks(self) -> Mapping[str, str]:
        """To be sent it only if it changed."""
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.modified} if self.moment else {}
