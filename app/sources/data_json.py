"""Catalogues in the form of DCAT-US, called data.json: those of agencies, ArcGIS Hub, Socrata and CKAN.

All comes with one request, however large, and is read as it comes. What is a part of something else waits, on disk,
until all else was read: then it is known whether what it is a part of is there.
"""

from __future__ import annotations

import json
import pickle
import re
from array import array
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, ClassVar, Literal

import orjson
from pydantic import BaseModel, Field

from app.domain.catalogue import CHUNK, Facts, Fault, Record
from app.domain.model import Severity, SourceConfig
from app.errors import RecordError, SourceError
from app.sources import fetch
from app.sources.catalogue import CatalogueOptions
from app.sources.json_stream import Document, NotJson
from app.sources.records import dcat, dcat_us, moment

if TYPE_CHECKING:
    from app.domain.harvest import Window
    from app.ports import Session

ARRAYS = ("dataset", "service", "datasetSeries", "catalog")
"""Where a catalogue lists what it has: the first in all versions, the others in 3.0."""

IN_MEMORY = 8 * 2**20
"""Bytes of what waits, before it does so on disk."""

CONTENT_TYPE = "application/json"


class DataJsonOptions(CatalogueOptions):
    profile: Literal["", "federal", "non-federal", "3.0"] = Field(
        "", description="which rules its records are held against; empty: those that each seems to follow"
    )
    filters: dict[str, list[str]] = Field({}, description="field -> values; only records with one of them are read")
    defaults: dict[str, Any] = Field({}, description="field -> value, for records that do not have it")
    longest_spatial: int = Field(dcat.LONGEST_SPATIAL, gt=0, description="characters that an extent may have")


class DataJsonSource:
    kind: ClassVar[str] = "data-json"
    summary: ClassVar[str] = "A catalogue in the form of DCAT-US, as data.json: agencies, ArcGIS Hub, Socrata, CKAN."
    Options: ClassVar[type[BaseModel]] = DataJsonOptions
    version: ClassVar[str] = "001.000.000"
    dated: ClassVar[bool] = False

    def __init__(self, config: SourceConfig, accession: re.Pattern[str]) -> None:
        self.config = config
        self._options = DataJsonOptions.model_validate({**config.options, **config.private})

    @classmethod
    def recognised(cls, begin: bytes, url: str) -> str:
        """By what its object has, or by what only its records do, if it is a list of them."""
        text = begin.removeprefix(b"\xef\xbb\xbf").lstrip()
        of_3 = re.search(rb'"(?:datasetSeries|service|catalog)"\s*:\s*\[', text) and b'"conformsTo"' in text
        if text.startswith(b"{") and (of_3 or re.search(rb'"dataset"\s*:\s*\[', text)):
            return "a catalogue as DCAT-US has it"
        return "a catalogue as DCAT-US 1.0 has it" if text.startswith(b"[") and b'"accessLevel"' in text else ""

    def records(self, window: Window, session: Session) -> Iterator[Record | Fault]:
        with _Parts() as parts:
            left_out = 0
            for said in self._said(session):
                if isinstance(said, Fault):
                    yield said
                elif not self._is_wanted(said[1]):
                    left_out += 1
                elif said[0].parent and not said[2]:
                    parts.wait(said[0])
                else:
                    parts.note(said[0].identifier)
                    yield said[0]
            yield from parts.told(session)
        if left_out:
            yield Fault("", f"{left_out:,} records were left out, as `filters` says", Severity.WARNING)

    def facts(self, record: Record) -> Facts:
        told = dcat.loaded(record.body or b"")
        if not isinstance(told, Mapping):
            raise RecordError("is no JSON object")
        options, told = self._options, {**self._options.defaults, **told}
        warnings = [*dcat_us.breaches(told, options.profile or dcat_us.profile(told))]
        return dcat.understood(told, options.longest_spatial, record.parent, warnings)

    def probe(self) -> str:
        count = sum(not isinstance(said, Fault) for said in self._said(None))
        return f"{count:,} record" if count == 1 else f"{count:,} records"

    # ----------------------------------------------------------------------- what stands there

    def _said(self, session: Session | None) -> Iterator[Fault | Said]:
        client = fetch.Client(self.config, self._options, session)
        with client.stream(self.config.location) as reply:
            document = Document(reply.pieces())
            try:
                for number, (key, body) in enumerate(document.members(ARRAYS), start=1):
                    yield from _members(key, body, f"record {number}")
            except (NotJson, LookupError) as error:
                raise self._wrong(reply.shown, str(error.args[0])) from None
            if document.is_object and not document.arrays:
                raise self._wrong(reply.shown, "has no `dataset`")
            version = _version(document.fields.get("conformsTo"))
            if version is None:
                raise self._wrong(reply.shown, "follows (conformsTo) what is neither DCAT-US 1.1 nor 3.0")
            if not document.is_object:
                yield Fault("", "the catalogue is a list, as in version 1.0 of its schema", Severity.WARNING)
            elif not version:
                yield Fault("", "the catalogue does not say which version it follows (conformsTo)", Severity.WARNING)

    def _wrong(self, where: str, what: str) -> SourceError:
        return SourceError(self.config.name, where, f"{where}: {what}: is this the address of a data.json?")

    def _is_wanted(self, told: Mapping[str, Any]) -> bool:
        return all(
            any(text in allowed for text in dcat.texts(told.get(field)))
            for field, allowed in self._options.filters.items()
        )


