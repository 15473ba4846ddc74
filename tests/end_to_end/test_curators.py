"""What curators and their scripts ask before an import, and what they say: whole commands, with their exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.site import PROGRAM, Done, Site
from tests.end_to_end.warm import ROOT

CHECK = [sys.executable, str(ROOT / "workflows" / "check_duplicates.py")]
SECONDARY = "Comment[SecondaryAccession]\t{}\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """E-MTAB-1 is loading and names GSE7 and PXD9; E-GEOD-5 is external; E-MTAB-4 is gone. To ask only."""
    return made(Site(tmp_path_factory.mktemp("curators")))


def made(site: Site) -> Site:
    site.fill("external", ["E-GEOD-5", "E-MTAB-4", "E-MTAB-6"])
    site.fill("loading", ["E-MTAB-1", "E-CURD-11"])
    idf = site.root / "loading/E-MTAB-1/E-MTAB-1.idf.txt"
    idf.write_text(idf.read_text() + SECONDARY.format("GSE7\tPXD9"))
    (site.root / "loading/E-CURD-40 copy").mkdir()
    site.configure({"external": {"stage": ["external"]}, "loading": {"stage": ["loading"], "tech": ["bulk"]}})
    site.write("etc/tracker.yaml", "outputs: [json]\ntime_zone: UTC\n")
    assert site.crawl().code == 0
    site.remove("external/E-MTAB-4")
    assert site.crawl().code == 0
    return site


def asked(site: Site, *arguments: str, given: str = "", program: list[str] = [*PROGRAM, "duplicates", "check"]) -> Done:  # noqa: B006
    """With this on stdin."""
    done = subprocess.run(
        [*program, *arguments],
        cwd=site.root,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": str(site.root)},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done
    return Done(done.returncode, done.stdout, done.stderr)


# --------------------------------------------------------------------------- have we got this already?

KNOWN = [
    # what is asked; exit code: of both, --internal, --external, --ingested
    ("E-MTAB-1", 1, 1, 1, 1),
    ("GSE7", 1, 0, 1, 1),
    ("gse7", 1, 0, 1, 1),
    ("PXD9", 1, 0, 1, 1),
    ("E-GEOD-5", 1, 1, 1, 0),
    ("GSE5", 1, 1, 1, 0),
    ("E-MTAB-4", 1, 1, 0, 0),
    ("GSE12345", 0, 0, 0, 0),
    ("E-MTAB-99", 0, 0, 0, 0),
    ("nonsense", 2, 2, 2, 2),
    ("GSM7", 2, 2, 2, 2),
]


@pytest.mark.parametrize(("accession", "codes"), [(row[0], row[1:]) for row in KNOWN])
def test_the_exit_code_answers(site: Site, accession: str, codes: tuple[int, ...]) -> None:
    flags = ([], ["--internal"], ["--external"], ["--ingested"])
    assert tuple(site.run("duplicates", "check", accession, *flag).code for flag in flags) == codes


@pytest.mark.parametrize(
    ("accessions", "code"),
    [
        (["GSE12345", "GSE999"], 0),
        (["GSE12345", "GSE7"], 1),
        (["GSE7", "nonsense", "GSE12345"], 2),
    ],
)
def test_of_several_the_worst_answer_decides(site: Site, accessions: list[str], code: int) -> None:
    assert site.run("duplicates", "check", *accessions).code == code
    assert asked(site, "-", given="\n".join(accessions) + "\n\n").code == code


def test_the_answer_says_which_where_since_when_and_how_that_is_known(site: Site) -> None:
    known, where, evidence = site.run("duplicates", "check", "E-GEOD-7").out.splitlines()
    assert known == "E-GEOD-7: known"
    assert where.startswith("  E-MTAB-1 is loading since 20") and where.endswith(f"in {site.root}/loading/E-MTAB-1")
    assert evidence == "    E-MTAB-1 names E-GEOD-7 (GSE7)"


def test_what_is_no_accession_is_named_and_the_rest_is_answered(site: Site) -> None:
    done = site.run("duplicates", "check", "GSE12345", "nonsense")
    assert done.out == "GSE12345: not known\n"
    assert done.err == (
        "ingest-tracker: 'nonsense' is no accession of a study; write it as E-MTAB-123, GSE123, PRJNA123 ...\n"
    )


def test_thousands_are_answered_in_the_order_in_which_they_were_asked(site: Site) -> None:
    names = [f"GSE{number}" for number in range(1, 3_001)]
    done = asked(site, "--json", "-", given="\n".join(names))
    answers = json.loads(done.out)["accessions"]
    assert [answer["accession"] for answer in answers] == names
    assert [answer["accession"] for answer in answers if answer["known"]] == ["GSE5", "GSE7"]


def test_nothing_asked_is_wrong_usage(site: Site) -> None:
    done = asked(site, "-", given="\n")
    assert (done.code, done.message) == (2, "no accession was given; name some, such as GSE123")


def test_the_script_answers_as_the_command_does(site: Site) -> None:
    for accession, code, *_ in KNOWN[::3]:
        assert asked(site, accession, program=CHECK).code == code
    assert asked(site, "-", "--internal", given="GSE7\n", program=CHECK).code == 0
    assert asked(site, program=CHECK).code == 2


def test_a_store_that_cannot_be_read_is_neither_yes_nor_no(tmp_path: Path, site: Site) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all" * 100)
    for store in (broken, tmp_path / "missing.db"):
        done = site.run("duplicates", "check", "E-MTAB-1", "--store", str(store))
        assert done.code == 3 and done.message.startswith("it cannot be told: ")
        assert site.run("duplicates", "check", "nonsense", "--store", str(store)).code == 3


def test_fresh_crawls_first_and_says_what_it_could_not_read(tmp_path: Path) -> None:
    site = made(Site(tmp_path))
    site.fill("loading", ["E-MTAB-77"])
    assert site.run("duplicates", "check", "E-MTAB-77").code == 0
    assert site.run("duplicates", "check", "E-MTAB-77", "--fresh").code == 1
    site.remove("external")
    done = site.run("duplicates", "check", "GSE12345", "--fresh")
    assert done.code == 3 and "not all could be read" in done.err and done.out == "GSE12345: not known\n"
    assert site.run("duplicates", "check", "GSE5").code == 1


# --------------------------------------------------------------------------- accessions


def test_the_next_accession_is_one_that_nobody_has_and_that_nobody_is_given_again(tmp_path: Path) -> None:
    site = made(Site(tmp_path))
    assert site.run("accession", "next", "E-CURD").out == "E-CURD-41\n"
    assert site.run("accession", "next", "E-CURD-").out == "E-CURD-42\n"
    assert site.run("accession", "next", "E-PROT").out == "E-PROT-1\n"
    taken = site.run("duplicates", "check", "E-CURD-42")
    assert taken.code == 1 and "given to" in taken.out
    assert site.run("duplicates", "check", "E-CURD-42", "--external").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["from", "GSE123"], "E-GEOD-123"),
        (["from", "gse123"], "E-GEOD-123"),
        (["from", "E-GEOD-123"], "E-GEOD-123"),
        (["from", "E-MTAB-5"], "E-MTAB-5"),
        (["from", "e-mtab-5"], "E-MTAB-5"),
    ],
)
def test_an_outside_accession_has_one_name_here(site: Site, arguments: list[str], said: str) -> None:
    done = site.run("accession", *arguments)
    assert (done.code, done.out, done.err) == (0, f"{said}\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["from", "PXD000123"], ["ProteomeXchange", "accession next E-PROT"]),
        (["from", "SRP001"], ["SRA", "accession next E-ENAD"]),
        (["from", "GSE0"], ["GSE123", "E-MTAB-123"]),
        (["from", "nonsense"], ["GSE123", "E-MTAB-123"]),
        (["next", "E-MTAB"], ["ArrayExpress"]),
        (["next", "E-GEOD"], ["accession from GSE123"]),
        (["next", "e-curd"], ["E-CURD"]),
        (["next", "E-CURD-7"], ["E-CURD"]),
        (["next", ""], ["E-CURD"]),
    ],
)
def test_what_has_no_accession_here_is_told_what_to_do(site: Site, arguments: list[str], words: list[str]) -> None:
    done = site.run("accession", *arguments)
    assert done.code == 2
    assert [word for word in words if word not in done.message] == []


# --------------------------------------------------------------------------- metadata files


def test_the_latest_files_are_those_of_the_furthest_place(tmp_path: Path) -> None:
    site = made(Site(tmp_path))
    site.fill("external", ["E-MTAB-1"])
    assert site.crawl().code == 0
    files = site.run("metadata", "E-MTAB-1", "--json").json["files"]
    assert [(file["role"], file["stage"], file["latest"]) for file in files] == [
        ("idf", "loading", True),
        ("sdrf", "loading", True),
        ("idf", "external", False),
        ("sdrf", "external", False),
    ]
    done = site.run("metadata", "E-MTAB-1", "--copy", "here")
    assert done.code == 0 and done.out.count("copied to here/E-MTAB-1.") == 2
    for name in ("E-MTAB-1.idf.txt", "E-MTAB-1.sdrf.txt"):
        assert (site.root / "here" / name).read_bytes() == (site.root / "loading/E-MTAB-1" / name).read_bytes()
    site.write("here/E-MTAB-1.idf.txt", "what a curator wrote")
    done = site.run("metadata", "E-MTAB-1", "--copy", "here")
    assert done.code == 1 and "move it away" in done.message
    assert (site.root / "here/E-MTAB-1.idf.txt").read_text() == "what a curator wrote"


def test_a_file_that_is_there_no_more_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    site = made(Site(tmp_path))
    site.remove("loading/E-MTAB-1/E-MTAB-1.sdrf.txt")
    done = site.run("metadata", "E-MTAB-1", "--copy", "here")
    assert done.code == 1 and "E-MTAB-1.sdrf.txt could not be copied" in done.message
    assert list((site.root / "here").iterdir()) == []


def test_a_dataset_that_is_gone_has_no_files(site: Site) -> None:
    assert site.run("metadata", "E-MTAB-4").out == "E-MTAB-4 has no IDF and no SDRF in any source.\n"
    assert site.run("metadata", "E-MTAB-4", "--copy", "here").code == 2
    assert site.run("metadata", "E-MTAB-400").code == 1


# --------------------------------------------------------------------------- what curators say


def test_what_is_ignored_is_told_kept_and_undone_and_changes_no_state(tmp_path: Path) -> None:
    site = made(Site(tmp_path))
    before = site.standing()
    assert site.run("ignore", "E-MTAB-6", "--reason", "withdrawn", "--by", "heron").code == 0
    assert site.run("why", "E-MTAB-6", "--json").json["ignored"]["reason"] == "withdrawn"
    assert "Ignored by heron" in site.run("why", "E-MTAB-6").out
    assert site.crawl().code == 0
    assert site.standing() == before
    rows = {row["Accession"]: row for row in site.overview()["tables"]["Discover Experiments"]["rows"]}
    assert rows["E-MTAB-6"]["Problems"].startswith("Ignored: withdrawn (heron, ")
    assert site.run("ignore", "E-MTAB-6", "--undo", "--by", "wren").code == 0
    (said,) = site.run("history", "E-MTAB-6", "--json").json["remarks"]
    assert (said["reason"], said["by"], said["undone_by"]) == ("withdrawn", "heron", "wren")
    assert site.run("why", "E-MTAB-6", "--json").json["ignored"] is None
    assert site.standing() == before
    assert site.run("ignore", "E-MTAB-6", "--undo").code == 2


def test_a_problem_is_acknowledged_by_its_key(tmp_path: Path) -> None:
    site = made(Site(tmp_path))
    (problem,) = site.run("problems", "--code", "near_miss", "--json").json["problems"]
    assert problem["acknowledged"] is None
    done = site.run("acknowledge", problem["key"][:4], "--reason", "will be renamed", "--by", "heron")
    assert done.code == 0 and problem["key"] in done.out
    (told,) = site.run("problems", "--code", "near_miss", "--json").json["problems"]
    assert told["acknowledged"]["reason"] == "will be renamed"
    assert "(acknowledged by heron: will be renamed)" in site.run("problems").out
    assert site.run("acknowledge", problem["key"], "--undo").code == 0
    assert "(acknowledged by" not in site.run("problems").out


def test_a_dismissed_group_stays_so_until_other_evidence_comes(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.fill("loading", ["E-MTAB-1", "E-CURD-2"])
    idf = site.root / "loading/E-CURD-2/E-CURD-2.idf.txt"
    idf.write_text(idf.read_text() + SECONDARY.format("E-MTAB-1"))
    site.configure({"loading": {"stage": ["loading"]}})
    site.write("etc/tracker.yaml", "outputs: [json]\n")
    assert site.crawl().code == 0

    def group() -> dict[str, object]:
        (only,) = site.run("duplicates", "list", "--json").json["groups"]
        assert isinstance(only, dict)
        return only

    key = group()["key"]
    assert site.run("duplicates", "dismiss", "E-MTAB-1", "--reason", "a follow-up", "--by", "heron").code == 0
    assert site.crawl().code == 0
    assert group()["key"] == key and group()["dismissed"]
    assert "Dismissed by heron: a follow-up" in site.run("duplicates", "list").out
    site.fill("loading", ["E-ANND-3"])
    other = site.root / "loading/E-ANND-3/E-ANND-3.idf.txt"
    other.write_text(other.read_text() + SECONDARY.format("E-MTAB-1"))
    assert site.crawl().code == 0
    assert group()["key"] == key and group()["dismissed"] is None
    assert len(group()["accessions"]) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ignore", "E-MTAB-6"], ["a reason is needed"]),
        (["ignore", "E-MTAB-6", "--reason", " \t"], ["a reason is needed"]),
        (["ignore", "E-MTAB-6", "--undo"], ["none that is ignored"]),
        (["acknowledge", "zzzz", "--reason", "x"], ["none of the problems"]),
        (["acknowledge", "", "--reason", "x"], ["4 digits"]),
        (["acknowledge", "abc", "--reason", "x"], ["4 digits"]),
        (["duplicates", "dismiss", "E-MTAB-6", "--reason", "x"], ["none of the groups"]),
        (["stuck", "--longer-than", "soon"], ["'soon' is not a time", "30d"]),
        (["stuck", "--longer-than", "-3d"], ["30d"]),
    ],
)
def test_what_cannot_be_meant_is_one_line(site: Site, arguments: list[str], words: list[str]) -> None:
    done = site.run(*arguments)
    assert done.code == 2
    assert [word for word in words if word not in done.message] == []


def test_nobody_unknown_is_ignored(site: Site) -> None:
    done = site.run("ignore", "E-MTAB-600", "--reason", "x")
    assert done.code == 1 and "was never seen in any source" in done.message


# --------------------------------------------------------------------------- what is stuck


def test_what_stays_longer_than_asked_is_listed_with_its_curator(tmp_path: Path) -> None:
    site = made(Site(tmp_path))
    site.write("loading/E-MTAB-1/.curator.heron", "")
    assert site.crawl().code == 0
    found = site.run("stuck", "--longer-than", "0h", "--json").json["stuck"]
    assert [(one["accession"], one["state"], one["curators"]) for one in found] == [
        ("E-CURD-11", "loading", []),
        ("E-MTAB-1", "loading", ["heron"]),
    ]
    assert "E-CURD-11" in site.run("stuck", "--longer-than", "0h").out
    assert site.run("ignore", "E-CURD-11", "--reason", "waits for the author").code == 0
    assert [one["accession"] for one in site.run("stuck", "--longer-than", "0h", "--json").json["stuck"]] == [
        "E-MTAB-1"
    ]
    assert site.run("stuck", "--longer-than", "1d").out.startswith("No dataset")
    assert site.run("stuck").out.startswith("No dataset")
