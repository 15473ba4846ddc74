"""Have we got this already, what is here twice, and which groups are none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import app as rooms
from app.cli.shared import AsJson, Because, By, Undo, dump, loaded, opened, progress, whoever
from app.domain.text import printable
from app.errors import StoreError, UsageError
from app.program import say

if TYPE_CHECKING:
    from datetime import tzinfo

    from app.config import Config
    from app.domain.contents import Found, Identical
    from app.domain.search import Answer, Question
    from app.tracker import Tracker

command = typer.Typer(help="What is here already, or more than once.", no_args_is_help=True)

NONE_KNOWN, KNOWN, NO_ACCESSION, CANNOT_TELL = 0, 1, 2, 3
"""How `check` ends: the greatest that applies."""
NOT_ALL = 3


@command.command()
def check(
    context: typer.Context,
    accession: Annotated[list[str], typer.Argument(help="Accessions, ours or others'; - reads them from stdin.")],
    internal: Annotated[
        bool, typer.Option("--internal", help="Only: is it taken, by a dataset, here or gone, or reserved?")
    ] = False,
    external: Annotated[
        bool, typer.Option("--external", help="Only: is its study here, under whatever accession?")
    ] = False,
    ingested: Annotated[
        bool, typer.Option("--ingested", help="What only waits outside (external, incoming) or is gone does not count.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Crawl first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have we got this already? Exits 0: none is known, 1: one is, 2: one is no accession, 3: it cannot be told."""
    from app.domain.search import Question

    asked = list(_asked(accession))
    if not asked:
        raise UsageError("no accession was given; name some, such as GSE123")
    config = loaded(context)
    question = Question(internal or not external, external or not internal, ingested)
    answers, worst = _answered(config, asked, question, fresh)
    for answer in answers:
        if not answer.recognised:
            say(f"{answer.accession!r} is no accession of a study; write it as E-MTAB-123, GSE123, PRJNA123 ...")
            worst = max(worst, NO_ACCESSION)
        elif answer.known:
            worst = max(worst, KNOWN)
    if as_json:
        from app import shapes

        dump(shapes.answers(answers))
    else:
        typer.echo("".join(f"{line}\n" for line in _lines(answers, config.time_zone)), nl=False)
    raise typer.Exit(worst)


def _asked(given: Iterable[str]) -> Iterator[str]:
    for word in given:
        if word == "-":
            yield from sys.stdin.buffer.read().decode("utf-8", "replace").split()
        elif word := word.strip():
            yield word


def _answered(config: Config, asked: Sequence[str], question: Question, fresh: bool) -> tuple[list[Answer], int]:
    """The answers; and whether they can be relied upon."""
    try:
        with rooms.open_tracker(config, writing=fresh) as tracker:
            reliable = not fresh or _crawled(tracker)
            return tracker.check(asked, question), NONE_KNOWN if reliable else CANNOT_TELL
    except StoreError as error:
        say(f"it cannot be told: {error}")
        raise typer.Exit(CANNOT_TELL) from error


def _crawled(tracker: Tracker) -> bool:
    """Whether all was read. What was not read may hold what is asked for."""
    run = tracker.crawl().run
    if run.error:
        say(f"not all could be read, so that what is not known may be there: {run.error}")
    return not run.error


def _lines(answers: Iterable[Answer], zone: tzinfo) -> Iterator[str]:
    for answer in answers:
        if not answer.recognised:
            continue
        yield f"{answer.accession}: {'known' if answer.known else 'not known'}"
        if given := answer.reservation:
            yield f"  given to {given.by} on {given.at.astimezone(zone):%Y-%m-%d %H:%M}"
        for match in answer.matches:
            since = f" since {match.since.astimezone(zone):%Y-%m-%d %H:%M}" if match.since else ""
            where = f", {'last ' if match.state is None and match.standing else ''}in {match.location}"
            yield f"  {match.dataset} is {match.status}{since}{where}"
            yield from (f"    {link}" for link in match.chain)


# --------------------------------------------------------------------------- groups


@command.command("list")
def groups(context: typer.Context, as_json: AsJson = False) -> None:
    """The groups of datasets that are, or may be, one study; each with the key that names it."""
    with opened(context) as (tracker, terminal):
        found = tracker.duplicates()
        if as_json:
            from app import shapes

            dump(shapes.groups(found))
        else:
            terminal.groups(found)


@command.command()
def dismiss(
    context: typer.Context,
    group: Annotated[str, typer.Argument(help="The key of a group, or one of its datasets.")],
    reason: Because = "",
    by: By = "",
    undo: Undo = False,
) -> None:
    """These are no duplicates. It holds until what ties them is something else."""
    from app.domain.model import RemarkKind

    with opened(context) as (tracker, terminal):
        if undo:
            terminal.remark(tracker.undo(RemarkKind.DISMISSED, group, whoever(by)))
        else:
            done = tracker.dismiss(group, reason, whoever(by))
            terminal.say(f"{done.key} is dismissed: {', '.join(done.group.datasets)}")


# --------------------------------------------------------------------------- files


@command.command()
def files(
    context: typer.Context,
    path: Annotated[
        list[Path] | None, typer.Argument(help="Folders or files; without any, all directories that are sources.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="List at most so many groups; all are counted.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Identical files, those that waste most first. Nothing is ever deleted. What did not change since the last time is
    not read again. Exits 3 if something could not be read."""
    config = loaded(context)
    with progress() as tell:
        found = rooms.identical(config, path or (), tell)
    shown = found.groups[:limit]
    if as_json:
        from app import shapes

        dump(shapes.identical(found, shown, rooms.whereabouts(config)))
    else:
        typer.echo("".join(f"{line}\n" for line in _told(found, shown)), nl=False)
    for one in found.unreadable:
        say(f"{printable(one.path)}: {one.reason}")
    raise typer.Exit(NOT_ALL if found.unreadable else 0)


def _told(found: Found, shown: Sequence[Identical]) -> Iterator[str]:
    for group in shown:
        yield f"{len(group.files)} files of {group.size:,} bytes waste {group.wasted:,}"
        for names in group.files:
            yield f"  {printable(names[0])}"
            yield from (f"    the same file: {printable(name)}" for name in names[1:])
        yield ""
    if len(shown) < len(found.groups):
        yield f"... and {len(found.groups) - len(shown):,} groups more"
    wasted = sum(group.wasted for group in found.groups)
    yield f"{found.files:,} files of {found.bytes:,} bytes; {len(found.groups):,} groups waste {wasted:,}"
