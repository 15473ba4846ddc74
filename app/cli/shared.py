"""What the commands share: the options that all take, the tracker they ask, and how results are shown."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import app as rooms
from app.errors import UsageError

if TYPE_CHECKING:
    from app.config import Config
    from app.terminal import Terminal
    from app.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Given:
    """The options that every command takes."""

    config: Path | None = None
    sources: str | None = None
    databases: str | None = None
    store: str | None = None
    out: str | None = None
    species: tuple[str, ...] = ()
    sheet: str | None = None
    credentials: Path | None = None
    verbose: bool = False


AsJson = Annotated[bool, typer.Option("--json", help="JSON for a script.")]
Because = Annotated[str, typer.Option("--reason", help="Why; others will want to know.", metavar="TEXT")]
By = Annotated[str, typer.Option("--by", help="Who says so, instead of you.", metavar="NAME")]
Undo = Annotated[bool, typer.Option("--undo", help="What was said before holds no longer.")]


def loaded(context: typer.Context, *, warn: bool = True) -> Config:
    from app.places import tracked

    given: Given = context.obj
    config = rooms.load(
        config=given.config,
        sources=given.sources,
        databases=given.databases,
        store=given.store,
        out=given.out,
        supported_species=given.species,
        sheet=given.sheet,
        credentials=given.credentials,
    )
    for mistake in config.warnings if warn else ():
        typer.echo(f"warning: {mistake}", err=True)
    return tracked(config)


@contextmanager
def opened(
    context: typer.Context, *, writing: bool = False, dry_run: bool = False
) -> Iterator[tuple[Tracker, Terminal]]:
    from app.terminal import Terminal

    config = loaded(context, warn=writing)
    with rooms.open_tracker(config, writing=writing, dry_run=dry_run) as tracker:
        yield tracker, Terminal(config.time_zone)


def whoever(by: str) -> str:
    """Who is at work, for those who read later who said what: the name of the account unless another is given."""
    import getpass

    try:
        return by.strip() or getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        raise UsageError("your account has no name here; say --by NAME") from None


@contextmanager
def progress() -> Iterator[Callable[[str], object]]:
    """Gives the function to tell what is being done, which a person at a terminal then sees."""
    if not sys.stderr.isatty():
        yield lambda doing: None
        return
    from app.terminal import Terminal

    with Terminal(UTC).progress() as tell:
        yield tell


def show(listing: dict[str, list[dict[str, Any]]], as_json: bool) -> None:
    """One named list of rows with the same keys, without times, as JSON or as a table."""
    if as_json:
        dump(listing)
        return
    from app.terminal import Terminal

    for rows in listing.values():
        Terminal(UTC).listing(rows)


def dump(shape: Any) -> None:
    import json

    typer.echo(json.dumps(shape, indent=2, ensure_ascii=False))


def moment(text: str | None, zone: tzinfo) -> datetime | None:
    """A time as people write it, in the site's zone unless it names another. It is taken to its end: a date is
    its last moment, a minute too, so that what is shown with a time is found under that time."""
    if text is None:
        return None
    told = _told(text)
    if len(text) == len("2026-11-20"):
        told = told.replace(hour=23, minute=59, second=59)
    elif re.fullmatch(r"\S{10}.\d\d:\d\d(?!:).*", text):
        told = told.replace(second=59)
    return _in_utc(told if told.microsecond else told.replace(microsecond=999_999), text, zone)


def beginning(text: str | None, zone: tzinfo) -> datetime | None:
    """The same, but it is taken as it stands: a date is its first moment."""
    return None if text is None else _in_utc(_told(text), text, zone)


def _told(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a time; write 2026-11-20, 2026-11-20 09:30 or 2026-11-20T09:30:00Z"
        ) from None


def _in_utc(told: datetime, text: str, zone: tzinfo) -> datetime:
    try:
        return (told if told.tzinfo else told.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise UsageError(f"{text!r} lies outside the calendar") from None
