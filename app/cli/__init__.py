"""The command line: arguments in, one call of the Tracker, a table or JSON out, an exit code.

Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 partial, 4 held for confirmation, 75 locked.
Results go to stdout; progress, notes and logs to stderr.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import app as rooms
from app.cli import curators, duplicates, harvests, keys, raw, sheet, sources, watch
from app.cli.shared import AsJson, Given, dump, loaded, moment, opened, show
from app.errors import ConfigError, UsageError
from app.program import leave, supervised

command = typer.Typer(
    name="ingest-tracker",
    help="Where every dataset stands on its way to publication, why, and what changed.",
    epilog="The options above may stand before or after a command. Exit codes: 0 ok, 1 failed, "
    "2 usage or configuration, 3 partial, 4 held for confirmation, 75 another run is on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
settings = typer.Typer(help="The configuration files.", no_args_is_help=True)


class Format(StrEnum):
    TABLE, JSON, CSV = "table", "json", "csv"


class Severe(StrEnum):
    ERROR, WARNING, INFO = "error", "warning", "info"


def print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ingest-tracker {rooms.version()}")
        raise typer.Exit


@command.callback()
def options(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="Settings, instead of etc/tracker.yaml.", metavar="FILE")] = None,
    sources: Annotated[
        str | None, typer.Option(help="sources_config.json [INGEST_TRACKER_SOURCES]", metavar="FILE")
    ] = None,
    databases: Annotated[
        str | None, typer.Option(help="db_config.json [INGEST_TRACKER_DATABASES]", metavar="FILE")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Path or address of the store [INGEST_TRACKER_STORE]", metavar="STORE")
    ] = None,
    out: Annotated[str | None, typer.Option(help="Where files go [INGEST_TRACKER_OUT]", metavar="DIR")] = None,
    species: Annotated[
        list[str] | None, typer.Option(help="File or address of supported species; may be repeated.", metavar="PLACE")
    ] = None,
    sheet: Annotated[
        str | None,
        typer.Option(help="Google Sheet to publish to: key, address or title [INGEST_TRACKER_SHEET]", metavar="SHEET"),
    ] = None,
    credentials: Annotated[
        Path | None,
        typer.Option(help="Key of a Google service account [GOOGLE_APPLICATION_CREDENTIALS]", metavar="FILE"),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more on stderr.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=print_version)
    ] = False,
) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        format="%(levelname)s %(message)s",
        level=logging.INFO if verbose else logging.ERROR,
        force=True,
    )
    logging.getLogger("google").setLevel(logging.CRITICAL)  # what matters of it is said by the output
    logging.getLogger("sqlalchemy").setLevel(logging.CRITICAL)  # it logs tracebacks of errors that are reported anyway
    logging.getLogger("alembic").setLevel(logging.WARNING)
    context.obj = Given(config, sources, databases, store, out, tuple(species or ()), sheet, credentials, verbose)


# --------------------------------------------------------------------------- the main job


@command.command()
def crawl(
    context: typer.Context,
    source: Annotated[
        list[str] | None, typer.Option(help="Only this source (name or place); may be repeated.", metavar="SOURCE")
    ] = None,
    confirm: Annotated[
        list[str] | None,
        typer.Option(help="Let the disappearances of this source through; may be repeated.", metavar="SOURCE"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change and write nothing.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Read every file again, changed or not.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read the sources, decide where each dataset stands, record what changed, publish."""
    with opened(context, writing=True, dry_run=dry_run) as (tracker, terminal):
        with terminal.progress() as progress:
            report = tracker.crawl(
                only=source or None, confirm=confirm or (), full=full, dry_run=dry_run, progress=progress
            )
        if as_json:
            from app import shapes

            dump(shapes.report(report))
        else:
            terminal.report(report)
    raise typer.Exit(report.exit_code)


