"""The JSON that scripts read: one function a shape. Keys are stable; more may be added, none is taken away.

Times are ISO 8601 in UTC, seconds are numbers, states are their names, and what is absent is null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.domain.model import Entry, Known, KnownProblem, Problem, Report, Run, SourceReport, State, StateChange

Json = dict[str, Any]


def report(done: Report) -> Json:
    """`{"run": {"id", "status": "succeeded|partial|failed|held", "started", "finished", "seconds", ...},
    "sources": [{"name", "kind", "status": "succeeded|failed|held", "sightings", "error"}], "counts": {state: n},
    "changes": [{"accession", "from", "to", "reason", "sentence"}],
    "problems": [{"code", "severity", "accession", "source", "path", "line", "message"}],
    "outputs": [{"name", "status": "published|failed", "where"}], "dry_run"}`"""
    return {
        "run": run(done.run),
        "sources": [_source(source) for source in done.sources],
        "counts": dict(done.run.counts),
        "changes": [_change(change) for change in done.changes],
        "problems": [problem(found) for found in done.problems],
        "outputs": [{"name": o.name, "status": o.status, "where": o.where} for o in done.outputs],
        "dry_run": done.dry_run,
    }


def run(done: Run) -> Json:
    return {
        "id": done.id or None,
        "status": done.status.value,
        "started": time(done.started),
        "finished": time(done.finished),
        "seconds": (done.finished - done.started).total_seconds(),
        "changes": done.changes,
        "counts": dict(done.counts),
        "error": done.error,
    }


def runs(done: Iterable[Run]) -> Json:
    """`{"runs": [{"id", "status", "started", "finished", "seconds", "changes", "counts", "error"}]}`, newest first"""
    return {"runs": [run(one) for one in done]}


def problem(found: Problem) -> Json:
    return {
        "code": found.code.value,
        "severity": str(found.severity),
        "accession": found.dataset or None,
        "source": found.source or None,
        "path": found.path or None,
        "line": found.line or None,
        "message": found.message,
    }


def problems(found: Sequence[KnownProblem], limit: int | None = None) -> Json:
    """`{"counts": {code: n}, "problems": [{"code", "severity", "accession", "source", "path", "line", "message",
    "since", "last_seen"}]}`, most severe first. `counts` are of all that were found, `problems` no more than `limit`;
    `since` is when a problem was first seen, `last_seen` is null while it lasts."""
    return {
        "counts": Counter(entry.problem.code.value for entry in found),
        "problems": [
            problem(entry.problem) | {"since": time(entry.since), "last_seen": time(entry.last)}
            for entry in found[:limit]
        ],
    }


def why(known: Known, accession: str) -> Json:
    """`{"accession", "state", "up_to", "since", "rule", "sentence", "source", "location",
    "sightings": [{"source", "location", "tech", "modified", "incomplete": [field], "files": [{"role", "path"}]}],
    "verdicts": [{"check", "outcome", "reason", "checked", "current"}],
    "production": [{"authority", "there", "private", "asked"}], "problems": [...]}`

    `incomplete` names what may have more values in the part of a file that was not read; `private` is null where the
    database does not have the dataset, or does not say."""
    standing = known.standings[accession]
    decision = standing.decision
    seen = [found[accession] for found in known.sightings.values() if accession in found]
    return {
        "accession": accession,
        "state": _state(decision.state),
        "up_to": _state(decision.up_to),
        "since": time(standing.since),
        "rule": decision.rule,
        "sentence": decision.sentence,
        "source": decision.source or None,
        "location": decision.location or None,
        "sightings": [
            {
                "source": sighting.source,
                "location": sighting.location,
                "tech": list(sighting.tech),
                "modified": time(sighting.modified),
                "incomplete": list(sighting.metadata.incomplete),
                "files": [{"role": file.role, "path": file.path} for file in sighting.files],
            }
            for sighting in seen
        ],
        "verdicts": [
            {
                "check": verdict.check,
                "outcome": verdict.outcome.value,
                "reason": verdict.reason,
                "checked": time(verdict.checked),
                "current": verdict.current,
            }
            for verdict in known.verdicts.values()
        ],
        "production": [
            _listed(authority, found.get(accession)) | {"asked": time(known.asked[authority])}
            for authority, found in known.entries.items()
        ],
        "problems": [problem(entry.problem) for entry in known.problems],
    }


def history(accession: str, changes: Sequence[StateChange], now: datetime) -> Json:
    """`{"accession", "changes": [{"from", "to", "reason", "sentence", "at", "run", "lasted_seconds"}]}`, oldest
    first. `lasted_seconds`: how long the dataset stayed in `to`; for the newest change, so far."""
    return {
        "accession": accession,
        "changes": [
            _change(change) | {"at": time(change.at), "run": change.run, "lasted_seconds": lasted.total_seconds()}
            for change, lasted in with_duration(changes, now)
        ],
    }


def with_duration(changes: Sequence[StateChange], now: datetime) -> Iterable[tuple[StateChange, timedelta]]:
    """Each change with how long the state that it led to lasted, or has lasted so far."""
    ends = [change.at for change in changes[1:]] + [now]
    return ((change, max(end - change.at, timedelta())) for change, end in zip(changes, ends, strict=True))


def time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _source(done: SourceReport) -> Json:
    return {
        "name": done.name,
        "kind": done.kind,
        "status": done.status,
        "sightings": done.sightings,
        "error": done.error or None,
    }


def _listed(authority: str, entry: Entry | None) -> Json:
    return {"authority": authority, "there": entry is not None, "private": entry.private if entry else None}


def _change(change: StateChange) -> Json:
    return {
        "accession": change.dataset,
        "from": _state(change.before),
        "to": _state(change.after),
        "reason": change.reason,
        "sentence": change.sentence,
    }


def _state(state: State | None) -> str | None:
    return state.name if state else None
