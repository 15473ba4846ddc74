"""The Google Sheet that shows the overview, and as whom it is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from app.config.forms import GoogleSheetsSettings
from app.config.pages import Given, Page, first_given
from app.config.records import GoogleSheet

OUTPUT = "google_sheets"
API, CREDENTIALS = "INGEST_TRACKER_GOOGLE_API", "GOOGLE_APPLICATION_CREDENTIALS"


def read_google(
    page: Page, line: Page, variables: Page, entry: object, flags: Mapping[str, str | None], environ: Mapping[str, str]
) -> GoogleSheet | None:
    """None where no sheet is named. `flags`: `sheet` and `credentials` as given on the command line."""
    settings, faulty = page.check(GoogleSheetsSettings, entry or {}, OUTPUT)

    def given(name: str, variable: str) -> Given:
        return first_given(
            Given(line, f"--{name}", flags.get(name)),
            Given(variables, variable, environ.get(variable)),
            Given(page, f"{OUTPUT} > {name}", getattr(settings, name)),
        )

    sheet, credentials = given("sheet", "INGEST_TRACKER_SHEET"), given("credentials", CREDENTIALS)
    if not sheet.value:
        if flags.get("credentials") or (entry and "sheet" not in faulty):
            where = line if flags.get("credentials") else page
            where.mistake("is required with credentials; allowed: the key, the address or the title of a Google Sheet",
                          "--sheet" if where is line else f"{OUTPUT} > sheet")  # fmt: skip
        return None
    if not credentials.value and "credentials" not in faulty:
        sheet.page.mistake(
            "needs an account that writes it: the key file of a Google service account, by --credentials, "
            f"{CREDENTIALS} or {OUTPUT} > credentials",
            sheet.key,
        )
    return GoogleSheet(
        sheet=sheet.value,
        credentials=Path(credentials.page.path(credentials.value or "none")),
        access_keys=settings.access_keys,
        archive_after=None if settings.archive_after_days is None else timedelta(days=settings.archive_after_days),
        patience=settings.patience,
        named_for_this_run=bool(flags.get("sheet")),
        api=_api(variables, environ.get(API, "")),
    )


def _api(variables: Page, address: str) -> str:
    """Where requests go instead of to Google. What we say there is who we are, so it is a server of this machine."""
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        local = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local or parts.scheme not in ("http", "https") or parts.path.strip("/"):
        variables.mistake("is not an address of this machine; allowed: http://127.0.0.1:PORT", API)
    return address
