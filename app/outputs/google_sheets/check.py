"""What may be done with the spreadsheet, found out by looking at it."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.overview import Table
from app.errors import OutputError
from app.outputs.google_sheets import GoogleSheets
from app.outputs.google_sheets.client import Sheets
from app.outputs.google_sheets.columns import to_be_read
from app.outputs.google_sheets.edits import TabPlan
from app.outputs.google_sheets.grid import Book
from app.outputs.google_sheets.plan import plan
from app.outputs.google_sheets.want import want_of


def examine(guest: GoogleSheets, tables: Sequence[Table]) -> list[dict[str, str]]:
    """`{"name", "status": "ok|warning|failed", "found"}` a line. `tables`: those that there are, without rows.
    Nothing is written: whether we may write is asked with a request that changes nothing."""
    lines: list[dict[str, str]] = []

    def line(name: str, status: str, found: str) -> None:
        lines.append({"name": name, "status": status, "found": found})

    try:
        sheets = Sheets(guest.account, guest.quota)
        line("account", "ok", sheets.email)
        book = sheets.open(guest.sheet)
        wants = [want_of(table, guest.time_zone) for table in tables]
        book = sheets.cells(book, to_be_read(book, wants))
        line("spreadsheet", "ok", f"{book.title} ({book.address})")
    except OutputError as error:
        line("spreadsheet" if lines else "account", "failed", str(error))
        return lines
    line("writing", *_may_write(sheets, book))
    for planned in plan(book, wants).tabs:
        line(planned.want.name, *_tab(planned))
    left = {kind: sheets.quota.left(kind) for kind in ("read", "write")}
    told = f"{left['read']} reads and {left['write']} writes of {sheets.quota.limit} each, as far as asked from here"
    line("quota left in this minute", "ok", told)
    return lines


def _may_write(sheets: Sheets, book: Book) -> tuple[str, str]:
    """Sets the title to what it is."""
    same = {"properties": {"title": book.title}, "fields": "title"}
    try:
        sheets.write(book.key, {"requests": [{"updateSpreadsheetProperties": same}]})
    except OutputError as error:
        return "failed", str(error)
    return "ok", f"{sheets.email} may"


def _tab(planned: TabPlan) -> tuple[str, str]:
    if planned.new:
        return "ok", "is not there yet: it will be made"
    made = {column.title for column in planned.made}
    ours = [title for title in planned.want.columns if title not in made]
    theirs = ", ".join(planned.beside) or "none"
    found = f"tab {planned.tab.title!r}: {len(ours)} columns are ours, declared ones of the curators: {theirs}"
    if planned.setup:
        found += "; it was made by others and will be adopted"
    missing = [title for title in planned.want.columns if title in made]
    return ("warning", f"{found}; will be added: {', '.join(missing)}") if missing else ("ok", found)
