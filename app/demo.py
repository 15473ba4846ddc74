"""A made-up world to try the tracker on: some 300 datasets in eight places, and a curation database.

Everything follows from the seed, dates included: equal seeds give equal bytes. What `build` makes and what `move_on`
changes is planned first, then written. No study, curator or verdict in here is real.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from app.errors import UsageError

MARKER = ".ingest-tracker-demo"
DATABASE, STORE = "gxpatlaspro.db", "store.db"
FIRST_DAY, LAST_DAY = datetime(2023, 1, 9, 9, tzinfo=UTC), datetime(2024, 7, 1, 9, tzinfo=UTC)

# --------------------------------------------------------------------------- the tables


class Place(NamedTuple):
    """A folder below nfs/: what sources_config.json says of it, and how many ordinary datasets lie there at first."""

    stage: tuple[str, ...]
    tech: tuple[str, ...]
    datasets: int
    prefixes: tuple[str, ...]
    origin: tuple[str, ...] = ()


_BULK, _SC = ("E-MTAB", "E-MTAB", "E-GEOD"), ("E-HCAD", "E-CURD")
PLACES = {
    "ae2_incoming": Place(("external",), ("bulk",), 74, ("E-MTAB",), ("ArrayExpress", "ae2")),
    "geo_mirror": Place(("external",), ("bulk",), 58, ("E-GEOD",), ("GEO", "geo")),
    "loading": Place(("loading",), ("bulk",), 28, _BULK),
    "loading_sc": Place(("loading", "analysing"), ("sc",), 16, _SC),
    "analysing": Place(("analysing",), ("bulk", "sc"), 18, _BULK + _SC),
    "processed": Place(("processed",), ("bulk", "sc"), 26, _BULK + _SC),
    "published_dev": Place(("published_dev",), ("bulk", "sc"), 14, _BULK + _SC),
    "published": Place(("published",), ("bulk", "sc"), 57, _BULK + _SC),
}
EXTERNAL, ANALYSED, FLAT = ("ae2_incoming", "geo_mirror"), ("processed", "published_dev", "published"), "geo_mirror"
NUMBERS = {
    "E-MTAB": (range(5_000, 14_000), "ERP", 100_000),
    "E-GEOD": (range(20_000, 98_000), "GSE", 0),
    "E-HCAD": (range(1, 120), "ERP", 100_000),
    "E-CURD": (range(10, 130), "GSE", 150_000),
}
"""Accession prefix -> numbers of ordinary datasets, prefix of the secondary accession, what its number has more."""
MOVES = (
    ("ae2_incoming", "loading", 3),
    ("loading", "analysing", 3),
    ("loading_sc", "analysing", 2),
    ("analysing", "processed", 2),
    ("processed", "published_dev", 2),
    ("published_dev", "published", 3),
    ("processed", "loading", 1),
)
"""From, to, how many. The last one goes back."""
CURATORS = ("heron", "kestrel", "plover", "siskin", "wren")
PASS, FAILURES = "PASS", ("fewer than three biological replicates", "no raw data files", "no experimental variable")


class Method(NamedTuple):
    """How it was measured: how titles begin, the experiment type, the analysis, the libraries of single cells."""

    phrase: str
    experiment_type: str
    steps: tuple[tuple[str, str], ...]
    libraries: tuple[str, ...] = ()


_GENOME, _LIBRARIES = "Against genome reference (Ensembl release: 104)", ("10xV2", "10xV3", "smart-seq2", "drop-seq")
_HISAT, _HTSEQ = ("Read Mapping", f"{_GENOME} hisat2 version: 2.1.0"), ("Gene Quantification", "htseq version: 0.6.1p1")
_STAR, _ALEVIN = ("Read Mapping", f"{_GENOME} star version: 2.7.3a"), ("Quantification", "alevin version: 1.4.0")
_KALLISTO, _OLIGO = (
    ("Transcript Quantification", "kallisto version: 0.42.4"),
    ("Normalization", "oligo version: 1.48.0"),
)
RNA_SEQ = Method("RNA-seq of", "RNA-seq of coding RNA", (_HISAT, _HTSEQ, _KALLISTO))
ARRAY = Method("Microarray profiling of", "transcription profiling by array", (_OLIGO,))
CELLS = Method("Single-cell RNA-seq of", "RNA-seq of coding RNA from single cells", (_STAR, _ALEVIN), _LIBRARIES)
METHODS = {"bulk": (RNA_SEQ, RNA_SEQ, ARRAY), "sc": (CELLS,)}

_MAMMAL = ("liver", "kidney cortex", "left ventricle", "hippocampus", "skeletal muscle", "colon", "naïve T cells")
_SMALL = ("whole body", "brain", "gut", "ovary", "muscle")
_PLANT = ("root tip", "leaf", "seedling", "flower bud", "developing seed")
_STAGES = ("at six stages of development", "during ageing")
_PATIENT = ("during sepsis", "after treatment with dexamethasone", "after hypoxia", "in early fibrosis")
_ANIMAL = ("after heat shock", "after a week of fasting", "in constant darkness", "after exposure to cadmium")
_FIELD = ("under drought", "under salt stress", "after infection with powdery mildew", "grown without phosphate")
SPECIES = (
    ("Homo sapiens", "human", _MAMMAL, _PATIENT + _STAGES, 4),
    ("Mus musculus", "mouse", _MAMMAL, _PATIENT + _ANIMAL + _STAGES, 4),
    ("Rattus norvegicus", "rat", _MAMMAL, _PATIENT + _ANIMAL + _STAGES, 1),
    ("Danio rerio", "zebrafish", _SMALL, _ANIMAL + _STAGES, 1),
    ("Drosophila melanogaster", "fruit fly", _SMALL, _ANIMAL + _STAGES, 1),
    ("Arabidopsis thaliana", "thale cress", _PLANT, _FIELD + _STAGES[:1], 2),
    ("Oryza sativa", "rice", _PLANT, _FIELD + _STAGES[:1], 1),
    ("Zea mays", "maize", _PLANT, _FIELD + _STAGES[:1], 1),
)
"""The supported species: name, name in titles, tissues, conditions, how common."""


class Study(NamedTuple):
    method: Method
    species: str
    common_name: str
    tissue: str
    condition: str

    @property
    def title(self) -> str:
        return f"{self.method.phrase} {self.common_name} {self.tissue} {self.condition}"

    @property
    def baseline(self) -> bool:
        return self.condition in _STAGES


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset in one place. `status`: what the eligibility table says; None is its null, "" is no row.
    `claimed`: there is a .curator file. `oddity`: how its files are odd."""

    accession: str
    place: str
    study: Study
    secondary: str = ""
    status: str | None = ""
    curator: str = "wren"
    claimed: bool = False
    library: str = ""
    modified: datetime = FIRST_DAY
    oddity: str = ""

    @property
    def folder(self) -> str:
        return f"nfs/{self.place}" if self.place == FLAT else f"nfs/{self.place}/{self.accession}"