@command.command()
def overview(
    context: typer.Context,
    as_of: Annotated[
        str | None, typer.Option(help="As it was then: a date (its end) or a time.", metavar="TIME")
    ] = None,
    format: Annotated[Format, typer.Option(help="How to show it.")] = Format.TABLE,
    tab: Annotated[
        list[str] | None, typer.Option(help="This tab; may be repeated. Without it: a summary, or all as JSON or CSV.")
    ] = None,
) -> None:
    """The tables that curators look at."""
    with opened(context) as (tracker, terminal):
        known, tables = tracker.overview(moment(as_of, terminal.zone))
        names = [table.name for table in tables]
        by_name = {name.casefold(): name for name in names}
        if unknown := {name for name in tab or () if name.casefold() not in by_name}:
            raise UsageError(f"no tab is called {sorted(unknown)[0]!r}; there are: {', '.join(names)}")
        wanted = [by_name[name.casefold()] for name in tab or ()] or (names[:1] if format is Format.TABLE else names)
        tables = tuple(table for table in tables if table.name in wanted)
        if format is not Format.TABLE:
            typer.echo(rooms.render(tables, format.value, known.at, terminal.zone), nl=False)
            return
        terminal.as_of(known)
        for table in tables:
            if table.name == names[0]:
                terminal.summary(table)
            else:
                terminal.table(table)
        if not tab:
            terminal.say(f"\nOther tabs (--tab NAME): {', '.join(names[1:])}")


@command.command()
def why(context: typer.Context, accession: str, as_json: AsJson = False) -> None:
    """Why a dataset stands where it stands."""
    with opened(context) as (tracker, terminal):
        known = tracker.dataset(accession)
        if as_json:
            from app import shapes

            dump(shapes.why(known, accession))
        else:
            terminal.why(known, accession)


@command.command()
def history(context: typer.Context, accession: str, as_json: AsJson = False) -> None:
    """Every change of a dataset's state, and how long each state lasted."""
    with opened(context) as (tracker, terminal):
        changes, remarks, now = tracker.history(accession), tracker.remarks(accession), tracker.clock()
        if as_json:
            from app import shapes

            dump(shapes.history(accession, changes, remarks, now))
        else:
            terminal.history(accession, changes, remarks, now)


