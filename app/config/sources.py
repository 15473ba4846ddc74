"""sources_config.json -> the places where datasets are found."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, SecretStr

from app.config.forms import SourceSettings
from app.config.pages import Given, Page, legible, parse_json, unknown
from app.domain.model import Lifecycle, SourceConfig, SourceTerms, Stage
from app.domain.waiting import Rate

FILESYSTEM, LISTING = "filesystem", "experiments-json"
EXAMPLE = '{"/a/directory": {"stage": ["loading"]}}'


@dataclass(frozen=True, slots=True)
class Understanding:
    """What it takes to understand an entry: `kinds` (name -> model of its options), the variables of the environment,
    and whom catalogues' people may write to where an entry names nobody."""

    lifecycle: Lifecycle | None
    kinds: Mapping[str, type[BaseModel]]
    environ: Mapping[str, str]
    contact: str = ""


def read_sources(given: Given, how: Understanding) -> tuple[SourceConfig, ...]:
    if given.value is None:
        return ()
    named = f"named by {given.key}" if given.key else f"create it, such as {EXAMPLE}"
    other = "--sources, INGEST_TRACKER_SOURCES or `sources:` in etc/tracker.yaml can name another file"
    page, data = given.read(parse_json, f"{named}; {other}")
    if data is not None and not data:
        page.mistake(f"holds no source; allowed: one or more, such as {EXAMPLE}")
    return read_entries(page, data or {}, how)


def read_entries(
    page: Page, entries: Mapping[str, Any], how: Understanding, beside: Sequence[SourceConfig] = ()
) -> tuple[SourceConfig, ...]:
    """The sources that these entries are, place by place. `beside`: those that there are already."""
    sources = tuple(_source(page, key, value, how) for key, value in entries.items())
    _overlaps(page, (*beside, *sources), {source.key for source in beside})
    return sources


def _source(page: Page, key: str, entry: Any, how: Understanding) -> SourceConfig:
    settings, faulty = page.check(SourceSettings, entry, key)
    location = read_location(page, key, key)
    address = "://" in key
    kind = settings.kind or (LISTING if address else FILESYSTEM)
    options: Mapping[str, Any] = {}
    private: Mapping[str, Any] = {}
    if kind == FILESYSTEM and address:
        page.mistake("filesystem reads a directory, not an address", key, "kind")
    elif "kind" not in faulty:
        options, private = _options(page, key, kind, entry, how)
    stage = None if "stage" in faulty else _stage(page, key, settings.stage, how.lifecycle)
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
        private=MappingProxyType(private),
        terms=_terms(settings, faulty),
    )


def _terms(settings: SourceSettings, faulty: Collection[str]) -> SourceTerms:
    return SourceTerms(
        schedule="" if "schedule" in faulty else settings.schedule or "",
        rate=Rate.of(settings.rate_limit) if settings.rate_limit and "rate_limit" not in faulty else None,
        earliest=settings.earliest_date,
        full=settings.full_harvest,
        after=settings.harvest_after,
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
        page.mistake(
            "holds a user, a password or a key, which would be shown to all; leave it out, and see the option `login`",
            *key,
        )
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
    page: Page, key: str, kind: str, entry: Mapping[str, Any], how: Understanding
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of this kind, as written, and those that hold what nobody is to see. Further keys are left out with a
    warning: existing files load unchanged."""
    if kind not in how.kinds:
        page.mistake(unknown("kind", kind, how.kinds), key, "kind")
        return {}, {}
    model = how.kinds[kind]
    known = {field.alias or name: None for name, field in model.model_fields.items()}
    allowed = [*SourceSettings.model_fields, *known]
    for name in entry:
        if name not in allowed:
            page.mistake(f"is not used: {unknown('key', name, allowed)}", key, name, fatal=False)
    options = {
        name: _filled(page, (key, name), entry[name], how.environ) for name in known if entry.get(name) is not None
    }
    if how.contact and "contact" in known:
        options.setdefault("contact", how.contact)
    if page.faults(model, options, key):
        return {}, {}
    told = model.model_validate(options)
    private = {name for name, field in model.model_fields.items() if _is_secret(getattr(told, name))}
    hidden = {model.model_fields[name].alias or name for name in private}
    return (
        {name: value for name, value in options.items() if name not in hidden},
        {name: value for name, value in options.items() if name in hidden},
    )


def _is_secret(value: object) -> bool:
    """Whether there is a SecretStr in it."""
    if isinstance(value, BaseModel):
        return any(_is_secret(getattr(value, name)) for name in type(value).model_fields)
    return isinstance(value, SecretStr)


def _filled(page: Page, key: tuple[str, ...], value: Any, environ: Mapping[str, str]) -> Any:
    """An option that is an object may name a file or a variable that holds one of its fields, as `password_file` and
    `password_env` do."""
    if not isinstance(value, dict):
        return value
    filled = dict(value)
    for name, told in value.items():
        field, _, how = name.rpartition("_")
        if how not in ("file", "env") or not field or not isinstance(told, str):
            continue
        if field in filled:
            page.mistake(f"only one of {field} and {name} can be given", *key, name)
        filled[field] = page.secret(filled.pop(name), environ, *key, name)
    return filled


def _overlaps(page: Page, sources: Sequence[SourceConfig], told: Collection[str] = ()) -> None:
    """Sources of the same name or at the same place are mistakes; one inside another is a warning. `told`: the keys of
    those of which that is known."""
    names: dict[str, SourceConfig] = {}
    places: dict[str, SourceConfig] = {}
    for source in sources:
        if (first := names.setdefault(source.name, source)) is not source:
            page.mistake(f"{source.name!r} already stands for {legible(first.key)}", source.key, "name")
        if (first := places.setdefault(_place(source.location), source)) is not source:
            page.mistake(f"is the same place as {legible(first.key)}", source.key)
    for source in sources:
        if source.key in told:
            continue
        around = [str(parent) for parent in PurePath(source.location).parents if "://" not in source.location]
        if outer := next((places[path] for path in around if path in places), None):
            message = f"lies inside {legible(outer.key)}: what is in both may be found twice"
            page.mistake(message, source.key, fatal=False)


def _place(location: str) -> str:
    """What two ways of writing the same address have in common."""
    if "://" not in location or not _hostname(location):
        return location
    parts = urlsplit(location)
    return parts._replace(netloc=parts.netloc.lower(), path=parts.path.rstrip("/"), fragment="").geturl()