_LUNG = Study(ARRAY, "Rattus norvegicus", "rat", "lung", "after exposure to ozone")
_NAIVE = Study(RNA_SEQ, "Homo sapiens", "human", "naïve T cells", "during seroconversion")
_RETINA = Study(RNA_SEQ, "Mus musculus", "mouse", "retina", "after optic nerve injury")
_SPLEEN = Study(RNA_SEQ, "Mus musculus", "mouse", "spleen", "after vaccination")
_THYMUS = Study(RNA_SEQ, "Homo sapiens", "human", "thymus", "in early infancy")
_TRACHEA = Study(ARRAY, "Rattus norvegicus", "rat", "trachea", "after exposure to ozone")
_BLASTEMA = Study(RNA_SEQ, "Ambystoma mexicanum", "axolotl", "limb blastema", "during regeneration")

ALREADY_INGESTED = Dataset("E-GEOD-101234", "geo_mirror", _THYMUS, "GSE101234", PASS)
ODD_ONES = (
    Dataset("E-MTAB-4801", "ae2_incoming", _RETINA, oddity="no SDRF"),
    Dataset("E-MTAB-4802", "ae2_incoming", _NAIVE, oddity="Latin-1"),
    Dataset("E-MTAB-4803", "ae2_incoming", _BLASTEMA, status=PASS),  # its organism is not supported
    Dataset("E-MTAB-4804", "loading", _LUNG, status=PASS, oddity="empty SDRF"),
    Dataset("E-MTAB-4805", "loading", _SPLEEN, status=FAILURES[0]),
    Dataset("E-GEOD-98765", "ae2_incoming", _TRACHEA, "GSE98765"),  # in two places
    Dataset("E-GEOD-98765", "geo_mirror", _TRACHEA, "GSE98765"),
    Dataset("E-CURD-7", "published", _THYMUS, "GSE101234", PASS),
    ALREADY_INGESTED,
)
NEAR_MISS = "nfs/ae2_incoming/E-MTAB-4850.homo_sapiens.idf.txt"

