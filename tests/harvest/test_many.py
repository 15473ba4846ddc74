"""What is wrong by the hundred thousand: it is counted where it is kept, and never fetched at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from app.domain.catalogue import Fault
from app.store.database import Snapshot
from app.terminal import Terminal
from tests.harvest.scripted import Desk, Scripted, counted, records

MANY, KINDS = 100_000, 5_000


class Faulty(Scripted):
    """Its faults come one at a time, and are gone then."""

    def records(self, *given: Any) -> Iterator[Any]:
        yield from records(range(10))
        for number in range(MANY):
            yield Fault(f"X-{number}", f"has no field {number % KINDS} " + "and what stands there is no date " * 3)


@pytest.fixture
def desk(store: Any) -> Desk:
    desk = Desk(store, Faulty())
    desk.one()
    return desk


def test_they_are_counted_and_told_on_a_screen_and_come_as_a_stream(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fetched = 0
    rows = Snapshot.rows

    def counting(self: Snapshot, query: str, **given: Any) -> Iterator[Any]:
        nonlocal fetched
        for row in rows(self, query, **given):
            fetched += 1
            yield row

    monkeypatch.setattr(Snapshot, "rows", counting)
    log = desk.store.harvests.log(1)
    assert log is not None
    assert fetched < 200
    assert counted(log.entry) == {"seen": 10, "new": 10, "failed": MANY}
    Terminal(desk.clock.now.tzinfo).run_log(log)  # type: ignore[arg-type]
    told = capsys.readouterr().out.splitlines()
    assert len(told) <= 40
    assert max(map(len, told)) <= 120
    fetched = 0
    assert [fault.identifier for fault in islice(desk.store.harvests.problems(1), 5)] == [f"X-{n}" for n in range(5)]
    assert fetched <= 10_000
    assert sum(1 for _ in desk.store.harvests.problems(1)) == MANY
    message = "has no field 7 " + "and what stands there is no date " * 3
    assert sum(1 for _ in desk.store.harvests.problems(1, message)) == MANY // KINDS
