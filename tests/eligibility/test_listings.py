"""What is in production: all that an authority lists, which of it is private, and the keys of that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app import eligibility
from app.config import Authority, Database
from app.domain.model import Entry, Listing, Secret
from app.eligibility import Databases
from tests.eligibility.asking import PUBLISHED, STATUS, error, listed
from tests.eligibility.conftest import Server, run

KEY = "5ecre7-0f-a-private-dataset"


def private(listing: Listing) -> dict[str, bool | None]:
    assert listing.entries is not None, listing.error
    assert listing.error == ""
    assert all(e == Entry(dataset, listing.authority, e.private) for dataset, e in listing.entries.items())
    return {dataset: entry.private for dataset, entry in listing.entries.items()}


def rows(*values: str) -> str:
    """A query that gives these rows; blanks are between their values."""
    return " UNION ALL ".join(
        f"SELECT {', '.join(f'{v} AS c{n}' for n, v in enumerate(row.split(' ')))}" for row in values
    )


@pytest.mark.parametrize(
    ("query", "expected", "keys"),
    [
        (rows("'E-1'", "'E-2'"), {"E-1": None, "E-2": None}, {}),
        (rows("'E-1' 1", "'E-2' 0", "'E-3' NULL"), {"E-1": True, "E-2": False, "E-3": None}, {}),
        (
            rows("'E-1' 't' 'k'", "'E-2' 'f' 'k'", "'E-3' '' 'k'"),
            {"E-1": True, "E-2": False, "E-3": None},
            {"E-1": "k"},
        ),
        (rows("'E-1' 'True' NULL", "'E-2' 'FALSE' 'k'"), {"E-1": True, "E-2": False}, {}),
        (rows("'E-1' '1' ''", "'E-2' '0' NULL"), {"E-1": True, "E-2": False}, {}),
        (rows("'E-1' 0 'k'", "'E-1' 1 NULL", "'E-1' 0 'k'"), {"E-1": True}, {}),
        (rows("'E-1' 1 'k'", "'E-1' 0 'x'", "'E-1' NULL 'y'"), {"E-1": True}, {"E-1": "k"}),
        (rows("'E-1' 1 'b'", "'E-1' 1 'a'"), {"E-1": True}, {"E-1": "a"}),
        (rows("'E-1' 1 'a'", "'E-1' 1 'b'"), {"E-1": True}, {"E-1": "a"}),
        (rows("'E-1' NULL", "'E-1' 0"), {"E-1": False}, {}),
        (rows("NULL 1 'k'", "'' 1 'k'", "'\u00a0E-1' 1 'k'"), {"E-1": True}, {"E-1": "k"}),
        ("SELECT acc FROM checks WHERE acc = 'nothing'", {}, {}),
    ],
)
def test_all_that_is_listed_with_the_keys_of_what_is_private(
    query: str, expected: dict[str, bool | None], keys: dict[str, str], database: Database
) -> None:
    (listing,) = listed(database, query)
    assert (listing.authority, listing.database) == ("authority0", "curation")
    assert private(listing) == expected
    assert listing.keys == {dataset: Secret(key) for dataset, key in keys.items()}


@pytest.mark.parametrize(
    ("kind", "column", "yes", "no"),
    [
        ("postgresql", "BOOLEAN", "true", "false"),
        ("postgresql", "SMALLINT", "1", "0"),
        ("postgresql", "CHAR(5)", "'t'", "'f'"),
        ("postgresql", "BIT(1)", "B'1'", "B'0'"),
        ("mysql", "BOOLEAN", "true", "false"),
        ("mysql", "BIT(1)", "1", "0"),
        ("mysql", "CHAR(5) COLLATE utf8mb4_bin", "'t'", "'f'"),
        ("mysql", "BINARY(1)", "'1'", "'0'"),
        ("mysql", "DECIMAL(3, 2)", "1", "0"),
    ],
)
def test_however_a_column_says_yes_and_no(
    kind: str, column: str, yes: str, no: str, request: pytest.FixtureRequest
) -> None:
    database: Database = request.getfixturevalue(kind)
    server: Server = request.getfixturevalue("mariadb" if kind == "mysql" else "postgres")
    run(
        server,
        database,
        "DROP TABLE IF EXISTS experiment",
        f"CREATE TABLE experiment (accession VARCHAR(9), private {column}, access_key VARCHAR(40))",
        f"INSERT INTO experiment VALUES ('E-1', {yes}, '{KEY}'), ('E-2', {no}, '{KEY}'), ('E-3', NULL, '{KEY}')",
    )
    (listing,) = listed(database, "SELECT accession, private, access_key FROM experiment")
    assert private(listing) == {"E-1": True, "E-2": False, "E-3": None}
    assert listing.keys == {"E-1": Secret(KEY)}
    assert KEY not in f"{listing} {listing!r}"


def test_a_key_that_is_a_uuid(postgresql: Database) -> None:
    key = "6f6b2a0e-1111-4222-8333-444455556666"
    (listing,) = listed(postgresql, f"SELECT 'E-1', true, '{key}'::uuid")
    assert listing.keys == {"E-1": Secret(key)}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            rows("'E-1' 0 0 0"),
            "the query gives c0, c1, c2, c3; it must give 1 to 3 columns: accession, private, access key",
        ),
        (
            rows(f"'E-1' '{KEY}' 1"),
            "its second column, c1, must say whether a dataset is private: true, false, 1, 0 or null",
        ),
        (rows("'E-1' 2"), "must say whether"),
        ("SELECT acc FROM nowhere", "do the database and the query in the settings name what is there?"),
    ],
)
def test_a_query_that_cannot_be_used_says_so_and_spoils_no_other(query: str, message: str, database: Database) -> None:
    failed, well = listed(database, query, "SELECT acc FROM checks")
    assert ", authority authority0: " in error(failed) and message in failed.error
    assert KEY not in failed.error
    assert private(well).keys() == {f"E-MTAB-{n}" for n in (1, 2, 3, 4, 9)}


LEAKS = [
    ("postgresql", f"SELECT 'E-1', true, CAST('{KEY}' || acc AS INT) FROM checks"),
    ("postgresql", f"SELECT 'E-1', CAST('{KEY}' || acc AS BOOLEAN) FROM checks"),
    ("postgresql", f"SELECT 'E-1', true, ('{KEY}' || acc)::uuid FROM checks"),
    ("postgresql", f"SELECT 'E-1', true, ('{KEY}' || acc)::json FROM checks"),
    ("postgresql", f"SELECT 'E-1', true, convert_from(('{KEY}' || acc)::bytea || '\\xff', 'UTF8') FROM checks"),
    ("mysql", f"SELECT 'E-1', concat('{KEY}', acc) FROM checks"),
    ("mysql", f"SELECT 'E-1', 1, exp(710) + concat('{KEY}', acc) FROM checks"),
    ("sqlite", f"SELECT 'E-1', '{KEY}' || acc FROM checks"),
    ("sqlite", f"SELECT 'E-1', 1, json('{KEY}' || acc) FROM checks"),
]


@pytest.mark.parametrize(("kind", "query"), LEAKS)
def test_no_error_shows_a_value_that_may_be_a_key(kind: str, query: str, request: pytest.FixtureRequest) -> None:
    (listing,) = listed(request.getfixturevalue(kind), query)
    for piece in ("MTAB", "mtab", "4d54", "4d 54"):
        assert piece not in error(listing)


def test_a_listing_that_never_ends_is_refused(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eligibility, "MOST_ENTRIES", 3)
    (listing,) = listed(sqlite, "SELECT acc FROM checks")
    assert "the query gives more than 3 datasets; it must give those in production" in error(listing)


def test_each_authority_asks_its_own_database(sqlite: Database, mysql: Database) -> None:
    databases = [sqlite, replace(mysql, name="other")]
    mine = [Authority(name, database, f"SELECT '{name}'", PUBLISHED, "bulk")
            for name, database in (("a", "other"), ("b", "curation"), ("c", "none"))]  # fmt: skip
    listings = list(Databases(databases, [STATUS], mine).listings())
    assert [(one.authority, one.database, list(private(one))) for one in listings] == [
        ("b", "curation", ["b"]),
        ("a", "other", ["a"]),
    ]


def test_a_server_that_is_down_is_a_listing_without_entries_for_each_authority(
    remote: Database, server: Server
) -> None:
    server.stop()
    try:
        one, other = listed(remote, "SELECT acc FROM checks", "SELECT acc FROM checks")
    finally:
        server.start()
    assert "Connection refused; is the server running" in error(one)
    assert (other.authority, error(other)) == ("authority1", one.error)
