"""What a cell is where only text, numbers and true or false can be written."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from app.domain.overview import Cell

FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 - the full-width ones count as well
"""How text begins that a spreadsheet takes as a formula, or comes to take as one by leaving out its first character."""


def plain(cell: Cell, time_zone: tzinfo) -> str | int | float | bool | None:
    """Times as ISO 8601 with the zone's offset, to the second. A file name that is not UTF-8 is shown with its odd
    bytes as `\\udce9`, for it could not be written otherwise."""
    if isinstance(cell, datetime):
        return local(cell, time_zone).isoformat()
    if isinstance(cell, str) and not cell.isascii():
        return cell.encode("utf-8", "backslashreplace").decode("utf-8")
    return cell


def local(moment: datetime, time_zone: tzinfo) -> datetime:
    """The moment in that zone, to the second. In UTC where the zone would take it past the end of the calendar, as
    the times of files may."""
    try:
        return moment.astimezone(time_zone).replace(microsecond=0)
    except OverflowError:
        return moment.astimezone(UTC).replace(microsecond=0)
