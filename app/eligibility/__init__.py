"""Asks the curation databases. Each question is one query; its rows are read as they come, never all at once.

Nothing is ever written there: a query is asked as the inner one of another, `SELECT * FROM (...)`, in a transaction
that only reads. So the server's own grammar takes one SELECT and nothing else, and what that calls cannot write.

Nothing waits for ever: a server is told how long a query may take, and where it takes longer all the same (it is
frozen, was cut off, or sends a byte now and then) the line to it is cut from here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from app.config import Authority, Check, Database
from app.domain.model import Answer, Entry, Listing, Outcome, Secret, Verdict
from app.domain.text import one_line
from app.eligibility.lines import Line, Row, Unfit, failures, open_line
from app.eligibility.sentences import sentence

MOST_ENTRIES = 1_000_000
YES_OR_NO = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False, "": None}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Databases:
    """The port Eligibility. Importing this module, and making one of these, opens nothing."""

    databases: Sequence[Database]
    checks: Sequence[Check]
    authorities: Sequence[Authority] = ()

    def verdicts(self, datasets: Collection[str]) -> Iterator[Answer]:
        """One Answer a check, with the datasets that its database knows among these. One connection a database,
        however many its checks; a database that cannot be asked is an Answer without verdicts; never raises."""
        wanted = frozenset(datasets)
        for database in self.databases:
            checks = [check for check in self.checks if check.database == database.name]
            for name, verdicts, error in _ask(database, [_what_check_asks(check, wanted) for check in checks]):
                yield Answer(name, database.name, verdicts, error)

    def listings(self) -> Iterator[Listing]:
        """One Listing an authority, with all that is in production there; otherwise as for verdicts."""
        for database in self.databases:
            authorities = [authority for authority in self.authorities if authority.database == database.name]
            for name, found, error in _ask(database, [_what_authority_asks(authority) for authority in authorities]):
                entries, keys = found or (None, {})
                yield Listing(name, database.name, entries, error, keys)


@dataclass(frozen=True, slots=True)
class _Question(Generic[T]):
    """`columns` are what the query may give; the first `least` it must."""

    what: str
    name: str
    query: str
    columns: Sequence[str]
    least: int
    read: Callable[[Sequence[str], Iterator[Row]], T]
    """(how the query names its columns, its rows) -> what they say; raises Unfit"""


def _ask(database: Database, questions: Sequence[_Question[T]]) -> Iterator[tuple[str, T | None, str]]:
    """(question's name, what was found, why not) of each. All on one line, but on a new one after a failure; where
    none is to be had, the rest are not tried."""
    line: Line | None = None
    try:
        for number, question in enumerate(questions):
            try:
                line = line or open_line(database)
            except failures(database) as error:
                said = sentence(database, error)
                yield from ((lost.name, None, said) for lost in questions[number:])
                return
            try:
                found = _asked(line, database, question)
            except failures(database) as error:
                line.close()
                line = None
                yield question.name, None, sentence(database, error, f"{question.what} {question.name}", question.query)
            else:
                yield question.name, found, ""
    finally:
        if line:
            line.close()


def _asked(line: Line, database: Database, question: _Question[T]) -> T:
    with line.within(database.connect_timeout, "connect_timeout"):
        line.begin()
    with line.within(database.query_timeout, "query_timeout", line.grace):
        names, rows = line.select(question.query)
        if not question.least <= len(names) <= len(question.columns):
            least = "" if question.least == len(question.columns) else f"{question.least} to "
            must = f"{least}{len(question.columns)} columns: {', '.join(question.columns)}"
            raise Unfit(f"the query gives {', '.join(names)}; it must give {must}")
        found = question.read(names, rows)
        line.end()
    return found


# --------------------------------------------------------------------------- what a row says


def _what_check_asks(check: Check, wanted: Collection[str]) -> _Question[dict[str, Verdict]]:
    def read(_: Sequence[str], rows: Iterator[Row]) -> dict[str, Verdict]:
        """An accession that comes twice keeps its gravest verdict (and of two reasons always the same one, as a
        database gives its rows in any order)."""
        verdicts: dict[str, Verdict] = {}
        for accession, value in rows:
            if (dataset := _text(accession)) in wanted:
                verdict = _verdict(dataset, check, value)
                verdicts[dataset] = max(verdict, verdicts.get(dataset, verdict), key=_gravity)
        return verdicts

    return _Question("check", check.name, check.query, ("accession", "value"), 2, read)


def _verdict(dataset: str, check: Check, value: object) -> Verdict:
    if value is None:
        return Verdict(dataset, check.name, Outcome.UNKNOWN)
    text = _text(value)
    if text in check.passes:
        return Verdict(dataset, check.name, Outcome.PASS)
    return Verdict(dataset, check.name, Outcome.FAIL, check.label.format(value=text))


def _gravity(verdict: Verdict) -> tuple[int, str]:
    return (Outcome.UNKNOWN, Outcome.PASS, Outcome.FAIL).index(verdict.outcome), verdict.reason


def _what_authority_asks(authority: Authority) -> _Question[tuple[dict[str, Entry], dict[str, Secret]]]:
    def read(names: Sequence[str], rows: Iterator[Row]) -> tuple[dict[str, Entry], dict[str, Secret]]:
        """An accession that comes twice is private if a row says so; of several keys it is always the same one."""
        private: dict[str, bool | None] = {}
        keys: dict[str, str] = {}
        for accession, *more in rows:
            if accession is None or not (dataset := _text(accession)):
                continue
            said = _private(names, more)
            private[dataset] = max(said, private.get(dataset), key=(None, False, True).index)
            if said and (key := _key(more)):
                keys[dataset] = min(key, keys.get(dataset, key))
            if len(private) > MOST_ENTRIES:
                raise Unfit(f"the query gives more than {MOST_ENTRIES} datasets; it must give those in production")
        entries = {dataset: Entry(dataset, authority.name, said) for dataset, said in private.items()}
        return entries, {dataset: Secret(key) for dataset, key in keys.items()}

    return _Question("authority", authority.name, authority.query, ("accession", "private", "access key"), 1, read)


def _private(names: Sequence[str], more: Row) -> bool | None:
    if not more or more[0] is None:
        return None
    try:
        return YES_OR_NO[_text(more[0]).lower()]
    except KeyError:  # what it is instead is not said: it may well be a key
        pass
    raise Unfit(f"its second column, {names[1]}, must say whether a dataset is private: true, false, 1, 0 or null")


def _key(more: Row) -> str:
    return "" if len(more) < 2 or more[1] is None else _text(more[1])


def _text(value: object) -> str:
    """A value as a person would write it: 0, 0.0 and Decimal("0.00") are all "0", true is "true"."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float() | Decimal():
            return f"{Decimal(str(value)).normalize() + 0:f}"  # + 0: minus nought is nought
        case bytes() | memoryview():  # text that drivers do not take for text, or as it lies in the database
            return one_line(_decoded(bytes(value)))
        case _:
            return one_line(str(value))


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("cp1252", errors="replace")
