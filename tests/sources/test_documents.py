"""Metadata documents of each standard: what is read of them, what is wrong with them, and what hostile ones gain."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.errors import RecordError
from app.sources.records import documents, fgdc
from tests.sources.contract import Study, dcat_us, iso

ISO = iso(Study("S-1", "What moves in meadows")).decode()


def refused(body: bytes | str) -> str:
    with pytest.raises(RecordError) as raised:
        documents.understood(body if isinstance(body, bytes) else body.encode())
    return str(raised.value)


def altered(**names: str) -> bytes:
    """The document with these in the place of what has their name."""
    body = ISO
    for name, other in names.items():
        begin, end = body.index(f"<gmd:{name}>"), body.index(f"</gmd:{name}>") + len(f"</gmd:{name}>")
        body = body[:begin] + other + body[end:]
    return body.encode()


# --------------------------------------------------------------------------- what each standard says

EXTENT = """<gmd:extent><gmd:EX_Extent>
<gmd:geographicElement><gmd:EX_GeographicBoundingBox>
  <gmd:westBoundLongitude><gco:Decimal>-7.5</gco:Decimal></gmd:westBoundLongitude>
  <gmd:eastBoundLongitude><gco:Decimal>2</gco:Decimal></gmd:eastBoundLongitude>
  <gmd:southBoundLatitude><gco:Decimal>50.25</gco:Decimal></gmd:southBoundLatitude>
  <gmd:northBoundLatitude><gco:Decimal>61</gco:Decimal></gmd:northBoundLatitude>
</gmd:EX_GeographicBoundingBox></gmd:geographicElement>
<gmd:temporalElement><gmd:EX_TemporalExtent><gmd:extent>
  <gml:TimePeriod xmlns:gml="http://www.opengis.net/gml/3.2" gml:id="t">
    <gml:beginPosition>2020-01-01</gml:beginPosition><gml:endPosition>2020-12-31</gml:endPosition>
  </gml:TimePeriod></gmd:extent></gmd:EX_TemporalExtent></gmd:temporalElement>
