"""The JSON that scripts read: one function a shape. Keys are stable; more may be added, none is taken away.

Times are ISO 8601 in UTC, seconds are numbers, states are their names, and what is absent is null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.domain.contents import Found, Identical
from app.domain.duplicates import KnownGroup
from app.domain.model import (
    Entry,
    Known,
    KnownProblem,
    OutputReport,
    Problem,
    Remark,
    RemarkKind,
    Report,
    Run,
    SourceReport,
    State,
    StateChange,
)
from app.domain.search import Answer
from app.domain.stuck import Stuck
from app.domain.text import printable, storable
from app.domain.versions import Version
from app.domain.visit import Published

if TYPE_CHECKING:  # most of what is told needs nothing of it
    from app.domain.catalogue import Facts, Harvested, KeptDatum, LogEntry, Pruned, Record
    from app.domain.runlog import RunLog

Json = dict[str, Any]


def report(done: Report) -> Json:
    """`{"run": {"id", "status": "succeeded|partial|failed|held", "started", "finished", "seconds", ...},
    "sources": [{"name", "kind", "status": "succeeded|failed|held", "sightings", "error"}], "counts": {state: n},
    "changes": [{"accession", "from", "to", "reason", "sentence"}],
    "problems": [{"code", "severity", "accession", "source", "path", "line", "message"}],
    "outputs": [{"name", "status": "published|failed", "where", "notes": []}], "dry_run"}`"""
    return {
        "run": run(done.run),
        "sources": [_source(source) for source in done.sources],
        "counts": dict(done.run.counts),
        "changes": [_change(change) for change in done.changes],
        "problems": [problem(found) for found in done.problems],
        "outputs": [_output(output) for output in done.outputs],
        "dry_run": done.dry_run,
    }


def published(done: Published) -> Json:
    """`{"outputs": [...] as in a report, "sheet": {"reads", "writes", "cells", "left_alone": []},
    "differences": [{"tab", "row", "column", "is", "becomes"}]}`; of `differences` only a dry run has any."""
    visit = done.visit
    return {
        "outputs": [_output(output) for output in done.outputs],
        "sheet": visit
        and {"reads": visit.reads, "writes": visit.writes, "cells": visit.cells, "left_alone": list(visit.left_alone)},
        "differences": [
            {"tab": d.tab, "row": d.key, "column": d.column, "is": d.before, "becomes": d.after}
            for d in (visit.differences if visit else ())
        ],
    }


def _output(shown: OutputReport) -> Json:
    return {"name": shown.name, "status": shown.status, "where": shown.where, "notes": list(shown.notes)}


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


def harvested(done: Harvested) -> Json:
    """`{"runs": [as `harvest_log`], "refused": {source: why}, "locked": {source: why}, "crawl": as `report`, or
    null}`"""
    return {
        "runs": [harvest_log(log) for log in done.logs],
        "refused": dict(done.refused),
        "locked": dict(done.locked),
        "crawl": report(done.crawl) if done.crawl else None,
    }


def harvest_log(log: LogEntry) -> Json:
    """`{"id", "source", "status", "start", "end", "seen", "new", "changed", "unchanged", "gone", "failed", "seconds",
    "error"}`; `status` is created, started, split, succeeded, failed, rescheduled, skipped or cancelled."""
    return {
        "id": log.id,
        "source": log.source,
        "status": log.status.name.lower(),
        "start": time(log.window.start),
        "end": time(log.window.end),
        **{name: getattr(log.counters, name) for name in log.counters.__dataclass_fields__},
        "seconds": log.seconds,
        "error": log.error_message,
    }


def run_log(log: RunLog) -> Json:
    """As `harvest_log`, with `{"asked": {}, "samples": {"new": [], "changed": [], "gone": []},
    "problems": [{"severity", "message", "count", "samples"}], "kinds_of_problems", "advice": []}`"""
    from app.domain.runlog import advice

    return {
        **harvest_log(log.entry),
        "asked": dict(log.asked),
        "samples": {change.value: list(some) for change, some in log.samples.items()},
        "problems": [
            {"severity": str(t.severity), "message": t.message, "count": t.count, "samples": list(t.samples)}
            for t in log.problems
        ],
        "kinds_of_problems": log.kinds,
        "advice": advice(log),
    }


def runs(done: Iterable[Run], logs: Iterable[LogEntry]) -> Json:
    """`{"runs": [{"id", "status", "started", "finished", "seconds", "changes", "counts", "error"}], "harvests": []}`,
    newest first; harvests as `harvest_log` has them."""
    return {"runs": [run(one) for one in done], "harvests": [harvest_log(log) for log in logs]}


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
    """`{"counts": {code: n}, "problems": [{"key", "code", "severity", "accession", "source", "path", "line",
    "message", "since", "last_seen", "acknowledged": remark | null}]}`, most severe first. `counts` are of all that were
    found, `problems` no more than `limit`; `since` is when a problem was first seen, `last_seen` is null while it
    lasts; a remark is `{"reason", "by", "at"}`."""
    return {
        "counts": Counter(entry.problem.code.value for entry in found),
        "problems": [
            {"key": entry.problem.key}
            | problem(entry.problem)
            | {"since": time(entry.since), "last_seen": time(entry.last), "acknowledged": remark(entry.remark)}
            for entry in found[:limit]
        ],
    }


def why(known: Known, accession: str) -> Json:
    """`{"accession", "state", "up_to", "since", "rule", "sentence", "source", "location",
    "sightings": [{"source", "location", "tech", "modified", "incomplete": [field], "files": [{"role", "path"}]}],
    "verdicts": [{"check", "outcome", "reason", "checked", "current"}],
    "production": [{"authority", "there", "private", "asked"}], "problems": [...], "ignored": remark | null,
    "annotations": {column: value}}`

    `incomplete` names what may have more values in the part of a file that was not read; `private` is null where the
    database does not have the dataset, or does not say; `annotations`: what curators have in columns of their own."""
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
        "ignored": remark(known.remarks.get((RemarkKind.IGNORED, accession))),
        "annotations": dict(known.annotations.get(accession, {})),
    }


def history(accession: str, changes: Sequence[StateChange], remarks: Iterable[Remark], now: datetime) -> Json:
    """`{"accession", "changes": [{"from", "to", "reason", "sentence", "at", "run", "lasted_seconds"}],
    "remarks": [{"kind", "reason", "by", "at", "until", "undone_by"}]}`, oldest first. `lasted_seconds`: how long the
    dataset stayed in `to`; for the newest change, so far. `until` is null while a remark holds."""
    return {
        "accession": accession,
        "changes": [
            _change(change) | {"at": time(change.at), "run": change.run, "lasted_seconds": lasted.total_seconds()}
            for change, lasted in with_duration(changes, now)
        ],
        "remarks": [
            {"kind": said.kind.value}
            | {"reason": said.reason, "by": said.by, "at": time(said.at)}
            | {"until": time(said.until), "undone_by": said.undone_by or None}
            for said in remarks
        ],
    }


def answers(found: Iterable[Answer]) -> Json:
    """`{"accessions": [{"accession", "recognised", "known", "reserved": {"by", "at"} | null, "matches": [{"accession",
    "state", "since", "source", "location", "production": [authority], "evidence": [sentence]}]}]}`, in the order in
    which they were asked for. `state` is null for a dataset that is gone or that only `production` knows; `evidence` is
    empty where the dataset has the accession to the letter."""
    return {"accessions": [_answer(one) for one in found]}


def _answer(one: Answer) -> Json:
    given = one.reservation
    return {
        "accession": one.accession,
        "recognised": one.recognised,
        "known": one.known,
        "reserved": {"by": given.by, "at": time(given.at)} if given else None,
        "matches": [
            {
                "accession": match.dataset,
                "state": _state(match.state),
                "since": time(match.since),
                "source": match.standing.decision.source or None if match.standing else None,
                "location": match.location or None,
                "production": list(match.listing),
                "evidence": [str(link) for link in match.chain],
            }
            for match in one.matches
        ],
    }


def groups(found: Iterable[KnownGroup]) -> Json:
    """`{"groups": [{"key", "certain", "accessions", "shared", "evidence": [sentence], "dismissed": remark | null}]}`;
    a remark is `{"reason", "by", "at"}`."""
    return {
        "groups": [
            {
                "key": one.key,
                "certain": one.group.certain,
                "accessions": list(one.group.datasets),
                "shared": list(one.group.shared),
                "evidence": [str(link) for link in one.group.links],
                "dismissed": remark(one.dismissed),
            }
            for one in found
        ]
    }


def remark(said: Remark | None) -> Json | None:
    return {"reason": said.reason, "by": said.by, "at": time(said.at)} if said else None


def metadata(accession: str, found: Iterable[Version], copies: Iterable[Path] = ()) -> Json:
    """`{"accession", "files": [{"role": "idf|sdrf", "path", "source", "stage", "bytes", "modified", "latest"}],
    "copies": [path]}`, the latest first."""
    return {
        "accession": accession,
        "files": [
            {
                "role": version.role,
                "path": version.path,
                "source": version.source,
                "stage": version.stage,
                "bytes": version.size,
                "modified": time(version.modified),
                "latest": version.latest,
            }
            for version in found
        ],
        "copies": [str(path) for path in copies],
    }


def stuck(found: Iterable[Stuck]) -> Json:
    """`{"stuck": [{"accession", "state", "since", "seconds", "curators", "location", "usual": {"stays",
    "median_seconds", "p90_seconds"} | null}]}`, longest first. `usual` tells of the stays in that state that are
    over; null where there were too few to tell."""
    return {
        "stuck": [
            {
                "accession": one.dataset,
                "state": one.state,
                "since": time(one.since),
                "seconds": one.stayed.total_seconds(),
                "curators": list(one.curators),
                "location": one.location or None,
                "usual": {
                    "stays": one.usual.count,
                    "median_seconds": one.usual.median.total_seconds(),
                    "p90_seconds": one.usual.p90.total_seconds(),
                }
                if one.usual
                else None,
            }
            for one in found
        ]
    }


def identical(found: Found, shown: Iterable[Identical], whereabouts: Callable[[bytes], tuple[str, str]]) -> Json:
    """`{"groups": [{"size", "wasted", "files": [{"path", "links": [path], "source", "accession"}]}], "found": n,
    "files", "bytes", "read", "wasted", "unreadable": [{"path", "reason"}]}`, those that waste most first. `links` are
    further names of the same file; `found` and `wasted` are of all groups, of which `groups` may be the first."""
    return {
        "groups": [
            {"size": group.size, "wasted": group.wasted, "files": [_file(names, whereabouts) for names in group.files]}
            for group in shown
        ],
        "found": len(found.groups),
        "files": found.files,
        "bytes": found.bytes,
        "read": found.read,
        "wasted": sum(group.wasted for group in found.groups),
        "unreadable": [{"path": printable(one.path), "reason": one.reason} for one in found.unreadable],
    }


def _file(names: Sequence[bytes], whereabouts: Callable[[bytes], tuple[str, str]]) -> Json:
    source, accession = whereabouts(names[0])
    links = [printable(name) for name in names[1:]]
    return {"path": printable(names[0]), "links": links, "source": source or None, "accession": accession or None}


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


def kept(datum: KeptDatum) -> dict[str, Any]:
    """`{"identifier", "sha256", "size", "stored", "content_type", "first_seen", "last_seen", "datestamp", "location",
    "gone"}`: sizes in bytes, as received and as packed."""
    told = {name: getattr(datum, name) for name in ("identifier", "sha256", "size", "stored", "content_type")}
    moments = {name: time(getattr(datum, name)) for name in ("first_seen", "last_seen", "datestamp")}
    return {**told, **moments, "location": datum.location, "gone": datum.gone}


def pruned(removed: Pruned) -> dict[str, int]:
    """`{"data", "contents", "problems", "logs"}`"""
    return {name: getattr(removed, name) for name in ("data", "contents", "problems", "logs")}


def fetched(record: Record, facts: Facts | None, error: str) -> dict[str, Any]:
    """`{"identifier", "title", "identifiers", "error", "size", "datestamp", "location"}`; `title` is null where it
    could not be understood, for the reason that `error` gives."""
    return {
        "identifier": storable(record.identifier),
        "title": facts and facts.title,
        "identifiers": list(facts.identifiers) if facts else [],
        "error": error,
        "size": len(record.body or b""),
        "datestamp": time(record.datestamp),
        "location": storable(record.location),
    }
