"""Drive v3 as far as spreadsheets need it: files.list by name, get, create, copy, delete, export as CSV; comments
(none); and files.update of v2, which turns an uploaded CSV into the only tab."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from tests.servers.sheets import masks
from tests.servers.sheets.discovery import Call
from tests.servers.sheets.edits import Editor, Ways
from tests.servers.sheets.grid import Json, Refused, blank_sheet
from tests.servers.sheets.values import entered, formatted

if TYPE_CHECKING:
    from tests.servers.sheets.server import File, SheetsServer

KIND = "application/vnd.google-apps.spreadsheet"
BASIC = {"kind": {}, "id": {}, "name": {}, "mimeType": {}}


class NotFound(Exception):
    """No such file, or none that this user may see."""


def not_found(key: str) -> Json:
    said = f"File not found: {key}."
    one = {"message": said, "domain": "global", "reason": "notFound", "location": "fileId", "locationType": "parameter"}
    return {"error": {"code": 404, "message": said, "errors": [one]}}


def answer(server: SheetsServer, call: Call, body: Any, user: str) -> tuple[int, Any]:
    """Status and body; a text is sent as it is."""
    method, key = call.operation.id.removeprefix("drive."), call.parameters.get("fileId", "")
    try:
        if method == "files.list":
            shown = [_described(file) for file in _listed(server, call.parameters, user)]
            found = {"kind": "drive#fileList", "incompleteSearch": False, "files": shown}
            default = {"kind": {}, "incompleteSearch": {}, "files": BASIC}
            return 200, masks.select(found, call.mask or default)
        if method == "files.create":
            file = server.create(body.get("name", "Untitled"), owner=user)
        elif key not in server.files or user not in server.files[key].roles:
            raise NotFound
        elif method == "comments.list":
            return 200, masks.select({"kind": "drive#commentList", "comments": []}, call.mask)
        elif method == "files.export":
            return 200, _exported(server.files[key])
        elif method == "files.delete":
            if server.files[key].owner != user:
                raise NotFound
            del server.files[key]
            return 204, None
        elif method == "files.copy":
            file = server.copy(key, body.get("name") or f"Copy of {server.files[key].name}", user)
        elif method == "files.update" and isinstance(body, bytes):
            _imported(server.files[key], body.decode())
            return 200, {"kind": "drive#file", "id": key, "title": server.files[key].name, "mimeType": KIND}
        elif method == "files.get":
            file = server.files[key]
        else:
            raise NotImplementedError(method)
    except NotFound:
        return 404, not_found(key)
    return 200, masks.select(_described(file), call.mask or BASIC)


def _described(file: File) -> Json:
    return {
        "kind": "drive#file",
        "id": file.book.key,
        "name": file.name,
        "mimeType": KIND,
        "createdTime": file.created,
        "modifiedTime": file.modified,
        "trashed": False,
    }


def _listed(server: SheetsServer, parameters: Json, user: str) -> list[File]:
    """`q`: terms of mimeType, name and trashed, with "and" between them. Newest first."""
    files = [file for file in sorted(server.files.values(), key=lambda file: file.modified) if user in file.roles][::-1]
    term = re.compile(
        r"""\s*(mimeType|name|trashed)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(true|false))\s*"""
    )
    left = parameters.get("q", "")
    while left:
        found = term.match(left)
        if not found or ((rest := left[found.end() :]) and not rest.startswith("and ")):
            raise Refused("Invalid Value")
        wanted = re.sub(r"\\(.)", r"\1", found[2] or found[3] or found[4] or "")
        attribute = {"mimeType": lambda file: KIND, "name": lambda file: file.name, "trashed": lambda file: "false"}[
            found[1]
        ]
        files = [file for file in files if attribute(file).lower() == wanted.lower()]
        left = rest.removeprefix("and ")
    return files[: parameters.get("pageSize", 100)]


def _exported(file: File) -> str:
    sheet = file.book.sheets[0]
    rows = [[formatted(file.book, sheet, cell) for cell in row] for row in sheet.rows]
    while rows and not any(rows[-1]):
        rows.pop()
    width = max((at for row in rows for at, text in enumerate(row, 1) if text), default=0)
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([(row + [""] * width)[:width] for row in rows])
    return out.getvalue().removesuffix("\r\n")


def _imported(file: File, text: str) -> None:
    book = file.book
    sheet = blank_sheet(book.new_id(), file.name)
    book.sheets, book.properties = [sheet], {**book.properties, "timeZone": "America/Los_Angeles"}
    rows = [
        {"values": [entered(value, "USER_ENTERED", None) for value in row]} for row in csv.reader(io.StringIO(text))
    ]
    Editor(book, None, Ways()).updateCells({"start": {"sheetId": sheet.id}, "rows": rows, "fields": "*"})
