"""Asks the curation databases: each check is one query of two columns, an accession and what is said of it.

Nothing is ever written there: sessions are read-only, and every connection and query has its time limit.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.config import Check, Database
from app.domain.model import Answer, Outcome, Verdict
from app.domain.text import one_line

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult

ROWS_AT_A_TIME = 1_000


@dataclass(frozen=True, slots=True)
class Databases:
    """The port Eligibility. Importing this module, and making one of these, opens nothing."""

    databases: Sequence[Database]
    checks: Sequence[Check]

    def verdicts(self, datasets: Collection[str]) -> Iterator[Answer]:
        """One Answer a check, with the datasets that its database knows among these. One connection a database,
        however many its checks; a database that cannot be asked is an Answer without verdicts; never raises."""
        wanted = frozenset(datasets)
        for database in self.databases:
            if checks := [check for check in self.checks if check.database == database.name]:
                yield from _answers(database, checks, wanted)


def _answers(database: Database, checks: Sequence[Check], wanted: frozenset[str]) -> Iterator[Answer]:
    try:
        connection = _connect(database)
    except _failures() as error:
        sentence = _sentence(database, error)
        yield from (Answer(check.name, database.name, None, sentence) for check in checks)
        return
    with connection:
        for check in checks:
            yield _answer(connection, database, check, wanted)


def _answer(connection: Connection, database: Database, check: Check, wanted: frozenset[str]) -> Answer:
    try:
        with connection.begin():  # a transaction each, so that a check that fails does not spoil the next
            DIALECTS[database.dialect].guard(connection, database)
            streamed = {"yield_per": ROWS_AT_A_TIME, "no_parameters": True}
            rows = connection.exec_driver_sql(check.query, execution_options=streamed)
            if columns := _wrong_columns(rows):
                said = f"the query gives {columns}; it must give two columns, accession and value"
                return Answer(check.name, database.name, None, f"{_named(database, check)}: {said}")
            return Answer(check.name, database.name, _verdicts(rows, check, wanted))
    except _failures() as error:
        return Answer(check.name, database.name, None, _sentence(database, error, check))


# --------------------------------------------------------------------------- what a row says


def _verdicts(rows: CursorResult[Any, Any], check: Check, wanted: frozenset[str]) -> dict[str, Verdict]:
    """An accession that comes twice keeps its gravest verdict (and of two reasons always the same one, as a
    database gives its rows in any order)."""
    verdicts: dict[str, Verdict] = {}
    for accession, value in rows:
        if (dataset := _text(accession)) in wanted:
            verdict = _verdict(dataset, check, value)
            verdicts[dataset] = max(verdict, verdicts.get(dataset, verdict), key=_gravity)
    return verdicts


def _verdict(dataset: str, check: Check, value: object) -> Verdict:
    if value is None:
        return Verdict(dataset, check.name, Outcome.UNKNOWN)
    text = _text(value)
    if text in check.passes:
        return Verdict(dataset, check.name, Outcome.PASS)
    return Verdict(dataset, check.name, Outcome.FAIL, check.label.format(value=text))


def _gravity(verdict: Verdict) -> tuple[int, str]:
    return (Outcome.UNKNOWN, Outcome.PASS, Outcome.FAIL).index(verdict.outcome), verdict.reason


def _text(value: object) -> str:
    """A value as a person would write it: 0, 0.0 and Decimal("0.00") are all "0", true is "true"."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float() | Decimal():
            return f"{Decimal(str(value)).normalize() + 0:f}"  # + 0: minus nought is nought
        case bytes():  # MySQL, where a column's collation is binary
            return one_line(value.decode(errors="replace"))
        case _:
            return one_line(str(value))


def _wrong_columns(rows: CursorResult[Any, Any]) -> str:
    """What a query gives that does not give two columns."""
    columns = list(rows.keys()) if rows.returns_rows else []
    return "" if len(columns) == 2 else ", ".join(columns) or "nothing"


# --------------------------------------------------------------------------- read only, within the time allowed


