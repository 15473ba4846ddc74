"""Asking for one accession finds the datasets that grouping all of them would find, and how that is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.duplicates import Link, Studies, Study, canonical
from app.domain.model import Decision, Lifecycle, Reservation, Standing
from app.domain.search import Answer, Question, Records, Search, answer, spellings

STATES = Lifecycle.of()
NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)

Named = Mapping[str, Iterable[str]]
"""dataset -> what it names"""


def found(named: Named, *asked: str) -> dict[str, dict[str, tuple[Link, ...]]]:
    """What is found of each, from a store that knows these; it is asked again until nothing is missing."""
    search, answers = Search(), dict[str, dict[str, tuple[Link, ...]]]()
    for _ in range(100):
        told = {accession: search.same_study(accession) for accession in asked}
        if not (missing := set[str]().union(*(unknown for _, unknown in told.values()))):
            return {accession: chains for accession, (chains, _) in told.items()}
        search.learn(missing, having(named, missing))
    raise AssertionError(f"never satisfied: {answers}")


def having(named: Named, names: set[str]) -> dict[str, list[str]]:
    also = {dataset: [*map(canonical, said)] for dataset, said in named.items()}
    return {d: said for d, said in also.items() if not names.isdisjoint([canonical(d), *said])}


def told(named: Named, asked: str) -> dict[str, list[str]]:
    return {dataset: [*map(str, chain)] for dataset, chain in found(named, asked)[asked].items()}


CHAINS = [
    # what each dataset names; what is asked for; what is found, and how that is known
    ({}, "GSE1", {}),
    ({"E-MTAB-1": []}, "E-MTAB-1", {"E-MTAB-1": []}),
    ({"E-MTAB-1": []}, "E-MTAB-10", {}),
    ({"E-GEOD-1": []}, "GSE1", {"E-GEOD-1": ["E-GEOD-1 and GSE1 are the same accession, GSE1"]}),
    ({"GSE1": []}, "E-GEOD-1", {"GSE1": ["E-GEOD-1 and GSE1 are the same accession, GSE1"]}),
    ({"E-MTAB-1": []}, "e-mtab-1", {"E-MTAB-1": ["E-MTAB-1 and e-mtab-1 are the same accession, E-MTAB-1"]}),
    ({"E-MTAB-1": ["GSE7"]}, "GSE7", {"E-MTAB-1": ["E-MTAB-1 names GSE7"]}),
    ({"E-MTAB-1": ["GSE7"]}, "E-GEOD-7", {"E-MTAB-1": ["E-MTAB-1 names E-GEOD-7 (GSE7)"]}),
    ({"E-MTAB-1": ["PXD7"]}, "PXD7", {"E-MTAB-1": ["E-MTAB-1 names PXD7"]}),
    (
        {"E-MTAB-1": ["GSE7"], "E-CURD-5": ["E-MTAB-1"]},
        "GSE7",
        {"E-MTAB-1": ["E-MTAB-1 names GSE7"], "E-CURD-5": ["E-MTAB-1 names GSE7", "E-CURD-5 names E-MTAB-1"]},
    ),
    (
        {"E-MTAB-1": ["PXD7"], "E-PROT-5": ["PXD7"]},
        "E-PROT-5",
        {"E-PROT-5": [], "E-MTAB-1": ["E-MTAB-1 and E-PROT-5 both name PXD7"]},
    ),
    # a project that two studies of one archive name is their umbrella, and ties nobody
    ({"E-MTAB-1": ["PRJNA7"], "E-MTAB-2": ["PRJNA7"]}, "PRJNA7", {}),
    ({"E-MTAB-1": ["PRJNA7"], "E-CURD-2": ["PRJNA7"]}, "PRJNA7", {"E-CURD-2": None, "E-MTAB-1": None}),
    # nor does a super-series, and what ties nothing anyway
    ({"E-GEOD-1": ["GSE9"], "E-GEOD-2": ["GSE9"], "E-GEOD-9": []}, "E-GEOD-1", {"E-GEOD-1": []}),
    ({"E-MTAB-1": ["NA"], "E-MTAB-2": ["NA"]}, "E-MTAB-1", {"E-MTAB-1": []}),
]


@pytest.mark.parametrize(("named", "asked", "chains"), CHAINS)
def test_an_accession_is_found_by_whatever_names_it(
    named: Named, asked: str, chains: dict[str, list[str] | None]
) -> None:
    said = told(named, asked)
    assert {d: said.get(d) if chain is not None else None for d, chain in chains.items()} == chains
    assert said.keys() == chains.keys()


NAMES = [
    *("GSE1", "GSE2", "GSE3", "E-GEOD-1", "E-GEOD-2", "E-GEOD-3", "E-MTAB-1", "E-MTAB-2", "E-MTAB-3", "e-mtab-1"),
    *("E-CURD-1", "E-PROT-1", "PRJNA1", "ERP000001", "PXD1", "NA"),
]
worlds = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3), max_size=7)


@given(worlds, st.sampled_from(NAMES))
def test_the_same_is_found_as_by_grouping_all_of_them(named: dict[str, list[str]], asked: str) -> None:
    studies = Studies({dataset: Study(tuple(said)) for dataset, said in {asked: [], **named}.items()})
    assert found(named, asked)[asked].keys() == studies.others(asked) | ({asked} & named.keys())


@given(worlds)
def test_many_are_asked_for_as_each_alone(named: dict[str, list[str]]) -> None:
    together = found(named, *NAMES)
    assert together == {name: found(named, name)[name] for name in NAMES}


@given(worlds, st.sampled_from(NAMES))
def test_each_chain_leads_from_what_was_asked_to_the_dataset(named: dict[str, list[str]], asked: str) -> None:
    for dataset, chain in found(named, asked)[asked].items():
        at = asked
        for link in chain:
            assert at in (link.one, link.other)
            at = link.other if at == link.one else link.one
            names = [*map(canonical, named[at])]
            assert link.accession in (canonical(at), *names)
        assert at == dataset


@pytest.mark.parametrize(
    ("accession", "datasets"),
    [
        ("E-MTAB-8", set()),
        ("e-mtab-1", {"E-MTAB-1", "E-GEOD-7"}),
        ("GSE7", {"E-MTAB-1", "E-GEOD-7"}),
        ("DS-9", {"E-MTAB-1", "E-GEOD-7", "E-MTAB-2"}),
        ("GSE8", {"E-MTAB-1", "E-GEOD-7", "E-MTAB-2"}),
        ("PRJEB5", set()),
        ("NA", set()),
    ],
)
def test_an_accession_that_is_no_dataset_is_found_as_if_it_were(accession: str, datasets: set[str]) -> None:
    said = ["DS-9", "GSE8", "PRJEB5", "NA"]
    named = {"E-MTAB-1": said, "E-MTAB-2": said, "E-GEOD-7": ["E-MTAB-1"]}
    assert found(named, accession)[accession].keys() == datasets


# --------------------------------------------------------------------------- what counts

DATASETS = {"E-MTAB-1": "loading", "E-MTAB-2": "external", "E-MTAB-3": None, "E-MTAB-4": "incoming"}
LISTED = {"E-MTAB-9": ("gxpatlaspro",)}
GIVEN = {"E-CURD-5": Reservation("E-CURD-5", "heron", NOW)}
CHAIN = (Link("E-MTAB-1", "GSE1", "names_other", "GSE1"),)


def asked(accession: str, chains: Mapping[str, tuple[Link, ...]], **question: bool) -> Answer:
    standings = {
        dataset: Standing(Decision(dataset, STATES.state(state) if state else None, "rule", "."), NOW)
        for dataset, state in DATASETS.items()
    }
    records = Records(standings, LISTED, GIVEN)
    return answer(accession, chains, records, Question(**question), STATES.incoming)


HERE = {dataset: {dataset: ()} for dataset, state in DATASETS.items() if state}

COUNTS = [
    # what is asked; which datasets are the study; known: internally, externally, as ingested
    ("E-MTAB-1", HERE["E-MTAB-1"], (True, True, True)),
    ("E-MTAB-2", HERE["E-MTAB-2"], (True, True, False)),
    ("E-MTAB-4", HERE["E-MTAB-4"], (True, True, False)),
    ("E-MTAB-3", {}, (True, False, False)),  # gone: never to be given to another
    ("E-MTAB-9", {}, (True, True, True)),  # only in the production database
    ("GSE1", {"E-MTAB-1": CHAIN}, (False, True, True)),
    ("E-CURD-5", {}, (True, False, False)),  # given away
    ("GSE9", {}, (False, False, False)),
]


@pytest.mark.parametrize(("accession", "chains", "known"), COUNTS)
def test_what_counts_depends_on_what_is_asked(
    accession: str, chains: dict[str, tuple[Link, ...]], known: tuple[bool, bool, bool]
) -> None:
    internally = asked(accession, chains, external=False).known
    externally = asked(accession, chains, internal=False).known
    ingested = asked(accession, chains, ingested=True).known
    assert (internally, externally, ingested) == known
    assert asked(accession, chains).known == (internally or externally)


@pytest.mark.parametrize(
    ("accession", "written"),
    [
        ("GSE1", ("GSE1", "E-GEOD-1")),
        ("E-GEOD-1", ("E-GEOD-1", "GSE1")),
        ("e-mtab-1", ("e-mtab-1", "E-MTAB-1")),
        ("catalogue:17", ("catalogue:17", "CATALOGUE:17")),
    ],
)
def test_a_dataset_may_be_written_in_several_ways(accession: str, written: tuple[str, ...]) -> None:
    assert spellings(accession) == written
