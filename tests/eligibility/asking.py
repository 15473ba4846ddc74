"""How tests ask, and read what is answered."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import make_url

from app.config import Address, Authority, Check, Database
from app.domain.model import Answer, Lifecycle, Listing
from app.eligibility import Databases
from tests.servers.postgres import PASSWORD

STATUS = Check("status", "curation", "SELECT acc, status FROM checks", frozenset({"PASS"}))
SCORE = Check("score", "curation", "SELECT acc, score FROM checks", frozenset({"0"}), "score {value}")
ASKED = ("E-MTAB-1", "E-MTAB-2", "E-MTAB-3", "E-MTAB-4", "E-MTAB-5")
ENCRYPTED = {
    "postgresql": "SELECT 'E-MTAB-1', ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mysql": "SELECT 'E-MTAB-1', IF(VARIABLE_VALUE = '', 'false', 'true') FROM information_schema.SESSION_STATUS"
    " WHERE VARIABLE_NAME = 'Ssl_cipher'",
}
"""Queries that say whether the line they come on is."""
PUBLISHED = Lifecycle.of().state("published")


def ask(database: Database, *queries: str | Check, about: Collection[str] = ASKED) -> list[Answer]:
    checks = [q if isinstance(q, Check) else replace(STATUS, name=f"check{n}", query=q) for n, q in enumerate(queries)]
    return list(Databases([database], checks).verdicts(about))


def listed(database: Database, *queries: str) -> list[Listing]:
    authorities = [Authority(f"authority{n}", "curation", q, PUBLISHED, "bulk") for n, q in enumerate(queries)]
    return list(Databases([database], [], authorities).listings())


def said(answer: Answer) -> dict[str, str]:
    """dataset -> verdict in words"""
    assert answer.verdicts is not None, answer.error
    assert answer.error == ""
    assert all((v.dataset, v.check) == (d, answer.check) for d, v in answer.verdicts.items())
    return {dataset: str(verdict) for dataset, verdict in answer.verdicts.items()}


def error(answer: Answer | Listing) -> str:
    """Why there is nothing: one line that names the database, and no password."""
    assert (answer.verdicts if isinstance(answer, Answer) else answer.entries) is None
    assert answer.error.startswith("curation (")
    assert "\n" not in answer.error
    assert PASSWORD not in answer.error
    return answer.error


def known_as(database: Database, /, **parts: object) -> Database:
    """The same database, in other words."""
    url = make_url(database.url).set(**parts)  # type: ignore[arg-type]
    return replace(database, url=Address(url.render_as_string(hide_password=False)))
