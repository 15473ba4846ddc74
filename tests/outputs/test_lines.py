"""Files that show what changed without being written in whole, and that stay as they are where only time has passed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from app.domain.details import Overview
from app.domain.overview import COLUMN_NAMES
from app.outputs.csv_files import CsvFiles
from app.outputs.html_page import HtmlPage
from app.outputs.json_file import JsonFile
from app.outputs.xlsx_file import XlsxFile
from app.ports import Output
from tests.outputs.pages import AT, Dataset, told

Opened = Callable[[Path, tzinfo], Output]

BY_ROWS: list[Opened] = [JsonFile, CsvFiles]
ALL: list[Opened] = [*BY_ROWS, HtmlPage, XlsxFile]
BEFORE = replace(told(Dataset("E-MTAB-1"), Dataset("E-MTAB-2"), Dataset("E-MTAB-3", "external")), layout="as ever")
AFTER = replace(
    told(Dataset("E-MTAB-1", "analysing"), Dataset("E-MTAB-3", "external"), Dataset("E-MTAB-4")), layout="as ever"
)
CHANGED = frozenset({"E-MTAB-1", "E-MTAB-2", "E-MTAB-4"})


def later(shown: Overview, minutes: float, since: datetime | None, only: frozenset[str]) -> Overview:
    """As of so many minutes after AT, after one as of `since`: of its datasets it tells of these only."""
    tables = []
    for table in shown.tables:
        if table.name in COLUMN_NAMES:
            rows = [n for n, dataset in enumerate(table.datasets) if dataset in only]
            table = replace(
                table,
                rows=tuple(table.rows[n] for n in rows),
                datasets=tuple(table.datasets[n] for n in rows),
                keys=tuple(table.keys[n] for n in rows),
                only=only,
            )
        tables.append(table)
    at = AT + timedelta(minutes=minutes)
    return replace(shown, tables=tuple(tables), as_of=at, since=since, quiet=not only)


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.glob("[!.]*")}


@pytest.mark.parametrize("opened", ALL)
def test_where_nothing_but_time_has_passed_files_stay_as_they_are_for_an_hour(opened: Opened, tmp_path: Path) -> None:
    output = opened(tmp_path, UTC)
    output.publish(BEFORE)
    written = files(tmp_path)
    assert output.refresh(later(BEFORE, 30, AT, frozenset()))
    assert output.refresh(later(BEFORE, 60, AT + timedelta(minutes=30), frozenset()))
    assert files(tmp_path) == written
    last = AT + timedelta(minutes=60)
    assert (output.refresh(later(BEFORE, 61, last, frozenset())) is not None) == (opened in BY_ROWS)
    assert (files(tmp_path) != written) == (opened is JsonFile), "it says as of when it is"


@pytest.mark.parametrize("opened", BY_ROWS)
@pytest.mark.parametrize("quiet", [False, True])
def test_with_the_rows_that_changed_it_is_as_if_it_had_been_written_in_whole(
    opened: Opened, quiet: bool, tmp_path: Path
) -> None:
    part, whole = opened(tmp_path / "part", UTC), opened(tmp_path / "whole", UTC)
    part.publish(BEFORE)
    since = AT
    if quiet:
        since += timedelta(minutes=5)
        assert part.refresh(later(BEFORE, 5, AT, frozenset()))
    assert part.refresh(later(AFTER, 10, since, CHANGED))
    whole.publish(replace(AFTER, as_of=AT + timedelta(minutes=10)))
    contents = [{name: data for name, (_, data) in files(tmp_path / folder).items()} for folder in ("part", "whole")]
    assert contents[0] == contents[1]
    assert b"E-MTAB-4" in b"".join(contents[0].values())


@pytest.mark.parametrize("opened", ALL)
@pytest.mark.parametrize("what", ["another layout", "not the last one", "touched", "nothing was told"])
def test_what_it_knows_counts_only_for_what_it_wrote_last(opened: Opened, what: str, tmp_path: Path) -> None:
    output = opened(tmp_path, UTC)
    output.publish(BEFORE)
    following = later(BEFORE, 30, AT if what != "not the last one" else AT - timedelta(minutes=5), frozenset())
    if what == "another layout":
        following = replace(following, layout="another")
    elif what == "nothing was told":
        following = replace(following, since=None)
    elif what == "touched":
        for path in tmp_path.glob("[!.]*"):
            path.write_bytes(path.read_bytes())
    assert output.refresh(following) is None
