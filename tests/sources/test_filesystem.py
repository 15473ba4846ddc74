from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.domain.model import Code, Metadata, Problem, Sighting
from app.domain.text import printable
from app.errors import SourceError
from app.sources import tree
from tests.sources.places import IDF, SDRF, as_ordinary_user, codes, counted, dataset, fill, read, source

METHODS = b"Read Mapping\tAgainst genome reference (Ensembl release: 104) tophat2 version: 2.1.1\n"
SAID = Metadata("A study", analysis_types=("RNA-seq of coding RNA",), curators=("ada",), organisms=("Homo sapiens",))


# --------------------------------------------------------------------------- what is a dataset


@pytest.mark.parametrize(
    ("files", "datasets"),
    [
        (["E-MTAB-1/"], ["E-MTAB-1"]),
        (["E-MTAB-1/E-MTAB-1.idf.txt", "E-MTAB-1/E-MTAB-1.sdrf.txt", "E-MTAB-22/"], ["E-MTAB-1", "E-MTAB-22"]),
        (["E-MTAB-1.idf.txt"], ["E-MTAB-1"]),
        (["E-MTAB-1-sdrf.txt", "E-MTAB-2.idf.tsv", "E-MTAB-2.sdrf.tsv"], ["E-MTAB-1", "E-MTAB-2"]),
        (["E-MTAB-1.IDF.TXT"], ["E-MTAB-1"]),
        (["E-MTAB-1.merged.idf.txt", "E-MTAB-1.condensed-sdrf.tsv"], []),
        (["E-MTAB-1-analysis-methods.tsv", "E-MTAB-1-configuration.xml", ".curator.ada"], []),
        (["E-MTAB-1", "E-MTAB-1.txt", "README", "archive/E-MTAB-9/E-MTAB-9.idf.txt"], []),
        (["E-MTAB-1/E-MTAB-2/E-MTAB-2.idf.txt"], ["E-MTAB-1"]),
    ],
)
def test_datasets_lie_directly_below_the_directory(tmp_path: Path, files: list[str], datasets: list[str]) -> None:
    sightings, problems = read(fill(tmp_path / "place", dict.fromkeys(files, b"x")))
    assert list(sightings) == datasets
    assert {problem.code for problem in problems} <= {Code.SOURCE_EMPTY}


@pytest.mark.parametrize(
    ("files", "name", "accession"),
    [
        (["E-MTAB-4850.homo_sapiens.idf.txt"], "E-MTAB-4850.homo_sapiens.idf.txt", "E-MTAB-4850"),
        (["E-GEOD-3790B/"], "E-GEOD-3790B", "E-GEOD-3790"),
        (["WAT_E-HCAD-11/"], "WAT_E-HCAD-11", "E-HCAD-11"),
        (["e-mtab-12/"], "e-mtab-12", "E-MTAB-12"),
        (["E-HCAD-E-HCAD-52.idf.txt", "E-HCAD-E-HCAD-52.sdrf.txt"], "E-HCAD-E-HCAD-52.idf.txt", "E-HCAD-52"),
        (["E-MTAB-7 /"], "E-MTAB-7 ", "E-MTAB-7"),
        (["E-MTAB-7\n/"], r"E-MTAB-7\n", "E-MTAB-7"),
        ([b"E-MTAB-7\xff/"], r"E-MTAB-7\xff", "E-MTAB-7"),
    ],
)
def test_a_name_that_is_almost_an_accession_is_told_once(
    tmp_path: Path, files: list[str | bytes], name: str, accession: str
) -> None:
    place = fill(tmp_path / "place", {**dict.fromkeys(files, b"x"), "E-MTAB-1/": b""})
    sightings, problems = read(place)
    assert list(sightings) == ["E-MTAB-1"]
    message = f"{name} is almost the accession {accession}, but not quite; it is not tracked"
    assert problems == [Problem(Code.NEAR_MISS, message, source="loading", path=f"{place}/{name}")]


