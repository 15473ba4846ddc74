"""The keys for what only we may read, from a shell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.shared import loaded

command = typer.Typer(help="Keys for what is private of sources.", no_args_is_help=True)


@command.command("new")
def keys_new(file: Annotated[Path, typer.Argument(help="To be made.", metavar="FILE", show_default=False)]) -> None:
    """Make a key, in a file that only you may read."""
    from app import places

    places.make_key(file)
    typer.echo(f"{file} is made. Keep a copy apart from the store, and set harvest > key_file in etc/tracker.yaml")


@command.command("rotate")
def keys_rotate(context: typer.Context) -> None:
    """Seal all that is private with a new key; the old one is then of no use to anybody."""
    from app import places

    typer.echo(places.rotate(loaded(context)))
