"""What an IDF says of its dataset's files and name, and what stays said as long as nothing changes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.model import Code, Problem, Sighting
from app.sources import tree
from app.sources.filesystem import FilesystemSource
from tests.sources.places import ACCESSION, SDRF, codes, config, counted, dataset, fill, read, source

MOUSE = SDRF.replace(b"Homo sapiens", b"Mus musculus")
BOTH = ("Homo sapiens", "Mus musculus")


def idf(*sdrfs: str, more: str = "") -> bytes:
    return ("Investigation Title\tA study\n" + more + "\t".join(["SDRF File", *sdrfs]) + "\n").encode()


TWO = idf("E-MTAB-1.hyb.sdrf.txt", "E-MTAB-1.seq.sdrf.txt")


@pytest.mark.parametrize("folder", ["E-MTAB-1/", ""], ids=["in a folder", "flat"])
def test_all_sdrfs_that_the_idf_names_are_read(tmp_path: Path, folder: str) -> None:
    names = [f"{folder}E-MTAB-1.hyb.sdrf.txt", f"{folder}E-MTAB-1.seq.sdrf.txt"]
    place = fill(
        tmp_path / "place", {f"{folder}E-MTAB-1.idf.txt": TWO, names[0]: SDRF, names[1]: MOUSE, f"{folder}x": b""}
    )
    sightings, problems = read(place)
    seen = sightings["E-MTAB-1"]
    assert seen.metadata.organisms == BOTH
    assert [Path(file.path).name for file in seen.files if file.role == "sdrf"] == [Path(name).name for name in names]
    assert [(p.code, p.line) for p in seen.problems] == [(Code.SEVERAL_SDRFS, 2)]
    assert problems == []
    assert read(place, sightings) == (sightings, [])


@pytest.mark.parametrize(
    ("cell", "there", "organisms", "problems"),
    [
        ("E-MTAB-1.sdrf.txt", {"E-MTAB-1.sdrf.txt": SDRF}, ("Homo sapiens",), []),
        ("old/E-MTAB-1.sdrf.txt", {"E-MTAB-1.sdrf.txt": SDRF}, ("Homo sapiens",), []),
        ("ftp://example.org/E-MTAB-1.sdrf.txt", {"E-MTAB-1.sdrf.txt": SDRF}, ("Homo sapiens",), []),
        ("samples.txt", {"samples.txt": MOUSE, "E-MTAB-1.sdrf.txt": SDRF}, ("Mus musculus",),
         [(Code.REPEATED, 0)]),
        ("E-GEOD-9.sdrf.txt", {"E-GEOD-9.sdrf.txt": MOUSE}, ("Mus musculus",), []),
        ("E-GEOD-9.sdrf.txt", {"E-MTAB-1.sdrf.txt": SDRF}, ("Homo sapiens",), [(Code.SDRF_NOT_THERE, 2)]),
        ("../E-MTAB-2/E-MTAB-2.sdrf.txt", {}, (), [(Code.SDRF_NOT_THERE, 2), (Code.IDF_WITHOUT_SDRF, 0)]),
        ("/etc/passwd", {}, (), [(Code.SDRF_NOT_THERE, 2), (Code.IDF_WITHOUT_SDRF, 0)]),
        ("..", {}, (), [(Code.SDRF_NOT_THERE, 2), (Code.IDF_WITHOUT_SDRF, 0)]),
    ],
)  # fmt: skip
def test_the_sdrf_is_the_one_that_the_idf_names_else_the_one_with_the_datasets_name(
    tmp_path: Path,
    cell: str,
    there: dict[str, bytes],
    organisms: tuple[str, ...],
    problems: list[tuple[Code, int]],
) -> None:
    files: dict[str | bytes, bytes] = {f"E-MTAB-1/{name}": content for name, content in there.items()}
    place = fill(tmp_path / "place", {"E-MTAB-1/E-MTAB-1.idf.txt": idf(cell), **files, **dataset("E-MTAB-2")})
    sightings, _ = read(place)
    seen = sightings["E-MTAB-1"]
    assert (seen.metadata.organisms, [(p.code, p.line) for p in seen.problems]) == (organisms, problems)
    assert read(place, sightings)[0] == sightings


def test_an_sdrf_that_was_missed_is_read_when_it_comes_and_missed_when_it_goes(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", {"E-MTAB-1/E-MTAB-1.idf.txt": TWO, "E-MTAB-1/E-MTAB-1.hyb.sdrf.txt": SDRF})
    before, _ = read(place)
    assert codes(before["E-MTAB-1"]) == [Code.SDRF_NOT_THERE, Code.SEVERAL_SDRFS]
    assert before["E-MTAB-1"].problems[0].message.endswith("an SDRF that is not there: E-MTAB-1.seq.sdrf.txt")
    fill(place, {"E-MTAB-1/E-MTAB-1.seq.sdrf.txt": MOUSE})
    then, _ = read(place, before)
    assert (then["E-MTAB-1"].metadata.organisms, codes(then["E-MTAB-1"])) == (BOTH, [Code.SEVERAL_SDRFS])
    (place / "E-MTAB-1/E-MTAB-1.seq.sdrf.txt").unlink()
    assert read(place, then)[0] == before


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("Comment[ArrayExpressAccession]\tE-MTAB-1\n", None),
        ("Comment[ArrayExpressAccession]\te-mtab-1 \n", None),
        ("Comment[ExpressionAtlasAccession]\tE-MTAB-1\nComment[ArrayExpressAccession]\tE-GEOD-9\n", None),
        ("Comment[ArrayExpressAccession]\t<FILL THIS>\n", Code.PLACEHOLDER),
        ("Comment[ArrayExpressAccession]\tE-MTAB-2\n", Code.ACCESSION_DIFFERS),
        ("Comment[ExpressionAtlasAccession]\tE-MTAB-12\nComment[ArrayExpressAccession]\tE-GEOD-9\n",
         Code.ACCESSION_DIFFERS),
    ],
)  # fmt: skip
def test_an_accession_inside_the_idf_that_is_another_is_told(tmp_path: Path, given: str, problem: Code | None) -> None:
    place = fill(tmp_path / "place", dataset("E-MTAB-1", idf("E-MTAB-1.sdrf.txt", more=given)))
    sightings, _ = read(place)
    assert [(p.code, p.line) for p in sightings["E-MTAB-1"].problems] == ([(problem, 2)] if problem else [])
    assert read(place, sightings)[0] == sightings


def test_a_geo_series_may_be_called_by_either_name(tmp_path: Path) -> None:
    place = fill(tmp_path / "place", dataset("E-GEOD-9", idf(more="Comment[ArrayExpressAccession]\tGSE9\n")))
    assert codes(read(place)[0]["E-GEOD-9"]) == []


ODD = dataset("E-MTAB-1", b"Investigation Title\t5 \xb5m\nPerson Fax\t<FILL THIS>\n", b"Source Name\rb\r")
SAID = [(Code.NOT_UTF8, 1), (Code.PLACEHOLDER, 2), (Code.NO_ORGANISM, 0), (Code.LINE_ENDS, 1)]


def told(seen: Sighting) -> list[tuple[Code, int]]:
    return [(problem.code, problem.line) for problem in seen.problems]


def test_what_is_odd_about_content_is_said_as_long_as_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fill(tmp_path / "place", ODD)
    first, _ = read(place)
    assert told(first["E-MTAB-1"]) == SAID
    paths = [Path(problem.path).name for problem in first["E-MTAB-1"].problems]
    assert paths == ["E-MTAB-1.idf.txt"] * 2 + ["E-MTAB-1.sdrf.txt"] * 2
    with counted(monkeypatch) as calls:
        assert read(place, first)[0] == first
    assert calls.of("open") == []
    fill(place, dataset("E-MTAB-1"))
    assert told(read(place, first)[0]["E-MTAB-1"]) == []


def test_of_a_file_that_cannot_be_read_what_was_odd_about_it_stays_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fill(tmp_path / "place", ODD)
    first, _ = read(place)
    os.utime(place / "E-MTAB-1/E-MTAB-1.sdrf.txt")

    def ailing(path: bytes, size: int) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(tree, "head", ailing)
        failed, _ = read(place, first)
    assert failed["E-MTAB-1"].metadata == first["E-MTAB-1"].metadata
    assert sorted(told(failed["E-MTAB-1"]), key=repr) == sorted([*SAID, *[(Code.UNREADABLE, 0)] * 2], key=repr)
    assert read(place, failed)[0]["E-MTAB-1"].problems == first["E-MTAB-1"].problems


ROW = b"sample\tHomo sapiens\n"


@pytest.mark.parametrize(
    ("size", "options", "incomplete"),
    [
        (65_536, {}, ()),
        (65_537, {}, ("organisms",)),
        (65_537, {"sdrf_bytes": 65_537}, ()),
        (3_000, {"sdrf_bytes": 2_000}, ("organisms",)),
    ],
)
def test_how_much_of_an_sdrf_is_read_is_a_setting(
    tmp_path: Path, size: int, options: dict[str, int], incomplete: tuple[str, ...]
) -> None:
    sdrf = (b"Source Name\tCharacteristics[organism]\n" + ROW * ((size - 100) // len(ROW))).ljust(size, b"\n")
    place = fill(tmp_path / "place", dataset("E-MTAB-1", sdrf=sdrf))
    reader = FilesystemSource(replace(config(place), options=options), ACCESSION)
    (seen,) = [item for item in reader.read({}) if not isinstance(item, Problem)]
    assert (seen.metadata.organisms, seen.metadata.incomplete) == (("Homo sapiens",), incomplete)


def test_looking_for_one_dataset_finds_the_same(tmp_path: Path) -> None:
    place = fill(
        tmp_path / "place",
        {"E-MTAB-1.idf.txt": TWO, "E-MTAB-1.hyb.sdrf.txt": SDRF, "E-MTAB-1.seq.sdrf.txt": MOUSE, **dataset("E-MTAB-2")},
    )
    sightings, _ = read(place)
    assert list(source(place).find(["E-MTAB-1"], {})) == [sightings["E-MTAB-1"]]