@command.command()
def problems(
    context: typer.Context,
    severity: Annotated[list[Severe] | None, typer.Option(help="Only as severe as this; may be repeated.")] = None,
    code: Annotated[
        list[str] | None, typer.Option(help="Only this kind, such as not_utf8; may be repeated.", metavar="CODE")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="Only in this source (name or place); may be repeated.", metavar="SOURCE")
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option(help="Only of this dataset; may be repeated.", metavar="ACCESSION")
    ] = None,
    past: Annotated[bool, typer.Option("--past", help="Those that are over, with when each was last seen.")] = False,
    limit: Annotated[int | None, typer.Option(help="List at most so many; all are counted.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """What there is to mend, most severe first."""
    from app.domain.model import Code
    from app.domain.problems import Wanted

    codes = [known.value for known in Code]
    if unknown := sorted(set(code or ()).difference(codes)):
        raise UsageError(f"no problem has the code {unknown[0]!r}; there are: {', '.join(codes)}")
    wanted = Wanted(*(frozenset(map(str, names or ())) for names in (severity, code, source, dataset)))
    with opened(context) as (tracker, terminal):
        found = tracker.problems(wanted, past=past)
        if as_json:
            from app import shapes

            dump(shapes.problems(found, limit))
        elif found:
            terminal.to_mend(found, limit)
        else:
            terminal.say("No problems.")


for tool in (
    harvests.harvest,
    harvests.schedule,
    raw.fetch,
    raw.prune,
    watch.watch,
    sheet.publish,
    sheet.restore,
    curators.metadata,
    curators.stuck,
    curators.ignore,
    curators.acknowledge,
):
    command.command()(tool)
command.add_typer(harvests.runs, name="runs")
command.add_typer(duplicates.command, name="duplicates")
command.add_typer(curators.accessions, name="accession")
command.add_typer(sheet.command, name="sheet")
command.add_typer(sources.command, name="sources")
command.add_typer(raw.command, name="raw")
command.add_typer(keys.command, name="keys")
command.add_typer(settings, name="config")


# --------------------------------------------------------------------------- looking after it


@settings.command("check")
def config_check(context: typer.Context, as_json: AsJson = False) -> None:
    """Every mistake in the configuration files, with file and key."""
    try:
        config = loaded(context, warn=False)
    except ConfigError as error:
        mistakes = error.mistakes
    else:
        mistakes = config.warnings
    rows = [
        {"severity": "error" if m.fatal else "warning", "file": m.file, "key": m.key, "message": m.message}
        for m in mistakes
    ]
    if as_json:
        dump({"mistakes": rows})
    else:
        for row, mistake in zip(rows, mistakes, strict=True):
            typer.echo(f"{row['severity']}: {mistake}")
        if not any(mistake.fatal for mistake in mistakes):
            typer.echo("The configuration is right.")
    raise typer.Exit(2 if any(mistake.fatal for mistake in mistakes) else 0)


@settings.command("schema")
def config_schema() -> None:
    """The JSON Schema of the configuration files."""
    from app import config

    dump(config.schema())


@command.command()
def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """What is configured, reachable and writable, and what to do about what is not."""
    from app.doctor import examine, misconfigured

    try:
        findings, wrong = examine(loaded(context, warn=False)), 3
    except ConfigError as error:
        findings, wrong = misconfigured(error), error.exit_code
    show({"checks": findings}, as_json)
    raise typer.Exit(wrong if any(row["status"] == "failed" for row in findings) else 0)


@command.command()
def demo(
    directory: Annotated[Path, typer.Option("--dir", help="Where to make it.", metavar="DIR")] = Path("var/demo"),
) -> None:
    """A made-up tree of datasets: two crawls, what changed in between, and why."""
    from app import demo as world
    from app.terminal import Terminal

    world.build(directory)
    config = rooms.load(config=directory / "tracker.yaml")
    terminal = Terminal(config.time_zone)
    with rooms.open_tracker(config, writing=True) as tracker:
        terminal.say(f"A made-up tree of datasets in {directory}, and a first crawl of it:\n")
        first = tracker.crawl()
        terminal.report(first)
        asked = world.move_on(directory)
        terminal.say("\nSome work is done, and a second crawl:\n")
        second = tracker.crawl()
        terminal.report(second, before=first.run.counts)
        for accession in asked:
            terminal.say()
            terminal.why(tracker.dataset(accession), accession)
        terminal.say("\nThe history of the last one:\n")
        terminal.history(asked[-1], tracker.history(asked[-1]), (), tracker.clock())
    terminal.say(f"\nLook around: ./run tracker --config {directory}/tracker.yaml overview")


# --------------------------------------------------------------------------- from a shell


SHARED = {"--config", "--sources", "--databases", "--store", "--out", "--species", "--sheet", "--credentials"}
"""Options of every command, wherever they stand. Each takes a value."""


def shared_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with the shared options moved before the command, which is where click looks for them."""
    first, rest = [], []
    left = iter(arguments)
    for argument in left:
        name, has_value, _ = argument.partition("=")
        if argument == "--":
            rest += [argument, *left]
        elif name in SHARED:
            first += [argument] if has_value else [argument, *_next(left)]
        elif argument in ("-v", "--verbose"):
            first.append(argument)
        else:
            rest.append(argument)
    return first + rest


def _next(left: Iterator[str]) -> list[str]:
    value = next(left, None)
    return [] if value is None else [value]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command (without arguments: the shell's, and then it does not return) and returns its exit code."""
    code = supervised(lambda: run(sys.argv[1:] if arguments is None else arguments))
    if arguments is None:
        leave(code)
    return code


def run(arguments: Sequence[str]) -> int:
    """As typer would, which takes stopping and broken pipes for something else and says nothing."""
    group = typer.main.get_command(command)
    try:
        with group.make_context("ingest-tracker", shared_first(arguments)) as context:
            group.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    return 0
