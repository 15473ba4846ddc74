"""What may stand in sources_config.json, in a db_config.json and in etc/tracker.yaml: the form of each entry.
A field's description says what is allowed there; it is shown in mistakes and in the JSON Schema. What is
required has an example."""

from __future__ import annotations

import re
import string
from datetime import date, time
from pathlib import PurePath
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SkipValidation, TypeAdapter

from app.config.pages import unknown
from app.domain.model import Lifecycle
from app.domain.schedule import ALLOWED, Schedule
from app.domain.waiting import RATES, Rate

SETTINGS, SOURCES = "etc/tracker.yaml", "sources_config.json"
OUTPUTS = ("html_page", "csv_files")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | int | float) else value


def _regular_expression(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression: {getattr(error, 'msg', 'too large')}") from None
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(unknown("time zone", name, available_timezones(), listed=False)) from None
    return name


def fields_of(text: str, *allowed: str) -> set[str]:
    """What stands in braces, as written. Raises ValueError where that is anything but these fields."""
    try:
        fields = {(name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(text)}
    except ValueError:
        fields = {("", "", None)}
    if fields - {(None, None, None), *((name, "", None) for name in allowed)}:
        raise ValueError(f"{' and '.join(f'{{{name}}}' for name in allowed)} is all that may stand in braces")
    return {name for name, _, _ in fields if name}


def _word(value: object) -> object:
    """To YAML, off is false."""
    return "off" if value is False else value


def _label(text: str) -> str:
    fields_of(text, "value")
    return text


def _schedule(text: str) -> str:
    Schedule.of(text)
    return text


def _rate(text: str) -> str:
    Rate.of(text)
    return text


Mode = Literal["off", "prefer", "require", "verify"]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]
Seconds = Annotated[
    float, Field(gt=0, le=86_400, strict=True, description="seconds, more than 0 and no more than a day (86400)")
]


Scheduled = Annotated[Text, AfterValidator(_schedule)]


class _Model(BaseModel):
    # Built when first used: importing this package takes a fifth less time.
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True, defer_build=True)


class SourceSettings(_Model):
    """What is known about the datasets of one place. Further keys are options of its kind."""

    model_config = ConfigDict(extra="ignore")

    stage: Texts = Field(
        min_length=1, examples=[["loading"]], description="one state, or a list of states in lifecycle order"
    )
    tech: Texts = Field(default=(), description="bulk, sc, or both in a list")
    resource: str = Field(default="", description="text, such as ArrayExpress")
    source: str = Field(default="", description="text, such as ae2")
    kind: str = Field(
        default="", description="a kind of source; a directory is filesystem, an address experiments-json"
    )
    name: Text | None = Field(default=None, description="text: an identity that stays when the place moves")
    schedule: Scheduled | None = Field(
        default=None, description=f"when `watch` reads this one by itself, and not with the others: {ALLOWED}"
    )
    rate_limit: Annotated[Text, AfterValidator(_rate)] | None = Field(
        default=None, description=f"how often, at most, a catalogue is asked, by all who ask: {RATES}"
    )
    earliest_date: date | None = Field(
        default=None, description="a date, such as 2015-01-01, before which a catalogue has nothing"
    )
    full_harvest: bool = Field(default=False, description="true: a catalogue is read from its earliest_date on")
    harvest_after: time | None = Field(
        default=None, description="a time of day, such as '22:00', UTC, before which `schedule` plans nothing for it"
    )


