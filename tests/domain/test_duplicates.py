"""Which datasets are one study, which may be, what tells so, and what must not."""

from __future__ import annotations

import time
from itertools import permutations

import pytest

from app.domain.duplicates import Group, Link, Studies, Study, canonical
from app.domain.model import Metadata

UUID = "c893cb57-5c9f-4f26-9312-21b85be84313"


def naming(said: dict[str, list[str]]) -> dict[str, Study]:
    """Datasets and what each says that its study is called elsewhere."""
    return {dataset: Study(tuple(names)) for dataset, names in said.items()}


def told(group: Group) -> list[tuple[str, ...]]:
    return [(link.one, link.other, link.evidence, link.accession) for link in group.links]


# --------------------------------------------------------------------------- spelling


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
        ("\u00a0E-MTAB-123\u200b ", "E-MTAB-123"),
        ("E\u2011MTAB\u2013123", "E-MTAB-123"),
        ("E\u2010GEOD\u2212123", "GSE123"),
        ("E-GEOD-", "E-GEOD-"),
        ("E-GEOD-12B", "E-GEOD-12B"),
        ("E-GEOD-\u0663", "E-GEOD-\u0663"),
        ("XE-GEOD-12", "XE-GEOD-12"),
        ("ERP000001", "ERP000001"),
    ],
)
def test_an_accession_has_one_spelling(accession: str, one_spelling: str) -> None:
    assert canonical(accession) == one_spelling
    assert canonical(canonical(accession)) == one_spelling


# --------------------------------------------------------------------------- groups

