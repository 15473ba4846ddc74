"""What scripts read: the JSON of each command, where its settings come from, and how the script of old is called."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.domain.overview import CLOCKS
from tests.end_to_end.site import IDF, Site, states

TEXT, NUMBER, COUNT, TIME, MAYBE = str, float, int, datetime, (str, type(None))

CHANGE = {"accession": TEXT, "from": MAYBE, "to": MAYBE, "reason": TEXT, "sentence": TEXT}
PROBLEM = {
    "code": TEXT,
    "severity": TEXT,
    "accession": MAYBE,
    "source": MAYBE,
    "path": MAYBE,
    "line": (int, type(None)),
    "message": TEXT,
}
RUN = {
    "id": COUNT,
    "status": {"succeeded", "partial", "failed", "held"},
    "started": TIME,
    "finished": TIME,
    "seconds": NUMBER,
    "changes": COUNT,
    "counts": {"*": COUNT},
    "error": TEXT,
}
HARVEST = {
    "id": COUNT,
    "source": TEXT,
    "status": {"created", "started", "split", "succeeded", "failed", "rescheduled", "skipped", "cancelled"},
    "start": TIME,
    "end": TIME,
    **dict.fromkeys(("seen", "new", "changed", "unchanged", "gone", "failed"), COUNT),
    "seconds": NUMBER,
    "error": TEXT,
}
CRAWL = {
    "run": RUN,
    "sources": [
        {
            "name": TEXT,
            "kind": {"filesystem", "experiments-json"},
            "status": {"succeeded", "failed", "held"},
            "sightings": COUNT,
            "error": MAYBE,
        }
    ],
    "counts": {"*": COUNT},
    "changes": [CHANGE],
    "problems": [PROBLEM],
    "outputs": [{"name": TEXT, "status": {"published", "failed"}, "where": TEXT, "notes": [TEXT]}],
    "dry_run": bool,
}
WHY = {
    "accession": TEXT,
    "state": MAYBE,
    "up_to": MAYBE,
    "since": TIME,
    "rule": TEXT,
    "sentence": TEXT,
    "source": MAYBE,
    "location": MAYBE,
    "sightings": [
        {
            "source": TEXT,
            "location": TEXT,
            "tech": [TEXT],
            "modified": TIME,
            "incomplete": [TEXT],
            "files": [{"role": TEXT, "path": TEXT}],
        }
    ],
    "verdicts": [
        {"check": TEXT, "outcome": {"PASS", "FAIL", "UNKNOWN"}, "reason": TEXT, "checked": TIME, "current": bool}
    ],
    "production": [{"authority": TEXT, "there": bool, "private": (bool, type(None)), "asked": TIME}],
    "problems": [PROBLEM],
    "ignored": (dict, type(None)),
    "annotations": {"*": (str, int, float, bool)},
}
MENDING = {
    "counts": {"*": COUNT},
    "problems": [
        {"key": TEXT, **PROBLEM, "since": TIME, "last_seen": MAYBE, "acknowledged": (dict, type(None))},
    ],
}
SAID = {"kind": {"ignored"}, "reason": TEXT, "by": TEXT, "at": TIME, "until": MAYBE, "undone_by": MAYBE}
HISTORY = {
    "accession": TEXT,
    "changes": [{**CHANGE, "at": TIME, "run": COUNT, "lasted_seconds": NUMBER}],
    "remarks": [SAID],
}
ANSWERS = {
    "accessions": [
        {
            "accession": TEXT,
            "recognised": bool,
            "known": bool,
            "reserved": (dict, type(None)),
            "matches": [
                {
                    "accession": TEXT,
                    "state": MAYBE,
                    "since": TIME,
                    "source": MAYBE,
                    "location": MAYBE,
                    "production": [TEXT],
                    "evidence": [TEXT],
                }
            ],
        }
    ]
}
GROUPS = {
    "groups": [
        {
            "key": TEXT,
            "certain": bool,
            "accessions": [TEXT],
            "shared": [TEXT],
            "evidence": [TEXT],
            "dismissed": (dict, type(None)),
        }
    ]
}
FILE = {
    "role": {"idf", "sdrf"},
    "path": TEXT,
    "source": TEXT,
    "stage": TEXT,
    "bytes": COUNT,
    "modified": TIME,
    "latest": bool,
}
STUCK = {
    "stuck": [
        {
            "accession": TEXT,
            "state": TEXT,
            "since": TIME,
            "seconds": NUMBER,
            "curators": [TEXT],
            "location": MAYBE,
            "usual": (dict, type(None)),
        }
    ]
}
SHAPES: Mapping[str, tuple[list[str], Any]] = {
    "why": (["why", "E-MTAB-1", "--json"], WHY),
    "why, of one that is gone": (["why", "E-MTAB-4", "--json"], WHY),
    "history": (["history", "E-MTAB-4", "--json"], HISTORY),
    "problems": (["problems", "--json"], MENDING),
    "problems that are over": (["problems", "--past", "--json"], MENDING),
    "runs": (["runs", "--json"], {"runs": [RUN], "harvests": [HARVEST]}),
    "duplicates check": (["duplicates", "check", "GSE12345", "--json"], ANSWERS),
    "duplicates list": (["duplicates", "list", "--json"], GROUPS),
    "metadata": (["metadata", "E-MTAB-1", "--json"], {"accession": TEXT, "files": [FILE], "copies": [TEXT]}),
    "stuck": (["stuck", "--longer-than", "0h", "--json"], STUCK),
    "overview": (
        ["overview", "--format", "json"],
        {"as_of": TIME, "tables": {"*": {"columns": [TEXT], "rows": [{"*": (str, int, float, bool, type(None))}]}}},
    ),
}


def misfits(value: Any, shape: Any, where: str = "") -> list[str]:
    """Where a value is not as its shape says: other keys, other types. A set is a choice of words; "*" is any key."""
    if isinstance(shape, dict) and isinstance(value, dict):
        parts = shape if "*" not in shape else dict.fromkeys(value, shape["*"])
        wrong = [f"{where}: {key}" for key in parts.keys() ^ value.keys()]
        return wrong + [
            m for key in parts.keys() & value.keys() for m in misfits(value[key], parts[key], f"{where}.{key}")
        ]
    if isinstance(shape, list) and isinstance(value, list):
        return [m for number, item in enumerate(value) for m in misfits(item, shape[0], f"{where}[{number}]")]
    if shape is datetime:
        return [] if isinstance(value, str) and datetime.fromisoformat(value).tzinfo else [f"{where}: {value!r}"]
    if isinstance(shape, set):
        return [] if value in shape else [f"{where}: {value!r}"]
    return [] if isinstance(shape, (type, tuple)) and isinstance(value, shape) else [f"{where}: {value!r}"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Two runs: E-MTAB-1 is incoming, then loading; E-MTAB-4 is gone in the second. To look at only."""
    site = Site(tmp_path_factory.mktemp("shapes"))
    site.fill("external", ["E-MTAB-1", "E-MTAB-2"])
    site.fill("loading", ["E-MTAB-3", "E-MTAB-4"])
    (site.root / "loading/E-MTAB-3x").mkdir()
    verdicts = {"E-MTAB-1": "PASS", "E-MTAB-2": "no raw files"}
    site.curation(verdicts, [("E-MTAB-3", True, "hush-hush"), ("E-MTAB-9", False, "")])
    site.write("databases.json", {"gxpatlaspro": {"dbtype": "sqlite", "path": "gxpatlaspro.db"}})
    site.configure(
        {"external": {"stage": ["external"], "tech": ["bulk"]}, "loading": {"stage": ["loading", "analysing"]}}
    )
    site.write("etc/tracker.yaml", "outputs: [json]\n")
    site.write("first.json", site.crawl("--databases", "databases.json").out)
    site.write("overview at first.json", site.run("overview", "--format", "json").out)
    site.move("E-MTAB-1", "external", "loading")
    shutil.rmtree(site.root / "loading/E-MTAB-4")
    site.curation(verdicts, [("E-MTAB-3", True, "hush-hush")])
    site.write("loading/E-MTAB-3/E-MTAB-3.idf.txt", IDF.format("E-MTAB-3") + "Person Roles\t<FILL THIS>\n")
    site.write("second.json", site.crawl("--databases", "databases.json").out)
    return site


