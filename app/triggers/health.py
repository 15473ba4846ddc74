"""How the daemon is: told on a port of this machine, as JSON for a person or a load balancer (`/healthz`) and in the
text format of Prometheus (`/metrics`)."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.domain.model import OutputReport, Report, SourceReport
from app.domain.redaction import redacted
from app.errors import UsageError

STUCK = 900.0
"""Seconds without a word of any progress after which the daemon is no longer well."""

AT_ONCE = 16
"""Connections to the port; more are closed."""

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800)


@dataclass(slots=True)
class Place:
    """A source, as it was last heard of. Times are seconds since 1970."""

    status: str = "not read yet"
    error: str = ""
    read: float | None = None
    mode: str = ""
    why: str = ""


class Health:
    """Written by the thread that works, read by those that answer. `redact` leaves secrets out of what is told."""

    def __init__(self, version: str) -> None:
        self.redact: Callable[[str], str] = redacted
        self._version, self._began = version, time.time()
        self._doing, self._since = "starting", time.monotonic()
        self._trouble = ""
        self._places: dict[str, Place] = {}
        self._next: Mapping[str, datetime] = {}
        self._run: dict[str, Any] | None = None
        self._lock = threading.Lock()  # whoever asks sees all of a run, or nothing of it
        self._registry = CollectorRegistry()
        gauge = partial(Gauge, namespace="ingest_tracker", registry=self._registry)
        counter = partial(Counter, namespace="ingest_tracker", registry=self._registry)
        self._last = gauge("source_last_success_timestamp_seconds", "When it was last read.", ["source"])
        self._up = gauge("source_up", "Whether it could be read the last time.", ["source"])
        self._datasets = gauge("datasets", "Datasets, by state.", ["state"])
        self._problems = gauge("problems", "What there is to mend, by code.", ["code"])
        self._outputs = gauge("output_up", "Whether it could be written the last time.", ["output"])
        self._waiting = gauge("queue_depth", "Sources and entries that wait to be looked at.")
        self._healthy = gauge("healthy", "Whether the daemon does its work.")
        self._runs = counter("runs", "Runs, by how they went.", ["status"])
        self._changes = counter("state_changes", "Changes of a dataset's state.")
        self._requests = counter("sheet_requests", "Requests to the Google Sheet.", ["kind"])
        self._seconds = Histogram(
            "run_seconds",
            "How long a run takes.",
            ["began_by"],
            buckets=_SECONDS,
            namespace="ingest_tracker",
            registry=self._registry,
        )

    # ----------------------------------------------------------------------- told by the daemon

    def sources(self, names: list[str]) -> None:
        """There are these, and no others."""
        with self._lock:
            for name in self._places.keys() - {*names}:
                del self._places[name]
            self._last.clear()
            self._up.clear()
            self._outputs.clear()
        for name in names:
            self._places.setdefault(name, Place())

    def doing(self, what: str) -> None:
        """Empty: nothing."""
        self._doing, self._since = what, time.monotonic()

    def waiting(self, depth: int, modes: Mapping[str, tuple[str, str]], due: Mapping[str, datetime]) -> None:
        self._waiting.set(depth)
        self._next = dict(due)
        for name, (how, why) in modes.items():
            if name in self._places:
                self._places[name].mode, self._places[name].why = how, why

    def ran(self, report: Report, began_by: str, seconds: float) -> None:
        run, self._trouble = report.run, ""
        self._run = {
            "id": run.id,
            "finished": run.finished.isoformat(timespec="seconds"),
            "status": run.status.value,
            "seconds": round(seconds, 3),
            "changes": len(report.changes),
        }
        with self._lock:
            self._runs.labels(run.status.value).inc()
            self._seconds.labels(began_by).observe(seconds)
            self._changes.inc(len(report.changes))
            _set(self._datasets, run.counts)
            _set(self._problems, Tally(problem.code.value for problem in report.problems))
            for source in report.sources:
                self._source(source)
            for output in report.outputs:
                self._output(output)

    def output(self, output: OutputReport) -> None:
        with self._lock:
            self._output(output)

    def _source(self, source: SourceReport) -> None:
        place = self._places.setdefault(source.name, Place())
        place.status, place.error = source.status, source.error
        self._up.labels(source.name).set(source.status == "succeeded")
        if source.status == "succeeded":
            place.read = time.time()
            self._last.labels(source.name).set(place.read)

    def _output(self, output: OutputReport) -> None:
        self._outputs.labels(output.name).set(output.status == "published")
        self._requests.labels("read").inc(output.reads)
        self._requests.labels("write").inc(output.writes)

    def failed(self, why: str) -> None:
        """Nothing can be recorded; until a run has been."""
        self._trouble = why

    # ----------------------------------------------------------------------- asked by others

    @property
    def trouble(self) -> str:
        """Empty: none."""
        busy = time.monotonic() - self._since
        if self._doing and busy > STUCK:
            return self.redact(f"{self._doing} since {busy:,.0f} s")
        return self.redact(self._trouble)

    def metrics(self) -> bytes:
        """In the text format of Prometheus."""
        self._healthy.set(not self.trouble)
        with self._lock:
            return generate_latest(self._registry)

    def told(self) -> dict[str, Any]:
        return {
            "status": "failing" if self.trouble else "ok",
            "trouble": self.trouble,
            "version": self._version,
            "up_seconds": round(time.time() - self._began),
            "doing": self.redact(self._doing),
            "last_run": self._run,
            "next": {name or "all": due.isoformat(timespec="seconds") for name, due in self._next.items()},
            "sources": {
                name: {
                    "status": place.status,
                    "error": self.redact(place.error),
                    "last_read": place.read and datetime.fromtimestamp(place.read, UTC).isoformat(timespec="seconds"),
                    "changes_told_by": place.mode or "schedule",
                    "why": self.redact(place.why),
                }
                for name, place in [*self._places.items()]
            },
        }


def _set(gauge: Gauge, values: Mapping[str, int]) -> None:
    gauge.clear()
    for name, value in values.items():
        gauge.labels(name).set(value)


@contextmanager
def served(health: Health, port: int) -> Iterator[int]:
    """Answers on this port of this machine (0: none) as long as it is open. Gives the port. Raises UsageError."""
    if not port:
        yield 0
        return
    handler = type("Handler", (_Handler,), {"health": health})
    try:
        server = _Server(("127.0.0.1", port), handler)
    except OSError as error:
        raise UsageError(
            f"port {port} of this machine cannot be had ({error.strerror}): is another `watch` on? `watch > port` "
            "names another, 0 none"
        ) from None
    thread = threading.Thread(target=server.serve_forever, name="health", kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *given: Any) -> None:
        self._free = threading.Semaphore(AT_ONCE)
        super().__init__(*given)

    def get_request(self) -> Any:
        try:
            return super().get_request()
        except OSError:  # such as too many open files: whoever asked is still there, and would be found at once
            time.sleep(0.1)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asks may go away at any time."""


class _Handler(BaseHTTPRequestHandler):
    health: Health
    timeout = 10

    def do_GET(self) -> None:
        answers: dict[str, Callable[[], tuple[HTTPStatus, str, bytes]]] = {
            "/healthz": self._healthz,
            "/metrics": lambda: (HTTPStatus.OK, CONTENT_TYPE_LATEST, self.health.metrics()),
        }
        answer = answers.get(self.path.partition("?")[0])
        text = "text/plain; charset=utf-8"
        status, kind, body = answer() if answer else (HTTPStatus.NOT_FOUND, text, b"/healthz and /metrics\n")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _healthz(self) -> tuple[HTTPStatus, str, bytes]:
        told = self.health.told()
        status = HTTPStatus.SERVICE_UNAVAILABLE if told["trouble"] else HTTPStatus.OK
        return status, "application/json", json.dumps(told, indent=2).encode() + b"\n"

    def log_message(self, format: str, *args: object) -> None:
        """Whoever looks every few seconds is no news."""