def test_names_that_differ_only_in_case_are_told(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", {"E-MTAB-1/": b"", "e-mtab-1.idf.txt": b"x"})
    sightings, (problem,) = read(place)
    assert list(sightings) == ["E-MTAB-1"]
    assert (problem.code, problem.dataset) == (Code.CASE_DUPLICATE, "E-MTAB-1")
    assert problem.path == f"{place}/e-mtab-1.idf.txt"


def test_where_both_spellings_are_accessions_both_are_tracked_and_told(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", {"E-MTAB-1/": b"", "e-mtab-1/": b""})
    found = list(source(place, re.compile(r"^E-[A-Z]{4}-\d+$", re.IGNORECASE)).read({}))
    assert [item.dataset for item in found if isinstance(item, Sighting)] == ["E-MTAB-1", "e-mtab-1"]
    assert [item.code for item in found if isinstance(item, Problem)] == [Code.CASE_DUPLICATE]


def test_a_dataset_both_flat_and_in_a_folder_is_one_with_the_folders_files_first(tmp_path: Path) -> None:
    flat = {"E-MTAB-1.idf.txt": b"Investigation Title\tflat\n", "E-MTAB-1.sdrf.txt": SDRF}
    place = fill(tmp_path / "place", {"E-MTAB-1/E-MTAB-1.idf.txt": IDF, **flat})
    sightings, problems = read(place)
    (seen,) = sightings.values()
    assert seen.metadata == SAID
    assert [file.path for file in seen.files] == [f"{place}/E-MTAB-1/E-MTAB-1.idf.txt", f"{place}/E-MTAB-1.sdrf.txt"]
    assert (seen.location, codes(seen), problems) == (f"{place}/E-MTAB-1", [Code.REPEATED], [])


# --------------------------------------------------------------------------- which of its files


@pytest.mark.parametrize(
    ("names", "taken", "problems"),
    [
        (["E-MTAB-1.idf.txt", "E-MTAB-2.idf.txt"], "E-MTAB-1.idf.txt", [Code.NEAR_MISS]),
        (["E-MTAB-1.idf.txt", "draft.idf.txt"], "E-MTAB-1.idf.txt", []),
        (["E-MTAB-1.idf.tsv", "E-MTAB-1.idf.txt"], "E-MTAB-1.idf.tsv", [Code.REPEATED]),
        (["E-MTAB-1.idf.txt", "E-MTAB-1.merged.idf.txt"], "E-MTAB-1.idf.txt", []),
        (["draft.idf.txt"], "draft.idf.txt", []),
        (["E-MTAB-2.idf.txt"], "E-MTAB-2.idf.txt", [Code.NEAR_MISS]),
        (["E-MTAB-1.homo_sapiens.idf.txt"], "E-MTAB-1.homo_sapiens.idf.txt", [Code.NEAR_MISS]),
        (["E-MTAB-1.hyb.idf.txt", "other.idf.txt"], "E-MTAB-1.hyb.idf.txt", [Code.NEAR_MISS]),
        (["draft.idf.txt", "other.idf.txt"], None, [Code.SDRF_WITHOUT_IDF]),
        ([], None, [Code.SDRF_WITHOUT_IDF]),
    ],
)
def test_the_idf_is_the_one_of_that_name_else_the_only_one(
    tmp_path: Path, names: list[str], taken: str | None, problems: list[Code]
) -> None:
    files = {f"E-MTAB-1/{name}": IDF for name in [*names]}
    sightings, _ = read(fill(tmp_path / "place", {**files, "E-MTAB-1/E-MTAB-1.sdrf.txt": SDRF}))
    (seen,) = sightings.values()
    idf = seen.file("idf")
    assert (Path(idf.path).name if idf else None) == taken
    assert codes(seen) == problems


def test_every_role_is_kept_with_the_identity_of_its_file(tmp_path: Path) -> None:
    place = fill(
        tmp_path / "place",
        {
            **dataset("E-MTAB-1"),
            "E-MTAB-1/E-MTAB-1-analysis-methods.tsv": METHODS,
            "E-MTAB-1/E-MTAB-1-configuration.xml": b"<configuration/>",
            "E-MTAB-1/.curator.grace": b"",
            "E-MTAB-1/E-MTAB-1-tpms.tsv": b"not ours",
        },
    )
    (seen,) = read(place)[0].values()
    assert [file.role for file in seen.files] == ["idf", "sdrf", "analysis_methods", "configuration", "curator"]
    for file in seen.files:
        status = Path(file.path).stat()
        assert file.identity == (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    assert seen.metadata.curators == ("grace", "ada")
    assert (seen.metadata.mapping, seen.metadata.ensembl_release) == (("tophat2", "2.1.1"), "104")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"E-MTAB-1.idf.txt": IDF}, [Code.IDF_WITHOUT_SDRF]),
        ({"E-MTAB-1/E-MTAB-1.sdrf.txt": SDRF}, [Code.SDRF_WITHOUT_IDF]),
        ({"E-MTAB-1/": b""}, []),
        (dataset("E-MTAB-1", idf=b""), [Code.EMPTY_FILE]),
        (dataset("E-MTAB-1", idf=b"Investigation Title\t5 \xb5m\n"), [Code.NOT_UTF8]),
        (dataset("E-MTAB-1"), []),
    ],
)
def test_problems_of_a_dataset_belong_to_its_sighting(
    tmp_path: Path, files: Mapping[str | bytes, bytes], expected: list[Code]
) -> None:
    sightings, problems = read(fill(tmp_path / "place", files))
    (seen,) = sightings.values()
    assert (codes(seen), problems) == (expected, [])
    assert all(problem.dataset == "E-MTAB-1" and problem.source == "loading" for problem in seen.problems)


