"""A made-up tree of datasets, as large as wanted: in folders and flat, and with much that is no crawl's business."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple


class Place(NamedTuple):
    """`more`: the files of a dataset beside its IDF and SDRF."""

    stage: tuple[str, ...]
    tech: tuple[str, ...]
    share: int  # of the datasets, in per cent
    more: tuple[str, ...]
    flat: bool = False


STAGED = ("{}.fastq_list.txt", "{}.md5", "README.txt", "submission.log")
LOADED = ("{}.fastq_list.txt", "{}-configuration.xml", "{}-factors.xml", "logs/validation.log", ".curator.{curator}")
RUNNING = (*LOADED, "{}-raw-counts.tsv.undecorated", "{}.tsv.undecorated")
ANALYSED = (
    ".curator.{curator}",
    *("{}-analysis-methods.tsv", "{}-configuration.xml", "{}-factors.xml", "{}.condensed-sdrf.tsv"),
    *("{}.tsv", "{}.tsv.undecorated", "{}-raw-counts.tsv.undecorated", "{}-fpkms.tsv", "{}-tpms.tsv"),
    *("{}-transcripts-tpms.tsv", "{}-coexpressions.tsv.gz"),
)
PLACES = {
    "ae2_incoming": Place(("external",), ("bulk",), 34, STAGED),
    "geo_mirror": Place(("external",), ("bulk",), 24, STAGED[:1], flat=True),
    "loading": Place(("loading",), ("bulk",), 6, LOADED),
    "loading_sc": Place(("loading", "analysing"), ("sc",), 3, STAGED[:1], flat=True),
    "analysing": Place(("analysing",), ("bulk", "sc"), 4, RUNNING),
    "processed": Place(("processed",), ("bulk", "sc"), 6, ANALYSED),
    "published_dev": Place(("published_dev",), ("bulk", "sc"), 3, ANALYSED),
    "published": Place(("published",), ("bulk", "sc"), 20, ANALYSED),
}
PREFIXES = {"bulk": ("E-MTAB", "E-GEOD"), "sc": ("E-HCAD", "E-CURD")}
SPECIES = (("Homo sapiens",), ("Mus musculus",), ("Zea mays",), ("Homo sapiens", "Mus musculus"))
TISSUES, CURATORS = ("liver", "colon", "whole body", "root tip"), ("heron", "kestrel", "wren")
ODDITIES = {3: "not_utf8", 7: "empty_file"}  # in every hundred: the Latin-1 IDF and the empty SDRF
MEAN_ROWS, MOST_ROWS = 280, 2_000  # of an SDRF, if none were cut; a row is 0.4 KB
BYTES_A_DATASET, LEFT_FREE = 150_000, 5 * 2**30  # generous; and what is left to others on the disk


class Tree(NamedTuple):
    """What was made, below the folder `root`. `counts`, `problems`: how many datasets in which state, and problems of
    which code, are in it."""

    root: Path
    accessions: list[str]
    counts: dict[str, int]
    problems: dict[str, int]
    files: int
    size: int

    @property
    def config(self) -> Path:
        return self.root / "tracker.yaml"

    @property
    def places(self) -> list[str]:
        return [str(self.root / "nfs" / name) for name in PLACES]

    def change(self, datasets: int, revision: int) -> None:
        """Writes another number, of as many digits, into the IDFs of this many datasets."""
        for accession in self.accessions[:: max(len(self.accessions) // datasets, 1)][:datasets]:
            for where in (f"nfs/*/{accession}.idf.txt", f"nfs/*/{accession}/{accession}.idf.txt"):
                for idf in self.root.glob(where):
                    idf.write_bytes(b"%b\t%06d\n" % (idf.read_bytes().rpartition(b"\t")[0], revision))


def kept(root: Path, datasets: int, seed: int = 1) -> Tree:
    """The tree that is in this folder, if it is whole and as it would be made now; else it is made anew. Raises
    OSError where the disk is too small for it."""
    note, wanted = root / "complete.json", [sha256(Path(__file__).read_bytes()).hexdigest(), datasets, seed]
    try:
        noted: dict[str, Any] = json.loads(note.read_text())
    except (OSError, ValueError):
        noted = {}
    if noted.get("made") == wanted:
        return Tree(root, *noted["tree"])
    shutil.rmtree(root, ignore_errors=True)
    needed, free = datasets * BYTES_A_DATASET + LEFT_FREE, shutil.disk_usage(root.parent).free
    if free < needed:
        short = f"{datasets:,} datasets need {needed / 2**30:.1f} GiB free, of which 5 are left so"
        raise OSError(
            f"{root.parent} has {free / 2**30:.1f} GiB free; {short}: name another --dir, or fewer --datasets"
        )
    tree = make(root, datasets, seed)
    note.write_text(json.dumps({"made": wanted, "tree": tree[1:]}))
    return tree


def make(root: Path, datasets: int = 20_000, seed: int = 1) -> Tree:
    """Makes it in an empty or new folder; equal arguments give equal bytes."""
    rng, names, shares = random.Random(seed), [*PLACES], [place.share for place in PLACES.values()]
    sdrfs = {(tech, species, tissue): Sdrf.of(*_table(tech, species, tissue))
             for tech in PREFIXES for species in SPECIES for tissue in TISSUES}  # fmt: skip
    _configure(root)
    accessions, counts, problems, files, size = list[str](), Counter[str](), Counter[str](), 0, 0
    for number in range(datasets):
        name = names[number] if number < len(names) else rng.choices(names, shares)[0]  # no place stays empty
        place, odd, tech = PLACES[name], ODDITIES.get(number % 100, ""), rng.choice(PLACES[name].tech)
        accession = f"{rng.choice(PREFIXES[tech])}-{number + 1}"
        rows = rng.lognormvariate(math.log(MEAN_ROWS) - 0.72, 1.2)  # half of them have below half of the mean
        sdrf = sdrfs[tech, rng.choice(SPECIES), rng.choice(TISSUES)].head(accession, min(int(rows) + 1, MOST_ROWS))
        folder = root / "nfs" / name / ("" if place.flat else accession)
        (folder / "logs" if LOADED[3] in place.more else folder).mkdir(parents=True, exist_ok=True)
        for file, content in _files(rng, accession, place, odd, sdrf):
            (folder / file).write_bytes(content)
            files, size = files + 1, size + len(content)
        accessions.append(accession)
        counts[place.stage[0]] += 1
        problems.update([odd] if odd else [])
    return Tree(root, accessions, counts, problems, files, size)


def _configure(root: Path) -> None:
    """tracker.yaml, and whole.yaml, by which all of each SDRF is read."""
    for name in PLACES:
        (root / "nfs" / name).mkdir(parents=True)
    for config, options in {"tracker": {}, "whole": {"sdrf_bytes": 2**30}}.items():
        places = {f"nfs/{name}": {"stage": p.stage, "tech": p.tech, **options} for name, p in PLACES.items()}
        (root / f"{config}.json").write_text(json.dumps(places))
        settings = f"sources: {config}.json\nstore: var/{config}.db\nout: var/{config}\noutputs: [json]\n"
        (root / f"{config}.yaml").write_text(settings)


def _files(rng: random.Random, accession: str, place: Place, odd: str, sdrf: bytes) -> Iterator[tuple[str, bytes]]:
    sdrf = b"" if odd == "empty_file" else sdrf
    curator = rng.choice(CURATORS)
    yield f"{accession}.idf.txt", _idf(rng, accession).encode("latin-1" if odd == "not_utf8" else "utf-8")
    yield f"{accession}.sdrf.txt", sdrf
    for name in place.more:
        yield name.format(accession, curator=curator), _other(rng, name, sdrf)


def _other(rng: random.Random, name: str, sdrf: bytes) -> bytes:
    if name.startswith(".curator"):
        return b""
    if name.endswith("condensed-sdrf.tsv"):
        return sdrf[: len(sdrf) // 2]
    known = next((content for ending, content in _OTHERS.items() if name.endswith(ending)), b"")
    return known or _MATRIX[: rng.randrange(500, 16_000)]


_MATRIX = b"".join(b"ENSG%011d\t%d\t%d\t%d\n" % (n, n % 7, n % 113, n * n % 9973) for n in range(700))
_OTHERS = {
    "analysis-methods.tsv": b"Pipeline version\t1.0\nRead Mapping\tAgainst genome reference (Ensembl release: 104) "
    b"hisat2 version: 2.1.0\nGene Quantification\thtseq version: 0.6.1p1\nTranscript Quantification\t"
    b"kallisto version: 0.42.4\nNormalized Counts per Gene\tare " + b"averaged for each set of replicates, " * 15,
    ".xml": b'<configuration experimentType="rnaseq_mrna_baseline">\n' + b"<assay>ERR732483</assay>\n" * 30,
    ".log": b"INFO a line of a log\n" * 50,
    ".txt": b"".join(b"reads_%d.fastq.gz\n" % n for n in range(40)),
    ".md5": b"d41d8cd98f00b204e9800998ecf8427e  reads_1.fastq.gz\n" * 10,
}


def _idf(rng: random.Random, accession: str) -> str:
    """Ends with what `Tree.change` changes."""
    protocols, kit = 5, "RNA was extracted with a column based kit, as its maker says. " * 12
    lines = {
        "MAGE-TAB Version": ["1.1"],
        "Investigation Title": [f"Naïve {rng.choice(TISSUES)} cells, study {accession}"],
        "Experiment Description": ["Cells were sorted, and compared with those of the same age. " * 12],
        "Experimental Factor Name": ["treatment", "time"],
        "Person Last Name": ["Heron", "Wren"],
        "Person Email": ["heron@example.org", "wren@example.org"],
        "Person Roles": ["submitter", "investigator"],
        "Public Release Date": ["2020-02-02"],
        "Protocol Name": [f"P-MTAB-{n}" for n in range(protocols)],
        "Protocol Description": [kit] * protocols,
        "Term Source Name": ["EFO", "ArrayExpress"],
        "SDRF File": [f"{accession}.sdrf.txt"],
        "Comment[ArrayExpressAccession]": [accession],
        "Comment[AEExperimentType]": ["RNA-seq of coding RNA"],
        "Comment[EAExperimentType]": [rng.choice(("Differential", "Baseline"))],
        "Comment[SecondaryAccession]": [f"ERP{accession.rpartition('-')[2]:0>6}"],
        **({"Comment[EACurator]": [rng.choice(CURATORS)]} if rng.random() < 0.2 else {}),
        "Comment[Revision]": ["000000"],
    }
    return "".join("\t".join([name, *values]) + "\n" for name, values in lines.items())


# --------------------------------------------------------------------------- SDRF


class Sdrf(NamedTuple):
    """A table of which every dataset has its first rows, with its accession in place of @. To cut and replace is a
    hundred times as fast as to write row after row."""

    text: bytes
    ends: list[int]

    @classmethod
    def of(cls, head: list[str], rows: list[list[str]]) -> Sdrf:
        lines = ["\t".join(line).encode() + b"\n" for line in (head, *rows)]
        return cls(b"".join(lines), [*accumulate(map(len, lines))])

    def head(self, accession: str, rows: int) -> bytes:
        return self.text[: self.ends[rows]].replace(b"@", accession.encode())


def _table(tech: str, species: tuple[str, ...], tissue: str) -> tuple[list[str], list[list[str]]]:
    """The headings, and as many rows as the largest has. Species take turns."""
    fixed = {
        "Characteristics[organism part]": tissue,
        "Characteristics[developmental stage]": "adult",
        "Characteristics[sex]": "not available",
        "Characteristics[cell type]": f"cell of the {tissue}",
        "Material Type": "RNA",
        **{f"Protocol REF {n}": f"P-MTAB-{n}" for n in range(5)},
        "Comment[LIBRARY_LAYOUT]": "PAIRED",
        "Comment[LIBRARY_SOURCE]": "TRANSCRIPTOMIC",
        "Comment[LIBRARY_STRATEGY]": "RNA-Seq",
        **({"Comment[library construction]": "10xV3"} if tech == "sc" else {}),
        "Technology Type": "sequencing assay",
        "Comment[INSTRUMENT_MODEL]": "Illumina HiSeq 2500",
    }
    head = ["Source Name", "Characteristics[organism]", *fixed, "Extract Name", "Assay Name", "Comment[ENA_RUN]"]
    head += ["Comment[FASTQ_URI]", "Comment[BAM_URI]", "Factor Value[treatment]"]
    address = "ftp://ftp.example.org/vol1/fastq"
    runs = [f"ERR{n:07}" for n in range(MOST_ROWS)]
    rows = [
        [f"@-{n}", species[n % len(species)], *fixed.values(), f"@-{n}-extract", f"@-{n}-assay", run,
         f"{address}/{run}/{run}_1.fastq.gz", f"{address}/{run}/@-{n}.bam", ("none", "heat")[n % 2]]
        for n, run in enumerate(runs)
    ]  # fmt: skip
    return [name.removesuffix(f" {name[-1]}") if name.startswith("Protocol") else name for name in head], rows
