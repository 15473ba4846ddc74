"""FGDC CSDGM as XML (Content Standard for Digital Geospatial Metadata, FGDC-STD-001-1998): its ten elements that no
record may be without, and the others that are read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.domain.catalogue import Facts
from app.errors import RecordError
from app.sources.records import Distribution, facts, moment, xml
from app.sources.records.xml import Element

ROOT = "metadata"

MEGABYTE = 1_000_000
"""In which CSDGM counts the size of a transfer (6.4.2.1.7)."""

MINIMAL = {
    "title": "idinfo/citation/citeinfo/title",
    "originator": "idinfo/citation/citeinfo/origin",
    "publication date": "idinfo/citation/citeinfo/pubdate",
    "abstract": "idinfo/descript/abstract",
    "purpose": "idinfo/descript/purpose",
    "progress": "idinfo/status/progress",
    "bounding coordinates": "idinfo/spdom/bounding",
    "theme keyword": "idinfo/keywords/theme/themekey",
    "metadata date": "metainfo/metd",
    "metadata contact": "metainfo/metc/cntinfo",
}
"""What is wanted -> where."""


def is_one(root: Element) -> bool:
    """Others call their root the same: what it has within tells."""
    return root.tag == ROOT and (root.find("idinfo") is not None or root.find("metainfo") is not None)


def understood(root: Element, within: str = "") -> Facts:
    """`within`: the identifier of what it is a part of. Raises RecordError with all that is wrong."""
    warnings = [f"{name}: is missing or empty ({path})" for name, path in MINIMAL.items() if not _first(root, path)]
    title = _first(root, MINIMAL["title"])
    if not title:
        raise RecordError(warnings[0], warnings=warnings[1:])
    links = list(xml.texts(root, "idinfo/citation/citeinfo/onlink", {}))
    return facts(
        title,
        description=_first(root, MINIMAL["abstract"], MINIMAL["purpose"]),
        identifiers=[*xml.texts(root, "idinfo/datsetid", {}), *links],
        modified=moment(_date(_first(root, MINIMAL["metadata date"]))),
        issued=_date(_first(root, MINIMAL["publication date"])),
        organisation=_first(root, *_contacts("cntorgp/cntorg", "cntperp/cntorg"), MINIMAL["originator"]),
        contact=_first(root, *_contacts("cntperp/cntper", "cntorgp/cntper", "cntemail")),
        keywords=[key for path in _KEYWORDS for key in xml.texts(root, path, {})],
        box=_box(root),
        temporal=_temporal(root),
        distributions=_distributions(root, links),
        parent=within,
        kind="dataset",
        warnings=warnings,
    )


_KEYWORDS = tuple(f"idinfo/keywords/{kind}/{kind}key" for kind in ("theme", "place", "stratum", "temporal"))


def _contacts(*what: str) -> list[str]:
    return [f"{whom}/cntinfo/{each}" for whom in ("idinfo/ptcontac", "metainfo/metc") for each in what]


def _first(root: Element, *paths: str) -> str:
    return xml.first(root, list(paths), {})


def _date(text: str) -> str:
    """A date as CSDGM writes it (YYYY, YYYYMM or YYYYMMDD) as ISO 8601 does; anything else as it is."""
    if match := re.fullmatch(r"(\d{4})(\d{2})(\d{2})?", text):
        return "-".join(filter(None, match.groups()))
    return text


def _box(root: Element) -> list[float] | None:
    bounding = root.find("idinfo/spdom/bounding")
    if bounding is None:
        return None
    try:
        west, south, east, north = (
            float(_first(bounding, side)) for side in ("westbc", "southbc", "eastbc", "northbc")
        )
    except ValueError:
        return None
    right = -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90
    return [west, south, east, north] if right else None


def _temporal(root: Element) -> str:
    period = root.find("idinfo/timeperd/timeinfo")
    if period is None:
        return ""
    begin = _date(_first(period, "rngdates/begdate", "sngdate/caldate", "mdattim/sngdate/caldate"))
    end = _date(_first(period, "rngdates/enddate", "sngdate/caldate", "mdattim/sngdate/caldate"))
    return f"{begin}/{end}" if begin or end else ""


def _distributions(root: Element, links: list[str]) -> Iterator[Distribution]:
    seen = set()
    for way in root.iterfind("distinfo/stdorder/digform"):
        for url in xml.texts(way, "digtopt/onlinopt/computer/networka/networkr", {}):
            seen.add(url)
            yield Distribution(url, _first(way, "digtinfo/formname"), "", _bytes(_first(way, "digtinfo/transize")))
    yield from (Distribution(url) for url in links if url not in seen)


def _bytes(megabytes: str) -> int | None:
    try:
        return int(float(megabytes) * MEGABYTE) or None
    except (ValueError, OverflowError):
        return None
