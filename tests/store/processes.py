"""Other processes that use a store, for tests of what happens when they die, stand still, or come at the same time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from app.errors import TrackerError

T = TypeVar("T")
ROOT = Path(__file__).parents[2]

BEGIN = """
import sys
from dataclasses import replace
from app.errors import TrackerError
from app.store import open_store
from tests.store.crawls import *

def say(word):
    print(word, flush=True)

def told():
    return sys.stdin.readline()

address = sys.argv[1]
everything = World(sightings=[sighting("E-MTAB-9")], decisions=[decision("E-MTAB-9")])
"""

DIES_RECORDING = """
class Never:
    def check(self):
        say("all is written, nothing committed")
        told()

store = open_store(address, LIFECYCLE, create=True)
with store.lock("crawl"):
    store.record(recording(store.known(), everything, 50), Never())
"""

STANDS_STILL = """
store = open_store(address, LIFECYCLE, create=True)
try:
    with store.lock("crawl") as lock:
        known = store.known()
        say("has the lock")
        told()
        store.record(recording(known, everything, 50), lock)
        say("recorded")
except TrackerError as error:
    say(type(error).__name__)
"""

OPENS_FIRST = """
say("ready")
told()
store = open_store(address, LIFECYCLE, create=True)
say("opened, run %d" % store.known().run)
"""

OPENS = """
store = open_store(address, LIFECYCLE, create=True)
store.known()
say("alembic" in sys.modules)
"""


@contextmanager
def process(program: str, address: str) -> Iterator[subprocess.Popen[str]]:
    """Killed at the end, if it has not ended."""
    child = subprocess.Popen(
        [sys.executable, "-c", BEGIN + program, address],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def says(child: subprocess.Popen[str]) -> str:
    """Its next line; empty when it has ended."""
    assert child.stdout is not None
    return child.stdout.readline().strip()


def tell(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("go\n")
    child.stdin.flush()


def eventually(attempt: Callable[[], T]) -> T:
    """For what another process or server needs a moment to notice."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return attempt()
        except (TrackerError, AssertionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
