"""A server that does not behave: one clear line, without the password, and nothing lost."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url

from app.errors import Locked, StoreError, StoreMissing
from app.store import open_store
from tests.servers.postgres import Postgres, free_port
from tests.store.crawls import LIFECYCLE, World, crawl, decision, hour, sighting
from tests.store.processes import eventually

SECRET = "made-up-and-secret"
WORLD = World(sightings=[sighting("E-MTAB-1")], decisions=[decision("E-MTAB-1")])


@contextmanager
def session(address: str) -> Iterator[Any]:
    with closing(psycopg2.connect(address.replace("+psycopg2", ""))) as connection:
        yield connection.cursor()
        connection.commit()


def test_without_a_crawl_there_is_no_store_and_none_is_made(postgresql_address: str) -> None:
    with pytest.raises(StoreMissing, match="nothing has been crawled yet"):
        open_store(postgresql_address, LIFECYCLE, create=False)
    with session(postgresql_address) as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert cursor.fetchone() == (0,)


def test_an_address_may_leave_the_driver_out(postgresql_address: str) -> None:
    plain = postgresql_address.replace("+psycopg2", "")
    assert open_store(plain, LIFECYCLE, create=True).known().run == 0


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"password": SECRET}, "wrong user or password"),
        ({"password": SECRET, "username": "nobody-we-know"}, "wrong user or password"),
        ({"password": SECRET, "port": free_port()}, "refused; see that the server runs there"),
        ({"password": SECRET, "host": "nowhere.invalid"}, "there is no such host"),
        ({"database": "not-there"}, "there is no such database; create it"),
    ],
)
def test_a_server_that_cannot_be_asked_is_said_in_one_line_without_the_password(
    postgresql_address: str, change: dict[str, Any], what: str
) -> None:
    address = make_url(postgresql_address).set(**change).update_query_dict({"sslpassword": SECRET})
    with pytest.raises(StoreError, match=what) as refused:
        open_store(address.render_as_string(hide_password=False), LIFECYCLE, create=True)
    assert "\n" not in str(refused.value)
    assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_a_user_who_may_not_make_tables_is_told(postgres: Postgres, postgresql_address: str) -> None:
    with session(postgresql_address) as cursor:
        cursor.execute(f"DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD '{SECRET}'")
    guest = make_url(postgresql_address).set(username="guest", password=SECRET)
    with pytest.raises(StoreError, match="may not do that there"):
        open_store(guest.render_as_string(hide_password=False), LIFECYCLE, create=True)


def test_a_table_locked_by_somebody_else_is_not_waited_for_for_ever(postgresql_address: str) -> None:
    store = open_store(postgresql_address, LIFECYCLE, create=True, patience=timedelta(milliseconds=50))
    with session(postgresql_address) as cursor:
        cursor.execute("LOCK TABLE run IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError, match="locked by another process; wait"):
            crawl(store, World(), 0)
    crawl(store, World(), 0)


def test_a_server_that_restarts_between_two_crawls_is_found_again(postgres: Postgres, postgresql_address: str) -> None:
    store = open_store(postgresql_address, LIFECYCLE, create=True)
    crawl(store, WORLD, 0)
    before = store.known()
    postgres.stop()
    try:
        with pytest.raises(StoreError, match="refused"):
            store.known()
    finally:
        postgres.start()
    assert store.known() == before
    eventually(lambda: crawl(store, World(), 1))


def test_times_are_the_same_whatever_time_zone_the_server_is_in(postgresql_address: str) -> None:
    crawl(open_store(postgresql_address, LIFECYCLE, create=True), WORLD, 0)
    eastern = make_url(postgresql_address).update_query_dict({"options": "-c TimeZone=Asia/Tokyo"})
    store = open_store(eastern.render_as_string(hide_password=False), LIFECYCLE, create=False)
    assert store.history("E-MTAB-1")[0].at.isoformat() == hour(0).isoformat() == "2026-01-01T06:00:00+00:00"
    with store.lock("crawl"), pytest.raises(Locked) as refused:
        crawl(store, WORLD, 1)
    since = str(refused.value).partition("since ")[2].partition(" UTC")[0]
    assert abs(datetime.fromisoformat(f"{since}+00:00") - datetime.now(UTC)) < timedelta(minutes=10)
