"""Tables as they should be, and tabs as they are, from few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.domain.details import Overview
from app.domain.model import Lifecycle, Scalar
from app.domain.overview import DISCOVER, PROBLEMS, TRACK, Cell, Table
from app.domain.visit import Guestbook, Visit
from app.outputs.google_sheets import GoogleSheets
from app.outputs.google_sheets.client import Account
from app.outputs.google_sheets.grid import Book, Tab, Tag, TitleTag
from app.outputs.google_sheets.want import KEY, Want
from tests.servers.sheets import Curator, SheetsServer

COLUMNS = ("Accession", "Status", "Title", "Checked")


def want(name: str, *rows: Sequence[Scalar], curators: tuple[str, ...] = ()) -> Want:
    """A tab of datasets; a row is an accession and what follows it."""
    filled = [[*row, *([""] * (len(COLUMNS) - len(row)))] for row in rows]
    return Want(
        name, COLUMNS, 0, tuple(str(row[0]) for row in rows), filled,
        clocks=frozenset({3}), mark=1, curators=curators, datasets=True,
    )  # fmt: skip


def problems(*rows: Sequence[Scalar]) -> Want:
    """A tab that is not of datasets; the last cell of a row is its key."""
    return Want(
        PROBLEMS, ("Severity", "Message", KEY), 2, tuple(str(row[-1]) for row in rows), [[*r] for r in rows], mark=0
    )


def tab(name: str, *rows: Sequence[Scalar], title: str = "", own: Sequence[str] = COLUMNS, tagged: bool = True) -> Tab:
    """A tab of which the first row are titles; those of `own` are tagged as ours, the others as the curators'."""
    tags = [Tag(100 + n, label in own, str(label), n) for n, label in enumerate(rows[0]) if label] if tagged else []
    return Tab(
        id=sum(map(ord, title or name)), title=title or name, rows=len(rows) + 5, columns=max(map(len, rows)) + 2,
        table=name if tagged else "", tags=tuple(tags), titles=TitleTag(99, 0) if tagged else None,
        cells=[[*row] for row in rows],
    )  # fmt: skip


def book(*tabs: Tab) -> Book:
    return Book(
        "key",
        "Ingest Status",
        "https://example.org",
        tabs,
        frozenset(t.id for t in tabs),
        frozenset(t.title for t in tabs),
    )


def table(
    name: str, *rows: Sequence[Cell], columns: tuple[str, ...] = COLUMNS, curators: tuple[str, ...] = ()
) -> Table:
    """A table of the overview; the first cell of a row is its key."""
    keys = tuple(str(row[0]) for row in rows)
    filled = tuple((*row, *([None] * (len(columns) - len(row)))) for row in rows)
    datasets = keys if name in (DISCOVER, TRACK) else ()
    identity = columns[0] if name in (DISCOVER, TRACK) else ""
    return Table(name, columns, filled, datasets, keys, identity=identity, curators=curators)


@dataclass
class Desk:
    """A spreadsheet with a guest (the tracker) and a curator."""

    google: SheetsServer
    key: str
    email: str
    guest: GoogleSheets
    at: datetime

    @classmethod
    def of(cls, google: SheetsServer, folder: Path, at: datetime, **more: Any) -> Desk:
        file = folder / "google.json"
        email = google.service_account_file(file)
        key = google.create("DEV Ingest Status").book.key
        google.share(key, email)
        account = Account(file, patience=more.pop("patience", 5.0), api=google.url)
        return cls(google, key, email, GoogleSheets(account, key, UTC, **more), at)

    @property
    def curator(self) -> Curator:
        return self.google.curator(self.key)

    def visit(self, *tables: Table, book: Guestbook | None = None, **how: Any) -> Visit:
        """One visit; what was asked before is forgotten."""
        self.google.log.reset()
        overview = Overview(tables, self.at, Lifecycle.DEFAULT)
        return self.guest.visit(overview, book or Guestbook(), lambda: None, **how)

    def asked(self) -> tuple[int, int, int]:
        """Reads, writes and cells written of the last visit."""
        return self.google.log.reads, self.google.log.writes, self.google.log.cells_written