def saved(site: Site, name: str) -> Any:
    return json.loads((site.root / name).read_text())


@pytest.mark.parametrize("run", ["first", "second"])
def test_crawl_says_exactly_this(site: Site, run: str) -> None:
    report = saved(site, f"{run}.json")
    assert misfits(report, CRAWL) == []
    assert report["changes"] and report["problems"] and report["outputs"]
    assert report["counts"] == report["run"]["counts"]
    assert report["run"]["changes"] == len(report["changes"])


def test_crawl_tells_what_changed_and_from_where(site: Site) -> None:
    first, second = (
        {c["accession"]: (c["from"], c["to"]) for c in saved(site, f"{run}.json")["changes"]}
        for run in ("first", "second")
    )
    assert first == {
        "E-MTAB-1": (None, "incoming"),
        "E-MTAB-2": (None, "external"),
        "E-MTAB-3": (None, "loading"),
        "E-MTAB-4": (None, "loading"),
    }
    assert second == {"E-MTAB-1": ("incoming", "loading"), "E-MTAB-4": ("loading", None)}


@pytest.mark.parametrize("name", SHAPES)
def test_every_command_prints_json_of_its_shape_and_nothing_else(site: Site, name: str) -> None:
    arguments, shape = SHAPES[name]
    done = site.run(*arguments)
    assert (done.code, done.err) == (0, "")
    assert misfits(done.json, shape) == []