class DatabaseSettings(_Model):
    """A database in the form that sites have; its key is the database's name."""

    dbtype: Literal["postgres", "postgresql", "mysql", "sqlite"] = Field(
        examples=["postgres"], description="postgres, mysql or sqlite"
    )
    host: str | None = Field(default=None, pattern=r"^[\w.:-]+$", description="a host name or an IP address")
    port: int | None = Field(default=None, ge=1, le=65535, description="a number from 1 to 65535")
    user: Text | None = Field(default=None, description="text")
    password: str | None = Field(default=None, description="text; better a password_file or password_env")
    password_file: Text | None = Field(default=None, description="path of a file that holds the password")
    password_env: Text | None = Field(
        default=None, description="name of an environment variable that holds the password"
    )
    path: Text | None = Field(default=None, description="path of an SQLite file")
    tls: Annotated[Mode | None, BeforeValidator(_word, json_schema_input_type=Mode | Literal[False] | None)] = Field(
        default=None,
        description="off; prefer: where the server has it, which holds without this key; require: always; "
        "verify: and the server must prove to be the host, by tls_ca",
    )
    tls_ca: Text | None = Field(default=None, description="path of the certificate (PEM) of who signed the server's")
    tls_cert: Text | None = Field(default=None, description="path of a certificate (PEM) that says who we are")
    tls_key: Text | None = Field(default=None, description="path of that certificate's key (PEM)")
    connect_timeout: Seconds = 10
    query_timeout: Seconds = 60


class CheckSettings(_Model):
    """A question to a database, and what its answers mean."""

    database: Text = Field(examples=["gxpatlaspro"], description="the name of a configured database")
    query: Text = Field(
        examples=["SELECT accession, status FROM eligibility"],
        description="SQL that gives two columns, accession and value",
    )
    passes: Texts = Field(min_length=1, examples=[["PASS"]], description="a list of the values that mean PASS")
    label: Annotated[Text, AfterValidator(_label)] = Field(
        default="{value}", description="the reason of a FAIL, with {value}"
    )


class ProductionSettings(_Model):
    """A database that says which datasets are in production. Its key is what it is called."""

    database: Text = Field(examples=["gxpatlaspro"], description="the name of a configured database")
    query: Text = Field(
        examples=["SELECT accession FROM experiment"],
        description="SQL that gives an accession and, if it likes, then whether that is private, then its access key",
    )
    state: Text = Field(default="published", description="the state of the datasets that are there")
    tech: Literal["bulk", "sc"] = Field(
        examples=["bulk"], description="bulk or sc, the datasets that it is asked about"
    )
    decides: bool = Field(
        default=False,
        strict=True,
        description="true: the state follows the database; false: where it and the places differ is only reported",
    )


class HoldSettings(_Model):
    """How many datasets may disappear from a source before a person must confirm it: more than both are held."""

    share: float = Field(
        default=0.2, ge=0, le=1, strict=True, description="a share of the source's datasets, from 0 to 1"
    )
    more_than: int = Field(default=5, ge=0, strict=True, description="a whole number of datasets")


class GoogleSheetsSettings(_Model):
    """The Google Sheet that the overview is shown in."""

    sheet: Text | None = Field(default=None, description="the key, the address or the title of a Google Sheet")
    credentials: Text | None = Field(default=None, description="path of the key file of a Google service account")
    access_keys: bool = Field(
        default=False, strict=True, description="true: the links of private datasets hold their access keys"
    )
    archive_after_days: int | None = Field(
        default=None,
        ge=0,
        le=36_500,
        strict=True,
        description="days after which the row of a dataset that is gone"
        " goes to the tab Archive; left out: it stays where it is",
    )
    patience: Seconds = 300


class HarvestSettings(_Model):
    """How catalogues are read."""

    chunk: int = Field(default=500, ge=1, le=10_000, strict=True, description="records that are stored at once")
    split_days: int | None = Field(
        default=None, ge=1, le=36_500, strict=True, description="days; what is longer is read in parts of that length"
    )
    longest: Seconds = Field(default=10_800, description="seconds that one harvest may take")
    attempts: int = Field(
        default=5, ge=1, le=100, strict=True, description="how often to ask for a source that another process reads"
    )
    contact: str = Field(default="", description="whom the people of a catalogue may write to: a name, or an address")
    key_file: Text | None = Field(
        default=None, description="path of a file with the keys that `keys new` makes, for what only we may read"
    )


