"""ingest-tracker: where every dataset stands on its way to publication, why, and what changed.

    with open_tracker(load(), writing=True) as tracker:
        report = tracker.crawl()

This is the one place where adapters meet ports. Importing it opens nothing, and loads no driver.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import SourceError, StoreMissing, UsageError

if TYPE_CHECKING:
    from app.config import Config
    from app.domain.contents import Found
    from app.domain.model import SourceConfig
    from app.domain.overview import Layout, Table
    from app.domain.schedule import Schedule
    from app.harvest import Terms
    from app.outputs.google_sheets import GoogleSheets
    from app.ports import Source, Store
    from app.tracker import Tracker

__all__ = [
    "copied",
    "file_systems",
    "identical",
    "load",
    "look_at_sheet",
    "open_tracker",
    "ours",
    "probe",
    "render",
    "terms",
    "version",
    "whereabouts",
]

GOOGLE_SHEETS = "google_sheets"
"""The output that is a document where we are a guest."""


def version() -> str:
    from importlib.metadata import version  # takes longer to import than all that the help needs

    return version("ingest-tracker")


def load(**given: Any) -> Config:
    """The configuration; the arguments are those of `app.config.load`. Raises ConfigError with every mistake."""
    from app import config, outputs, sources
    from app.domain.overview import COLUMN_NAMES

    return config.load(**given, kinds=sources.Options(), columns=COLUMN_NAMES, outputs=outputs.known())


@contextmanager
def open_tracker(config: Config, *, writing: bool = False, dry_run: bool = False) -> Iterator[Tracker]:
    """The tracker of a site. Without `writing` there must be a store already: raises StoreMissing."""
    from app.domain.history import Policy
    from app.domain.presence import HoldLimits
    from app.domain.production import Authority
    from app.eligibility import Databases
    from app.outputs import open_outputs
    from app.ports import Catalogue
    from app.sources import opener
    from app.sources.species import read_species
    from app.tracker import Tracker

    limits = HoldLimits(config.hold_share, config.hold_more_than)
    authorities = tuple(Authority(a.name, a.database, a.state, a.tech, a.decides) for a in config.authorities)
    opened = opener(re.compile(config.accession))
    with ExitStack() as stack:
        store = stack.enter_context(_store(config, create=writing and not dry_run, spare=dry_run))
        guest = stack.enter_context(closing(_guest(config))) if GOOGLE_SHEETS in config.outputs else None

        def open_catalogue(source: SourceConfig) -> Catalogue | None:
            there = opened(source)
            return there if isinstance(there, Catalogue) else None

        def open_source(source: SourceConfig) -> Source:
            there = opened(source)
            if not isinstance(there, Catalogue):
                return there
            from app.harvest import Shown

            return Shown(source, there, store.harvests, ours(config))

        yield Tracker(
            sources=config.sources,
            open_source=open_source,
            open_catalogue=open_catalogue,
            terms=partial(terms, config),
            store=store,
            eligibility=Databases(config.databases, config.checks, config.authorities),
            supported_species=partial(read_species, config.supported_species),
            outputs=open_outputs([n for n in config.outputs if n != GOOGLE_SHEETS], config.out, config.time_zone),
            policy=Policy(config.lifecycle, limits, authorities),
            layout=_layout(config),
            version=version(),
            leave_out_private=config.leave_out_private,
            ours=ours(config),
            guest=guest,
            shows_keys=config.google_sheet is not None and config.google_sheet.access_keys,
        )


def terms(config: Config, source: SourceConfig) -> Terms:
    """On which terms a catalogue is read: the site's, and its own."""
    from app.domain.schedule import Schedule
    from app.harvest import Terms

    rules, own = config.harvest, source.terms
    schedule = Schedule.of(own.schedule or "every day", config.time_zone)
    earliest = datetime.combine(own.earliest, time(), config.time_zone).astimezone(UTC) if own.earliest else None
    return Terms(
        rules.chunk,
        rules.split,
        rules.longest,
        own.rate.every if own.rate else timedelta(0),
        earliest,
        rules.attempts,
        interval=schedule.every or partial(_next, schedule),
        since=earliest if own.full else None,
        after=own.after,
    )


def _next(schedule: Schedule, moment: datetime) -> datetime:
    return schedule.after(moment, moment)


def _guest(config: Config) -> GoogleSheets:
    from app.outputs.google_sheets import GoogleSheets
    from app.outputs.google_sheets.client import Account

    sheet = config.google_sheet
    assert sheet is not None  # the configuration sees to it
    account = Account(sheet.credentials, sheet.patience, sheet.api)
    return GoogleSheets(account, sheet.sheet, config.time_zone, sheet.archive_after)