def _connect(database: Database) -> Connection:
    from sqlalchemy import NullPool, create_engine, make_url

    url = make_url(database.url)
    if database.dialect == "sqlite":
        # as a URI, for SQLite would otherwise make an empty file where there is none
        url = url.set(database=f"file:{quote(url.database or '')}", query={"mode": "ro", "uri": "true"})
    arguments = DIALECTS[database.dialect].arguments(database)
    return create_engine(url, poolclass=NullPool, connect_args=arguments).connect()


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a kind of database is told to hurry (arguments of its driver's `connect`), and what makes a transaction
    of it harmless. The guard goes before every query, as a lost connection is silently replaced by a new one."""

    arguments: Callable[[Database], Mapping[str, Any]]
    guard: Callable[[Connection, Database], None]


def _statements(*statements: str) -> Callable[[Connection, Database], None]:
    def guard(connection: Connection, database: Database) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement.format(milliseconds=math.ceil(database.query_timeout * 1000)))

    return guard


def _interrupt(connection: Connection, database: Database) -> None:
    """SQLite has no time limit of its own, but asks now and then whether to go on."""
    deadline = time.monotonic() + database.query_timeout
    sqlite: Any = connection.connection.driver_connection
    sqlite.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)


DIALECTS: Mapping[str, _Dialect] = {
    "postgresql": _Dialect(
        # a server that is cut off in the middle of an answer is noticed after half a minute
        lambda database: {
            "connect_timeout": math.ceil(database.connect_timeout),
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 4,
        },
        _statements(
            "SET default_transaction_read_only = on",
            "SET TRANSACTION READ ONLY",
            "SET statement_timeout = {milliseconds}",
        ),
    ),
    "mysql": _Dialect(
        lambda database: {
            "connect_timeout": math.ceil(database.connect_timeout),
            "read_timeout": math.ceil(database.query_timeout) + 5,  # for servers that know no limit, or are cut off
        },
        # a comment that MySQL from 5.7.8 on executes; MariaDB and older ones have no such variable
        _statements(
            "SET SESSION TRANSACTION READ ONLY",
            "SET @milliseconds = {milliseconds} /*!50708 , SESSION max_execution_time = {milliseconds} */",
        ),
    ),
    "sqlite": _Dialect(lambda database: {"timeout": database.connect_timeout}, _interrupt),
}


# --------------------------------------------------------------------------- what went wrong, for a person


def _failures() -> tuple[type[Exception], ...]:
    """What drivers raise when a database cannot be asked; not all of it is an error by the rules of DBAPI."""
    from sqlalchemy.exc import SQLAlchemyError

    return (
        SQLAlchemyError,
        UnicodeDecodeError,  # psycopg2: text that is not in the database's encoding
        ImportError,  # an address that names a driver which is not installed
        RuntimeError,  # PyMySQL: a package for the server's way of logging in is missing
    )


ADVICE = (
    ("password|authentication|access denied|no pg_hba", "check the user and the password in the settings"),
    ("refused|can't connect|could not translate|no route|connection timed out|timeout expired"
     "|starting up|shutting down|closed the connection",
     "is the server running, and are its host and port right in the settings?"),
    ("unable to open|i/o error", "is the path right, and may this user read the file?"),
    ("not a database", "is the path right? This file is something else"),
    ("is locked", "another program is writing to it; the next run asks again"),
    ("statement timeout|interrupted|timed out|execution time",
     "the time allowed is {database.query_timeout:g} s: allow more (query_timeout) or make the query cheaper"),
    ("does not exist|doesn't exist|no such|unknown",
     "do the database and the query in the settings name what is there?"),
    ("permission denied|command denied", "the user of the settings must be allowed to read this"),
    ("read-only|readonly|read only|data-modifying", "a check may only read: its query must be a SELECT"),
    ("syntax error|one statement", "a check's query must be one SELECT"),
    ("codec", "some text there is not in the database's encoding: convert it in the query"),
    ("no module named|package is required", "install it, or choose another driver in the settings"),
)  # fmt: skip
"""What the driver said (a pattern, in lower case) -> what to do about it. The first that fits."""


def _sentence(database: Database, error: Exception, check: Check | None = None) -> str:
    said = _said(error, database)
    advice = next((todo for pattern, todo in ADVICE if re.search(pattern, said.lower())), "ask whoever looks after it")
    return f"{_named(database, check)}: {said}; {advice.format(database=database)}"


def _named(database: Database, check: Check | None = None) -> str:
    return f"{database.name} ({database.shown})" + (f", check {check.name}" if check else "")


def _said(error: Exception, database: Database) -> str:
    """The first line of what the driver said, without its number, and without the password in any case."""
    from sqlalchemy import make_url

    cause = getattr(error, "orig", None)
    text = str(cause.args[-1] if cause and cause.args else error)
    password = make_url(database.url).password
    line = text.strip().partition("\n")[0]
    return line.replace(str(password), "***") if password else line
