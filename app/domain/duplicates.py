"""Which accessions are the same study, and how that is known.

Certain: two datasets are spellings of one accession (ArrayExpress imports GEO series under a new prefix: E-GEOD-123
is GSE123), one names the other, or both name the same third accession; directly or along a chain. Possible: they
have the same title and organism.

What a dataset names counts only where it is another dataset's name or has the form of an archive's study or project
(PREFIXES): samples, runs, array designs, PubMed ids, DOIs and whatever else people write to say that there is nothing
(`NA`, `TBC`, `PRJNA`, `0`) tie nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

from app.domain.model import Metadata, Remark
from app.domain.species import species_name
from app.domain.text import storable

SAME_ACCESSION, NAMES_OTHER, SHARED_ACCESSION = "same_accession", "names_other", "shared_accession"
SAME_TITLE = "same_title"

# --------------------------------------------------------------------------- accessions

STUDY, PROJECT, SERIES = "study", "project", "series"
"""A project may hold several studies. So may a series of GEO's, for nothing in its form tells a SuperSeries; but one
that is a dataset here is taken for a study, as datasets are, unless several other series name it."""

PREFIXES = {
    "E-MTAB-": ("ArrayExpress", STUDY),
    "E-MEXP-": ("ArrayExpress", STUDY),
    "E-ANND-": ("Atlas, AnnData", STUDY),
    "E-CURD-": ("Atlas, curated", STUDY),
    "E-ENAD-": ("Atlas, from ENA", STUDY),
    "E-ERAD-": ("ArrayExpress, from ENA", STUDY),
    "E-GEAD-": ("GEA", STUDY),
    "E-GTEX-": ("Atlas, from GTEx", STUDY),
    "E-HCAD-": ("Atlas, from HCA", STUDY),
    "E-PROT-": ("Atlas, from PRIDE", STUDY),
    "PXD": ("ProteomeXchange", STUDY),
    "EGAS": ("EGA", STUDY),
    "JGAS": ("JGA", STUDY),
    "MTBLS": ("MetaboLights", STUDY),
    "MTBKS": ("MetaboBank", STUDY),
    "E-GEOD-": ("GEO", SERIES),
    "GSE": ("GEO", SERIES),
    "ERP": ("SRA", PROJECT),
    "SRP": ("SRA", PROJECT),
    "DRP": ("SRA", PROJECT),
    **dict.fromkeys(("PRJEB", "PRJNA", "PRJDB", "PRJEA", "PRJDA", "PRJCA"), ("BioProject", PROJECT)),
    "PHS": ("dbGaP", PROJECT),
    "EGAD": ("EGA, data", PROJECT),
}
"""What an accession has before its number -> its archive, and what it stands for there."""

PATTERNS = {
    re.compile(r"E-[A-Z]{4}-[0-9]+"): ("ArrayExpress", STUDY),  # the many other ways in which it got its studies
    re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}"): ("HCA", PROJECT),
}
"""The same for accessions of other forms."""

_LIKE_ONE = re.compile(r"([A-Z][A-Z_-]*)[0-9]+[A-Z]?")
"""What looks like an accession, of an archive or of the site's own: `DS-12`, `E-GEOD-3790A`."""
_NOT_ZERO = re.compile(r"[1-9]")
_GEO_IMPORT = re.compile(r"E-GEOD-([0-9]+)")

_TYPESET = dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF)) | dict.fromkeys((*range(0x2010, 0x2016), 0x2212), "-")
"""What comes along when text is copied from a page: invisible characters, and other hyphens."""


def canonical(accession: str) -> str:
    """One spelling for one accession: upper case, and the GEO series for its ArrayExpress import."""
    if not accession.isascii():
        accession = accession.translate(_TYPESET)
    name = accession.strip().upper()
    if name.startswith("E-GEOD-") and (geo := _GEO_IMPORT.fullmatch(name)):
        return f"GSE{geo[1]}"
    return name


def names(dataset: str, said: Iterable[Metadata]) -> frozenset[str]:
    """The accessions (canonical) by which this dataset is found: its own, unless it is its name to the letter, and
    those that are said of it, in whatever place."""
    written = [dataset, *(name for each in said for name in (*each.accessions, *each.secondary_accessions))]
    return frozenset(map(canonical, written)) - {dataset}