def test_the_encoding_taken_is_named(tmp_path: Path) -> None:
    (seen,) = read(fill(tmp_path / "place", dataset("E-MTAB-1", idf=b"Investigation Title\t5 \xb5m\n")))[0].values()
    assert seen.problems[0].message == "E-MTAB-1.idf.txt is not UTF-8; it was read as cp1252"
    assert seen.metadata.title == "5 \u00b5m"


@pytest.mark.parametrize(
    ("idf", "sdrf", "modified"),
    [
        (1_500_000_000, 1_600_000_000.5, datetime(2020, 9, 13, 12, 26, 40, 500000, UTC)),
        (0, -86400, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_modified_is_the_newest_of_idf_and_sdrf(tmp_path: Path, idf: float, sdrf: float, modified: datetime) -> None:
    place = fill(tmp_path / "place", {**dataset("E-MTAB-1"), "E-MTAB-1/E-MTAB-1-configuration.xml": b"newer"})
    os.utime(place / "E-MTAB-1/E-MTAB-1.idf.txt", (idf, idf))
    os.utime(place / "E-MTAB-1/E-MTAB-1.sdrf.txt", (sdrf, sdrf))
    assert read(place)[0]["E-MTAB-1"].modified == modified


def test_a_time_that_no_calendar_has_is_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the file system tells: most cannot keep such a time, so it is put into the look itself."""
    place = fill(tmp_path / "place", dataset("E-MTAB-1"))
    look = tree.identity
    monkeypatch.setattr(tree, "identity", lambda entry: look(entry)._replace(mtime_ns=2**62 * 1000))
    assert read(place)[0]["E-MTAB-1"].modified is None


# --------------------------------------------------------------------------- read again


def test_what_has_not_changed_is_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is the same sighting, its problems included."""
    place = fill(
        tmp_path / "place",
        {
            **dataset("E-MTAB-1", idf=b"Investigation Title\t5 \xb5m\n"),
            **dataset("E-MTAB-2", sdrf=b""),
            "E-MTAB-1/E-MTAB-3.idf.txt": IDF,
            "E-MTAB-4.idf.txt": IDF,
        },
    )
    first, _ = read(place)
    with counted(monkeypatch) as calls:
        again, _ = read(place, first)
    assert calls.of("open") == []
    assert again == first


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"E-MTAB-1/E-MTAB-1.idf.txt": IDF.replace(b"A study", b"A stody")}, {"title": "A stody"}),
        ({"E-MTAB-1/E-MTAB-1.sdrf.txt": SDRF + b"2\tMus musculus\n"}, {"organisms": ("Homo sapiens", "Mus musculus")}),
        ({"E-MTAB-1/.curator.grace": b""}, {"curators": ("grace", "ada")}),
        ({"E-MTAB-1/E-MTAB-1-analysis-methods.tsv": METHODS}, {"ensembl_release": "104"}),
    ],
)
def test_what_has_changed_is_read(
    tmp_path: Path, change: Mapping[str | bytes, bytes], expected: dict[str, Any]
) -> None:
    place = fill(tmp_path / "place", {**dataset("E-MTAB-1"), **dataset("E-MTAB-2")})
    first, _ = read(place)
    fill(place, change)
    os.utime(place / "E-MTAB-1/E-MTAB-1.idf.txt", (1, 1))
    again, _ = read(place, first)
    assert {name: getattr(again["E-MTAB-1"].metadata, name) for name in expected} == expected
    assert again["E-MTAB-2"] == first["E-MTAB-2"]


