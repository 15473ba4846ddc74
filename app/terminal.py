"""What a person sees in the terminal: results on stdout, progress on stderr; colours only on a terminal."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid
from rich.text import Text

from app.domain.duplicates import KnownGroup
from app.domain.model import (
    Entry,
    Known,
    KnownProblem,
    LogStatus,
    OutputReport,
    Problem,
    Remark,
    RemarkKind,
    Report,
    Run,
    Severity,
    StateChange,
    Verdict,
)
from app.domain.overview import Cell, Table, state_name
from app.domain.stuck import Stuck
from app.domain.versions import Version
from app.domain.visit import Published
from app.shapes import with_duration

if TYPE_CHECKING:  # most of what is told needs nothing of it
    from app.domain.catalogue import Harvested, LogEntry
    from app.domain.runlog import RunLog

CHANGES_LISTED = 15
"""A summary lists so many changes; the overview has all."""

CELLS_LISTED = 200
"""A dry run lists so many cells that would change."""

PROBLEMS_LISTED = 8
"""Kinds of problems of a harvest, so that all of it fits a screen."""

FOLDED = 40
"""Characters of a column on a terminal; longer cells are folded."""

_HARMLESS = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)), "\ufffd")
"""Text from files must not command the terminal."""

_COLOURS = {"succeeded": "green", "published": "green", "partial": "yellow", "held": "yellow", "failed": "red"}
_SEVERITIES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "dim"}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the program with 1; that whoever reads has seen enough is the command line's to judge."""
        raise BrokenPipeError