STUDIES = [
    # what each dataset names; the groups
    pytest.param({}, [], id="nothing"),
    pytest.param({"E-MTAB-1": []}, [], id="alone"),
    pytest.param({"E-MTAB-1": [], "E-MTAB-2": []}, [], id="two that have nothing in common"),
    pytest.param({"E-MTAB-1": ["E-MTAB-1"]}, [], id="names itself"),
    pytest.param({"E-GEOD-7": ["GSE7"]}, [], id="names its own GEO series"),
    pytest.param({"E-GEOD-7": [], "E-GEOD-70": []}, [], id="7 is not 70"),
    pytest.param({"E-GEOD-7": [], "GSE7": []}, ["E-GEOD-7 GSE7"], id="GEO and its import"),
    pytest.param({"E-MTAB-1": [], "e-mtab-1": []}, ["E-MTAB-1 e-mtab-1"], id="upper and lower case"),
    pytest.param({"E-MTAB-1": ["GSE7"], "E-GEOD-7": []}, ["E-GEOD-7 E-MTAB-1"], id="secondary GEO"),
    pytest.param({"E-MTAB-1": [], "E-GEOD-7": ["E-MTAB-1"]}, ["E-GEOD-7 E-MTAB-1"], id="the other way"),
    pytest.param({"E-MTAB-1": ["E-MTAB-2"], "E-MTAB-2": ["E-MTAB-1"]}, ["E-MTAB-1 E-MTAB-2"], id="mutual"),
    pytest.param({"E-PROT-1": ["PXD2"], "PXD2": []}, ["E-PROT-1 PXD2"], id="PRIDE and its import"),
    pytest.param({"E-PROT-1": ["PXD2"], "E-PROT-3": ["PXD2"]}, ["E-PROT-1 E-PROT-3"], id="one study, twice imported"),
    pytest.param({"E-MTAB-1": ["E-MEXP-9"], "E-CURD-2": ["E-MEXP-9"]}, ["E-CURD-2 E-MTAB-1"], id="a third in common"),
    pytest.param({"E-MTAB-1": ["EGAS5"], "E-CURD-2": ["egas5"]}, ["E-CURD-2 E-MTAB-1"], id="a third, in EGA"),
    pytest.param({"E-MTAB-1": ["ERP5"], "E-ENAD-2": ["ERP5"]}, ["E-ENAD-2 E-MTAB-1"], id="a project in common"),
    pytest.param({"E-MTAB-1": [" erp5 "], "E-ENAD-2": ["ERP5"]}, ["E-ENAD-2 E-MTAB-1"], id="case and blanks"),
    pytest.param({"E-HCAD-1": [UUID], "E-ANND-2": [UUID.upper()]}, ["E-ANND-2 E-HCAD-1"], id="a project of the HCA"),
    pytest.param({"DS-12": [], "E-MTAB-1": ["ds-12"]}, ["DS-12 E-MTAB-1"], id="a site's own form"),
    pytest.param({"7": [], "E-MTAB-1": ["7"]}, ["7 E-MTAB-1"], id="a site's own form that is but a number"),
    pytest.param(
        {"E-MTAB-1": ["ERP5"], "E-ENAD-2": ["ERP5", "GSE6"], "E-GEOD-6": []},
        ["E-ENAD-2 E-GEOD-6 E-MTAB-1"],
        id="a chain",
    ),
    pytest.param(
        {"E-MTAB-1": ["GSE7"], "E-GEOD-7": ["SRP2"], "E-ENAD-3": ["SRP2"]},
        ["E-ENAD-3 E-GEOD-7 E-MTAB-1"],
        id="a chain through GEO",
    ),
    pytest.param(
        {"E-MTAB-1": ["PRJEB5"], "E-ENAD-2": ["PRJEB5", "ERP6"], "E-GEOD-3": ["ERP6", UUID], "E-HCAD-4": [UUID]},
        ["E-ENAD-2 E-GEOD-3 E-HCAD-4 E-MTAB-1"],
        id="a chain from archive to archive",
    ),
    pytest.param(
        {"E-MTAB-1": ["ERP1"], "E-ENAD-2": ["ERP1"], "E-MTAB-3": ["ERP3"], "E-ENAD-4": ["ERP3"], "E-MTAB-5": ["ERP5"]},
        ["E-ENAD-2 E-MTAB-1", "E-ENAD-4 E-MTAB-3"],
        id="two studies",
    ),
    # projects of several studies
    pytest.param({"E-MTAB-1": ["PRJEB5"], "E-MTAB-2": ["PRJEB5"]}, [], id="two submissions of a BioProject"),
    pytest.param({"E-MTAB-1": ["ERP5"], "E-MEXP-2": ["ERP5"]}, [], id="two submissions in ArrayExpress's two ways"),
    pytest.param({"E-TABM-1": ["ERP5"], "E-MTAB-2": ["ERP5"]}, [], id="and in an older way"),
    pytest.param({"E-GEOD-1": ["SRP5"], "GSE2": ["SRP5"]}, [], id="two series of an SRA study"),
    pytest.param({"E-MTAB-1": ["GSE5"], "E-MTAB-2": ["E-GEOD-5"]}, [], id="two submissions of a SuperSeries"),
    pytest.param({"E-GEOD-9": [], "E-GEOD-1": ["GSE9"], "E-GEOD-2": ["GSE9"]}, [], id="a SuperSeries that is here"),
    pytest.param({"E-GEOD-9": [], "E-GEOD-1": ["GSE9"]}, ["E-GEOD-1 E-GEOD-9"], id="a series that one other names"),
    pytest.param({"E-HCAD-1": [UUID], "E-HCAD-2": [UUID]}, [], id="two parts of an HCA project"),
    pytest.param({"DS-1": ["PRJNA5"], "DS-2": ["PRJNA5"]}, [], id="two of a site's own"),
    pytest.param({"DS-1": ["PRJNA5"], "QC-2": ["PRJNA5"]}, ["DS-1 QC-2"], id="two of a site's own, of two kinds"),
    pytest.param({"ERP1": ["PRJEB5"], "DRP2": ["PRJEB5"]}, [], id="two SRA studies"),
    pytest.param(
        {"E-GEOD-3790A": ["PRJNA5"], "E-GEOD-3790B": ["PRJNA5"], "E-CURD-1": ["PRJNA5"]}, [], id="two parts of a series"
    ),
    pytest.param({"E-GEOD-3790A": ["PRJNA5"], "E-GEOD-8": ["PRJNA5"]}, [], id="a part of a series and another series"),
    pytest.param(
        {"E-MTAB-1": ["PRJEB5"], "E-MTAB-2": ["PRJEB5"], "E-GEOD-3": ["PRJEB5"]}, [], id="contradicted, it ties nobody"
    ),
    pytest.param(
        {"E-MTAB-1": ["PRJEB5", "ERP1"], "E-MTAB-2": ["PRJEB5"], "E-ENAD-3": ["PRJEB5", "ERP1"]},
        ["E-ENAD-3 E-MTAB-1"],
        id="contradicted, but there is other evidence",
    ),
    pytest.param(
        {"E-MTAB-1": ["GSE5"], "E-MTAB-2": ["GSE5"], "E-GEOD-5": []},
        ["E-GEOD-5 E-MTAB-1 E-MTAB-2"],
        id="a dataset that both name is no project",
    ),
    pytest.param({"E-MTAB-1": ["PRJEB5"], "E-MTAB-2": ["PRJEB5"], "PRJEB5": []}, [], id="a project that is a dataset"),
    pytest.param(
        {"E-MTAB-1": ["PRJEB5"], "E-MTAB-2": ["PRJEB5"], "PRJEB5": [], "prjeb5": []},
        ["PRJEB5 prjeb5"],
        id="a project that is two datasets",
    ),
    pytest.param({"E-MTAB-1": ["PRJEB5"], "PRJEB5": []}, ["E-MTAB-1 PRJEB5"], id="a project of one study"),
    pytest.param({"PRJNA1": ["PRJEB5"], "PRJEB5": []}, ["PRJEB5 PRJNA1"], id="a project in another"),
    pytest.param({"site:1": ["ERP5"], "site:2": ["ERP5"]}, ["site:1 site:2"], id="no accessions of their own"),
    pytest.param({"7": ["ERP5"], "8": ["ERP5"]}, ["7 8"], id="nor are numbers"),
    pytest.param({"E-GEOD-1": ["ERP5"], "GSE1": ["ERP5"]}, ["E-GEOD-1 GSE1"], id="two spellings contradict nothing"),
    # what is no study
    pytest.param({"NA": [], "na": ["N/A"], "0": ["NA"], "E-MTAB-1": ["NA", "0"]}, [], id="records named like nothing"),
    pytest.param({"E-GEOD-3790A": [], "E-GEOD-3790B": []}, [], id="letter suffixes"),
    pytest.param({"E-GEOD-3790A": [], "E-GEOD-3790": [], "GSE3790B": []}, [], id="a series and its parts"),
    pytest.param({"E-MTAB-1": ["E-GEOD-3790A"], "E-CURD-2": ["E-GEOD-3790A"]}, [], id="part of a third"),
]


