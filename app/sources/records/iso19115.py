"""ISO 19115 as XML: by ISO 19139 (gmd, and gmi of ISO 19115-2 with it), and by ISO 19115-3 (mdb). What they have in
common they call the same, in other namespaces, so that one reading serves all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lxml import etree

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
    return _first(root, "fileIdentifier", "metadataIdentifier/MD_Identifier/code")


def understood(root: Element, within: str = "") -> Facts:
    """`within`: the identifier of what it is a part of, where it names none. Raises RecordError with all that is
    wrong."""
    title = _first(root, "identificationInfo/*/citation/CI_Citation/title")
    if not title:
        wrong = "title: is missing or empty (identificationInfo > citation > title), wanted is a text"
        raise RecordError(wrong, warnings=_breaches(root))
    told = facts(
        title,
        description=_first(root, "identificationInfo/*/abstract"),
        identifiers=_identifiers(root),
        modified=moment(_first(root, "dateStamp", "dateInfo/CI_Date/date")),
        issued=_published(root),
        organisation=_first(root, *_of_whom("organisationName", "party/CI_Organisation/name")),
        contact=_first(root, *_of_whom("individualName", "party/*/individual/CI_Individual/name"), *_of_whom(_MAIL)),
        keywords=_texts(root, "identificationInfo/*/descriptiveKeywords/MD_Keywords/keyword"),
        spatial=_first(root, f"{_EXTENT}/description"),
        box=_box(root),
        temporal=_temporal(root),
        distributions=_distributions(root),
        parent=_first(root, "parentIdentifier", "parentMetadata/CI_Citation/identifier/MD_Identifier/code") or within,
        kind=_code(root, "hierarchyLevel", "metadataScope/MD_MetadataScope/resourceScope"),
    )
    return replace(told, warnings=_breaches(root))


def _breaches(root: Element) -> tuple[str, ...]:
    """Of the rules of ISO 19139; those of 19115-3 are not held against it."""
    return () if root.tag in BY_PART_3 else tuple(dict.fromkeys(iso19139.breaches(root)))


_EXTENT = "identificationInfo/*/extent/EX_Extent"

_MAIL = "contactInfo/CI_Contact/address/CI_Address/electronicMailAddress"


def _of_whom(*what: str) -> list[str]:
    """First those whom the data name, then those whom the record does."""
    whom = ("identificationInfo/*/pointOfContact", "contact")
    return [f"{path}/CI_ResponsibleParty/{each}" for path in whom for each in what] + [
        f"{path}/CI_Responsibility/{each}" for path in whom for each in what
    ]


def _identifiers(root: Element) -> Iterator[str]:
    yield from filter(None, [identifier(root)])
    yield from _texts(root, "identificationInfo/*/citation/CI_Citation/identifier/*/code")
    yield from _texts(root, "dataSetURI")


def _published(root: Element) -> str:
    for date in _all(root, "identificationInfo/*/citation/CI_Citation/date/CI_Date"):
        if _code(date, "dateType") == "publication":
            return _first(date, "date")
    return ""


def _code(root: Element, *paths: str) -> str:
    for path in paths:
        for element in _all(root, f"{path}/*"):
            return str(element.get("codeListValue") or xml.text(element))
    return ""


def _box(root: Element) -> list[float] | None:
    for element in _all(root, f"{_EXTENT}/geographicElement/EX_GeographicBoundingBox"):
        sides = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")
        try:
            west, south, east, north = (float(_first(element, side)) for side in sides)
        except ValueError:
            continue
        if -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90:
            return [west, south, east, north]
    return None


def _temporal(root: Element) -> str:
    for element in _all(root, f"{_EXTENT}/temporalElement/*/extent/*"):
        begin = _first(element, "beginPosition", "begin/TimeInstant/timePosition", "timePosition")
        end = _first(element, "endPosition", "end/TimeInstant/timePosition", "timePosition")
        if begin or end:
            return f"{begin}/{end}"
    return ""


def _distributions(root: Element) -> Iterator[Distribution]:
    formats = [*_texts(root, "distributionInfo/MD_Distribution/distributionFormat/MD_Format/name")]
    one = formats[0] if len(set(formats)) == 1 else ""
    for way in _all(root, ".//MD_DigitalTransferOptions"):
        size = _first(way, "transferSize")
        links = list(_all(way, "onLine/CI_OnlineResource"))
        for link in links:
            if url := _first(link, "linkage"):
                form = _first(link, "protocol") or one
                yield Distribution(url, form, _first(link, "name"), _bytes(size) if len(links) == 1 else None)


def _bytes(megabytes: str) -> int | None:
    try:
        return int(float(megabytes) * MEGABYTE) or None
    except (ValueError, OverflowError):
        return None


def _all(element: Element, path: str) -> Iterator[Element]:
    steps = (step if step in ("*", ".", "") else f"{{*}}{step}" for step in path.split("/"))
    yield from (found for found in element.iterfind("/".join(steps)) if isinstance(found, etree._Element))


def _texts(element: Element, path: str) -> Iterator[str]:
    return filter(None, map(xml.text, _all(element, path)))


def _first(element: Element, *paths: str) -> str:
    return next((text for path in paths for text in _texts(element, path)), "")