# --------------------------------------------------------------------------- planning


@dataclass(frozen=True, slots=True)
class Plan:
    """The world at first, what changes in it later (before, after; None: it is withdrawn), which dataset arrives
    then, and which accessions are worth a `why`."""

    first: tuple[Dataset, ...]
    changes: tuple[tuple[Dataset, Dataset | None], ...]
    arrived: Dataset
    asked: tuple[str, ...]


def planned(seed: int) -> Plan:
    datasets = _ordinary(random.Random(seed))
    first = [next(datasets[name]) for name, place in PLACES.items() for _ in range(place.datasets)]
    waiting = sorted(first, key=lambda dataset: (dataset.modified, dataset.accession))

    def take(place: str, fits: Callable[[Dataset], bool]) -> Dataset:
        """The one that has waited longest, and is not taken yet."""
        dataset = next(d for d in waiting if d.place == place and fits(d))
        waiting.remove(dataset)
        return dataset

    def ready_for(target: str) -> Callable[[Dataset], bool]:
        return lambda d: d.status == PASS and ("sc" if d.library else "bulk") in PLACES[target].tech

    moves = [(take(origin, ready_for(target)), target) for origin, target, many in MOVES for _ in range(many)]
    claimed = take("loading", lambda d: not d.claimed)
    eligible = take("ae2_incoming", lambda d: d.status is None)
    withdrawn = take("ae2_incoming", lambda d: d.status == "")
    changes = (
        *((dataset, replace(dataset, place=target)) for dataset, target in moves),
        (claimed, replace(claimed, claimed=True)),
        (eligible, replace(eligible, status=PASS)),
        (withdrawn, None),
    )
    arrived = replace(next(datasets["ae2_incoming"]), status="", modified=LAST_DAY)
    last_to_come = {target: dataset.accession for dataset, target in moves}
    asked = (ALREADY_INGESTED.accession, eligible.accession, *last_to_come.values(), withdrawn.accession)
    return Plan((*first, *ODD_ONES), changes, arrived, asked)


def _ordinary(rng: random.Random) -> dict[str, Iterator[Dataset]]:
    """For each place datasets without end; no accession and no title comes twice."""
    studies = {tech: _studies(rng, methods) for tech, methods in METHODS.items()}
    numbers = {prefix: iter(rng.sample(among, min(400, len(among)))) for prefix, (among, _, _) in NUMBERS.items()}

    def datasets(name: str, place: Place) -> Iterator[Dataset]:
        while True:
            prefix = rng.choice(place.prefixes)
            number, study = next(numbers[prefix]), next(studies["sc" if prefix in _SC else "bulk"])
            _, other, more = NUMBERS[prefix]
            yield Dataset(
                accession=f"{prefix}-{number}",
                place=name,
                study=study,
                secondary=f"{other}{number + more}",
                status=rng.choice(("", "", "", None, PASS, PASS, *FAILURES)) if name in EXTERNAL else PASS,
                curator=rng.choice(CURATORS),
                claimed=name not in EXTERNAL and rng.random() < 0.4,
                library=rng.choice(study.method.libraries or ("",)),
                modified=FIRST_DAY + timedelta(days=rng.randrange(500), minutes=rng.randrange(540)),
            )

    return {name: datasets(name, place) for name, place in PLACES.items()}


def _studies(rng: random.Random, methods: tuple[Method, ...]) -> Iterator[Study]:
    titles = set()
    while True:
        species, common_name, tissues, conditions, _ = rng.choices(SPECIES, [row[-1] for row in SPECIES])[0]
        study = Study(rng.choice(methods), species, common_name, rng.choice(tissues), rng.choice(conditions))
        if study.title not in titles:
            titles.add(study.title)
            yield study


# --------------------------------------------------------------------------- what is in the files