@pytest.mark.parametrize(("said", "groups"), STUDIES)
def test_one_group_a_study_whatever_the_order(said: dict[str, list[str]], groups: list[str]) -> None:
    for order in permutations(naming(said).items()):
        studies = Studies(dict(order))
        assert [" ".join(group.datasets) for group in studies.groups()] == groups
        assert all(group.certain for group in studies.groups())
        together = {dataset: set(group.split()) for group in groups for dataset in group.split()}
        assert {d: studies.others(d) for d in said} == {d: together.get(d, {d}) - {d} for d in said}


@pytest.mark.parametrize(
    "said",
    ["", " ", "None", "none", "NA", "N/A", "-", "not applicable", "not available", "TBC", "<FILL THIS>", "0", "12345",
     "PRJNA", "GSE", "E-MTAB-", "GSE0", "PXD000000", "00000000-0000-0000-0000-000000000000", "GSEXXXX", "A1",
     "31234567", "PMID:31234567", "10.1038/s41586-019-1234-5", "https://example.org/GSE7", "not in GSE7",
     "SRR12", "ERR12", "ERS12", "SRX12", "SRA12", "GSM12", "GPL12", "GDS12", "SAMEA12", "SAMN12", "SAMD12", "EGAN12",
     "A-MTAB-12", "E-MTAB-12-1", "GSE12.2", "E-GEOD-12A", "XGSE7", "GSE\u0667", "RPXD000001"],
)  # fmt: skip
def test_what_is_no_study_ties_nothing(said: str) -> None:
    assert Studies(naming({"E-MTAB-1": [said], "E-CURD-2": [said], "E-GEOD-7": [said]})).groups() == []


