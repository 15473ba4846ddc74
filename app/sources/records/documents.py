"""A metadata document, of whichever standard: told by its root's qualified name, or as DCAT where it is JSON."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.catalogue import Facts
from app.errors import RecordError
from app.sources.records import dcat, dcat_us, fgdc, iso19115, xml


def understood(body: bytes, within: str = "") -> Facts:
    """`within`: the identifier of what it is a part of. Raises RecordError with all that is wrong."""
    if body[:100].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return _dcat(body, within)
    root = xml.parsed(body)
    if root.tag in iso19115.ROOTS:
        return iso19115.understood(root, within)
    if fgdc.is_one(root):
        return fgdc.understood(root, within)
    raise RecordError(f"is no metadata of a standard that is known here: its root is {str(root.tag)[:200]}")


def recognised(begin: bytes) -> str:
    """Of which standard a document is that begins so; empty: of none."""
    tags = xml.begun(begin)
    for roots, standard in ((iso19115.BY_19139, "ISO 19139"), (iso19115.BY_PART_3, "ISO 19115-3")):
        if tags and tags[0] in roots:
            return f"a metadata document as {standard} has it"
    if tags[:1] == [fgdc.ROOT] and {"idinfo", "metainfo"} & {*tags[1:]}:
        return "a metadata document as FGDC CSDGM has it"
    return ""


def _dcat(body: bytes, within: str) -> Facts:
    told = dcat.loaded(body)
    if not isinstance(told, Mapping):
        raise RecordError("is no JSON")
    if isinstance(told.get("dataset"), list):
        raise RecordError(
            "is a catalogue with datasets of its own, wanted is one: is this a source of the kind data-json?"
        )
    return dcat.understood(told, dcat.LONGEST_SPATIAL, within, [*dcat_us.breaches(told, dcat_us.profile(told))])
