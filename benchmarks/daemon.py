"""The daemon on a place of 100,000 folders, of which a fifth are datasets: how long it takes from a file to a row of
the sheet, what it costs while nothing happens, and whether it grows.

The sheet is a server of this machine that does as Google documents. Google takes 60 reads a minute from one account,
and a visit takes three of them: so an event comes every three seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.servers.process import free_port
from tests.servers.sheets import SheetsServer

EVERY, SETTLING, IDLE = 3.2, 5.0, 30.0
"""Seconds from one event to the next, for what is to be done at first, and for which nothing happens then."""
IDF = "Investigation Title\tA study of {0} in mice and men\nSDRF File\t{0}.sdrf.txt\n"
SDRF = "Source Name\tCharacteristics[organism]\nsample of {0}\tHomo sapiens\n"


def measured(root: Path, folders: int, events: int, cycles: int) -> Iterator[str]:
    """Lines for the page."""
    shutil.rmtree(root, ignore_errors=True)
    place, other, port = root / "loading", root / "analysing", free_port()
    other.mkdir(parents=True)
    for number in range(folders // 5):
        put(place, f"E-MTAB-{number + 1}")
    for number in range(folders - folders // 5):
        (place / f"batch-{number:06d}").mkdir()
    with SheetsServer() as google:
        key = google.create("Ingest Status").book.key
        google.share(key, google.service_account_file(root / "key.json"))
        configure(
            root,
            port,
            f"[json, google_sheets]\ngoogle_sheets: {{sheet: {key}, credentials: key.json}}",
            "debounce: 0.5",
        )
        with daemon(root, port, google.url) as pid:
            seconds = sorted(told(root, google, events))
            yield (
                f"- event to row: median {median(seconds):.2f} s, p99 {seconds[int(0.99 * len(seconds))]:.2f} s of "
                f"{len(seconds)}, of which 0.5 s are the debounce; {folders:,} folders, {folders // 5:,} rows in the "
                "sheet. What limits it: the keys of all rows are read, and what is kept of all datasets there."
            )
            before, began = cpu(pid), time.monotonic()
            time.sleep(IDLE)
            share = (cpu(pid) - before) / (time.monotonic() - began)
            yield f"- idle: {100 * share:.2f} % of a core, {memory(pid):.0f} MiB. It looks at the clock once a second."
    shutil.rmtree(root)
    for number in range(200):
        put(place, f"E-MTAB-{number + 1}")
    other.mkdir()
    configure(root, port, "[json, csv_files]", "debounce: 0.02")
    with daemon(root, port) as pid:
        sizes = [cycled(root, port, pid, number) for number in range(cycles)]
        early, late = (median(part) for part in (sizes[cycles // 5 : 2 * cycles // 5], sizes[-cycles // 5 :]))
        yield (
            f"- memory over {cycles:,} cycles of a change and its run: {early:.1f} MiB, then {late:.1f} MiB "
            f"({100 * (late / early - 1):+.1f} %)."
        )
    shutil.rmtree(root)


def put(place: Path, accession: str) -> None:
    (place / accession).mkdir(parents=True)
    (place / accession / f"{accession}.idf.txt").write_text(IDF.format(accession))
    (place / accession / f"{accession}.sdrf.txt").write_text(SDRF.format(accession))


def configure(root: Path, port: int, outputs: str, watch: str) -> None:
    places = {name: {"stage": [name], "tech": ["bulk"]} for name in ("loading", "analysing")}
    (root / "sources_config.json").write_text(json.dumps(places))
    (root / "tracker.yaml").write_text(
        f"sources: sources_config.json\nstore: var/s.db\nout: var/out\noutputs: {outputs}\n"
        f"watch: {{port: {port}, {watch}}}\nhold: {{share: 1.0}}\n"
    )


@contextmanager
def daemon(root: Path, port: int, google: str = "") -> Iterator[int]:
    """Its process, once all was read and nothing is left to do."""
    more = {"INGEST_TRACKER_GOOGLE_API": google} if google else {}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INGEST_TRACKER_")}
    command = [str(Path(sys.executable).with_name("ingest-tracker")), "--config", str(root / "tracker.yaml"), "watch"]
    with (root / "log").open("w") as log:
        process = subprocess.Popen(command, env=kept | more, stderr=log)
        try:
            until(lambda: process.poll() is not None or (health(port)["last_run"] and not health(port)["doing"]), 600)
            time.sleep(SETTLING)  # the word of each place that it is to be looked at once
            yield process.pid
        finally:
            process.terminate()
            process.wait()


def health(port: int) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            said: dict[str, Any] = json.load(answer)
            return said
    except OSError:
        return {"last_run": None, "doing": ""}


def until(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the daemon takes too long")
        time.sleep(0.005)


def told(root: Path, google: SheetsServer, events: int) -> Iterator[float]:
    """Seconds from a dataset that was moved to its row that was written."""
    for number in range(events):
        there, to = (
            root / name for name in (("loading", "analysing") if number % 2 == 0 else ("analysing", "loading"))
        )
        accession = f"E-MTAB-{number // 2 * 7 + 1}"
        written, began = google.log.writes, time.monotonic()
        (there / accession).rename(to / accession)
        until(lambda written=written: google.log.writes > written, 60)  # type: ignore[misc]
        yield (seconds := time.monotonic() - began)
        time.sleep(max(0.0, EVERY - seconds))


def cycled(root: Path, port: int, pid: int, number: int) -> float:
    """MiB that the daemon holds after one more change was recorded."""
    run = health(port)["last_run"]["id"]
    idf = root / "loading" / "E-MTAB-7" / "E-MTAB-7.idf.txt"
    idf.write_text(IDF.format(f"version {number}"))
    until(lambda: health(port)["last_run"]["id"] > run, 60)
    return memory(pid)


def memory(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def cpu(pid: int) -> float:
    """Seconds, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
