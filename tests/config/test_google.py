"""The Google Sheet's settings: where they may stand, which counts, and what is wrong with them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.config import Config
from app.config.google import API, CREDENTIALS
from tests.config.site import Site

SETTINGS = "etc/tracker.yaml"
SHEET = "INGEST_TRACKER_SHEET"
BOTH = {"sheet": "in-the-file", "credentials": "secrets/in-the-file.json"}


def loaded(site: Site, settings: dict[str, Any] | None = None, **given: Any) -> Config:
    return site.with_files({SETTINGS: settings or {}}).load(**given)


def test_without_one_there_is_none(site: Site) -> None:
    found = loaded(site)
    assert (found.google_sheet, found.curators_columns) == (None, ())
    assert "google_sheets" not in found.outputs


def test_what_is_left_out_is_not_shown_and_not_archived(site: Site) -> None:
    sheet = loaded(site, {"google_sheets": BOTH}).google_sheet
    assert sheet is not None
    assert (sheet.sheet, sheet.credentials) == ("in-the-file", site.folder / "etc/secrets/in-the-file.json")
    assert (sheet.access_keys, sheet.archive_after, sheet.patience, sheet.api) == (False, None, 300, "")


def test_an_archive_may_be_immediate(site: Site) -> None:
    sheet = loaded(site, {"google_sheets": {**BOTH, "archive_after_days": 0}}).google_sheet
    assert sheet is not None
    assert sheet.archive_after == timedelta(0)


@pytest.mark.parametrize(
    ("flag", "variable", "meant"),
    [
        ("flag", "variable", "flag"),
        (None, "variable", "variable"),
        (None, "", "in-the-file"),
        (None, None, "in-the-file"),
    ],
)
def test_the_command_line_outweighs_the_environment_and_that_the_file(
    flag: str | None, variable: str | None, meant: str, site: Site
) -> None:
    site.environ |= {} if variable is None else {SHEET: variable, CREDENTIALS: variable}
    sheet = loaded(site, {"google_sheets": BOTH}, sheet=flag, credentials=flag).google_sheet
    assert sheet is not None
    folder = site.folder / "etc/secrets/in-the-file.json" if meant == "in-the-file" else site.folder / meant
    assert (sheet.sheet, sheet.credentials) == (meant, folder)


def test_each_of_the_two_may_come_from_elsewhere(site: Site) -> None:
    site.environ[CREDENTIALS] = "/run/secrets/key.json"
    sheet = loaded(site, {"google_sheets": {"sheet": "in-the-file"}}, sheet="DEV Ingest Status").google_sheet
    assert sheet is not None
    assert (sheet.sheet, sheet.credentials) == ("DEV Ingest Status", Path("/run/secrets/key.json"))


@pytest.mark.parametrize(
    ("listed", "flag", "shown"),
    [
        (None, None, True),
        (["csv_files"], None, False),
        (["csv_files"], "flag", True),
        (["csv_files", "google_sheets"], None, True),
    ],
)
def test_a_sheet_that_is_named_is_an_output(
    listed: list[str] | None, flag: str | None, shown: bool, site: Site
) -> None:
    """Unless the outputs are listed and it is not among them; what is said for this run counts all the same."""
    settings = {"google_sheets": BOTH} | ({"outputs": listed} if listed else {})
    assert loaded(site, settings, sheet=flag).outputs.count("google_sheets") == shown


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8080", "http://[::1]:1", "https://localhost/", "http://127.9.9.9"]
)
def test_requests_may_go_to_a_server_of_this_machine(address: str, site: Site) -> None:
    site.environ[API] = address
    sheet = loaded(site, {"google_sheets": BOTH}).google_sheet
    assert sheet is not None
    assert sheet.api == address


@pytest.mark.parametrize(
    "address",
    [
        "http://sheets.example.org",
        "http://10.0.0.1",
        "http://127.0.0.1.example.org",
        "ftp://127.0.0.1",
        "http://127.0.0.1/x",
        "//127.0.0.1",
        "127.0.0.1:80",
        "http://[::1",
    ],
)
def test_requests_go_to_no_other_machine(address: str, site: Site) -> None:
    """They say who we are."""
    site.environ[API] = address
    (mistake,) = site.with_files({SETTINGS: {"google_sheets": BOTH}}).mistakes()
    assert (mistake.file, mistake.key) == ("environment", API)
    assert "allowed: http://127.0.0.1:PORT" in mistake.message


MISTAKES: list[tuple[dict[str, Any], dict[str, str], list[tuple[str, str]]]] = [
    ({"google_sheets": {"sheet": "x"}}, {}, [("google_sheets > sheet", "needs an account that writes it")]),
    ({"google_sheets": {"credentials": "x"}}, {}, [("google_sheets > sheet", "is required with credentials")]),
    ({}, {"credentials": "x"}, [("--sheet", "is required with credentials")]),
    ({}, {"sheet": "x"}, [("--sheet", "needs an account that writes it")]),
    (
        {"google_sheets": {**BOTH, "patience": 0, "archive_after_days": -1, "access_keys": "yes", "colour": "red"}},
        {},
        [
            ("google_sheets > access_keys", "true or false"),
            ("google_sheets > archive_after_days", "0"),
            ("google_sheets > colour", "unknown key"),
            ("google_sheets > patience", "greater than 0"),
        ],
    ),
    ({"google_sheets": {"sheet": ["x"], "credentials": "x"}}, {}, [("google_sheets > sheet", "must be text")]),
    ({"outputs": ["google_sheets"]}, {}, [("outputs", "needs google_sheets > sheet")]),
    (
        {"curators_columns": ["Status", "Notes", " notes", " ", "x" * 256]},
        {},
        [
            ("curators_columns", "'status' is the title of a column that is filled in here"),
            ("curators_columns", "'notes' is given more than once"),
            ("curators_columns", "1 to 255 characters"),
            ("curators_columns", "1 to 255 characters"),
        ],
    ),
]


@pytest.mark.parametrize(("settings", "flags", "expected"), MISTAKES)
def test_every_mistake_is_said_at_once_with_what_is_allowed(
    settings: dict[str, Any], flags: dict[str, str], expected: list[tuple[str, str]], site: Site
) -> None:
    mistakes = site.with_files({SETTINGS: settings}).mistakes(**flags)
    assert sorted(mistake.key for mistake in mistakes) == sorted(key for key, _ in expected)
    for key, message in expected:
        assert any(mistake.key == key and message in mistake.message for mistake in mistakes), (key, message, mistakes)
