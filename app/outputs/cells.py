"""What a cell is where only text, numbers and true or false can be written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from colorsys import hls_to_rgb
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


def cut(text: str, limit: int, mark: str = "") -> str:
    """Of no more UTF-16 units than the limit; what is longer ends with the mark."""
    if len(text) <= limit // 2:
        return text
    units = text.encode("utf-16-le")
    return text if len(units) <= 2 * limit else units[: 2 * (limit - len(mark))].decode("utf-16-le", "ignore") + mark


def colours(states: Sequence[str]) -> dict[str, str]:
    """state -> its colour: from violet over blue to green, as far as it is in the order of the lifecycle."""
    hues = [5 / 6 - rank / max(len(states) - 1, 1) / 2 for rank in range(len(states))]
    shades = [[round(255 * part) for part in hls_to_rgb(hue, 0.86, 0.7)] for hue in hues]
    return {state: f"#{bytes(shade).hex()}" for state, shade in zip(states, shades, strict=True)}
