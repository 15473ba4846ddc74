"""A made-up store of as many datasets as wanted, as a crawl would have left it; and what may be asked of it."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from app.domain.history import Findings, Policy, recording, settle
from app.domain.model import Known, Lifecycle, Metadata, Sighting, SourceConfig
from app.domain.presence import Reading
from app.store import open_store
from benchmarks.tree import PLACES

NOW = datetime(2026, 1, 5, 6, tzinfo=UTC)
BATCH = 10_000
"""How many accessions are asked for at once; one of ten is known, by whatever name."""


class Asked(NamedTuple):
    """`one`: an accession that a dataset names; `many`: a file of accessions."""

    config: Path
    one: str
    many: Path


def kept(root: Path, datasets: int) -> Asked:
    """The store that is in this folder, if it is whole and as it would be made now; else it is made anew."""
    asked = Asked(root / "tracker.yaml", f"GSE{datasets // 2}", root / "accessions.txt")
    note, wanted = root / "complete", sha256(Path(__file__).read_bytes()).hexdigest() + f" {datasets}"
    if not note.exists() or note.read_text() != wanted:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        _make(root, datasets)
        asked.many.write_text("".join(f"{name}\n" for name in _batch(datasets)))
        note.write_text(wanted)
    return asked


def _make(root: Path, datasets: int) -> None:
    states = Lifecycle.of()
    stages = {name: {"stage": place.stage, "tech": place.tech} for name, place in PLACES.items()}
    (root / "sources.json").write_text(json.dumps({f"nfs/{name}": place for name, place in stages.items()}))
    (root / "tracker.yaml").write_text("sources: sources.json\nstore: tracker.db\n")
    sources = [
        SourceConfig(name, name, f"/nfs/{name}", "filesystem", states.stage(place.stage), place.tech)
        for name, place in PLACES.items()
    ]
    found: dict[str, dict[str, Sighting]] = {source.name: {} for source in sources}
    rng, shares = random.Random(1), [place.share for place in PLACES.values()]
    for number in range(1, datasets + 1):
        source = rng.choices(sources, shares)[0]
        sighting = _sighting(number, source)
        found[source.name][sighting.dataset] = sighting
    findings = Findings(tuple(sources), tuple(Reading(source, found[source.name]) for source in sources))
    settled = settle(Known(), findings, Policy(), NOW)
    store = open_store(f"sqlite:///{root / 'tracker.db'}", states, create=True)
    with store.lock("crawl") as lock:
        store.record(recording(settled, findings, started=NOW, version="0"), lock)
    store.close()


def _sighting(number: int, source: SourceConfig) -> Sighting:
    """Half of them name a project, half of those a GEO series too; a tenth is GEO's own."""
    named = (f"PRJNA{number}", f"GSE{number}")[: (number % 2 == 0) + (number % 4 == 0)]
    dataset = f"E-GEOD-{number}" if number % 10 == 1 else f"E-MTAB-{number}"
    said = Metadata(title=f"Study {number} of the root tip", organisms=("Zea mays",), secondary_accessions=named)
    return Sighting(dataset, source.name, f"{source.location}/{dataset}", source.tech, NOW, said)


def _batch(datasets: int) -> Iterator[str]:
    for number in range(BATCH):
        here = 4 * (number * datasets // BATCH // 4) + 4
        yield f"GSE{here}" if number % 10 == 0 else f"PRJEB{number}"
