"""Which datasets are one study, case by case: what they say of themselves, and the groups that follow.

Accessions of links may stand in any spelling here; titles in any case. What the cases keep to:

- An accession ties those that have it or name it, as a star: to the first dataset, in sorted order, whose own it is
  (`same_accession`, `names_other`); where nobody has it, to the first that names it (`shared_accession`).
- An accession of a project that two submissions of one archive name is an umbrella. It ties nobody.
- A title ties only what may be one study, and only where that is not certain of all who bear it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app.domain.duplicates import Study

Tie = tuple[str, str, str, str]
"""One dataset, the other, evidence, accession or title."""


@dataclass(frozen=True)
class Expected:
    datasets: tuple[str, ...]
    links: frozenset[Tie]
    certain: bool


@dataclass(frozen=True)
class Case:
    why: str
    given: dict[str, Study]
    groups: tuple[Expected, ...] = ()


def says(*secondary: str, title: str = "", organisms: tuple[str, ...] = ()) -> Study:
    return Study(secondary, title, organisms)


def called(title: str, *organisms: str, secondary: tuple[str, ...] = ()) -> Study:
    return Study(secondary, title, organisms)


def same(one: str, other: str, accession: str) -> Tie:
    return one, other, "same_accession", accession


def names(one: str, other: str, accession: str) -> Tie:
    return one, other, "names_other", accession


def shared(one: str, other: str, accession: str) -> Tie:
    return one, other, "shared_accession", accession


def titled(one: str, other: str, title: str) -> Tie:
    return one, other, "same_title", title


def certain(datasets: Collection[str], *links: Tie) -> Expected:
    return Expected(tuple(sorted(datasets)), frozenset(links), True)


def possible(datasets: Collection[str], *links: Tie) -> Expected:
    return Expected(tuple(sorted(datasets)), frozenset(links), False)


PROJECT = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
HUMAN = "Homo sapiens"
MOUSE = "Mus musculus"
SALT = "Salt stress in the roots of wild-type and mutant seedlings"
HEART = "Cells of the developing heart of embryos at eight stages"

TWO_TIED_BY_GSE5 = certain({"E-CURD-1", "E-MTAB-1"}, shared("E-CURD-1", "E-MTAB-1", "GSE5"))
"""By a third accession; E-CURD and E-MTAB are of different archives, so nothing else keeps them apart."""


# --------------------------------------------------------------------------- what is one study

STUDIES = [
    Case("there is nothing", {}),
    Case("one dataset is no group, whatever it names", {"E-MTAB-1": says("ERP000001", "PRJEB1", "GSE5")}),
    Case(
        "strangers stay strangers", {"E-MTAB-1": says("ERP000001"), "E-GEOD-5": says("SRP000005"), "E-CURD-1": says()}
    ),
    Case(
        "GEO's series and its import are one",
        {"E-GEOD-5": says(), "GSE5": says()},
        (certain({"E-GEOD-5", "GSE5"}, same("E-GEOD-5", "GSE5", "GSE5")),),
    ),
    Case(
        "several spellings of one accession are tied to the first",
        {"gse5": says(), "GSE5": says(), "E-GEOD-5": says()},
        (certain({"E-GEOD-5", "GSE5", "gse5"}, same("E-GEOD-5", "GSE5", "GSE5"), same("E-GEOD-5", "gse5", "GSE5")),),
    ),
    Case(
        "two folders whose names differ in case are one accession",
        {"E-MTAB-1": says(), "e-mtab-1": says()},
        (certain({"E-MTAB-1", "e-mtab-1"}, same("E-MTAB-1", "e-mtab-1", "E-MTAB-1")),),
    ),
    Case(
        "a series is named, its import is here",
        {"E-MTAB-1": says("GSE5"), "E-GEOD-5": says()},
        (certain({"E-GEOD-5", "E-MTAB-1"}, names("E-GEOD-5", "E-MTAB-1", "GSE5")),),
    ),
    Case(
        "the import is named, its series is here",
        {"E-MTAB-1": says("E-GEOD-5"), "GSE5": says()},
        (certain({"E-MTAB-1", "GSE5"}, names("E-MTAB-1", "GSE5", "GSE5")),),
    ),
    Case(
        "the earlier names the later",
        {"E-MTAB-1": says("E-MTAB-2"), "E-MTAB-2": says()},
        (certain({"E-MTAB-1", "E-MTAB-2"}, names("E-MTAB-1", "E-MTAB-2", "E-MTAB-2")),),
    ),
    Case(
        "the later names the earlier: the link reads in the same direction",
        {"E-MTAB-1": says(), "E-MTAB-2": says("E-MTAB-1")},
        (certain({"E-MTAB-1", "E-MTAB-2"}, names("E-MTAB-1", "E-MTAB-2", "E-MTAB-1")),),
    ),
    Case(
        "each names the other: two links",
        {"E-MTAB-1": says("GSE5"), "E-GEOD-5": says("E-MTAB-1")},
        (
            certain(
                {"E-GEOD-5", "E-MTAB-1"},
                names("E-GEOD-5", "E-MTAB-1", "GSE5"),
                names("E-GEOD-5", "E-MTAB-1", "E-MTAB-1"),
            ),
        ),
    ),
    Case(
        "an import from ProteomeXchange names where it is from",
        {"E-PROT-1": says("PXD000001"), "PXD000001": says()},
        (certain({"E-PROT-1", "PXD000001"}, names("E-PROT-1", "PXD000001", "PXD000001")),),
    ),
    Case(
        "one ProteomeXchange study was imported twice: it is no project of several",
        {"E-PROT-1": says("PXD000001"), "E-PROT-2": says("PXD000001")},
        (certain({"E-PROT-1", "E-PROT-2"}, shared("E-PROT-1", "E-PROT-2", "PXD000001")),),
    ),
    Case(
        "one ArrayExpress study was curated twice, and is not here itself",
        {"E-CURD-1": says("E-MTAB-9"), "E-CURD-2": says("E-MTAB-9")},
        (certain({"E-CURD-1", "E-CURD-2"}, shared("E-CURD-1", "E-CURD-2", "E-MTAB-9")),),
    ),
    Case(
        "one project of the Human Cell Atlas, by two ways",
        {"E-HCAD-1": says(PROJECT), "E-ANND-1": says(PROJECT.upper())},
        (certain({"E-ANND-1", "E-HCAD-1"}, shared("E-ANND-1", "E-HCAD-1", PROJECT)),),
    ),
    Case(
        "a project of the Human Cell Atlas is a dataset itself",
        {"E-HCAD-1": says(PROJECT.upper()), PROJECT: says()},
        (certain({"E-HCAD-1", PROJECT}, names(PROJECT, "E-HCAD-1", PROJECT)),),
    ),
    Case(
        "two accessions are shared: two links",
        {"E-MTAB-1": says("ERP000001", "PRJEB1"), "E-ENAD-1": says("PRJEB1", "ERP000001")},
        (
            certain(
                {"E-ENAD-1", "E-MTAB-1"},
                shared("E-ENAD-1", "E-MTAB-1", "ERP000001"),
                shared("E-ENAD-1", "E-MTAB-1", "PRJEB1"),
            ),
        ),
    ),
    Case(
        "named, and sharing a third accession: both links",
        {"E-MTAB-1": says("GSE5", "PRJNA1"), "E-GEOD-5": says("PRJNA1")},
        (
            certain(
                {"E-GEOD-5", "E-MTAB-1"},
                names("E-GEOD-5", "E-MTAB-1", "GSE5"),
                shared("E-GEOD-5", "E-MTAB-1", "PRJNA1"),
            ),
        ),
    ),
    Case(
        "three share an accession: each is tied to the first",
        {"E-MTAB-1": says("PRJNA1"), "E-GEOD-5": says("PRJNA1"), "E-CURD-1": says("PRJNA1")},
        (
            certain(
                {"E-CURD-1", "E-GEOD-5", "E-MTAB-1"},
                shared("E-CURD-1", "E-GEOD-5", "PRJNA1"),
                shared("E-CURD-1", "E-MTAB-1", "PRJNA1"),
            ),
        ),
    ),
    Case(
        "two name the accession of a third dataset: each is tied to that one, not to the other",
        {"E-MTAB-1": says("GSE5"), "E-CURD-1": says("E-GEOD-5"), "E-GEOD-5": says()},
        (
            certain(
                {"E-CURD-1", "E-GEOD-5", "E-MTAB-1"},
                names("E-CURD-1", "E-GEOD-5", "GSE5"),
                names("E-GEOD-5", "E-MTAB-1", "GSE5"),
            ),
        ),
    ),
    Case(
        "two of one archive name the accession of a third dataset, which is no project",
        {"E-MTAB-1": says("E-CURD-1"), "E-MTAB-2": says("E-CURD-1"), "E-CURD-1": says()},
        (
            certain(
                {"E-CURD-1", "E-MTAB-1", "E-MTAB-2"},
                names("E-CURD-1", "E-MTAB-1", "E-CURD-1"),
                names("E-CURD-1", "E-MTAB-2", "E-CURD-1"),
            ),
        ),
    ),
    Case(
        "an accession in two spellings is named: it is tied to the first of them",
        {"E-MTAB-1": says("GSE5"), "GSE5": says(), "E-GEOD-5": says()},
        (
            certain(
                {"E-GEOD-5", "E-MTAB-1", "GSE5"},
                same("E-GEOD-5", "GSE5", "GSE5"),
                names("E-GEOD-5", "E-MTAB-1", "GSE5"),
            ),
        ),
    ),
    Case(
        "a project is a dataset itself, and one names it",
        {"E-MTAB-1": says("PRJEB1"), "PRJEB1": says()},
        (certain({"E-MTAB-1", "PRJEB1"}, names("E-MTAB-1", "PRJEB1", "PRJEB1")),),
    ),
    Case(
        "a record of a catalogue without an accession of its own names a dataset",
        {"catalogue: record 7": says("E-MTAB-1"), "E-MTAB-1": says()},
        (certain({"E-MTAB-1", "catalogue: record 7"}, names("E-MTAB-1", "catalogue: record 7", "E-MTAB-1")),),
    ),
    Case(
        "two groups stay two",
        {"E-MTAB-1": says("GSE5"), "E-GEOD-5": says(), "E-PROT-1": says("PXD000001"), "PXD000001": says()},
        (
            certain({"E-GEOD-5", "E-MTAB-1"}, names("E-GEOD-5", "E-MTAB-1", "GSE5")),
            certain({"E-PROT-1", "PXD000001"}, names("E-PROT-1", "PXD000001", "PXD000001")),
        ),
    ),
]

NAMED = ["E-MTAB-7", "E-MEXP-7", "E-TABM-7", "E-ERAD-7", "E-HCAD-7", "E-CURD-7", "E-ENAD-7", "E-ANND-7", "E-GTEX-7",
         "E-PROT-7", "EGAS00001000007", "PXD000007", "ERP000007", "SRP000007", "DRP000007", "PRJEB7", "PRJNA7",
         "PRJDB7", "GSE7", "E-GEOD-7"]  # fmt: skip
"""An accession of each kind of study. Each is known for one when a dataset has it, and when nobody has it."""
STUDIES += [
    Case(f"{accession} is named", {"A record": says(accession), accession: says()},
         (certain({"A record", accession}, names("A record", accession, accession)),))
    for accession in NAMED
]  # fmt: skip
STUDIES += [
    Case(f"{accession} is shared", {"E-MTAB-1": says(accession), "E-CURD-1": says(f" {accession.lower()} ")},
         (certain({"E-CURD-1", "E-MTAB-1"}, shared("E-CURD-1", "E-MTAB-1", accession)),))
    for accession in NAMED
]  # fmt: skip


# --------------------------------------------------------------------------- chains

CHAINS = [
    Case(
        "each names the next",
        {"E-MTAB-1": says("E-MTAB-2"), "E-MTAB-2": says("E-MTAB-3"), "E-MTAB-3": says()},
        (
            certain(
                {"E-MTAB-1", "E-MTAB-2", "E-MTAB-3"},
                names("E-MTAB-1", "E-MTAB-2", "E-MTAB-2"),
                names("E-MTAB-2", "E-MTAB-3", "E-MTAB-3"),
            ),
        ),
    ),
    Case(
        "each names the one before",
        {"E-MTAB-1": says(), "E-MTAB-2": says("E-MTAB-1"), "E-MTAB-3": says("E-MTAB-2")},
        (
            certain(
                {"E-MTAB-1", "E-MTAB-2", "E-MTAB-3"},
                names("E-MTAB-1", "E-MTAB-2", "E-MTAB-1"),
                names("E-MTAB-2", "E-MTAB-3", "E-MTAB-2"),
            ),
        ),
    ),
    Case(
        "one names both of the others",
        {"E-MTAB-1": says(), "E-MTAB-2": says("E-MTAB-1", "E-MTAB-3"), "E-MTAB-3": says()},
        (
            certain(
                {"E-MTAB-1", "E-MTAB-2", "E-MTAB-3"},
                names("E-MTAB-1", "E-MTAB-2", "E-MTAB-1"),
                names("E-MTAB-2", "E-MTAB-3", "E-MTAB-3"),
            ),
        ),
    ),
    Case(
        "a ring",
        {"E-MTAB-1": says("E-MTAB-2"), "E-MTAB-2": says("E-MTAB-3"), "E-MTAB-3": says("E-MTAB-1")},
        (
            certain(
                {"E-MTAB-1", "E-MTAB-2", "E-MTAB-3"},
                names("E-MTAB-1", "E-MTAB-2", "E-MTAB-2"),
                names("E-MTAB-2", "E-MTAB-3", "E-MTAB-3"),
                names("E-MTAB-1", "E-MTAB-3", "E-MTAB-1"),
            ),
        ),
    ),
    Case(
        "through two accessions that nobody has",
        {"E-MTAB-1": says("GSE5"), "E-CURD-1": says("GSE5", "PXD000001"), "E-PROT-1": says("PXD000001")},
        (
            certain(
                {"E-CURD-1", "E-MTAB-1", "E-PROT-1"},
                shared("E-CURD-1", "E-MTAB-1", "GSE5"),
                shared("E-CURD-1", "E-PROT-1", "PXD000001"),
            ),
        ),
    ),
    Case(
        "through both spellings of a series",
        {"E-MTAB-1": says("GSE5"), "E-GEOD-5": says(), "GSE5": says("SRP000001"), "E-CURD-1": says("SRP000001")},
        (
            certain(
                {"E-CURD-1", "E-GEOD-5", "E-MTAB-1", "GSE5"},
                names("E-GEOD-5", "E-MTAB-1", "GSE5"),
                same("E-GEOD-5", "GSE5", "GSE5"),
                shared("E-CURD-1", "GSE5", "SRP000001"),
            ),
        ),
    ),
    Case(
        "through five archives",
        {
            "E-HCAD-1": says(PROJECT, "GSE5"),
            "E-ANND-1": says(PROJECT),
            "E-GEOD-5": says("SRP000001"),
            "E-CURD-1": says("SRP000001", "PRJNA1"),
            "E-ENAD-1": says("PRJNA1"),
        },
        (
            certain(
                {"E-ANND-1", "E-CURD-1", "E-ENAD-1", "E-GEOD-5", "E-HCAD-1"},
                shared("E-ANND-1", "E-HCAD-1", PROJECT),
                names("E-GEOD-5", "E-HCAD-1", "GSE5"),
                shared("E-CURD-1", "E-GEOD-5", "SRP000001"),
                shared("E-CURD-1", "E-ENAD-1", "PRJNA1"),
            ),
        ),
    ),
    Case(
        "two projects, neither of them named by two of one archive, lead to one study",
        {"E-MTAB-1": says("PRJNA1"), "E-GEOD-5": says("PRJNA1", "PRJNA2"), "E-MTAB-2": says("PRJNA2")},
        (
            certain(
                {"E-GEOD-5", "E-MTAB-1", "E-MTAB-2"},
                shared("E-GEOD-5", "E-MTAB-1", "PRJNA1"),
                shared("E-GEOD-5", "E-MTAB-2", "PRJNA2"),
            ),
        ),
    ),
    Case(
        "a chain that a placeholder would close stays open",
        {"E-MTAB-1": says("GSE5", "NA"), "E-CURD-1": says("GSE5"), "E-PROT-1": says("NA")},
        (TWO_TIED_BY_GSE5,),
    ),
]


# --------------------------------------------------------------------------- what curators type

SPELT = [
    Case(f"{spelling!r} is GSE5", {"E-MTAB-1": says(spelling), "E-CURD-1": says("GSE5")}, (TWO_TIED_BY_GSE5,))
    for spelling in ("gse5", "Gse5", " GSE5", "GSE5\t", "\u00a0GSE5\n", "E-GEOD-5", "e-geod-5", " E-Geod-5 ")
]
SPELT += [
    Case(
        "an accession is named in four spellings: one link",
        {"E-MTAB-1": says("GSE5", "gse5", "E-GEOD-5", "GSE5 "), "E-CURD-1": says("GSE5", "E-GEOD-5")},
        (TWO_TIED_BY_GSE5,),
    ),
    Case(
        "placeholders beside an accession do not hide it",
        {"E-MTAB-1": says("", "NA", "GSE5", "-"), "E-CURD-1": says("none", "GSE5")},
        (TWO_TIED_BY_GSE5,),
    ),
    Case("a dataset names itself", {"E-MTAB-1": says("E-MTAB-1", "e-mtab-1 "), "E-CURD-1": says()}),
    Case("an import names its own series", {"E-GEOD-5": says("GSE5"), "E-CURD-1": says()}),
    Case(
        "an import names its own series, which is here: they are one accession, and that is all",
        {"E-GEOD-5": says("GSE5"), "GSE5": says("E-GEOD-5")},
        (certain({"E-GEOD-5", "GSE5"}, same("E-GEOD-5", "GSE5", "GSE5")),),
    ),
]

PLACEHOLDERS = ["", "  ", "\t", "NA", "na", "N/A", "n/a", "none", "None", "NONE", "null", "-", "--", "?", ".", "TBC",
                "tbc", "TBA", "<FILL THIS>", "not available", "Not Available", "not applicable", "unknown", "0", "1",
                "12345", "yes", "PRJNA", "PRJEB", "PRJDB", "GSE", "gse ", "E-GEOD", "E-GEOD-", "E-MTAB", "E-MTAB-",
                "ERP", "SRP", "PXD", "EGAS", "GSExxxxx", "E-MTAB-XXXX", "PRJEBXXXXX", "PXD00XXXX"]  # fmt: skip
PAPERS = ["PMID:23456789", "PMID 23456789", "pubmed 23456789", "23456789", "10.1000/182", "doi:10.1000/182",
          "https://doi.org/10.1000/182", "PMC1234567"]  # fmt: skip
PARTS = ["SRR000001", "ERR000001", "DRR000001", "SRX000001", "ERX000001", "DRX000001", "SRS000001", "ERS000001",
         "DRS000001", "GSM1", "gsm1", "SAMEA1234567", "SAMN12345678", "SAMD00012345", "EGAN00001000001",
         "EGAR00001000001", "EGAF00001000001", "GPL570", "A-AFFY-44", "P-MTAB-1"]  # fmt: skip
"""Runs, experiments, samples, files, array designs and protocols: many studies may hold the same."""
NUMERALS = ["GSE\u0661\u0662", "E-MTAB-\uff11\uff12", "PXD\u0967\u0967\u0967\u0967\u0967\u0967", "GSE\u00b2"]
"""Only 0-9 are digits in an accession."""

NO_STUDY = [
    Case(f"{what!r} is no study", {"E-MTAB-1": says(what), "E-CURD-1": says(what), "E-GEOD-5": says(what.lower())})
    for what in PLACEHOLDERS + PAPERS + PARTS + NUMERALS
]
NO_STUDY += [
    Case(
        "a record whose name is a placeholder is not what others mean by it",
        {"NA": says(), "na": says("N/A"), "n/a": says("none"), "E-MTAB-1": says("NA"), "E-CURD-1": says("na")},
    ),
    Case(
        "nothing is shared but samples, runs and a platform",
        {"E-MTAB-1": says("GSM1", "SRR000001", "GPL570"), "E-GEOD-5": says("GPL570", "GSM1", "SRR000001")},
    ),
]


# --------------------------------------------------------------------------- what only looks alike

ALIKE = [
    Case("parts of a series told apart by a letter", {"E-GEOD-3790A": says(), "E-GEOD-3790B": says()}),
    Case(
        "a letter is not cut off: only the whole series is the whole series",
        {"E-GEOD-3790A": says(), "E-GEOD-3790B": says(), "E-GEOD-3790": says(), "GSE3790": says()},
        (certain({"E-GEOD-3790", "GSE3790"}, same("E-GEOD-3790", "GSE3790", "GSE3790")),),
    ),
    Case("a part of a series is not the series", {"GSE3790A": says(), "GSE3790": says(), "GSE3790b": says()}),
    Case("a part is named, the whole is here", {"E-MTAB-1": says("GSE3790A", "E-GEOD-3790B"), "E-GEOD-3790": says()}),
    Case(
        "the whole is named, parts are here", {"E-MTAB-1": says("GSE3790"), "E-GEOD-3790A": says(), "GSE3790B": says()}
    ),
    Case("two parts are named", {"E-MTAB-1": says("GSE3790A"), "E-CURD-1": says("GSE3790B")}),
    Case("a part and the whole are named", {"E-MTAB-1": says("E-GEOD-3790A"), "E-CURD-1": says("GSE3790")}),
    Case("letters after other archives' numbers", {"E-MTAB-1": says("PXD000001b"), "PXD000001": says("E-MTAB-1b")}),
    Case(
        "a letter after a project", {"E-MTAB-1": says("PRJEB1A", "ERP000001A"), "E-CURD-1": says("PRJEB1", "ERP000001")}
    ),
    Case(
        "one number begins another",
        {"GSE1": says(), "GSE11": says(), "E-GEOD-111": says(), "E-MTAB-1": says("GSE1111")},
    ),
    Case(
        "one number ends another",
        {"E-MTAB-1": says("PRJEB21"), "E-CURD-1": says("PRJEB1"), "E-PROT-1": says("PRJEB12")},
    ),
    Case("zeros count", {"E-MTAB-1": says("ERP000010"), "E-CURD-1": says("ERP000100"), "E-PROT-1": says("ERP000001")}),
    Case(
        "one number in three archives", {"E-MTAB-5": says(), "E-MEXP-5": says(), "E-GEOD-5": says(), "E-CURD-5": says()}
    ),
    Case(
        "one number in three registers of projects",
        {"E-MTAB-1": says("PRJEB1"), "E-CURD-1": says("PRJNA1"), "E-PROT-1": says("PRJDB1")},
    ),
    Case(
        "one number in three registers of studies",
        {"E-MTAB-1": says("ERP000001"), "E-CURD-1": says("SRP000001"), "E-PROT-1": says("DRP000001")},
    ),
    Case("a project and a study of one number", {"E-MTAB-1": says("PRJEB1"), "E-CURD-1": says("ERP1")}),
    Case(
        "a series, a sample and a platform of one number",
        {"GSE5": says(), "E-MTAB-1": says("GSM5"), "E-CURD-1": says("GPL5")},
    ),
    Case("a curated data set of GEO's is not the series of its number", {"GSE5": says(), "E-MTAB-1": says("GDS5")}),
    Case("a study processed again is not the study", {"PXD000001": says(), "E-PROT-1": says("RPXD000001")}),
    Case("two projects that differ in one letter", {"E-HCAD-1": says(PROJECT), "E-ANND-1": says(PROJECT[:-1] + "e")}),
    Case(
        "the beginning of a project's name",
        {"E-HCAD-1": says(PROJECT), "E-ANND-1": says(PROJECT[:8]), "E-CURD-1": says(PROJECT[:8])},
    ),
    Case("a title is no name", {"E-MTAB-1": says(title="GSE5", organisms=(HUMAN,)), "GSE5": says()}),
]


# --------------------------------------------------------------------------- umbrellas

UMBRELLAS = [
    Case(f"{one} and {other} are two submissions that name {project}", {one: says(project), other: says(project)})
    for one, other, project in [
        ("E-MTAB-1", "E-MTAB-2", "PRJEB1"),
        ("E-MTAB-1", "E-MTAB-2", "ERP000001"),
        ("E-MTAB-1", "E-MTAB-2", "SRP000001"),
        ("E-MTAB-1", "E-MTAB-2", "DRP000001"),
        ("E-MTAB-1", "E-MTAB-2", "PRJNA1"),
        ("E-MTAB-1", "E-MTAB-2", "PRJDB1"),
        ("E-MEXP-1", "E-MEXP-2", "ERP000001"),
        ("E-MEXP-1", "E-MTAB-1", "PRJEB1"),
        ("E-GEOD-1", "E-GEOD-2", "PRJNA1"),
        ("GSE1", "GSE2", "SRP000001"),
        ("E-GEOD-1", "GSE2", "PRJNA1"),
        ("PXD000001", "PXD000002", "PRJNA1"),
        ("E-PROT-1", "E-PROT-2", "PRJEB1"),
        ("E-HCAD-1", "E-HCAD-2", PROJECT),
        ("E-ANND-1", "E-ANND-2", PROJECT),
        ("E-ENAD-1", "E-ENAD-2", "PRJEB1"),
        ("E-CURD-1", "E-CURD-2", "SRP000001"),
        ("EGAS00001000001", "EGAS00001000002", "PRJEB1"),
        ("GSE1", "GSE2", "GSE9"),
        ("E-GEOD-1", "GSE2", "E-GEOD-9"),
    ]
]
UMBRELLAS += [
    Case("an umbrella in two spellings", {"E-MTAB-1": says("prjeb1 "), "E-MTAB-2": says(" PRJEB1", "NA")}),
    Case("an umbrella of three", {"E-MTAB-1": says("PRJEB1"), "E-MTAB-2": says("PRJEB1"), "E-MTAB-3": says("PRJEB1")}),
    Case(
        "two submissions share every project",
        {"E-MTAB-1": says("PRJEB1", "ERP000001", PROJECT), "E-MTAB-2": says("ERP000001", PROJECT, "PRJEB1")},
    ),
    Case(
        "an umbrella does not tie the bystander either: nobody knows which of the two it is",
        {"E-MTAB-1": says("PRJEB1"), "E-MTAB-2": says("PRJEB1"), "E-CURD-1": says("PRJEB1")},
    ),
    Case(
        "nor two bystanders of different archives",
        {
            "E-MTAB-1": says("PRJEB1"),
            "E-MTAB-2": says("PRJEB1"),
            "E-CURD-1": says("PRJEB1"),
            "E-GEOD-5": says("PRJEB1"),
        },
    ),
    Case(
        "an umbrella that is a dataset itself ties nobody: through it two studies would be one",
        {"E-MTAB-1": says("PRJEB1"), "E-MTAB-2": says("PRJEB1"), "PRJEB1": says()},
    ),
    Case(
        "a super-series does not tie the bystander",
        {"E-GEOD-1": says("GSE9"), "E-GEOD-2": says("GSE9"), "E-MTAB-1": says("GSE9")},
    ),
    Case(
        "beside an umbrella each study of it has its import",
        {
            "E-MTAB-1": says("PRJEB1", "ERP000001"),
            "E-MTAB-2": says("PRJEB1", "ERP000002"),
            "E-ENAD-1": says("PRJEB1", "ERP000001"),
            "E-CURD-1": says("PRJEB1", "ERP000002"),
        },
        (
            certain({"E-ENAD-1", "E-MTAB-1"}, shared("E-ENAD-1", "E-MTAB-1", "ERP000001")),
            certain({"E-CURD-1", "E-MTAB-2"}, shared("E-CURD-1", "E-MTAB-2", "ERP000002")),
        ),
    ),
    Case(
        "beside a super-series each series of it has its import",
        {"E-GEOD-1": says("GSE9"), "GSE1": says("GSE9"), "E-GEOD-2": says("GSE9"), "GSE2": says("GSE9")},
        (
            certain({"E-GEOD-1", "GSE1"}, same("E-GEOD-1", "GSE1", "GSE1")),
            certain({"E-GEOD-2", "GSE2"}, same("E-GEOD-2", "GSE2", "GSE2")),
        ),
    ),
    Case(
        "beside an umbrella of the Human Cell Atlas each part of it has its series",
        {"E-HCAD-1": says(PROJECT, "GSE1"), "E-HCAD-2": says(PROJECT, "GSE2"), "E-GEOD-1": says(), "E-GEOD-2": says()},
        (
            certain({"E-GEOD-1", "E-HCAD-1"}, names("E-GEOD-1", "E-HCAD-1", "GSE1")),
            certain({"E-GEOD-2", "E-HCAD-2"}, names("E-GEOD-2", "E-HCAD-2", "GSE2")),
        ),
    ),
    Case(
        "one of the two names the other: that ties them, the umbrella still does not",
        {"E-MTAB-1": says("PRJEB1", "E-MTAB-2"), "E-MTAB-2": says("PRJEB1")},
        (certain({"E-MTAB-1", "E-MTAB-2"}, names("E-MTAB-1", "E-MTAB-2", "E-MTAB-2")),),
    ),
    Case(
        "two of one archive name each other's series, and an umbrella",
        {"E-GEOD-1": says("GSE2", "PRJNA1"), "GSE2": says("GSE1", "PRJNA1")},
        (certain({"E-GEOD-1", "GSE2"}, names("E-GEOD-1", "GSE2", "GSE2"), names("E-GEOD-1", "GSE2", "GSE1")),),
    ),
    Case(
        "a bystander that names one of the two is tied to that one",
        {"E-MTAB-1": says("PRJEB1"), "E-MTAB-2": says("PRJEB1"), "E-CURD-1": says("PRJEB1", "E-MTAB-1")},
        (certain({"E-CURD-1", "E-MTAB-1"}, names("E-CURD-1", "E-MTAB-1", "E-MTAB-1")),),
    ),
    Case(
        "one umbrella, and one project that is none",
        {"E-MTAB-1": says("PRJEB1", "PRJNA7"), "E-MTAB-2": says("PRJEB1"), "E-GEOD-5": says("PRJNA7")},
        (certain({"E-GEOD-5", "E-MTAB-1"}, shared("E-GEOD-5", "E-MTAB-1", "PRJNA7")),),
    ),
    Case(
        "two spellings of one accession do not contradict each other",
        {"E-GEOD-5": says("PRJNA1"), "GSE5": says("PRJNA1")},
        (certain({"E-GEOD-5", "GSE5"}, same("E-GEOD-5", "GSE5", "GSE5"), shared("E-GEOD-5", "GSE5", "PRJNA1")),),
    ),
    Case(
        "nor do two cases of one",
        {"E-MTAB-1": says("PRJEB1"), "e-mtab-1": says("PRJEB1")},
        (
            certain(
                {"E-MTAB-1", "e-mtab-1"},
                same("E-MTAB-1", "e-mtab-1", "E-MTAB-1"),
                shared("E-MTAB-1", "e-mtab-1", "PRJEB1"),
            ),
        ),
    ),
    Case(
        "case does not hide a contradiction",
        {"E-MTAB-1": says("PRJEB1"), "e-mtab-2": says("PRJEB1"), "E-CURD-1": says("PRJEB1")},
    ),
    Case(
        "records without an accession of their own contradict nobody",
        {"record 7": says("PRJNA1"), "record 8": says("PRJNA1"), "E-MTAB-1": says("PRJNA1")},
        (
            certain(
                {"E-MTAB-1", "record 7", "record 8"},
                shared("E-MTAB-1", "record 7", "PRJNA1"),
                shared("E-MTAB-1", "record 8", "PRJNA1"),
            ),
        ),
    ),
    Case(
        "GEO and ArrayExpress are two archives",
        {"E-GEOD-5": says("PRJNA1"), "E-MTAB-1": says("PRJNA1")},
        (certain({"E-GEOD-5", "E-MTAB-1"}, shared("E-GEOD-5", "E-MTAB-1", "PRJNA1")),),
    ),
    Case(
        "naming a project twice is no contradiction",
        {"E-MTAB-1": says("PRJEB1", "prjeb1"), "E-CURD-1": says("PRJEB1", "PRJEB1 ")},
        (certain({"E-CURD-1", "E-MTAB-1"}, shared("E-CURD-1", "E-MTAB-1", "PRJEB1")),),
    ),
]


# --------------------------------------------------------------------------- titles

TITLES = [
    Case(
        "one title, one organism: possibly one study",
        {"E-MTAB-1": called(SALT, HUMAN), "E-GEOD-5": called(SALT, HUMAN)},
        (possible({"E-GEOD-5", "E-MTAB-1"}, titled("E-GEOD-5", "E-MTAB-1", SALT)),),
    ),
    Case(
        "two of one archive may be one study, too",
        {"E-MTAB-1": called(SALT, HUMAN), "E-MTAB-2": called(SALT, HUMAN)},
        (possible({"E-MTAB-1", "E-MTAB-2"}, titled("E-MTAB-1", "E-MTAB-2", SALT)),),
    ),
    Case(
        "three of one title are tied to the first",
        {"E-MTAB-1": called(SALT, HUMAN), "E-GEOD-5": called(SALT, HUMAN), "E-CURD-1": called(SALT, HUMAN)},
        (
            possible(
                {"E-CURD-1", "E-GEOD-5", "E-MTAB-1"},
                titled("E-CURD-1", "E-GEOD-5", SALT),
                titled("E-CURD-1", "E-MTAB-1", SALT),
            ),
        ),
    ),
    Case(
        "two titles are two groups",
        {
            "E-MTAB-1": called(SALT, HUMAN),
            "E-MTAB-2": called(HEART, HUMAN),
            "E-GEOD-5": called(SALT, HUMAN),
            "E-GEOD-6": called(HEART, HUMAN),
        },
        (
            possible({"E-GEOD-5", "E-MTAB-1"}, titled("E-GEOD-5", "E-MTAB-1", SALT)),
            possible({"E-GEOD-6", "E-MTAB-2"}, titled("E-GEOD-6", "E-MTAB-2", HEART)),
        ),
    ),
    Case(
        "several organisms, in any order",
        {"E-MTAB-1": called(SALT, HUMAN, MOUSE), "E-GEOD-5": called(SALT, MOUSE, HUMAN)},
        (possible({"E-GEOD-5", "E-MTAB-1"}, titled("E-GEOD-5", "E-MTAB-1", SALT)),),
    ),
    Case(
        "records of a catalogue have titles",
        {"record 7": called(SALT, HUMAN), "record 8": called(SALT, HUMAN)},
        (possible({"record 7", "record 8"}, titled("record 7", "record 8", SALT)),),
    ),
]
TITLES += [
    Case(
        f"{spelling!r} is the same title",
        {"E-MTAB-1": called(spelling, HUMAN), "E-GEOD-5": called(SALT, HUMAN)},
        (possible({"E-GEOD-5", "E-MTAB-1"}, titled("E-GEOD-5", "E-MTAB-1", SALT)),),
    )
    for spelling in (SALT.upper(), SALT + ".", SALT + " .", f"  {SALT}\t", SALT.replace(" ", "  "),
                     SALT.replace(" in ", "\u00a0in\n"), SALT.title() + " ! ")
]  # fmt: skip
TITLES += [
    Case(
        f"{spelling!r} is the same organism",
        {"E-MTAB-1": called(SALT, spelling), "E-GEOD-5": called(SALT, HUMAN)},
        (possible({"E-GEOD-5", "E-MTAB-1"}, titled("E-GEOD-5", "E-MTAB-1", SALT)),),
    )
    for spelling in ("homo sapiens", "Homo_sapiens", " Homo  sapiens ")
]

NO_TITLE = ["", "   ", "test", "Test", "TEST.", "test 1", "RNA-seq", "rna-seq", "RNA-Seq.", "Untitled", "untitled ",
            "UNTITLED", "Expression profiling by array", "expression  profiling by array.",
            "EXPRESSION PROFILING BY ARRAY", "Expression profiling by high throughput sequencing", "NA", "n/a", "none",
            "-", "TBC", "?", "...", "not available", "<FILL THIS>", "Liver", "mouse", "x", "Exp. 1"]  # fmt: skip
NO_EVIDENCE = [
    Case(f"{title!r} is the title of anything", {"E-MTAB-1": called(title, HUMAN), "E-GEOD-5": called(title, HUMAN)})
    for title in NO_TITLE
]
NO_EVIDENCE += [
    Case("another organism", {"E-MTAB-1": called(SALT, HUMAN), "E-GEOD-5": called(SALT, MOUSE)}),
    Case("no organism", {"E-MTAB-1": called(SALT), "E-GEOD-5": called(SALT)}),
    Case(
        "empty organisms", {"E-MTAB-1": called(SALT, ""), "E-GEOD-5": called(SALT, ""), "E-CURD-1": called(SALT, " ")}
    ),
    Case("one of the two has no organism", {"E-MTAB-1": called(SALT, HUMAN), "E-GEOD-5": called(SALT)}),
    Case(
        "one title begins the other", {"E-MTAB-1": called(SALT, HUMAN), "E-GEOD-5": called(SALT + " of cress", HUMAN)}
    ),
    Case(
        "parts of a series of studies", {"E-MTAB-1": called(SALT + " 1", HUMAN), "E-GEOD-5": called(SALT + " 2", HUMAN)}
    ),
    Case(
        "parts told apart by letters",
        {"E-MTAB-1": called(SALT + " (A)", HUMAN), "E-GEOD-5": called(SALT + " (B)", HUMAN)},
    ),
    Case("one organism, but no title", {"E-MTAB-1": called("", HUMAN), "E-GEOD-5": called("", HUMAN)}),
    Case(
        "of three with one title, two are of one organism",
        {"E-MTAB-1": called(SALT, HUMAN), "E-GEOD-5": called(SALT, MOUSE), "E-CURD-1": called(SALT, HUMAN)},
        (possible({"E-CURD-1", "E-MTAB-1"}, titled("E-CURD-1", "E-MTAB-1", SALT)),),
    ),
]

BOTH = [
    Case(
        "certain already: the title adds nothing",
        {"E-MTAB-1": called(SALT, HUMAN, secondary=("GSE5",)), "E-GEOD-5": called(SALT, HUMAN)},
        (certain({"E-GEOD-5", "E-MTAB-1"}, names("E-GEOD-5", "E-MTAB-1", "GSE5")),),
    ),
    Case(
        "certain already, through one of another title",
        {
            "E-MTAB-1": called(SALT, HUMAN, secondary=("GSE5",)),
            "E-GEOD-5": called(HEART, HUMAN),
            "E-CURD-1": called(SALT, HUMAN, secondary=("GSE5",)),
        },
        (
            certain(
                {"E-CURD-1", "E-GEOD-5", "E-MTAB-1"},
                names("E-GEOD-5", "E-MTAB-1", "GSE5"),
                names("E-CURD-1", "E-GEOD-5", "GSE5"),
            ),
        ),
    ),
    Case(
        "a third has the title of two that are certain: it is only possible",
        {
            "E-MTAB-1": called(SALT, HUMAN, secondary=("GSE5",)),
            "E-GEOD-5": called(SALT, HUMAN),
            "E-CURD-1": called(SALT, HUMAN),
        },
        (
            certain({"E-GEOD-5", "E-MTAB-1"}, names("E-GEOD-5", "E-MTAB-1", "GSE5")),
            possible(
                {"E-CURD-1", "E-GEOD-5", "E-MTAB-1"},
                titled("E-CURD-1", "E-GEOD-5", SALT),
                titled("E-CURD-1", "E-MTAB-1", SALT),
            ),
        ),
    ),
    Case(
        "a title does not make two certain groups one",
        {
            "E-MTAB-1": called(SALT, HUMAN, secondary=("GSE5",)),
            "E-GEOD-5": called("", HUMAN),
            "E-PROT-1": called(SALT, HUMAN, secondary=("PXD000001",)),
            "PXD000001": called(HEART, HUMAN),
        },
        (
            certain({"E-GEOD-5", "E-MTAB-1"}, names("E-GEOD-5", "E-MTAB-1", "GSE5")),
            certain({"E-PROT-1", "PXD000001"}, names("E-PROT-1", "PXD000001", "PXD000001")),
            possible({"E-MTAB-1", "E-PROT-1"}, titled("E-MTAB-1", "E-PROT-1", SALT)),
        ),
    ),
    Case(
        "who bears another title stays out of what is possible",
        {
            "E-MTAB-1": called(SALT, HUMAN, secondary=("GSE5",)),
            "E-GEOD-5": called(HEART, HUMAN),
            "E-CURD-1": called(SALT, HUMAN),
        },
        (
            certain({"E-GEOD-5", "E-MTAB-1"}, names("E-GEOD-5", "E-MTAB-1", "GSE5")),
            possible({"E-CURD-1", "E-MTAB-1"}, titled("E-CURD-1", "E-MTAB-1", SALT)),
        ),
    ),
    Case(
        "one certain group has two possible ones",
        {
            "E-MTAB-1": called(SALT, HUMAN, secondary=("GSE5",)),
            "E-GEOD-5": called(HEART, HUMAN),
            "E-CURD-1": called(SALT, HUMAN),
            "E-CURD-2": called(HEART, HUMAN),
        },
        (
            certain({"E-GEOD-5", "E-MTAB-1"}, names("E-GEOD-5", "E-MTAB-1", "GSE5")),
            possible({"E-CURD-1", "E-MTAB-1"}, titled("E-CURD-1", "E-MTAB-1", SALT)),
            possible({"E-CURD-2", "E-GEOD-5"}, titled("E-CURD-2", "E-GEOD-5", HEART)),
        ),
    ),
    Case(
        "what an umbrella does not tie may be one study by its title",
        {
            "E-MTAB-1": called(SALT, HUMAN, secondary=("PRJEB1",)),
            "E-MTAB-2": called(SALT, HUMAN, secondary=("PRJEB1",)),
        },
        (possible({"E-MTAB-1", "E-MTAB-2"}, titled("E-MTAB-1", "E-MTAB-2", SALT)),),
    ),
    Case(
        "one accession under two titles and organisms is still one",
        {"E-GEOD-5": called(SALT, HUMAN), "GSE5": called(HEART, MOUSE)},
        (certain({"E-GEOD-5", "GSE5"}, same("E-GEOD-5", "GSE5", "GSE5")),),
    ),
]


CASES = [*STUDIES, *CHAINS, *SPELT, *NO_STUDY, *ALIKE, *UMBRELLAS, *TITLES, *NO_EVIDENCE, *BOTH]
