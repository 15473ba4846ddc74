"""What a configuration that is right means."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app import config
from app.config.forms import (
    CheckSettings,
    DatabaseSettings,
    HoldSettings,
    ProductionSettings,
    SourceSettings,
    TrackerSettings,
)
from app.domain.model import Lifecycle, SourceConfig
from app.domain.overview import COLUMN_NAMES
from app.domain.schedule import Schedule
from tests.config.site import COLUMNS, LOADING, OUTPUTS, Site

SETTINGS, SOURCES = "etc/tracker.yaml", "sources_config.json"
ROOT = Path(__file__).parents[2]


def source(site: Site, key: str, **entry: Any) -> SourceConfig:
    site.write(SOURCES, {key: {"stage": ["loading"], **entry}})
    (only,) = site.load().sources
    return only


# --------------------------------------------------------------------------- nothing but sources


def test_a_sources_file_alone_is_a_working_configuration(site: Site) -> None:
    site.write(SOURCES, LOADING)
    loaded = site.load()
    assert [s.location for s in loaded.sources] == ["/nfs/loading"]
    assert loaded.lifecycle == Lifecycle.of()
    assert re.match(loaded.accession, "E-MTAB-1")
    assert not re.match(loaded.accession, "E-MTAB-1.txt")
    assert (loaded.databases, loaded.checks, loaded.supported_species, dict(loaded.columns)) == ((), (), (), {})
    assert loaded.outputs == ("html_page", "csv_files")
    assert loaded.out == site.folder / "var/out"
    assert loaded.store == f"sqlite:///{site.folder}/var/ingest-tracker.db"
    assert loaded.time_zone.key == "UTC"
    assert (loaded.hold_share, loaded.hold_more_than) == (0.2, 5)
    assert (loaded.authorities, loaded.leave_out_private) == ((), frozenset())
    assert loaded.warnings == ()


def test_the_file_of_existing_sites_loads_as_it_is(site: Site) -> None:
    site.write(
        SOURCES,
        """{"/nfs/atlas/ae2_incoming": {"stage": ["external"], "tech": ["bulk"], "resource": "ArrayExpress",
                                         "source": "ae2"},
            "/nfs/atlas/loading":      {"stage": ["loading", "published_dev"], "tech": ["bulk", "sc"]},
            "https://example.org/gxa/json/experiments": {"stage": ["published"], "tech": ["bulk"]}}""",
    )
    incoming, loading, web = site.load().sources
    external = Lifecycle.of().stage(["external"])
    assert incoming == SourceConfig(
        "/nfs/atlas/ae2_incoming",
        "/nfs/atlas/ae2_incoming",
        "/nfs/atlas/ae2_incoming",
        "filesystem",
        external,
        ("bulk",),
        "ArrayExpress",
        "ae2",
    )
    assert (loading.stage, loading.tech) == (Lifecycle.of().stage(["loading", "published_dev"]), ("bulk", "sc"))
    assert (web.location, web.kind) == ("https://example.org/gxa/json/experiments", "experiments-json")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_byte_order_mark_is_tolerated_in_every_file(mark: str, site: Site) -> None:
    site.write(SOURCES, mark + '{"/a": {"stage": "loading"}}')
    site.write(SETTINGS, mark + "databases: ../db.json")
    site.write("db.json", mark + '{"gxpatlaspro": "sqlite:///a"}')
    assert len(site.load().databases) == 1


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "hold:\nchecks:\n  # none yet\nstates:\n"])
def test_settings_that_say_nothing_leave_the_defaults(text: str, site: Site) -> None:
    site.write(SOURCES, LOADING)
    bare = site.load()
    site.write(SETTINGS, text)
    assert site.load() == bare


# --------------------------------------------------------------------------- sources


@pytest.mark.parametrize(
    ("entry", "field", "value"),
    [
        ({"stage": "external"}, "stage", Lifecycle.of().stage(["external"])),
        ({"stage": ["external", "processed"]}, "stage", Lifecycle.of().stage(["external", "processed"])),
        ({"tech": "bulk"}, "tech", ("bulk",)),
        ({"tech": None, "resource": None, "kind": None, "name": None}, "tech", ()),
        ({"resource": "ArrayExpress"}, "resource", "ArrayExpress"),
        ({"source": "ae2"}, "origin", "ae2"),
        ({"kind": "experiments-json"}, "kind", "experiments-json"),
        ({}, "name", "/a"),
        ({"name": "curation"}, "name", "curation"),
        ({"depth": 3}, "options", {"depth": 3}),
        ({"depth": 3, "note": "what this place is for"}, "options", {"depth": 3}),
    ],
)
def test_what_is_known_of_a_place_is_carried(entry: dict[str, Any], field: str, value: Any, site: Site) -> None:
    assert getattr(source(site, "/a", **entry), field) == value


@pytest.mark.parametrize(
    ("key", "location"),
    [
        ("/a//b/./c/..", "/a/b"),
        ("//a", "/a"),
        ("data/incoming", "{folder}/data/incoming"),
        (".", "{folder}"),
        ("/a b/ü%41?", "/a b/ü%41?"),
        ("http://example.org/x/", "http://example.org/x/"),
        ("https://example.org:8443/x?y=1", "https://example.org:8443/x?y=1"),
    ],
)
def test_a_place_keeps_its_key_and_gets_a_whole_location(key: str, location: str, site: Site) -> None:
    found = source(site, key)
    assert (found.key, found.location) == (key, location.format(folder=site.folder))


def test_a_slash_at_the_end_makes_no_other_place(site: Site) -> None:
    assert (source(site, "/a/b/").key, source(site, "/a/b/").name) == ("/a/b", "/a/b")
    assert source(site, "/").key == "/"


def test_a_link_is_not_followed(site: Site) -> None:
    """The place a link points to may change, and with it would the identity of the source."""
    (site.folder / "link").symlink_to("/")
    assert source(site, "link").location == f"{site.folder}/link"


def test_states_of_the_site_are_known_to_its_sources(site: Site) -> None:
    states = ["found", "external", "incoming", "loading", "review", "analysing", "processed", "published"]
    site.write(SOURCES, {"/a": {"stage": ["loading", "review"]}})
    site.write(SETTINGS, {"states": states})
    loaded = site.load()
    assert [str(state) for state in loaded.lifecycle.states] == states
    assert str(loaded.sources[0].stage.end) == "review"


# --------------------------------------------------------------------------- flag > environment > file > default


@pytest.mark.parametrize(
    ("flag", "environment", "file", "expected"),
    [
        (None, None, None, "{folder}/var/{default}"),
        (None, None, "c", "{folder}/etc/c"),
        (None, "b", "c", "{folder}/b"),
        ("a", "b", "c", "{folder}/a"),
        (None, "", "c", "{folder}/etc/c"),
        ("/x/a", "/x/b", "/x/c", "/x/a"),
        (None, None, "../c/./d/", "{folder}/c/d"),
    ],
)
@pytest.mark.parametrize(("name", "default"), [("out", "out"), ("store", "ingest-tracker.db")])
def test_the_first_that_is_given_counts_and_its_paths_start_where_it_is_written(
    name: str, default: str, flag: str | None, environment: str | None, file: str | None, expected: str, site: Site
) -> None:
    site.write(SOURCES, LOADING)
    site.write(SETTINGS, {name: file})
    if environment is not None:
        site.environ[f"INGEST_TRACKER_{name.upper()}"] = environment
    loaded = str(getattr(site.load(**{name: flag}), name)).removeprefix("sqlite:///")
    assert loaded == expected.format(folder=site.folder, default=default)


@pytest.mark.parametrize("givers", ["", "file", "file environment", "file environment flag"])
def test_sources_and_databases_are_found_in_the_same_order(givers: str, site: Site) -> None:
    for giver in ("file", "environment", "flag"):
        site.write(f"{giver}/s.json", {giver: {"stage": "loading"}})
        site.write(f"{giver}/d.json", {giver: {"dbtype": "sqlite", "path": "x"}})
    site.write(SOURCES, {"default": {"stage": "loading"}})
    flags = {}
    if "file" in givers:
        site.write(SETTINGS, {"sources": "../file/s.json", "databases": "../file/d.json"})
    if "environment" in givers:
        site.environ |= {
            "INGEST_TRACKER_SOURCES": "environment/s.json",
            "INGEST_TRACKER_DATABASES": "environment/d.json",
        }
    if "flag" in givers:
        flags = {"sources": Path("flag/s.json"), "databases": "flag/d.json"}
    loaded = site.load(**flags)
    if giver := givers.rpartition(" ")[2]:
        assert [s.location for s in loaded.sources] == [f"{site.folder}/{giver}/{giver}"]
        assert [d.url for d in loaded.databases] == [f"sqlite:///{site.folder}/{giver}/x"]
    else:
        assert [s.location for s in loaded.sources] == [f"{site.folder}/default"]


def test_settings_can_be_named_and_are_then_the_only_ones(site: Site) -> None:
    site.write(SOURCES, LOADING)
    site.write(SETTINGS, "out: /wrong")
    site.write("other/place.yaml", "out: here\nsources: ../sources_config.json")
    assert site.load(config="other/place.yaml").out == site.folder / "other/here"


def test_the_current_folder_is_the_processes_own_unless_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write(SOURCES, LOADING)
    monkeypatch.chdir(site.folder)
    loaded = config.load(environ={}, kinds={"filesystem": SourceSettings}, columns=COLUMNS, outputs=OUTPUTS)
    assert loaded.out == Path.cwd() / "var/out"


@pytest.mark.parametrize(
    ("flag", "file", "expected"),
    [
        ((), None, ()),
        ((), "list.txt", ("{folder}/etc/list.txt",)),
        ((), ["/a", "https://example.org/x"], ("/a", "https://example.org/x")),
        (("list.txt", "https://example.org/y"), ["/a"], ("{folder}/list.txt", "https://example.org/y")),
    ],
)
def test_supported_species_are_paths_or_addresses(
    flag: tuple[str, ...], file: Any, expected: tuple[str, ...], site: Site
) -> None:
    site.write(SOURCES, LOADING)
    site.write(SETTINGS, {"supported_species": file})
    found = site.load(supported_species=flag).supported_species
    assert found == tuple(place.format(folder=site.folder) for place in expected)


# --------------------------------------------------------------------------- what is shown


def test_columns_keep_their_order_and_titles(site: Site) -> None:
    site.write(SOURCES, LOADING)
    site.write(SETTINGS, "columns: {Track: [Curator, {Accession: Dataset}]}")
    assert site.load().columns == {"Track": (("Curator", "Curator"), ("Accession", "Dataset"))}


def test_links_of_the_site_replace_default_ones_one_by_one(site: Site) -> None:
    site.write(SOURCES, LOADING)
    default = site.load().links
    assert default == {
        "published bulk": "https://www.ebi.ac.uk/gxa/experiments/{accession}",
        "published sc": "https://www.ebi.ac.uk/gxa/sc/experiments/{accession}",
        "published_dev bulk": "https://wwwdev.ebi.ac.uk/gxa/experiments/{accession}",
        "published_dev sc": "https://wwwdev.ebi.ac.uk/gxa/sc/experiments/{accession}",
        "private bulk": "https://wwwdev.ebi.ac.uk/gxa/experiments/{accession}/Results?accessKey={key}",
    }
    mine = {
        "published sc": "https://example.org/{accession}",
        "processed bulk": "http://example.org/{{}}/{accession}",
        "private sc": "https://example.org/{accession}?k={key}&view=1",
        "private bulk": "https://example.org/{accession}",
    }
    site.write(SETTINGS, {"links": mine})
    assert site.load().links == {**default, **mine}


def test_the_rest_of_the_settings_is_carried(site: Site) -> None:
    site.write(SOURCES, LOADING)
    site.write(
        SETTINGS,
        "accession: ^X\\d+$\noutputs: html_page\ntime_zone: Europe/London\nhold: {share: 0, more_than: 0}\n"
        "leave_out_private: json\n"
        "watch: {schedule: 30 6 * * *, debounce: 2, scan_every: 60, show_every: 5, jitter: 30, port: 0, log: json}\n",
    )
    loaded = site.load()
    assert (loaded.accession, loaded.outputs, loaded.time_zone.key) == (r"^X\d+$", ("html_page",), "Europe/London")
    assert (loaded.hold_share, loaded.hold_more_than) == (0, 0)
    assert loaded.leave_out_private == {"json"}
    watch, second = loaded.watch, timedelta(seconds=1)
    assert (watch.schedule, watch.schedules) == (Schedule.of("30 6 * * *", loaded.time_zone), {})
    assert (watch.debounce, watch.scan_every, watch.show_every, watch.jitter) == (
        2 * second,
        60 * second,
        5 * second,
        30 * second,
    )
    assert (watch.port, watch.log) == (0, "json")


def test_a_source_may_have_a_schedule_of_its_own_and_is_the_same_source(site: Site) -> None:
    site.write(SOURCES, {"/a": {"stage": "loading"}, "/b": {"stage": "loading", "name": "B"}})
    before = site.load().sources
    site.write(
        SOURCES, {"/a": {"stage": "loading"}, "/b": {"stage": "loading", "name": "B", "schedule": "every 2 hours"}}
    )
    loaded = site.load()
    assert loaded.watch.schedules == {"B": Schedule.of("every 2 hours", loaded.time_zone)}
    assert (loaded.sources, repr(loaded.sources)) == (before, repr(before))
    assert loaded.watch.schedule.text == "every 8 hours"


def test_a_key_in_yaml_is_text_as_written(site: Site) -> None:
    """To YAML, `no` and `on` would be truth values."""
    site.write(SOURCES, LOADING)
    site.write(SETTINGS, "databases: {no: 'sqlite:///a', 12: 'sqlite:///b'}")
    assert [database.name for database in site.load().databases] == ["no", "12"]


def test_yaml_merges_are_not_taken_for_repetitions(site: Site) -> None:
    site.write(SOURCES, LOADING)
    site.write(
        SETTINGS,
        "databases:\n  a: &a {dbtype: mysql, host: a.example.org, user: me}\n  b: {<<: *a, host: b.example.org}\n",
    )
    assert [str(d.url) for d in site.load().databases] == [
        "mysql+pymysql://me@a.example.org/a",
        "mysql+pymysql://me@b.example.org/b",
    ]


def test_a_configuration_cannot_be_changed(site: Site) -> None:
    site.write(SOURCES, {"/a": {"stage": "loading", "depth": 2}})
    loaded: Any = site.load()
    with pytest.raises(FrozenInstanceError):
        loaded.out = Path("/")
    for mapping in (loaded.links, loaded.columns, loaded.sources[0].options):
        with pytest.raises(TypeError):
            mapping["x"] = "y"


# --------------------------------------------------------------------------- what ships with the project


def test_the_settings_that_ship_load(site: Site) -> None:
    site.write(SOURCES, LOADING)
    site.write(SETTINGS, (ROOT / SETTINGS).read_bytes())
    assert site.load(columns=COLUMN_NAMES).warnings == ()


def test_what_stands_commented_out_in_them_is_right_too(site: Site) -> None:
    """And each key that there is, is shown."""
    text = re.sub(r"^# ((?:  .*|[a-z_]+:.*))$", r"\1", (ROOT / SETTINGS).read_text(), flags=re.MULTILINE)
    site.write(SOURCES, LOADING)
    site.write(SETTINGS, text)
    site.write("etc/databases.json", (ROOT / "etc/databases.example.json").read_bytes())
    site.write("etc/keys", "a-key another-key")
    site.environ |= {name: "secret" for name in ("STORE_PASSWORD", "GXPATLASPRO_PASSWORD", "AE_AUTOSUBS_PASSWORD")}
    loaded = site.load(columns=COLUMN_NAMES)
    assert loaded.warnings == ()
    assert [database.dialect for database in loaded.databases] == ["postgresql", "mysql"]
    assert loaded.harvest.keys == ("a-key", "another-key")
    assert set(re.findall(r"^(\w+):", text, re.MULTILINE)) == TrackerSettings.model_fields.keys()


# --------------------------------------------------------------------------- schema


def test_the_schema_is_that_of_both_files() -> None:
    schema = config.schema()
    assert set(schema) == {"sources_config.json", "tracker.yaml"}
    for name, one in schema.items():
        assert (one["$schema"], one["title"]) == ("https://json-schema.org/draft/2020-12/schema", name)
    assert schema["tracker.yaml"]["properties"].keys() == TrackerSettings.model_fields.keys()
    assert schema["tracker.yaml"]["additionalProperties"] is False
    assert schema["sources_config.json"]["minProperties"] == 1
    entry = schema["sources_config.json"]["$defs"]["SourceSettings"]
    assert (entry["required"], entry["properties"].keys()) == (["stage"], SourceSettings.model_fields.keys())
    assert {"type": "string"} in entry["properties"]["stage"]["anyOf"], "a bare string is allowed"


@pytest.mark.parametrize(
    "model",
    [SourceSettings, DatabaseSettings, CheckSettings, ProductionSettings, HoldSettings, TrackerSettings],
)
def test_every_key_is_described(model: Any) -> None:
    """The descriptions say what is allowed, in mistakes and in the schema."""
    assert all(prop.get("description") for prop in model.model_json_schema()["properties"].values())
