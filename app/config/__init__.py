"""sources_config.json + etc/tracker.yaml (+ a db_config.json) -> one frozen Config.

    flag > environment > etc/tracker.yaml > default      the first that is given counts

A relative path starts where it is written: at its file's folder, or at the current one for flags and the
environment. Every mistake in every file is reported at once, but none that only follows from another one.
No password is in any message, nor shown by anything here.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from app.config.authorities import read_authorities, warn_of_idle
from app.config.databases import read_checks, read_databases, read_store
from app.config.forms import (
    SETTINGS,
    SOURCES,
    HarvestSettings,
    HoldSettings,
    TrackerSettings,
    WatchSettings,
    schema,
)
from app.config.google import OUTPUT, read_google
from app.config.pages import Given, Page, Unreadable, first_given, parse_yaml, read_text
from app.config.records import Address, Authority, Check, Config, Database, GoogleSheet, HarvestRules, Tls, Watch
from app.config.show import read_columns, read_links, read_outputs
from app.config.sources import Understanding, read_entries, read_location, read_sources
from app.domain.model import Lifecycle, SourceConfig
from app.domain.schedule import Schedule
from app.errors import ConfigError, Mistake

__all__ = [
    "Address",
    "Authority",
    "Check",
    "Config",
    "Database",
    "GoogleSheet",
    "HarvestRules",
    "Tls",
    "Watch",
    "load",
    "schema",
    "understood",
    "with_sources",
]

STORE, OUT = "var/ingest-tracker.db", "var/out"
KEYS = "INGEST_TRACKER_KEYS"
"""The variable that holds keys, with blanks between, instead of a file."""

LONGEST_TITLE = 255


def load(
    *,
    config: Path | str | None = None,
    sources: Path | str | None = None,
    databases: Path | str | None = None,
    store: Path | str | None = None,
    out: Path | str | None = None,
    supported_species: Sequence[str] = (),
    sheet: str | None = None,
    credentials: Path | str | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    kinds: Mapping[str, type[BaseModel]],
    columns: Mapping[str, Sequence[str]],
    outputs: Collection[str],
) -> Config:
    """The configuration of a site. The paths are flags; `kinds` (name -> model of its options), `columns`
    (tab -> names) and `outputs` are what there is to choose from. Raises ConfigError with all mistakes."""
    mistakes: list[Mistake] = []
    here = Path(cwd or Path.cwd()).absolute()
    line, variables = (Page(name, here, here, mistakes) for name in ("command line", "environment"))
    page, settings, faulty = _settings(line, config)

    def given(name: str, flag: Path | str | None, default: str | None) -> Given:
        variable = f"INGEST_TRACKER_{name.upper()}"
        return first_given(
            Given(line, f"--{name}", flag and str(flag)),
            Given(variables, variable, environ.get(variable)),
            Given(page, name, getattr(settings, name)),
            Given(line, "", default),
        )

    lifecycle = None if "states" in faulty else _lifecycle(page, settings.states)
    found = read_databases(given("databases", databases, None), environ)
    checks = read_checks(page, settings.checks, found)
    authorities = read_authorities(page, settings.production, found, [check.name for check in checks], lifecycle)
    warn_of_idle(found, checks, authorities)
    hold, _ = page.check(HoldSettings, settings.hold if "hold" in settings.model_fields_set else {}, "hold")
    target = given("out", out, OUT)
    rules = _rules(page, settings, environ)
    how = Understanding(lifecycle, kinds, environ, rules.contact)
    places = read_sources(given("sources", sources, None if "sources" in faulty else SOURCES), how)
    flags = {"sheet": sheet, "credentials": str(credentials) if credentials else None}
    google = read_google(page, line, variables, settings.google_sheets, flags, environ)
    result = Config(
        lifecycle=lifecycle or Lifecycle.of(),
        accession=settings.accession,
        databases=found.databases,
        checks=checks,
        authorities=authorities,
        supported_species=_species(line, supported_species) or _species(page, settings.supported_species),
        columns=read_columns(page, settings.columns, columns),
        links=read_links(page, settings.links, lifecycle),
        outputs=_outputs(page, settings, outputs, google),
        google_sheet=google,
        curators_columns=_curators_columns(page, settings.curators_columns, columns),
        leave_out_private=frozenset(read_outputs(page, "leave_out_private", settings.leave_out_private, outputs)),
        out=Path(target.page.path(target.value)),
        store=read_store(given("store", store, STORE), environ),
        time_zone=ZoneInfo(settings.time_zone),
        hold_share=hold.share,
        hold_more_than=hold.more_than,
        sources=places,
        harvest=rules,
        watch=_watch(page, settings, places),
        warnings=tuple(mistakes),  # last, when all are known
    )
    if any(mistake.fatal for mistake in mistakes):
        raise ConfigError(mistakes)
    return result


def _settings(line: Page, config: Path | str | None) -> tuple[Page, TrackerSettings, Collection[str]]:
    if not config and not os.path.lexists(line.path(SETTINGS)):
        return line, TrackerSettings(), ()
    page, data = Given(line, "--config", str(config or SETTINGS)).read(parse_yaml, "named by --config")
    if data is None:
        return page, TrackerSettings(), TrackerSettings.model_fields.keys()
    return page, *page.check(TrackerSettings, data)


def _lifecycle(page: Page, names: Sequence[str]) -> Lifecycle | None:
    wrong = [f"{name!r} is given more than once" for name, times in Counter(names).items() if times > 1]
    if tuple(dict.fromkeys(name for name in names if name in Lifecycle.CORE)) != Lifecycle.CORE:
        missing = ", ".join(name for name in Lifecycle.CORE if name not in names)
        wrong.append(
            f"must hold, in this order, {', '.join(Lifecycle.CORE)}; states of your own may stand anywhere between"
            + (f"; missing: {missing}" if missing else "")
        )
    for message in wrong:
        page.mistake(message, "states")
    return None if wrong else Lifecycle.of(names)


def _watch(page: Page, settings: TrackerSettings, sources: Sequence[SourceConfig]) -> Watch:
    how, _ = page.check(WatchSettings, settings.watch if "watch" in settings.model_fields_set else {}, "watch")
    zone = ZoneInfo(settings.time_zone)
    return Watch(
        schedule=Schedule.of(how.schedule, zone),
        schedules=_schedules(sources, zone),
        debounce=timedelta(seconds=how.debounce),
        scan_every=timedelta(seconds=how.scan_every),
        show_every=timedelta(seconds=how.show_every),
        jitter=timedelta(seconds=how.jitter),
        port=how.port,
        log=how.log,
    )


def _schedules(sources: Sequence[SourceConfig], zone: ZoneInfo) -> dict[str, Schedule]:
    return {source.name: Schedule.of(source.terms.schedule, zone) for source in sources if source.terms.schedule}


def with_sources(config: Config, sources: Sequence[SourceConfig]) -> Config:
    """The same with these sources."""
    watch = replace(config.watch, schedules=_schedules(sources, config.time_zone))
    return replace(config, sources=tuple(sources), watch=watch)


def _rules(page: Page, settings: TrackerSettings, environ: Mapping[str, str]) -> HarvestRules:
    how, _ = page.check(HarvestSettings, settings.harvest if "harvest" in settings.model_fields_set else {}, "harvest")
    written, file = environ.get(KEYS, "").split(), None
    if how.key_file and not written:
        file = Path(page.path(how.key_file))
        try:
            written = read_text(file).split()
        except Unreadable as error:
            page.mistake(f"{how.key_file} {error}; `keys new` makes one", "harvest", "key_file")
    return HarvestRules(
        chunk=how.chunk,
        split=timedelta(days=how.split_days) if how.split_days else None,
        longest=timedelta(seconds=how.longest),
        attempts=how.attempts,
        contact=how.contact,
        key_file=file,
        keys=tuple(written),
    )


def understood(
    entries: Mapping[str, Any], config: Config, kinds: Mapping[str, type[BaseModel]], where: str, folder: Path
) -> tuple[SourceConfig, ...]:
    """Sources that are written elsewhere than in the site's file, in the same form, beside those of the site. `where`:
    what that is called; `folder`: from where relative paths start. Raises ConfigError with all mistakes."""
    mistakes: list[Mistake] = []
    page = Page(where, folder, Path.cwd(), mistakes)
    how = Understanding(config.lifecycle, kinds, os.environ, config.harvest.contact)
    sources = read_entries(page, entries, how, config.sources)
    if any(mistake.fatal for mistake in mistakes):
        raise ConfigError(mistakes)
    return sources


def _outputs(
    page: Page, settings: TrackerSettings, known: Collection[str], google: GoogleSheet | None
) -> tuple[str, ...]:
    """A sheet that is named is an output, unless the outputs are listed and it is not among them."""
    outputs = read_outputs(page, "outputs", settings.outputs, (*known, OUTPUT))
    listed = "outputs" in settings.model_fields_set
    if google and OUTPUT not in outputs and (not listed or google.named_for_this_run):
        return (*outputs, OUTPUT)
    if OUTPUT in outputs and not google and not settings.google_sheets:
        page.mistake(
            f"{OUTPUT} needs {OUTPUT} > sheet; allowed: the key, the address or the title of a Google Sheet", "outputs"
        )
    return outputs


def _curators_columns(page: Page, names: Sequence[str], known: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    ours = {name.casefold() for columns in known.values() for name in columns}
    for name, times in Counter(name.strip().casefold() for name in names).items():
        if name in ours:
            page.mistake(f"{name!r} is the title of a column that is filled in here", "curators_columns")
        elif not name or len(name) > LONGEST_TITLE:
            page.mistake(f"a title has 1 to {LONGEST_TITLE} characters", "curators_columns")
        elif times > 1:
            page.mistake(f"{name!r} is given more than once", "curators_columns")
    return tuple(name.strip() for name in names)


def _species(page: Page, places: Sequence[str]) -> tuple[str, ...]:
    return tuple(read_location(page, place, "supported_species", number) for number, place in enumerate(places))
