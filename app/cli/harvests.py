"""Catalogues, from a shell: reading them, and the logs of that."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.shared import AsJson, beginning, dump, opened, show
from app.errors import UsageError

runs = typer.Typer(help="The last runs, newest first.", invoke_without_command=True)

ALL = "all"

Number = Annotated[str, typer.Argument(help="Of a harvest, such as h12.", metavar="RUN")]


def harvest(
    context: typer.Context,
    source: Annotated[
        list[str],
        typer.Argument(help="Catalogues (name or address), or `all`.", metavar="SOURCE...", show_default=False),
    ],
    start: Annotated[
        str | None, typer.Option(help="Only what changed since then (a date or a time).", metavar="TIME")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Only what changed until then.", metavar="TIME")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many records.", min=0)] = None,
    superfluous: Annotated[bool, typer.Option("--superfluous", help="Also what was read before.")] = False,
    no_transform: Annotated[
        bool, typer.Option("--no-transform", help="Keep what is said, and do not try to understand it.")
    ] = False,
    ignore_disabled: Annotated[
        bool, typer.Option("--ignore-disabled", help="Also sources that are disabled or deleted.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Whatever speaks against it, also without the lock.")] = False,
    no_split: Annotated[bool, typer.Option("--no-split", help="However long the time asked for is.")] = False,
    no_optimize: Annotated[
        bool, typer.Option("--no-optimize", help="Also times that were read before, if others were not.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read catalogues, keep what they say, and decide where their datasets stand."""
    from app.domain.catalogue import Asked

    with opened(context, writing=True) as (tracker, terminal):
        since, until = beginning(start, terminal.zone), beginning(end, terminal.zone)
        if since and until and since >= until:
            raise UsageError(f"--start {start} is not before --end {end}")
        asked = Asked(
            since,
            until,
            limit,
            superfluous,
            not no_transform,
            ignore_disabled,
            force,
            not no_split,
            not no_optimize,
        )
        with terminal.progress() as progress:
            done = tracker.harvest(None if source == [ALL] else source, asked, progress=progress)
        if as_json:
            from app import shapes

            dump(shapes.harvested(done))
        elif done.empty:
            some = any(tracker.open_catalogue(each) for each in tracker.sources)
            terminal.say("There is nothing to read" + ("." if some else ": no source is a catalogue."))
        else:
            terminal.harvested(done)
    raise typer.Exit(done.exit_code)


def schedule(
    context: typer.Context,
    source: Annotated[
        list[str] | None, typer.Argument(help="Catalogues (name or address).", metavar="SOURCE...", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All catalogues.")] = False,
    cutoff: Annotated[
        str | None, typer.Option(help="Until then, instead of now (a date: its beginning).", metavar="TIME")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Plan what is to be read of catalogues: whole intervals, from the last one on. `harvest` reads what is planned."""
    if bool(source) == everything:
        raise UsageError("name catalogues, or say --all")
    with opened(context, writing=True) as (tracker, terminal):
        until = beginning(cutoff, terminal.zone) or tracker.clock()
        made = tracker.schedule(source or None, until)
        rows = [{"source": name, "planned": count} for name, count in made.items()]
        show({"sources": rows}, as_json)


@runs.callback()
def runs_list(
    context: typer.Context,
    source: Annotated[str | None, typer.Option(help="Only those of this source.", metavar="SOURCE")] = None,
    status: Annotated[str | None, typer.Option(help="Only harvests that ended so, such as failed.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    if context.invoked_subcommand:
        return
    from app.domain.model import LogStatus

    names = [each.name.lower() for each in LogStatus]
    if status is not None and status.lower() not in names:
        raise UsageError(f"--status {status!r} is none; allowed: {', '.join(names)}")
    statuses = [] if status is None else [LogStatus[status.upper()]]
    with opened(context) as (tracker, terminal):
        crawls = tracker.store.runs(limit) if source is None and status is None else None
        name = tracker.named(source) if source else ""
        logs = tracker.store.harvests.logs(name, statuses, limit)
        if as_json:
            from app import shapes

            dump(shapes.runs(crawls or (), logs))
            return
        if crawls is not None:
            terminal.runs(crawls)
        if logs:
            terminal.logs(logs)


@runs.command("show")
def runs_show(context: typer.Context, run: Number, as_json: AsJson = False) -> None:
    """What was asked, found and changed in a harvest, what is wrong, and what to do about it."""
    with opened(context) as (tracker, terminal):
        log = tracker.store.harvests.log(number_of(run))
        if log is None:
            raise UsageError(f"there is no harvest {run}; `runs` lists them")
        if as_json:
            from app import shapes

            dump(shapes.run_log(log))
        else:
            terminal.run_log(log)


@runs.command("problems")
def runs_problems(
    context: typer.Context,
    run: Number,
    message: Annotated[str, typer.Option(help="Only those that say exactly this.", metavar="TEXT")] = "",
) -> None:
    """Each problem of a harvest, a JSON object a line."""
    import json

    with opened(context) as (tracker, _):
        for fault in tracker.store.harvests.problems(number_of(run), message):
            told = {"identifier": fault.identifier, "severity": str(fault.severity), "message": fault.message}
            typer.echo(json.dumps(told, ensure_ascii=False))


@runs.command("cancel")
def runs_cancel(context: typer.Context, run: Number) -> None:
    """Let a harvest that is on end at its next chunk; what it has read is kept."""
    with opened(context, writing=True) as (tracker, terminal):
        if not tracker.store.harvests.cancel(number_of(run), tracker.clock()):
            raise UsageError(f"harvest {run} is not on; `runs --status started` lists those that are")
        terminal.say(f"harvest {run} will end")


def number_of(run: str) -> int:
    """Of a harvest. Raises UsageError."""
    digits = run.lower().removeprefix("h")
    if not (digits.isascii() and digits.isdigit()):
        raise UsageError(f"{run!r} is no harvest; `runs` lists them, such as h12")
    return int(digits)