def look_at_sheet(config: Config) -> list[dict[str, str]]:
    """`{"name", "status": "ok|warning|failed", "found"}` a line: who we are for Google, and what we may do with which
    spreadsheet. Writes nothing. Raises UsageError where none is configured."""
    from app.outputs.google_sheets.check import examine

    if config.google_sheet is None:
        raise UsageError("there is no Google Sheet: name one, by --sheet or google_sheets > sheet")
    from app.domain.model import Known
    from app.domain.overview import View, tables

    with closing(_guest(config)) as guest:
        return examine(guest, tables(View(Known()), _layout(config)))


def _layout(config: Config) -> Layout:
    from app.domain.overview import Layout

    techs = {authority.name: authority.tech for authority in config.authorities}
    return Layout(config.lifecycle, config.links, config.columns, techs, config.curators_columns)


def ours(config: Config) -> Callable[[str], bool]:
    """Tells the accessions of the site's own form."""
    from app.sources.names import Accessions

    return Accessions(re.compile(config.accession)).exact


def identical(config: Config, paths: Sequence[Path], progress: Callable[[str], object]) -> Found:
    """Identical files below these paths, or below all directories that are sources; what was read of files is kept in
    the store for the next time. Raises UsageError where there is nothing to look through."""
    from app.sources import contents

    places = [str(path) for path in paths] or [s.location for s in config.sources if s.kind == "filesystem"]
    if not places:
        raise UsageError("no source is a directory; name the paths to look through")
    with _store(config, create=True, spare=False) as store:
        return contents.identical([*map(os.fsencode, places)], store.contents, store.keep_contents, progress)


def whereabouts(config: Config) -> Callable[[bytes], tuple[str, str]]:
    """Tells for a path in which source it is, and of which dataset, by the name of its folder or its own; empty where
    it is in none."""
    from app.domain.contents import located
    from app.sources.names import Accessions

    places = {os.fsencode(s.location): s.name for s in config.sources if s.kind == "filesystem"}
    return partial(located, places=places, accession_in=Accessions(re.compile(config.accession)).within)


def copied(files: Sequence[str], folder: Path) -> list[Path]:
    """Copies files into a folder, all or none, overwriting nothing; see `app.sources.copying`."""
    from app.sources import copying

    return copying.copied(files, folder)


def file_systems(config: Config) -> dict[str, tuple[str, bool]]:
    """Of the sources that are directories: on which kind of file system each is, and whether that tells of changes."""
    from app.sources.mounts import file_system, tells_events

    kinds = {s.name: file_system(s.location) for s in config.sources if s.kind == "filesystem"}
    return {name: (kind, tells_events(kind)) for name, kind in kinds.items()}


@contextmanager
def _store(config: Config, *, create: bool, spare: bool) -> Iterator[Store]:
    """The site's store. `spare`: where there is none yet, an empty one that is thrown away, so that a dry run
    leaves nothing behind."""
    from app.store import open_store

    with ExitStack() as stack:
        try:
            store = open_store(config.store, config.lifecycle, create=create)
        except StoreMissing:
            if not spare:
                raise
            from tempfile import TemporaryDirectory

            nowhere = stack.enter_context(TemporaryDirectory(prefix="ingest-tracker-"))
            store = open_store(f"sqlite:///{Path(nowhere) / 'empty.db'}", config.lifecycle, create=True)
        stack.callback(store.close)
        yield store


def probe(source: SourceConfig, config: Config) -> dict[str, str]:
    """`{"name", "status": "ok|failed", "found"}`: whether a source can be read, and what is there or what is wrong."""
    from app.sources import opener

    try:
        return {"name": source.name, "status": "ok", "found": opener(re.compile(config.accession))(source).probe()}
    except SourceError as error:
        return {"name": source.name, "status": "failed", "found": str(error)}


def render(tables: Sequence[Table], form: str, as_of: datetime | None, zone: tzinfo) -> str:
    """The tables as text, in the same words as the outputs: `form` is json or csv (several: each under its name)."""
    if form == "json":
        from app.outputs.json_file import as_json

        return as_json(tables, as_of, zone) + "\n"
    from app.outputs.csv_files import as_csv

    parts = {table.name: "".join(as_csv(table, zone)) for table in tables}
    if len(parts) == 1:
        return "".join(parts.values())
    return "\n".join(f"{name}\n{part}" for name, part in parts.items())
