"""The test server for Google Sheets: that it behaves as Google says that Google behaves."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import gspread
import jsonschema
import pytest
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.service_account import Credentials

from tests.servers.sheets import Fault, Limits, SheetsServer, Tab, Ways, masks
from tests.servers.sheets.accounts import PREFIX, Token
from tests.servers.sheets.discovery import Invalid, document, find
from tests.servers.sheets.grid import deleting, inserting, moving

USER = "robot@project.iam.gserviceaccount.example.org"
ALL_SCOPES = frozenset({PREFIX + "spreadsheets", PREFIX + "drive"})
HEAD = ["Accession", "State", "Notes"]
ROWS: list[list[Any]] = [HEAD, ["E-1", "new", ""], ["E-2", "done", "ours"], ["E-3", "new", "call"]]


class Caller:
    """A program with a valid token."""

    def __init__(self, server: SheetsServer, key: str) -> None:
        self.server, self.key = server, key
        server.accounts.tokens["good"] = Token(USER, ALL_SCOPES, 1e18)
        self.session = requests.Session()
        self.session.mount("https://", server.adapter())
        self.session.headers["Authorization"] = "Bearer good"

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        url = f"https://sheets.googleapis.com/v4/spreadsheets/{self.key}{path}"
        return self.session.request(method, url, json=body, params=query, timeout=10)

    def get(self, fields: str, **query: Any) -> Any:
        return self.call("GET", "", fields=fields, **query).json()

    def batch(self, *asked: dict[str, Any], **more: Any) -> requests.Response:
        return self.call("POST", ":batchUpdate", {"requests": list(asked), **more})

    def done(self, *asked: dict[str, Any]) -> list[Any]:
        reply = self.batch(*asked)
        assert reply.status_code == 200, reply.text
        return list(reply.json()["replies"])

    def refused(self, *asked: dict[str, Any]) -> str:
        reply = self.batch(*asked)
        assert reply.status_code == 400, reply.text
        return str(reply.json()["error"]["message"])


@pytest.fixture
def google() -> Iterator[SheetsServer]:
    with SheetsServer() as server:
        yield server


@pytest.fixture
def caller(google: SheetsServer) -> Caller:
    key = google.create("Tracker", tabs=("Track", "Other tab")).book.key
    google.share(key, USER)
    google.curator(key).tab("Track").fill(ROWS)
    return Caller(google, key)


@pytest.fixture
def track(caller: Caller) -> Tab:
    return caller.server.curator(caller.key).tab("Track")


def span(dimension: str, start: int, end: int, sheet: int = 0) -> dict[str, Any]:
    return {"sheetId": sheet, "dimension": dimension, "startIndex": start, "endIndex": end}


def box(top: int, bottom: int, left: int, right: int, sheet: int = 0) -> dict[str, Any]:
    keys = ("startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex")
    return {"sheetId": sheet, **dict(zip(keys, (top, bottom, left, right), strict=True))}


def texts(*rows: list[Any]) -> list[dict[str, Any]]:
    return [{"values": [{"userEnteredValue": {"stringValue": text}} for text in row]} for row in rows]


def cells(row: int, column: int, *rows: list[Any], fields: str = "userEnteredValue", **more: Any) -> dict[str, Any]:
    start = {"sheetId": 0, "rowIndex": row, "columnIndex": column}
    return {"updateCells": {"start": start, "rows": texts(*rows), "fields": fields, **more}}


def tag(column: int, identity: int = 7) -> dict[str, Any]:
    place = {"dimensionRange": span("COLUMNS", column, column + 1)}
    told = {
        "metadataId": identity,
        "metadataKey": "k",
        "metadataValue": "v",
        "visibility": "DOCUMENT",
        "location": place,
    }
    return {"createDeveloperMetadata": {"developerMetadata": told}}


def guard(column: int, identity: int = 7) -> dict[str, Any]:
    place = {"dimensionRange": span("COLUMNS", column, column + 1)}
    lookup = {"metadataId": identity, "metadataLocation": place, "locationMatchingStrategy": "EXACT_LOCATION"}
    told = {"dataFilters": [{"developerMetadataLookup": lookup}], "developerMetadata": {"metadataValue": "v"}}
    return {"updateDeveloperMetadata": {**told, "fields": "metadataValue"}}


# --------------------------------------------------------------------------- Google's documents

BODIES: list[tuple[str, Any]] = [
    ("BatchUpdateSpreadsheetRequest", {"requests": [cells(0, 0, ["a"]), tag(1), guard(1)]}),
    ("BatchUpdateSpreadsheetRequest", {"requests": [{"addSheet": {"properties": {"sheetId": 3000000000}}}]}),
    ("BatchUpdateSpreadsheetRequest", {"requests": [{"addSheet": {"properties": {"sheetId": "x"}}}]}),
    ("BatchUpdateSpreadsheetRequest", {"requests": [{"addSheet": {"properties": {"sheetId": True}}}]}),
    ("BatchUpdateSpreadsheetRequest", {"requests": [{"addSheet": {"properties": {"sheetId": 1.5}}}]}),
    ("BatchUpdateSpreadsheetRequest", {"requests": [{"addSheet": {"properties": {"hidden": 1}}}]}),
    ("BatchUpdateSpreadsheetRequest", {"requests": [{"addShet": {}}]}),
    ("BatchUpdateSpreadsheetRequest", {"requests": {}}),
    ("BatchUpdateSpreadsheetRequest", []),
    ("CellData", {"userEnteredValue": {"numberValue": 1}, "note": "n", "textFormatRuns": [{"format": {"bold": True}}]}),
    ("CellData", {"userEnteredValue": {"numberValue": "1"}}),
    ("CellData", {"userEnteredValue": "1"}),
    ("CellData", {"note": 5}),
    ("ValueRange", {"values": [["a", 1, True, 2.5]], "majorDimension": "ROWS"}),
    ("ValueRange", {"values": [["a"]], "majorDimension": "DIAGONAL"}),
    ("ValueRange", {"values": "a"}),
    ("BasicFilter", {"criteria": {"0": {"hiddenValues": ["a"]}}}),
    ("BasicFilter", {"criteria": {"0": {"hiddenValue": ["a"]}}}),
    ("Color", {"red": 1, "green": 0.5}),
    ("Color", {"red": "1"}),
]


@pytest.mark.parametrize("schema, body", BODIES)
def test_the_validator_and_json_schema_agree(schema: str, body: Any) -> None:
    sheets = document("sheets.v4")
    by_schema = jsonschema.Draft202012Validator(sheets.json_schema(schema)).is_valid(body)
    try:
        sheets.check(schema)(body, [])
    except Invalid:
        assert not by_schema
    else:
        assert by_schema


REFUSED_BODIES = [
    (
        {"requests": [{"addSheet": {"properties": {"x": 1}}}]},
        "Unknown name \"x\" at 'requests[0].add_sheet.properties'",
    ),
    ({"x": 1}, 'Invalid JSON payload received. Unknown name "x": Cannot find field.'),
    (
        {"requests": [cells(0, 0, [5])]},
        "at 'requests[0].update_cells.rows[0].values[0].user_entered_value.string_value'",
    ),
    (
        {"requests": [{"addSheet": {}, "deleteSheet": {}}]},
        "oneof field 'Request' is already set. Cannot set 'deleteSheet'",
    ),
    ({"requests": []}, "Must specify at least one request."),
    ({"requests": [{}]}, "Invalid requests[0].: No request set."),
]


@pytest.mark.parametrize("body, said", REFUSED_BODIES)
def test_a_body_that_the_documents_do_not_know_is_refused_in_googles_words(
    caller: Caller, body: Any, said: str
) -> None:
    reply = caller.call("POST", ":batchUpdate", body)
    assert (reply.status_code, reply.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert said in reply.json()["error"]["message"]


QUERIES = [
    ({"colour": "red"}, 'Unknown name "colour": Cannot bind query parameter.'),
    ({"includeGridData": "perhaps"}, "Invalid value at 'include_grid_data' (TYPE_BOOL)"),
    ({"fields": "sheets(properties,colour)"}, "Request contains an invalid argument."),
    ({"fields": "sheets(properties"}, "Request contains an invalid argument."),
    ({"ranges": "Nowhere!A1"}, "Unable to parse range: Nowhere!A1"),
]


@pytest.mark.parametrize("query, said", QUERIES)
def test_a_query_that_the_documents_do_not_know_is_refused(caller: Caller, query: dict[str, str], said: str) -> None:
    reply = caller.call("GET", "", **query)
    assert reply.status_code == 400
    assert said in reply.json()["error"]["message"]


def test_half_a_million_cells_are_checked_in_a_few_seconds() -> None:
    found = find("sheets.googleapis.com", "POST", "/v4/spreadsheets/key:batchUpdate")
    assert found
    body = {"requests": [{"updateCells": {"fields": "*", "rows": texts(*[["x"] * 25] * 20_000)}}]}
    begun = time.monotonic()
    found[0].check_request(body)
    assert time.monotonic() - begun < 5


def test_a_reply_that_google_would_never_send_fails_the_test() -> None:
    with pytest.raises(AssertionError, match=r"went wrong.*Unknown name"), SheetsServer() as server:
        key = server.create("A").book.key
        server.share(key, USER)
        server.files[key].book.properties["smell"] = "roses"
        assert Caller(server, key).call("GET", "").status_code == 500


def test_a_request_that_is_not_modelled_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="NotModelled: randomizeRange"), SheetsServer() as server:
        key = server.create("A").book.key
        server.share(key, USER)
        assert Caller(server, key).batch({"randomizeRange": {}}).status_code == 500


MASKS = [
    ("a,b.c", {"a": 1, "b": {"c": 2}}),
    ("b(c,d)", {"b": {"c": 2, "d": 3}}),
    ("b/c,l.x", {"b": {"c": 2}, "l": [{"x": 1}, {}]}),
    ("b.c,b", {"b": {"c": 2, "d": 3}}),
    ("b(*)", {"b": {"c": 2, "d": 3}}),
    ("b.e", {"b": {}}),
]


@pytest.mark.parametrize("mask, left", MASKS)
def test_a_mask_leaves_what_it_names(mask: str, left: Any) -> None:
    value = {"a": 1, "b": {"c": 2, "d": 3}, "l": [{"x": 1, "y": 2}, {"y": 3}]}
    assert masks.select(value, masks.parse(mask)) == left


# --------------------------------------------------------------------------- batchUpdate


def test_a_batch_is_done_as_a_whole_or_not_at_all(caller: Caller, track: Tab) -> None:
    before = track.snapshot()
    said = caller.refused(
        cells(1, 0, ["changed"]), {"insertDimension": {"range": span("ROWS", 0, 5)}}, {"deleteSheet": {"sheetId": 9}}
    )
    assert said == "Invalid requests[2].deleteSheet: No grid with id: 9"
    assert track.snapshot() == before
    assert len(caller.done(cells(1, 0, ["changed"]), tag(0), {"clearBasicFilter": {"sheetId": 0}})) == 3
    assert caller.server.log.cells_written == 1


RICH = {
    "userEnteredValue": {"stringValue": "a link"},
    "note": "n",
    "textFormatRuns": [{"startIndex": 2, "format": {"bold": True}}],
}
COLOURED = {"userEnteredFormat": {"backgroundColor": {"red": 1}, "numberFormat": {"type": "DATE", "pattern": "yyyy"}}}
UPDATES = [
    ("userEnteredValue", {"stringValue": "b"}, {"userEnteredValue", "note", "userEnteredFormat"}),
    ("userEnteredValue,textFormatRuns", {"stringValue": "b"}, {"userEnteredValue", "note", "userEnteredFormat"}),
    ("note", None, {"userEnteredValue", "textFormatRuns", "userEnteredFormat"}),
    ("*", {"stringValue": "b"}, {"userEnteredValue"}),
    ("userEnteredFormat", None, {"userEnteredValue", "textFormatRuns", "note"}),
]


@pytest.mark.parametrize("fields, value, left", UPDATES)
def test_an_update_takes_only_what_its_mask_names(
    caller: Caller, track: Tab, fields: str, value: Any, left: set[str]
) -> None:
    """A new value takes the rich text of the old away."""
    start = {"sheetId": 0, "rowIndex": 1, "columnIndex": 1}
    first = {"updateCells": {"start": start, "rows": [{"values": [{**RICH, **COLOURED}]}], "fields": "*"}}
    new = {"userEnteredValue": value} if value else {}
    caller.done(first, {"updateCells": {"start": start, "rows": [{"values": [new]}], "fields": fields}})
    assert set(track.cell(1, 1)) == left


def test_a_deep_mask_leaves_its_neighbours_alone(caller: Caller, track: Tab) -> None:
    number = {"userEnteredFormat": {"numberFormat": {"type": "TEXT"}}}
    caller.done(
        {"repeatCell": {"range": box(1, 3, 1, 2), "cell": COLOURED, "fields": "userEnteredFormat"}},
        {"repeatCell": {"range": box(1, 2, 1, 2), "cell": number, "fields": "userEnteredFormat.numberFormat"}},
    )
    assert track.cell(1, 1)["userEnteredFormat"]["backgroundColor"] == {"red": 1}
    assert track.cell(1, 1)["userEnteredFormat"]["numberFormat"] == {"type": "TEXT"}
    assert track.text(1, 1) == "new"


def test_an_update_by_range_clears_what_its_rows_do_not_cover(caller: Caller, track: Tab) -> None:
    asked = {"range": box(1, 4, 0, 2), "rows": texts(["only"]), "fields": "userEnteredValue"}
    caller.done({"updateCells": asked})
    assert track.texts() == [HEAD, ["only"], ["", "", "ours"], ["", "", "call"]]


TOLD = {"metadataId": 1, "metadataKey": "k", "metadataValue": "v", "visibility": "DOCUMENT"}
FROZEN = {"sheetId": 0, "gridProperties": {"frozenRowCount": 1000}}
TOO_MUCH = [
    (cells(999, 0, ["a"], ["b"]), "after last row in grid[1000]"),
    (cells(0, 25, ["a", "b"]), "after last column in grid[26]"),
    (cells(0, 0, ["a" * 50_001]), "more than the maximum of 50000 characters in a single cell"),
    (cells(0, 0, ["a"], fields=""), "At least one field must be listed in 'fields'."),
    (
        {"updateCells": {"range": box(0, 1, 0, 1), "rows": texts(["a"], ["b"]), "fields": "*"}},
        "beyond the last requested row",
    ),
    (
        {"updateCells": {"range": box(0, 1, 0, 1), "rows": texts(["a", "b"]), "fields": "*"}},
        "beyond the last requested column",
    ),
    ({"addSheet": {"properties": {"title": "track"}}}, 'A sheet with the name "track" already exists.'),
    ({"addSheet": {"properties": {"sheetId": 0}}}, "already exists"),
    ({"addSheet": {"properties": {"gridProperties": {"rowCount": 400_000}}}}, "above the limit of 10000000 cells"),
    ({"appendDimension": {"dimension": "ROWS", "length": 400_000}}, "above the limit of 10000000 cells"),
    ({"appendDimension": {"dimension": "COLUMNS", "length": 18_253}}, "above the limit of 18278 columns"),
    ({"deleteDimension": {"range": span("ROWS", 0, 1000)}}, "You can't delete all the rows on the sheet."),
    ({"insertDimension": {"range": span("ROWS", 0, 1), "inheritFromBefore": True}}, "inheritFromBefore"),
    ({"moveDimension": {"source": span("ROWS", 1, 4), "destinationIndex": 2}}, "within the source range"),
    ({"moveDimension": {"source": span("ROWS", 1, 4), "destinationIndex": 1001}}, "outside of the grid"),
    ({"cutPaste": {"source": box(0, 2, 0, 2), "destination": {"rowIndex": 999}}}, "exceeds grid limits"),
    ({"createDeveloperMetadata": {"developerMetadata": {"metadataKey": "k", "location": {}}}}, "visibility"),
    (
        {"updateCells": {"start": {}, "rows": [{"values": [{"textFormatRuns": [{"startIndex": 1}]}]}], "fields": "*"}},
        "startIndex",
    ),
    (
        {
            "updateCells": {
                "start": {},
                "rows": [{"values": [{"userEnteredValue": {"formulaValue": "1"}}]}],
                "fields": "*",
            }
        },
        "=",
    ),
    (
        {
            "createDeveloperMetadata": {
                "developerMetadata": {**TOLD, "metadataId": 2, "location": {"dimensionRange": span("ROWS", 0, 2)}}
            }
        },
        "single",
    ),
    (
        {"createDeveloperMetadata": {"developerMetadata": {**TOLD, "location": {"sheetId": 0}}}},
        "metadataId 1 already exists",
    ),
    (
        {"updateSheetProperties": {"properties": FROZEN, "fields": "gridProperties.frozenRowCount"}},
        "freeze all visible rows",
    ),
    ({"deleteConditionalFormatRule": {"index": 0}}, "No conditional format on sheet: 0 at index: 0"),
    ({"deleteProtectedRange": {"protectedRangeId": 5}}, "No protected range with id: 5"),
]


@pytest.mark.parametrize("asked, said", TOO_MUCH)
def test_what_cannot_be_done_is_refused(caller: Caller, asked: Any, said: str) -> None:
    caller.done({"createDeveloperMetadata": {"developerMetadata": {**TOLD, "location": {"spreadsheet": True}}}})
    assert said in caller.refused(asked)


@pytest.mark.parametrize("index, order", [(0, "CABD"), (1, "ACBD"), (2, "ABCD"), (3, "ABCD"), (4, "ABDC")])
def test_a_tab_moves_to_an_index_as_counted_before(caller: Caller, index: int, order: str) -> None:
    caller.key = caller.server.create("Order", USER, tuple("ABCD")).book.key
    caller.done({"updateSheetProperties": {"properties": {"sheetId": 102, "index": index}, "fields": "index"}})
    assert "".join(caller.server.curator(caller.key).titles) == order


def test_a_tab_that_shrinks_takes_along_what_was_tied_to_its_end(caller: Caller, track: Tab) -> None:
    small = {"sheetId": 0, "gridProperties": {"rowCount": 2, "columnCount": 2}}
    track.freeze(1)
    caller.done(tag(1), tag(2, 8), {"setBasicFilter": {"filter": {"range": box(0, 4, 0, 3)}}})
    caller.done({"updateSheetProperties": {"properties": small, "fields": "gridProperties(rowCount,columnCount)"}})
    assert track.texts() == [HEAD[:2], ["E-1", "new"]]
    assert [one["metadataId"] for one in track.snapshot()["metadata"]] == [7]
    assert track.snapshot()["filter"]["range"] == box(0, 2, 0, 2)
    assert "not possible to delete all non-frozen rows" in caller.refused(
        {"deleteDimension": {"range": span("ROWS", 1, 2)}}
    )
    caller.done({"deleteDimension": {"range": span("ROWS", 0, 1)}})
    assert (
        "frozenRowCount"
        not in caller.get("sheets.properties.gridProperties")["sheets"][0]["properties"]["gridProperties"]
    )


def test_the_last_visible_tab_stays(caller: Caller) -> None:
    hide = {"updateSheetProperties": {"properties": {"sheetId": 0, "hidden": True}, "fields": "hidden"}}
    caller.done({"deleteSheet": {"sheetId": 101}})
    assert "You can't remove all the visible sheets" in caller.refused({"deleteSheet": {"sheetId": 0}})
    assert "You can't hide all the sheets" in caller.refused(hide)


MOVES = [
    (inserting(2, 3), (0, 2), (0, 2)),
    (inserting(2, 3), (2, 4), (5, 7)),
    (inserting(2, 3), (1, 3), (1, 6)),
    (deleting(2, 4), (0, 2), (0, 2)),
    (deleting(2, 4), (3, 6), (2, 4)),
    (deleting(2, 4), (2, 4), None),
    (moving(1, 2, 5), (1, 2), (4, 5)),
    (moving(1, 2, 5), (4, 5), (3, 4)),
    (moving(1, 2, 5), (0, 6), (0, 6)),
    (moving(4, 6, 1), (4, 5), (1, 2)),
    (moving(4, 6, 1), (0, 3), (0, 5)),
    (moving(4, 6, 1), (1, 3), (3, 5)),
]


@pytest.mark.parametrize("move, before, after", MOVES)
def test_places_follow_rows_and_columns(move: Any, before: tuple[int, int], after: tuple[int, int] | None) -> None:
    assert move(*before) == after


def test_what_is_tied_to_columns_moves_with_them(caller: Caller, track: Tab) -> None:
    rule = {"ranges": [box(1, 1000, 1, 2)], "booleanRule": {"condition": {"type": "NOT_BLANK"}, "format": {}}}
    notes = {"range": box(0, 1000, 2, 3), "warningOnly": True, "protectedRangeId": 5}
    filters = {
        "range": box(0, 4, 0, 3),
        "filterSpecs": [{"columnIndex": 2, "filterCriteria": {"hiddenValues": ["call"]}}],
    }
    named = {"namedRangeId": "n", "name": "states", "range": box(1, 4, 1, 2)}
    caller.done(
        tag(1),
        {"addConditionalFormatRule": {"rule": rule, "index": 0}},
        {"addProtectedRange": {"protectedRange": notes}},
        {"setBasicFilter": {"filter": filters}},
        {"addNamedRange": {"namedRange": named}},
        {"mergeCells": {"range": box(0, 1, 4, 6), "mergeType": "MERGE_ALL"}},
    )
    track.insert_columns(0).move_columns("Notes", "State")
    assert track.headers() == ["", "Accession", "Notes", "State"]
    sheet = caller.get("sheets(basicFilter,conditionalFormats.ranges,protectedRanges.range,merges)")["sheets"][0]
    assert sheet["conditionalFormats"][0]["ranges"][0]["startColumnIndex"] == 3
    assert sheet["protectedRanges"][0]["range"]["startColumnIndex"] == 2
    assert (sheet["basicFilter"]["range"]["startColumnIndex"], sheet["basicFilter"]["range"]["endColumnIndex"]) == (
        1,
        4,
    )
    assert (sheet["basicFilter"]["filterSpecs"][0]["columnIndex"], list(sheet["basicFilter"]["criteria"])) == (2, ["2"])
    assert sheet["merges"] == [{"startRowIndex": 0, "endRowIndex": 1, "startColumnIndex": 5, "endColumnIndex": 7}]
    assert caller.get("namedRanges.range.startColumnIndex") == {"namedRanges": [{"range": {"startColumnIndex": 3}}]}
    columns = caller.get("sheets.data.columnMetadata.developerMetadata")["sheets"][0]["data"][0]["columnMetadata"]
    place = {"dimension": "COLUMNS", "startIndex": 3, "endIndex": 4}
    assert columns[3]["developerMetadata"][0]["location"] == {"locationType": "COLUMN", "dimensionRange": place}
    assert [at for at, column in enumerate(columns) if column] == [3]
    caller.done({"deleteDimension": {"range": span("COLUMNS", 2, 4)}})
    assert caller.get("sheets(conditionalFormats,protectedRanges)")["sheets"] == [{}, {}]
    assert track.snapshot()["metadata"] == []


def test_a_new_row_takes_over_formats_from_the_side_that_is_named(caller: Caller, track: Tab) -> None:
    track.colour(0, 0).colour(2, 0, 0, 1, 0)
    caller.done({"insertDimension": {"range": span("ROWS", 1, 2), "inheritFromBefore": True}})
    assert track.cell(1, 0)["userEnteredFormat"]["backgroundColor"] == {"red": 1, "green": 1}
    caller.done({"insertDimension": {"range": span("ROWS", 3, 4)}})
    assert track.cell(3, 0)["userEnteredFormat"]["backgroundColor"] == {"green": 1}
    assert track.text(3, 0) == ""


PASTES = [
    ("PASTE_NORMAL", {"userEnteredValue", "userEnteredFormat", "note"}),
    ("PASTE_VALUES", {"userEnteredValue"}),
    ("PASTE_FORMAT", {"userEnteredFormat"}),
]


@pytest.mark.parametrize("kind, arrives", PASTES)
def test_what_is_cut_arrives_on_another_tab_and_leaves_nothing(
    caller: Caller, track: Tab, kind: str, arrives: set[str]
) -> None:
    track.colour("E-2", "Notes").set_note("E-2", "Notes", "read me").set("E-3", "Notes", "=1+1")
    source, goal = box(2, 4, 2, 3), {"sheetId": 101, "rowIndex": 10, "columnIndex": 5}
    caller.done({"cutPaste": {"source": source, "destination": goal, "pasteType": kind}})
    other = caller.server.curator(caller.key).tab("Other tab")
    assert set(other.cell(10, 5)) == arrives
    assert (track.cell(2, 2), track.cell(3, 2)) == ({}, {})
    formula = {"formulaValue": "=1+1"} if kind == "PASTE_NORMAL" else {"numberValue": 2}
    assert other.cell(11, 5).get("userEnteredValue") == (None if kind == "PASTE_FORMAT" else formula)


def test_a_copy_fills_the_whole_destination_and_shifts_relative_references(caller: Caller, track: Tab) -> None:
    track.set(1, 4, "=A2&$A$2")
    caller.done({"copyPaste": {"source": box(1, 2, 4, 5), "destination": box(2, 4, 4, 6)}})
    assert [row[4:6] for row in track.values()[1:]] == [
        ["=A2&$A$2"],
        ["=A3&$A$2", "=B3&$A$2"],
        ["=A4&$A$2", "=B4&$A$2"],
    ]


FORMULAS = [
    (lambda tab: tab.insert_rows(1), '=SUM(A3:A4)+B3&"A2"'),
    (lambda tab: tab.insert_columns(0), '=SUM(B2:B3)+C2&"A2"'),
    (lambda tab: tab.delete_rows(1), '=SUM(A2:A2)+#REF!&"A2"'),
    (lambda tab: tab.move_columns("Accession", 2), '=SUM(B2:B3)+A2&"A2"'),
    (lambda tab: tab.rename("x"), '=SUM(A2:A3)+B2&"A2"'),
]


@pytest.mark.parametrize("change, formula", FORMULAS)
def test_references_follow_what_they_refer_to(caller: Caller, track: Tab, change: Any, formula: str) -> None:
    other = caller.server.curator(caller.key).tab("Other tab").set(0, 0, "=COUNTA(Track!B:B)").set(1, 0, "=Track!A4")
    track.set(9, 9, '=SUM(A2:A3)+B2&"A2"')
    change(track)
    assert formula in [value for row in track.values() for value in row]
    assert other.text(1, 0) == "E-3"


def test_references_follow_what_is_sorted_cut_or_gone(caller: Caller, track: Tab) -> None:
    other = caller.server.curator(caller.key).tab("Other tab")
    for row in (1, 2, 3):
        track.set(row, 3, f"=A{row + 1}")
    track.set(9, 9, "=A2&A3").sort("Accession", descending=True)
    assert [row[3] for row in track.values()[1:4]] == ["=A2", "=A3", "=A4"]
    caller.done({"cutPaste": {"source": box(1, 2, 0, 1), "destination": {"rowIndex": 20, "columnIndex": 1}}})
    assert (track.values()[9][9], track.values()[1][3], track.values()[20]) == ("=B21&A3", "=B21", ["", "E-3"])
    track.set(9, 9, "='Other tab'!A1+A1")
    other.delete()
    assert track.values()[9][9] == "=#REF!+A1"


COMPUTED = [
    ("=1+2*3", "7"),
    ('="text"', "text"),
    ("=A2", "E-1"),
    ("='Other tab'!B2", "0"),
    ('=HYPERLINK("https://example.org","label")', "label"),
    ("=1/0", "#DIV/0!"),
    ("=TRUE", "TRUE"),
    ("=SUM(A1:B2)", "#ERROR!"),
    ("=J10", "#REF!"),
]


@pytest.mark.parametrize("formula, shown", COMPUTED)
def test_simple_formulas_are_computed(track: Tab, formula: str, shown: str) -> None:
    assert track.set(9, 9, formula).text(9, 9) == shown


@pytest.mark.parametrize(
    "descending, order", [(False, [2, 10, "E-1", "e-2", True, ""]), (True, [True, "e-2", "E-1", 10, 2, ""])]
)
def test_a_sort_puts_numbers_before_texts_and_blanks_last(track: Tab, descending: bool, order: list[Any]) -> None:
    for at, value in enumerate([10, "e-2", "", True, 2, "E-1"], 1):
        track.set(at, 0, value).set_note(at, 1, str(value))
    track.sort("Accession", descending)
    assert [row[0] if row else "" for row in track.values()[1:7]] == order[: len(track.values()) - 1] + [""] * 0
    assert [track.note(at, 1) for at in range(1, 7)] == [str(value) for value in order]


# --------------------------------------------------------------------------- developer metadata


@pytest.mark.parametrize("unmatched, status", [("refuse", 400), ("ignore", 200)])
def test_a_guard_finds_a_column_only_where_it_was(caller: Caller, track: Tab, unmatched: str, status: int) -> None:
    caller.server.ways = Ways(unmatched=unmatched)
    caller.done(tag(1))
    found = caller.done(guard(1), cells(1, 1, ["x"]))[0]["updateDeveloperMetadata"]["developerMetadata"]
    assert [one["metadataId"] for one in found] == [7]
    track.insert_columns(0)
    before = track.snapshot()
    reply = caller.batch(guard(1), cells(1, 1, ["y"]))
    assert reply.status_code == status
    assert (track.snapshot() == before) == (status == 400)
    if status == 200:
        assert reply.json()["replies"] == [{"updateDeveloperMetadata": {}}, {}]


LOOKUPS: list[tuple[dict[str, Any], list[int]]] = [
    ({"metadataId": 1}, [1]),
    ({"metadataKey": "k"}, [1, 2, 3, 4, 5]),
    ({"metadataKey": "k", "metadataValue": "other"}, []),
    ({"locationType": "COLUMN"}, [1, 2]),
    ({"metadataLocation": {"dimensionRange": span("COLUMNS", 1, 2)}}, [1, 3, 4]),
    (
        {"metadataLocation": {"dimensionRange": span("COLUMNS", 1, 2)}, "locationMatchingStrategy": "EXACT_LOCATION"},
        [1],
    ),
    ({"metadataLocation": {"sheetId": 0}}, [1, 2, 3, 4]),
    ({"metadataLocation": {"sheetId": 0}, "locationMatchingStrategy": "EXACT_LOCATION"}, [4]),
    ({"metadataLocation": {"spreadsheet": True}}, [5]),
]
PLACES = [
    {"dimensionRange": span("COLUMNS", 1, 2)},
    {"dimensionRange": span("COLUMNS", 2, 3)},
    {"dimensionRange": span("ROWS", 1, 2)},
    {"sheetId": 0},
    {"spreadsheet": True},
]


@pytest.mark.parametrize("lookup, found", LOOKUPS)
def test_a_lookup_finds_what_all_of_it_holds_for(caller: Caller, lookup: dict[str, Any], found: list[int]) -> None:
    caller.server.ways = Ways(unmatched="ignore")
    for identity, place in enumerate(PLACES, 1):
        told = {"metadataId": identity, "metadataKey": "k", "metadataValue": "v", "visibility": "DOCUMENT"}
        caller.done({"createDeveloperMetadata": {"developerMetadata": {**told, "location": place}}})
    reply = caller.done({"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": lookup}}})[0]
    gone = reply["deleteDeveloperMetadata"].get("deletedDeveloperMetadata", [])
    assert [one["metadataId"] for one in gone] == found


# --------------------------------------------------------------------------- values

TYPED = [
    ("RAW", "=1+1", "=1+1", "=1+1"),
    ("USER_ENTERED", "=1+1", "2", "=1+1"),
    ("USER_ENTERED", "'=1+1", "=1+1", "=1+1"),
    ("USER_ENTERED", "'0042", "0042", "0042"),
    ("USER_ENTERED", "0042", "42", 42),
    ("RAW", "0042", "0042", "0042"),
    ("USER_ENTERED", "true", "TRUE", True),
    ("USER_ENTERED", "25%", "25%", 0.25),
    ("USER_ENTERED", "1,234.5", "1,234.50", 1234.5),
    ("USER_ENTERED", "2026-01-31", "2026-01-31", 46053),
    ("USER_ENTERED", "2026-01-31 12:30:00", "2026-01-31 12:30:00", 46053.520833333336),
    ("RAW", 1.5, "1.5", 1.5),
    ("RAW", False, "FALSE", False),
]


@pytest.mark.parametrize("option, typed, shown, kept", TYPED)
def test_values_are_typed_and_shown(caller: Caller, option: str, typed: Any, shown: str, kept: Any) -> None:
    caller.call("PUT", "/values/Track!E5", {"values": [[typed]]}, valueInputOption=option)
    assert caller.call("GET", "/values/Track!E5").json()["values"] == [[shown]]
    raw = caller.call("GET", "/values/Track!E5", valueRenderOption="FORMULA").json()["values"]
    assert (raw, type(raw[0][0])) == ([[kept]], type(kept))


WRITES = [
    ("Track!A1:B1", [["a", "b", "c"]], "Requested writing within range [Track!A1:B1], but tried writing to column [3]"),
    ("Track!A1:B1", [["a"], ["b"]], "Requested writing within range [Track!A1:B1], but tried writing to row [2]"),
    ("Track!A1000", [["a"], ["b"]], "Requested writing within range [Track!A1000], but tried writing to row [1001]"),
    ("Track!A1", [[{"a": 1}]], "Invalid values[0][0]: struct_value"),
    ("Track!A1", [["a" * 50_001]], "more than the maximum of 50000 characters"),
]


@pytest.mark.parametrize("text, rows, said", WRITES)
def test_values_that_do_not_fit_are_refused(caller: Caller, track: Tab, text: str, rows: list[Any], said: str) -> None:
    reply = caller.call("PUT", f"/values/{text}", {"values": rows}, valueInputOption="RAW")
    assert (reply.status_code, said in reply.json()["error"]["message"]) == (400, True)
    assert track.texts()[0] == HEAD


def test_values_are_appended_below_the_table_in_new_rows_if_so_asked(caller: Caller, track: Tab) -> None:
    track.set(5, 0, "not of the table")
    query = {"valueInputOption": "RAW", "insertDataOption": "INSERT_ROWS", "includeValuesInResponse": True}
    reply = caller.call("POST", "/values/Track!A1:append", {"values": [["E-4"], ["E-5"]]}, **query).json()
    assert (reply["tableRange"], reply["updates"]["updatedData"]["values"]) == ("Track!A1:C4", [["E-4"], ["E-5"]])
    assert [row[:1] for row in track.texts()[4:]] == [["E-4"], ["E-5"], [], ["not of the table"]]


RANGES = [
    ("Track", "Track!A1:Z1000"),
    ("'Other tab'!b2:c3", "'Other tab'!B2:C3"),
    ("A1", "Track!A1"),
    ("Track!D4:A1", "Track!A1:D4"),
    ("Track!B:C", "Track!B1:C1000"),
    ("Track!2:3", "Track!A2:Z3"),
    ("Track!B2:C", "Track!B2:C1000"),
    ("Track!AA1", None),
    ("Track!A1001", None),
    ("Track!A0", None),
    ("Nowhere!A1", None),
    ("Track!A", None),
]


@pytest.mark.parametrize("text, understood", RANGES)
def test_a1_notation(caller: Caller, text: str, understood: str | None) -> None:
    reply = caller.call("GET", "/values/" + requests.utils.quote(text, safe=""))
    assert (reply.json().get("range"), reply.status_code) == (understood, 200 if understood else 400)


def test_values_by_filter_say_which_filter_each_answers(caller: Caller) -> None:
    caller.done(tag(1))
    filters = [
        {"gridRange": {"sheetId": 0}},
        {"gridRange": {"sheetId": 101}},
        {"developerMetadataLookup": {"metadataId": 7}},
    ]
    body = {"dataFilters": filters, "valueRenderOption": "FORMULA", "dateTimeRenderOption": "SERIAL_NUMBER"}
    reply = caller.call("POST", "/values:batchGetByDataFilter", body).json()["valueRanges"]
    assert [one["valueRange"]["range"] for one in reply] == ["Track!A1:Z1000", "'Other tab'!A1:Z1000", "Track!B1:B1000"]
    assert [one["dataFilters"] for one in reply] == [[by] for by in filters]
    assert reply[0]["valueRange"]["values"] == [HEAD, ["E-1", "new"], ["E-2", "done", "ours"], ["E-3", "new", "call"]]
    data = [{"dataFilter": filters[2], "majorDimension": "COLUMNS", "values": [["Was", None, "x"]]}]
    wrote = caller.call("POST", "/values:batchUpdateByDataFilter", {"data": data, "valueInputOption": "RAW"}).json()
    assert (wrote["totalUpdatedCells"], wrote["responses"][0]["dataFilter"]) == (2, filters[2])
    assert (caller.server.log.reads, caller.server.log.writes, caller.server.log.cells_written) == (1, 2, 2)


# --------------------------------------------------------------------------- reading a spreadsheet


def test_a_spreadsheet_is_described_as_far_as_the_mask_goes(caller: Caller, track: Tab) -> None:
    track.hide_columns("Notes").set_note(1, 1, "n")
    found = caller.get(
        "properties.title,sheets(properties.title,data(rowData.values.note,columnMetadata.hiddenByUser))"
    )
    assert found["properties"] == {"title": "Tracker"}
    data = found["sheets"][0]["data"][0]
    assert data["columnMetadata"][:4] == [{}, {}, {"hiddenByUser": True}, {}]
    assert data["rowData"][1] == {"values": [{}, {"note": "n"}]}
    assert "data" not in caller.call("GET", "").json()["sheets"][0]
    grid = caller.call("GET", "", includeGridData=True, ranges="Track!B2:B3").json()["sheets"]
    assert [sheet["data"][0]["startRow"] for sheet in grid] == [1]
    assert grid[0]["data"][0]["rowData"][0]["values"][0]["formattedValue"] == "new"


def test_a_new_spreadsheet_is_the_callers_and_described_by_filter(caller: Caller) -> None:
    sheets = [{"properties": {"sheetId": 5, "title": "First"}}, {"properties": {"title": "Second"}}]
    body = {"properties": {"title": "Mine", "timeZone": "Europe/London"}, "sheets": sheets}
    made = caller.session.post("https://sheets.googleapis.com/v4/spreadsheets", json=body, timeout=10).json()
    assert (made["properties"]["title"], made["properties"]["timeZone"]) == ("Mine", "Europe/London")
    assert [sheet["properties"]["title"] for sheet in made["sheets"]] == ["First", "Second"]
    caller.key = made["spreadsheetId"]
    caller.done({"updateCells": {"start": {"sheetId": 5}, "rows": texts(["x"]), "fields": "userEnteredValue"}})
    asked = {"dataFilters": [{"gridRange": box(0, 2, 0, 2, 5)}], "includeGridData": True}
    found = caller.call("POST", ":getByDataFilter", asked).json()["sheets"]
    assert [(sheet["properties"]["title"], len(sheet["data"][0]["columnMetadata"])) for sheet in found] == [
        ("First", 2)
    ]
    assert found[0]["data"][0]["rowData"][0]["values"][0]["formattedValue"] == "x"
    assert (caller.server.log.writes, caller.server.log.reads) == (2, 1)


def test_a_batch_can_answer_with_the_spreadsheet(caller: Caller) -> None:
    more = {"includeSpreadsheetInResponse": True, "responseRanges": ["Track!A2"], "responseIncludeGridData": True}
    updated = caller.batch(cells(1, 0, ["x"]), **more).json()["updatedSpreadsheet"]
    assert [sheet["properties"]["title"] for sheet in updated["sheets"]] == ["Track"]
    assert updated["sheets"][0]["data"][0]["rowData"] == [
        {
            "values": [
                {
                    "userEnteredValue": {"stringValue": "x"},
                    "effectiveValue": {"stringValue": "x"},
                    "formattedValue": "x",
                }
            ]
        }
    ]


LINK = {"link": {"uri": "https://example.org/a"}}
OTHER_LINK = {"link": {"uri": "https://example.org/b"}}
LINKS = [
    ([{"format": LINK}], "https://example.org/a"),
    ([{"format": LINK}, {"startIndex": 3, "format": OTHER_LINK}], None),
    ([{"startIndex": 3, "format": {"bold": True}}], None),
]


@pytest.mark.parametrize("runs, link", LINKS)
def test_a_cell_with_one_link_has_a_hyperlink(caller: Caller, runs: list[Any], link: str | None) -> None:
    cell = {"userEnteredValue": {"stringValue": "some text"}, "textFormatRuns": runs}
    asked = {"start": {}, "rows": [{"values": [cell]}], "fields": "userEnteredValue,textFormatRuns"}
    caller.done({"updateCells": asked})
    row = caller.get("sheets.data.rowData.values(hyperlink,textFormatRuns)")["sheets"][0]["data"][0]["rowData"][0]
    assert row["values"][0].get("hyperlink") == link
    assert row["values"][0]["textFormatRuns"] == runs


# --------------------------------------------------------------------------- who may


def session(server: SheetsServer, file: Path, *scopes: str) -> AuthorizedSession:
    plain = requests.Session()
    plain.mount("https://", server.adapter())
    credentials = Credentials.from_service_account_file(file, scopes=[PREFIX + scope for scope in scopes])
    made = AuthorizedSession(credentials, auth_request=Request(plain))
    made.mount("https://", server.adapter())
    return made


def test_gspread_opens_a_shared_spreadsheet_by_title_with_a_key_file(google: SheetsServer, tmp_path: Path) -> None:
    email = google.service_account_file(tmp_path / "key.json")
    google.share(google.create("Tracker", tabs=("Track",)).book.key, email)
    client = gspread.Client(auth=None, session=session(google, tmp_path / "key.json", "spreadsheets", "drive.readonly"))
    client.open("Tracker").sheet1.update([["a", 1]], "A1")
    assert client.open("Tracker").worksheet("Track").get_all_values() == [["a", "1"]]
    assert [request.kind for request in google.log[:3]] == ["token", "drive", "read"]
    google.create("Not for us")
    with pytest.raises(gspread.SpreadsheetNotFound):
        client.open("Not for us")


def test_a_key_that_google_does_not_know_gets_no_token(google: SheetsServer, tmp_path: Path) -> None:
    google.service_account_file(tmp_path / "key.json", known=False)
    with pytest.raises(RefreshError, match="account not found"):
        session(google, tmp_path / "key.json", "spreadsheets").get("https://sheets.googleapis.com/v4/spreadsheets/x")


def test_a_signature_of_another_key_gets_no_token(google: SheetsServer, tmp_path: Path) -> None:
    mine, other = google.accounts.make("mine"), google.accounts.make("other")
    (tmp_path / "key.json").write_text(json.dumps({**mine, "private_key": other["private_key"]}))
    with pytest.raises(RefreshError, match=r"Invalid JWT Signature\."):
        session(google, tmp_path / "key.json", "spreadsheets").get("https://sheets.googleapis.com/v4/spreadsheets/x")


def test_a_clock_that_is_wrong_gets_no_token(google: SheetsServer, tmp_path: Path) -> None:
    google.service_account_file(tmp_path / "key.json")
    google.clock = lambda: time.time() + 7200
    with pytest.raises(RefreshError, match="reasonable timeframe"):
        session(google, tmp_path / "key.json", "spreadsheets").get("https://sheets.googleapis.com/v4/spreadsheets/x")


def test_a_token_expires_and_a_new_one_is_fetched(caller: Caller, tmp_path: Path) -> None:
    google = caller.server
    google.service_account_file(tmp_path / "key.json")
    client = gspread.Client(auth=None, session=session(google, tmp_path / "key.json", "spreadsheets"))
    assert client.open_by_key(caller.key).title == "Tracker"
    google.accounts.tokens.clear()
    assert client.open_by_key(caller.key).title == "Tracker"
    assert [(request.kind, request.status) for request in google.log] == [
        *[("token", 200), ("read", 200)],
        *[("read", 401), ("token", 200), ("read", 200)],
    ]


def set_up(caller: Caller, what: str) -> None:
    google = caller.server
    if what in ("reader", "none"):
        google.share(caller.key, USER, what)
    elif what == "unknown key":
        caller.key = "unknown"
    elif what == "disabled":
        google.disabled.add("sheets")
    elif what == "no token":
        del caller.session.headers["Authorization"]
    elif what == "old token":
        google.accounts.tokens["good"] = Token(USER, ALL_SCOPES, time.time() - 1)
    elif what == "other scope":
        google.accounts.tokens["good"] = Token(USER, frozenset({PREFIX + "calendar"}), 1e18)


ACCESS = [
    ("writer", 200, 200, ""),
    ("reader", 200, 403, "PERMISSION_DENIED"),
    ("none", 403, 403, "PERMISSION_DENIED"),
    ("unknown key", 404, 404, "NOT_FOUND"),
    ("disabled", 403, 403, "PERMISSION_DENIED"),
    ("no token", 401, 401, "UNAUTHENTICATED"),
    ("old token", 401, 401, "UNAUTHENTICATED"),
    ("other scope", 403, 403, "PERMISSION_DENIED"),
]


@pytest.mark.parametrize("what, reading, writing, status", ACCESS)
def test_access_is_refused_as_google_does(caller: Caller, what: str, reading: int, writing: int, status: str) -> None:
    set_up(caller, what)
    read, write = caller.call("GET", ""), caller.batch(cells(0, 0, ["x"]))
    assert (read.status_code, write.status_code) == (reading, writing)
    assert write.json().get("error", {}).get("status", "") == status
    if what == "disabled":
        assert [one.get("reason", "help") for one in write.json()["error"]["details"]] == ["help", "SERVICE_DISABLED"]


@pytest.mark.parametrize("status", [400, 403])
def test_a_protected_range_keeps_others_out_and_a_warning_does_not(caller: Caller, track: Tab, status: int) -> None:
    caller.server.ways = Ways(protected=status)
    track.protect(area={"startRowIndex": 1, "endRowIndex": 2})
    assert caller.batch(cells(2, 0, ["free"])).status_code == 200
    for asked in (
        cells(1, 0, ["x"]),
        {"deleteDimension": {"range": span("ROWS", 1, 2)}},
        {"sortRange": {"range": box(0, 4, 0, 3)}},
    ):
        reply = caller.batch(asked)
        assert reply.status_code == status
        assert "You are trying to edit a protected cell or object." in reply.json()["error"]["message"]
    warning = {"range": box(3, 4, 0, 1), "warningOnly": True}
    caller.server.curator(caller.key).do("addProtectedRange", protectedRange=warning)
    assert caller.batch(cells(3, 0, ["x"])).status_code == 200


# --------------------------------------------------------------------------- quotas, faults, between, log


def test_quotas_are_counted_by_kind_and_minute(caller: Caller) -> None:
    now = [1_800_000_000.0]
    caller.server.clock, caller.server.limits = lambda: now[0], Limits.of_google()
    assert [caller.call("GET", "", fields="spreadsheetId").status_code for _ in range(61)] == [200] * 60 + [429]
    reply = caller.call("GET", "")
    assert (reply.json()["error"]["status"], reply.headers["Retry-After"]) == ("RESOURCE_EXHAUSTED", "60")
    assert "limit 'Read requests per minute per user'" in reply.json()["error"]["message"]
    assert caller.batch(cells(0, 0, ["x"])).status_code == 200
    now[0] += 61
    assert caller.call("GET", "").status_code == 200


FAULTS = [
    (Fault(status=429, retry_after=7), 429, "application/json; charset=UTF-8", False),
    (Fault(status=500), 500, "application/json; charset=UTF-8", False),
    (Fault(status=503), 503, "application/json; charset=UTF-8", False),
    (Fault(html=True, status=502), 502, "text/html", False),
    (Fault(drop="before"), None, "", False),
    (Fault(drop="after"), None, "", True),
    (Fault(truncate=5), None, "", True),
    (Fault(delay=0.05), 200, "application/json; charset=UTF-8", True),
    (Fault(delay=200), 504, "application/json; charset=UTF-8", False),
]


@pytest.mark.parametrize("fault, status, kind, done", FAULTS)
def test_a_fault_meets_the_request_that_it_is_meant_for(
    caller: Caller, track: Tab, fault: Fault, status: int | None, kind: str, done: bool
) -> None:
    caller.server.limits.seconds = 0.1
    caller.server.fail(fault, at=1, when=lambda request: request.kind == "write")
    assert caller.batch(cells(1, 0, ["first"])).status_code == 200
    if status is None:
        with pytest.raises(requests.RequestException):
            caller.batch(cells(1, 1, ["second"]))
    else:
        reply = caller.batch(cells(1, 1, ["second"]))
        assert (reply.status_code, reply.headers["Content-Type"]) == (status, kind)
        assert reply.headers.get("Retry-After") == (str(fault.retry_after) if fault.retry_after else None)
    assert track.text(1, 1) == ("second" if done else "new")
    assert caller.batch(cells(1, 2, ["third"])).status_code == 200


def test_curators_work_between_any_two_requests(caller: Caller, track: Tab) -> None:
    def sort(server: SheetsServer, request: Any) -> None:
        if request.kind == "write":
            track.sort("Accession", descending=True)

    caller.server.between = sort
    caller.done(cells(1, 2, ["lands on E-3"]))
    assert track.records()[0] == {"Accession": "E-3", "State": "new", "Notes": "lands on E-3"}


def test_the_log_counts_requests_and_cells(caller: Caller) -> None:
    caller.done(
        cells(1, 0, ["a", "b"], ["c"]), {"repeatCell": {"range": box(0, 2, 0, 3), "cell": {}, "fields": "note"}}
    )
    caller.refused(cells(1, 0, ["a"]), {"deleteSheet": {"sheetId": 9}})
    caller.get("spreadsheetId")
    log = caller.server.log
    assert (log.reads, log.writes, log.cells_written) == (1, 2, 9)
    assert [request.status for request in log] == [200, 400, 200]
    assert log[0].body["requests"][1]["repeatCell"]["fields"] == "note"
    log.reset()
    assert (len(log), log.reads) == (0, 0)


def test_closing_waits_for_nobody() -> None:
    server = SheetsServer().__enter__()
    key = server.create("A").book.key
    idle = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=5)
    server.fail(Fault(delay=100))
    answers: list[requests.Response] = []

    def ask() -> None:
        with suppress(requests.RequestException):
            answers.append(Caller(server, key).call("GET", ""))

    waiting = threading.Thread(target=ask)
    waiting.start()
    while not server.log:
        time.sleep(0.01)
    begun = time.monotonic()
    server.__exit__(None, None, None)
    assert time.monotonic() - begun < 2
    waiting.join(5)
    assert (waiting.is_alive(), answers) == (False, [])
    assert idle.recv(1) == b""
    idle.close()


# --------------------------------------------------------------------------- curators


def test_curators_see_and_do_what_people_do(caller: Caller, track: Tab) -> None:
    track.insert_columns("State", 1, "Priority").set("E-2", "Priority", 5).set_note("E-2", "State", "why?")
    assert track.records()[1] == {"Accession": "E-2", "Priority": 5, "State": "done", "Notes": "ours"}
    track.insert_rows("E-2", 2).move_rows("E-3", 1).delete_rows("E-1").hide_rows("E-2").rename("Track 2").freeze(1)
    assert [record["Accession"] for record in track.records()] == ["E-3", "E-2"]
    assert (track.title, track.note("E-2", "State"), track.row("E-2")) == ("Track 2", "why?", 4)
    assert track.snapshot()["row_properties"][4] == {"hiddenByUser": True}
    track.set_filter("State", "done")
    assert track.snapshot()["row_properties"][4] == {"hiddenByUser": True, "hiddenByFilter": True}
    track.clear_filter()
    assert (track.snapshot()["filter"], track.snapshot()["row_properties"][4]) == (None, {"hiddenByUser": True})
    track.delete()
    assert caller.server.curator(caller.key).titles == ["Other tab"]


def test_a_snapshot_is_the_same_until_something_changes(caller: Caller, track: Tab) -> None:
    before = track.snapshot()
    assert track.snapshot() == before
    assert track.colour(1, 1).snapshot() != before


def test_a_tab_of_a_chart_has_no_cells(caller: Caller) -> None:
    caller.server.curator(caller.key).do("addSheet", properties={"sheetId": 9, "title": "Chart", "sheetType": "OBJECT"})
    shown = caller.call("GET", "", includeGridData=True).json()["sheets"][2]
    assert shown == {"properties": {"sheetId": 9, "title": "Chart", "index": 2, "sheetType": "OBJECT"}}
    body = {"dataFilters": [{"gridRange": {"sheetId": 9}}]}
    assert caller.call("POST", "/values:batchGetByDataFilter", body).status_code == 400


def test_where_an_account_may_work_is_answered(google: SheetsServer) -> None:
    """google-auth asks for it in the background."""
    url = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{USER}/allowedLocations"
    asking = requests.Session()
    asking.mount("https://", google.adapter())
    assert asking.get(url, timeout=10).json() == {"locations": [], "encodedLocations": "0x0"}
    assert [request.kind for request in google.log] == ["other"]
