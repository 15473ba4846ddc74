"""Which accession a dataset is given, and which texts are accessions at all."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.domain.duplicates import PREFIXES, archive_of, canonical, of_a_study
from app.errors import UsageError

Ours = Callable[[str], bool]
"""Whether a text is an accession of the site's own form."""

_GEO_SERIES = re.compile(r"GSE([1-9][0-9]*)")
_OTHERS = ("ArrayExpress", "GEA", "GEO")
"""Archives that give their accessions themselves."""
_NUMBERED_AS = {"ProteomeXchange": "E-PROT", "SRA": "E-ENAD", "BioProject": "E-ENAD", "HCA": "E-EHCA"}


def is_accession(text: str, ours: Ours) -> bool:
    """Whether it is worth asking for: an accession of ours, or of an archive's study or project. Of anything else it
    cannot be said that it is not here, for its name ties nothing."""
    return ours(text) or ours(canonical(text)) or of_a_study(canonical(text))


def imported(text: str, ours: Ours) -> str:
    """The accession that this outside one has here: `E-GEOD-123` for GSE123, the same for one of our form.
    Raises UsageError for those that have none but the next in number."""
    name = canonical(text)
    if series := _GEO_SERIES.fullmatch(name):
        return f"E-GEOD-{series[1]}"
    if ours(name):
        return name
    archive = archive_of(name) if of_a_study(name) else ""
    if not archive:
        raise UsageError(
            f"{text!r} is no accession of a study; write a GEO series as GSE123, or one of ours as E-MTAB-123"
        )
    prefix = _NUMBERED_AS.get(archive, "E-CURD")
    raise UsageError(
        f"{name} is of {archive}, whose accessions are not kept here: it gets the next one of a prefix, "
        f"as from `accession next {prefix}`"
    )


def numbered(text: str, ours: Ours) -> str:
    """`E-CURD-`, of what may be given the next number. Raises UsageError for what may not."""
    prefix = text.rstrip("-") + "-"
    if not ours(f"{prefix}1"):
        raise UsageError(f"{text!r} is no prefix of this site's accessions; write it as E-CURD")
    archive, _ = PREFIXES.get(prefix, ("", ""))
    if archive == "GEO":
        raise UsageError(f"{text} is numbered as GEO's series are: `accession from GSE123` gives E-GEOD-123")
    if archive.partition(",")[0] in _OTHERS:
        raise UsageError(f"{text} accessions are given by {archive.partition(',')[0]}, and kept as they are")
    return prefix
