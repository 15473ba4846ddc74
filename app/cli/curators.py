"""What curators ask and say: metadata files, the next accession, what is stuck, what need not be looked at."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

import app as rooms
from app.cli.shared import AsJson, Because, By, Undo, dump, loaded, opened, whoever
from app.errors import UsageError

accessions = typer.Typer(help="The accessions that datasets are given.", no_args_is_help=True)


@accessions.command("next")
def next_accession(
    context: typer.Context,
    prefix: Annotated[str, typer.Argument(help="Such as E-CURD.")],
    by: By = "",
) -> None:
    """Give away the next accession of a prefix, and print nothing else. Nobody is given it again."""
    with opened(context) as (tracker, _):
        typer.echo(tracker.next_accession(prefix, whoever(by)))


@accessions.command("from")
def imported_accession(
    context: typer.Context, outside: Annotated[str, typer.Argument(help="Such as GSE123.", metavar="ACCESSION")]
) -> None:
    """What an outside accession is called here: E-GEOD-123 for GSE123; ours stay as they are."""
    from app.domain.accessions import imported

    typer.echo(imported(outside, rooms.ours(loaded(context))))


def metadata(
    context: typer.Context,
    accession: str,
    copy: Annotated[Path | None, typer.Option(help="Copy the latest ones there.", metavar="DIR")] = None,
    as_json: AsJson = False,
) -> None:
    """The latest IDF and SDRF of a dataset, and which earlier ones there are."""
    with opened(context) as (tracker, terminal):
        found = tracker.metadata_files(accession)
        latest = [version.path for version in found if version.latest]
        if copy and not latest:
            raise UsageError(f"{accession} has no IDF and no SDRF that could be copied")
        copies = rooms.copied(latest, copy) if copy else []
        if as_json:
            from app import shapes

            dump(shapes.metadata(accession, found, copies))
        else:
            terminal.metadata(accession, found)
            for path in copies:
                terminal.say(f"copied to {path}")


def stuck(
    context: typer.Context,
    longer_than: Annotated[
        str | None, typer.Option(help="Longer than this (30d, 12h, 2w), whatever is usual.", metavar="TIME")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The datasets that stay in a state longer than is usual there."""
    span = _span(longer_than) if longer_than is not None else None
    with opened(context) as (tracker, terminal):
        found = tracker.stuck(span)
        if as_json:
            from app import shapes

            dump(shapes.stuck(found))
        else:
            terminal.stuck(found, span)


_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def _span(text: str) -> timedelta:
    told = re.fullmatch(r"([0-9]{1,6}) ?([hdw])", text.strip())
    if told is None:
        raise UsageError(f"{text!r} is not a time; write 30d, 12h or 2w")
    return int(told[1]) * _UNITS[told[2]]


def ignore(
    context: typer.Context,
    accession: Annotated[str, typer.Argument(help="A dataset.")],
    reason: Because = "",
    by: By = "",
    undo: Undo = False,
) -> None:
    """A dataset need not be looked at: it and its problems are shown greyed. Its state goes on as before."""
    from app.domain.model import RemarkKind

    with opened(context) as (tracker, terminal):
        if undo:
            terminal.remark(tracker.undo(RemarkKind.IGNORED, accession, whoever(by)))
        else:
            tracker.ignore(accession, reason, whoever(by))
            terminal.say(f"{accession} is ignored; it is shown greyed from the next crawl on")


def acknowledge(
    context: typer.Context,
    problem: Annotated[str, typer.Argument(help="The key of a problem, as `problems` shows it.")],
    reason: Because = "",
    by: By = "",
    undo: Undo = False,
) -> None:
    """A problem is known, and shown greyed as long as it lasts."""
    from app.domain.model import RemarkKind

    with opened(context) as (tracker, terminal):
        if undo:
            terminal.remark(tracker.undo(RemarkKind.ACKNOWLEDGED, problem, whoever(by)))
        else:
            found = tracker.acknowledge(problem, reason, whoever(by))
            terminal.say(f"{found.key} is acknowledged: {found.message}")
