"""What is shown where: publishing without a crawl, and the Google Sheet in which curators write as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import app as rooms
from app.cli.shared import AsJson, dump, loaded, moment, opened, show

if TYPE_CHECKING:
    from app.domain.visit import Published
    from app.terminal import Terminal

command = typer.Typer(help="The Google Sheet of the curators.", no_args_is_help=True)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show which cells of the Google Sheet would change.")]


def publish(context: typer.Context, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Show what is known, without reading the sources again."""
    with opened(context, writing=True, dry_run=dry_run) as (tracker, terminal):
        with terminal.progress() as progress:
            done = tracker.publish(dry_run=dry_run, progress=progress)
        _tell(done, terminal, as_json)


def restore(
    context: typer.Context,
    as_of: Annotated[
        str | None, typer.Option(help="The overview as it was then: a date (its end) or a time.", metavar="TIME")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put back into the Google Sheet what was lost there: tabs, rows, and columns of the curators that are known here.

    With --as-of: the overview as it was then, with what the curators had, in tabs of its own."""
    with opened(context, writing=True, dry_run=dry_run) as (tracker, terminal):
        with terminal.progress() as progress:
            at = moment(as_of, terminal.zone)
            done = tracker.publish(at=at, restore=at is None, dry_run=dry_run, progress=progress)
        _tell(done, terminal, as_json)


def _tell(done: Published, terminal: Terminal, as_json: bool) -> None:
    if as_json:
        from app import shapes

        dump(shapes.published(done))
    else:
        terminal.published(done)
    raise typer.Exit(done.exit_code)


@command.command("check")
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Who we are for Google, what we may do with the sheet, and which tabs and columns are ours. Writes nothing."""
    found = rooms.look_at_sheet(loaded(context))
    show({"sheet": found}, as_json)
    raise typer.Exit(1 if any(row["status"] == "failed" for row in found) else 0)


@command.command("init")
def init(context: typer.Context, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Set up the tabs of the sheet, and those columns of the curators that are not there yet."""
    with opened(context, writing=True, dry_run=dry_run) as (tracker, terminal):
        with terminal.progress() as progress:
            done = tracker.publish(restore=True, dry_run=dry_run, progress=progress)
        _tell(done, terminal, as_json)