class Terminal:
    """Writes for people. Times are shown in the site's time zone."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        # What goes to a file or another program has lines as long as they are.
        self._out = _Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 10_000)
        self._notes = Console(stderr=True, highlight=False, emoji=False)

    @contextmanager
    def progress(self) -> Iterator[Any]:
        """A line that says what is being done, on a terminal only; gives the function to tell it."""
        if not self._notes.is_terminal:
            yield lambda doing: None
            return
        with self._notes.status("") as status:
            yield lambda doing: status.update(escape(doing))

    def say(self, text: str = "") -> None:
        self._out.print(escape(text.translate(_HARMLESS)))

    def as_of(self, known: Known) -> None:
        if known.at is None:
            self.say("Nothing was tracked then.")
        else:
            self.say(f"As of {self._time(known.at)} {known.at.astimezone(self.zone).tzname()}, run {known.run}")

    def _show(self, grid: Grid) -> None:
        """Without the blanks that fill a terminal's lines, where it is none."""
        if self._out.is_terminal:
            self._out.print(grid)
            return
        with self._out.capture() as capture:
            self._out.print(grid)
        self._out.file.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())

    # ----------------------------------------------------------------------- a crawl

    def report(self, report: Report, before: Mapping[str, int] | None = None) -> None:
        run = report.run
        seconds = (run.finished - run.started).total_seconds()
        title = "Dry run (nothing was written)" if report.dry_run else f"Run {run.id}"
        status = Text(run.status.value, style=_COLOURS[run.status.value])
        self._out.print(Text.assemble((title, "bold"), " ", status, f" in {seconds:.1f} s"))
        self._show(self._counts(run.counts, before))
        self._show(self._sources(report))
        self._changes(report.changes)
        told = {source.error for source in report.sources}
        self.problems(
            KnownProblem(p, run.finished) for p in report.problems if _fails_the_run(p) and p.message not in told
        )
        self._tally(report.problems)
        self._outputs(report.outputs)

    def _outputs(self, outputs: Sequence[OutputReport]) -> None:
        for output in outputs:
            self._out.print(Text.assemble((output.status, _COLOURS[output.status]), f" {output.name}: {output.where}"))
            for note in output.notes:
                self.say(f"  {note}")

    def published(self, done: Published) -> None:
        """What was shown where, or cell by cell what would be."""
        self._outputs(done.outputs)
        if done.visit and done.visit.differences:
            grid = _grid("Tab", "Row", "Column", "Is", "Becomes")
            for change in done.visit.differences[:CELLS_LISTED]:
                cells = change.tab, change.key, change.column, str(change.before), str(change.after)
                grid.add_row(*(escape(cell.translate(_HARMLESS)) for cell in cells))
            self._show(grid)
            if (more := len(done.visit.differences) - CELLS_LISTED) > 0:
                self.say(f"... and {more:,} more; --json has them all")

    def _counts(self, counts: Mapping[str, int], before: Mapping[str, int] | None) -> Grid:
        grid = _grid("State", ("Datasets", "right"), *((("Before", "right"),) if before else ()))
        for state, count in counts.items():
            grid.add_row(state, f"{count:,}", *([f"{before.get(state, 0):,}"] if before else []))
        return grid

    def _sources(self, report: Report) -> Grid:
        grid = _grid("Source", "Kind", ("Datasets", "right"), "Result")
        for source in report.sources:
            result = f"{source.status}: {source.error}" if source.error else source.status
            grid.add_row(
                escape(source.name), source.kind, f"{source.sightings:,}", Text(result, style=_COLOURS[source.status])
            )
        return grid

    def _changes(self, changes: Sequence[StateChange]) -> None:
        new = Counter(change.after for change in changes if change.before is None and change.after)
        if new:
            states = ", ".join(f"{count:,} {state}" for state, count in sorted(new.items(), key=lambda item: item[0]))
            self.say(f"{new.total():,} new: {states}")
        moved = [change for change in changes if change.before is not None]
        if not moved:
            if not new:
                self.say("No dataset changed its state.")
            return
        grid = _grid("Accession", "From", "To", "Reason")
        for change in moved[:CHANGES_LISTED]:
            grid.add_row(escape(change.dataset), str(change.before), state_name(change.after, "gone"), change.reason)
        self._show(grid)
        if len(moved) > CHANGES_LISTED:
            self.say(f"... and {len(moved) - CHANGES_LISTED:,} more: ingest-tracker overview --tab Changes")

    def _tally(self, problems: Sequence[Problem]) -> None:
        tally = {severity: sum(p.severity is severity for p in problems) for severity in _SEVERITIES}
        said = [Text(counted(n, str(severity)), style=_SEVERITIES[severity]) for severity, n in tally.items() if n]
        if said:
            self._out.print(Text("Problems: ") + Text(", ").join(said) + Text(" (ingest-tracker problems)"))

    # ----------------------------------------------------------------------- looking things up

    def table(self, table: Table) -> None:
        """On a terminal as many columns as fit; for a file or another program all of them, in aligned text. A row is a
        line, though curators' notes may have several."""
        cells = [table.columns, *(tuple(self._cell(cell).replace("\n", " ") for cell in row) for row in table.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        self._out.print(Text(f"{table.name} ({len(table.rows):,})", style="bold"))
        if not self._out.is_terminal:
            for row in cells:
                line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
                self._out.file.write(line.rstrip() + "\n")
            return
        used = [at for at in range(len(widths)) if any(row[at] for row in cells[1:])]
        used = used[: self._fitting([widths[at] for at in used])]
        grid = _grid(*(table.columns[at] for at in used))
        for number, row in enumerate(cells[1:]):
            grid.add_row(*(escape(row[at]) for at in used), style="dim" if number in table.muted else "")
        self._show(grid)
        if left_out := [title for at, title in enumerate(table.columns) if at not in used]:
            self._out.print(Text(f"Not shown here: {', '.join(left_out)} (--format csv has all)", style="dim"))

    def summary(self, table: Table) -> None:
        """A section a time, each with the columns that it uses."""
        for section, rows in groupby(table.rows, key=lambda row: str(row[0])):
            listed = list(rows)
            used = [at for at in range(1, len(table.columns)) if any(row[at] not in (None, "") for row in listed)]
            columns = tuple(table.columns[at] for at in used)
            self.table(Table(section, columns, tuple(tuple(row[at] for at in used) for row in listed)))

    def _fitting(self, widths: Sequence[int]) -> int:
        """How many columns fit, if the widest are folded."""
        room, shown = self._out.width, 0
        for width in widths:
            room -= min(width, FOLDED) + 2
            if room < 0 and shown:
                break
            shown += 1
        return shown

    def why(self, known: Known, accession: str) -> None:
        standing = known.standings[accession]
        decision = standing.decision
        state = state_name(decision.state, "gone")
        up_to = f" (up to {decision.up_to})" if decision.up_to else ""
        self._out.print(
            Text.assemble((accession, "bold"), " is ", (state, "bold"), f"{up_to} since {self._time(standing.since)}.")
        )
        self.say(decision.sentence)
        self.say(f"Rule: {decision.rule}")
        if said := known.remarks.get((RemarkKind.IGNORED, accession)):
            self.say(f"Ignored by {said.by} since {self._time(said.at)}: {said.reason}")
        seen = [found[accession] for found in known.sightings.values() if accession in found]
        if seen:
            grid = _grid("Seen in", "Location", "Last modified")
            for sighting in seen:
                grid.add_row(escape(sighting.source), escape(sighting.location), self._cell(sighting.modified))
            self._show(grid)
        for sighting in seen:
            if sighting.metadata.incomplete:
                more = ", ".join(sighting.metadata.incomplete).replace("_", " ")
                self.say(f"A file in {sighting.location} was read only in part, and may name more {more}.")
        if known.verdicts:
            grid = _grid("Check", "Verdict", "Last said")
            for verdict in known.verdicts.values():
                grid.add_row(verdict.check, escape(str(verdict)), self._age(verdict))
            self._show(grid)
        if known.entries:
            grid = _grid("Production database", "What it says", "Last asked")
            for authority, found in known.entries.items():
                grid.add_row(escape(authority), _listed(found.get(accession)), self._cell(known.asked[authority]))
            self._show(grid)
        if noted := known.annotations.get(accession):
            grid = _grid("Curators' column", "What they have there")
            for column, value in noted.items():
                grid.add_row(escape(self._cell(column)), escape(self._cell(value)))
            self._show(grid)
        self.problems(known.problems)

    def _age(self, verdict: Verdict) -> str:
        return self._cell(verdict.checked) + ("" if verdict.current else " (it has no answer any more)")

    def history(self, accession: str, changes: Sequence[StateChange], remarks: Sequence[Remark], now: datetime) -> None:
        self._out.print(Text(accession, style="bold"))
        for change, lasted in with_duration(changes, now):
            from_, to = state_name(change.before, "new"), state_name(change.after, "gone")
            stayed = duration(lasted) + (" so far" if change is changes[-1] else "")
            self._out.print(
                Text.assemble(
                    self._time(change.at), "  ", (f"{from_} -> {to}", "bold"), f" for {stayed} ({change.reason})"
                )
            )
            self.say(f"    {change.sentence}")
        for said in remarks:
            until = f", until {self._time(said.until)} ({said.undone_by})" if said.until else ""
            self.say(f"{self._time(said.at)}  {said.kind.value} by {said.by}{until}: {said.reason}")

    def to_mend(self, found: Sequence[KnownProblem], limit: int | None = None) -> None:
        """How many of each kind there are, then each; those that are over with when they were last seen.
        `found`: kind by kind."""
        grid = _grid("Severity", "Problem", ("Found", "right"), "What it is")
        for code, count in Counter(entry.problem.code for entry in found).items():
            severity = Text(str(code.severity), style=_SEVERITIES[code.severity])
            grid.add_row(severity, code.value, f"{count:,}", code.meaning)
        self._show(grid)
        over = any(entry.last for entry in found)
        for code, entries in groupby(found[:limit], key=lambda entry: entry.problem.code):
            self._out.print(Text.assemble("\n", (f"{code.severity} {code.value}", _SEVERITIES[code.severity])))
            grid = _grid("Key", "First seen", *(["Last seen"] if over else []), "Where", "Message")
            for entry in entries:
                times = (entry.since, *([entry.last] if over else []))
                where = entry.problem.place or entry.problem.dataset or entry.problem.source
                message, said = entry.problem.message, entry.remark
                if said:
                    message += f" ({said.kind.value} by {said.by}: {said.reason})"
                cells = entry.problem.key, *times, where, message
                grid.add_row(*(escape(self._cell(cell)) for cell in cells), style="dim" if said else "")
            self._show(grid)
        if limit is not None and len(found) > limit:
            self.say(f"\n... and {len(found) - limit:,} more")

    def problems(self, problems: Iterable[KnownProblem]) -> None:
        """One line each."""
        for entry in problems:
            found = entry.problem
            where = f" [{found.place}]" if found.path and found.path not in found.message else ""
            line = Text.assemble((str(found.severity), _SEVERITIES[found.severity]), f" {found.code.value}: ")
            self._out.print(line + Text(f"{found.message}{where}"))

    # ----------------------------------------------------------------------- duplicates, and what curators ask and say

    def groups(self, found: Sequence[KnownGroup]) -> None:
        if not found:
            self.say("No dataset is here more than once.")
            return
        grid = _grid("Key", "Certain", "Accessions", "Evidence")
        for one in found:
            said = [f"{link}." for link in one.group.links]
            if one.dismissed:
                said.append(f"Dismissed by {one.dismissed.by}: {one.dismissed.reason}")
            certain = "yes" if one.group.certain else "possible"
            cells = one.key, certain, self._cell(one.group.datasets), " ".join(said)
            grid.add_row(*(escape(self._cell(cell)) for cell in cells), style="dim" if one.dismissed else "")
        self._show(grid)

    def metadata(self, accession: str, found: Sequence[Version]) -> None:
        if not found:
            self.say(f"{accession} has no IDF and no SDRF in any source.")
            return
        grid = _grid("", "File", ("Bytes", "right"), "Modified", "Stage", "Path")
        for version in found:
            which = "latest" if version.latest else "earlier"
            cells = which, version.role.upper(), version.size, version.modified, version.stage, version.path
            grid.add_row(*(escape(self._cell(cell)) for cell in cells), style="" if version.latest else "dim")
        self._show(grid)

    def stuck(self, found: Sequence[Stuck], longer_than: timedelta | None) -> None:
        than = "is usual for its state" if longer_than is None else duration(longer_than)
        if not found:
            self.say(f"No dataset that is under way has stayed in its state longer than {than}.")
            return
        grid = _grid("Accession", "State", "Since", "For", "Usually", "9 of 10 within", "Curator", "Location")
        for one in found:
            usual = (duration(one.usual.median), duration(one.usual.p90)) if one.usual else ("", "")
            cells = (one.dataset, one.state, one.since, duration(one.stayed), *usual, one.curators, one.location)
            grid.add_row(*(escape(self._cell(cell)) for cell in cells))
        self._show(grid)

    def remark(self, undone: Remark) -> None:
        """One that no longer holds."""
        self.say(f"no longer {undone.kind.value}; {undone.by} had said on {self._time(undone.at)}: {undone.reason}")

    def runs(self, runs: Sequence[Run]) -> None:
        grid = _grid(("Run", "right"), "Started", ("Seconds", "right"), "Status", ("Changes", "right"), "Error")
        for run in runs:
            seconds = f"{(run.finished - run.started).total_seconds():.1f}"
            status = Text(run.status.value, style=_COLOURS[run.status.value])
            grid.add_row(
                str(run.id), self._time(run.started), seconds, status, f"{run.changes:,}", escape(run.error)
            )  # fmt: skip
        self._show(grid)

    # ----------------------------------------------------------------------- harvests

    def harvested(self, done: Harvested) -> None:
        if done.logs:
            self.logs(done.logs)
        for source, why in {**done.refused, **done.locked}.items():
            self._out.print(Text.assemble((source, "bold"), " ", ("was not read", "red"), f": {_plain(why)}"))
        for log in done.logs:
            if log.counters.failed or log.status not in (LogStatus.SUCCEEDED, LogStatus.SKIPPED):
                self.say(f"More about h{log.id}: ingest-tracker runs show h{log.id}")
        if done.crawl is not None:
            self._changes(done.crawl.changes)
            self._outputs(done.crawl.outputs)

    def logs(self, logs: Sequence[LogEntry]) -> None:
        counts = ("Seen", "New", "Changed", "Unchanged", "Gone", "Failed")
        grid = _grid(
            ("Harvest", "right"), "Source", "Started", "Status", *((name, "right") for name in counts), "Error"
        )
        for log in logs:
            name = log.status.name.lower()
            numbers = (f"{getattr(log.counters, count.lower()):,}" for count in counts)
            began = self._time(log.date_started) if log.date_started else ""
            status = Text(name, style=_COLOURS.get(name, ""))
            grid.add_row(f"h{log.id}", escape(log.source), began, status, *numbers, escape(_plain(log.error_message)))
        self._show(grid)

    def run_log(self, log: RunLog) -> None:
        """A screen at most, in words that need no explanation."""
        from app.domain.runlog import advice, asked, summary

        entry, counters = log.entry, log.entry.counters
        colour = _COLOURS.get(entry.status.name.lower(), "")
        self._out.print(Text.assemble((f"Harvest h{entry.id} of {entry.source}", "bold")))
        self._out.print(Text(_plain(summary(log)), style=colour))
        self.say(f"Asked for: {asked(log)}.")
        if entry.date_started:
            self.say(f"Began: {self._time(entry.date_started)}, took {duration(timedelta(seconds=entry.seconds))}.")
        if counters.seen or counters.gone:
            self.say("")
            grid = _grid("Records", ("Number", "right"), "Such as")
            for name in ("seen", "new", "changed", "unchanged", "gone", "failed"):
                some = next((found for change, found in log.samples.items() if change.value == name), ())
                number = getattr(counters, name)
                more = ", ..." if number > len(some) > 0 else ""
                grid.add_row(name, f"{number:,}", escape(_cut(", ".join(some), 70) + more))
            self._show(grid)
        if log.problems:
            self.say("")
            grid = _grid("Problem", ("Records", "right"), "Such as")
            for tally in log.problems[:PROBLEMS_LISTED]:
                some = _cut(", ".join(tally.samples), 40) + ", ..." * (tally.count > len(tally.samples))
                said = Text(_cut(_plain(tally.message), 70), style=_SEVERITIES[tally.severity])
                grid.add_row(said, f"{tally.count:,}", escape(some))
            self._show(grid)
            if (more_kinds := log.kinds - PROBLEMS_LISTED) > 0:
                self.say(f"... and {more_kinds:,} kinds more: ingest-tracker runs problems h{entry.id}")
        todo = advice(log)
        self.say("")
        for line in todo or ["There is nothing to do."]:
            self.say(line)

    def listing(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows with the same keys, as a table headed by them."""
        if rows:
            grid = _grid(*(key.replace("_", " ").capitalize() for key in rows[0]))
            for row in rows:
                grid.add_row(*(escape(self._cell(value)) for value in row.values()))
            self._show(grid)

    # ----------------------------------------------------------------------- cells

    def _cell(self, cell: Cell | Sequence[str]) -> str:
        if cell is None:
            return ""
        if isinstance(cell, datetime):
            return self._time(cell)
        if isinstance(cell, (list, tuple)):
            return ", ".join(cell)
        return f"{cell:,}" if type(cell) is int else str(cell).translate(_HARMLESS)

    def _time(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")


def _fails_the_run(problem: Problem) -> bool:
    return problem.severity is Severity.ERROR and not problem.dataset


def _listed(entry: Entry | None) -> str:
    if entry is None:
        return "not in production"
    return "in production, private" if entry.private else "in production"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1 and noun != 'info')}"


def duration(span: timedelta) -> str:
    """`3 d 4 h`, `2 h 5 min`, `40 s`: two units are enough."""
    seconds = int(span.total_seconds())
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count or (name == "s" and not parts):
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])


def _grid(*columns: str | tuple[str, Literal["right"]]) -> Grid:
    grid = Grid(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        if isinstance(column, str):
            grid.add_column(column, overflow="fold")
        else:
            grid.add_column(column[0], justify=column[1])
    return grid


def _plain(text: str) -> str:
    return text.translate(_HARMLESS).replace("\n", " ")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "\u2026"
