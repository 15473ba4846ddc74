from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.servers.mariadb import Mariadb, MariadbError
from tests.servers.postgres import Postgres, PostgresError
from tests.servers.website import Website

settings.register_profile("seeded", derandomize=True, deadline=None)
settings.register_profile("exploring", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "seeded"))
"""The same examples every time; `./run test-long` looks for new ones."""


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What a command that was called in this process did to the loggers is undone."""
    root, others = logging.getLogger(), ("app.crawl", "app.tracker")
    handlers, levels = [*root.handlers], {name: logging.getLogger(name).level for name in ("", *others)}
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL; `create_database()` gives each test one of its own. Where there is none, tests fail."""
    try:
        server = Postgres().__enter__()
    except PostgresError as error:
        pytest.fail(str(error), pytrace=False)
    yield server
    server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Mariadb]:
    """The same of a running MariaDB."""
    try:
        server = Mariadb().__enter__()
    except MariadbError as error:
        pytest.fail(str(error), pytrace=False)
    yield server
    server.__exit__(None, None, None)


@pytest.fixture
def website() -> Iterator[Website]:
    """A web server on 127.0.0.1, closed with the test."""
    with Website() as site:
        yield site
