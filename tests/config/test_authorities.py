"""The production databases of a site: those that it has by default, and what it says of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.config import Authority
from app.domain.model import Lifecycle
from tests.config.site import LOADING, Site

SOURCES, SETTINGS = "sources_config.json", "etc/tracker.yaml"
PUBLISHED = Lifecycle.of().state("published")
QUERY = "SELECT accession, private, access_key FROM experiment"
BULK = Authority("gxpatlaspro", "gxpatlaspro", QUERY, PUBLISHED, "bulk")
SC = Authority("gxpscxapro", "gxpscxapro", QUERY, PUBLISHED, "sc")


def authorities(site: Site, settings: Any, *databases: str) -> tuple[Authority, ...]:
    site.write(SOURCES, LOADING)
    site.write(SETTINGS, {"databases": {name: "sqlite:///a" for name in databases}} | settings)
    loaded = site.load()
    assert loaded.warnings == ()
    return loaded.authorities


@pytest.mark.parametrize(
    ("databases", "expected"),
    [
        ([], ()),
        (["gxpatlaspro"], (BULK,)),
        (["gxpscxapro"], (SC,)),
        (["gxpscxapro", "gxpatlaspro"], (BULK, SC)),
        (["ae_autosubs"], ()),
    ],
)
def test_the_default_ones_are_those_of_databases_that_are_there(
    databases: list[str], expected: tuple[Authority, ...], site: Site
) -> None:
    assert authorities(site, {}, *databases) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"decides": True}, replace(BULK, decides=True)),
        ({"state": "processed"}, replace(BULK, state=Lifecycle.of().state("processed"))),
        ({"query": "SELECT a FROM b", "tech": "sc"}, replace(BULK, query="SELECT a FROM b", tech="sc")),
        ({}, BULK),
        (False, None),
    ],
)
def test_a_default_one_need_only_be_told_what_is_different(entry: Any, expected: Authority | None, site: Site) -> None:
    found = authorities(site, {"production": {"gxpatlaspro": entry}}, "gxpatlaspro", "gxpscxapro")
    assert found == ((expected,) if expected else ()) + (SC,)


def test_a_site_has_databases_of_its_own_and_states_of_its_own(site: Site) -> None:
    states = [*Lifecycle.CORE, "archived"]
    mine = {"database": "d", "query": "SELECT 1", "state": "archived", "tech": "sc"}
    found = authorities(site, {"states": states, "production": {"mine": mine}}, "d")
    assert found == (Authority("mine", "d", "SELECT 1", Lifecycle.of(states).state("archived"), "sc"),)


MINE = "database: d, query: q, tech: bulk"


@pytest.mark.parametrize(
    ("production", "key", "words"),
    [
        ("[]", "production", ["must be an object", "decides"]),
        ("{p: 5}", "production > p", ["must be an object"]),
        ("{p: true}", "production > p", ["must be an object"]),
        ("{p: {}}", "production > p > database", ["required", "configured database"]),
        ("{p: {}}", "production > p > query", ["required", "gives an accession"]),
        ("{p: {}}", "production > p > tech", ["required", "bulk or sc"]),
        ("{p: {database: e, query: q, tech: bulk}}", "production > p > database", ["'e'", "allowed: d"]),
        (f"{{p: {{{MINE}, tech: both}}}}", "production > p > tech", ["bulk or sc"]),
        (f"{{p: {{{MINE}, state: publised}}}}", "production > p > state", ["did you mean 'published'?"]),
        (f"{{p: {{{MINE}, decides: perhaps}}}}", "production > p > decides", ["true or false", "follows the database"]),
        (f"{{p: {{{MINE}, decide: true}}}}", "production > p > decide", ["did you mean 'decides'?"]),
        (f"{{c: {{{MINE}}}}}", "production > c", ["name of a check"]),
    ],
)
def test_every_mistake_is_told(production: str, key: str, words: list[str], site: Site) -> None:
    checks = "checks: {c: {database: d, query: q, passes: p}}"
    production = production.replace("tech: bulk, tech", "tech")
    site.with_files({SETTINGS: f"databases: {{d: 'sqlite:///d'}}\n{checks}\nproduction: {production}\n"})
    told = {mistake.key: mistake.message for mistake in site.mistakes()}
    assert all(word in told[key] for word in words), told


def test_all_mistakes_are_told_at_once(site: Site) -> None:
    site.with_files(
        {SETTINGS: "databases: {d: 'sqlite:///d'}\nproduction: {a: {database: e}, b: {tech: x, decides: 1}}\n"}
    )
    assert {mistake.key.partition(" > ")[2] for mistake in site.mistakes()} == {
        "a > database", "a > query", "a > tech", "b > database", "b > query", "b > tech", "b > decides",
    }  # fmt: skip


def test_a_database_that_only_production_asks_is_not_idle(site: Site) -> None:
    assert authorities(site, {"production": {"mine": {"database": "d", "query": "q", "tech": "sc"}}}, "d")
    site.write(SETTINGS, {"databases": {"d": "sqlite:///a"}})
    (warning,) = site.load().warnings
    assert "no check and no production setting asks this database" in warning.message
