"""The HTTP side: who asks, for which API; quotas, faults, the log; and one lock around everything."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson
import requests.adapters

from tests.servers.sheets import accounts, discovery, drive, masks, view
from tests.servers.sheets.accounts import Accounts, bad_request, error_body
from tests.servers.sheets.curator import Curator
from tests.servers.sheets.edits import Editor, NotModelled, Ways
from tests.servers.sheets.grid import Book, Json, Refused, blank_sheet
from tests.servers.sheets.values import Values, areas

HEADER = "x-original-host"
READS = ("get", "getByDataFilter", "batchGet", "batchGetByDataFilter", "search")
OF = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
OF |= {500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
SAID = {
    404: "Requested entity was not found.",
    403: "The caller does not have permission",
    429: "Resource has been exhausted (e.g. check quota).",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
    504: "Deadline expired before operation could complete.",
}
OUTPUT = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


@dataclass
class Request:
    """A request, and what became of it. `kind`: read, write, drive, token or other. `cells`: how many it wrote."""

    method: str
    host: str
    path: str
    query: str
    headers: dict[str, str]
    raw: bytes
    kind: str = "other"
    operation: str = ""
    body: Any = None
    user: str | None = None
    status: int = 0
    cells: int = 0
    reply: Any = None


class Log(list[Request]):
    """Every request in order of arrival."""

    def of(self, kind: str) -> list[Request]:
        return [request for request in self if request.kind == kind]

    @property
    def reads(self) -> int:
        return len(self.of("read"))

    @property
    def writes(self) -> int:
        return len(self.of("write"))

    @property
    def cells_written(self) -> int:
        """Cells of updateCells and of values, and those that a repeatCell or a paste covers; of what was done."""
        return sum(request.cells for request in self)

    def reset(self) -> None:
        self.clear()


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request. `status`: answered with Google's body, nothing is done (`retry_after`: that
    header). `html`: a page instead of JSON. `drop`: the connection is closed, "before" or "after" the request is done.
    `delay`: seconds before it is done; more than the limit of 180: 504, and nothing is done. `truncate`: so many bytes
    of the reply are sent, though Content-Length promises all."""

    status: int | None = None
    retry_after: int | None = None
    html: bool = False
    drop: str = ""
    delay: float = 0.0
    truncate: int | None = None


@dataclass
class _Planned:
    fault: Fault
    wanted: Callable[[Request], bool]
    skip: int
    times: float


@dataclass
class Limits:
    """Requests a minute, by kind. None: not counted."""

    per_user: int | None = None
    per_project: int | None = None
    seconds: float = 180.0

    @classmethod
    def of_google(cls) -> Limits:
        return cls(per_user=60, per_project=300)


@dataclass
class File:
    book: Book
    owner: str
    roles: dict[str, str]
    created: str
    modified: str

    @property
    def name(self) -> str:
        return str(self.book.properties["title"])


def _api(request: Request) -> bool:
    return request.kind in ("read", "write", "drive")


