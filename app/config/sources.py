"""sources_config.json -> the places where datasets are found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel

from app.config.forms import SourceSettings
from app.config.pages import Given, Page, legible, parse_json, unknown
from app.domain.model import Lifecycle, SourceConfig, Stage

FILESYSTEM, LISTING = "filesystem", "experiments-json"
EXAMPLE = '{"/a/directory": {"stage": ["loading"]}}'


def read_sources(
    given: Given, lifecycle: Lifecycle | None, kinds: Mapping[str, type[BaseModel]]
) -> tuple[SourceConfig, ...]:
    if given.value is None:
        return ()
    named = f"named by {given.key}" if given.key else f"create it, such as {EXAMPLE}"
    other = "--sources, INGEST_TRACKER_SOURCES or `sources:` in etc/tracker.yaml can name another file"
    page, data = given.read(parse_json, f"{named}; {other}")
    if data is not None and not data:
        page.mistake(f"holds no source; allowed: one or more, such as {EXAMPLE}")
    sources = tuple(_source(page, key, value, lifecycle, kinds) for key, value in (data or {}).items())
    _overlaps(page, sources)
    return sources


def _source(
    page: Page, key: str, entry: Any, lifecycle: Lifecycle | None, kinds: Mapping[str, type[BaseModel]]
) -> SourceConfig:
    settings, faulty = page.check(SourceSettings, entry, key)
    location = read_location(page, key, key)
    address = "://" in key
    kind = settings.kind or (LISTING if address else FILESYSTEM)
    options: Mapping[str, Any] = {}
    if kind == FILESYSTEM and address:
        page.mistake("filesystem reads a directory, not an address", key, "kind")
    elif "kind" not in faulty:
        options = _options(page, key, kind, entry, kinds)
    stage = None if "stage" in faulty else _stage(page, key, settings.stage, lifecycle)
    place = key if address else key.rstrip("/") or key  # `a/` is `a`, and keeps its history
    return SourceConfig(
        name=settings.name or place,
        key=place,
        location=location,
        kind=kind,
        stage=stage or Lifecycle.of().stage(["external"]),
        tech=settings.tech,
        resource=settings.resource,
        origin=settings.source,
        options=MappingProxyType(options),
        schedule="" if "schedule" in faulty else settings.schedule or "",
    )


def read_location(page: Page, text: str, *key: str | int) -> str:
    """The absolute path of a directory or file, or an http(s) address as written."""
    scheme, separator, _ = text.partition("://")
    if not text or text != text.strip():
        page.mistake("is empty, or begins or ends with white space", *key)
    elif not separator:
        return page.path(text)
    elif scheme.lower() not in ("http", "https"):
        page.mistake(f"unsupported scheme {scheme!r}; allowed: a path, https:// or http://", *key)
    elif not _hostname(text) or any(character.isspace() for character in text):
        page.mistake("is not an address; allowed: https://host/path", *key)
    elif "@" in urlsplit(text).netloc or any(_SECRET.search(name) for name, _ in parse_qsl(urlsplit(text).query)):
        page.mistake("holds a user, a password or a key, which would be shown to all; leave it out", *key)
    return text


_SECRET = re.compile(
    r"(?:^|[^a-z])(?:api|access|auth)?(?:key|token|secret|password|passwd|pwd|sig|signature)$", re.IGNORECASE
)
"""How the parameters of an address are named that nobody else is to see."""


def _hostname(address: str) -> str:
    try:
        parts = urlsplit(address)
        return "" if parts.port == 0 else parts.hostname or ""
    except ValueError:
        return ""


def _stage(page: Page, key: str, names: Sequence[str], lifecycle: Lifecycle | None) -> Stage | None:
    if lifecycle is None:
        return None
    known = [state.name for state in lifecycle.states]
    wrong = [unknown("state", name, known) for name in names if name not in known]
    ordered = [name for name in known if name in names]
    if not wrong and list(names) != ordered:
        wrong = [f"must name each state once, in lifecycle order: {', '.join(ordered)}"]
    for message in wrong:
        page.mistake(message, key, "stage")
    return None if wrong else lifecycle.stage(names)


def _options(
    page: Page, key: str, kind: str, entry: Mapping[str, Any], kinds: Mapping[str, type[BaseModel]]
) -> dict[str, Any]:
    """The options of this kind, as written. Further keys are left out with a warning: existing files load unchanged."""
    if kind not in kinds:
        page.mistake(unknown("kind", kind, kinds), key, "kind")
        return {}
    known = {field.alias or name: None for name, field in kinds[kind].model_fields.items()}
    allowed = [*SourceSettings.model_fields, *known]
    for name in entry:
        if name not in allowed:
            page.mistake(f"is not used: {unknown('key', name, allowed)}", key, name, fatal=False)
    options = {name: entry[name] for name in known if entry.get(name) is not None}
    page.faults(kinds[kind], options, key)
    return options


def _overlaps(page: Page, sources: Sequence[SourceConfig]) -> None:
    """Sources of the same name or at the same place are mistakes; one inside another is a warning."""
    names: dict[str, str] = {}
    places: dict[str, str] = {}
    for source in sources:
        if (first := names.setdefault(source.name, source.key)) != source.key:
            page.mistake(f"{source.name!r} already stands for {legible(first)}", source.key, "name")
        if (first := places.setdefault(_place(source.location), source.key)) != source.key:
            page.mistake(f"is the same place as {legible(first)}", source.key)
    for source in sources:
        around = [str(parent) for parent in PurePath(source.location).parents if "://" not in source.location]
        if outer := next((places[path] for path in around if path in places), None):
            message = f"lies inside {legible(outer)}: what is in both may be found twice"
            page.mistake(message, source.key, fatal=False)


def _place(location: str) -> str:
    """What two ways of writing the same address have in common."""
    if "://" not in location or not _hostname(location):
        return location
    parts = urlsplit(location)
    return parts._replace(netloc=parts.netloc.lower(), path=parts.path.rstrip("/"), fragment="").geturl()
