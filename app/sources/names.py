"""Which names are accessions, and which almost are."""

from __future__ import annotations

import re

_HYPHEN = re.compile(r"\[[^\]]*\]|\\.|-")
"""A hyphen that stands for itself; what else may hold one is matched first."""
_ANCHORS = re.compile(r"^(?:\^|\\A)|(?:(?<!\\)\$|\\Z)$")


class Accessions:
    """The site's accession pattern, asked in two ways: is this name one, and is it almost one?"""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        # Only 0-9 are digits in an accession, whatever Unicode calls one.
        flags = (pattern.flags & ~re.UNICODE) | re.ASCII
        core = f"(?:{_ANCHORS.sub('', pattern.pattern)})"
        self._exact = re.compile(pattern.pattern, flags)
        self._inside = re.compile(core, flags)
        # Whatever its case, but not in the middle of a word: `nature-cell-2020` holds no accession `E-CELL-2020`.
        # And with other separators, or none: `E_MTAB-1`, `EMTAB-1`, `E-MTAB 1`.
        spaced = _HYPHEN.sub(lambda part: part[0] if part[0] != "-" else "[-_ ]{0,2}", core)
        self._loose = re.compile(rf"(?<![^\W_]){spaced}", flags | re.IGNORECASE)

    def exact(self, name: str) -> bool:
        return self._exact.fullmatch(name) is not None

    def almost(self, accession: str) -> str:
        """What to call what `within` found: it may lack what makes it an accession."""
        return f"the accession {accession}" if self.exact(accession) else "an accession"

    def within(self, name: str) -> str:
        """The accession that a name holds or is, written as accessions are; empty when it holds none."""
        match = self._inside.search(name) or self._loose.search(name)
        if match is None:
            return ""
        found = match.group()
        spelt = re.sub(r"[-_ ]+", "-", found)
        return next(filter(self.exact, (found, found.upper(), found.lower(), spelt.upper())), found)
