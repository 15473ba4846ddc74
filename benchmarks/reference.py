"""`reference.py PLACE...`: reads every dataset in these folders, written as one writes who does not think of speed.
Crawls are measured against it; a test holds its answers against theirs."""

# ruff: noqa: PTH207 - written as usual

from __future__ import annotations

import re
import sys
from glob import glob
from pathlib import Path

IDF = {
    "title": r"investigation title",
    "experiment_types": r"comment ?\[eaexperimenttype\]",
    "analysis_types": r"comment ?\[aeexperimenttype\]",
    "curators": r"comment ?\[eacurator\]",
    "secondary_accessions": r"comment ?\[secondaryaccession\]",
}
SDRF = {
    "organisms": r"characteristics ?\[organism\]",
    "library_constructions": r"comment ?\[library construction\]",
}
METHODS = {
    "mapping": r"read mapping",
    "gene_quantification": r"gene quantification",
    "transcript_quantification": r"transcript quantification",
}

Rows = list[list[str]]


def read(places: list[str]) -> dict[str, dict[str, list[str]]]:
    """accession -> field -> values"""
    datasets: dict[str, dict[str, list[str]]] = {}
    for place in places:
        for path in glob(f"{place}/*/.curator.*"):
            add(datasets, path, "curators", [Path(path).name.removeprefix(".curator.")])
        for path in glob(f"{place}/*idf.txt") + glob(f"{place}/*/*idf.txt"):
            rows = split(path)
            for field, pattern in IDF.items():
                add(datasets, path, field, in_line(rows, pattern))
        for path in glob(f"{place}/*sdrf.txt") + glob(f"{place}/*/*sdrf.txt"):
            rows = split(path)
            for field, pattern in SDRF.items():
                add(datasets, path, field, in_columns(rows, pattern))
        for path in glob(f"{place}/*analysis-methods.tsv") + glob(f"{place}/*/*analysis-methods.tsv"):
            rows = split(path)
            for field, pattern in METHODS.items():
                add(datasets, path, field, in_line(rows, pattern))
    return datasets


def split(path: str) -> Rows:
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n").split("\t") for line in file]


def in_line(rows: Rows, pattern: str) -> list[str]:
    for row in rows:
        if re.match(pattern, row[0], re.IGNORECASE):
            return row[1:]
    return []


def in_columns(rows: Rows, pattern: str) -> list[str]:
    header = rows[0] if rows else []
    columns = [number for number, name in enumerate(header) if re.match(pattern, name, re.IGNORECASE)]
    return [row[number] for row in rows[1:] for number in columns if number < len(row)]


def add(datasets: dict[str, dict[str, list[str]]], path: str, field: str, values: list[str]) -> None:
    """Each value once, in the order in which they come."""
    found = re.search(r"E-[A-Z]{4}-\d+", path)
    known = datasets.setdefault(found.group() if found else path, {}).setdefault(field, [])
    known += [value for value in dict.fromkeys(values) if value and value not in known]


if __name__ == "__main__":
    answers = read(sys.argv[1:])
    print(len(answers), "datasets,", sum(bool(answer.get("title")) for answer in answers.values()), "with a title")
