"""The whole overview as one page that works from disk, asks nothing of any network, and can be sent to somebody.

The page is templates/page.html with page.css and page.js inside; their hashes are its Content-Security-Policy, so
nothing else in it can run. Its data are two blocks of JSON: what the tables need, and what a dataset needs once it is
opened. Each text stands in them once, and everywhere else its number; an accession within a text about its dataset is
left out for a mark, so that the paths and sentences of all datasets are mostly the same few texts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

from app.domain.details import Detail, Listed, Overview
from app.domain.lifecycle import Seen
from app.domain.model import Code, KnownProblem, RemarkKind, StateChange, Verdict
from app.domain.overview import CHANGES, DUPLICATES, PROBLEMS, SUMMARY, Cell, Table, reason_of
from app.outputs import lines
from app.outputs.cells import plain
from app.outputs.files import replace_files

FILE = "overview.html"
TEMPLATES = Path(__file__).parent / "templates"

FILTERS = {CHANGES: ("From", "To", "Reason"), DUPLICATES: ("Certain",), PROBLEMS: ("Severity", "Problem", "Source")}
"""The columns by which these tabs are filtered; the tabs of datasets are by what is known of each dataset."""

KINDS = {
    "From": "state",
    "To": "state",
    "Reason": "code",
    "Problem": "code",
    "Severity": "severity",
    "Accessions": "accessions",
}
"""How their columns are shown. A code is a stable name for scripts: it is shown with blanks for its underscores."""

GREYED = {PROBLEMS: "Acknowledged", DUPLICATES: "Dismissed"}
"""The columns that say why a row is greyed; of a dataset it is told with the dataset."""

_ODD = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that command whoever shows them, those included that turn the direction of text around."""


MARK = "\x01"
"""Stands for the accession in a text about its dataset. No text holds it otherwise: see _ODD."""


class HtmlPage:
    """`overview.html` in the folder."""

    name = "html_page"
    tells_details = True

    def __init__(self, out: Path, time_zone: tzinfo) -> None:
        self.out, self.time_zone = out, time_zone

    def publish(self, overview: Overview) -> str:
        replace_files(self.name, self.out, {FILE: as_html(overview, self.time_zone)})
        lines.remember_whole(self.name, self.out, overview, FILE)
        return str(self.out / FILE)

    def refresh(self, overview: Overview) -> str | None:
        memory = lines.remembered(self.name, self.out, overview)
        left = memory is not None and lines.left_as_it_is(self.name, self.out, overview, memory)
        return str(self.out / FILE) if left else None


def as_html(overview: Overview, time_zone: tzinfo) -> Iterator[str]:
    """The page in pieces."""
    from jinja2 import Environment, FileSystemLoader  # late: most commands make no page

    style, script = (_inside(name) for name in ("page.css", "page.js"))
    tables, details = data(overview, time_zone)
    template = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, keep_trailing_newline=True
    ).get_template("page.html")
    return template.generate(
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        overview=as_json(tables),
        details=as_json(details),
    )


