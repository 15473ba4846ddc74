"""How Google is asked: as whom, how often, how long, and what a person is told when it says no.

gspread knows the addresses, google-auth the account; the session is given to both, so that all requests can be sent
to a server of our own (see `Account.api`). Hosts that a firewall must let through: HOSTS.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import gspread
import requests
from google.auth import exceptions as auth_errors
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2 import service_account
from gspread.http_client import HTTPClient
from gspread.urls import SPREADSHEET_URL
from requests.adapters import HTTPAdapter

from app.domain.waiting import LONGEST_PAUSE, retry_after
from app.errors import OutputError
from app.outputs.google_sheets.grid import STRUCTURE, Area, Book, book_of, wanted_cells, with_cells

NAME = "google_sheets"
HOSTS = ("sheets.googleapis.com", "www.googleapis.com", "oauth2.googleapis.com", "iamcredentials.googleapis.com")
SCOPES = ("https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive.metadata.readonly")
LIMIT, MINUTE = 60, 60.0
"""Google takes so many reads, and so many writes, a minute from one account ("Usage limits")."""

FIRST_PAUSE = 0.5
"""Seconds, about, before what failed is asked again; twice as long each time."""

CONNECT, READ = 10.0, 190.0
"""Seconds of silence; Google itself gives up on a request after 180."""

_BUSY = (429, 500, 502, 503, 504)


class Unsure(Exception):
    """Whether a write was carried out is not known: what the spreadsheet holds must be read again."""


class NoSuchSpreadsheet(OutputError):
    """It is not there, or not for us."""


class Refused(Exception):
    """A write was refused as a whole, maybe because of what people did to the spreadsheet since it was read."""

    def __init__(self, reason: OutputError) -> None:
        self.reason = reason
        super().__init__(str(reason))


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are: the key file of a service account. `patience`: seconds that all requests of one visit may take
    where Google is busy; `api`: where requests go instead of to Google, an address of this machine."""

    file: Path
    patience: float = 300.0
    api: str = ""


@dataclass(slots=True)
class Quota:
    """How often is asked, of reads and writes apart."""

    limit: int = LIMIT
    asked: dict[str, deque[float]] = field(default_factory=dict)

    def wait(self, kind: str, requests: int = 1) -> float:
        """Seconds until one more request, or so many, fit into the minute."""
        times = self.asked.setdefault(kind, deque())
        now = time.monotonic()
        while times and now - times[0] >= MINUTE:
            times.popleft()
        over = len(times) + requests - self.limit
        return MINUTE - (now - times[over - 1]) if over > 0 else 0.0

    def count(self, kind: str) -> None:
        self.asked.setdefault(kind, deque()).append(time.monotonic())

    def left(self, kind: str) -> int:
        self.wait(kind)
        return self.limit - len(self.asked[kind])


class _Elsewhere(HTTPAdapter):
    """Sends every request to one server of this machine, and tells it which host was meant."""

    def __init__(self, api: str) -> None:
        self.api = urlsplit(api)
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        meant = urlsplit(request.url or "")
        request.headers["X-Original-Host"] = meant.hostname or ""
        request.url = urlunsplit((self.api.scheme, self.api.netloc, meant.path, meant.query, ""))
        options["proxies"] = {}
        return super().send(request, *args, **options)


class Connection:
    """Who we are was proven there, and lines are open. Raises OutputError where the key file is none."""

    def __init__(self, account: Account) -> None:
        self.credentials, self._asking = _credentials(account.file), requests.Session()
        self.session = AuthorizedSession(self.credentials, auth_request=Request(self._asking))  # type: ignore[no-untyped-call]
        if account.api:
            for one in (self._asking, self.session):
                one.mount("https://", _Elsewhere(account.api))

    def close(self) -> None:
        self.session.close()  # type: ignore[no-untyped-call]
        self._asking.close()