def test_what_is_known_is_told_in_the_same_shape(site: Site) -> None:
    answers = site.run("duplicates", "check", "E-MTAB-1", "E-MTAB-4", "e-mtab-3", "GSE12345", "--json").json
    assert misfits(answers, ANSWERS) == []
    assert [[match["state"] for match in one["matches"]] for one in answers["accessions"]] == [
        ["loading"],
        [None],
        ["loading"],
        [],
    ]


def test_misfits_are_found() -> None:
    """So that the tests above are worth something."""
    assert misfits({"a": 1}, {"a": str}) == [".a: 1"]
    assert misfits({"a": 1, "b": 2}, {"a": int}) == [": b"]
    assert misfits([{"at": "yesterday+"}], [{"at": set("ab")}]) == ["[0].at: 'yesterday+'"]


def test_problems_are_told_with_their_lines_and_how_long_they_lasted(site: Site) -> None:
    now, over = (site.run("problems", *more, "--json").json for more in ([], ["--past"]))
    assert now["counts"] == {"near_miss": 1, "placeholder": 1}
    first, second = (saved(site, f"{run}.json")["run"]["finished"] for run in ("first", "second"))
    assert [(p["code"], p["line"], p["since"], p["last_seen"]) for p in now["problems"]] == [
        ("near_miss", None, first, None),
        ("placeholder", 3, second, None),
    ]
    assert [(p["code"], p["accession"], p["since"], p["last_seen"]) for p in over["problems"]] == [
        ("in_database_not_found", "E-MTAB-9", first, first)
    ]


def test_why_tells_what_production_says(site: Site) -> None:
    told = site.run("why", "E-MTAB-3", "--json").json["production"]
    asked = saved(site, "second.json")["run"]["finished"]
    assert told == [{"authority": "gxpatlaspro", "there": True, "private": True, "asked": asked}]
    (other,) = site.run("why", "E-MTAB-1", "--json").json["production"]
    assert (other["there"], other["private"]) == (False, None)
    words = site.run("why", "E-MTAB-3").out
    assert "in production, private" in words and "not in production" in site.run("why", "E-MTAB-1").out


