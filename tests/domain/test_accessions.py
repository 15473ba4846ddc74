"""Which accession a dataset is given, and which texts are accessions at all."""

from __future__ import annotations

import re

import pytest

from app.domain.accessions import imported, is_accession, numbered
from app.errors import UsageError

_OURS = re.compile(r"E-[A-Z]{4}-[0-9]+")


def ours(text: str) -> bool:
    return _OURS.fullmatch(text) is not None


@pytest.mark.parametrize(
    "text",
    ["E-MTAB-1", "E-GEOD-12", "e-mtab-1", "GSE1", "gse1", "PRJNA12", "PRJEB1", "SRP000001", "ERP1", "PXD000001",
     "EGAS00001000001", "MTBLS1", "phs000424", "c893cb57-5c9f-4f26-9312-21b85be84313", " GSE1 "],
)  # fmt: skip
def test_what_may_be_asked_for(text: str) -> None:
    assert is_accession(text, ours)


@pytest.mark.parametrize("text", ["", "-", "GSE", "GSE0", "GSE1x", "GSM1", "ERR1", "SAMN1", "12345", "E-MTAB", "hello"])
def test_what_may_not(text: str) -> None:
    assert not is_accession(text, ours)


@pytest.mark.parametrize(
    ("text", "here"),
    [("GSE1", "E-GEOD-1"), ("gse12", "E-GEOD-12"), ("E-GEOD-1", "E-GEOD-1"), ("E-MTAB-1", "E-MTAB-1"),
     ("e-curd-1", "E-CURD-1"), (" E\u2011MTAB\u20111 ", "E-MTAB-1")],
)  # fmt: skip
def test_an_outside_accession_has_one_name_here(text: str, here: str) -> None:
    assert imported(text, ours) == here


@pytest.mark.parametrize("text", ["", "GSE", "GSE0", "GSM1", "PXD1", "PRJNA1", "x", "GSE1 GSE2"])
def test_others_have_none(text: str) -> None:
    with pytest.raises(UsageError):
        imported(text, ours)


@pytest.mark.parametrize("prefix", ["E-CURD", "E-CURD-", "E-ENAD", "E-PROT", "E-EHCA", "E-HCAD", "E-ANND", "E-XXXX"])
def test_our_prefixes_are_numbered(prefix: str) -> None:
    assert numbered(prefix, ours) == f"{prefix.rstrip('-')}-"


@pytest.mark.parametrize("prefix", ["E-MTAB", "E-MEXP", "E-GEOD", "E-ERAD", "E-GEAD", "GSE", "e-curd", "E-CURD-1", ""])
def test_those_that_others_number_are_not(prefix: str) -> None:
    with pytest.raises(UsageError):
        numbered(prefix, ours)
