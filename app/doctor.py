"""What is configured, what is reachable and writable, and what to do about what is not. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import app
from app.config import Config
from app.domain.model import Answer
from app.errors import SourceError, StoreMissing, TrackerError

Finding = dict[str, str]


def examine(config: Config) -> list[Finding]:
    """`[{"what", "status": "ok|warning|failed", "found"}]`; `found` says what to do where something is wrong."""
    return [
        *_settings(config),
        *_sources(config),
        *_databases(config),
        *_species(config),
        *_store(config),
        *_out(config),
    ]


def _finding(what: str, status: str, found: str) -> Finding:
    return {"what": what, "status": status, "found": found}


def _settings(config: Config) -> Iterator[Finding]:
    for mistake in config.warnings:
        yield _finding("configuration", "warning", str(mistake))
    if not config.warnings:
        yield _finding("configuration", "ok", f"sources: {len(config.sources)}, databases: {len(config.databases)}")


def _sources(config: Config) -> Iterator[Finding]:
    for source in config.sources:
        probed = app.probe(source, config)
        yield _finding(f"source {source.name}", probed["status"], probed["found"])


def _databases(config: Config) -> Iterator[Finding]:
    from app.eligibility import Databases

    for answer in Databases(config.databases, config.checks).verdicts(()):
        yield _finding(f"check {answer.check}", *_asked(answer))


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

    where = str(config.store)
    try:
        store = open_store(config.store, config.lifecycle, create=False)
    except StoreMissing:
        yield _finding("store", "ok", f"{where}: not there yet; the first crawl makes it")
        return
    except TrackerError as error:
        yield _finding("store", "failed", str(error))
        return
    try:
        runs = store.runs(1)
        yield _finding("store", "ok", f"{where}: " + (f"the last run was {runs[0].id}" if runs else "no run yet"))
    except TrackerError as error:
        yield _finding("store", "failed", str(error))
    finally:
        store.close()


def _out(config: Config) -> Iterator[Finding]:
    """The folder is made by the first crawl, so that the nearest folder that is there must be writable."""
    folder = config.out
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if not nearest.is_dir():
        yield _finding("outputs", "failed", f"{nearest} is not a folder: move it, or choose another with --out")
    elif not os.access(nearest, os.W_OK | os.X_OK):
        yield _finding("outputs", "failed", f"{nearest} cannot be written: allow it, or choose another with --out")
    else:
        yield _finding("outputs", "ok", f"{', '.join(config.outputs)} in {Path(folder)}")