@pytest.mark.parametrize(
    "accession",
    ["E-MTAB-12", "E-MEXP-12", "E-SMDB-12", "E-CURD-12", "E-ENAD-12", "E-ANND-12", "E-GTEX-12", "E-PROT-12",
     "E-HCAD-12", "E-ERAD-12", "E-GEAD-12", "PXD012", "EGAS012", "JGAS012", "MTBLS12", "MTBKS12"],
)  # fmt: skip
def test_every_archives_studies_tie_all_that_name_them(accession: str) -> None:
    (group,) = Studies(naming({"DS-1": [accession], "DS-2": [accession.lower(), accession]})).groups()
    assert told(group) == [("DS-1", "DS-2", "shared_accession", canonical(accession))]


@pytest.mark.parametrize(
    "accession",
    ["GSE12", "E-GEOD-12", "ERP012", "SRP012", "DRP012", "PRJEB12", "PRJNA12", "PRJDB12", "PRJEA12", "PRJDA12",
     "PRJCA012", "PHS012", "EGAD012", UUID],
)  # fmt: skip
def test_every_archives_projects_tie_those_that_do_not_contradict_each_other(accession: str) -> None:
    (group,) = Studies(naming({"DS-1": [accession], "QC-2": [accession.lower(), accession]})).groups()
    assert told(group) == [("DS-1", "QC-2", "shared_accession", canonical(accession))]
    assert Studies(naming({"DS-1": [accession], "DS-2": [accession]})).groups() == []


# --------------------------------------------------------------------------- evidence


@pytest.mark.parametrize(
    ("said", "links", "sentences"),
    [
        (
            {"E-GEOD-7": [], "GSE7": ["E-GEOD-7"]},
            [("E-GEOD-7", "GSE7", "same_accession", "GSE7")],
            ["E-GEOD-7 and GSE7 are the same accession, GSE7"],
        ),
        (
            {"E-MTAB-1": ["GSE7", "gse7 "], "E-GEOD-7": []},
            [("E-GEOD-7", "E-MTAB-1", "names_other", "GSE7")],
            ["E-MTAB-1 names E-GEOD-7 (GSE7)"],
        ),
        (
            {"E-MTAB-1": ["E-MTAB-2"], "E-MTAB-2": ["E-MTAB-1"]},
            [
                ("E-MTAB-1", "E-MTAB-2", "names_other", "E-MTAB-1"),
                ("E-MTAB-1", "E-MTAB-2", "names_other", "E-MTAB-2"),
            ],
            ["E-MTAB-2 names E-MTAB-1", "E-MTAB-1 names E-MTAB-2"],
        ),
        (
            {"E-MTAB-1": ["ERP5"], "E-ENAD-2": ["erp5"], "E-CURD-3": ["ERP5"]},
            [
                ("E-CURD-3", "E-ENAD-2", "shared_accession", "ERP5"),
                ("E-CURD-3", "E-MTAB-1", "shared_accession", "ERP5"),
            ],
            ["E-CURD-3 and E-ENAD-2 both name ERP5", "E-CURD-3 and E-MTAB-1 both name ERP5"],
        ),
        (
            {"E-MTAB-1": ["GSE7"], "E-GEOD-7": [], "E-CURD-3": ["GSE7"]},
            [("E-CURD-3", "E-GEOD-7", "names_other", "GSE7"), ("E-GEOD-7", "E-MTAB-1", "names_other", "GSE7")],
            ["E-CURD-3 names E-GEOD-7 (GSE7)", "E-MTAB-1 names E-GEOD-7 (GSE7)"],
        ),
    ],
)
def test_a_group_says_what_ties_each_of_it_and_in_words(
    said: dict[str, list[str]], links: list[tuple[str, ...]], sentences: list[str]
) -> None:
    for order in permutations(naming(said).items()):
        (group,) = Studies(dict(order)).groups()
        assert told(group) == links
        assert [str(link) for link in group.links] == sentences


