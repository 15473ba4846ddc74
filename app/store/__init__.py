"""The store: tables, migrations, queries; SQLite by default, PostgreSQL by address."""

from __future__ import annotations

from datetime import timedelta

from app.domain.model import Lifecycle
from app.ports import Store
from app.store.database import PATIENCE, connect, ensure_schema
from app.store.sql import SqlStore
from app.store.terms import LeaseTerms


def open_store(
    address: str,
    lifecycle: Lifecycle,
    *,
    create: bool,
    patience: timedelta = PATIENCE,
    lease: LeaseTerms = LeaseTerms(),  # noqa: B008 - frozen
) -> Store:
    """`create` makes what is missing (directory, file, tables) and migrates an older store; without it the store
    must be there. `patience` is how long to wait for a writer, `lease` what an SQLite lock is granted for.
    Raises StoreMissing, StoreTooNew (the store is left alone) or StoreError."""
    database = connect(address, patience)
    ensure_schema(database, create=create)
    return SqlStore(database, lifecycle, lease)