def _inside(name: str) -> str:
    return (TEMPLATES / name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def as_json(value: object) -> str:
    """JSON that may stand in a script element: nothing in it begins or ends anything of HTML."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


# --------------------------------------------------------------------------- data


class Texts:
    """Each text once. `texts(cell, dataset)` is the number of a text, or time, about that dataset. Numbers go on from
    those `before`, whose texts are not listed again."""

    def __init__(self, time_zone: tzinfo, before: Texts | None = None) -> None:
        self.time_zone = time_zone
        self._numbers: dict[Cell, int] = dict(before._numbers) if before else {}
        self.listed: list[str] = []
        self._first = len(before.listed) if before else 0

    def __call__(self, cell: Cell, dataset: str = "") -> int:
        if dataset and isinstance(cell, str) and dataset in cell:
            cell = self._shown(cell).replace(self._shown(dataset), MARK)
            return self._number(cell, cell)
        number = self._numbers.get(cell)
        return self._number(cell, self._shown(cell)) if number is None else number

    def all(self, cells: Iterable[Cell], dataset: str = "") -> list[int]:
        return [self(cell, dataset) for cell in cells]

    def _number(self, cell: Cell, text: str) -> int:
        if cell not in self._numbers:
            self._numbers[cell] = self._first + len(self.listed)
            self.listed.append(text)
        return self._numbers[cell]

    def _shown(self, cell: Cell) -> str:
        text = "" if cell is None else str(plain(cell, self.time_zone))
        return text if text.isprintable() else _ODD.sub("\ufffd", text)


def data(overview: Overview, time_zone: tzinfo) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two blocks. What the first lists the second does not list again."""
    texts = Texts(time_zone)
    details = {detail.dataset: detail for detail in overview.details}
    tables = [_table(table, overview, details, texts) for table in overview.tables]
    more = Texts(time_zone, texts)
    datasets = [_detail(detail, more) for detail in overview.details]
    over_time = overview.over_time
    first = {
        "asOf": plain(overview.as_of, time_zone),
        "zone": str(time_zone),
        "states": overview.states,
        "stale": sorted(overview.stale),
        "problems": [(code.value, str(code.severity)) for code in Code],
        "moves": overview.moves,
        "overTime": {"days": [plain(at, time_zone) for at in over_time.moments], "counts": dict(over_time.counts)},
        "tables": tables,
        "strings": texts.listed,
    }
    return first, {"datasets": datasets, "strings": more.listed}


def _table(table: Table, overview: Overview, details: Mapping[str, Detail], texts: Texts) -> dict[str, Any]:
    """Column by column. `keys`: the dataset that each row is about, -1 where nothing is known of one."""
    columns = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)
    datasets = _datasets(table)
    known = [dataset if dataset in details else "" for dataset in datasets]
    kinds = [
        _kind(table, title, cells, datasets, overview) for title, cells in zip(table.columns, columns, strict=True)
    ]
    return {
        "name": table.name,
        "size": len(table.rows),
        "columns": table.columns,
        "kinds": kinds,
        "cells": [_cells(kind, cells, known, texts) for kind, cells in zip(kinds, columns, strict=True)],
        "stale": [
            row
            for row, dataset in enumerate(table.datasets)
            if details[dataset].standing.decision.source in overview.stale
        ],
        "muted": [(row, texts(_why_muted(table, row, details))) for row in sorted(table.muted)],
        "keys": [texts(dataset) if dataset else -1 for dataset in known],
        "facets": [
            {"name": label.lower(), "label": label, "codes": KINDS.get(label) == "code", "values": values}
            for label, values in _filters(table, datasets, details, texts)
        ],
    }


def _why_muted(table: Table, row: int, details: Mapping[str, Detail]) -> str:
    """What was done, a colon, and why."""
    if table.datasets and (ignored := details[table.datasets[row]].ignored):
        return f"Ignored: {reason_of(ignored)}"
    title = GREYED.get(table.name, "")
    why = str(table.rows[row][table.columns.index(title)]) if title in table.columns else ""
    return f"Dataset {why.removeprefix('dataset ')}" if why.startswith("dataset ignored: ") else f"{title}: {why}"


def _datasets(table: Table) -> Sequence[str]:
    """Which dataset each row is about; nothing for a table whose rows are about something else."""
    if table.datasets:
        return table.datasets
    at = table.columns.index("Accession") if "Accession" in table.columns else None
    return [str(row[at] or "") for row in table.rows] if at is not None else ()


def _filters(
    table: Table, datasets: Sequence[str], details: Mapping[str, Detail], texts: Texts
) -> Iterator[tuple[str, list[Any]]]:
    """The filters of a tab, each with the values that its rows have: one number, or a list of numbers."""
    if table.datasets:
        for label, values in FACETS.items():
            yield label, [_one_or_more(values(details[dataset]), texts) for dataset in datasets]
    for title in FILTERS.get(table.name, ()):
        at = table.columns.index(title)
        yield title, [texts(row[at]) for row in table.rows]


# Of problems those that are still to be mended: a dataset that has one is marked.
FACETS: dict[str, Callable[[Detail], Sequence[str]]] = {
    "State": lambda detail: (detail.standing.decision.state.name,) if detail.standing.decision.state else (),
    "Organism": lambda detail: detail.organisms,
    "Curator": lambda detail: detail.curators,
    "Problem": lambda detail: tuple({e.problem.code.value: None for e in detail.problems if e.remark is None}),
}


