"""The SQLite storage keeps the contract of storages."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import apsw
import pytest

from queuectl.testing import StorageContract, StorageFactory
from queuectl.testing.contract.transactions import Connect
from queuectl_sqlite.storage import SqliteStorage


class OwnConnection(apsw.Connection):
    """A program's own connection, in a transaction."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """End the transaction, and keep what it did."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """End the transaction, and undo what it did."""
        self.execute("ROLLBACK")


class TestSqliteStorage(StorageContract):
    """Every handle is on one file."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Return where the database is."""
        return tmp_path / "data" / "jobs.db"

    @pytest.fixture
    def storage_factory(self, path: Path) -> StorageFactory:
        """Return what opens handles on a database of this test's own."""
        return partial(SqliteStorage, path)

    @pytest.fixture
    def connect(self, path: Path) -> Connect:
        """Return what opens a connection to the same database."""
        return partial(OwnConnection, path)