class WatchSettings(_Model):
    """How `ingest-tracker watch` goes about it."""

    schedule: Scheduled = Field(
        default="every 8 hours", description=f"when all sources are read that have no schedule of their own: {ALLOWED}"
    )
    debounce: Seconds = Field(default=0.5, description="seconds of quiet after a change before it is looked at")
    scan_every: Seconds = Field(
        default=300, description="seconds between two looks at a directory that tells of no changes, as on NFS"
    )
    show_every: Seconds = Field(
        default=60, description="seconds between two times that outputs are written that must be written in whole"
    )
    jitter: float = Field(
        default=0, ge=0, le=86_400, strict=True, description="seconds, of which by chance as many pass before a run"
    )
    port: int = Field(
        default=9870, ge=0, le=65535, strict=True, description="of this machine, for /healthz and /metrics; 0: none"
    )
    log: Literal["people", "json"] = Field(default="people", description="people or json")


class TrackerSettings(_Model):
    """etc/tracker.yaml. Every key is optional."""

    states: tuple[Annotated[str, Field(pattern=r"^[A-Za-z][\w-]*$")], ...] = Field(
        default=Lifecycle.DEFAULT,
        description="a list of words: the core states in order, and the site's own anywhere between",
    )
    accession: Annotated[Text, AfterValidator(_regular_expression)] = Field(
        default=r"^E-[A-Z]{4}-\d+$", description="a regular expression"
    )
    sources: Text | None = Field(default=None, description="path of a sources_config.json")
    # What is skipped here is looked at piece by piece, so that one wrong piece does not hide the others.
    databases: SkipValidation[str | dict[str, str | DatabaseSettings] | None] = Field(
        default=None, description="path of a db_config.json, or name -> SQLAlchemy address or {dbtype, host, ...}"
    )
    checks: dict[str, SkipValidation[CheckSettings]] = Field(
        default={}, description="name -> {database, query, passes, label}"
    )
    production: dict[str, SkipValidation[ProductionSettings | Literal[False]]] = Field(
        default={},
        description="name -> {database, query, state, tech, decides}, or false: without the one of this name",
    )
    supported_species: Texts = Field(default=(), description="a list of paths or addresses")
    columns: dict[str, SkipValidation[list[str | dict[str, str]]]] = Field(
        default={}, description="tab -> list of column names, or of {column: title}"
    )
    links: dict[str, SkipValidation[str]] = Field(
        default={}, description="'state tech', or 'private tech' -> address with {accession}"
    )
    outputs: Texts = Field(default=OUTPUTS, description="a list of outputs; html_page and csv_files unless it is given")
    leave_out_private: Texts = Field(default=(), description="a list of the outputs that show no private datasets")
    google_sheets: SkipValidation[GoogleSheetsSettings | None] = Field(
        default=None, description="{sheet, credentials, access_keys, archive_after_days, patience}"
    )
    curators_columns: Texts = Field(
        default=(), description="a list of the titles of columns in the Google Sheet that are the curators' own"
    )
    store: Text | None = Field(default=None, description="path of an SQLite file, or an SQLAlchemy address")
    out: Text | None = Field(default=None, description="path of the folder that files are written to")
    time_zone: Annotated[Text, AfterValidator(_zone)] = Field(
        default="UTC", description="a time zone such as Europe/London"
    )
    hold: SkipValidation[HoldSettings] = Field(default=HoldSettings(), description="{share, more_than}")
    harvest: SkipValidation[HarvestSettings] = Field(
        default=HarvestSettings(), description="{chunk, split_days, longest, attempts, contact, key_file}"
    )
    watch: SkipValidation[WatchSettings] = Field(
        default=WatchSettings(), description="{schedule, debounce, scan_every, show_every, jitter, port, log}"
    )


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of both files, by file name."""
    models: dict[str, TypeAdapter[Any]] = {
        SOURCES: TypeAdapter(Annotated[dict[str, SourceSettings], Field(min_length=1)]),
        PurePath(SETTINGS).name: TypeAdapter(TrackerSettings),
    }
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {name: draft | model.json_schema() | {"title": name} for name, model in models.items()}
