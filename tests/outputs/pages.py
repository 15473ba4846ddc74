"""Overviews to make pages of, told dataset by dataset and made as a crawl makes them: from what is known.

told(Dataset("E-MTAB-1", "loading", curators=("wren",)), Dataset("E-MTAB-2", days={"external": 9, "incoming": 2}))
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.details import Overview, over_time, overview
from app.domain.model import (
    Code,
    Decision,
    Entry,
    File,
    FileIdentity,
    Known,
    KnownProblem,
    KnownSource,
    Lifecycle,
    Metadata,
    Problem,
    Remark,
    RemarkKind,
    Sighting,
    Standing,
    StateChange,
)
from app.domain.overview import Layout, View, duplicate_groups
from tests.domain.builders import verdict

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
"""When the crawl ended that the overview shows."""

SAID = "We know", "wren", datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
"""The reason of whatever curators said, by whom, and when."""

FILES = {"idf": ".idf.txt", "sdrf": ".sdrf.txt", "configuration": "-configuration.xml"}


@dataclass(frozen=True)
class Dataset:
    """`days`: state -> how many days before AT it came to be; the last one is where it stands (gone: nowhere).
    `more` is whatever else its Metadata has; `place` where it lies, unless in the source of its state."""

    accession: str
    state: str = "loading"
    days: Mapping[str, float] = field(default_factory=dict)
    title: str = "RNA-seq of something"
    said: str = "PASS"
    problems: tuple[Code, ...] = ()
    up_to: str = ""
    place: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def history(self) -> dict[str, float]:
        return dict(self.days) or {self.state: 2}

    @property
    def now(self) -> str:
        return list(self.history)[-1]

    @property
    def folder(self) -> str:
        return self.place or f"/nfs/production/atlas/{self.now}/{self.accession}"


def told(
    *datasets: Dataset,
    states: Lifecycle | None = None,
    stale: str = "",
    private: tuple[str, ...] = (),
    at: datetime = AT,
    layout: Layout | None = None,
    ignored: Collection[str] = (),
    acknowledged: Collection[Code] = (),
    dismissed: Collection[str] = (),
    **view: Any,
) -> Overview:
    """`stale`: the source that could not be read. There is a source for each state, of the same name. Curators have
    `ignored` these datasets, `acknowledged` all problems of these kinds, and `dismissed` the groups of these keys."""
    states = states or Lifecycle.of()
    here = [dataset for dataset in datasets if dataset.now != "gone"]
    problems = [problem for dataset in here for problem in _problems(dataset, at)]
    if stale:
        failure = Problem(Code.SOURCE_UNREADABLE, f"{stale} could not be read: connection refused", source=stale)
        problems.append(KnownProblem(failure, at - timedelta(days=3)))
    verdicts = [verdict(d.said, d.accession, "rnaseq_atlas_eligibility", checked=at) for d in here]
    changes = sorted((c for dataset in datasets for c in _history(dataset, states, at)), key=lambda change: change.at)
    known = Known(
        run=400,
        at=at,
        sources={
            s.name: KnownSource(s.name, s.name, "filesystem", {"stage": [s.name]}, last_read=_read(s.name == stale, at))
            for s in states.states
        },
        sightings={s.name: {d.accession: _sighting(d, at) for d in here if d.now == s.name} for s in states.states},
        verdicts={(v.dataset, v.check): v for v in verdicts},
        entries={"bulk_atlas": {d.accession: Entry(d.accession, "bulk_atlas") for d in here if d.now == "published"}},
        asked={"bulk_atlas": at, "rnaseq_atlas_eligibility": at},
        standings={d.accession: _standing(d, states, at) for d in datasets},
        problems=tuple(problems),
    )
    newest = [change for change in reversed(changes) if change.at > at - timedelta(days=30)][:2000]
    earlier = {days: _counts(changes, at - timedelta(days=days)) for days in (1, 7, 30)}
    layout = layout or Layout(states, techs={"bulk_atlas": "bulk"})
    remarks = [Remark(RemarkKind.IGNORED, dataset, *SAID) for dataset in ignored]
    remarks += [
        Remark(RemarkKind.ACKNOWLEDGED, entry.problem.digest, *SAID)
        for entry in problems
        if entry.problem.code in acknowledged
    ]
    remarks += [
        Remark(RemarkKind.DISMISSED, group.key, *SAID, group.evidence)
        for group in duplicate_groups(known, layout)
        if group.key in dismissed
    ]
    known = replace(known, remarks={(remark.kind, remark.subject): remark for remark in remarks})
    return overview(View(known, newest, earlier, frozenset(private), **view), layout, changes[::-1])


def _counts(changes: list[StateChange], at: datetime) -> dict[str, int]:
    return {state: steps[-1] for state, steps in over_time(changes, at).counts.items()}


def _read(stale: bool, at: datetime) -> datetime:
    return at - timedelta(days=3) if stale else at


def _sighting(dataset: Dataset, at: datetime) -> Sighting:
    files = [
        File(role, f"{dataset.folder}/{dataset.accession}{end}", FileIdentity(1, 2, 3, 4, 5))
        for role, end in FILES.items()
    ]
    modified = at - timedelta(days=max(dataset.history.values()), hours=5)
    metadata = Metadata(dataset.title, **dataset.more)
    return Sighting(dataset.accession, dataset.now, dataset.folder, ("bulk",), modified, metadata, tuple(files))


def _standing(dataset: Dataset, states: Lifecycle, at: datetime) -> Standing:
    *_, newest = _history(dataset, states, at)
    up_to = states.state(dataset.up_to) if dataset.up_to else None
    where = {} if newest.after is None else {"source": dataset.now, "location": dataset.folder}
    decision = Decision(dataset.accession, newest.after, newest.reason, newest.sentence, up_to, **where)
    return Standing(decision, newest.at, newest.before)


def _history(dataset: Dataset, states: Lifecycle, at: datetime) -> Iterator[StateChange]:
    before = None
    for name, days in dataset.history.items():
        after = None if name == "gone" else states.state(name)
        reason, sentence = "furthest_stage", f"It is in {dataset.folder}, a place for datasets that are {name}."
        if after is None:
            reason, sentence = "gone", f"It is in no source any more; it was last in {dataset.folder}."
        yield StateChange(dataset.accession, before, after, reason, sentence, at - timedelta(days=days), 1)
        before = after


def _problems(dataset: Dataset, at: datetime) -> Iterator[KnownProblem]:
    for code in dataset.problems:
        path = f"{dataset.folder}/{dataset.accession}.idf.txt"
        found = Problem(code, f"{dataset.accession}: {code.meaning}", dataset.accession, dataset.now, path, 3)
        yield KnownProblem(found, at - timedelta(days=2))


# --------------------------------------------------------------------------- many of them

SHARES = dict(external=60, incoming=5, loading=5, analysing=3, processed=5, published_dev=2, published=20)
ORGANISMS = ("Homo sapiens", "Mus musculus", "Danio rerio", "Arabidopsis thaliana", "Oryza sativa", "Zea mays")
TISSUES = ("liver", "kidney cortex", "naïve T cells", "hippocampus", "root tip", "seedling", "whole body")
CONDITIONS = ("after heat shock", "during ageing", "under drought", "in early fibrosis", "after a week of fasting")
CURATORS = ("heron", "kestrel", "plover", "siskin", "wren")


def many(number: int, at: datetime = AT, **more: Any) -> Overview:
    """The same ones every time, with histories of up to 120 days, crawled three times a day."""
    rng = random.Random(number)
    states = rng.choices(list(SHARES), list(SHARES.values()), k=number)
    return told(*(_any(rng, f"E-MTAB-{n}", state) for n, state in enumerate(states, 5000)), at=at, **more)


def _any(rng: random.Random, accession: str, state: str) -> Dataset:
    passed = list(SHARES)[: list(SHARES).index(state) + 1]
    crawls = sorted(rng.sample(range(360), len(passed)), reverse=True)
    late = len(passed) > 2
    return Dataset(
        accession,
        days={name: crawl / 3 for name, crawl in zip(passed, crawls, strict=True)},
        title=f"RNA-seq of {rng.choice(TISSUES)} {rng.choice(CONDITIONS)}, cohort {rng.randrange(900)}",
        said=rng.choice(("PASS", "PASS", "FAIL fewer than three replicates")),
        problems=tuple(c for c in (Code.NOT_UTF8, Code.NO_ORGANISM, Code.UNREADABLE) if rng.random() < 0.04),
        more={
            "organisms": tuple(sorted(set(rng.choices(ORGANISMS, k=rng.choice((1, 1, 1, 2)))))),
            "secondary_accessions": (f"ERP{rng.randrange(100_000, 999_999)}",),
            "analysis_types": ("Differential",),
            "experiment_types": ("RNA-seq of coding RNA",) if late else (),
            "curators": (rng.choice(CURATORS),) if late else (),
            "ensembl_release": "104" if late else "",
        },
    )
