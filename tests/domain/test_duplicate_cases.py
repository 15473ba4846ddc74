"""Which datasets are one study: the table of cases, and what holds whatever datasets say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import combinations, pairwise
from random import Random
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.duplicates import Group, Link, Studies, Study, canonical
from tests.domain.duplicate_cases import (
    CASES,
    HEART,
    HUMAN,
    MOUSE,
    NO_TITLE,
    PARTS,
    PLACEHOLDERS,
    PROJECT,
    SALT,
    Case,
    Expected,
    Tie,
    called,
    says,
)

Given = Mapping[str, Study]


def tidy(title: str) -> str:
    """A title as titles are compared."""
    return " ".join(title.casefold().split()).rstrip(" .!?")


def told(groups: Iterable[Group]) -> Counter[Expected]:
    """Groups as the table has them, however many spellings a title has."""
    return Counter(Expected(group.datasets, frozenset(map(_told, group.links)), group.certain) for group in groups)


def _told(link: Link) -> Tie:
    accession = tidy(link.accession) if link.evidence == "same_title" else link.accession
    return link.one, link.other, link.evidence, accession


def wanted(groups: Iterable[Expected]) -> Counter[Expected]:
    return Counter(
        Expected(group.datasets, frozenset(_wanted(*link) for link in group.links), group.certain) for group in groups
    )


def _wanted(one: str, other: str, evidence: str, accession: str) -> Tie:
    return one, other, evidence, tidy(accession) if evidence == "same_title" else canonical(accession)


# --------------------------------------------------------------------------- the table


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case.why))
def test_a_case(case: Case) -> None:
    assert told(Studies(case.given).groups()) == wanted(case.groups)


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case.why))
def test_the_others_of_a_dataset_are_those_of_its_certain_group(case: Case) -> None:
    studies = Studies(case.given)
    of = {dataset: set(group.datasets) for group in case.groups if group.certain for dataset in group.datasets}
    for dataset in case.given:
        assert studies.others(dataset) == of.get(dataset, {dataset}) - {dataset}


@pytest.mark.parametrize(
    "spellings",
    [
        ["GSE5", "E-GEOD-5", " gse5\n", "e-geod-5", "\u00a0Gse5"],
        ["E-MTAB-1", "e-mtab-1", "E-Mtab-1\t"],
        ["E-CURD-12", " e-curd-12"],
        ["PRJEB1", "prjeb1"],
        ["ERP000001", "erp000001 "],
        ["PXD000001", "pxd000001"],
        ["EGAS00001000001", "egas00001000001"],
        [PROJECT, PROJECT.upper(), f" {PROJECT} "],
    ],
)
def test_an_accession_has_one_canonical_spelling_and_it_is_one_of_the_accession_itself(spellings: list[str]) -> None:
    (one,) = {canonical(spelling) for spelling in spellings}
    assert one in spellings and canonical(one) == one


@pytest.mark.parametrize(
    "one, other",
    [
        ("GSE3790", "GSE3790A"),
        ("E-GEOD-3790", "E-GEOD-3790B"),
        ("GSE5", "GSE50"),
        ("GSE5", "GSM5"),
        ("E-MTAB-5", "E-MEXP-5"),
        ("E-MTAB-5", "E-GEOD-5"),
        ("ERP000001", "SRP000001"),
        ("ERP000010", "ERP000100"),
        ("PRJEB1", "PRJNA1"),
        ("PXD000001", "RPXD000001"),
    ],
)
def test_what_differs_keeps_apart(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


# --------------------------------------------------------------------------- whatever datasets say

KEYS = ["E-MTAB-1", "E-MTAB-2", "E-MTAB-3", "e-mtab-1", "E-MEXP-1", "E-GEOD-1", "E-GEOD-2", "GSE1", "GSE2", "GSE3790A",
        "E-GEOD-3790", "E-PROT-1", "PXD000001", "E-CURD-1", "E-CURD-2", "E-HCAD-1", PROJECT, "PRJEB1", "ERP000001",
        "record 7", "NA"]  # fmt: skip
SAID = [*(key for key in KEYS if key != "record 7"), "GSE9", "PXD000009", "PRJNA9", "SRP000009", "EGAS00001000009",
        "GSE3790B", *PLACEHOLDERS[:6], *PARTS[:2], "GSM1", "12345"]  # fmt: skip
TITLES = [SALT, SALT.upper() + ".", f" {HEART}", HEART, SALT + " 2", *NO_TITLE[:4]]
ORGANISMS = [(), (HUMAN,), (MOUSE,), ("homo sapiens",), (HUMAN, MOUSE), (MOUSE, HUMAN), ("",)]

studied = st.builds(
    Study,
    secondary=st.lists(st.sampled_from(SAID), max_size=3).map(tuple),
    title=st.sampled_from(TITLES),
    organisms=st.sampled_from(ORGANISMS),
)
worlds = st.dictionaries(st.sampled_from(KEYS), studied, max_size=9)


chances = st.integers(0, 10_000).map(Random)
"""One choice for all the spellings and orders of a world: examples that fail become small soon."""


@given(worlds, chances)
def test_order_never_matters(world: dict[str, Study], chance: Random) -> None:
    def shuffled(values: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(values, key=lambda _: chance.random()))

    def retold(study: Study) -> Study:
        return replace(study, secondary=shuffled(study.secondary), organisms=shuffled(study.organisms))

    again = {dataset: retold(world[dataset]) for dataset in shuffled(world)}
    assert Studies(again).groups() == Studies(world).groups()


TURNED = {"GSE1": "E-GEOD-1", "E-GEOD-1": "GSE1", "GSE2": "E-GEOD-2", "E-GEOD-2": "GSE2", "GSE9": "E-GEOD-9"}
BLANKS = ["", " ", "\t", "\u00a0", "\n "]


def respelt(accession: str, chance: Random) -> str:
    """The same, as another curator may type it."""
    text = chance.choice([accession, TURNED.get(accession, accession)])
    turn = chance.choice([str, str.upper, str.lower, str.swapcase])
    return f"{chance.choice(BLANKS)}{turn(text)}{chance.choice(BLANKS)}"


def retitled(title: str, chance: Random) -> str:
    turn = chance.choice([str, str.upper, str.lower])
    gap, end = chance.choice([" ", "  ", "\u00a0", "\t "]), chance.choice(["", ".", " .", "!", "  "])
    return turn(title).replace(" ", gap) + end


@given(worlds, chances)
def test_spelling_never_matters(world: dict[str, Study], chance: Random) -> None:
    def typed(study: Study) -> Study:
        secondary = tuple(respelt(accession, chance) for accession in study.secondary)
        return replace(study, secondary=secondary, title=retitled(study.title, chance))

    again = {dataset: typed(study) for dataset, study in world.items()}
    assert told(Studies(again).groups()) == told(Studies(world).groups())


@given(worlds, chances)
def test_nor_does_the_spelling_of_what_datasets_are_called(world: dict[str, Study], chance: Random) -> None:
    """Which is the first of a group may differ then, so only who belongs together is compared."""
    other = {dataset: respelt(dataset, chance) for dataset in world}
    again = {other[dataset]: study for dataset, study in world.items()}
    if len(again) == len(world):
        parted = {(frozenset(other[dataset] for dataset in datasets), sure) for datasets, sure in parts(world)}
        assert parts(again) == parted


def parts(world: Given) -> set[tuple[frozenset[str], bool]]:
    return {(frozenset(group.datasets), group.certain) for group in Studies(world).groups()}


STRANGERS = [
    (
        "E-MTAB-99",
        says("GSE99", "NA", "12345", "SRR000001", title="Something that nobody else did", organisms=(HUMAN,)),
    ),
    ("E-GEOD-98", says(title=SALT)),
    ("E-CURD-97", called(HEART, "Danio rerio")),
    ("record 96", called("test", HUMAN, secondary=("PRJNA96", "-"))),
    ("GSE3790C", says("GSE3790D")),
]


@given(worlds, st.sampled_from(STRANGERS))
def test_a_stranger_changes_no_group(world: dict[str, Study], stranger: tuple[str, Study]) -> None:
    name, study = stranger
    assert Studies({**world, name: study}).groups() == Studies({name: study, **world}).groups()
    assert Studies({**world, name: study}).groups() == Studies(world).groups()


def reached(start: str, links: Iterable[Link]) -> set[str]:
    """What links lead to, in any direction."""
    beside: dict[str, set[str]] = {}
    for link in links:
        beside.setdefault(link.one, set()).add(link.other)
        beside.setdefault(link.other, set()).add(link.one)
    found, ahead = {start}, [start]
    while ahead:
        new = beside.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


@given(worlds)
def test_every_group_is_of_several_in_order_and_held_together_by_its_links(world: dict[str, Study]) -> None:
    groups = Studies(world).groups()
    for group in groups:
        assert len(group.datasets) > 1 and list(group.datasets) == sorted(set(group.datasets) & world.keys())
        assert reached(group.datasets[0], group.links) == set(group.datasets)
        assert len(set(group.links)) == len(group.links)
        assert all(link.one < link.other for link in group.links)
        assert {link.evidence == "same_title" for link in group.links} == {not group.certain}
    sure = [set(group.datasets) for group in groups if group.certain]
    assert all(one.isdisjoint(other) for one, other in combinations(sure, 2))
    assert not [group for group in groups if not group.certain and any(set(group.datasets) <= one for one in sure)]


@given(worlds)
def test_the_evidence_of_every_link_is_there(world: dict[str, Study]) -> None:
    own = {dataset: canonical(dataset) for dataset in world}
    named = {dataset: {canonical(text) for text in study.secondary} for dataset, study in world.items()}
    nothing = {canonical(text) for text in (*PLACEHOLDERS, *PARTS, "GSM1")}

    def there(link: Link) -> bool:
        one, other, accession = link.one, link.other, link.accession
        match link.evidence:
            case "same_accession":
                return own[one] == own[other] == accession
            case "names_other":
                return (own[one] == accession and accession in named[other]) or (
                    own[other] == accession and accession in named[one]
                )
            case "shared_accession":
                return accession in named[one] & named[other] and accession not in own.values()
            case "same_title":
                return (
                    tidy(accession) == tidy(world[one].title) == tidy(world[other].title)
                    and tidy(accession) not in map(tidy, NO_TITLE)
                    and species(world[one]) == species(world[other]) != set()
                )
        return False

    for group in Studies(world).groups():
        assert [link for link in group.links if not there(link)] == []
        assert [link for link in group.links if link.accession in nothing] == []


def species(study: Study) -> set[str]:
    return {organism.lower() for organism in study.organisms} - {""}


@given(worlds)
def test_an_accession_has_fewer_links_than_datasets(world: dict[str, Study]) -> None:
    with_it = Counter(a for dataset, study in world.items() for a in {*map(canonical, (dataset, *study.secondary))})
    links = Counter(link.accession for group in Studies(world).groups() if group.certain for link in group.links)
    assert [(accession, n) for accession, n in links.items() if n >= with_it[accession]] == []


@given(worlds)
def test_to_be_another_is_mutual_and_is_to_be_in_one_certain_group(world: dict[str, Study]) -> None:
    studies = Studies(world)
    others = {dataset: set(studies.others(dataset)) for dataset in world}
    together = {frozenset((d, *rest)) for d, rest in others.items() if rest}
    assert together == {frozenset(group.datasets) for group in studies.groups() if group.certain}
    assert all(d in others[other] and d not in rest for d, rest in others.items() for other in rest)


# What the table leaves open is not asked here: who is tied by a series of GEO's, or by a project that is a dataset.
OWN = {"E-MTAB-1": ("ArrayExpress", "1"), "e-mtab-1": ("ArrayExpress", "1"), "E-MTAB-2": ("ArrayExpress", "2"),
       "E-MTAB-3": ("ArrayExpress", "3"), "E-CURD-1": ("curated", "1"), "E-CURD-2": ("curated", "2"),
       "PXD000001": ("PX", "1"), "E-GEOD-1": ("GEO", "1"), "GSE1": ("GEO", "1"), "E-GEOD-2": ("GEO", "2"),
       "record 7": None, "record 8": None}  # fmt: skip
ONE_STUDY = ["E-MTAB-1", "E-MTAB-2", "E-MTAB-9", "E-CURD-1", "PXD000001", "PXD000009"]
PROJECTS = ["PRJEB1", "SRP000001", PROJECT]

sayings = st.lists(st.sampled_from([*ONE_STUDY, *PROJECTS, "NA", "GSM1"]), max_size=3).map(lambda said: says(*said))


@given(st.dictionaries(st.sampled_from(list(OWN)), sayings, max_size=9))
def test_all_that_is_one_study_is_found_and_nothing_else(world: dict[str, Study]) -> None:
    """Worked out the slow way: sets are joined until none meets another."""
    tied = [{dataset for dataset in world if OWN[dataset] == own} for own in OWN.values() if own]
    tied += [{d for d, said in world.items() if study in (d.upper(), *said.secondary)} for study in ONE_STUDY]
    for project in PROJECTS:
        naming = {dataset for dataset, study in world.items() if project in study.secondary}
        submissions = {own for dataset in naming if (own := OWN[dataset])}
        if len(submissions) == len({archive for archive, _ in submissions}):
            tied.append(naming)
    while meeting := next(((a, b) for a, b in combinations(tied, 2) if a & b), None):
        tied = [group for group in tied if group not in meeting] + [meeting[0] | meeting[1]]
    assert parts(world) == {(frozenset(group), True) for group in tied if len(group) > 1}


# --------------------------------------------------------------------------- many


def chain(n: int) -> Given:
    return {f"E-MTAB-{i}": says(f"E-MTAB-{i + 1}") for i in range(1, n + 1)}


def chain_of_thirds(n: int) -> Given:
    return {f"E-MTAB-{i}": says(f"PXD{i:06}", f"PXD{i + 1:06}") for i in range(1, n + 1)}


def all_sharing(n: int) -> Given:
    return {f"E-PROT-{i}": says("PXD000001") for i in range(1, n + 1)}


def all_naming_one(n: int) -> Given:
    return {f"E-MTAB-{i}": says("E-MTAB-1") for i in range(1, n + 1)}


def one_naming_all(n: int) -> Given:
    everything = [f"E-MTAB-{i}" for i in range(1, n + 1)]
    return {**dict.fromkeys(everything, says()), everything[0]: says(*everything)}


def records_of_one_project(n: int) -> Given:
    return {f"record {i}": says("PRJNA1") for i in range(1, n + 1)}


def all_titled_alike(n: int) -> Given:
    return {f"E-MTAB-{i}": called(SALT, HUMAN) for i in range(1, n + 1)}


def under_an_umbrella(n: int) -> Given:
    return {f"E-MTAB-{i}": says("PRJEB1", "NA") for i in range(1, n + 1)}


def pairs(n: int) -> Given:
    return {f"{kind}{i}": says() for i in range(1, n // 2 + 1) for kind in ("GSE", "E-GEOD-")}


@pytest.mark.parametrize(
    "shape, groups, links",
    [
        (chain, lambda n: 1, lambda n: n - 1),
        (chain_of_thirds, lambda n: 1, lambda n: n - 1),
        (all_sharing, lambda n: 1, lambda n: n - 1),
        (all_naming_one, lambda n: 1, lambda n: n - 1),
        (one_naming_all, lambda n: 1, lambda n: n - 1),
        (records_of_one_project, lambda n: 1, lambda n: n - 1),
        (all_titled_alike, lambda n: 1, lambda n: n - 1),
        (under_an_umbrella, lambda n: 0, lambda n: 0),
        (pairs, lambda n: n // 2, lambda n: n // 2),
    ],
)
@pytest.mark.parametrize("most", [10_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_many_datasets_need_links_and_time_in_proportion(
    most: int, shape: Callable[[int], Given], groups: Callable[[int], int], links: Callable[[int], int]
) -> None:
    """Asked in steps, so that work that grows with the square fails early. The limits are far above what it takes."""
    for n in (1_000, most // 10, most):
        world, before = shape(n), process_time()
        found = Studies(world).groups()
        assert process_time() - before < 0.5 + n / 15_000
        assert (len(found), sum(len(group.links) for group in found)) == (groups(n), links(n))


def test_the_others_of_one_among_many_are_told_at_once() -> None:
    """Asked of each dataset in turn: it takes no look at all the groups."""
    studies, before = Studies(world := pairs(20_000)), process_time()
    assert {len(studies.others(dataset)) for dataset in world} == {1}
    assert process_time() - before < 2


def test_a_chain_is_one_group_wherever_it_is_entered() -> None:
    world = chain(1_000)
    studies = Studies(world)
    for one, other in pairwise(world):
        assert {one, *studies.others(one)} == {other, *studies.others(other)} == set(world)