def test_no_call_is_made_that_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One listing and one look a folder, one look a file of ours, one opening a file that is read; nothing else."""
    others = ["E-MTAB-1-tpms.tsv", "E-MTAB-1.condensed-sdrf.tsv", "qc/report.html"]
    inside = {f"E-MTAB-1/{name}": b"x" for name in others}
    place = fill(
        tmp_path / "place",
        {**dataset("E-MTAB-1"), **inside, "E-MTAB-2.idf.txt": IDF, "notes/E-MTAB-3.idf.txt": IDF, "x.pdf": b"",
         "E-MTAB-1/E-MTAB-1-configuration.xml": b"<configuration/>", "E-MTAB-1/.curator.ada": b""},
    )  # fmt: skip
    with counted(monkeypatch) as calls:
        read(place)
    assert calls.of("scandir") == ["E-MTAB-1", "place"]
    assert calls.of("is_dir") == []
    opened = ["E-MTAB-1.idf.txt", "E-MTAB-1.sdrf.txt", "E-MTAB-2.idf.txt"]
    assert calls.of("open") == opened
    folders = ["E-MTAB-1", "place"]
    assert calls.of("stat") == sorted([*opened, "E-MTAB-1-configuration.xml", ".curator.ada", *folders])


def test_only_the_head_of_a_large_sdrf_is_read(tmp_path: Path) -> None:
    rows = b"".join(b"sample %d\tHomo sapiens\n" % number for number in range(20_000))
    sdrf = SDRF + rows + b"last\tMus musculus\n"
    (seen,) = read(fill(tmp_path / "place", dataset("E-MTAB-1", sdrf=sdrf)))[0].values()
    assert seen.metadata.organisms == ("Homo sapiens",)


# --------------------------------------------------------------------------- find and probe


def test_find_looks_only_for_what_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = fill(tmp_path / "place", {**dataset("E-MTAB-1"), **dataset("E-MTAB-2"), "E-MTAB-3.idf.txt": IDF})
    with counted(monkeypatch) as calls:
        found = list(source(place).find(["E-MTAB-2", "E-MTAB-3", "E-MTAB-404"], {}))
    assert [seen.dataset for seen in found] == ["E-MTAB-2", "E-MTAB-3"]
    assert calls.of("scandir") == ["E-MTAB-2", "place"]


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (["E-MTAB-1/", "E-MTAB-2/", "E-MTAB-3.idf.txt", "E-MTAB-2.idf.txt"], "2 folders and 1 flat dataset"),
        ([], "0 folders and 0 flat datasets"),
        (["E-MTAB-1/"], "1 folder and 0 flat datasets"),
    ],
)
def test_probe_says_what_is_there(tmp_path: Path, files: list[str], line: str) -> None:
    assert source(fill(tmp_path / "place", dict.fromkeys(files, b""))).probe() == line


# --------------------------------------------------------------------------- a place that cannot be read


def test_an_empty_place_is_a_good_read_of_nothing(tmp_path: Path) -> None:
    where = str(tmp_path)
    assert read(where) == ({}, [Problem(Code.SOURCE_EMPTY, f"{where} holds no dataset", source="loading", path=where)])


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("missing", "does not exist: is it mounted?"),
        ("file", "is a file: name the directory that holds the datasets"),
        ("loop", "could not be listed (Too many levels of symbolic links): are its disk and server well?"),
        ("n" * 300, "could not be listed (File name too long): are its disk and server well?"),
        ("nul\0", "could not be listed (no file system has such a name): are its disk and server well?"),
    ],
)
def test_a_place_that_cannot_be_read_is_an_error_that_says_what_to_do(tmp_path: Path, where: str, says: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for ask in (lambda: read(tmp_path / where), lambda: source(tmp_path / where).probe()):
        with pytest.raises(SourceError) as error:
            ask()
        assert str(error.value) == f"{printable(str(tmp_path / where))} {says}"
        assert error.value.source == "loading"


def test_a_place_that_may_not_be_listed_is_an_error(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", dataset("E-MTAB-1"))
    place.chmod(0)

    def attempt() -> str:
        try:
            read("place")
        except SourceError as error:
            return str(error)
        return "it was read"

    assert as_ordinary_user(attempt, tmp_path) == "place may not be listed: allow this user to read and enter it"
    place.chmod(0o755)


def test_a_listing_that_fails_midway_is_an_error_and_never_a_short_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fill(tmp_path / "place", {**dataset("E-MTAB-1"), **dataset("E-MTAB-2")})
    whole = os.scandir

    class Failing:
        def __init__(self, path: bytes) -> None:
            self.entries = whole(path)

        def __enter__(self) -> Failing:
            return self

        def __exit__(self, *_: object) -> None:
            self.entries.close()

        def __iter__(self) -> Any:
            yield next(self.entries)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "scandir", Failing)
    with pytest.raises(SourceError, match=r"could not be listed \(Input/output error\)"):
        read(place)


# --------------------------------------------------------------------------- parts that cannot be read


def test_a_folder_that_may_not_be_listed_keeps_all_that_was_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fill(tmp_path / "place", {**dataset("E-MTAB-1"), **dataset("E-MTAB-2")})
    place.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    known, _ = read("place")
    (place / "E-MTAB-1").chmod(0)
    sightings, problems = as_ordinary_user(lambda: read("place", known), tmp_path)
    (place / "E-MTAB-1").chmod(0o755)
    unlisted = sightings["E-MTAB-1"]
    assert (unlisted.metadata, unlisted.files, unlisted.modified) == (
        known["E-MTAB-1"].metadata, known["E-MTAB-1"].files, known["E-MTAB-1"].modified,
    )  # fmt: skip
    assert codes(unlisted) == [Code.UNREADABLE]
    assert unlisted.problems[0].message == "E-MTAB-1 cannot be read (Permission denied)"
    assert (sightings["E-MTAB-2"], problems) == (known["E-MTAB-2"], [])


def test_a_file_that_may_not_be_read_keeps_what_it_last_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other files are read; and once it may be read again it is."""
    place = fill(tmp_path / "place", dataset("E-MTAB-1"))
    monkeypatch.chdir(tmp_path)
    known, _ = read("place")
    (place / "E-MTAB-1/E-MTAB-1.idf.txt").chmod(0)
    fill(place, {"E-MTAB-1/E-MTAB-1.sdrf.txt": SDRF.replace(b"Homo sapiens", b"Mus musculus")})
    sightings, _ = as_ordinary_user(lambda: read("place", known), tmp_path)
    seen = sightings["E-MTAB-1"]
    assert codes(seen) == [Code.UNREADABLE]
    assert (seen.metadata.title, seen.metadata.curators) == ("A study", ("ada",))
    assert seen.metadata.organisms == ("Mus musculus",)
    (place / "E-MTAB-1/E-MTAB-1.idf.txt").chmod(0o644)
    assert codes(read("place", sightings)[0]["E-MTAB-1"]) == []


