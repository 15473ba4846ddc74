"""The sources that commands have named, and those that are not to be read for now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.model import Registered, SourceConfig
from app.errors import StoreError
from app.store import rows
from app.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class SqlRegister:
    """See `app.ports.Register`."""

    database: Database

    def sources(self) -> Sequence[Registered]:
        with self.database.snapshot() as snapshot:
            found = snapshot.rows(
                f"SELECT {', '.join(rows.SOURCE_COLUMNS)}, private_options, enabled FROM source_config"
                " WHERE NOT deleted AND (added OR NOT enabled) ORDER BY id"
            )
            told = [
                (rows.kept_source(row, snapshot), bytes(sealed) if sealed is not None else None, bool(enabled))
                for *row, sealed, enabled in found
            ]
        return [
            Registered(values["label"], values["key"], rows.entry(values), sealed, enabled, values["added"])
            for values, sealed, enabled in told
        ]

    def add(self, sources: Iterable[tuple[SourceConfig, bytes | None]], at: datetime) -> None:
        with self.database.writing() as transaction:
            for source, sealed in sources:
                _put(transaction, {**rows.source_values(source), "private_options": sealed, "date_modified": at})

    def withdraw(self, name: str, at: datetime) -> None:
        self._set("added = false", name, at)

    def enable(self, source: SourceConfig, enabled: bool, at: datetime) -> None:
        with self.database.writing() as transaction:
            values = {**rows.source_values(source), "enabled": enabled, "date_modified": at}
            if _version(transaction, source.name) is None:
                transaction.added("source_config", **values, date_created=at)
        self._set("enabled = :enabled", source.name, at, enabled=enabled)

    def seal(self, sealed: Mapping[str, bytes], at: datetime) -> None:
        with self.database.writing() as transaction:
            for name, private in sealed.items():
                transaction.execute(
                    "UPDATE source_config SET private_options = :private, date_modified = :at"
                    " WHERE label = :name AND NOT deleted",
                    private=private,
                    name=name,
                    at=at,
                )

    def _set(self, what: str, name: str, at: datetime, **values: Any) -> None:
        with self.database.writing() as transaction:
            done = transaction.execute(
                f"UPDATE source_config SET {what}, date_modified = :at WHERE label = :name AND NOT deleted",
                name=name,
                at=at,
                **values,
            )
        if not done:
            raise StoreError(f"the store knows no source {name}")


def _put(transaction: Transaction, values: dict[str, Any]) -> None:
    version = _version(transaction, values["label"])
    if version is None:
        transaction.added("source_config", **values, date_created=values["date_modified"])
        return
    *segments, last = version.split(".")
    values["version"] = rows.padded(".".join([*segments, str(int(last) + 1)]))
    columns = ", ".join(f"{name} = :{name}" for name in values)
    transaction.execute(f"UPDATE source_config SET {columns} WHERE label = :label AND NOT deleted", **values)


def _version(transaction: Transaction, name: str) -> str | None:
    """None: there is no such source."""
    found = transaction.first("SELECT version FROM source_config WHERE label = :name AND NOT deleted", name=name)
    return None if found is None else str(found[0])
