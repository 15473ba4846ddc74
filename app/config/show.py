"""What is shown, and where: columns, links and outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from app.config.forms import fields_of
from app.config.pages import Page, unknown
from app.domain.model import Lifecycle
from app.domain.overview import LINKS

TECHS = ("bulk", "sc")
PRIVATE = "private"
"""In place of a state: the link of datasets that are private."""


def read_columns(
    page: Page, tabs: Mapping[str, Any], known: Mapping[str, Sequence[str]]
) -> Mapping[str, tuple[tuple[str, str], ...]]:
    columns = {}
    for tab, entries in tabs.items():
        if tab not in known:
            page.mistake(unknown("tab", tab, known), "columns", tab)
        elif not isinstance(entries, list) or not entries:
            page.mistake("must be a list of column names, or of {column: title}", "columns", tab)
        else:
            columns[tab] = tuple(_titled(page, tab, entries, known[tab]))
    return MappingProxyType(columns)


def _titled(page: Page, tab: str, entries: Sequence[Any], known: Sequence[str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        pairs = list(entry.items()) if isinstance(entry, dict) else [(entry, entry)]
        if len(pairs) != 1 or not all(isinstance(text, str) and text for text in pairs[0]):
            page.mistake("must be a column's name, or {column: title}", "columns", tab, number)
            continue
        column, title = pairs[0]
        if column not in known:
            page.mistake(unknown("column", column, known), "columns", tab, number)
        if title in seen:
            page.mistake(f"the title {title!r} is given more than once", "columns", tab, number)
        seen.add(title)
        yield column, title


def read_links(page: Page, templates: Mapping[str, Any], lifecycle: Lifecycle | None) -> Mapping[str, str]:
    known = [state.name for state in lifecycle.states] if lifecycle else None
    for key, template in templates.items():
        state, _, tech = key.rpartition(" ")
        if not state or tech not in TECHS:
            page.mistake("must be a state and bulk or sc, such as 'published sc', or 'private bulk'", "links", key)
        elif known is not None and state not in (*known, PRIVATE):
            page.mistake(unknown("state", state, (*known, PRIVATE)), "links", key)
        if wrong := _link_fault(template, state == PRIVATE):
            example = LINKS["private bulk" if state == PRIVATE else "published bulk"]
            page.mistake(f"{wrong}; allowed: such as {example}", "links", key)
    return MappingProxyType({**LINKS, **templates})


def _link_fault(template: object, private: bool) -> str:
    if not isinstance(template, str):
        return "must be text"
    try:
        fields = fields_of(template, "accession", *(["key"] if private else []))
    except ValueError as error:
        return str(error)
    if "{key}" in template.partition("?")[0]:
        return "has {key} before its ?, where it could not be left out"
    if not template.startswith(("https://", "http://")):
        return "is not an http(s) address"
    return "" if "accession" in fields else "must hold {accession}"


def read_outputs(page: Page, key: str, names: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    for name, times in Counter(names).items():
        if name not in known:
            page.mistake(unknown("output", name, known), key)
        elif times > 1:
            page.mistake(f"{name!r} is given more than once", key)
    return tuple(names)
