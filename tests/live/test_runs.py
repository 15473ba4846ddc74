"""What `./run test-google` runs is tried against the server that the other tests have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.servers.sheets import SheetsServer

PROJECT = Path(__file__).parents[2]


def test_the_cases_for_a_real_sheet_hold_here(tmp_path: Path) -> None:
    with SheetsServer() as google:
        key = google.create("for tests").book.key
        google.share(key, google.service_account_file(tmp_path / "key.json"))
        told = os.environ | {
            "INGEST_TRACKER_TEST_SHEET": key,
            "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json"),
            "INGEST_TRACKER_GOOGLE_API": google.url,
        }
        case = "tests/live/test_google_sheet.py"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-m", "google", "-p", "no:cacheprovider", case],
            cwd=PROJECT, env=told, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        assert google.curator(key).titles == ["Sheet1"], "it leaves nothing behind"
