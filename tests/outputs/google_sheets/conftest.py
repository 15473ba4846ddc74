"""A Google Sheet on this machine, shared with an account made for the test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.outputs.google_sheets.tabs import Desk
from tests.servers.sheets import SheetsServer


@pytest.fixture
def google() -> Iterator[SheetsServer]:
    with SheetsServer() as google:
        yield google


@pytest.fixture
def desk(google: SheetsServer, tmp_path: Path) -> Desk:
    """The spreadsheet that curators and the tracker share, with the curators' own first tab in it."""
    return Desk.of(google, tmp_path, datetime(2026, 11, 22, 9, tzinfo=UTC))