def _files(dataset: Dataset) -> dict[str, bytes]:
    """The files of a dataset in its place: name -> content."""
    idf, sdrf = f"{dataset.accession}.idf.txt", f"{dataset.accession}.sdrf.txt"
    files = {idf: _idf(dataset), sdrf: _sdrf(dataset)}
    if dataset.place in ANALYSED:
        files[f"{dataset.accession}-analysis-methods.tsv"] = _table(dataset.study.method.steps)
    if dataset.claimed:
        files[f".curator.{dataset.curator}"] = b""
    match dataset.oddity:
        case "no SDRF":
            del files[sdrf]
        case "empty SDRF":
            files[sdrf] = b""
        case "Latin-1":
            files[idf] = files[idf].decode().encode("latin-1")
    return files


def _idf(dataset: Dataset) -> bytes:
    study = dataset.study
    kind = "Baseline" if study.baseline else "Differential"
    curated = [("Comment[EAExperimentType]", kind), ("Comment[EACurator]", dataset.curator)]
    lines = [
        ("MAGE-TAB Version", "1.1"),
        ("Investigation Title", study.title),
        ("Public Release Date", f"{dataset.modified:%Y-%m-%d}"),
        ("Comment[AEExperimentType]", study.method.experiment_type),
        *(() if dataset.place in EXTERNAL else curated),
        ("Comment[SecondaryAccession]", dataset.secondary),
        ("SDRF File", f"{dataset.accession}.sdrf.txt"),
    ]
    return _table(line for line in lines if line[1])


def _sdrf(dataset: Dataset) -> bytes:
    study, library = dataset.study, dataset.library
    common = [("Characteristics[organism]", study.species), ("Characteristics[organism part]", study.tissue)]
    common += [("Comment[library construction]", library)] if library else []
    names, values = zip(*common, strict=True)
    levels = [f"stage {n}" for n in range(1, 7)] if study.baseline else ["control"] * 3 + [study.condition] * 3
    samples = [(f"{dataset.accession}-{n}", *values, level) for n, level in enumerate(levels, 1)]
    return _table([("Source Name", *names, f"Factor Value[{'stage' if study.baseline else 'treatment'}]"), *samples])


def _table(rows: Iterable[tuple[str, ...]]) -> bytes:
    return "".join("\t".join(row) + "\n" for row in rows).encode()


def sources_config(prefix: str = "") -> str:
    """The sources_config.json of the demo; `prefix` is the way from the file's folder to the demo's."""
    lines = []
    for name, place in PLACES.items():
        about = dict(zip(("resource", "source"), place.origin, strict=False))
        entry = {"stage": place.stage, "tech": place.tech, **about}
        lines.append(f"  {json.dumps(f'{prefix}nfs/{name}')}: {json.dumps(entry)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


SETTINGS = {
    "tracker.yaml": f"""\
# The settings of the demo; paths are relative to this file.
sources: sources_config.json
databases: databases.json
supported_species: [supported_species.txt]
store: {STORE}
out: out
""",
    "sources_config.json": sources_config(),
    "databases.json": json.dumps({"gxpatlaspro": {"dbtype": "sqlite", "path": DATABASE}}, indent=2) + "\n",
    "supported_species.txt": "".join(f"{name}\n" for name in sorted({row[0] for row in SPECIES})),
}

# --------------------------------------------------------------------------- doing


@dataclass(frozen=True, slots=True)
class World:
    """A demo that was built: the settings to run the tracker with, and which accessions lie in which place."""

    directory: Path
    config: Path
    places: Mapping[str, tuple[str, ...]]


def build(directory: Path, seed: int = 1) -> World:
    """Makes the world of this seed. Where there is an earlier demo, its own files and its store are removed first,
    and nothing else. Raises UsageError for a directory that holds something else, or cannot be written."""
    plan = planned(seed)
    with _explained(directory):
        _clear(directory)
        directory.mkdir(parents=True, exist_ok=True)
        _mark(directory, seed, plan)
        for dataset in plan.first:
            _write(directory / dataset.folder, _files(dataset), dataset.modified)
        near_miss = directory / NEAR_MISS
        _write(near_miss.parent, {near_miss.name: _idf(ODD_ONES[1])}, FIRST_DAY)
        for name, text in SETTINGS.items():
            (directory / name).write_text(text, "utf-8")
        _tell(directory / DATABASE, plan.first)
    lying = {place: tuple(sorted(d.accession for d in plan.first if d.place == place)) for place in PLACES}
    return World(directory, directory / "tracker.yaml", lying)


def move_on(directory: Path) -> list[str]:
    """Lets some days pass: datasets go on (one goes back), one is claimed by a curator, one becomes eligible, one
    arrives, one is withdrawn. Returns whom to ask `why`: one dataset a state, in the order of states, then the one
    that is gone. A second time changes nothing. Raises UsageError where there is no demo."""
    seed, _ = _marker(directory)
    plan = planned(seed)
    with _explained(directory):
        for before, after in plan.changes:
            _change(directory, before, after)
        _write(directory / plan.arrived.folder, _files(plan.arrived), LAST_DAY)
        _tell(directory / DATABASE, (after for _, after in plan.changes if after))
    return list(plan.asked)


def _change(directory: Path, before: Dataset, after: Dataset | None) -> None:
    old, new = _files(before), _files(after) if after else {}
    folder = (after or before).folder
    if (directory / before.folder).exists():
        (directory / before.folder).rename(directory / folder)
    _remove(directory, [f"{folder}/{name}" for name in old.keys() - new.keys()])
    if after and old != new:
        _write(directory / folder, {name: new[name] for name in new if new[name] != old.get(name)}, LAST_DAY)


def _write(folder: Path, files: Mapping[str, bytes], when: datetime) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    times = (when.timestamp(), when.timestamp())
    for name, content in files.items():
        (folder / name).write_bytes(content)
        os.utime(folder / name, times)
    os.utime(folder, times)


def _tell(database: Path, datasets: Iterable[Dataset]) -> None:
    """Makes the curation database say this of these datasets: whether they are eligible, and in production."""
    datasets = list(datasets)
    rows = {dataset.accession: dataset.status for dataset in datasets if dataset.status != ""}
    published = [(dataset.accession,) for dataset in datasets if dataset.place == "published" and not dataset.library]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS rnaseq_atlas_eligibility (ae2_acc TEXT PRIMARY KEY, status TEXT)"
        )
        connection.executemany("REPLACE INTO rnaseq_atlas_eligibility VALUES (?, ?)", rows.items())
        connection.execute(
            "CREATE TABLE IF NOT EXISTS experiment (accession TEXT PRIMARY KEY, private BOOLEAN, access_key TEXT)"
        )
        connection.executemany("REPLACE INTO experiment VALUES (?, FALSE, NULL)", published)