class Sheets(HTTPClient):
    """One visit: all its requests share the patience. Counts what is asked."""

    def __init__(self, account: Account, quota: Quota | None = None, connection: Connection | None = None) -> None:
        self.account, self.quota = account, quota or Quota()
        self.connection = connection or Connection(account)
        super().__init__(None, self.connection.session)  # type: ignore[arg-type]
        self.set_timeout((CONNECT, READ))
        self.ends = time.monotonic() + account.patience
        self.asked = Counter[str]()

    @property
    def email(self) -> str:
        """Whom a spreadsheet is shared with."""
        return str(self.connection.credentials.service_account_email)

    # ------------------------------------------------------------------- what is asked

    def open(self, sheet: str) -> Book:
        """The spreadsheet that is named by its key, its address or its title, without its cells. Raises OutputError."""
        if "/" in sheet:
            try:
                return self.structure(gspread.utils.extract_id_from_url(sheet))
            except gspread.exceptions.NoValidUrlKeyFound:
                raise OutputError(NAME, f"{sheet!r} is not the address of a Google Sheet") from None
        if _KEY.fullmatch(sheet):
            with suppress(NoSuchSpreadsheet):
                return self.structure(sheet)
        found = self._ask("drive", sheet, lambda: self._titled(sheet))
        if len(found) > 1:
            keys = ", ".join(str(file["id"]) for file in found[:5])
            raise OutputError(NAME, f"{len(found)} spreadsheets are called {sheet!r}; give the key of one: {keys}")
        if not found:
            raise NoSuchSpreadsheet(
                NAME,
                f"there is no spreadsheet {sheet!r} that {self.email} may see: check its key, address or title; was it "
                "deleted? If not, share it with that address, as editor",
            )
        return self.structure(found[0]["id"])

    def _titled(self, title: str) -> list[dict[str, Any]]:
        escaped = title.replace("\\", "\\\\").replace('"', '\\"')
        client = gspread.Client(None, http_client=lambda *_: self)  # type: ignore[arg-type]
        return [file for file in client.list_spreadsheet_files(escaped) if file["name"] == title]

    def structure(self, key: str) -> Book:
        """The spreadsheet without its cells."""
        address = SPREADSHEET_URL % key
        return book_of(self._ask("read", key, lambda: self.request("get", address, {"fields": STRUCTURE}).json()))

    def cells(self, book: Book, areas: Sequence[Area]) -> Book:
        """With the cells there, beside those that it has."""
        if not areas:
            return book
        address = f"{SPREADSHEET_URL % book.key}/values:batchGetByDataFilter"
        body = wanted_cells(areas)
        return with_cells(book, self._ask("read", book.key, lambda: self.request("post", address, json=body).json()))

    def write(self, key: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Raises Refused, Unsure, OutputError."""
        told = self._ask("write", key, lambda: self.batch_update(key, body))
        assert isinstance(told, Mapping)
        return told

    # ------------------------------------------------------------------- how

    def _ask(self, kind: str, sheet: str, ask: Callable[[], Any]) -> Any:
        """The answer; asked again, after a pause, what may go better then. A write is sent again only if it was
        certainly not carried out."""
        writing, attempt = kind == "write", 0
        while True:
            self._pause(self.quota.wait(kind), "Google takes no more requests from this account in this minute")
            self.quota.count(kind)
            self.asked[kind] += 1
            attempt, pause = attempt + 1, 0.0
            try:
                return ask()
            except gspread.exceptions.APIError as error:
                code = error.response.status_code
                if code not in _BUSY:
                    raise self._said(error, sheet, writing) from None
                if writing and code != HTTPStatus.TOO_MANY_REQUESTS:
                    raise Unsure from None
                why = f"Google answers {code}"
                pause = retry_after(error.response.headers.get("Retry-After", ""), datetime.now(UTC))
            except auth_errors.RefreshError as error:
                if not error.retryable:
                    raise self._unknown(error) from None
                why = "Google gives no access now"
            except (ValueError, LookupError):  # that of requests for what is no JSON too
                if writing:
                    raise Unsure from None
                why = "what Google answers is not whole"
            except (requests.RequestException, auth_errors.TransportError) as error:
                if writing and not _never_sent(error):
                    raise Unsure from None
                why = "Google cannot be reached, or breaks off"
            longer = random.uniform(0.5, 1.0) * min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_PAUSE)
            self._pause(max(pause, longer), why)

    def _pause(self, seconds: float, why: str) -> None:
        if time.monotonic() + seconds > self.ends:
            waited = f"in the {self.account.patience:.0f} s that it may take"
            raise OutputError(NAME, f"{why}, {waited}; what is missing is written by the next run")
        time.sleep(seconds)

    # ------------------------------------------------------------------- what a person is told

    def _said(self, error: gspread.exceptions.APIError, sheet: str, writing: bool) -> Exception:
        code, told = error.response.status_code, json.dumps(error.error)
        do, named = "write" if writing else "read", f"the spreadsheet {sheet}"
        if code == HTTPStatus.NOT_FOUND:
            return NoSuchSpreadsheet(NAME, f"there is no spreadsheet {sheet}: was it deleted, or is its key wrong?")
        if code == HTTPStatus.UNAUTHORIZED:
            return OutputError(NAME, f"Google does not take {self.email} for who it says; make a new key for it")
        if "SERVICE_DISABLED" in told or "accessNotConfigured" in told:
            address = next(iter(_ENABLE.findall(told)), "https://console.cloud.google.com/apis/library")
            return OutputError(NAME, f"an API is not enabled for the project of {self.email}; enable it at {address}")
        if "protected" in told:
            where = "in Data > Protect sheets and ranges"
            return OutputError(NAME, f"{named} is protected against {self.email}; let it edit that, {where}")
        if code == HTTPStatus.FORBIDDEN:
            return OutputError(NAME, f"{self.email} may not {do} {named}; share it with that address, as editor")
        if "10000000 cells" in told.replace(",", ""):
            return OutputError(NAME, f"{named} would have more than the 10,000,000 cells that Google allows")
        reason = OutputError(NAME, f"Google refuses to {do} {named}: {str(error.error.get('message', ''))[:300]}")
        return Refused(reason) if writing else reason

    def _unknown(self, error: auth_errors.RefreshError) -> OutputError:
        said = error.args[0] if error.args and isinstance(error.args[0], str) else "no access"
        return OutputError(
            NAME,
            f"Google does not accept the key of {self.email} in {self.account.file} ({said[:200]}): is this machine's "
            "clock right, and the key not deleted? Make a new one at https://console.cloud.google.com/iam-admin/serviceaccounts",
        )


_KEY = re.compile(r"(?=.*\d)[\w-]{20,}", re.ASCII)  # those of Google have 44 characters
_ENABLE = re.compile(r"https://console\.[\w./?=&%-]+")


def _never_sent(error: Exception) -> bool:
    """Whether no connection came about; without a token nothing is sent either."""
    return isinstance(error, auth_errors.TransportError | requests.ConnectTimeout) or (
        isinstance(error, requests.ConnectionError) and "NewConnectionError" in repr(error.args)
    )


def _credentials(file: Path) -> service_account.Credentials:
    """Raises OutputError, which quotes nothing of the file."""
    what = "the key file of a Google service account"
    advice = "make one at https://console.cloud.google.com/iam-admin/serviceaccounts"
    try:
        told = json.loads(file.read_bytes())
    except OSError as error:
        raise OutputError(NAME, f"cannot read {what}, {file}: {error.strerror}; {advice}") from None
    except ValueError:
        raise OutputError(NAME, f"{file} is not {what}: it is not JSON; {advice}") from None
    if isinstance(told, dict) and ("installed" in told or "web" in told):
        raise OutputError(NAME, f"{file} is an OAuth client, not {what}; {advice}")
    try:
        return service_account.Credentials.from_service_account_info(told, scopes=SCOPES)  # type: ignore[no-any-return, no-untyped-call]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise OutputError(NAME, f"{file} is not {what}, or not a whole one; {advice}") from None
