"""What went wrong with a database, in one sentence for a person: what it said, and what to do about it."""

from __future__ import annotations

import re

from app.config import Database
from app.domain.text import one_line
from app.eligibility.lines import Unfit

ADVICE = (
    ("no encryption|insecure transport",
     "it takes encrypted connections only: leave tls out in the settings, or set it to require"),
    ("does not support ssl|ssl is required",
     "it has no TLS: have it set up there, or set tls: prefer in the settings where the network is trusted"),
    ("private key|certificate file|key values|client certificate|pem lib",
     "are tls_cert and tls_key right, and may nobody else read the key?"),
    ("certificate", "is tls_ca of who signed the server's certificate, and is host the name that stands in it?"),
    ("what answers|packet sequence|invalid response|expected authentication|handshake",
     "is a {database.dialect} server at this host and port?"),
    ("connection option|unexpected keyword|the address", "has the address in the settings an option that is none?"),
    (r"\[ssl|ssl error|tlsv1", "its TLS does not go with ours: have it renewed, or set tls: off in the settings"),
    ("too many|connection slots|max_user_connections", "it is busy; the next run asks again"),
    ("to database|permission denied|command denied", "the user of the settings must be allowed to read this"),
    ("package is required", "set tls: require in the settings, or install the package"),
    ("password|authentication|access denied|no pg_hba", "check the user and the password in the settings"),
    ("refused|could not translate|name or service|name resolution|no route|unreachable|timed out|timeout expired"
     "|connect_timeout|starting up|shutting down|shutdown|closed the connection|reset by peer|lost connection"
     "|gone away|ssl syscall|terminating connection",
     "is the server running, and are its host and port right in the settings?"),
    ("unable to open|i/o error", "is the path right, and may this user read the file?"),
    ("not a database", "is the path right? This file is something else"),
    ("is locked", "another program is writing to it; the next run asks again"),
    ("query_timeout|statement timeout|max_statement_time|maximum statement execution",
     "the time allowed is {database.query_timeout:g} s: allow more (query_timeout) or make the query cheaper"),
    ("duplicate column", "give each column of the query a name of its own (AS)"),
    ("does not exist|doesn't exist|no such|unknown",
     "do the database and the query in the settings name what is there?"),
    ("read-only|readonly|read only|read-write|data-modifying|not allowed here",
     "it may only read: its query must be a SELECT"),
    ("syntax error|incomplete input", "its query must be one SELECT"),
    ("a value|invalid input|invalid byte|malformed|out of range|division by zero",
     "something there is not what the query takes it for: have the query leave it out, or make text of it"),
)  # fmt: skip
"""What the driver said (a pattern, in lower case) -> what to do about it. The first that fits."""
OURS = {"asked", "field", "list", "where", "clause", "order", "group", "on", "statement", "select"}
"""Words that servers quote and that are no values: of the query that the question stands in, and of their own."""


def sentence(database: Database, error: Exception, asked: str = "", query: str = "") -> str:
    """Of an error that came while this was asked by that query, or before."""
    where = f"{database.name} ({database.shown})" + (f", {asked}" if asked else "")
    if isinstance(error, Unfit):
        return f"{where}: {error}"
    said = _said(error, database)
    if query:
        said = _without_values(said, f"{query} {database.shown}")
    advice = next((todo for pattern, todo in ADVICE if re.search(pattern, said.lower())), "ask whoever looks after it")
    return f"{where}: {said}; {advice.format(database=database)}"


def _said(error: Exception, database: Database) -> str:
    """What the driver said, in one line; without its numbers and without the password in any case."""
    from sqlalchemy import make_url

    text = str(error.args[-1] if error.args else "") or type(error).__name__
    text = text[max(text.rfind("connection to server"), 0) :]  # PostgreSQL's, of the last address it tried
    text = re.split(r"\n(?:\t|LINE |DETAIL:|HINT:|CONTEXT:)", text)[0]
    text = re.sub(r"You have an error in your SQL syntax;.* to use near", "syntax error near", text)
    text = one_line(re.sub(r"\n?\) asked| \(_ssl\.c:\d+\)", "", text))
    password = make_url(database.url).password
    return text.replace(str(password), "***") if password else text


def _without_values(text: str, known: str) -> str:
    """Servers quote names, pieces of the query, and values. Those may be access keys."""
    words = OURS | set(re.findall(r"\w+", known.lower()))

    def quoted(match: re.Match[str]) -> str:
        return match[0] if words.issuperset(re.findall(r"\w+", match[0].lower())) else "..."

    return re.sub(r"""\b0x\w+|"[^"]*"|'[^']*'""", quoted, text)