def test_a_file_that_could_not_be_read_is_tried_again_though_it_has_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ailing disk or server leaves no trace in a file's identity."""
    place = fill(tmp_path / "place", dataset("E-MTAB-1"))

    def ailing(path: bytes, size: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(tree, "head", ailing)
        failed, _ = read(place)
    assert codes(failed["E-MTAB-1"]) == [Code.UNREADABLE, Code.UNREADABLE]
    seen = read(place, failed)[0]["E-MTAB-1"]
    assert (seen.metadata, codes(seen)) == (SAID, [])


def test_a_folder_whose_files_cannot_be_looked_at_keeps_what_was_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its names can be listed, and no more: permission to read the folder, but not to enter it."""
    place = fill(tmp_path / "place", dataset("E-MTAB-1"))
    monkeypatch.chdir(tmp_path)
    known, _ = read("place")
    (place / "E-MTAB-1").chmod(0o444)
    sightings, _ = as_ordinary_user(lambda: read("place", known), tmp_path)
    (place / "E-MTAB-1").chmod(0o755)
    seen = sightings["E-MTAB-1"]
    assert codes(seen) == [Code.UNREADABLE, Code.UNREADABLE]
    assert (seen.metadata, seen.files) == (known["E-MTAB-1"].metadata, known["E-MTAB-1"].files)


def test_links_are_followed_and_those_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", {"E-MTAB-4/": b"", "E-MTAB-5/": b""})
    elsewhere = fill(tmp_path / "elsewhere", dataset("E-MTAB-1"))
    (place / "E-MTAB-1").symlink_to(elsewhere / "E-MTAB-1")
    (place / "E-MTAB-2").symlink_to(place / "E-MTAB-2")
    (place / "E-MTAB-3").symlink_to(tmp_path / "not mounted")
    (place / "E-MTAB-4/E-MTAB-4.idf.txt").symlink_to(elsewhere / "E-MTAB-1/E-MTAB-1.idf.txt")
    (place / "E-MTAB-4/E-MTAB-4.sdrf.txt").symlink_to(place / "E-MTAB-4/E-MTAB-4.sdrf.txt")
    (place / "E-MTAB-5/E-MTAB-5").symlink_to(place)
    sightings, problems = read(place)
    assert problems == []
    assert {name: [problem.message for problem in seen.problems] for name, seen in sightings.items()} == {
        "E-MTAB-1": [],
        "E-MTAB-2": ["E-MTAB-2 cannot be read (Too many levels of symbolic links)"],
        "E-MTAB-3": ["E-MTAB-3 cannot be read (No such file or directory)"],
        "E-MTAB-4": ["E-MTAB-4.sdrf.txt cannot be read (Too many levels of symbolic links)"],
        "E-MTAB-5": [],
    }
    assert sightings["E-MTAB-1"].metadata == SAID
    assert sightings["E-MTAB-4"].metadata.title == "A study"


def test_what_is_no_regular_file_is_told_and_never_waited_for(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", {"E-MTAB-1/": b"", "E-MTAB-2/E-MTAB-2.idf.txt/": b"", "E-MTAB-3.idf.txt/": b""})
    os.mkfifo(place / "E-MTAB-1/E-MTAB-1.idf.txt")
    sightings, _ = read(place)
    for seen in sightings.values():
        assert Code.UNREADABLE in codes(seen)
        assert any("it is not a regular file" in problem.message for problem in seen.problems)


class Vanishing:
    """A file system on which something disappears between one step and the next."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: str, name: str) -> None:
        self.whole = getattr(tree, step)
        self.name = name
        monkeypatch.setattr(tree, step, self)

    def __call__(self, what: Any, *more: Any, **named: Any) -> Any:
        path = Path(os.fsdecode(what if isinstance(what, bytes) else what.path))
        if path.name == self.name:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return self.whole(what, *more, **named)


@pytest.mark.parametrize("step", ["identity", "head"])
def test_a_file_that_vanishes_while_it_is_read_keeps_what_it_last_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place = fill(tmp_path / "place", dataset("E-MTAB-1"))
    known, _ = read(place)
    os.utime(place / "E-MTAB-1/E-MTAB-1.sdrf.txt", (1, 1))
    Vanishing(monkeypatch, step, "E-MTAB-1.idf.txt")
    seen = read(place, known)[0]["E-MTAB-1"]
    assert codes(seen) == [Code.VANISHED]
    assert seen.metadata == SAID


def test_a_folder_that_vanishes_is_no_sighting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = fill(tmp_path / "place", {**dataset("E-MTAB-1"), **dataset("E-MTAB-2")})
    Vanishing(monkeypatch, "listed", "E-MTAB-1")
    sightings, (problem,) = read(place)
    assert list(sightings) == ["E-MTAB-2"]
    assert (problem.code, problem.dataset) == (Code.VANISHED, "E-MTAB-1")


# --------------------------------------------------------------------------- hostile names


@pytest.mark.parametrize(
    "name",
    [b"\xff\xfe", b"new\nline", b"tab\there", b"x" * 255, b"E-MTAB-1" + b"0" * 247, b"-rf", b"$(true)",
     "\u202etxt.fdi".encode(), b".idf.txt", b"-sdrf.tsv", b".curator.", b"E-MTAB-9.idf.txt\n", b"\xffE-MTAB-9.idf.txt"],
)  # fmt: skip
def test_no_name_is_too_odd(tmp_path: Path, name: bytes) -> None:
    """At the top, as file and folder, and in a dataset's folder; and all that comes of it can be stored."""
    flat = fill(tmp_path / "flat", {**dataset("E-MTAB-1"), name: b"x", b"E-MTAB-1/" + name: b"x"})
    folder = fill(tmp_path / "folder", {**dataset("E-MTAB-1"), name + b"/": b"", b"E-MTAB-1/" + name + b"/": b""})
    for place in (flat, folder):
        sightings, problems = read(place)
        assert sightings["E-MTAB-1"].metadata.title == "A study"
        for problem in [*problems, *(problem for seen in sightings.values() for problem in seen.problems)]:
            assert (problem.message + problem.path).isprintable()
            (problem.message + problem.path).encode()


def test_a_place_of_any_name_can_be_read(tmp_path: Path) -> None:
    place = tmp_path / os.fsdecode(b"\xff place\n")
    fill(place, {**dataset("E-MTAB-1"), "E-MTAB-1/.curator.caf\u00e9\n": b""})
    (seen,) = read(place)[0].values()
    assert seen.location == rf"{tmp_path}/\xff place\n/E-MTAB-1"
    assert seen.metadata.curators == (r"caf" + "\u00e9" + r"\n", "ada")