def of_a_study(name: str) -> bool:
    """Whether a canonical accession has the form of an archive's study or project, with a number."""
    return _NOT_ZERO.search(name) is not None and name not in PREFIXES and _known(name) is not None


def archive_of(name: str) -> str:
    """The archive that gives accessions of this form (canonical); empty: none that is known."""
    return (_known(name) or ("", ""))[0]


def _archive(own: str) -> str:
    """Where the dataset of this canonical name is from. Of other forms than archives have, those that begin alike
    are from one place; what does not look like an accession is from nowhere else."""
    if known := archive_of(own):
        return known
    if like := _LIKE_ONE.fullmatch(own):
        return PREFIXES.get(like[1], like.groups())[0]
    return own


def _known(name: str) -> tuple[str, str] | None:
    prefixed = PREFIXES.get(name.rstrip("0123456789"))
    return prefixed or next((known for pattern, known in PATTERNS.items() if pattern.fullmatch(name)), None)


# --------------------------------------------------------------------------- titles

_SHORT = 16
"""A title of fewer characters says too little."""

_WORDS = re.compile(r"[^\W_]+")

_COMMON = frozenset(
    _WORDS.findall("""
    a an analysis and array arrays assay assays based binding bisulfite bulk by cell cells chip coding comparative
    data dataset datasets dna experiment experiments expression for from gene genes genome genomic genotyping high
    hybridization in investigation mass methylation microarray microarrays mirna mrna name ncrna new non nuclei
    nucleus occupancy of on or other paper part party profile profiles profiling project protein proteome proteomic
    proteomics reanalysis research rna rnaseq sample samples scrna seq sequencing series set single small snp snrna
    spatial spectrometer spectrometry studies study submission superseries temp test testing tests the third
    throughput tiling title to transcript transcription transcriptional transcriptome transcriptomes transcriptomic
    transcriptomics unknown unnamed untitled using variation via whole wide with
    """)
)
"""Words that say how a study was made, not what it is about."""

_NO_ORGANISM = frozenset(
    ("", "fill this", "mixed", "n a", "na", "nan", "none", "not applicable", "not available", "null", "other", "tba",
     "tbc", "tbd", "unidentified", "unknown", "unspecified")
)  # fmt: skip


def _plain(title: str) -> str:
    """The title as it is compared: whatever its case, blanks and final punctuation."""
    return " ".join(title.casefold().split()).rstrip(" .,;:!?…")


def _telling(plain: str, organisms: Iterable[str] = ()) -> bool:
    """Two studies hardly have this title by chance: two of its words are neither common nor the organism's."""
    common = _COMMON.union(*(name.split() for name in organisms))
    words = {word for word in _WORDS.findall(plain) if len(word) > 1 and not word.isdecimal()}
    return len(plain) >= _SHORT and len(words - common) > 1


def _organisms(study: Study) -> frozenset[str]:
    """As they are compared; nothing if any of them is not said."""
    names = frozenset(map(species_name, study.organisms))
    return frozenset() if names & _NO_ORGANISM else names


TITLE = "title:"
"""Begins every `title_key`, and no canonical accession."""


def title_key(study: Study) -> str:
    """One and the same for all studies of this title and organism; empty where that tells nothing."""
    plain, organisms = _plain(study.title), _organisms(study)
    if not organisms or not _telling(plain, organisms):
        return ""
    said = "\0".join([plain, *sorted(organisms)])
    return TITLE + hashlib.blake2b(storable(said).encode(), digest_size=16).hexdigest()


# --------------------------------------------------------------------------- studies


@dataclass(frozen=True, slots=True)
class Study:
    """What of a dataset tells which study it is. `secondary` are the accessions that it says its study has
    elsewhere too, as people write them."""

    secondary: tuple[str, ...] = ()
    title: str = ""
    organisms: tuple[str, ...] = ()

    @classmethod
    def of(cls, said: Metadata) -> Study:
        return cls(said.accessions + said.secondary_accessions, said.title, said.organisms)


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """Why two datasets are, or may be, one study; `one` sorts before `other`. `accession` is what ties them
    (canonical): their own, that of the one which is named, or the third that both name; or else their title."""

    one: str
    other: str
    evidence: str
    accession: str

    def __str__(self) -> str:
        """A sentence without its full stop: several are shown in a row."""
        both = f"{self.one} and {self.other}"
        if self.evidence == SAME_ACCESSION:
            return f"{both} are the same accession, {self.accession}"
        if self.evidence == SHARED_ACCESSION:
            return f"{both} both name {self.accession}"
        if self.evidence == SAME_TITLE:
            return f"{both} have the same organism and title, {self.accession}"
        named, namer = (self.one, self.other) if canonical(self.one) == self.accession else (self.other, self.one)
        return f"{namer} names {named}" + ("" if named == self.accession else f" ({self.accession})")


