"""Lines to databases: how each kind is reached, told to read only and to hurry, and cut off when it does not."""

from __future__ import annotations

import math
import os
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from app.config import Database, Tls
from app.domain.text import one_line

if TYPE_CHECKING:
    import ssl

ROWS_AT_A_TIME = 1_000
GRACE = 1
"""Seconds that a server has, after the time allowed, to say by itself that this takes too long."""


Row = Sequence[Any]


class Unfit(Exception):
    """What a query gives cannot be used. The message says what it must give."""


class NotUnderstood(Exception):
    """What came from the server is nothing that its driver understands."""


TRIPS = (
    ValueError, LookupError, ArithmeticError, AssertionError, AttributeError, NameError, TypeError, struct.error
)  # fmt: skip


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Drivers, PyMySQL above all, take what they are sent on trust: whatever they trip over then means one thing."""
    try:
        yield
    except TRIPS as error:
        raise NotUnderstood(f"{what} cannot be understood ({type(error).__name__})") from error


def failures(database: Database) -> tuple[type[Exception], ...]:
    """What may be raised where a database is opened, asked or closed: the driver's own, the network's (and TLS's),
    and PyMySQL's RuntimeError for a package that is missing."""
    driver: Any = import_module(LINES[database.dialect].driver)
    return (driver.Error, OSError, RuntimeError, NotUnderstood, Unfit)


class Line:
    """An open connection, which can be cut while it waits."""

    driver: ClassVar[str]
    grace: ClassVar[float] = GRACE

    def __init__(self, database: Database) -> None:
        """Nothing is opened yet, but all imported that takes long, before any time is taken."""
        import_module(self.driver)
        self.database = database
        self.arguments = _arguments(database)
        self.connection: Any = None
        self.socket: socket.socket | None = None
        self.overdue: TimeoutError | None = None

    def _open(self) -> None:
        raise NotImplementedError

    def _begin(self) -> None:
        """A transaction that only reads, within the time allowed."""

    def _cursor(self) -> Any:
        """One that leaves the rows where they are until they are fetched."""
        return self.connection.cursor()

    def open(self) -> None:
        with understood("what answers there"):
            self._open()

    def begin(self) -> None:
        with understood("what answers there"):
            self._begin()

    def select(self, query: str) -> tuple[Sequence[str], Iterator[Row]]:
        """What the query calls its columns, and its rows, which stay at the server until they are taken."""
        with understood("a value there"):
            cursor = self._cursor()
            cursor.execute(f"SELECT * FROM ({query.strip().rstrip(';')}\n) asked")
            first = cursor.fetchmany(ROWS_AT_A_TIME)  # only now does a cursor of PostgreSQL know its columns
            names = [one_line(str(column[0])) for column in cursor.description]
        return names, chain(first, _rest(cursor))

    def end(self) -> None:
        """Ends what was begun."""
        with understood("what answers there"):
            self.connection.rollback()

    @contextmanager
    def within(self, seconds: float, setting: str, grace: float = 0) -> Iterator[None]:
        """Cuts the line when the time is up; what is done on it then fails. Raises TimeoutError."""
        timer = threading.Timer(seconds + grace, self._cut, [f"no answer within {seconds:g} s ({setting})"])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            if self.overdue:
                raise self.overdue

    def _can_be_cut(self, wire: socket.socket) -> None:
        """From now on; if the time was up before, so it is now."""
        self.socket = wire
        if self.overdue:
            raise self.overdue

    def _cut(self, why: str) -> None:
        self.overdue = TimeoutError(why)
        if self.socket:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(*failures(self.database)), understood("its farewell"):
            if self.connection:
                self.connection.close()
        if self.socket:
            self.socket.close()


class PostgreSQL(Line):
    driver = "psycopg2"

    def _open(self) -> None:
        import psycopg2
        from psycopg2.extensions import BYTES, register_type

        tls = self.database.tls
        given = {
            "connect_timeout": math.ceil(self.database.connect_timeout),
            "sslmode": {"off": "disable", "verify": "verify-full"}.get(tls.mode, tls.mode),
            "sslrootcert": tls.ca,
            "sslcert": tls.cert,
            "sslkey": tls.key,
        }
        self.connection = psycopg2.connect(**{**self.arguments, **{k: v for k, v in given.items() if v}})
        self._can_be_cut(socket.socket(fileno=os.dup(self.connection.fileno())))
        self.connection.set_session(readonly=True)
        register_type(BYTES, self.connection)  # what is not in its encoding must not spoil the rest
        if self.connection.encoding != "SQLASCII":
            self.connection.set_client_encoding("UTF8")

    def _begin(self) -> None:
        self.connection.cursor().execute(f"SET LOCAL statement_timeout = {_milliseconds(self.database)}")

    def _cursor(self) -> Any:
        return self.connection.cursor("asked")


class MySQL(Line):
    driver = "pymysql"

    def _open(self) -> None:
        import pymysql
        from pymysql.constants import FIELD_TYPE
        from pymysql.converters import conversions

        arguments = dict(self.arguments)
        if password := arguments.get("password"):
            arguments["password"] = password.encode()  # the driver takes only Latin-1 for text
        arguments["conv"] = {**conversions, FIELD_TYPE.BIT: lambda bits: int.from_bytes(bits, "big")}
        tls = self.database.tls
        if tls.mode == "off":
            arguments["ssl_disabled"] = True
        elif tls.mode in ("require", "verify"):
            arguments["ssl"] = _context(tls)  # else the driver takes TLS where the server has it
        try:
            self.connection = pymysql.Connection(**arguments, defer_connect=True)
        except TypeError as error:
            raise NotUnderstood(str(error)) from None
        dialled = self._dial()
        self._can_be_cut(dialled.dup())
        self.connection.connect(dialled)

    def _dial(self) -> socket.socket:
        if self.connection.unix_socket:
            dialled = socket.socket(socket.AF_UNIX)
            dialled.connect(self.connection.unix_socket)
        else:
            to = (self.connection.host, self.connection.port)
            dialled = socket.create_connection(to, self.database.connect_timeout)
            dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return dialled

    def _begin(self) -> None:
        """The comments are statements: to MySQL from 5.7.8 and 5.6.5 on, and to MariaDB from 10.1.1 on."""
        limit = _milliseconds(self.database)
        cursor = self.connection.cursor()
        cursor.execute(
            f"SET @a_limit = {limit} /*!50708 , SESSION max_execution_time = {limit} */"
            f" /*M!100101 , SESSION max_statement_time = {limit / 1000} */"
        )
        cursor.execute("START TRANSACTION /*!50605 READ ONLY */")

    def _cursor(self) -> Any:
        from pymysql.cursors import SSCursor

        return self.connection.cursor(SSCursor)

    def close(self) -> None:
        if self.connection and (unread := self.connection._result):
            # what it has not read yet it would read when it is thrown away, from a line that is closed
            unread.unbuffered_active, self.connection._result = False, None
        super().close()


class SQLite(Line):
    """It keeps no time, but asks now and then whether to go on."""

    driver = "sqlite3"
    grace = 0

    def _open(self) -> None:
        import sqlite3

        from sqlalchemy import make_url

        path = quote(make_url(self.database.url).database or "")
        # as a URI, for SQLite would otherwise make an empty file where there is none
        self.connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=self.database.connect_timeout)
        self.connection.text_factory = bytes
        self.connection.set_progress_handler(lambda: self.overdue is not None, 10_000)


LINES: Mapping[str, type[Line]] = {"postgresql": PostgreSQL, "mysql": MySQL, "sqlite": SQLite}


def open_line(database: Database) -> Line:
    line = LINES[database.dialect](database)
    try:
        with line.within(database.connect_timeout, "connect_timeout"):
            line.open()
    except BaseException:
        line.close()
        raise
    return line


def _rest(cursor: Any) -> Iterator[Row]:
    while True:
        with understood("a value there"):
            rows = cursor.fetchmany(ROWS_AT_A_TIME)
        if not rows:
            return
        yield from rows


def _arguments(database: Database) -> Mapping[str, Any]:
    """Of the driver's `connect`, as SQLAlchemy reads them from the address."""
    from sqlalchemy import make_url

    with understood("the address in the settings"):
        url = make_url(database.url)
        return dict(url.get_dialect()().create_connect_args(url)[1])


def _milliseconds(database: Database) -> int:
    return math.ceil(database.query_timeout * 1000)


def _context(tls: Tls) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context(cafile=tls.ca or None)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # which certificates that database servers make do not pass
    if tls.mode != "verify":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert:
        context.load_cert_chain(tls.cert, tls.key)
    return context
