"""A made-up tree of datasets, as large as wanted: in folders and flat, and with much that is no crawl's business."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    stage: tuple[str, ...]
    tech: tuple[str, ...]
    share: int  # of the datasets, in per cent
    flat: bool = False
    analysed: bool = False


PLACES = {
    "ae2_incoming": Place(("external",), ("bulk",), 34),
    "geo_mirror": Place(("external",), ("bulk",), 24, flat=True),
    "loading": Place(("loading",), ("bulk",), 6),
    "loading_sc": Place(("loading", "analysing"), ("sc",), 3, flat=True),
    "analysing": Place(("analysing",), ("bulk", "sc"), 4),
    "processed": Place(("processed",), ("bulk", "sc"), 6, analysed=True),
    "published_dev": Place(("published_dev",), ("bulk", "sc"), 3, analysed=True),
    "published": Place(("published",), ("bulk", "sc"), 20, analysed=True),
}
PREFIXES = {"bulk": ("E-MTAB", "E-GEOD"), "sc": ("E-HCAD", "E-CURD")}
SPECIES, TISSUES = ("Homo sapiens", "Mus musculus", "Zea mays"), ("liver", "colon", "whole body", "root tip")
ODDITIES = {3: "not_utf8", 7: "empty_file"}  # in every hundred: the Latin-1 IDF and the empty SDRF


class Tree(NamedTuple):
    """What was made. `counts`, `problems`: how many datasets in which state, and problems of which code, are in it."""

    config: Path
    accessions: list[str]
    counts: Counter[str]
    problems: Counter[str]


def make(directory: Path, datasets: int = 2000, seed: int = 1, sdrf_size: int = 20_000) -> Tree:
    """Makes it in an empty or new directory; equal arguments give equal bytes. `sdrf_size`: the mean, in bytes."""
    rng, names, shares = random.Random(seed), [*PLACES], [place.share for place in PLACES.values()]
    tree = Tree(_configured(directory), [], Counter(), Counter())
    for number in range(datasets):
        name = names[number] if number < len(names) else rng.choices(names, shares)[0]  # no place stays empty
        place, odd = PLACES[name], ODDITIES.get(number % 100, "")
        accession = f"{rng.choice(PREFIXES[rng.choice(place.tech)])}-{number + 1}"
        size = rng.lognormvariate(math.log(sdrf_size) - 0.72, 1.2)  # half of them are below half of the mean
        for file, content in _files(rng, accession, place, odd, size):
            path = directory / "nfs" / name / ("" if place.flat else accession) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        tree.accessions.append(accession)
        tree.counts[place.stage[0]] += 1
        tree.problems.update([odd] if odd else [])
    return tree


def _configured(directory: Path) -> Path:
    known = {f"nfs/{name}": {"stage": place.stage, "tech": place.tech} for name, place in PLACES.items()}
    for name in known:
        (directory / name).mkdir(parents=True)
    (directory / "sources_config.json").write_text(json.dumps(known), "utf-8")
    (directory / "tracker.yaml").write_text("sources: sources_config.json\nstore: var/store.db\nout: var/out\n")
    return directory / "tracker.yaml"


def _files(rng: random.Random, accession: str, place: Place, odd: str, size: float) -> Iterator[tuple[str, bytes]]:
    sdrf = b"" if odd == "empty_file" else _sdrf(rng, accession, size)
    yield f"{accession}.idf.txt", _idf(rng, accession).encode("latin-1" if odd == "not_utf8" else "utf-8")
    yield f"{accession}.sdrf.txt", sdrf
    yield f"{accession}.fastq_list.txt", b"".join(b"reads_%d.fastq.gz\n" % n for n in range(40))
    if not place.flat and place.stage != ("external",):
        yield f".curator.{rng.choice(('heron', 'kestrel', 'wren'))}", b""
        yield "logs/validation.log", b"INFO a line of a log\n" * 50
    if place.analysed:
        yield f"{accession}-analysis-methods.tsv", b"Gene Quantification\thtseq version: 0.6.1p1\n"
        yield f"{accession}-configuration.xml", b'<configuration experimentType="rnaseq_mrna_differential"/>\n'
        yield f"{accession}.condensed-sdrf.tsv", sdrf


def _idf(rng: random.Random, accession: str) -> str:
    protocol = "Protocol Description\t" + "RNA was extracted with a column based kit. " * 18 + "\n"
    kinds = "Comment[AEExperimentType]\tRNA-seq of coding RNA\nComment[EAExperimentType]\tDifferential\n"
    return f"Investigation Title\tNaïve {rng.choice(TISSUES)} cells, study {accession}\n{protocol * 5}{kinds}"


def _sdrf(rng: random.Random, accession: str, size: float) -> bytes:
    """Of about this size, in bytes, with one sample at least."""
    common = f"{rng.choice(SPECIES)}\t{rng.choice(TISSUES)}\tP-MTAB-1\t10xV3\tftp://ftp.example.org/vol1/fastq/ERR"
    head = "Source Name\tCharacteristics[organism]\tCharacteristics[organism part]\tProtocol REF"
    rows = [f"{head}\tComment[library construction]\tComment[FASTQ_URI]\tFactor Value[treatment]"]
    for n in range(1, 2 + int(size / (len(common) + 37))):
        rows.append(f"{accession}-{n}\t{common}{rng.randrange(10**7):07}_1.fastq.gz\t{rng.choice(('none', 'heat'))}")
    return ("\n".join(rows) + "\n").encode()
