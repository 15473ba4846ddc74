"""The configured places, from a shell: those that sources_config.json names, and those that are added here."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import app as rooms
from app.cli.shared import AsJson, loaded, progress, show
from app.errors import SourceError, UsageError

if TYPE_CHECKING:
    from app.config import Config
    from app.domain.model import SourceConfig

command = typer.Typer(help="The configured places.", no_args_is_help=True)

Named = Annotated[str, typer.Argument(help="Name, directory or address.", metavar="SOURCE", show_default=False)]
Options = Annotated[
    list[str], typer.Option("--option", help="An option of its kind; a.b=c sets b of a.", metavar="NAME=VALUE")
]
Private = Annotated[
    list[str],
    typer.Option("--private", help="An option that is asked for, or read from standard input.", metavar="NAME"),
]
Unchecked = Annotated[bool, typer.Option("--no-check", help="Whether or not it can be read now.")]


@command.command("list")
def sources_list(context: typer.Context, as_json: AsJson = False) -> None:
    """The configured sources."""
    show({"sources": [_described(source) for source in loaded(context).sources]}, as_json)


def _described(source: SourceConfig) -> dict[str, Any]:
    start, end = source.stage.start.name, source.stage.end.name
    stage = start if start == end else f"{start}..{end}"
    return {
        "name": source.name,
        "kind": source.kind,
        "stage": stage,
        "tech": list(source.tech),
        "location": source.location,
        "enabled": source.enabled,
        "named_by": "the store" if source.added else "the file",
    }


@command.command("check")
def sources_check(context: typer.Context, as_json: AsJson = False) -> None:
    """Whether each source can be read, and what is there. Exits 3 if some cannot, 1 if none can."""
    config = loaded(context)
    checked = [rooms.probe(source, config) for source in config.sources]
    show({"sources": checked}, as_json)
    raise typer.Exit(_code([row["status"] == "failed" for row in checked]))


@command.command("analyse")
def sources_analyse(context: typer.Context, as_json: AsJson = False) -> None:
    """Read every source, keep nothing of it, and count what is there and how much of it is right."""
    from app import places

    config = loaded(context)
    rows = []
    with progress() as tell:
        for source in config.sources:
            tell(f"reading {source.name}")
            rows.append(places.analyse(source, config))
    show({"sources": rows}, as_json)
    raise typer.Exit(_code([row["status"] == "failed" for row in rows]))


def _code(failed: Sequence[bool]) -> int:
    return 0 if not any(failed) else 1 if all(failed) else 3


# --------------------------------------------------------------------------- those of the store


@command.command("add")
def sources_add(
    context: typer.Context,
    place: Annotated[str, typer.Argument(help="A directory, or an address.", metavar="PLACE", show_default=False)],
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    kind: Annotated[str | None, typer.Option(help="A kind of source.")] = None,
    stage: Annotated[list[str] | None, typer.Option(help="State of what is there; two: from, to.")] = None,
    tech: Annotated[list[str] | None, typer.Option(help="bulk or sc.")] = None,
    schedule: Annotated[str | None, typer.Option(help="When it is read, such as `every 8 hours`.")] = None,
    rate_limit: Annotated[str | None, typer.Option(help="How often it may be asked, such as `30 a minute`.")] = None,
    option: Options = [],  # noqa: B006 - typer's
    private: Private = [],  # noqa: B006
    no_check: Unchecked = False,
) -> None:
    """Track a further place, which is kept in the store."""
    from app import places

    given = {"name": name, "kind": kind, "stage": stage, "tech": tech, "schedule": schedule, "rate_limit": rate_limit}
    entry = {key: value for key, value in given.items() if value} | {"stage": stage or ["external"]}
    config = loaded(context)
    entry = _with_options(entry, option, private)
    if not (kind or no_check) and "://" in place:
        entry["kind"] = _guessed(place, entry, config)
    source = places.read({place: entry}, config, "the new source")[0]
    found = "" if no_check else _found(source, config)
    places.add([source], config)
    typer.echo(f"{source.name} is tracked from now on{found}")


@command.command("edit")
def sources_edit(
    context: typer.Context,
    source: Named,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    stage: Annotated[list[str] | None, typer.Option(help="State of what is there; two: from, to.")] = None,
    tech: Annotated[list[str] | None, typer.Option(help="bulk or sc.")] = None,
    schedule: Annotated[str | None, typer.Option(help="When it is read; empty: with the others.")] = None,
    rate_limit: Annotated[str | None, typer.Option(help="How often it may be asked; empty: as often as it is.")] = None,
    option: Options = [],  # noqa: B006
    private: Private = [],  # noqa: B006
    no_check: Unchecked = False,
) -> None:
    """Change what is said of a source that was added here. What is not given stays; NAME= unsets an option."""
    from app import places

    config = loaded(context)
    before = _added(config, source)
    if name and name != before.name:
        raise UsageError("a source keeps its name, as all that is known of it goes by that; add another, delete this")
    given = {"stage": stage, "tech": tech, "schedule": schedule, "rate_limit": rate_limit}
    entry = places.as_entry(before) | {key: value for key, value in given.items() if value is not None}
    entry = {key: value for key, value in _with_options(entry, option, private).items() if value not in ("", None)}
    others = replace(config, sources=tuple(each for each in config.sources if each.name != before.name))
    after = places.read({before.key: entry}, others, before.name)[0]
    found = "" if no_check else _found(after, config)
    places.add([after], config)
    typer.echo(f"{after.name} is changed{found}")


@command.command("enable")
def sources_enable(context: typer.Context, source: Named) -> None:
    """Read a source again that was disabled."""
    _enabled(context, source, True)


@command.command("disable")
def sources_disable(context: typer.Context, source: Named) -> None:
    """Read a source no more, for now; its datasets stay as they are."""
    _enabled(context, source, False)


def _enabled(context: typer.Context, wanted: str, enabled: bool) -> None:
    from app import places

    config = loaded(context)
    source = places.one(wanted, config)
    places.enable(source, enabled, config)
    typer.echo(f"{source.name} is {'enabled' if enabled else 'disabled: it is not read, and its datasets stay'}")


@command.command("delete")
def sources_delete(context: typer.Context, source: Named) -> None:
    """Track a place no more that was added here; the next crawl takes its datasets for gone."""
    from app import places

    config = loaded(context)
    deleted = _added(config, source)
    places.withdraw(deleted, config)
    typer.echo(f"{deleted.name} is no longer tracked, from the next crawl on")


@command.command("import")
def sources_import(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="In the form of sources_config.json.", metavar="FILE")],
) -> None:
    """Add all the sources that a file names, or none of them; those that were added before become as it says."""
    from app import places

    config = loaded(context)
    entries = places.entries_in(file)
    sources = places.replacing(entries, config, str(file), file.absolute().parent)
    places.add(sources, config)
    typer.echo(f"{len(sources):,} {'source is' if len(sources) == 1 else 'sources are'} tracked from now on")


def _added(config: Config, wanted: str) -> SourceConfig:
    from app import places

    source = places.one(wanted, config)
    if not source.added:
        raise UsageError(f"{source.name} is named by the file of sources: change it there")
    return source


def _guessed(place: str, entry: Mapping[str, Any], config: Config) -> str:
    from app import places

    try:
        kind, looks = places.guessed(place, entry, config)
    except SourceError as error:
        raise UsageError(_unchanged(str(error), "--kind and --no-check do")) from None
    typer.echo(f"{place} looks like {looks}, and is read as one (--kind {kind})")
    return kind


def _found(source: SourceConfig, config: Config) -> str:
    """Raises UsageError where it cannot be read."""
    probed = rooms.probe(source, config)
    if probed["status"] == "failed":
        raise UsageError(_unchanged(probed["found"], "--no-check does"))
    return f": {probed['found']}"


def _unchanged(why: str, what: str) -> str:
    return f"{why.rstrip('.')}{'' if why.endswith('?') else '.'} Nothing is changed; {what} it all the same"


def _with_options(entry: Mapping[str, Any], options: Sequence[str], private: Sequence[str]) -> dict[str, Any]:
    told = {name: value for name, value in entry.items()}
    for option in options:
        name, equals, text = option.partition("=")
        if not equals or not name:
            raise UsageError(f"--option {option!r} is none; allowed: NAME=VALUE")
        _put(told, name, _value(text) if text else None)
    for name in private:
        _put(told, name, _asked(name))
    return told


def _put(entry: dict[str, Any], name: str, value: Any) -> None:
    first, dot, rest = name.partition(".")
    if dot:
        inner = dict(entry.get(first) or {})
        _put(inner, rest, value)
        entry[first] = inner
    elif value is None:
        entry.pop(name, None)
    else:
        entry[name] = value


def _value(text: str) -> Any:
    """JSON where it is that: numbers, true, lists; else the text as it stands."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _asked(name: str) -> str:
    """Not as an argument: those are for all of this machine to see."""
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True, err=True))
    if line := sys.stdin.readline().rstrip("\r\n"):
        return line
    raise UsageError(f"--private {name} is read from standard input, a line each; there is none left")
