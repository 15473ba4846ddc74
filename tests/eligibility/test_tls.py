"""Encrypted lines: which servers are believed, and what is said of the others. Certificates are made for the test."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.config import Address, Database, Tls
from tests.eligibility.asking import ENCRYPTED, ask, error, known_as, said
from tests.eligibility.conftest import new_database
from tests.servers.mariadb import Mariadb
from tests.servers.postgres import PASSWORD, Postgres

YES, NO = {"E-MTAB-1": "FAIL (true)"}, {"E-MTAB-1": "FAIL (false)"}


@pytest.fixture(scope="module")
def encrypting_postgres(postgres: Postgres, certificates: Path) -> Iterator[Postgres]:
    """The same server; `withcert` must show a certificate, and may not come without TLS."""
    files = {name: postgres.keep(name, (certificates / name).read_text())
             for name in ("server.pem", "server.key", "ours.pem")}  # fmt: skip
    settings = {"ssl_cert_file": files["server.pem"], "ssl_key_file": files["server.key"],
                "ssl_ca_file": files["ours.pem"], "ssl": "on"}  # fmt: skip
    rules = files["server.pem"].parent / "data" / "pg_hba.conf"
    before = rules.read_text()
    mine = "hostssl all withcert all scram-sha-256 clientcert=verify-ca\nhost all withcert all reject\n"
    with postgres.cursor() as cursor:
        cursor.execute(f"CREATE USER withcert PASSWORD '{PASSWORD}'")
        for name, value in settings.items():
            cursor.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        rules.write_text(mine + before)
        reload(postgres, "on")
        yield postgres
        for name in settings:
            cursor.execute(f"ALTER SYSTEM RESET {name}")
        rules.write_text(before)
        cursor.execute("DROP USER withcert")
        reload(postgres, "off")


def reload(server: Postgres, expected: str) -> None:
    """It reads its settings again in its own time."""
    with server.cursor() as cursor:
        cursor.execute("SELECT pg_reload_conf()")
    for _ in range(200):
        with server.cursor() as cursor:
            cursor.execute("SHOW ssl")
            if cursor.fetchone()[0] == expected:
                return
        time.sleep(0.02)
    raise AssertionError(f"ssl is not {expected}")


@pytest.fixture(scope="module")
def encrypting_mariadb(mariadb: Mariadb, certificates: Path) -> Iterator[Mariadb]:
    files = {name: mariadb.keep(name, (certificates / name).read_text())
             for name in ("server.pem", "server.key", "ours.pem")}  # fmt: skip
    mariadb.stop()
    mariadb.start(
        f"--ssl-cert={files['server.pem']}", f"--ssl-key={files['server.key']}", f"--ssl-ca={files['ours.pem']}"
    )
    with mariadb.cursor() as cursor:
        cursor.execute(f"CREATE USER withcert@'127.0.0.1' IDENTIFIED BY '{PASSWORD}' REQUIRE X509")
        cursor.execute("GRANT SELECT ON *.* TO withcert@'127.0.0.1'")
        yield mariadb
        cursor.execute("DROP USER withcert@'127.0.0.1'")
    mariadb.stop()
    mariadb.start()


@pytest.fixture(scope="module", params=["postgres", "mariadb"])
def encrypting(request: pytest.FixtureRequest) -> Database:
    """A database of a server that has TLS."""
    return replace(new_database(request.getfixturevalue(f"encrypting_{request.param}")), tls=Tls())


def asked(database: Database, tls: Tls, host: str = "127.0.0.1", user: str = "curator") -> Database:
    return replace(known_as(database, host=host, username=user), tls=tls)


@pytest.mark.parametrize(
    ("mode", "encrypted"), [("", YES), ("off", NO), ("prefer", YES), ("require", YES), ("verify", YES)]
)
def test_a_server_that_has_tls(mode: str, encrypted: dict[str, str], encrypting: Database, certificates: Path) -> None:
    tls = Tls(mode, ca=str(certificates / "ours.pem") if mode == "verify" else "")  # type: ignore[arg-type]
    (answer,) = ask(asked(encrypting, tls), ENCRYPTED[encrypting.dialect])
    assert said(answer) == encrypted


ADVICE = "; is tls_ca of who signed the server's certificate, and is host the name that stands in it?"


@pytest.mark.parametrize(
    ("ca", "host", "words"),
    [
        ("other", "127.0.0.1", "certificate verify failed"),
        ("ours", "localhost", "localhost"),
        ("client", "127.0.0.1", "certificate verify failed"),
    ],
)
def test_a_server_that_is_not_believed(
    ca: str, host: str, words: str, encrypting: Database, certificates: Path
) -> None:
    tls = Tls("verify", ca=str(certificates / f"{ca}.pem"))
    (answer,) = ask(asked(encrypting, tls, host), ENCRYPTED[encrypting.dialect])
    assert words in error(answer).partition("): ")[2] and answer.error.endswith(ADVICE)
    assert "_ssl.c" not in answer.error


def test_a_server_that_wants_to_see_a_certificate(encrypting: Database, certificates: Path) -> None:
    def shown(name: str) -> Tls:
        return Tls("verify", *(str(certificates / file) for file in ("ours.pem", f"{name}.pem", f"{name}.key")))

    query = ENCRYPTED[encrypting.dialect]
    assert said(ask(asked(encrypting, shown("client"), user="withcert"), query)[0]) == YES
    for tls in (Tls("require"), shown("other")):
        assert error(ask(asked(encrypting, tls, user="withcert"), query)[0])


@pytest.mark.parametrize(
    ("certificate", "key", "message"),
    [
        ("client", "other", "; are tls_cert and tls_key right, and may nobody else read the key?"),
        ("ours.key", "client", "; are tls_cert and tls_key right, and may nobody else read the key?"),
    ],
)
def test_a_certificate_of_ours_that_cannot_be_used(
    certificate: str, key: str, message: str, encrypting: Database, certificates: Path
) -> None:
    name = certificate if "." in certificate else f"{certificate}.pem"
    tls = Tls("require", cert=str(certificates / name), key=str(certificates / f"{key}.key"))
    (answer,) = ask(asked(encrypting, tls), ENCRYPTED[encrypting.dialect])
    assert error(answer).endswith(message)


def test_a_server_that_takes_encrypted_lines_only(encrypting_postgres: Postgres) -> None:
    database = asked(new_database(encrypting_postgres), Tls("off"), user="withcert")
    (answer,) = ask(database, ENCRYPTED["postgresql"])
    assert "no encryption; it takes encrypted connections only: leave tls out" in error(answer)


def test_a_line_that_is_encrypted_is_cut_as_well(encrypting: Database) -> None:
    """Rows that come too slowly, from a server that keeps no time."""
    endless = {"postgresql": "SELECT 'E-MTAB-1', pg_sleep(600)", "mysql": "SELECT 'E-MTAB-1', sleep(600)"}
    started = time.monotonic()
    slow, well = ask(replace(encrypting, query_timeout=0.3), endless[encrypting.dialect], ENCRYPTED[encrypting.dialect])
    assert "the time allowed is 0.3 s" in error(slow) and said(well) == YES
    assert time.monotonic() - started < 5


def test_options_of_the_address_are_the_driver_s(encrypting: Database, certificates: Path) -> None:
    """Where a database is given as an address."""
    ours = certificates / "ours.pem"
    wanted = {"postgresql": f"sslmode=verify-full&sslrootcert={ours}", "mysql": f"ssl_ca={ours}"}[encrypting.dialect]
    addressed = replace(encrypting, url=Address(f"{encrypting.url[:]}?{wanted}"))
    assert said(ask(addressed, ENCRYPTED[encrypting.dialect])[0]) == YES
    elsewhere = replace(addressed, url=Address(addressed.url[:].replace("127.0.0.1", "localhost")))
    assert error(ask(elsewhere, ENCRYPTED[encrypting.dialect])[0]).endswith(ADVICE)
