"""Which accessions are the same study.

Two datasets belong to one study when one names the other, or both name the same third accession, directly or
along a chain. ArrayExpress imports GEO series under a new prefix: E-GEOD-123 is GSE123.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_GEO = re.compile(r"E-GEOD-(\d+)")
_DIGIT = re.compile(r"\d")


def canonical(accession: str) -> str:
    """One spelling for one accession: upper case, and the GEO series for its ArrayExpress import."""
    accession = accession.strip().upper()
    geo = _GEO.fullmatch(accession)
    return f"GSE{geo[1]}" if geo else accession


@dataclass(frozen=True, slots=True)
class Group:
    """Datasets that are one study; `shared` are the accessions (canonical) that tie them together."""

    datasets: tuple[str, ...]
    shared: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.datasets[0]


class Studies:
    """The datasets, grouped into studies by their own and their secondary accessions."""

    def __init__(self, secondary: Mapping[str, Iterable[str]]) -> None:
        self._names = {d: frozenset(_accessions(d, others)) for d, others in secondary.items()}
        self._parent: dict[str, str] = {}
        for names in self._names.values():
            first, *rest = names
            for name in rest:
                self._parent[self._root(name)] = self._root(first)
        self._members: dict[str, set[str]] = {}
        for dataset in self._names:
            self._members.setdefault(self._root(canonical(dataset)), set()).add(dataset)

    def _root(self, name: str) -> str:
        while (parent := self._parent.get(name, name)) != name:
            self._parent[name] = self._parent.get(parent, parent)
            name = parent
        return name

    def others(self, dataset: str) -> set[str]:
        """The other datasets of the same study."""
        return self._members.get(self._root(canonical(dataset)), set()) - {dataset}

    def groups(self) -> list[Group]:
        """The studies that have more than one dataset, by their first accession."""
        found = [tuple(sorted(members)) for members in self._members.values() if len(members) > 1]
        return [Group(members, self._shared(members)) for members in sorted(found)]

    def _shared(self, members: tuple[str, ...]) -> tuple[str, ...]:
        named = Counter(name for member in members for name in self._names[member])
        return tuple(sorted(name for name, times in named.items() if times > 1))


def _accessions(dataset: str, others: Iterable[str]) -> list[str]:
    """Canonical. What has no digit names no study, but says that there is nothing to say (`NA`, `none`, `-`)."""
    return [canonical(dataset), *(name for other in others if _DIGIT.search(name := canonical(other)))]
