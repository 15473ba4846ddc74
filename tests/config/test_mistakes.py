"""Every kind of mistake: where it is, what is wrong, what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.site import LOADING, Site

SOURCES, SETTINGS, DATABASES = "sources_config.json", "etc/tracker.yaml", "db_config.json"
CORE = "external, incoming, loading, analysing, processed"

IN_SOURCES: list[tuple[Any, str, list[str]]] = [
    # the file as a whole
    ("{,}", "", ["not JSON", "line 1, column 2"]),
    ('{"/a": {"stage": ["loading"]},\n  // a comment\n "/b": {}}', "", ["not JSON", "line 2, column 3"]),
    ('{"/a": {"stage": NaN}}', "", ["not JSON", "NaN"]),
    ('{"/a": {"stage": ' + "9" * 5000 + "}}", "", ["number", "too long"]),
    ("[" * 200_000, "", ["nested too deeply"]),
    (b'{\n"/a\xe9": {}}', "", ["not UTF-8", "line 2"]),
    ("", "", ["not JSON: it is empty", "line 1, column 1"]),
    (" \n ", "", ["not JSON: it is empty"]),
    ('{"/a": {"stage": "loading"},\n}', "", ["a comma too many at the end of line 1"]),
    ('{"/a": {"stage": ["loading",\n\n]}}', "", ["a comma too many at the end of line 1"]),
    ([], "", ["must be an object"]),
    ("null", "", ["must be an object"]),
    ({}, "", ["holds no source", '{"stage": ["loading"]}']),
    # keys written twice, at any level
    ('{"/a": {"stage": "loading"}, "/a": {"stage": "loading"}}', "/a", ["more than once"]),
    ('{"/a": {"stage": "loading", "stage": "external"}}', "/a > stage", ["more than once"]),
    ('{"/a": {"stage": "loading", "depth": [{"x": 1, "x": 2}]}}', "/a > depth > item 1 > x", ["more than once"]),
    # stage
    ({"/a": {}}, "/a > stage", ["required", "lifecycle order"]),
    ({"/a": {"stage": None}}, "/a > stage", ["required"]),
    ({"/a": {"stage": []}}, "/a > stage", ["empty", "lifecycle order"]),
    ({"/a": {"stage": ""}}, "/a > stage > item 1", ["empty"]),
    ({"/a": {"stage": {"loading": 1}}}, "/a > stage", ["must be a list"]),
    ({"/a": {"stage": [["loading"]]}}, "/a > stage > item 1", ["must be text"]),
    ({"/a": {"stage": ["loadng"]}}, "/a > stage", ["'loadng'", "did you mean 'loading'?", CORE, "published_dev"]),
    ({"/a": {"stage": ["Loading"]}}, "/a > stage", ["did you mean 'loading'?"]),
    ({"/a": {"stage": ["xyzzy"]}}, "/a > stage", ["'xyzzy'", "allowed: external"]),
    ({"/a": {"stage": ["published", "loading"]}}, "/a > stage", ["lifecycle order: loading, published"]),
    ({"/a": {"stage": ["loading", "loading"]}}, "/a > stage", ["once", "lifecycle order: loading"]),
    # what else is known of a place
    ({"/a": "loading"}, "/a", ["must be an object"]),
    ({"/a": {"stage": "loading", "tech": {}}}, "/a > tech", ["must be a list", "bulk, sc"]),
    ({"/a": {"stage": "loading", "tech": [True]}}, "/a > tech > item 1", ["must be text"]),
    ({"/a": {"stage": "loading", "resource": []}}, "/a > resource", ["must be text", "ArrayExpress"]),
    ({"/a": {"stage": "loading", "source": {}}}, "/a > source", ["must be text"]),
    ({"/a": {"stage": "loading", "schedule": "daily"}}, "/a > schedule", ["not a schedule", "`every 8 hours`"]),
    ({"/a": {"stage": "loading", "name": ""}}, "/a > name", ["empty", "identity"]),
    (
        {"/a": {"stage": "loading", "kind": "filesytem"}},
        "/a > kind",
        ["did you mean 'filesystem'?", "experiments-json"],
    ),
    ({"/a": {"stage": "loading", "kind": 1.5}}, "/a > kind", ["'1.5'", "allowed: filesystem, experiments-json"]),
    ({"/a": {"stage": "loading", "kind": []}}, "/a > kind", ["must be text"]),
    ({"/a": {"stage": "loading", "depth": "deep"}}, "/a > depth", ["whole number"]),
    ({"/a": {"depth": "deep"}}, "/a > depth", ["whole number"]),
    ({"/a": {"stage": "loading", "follow": "maybe"}}, "/a > follow", ["true or false"]),
    (
        {"https://example.org/": {"stage": "loading", "kind": "filesystem"}},
        "https://example.org/ > kind",
        ["directory"],
    ),
    # the place
    ({"": {"stage": "loading"}}, "", ["is empty"]),
    ({" /a": {"stage": "loading"}}, " /a", ["white space"]),
    ({"ftp://example.org/a": {"stage": "loading"}}, "ftp://example.org/a", ["'ftp'", "https://"]),
    ({"https://": {"stage": "loading"}}, "https://", ["not an address"]),
    ({"https://[example.org/a": {"stage": "loading"}}, "https://[example.org/a", ["not an address"]),
    ({"https://example.org:port/": {"stage": "loading"}}, "https://example.org:port/", ["not an address"]),
    ({"https://example.org/a b": {"stage": "loading"}}, "https://example.org/a b", ["not an address"]),
    ({"https://example.org/x?api_key=1": {"stage": "loading"}}, "https://example.org/x?api_key=***", ["or a key"]),
    ({"https://me@example.org/": {"stage": "loading"}}, "https://me@example.org/", ["a user, a password"]),
    ({"https://gh_12345678@example.org/": {"stage": "loading"}}, "https://***@example.org/", ["a user, a password"]),
    ({"https://example.org/x?se=1&sig=12": {"stage": "loading"}}, "https://example.org/x?se=1&sig=***", ["or a key"]),
    ({"/a\0": {"stage": "loading"}}, "/a\\x00", ["cannot be stored", "null"]),
    ({"/a": {"stage": "loading", "resource": "\ud800"}}, "/a > resource", ["cannot be stored", "half"]),
    # two of them
    ({"/a/b": {"stage": "loading"}, "/a/./b/": {"stage": "loading"}}, "/a/./b", ["same place as /a/b"]),
    ({"/a/b": {"stage": "loading"}, "/a/c/../b": {"stage": "loading"}}, "/a/c/../b", ["same place as /a/b"]),
    ({"//a": {"stage": "loading"}, "/a": {"stage": "loading"}}, "/a", ["same place as //a"]),
    (
        {"https://example.org/x": {"stage": "loading"}, "HTTPS://EXAMPLE.org/x/": {"stage": "loading"}},
        "HTTPS://EXAMPLE.org/x/",
        ["same place as https://example.org/x"],
    ),
    ({"/a": {"stage": "loading", "name": "n"}, "/b": {"stage": "loading", "name": "n"}}, "/b > name", ["'n'", "/a"]),
    ({"/a": {"stage": "loading"}, "/b": {"stage": "loading", "name": "/a"}}, "/b > name", ["'/a'", "/a"]),
]

IN_SETTINGS: list[tuple[Any, str, list[str]]] = [
    # the file as a whole
    ("states: [external", "", ["not YAML", "line 1, column 18"]),
    ("a: 1\n\tb: 2", "", ["not YAML", "line 2"]),
    ("- a", "", ["must be an object"]),
    ("out: a\n---\nout: b", "", ["not YAML", "line 2"]),
    ("out: !!python/object/apply:os.getcwd []", "", ["not YAML", "line 1, column 6"]),
    ("out: !!int x", "", ["not YAML", "not a value of its type", "line 1, column 6"]),
    ("out: \0", "", ["not YAML", "control characters"]),
    ("? [a]\n: 1", "", ["not YAML", "a key must be text", "line 1, column 3"]),
    ("[" * 100_000, "", ["nested too deeply"]),
    (b"out: \xff", "", ["not UTF-8", "line 1"]),
    ("out: a\nout: b", "out", ["more than once"]),
    ("hold: {share: 0.1, share: 0.2}", "hold > share", ["more than once"]),
    ("acession: x", "acession", ["'acession'", "did you mean 'accession'?", "time_zone"]),
    ("no: 1", "no", ["unknown key 'no'"]),
    ("2: 1", "2", ["unknown key '2'"]),
    # states
    ("states: {}", "states", ["must be a list", "core states"]),
    (f"states: [{CORE}]", "states", [CORE, "missing: published"]),
    (f"states: [published, {CORE}]", "states", [f"in this order, {CORE}, published", "anywhere between"]),
    (f"states: [{CORE}, loading, published]", "states", ["'loading'", "more than once"]),
    (f"states: [{CORE}, a, a, published]", "states", ["'a'", "more than once"]),
    (f"states: [{CORE}, 'in between', published]", "states > item 6", ["not of the right form", "words"]),
    (f"states: [{CORE}, [a], published]", "states > item 6", ["must be text"]),
    # one value each
    ("accession: (", "accession", ["regular expression", "unterminated"]),
    ("accession: a{99999999999}", "accession", ["regular expression", "too large"]),
    ("accession: ''", "accession", ["empty"]),
    ("time_zone: Europe/Londn", "time_zone", ["'Europe/Londn'", "did you mean 'Europe/London'?"]),
    ("time_zone: ../etc/passwd", "time_zone", ["time zone"]),
    ("time_zone: Europe", "time_zone", ["time zone"]),
    ("sources: []", "sources", ["must be text", "path"]),
    ("out: []", "out", ["must be text", "folder"]),
    ("hold: 5", "hold", ["must be an object"]),
    ("watch: 5", "watch", ["must be an object"]),
    ("watch: {schedule: daily}", "watch > schedule", ["is not a schedule", "`every 8 hours`", "cron's five fields"]),
    ("watch: {schedule: 0 0 30 2 *}", "watch > schedule", ["is not a schedule"]),
    ("watch: {port: 65536}", "watch > port", ["65535"]),
    ("watch: {log: xml}", "watch > log", ["people or json"]),
    ("watch: {debounce: 0}", "watch > debounce", ["greater than 0"]),
    ("watch: {every: 8}", "watch > every", ["unknown key", "schedule, debounce"]),
    ("hold: {share: 1.5}", "hold > share", ["less than or equal to 1", "from 0 to 1"]),
    ("hold: {share: some}", "hold > share", ["number", "from 0 to 1"]),
    ("hold: {more_than: -1}", "hold > more_than", ["greater than or equal to 0"]),
    ("hold: {more_than: 2.5}", "hold > more_than", ["whole number"]),
    ("hold: {more_then: 5}", "hold > more_then", ["did you mean 'more_than'?"]),
    ("supported_species: [ftp://example.org/x]", "supported_species > item 1", ["'ftp'", "https://"]),
    ("supported_species: {}", "supported_species", ["must be a list", "paths or addresses"]),
    # store
    ("store: mysql://example.org/x", "store", ["'mysql'", "sqlite, postgresql"]),
    ("store: sqlite://a/b", "store", ["sqlite:///"]),
    ("store: postgresql://me:a@b@example.org/x", "store", ["%40"]),
    ("store: postgresql://example.org:x/x", "store", ["not an address"]),
    ("store: postgresql://me:${NO_SUCH}@example.org/x", "store", ["NO_SUCH", "not set"]),
    # what is shown
    ("outputs: [csv_file]", "outputs", ["did you mean 'csv_files'?", "csv_files, json, html_page"]),
    ("outputs: [json, json]", "outputs", ["'json'", "more than once"]),
    ("columns: []", "columns", ["must be an object", "tab"]),
    ("columns: {Trak: [Accession]}", "columns > Trak", ["did you mean 'Track'?", "Discover, Track"]),
    ("columns: {Track: Accession}", "columns > Track", ["must be a list"]),
    ("columns: {Track: []}", "columns > Track", ["must be a list"]),
    ("columns: {Track: [Curatr]}", "columns > Track > item 1", ["did you mean 'Curator'?", "Accession, Curator"]),
    ("columns: {Track: [Status]}", "columns > Track > item 1", ["'Status'", "allowed: Accession, Curator"]),
    ("columns: {Track: [Accession, [Curator]]}", "columns > Track > item 2", ["{column: title}"]),
    ("columns: {Track: [{Accession: a, Curator: b}]}", "columns > Track > item 1", ["{column: title}"]),
    ("columns: {Track: [{Accession: }]}", "columns > Track > item 1", ["{column: title}"]),
    ("columns: {Track: [Accession, {Curator: Accession}]}", "columns > Track > item 2", ["'Accession'", "once"]),
    ("links: {published: 'https://x/{accession}'}", "links > published", ["state and bulk or sc"]),
    ("links: {publised sc: 'https://x/{accession}'}", "links > publised sc", ["did you mean 'published'?"]),
    ("links: {published sc: 'https://x/'}", "links > published sc", ["must hold {accession}"]),
    ("links: {published sc: 'https://x/{accession}/{key}'}", "links > published sc", ["{accession} is all"]),
    ("links: {published sc: 'https://x/{accession:>9}'}", "links > published sc", ["{accession} is all"]),
    ("links: {published sc: 'https://x/{accession'}", "links > published sc", ["{accession} is all"]),
    ("links: {published sc: 'javascript:{accession}'}", "links > published sc", ["http(s)"]),
    ("links: {published sc: 5}", "links > published sc", ["must be text"]),
    ("links: {privat bulk: 'https://x/{accession}'}", "links > privat bulk", ["did you mean 'private'?"]),
    ("links: {private bulk: 'https://x/?k={key}'}", "links > private bulk", ["must hold {accession}", "Key={key}"]),
    ("links: {private bulk: 'https://x/{key}/{accession}'}", "links > private bulk", ["{key} before its ?"]),
    ("links: {private sc: 'https://x/{accession}?{user}'}", "links > private sc", ["{accession} and {key} is all"]),
    ("leave_out_private: [csv_file]", "leave_out_private", ["did you mean 'csv_files'?"]),
    ("leave_out_private: [json, json]", "leave_out_private", ["more than once"]),
    # checks
    ("checks: []", "checks", ["must be an object"]),
    ("checks: {c: }", "checks > c", ["must be an object"]),
    ("checks: {c: {query: q, passes: p}}", "checks > c > database", ["required"]),
    ("checks: {c: {database: d, passes: p}}", "checks > c > query", ["required", "two columns"]),
    ("checks: {c: {database: d, query: q}}", "checks > c > passes", ["required", "PASS"]),
    ("checks: {c: {database: d, query: q, passes: []}}", "checks > c > passes", ["empty"]),
    ("checks: {c: {database: d, query: q, passes: [yes]}}", "checks > c > passes > item 1", ["must be text"]),
    ("checks: {c: {database: d, query: q, passes: p, label: '{valu}'}}", "checks > c > label", ["{value} is all"]),
    ("checks: {c: {database: d, query: q, passes: p, label: '{'}}", "checks > c > label", ["{value} is all"]),
    ("checks: {c: {database: d, query: q, passes: p, lable: x}}", "checks > c > lable", ["did you mean 'label'?"]),
    (
        "databases: {atlas: 'sqlite:///a'}\nchecks: {c: {database: atlsa, query: q, passes: p}}",
        "checks > c > database",
        ["'atlsa'", "did you mean 'atlas'?"],
    ),
    ("databases: 5", "databases", ["db_config.json", "address"]),
    ("databases: {d: {dbtype: postgres}}", "databases > d > host", ["required"]),
]

IN_DATABASES: list[tuple[Any, str, list[str]]] = [
    ("{", "", ["not JSON", "line 1, column 2"]),
    ([], "", ["must be an object"]),
    ('{"d": {"dbtype": "sqlite", "path": "a", "path": "b"}}', "d > path", ["more than once"]),
    ({"d": 5}, "d", ["must be an object"]),
    ({"d": {}}, "d > dbtype", ["required", "postgres, mysql or sqlite"]),
    ({"d": {"dbtype": "oracle"}}, "d > dbtype", ["postgres, mysql or sqlite"]),
    ({"d": {"dbtype": "postgres"}}, "d > host", ["required", "postgres", "host name"]),
    ({"d": {"dbtype": "mysql"}}, "d > host", ["required", "mysql"]),
    ({"d": {"dbtype": "sqlite"}}, "d > path", ["required", "sqlite"]),
    ({"d": {"dbtype": "sqlite", "path": "a", "host": "h"}}, "d > host", ["does not go with dbtype sqlite"]),
    ({"d": {"dbtype": "mysql", "host": "h", "path": "a"}}, "d > path", ["does not go with dbtype mysql"]),
    ({"d": {"dbtype": "mysql", "host": "h/x"}}, "d > host", ["right form", "host name"]),
    ({"d": {"dbtype": "mysql", "host": "h", "port": 0}}, "d > port", ["from 1 to 65535"]),
    ({"d": {"dbtype": "mysql", "host": "h", "port": "x"}}, "d > port", ["whole number"]),
    ({"d": {"dbtype": "mysql", "host": "h", "usr": "x"}}, "d > usr", ["did you mean 'user'?", "password_env"]),
    ({"d": {"dbtype": "mysql", "host": "h", "query_timeout": 0}}, "d > query_timeout", ["greater than 0", "seconds"]),
    ({"d": {"dbtype": "mysql", "host": "h", "connect_timeout": "1"}}, "d > connect_timeout", ["number", "seconds"]),
    ({"d": {"dbtype": "mysql", "host": "h", "password": []}}, "d > password", ["must be text"]),
    ({"d": {"dbtype": "mysql", "host": "h", "password_env": "NO_SUCH"}}, "d > password_env", ["NO_SUCH", "not set"]),
    ({"d": {"dbtype": "mysql", "host": "h", "password_file": "no"}}, "d > password_file", ["no does not exist"]),
    ({"d": {"dbtype": "mysql", "host": "h", "password_file": "."}}, "d > password_file", ["cannot be read"]),
    ({"d": {"dbtype": "mysql", "host": "h", "password": "x", "password_env": "Y"}}, "d > password_env", ["only one"]),
    ({"d": "somewhere"}, "d", ["not an address", "postgresql://", "mysql://", "sqlite:///path"]),
    ({"d": "oracle://example.org/x"}, "d", ["'oracle'", "mysql, sqlite"]),
    ({"d": "postgresql://me:a@b@example.org/x"}, "d", ["%40"]),
    ({"d": "mysql://me:${NO_SUCH}@example.org/x"}, "d", ["NO_SUCH", "not set"]),
    ({"d": "sqlite://a.db"}, "d", ["sqlite:///"]),
]

ROWS = [
    *(({SOURCES: content}, SOURCES, key, words) for content, key, words in IN_SOURCES),
    *(({SETTINGS: content}, SETTINGS, key, words) for content, key, words in IN_SETTINGS),
    *(
        ({SETTINGS: "databases: ../db_config.json", DATABASES: content}, DATABASES, key, words)
        for content, key, words in IN_DATABASES
    ),
]


@pytest.mark.parametrize(("files", "file", "key", "words"), ROWS, ids=lambda value: str(value)[:60])
def test_a_mistake_says_where_and_what(
    files: dict[str, Any], file: str, key: str, words: list[str], site: Site
) -> None:
    mistakes = site.with_files(files).mistakes()
    there = [mistake for mistake in mistakes if (mistake.file, mistake.key) == (file, key) and mistake.fatal]
    assert any(all(word in mistake.message for word in words) for mistake in there), mistakes
    assert all(str(mistake).isprintable() for mistake in mistakes), "each is one line"


def test_all_mistakes_of_all_files_are_told_at_once(site: Site) -> None:
    site.with_files(
        {
            SOURCES: {"/a": {"stage": "loadng", "kind": "z"}, "/b": {"depth": "x", "tehc": 1}, "c:/": 5},
            SETTINGS: "databases: ../db_config.json\naccession: (\nhold: {share: 7}\nwhat: 1\noutputs: [x]\n"
            "checks: {c: {database: nowhere, label: '{x}'}}",
            DATABASES: {"d": {"dbtype": "mysql", "port": 0, "password_env": "NO_SUCH"}, "e": "x"},
        }
    )
    assert {(mistake.file, mistake.key, mistake.fatal) for mistake in site.mistakes()} == {
        (SOURCES, "/a > stage", True),
        (SOURCES, "/a > kind", True),
        (SOURCES, "/b > stage", True),
        (SOURCES, "/b > depth", True),
        (SOURCES, "/b > tehc", False),
        (SOURCES, "c:/", True),
        (SETTINGS, "accession", True),
        (SETTINGS, "hold > share", True),
        (SETTINGS, "what", True),
        (SETTINGS, "outputs", True),
        (SETTINGS, "checks > c > database", True),
        (SETTINGS, "checks > c > query", True),
        (SETTINGS, "checks > c > passes", True),
        (SETTINGS, "checks > c > label", True),
        (DATABASES, "d > host", True),
        (DATABASES, "d > port", True),
        (DATABASES, "d > password_env", True),
        (DATABASES, "e", True),
    }


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ("states: [external]", "states"),  # which states there are cannot be told, so no stage is wrong
        ("sources: []", "sources"),  # which file cannot be told, so none is missing
        ("databases: 5\nchecks: {c: {database: d, query: q, passes: p}}", "databases"),
        ("databases: {d: 5}\nchecks: {c: {database: d, query: q, passes: p}}", "databases > d"),
        ("{", ""),
    ],
)
def test_what_only_follows_from_a_mistake_is_not_told(settings: str, key: str, site: Site) -> None:
    site.write(SETTINGS, settings)
    if key != "sources":
        site.write(SOURCES, {"/a": {"stage": ["mine"] if key == "states" else ["loading"]}})
    assert [mistake.key for mistake in site.mistakes()] == [key]


# --------------------------------------------------------------------------- warnings: told, and loaded


@pytest.mark.parametrize(
    ("files", "file", "key", "words"),
    [
        ({SOURCES: {"/a": {"stage": "loading", "dept": 2}}}, SOURCES, "/a > dept", ["did you mean 'depth'?", "follow"]),
        ({SOURCES: {"/a": {"stage": "loading", "note": [1]}}}, SOURCES, "/a > note", ["not used", "resource"]),
        (
            {SOURCES: {"/a/b": {"stage": "loading"}, "/a": {"stage": "loading"}}},
            SOURCES,
            "/a/b",
            ["inside /a", "twice"],
        ),
        ({SETTINGS: "databases: {d: 'sqlite:///a'}"}, SETTINGS, "databases > d", ["no check"]),
        ({SETTINGS: "databases: ../d.json", "d.json": {"d": "sqlite:///a"}}, "d.json", "d", ["no check"]),
    ],
)
def test_a_warning_is_told_and_stops_nothing(
    files: dict[str, Any], file: str, key: str, words: list[str], site: Site
) -> None:
    (warning,) = site.with_files(files).load().warnings
    assert (warning.file, warning.key, warning.fatal) == (file, key, False)
    assert all(word in warning.message for word in words), warning


def test_a_place_whose_name_only_begins_like_another_is_not_inside_it(site: Site) -> None:
    site.with_files({SOURCES: {"/a/b": {"stage": "loading"}, "/a/bc": {"stage": "loading"}}})
    assert not site.load().warnings


# --------------------------------------------------------------------------- files that cannot be had


def test_without_any_file_one_mistake_says_what_to_create(site: Site) -> None:
    (mistake,) = site.mistakes()
    assert (mistake.file, mistake.key) == (SOURCES, "")
    for word in (
        "does not exist",
        "create it",
        '{"stage": ["loading"]}',
        "--sources",
        "INGEST_TRACKER_SOURCES",
        SETTINGS,
    ):
        assert word in mistake.message


@pytest.mark.parametrize("flag", ["config", "sources", "databases"])
def test_a_file_that_is_named_and_missing_says_who_named_it(flag: str, site: Site) -> None:
    site.with_files({})
    (mistake,) = site.mistakes(**{flag: "no/such.file"})
    assert mistake.file == "no/such.file"
    assert "does not exist" in mistake.message
    assert f"--{flag}" in mistake.message


def test_a_directory_in_place_of_a_file_is_a_mistake(site: Site) -> None:
    (site.folder / SOURCES).mkdir()
    (mistake,) = site.mistakes()
    assert "cannot be read: Is a directory" in mistake.message


def test_settings_that_are_a_link_to_nothing_are_not_overlooked(site: Site) -> None:
    site.with_files({"etc/other": ""})
    (site.folder / SETTINGS).symlink_to("nothing")
    (mistake,) = site.mistakes()
    assert (mistake.file, "does not exist" in mistake.message) == (SETTINGS, True)


def test_a_wrong_flag_or_variable_is_named(site: Site) -> None:
    site.with_files({}).environ["INGEST_TRACKER_STORE"] = "oracle://example.org"
    assert [(m.file, m.key) for m in site.mistakes()] == [("environment", "INGEST_TRACKER_STORE")]
    assert [(m.file, m.key) for m in site.mistakes(store="mysql://example.org")] == [("command line", "--store")]


def test_a_mistake_outside_the_current_folder_names_the_whole_path(site: Site) -> None:
    path = site.write("elsewhere/sources.json", {})
    here = Site(site.folder / "here")
    here.folder.mkdir()
    assert [mistake.file for mistake in here.mistakes(sources="../elsewhere/sources.json")] == [str(path)]


def test_aliases_that_multiply_are_read_in_no_time_and_endless_ones_refused(site: Site) -> None:
    bomb = "a0: &a0 [x, x]\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))
    assert len(site.with_files({SETTINGS: bomb}).mistakes()) == 60
    for endless in ("&a [*a]", "out: &a [*a]", "&a {out: *a}", "hold: &a {share: *a}"):
        site.with_files({SETTINGS: endless}).mistakes()


def test_a_site_that_is_right_has_no_mistake(site: Site) -> None:
    assert site.with_files({SOURCES: LOADING, SETTINGS: ""}).load().warnings == ()
