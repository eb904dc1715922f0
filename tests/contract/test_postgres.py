"""The PostgreSQL storage keeps the contract of storages."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from queuectl.testing import ProvidedStorage, StorageContract, StorageFactory
from queuectl.testing.contract.transactions import Connect
from queuectl_postgres import Postgres


class TestPostgresStorage(StorageContract):
    """Every handle is on one schema of one server."""

    @pytest.fixture
    def storage_factory(self, postgres: Postgres, tmp_path: Path) -> StorageFactory:
        """Return what opens handles on a schema of this test's own."""
        return ProvidedStorage("queuectl_postgres", postgres, data=tmp_path)

    @pytest.fixture
    def connect(self, postgres_dsn: str) -> Connect:
        """Return what opens a connection to the same database."""
        return lambda: psycopg.connect(postgres_dsn)
