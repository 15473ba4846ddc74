"""The live service's own answers, where they are at hand: each recording is played to the test server, in order.

Compared: the status, and the whole body. Not compared: the values of times, and of ids that either side made up (they
must correspond from one answer to the next); pixel sizes that Google measured; of the upload through Drive v2, all but
kind, id, title and mimeType. What an account owned before a recording began is created first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.servers.sheets import SheetsServer
from tests.servers.sheets.accounts import PREFIX, Token
from tests.sources.places import REAL

RECORDINGS = sorted((REAL / "google_sheets").glob("*.json"))
MADE_UP = ("id", "spreadsheetId", "sheetId", "namedRangeId", "protectedRangeId")
ROBOT = re.compile(r"[\w-]+@[\w-]+\.iam\.gserviceaccount\.com")
USER = "robot@project.iam.gserviceaccount.example.org"
UPLOAD = ("kind", "id", "title", "mimeType")


class Player:
    """Plays one recording. `known`: what the live service made up, and what the test server made up instead."""

    def __init__(self, server: SheetsServer) -> None:
        self.server = server
        self.known: dict[str, str] = {}
        self.worlds: set[str] = set()
        self.session = requests.Session()
        self.session.mount("https://", server.adapter())
        self.session.headers["Authorization"] = "Bearer token"
        server.accounts.tokens["token"] = Token(USER, frozenset({PREFIX + "spreadsheets", PREFIX + "drive"}), 1e18)

    def translated(self, text: str) -> str:
        for theirs, ours in self.known.items():
            text = text.replace(theirs, ours)
        return ROBOT.sub(USER, text)

    def play(self, recording: Path) -> Iterator[str]:
        """What is different, request by request."""
        for number, one in enumerate(json.loads(recording.read_text())["interactions"]):
            asked, said = one["request"], one["response"]
            text, status = said["body"].get("string") or "", said["status"]["code"]
            moment = parsedate_to_datetime(said["headers"]["Date"][0]).timestamp()
            self.server.clock = lambda moment=moment: moment
            self.prepare(asked["uri"], status, text)
            reply = self.session.request(
                asked["method"],
                self.translated(asked["uri"]),
                data=self.translated(asked["body"]).encode() if asked["body"] else None,
                timeout=10,
            )
            where = f"{recording.stem}[{number}] {asked['method']} {urlsplit(asked['uri']).path}"
            if reply.status_code != status:
                yield f"{where}: {reply.status_code} {reply.text[:300]} for {status} {text[:300]}"
            elif text.startswith("{"):
                theirs = json.loads(text)
                if "/upload/" in asked["uri"]:
                    theirs = {key: theirs[key] for key in UPLOAD}
                if difference := self.differs(theirs, reply.json()):
                    yield f"{where}: {difference}"
            elif reply.text != text:
                yield f"{where}: {reply.text!r} for {text!r}"

    def prepare(self, uri: str, status: int, text: str) -> None:
        """What was there before: spreadsheets of others, and of the account itself."""
        key = re.search(r"/spreadsheets/([\w-]{40,})", uri)
        if status == 403 and key and key[1] not in self.known:
            self.known[key[1]] = self.server.create("of someone else").book.key
        listed = json.loads(text).get("files") if "drive/v3/files?" in uri and "q=" in uri else None
        if listed is None:
            return
        for one in listed:
            if one["id"] not in self.known:
                self.known[one["id"]] = self.server.create(one["name"], USER).book.key
                file = self.server.files[self.known[one["id"]]]
                file.created, file.modified = one["createdTime"], one["modifiedTime"]
                self.worlds.add(file.book.key)
        for gone in (
            ()
            if "name" in uri.partition("q=")[2].partition("&")[0]
            else self.worlds - {self.known[one["id"]] for one in listed}
        ):
            self.server.files.pop(gone, None)

    def differs(self, theirs: Any, ours: Any, at: str = "") -> str | None:
        key = re.sub(r"\[\d+\]$", "", at).rpartition(".")[2]
        if key in MADE_UP and str(theirs) != "0":
            self.known.setdefault(str(theirs), str(ours))
            theirs = type(theirs)(self.known[str(theirs)])
        elif key in ("createdTime", "modifiedTime"):
            return None if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(ours)) else f"{at}: {ours}"
        elif key == "pixelSize" and theirs not in (21, 100):
            return None if ours not in (21, 100) else f"{at}: {ours}"
        elif isinstance(theirs, str):
            theirs = self.translated(theirs)
        if type(theirs) is not type(ours):
            return f"{at}: {ours!r} for {theirs!r}"
        if isinstance(theirs, dict):
            if theirs.keys() != ours.keys():
                return f"{at}: {sorted(ours)} for {sorted(theirs)}"
            found = (self.differs(theirs[name], ours[name], f"{at}.{name}") for name in theirs)
        elif isinstance(theirs, list):
            if len(theirs) != len(ours):
                return f"{at}: {ours} for {theirs}"
            found = (
                self.differs(one, other, f"{at}[{n}]") for n, (one, other) in enumerate(zip(theirs, ours, strict=True))
            )
        else:
            return None if theirs == ours else f"{at}: {ours!r} for {theirs!r}"
        return next((one for one in found if one), None)


def test_the_server_answers_as_the_live_service_did() -> None:
    if not RECORDINGS:
        return print(f"124 cases did not run: there is no {REAL / 'google_sheets'}")
    assert len(RECORDINGS) == 124
    differences = []
    for recording in RECORDINGS:
        with SheetsServer() as server:
            differences += list(Player(server).play(recording))
    assert not differences, "\n".join(differences[:20])


ANSWERS = [
    ({"replies": [{}]}, {"replies": [{}, {}]}),
    ({"a": 1}, {"a": 1, "b": 2}),
    ({"a": [1, "x"]}, {"a": [1, "y"]}),
    ({"sheets": [{"sheetId": 77}, {"sheetId": 77}]}, {"sheets": [{"sheetId": 8}, {"sheetId": 9}]}),
    ({"pixelSize": 300}, {"pixelSize": 100}),
    ({"createdTime": "2023-08-17T10:53:01.917Z"}, {"createdTime": "yesterday"}),
]


@pytest.mark.parametrize("theirs, ours", ANSWERS)
def test_another_answer_is_told_apart(theirs: Any, ours: Any) -> None:
    with SheetsServer() as server:
        assert Player(server).differs(theirs, ours)
        assert not Player(server).differs(theirs, theirs)