def test_a_group_says_which_accessions_tie_it_together() -> None:
    said = {"E-MTAB-1": ["ERP5", "X9"], "E-ENAD-2": ["ERP5", "GSE7", "ERP6"], "E-GEOD-7": []}
    (group,) = Studies(naming(said)).groups()
    assert group.shared == ("ERP5", "GSE7")


def test_what_the_files_say_of_a_dataset_is_its_study() -> None:
    """The accession that an IDF gives as its own counts as those that it has elsewhere do."""
    said = Metadata(title="T", organisms=("O",), accessions=("E-MTAB-1",), secondary_accessions=("GSE2", "ERP3"))
    assert Study.of(said) == Study(("E-MTAB-1", "GSE2", "ERP3"), "T", ("O",))


# --------------------------------------------------------------------------- titles

TITLE = "Transcription profiling of zebrafish hearts that regenerate"
FISH = ("Danio rerio",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((TITLE, FISH), (TITLE, FISH)),
        ((TITLE, FISH), (TITLE.upper() + ".", ("danio_rerio",))),
        ((f"  {TITLE} ", FISH), (TITLE.replace(" ", "  ") + " !", FISH)),
        ((TITLE, ("Danio rerio", "Mus musculus")), (TITLE, ("Mus musculus", "Danio rerio", "danio rerio"))),
        (("RNA-seq of mouse liver", FISH), ("RNA-seq of mouse liver", FISH)),
    ],
)
def test_the_same_title_and_organism_may_be_one_study(one: tuple[str, tuple], other: tuple[str, tuple]) -> None:
    studies = Studies({"E-MTAB-1": Study((), *one), "E-MTAB-2": Study((), *other)})
    (group,) = studies.groups()
    assert (group.datasets, group.certain, group.shared) == (("E-MTAB-1", "E-MTAB-2"), False, ())
    assert told(group) == [("E-MTAB-1", "E-MTAB-2", "same_title", " ".join(one[0].split()))]
    assert studies.others("E-MTAB-1") == set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((TITLE, FISH), (TITLE, ("Mus musculus",))),
        ((TITLE, FISH), (TITLE, ("Danio rerio", "Mus musculus"))),
        ((TITLE, FISH), (TITLE, ())),
        ((TITLE, ()), (TITLE, ())),
        ((TITLE, ("",)), (TITLE, ("",))),
        ((TITLE, ("not available",)), (TITLE, ("not available",))),
        ((TITLE, FISH), (TITLE + " 2", FISH)),
        ((TITLE, FISH), ("Another " + TITLE, FISH)),
        *[
            ((title, FISH), (title, FISH))
            for title in (
                "",
                "test",
                "RNA-seq",
                "Untitled",
                "Untitled experiment 12",
                "Untitled experiment 12 of 13",
                "Experiments B and C",
                "RNA-seq of hepatocytes",
                "Mouse liver",
                "Expression profiling by array",
                "Expression profiling by high throughput sequencing.",
                "Genome binding/occupancy profiling by high throughput sequencing",
                "RNA-seq of coding RNA from single cells",
                "RNA-seq of Danio rerio",
                "<FILL THIS>",
            )
        ],
    ],
)
def test_other_titles_and_organisms_are_no_evidence(one: tuple[str, tuple], other: tuple[str, tuple]) -> None:
    assert Studies({"E-MTAB-1": Study((), *one), "E-MTAB-2": Study((), *other)}).groups() == []


def titled(said: dict[str, list[str]]) -> dict[str, Study]:
    return {dataset: Study(tuple(names), TITLE, FISH) for dataset, names in said.items()}


