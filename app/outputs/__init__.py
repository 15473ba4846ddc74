"""Where the overview is shown. An output is a class made from a folder and a time zone that has the port Output;
another package adds one by an entry point of the group `ingest_tracker.outputs`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from app.errors import OutputError, UsageError
from app.ports import Output

GROUP = "ingest_tracker.outputs"


def known() -> tuple[str, ...]:
    """The names that `open_outputs` takes."""
    return tuple(sorted(_registry()))


def open_outputs(names: Iterable[str], out: Path, time_zone: tzinfo) -> tuple[Output, ...]:
    """The outputs of these names, writing below `out` and showing times in `time_zone`. Writes nothing yet.
    Raises UsageError for a name that is not known, OutputError for one whose package does not load."""
    registry = _registry()
    return tuple(_open(name, registry, out, time_zone) for name in names)


def _open(name: str, registry: Mapping[str, EntryPoint], out: Path, time_zone: tzinfo) -> Output:
    if name not in registry:
        raise UsageError(f"there is no output {name!r}; there are: {', '.join(sorted(registry))}")
    try:
        output: Output = registry[name].load()(out, time_zone)
    except (ImportError, AttributeError) as error:
        raise OutputError(name, f"output {name} ({registry[name].value}) does not load: {error}") from error
    return output


def _registry() -> Mapping[str, EntryPoint]:
    return _registered_on(*sys.path)


@cache  # to look through all that is installed takes milliseconds
def _registered_on(*path: str) -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