def test_a_key_of_production_is_nowhere(site: Site) -> None:
    """Not in the store, nor in any file that is shown, nor on the screen."""
    files = [path for path in site.root.rglob("*") if path.is_file() and path.name != "gxpatlaspro.db"]
    assert [path for path in files if b"hush-hush" in path.read_bytes()] == []
    assert len(files) > 10
    for command in (["overview", "--format", "csv"], ["overview", "--format", "json"], ["why", "E-MTAB-3"]):
        assert "hush-hush" not in site.run(*command).out


def test_history_is_a_chain_whose_states_lasted_until_the_next(site: Site) -> None:
    first, second = site.run("history", "E-MTAB-1", "--json").json["changes"]
    assert [(c["from"], c["to"], c["run"]) for c in (first, second)] == [
        (None, "incoming", 1),
        ("incoming", "loading", 2),
    ]
    between = datetime.fromisoformat(second["at"]) - datetime.fromisoformat(first["at"])
    assert first["lasted_seconds"] == between.total_seconds() and second["lasted_seconds"] >= 0


def test_an_accession_that_was_never_seen_is_one_line(site: Site) -> None:
    for command in ("why", "history"):
        done = site.run(command, "E-MTAB-77", "--json")
        assert done.code == 1 and done.message == "'E-MTAB-77' is not known: it was never seen in any source"


def test_a_dry_run_says_the_same_and_writes_nothing(site: Site, tmp_path: Path) -> None:
    done = site.crawl("--dry-run", "--store", tmp_path / "new.db", "--out", tmp_path / "out")
    assert misfits(done.json, CRAWL | {"run": RUN | {"id": type(None)}}) == []
    assert done.code == 0 and done.json["dry_run"] and list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------- the past


def test_the_overview_as_of_a_time_is_the_one_of_that_time(site: Site) -> None:
    """But for the counts of days before, which look back from a later moment in the one and not in the other."""
    before = saved(site, "overview at first.json")
    then = site.overview("--as-of", saved(site, "first.json")["run"]["finished"])
    assert then == before
    assert states_of(site.overview()) != states_of(before)


def states_of(overview: Any) -> dict[str, str]:
    return states({tab: table["rows"] for tab, table in overview["tables"].items()})


def test_before_the_first_run_the_overview_was_empty(site: Site) -> None:
    overview = site.overview("--as-of", "2001-01-01")
    assert overview["as_of"] is None and states_of(overview) == {}


def test_what_is_published_is_the_overview(site: Site) -> None:
    """But for when a check was last asked, which is told with the next change of a row."""
    published, asked = json.loads((site.root / "var/out/overview.json").read_text()), site.overview()
    for told in (published, asked):
        for row in (row for table in told["tables"].values() for row in table["rows"]):
            for clock in CLOCKS:
                row.pop(clock, None)
    assert published == asked


# --------------------------------------------------------------------------- flags, environment, files


@pytest.mark.parametrize(
    "arguments",
    [
        ["--store", "elsewhere.db", "crawl", "--json", "--out", "elsewhere"],
        ["crawl", "--json", "--out=elsewhere", "--store=elsewhere.db"],
    ],
    ids=["before and after", "after"],
)
def test_shared_flags_may_stand_before_and_after_the_command(tmp_path: Path, arguments: list[str]) -> None:
    site = one_dataset(tmp_path)
    assert site.run(*arguments).json["counts"] == {"loading": 1}
    assert (tmp_path / "elsewhere.db").exists() and (tmp_path / "elsewhere/overview.html").exists()
    assert not (tmp_path / "var").exists()


def one_dataset(root: Path) -> Site:
    site = Site(root)
    site.fill("loading", ["E-MTAB-1"])
    site.configure({"loading": {"stage": ["loading"]}})
    return site


def test_a_sources_config_alone_is_a_working_configuration(tmp_path: Path) -> None:
    site = one_dataset(tmp_path)
    done = site.run("crawl")
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "var/ingest-tracker.db").exists() and (tmp_path / "var/out/overview.html").exists()


