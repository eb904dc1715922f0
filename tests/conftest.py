"""Nothing of the machine's own configuration, and of how the tests were started, reaches a test."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from queuectl_postgres import Postgres
from tests.servers.postgres import GIVEN, PostgresServer, found_binaries

MORE = 4
"""How many processes more at most."""


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Let `-n auto` start some processes more than there are processors: most tests wait for others to act."""
    processors = yield
    return processors if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else processors + min(processors, MORE)


LONGEST = "test_any_history_ends_as_in_memory"
"""The name of the tests that take longer than any others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that nobody has to wait for it in the end."""
    items.sort(key=lambda item: not item.name.startswith(LONGEST))


@pytest.fixture(autouse=True, scope="session")
def own_dispositions() -> None:
    """Hear what `nohup`, or the background of a script, has us ignore, and with us whatever we start."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def own_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the user's configuration and data; what a test does not place lands in a directory of the session's."""
    home = tmp_path_factory.mktemp("nobody")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("QUEUECTL_") and not name.startswith("QUEUECTL_TEST_"):
                patch.delenv(name)
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        yield


@pytest.fixture(scope="session")
def postgres_dsn(own_surroundings: None) -> Iterator[str]:
    """Return where a PostgreSQL database is for the tests: the one that is given, or one on a server of our own."""
    given = os.environ.get(GIVEN)
    if given:
        yield given
        return
    server = PostgresServer(postgres_binaries())
    try:
        yield server.dsn
    finally:
        server.close()


@pytest.fixture
def postgres(postgres_dsn: str) -> Iterator[Postgres]:
    """Return the settings of a storage in a schema of this test's own, which goes with the test."""
    settings = Postgres(dsn=postgres_dsn, schema=f"test_{uuid.uuid4().hex}")
    yield settings
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(settings.schema)))


def postgres_binaries() -> Path:
    """Return where a PostgreSQL server is installed, or skip the test; but not where all tests are meant to run."""
    found = found_binaries()
    if found is None:
        if "CI" in os.environ:
            pytest.fail("no PostgreSQL server here: what is stored there would be left out")
        pytest.skip(f"no PostgreSQL server here: install one, or name a database in {GIVEN}")
    return found
