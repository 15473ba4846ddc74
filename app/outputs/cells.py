"""What a cell is where only text, numbers and true or false can be written."""

from __future__ import annotations

from datetime import datetime, tzinfo

from app.domain.overview import Cell


def plain(cell: Cell, time_zone: tzinfo) -> str | int | float | bool | None:
    """Times as ISO 8601 with the zone's offset, to the second. A file name that is not UTF-8 is shown with its odd
    bytes as `\\udce9`, for it could not be written otherwise."""
    if isinstance(cell, datetime):
        return cell.astimezone(time_zone).isoformat(timespec="seconds")
    if isinstance(cell, str) and not cell.isascii():
        return cell.encode("utf-8", "backslashreplace").decode("utf-8")
    return cell
