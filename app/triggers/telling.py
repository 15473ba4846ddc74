"""What a run did, in sentences: each change of a dataset, and what began or ceased to go wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from app.domain.model import OutputReport, Report, RunStatus, SourceReport, StateChange

LISTED = 25
"""So many changes of a run are told one by one."""

Line = tuple[int, str, dict[str, Any]]
"""level, sentence, and the same as facts"""


class News:
    """What goes wrong is told when it begins, when it is something else, and when it is over."""

    def __init__(self) -> None:
        self._wrong: dict[tuple[str, str], str] = {}

    def of(self, report: Report, seconds: float) -> Iterator[Line]:
        for change in report.changes[:LISTED]:
            yield self._change(change)
        if (more := len(report.changes) - LISTED) > 0:
            yield logging.INFO, f"... and {more:,} changes more", {"run": report.run.id, "more": more}
        for source in report.sources:
            yield from self._source(source)
        for output in report.outputs:
            yield from self.output(output)
        run, count = report.run, len(report.changes)
        told = f"run {run.id} {run.status.value} in {seconds:.1f} s: {count:,} change{'s' * (count != 1)}"
        quiet = not count and run.status is RunStatus.SUCCEEDED
        facts = {"run": run.id, "status": run.status.value, "changes": count, "seconds": round(seconds, 3)}
        yield logging.DEBUG if quiet else logging.INFO, told, facts

    def _change(self, change: StateChange) -> Line:
        before, after = change.before and change.before.name, change.after and change.after.name
        if after is None:
            told = f"{change.dataset} is gone"
        elif before is None:
            told = f"{change.dataset} is new, and {after}"
        else:
            told = f"{change.dataset} is now {after}"
        facts = {"dataset": change.dataset, "before": before, "after": after, "rule": change.reason, "run": change.run}
        why = change.sentence[:1].lower() + change.sentence[1:]
        return logging.INFO, f"{told}: {why}", facts

    def _source(self, source: SourceReport) -> Iterator[Line]:
        wrong = {
            "failed": f"{source.name} cannot be read: {source.error}",
            "held": f"{source.name} waits for a person: {source.error}",
        }.get(source.status, "")
        yield from self._told("source", source.name, wrong, f"{source.name} can be read again")

    def output(self, output: OutputReport) -> Iterator[Line]:
        wrong = f"{output.name} cannot be published: {output.where}" if output.status == "failed" else ""
        yield from self._told("output", output.name, wrong, f"{output.name} is published again: {output.where}")

    def _told(self, kind: str, name: str, wrong: str, over: str) -> Iterator[Line]:
        before = self._wrong.pop((kind, name), "")
        if wrong:
            self._wrong[kind, name] = wrong
            if wrong != before:
                yield logging.ERROR, wrong, {kind: name}
        elif before:
            yield logging.INFO, over, {kind: name}
