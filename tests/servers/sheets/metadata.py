"""Developer metadata: where it may be, and which of it a data filter means."""

from __future__ import annotations

from tests.servers.sheets.grid import Area, Book, Json, Refused


def located(book: Book, given: Json) -> Json:
    """A location as Google gives it back. Refused where it is not one row, one column, a tab or the spreadsheet."""
    if given.get("spreadsheet"):
        return {"locationType": "SPREADSHEET", "spreadsheet": True}
    if "sheetId" in given:
        return {"locationType": "SHEET", "sheetId": book.sheet(given["sheetId"]).id}
    span = given.get("dimensionRange")
    if not span:
        raise Refused("developerMetadata.location is required.")
    count = len(book.sheet(span.get("sheetId")).lines(span["dimension"]))
    start, end = span.get("startIndex", 0), span.get("endIndex", count)
    if end != start + 1:
        raise Refused("DimensionRange must represent a single row or column.")
    if not 0 <= start < count:
        raise Refused(f"dimensionRange.endIndex[{end}] is after last {span['dimension'].lower()[:-1]} in grid[{count}]")
    kept = {"sheetId": span.get("sheetId", 0), "dimension": span["dimension"], "startIndex": start, "endIndex": end}
    return {"locationType": span["dimension"][:-1], "dimensionRange": kept}


def sheet_of(one: Json) -> int | None:
    """The tab that an entry belongs to; None: the spreadsheet."""
    location = one["location"]
    return location.get("dimensionRange", location).get("sheetId")


def area_of(book: Book, location: Json) -> Area | None:
    """The cells that a location covers; None: the spreadsheet as a whole."""
    if "spreadsheet" in location:
        return None
    span = location.get("dimensionRange")
    sheet = book.sheet((span or location).get("sheetId"))
    if not span:
        return sheet.everything
    first, last = span["startIndex"], span["endIndex"]
    rows = span["dimension"] == "ROWS"
    return Area(sheet.id, *((first, last, 0, sheet.width) if rows else (0, sheet.height, first, last)))


def matches(book: Book, one: Json, by: Json) -> bool:
    """Whether a DataFilter means this entry."""
    if "developerMetadataLookup" in by:
        return _looked_up(book, one, by["developerMetadataLookup"])
    wanted = book.a1_area(by["a1Range"]) if "a1Range" in by else book.area(by.get("gridRange", {}), "gridRange")
    area = area_of(book, one["location"])
    return area is not None and area.meets(wanted)


def _looked_up(book: Book, one: Json, by: Json) -> bool:
    strategy, kind, where = (by.get(key) for key in ("locationMatchingStrategy", "locationType", "metadataLocation"))
    if strategy and where is None:
        raise Refused("metadataLocation must be specified when locationMatchingStrategy is.")
    if strategy == "EXACT_LOCATION" and kind:
        raise Refused("locationType must not be specified when locationMatchingStrategy is EXACT_LOCATION.")
    if any(
        by[key] != one.get(key) for key in ("metadataId", "metadataKey", "metadataValue", "visibility") if key in by
    ):
        return False
    if kind and one["location"]["locationType"] != kind:
        return False
    if where is None:
        return True
    place = located(book, where)
    if strategy == "EXACT_LOCATION" or "spreadsheet" in place:
        return place == one["location"]
    area, wanted = area_of(book, one["location"]), area_of(book, place)
    return area is not None and wanted is not None and area.meets(wanted)
