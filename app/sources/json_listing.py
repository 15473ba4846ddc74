"""Any JSON document that lists datasets: where its array is, and which field says what, are options.

    {"result": {"studies": [{"id": "S-1", "meta": {"title": "..."}, "links": ["E-MTAB-1"]}]}}

is read by `"items": "result.studies", "identifier": "id", "title": "meta.title", "identifiers": ["links"]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, Field

from app.domain.catalogue import Facts, Fault, Record
from app.domain.model import SourceConfig
from app.domain.text import one_line
from app.errors import RecordError, SourceError
from app.sources import fetch
from app.sources.catalogue import CatalogueOptions
from app.sources.json_stream import Document, NotJson
from app.sources.records import iso

if TYPE_CHECKING:
    from app.domain.harvest import Window
    from app.ports import Session


class JsonListingOptions(CatalogueOptions):
    items: str = Field(
        "", description="where the array is, as keys with dots between; empty: the document is the array"
    )
    identifier: str = Field("identifier", description="the field that tells a record from all others")
    title: str = Field("title", description="the field with its title")
    description: str = Field("description", description="the field that describes it")
    identifiers: list[str] = Field([], description="fields with further identifiers, such as accessions")
    organisms: list[str] = Field([], description="fields with organisms")
    types: list[str] = Field([], description="fields with types of experiment")
    modified: str = Field("modified", description="the field that says when it changed, as ISO 8601 has it")
    location: str = Field("", description="the field with its address")


class JsonListingSource:
    kind: ClassVar[str] = "json-listing"
    summary: ClassVar[str] = "A web address that lists datasets as JSON, of whatever form."
    Options: ClassVar[type[BaseModel]] = JsonListingOptions
    version: ClassVar[str] = "001.000.000"
    dated: ClassVar[bool] = False

    def __init__(self, config: SourceConfig, accession: re.Pattern[str]) -> None:
        self.config = config
        self._options = JsonListingOptions.model_validate({**config.options, **config.private})

    def records(self, window: Window, session: Session) -> Iterator[Record | Fault]:
        for number, body in enumerate(self._elements(session), start=1):
            record = _loaded(body)
            identifier = _text(record, self._options.identifier)
            if not identifier:
                message = f"has no {self._options.identifier}, or none that is text or a number"
                yield Fault(f"record {number}", message, lost=record is None and body != b"null")
                continue
            canonical = json.dumps(record, sort_keys=True, ensure_ascii=False).encode(errors="surrogatepass")
            yield Record(
                identifier,
                body,
                "application/json",
                iso(_text(record, self._options.modified)),
                location=_text(record, self._options.location) if self._options.location else "",
                canonical=canonical,
            )

    def facts(self, record: Record) -> Facts:
        told, options = _loaded(record.body or b""), self._options
        title = _text(told, options.title)
        if not title:
            raise RecordError(f"has no {options.title}")
        return Facts(
            title,
            _text(told, options.description),
            _all(told, options.identifiers),
            _all(told, options.organisms),
            _all(told, options.types),
            iso(_text(told, options.modified)),
        )

    def probe(self) -> str:
        count = sum(1 for _ in self._elements(None))
        return f"{count:,} record" if count == 1 else f"{count:,} records"

    def _elements(self, session: Session | None) -> Iterator[bytes]:
        client = fetch.Client(self.config, self._options, session)
        path = [key for key in self._options.items.split(".") if key]
        with client.stream(self.config.location) as reply:
            try:
                yield from Document(reply.pieces()).elements(path)
            except (NotJson, LookupError) as error:
                where = reply.shown
                advice = "is this the address of a listing?" if isinstance(error, NotJson) else "see the option `items`"
                raise SourceError(self.config.name, where, f"{where}: {error.args[0]}: {advice}") from None


# --------------------------------------------------------------------------- what stands where


def _loaded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _at(record: Any, field: str) -> Any:
    for key in field.split("."):
        record = record.get(key) if isinstance(record, Mapping) else None
    return record


def _text(record: Any, field: str) -> str:
    return next(iter(_texts(_at(record, field))), "")


def _all(record: Any, fields: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for field in fields for text in _texts(_at(record, field))))


def _texts(value: Any) -> list[str]:
    """A text, a number, or a list of them."""
    values = value if isinstance(value, list) else [value]
    texts = (str(each) for each in values if isinstance(each, str | int | float) and not isinstance(each, bool))
    return [text for text in map(one_line, texts) if text]
