"""What catalogues said, exactly as they said it, from a shell."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import Annotated

import typer

from app.cli.harvests import number_of
from app.cli.shared import AsJson, dump, loaded, opened, progress
from app.errors import UsageError

command = typer.Typer(help="What catalogues said, exactly as they said it.", no_args_is_help=True)

Source = Annotated[str, typer.Argument(help="A catalogue (name or address).", metavar="SOURCE", show_default=False)]


@command.command("show")
def raw_show(
    context: typer.Context,
    source: Source,
    identifier: Annotated[str, typer.Argument(help="Of the record.", metavar="IDENTIFIER", show_default=False)],
    run: Annotated[str | None, typer.Option(help="As this harvest found it, such as h12.", metavar="RUN")] = None,
    as_json: AsJson = False,
) -> None:
    """Print a record as it was received, byte by byte; --json: what is known of it."""
    from app import shapes

    with opened(context) as (tracker, _):
        name = tracker.named(source)
        kept = tracker.store.harvests.kept(name, identifier, None if run is None else number_of(run))
        if kept is None:
            when = f" in {run}" if run else ""
            raise UsageError(f"nothing is kept of {identifier!r} of {name}{when}")
        if as_json:
            dump(shapes.kept(kept))
        else:
            sys.stdout.buffer.write(kept.body)
            sys.stdout.buffer.flush()


@command.command("verify")
def raw_verify(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="Only of this catalogue.", metavar="SOURCE")] = None,
) -> None:
    """Whether all that is kept is what was received. Names what is not, and exits 1 then."""
    with opened(context) as (tracker, terminal), progress() as tell:
        tell("hashing what is kept")
        wrong = 0
        for sha256, what in tracker.store.harvests.faulty(tracker.named(source) if source else ""):
            typer.echo(f"{sha256} {what}")
            wrong += 1
        if not wrong:
            terminal.say("All that is kept is as it was received.")
    raise typer.Exit(1 if wrong else 0)


def prune(
    context: typer.Context,
    older_than: Annotated[str, typer.Option(help="Such as 90d.", metavar="AGE")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and remove nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what is no longer needed of old harvests: what records said once, problems, logs. History stays."""
    from app import shapes

    days = re.fullmatch(r"(\d{1,5})d?", older_than.strip())
    if days is None:
        raise UsageError(f"--older-than {older_than!r} is no number of days; allowed: 90d")
    with opened(context, writing=True) as (tracker, terminal):
        before = tracker.clock() - timedelta(days=int(days[1]))
        pruned = tracker.store.harvests.prune(before, dry_run=dry_run)
        if as_json:
            dump(shapes.pruned(pruned))
        else:
            what = f"{pruned.data:,} old records, {pruned.contents:,} contents, {pruned.problems:,} problems"
            terminal.say(f"{what} and {pruned.logs:,} logs {'would be' if dry_run else 'are'} removed.")


def fetch(
    context: typer.Context,
    source: Source,
    limit: Annotated[int | None, typer.Option(help="At most so many records.", min=0)] = None,
) -> None:
    """Read a catalogue without keeping anything: a JSON object a record and line, faults on standard error."""
    import orjson

    from app import places, shapes
    from app.domain.catalogue import Fault

    config, out = loaded(context), sys.stdout.buffer
    records = faults = 0
    for said in places.fetched(source, config, limit):
        if isinstance(said, Fault):
            faults += 1
            typer.echo(f"{said.severity}: {said.identifier}: {said.message}", err=True)
        else:
            records += 1
            out.write(orjson.dumps(shapes.fetched(*said), option=orjson.OPT_APPEND_NEWLINE))
    out.flush()
    typer.echo(f"{records:,} record{'s' * (records != 1)}, {faults:,} problem{'s' * (faults != 1)}", err=True)
