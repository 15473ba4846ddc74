"""A daemon in a process of its own, and what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.end_to_end.site import PROGRAM, Site, states
from tests.servers.process import free_port

T = TypeVar("T")

SETTINGS = (
    "outputs: [json, csv_files]\nwatch: {{port: {port}, debounce: 0.1, scan_every: 0.5, show_every: 0.5, {more}}}\n"
)


def until(condition: Callable[[], T], seconds: float = 20) -> T:
    """What it gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)
    return found


def configured(site: Site, more: str = "", settings: str = "") -> int:
    """The port on which it will tell how it is."""
    port = free_port()
    site.write("etc/tracker.yaml", SETTINGS.format(port=port, more=more) + settings)
    return port


@dataclass
class Watching:
    site: Site
    process: subprocess.Popen[str]
    port: int
    lines: list[str] = field(default_factory=list)

    def says(self, words: str, seconds: float = 20, after: int = 0) -> str:
        """The first line with these words."""
        deadline = time.monotonic() + seconds
        while not (found := next((line for line in self.lines[after:] if words in line), "")):
            assert time.monotonic() < deadline, (words, self.lines[-20:])
            time.sleep(0.02)
        return found

    def states(self) -> dict[str, str]:
        """As they are published."""
        try:
            told = json.loads((self.site.root / "var/out/overview.json").read_text())
        except FileNotFoundError:
            return {}
        return states({tab: told["tables"][tab]["rows"] for tab in told["tables"]})

    def health(self) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def metrics(self) -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            lines = [line.decode().rstrip() for line in answer if not line.startswith(b"#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def send(self, how: signal.Signals) -> None:
        os.kill(self.process.pid, how)

    def end(self, how: signal.Signals = signal.SIGTERM, seconds: float = 10) -> int:
        """Its exit code."""
        self.send(how)
        return self.process.wait(seconds)


@contextmanager
def watching(site: Site, port: int, *arguments: str | Path, **more: str) -> Iterator[Watching]:
    process = site.start("watch", *arguments, program=PROGRAM, **more)
    watching = Watching(site, process, port)

    def read() -> None:
        assert process.stderr
        for line in process.stderr:
            watching.lines.append(line.rstrip("\n"))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        watching.says("watching ")
        yield watching
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reader.join()
        assert process.stdout
        assert (printed := process.stdout.read()) == "", printed
        process.stdout.close()
        assert not [line for line in watching.lines if "Traceback" in line or "fault of" in line], watching.lines


def sources(**places: str | Mapping[str, Any]) -> dict[str, Any]:
    """Place -> its stage, or all that is said of it."""
    return {
        place: ({"stage": [said], "tech": ["bulk"]} if isinstance(said, str) else {"tech": ["bulk"], **said})
        for place, said in places.items()
    }
