"""Transactions: jobs that join one of the caller's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from queuectl.errors import ConflictError
from queuectl.model.storage import Storage
from queuectl.testing.contract.fixtures import needs
from queuectl.testing.contract.steps import enqueue, listed, new_job


class Connection(Protocol):
    """What a clause needs of a connection to the database, in a transaction that has begun."""

    def commit(self) -> object:
        """End the transaction, and keep what it did."""
        ...

    def rollback(self) -> object:
        """End the transaction, and undo what it did."""
        ...

    def close(self) -> object:
        """Give the connection back."""
        ...


Connect = Callable[[], Connection]


class Transactions:
    """The clauses of `connection`, for storages that claim `transactional`: they override the fixture `connect`."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Return what opens a connection to the database of this test's store."""
        raise NotImplementedError("a storage that claims `transactional` overrides the fixture connect")

    @needs("transactional")
    def test_jobs_are_there_with_the_commit(self, storage: Storage, request: pytest.FixtureRequest) -> None:
        """Jobs that joined a transaction are seen once it is committed, and not before."""
        connection = self._connection(request)
        storage.enqueue([new_job("a")], connection=connection)
        assert listed(storage) == []
        connection.commit()
        assert listed(storage) == ["a"]

    @needs("transactional")
    def test_jobs_are_gone_with_the_rollback(self, storage: Storage, request: pytest.FixtureRequest) -> None:
        """Jobs that joined a transaction which is rolled back were never there: no count, no event."""
        connection = self._connection(request)
        storage.enqueue([new_job("a")], connection=connection)
        connection.rollback()
        assert listed(storage) == []
        assert sum(sum(states.values()) for states in storage.counts().values()) == 0
        assert list(storage.events(0, 10)) == []

    @needs("transactional")
    def test_a_conflict_is_told_inside(self, storage: Storage, request: pytest.FixtureRequest) -> None:
        """A conflict raises ConflictError as it does outside, and leaves the transaction as it was before."""
        enqueue(storage, "taken-id")
        connection = self._connection(request)
        storage.enqueue([new_job("first")], connection=connection)
        with pytest.raises(ConflictError, match="taken-id"):
            storage.enqueue([new_job("new"), new_job("taken-id")], connection=connection)
        storage.enqueue([new_job("last")], connection=connection)
        connection.commit()
        assert listed(storage) == ["last", "first", "taken-id"]

    def _connection(self, request: pytest.FixtureRequest) -> Connection:
        # Asked for by name, and late: the fixture of a storage without transactions must not even be tried.
        connect: Connect = request.getfixturevalue("connect")
        connection = connect()
        request.addfinalizer(connection.close)
        return connection
