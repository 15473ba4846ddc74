"""Accessions that name one another are one study, in every direction and along every chain."""

from __future__ import annotations

import time
from itertools import permutations

import pytest

from app.domain.duplicates import Studies, canonical


@pytest.mark.parametrize(
    ("accession", "one_spelling"),
    [
        ("E-GEOD-123", "GSE123"),
        ("e-geod-123", "GSE123"),
        (" E-GEOD-123\t", "GSE123"),
        ("GSE123", "GSE123"),
        ("gse123", "GSE123"),
        ("E-MTAB-123", "E-MTAB-123"),
        ("e-mtab-123", "E-MTAB-123"),
        ("E-GEOD-", "E-GEOD-"),
        ("E-GEOD-12B", "E-GEOD-12B"),
        ("XE-GEOD-12", "XE-GEOD-12"),
        ("ERP000001", "ERP000001"),
    ],
)
def test_an_accession_has_one_spelling(accession: str, one_spelling: str) -> None:
    assert canonical(accession) == one_spelling
    assert canonical(canonical(accession)) == one_spelling


@pytest.mark.parametrize(
    ("secondary", "groups"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"E-MTAB-1": []}, [], id="alone"),
        pytest.param({"E-MTAB-1": [], "E-MTAB-2": []}, [], id="two that have nothing in common"),
        pytest.param({"E-MTAB-1": ["E-MTAB-1"]}, [], id="names itself"),
        pytest.param({"E-GEOD-7": ["GSE7"]}, [], id="names its own GEO series"),
        pytest.param({"E-GEOD-7": [], "E-GEOD-70": []}, [], id="7 is not 70"),
        pytest.param({"E-GEOD-7": [], "GSE7": []}, [("E-GEOD-7", "GSE7")], id="GEO and its import"),
        pytest.param({"E-MTAB-1": ["GSE7"], "E-GEOD-7": []}, [("E-GEOD-7", "E-MTAB-1")], id="secondary GEO"),
        pytest.param({"E-MTAB-1": [], "E-GEOD-7": ["E-MTAB-1"]}, [("E-GEOD-7", "E-MTAB-1")], id="the other way"),
        pytest.param({"E-MTAB-1": ["ERP5"], "E-MTAB-2": ["ERP5"]}, [("E-MTAB-1", "E-MTAB-2")], id="a third in common"),
        pytest.param({"E-MTAB-1": [" erp5 "], "E-MTAB-2": ["ERP5"]}, [("E-MTAB-1", "E-MTAB-2")], id="case and space"),
        pytest.param({"E-MTAB-1": ["E-MTAB-2"], "E-MTAB-2": ["E-MTAB-1"]}, [("E-MTAB-1", "E-MTAB-2")], id="mutual"),
        pytest.param(
            {"E-MTAB-1": ["ERP5"], "E-MTAB-2": ["ERP5", "ERP6"], "E-MTAB-3": ["ERP6"]},
            [("E-MTAB-1", "E-MTAB-2", "E-MTAB-3")],
            id="a chain",
        ),
        pytest.param(
            {"E-MTAB-1": ["GSE7"], "E-GEOD-7": ["SRP2"], "E-ENAD-3": ["SRP2"]},
            [("E-ENAD-3", "E-GEOD-7", "E-MTAB-1")],
            id="a chain through GEO",
        ),
        pytest.param(
            {"E-MTAB-1": ["A1"], "E-MTAB-2": ["A1"], "E-MTAB-3": ["B1"], "E-MTAB-4": ["B1"], "E-MTAB-5": ["C1"]},
            [("E-MTAB-1", "E-MTAB-2"), ("E-MTAB-3", "E-MTAB-4")],
            id="two studies",
        ),
    ],
)
def test_one_group_a_study_whatever_the_order(secondary: dict[str, list[str]], groups: list[tuple[str, ...]]) -> None:
    for order in permutations(secondary.items()):
        studies = Studies(dict(order))
        assert [group.datasets for group in studies.groups()] == groups
        for group in groups:
            for dataset in group:
                assert studies.others(dataset) == set(group) - {dataset}


@pytest.mark.parametrize(
    ("secondary", "shared"),
    [
        ({"E-MTAB-1": ["ERP5"], "E-MTAB-2": ["ERP5"]}, ("ERP5",)),
        ({"E-MTAB-1": ["GSE7"], "E-GEOD-7": []}, ("GSE7",)),
        ({"E-MTAB-1": ["ERP5", "X9"], "E-MTAB-2": ["ERP5", "GSE7"], "E-GEOD-7": []}, ("ERP5", "GSE7")),
    ],
)
def test_a_group_says_which_accessions_tie_it_together(secondary: dict[str, list[str]], shared: tuple[str]) -> None:
    (group,) = Studies(secondary).groups()
    assert group.shared == shared


def test_a_dataset_that_was_never_seen_has_no_others() -> None:
    assert Studies({"E-MTAB-1": []}).others("E-MTAB-9") == set()


def test_an_accession_that_is_not_tracked_finds_the_datasets_that_name_it() -> None:
    """So that `is this study here?` can be asked before an import."""
    assert Studies({"E-MTAB-1": ["GSE7"]}).others("E-GEOD-7") == {"E-MTAB-1"}


@pytest.mark.parametrize(("length", "seconds"), [(2_000, 0.5), (20_000, 5)])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_very_long_chain_is_one_study_and_quick(length: int, seconds: float, backwards: bool) -> None:
    numbers = range(length, 0, -1) if backwards else range(1, length + 1)
    chain = {f"E-MTAB-{n}": [f"E-MTAB-{n + 1}"] for n in numbers}
    began = time.process_time()
    studies = Studies(chain)
    assert len(studies.others("E-MTAB-1")) == length - 1
    assert time.process_time() - began < seconds


def test_a_very_long_chain_is_listed_quickly() -> None:
    studies = Studies({f"E-MTAB-{n}": [f"E-MTAB-{n + 1}"] for n in range(4_000)})
    began = time.process_time()
    (group,) = studies.groups()
    assert (len(group.datasets), len(group.shared)) == (4_000, 3_999)
    assert time.process_time() - began < 0.3


@pytest.mark.parametrize("said", ["", " ", "None", "none", "NA", "N/A", "-", "not applicable"])
def test_two_datasets_without_a_secondary_accession_are_not_one_study(said: str) -> None:
    assert Studies({"E-MTAB-1": [said], "E-MTAB-2": [said]}).groups() == []