def test_a_flag_outweighs_the_environment_which_outweighs_the_settings(tmp_path: Path) -> None:
    """Relative paths start at the file that holds them; those of flags and environment where one is."""
    site = one_dataset(tmp_path / "here")
    site.fill("etc/published", ["E-MTAB-2"])
    site.write("etc/sources.json", {"published": {"stage": ["published"]}})
    site.write("etc/tracker.yaml", "sources: sources.json\nstore: ../from settings.db\nout: ../settings out\n")
    by_settings = site.crawl()
    by_environment = site.crawl(
        INGEST_TRACKER_SOURCES="sources_config.json",
        INGEST_TRACKER_STORE="from environment.db",
        INGEST_TRACKER_OUT="environment out",
    )
    by_flag = site.crawl(
        "--sources", "etc/sources.json", "--store", "from flag.db", "--out", "flag out",
        INGEST_TRACKER_SOURCES="sources_config.json", INGEST_TRACKER_STORE="no.db", INGEST_TRACKER_OUT="no",
    )  # fmt: skip
    counted = [done.json["counts"] for done in (by_settings, by_environment, by_flag)]
    assert counted == [{"published": 1}, {"loading": 1}, {"published": 1}]
    assert sorted(path.name for path in site.root.glob("*.db")) == [
        "from environment.db",
        "from flag.db",
        "from settings.db",
    ]
    assert sorted(path.name for path in site.root.glob("* out")) == ["environment out", "flag out", "settings out"]


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_reader_that_has_seen_enough_is_no_fault(site: Site, form: str) -> None:
    """As in `overview | head -1`: the reader of this pipe is gone before anything is written."""
    process = site.start("overview", "--format", form)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    with process:
        assert process.stderr.read() == ""
    assert process.returncode == 0


# --------------------------------------------------------------------------- the script of old


def test_the_script_with_its_sources_alone(tmp_path: Path) -> None:
    site = one_dataset(tmp_path)
    done = site.script("-s", "sources_config.json")
    assert (done.code, done.err) == (0, "") and "Run 1 succeeded" in done.out


def test_the_script_with_all_its_flags(tmp_path: Path) -> None:
    """The lists of species count together; what belongs to the sheet is noted and ignored, the client secret unread."""
    site = Site(tmp_path)
    site.fill("external", ["E-MTAB-1"])
    site.curation({"E-MTAB-1": "PASS"})
    site.write("databases.json", {"gxpatlaspro": {"dbtype": "sqlite", "path": "gxpatlaspro.db"}})
    site.write("mice.txt", "Mus musculus\n")
    site.write("people.json", {"tree": [{"path": "homo_sapiens"}]})
    site.configure({"external": {"stage": ["external"]}})
    with_mice = site.script("-s", "sources_config.json", "-d", "databases.json", "-q", "mice.txt")
    assert with_mice.code == 0 and "external         1" in with_mice.out
    for species in (["-q", "mice.txt", "people.json"], ["-q", "mice.txt", "-q", "people.json"]):
        done = site.script(
            "-s", "sources_config.json", "-d", "databases.json", *species,
            "-g", "secret.json", "-n", "A sheet", "-o", "out", "-v",
        )  # fmt: skip
        assert done.code == 3 and "incoming         1" in done.out
        assert "failed google_sheets: cannot read the key file of a Google service account" in done.out
        assert done.err.count("note: --google_output is ignored") == 1


@pytest.mark.parametrize("arguments", [[], ["-d", "databases.json"], ["-s"], ["-s", "a.json", "--nonsense"]])
def test_the_script_used_wrongly_says_how_and_exits_with_2(tmp_path: Path, arguments: list[str]) -> None:
    done = Site(tmp_path).script(*arguments)
    assert (done.code, done.out) == (2, "") and done.err.startswith("usage: run_status_crawler.py")


def test_the_script_has_the_exit_code_of_the_run(tmp_path: Path) -> None:
    site = one_dataset(tmp_path)
    site.remove("loading")
    assert site.script("-s", "sources_config.json").code == 1
    missing = site.script("-s", "nowhere.json")
    assert missing.code == 2 and "nowhere.json" in missing.message