@dataclass
class SheetsServer:
    """`with SheetsServer() as google:` Google Sheets on 127.0.0.1. See the package."""

    ways: Ways = field(default_factory=Ways)
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.time
    between: Callable[[SheetsServer, Request], None] | None = None
    disabled: set[str] = field(default_factory=set)
    """Of "sheets" and "drive", the APIs that are not enabled in the project."""

    def __post_init__(self) -> None:
        self.log = Log()
        self.files: dict[str, File] = {}
        self.failures: list[str] = []
        self.lock = threading.RLock()
        self.accounts = Accounts(lambda: self.clock())
        self._planned: list[_Planned] = []
        self._counted: list[tuple[float, str, str]] = []
        self._keys = 0
        self._closing = threading.Event()

    # ---------------------------------------------------------------- for tests

    def __enter__(self) -> SheetsServer:
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()
        if self.failures and kind is None:
            raise AssertionError("the server itself went wrong: " + "\n".join(self.failures))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def lines(self) -> int:
        """How many are open now."""
        return len(self._server.connections)

    def adapter(self) -> requests.adapters.HTTPAdapter:
        """Mounted on `https://`, it brings every request here instead of to the host that it names."""
        return _Here(self.url)

    def service_account_file(self, path: Path, name: str = "robot", known: bool = True) -> str:
        """Writes a key file; returns the account's address. `known` False: Google knows no such account."""
        return self.accounts.file(path, name, known)

    def create(self, title: str, owner: str = "curator@example.org", tabs: tuple[str, ...] = ("Sheet1",)) -> File:
        """A new spreadsheet, with tabs of 1000 rows and 26 columns. Its key: `.book.key`."""
        with self.lock:
            sheets = [blank_sheet(0 if at == 0 else 100 + at, name) for at, name in enumerate(tabs)]
            return self._keep(Book("", {**view.PROPERTIES, "title": title}, sheets), owner)

    def copy(self, key: str, title: str, owner: str) -> File:
        book = self.files[key].book.copy()
        book.properties["title"] = title
        return self._keep(book, owner)

    def _keep(self, book: Book, owner: str) -> File:
        self._keys += 1
        book.key = f"1{self._keys:04d}" + "sheet" * 7 + "_-AZ"
        now = self._now()
        self.files[book.key] = File(book, owner, {owner: "owner"}, now, now)
        return self.files[book.key]

    def share(self, key: str, email: str, role: str = "writer") -> None:
        """`role`: writer, reader, or none."""
        with self.lock:
            roles = self.files[key].roles
            roles.pop(email, None)
            roles |= {} if role == "none" else {email: role}

    def curator(self, key: str) -> Curator:
        """Someone who works in the spreadsheet by hand."""
        return Curator(self, key)

    def fail(self, fault: Fault, times: float = 1, at: int = 0, when: Callable[[Request], bool] = _api) -> None:
        """The next `times` requests that `when` holds for meet the fault, after `at` of them went well."""
        with self.lock:
            self._planned.append(_Planned(fault, when, at, times))

    def calm(self) -> None:
        """All faults that have not been met yet are called off."""
        with self.lock:
            self._planned.clear()

    def wait(self, seconds: float) -> bool:
        """Returns after so many seconds, or when the server closes: whether it does."""
        return self._closing.wait(seconds)

    # ---------------------------------------------------------------- one request

    def _now(self) -> str:
        return datetime.fromtimestamp(self.clock(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def fault(self, request: Request) -> Fault | None:
        for plan in self._planned:
            if plan.times > 0 and plan.wanted(request):
                if plan.skip > 0:
                    plan.skip -= 1
                    continue
                plan.times -= 1
                return plan.fault
        return None

    def arrived(self, request: Request) -> tuple[discovery.Operation, dict[str, str]] | None:
        """Logs a request; says which method it means."""
        found = discovery.find(request.host, request.method, request.path)
        if request.host == "oauth2.googleapis.com" and (request.method, request.path) == ("POST", "/token"):
            request.kind = request.operation = "token"
        elif found:
            request.operation = found[0].id
            verb = request.operation.rpartition(".")[2]
            kinds = {"sheets": "read" if verb in READS else "write", "drive": "drive"}
            request.kind = kinds.get(request.operation.partition(".")[0], "other")
        self.log.append(request)
        return found

    def answer(self, request: Request, found: tuple[discovery.Operation, dict[str, str]] | None) -> None:
        """Puts status and reply into the request. Never raises: what this server cannot do is a failure of the test."""
        try:
            if self.between:
                self.between(self, request)
            request.status, request.reply = self._answer(request, found)
            if request.status == 200 and found and found[0].response and not isinstance(request.reply, str):
                found[0].check_reply(request.reply)
        except Exception as error:
            said = error.message() if isinstance(error, discovery.Invalid) else traceback.format_exc()
            self.failures.append(f"{request.method} {request.path}: {said}")
            request.status, request.reply = 500, error_body(500, f"test server: {said}", "INTERNAL")

    def _answer(self, request: Request, found: tuple[discovery.Operation, dict[str, str]] | None) -> tuple[int, Any]:
        if request.kind == "token":
            try:
                return 200, self.accounts.grant(request.raw)
            except accounts.TokenRefused as error:
                return 400, error.body
        if found is None:
            return 404, "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>"
        operation, in_path = found
        api = operation.id.partition(".")[0]
        if api == "iamcredentials":
            return 200, {"locations": [], "encodedLocations": "0x0"}
        if api in self.disabled:
            return 403, accounts.service_disabled(api)
        user = self.accounts.user(request.headers.get("authorization"), api)
        if not isinstance(user, str):
            return user
        request.user = user
        if api == "sheets" and (refused := self._over_quota(request.kind, user)):
            return 429, refused
        try:
            call = operation.call(in_path, request.query)
        except (discovery.Invalid, masks.BadMask) as error:
            return 400, _bad_parameter(error)
        try:
            request.body = self._body(operation, request)
        except orjson.JSONDecodeError as error:
            return 400, bad_request(f"Invalid JSON payload received. {error}", "")
        except discovery.Invalid as error:
            return 400, bad_request(error.message(), error.path)
        try:
            if api == "drive":
                return drive.answer(self, call, request.body, user)
            return self._sheets(request, call, user)
        except Refused as error:
            return error.status, error_body(error.status, str(error), OF[error.status])

    def _body(self, operation: discovery.Operation, request: Request) -> Any:
        if operation.request is None or "/upload/" in request.path:
            return request.raw
        body = orjson.loads(request.raw) if request.raw else {}
        operation.check_request(body)
        request.raw = b""
        return body

    def _over_quota(self, kind: str, user: str) -> Json | None:
        """A refused request is not counted."""
        now = self.clock()
        self._counted = [one for one in self._counted if one[0] > now - 60]
        same = [one for one in self._counted if one[1] == kind]
        for per, limit, count in (
            ("user", self.limits.per_user, sum(one[2] == user for one in same)),
            ("project", self.limits.per_project, len(same)),
        ):
            if limit is not None and count >= limit:
                return accounts.quota_exceeded(kind, per)
        self._counted.append((now, kind, user))
        return None

    def _sheets(self, request: Request, call: discovery.Call, user: str) -> tuple[int, Any]:
        method = call.operation.id.removeprefix("sheets.spreadsheets.")
        if method == "create":
            return 200, self._created(request.body, user)
        file = self.files.get(call.parameters["spreadsheetId"])
        if file is None:
            return 404, error_body(404, SAID[404], OF[404])
        if file.roles.get(user) not in ("owner", "writer", *(("reader",) if request.kind == "read" else ())):
            return 403, error_body(403, SAID[403], OF[403])
        book = file.book.copy() if request.kind == "write" else file.book
        editor = Editor(book, user, self.ways)
        reply = self._done(method, book, editor, call, request.body if isinstance(request.body, dict) else {}, user)
        if request.kind == "write":
            file.book, file.modified, request.cells = book, self._now(), editor.cells
        return 200, reply

    def _done(self, method: str, book: Book, editor: Editor, call: discovery.Call, body: Json, user: str) -> Json:
        if method in ("get", "getByDataFilter"):
            given = {**call.parameters, **body}
            some = [book.a1_area(text) for text in given.get("ranges", [])]
            some += [area for by in given.get("dataFilters", []) for area in areas(book, by)]
            limited = "ranges" in given or "dataFilters" in given
            grid = given.get("includeGridData", False)
            return view.spreadsheet(book, call.mask, some if limited else None, grid, user)
        if method == "batchUpdate":
            if not body.get("requests"):
                raise Refused("Must specify at least one request.")
            reply: Json = {"spreadsheetId": book.key, "replies": editor.run(body["requests"])}
            if body.get("includeSpreadsheetInResponse"):
                some = [book.a1_area(text) for text in body["responseRanges"]] if "responseRanges" in body else None
                below = masks.below(call.mask, "updatedSpreadsheet")
                grid = body.get("responseIncludeGridData", False)
                reply["updatedSpreadsheet"] = view.spreadsheet(book, below, some, grid, user)
            return masks.select(reply, call.mask)
        if method.startswith("values."):
            action = getattr(Values(book, editor), method.removeprefix("values."))
            return masks.select(action({**body, **call.parameters}), call.mask)
        raise NotModelled(method)

    def _created(self, body: Json, user: str) -> Json:
        file = self.create(body.get("properties", {}).get("title", "Untitled spreadsheet"), user)
        file.book.properties |= body.get("properties", {})
        if body.get("sheets"):
            file.book.sheets = []
            kinds = [{"addSheet": {"properties": one.get("properties", {})}} for one in body["sheets"]]
            Editor(file.book, user, self.ways).run(kinds)
        return view.spreadsheet(file.book, {}, None, False, user)


def _bad_parameter(error: Exception) -> Json:
    if isinstance(error, discovery.Invalid) and " " in error.said:
        return bad_request(error.said, "")
    said = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{error}'."
    body = bad_request(said, str(error))
    body["error"]["message"] = "Request contains an invalid argument."
    return body


class _Here(requests.adapters.HTTPAdapter):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, *given: Any, **more: Any) -> requests.Response:
        _, _, rest = (request.url or "").partition("://")
        host, _, path = rest.partition("/")
        request.headers[HEADER] = host
        request.url = f"{self._url}/{path}"
        return super().send(request, *given, **{**more, "proxies": {}})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, google: SheetsServer) -> None:
        self.google = google
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self.connections):
            with suppress(OSError):  # the client was quicker
                connection.shutdown(socket.SHUT_RDWR)


