"""Public listings of experiments, as the Expression Atlas web applications serve them.

    {"experiments": [{"experimentAccession": "E-MTAB-1", "experimentDescription": ..., "lastUpdate": "31-10-2023"}]}

Older ones say `aaData`, some are the bare array, and search results wrap each record in {"element": {...}}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from app.domain.model import Code, Metadata, Problem, Sighting, SourceConfig
from app.domain.text import one_line
from app.errors import SourceError
from app.sources.names import Accessions

_LONGEST_KEY = 255  # as for a file name; longer ones do not fit every store's index


class ExperimentsJsonOptions(BaseModel):
    timeout: float = Field(120.0, gt=0, description="seconds that reading the listing may take, retries included")
    retries: int = Field(3, ge=0, le=10, description="how often to ask again after a failure that may pass")
    max_bytes: int = Field(256 * 1024 * 1024, gt=0, description="the largest listing to take in")


class ExperimentsJsonSource:
    kind: ClassVar[str] = "experiments-json"
    summary: ClassVar[str] = "A web address that lists experiments as JSON, as the Expression Atlas does."
    Options: ClassVar[type[BaseModel]] = ExperimentsJsonOptions

    def __init__(self, config: SourceConfig, accession: re.Pattern[str]) -> None:
        self.config = config
        self.accessions = Accessions(accession)

    @classmethod
    def recognised(cls, begin: bytes, url: str) -> str:
        text = begin.lstrip()
        return "a list of experiments" if text[:1] in (b"{", b"[") and b'"experimentAccession"' in text else ""

    def read(self, known: Mapping[str, Sighting], *, full: bool = False) -> Iterator[Sighting | Problem]:
        records, where = self._listing()
        seen: set[str] = set()
        for number, record in enumerate(records, start=1):
            found = self._found(record, number, where)
            if isinstance(found, Sighting) and found.dataset in seen:
                yield self._problem(Code.REPEATED, f"record {number} repeats {found.dataset}", where, found.dataset)
                continue
            if isinstance(found, Sighting):
                seen.add(found.dataset)
            yield found
        if not seen:
            yield self._problem(Code.SOURCE_EMPTY, f"{where} lists no dataset", where)

    def find(self, datasets: Collection[str], known: Mapping[str, Sighting]) -> Iterator[Sighting]:
        for found in self.read(known):
            if isinstance(found, Sighting) and found.dataset in datasets:
                yield found

    def probe(self) -> str:
        count = len(self._listing()[0])
        return f"{count} experiment" if count == 1 else f"{count} experiments"

    def _found(self, record: Any, number: int, where: str) -> Sighting | Problem:
        if isinstance(record, dict) and isinstance(record.get("element"), dict):
            record = record["element"]
        identifier = record.get("experimentAccession") if isinstance(record, dict) else None
        identifier = one_line(identifier) if isinstance(identifier, str) else ""
        dataset = identifier if self.accessions.exact(identifier) else f"{self.config.name}:{identifier}"
        if not identifier or len(dataset) > _LONGEST_KEY:
            fault = "is too long" if identifier else "is missing or is no text"
            return self._problem(Code.BAD_RECORD, f"record {number}: its experimentAccession {fault}", where)
        if dataset != identifier and (accession := self.accessions.within(identifier)):
            message = f"{identifier} is almost {self.accessions.almost(accession)}, but not quite; it is not tracked"
            return self._problem(Code.NEAR_MISS, message, where)
        source = self.config
        return Sighting(dataset, source.name, where, source.tech, _modified(record), _metadata(record))

    def _problem(self, code: Code, message: str, where: str, dataset: str = "") -> Problem:
        return Problem(code, message, dataset, self.config.name, where)

    def _listing(self) -> tuple[list[Any], str]:
        """The records, and the address as it may be shown."""
        from app.sources import fetch  # late: a file tree needs no HTTP

        options, url = ExperimentsJsonOptions.model_validate(dict(self.config.options)), self.config.location
        body = fetch.get(
            url,
            source=self.config.name,
            total=options.timeout,
            retries=options.retries,
            max_bytes=options.max_bytes,
        )
        records, fault = _records(body)
        if fault:
            where = fetch.shown(url)
            raise SourceError(self.config.name, where, f"{where} {fault}")
        return records, fetch.shown(url)


# --------------------------------------------------------------------------- JSON -> values


def _records(body: bytes) -> tuple[list[Any], str]:
    """The records of a listing, or what is wrong with it."""
    if not body.strip():
        return [], "answered with nothing: is its server well? Try again later"
    try:
        listing = json.loads(body)
    except (ValueError, RecursionError):
        return [], "did not answer with whole, well-formed JSON: is this the listing's address? Is its server well?"
    if isinstance(listing, dict):
        listing = next((listing[key] for key in ("experiments", "aaData") if key in listing), None)
    if not isinstance(listing, list):
        return [], 'is JSON but no listing of experiments: wanted is an array, or {"experiments": [...]}'
    return listing, ""


def _metadata(record: Mapping[str, Any]) -> Metadata:
    return Metadata(
        title="".join(_texts(record, "experimentDescription")[:1]),
        experiment_types=_texts(record, "rawExperimentType", "experimentType", "type"),
        organisms=_texts(record, "species"),
        library_constructions=_texts(record, "technologyType"),
    )


def _texts(record: Mapping[str, Any], *fields: str) -> tuple[str, ...]:
    """The distinct texts of the first of these fields that has any; a field is one text or a list of them."""
    for name in fields:
        value = record.get(name)
        texts = [one_line(text) for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
        if any(texts):
            return tuple(dict.fromkeys(filter(None, texts)))
    return ()


def _modified(record: Mapping[str, Any]) -> datetime | None:
    """The first date that can be read."""
    dates = (_date(text) for name in ("lastUpdate", "lastUpdated", "loadDate") for text in _texts(record, name))
    return next(filter(None, dates), None)


def _date(text: str) -> datetime | None:
    """Day first, as in 31-10-2023 or 31/10/2023, or ISO 8601; without a zone it is taken as UTC."""
    for parse in (_day_first, datetime.fromisoformat):
        try:
            date = parse(text)
            return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
        except (ValueError, OverflowError):  # OverflowError: a zone that leads out of the calendar
            continue
    return None


def _day_first(text: str) -> datetime:
    return datetime.strptime(text.replace("/", "-"), "%d-%m-%Y")
