"""The production databases: what each is asked, and what follows from its answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from app.config.databases import Found
from app.config.forms import ProductionSettings
from app.config.pages import Page, unknown
from app.config.records import Authority, Check
from app.domain.model import Lifecycle

_QUERY = "SELECT accession, private, access_key FROM experiment"
AUTHORITIES: Mapping[str, Mapping[str, str]] = {
    "gxpatlaspro": {"database": "gxpatlaspro", "query": _QUERY, "tech": "bulk"},
    "gxpscxapro": {"database": "gxpscxapro", "query": _QUERY, "tech": "sc"},
}
"""As a site would write them."""


def read_authorities(
    page: Page, entries: Mapping[str, Any], found: Found, checks: Collection[str], lifecycle: Lifecycle | None
) -> tuple[Authority, ...]:
    """The default ones of databases that are there, and the site's own. An entry under a default one's name need only
    say what is different; `false` in its place leaves it out. `checks` are the names that are taken."""
    there = {name: default for name, default in AUTHORITIES.items() if default["database"] in (found.names or ())}
    wanted = {name: entry for name, entry in {**there, **entries}.items() if entry is not False}
    read = (_authority(page, name, entry, found, lifecycle) for name, entry in wanted.items())
    for name in wanted.keys() & set(checks):
        page.mistake("is the name of a check; allowed: any other", "production", name)
    return tuple(authority for authority in read if authority)


def _authority(page: Page, name: str, entry: Any, found: Found, lifecycle: Lifecycle | None) -> Authority | None:
    if isinstance(entry, Mapping):
        entry = {**AUTHORITIES.get(name, {}), **entry}
    settings, faulty = page.check(ProductionSettings, entry, "production", name)
    if found.names is not None and "database" not in faulty and settings.database not in found.names:
        page.mistake(unknown("database", settings.database, found.names), "production", name, "database")
    states = [state.name for state in lifecycle.states] if lifecycle else [settings.state]
    if "state" not in faulty and settings.state not in states:
        page.mistake(unknown("state", settings.state, states), "production", name, "state")
    state = (lifecycle or Lifecycle.of()).state(settings.state)
    rest = settings.query, state, settings.tech, settings.decides
    return None if faulty else Authority(name, settings.database, *rest)


def warn_of_idle(found: Found, checks: Collection[Check], authorities: Collection[Authority]) -> None:
    """Of databases that are asked nothing, unless that may follow from a mistake."""
    if not any(mistake.fatal for mistake in found.page.mistakes):
        asked = {check.database for check in checks} | {authority.database for authority in authorities}
        for name in sorted(set(found.names or ()) - asked):
            found.page.mistake("no check and no production setting asks this database", *found.key, name, fatal=False)
