"""Links: what is asked together is answered together, or not done at all."""

from __future__ import annotations

import logging

import psycopg
import pytest
from psycopg import errors

from queuectl.model.job import NewJob
from queuectl_postgres.link import Link
from queuectl_postgres.storage import PostgresStorage

COUNT = "SELECT count(*) FROM queuectl.queue"
ADD = "INSERT INTO queuectl.queue (name) VALUES ('added')"
FAIL = "SELECT 1 / 0"


def send(link: Link, *statements: str) -> None:
    """Send statements together."""
    with link.together():
        for statement in statements:
            link.ask(statement)


def test_answers_are_there_at_the_end(storage: PostgresStorage) -> None:
    """Each where it was asked for."""
    with storage._database.lent() as link:
        with link.together():
            one, two = link.ask("SELECT 1"), link.ask("SELECT %s::int", (2,))
        assert (one.fetchall(), two.fetchall()) == ([(1,)], [(2,)])


def test_nothing_is_done_after_what_failed(storage: PostgresStorage) -> None:
    """The end of the transaction neither, if it was sent with the rest."""
    with storage._database.lent() as link:
        with pytest.raises(errors.DivisionByZero):
            send(link, "BEGIN", ADD, FAIL, "COMMIT")
        link.roll_back()
        assert link.value(COUNT) == 0


def test_a_link_on_which_something_failed_is_not_lent_again(storage: PostgresStorage) -> None:
    """For what its driver takes for prepared may not be; to end what was begun it still serves."""
    with storage._database.lent() as link:
        connection = link.connection
        for _ in range(4):  # often enough for both to be prepared
            with pytest.raises(errors.DivisionByZero):
                send(link, FAIL, COUNT)
            assert link.value(COUNT) == 0
    assert connection.closed
    storage.enqueue([NewJob(id="a", command="true")])


def test_a_failure_is_told_once(storage: PostgresStorage, caplog: pytest.LogCaptureFixture) -> None:
    """What follows from it is not told at all."""

    def lose(link: Link) -> None:
        with link.together():
            link.ask("SELECT pg_terminate_backend(pg_backend_pid())").fetchall()

    with (
        storage._database.lent() as link,
        caplog.at_level(logging.DEBUG, "psycopg"),
        pytest.raises(psycopg.OperationalError),
    ):
        lose(link)
    assert caplog.records == []


def test_a_savepoint_undoes_what_was_sent_together(storage: PostgresStorage) -> None:
    """And the transaction goes on, whether it failed at the server or here."""

    def attempt(link: Link, *, fails_here: bool) -> None:
        with link.savepoint_together():
            link.ask(ADD)
            if fails_here:
                raise KeyError
            link.ask(FAIL)

    with storage._database.lent() as link:
        link.run("BEGIN")
        with pytest.raises(errors.DivisionByZero):
            attempt(link, fails_here=False)
        with pytest.raises(KeyError):
            attempt(link, fails_here=True)
        assert link.value(COUNT) == 0
        with link.savepoint_together():
            link.ask(ADD)
        link.run("COMMIT")
        assert link.value(COUNT) == 1
