"""The overview in a Google Sheet in which curators write as well: we are a guest there.

A visit reads the spreadsheet (two requests), plans the fewest edits (`plan`) and writes them (`requests`), if there
are any, in as few requests as Google allows. Where it turns out that people moved things in between, or where nobody
knows whether a write was carried out, it is read and planned again: a plan is always made from what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from app.domain.details import Overview
from app.domain.visit import Guestbook, Visit
from app.errors import OutputError
from app.outputs.google_sheets.client import NAME, Account, Connection, Quota, Refused, Sheets, Unsure
from app.outputs.google_sheets.columns import to_be_read
from app.outputs.google_sheets.edits import Plan
from app.outputs.google_sheets.grid import Book
from app.outputs.google_sheets.mend import mended
from app.outputs.google_sheets.partly import is_told, some_of
from app.outputs.google_sheets.plan import plan
from app.outputs.google_sheets.requests import batches, given_back, guarded
from app.outputs.google_sheets.want import Want, want_of

ARCHIVE = "Archive"
MOST_CELLS = 10_000_000
"""In a spreadsheet ("Files you can store in Google Drive")."""

VISIT = 5, 2
"""So many reads and writes a visit may take: those to some rows, and to all where those did not do."""

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
    last: _Last = field(default_factory=lambda: _Last())

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
        self.last.as_of = None
        with self._connected() as sheets:
            return self._visit(sheets, overview, book, allowed, restore=restore, dry_run=dry_run)

    def _visit(
        self,
        sheets: Sheets,
        overview: Overview,
        book: Guestbook,
        allowed: Callable[[], None],
        *,
        restore: bool,
        dry_run: bool,
    ) -> Visit:
        wants, over = self._wants(overview, book), _over(book)
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
                    if not dry_run:
                        self.last.shown(key, overview, wants)
                    return _report(read, planned, sheets, cells, dry_run)
                reason = OutputError(NAME, "people move columns faster than they can be written; run again")
            except Refused as refused:
                reason = refused.reason
            except Unsure:
                beside = beside or planned
                reason = OutputError(NAME, "Google breaks off while it is written to; the next run completes it")
        raise reason

    def pause(self) -> float:
        return max(self.quota.wait("read", VISIT[0]), self.quota.wait("write", VISIT[1]))

    def close(self) -> None:
        if self.last.connection is not None:
            self.last.connection.close()
            self.last.connection = None

    def refresh(self, overview: Overview, book: Guestbook, allowed: Callable[[], None] = lambda: None) -> Visit | None:
        """A visit to the rows of those datasets that the overview tells of, after one that showed all as of its
        `since`. None: all must be told; then what was written, if anything, goes on from there."""
        if overview.since is None or (self.last.as_of, self.last.layout) != (overview.since, overview.layout):
            return None
        self.last.as_of = None
        with self._connected() as sheets:
            return self._visit_some(sheets, overview, book, allowed)

    def _visit_some(
        self, sheets: Sheets, overview: Overview, book: Guestbook, allowed: Callable[[], None]
    ) -> Visit | None:
        cells = 0
        wants = [want_of(table, self.time_zone) for table in overview.tables]
        only = frozenset[str]().union(*(table.only or () for table in overview.tables))
        read = some_of(sheets.structure(self.last.key), wants, only, sheets.cells)
        if read is None:
            return None
        planned = plan(read, wants, {d: mark for d, mark in _over(book).items() if d in only}, book.annotations)
        if not is_told(planned, self.last.keys) or planned.cells_after > MOST_CELLS:
            return None
        try:
            for batch in batches(planned, overview.states, strict=True) if planned.edited else ():
                allowed()
                if not guarded(sheets.write(read.key, {"requests": batch.requests}), batch):
                    raise Unsure
                cells += batch.cells
        except Refused:
            return None
        except Unsure:
            if lost := mended(planned, self._read(sheets, read.key, wants)):
                allowed()
                sheets.write(read.key, {"requests": given_back(lost)})
            return None
        self.last.shown(read.key, overview, wants)
        return _report(read, planned, sheets, cells, dry_run=False)

    @contextmanager
    def _connected(self) -> Iterator[Sheets]:
        """The lines of the last visit, if that went well: then who we are need not be proven again."""
        sheets, self.last.connection = Sheets(self.account, self.quota, self.last.connection), None
        try:
            yield sheets
        except BaseException:
            sheets.connection.close()
            raise
        self.last.connection = sheets.connection

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


@dataclass(slots=True)
class _Last:
    """What was shown the last time. `as_of` None: nobody knows what is; `keys`: the datasets that have a row."""

    key: str = ""
    as_of: datetime | None = None
    layout: str = ""
    keys: set[str] = field(default_factory=set)
    connection: Connection | None = None

    def shown(self, key: str, overview: Overview, wants: Sequence[Want]) -> None:
        told = {key for want in wants if want.datasets for key in want.keys}
        whole = all(table.only is None for table in overview.tables)
        self.keys = told if whole else self.keys | told
        self.key, self.as_of, self.layout = key, overview.as_of, overview.layout


def _over(book: Guestbook) -> dict[str, str]:
    """Datasets that are in no table, and what their row is marked with."""
    return dict.fromkeys(book.gone, "gone") | dict.fromkeys(book.left_out, "private")


def _within_limits(planned: Plan) -> None:
    if planned.cells_after > MOST_CELLS:
        many, most = f"{planned.cells_after:,}", f"{MOST_CELLS:,}"
        raise OutputError(
            NAME,
            f"the spreadsheet {planned.book.key} would have {many} cells, and Google allows {most}; nothing was "
            "written: leave columns out (`columns`), or publish to a spreadsheet of its own",
        )


def _report(read: Book, planned: Plan, sheets: Sheets, cells: int, dry_run: bool) -> Visit:
    return Visit(
        where=read.address,
        annotations=planned.annotations,
        left_alone=planned.left_alone,
        reads=sheets.asked["read"],
        writes=sheets.asked["write"],
        cells=cells,
        differences=tuple(planned.differences()) if dry_run else (),
    )
