"""What is configured, what is reachable and writable, and what to do about what is not. Changes nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import app
from app.config import Check, Config
from app.domain.model import Answer
from app.domain.problems import held
from app.errors import ConfigError, SourceError, StoreMissing, TrackerError

Finding = dict[str, str]


def examine(config: Config) -> list[Finding]:
    """`[{"what", "status": "ok|warning|failed", "found"}]`; `found` says what to do where something is wrong."""
    return [
        *_settings(config),
        *_sources(config),
        *_watched(config),
        *_databases(config),
        *_species(config),
        *_store(config),
        *_out(config),
        *_sheet(config),
    ]


def misconfigured(error: ConfigError) -> list[Finding]:
    """The same for a configuration with mistakes: nothing else can be looked at."""
    status = {True: "failed", False: "warning"}
    return [_finding("configuration", status[mistake.fatal], str(mistake)) for mistake in error.mistakes]


def _finding(what: str, status: str, found: str) -> Finding:
    return {"what": what, "status": status, "found": found}


def _judged(what: str, wrong: str, found: str) -> Finding:
    return _finding(what, "failed", wrong) if wrong else _finding(what, "ok", found)


def _settings(config: Config) -> Iterator[Finding]:
    for mistake in config.warnings:
        yield _finding("configuration", "warning", str(mistake))
    if not config.warnings:
        yield _finding("configuration", "ok", f"sources: {len(config.sources)}, databases: {len(config.databases)}")


def _sources(config: Config) -> Iterator[Finding]:
    for source in config.sources:
        if not source.enabled:
            yield _finding(f"source {source.name}", "warning", "disabled: it is not read; `sources enable` ends that")
            continue
        probed = app.probe(source, config)
        yield _finding(f"source {source.name}", probed["status"], probed["found"])


def _watched(config: Config) -> Iterator[Finding]:
    """How changes would be told, found out by watching for a moment."""
    from app.triggers.events import Watcher, places
    from app.triggers.keeper import BEING_SET_UP

    wanted = {place.name: "events" if place.events else "scan" for place in places(config)}
    watcher, deadline = Watcher(places(config)), time.monotonic() + PATIENCE
    watcher.start()
    while any(mode.how == "waiting" for mode in watcher.modes().values()) and time.monotonic() < deadline:
        if all(mode.why != BEING_SET_UP for mode in watcher.modes().values()):
            break  # what is not there was said of its source
        time.sleep(0.01)
    modes = watcher.modes()
    watcher.stop()
    for name, mode in modes.items():
        status = {wanted[name]: "ok", "silent": "failed"}.get(mode.how, "warning")
        yield _finding(f"watch {name}", status, mode.why)
    alone = "".join(f"; {name} {schedule.text}" for name, schedule in config.watch.schedules.items())
    yield _finding("schedule", "ok", f"all is read {config.watch.schedule.text}{alone}")


PATIENCE = 10.0
"""Seconds in which a place is to be watched."""


def _databases(config: Config) -> Iterator[Finding]:
    from app.eligibility import Databases

    asked = {check.database for check in config.checks}
    idle = {database.name for database in config.databases} - asked - {a.database for a in config.authorities}
    unasked = [Check(name, name, "SELECT 1 AS one, 1 AS other", frozenset()) for name in sorted(idle)]
    databases = Databases(config.databases, (*config.checks, *unasked), config.authorities)
    for answer in databases.verdicts(()):
        what = f"check {answer.check}" if answer.database in asked else f"database {answer.database}"
        yield _finding(what, *_asked(answer))
    for listing in databases.listings():
        found = f"{listing.database} lists {len(listing.entries or ()):,} datasets"
        yield _judged(f"production {listing.authority}", "" if listing.entries is not None else listing.error, found)


def _asked(answer: Answer) -> tuple[str, str]:
    return ("failed", answer.error) if answer.verdicts is None else ("ok", f"{answer.database} answers")


def _species(config: Config) -> Iterator[Finding]:
    from app.sources.species import read_species

    if not config.supported_species:
        return
    try:
        names = read_species(config.supported_species) or ()
        yield _finding("supported species", "ok", f"{len(names)} species")
    except SourceError as error:
        yield _finding("supported species", "failed", str(error))


def _store(config: Config) -> Iterator[Finding]:
    from app.store import open_store

    where, file = str(config.store), _sqlite_file(config)
    try:
        store = open_store(config.store, config.lifecycle, create=False)
    except StoreMissing:
        wrong = _unwritable(file.parent) if file else ""
        yield _judged("store", wrong, f"{where}: not there yet; the first crawl makes it")
        return
    except TrackerError as error:
        yield _finding("store", "failed", str(error))
        return
    try:
        runs = store.runs(1)
        for hold in store.known(datasets=()).holds.values():
            yield _finding(f"source {hold.source}", "failed", held(hold))
        locked = file is not None and not os.access(file, os.W_OK)
        wrong = f"{where} can be read but not written: allow this user to write it" if locked else ""
        last = f"last run: {runs[0].id}, {runs[0].status.value}" if runs else "no run yet"
        yield _judged("store", wrong, f"{where}: {last}")
    except TrackerError as error:
        yield _finding("store", "failed", str(error))
    finally:
        store.close()


def _sqlite_file(config: Config) -> Path | None:
    """The store, where it is a file."""
    _, sqlite, path = config.store.partition("sqlite:///")
    return Path(path) if sqlite else None


def _out(config: Config) -> Iterator[Finding]:
    yield _judged("outputs", _unwritable(config.out), f"{', '.join(config.outputs)} in {config.out}")


def _sheet(config: Config) -> Iterator[Finding]:
    for line in app.look_at_sheet(config) if config.google_sheet else ():
        yield _finding(f"sheet: {line['name']}", line["status"], line["found"])


def _unwritable(folder: Path) -> str:
    """What is wrong with a folder that the first crawl makes: the nearest one that is there must be writable."""
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if not nearest.is_dir():
        return f"{nearest} is not a folder: move it, or choose another place"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"{nearest} cannot be written: allow it, or choose another place"
    return ""
