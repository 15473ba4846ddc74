"""A harvest in a process of its own, for tests that kill it: `python -m tests.harvest.worker STORE PLAN`, where PLAN is
JSON: {"records", "says", "kill", "force", "pause"}. It kills itself at the point that is named."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.domain.catalogue import Asked, Facts, Fault, Record
from app.domain.harvest import Window
from app.errors import Locked
from app.harvest import Harvest, Terms
from app.ports import Session
from app.store import harvesting, open_store
from tests.harvest.scripted import Scripted, records
from tests.store.crawls import LIFECYCLE

CHUNK = 4
METHODS = {
    "before the log": "begin",
    "once it is begun": "keep",
    "in a chunk": "_counting",
    "before any is gone": "gone",
    "before it ends": "end",
}
"""Point -> where, in the store: that of a chunk is in its transaction, once its rows are there."""

POINTS = (*METHODS, "between chunks", "in transform")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Mortal(Scripted):
    """Dies between two chunks, or takes its time."""

    kill: str = ""
    pause: float = 0.0

    def records(self, window: Window, session: Session) -> Iterator[Record | Fault]:
        for number, said in enumerate(super().records(window, session)):
            if self.kill == "between chunks" and number == CHUNK + 1:
                die()
            time.sleep(self.pause)
            yield said

    def facts(self, record: Record) -> Facts:
        if self.kill == "in transform" and record.identifier == f"R-{CHUNK + 2}":
            die()
        return super().facts(record)


def main(address: str, told: dict[str, Any]) -> int:
    kill = told.get("kill", "")
    store = open_store(address, LIFECYCLE, create=True)
    if name := METHODS.get(kill):
        method = getattr(harvesting.SqlHarvests, name)

        def dying(self: object, *given: Any) -> Any:
            if kill == "in a chunk" and not given[1].counters.seen:
                return method(self, *given)  # the first of them is stored
            die()

        setattr(harvesting.SqlHarvests, name, dying)
    catalogue = Mortal(records(range(told["records"]), told.get("says", "")), kill=kill, pause=told.get("pause", 0.0))
    terms = Terms(chunk=CHUNK, attempts=told.get("attempts", 5), base=1.1)
    clock = lambda: datetime.now(UTC)  # noqa: E731
    harvest = Harvest(catalogue, store.harvests, store.lock, "0.1.0", clock, terms)
    try:
        for log in harvest.run(Asked(force=told.get("force", False))):
            print(json.dumps({"status": log.status.name, "seen": log.counters.seen}), flush=True)
    except Locked as error:
        print(error, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.loads(sys.argv[2])))
