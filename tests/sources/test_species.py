from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.species import species_name
from app.errors import SourceError
from app.sources.species import read_species
from tests.servers.website import Website

TREE = b'{"tree": [{"path": "homo_sapiens", "type": "tree"}, {"path": "Mus_musculus"}]}'


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("homo_sapiens", "homo sapiens"),
        ("  Homo \t sapiens ", "homo sapiens"),
        ("Oryza sativa (Japonica Group)", "oryza sativa japonica group"),
        ("Escherichia coli K-12", "escherichia coli k 12"),
        ("---", ""),
    ],
)
def test_species_are_compared_in_lower_case_with_single_blanks(text: str, name: str) -> None:
    assert species_name(text) == name


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (TREE, {"homo sapiens", "mus musculus"}),
        (b"\xef\xbb\xbfHomo sapiens\r\n\r\nmus_musculus\r\n", {"homo sapiens", "mus musculus"}),
        (b"\n  " + TREE, {"homo sapiens", "mus musculus"}),
    ],
)
def test_a_list_is_a_tree_or_one_name_a_line(tmp_path: Path, website: Website, data: bytes, names: set[str]) -> None:
    (tmp_path / "species").write_bytes(data)
    assert read_species([str(tmp_path / "species")]) == names
    assert read_species([website.serve("/species", data)]) == names


def test_several_lists_are_one(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("homo_sapiens")
    (tmp_path / "two").write_text("danio_rerio\nhomo_sapiens")
    assert read_species([str(tmp_path / "one"), str(tmp_path / "two")]) == {"homo sapiens", "danio rerio"}


def test_without_a_list_nobody_asks() -> None:
    assert read_species([]) is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "names no species"),
        (b"---\n", "names no species"),
        (b'{"tree": []}', "names no species"),
        (b'{"tree": ["homo_sapiens"]}', "is not a list of species"),
        (b'{"tree": [{"path": 1}]}', "is not a list of species"),
        (b'{"tree": [{"name": "x"}]}', "is not a list of species"),
        (b'{"message": "Not Found"}', "is not a list of species"),
        (b'["homo_sapiens"]', "is not a list of species"),
        (b'{"tree": [', "is not a list of species"),
        (b"[" * 100_000, "is not a list of species"),
        (b"<!DOCTYPE html>", "is not a list of species"),
        (b"\xff\xfe", "is not a list of species"),
    ],
)
def test_what_is_no_list_is_an_error_that_says_what_is_wanted(tmp_path: Path, data: bytes, says: str) -> None:
    place = tmp_path / "species"
    place.write_bytes(data)
    with pytest.raises(SourceError) as raised:
        read_species([str(place)])
    wanted = '{"tree": [{"path": "homo_sapiens"}, ...]} or one name a line'
    assert str(raised.value) == f"{place} {says}: wanted is {wanted}"


def test_a_list_that_is_not_there_is_an_error(tmp_path: Path, website: Website) -> None:
    with pytest.raises(SourceError, match="missing cannot be read: No such file or directory"):
        read_species([str(tmp_path / "missing")])
    with pytest.raises(SourceError, match="missing answered 404: check the address"):
        read_species([website.url("/missing")])
