"""What a site has set, frozen: the records that the other rooms get."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from app.domain.model import Lifecycle, SourceConfig, State
from app.domain.schedule import Schedule
from app.errors import Mistake

Dialect = Literal["postgresql", "mysql", "sqlite"]


def without_password(address: str) -> str:
    """A password may itself hold an @ that nobody quoted: all up to the last one is hidden."""
    address = re.sub(r"(://[^:/?@]*):.*@", r"\1:***@", address, flags=re.DOTALL)
    return re.sub(r"(?i)([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*", r"\1***", address)


class Address(str):
    """An SQLAlchemy address. As a string, for a driver, it is whole; shown in any way (`str`, `repr`,
    formatted, logged) it has no password."""

    __slots__ = ()

    @property
    def shown(self) -> str:
        return without_password(str.__str__(self))

    def __str__(self) -> str:
        return self.shown

    def __repr__(self) -> str:
        return repr(self.shown)

    def __format__(self, spec: str) -> str:
        return format(self.shown, spec)


@dataclass(frozen=True, slots=True)
class Tls:
    """How a connection is encrypted. `mode`: off; prefer (where the server has it); require (whoever it may be);
    verify (the server proves by a certificate of `ca` that it is the host). Empty: as the address or its driver has
    it, which is prefer. `cert` and `key` are what we prove who we are with. All three are absolute paths."""

    mode: Literal["", "off", "prefer", "require", "verify"] = ""
    ca: str = ""
    cert: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Database:
    """A curation database. Timeouts are in seconds."""

    name: str
    url: Address
    dialect: Dialect
    connect_timeout: float = 10
    query_timeout: float = 60
    tls: Tls = Tls()

    @property
    def shown(self) -> str:
        """The address with its password hidden."""
        return self.url.shown


@dataclass(frozen=True, slots=True)
class Check:
    """A question to a database. `query` gives (accession, value): null is UNKNOWN, a value that is (as text)
    in `passes` is PASS, any other is FAIL, for the reason `label.format(value=value)`."""

    name: str
    database: str
    query: str
    passes: frozenset[str]
    label: str = "{value}"


@dataclass(frozen=True, slots=True)
class Authority:
    """A production database that says which datasets are in `state`. `query` gives an accession, and if it likes
    whether that one is private, and its access key. `decides`: the state follows the database where it and the
    places differ; else they are only reported."""

    name: str
    database: str
    query: str
    state: State
    tech: str
    decides: bool = False


@dataclass(frozen=True, slots=True)
class GoogleSheet:
    """The spreadsheet that shows the overview. `sheet`: its key, address or title; `credentials`: the key file of the
    service account that writes it; `access_keys`: whether links of private datasets hold them; `archive_after`: how
    long a dataset must be gone before its row goes to a tab of its own (None: it stays); `patience`: seconds;
    `api`: an address of this machine, where requests go instead of to Google."""

    sheet: str
    credentials: Path
    access_keys: bool = False
    archive_after: timedelta | None = None
    patience: float = 300
    api: str = ""
    named_for_this_run: bool = False
    """on the command line: then it is an output, whatever the settings list"""


@dataclass(frozen=True, slots=True)
class HarvestRules:
    """How catalogues are read: see `app.harvest.Terms`, to which a source's own terms come. `keys`: for what only we
    may read, the newest first; what a source may be told besides, in `contact`, is whom its people may write to."""

    chunk: int = 500
    split: timedelta | None = None
    longest: timedelta = timedelta(hours=3)
    attempts: int = 5
    contact: str = ""
    key_file: Path | None = None
    keys: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Watch:
    """How `ingest-tracker watch` goes about it. `schedule`: of all sources that are not among the `schedules`, by name;
    `port`: where this machine is told how it goes (0: nowhere)."""

    schedule: Schedule
    schedules: Mapping[str, Schedule]
    debounce: timedelta
    scan_every: timedelta
    show_every: timedelta
    jitter: timedelta
    port: int
    log: Literal["people", "json"]


@dataclass(frozen=True, slots=True)
class Config:
    """All that a site has set. Paths are absolute."""

    sources: tuple[SourceConfig, ...]
    lifecycle: Lifecycle
    accession: str
    """a regular expression"""
    databases: tuple[Database, ...]
    checks: tuple[Check, ...]
    authorities: tuple[Authority, ...]
    supported_species: tuple[str, ...]
    """paths or addresses"""
    columns: Mapping[str, tuple[tuple[str, str], ...]]
    """tab -> ((column, title), ...); a tab that is not here has its default columns"""
    links: Mapping[str, str]
    """"state tech" or "private tech" -> template with {accession}"""
    outputs: tuple[str, ...]
    leave_out_private: frozenset[str]
    """the outputs that show no private datasets"""
    google_sheet: GoogleSheet | None
    curators_columns: tuple[str, ...]
    """the columns of the sheet's dataset tabs that are the curators', and are known here as well"""
    out: Path
    store: Address
    time_zone: ZoneInfo
    hold_share: float
    hold_more_than: int
    harvest: HarvestRules
    watch: Watch
    warnings: tuple[Mistake, ...] = ()

    @property
    def secrets(self) -> frozenset[str]:
        """The passwords in it, as they are and as they are written in addresses."""
        addresses = [str.__str__(address) for address in (self.store, *(database.url for database in self.databases))]
        written = {found[1] for address in addresses if (found := re.search(r"://[^:/?#]*:(.*)@", address, re.DOTALL))}
        private = {text for source in self.sources for text in secrets_in(source.private)}
        return frozenset(written | {unquote(password) for password in written} | private | {*self.harvest.keys})


def secrets_in(value: Any) -> Iterator[str]:
    """Every text in what is private, but for names of users and of fields."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in _NAMES:
                yield from secrets_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from secrets_in(inner)
    elif isinstance(value, str) and value:
        yield value


_NAMES = ("user", "header", "parameter")
