from __future__ import annotations

import re

import pytest

from app.sources.names import Accessions
from tests.sources.places import ACCESSION


@pytest.mark.parametrize(
    ("name", "exact", "within"),
    [
        ("E-MTAB-1234", True, "E-MTAB-1234"),
        ("E-MTAB-4850.homo_sapiens", False, "E-MTAB-4850"),
        ("E-GEOD-3790B", False, "E-GEOD-3790"),
        ("WAT_E-HCAD-11", False, "E-HCAD-11"),
        ("e-mtab-12", False, "E-MTAB-12"),
        ("E-HCAD-E-HCAD-52", False, "E-HCAD-52"),
        (" E-MTAB-1", False, "E-MTAB-1"),
        ("E-MTAB-1\n", False, "E-MTAB-1"),
        ("E_MTAB_106", False, "E-MTAB-106"),
        ("E-MTAB 106", False, "E-MTAB-106"),
        ("E--MTAB-5", False, "E-MTAB-5"),
        ("EMTAB-109", False, "EMTAB-109"),
        ("E-MTAB108", False, "E-MTAB108"),
        ("E-MTAB-\u0661\u0662", False, ""),  # digits, but not ours
        ("nature-cell-2020", False, ""),
        ("HCAD-9", False, ""),
        ("", False, ""),
    ],
)
def test_a_name_is_an_accession_almost_one_or_none(name: str, exact: bool, within: str) -> None:
    accessions = Accessions(ACCESSION)
    assert (accessions.exact(name), accessions.within(name)) == (exact, within)


@pytest.mark.parametrize("pattern", [r"^PXD\d{6}$", r"\APXD\d{6}\Z", r"PXD\d{6}", r"^(?:PXD|PDC)\d{6}$"])
def test_the_pattern_is_a_sites_own(pattern: str) -> None:
    accessions = Accessions(re.compile(pattern))
    assert accessions.exact("PXD000288")
    assert not accessions.exact("PXD000288-old")
    assert accessions.within("pxd000288-old") == "PXD000288"