def _one_or_more(values: Sequence[str], texts: Texts) -> int | list[int]:
    return texts.all(values) if len(values) > 1 else texts(values[0] if values else "")


def _kind(table: Table, title: str, cells: Sequence[Cell], datasets: Sequence[str], overview: Overview) -> str:
    """How a column is shown, told from what is in it: sites give columns titles of their own."""
    if table.name in FILTERS and title in KINDS:
        return KINDS[title]
    filled = [cell for cell in cells if cell is not None and cell != ""]
    if filled and all(isinstance(cell, datetime) for cell in filled):
        return "time"
    if filled and all(isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in filled):
        return "number"
    if not all(isinstance(cell, str) for cell in filled) or not filled or table.name == SUMMARY:
        return "text"
    if datasets and (title == "Accession" or list(cells) == list(datasets)):
        return "accession"
    if table.datasets and {*filled} <= {*overview.states}:
        return "state"
    return "link" if all(str(cell).startswith(("http://", "https://")) for cell in filled) else "text"


def _cells(kind: str, cells: Sequence[Cell], datasets: Sequence[str], texts: Texts) -> list[Any]:
    if kind == "number":
        return list(cells)
    about = datasets if datasets and kind != "accession" else repeat("")
    return [
        None if cell is None else texts(cell if isinstance(cell, datetime) else str(cell), dataset)
        for cell, dataset in zip(cells, about, strict=False)
    ]


# --------------------------------------------------------------------------- one dataset; the order is known to page.js

About = Callable[[Iterable[Cell]], list[int]]


def _detail(detail: Detail, texts: Texts) -> list[Any]:
    standing, decision = detail.standing, detail.standing.decision
    about = partial(texts.all, dataset=detail.dataset)
    return [
        texts(detail.dataset),
        *about([detail.title, str(decision.state or ""), str(decision.up_to or "")]),
        *about([standing.since, decision.rule, decision.sentence, detail.link, decision.source]),
        [_place(place, about) for place in detail.seen],
        [_verdict(verdict, about) for verdict in detail.verdicts],
        [_listed(listed, about) for listed in detail.listed],
        [_change(change, about) for change in detail.history],
        [_problem(entry, about) for entry in detail.problems],
        about([detail.ignored.by, detail.ignored.at, detail.ignored.reason]) if detail.ignored else [],
    ]


def _place(place: Seen, about: About) -> list[Any]:
    """Files in the place, or beside it where it is a file itself, go by what their path has beyond that."""
    found, stage = place.sighting, place.stage
    folder = found.location.rstrip("/") + "/"
    if not any(file.path.startswith(folder) for file in found.files):
        folder = found.location.rpartition("/")[0] + "/"
    files = [about([file.role, file.path.removeprefix(folder)]) for file in found.files]
    states = f"{stage.start}" if stage.start == stage.end else f"anything from {stage.start} to {stage.end}"
    more = ", ".join(found.metadata.incomplete).replace("_", " ")
    return [*about([found.source, states, found.location, found.modified, more]), files]


def _verdict(verdict: Verdict, about: About) -> list[int]:
    return about([verdict.check, str(verdict), verdict.checked, "" if verdict.current else "no"])


def _listed(listed: Listed, about: About) -> list[int]:
    says = "not in production" if listed.entry is None else "in production"
    return about([listed.authority, says + ", private" * bool(listed.entry and listed.entry.private), listed.asked])


def _change(change: StateChange, about: About) -> list[int]:
    return about([change.at, str(change.before or ""), str(change.after or ""), change.reason, change.sentence])


def _problem(entry: KnownProblem, about: About) -> list[int]:
    found = entry.problem
    where = "" if found.path and found.path in found.message else found.place
    acknowledged = entry.remark if entry.remark and entry.remark.kind is RemarkKind.ACKNOWLEDGED else None
    why = reason_of(acknowledged) if acknowledged else ""
    return about([str(found.severity), found.code.value, found.message, where, entry.since, why])