# --------------------------------------------------------------------------- what is the demo's own


def _mark(directory: Path, seed: int, plan: Plan) -> None:
    """Names all files of the demo, those of later too, before there is any: what was interrupted can be cleared.
    Raises UsageError where one of them is there already, being somebody else's."""
    datasets = [*plan.first, *(after for _, after in plan.changes if after), plan.arrived]
    own = {f"{dataset.folder}/{name}" for dataset in datasets for name in _files(dataset)}
    own |= {NEAR_MISS, *SETTINGS, DATABASE, *(STORE + end for end in ("", "-wal", "-shm", "-journal"))}
    for path in (directory / name for name in sorted(own)):
        if path.exists():
            raise UsageError(f"{path}: it is not the demo's and in its way; move it elsewhere")
    (directory / MARKER).write_text(json.dumps({"seed": seed, "files": sorted(own)}, indent=0), "utf-8")


def _marker(directory: Path) -> tuple[int, list[str]]:
    """The seed of the demo in this directory, and its files."""
    try:
        written = json.loads((directory / MARKER).read_text("utf-8"))
    except (OSError, ValueError):
        written = None
    match written:
        case {"seed": int(seed), "files": list(files)}:
            return seed, files
    raise UsageError(f"{directory}: no demo is here (there is no {MARKER} that can be read); build one first")


def _clear(directory: Path) -> None:
    if (directory / MARKER).exists():
        _remove(directory, _marker(directory)[1])
    elif directory.exists() and any(directory.iterdir()):
        raise UsageError(f"{directory}: it is not empty and holds no demo; give a new or an empty directory")


def _remove(directory: Path, files: Iterable[str]) -> None:
    """Removes these files, and the folders that this empties. What a link or a `..` leads out of the directory
    is left alone."""
    home = directory.resolve()
    paths = [path for name in files if (path := directory / name).parent.resolve().is_relative_to(home)]
    for path in paths:
        path.unlink(missing_ok=True)
    folders = {folder for path in paths for folder in path.parents if directory in folder.parents}
    for folder in sorted(folders, key=lambda folder: len(folder.parts), reverse=True):
        with suppress(OSError):  # not empty: somebody else's files are in it
            folder.rmdir()


@contextmanager
def _explained(directory: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{directory}: the demo cannot be made here: {reason}") from error
