"""What the store knew after one run, and what was before: plain SQL, in one snapshot.

Rows become records here (in `rows` records become rows). A code that this version no longer has is skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from app.domain.duplicates import TITLE, Group, KnownGroup, Link, in_order
from app.domain.model import (
    Annotation,
    Code,
    Decision,
    Elsewhere,
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
    Remark,
    RemarkKind,
    Reservation,
    Run,
    RunStatus,
    Scalar,
    Sighting,
    Standing,
    State,
    StateChange,
    Verdict,
)
from app.domain.schedule import Appointment
from app.store.database import CHUNK, Snapshot
from app.store.values import loads

HELD = "{0}.since_run <= :run AND ({0}.until_run IS NULL OR {0}.until_run > :run)"
"""Half-open: a row that this run closed no longer holds."""
HOLDS = "{0}.until_run IS NULL"
"""The same for the newest run; for this there are indexes."""


class Moment(NamedTuple):
    """A run, by its number, and when it ended."""

    run: int
    at: datetime


def run_at(snapshot: Snapshot, at: datetime | None) -> Moment | None:
    """The newest run, or the last one finished by `at`."""
    until = "" if at is None else "WHERE finished <= :at"
    query = f"SELECT id, finished FROM run {until} ORDER BY id DESC LIMIT 1"
    found = snapshot.first(query, at=at) if until else snapshot.first(query)
    return None if found is None else Moment(found[0], snapshot.time(found[1]))


@dataclass(frozen=True, slots=True)
class Reading:
    """`datasets` None: all of them. What is no part of a run is read as it stood at `until`; None: as it stands."""

    snapshot: Snapshot
    when: Moment
    lifecycle: Lifecycle
    datasets: Collection[str] | None = None
    until: datetime | None = None

    def known(self) -> Known:
        asked = self.asked()
        names = self.names()
        return Known(
            run=self.when.run,
            at=self.when.at,
            settings=next(self.snapshot.rows("SELECT settings FROM run WHERE id = :run", run=self.when.run))[0],
            sources=self._sources(),
            sightings=self.sightings(names),
            verdicts=self.verdicts(asked),
            entries=self.entries(),
            asked=asked,
            standings=self.standings(),
            problems=tuple(self._problems()),
            holds=self._holds(names),
            remarks={(said.kind, said.subject): said for said in remarks(self.snapshot, self.until)},
            annotations=annotated(kept_annotations(self.snapshot, self.until, self.datasets)),
        )

    def part(self, scope: Collection[str]) -> Known:
        """What is known of the datasets, all problems, and how many datasets there are beside."""
        known, everything = self.known(), replace(self, datasets=None)
        names = self.names()
        counts = self.snapshot.json(
            next(self.snapshot.rows("SELECT counts FROM run WHERE id = :run", run=self.when.run))[0]
        )
        found = self.snapshot.rows(
            f"SELECT source_id, count(*) FROM sighting WHERE {HOLDS.format('sighting')} GROUP BY source_id"
        )
        problems = tuple(everything._problems())
        unread = {(p.source, p.dataset) for p in (entry.problem for entry in problems) if p.code is Code.UNREADABLE}
        here = {(source, dataset) for source, seen in known.sightings.items() for dataset in seen}
        states = Counter(s.decision.state for s in known.standings.values())
        stand = {self.lifecycle.state(name): count for name, count in counts.items()}
        return replace(
            known,
            scope=frozenset(scope),
            problems=problems,
            elsewhere=Elsewhere(
                {state: count - states[state] for state, count in stand.items()},
                {names[number]: count - len(known.sightings.get(names[number], ())) for number, count in found},
                Counter(source for source, dataset in unread - here if dataset),
            ),
        )

    def names(self) -> dict[int, str]:
        """Row of a source -> its name."""
        return dict(self.snapshot.rows("SELECT id, label FROM source_config"))

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
                deleted=bool(deleted) and self.snapshot.time(modified) <= at,
                last_read=self.snapshot.moment(read.get(number)),
            )
            for number, label, key, kind, options, deleted, modified in rows
        }

    def sightings(self, names: Mapping[int, str], of: str | None = None) -> dict[str, dict[str, Sighting]]:
        """Source -> dataset -> sighting; `of`: of this source alone."""
        found: dict[str, dict[str, Sighting]] = {}
        json, moment = self.snapshot.json, self.snapshot.moment
        query = "SELECT source_id, dataset, location, tech, modified, metadata, files, problems FROM sighting"
        numbers = ", ".join(str(number) for number, name in names.items() if name == of)
        which = "" if of is None else f"sighting.source_id IN ({numbers or 'NULL'}) AND"
        for number, dataset, location, tech, modified, said, files, problems in self._facts(query, "sighting", which):
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

    def asked(self) -> dict[str, datetime]:
        """check or authority -> when the newest run that it answered ended. Runs differ little in what they asked."""
        query = (
            "SELECT CAST(checks AS TEXT) AS names, max(finished) FROM run WHERE id <= :run"
            " GROUP BY CAST(checks AS TEXT) ORDER BY max(finished)"
        )
        rows = self.snapshot.rows(query, run=self.when.run)
        return {name: self.snapshot.time(at) for names, at in rows for name in loads(names)}

    def verdicts(self, asked: Mapping[str, datetime]) -> dict[tuple[str, str], Verdict]:
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

    def entries(self) -> dict[str, dict[str, Entry]]:
        """Of each authority that lists anything, be it these datasets or others."""
        listing = f"SELECT DISTINCT authority FROM entry WHERE {self._holding('entry')}"
        found: dict[str, dict[str, Entry]] = {name: {} for (name,) in self.snapshot.rows(listing, run=self.when.run)}
        for dataset, authority, private in self._facts("SELECT dataset, authority, private FROM entry", "entry"):
            found[authority][dataset] = Entry(dataset, authority, None if private is None else bool(private))
        return found

    def standings(self) -> dict[str, Standing]:
        moved = (
            "SELECT newest.dataset, newest.from_state, newest.at, oldest.at FROM (SELECT max(id) AS newest, min(id) AS"
            " oldest FROM state_change WHERE {} run_id <= :run GROUP BY dataset) AS ends"
            " JOIN state_change AS newest ON newest.id = ends.newest"
            " JOIN state_change AS oldest ON oldest.id = ends.oldest"
        )
        changed = {
            dataset: (self.snapshot.time(at), self._state(before), self.snapshot.time(first))
            for dataset, before, at, first in self._rows(moved, "dataset")
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
            since = changed.get(dataset) or (self.snapshot.time(finished), None, None)
            found[dataset] = Standing(decision, *since)
        return found

    def states(self) -> dict[str, State | None]:
        rows = self.snapshot.rows(f"SELECT dataset, state FROM decision WHERE {HOLDS.format('decision')}")
        return {dataset: self._state(name) for dataset, name in rows}

    def _state(self, name: str | None) -> State | None:
        return self.lifecycle.state(name) if name else None

    def _problems(self) -> Iterator[KnownProblem]:
        query = f"SELECT {PROBLEM}, finished FROM problem JOIN run ON run.id = problem.since_run"
        for *said, finished in self._facts(query, "problem"):
            if (found := problem(*said)) is not None:
                yield KnownProblem(found, self.snapshot.time(finished))

    def _holds(self, names: Mapping[int, str]) -> dict[str, Hold]:
        query = f"SELECT source_id, reason, had, now FROM hold WHERE {self._holding('hold')} ORDER BY id"
        rows = self.snapshot.rows(query, run=self.when.run)
        return {names[source]: Hold(names[source], reason, had, now) for source, reason, had, now in rows}

    def _facts(self, query: str, table: str, which: str = "") -> Iterator[tuple[Any, ...]]:
        """The rows of this table that hold, in the order in which they came to be; `which`: of those only some."""
        return self._rows(f"{query} WHERE {which} {{}} {self._holding(table)} ORDER BY {table}.id", f"{table}.dataset")

    def _holding(self, table: str) -> str:
        return (HOLDS if self.until is None else HELD).format(table)

    def _rows(self, query: str, dataset: str) -> Iterator[tuple[Any, ...]]:
        """`query` has `{}` where a condition on `dataset` belongs."""
        if self.datasets is None:
            return self.snapshot.rows(query.replace("{}", ""), run=self.when.run)
        return _among(self.snapshot, query, f"{dataset} IN (...) AND", self.datasets, run=self.when.run)


def _among(
    snapshot: Snapshot, query: str, condition: str, values: Collection[str], **parameters: Any
) -> Iterator[tuple[Any, ...]]:
    """The rows for which this condition holds, with these values in place of its `...`; `query` has `{}` where it
    belongs."""
    wanted = sorted(set(values))
    for first in range(0, len(wanted), CHUNK):
        some = {f"v{number}": value for number, value in enumerate(wanted[first : first + CHUNK])}
        these = condition.replace("...", ", ".join(f":{name}" for name in some))
        yield from snapshot.rows(query.replace("{}", these), **parameters, **some)


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
            snapshot.time(at),
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
            yield KnownProblem(found, snapshot.time(began), snapshot.time(ended))


def runs(snapshot: Snapshot, limit: int) -> Sequence[Run]:
    """Newest first."""
    rows = snapshot.rows(
        "SELECT id, started, finished, status, counts, changes, checks, error, tracker_version FROM run"
        " ORDER BY id DESC LIMIT :limit",
        limit=limit,
    )
    return [
        Run(
            started=snapshot.time(started),
            finished=snapshot.time(finished),
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


# --------------------------------------------------------------------------- looking up


def traces(snapshot: Snapshot, source: str) -> dict[str, bytes | None]:
    """See `app.ports.Store.traces`."""
    there = "(SELECT id FROM source_config WHERE NOT deleted AND label = :source)"
    of_datasets = (
        "SELECT sighting.dataset, kept FROM sighting LEFT JOIN trace ON trace.source_id = sighting.source_id"
        f" AND trace.dataset = sighting.dataset WHERE sighting.source_id = {there} AND {HOLDS.format('sighting')}"
    )
    of_place = f"SELECT dataset, kept FROM trace WHERE source_id = {there} AND dataset = ''"
    rows = snapshot.rows(f"{of_datasets} UNION ALL {of_place}", source=source)
    return {dataset: None if kept is None else bytes(kept) for dataset, kept in rows}


def groups(snapshot: Snapshot) -> list[KnownGroup]:
    """See `app.ports.Store.groups`."""
    rows = snapshot.rows("SELECT key, certain, evidence, datasets, links FROM study_group")
    return in_order(
        KnownGroup(
            Group(tuple(snapshot.json(datasets)), tuple(Link(*link) for link in snapshot.json(links)), bool(certain)),
            key,
            evidence,
        )
        for key, certain, evidence, datasets, links in rows
    )


def titles(snapshot: Snapshot, datasets: Collection[str]) -> frozenset[str]:
    """See `app.ports.Store.titles`."""
    names = _among(snapshot, "SELECT name FROM naming WHERE {}", "dataset IN (...)", datasets)
    return frozenset(name for (name,) in names if name.startswith(TITLE))


def alike(snapshot: Snapshot, keys: Collection[str]) -> dict[str, frozenset[str]]:
    """See `app.ports.Store.alike`."""
    found: dict[str, set[str]] = {}
    for key, dataset in _among(snapshot, "SELECT name, dataset FROM naming WHERE {}", "name IN (...)", keys):
        found.setdefault(key, set()).add(dataset)
    return {key: frozenset(those) for key, those in found.items()}


def having(snapshot: Snapshot, names: Collection[str]) -> dict[str, frozenset[str]]:
    """See `app.ports.Store.having`."""
    named = {row[0] for row in _among(snapshot, "SELECT dataset FROM naming WHERE {}", "name IN (...)", names)}
    here = "SELECT dataset FROM decision WHERE {} until_run IS NULL AND state IS NOT NULL"
    named.update(row[0] for row in _among(snapshot, here, "dataset IN (...) AND", names))
    found: dict[str, set[str]] = {dataset: set() for dataset in named}
    for dataset, name in _among(snapshot, "SELECT dataset, name FROM naming WHERE {}", "dataset IN (...)", named):
        if not name.startswith(TITLE):
            found[dataset].add(name)
    return {dataset: frozenset(also) for dataset, also in found.items()}


def listed(snapshot: Snapshot, datasets: Collection[str]) -> dict[str, tuple[str, ...]]:
    """dataset -> the authorities that list it."""
    found: dict[str, tuple[str, ...]] = {}
    query = "SELECT dataset, authority FROM entry WHERE {} until_run IS NULL"
    for dataset, authority in sorted(_among(snapshot, query, "dataset IN (...) AND", datasets)):
        found[dataset] = (*found.get(dataset, ()), authority)
    return found


def reservations(snapshot: Snapshot, accessions: Collection[str]) -> dict[str, Reservation]:
    query = "SELECT accession, given_to, given_at FROM reservation WHERE {}"
    rows = _among(snapshot, query, "accession IN (...)", accessions)
    return {accession: Reservation(accession, by, snapshot.time(at)) for accession, by, at in rows}


def remarks(snapshot: Snapshot, at: datetime | None = None, *, over: bool = False) -> Iterator[Remark]:
    """Those that held at this moment, or hold now; or, if those are wanted that are `over` too, all. Oldest first."""
    holds = "undone_at IS NULL" if at is None else "said_at <= :at AND (undone_at IS NULL OR undone_at > :at)"
    given = {} if at is None or over else {"at": at}
    for kind, subject, reason, by, said, evidence, undone, undone_by in snapshot.rows(
        "SELECT kind, subject, reason, said_by, said_at, evidence, undone_at, undone_by FROM remark"
        f" WHERE {'true' if over else holds} ORDER BY id",
        **given,
    ):
        if kind in _REMARKS:
            until = snapshot.moment(undone)
            yield Remark(_REMARKS[kind], subject, reason, by, snapshot.time(said), evidence, until, undone_by)


def kept_annotations(
    snapshot: Snapshot, at: datetime | None = None, datasets: Collection[str] | None = None, *, over: bool = False
) -> Iterator[Annotation]:
    """Those that stood there at this moment, or stand there now; or, if those are wanted that are `over` too, all.
    Oldest first."""
    holds = "until IS NULL" if at is None else "since <= :at AND (until IS NULL OR until > :at)"
    condition = "true" if over else holds
    query = f"SELECT dataset, title, value, since, until FROM annotation WHERE {{}} {condition} ORDER BY id"
    given = {} if at is None or over else {"at": at}
    if datasets is None:
        rows = snapshot.rows(query.replace("{}", ""), **given)
    else:
        rows = _among(snapshot, query, "dataset IN (...) AND", datasets, **given)
    for dataset, title, value, since, until in rows:
        yield Annotation(dataset, title, loads(value), snapshot.time(since), snapshot.moment(until))


def annotated_now(snapshot: Snapshot) -> dict[tuple[str, str], str]:
    """(dataset, column) -> what stands there, as it is kept."""
    rows = snapshot.rows("SELECT dataset, title, value FROM annotation WHERE until IS NULL")
    return {(dataset, title): value for dataset, title, value in rows}


def annotated(found: Iterable[Annotation]) -> dict[str, dict[str, Scalar]]:
    """dataset -> column -> what stands there."""
    told: dict[str, dict[str, Scalar]] = {}
    for one in found:
        told.setdefault(one.dataset, {})[one.column] = one.value
    return told


_REMARKS = {kind.value: kind for kind in RemarkKind}


def stays(snapshot: Snapshot, at: datetime | None, states: Collection[str]) -> dict[str, list[timedelta]]:
    """See `app.ports.Store.stays`."""
    until, given = (" AND {}.at <= :at", {"at": at}) if at else ("", {})
    following = "SELECT next.at FROM state_change AS next WHERE next.dataset = stay.dataset AND next.id > stay.id"
    query = (
        f"SELECT stay.to_state, stay.at, ({following}{until.format('next')} ORDER BY next.id LIMIT 1)"
        f" FROM state_change AS stay WHERE {{}}{until.format('stay')}"
    )
    found: dict[str, list[timedelta]] = {}
    for state, began, ended in _among(snapshot, query, "stay.to_state IN (...)", states, **given):
        if ended is not None:
            found.setdefault(state, []).append(snapshot.time(ended) - snapshot.time(began))
    return found


def overdue(snapshot: Snapshot, since: Mapping[str, datetime]) -> dict[str, int]:
    """See `app.ports.Store.overdue`."""
    if not since:
        return {}
    late = " OR ".join(f"(to_state = :state{number} AND at < :at{number})" for number in range(len(since)))
    given: dict[str, Any] = {f"state{number}": state for number, state in enumerate(since)}
    given |= {f"at{number}": at for number, at in enumerate(since.values())}
    return dict(
        snapshot.rows(
            f"SELECT to_state, count(*) FROM state_change WHERE ({late})"
            " AND id IN (SELECT max(id) FROM state_change GROUP BY dataset)"
            " AND dataset NOT IN (SELECT subject FROM remark WHERE kind = :ignored AND undone_at IS NULL)"
            " GROUP BY to_state",
            ignored=RemarkKind.IGNORED.value,
            **given,
        )
    )


def appointments(snapshot: Snapshot) -> dict[str, Appointment]:
    """Job -> what was kept of its schedule."""
    rows = snapshot.rows("SELECT job, text, anchor, made FROM schedule")
    return {job: Appointment(text, snapshot.time(anchor), snapshot.moment(made)) for job, text, anchor, made in rows}
