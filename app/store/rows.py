"""Records to rows (`reading` makes records of them). JSON leaves out what is empty."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from app.domain.duplicates import KnownGroup
from app.domain.model import (
    Decision,
    Entry,
    HarvestLog,
    Hold,
    LogStatus,
    Metadata,
    Problem,
    Run,
    Sighting,
    SourceConfig,
    StateChange,
    Verdict,
)
from app.domain.waiting import Rate

if TYPE_CHECKING:
    from app.store.database import Snapshot

T = TypeVar("T")
Values = dict[str, Any]
Ids = Mapping[str, int]
"""source name -> its row in source_config"""


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """A kind of fact: its table, what tells one from another there, and how a record becomes a row."""

    table: str
    key: tuple[str, ...]
    values: Callable[[T, Ids], Values]


# --------------------------------------------------------------------------- sightings


def _sighting_values(sighting: Sighting, ids: Ids) -> Values:
    return {
        "source_id": ids[sighting.source],
        "dataset": sighting.dataset,
        "location": sighting.location,
        "tech": list(sighting.tech) or None,
        "modified": sighting.modified,
        "metadata": {name: value for name, value in _metadata(sighting.metadata)} or None,
        "files": [[file.role, file.path, *file.identity] for file in sighting.files] or None,
        "problems": [_found(problem, sighting) for problem in sighting.problems] or None,
    }


_NOTHING_SAID = Metadata()
_METADATA = tuple(field.name for field in fields(Metadata))


def _metadata(said: Metadata) -> Iterator[tuple[str, Any]]:
    if said != _NOTHING_SAID:
        for name in _METADATA:
            if (value := getattr(said, name)) != getattr(_NOTHING_SAID, name):
                yield name, value


def _found(problem: Problem, sighting: Sighting) -> Values:
    """The dataset and the source are left out where they are the sighting's own."""
    values: Values = {"code": problem.code.value, "message": problem.message, "path": problem.path}
    if problem.line:
        values["line"] = problem.line
    if problem.dataset != sighting.dataset:
        values["dataset"] = problem.dataset
    if problem.source != sighting.source:
        values["source"] = problem.source
    return values


# --------------------------------------------------------------------------- verdicts, entries, decisions, ...


def _verdict_values(verdict: Verdict, ids: Ids) -> Values:
    return {
        "dataset": verdict.dataset,
        "check_name": verdict.check,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "current": verdict.current,
        "checked_at": None if verdict.current else verdict.checked,
    }


def _entry_values(entry: Entry, ids: Ids) -> Values:
    return {"authority": entry.authority, "dataset": entry.dataset, "private": entry.private}


def _decision_values(decision: Decision, ids: Ids) -> Values:
    return {
        "dataset": decision.dataset,
        "state": decision.state and decision.state.name,
        "up_to": decision.up_to and decision.up_to.name,
        "rule": decision.rule,
        "sentence": decision.sentence,
        "source": decision.source,
        "location": decision.location,
        "organism_status": decision.organism_status,
        "ingested_as": list(decision.ingested_as) or None,
    }


def _problem_values(problem: Problem, ids: Ids) -> Values:
    return {
        "digest": problem.digest,
        "code": problem.code.value,
        "severity": str(problem.severity),
        "dataset": problem.dataset,
        "source": problem.source,
        "path": problem.path,
        "message": problem.message,
        "line": problem.line,
    }


def _hold_values(hold: Hold, ids: Ids) -> Values:
    return {"source_id": ids[hold.source], "reason": hold.reason, "had": hold.had, "now": hold.now}


SIGHTINGS = Fact("sighting", ("source_id", "dataset"), _sighting_values)
VERDICTS = Fact("verdict", ("dataset", "check_name"), _verdict_values)
ENTRIES = Fact("entry", ("authority", "dataset"), _entry_values)
DECISIONS = Fact("decision", ("dataset",), _decision_values)
PROBLEMS = Fact("problem", ("digest",), _problem_values)
HOLDS = Fact("hold", ("source_id",), _hold_values)


# --------------------------------------------------------------------------- history


