"""The kinds of source, and how to open one.

A kind is a class registered under the entry point group `ingest_tracker.sources`, by this package (setup.cfg)
or by any other that is installed beside it. Only the kind that is opened is loaded.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from pydantic import BaseModel

from app.domain.model import SourceConfig
from app.errors import UsageError
from app.ports import Catalogue, Source

GROUP = "ingest_tracker.sources"


class Kind(Protocol):
    """What a registered class has: calling it with a place and the accession pattern gives a Source, or a
    Catalogue."""

    kind: str
    summary: str
    """One sentence."""
    Options: type[BaseModel]
    """What a place of this kind may be told in `sources_config.json`, besides what every place has."""

    def __call__(self, config: SourceConfig, accession: re.Pattern[str]) -> Source | Catalogue: ...


def kinds() -> Mapping[str, Kind]:
    """Every registered kind by name. Raises UsageError for one that cannot be loaded."""
    return {name: _load(entry) for name, entry in sorted(_registered().items())}


def recognised(begin: bytes, url: str) -> tuple[str, str] | None:
    """The kind that takes what an address begins with for its own, and what it takes it for, in words. A kind may have
    a `recognised(begin, url)` for that, which gives these words, or none. Raises UsageError for a kind that cannot be
    loaded."""
    for name, kind in kinds().items():
        if what := getattr(kind, "recognised", lambda begin, url: "")(begin, url):
            return name, what
    return None


class Options(Mapping[str, type[BaseModel]]):
    """kind -> its options; only what is asked for is loaded. Raises UsageError then for one that cannot be."""

    def __init__(self) -> None:
        self._registered = _registered()

    def __getitem__(self, kind: str) -> type[BaseModel]:
        return _load(self._registered[kind]).Options

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._registered))

    def __len__(self) -> int:
        return len(self._registered)

    def __contains__(self, kind: object) -> bool:
        return kind in self._registered


def opener(accession: re.Pattern[str]) -> Callable[[SourceConfig], Source | Catalogue]:
    """Gives the source for a configured place; opens nothing yet. Raises UsageError for a kind that nobody
    registered."""
    registered = _registered()

    def opened(config: SourceConfig) -> Source | Catalogue:
        if config.kind not in registered:
            known = ", ".join(sorted(registered)) or "none is installed"
            raise UsageError(f"{config.name}: unknown kind of source {config.kind!r}; known are: {known}")
        return _load(registered[config.kind])(config, accession)

    return opened


def _registered() -> Mapping[str, EntryPoint]:
    return _registered_on(*sys.path)


@cache  # to look through all that is installed takes milliseconds
def _registered_on(*path: str) -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _load(entry: EntryPoint) -> Kind:
    try:
        kind: Kind = entry.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"the kind of source {entry.name!r} ({entry.value}) cannot be loaded: {error}") from error
    return kind