@dataclass(frozen=True, slots=True)
class Group:
    """Datasets that are one study, or, where that is not certain, may be one."""

    datasets: tuple[str, ...]
    links: tuple[Link, ...]
    certain: bool = True

    @property
    def shared(self) -> tuple[str, ...]:
        """The accessions (canonical) that tie them together."""
        return tuple(sorted({link.accession for link in self.links})) if self.certain else ()

    @property
    def evidence(self) -> str:
        """Another one once anything that ties them, or any of them, is another: 32 hexadecimal digits."""
        ties = (text for link in sorted(self.links) for text in astuple(link))
        told = "\0".join(map(storable, (*sorted(self.datasets), "", *ties)))
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


class Studies:
    """The datasets, grouped into studies.

    An accession ties the datasets whose own it is to all that name it, and if it is nobody's own (a third), those
    that name it. But a project that two studies of one archive name (E-MTAB-1 and E-MTAB-2) is the umbrella of
    several studies, and ties nobody. An accession that is a dataset's own may have any form, if there is a number
    in it: nobody who says `NA` means the record of that name.
    """

    def __init__(self, studies: Mapping[str, Study]) -> None:
        self._studies = studies
        self._own = {dataset: canonical(dataset) for dataset in studies}
        self._first, self._more = _gathered(
            (name, dataset)
            for dataset, study in studies.items()
            for name in {self._own[dataset], *map(canonical, study.secondary)}
        )
        own = set(self._own.values())
        self._ties = {
            n: tied for n, those in self._more.items() if len(tied := tied_by(n, those, self._own, owned=n in own)) > 1
        }
        self._group: dict[str, list[str]] = {}
        """Of every tied dataset those of its study, itself included: one list for all of them."""
        for tied in self._ties.values():
            self._join(tied)

    def _join(self, datasets: list[str]) -> None:
        """These are one study. The smaller of two groups goes into the larger: whatever the order, no dataset moves
        more than a few times."""
        group = self._group.setdefault(datasets[0], datasets[:1])
        for dataset in datasets:
            if (its := self._group.setdefault(dataset, [dataset])) is not group:
                small, group = (its, group) if len(its) < len(group) else (group, its)
                group += small
                self._group.update(dict.fromkeys(small, group))

    def others(self, dataset: str) -> set[str]:
        """The other datasets that certainly are the same study."""
        return set(self._group.get(dataset, ())) - {dataset}

    def others_among(self, chosen: Collection[str], most: int) -> Callable[[str], tuple[str, ...]]:
        """What tells for each dataset here which of its others are among the chosen: the first by name, no more than
        `most`, for a name that was copied with a template may make one study of thousands."""
        found: dict[int, list[str]] = {}

        def others(dataset: str) -> tuple[str, ...]:
            group = self._group.get(dataset)
            if group is None:
                return ()
            first = found.get(id(group))
            if first is None:
                first = found[id(group)] = sorted(d for d in group if d in chosen)[: most + 1]
            return tuple([other for other in first if other != dataset][:most])

        return others

    def groups(self) -> list[Group]:
        """The studies that have more than one dataset, by their first one; after them those that may be one."""
        links: dict[str, list[Link]] = {}
        for name, tied in self._ties.items():
            links.setdefault(self._representative(tied[0]), []).extend(self._links(name, tied))
        certain = [Group(tuple(sorted(self._group[d])), tuple(sorted(those))) for d, those in links.items()]
        return sorted(certain, key=_datasets) + sorted(self._possible(), key=_datasets)

    def _representative(self, dataset: str) -> str:
        """One and the same of all that certainly are one study."""
        return self._group.get(dataset, [dataset])[0]

    def _links(self, name: str, tied: list[str]) -> Iterator[Link]:
        """Each is tied to the first whose own accession this is; if it is nobody's, to the first."""
        owners = [dataset for dataset in tied if self._own[dataset] == name]
        first = min(owners or tied)
        for dataset in tied:
            if dataset != first:
                named = SAME_ACCESSION if self._own[dataset] == name else NAMES_OTHER
                yield _link(first, dataset, named if owners else SHARED_ACCESSION, name)

    def _possible(self) -> Iterator[Group]:
        """Those of the same title and organism, unless they certainly are one study."""
        _, alike = _gathered((_plain(study.title), dataset) for dataset, study in self._studies.items())
        for title, datasets in alike.items():
            if not _telling(title):
                continue
            by_organism: dict[frozenset[str], list[str]] = {}
            for dataset in sorted(datasets):
                by_organism.setdefault(_organisms(self._studies[dataset]), []).append(dataset)
            for organisms, same in by_organism.items():
                if organisms and len(set(map(self._representative, same))) > 1 and _telling(title, organisms):
                    shown = " ".join(self._studies[same[0]].title.split())
                    yield Group(tuple(same), tuple(_link(same[0], d, SAME_TITLE, shown) for d in same[1:]), False)