</gmd:EX_Extent></gmd:extent>"""

KEYWORDS = """<gmd:descriptiveKeywords><gmd:MD_Keywords>
<gmd:keyword><gco:CharacterString>Earth Science > Meadows</gco:CharacterString></gmd:keyword>
<gmd:keyword><gco:CharacterString>voles, MICE</gco:CharacterString></gmd:keyword>
</gmd:MD_Keywords></gmd:descriptiveKeywords>"""

WAYS = """<gmd:distributionInfo><gmd:MD_Distribution>
<gmd:distributionFormat><gmd:MD_Format><gmd:name><gco:CharacterString>CSV</gco:CharacterString></gmd:name>
<gmd:version><gco:CharacterString>1</gco:CharacterString></gmd:version></gmd:MD_Format></gmd:distributionFormat>
<gmd:transferOptions><gmd:MD_DigitalTransferOptions>
<gmd:transferSize><gco:Real>2.5</gco:Real></gmd:transferSize>
<gmd:onLine><gmd:CI_OnlineResource><gmd:linkage><gmd:URL>https://example.org/meadows.csv</gmd:URL></gmd:linkage>
<gmd:name><gco:CharacterString>All counts</gco:CharacterString></gmd:name></gmd:CI_OnlineResource></gmd:onLine>
</gmd:MD_DigitalTransferOptions></gmd:transferOptions></gmd:MD_Distribution></gmd:distributionInfo>"""


def full() -> bytes:
    body = ISO.replace("</gmd:language>", f"</gmd:language>{EXTENT}").replace(
        "<gmd:language>", f"{KEYWORDS}<gmd:language>"
    )
    body = body.replace("</gmd:identificationInfo>", f"</gmd:identificationInfo>{WAYS}")
    names = ("fileIdentifier", "GDS7-file"), ("parentIdentifier", "GDS7-series")
    heads = "".join(f"<gmd:{n}><gco:CharacterString>{t}</gco:CharacterString></gmd:{n}>" for n, t in names)
    return body.replace("<gmd:contact>", f"{heads}<gmd:contact>", 1).encode()


def test_iso_19139() -> None:
    told = documents.understood(full())
    assert (told.title, told.description, told.identifiers) == (
        "What moves in meadows",
        "What was found",
        ("GDS7-file",),
    )
    assert told.modified == datetime(2026, 1, 31, tzinfo=UTC)
    assert told.warnings == ()
    assert told.more == {
        "organisation": "A laboratory",
        "keywords": ["earth science", "meadows", "voles", "mice"],
        "box": [-7.5, 50.25, 2.0, 61.0],
        "temporal": "2020-01-01/2020-12-31",
        "distributions": [
            {"url": "https://example.org/meadows.csv", "format": "CSV", "title": "All counts", "size": 2_621_440}
        ],
        "parent": "GDS7-series",
    }


def test_iso_19115_3_says_the_same_in_other_words() -> None:
    def named(name: str, text: str) -> str:
        return f"<mdb:{name}><gco:CharacterString>{text}</gco:CharacterString></mdb:{name}>"

    body = (
        '<mdb:MD_Metadata xmlns:mdb="http://standards.iso.org/iso/19115/-3/mdb/2.0" xmlns:m="urn:m"'
        ' xmlns:gco="http://standards.iso.org/iso/19115/-3/gco/1.0">'
        f"<mdb:metadataIdentifier><m:MD_Identifier>{named('code', 'M-1')}</m:MD_Identifier></mdb:metadataIdentifier>"
        "<mdb:dateInfo><m:CI_Date><m:date><gco:DateTime>2026-01-31T09:05:00Z</gco:DateTime></m:date></m:CI_Date></mdb:dateInfo>"
        "<mdb:contact><m:CI_Responsibility><m:party><m:CI_Organisation>"
        f"{named('name', 'A laboratory')}</m:CI_Organisation></m:party></m:CI_Responsibility></mdb:contact>"
        f"<mdb:identificationInfo><m:MD_DataIdentification><m:citation><m:CI_Citation>{named('title', 'Meadows')}"
        f"</m:CI_Citation></m:citation>{named('abstract', 'Counts')}</m:MD_DataIdentification></mdb:identificationInfo>"
        "</mdb:MD_Metadata>"
    )
    told = documents.understood(body.encode(), within="the collection")
    assert (told.title, told.description, told.identifiers) == ("Meadows", "Counts", ("M-1",))
    assert told.modified == datetime(2026, 1, 31, 9, 5, tzinfo=UTC)
    assert told.more == {"organisation": "A laboratory", "parent": "the collection"}
    assert told.warnings == (), "its rules are not held against it"


def csdgm(**texts: str) -> bytes:
    """A record with the ten elements that none may be without."""
    said = {name: texts.get(name.replace(" ", "_"), "20260131" if "date" in name else name) for name in fgdc.MINIMAL}
    root: dict[str, Any] = {}
    for name, path in fgdc.MINIMAL.items():
        if said[name]:
            *steps, last = path.split("/")
            room = root
            for step in steps:
                room = room.setdefault(step, {})
            room[last] = said[name]

    def written(room: dict[str, Any]) -> str:
        return "".join(f"<{n}>{written(v) if isinstance(v, dict) else v}</{n}>" for n, v in room.items())

    return f"<metadata>{written(root)}</metadata>".encode()


def test_fgdc() -> None:
    told = documents.understood(csdgm(title="Meadows", abstract="Counts", originator="A laboratory"))
    assert (told.title, told.description, told.warnings) == ("Meadows", "Counts", ())
    assert told.modified == datetime(2026, 1, 31, tzinfo=UTC)
    assert told.more["organisation"] == "A laboratory"
    assert told.more["keywords"] == ["theme keyword"]


def test_each_of_the_ten_elements_of_fgdc_that_is_missing_is_named() -> None:
    told = documents.understood(csdgm(abstract="", purpose="", metadata_date=""))
    assert told.warnings == (
        "abstract: is missing or empty (idinfo/descript/abstract)",
        "purpose: is missing or empty (idinfo/descript/purpose)",
        "metadata date: is missing or empty (metainfo/metd)",
    )


def test_dcat_us_as_a_document_of_its_own() -> None:
    told = documents.understood(b"\xef\xbb\xbf" + json.dumps(dcat_us(Study("S-1", "Meadows"))).encode(), within="all")
    assert (told.title, told.more["parent"], told.warnings) == ("Meadows", "all", ())


# --------------------------------------------------------------------------- what is wrong, in words


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"not here", "is no XML: Start tag expected, '<' not found"),
        (b"<a><b></a>", "is no XML: Opening and ending tag mismatch: b"),
        (b"<html><body>Under maintenance</body></html>", "its root is html"),
        (b'<x:MD_Metadata xmlns:x="urn:another"/>', "its root is {urn:another}MD_Metadata"),
        (b"<metadata><title>Nothing of FGDC</title></metadata>", "its root is metadata"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "is no XML"),
        (b"{", "is no JSON"),
        (b'{"dataset": []}', "is this a source of the kind data-json?"),
        (b'{"identifier": "S-1"}', "title: is missing or empty, wanted is a text"),
        (altered(title=""), "title: is missing or empty (identificationInfo > citation > title), wanted is a text"),
        (csdgm(title=""), "title: is missing or empty (idinfo/citation/citeinfo/title)"),
    ],
)
def test_what_cannot_be_used_says_why(body: bytes, why: str) -> None:
    assert why in refused(body)


CODE = '<gmd:role><gmd:CI_RoleCode codeListValue="owner">owner</gmd:CI_RoleCode></gmd:role>'


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (altered(abstract=""), "identificationInfo > language: is not expected here, wanted is abstract"),
        (altered(dateStamp="<gmd:dateStamp><gco:Date>31.1.2026</gco:Date></gmd:dateStamp>"),
         "dateStamp > Date: holds what it may not, wanted is a value of the type Date_Type"),
        (altered(dateStamp="<gmd:dateStamp>lately</gmd:dateStamp>"),
         "dateStamp: has text of its own, wanted are elements alone"),
        (altered(role=CODE), "contact > role > CI_RoleCode: has no codeList, wanted is that attribute"),
        (altered(role=""),
         "contact > CI_ResponsibleParty: does not hold enough, wanted is positionName, contactInfo, role"),
        (altered(language='<gmd:language note="x"><gco:CharacterString>eng</gco:CharacterString></gmd:language>'),
         "identificationInfo > language: has an attribute note, wanted is none of that name"),
    ],
)  # fmt: skip
def test_what_breaks_the_rules_of_iso_19139_is_read_and_named(body: bytes, why: str) -> None:
    told = documents.understood(body)
    assert told.title == "What moves in meadows"
    assert told.warnings == (why,)


def test_all_that_is_wrong_is_named_and_not_the_first_alone() -> None:
    with pytest.raises(RecordError) as raised:
        documents.understood(altered(title="", abstract="", role=CODE))
    assert len(raised.value.messages) == 1
    assert len(raised.value.warnings) == 3


def test_gml_of_either_year_is_held_against_its_own_schema() -> None:
    assert documents.understood(full()).warnings == ()
    old = full().replace(b"http://www.opengis.net/gml/3.2", b"http://www.opengis.net/gml")
    assert documents.understood(old).warnings == ()
    newer = full().replace(b"http://www.opengis.net/gml/3.2", b"http://www.opengis.net/gml/4")
    assert (
        documents.understood(newer)
        .warnings[0]
        .endswith("is of another namespace than what is around it, wanted is the same")
    )


def test_iso_19115_2_is_held_against_what_iso_19139_knows_of_it() -> None:
    gmi = 'xmlns:gmi="http://www.isotc211.org/2005/gmi"'
    body = ISO.replace("<gmd:MD_Metadata ", f"<gmi:MI_Metadata {gmi} ").replace(
        "</gmd:MD_Metadata>", "<gmi:acquisitionInformation><gmi:odd/></gmi:acquisitionInformation></gmi:MI_Metadata>"
    )
    told = documents.understood(body.encode())
    assert told.warnings == ("is of ISO 19115-2 (gmi): only what ISO 19139 has rules for was held against them",)
    wrong = body.replace("<gmd:language>", "<gmd:nosuch/><gmd:language>")
    assert "nosuch: is not expected here" in documents.understood(wrong.encode()).warnings[1]


def test_the_same_fault_of_others_is_the_same_sentence() -> None:
    one, other = (
        altered(dateStamp=f"<gmd:dateStamp><gco:Date>{d}</gco:Date></gmd:dateStamp>") for d in ("then", "soon")
    )
    assert documents.understood(one).warnings == documents.understood(other).warnings


# --------------------------------------------------------------------------- what hostile ones gain


def doctype(declared: str, used: str) -> bytes:
    return f"<!DOCTYPE x [{declared}]>".encode() + altered(title=f"<gmd:title>{used}</gmd:title>")


LAUGHS = '<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {n} "{f"&{m};" * 10}">' for m, n in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "body",
    [
        doctype('<!ENTITY e SYSTEM "file:///etc/passwd">', "&e;"),
        doctype('<!ENTITY e SYSTEM "http://127.0.0.1:9/">', "&e;"),
        doctype('<!ENTITY % e SYSTEM "file:///etc/passwd"> %e;', "x"),
        doctype(LAUGHS, "&i;"),
        doctype('<!ENTITY e "harmless">', "&e;"),
    ],
)
def test_entities_are_refused(body: bytes) -> None:
    assert refused(body) == "declares entities, which are not read: they must be written out"


def test_a_document_type_that_lies_elsewhere_is_not_looked_at() -> None:
    body = b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">' + ISO.encode()
    assert documents.understood(body).title == "What moves in meadows"


def test_what_is_too_deep_or_too_large_is_refused() -> None:
    assert "is no XML: Excessive depth" in refused(b"<a>" * 100_000)
    assert "is no XML" in refused(b"<a>" + b"x" * 11_000_000 + b"</a>")
    assert "is no JSON" in refused(b'{"a":' * 100_000)


def test_no_schema_is_asked_for_on_the_web() -> None:
    where = 'xsi:schemaLocation="http://www.isotc211.org/2005/gmd http://127.0.0.1:9/gmd.xsd"'
    body = ISO.replace(" xmlns:gmd", f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {where} xmlns:gmd', 1)
    assert documents.understood(body.encode()).warnings == ()


def test_half_a_character_in_json_is_replaced_wherever_it_stands() -> None:
    told = dcat_us(Study("S-1", "Mead\ud800ows")) | {"tit\udfffle": "\ud800"}
    assert documents.understood(json.dumps(told).encode()).title == "Mead\ufffdows"
