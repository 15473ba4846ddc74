"""Whatever is in the files, it is loaded or its mistakes are told; nothing else happens."""

from __future__ import annotations

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.config.forms import CheckSettings, DatabaseSettings, HoldSettings, SourceSettings, TrackerSettings
from app.errors import ConfigError
from tests.config.site import KINDS, LOADING, Site

MODELS = (SourceSettings, DatabaseSettings, CheckSettings, HoldSettings, TrackerSettings, *KINDS.values())
WORDS = [
    *(name for model in MODELS for name in model.model_fields),
    *("external", "incoming", "loading", "analysing", "processed", "published", "Track", "Accession", "published sc"),
    *(
        "/a",
        "/a/b",
        "a",
        "http://a",
        "https://[",
        "x://",
        "sqlite:///a",
        "postgresql://u:p@h/d",
        "${A}",
        "${",
        "{value}",
    ),
    *(
        "postgres",
        "mysql",
        "sqlite",
        "filesystem",
        "UTC",
        "csv_files",
        "{accession}",
        "\0",
        "\ud800",
        "_fields_set",
        "cls",
    ),
]
texts = st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=()), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=4), max_leaves=12)


def shaped(model: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(list(model.model_fields)) | texts, values, max_size=6)


SOURCES = values | st.dictionaries(texts, values | shaped(SourceSettings), max_size=4)
DATABASES = values | st.dictionaries(texts, values | shaped(DatabaseSettings), max_size=4)
SETTINGS = values | shaped(TrackerSettings)
FILES = ("sources_config.json", "etc/tracker.yaml", "db_config.json")


def load(sources: Any, tracker: Any, databases: Any) -> None:
    with TemporaryDirectory() as folder, contextlib.suppress(ConfigError):
        site = Site(Path(folder), {"A": "a"})
        for name, content in zip(FILES, (sources, tracker, databases), strict=True):
            site.write(name, content)
        site.load(databases="db_config.json")
        site.load()


@given(SOURCES, SETTINGS, DATABASES)
@settings(max_examples=150, deadline=None)
@example({"/a": {"cls": 2, "self": 3}}, {"cls": 1, "model_config": 2}, {"d": {"cls": 1}})
@example({"/a": {"stage": "loading", "name": 10**4000}}, {"accession": 10**4000}, {"d": {"password": 10**4000}})
def test_arbitrary_json_is_loaded_or_its_mistakes_are_told(sources: Any, tracker: Any, databases: Any) -> None:
    load(sources, tracker, databases)


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40))
@settings(max_examples=100, deadline=None)
def test_arbitrary_bytes_are_mistakes(sources: bytes, tracker: bytes, databases: bytes) -> None:
    load(sources, tracker, databases)


SIGNS = [*":-[]{},&*!|>'\"%@#?~ \n\t", "- ", ": ", "<<", "  ", "&a ", "*a ", "2026-99-99"]
TAGS = [f"!!{tag} " for tag in ("int", "bool", "float", "timestamp", "set", "omap", "map", "null", "binary")]
yamls = st.lists(st.sampled_from(SIGNS + TAGS) | texts.filter(str.isprintable), max_size=14)


@given(yamls.map("".join))
@settings(max_examples=200, deadline=None)
@example("accession: 0x" + "f" * 6000)
@example("accession: !!binary aGk=")
@example("hold: !!set {share, more_than}")
@example("databases: !!omap [a: b]")
@example("out: 2026-01-01")
def test_arbitrary_yaml_is_loaded_or_its_mistakes_are_told(tracker: str) -> None:
    load(LOADING, tracker.encode("utf-8", "surrogatepass"), {})