def may_tie(name: str) -> bool:
    """Whether an accession may tie anybody: there is a number in it."""
    return _NOT_ZERO.search(name) is not None


def tied_by(name: str, datasets: list[str], own: Mapping[str, str], *, owned: bool) -> list[str]:
    """Of the datasets that have or name this accession, which are all that do, those that it makes one study. `own`:
    dataset -> its own accession; `owned`: some dataset has this one."""
    if not may_tie(name):
        return []
    _, level = _known(name) or ("", STUDY if owned else "")
    if level == SERIES:
        parts = {its for dataset in datasets if (its := own[dataset]).startswith("GSE") and its != name}
        level = STUDY if owned and len(parts) < 2 else PROJECT
    if level == STUDY or (level == PROJECT and _agree(name, datasets, own)):
        return datasets
    return [dataset for dataset in datasets if own[dataset] == name] if owned else []


def _agree(project: str, datasets: Iterable[str], own: Mapping[str, str]) -> bool:
    """Whether no two of those that name this project are different studies of one archive."""
    first: dict[str, str] = {}
    naming = (its for its in map(own.__getitem__, datasets) if its != project)
    return all(first.setdefault(_archive(its), its) == its for its in naming)


def _gathered(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Key and dataset -> the first dataset of each key, and all of those that have more. Nearly all have one, and
    hundreds of thousands of lists of one would take longer to make than all the rest."""
    first: dict[str, str] = {}
    more: dict[str, list[str]] = {}
    for key, dataset in pairs:
        if (before := first.setdefault(key, dataset)) is not dataset:
            more.setdefault(key, [before]).append(dataset)
    return first, more


def _link(a: str, b: str, evidence: str, accession: str) -> Link:
    return Link(min(a, b), max(a, b), evidence, accession)


def _datasets(group: Group) -> tuple[str, ...]:
    return group.datasets


# --------------------------------------------------------------------------- groups that are known


@dataclass(frozen=True, slots=True)
class KnownGroup:
    """A group of duplicates. `key` stays the same while datasets join it; `evidence` tells what ties it now, and
    `dismissed` speaks of just that."""

    group: Group
    key: str
    evidence: str
    dismissed: Remark | None = None


_DAWN = datetime.min.replace(tzinfo=UTC)


def group_key(group: Group, first: Mapping[str, datetime | None]) -> str:
    """The dataset that was seen first (`first`: when each was; None: before all that is told), so that one that joins
    does not take its place. A group that is only possible has a mark before it: the dataset may be in one of each."""
    oldest = min(group.datasets, key=lambda dataset: (first.get(dataset) or _DAWN, dataset))
    return oldest if group.certain else f"title:{oldest}"


def known_groups(studies: Studies, first: Mapping[str, datetime | None]) -> list[KnownGroup]:
    """`first`: when each dataset was first seen, see `group_key`."""
    return [KnownGroup(group, group_key(group, first), group.evidence) for group in studies.groups()]


def in_order(groups: Iterable[KnownGroup]) -> list[KnownGroup]:
    """Certain ones by their first dataset, then possible ones."""
    return sorted(groups, key=lambda known: (not known.group.certain, known.group.datasets))
