"""What the store knew after one run, and what was before: plain SQL, in one snapshot.

Rows become records here (in `rows` records become rows). A code that this version no longer has is skipped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from app.domain.model import (
    Code,
    Decision,
    Entry,
    File,
    FileIdentity,
    Hold,
    Known,
    KnownProblem,
    KnownSource,
    Lifecycle,
    LogStatus,
    Metadata,
    Outcome,
    Problem,
    Run,
    RunStatus,
    Sighting,
    Standing,
    State,
    StateChange,
    Verdict,
)
from app.store.database import Snapshot
from app.store.values import loads

CHUNK = 500
"""Datasets asked for in one query."""

HOLDS = "{0}.since_run <= :run AND ({0}.until_run IS NULL OR {0}.until_run > :run)"
"""Half-open: a row that this run closed no longer holds."""


class Moment(NamedTuple):
    """A run, by its number, and when it ended."""

    run: int
    at: datetime


def run_at(snapshot: Snapshot, at: datetime | None) -> Moment | None:
    """The newest run, or the last one finished by `at`."""
    until = "" if at is None else "WHERE finished <= :at"
    query = f"SELECT id, finished FROM run {until} ORDER BY id DESC LIMIT 1"
    found = snapshot.first(query, at=at) if until else snapshot.first(query)
    return None if found is None else Moment(found[0], _moment(snapshot, found[1]))


def _moment(snapshot: Snapshot, value: Any) -> datetime:
    """Of a column that is never NULL."""
    moment = snapshot.moment(value)
    assert moment is not None
    return moment


@dataclass(frozen=True, slots=True)
class Reading:
    """`datasets` None: all of them."""

    snapshot: Snapshot
    when: Moment
    lifecycle: Lifecycle
    datasets: Collection[str] | None

    def known(self) -> Known:
        asked = self._asked()
        names = dict(self.snapshot.rows("SELECT id, label FROM source_config"))
        return Known(
            run=self.when.run,
            at=self.when.at,
            sources=self._sources(),
            sightings=self._sightings(names),
            verdicts=self._verdicts(asked),
            entries=self._entries(),
            asked=asked,
            standings=self._standings(),
            problems=tuple(self._problems()),
            holds=self._holds(names),
        )

    def _sources(self) -> dict[str, KnownSource]:
        """As they are configured now. While a source is deleted nothing else modifies it, so that is when it was."""
        run, at = self.when
        read = dict(
            self.snapshot.rows(
                "SELECT source_config_id, max(end_date) FROM harvest_log WHERE status = :succeeded AND run_id <= :run"
                " GROUP BY source_config_id",
                succeeded=LogStatus.SUCCEEDED.value,
                run=run,
            )
        )
        rows = self.snapshot.rows(
            "SELECT id, label, key, kind, options, deleted, date_modified FROM source_config"
            " WHERE date_created <= :at ORDER BY deleted DESC, id",
            at=at,
        )
        return {
            label: KnownSource(
                name=label,
                key=key,
                kind=kind,
                options=self.snapshot.json(options),
                deleted=bool(deleted) and _moment(self.snapshot, modified) <= at,
                last_read=self.snapshot.moment(read.get(number)),
            )
            for number, label, key, kind, options, deleted, modified in rows
        }

    def _sightings(self, names: Mapping[int, str]) -> dict[str, dict[str, Sighting]]:
        found: dict[str, dict[str, Sighting]] = {}
        json, moment = self.snapshot.json, self.snapshot.moment
        for number, dataset, location, tech, modified, said, files, problems in self._facts(
            "SELECT source_id, dataset, location, tech, modified, metadata, files, problems FROM sighting", "sighting"
        ):
            source = names[number]
            found.setdefault(source, {})[dataset] = Sighting(
                dataset,
                source,
                location,
                tuple(json(tech) or ()),
                moment(modified),
                _metadata(json(said)),
                tuple([File(role, path, FileIdentity(*identity)) for role, path, *identity in json(files) or ()]),
                tuple(_problems_of(dataset, source, json(problems))) if problems else (),
            )
        return found

    def _asked(self) -> dict[str, datetime]:
        """check or authority -> when the newest run that it answered ended. Runs differ little in what they asked."""
        query = (
            "SELECT CAST(checks AS TEXT) AS names, max(finished) FROM run WHERE id <= :run"
            " GROUP BY CAST(checks AS TEXT) ORDER BY max(finished)"
        )
        rows = self.snapshot.rows(query, run=self.when.run)
        return {name: _moment(self.snapshot, at) for names, at in rows for name in loads(names)}

    def _verdicts(self, asked: Mapping[str, datetime]) -> dict[tuple[str, str], Verdict]:
        query = "SELECT dataset, check_name, outcome, reason, current, checked_at FROM verdict"
        return {
            (dataset, check): Verdict(
                dataset,
                check,
                _OUTCOMES[outcome],
                reason,
                asked.get(check) if current else self.snapshot.moment(checked),
                bool(current),
            )
            for dataset, check, outcome, reason, current, checked in self._facts(query, "verdict")
        }

    def _entries(self) -> dict[str, dict[str, Entry]]:
        """Of each authority that lists anything, be it these datasets or others."""
        listing = f"SELECT DISTINCT authority FROM entry WHERE {HOLDS.format('entry')}"
        found: dict[str, dict[str, Entry]] = {name: {} for (name,) in self.snapshot.rows(listing, run=self.when.run)}
        for dataset, authority, private in self._facts("SELECT dataset, authority, private FROM entry", "entry"):
            found[authority][dataset] = Entry(dataset, authority, None if private is None else bool(private))
        return found

    def _standings(self) -> dict[str, Standing]:
        newest = (
            "SELECT dataset, from_state, at FROM state_change WHERE {} id IN"
            " (SELECT max(id) FROM state_change WHERE {} run_id <= :run GROUP BY dataset)"
        )
        changed = {
            dataset: (_moment(self.snapshot, at), self._state(before))
            for dataset, before, at in self._rows(newest, "dataset")
        }
        decisions = (
            "SELECT dataset, state, up_to, rule, sentence, source, location, organism_status, ingested_as, finished"
            " FROM decision JOIN run ON run.id = decision.since_run"
        )
        found: dict[str, Standing] = {}
        for row in self._facts(decisions, "decision"):
            dataset, state, up_to, rule, sentence, source, location, organism_status, ingested_as, finished = row
            decision = Decision(
                dataset,
                self._state(state),
                rule,
                sentence,
                self._state(up_to),
                source,
                location,
                organism_status,
                tuple(self.snapshot.json(ingested_as) or ()),
            )
            since = changed.get(dataset) or (_moment(self.snapshot, finished), None)
            found[dataset] = Standing(decision, *since)
        return found

    def _state(self, name: str | None) -> State | None:
        return self.lifecycle.state(name) if name else None

    def _problems(self) -> Iterator[KnownProblem]:
        query = f"SELECT {PROBLEM}, finished FROM problem JOIN run ON run.id = problem.since_run"
        for *said, finished in self._facts(query, "problem"):
            if (found := problem(*said)) is not None:
                yield KnownProblem(found, _moment(self.snapshot, finished))

    def _holds(self, names: Mapping[int, str]) -> dict[str, Hold]:
        query = f"SELECT source_id, reason, had, now FROM hold WHERE {HOLDS.format('hold')} ORDER BY id"
        rows = self.snapshot.rows(query, run=self.when.run)
        return {names[source]: Hold(names[source], reason, had, now) for source, reason, had, now in rows}

    def _facts(self, query: str, table: str) -> Iterator[tuple[Any, ...]]:
        """The rows of this table that hold, in the order in which they came to be."""
        return self._rows(f"{query} WHERE {{}} {HOLDS.format(table)} ORDER BY {table}.id", f"{table}.dataset")

    def _rows(self, query: str, dataset: str) -> Iterator[tuple[Any, ...]]:
        """`query` has `{}` where a condition on `dataset` belongs."""
        if self.datasets is None:
            yield from self.snapshot.rows(query.replace("{}", ""), run=self.when.run)
            return
        wanted = sorted(set(self.datasets))
        for first in range(0, len(wanted), CHUNK):
            some = {f"d{number}": name for number, name in enumerate(wanted[first : first + CHUNK])}
            these = f"{dataset} IN ({', '.join(f':{name}' for name in some)}) AND"
            yield from self.snapshot.rows(query.replace("{}", these), run=self.when.run, **some)


# --------------------------------------------------------------------------- records

_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_CODES = {code.value: code for code in Code}
_NOTHING_SAID = Metadata()


def _metadata(said: Mapping[str, Any] | None) -> Metadata:
    if not said:
        return _NOTHING_SAID
    values: dict[str, Any] = {n: value if isinstance(value, str) else tuple(value) for n, value in said.items()}
    return Metadata(**values)


def _problems_of(dataset: str, source: str, found: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    """Those kept with a sighting."""
    for values in found:
        place = values.get("dataset", dataset), values.get("source", source), values["path"], values.get("line", 0)
        if (found_one := problem(values["code"], values["message"], *place)) is not None:
            yield found_one


PROBLEM = "code, message, dataset, source, path, line"
"""The columns that `problem` takes."""


def problem(code: str, message: str, dataset: str, source: str, path: str, line: int) -> Problem | None:
    """None: this version knows no such code."""
    known = _CODES.get(code)
    return None if known is None else Problem(known, message, dataset, source, path, line)


CHANGE = "dataset, from_state, to_state, reason, sentence, at, run_id"


def changes(snapshot: Snapshot, lifecycle: Lifecycle, which: str, **parameters: Any) -> Sequence[StateChange]:
    """`which`: the rest of the query."""
    return [
        StateChange(
            dataset,
            before and lifecycle.state(before),
            after and lifecycle.state(after),
            reason,
            sentence,
            _moment(snapshot, at),
            run,
        )
        for dataset, before, after, reason, sentence, at, run in snapshot.rows(
            f"SELECT {CHANGE} FROM state_change {which}", **parameters
        )
    ]


def past_problems(snapshot: Snapshot) -> Iterator[KnownProblem]:
    """Those that no longer hold. The last run that saw one is the last before the first that did not."""
    rows = snapshot.rows(
        f"SELECT {PROBLEM}, began.finished, ended.finished FROM problem"
        " JOIN run AS began ON began.id = problem.since_run"
        " JOIN run AS ended ON ended.id = (SELECT max(id) FROM run WHERE id < problem.until_run)"
    )
    for *said, began, ended in rows:
        if (found := problem(*said)) is not None:
            yield KnownProblem(found, _moment(snapshot, began), _moment(snapshot, ended))


def runs(snapshot: Snapshot, limit: int) -> Sequence[Run]:
    """Newest first."""
    rows = snapshot.rows(
        "SELECT id, started, finished, status, counts, changes, checks, error, tracker_version FROM run"
        " ORDER BY id DESC LIMIT :limit",
        limit=limit,
    )
    return [
        Run(
            started=_moment(snapshot, started),
            finished=_moment(snapshot, finished),
            status=RunStatus(status),
            counts=snapshot.json(counts),
            changes=changed,
            checks=tuple(snapshot.json(checks)),
            error=error,
            tracker_version=version,
            id=number,
        )
        for number, started, finished, status, counts, changed, checks, error, version in rows
    ]


def counts(snapshot: Snapshot, at: datetime) -> Mapping[str, int]:
    """state name -> how many datasets stood there at that moment."""
    return dict(
        snapshot.rows(
            "SELECT to_state, count(*) FROM state_change WHERE to_state IS NOT NULL AND id IN"
            " (SELECT max(id) FROM state_change WHERE at <= :at GROUP BY dataset) GROUP BY to_state",
            at=at,
        )
    )