def change_values(change: StateChange, run: int) -> Values:
    return {
        "dataset": change.dataset,
        "from_state": change.before and change.before.name,
        "to_state": change.after and change.after.name,
        "reason": change.reason,
        "sentence": change.sentence,
        "run_id": run,
        "at": change.at,
    }


def group_values(known: KnownGroup) -> Values:
    return {
        "key": known.key,
        "certain": known.group.certain,
        "evidence": known.evidence,
        "datasets": list(known.group.datasets),
        "links": [list(astuple(link)) for link in known.group.links],
    }


# --------------------------------------------------------------------------- runs, sources, logs


def run_values(run: Run) -> Values:
    return {
        "started": run.started,
        "finished": run.finished,
        "status": run.status.value,
        "counts": run.counts,
        "changes": run.changes,
        "checks": list(run.checks),
        "error": run.error,
        "tracker_version": run.tracker_version,
    }


def source_values(source: SourceConfig) -> Values:
    """What the configuration says of a source. Its own options stand beside what every source has."""
    stage = source.stage
    common = {
        "stage": [state.name for state in dict.fromkeys((stage.start, stage.end))],
        "tech": list(source.tech),
        "resource": source.resource,
        "source": source.origin,
    }
    options = {**source.options, **{name: value for name, value in common.items() if value}}
    terms = source.terms
    return {
        "label": source.name,
        "kind": source.kind,
        "key": source.key,
        "options": options,
        "deleted": False,
        "added": source.added,
        "rate_limit_allowance": terms.rate and terms.rate.allowance,
        "rate_limit_period": terms.rate and terms.rate.period,
        "harvest_after": terms.after and f"{terms.after:%H:%M:%S}",
        "interval": terms.schedule or None,
        "earliest_date": terms.earliest and terms.earliest.isoformat(),
        "full_harvest": terms.full,
    }


SOURCE_COLUMNS = (
    *("label", "kind", "key", "options", "deleted", "added", "rate_limit_allowance", "rate_limit_period"),
    *("harvest_after", "interval", "earliest_date", "full_harvest"),
)


def kept_source(row: Sequence[Any], snapshot: Snapshot) -> Values:
    """What `source_values` gave, of a row with SOURCE_COLUMNS."""
    values = dict(zip(SOURCE_COLUMNS, row, strict=True))
    values |= {name: bool(values[name]) for name in ("deleted", "added", "full_harvest")}
    for name in ("harvest_after", "earliest_date"):  # PostgreSQL has types for them
        values[name] = values[name] and str(values[name]).partition(".")[0]
    return values | {"options": snapshot.json(values["options"])}


def entry(values: Values) -> dict[str, Any]:
    """The same as it would be written in sources_config.json."""
    allowance, period = values["rate_limit_allowance"], values["rate_limit_period"]
    told = {
        "name": values["label"],
        "kind": values["kind"],
        **values["options"],
        "schedule": values["interval"],
        "rate_limit": str(Rate(allowance, period)) if allowance else None,
        "earliest_date": values["earliest_date"],
        "full_harvest": values["full_harvest"] or None,
        "harvest_after": values["harvest_after"],
    }
    return {name: value for name, value in told.items() if value is not None}


def log_values(log: HarvestLog, run: Run, source_id: int, run_id: int) -> Values:
    """The reader of a tree or a listing is part of this program, so its version is the program's."""
    return {
        "source_config_id": source_id,
        "start_date": log.start,
        "end_date": log.end,
        "status": log.status.value,
        "error_type": log.error_type,
        "error_message": log.error_message,
        "error_traceback": log.error_traceback,
        "completions": int(log.status is LogStatus.SUCCEEDED),
        **{field.name: getattr(log.counters, field.name) for field in fields(log.counters)},
        "date_started": log.date_started,
        "date_created": run.finished,
        "date_modified": run.finished,
        "tracker_version": run.tracker_version or "UNKNOWN",
        "harvester_version": padded(run.tracker_version),
        "run_id": run_id,
    }


def padded(version: str) -> str:
    """`1.2.10` as `001.002.010`, so that versions sort as text; what follows the numbers is left out."""
    numbers = re.match(r"\d+(\.\d+){0,2}", version)
    segments = numbers.group().split(".") if numbers else []
    return ".".join(segment.zfill(3) for segment in [*segments, "0", "0", "0"][:3])