def test_titles_say_nothing_new_of_what_certainly_is_one_study() -> None:
    (group,) = Studies(titled({"E-MTAB-1": ["E-MTAB-2"], "E-MTAB-2": []})).groups()
    assert group.certain
    assert [link.evidence for link in group.links] == ["names_other"]


def test_titles_merge_no_certain_groups_but_are_told_after_them() -> None:
    datasets = titled({"E-MTAB-1": ["E-MTAB-9"], "E-MTAB-2": [], "E-MTAB-3": ["E-MTAB-2"], "E-CURD-4": []})
    datasets["E-MTAB-9"] = Study((), "Something else altogether", FISH)
    for order in permutations(datasets.items()):
        studies = Studies(dict(order))
        assert [(group.datasets, group.certain) for group in studies.groups()] == [
            (("E-MTAB-1", "E-MTAB-9"), True),
            (("E-MTAB-2", "E-MTAB-3"), True),
            (("E-CURD-4", "E-MTAB-1", "E-MTAB-2", "E-MTAB-3"), False),
        ]
        assert studies.others("E-MTAB-1") == {"E-MTAB-9"}
        assert studies.others("E-CURD-4") == set()
        assert len(studies.groups()[2].links) == 3


def test_a_shared_title_is_quoted_to_the_curator() -> None:
    link = Link("E-MTAB-1", "E-MTAB-2", "same_title", TITLE)
    assert str(link) == f"E-MTAB-1 and E-MTAB-2 have the same organism and title, {TITLE}"


# --------------------------------------------------------------------------- speed


@pytest.mark.parametrize(("length", "seconds"), [(2_000, 0.5), (20_000, 5)])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_very_long_chain_is_one_study_and_quick(length: int, seconds: float, backwards: bool) -> None:
    numbers = range(length, 0, -1) if backwards else range(1, length + 1)
    chain = naming({f"E-MTAB-{n}": [f"E-MTAB-{n + 1}"] for n in numbers})
    began = time.process_time()
    studies = Studies(chain)
    assert len(studies.others("E-MTAB-1")) == length - 1
    assert time.process_time() - began < seconds


def test_a_very_long_chain_is_listed_quickly() -> None:
    studies = Studies(naming({f"E-MTAB-{n}": [f"E-MTAB-{n + 1}"] for n in range(4_000)}))
    began = time.process_time()
    (group,) = studies.groups()
    assert (len(group.datasets), len(group.shared)) == (4_000, 3_999)
    assert time.process_time() - began < 0.3


@pytest.mark.parametrize("first", [False, True])
def test_one_that_names_very_many_is_quick(first: bool) -> None:
    many = [f"E-MTAB-{n}" for n in range(1, 20_000)]
    hub = {"E-CURD-1": many}
    said = {**(hub if first else {}), **{each: [] for each in many}, **hub}
    began = time.process_time()
    assert Studies(naming(said)).others("E-CURD-1") == set(many)
    assert time.process_time() - began < 1


def test_what_very_many_have_in_common_costs_one_link_each() -> None:
    studies = Studies({f"E-MTAB-{n}": Study(("E-MEXP-1", "NA"), TITLE, FISH) for n in range(20_000)})
    began = time.process_time()
    (group,) = studies.groups()
    assert len(group.links) == 19_999
    assert time.process_time() - began < 2


def test_of_a_large_study_the_first_others_are_told_and_in_no_time() -> None:
    datasets = [f"E-CURD-{number:05}" for number in range(20_000)]
    studies = Studies(naming({dataset: ["E-MTAB-1"] for dataset in datasets} | {"E-ANND-1": []}))
    others = studies.others_among(set(datasets[1:]), most=3)
    assert others(datasets[0]) == tuple(datasets[1:4])
    assert others(datasets[1]) == tuple(datasets[2:5])
    assert others("E-ANND-1") == ()
    started = time.process_time()
    assert all(len(others(dataset)) == 3 for dataset in datasets)
    assert time.process_time() - started < 2
