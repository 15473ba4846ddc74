"""ISO 19115 as XML: by ISO 19139 (gmd, and gmi of ISO 19115-2 with it), and by ISO 19115-3 (mdb). What they have in
common they call the same, in other namespaces, so that one reading serves all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from app.domain.catalogue import Facts
from app.errors import RecordError
from app.sources.records import Distribution, facts, iso19139, moment, xml
from app.sources.records.xml import Element

BY_19139 = {
    "{http://www.isotc211.org/2005/gmd}MD_Metadata",
    "{http://www.isotc211.org/2005/gmi}MI_Metadata",
    "{http://eden.ign.fr/xsd/isotc211/isofull/20090316/gmi/}MI_Metadata",
}

BY_PART_3 = {
    "{http://standards.iso.org/iso/19115/-3/mdb/1.0}MD_Metadata",
    "{http://standards.iso.org/iso/19115/-3/mdb/2.0}MD_Metadata",
}

ROOTS = BY_19139 | BY_PART_3

MEGABYTE = 1024 * 1024
"""In which 19115 counts the size of a transfer."""


def identifier(root: Element) -> str:
    """Empty where it has none."""
    return _first([root], "fileIdentifier", "metadataIdentifier/MD_Identifier/code")


def understood(root: Element, within: str = "") -> Facts:
    """`within`: the identifier of what it is a part of, where it names none. Raises RecordError with all that is
    wrong."""
    record, data = [root], _at([root], "identificationInfo/*")
    citation = _at(data, "citation/CI_Citation")
    title = _first(citation, "title")
    if not title:
        wrong = "title: is missing or empty (identificationInfo > citation > title), wanted is a text"
        raise RecordError(wrong, warnings=_breaches(root))
    extents = _at(data, "extent/EX_Extent")
    parties = [*_at(data, "pointOfContact/*"), *_at(record, "contact/*")]  # first those whom the data name
    told = facts(
        title,
        description=_first(data, "abstract"),
        identifiers=[
            *filter(None, [identifier(root)]),
            *_texts(citation, "identifier/*/code"),
            *_texts(record, "dataSetURI"),
        ],
        modified=moment(_first(record, "dateStamp", "dateInfo/CI_Date/date")),
        issued=_published(citation),
        organisation=_first(parties, "organisationName", "party/CI_Organisation/name"),
        contact=_first(parties, "individualName", "party/*/individual/CI_Individual/name", _MAIL),
        keywords=_texts(data, "descriptiveKeywords/MD_Keywords/keyword"),
        spatial=_first(extents, "description"),
        box=_box(extents),
        temporal=_temporal(extents),
        distributions=_distributions(root),
        parent=_first(record, "parentIdentifier", "parentMetadata/CI_Citation/identifier/MD_Identifier/code") or within,
        kind=_code(record, "hierarchyLevel/*", "metadataScope/MD_MetadataScope/resourceScope/*"),
    )
    return replace(told, warnings=_breaches(root))


def _breaches(root: Element) -> tuple[str, ...]:
    """Of the rules of ISO 19139; those of 19115-3 are not held against it."""
    return () if root.tag in BY_PART_3 else tuple(dict.fromkeys(iso19139.breaches(root)))


_MAIL = "contactInfo/CI_Contact/address/CI_Address/electronicMailAddress"


def _published(citation: list[Element]) -> str:
    dates = _at(citation, "date/CI_Date")
    return next((_first([date], "date") for date in dates if _code([date], "dateType/*") == "publication"), "")


def _code(elements: list[Element], *paths: str) -> str:
    found = (element for path in paths for element in _at(elements, path))
    return next((str(element.get("codeListValue") or xml.text(element)) for element in found), "")


def _box(extents: list[Element]) -> list[float] | None:
    for element in _at(extents, "geographicElement/EX_GeographicBoundingBox"):
        sides = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")
        try:
            west, south, east, north = (float(_first([element], side)) for side in sides)
        except ValueError:
            continue
        if -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90:
            return [west, south, east, north]
    return None


def _temporal(extents: list[Element]) -> str:
    for element in _at(extents, "temporalElement/*/extent/*"):
        begin = _first([element], "beginPosition", "begin/TimeInstant/timePosition", "timePosition")
        end = _first([element], "endPosition", "end/TimeInstant/timePosition", "timePosition")
        if begin or end:
            return f"{begin}/{end}"
    return ""


def _distributions(root: Element) -> Iterator[Distribution]:
    formats = {*_texts([root], "distributionInfo/MD_Distribution/distributionFormat/MD_Format/name")}
    one = formats.pop() if len(formats) == 1 else ""
    for way in root.iter("{*}MD_DigitalTransferOptions"):
        size = _first([way], "transferSize")
        links = _at([way], "onLine/CI_OnlineResource")
        for link in links:
            if url := _first([link], "linkage"):
                form = _first([link], "protocol") or one
                yield Distribution(url, form, _first([link], "name"), _bytes(size) if len(links) == 1 else None)


def _bytes(megabytes: str) -> int | None:
    try:
        return int(float(megabytes) * MEGABYTE) or None
    except (ValueError, OverflowError):
        return None


# --------------------------------------------------------------------------- paths


def _at(elements: list[Element], path: str) -> list[Element]:
    """What is at the end of these steps from each, in any namespace; * is any."""
    for step in _steps(path):
        elements = [child for element in elements for child in element.iterchildren(step)]
    return elements


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(step if step == "*" else f"{{*}}{step}" for step in path.split("/"))


def _texts(elements: list[Element], path: str) -> Iterator[str]:
    return filter(None, map(xml.text, _at(elements, path)))


def _first(elements: list[Element], *paths: str) -> str:
    """The first text at any of these paths, in their order."""
    return next((text for path in paths for text in _texts(elements, path)), "")