def _host(path: str) -> str:
    """The API meant by a path alone."""
    hosts = {
        "/v4/": "sheets.googleapis.com",
        "/token": "oauth2.googleapis.com",
        "/v1/": "iamcredentials.googleapis.com",
    }
    return next((host for prefix, host in hosts.items() if path.startswith(prefix)), "www.googleapis.com")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        with suppress(ConnectionError):  # clients that give up are part of many tests
            super().handle()

    def do_GET(self) -> None:
        google, headers = self.server.google, {name.lower(): value for name, value in self.headers.items()}
        raw = self.rfile.read(int(headers.get("content-length", 0)))
        path, _, query = self.path.partition("?")
        request = Request(self.command, headers.get(HEADER) or _host(path), path, query, headers, raw)
        with google.lock:
            found = google.arrived(request)
            fault = google.fault(request) or Fault()
        closing = google.wait(min(fault.delay, google.limits.seconds))
        status = 504 if fault.delay > google.limits.seconds else fault.status
        if fault.drop == "before" or closing:
            self.close_connection = True
            return
        if status is None and not fault.html:
            with google.lock:
                google.answer(request, found)
        elif not fault.html and status:
            request.status, request.reply = (
                status,
                error_body(status, SAID.get(status, "Fault"), OF.get(status, "UNKNOWN")),
            )
        else:
            request.status = status or 502
            request.reply = (
                "<!DOCTYPE html><html><title>Error</title><body>The server encountered an error.</body></html>"
            )
        if fault.drop == "after":
            self.close_connection = True
            return
        self._send(request, fault)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def _send(self, request: Request, fault: Fault) -> None:
        text = isinstance(request.reply, str)
        body = (
            request.reply.encode()
            if text
            else b""
            if request.reply is None
            else orjson.dumps(request.reply, option=OUTPUT)
        )
        self.send_response(request.status)
        html = text and body.startswith(b"<!")
        self.send_header(
            "Content-Type", "text/html" if html else "text/csv" if text else "application/json; charset=UTF-8"
        )
        if request.status != 204:
            self.send_header("Content-Length", str(len(body)))
        if request.status == 401:
            self.send_header("WWW-Authenticate", 'Bearer realm="https://accounts.google.com/", error="invalid_token"')
        if fault.retry_after is not None:
            self.send_header("Retry-After", str(fault.retry_after))
        elif request.status == 429:
            self.send_header("Retry-After", "60")
        self.end_headers()
        self.wfile.write(body[: fault.truncate])
        self.close_connection = fault.truncate is not None or self.close_connection

    def log_message(self, format: str, *arguments: object) -> None:
        """Tests look at `log`; nothing is printed."""
