"""DCAT as JSON: DCAT-US 1.1 (the Project Open Data schema, https://resources.data.gov/resources/dcat-us/), its
forerunner 1.0, and 3.0 (https://resources.data.gov/dcat-us/3.0.0/), which lists services and series as well and lets
most fields be a text, an object or a list of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from app.domain.catalogue import Facts
from app.domain.text import one_line
from app.errors import RecordError
from app.sources.records import Distribution, facts, moment

LONGEST_SPATIAL = 32_766
"""Characters of an extent, where nobody says otherwise."""


def loaded(body: bytes) -> Any:
    """What JSON says; None: it is none."""
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:  # stricter than RFC 8259 wants it to be: half a surrogate pair is JSON, and is replaced
        try:
            text = json.dumps(json.loads(body), ensure_ascii=False)
            return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        except (ValueError, RecursionError):
            return None


def identifier(told: Mapping[str, Any]) -> str:
    """Empty where it has none."""
    return first(told.get("identifier"))


def parent(told: Mapping[str, Any]) -> str:
    """The identifier of what it is a part of: `isPartOf` in 1.1, `inSeries` in 3.0."""
    return first(told.get("isPartOf")) or first(told.get("inSeries"))


def address(told: Mapping[str, Any]) -> str:
    """Of its page, or of itself; empty where it has none."""
    named = (first(told.get(name)) for name in ("landingPage", "@id"))
    return next((each for each in named if each.startswith(("http://", "https://"))), "")


def understood(told: Mapping[str, Any], longest_spatial: int, within: str = "", warnings: Sequence[str] = ()) -> Facts:
    """`longest_spatial`: characters; `within`: its parent where the record itself names none; `warnings`: what is known
    to be wrong with it. Raises RecordError with all that is."""
    wrong = []
    title = first(told.get("title"))
    if not title:
        wrong.append("title: is missing or empty, wanted is a text")
        warnings = [warning for warning in warnings if not warning.startswith("title:")]
    spatial = _asfirst(told.get("spatial"))
    if len(spatial) > longest_spatial:
        wrong.append(f"spatial: is longer than {longest_spatial:,} characters")
    if wrong:
        raise RecordError(*wrong, warnings=warnings)
    return facts(
        title,
        description=first(told.get("description")),
        identifiers=texts([told.get(name) for name in ("landingPage", "otherIdentifier", "references")]),
        modified=moment(first(told.get("modified"))),
        issued=first(told.get("issued")),
        organisation=_named(told.get("publisher")),
        contact=_contact(told),
        keywords=texts([told.get("keyword"), told.get("theme")]),
        spatial=one_line(spatial),
        box=_box(told.get("spatial")),
        temporal=_temporal(told.get("temporal")),
        distributions=_distributions(told),
        parent=parent(told) or within,
        kind=first(told.get("@type")).rpartition(":")[2],
        warnings=warnings,
    )


def first(value: Any) -> str:
    """Empty where there is no text."""
    if value is None:
        return ""
    return one_line(value) if isinstance(value, str) else next(texts([value]), "")


def texts(values: Any) -> Iterator[str]:
    """A text, a number, an object that says which it is or what it is called, or a list of them."""
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, (str, int, float)):
            if not isinstance(value, bool) and (text := one_line(str(value))):
                yield text
        elif isinstance(value, list):
            yield from texts(value)
        elif isinstance(value, dict):
            named = (value.get(name) for name in ("@id", "@value", "identifier", "schema:identifier", "prefLabel"))
            yield from (text for each in named if isinstance(each, str) and (text := one_line(each)))


def _named(value: Any) -> str:
    for each in value if isinstance(value, list) else [value]:
        name = each.get("name") if isinstance(each, dict) else each
        if text := first(name):
            return text
    return ""


def _contact(told: Mapping[str, Any]) -> str:
    for each in _listed(told.get("contactPoint")):
        if isinstance(each, dict):
            mail = first(each.get("hasEmail")).removeprefix("mailto:")
            return f"{first(each.get('fn'))} <{mail}>" if mail else first(each.get("fn"))
        return first(each)
    return ""


def _asfirst(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _box(value: Any) -> list[float] | None:
    """1.1: `west,south,east,north`, or GeoJSON; 3.0: `bbox` of a Location, as WKT or GeoJSON."""
    for each in _listed(value):
        text = each.get("bbox") if isinstance(each, dict) else each
        if isinstance(text, str) and (box := _four(text)):
            return box
    return None


def _four(text: str) -> list[float] | None:
    numbers = [float(number) for number in _NUMBER.findall(text)] if len(text) < 2_000 else []
    if text.strip()[:1] in "{PE" or ":" in text:  # GeoJSON, POLYGON, ENVELOPE: corners
        x, y = numbers[0::2], numbers[1::2]
        numbers = [min(x), min(y), max(x), max(y)] if len(x) == len(y) > 1 else []
    if len(numbers) != 4:
        return None
    west, south, east, north = numbers
    right = -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90
    return [west, south, east, north] if right else None


_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def _temporal(value: Any) -> str:
    for each in _listed(value):
        if isinstance(each, dict):
            start, end = (first(each.get(name)) for name in ("startDate", "endDate"))
            return f"{start}/{end}" if start or end else ""
        return first(each)
    return ""


def _distributions(told: Mapping[str, Any]) -> Iterator[Distribution]:
    ways: list[Mapping[str, Any]] = [each for each in _listed(told.get("distribution")) if isinstance(each, dict)]
    if not ways and told.get("accessURL"):  # 1.0 has one, in the dataset itself
        ways = [told]
    for way in ways:
        url = first(way.get("downloadURL")) or first(way.get("accessURL"))
        if url:
            form = first(way.get("format")) or first(way.get("mediaType"))
            size = first(way.get("byteSize"))
            title = "" if way is told else first(way.get("title"))
            yield Distribution(url, form, title, int(size) if size.isascii() and size.isdigit() else None)
    for url in texts(told.get("endpointURL")):  # a service, in 3.0
        yield Distribution(url, "service")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
