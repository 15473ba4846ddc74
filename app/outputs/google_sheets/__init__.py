"""The overview in a Google Sheet in which curators write as well: we are a guest there.

A visit reads the spreadsheet (two requests), plans the fewest edits (`plan`) and writes them (`requests`), if there
are any, in as few requests as Google allows. Where it turns out that people moved things in between, or where nobody
knows whether a write was carried out, it is read and planned again: a plan is always made from what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo

from app.domain.details import Overview
from app.domain.visit import Guestbook, Visit
from app.errors import OutputError
from app.outputs.google_sheets.client import NAME, Account, Quota, Refused, Sheets, Unsure
from app.outputs.google_sheets.columns import to_be_read
from app.outputs.google_sheets.edits import Plan
from app.outputs.google_sheets.grid import Book
from app.outputs.google_sheets.mend import mended
from app.outputs.google_sheets.plan import plan
from app.outputs.google_sheets.requests import batches, given_back, guarded
from app.outputs.google_sheets.want import Want, want_of

ARCHIVE = "Archive"
MOST_CELLS = 10_000_000
"""In a spreadsheet ("Files you can store in Google Drive")."""

TRIES, STRICT = 6, 3
"""So often a visit begins anew before it gives up, for people are not that quick for long; and so often with the
strict guards, in case that Google should not take those at all."""


@dataclass(frozen=True, slots=True)
class GoogleSheets:
    """One spreadsheet. `sheet`: its key, address or title; `archive_after`: for how long a dataset must be gone before
    its row goes to the tab Archive (None: it never does)."""

    account: Account
    sheet: str
    time_zone: tzinfo
    archive_after: timedelta | None = None
    quota: Quota = field(default_factory=Quota)

    name = NAME

    def visit(
        self,
        overview: Overview,
        book: Guestbook,
        allowed: Callable[[], None] = lambda: None,
        *,
        restore: bool = False,
        dry_run: bool = False,
    ) -> Visit:
        """Makes the spreadsheet show the overview. `allowed` is called before each write, and raises where this run
        must write no more. Raises OutputError; what was written before that stays, and the next visit goes on."""
        sheets = Sheets(self.account, self.quota)
        wants = self._wants(overview, book)
        over = dict.fromkeys(book.gone, "gone") | dict.fromkeys(book.left_out, "private")
        key, cells, beside = self.sheet, 0, None
        reason = OutputError(NAME, "curators change accessions faster than they can be put right; run again")
        for attempt in range(TRIES):
            read = self._read(sheets, key, wants)
            key = read.key
            try:
                if lost := mended(beside, read) if beside else ():
                    allowed()
                    sheets.write(key, {"requests": given_back(lost)})
                    read = self._read(sheets, key, wants)
                beside = None
                planned = plan(read, wants, over, book.annotations, restore=restore)
                _within_limits(planned)
                strict = attempt < STRICT
                for batch in batches(planned, overview.states, strict=strict) if planned.edited and not dry_run else ():
                    allowed()
                    told = sheets.write(key, {"requests": batch.requests})
                    cells += batch.cells
                    if not guarded(told, batch):
                        beside = planned
                        break
                else:
                    if planned.again and not dry_run:
                        continue
                    return _visit(read, planned, sheets, cells, dry_run)
                reason = OutputError(NAME, "people move columns faster than they can be written; run again")
            except Refused as refused:
                reason = refused.reason
            except Unsure:
                beside = beside or planned
                reason = OutputError(NAME, "Google breaks off while it is written to; the next run completes it")
        raise reason

    def _read(self, sheets: Sheets, key: str, wants: Sequence[Want]) -> Book:
        book = sheets.open(key)
        return sheets.cells(book, to_be_read(book, wants))

    def _wants(self, overview: Overview, book: Guestbook) -> list[Want]:
        wants = [want_of(table, self.time_zone) for table in overview.tables]
        if self.archive_after is not None and overview.as_of is not None:
            before = overview.as_of - self.archive_after
            gone = sorted(dataset for dataset, since in book.gone.items() if since <= before)
            wants.append(
                Want(ARCHIVE, ("Accession",), 0, tuple(gone), [[d] for d in gone], datasets=True, travels=True)
            )
        return wants


def _within_limits(planned: Plan) -> None:
    if planned.cells_after > MOST_CELLS:
        many, most = f"{planned.cells_after:,}", f"{MOST_CELLS:,}"
        raise OutputError(
            NAME,
            f"the spreadsheet {planned.book.key} would have {many} cells, and Google allows {most}; nothing was "
            "written: leave columns out (`columns`), or publish to a spreadsheet of its own",
        )


def _visit(read: Book, planned: Plan, sheets: Sheets, cells: int, dry_run: bool) -> Visit:
    return Visit(
        where=read.address,
        annotations=planned.annotations,
        left_alone=planned.left_alone,
        reads=sheets.asked["read"],
        writes=sheets.asked["write"],
        cells=cells,
        differences=tuple(planned.differences()) if dry_run else (),
    )
