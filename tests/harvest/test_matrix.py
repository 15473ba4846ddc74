"""However many records there are, and however many are wanted: exactly those are kept, once."""

from __future__ import annotations

import hashlib
import zlib

import pytest

from app.domain.model import LogStatus
from tests.harvest.scripted import Desk, counted, records

SUCCEEDED = LogStatus.SUCCEEDED
LIMITS = {"none": None, "0": 0, "below": -1, "equal": 0, "above": 1}


@pytest.mark.parametrize("superfluous", [False, True], ids=["", "superfluous"])
@pytest.mark.parametrize("limited", LIMITS)
@pytest.mark.parametrize("count", [0, 1, 500, 501, 1010])
def test_so_many_records_with_such_a_limit(desk: Desk, count: int, limited: str, superfluous: bool) -> None:
    limit = LIMITS[limited] if limited in ("none", "0") else max(0, count + (LIMITS[limited] or 0))
    there = count if limit is None else min(count, limit)
    asked = {"limit": limit, "superfluous": superfluous}
    first = desk.one(records(range(count)), **asked)
    assert first.status is SUCCEEDED
    assert counted(first) == ({"seen": there, "new": there} if there else {})
    kept = desk.counts()
    assert kept == {
        **dict.fromkeys(("source_unique_identifier", "raw_datum", "raw_content", "ingest_log"), there),
        "harvest_log_raw_datum": there,
        "harvest_log": 1,
    }
    again = desk.one(**asked)
    assert counted(again) == ({"seen": there, "unchanged": there} if there else {})
    assert desk.counts() == {**kept, "harvest_log_raw_datum": 2 * there, "harvest_log": 2}
    assert desk.shown() == {f"R-{number}": f"record {number}" for number in range(there)}
    if limit is None:
        whole = desk.one(records(range(count, 2 * count)), **asked)
        assert counted(whole) == ({"seen": count, "new": count, "gone": count} if count else {})


def test_each_content_is_kept_once_exactly_as_received(desk: Desk) -> None:
    desk.one(records(range(600)))
    for record in records(range(600)):
        assert record.body is not None
        ((size, body),) = desk.rows(
            "SELECT size, body FROM raw_content WHERE sha256 = :sha256", sha256=hashlib.sha256(record.body).digest()
        )
        assert (size, zlib.decompress(bytes(body))) == (len(record.body), record.body)