Said = tuple[Record, Mapping[str, Any], bool]
"""A record, what it says, and whether it stands in what it is a part of."""


def _members(key: str, body: bytes, what: str, within: str = "", depth: int = 1) -> Iterator[Fault | Said]:
    """A record, and those that stand in it: members of series, and what other catalogues list."""
    told = dcat.loaded(body)
    if not isinstance(told, Mapping):
        known = told is not None or body == b"null"
        yield Fault(what, "is no JSON object" if known else _LOST, lost=not known)
        return
    name = dcat.identifier(told) or (dcat.first(told.get("@id")) if key == "catalog" else "")
    if not name:
        yield Fault(what, "identifier: is missing or empty, wanted is a text")
        return
    inner = _INNER & told.keys() if key in ("catalog", "datasetSeries") else set[str]()
    outer = {field: value for field, value in told.items() if field not in inner} if inner else told
    page = dcat.address(told)
    stamp = moment(dcat.first(told.get("modified")))
    parent = within or dcat.parent(told)
    record = Record(name, body, CONTENT_TYPE, stamp, parent, page, _canonical(outer))
    yield record, told, bool(within)
    if inner and depth < DEEPEST:
        for number, (field, element) in enumerate(Document([body]).members(inner), start=1):
            yield from _members(field, element, f"{what} > {field} {number}", name, depth + 1)


_LOST = "is no JSON: whose record it is cannot be told, so none counts as gone"

_INNER = {*ARRAYS, "seriesMember"}

DEEPEST = 5
"""Catalogues in each other."""


def _version(told: Any) -> str | None:
    """Empty: it does not say; None: another one."""
    names = [each.get(name) for each in [told] if isinstance(each, Mapping) for name in ("@id", "title", "identifier")]
    text = " ".join(name for name in [told, *names] if isinstance(name, str))
    if not text:
        return ""
    found = _VERSION.search(text)
    return (found[1] or found[2]) if found else None


_VERSION = re.compile(r"project-open-data\S*/v(1\.[01])/|dcat-us\S*?[ /v]+(1\.[01]|3(?:\.\d+)*)\b", re.IGNORECASE)


def _canonical(told: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(told, sort_keys=True, ensure_ascii=False).encode(errors="surrogatepass")


# --------------------------------------------------------------------------- parts of others


class _Parts:
    """Records that are a part of others wait here until all others are known."""

    def __init__(self) -> None:
        self._file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by __exit__
        self._tops, self._parts = array("Q"), array("Q")
        self._wanted = set[int]()

    def __enter__(self) -> _Parts:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()

    def note(self, identifier: str) -> None:
        self._tops.append(_number(identifier))

    def wait(self, record: Record) -> None:
        self._parts.append(_number(record.identifier))
        self._wanted.add(_number(record.parent))
        pickle.dump(record, self._file, pickle.HIGHEST_PROTOCOL)

    def told(self, session: Session) -> Iterator[Record | Fault]:
        """What is a part of nothing that is there, or of a part, is as it was the last time."""
        there = self._wanted.intersection(self._tops)
        parts = self._wanted.intersection(self._parts)
        records = self._records()
        while some := list(islice(records, CHUNK)):
            wrong = {r.identifier for r in some if _number(r.parent) in parts or _number(r.parent) not in there}
            known = session.known(wrong) if wrong else {}
            for record in some:
                if record.identifier not in wrong:
                    yield record
                    continue
                what = "is itself a part of another" if _number(record.parent) in parts else "is not there"
                yield Fault(record.identifier, f"isPartOf: what it is a part of {what}")
                if record.identifier in known:
                    yield Record(record.identifier, None)

    def _records(self) -> Iterator[Record]:
        end = self._file.tell()
        self._file.seek(0)
        while self._file.tell() < end:
            yield pickle.load(self._file)


def _number(identifier: str) -> int:
    return int.from_bytes(blake2b(identifier.encode(errors="surrogatepass"), digest_size=8).digest())
