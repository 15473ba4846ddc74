"""The parts of the documentation that come from code. `python -m tests.docs` checks them, --write renews them."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer
from pydantic import BaseModel

from app import sources
from app.cli import command
from app.config.forms import DatabaseSettings, ProductionSettings, SourceSettings, TrackerSettings
from app.domain.lifecycle import RULES
from app.domain.model import Code
from app.domain.overview import COLUMNS

PROJECT = Path(__file__).parents[1]
PAGES = {
    "README.md": ("commands",),
    "docs/reference.md": ("places", "settings", "databases", "production", "columns", "rules", "kinds", "problems"),
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def settings() -> str:
    return _keys(TrackerSettings)


def places() -> str:
    return _keys(SourceSettings)


def production() -> str:
    return _keys(ProductionSettings)


def databases() -> str:
    return _keys(DatabaseSettings)


def _keys(form: type[BaseModel]) -> str:
    fields = form.model_fields.items()
    return table(["key", "what"], [(f"`{name}`", field.description or "") for name, field in fields])


def commands() -> str:
    return table(
        ["command", "what"], [(f"`{name}`", does) for name, does in _commands(typer.main.get_command(command))]
    )


def _commands(group: typer.core.TyperGroup, above: str = "") -> Iterable[tuple[str, str]]:
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            if one.invoke_without_command:
                yield f"{above}{name}", " ".join((one.help or "").split())
            yield from _commands(one, f"{above}{name} ")
        else:
            yield f"{above}{name}", " ".join((one.help or "").split())


def columns() -> str:
    return table(["column", "tabs"], [(column.title, ", ".join(column.tabs)) for column in COLUMNS])


def rules() -> str:
    return table(["rule", "what"], [(f"`{rule.__name__}`", " ".join((rule.__doc__ or "").split())) for rule in RULES])


def kinds() -> str:
    parts = []
    for name, kind in sources.kinds().items():
        fields = kind.Options.model_fields.items()
        options = [(f"`{key}`", field.description or "", f"{field.default}") for key, field in fields]
        parts.append(f"`{name}`: {kind.summary}\n\n{table(['key', 'what', 'default'], options)}")
    return "\n".join(parts)


def problems() -> str:
    return table(["code", "severity", "meaning"], [(f"`{c.value}`", str(c.severity), c.meaning) for c in Code])


PARTS = {
    part.__name__: part for part in (places, settings, databases, production, commands, columns, rules, kinds, problems)
}


def renewed(page: str, text: str) -> str:
    """The page with its generated parts as the code has them now."""
    for name in PAGES[page]:
        begin, end = f"<!-- {name} -->\n", "<!-- end -->"
        before, after = text.split(begin)
        text = before + begin + PARTS[name]() + end + after.partition(end)[2]
    return text


def main(arguments: Sequence[str]) -> int:
    stale = False
    for page in PAGES:
        before = (PROJECT / page).read_text()
        after = renewed(page, before)
        stale |= before != after
        if "--write" in arguments:
            (PROJECT / page).write_text(after)
        else:
            told = difflib.unified_diff(before.splitlines(True), after.splitlines(True), page, "the code")
            sys.stdout.writelines(told)
    return int(stale and "--write" not in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
