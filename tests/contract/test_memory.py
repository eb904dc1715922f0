"""The storage in memory keeps the contract of storages."""

from __future__ import annotations

from functools import partial

import pytest

from queuectl.testing import MemoryStorage, MemoryStore, StorageContract, StorageFactory


class TestMemoryStorage(StorageContract):
    """Every handle is on one memory."""

    @pytest.fixture
    def storage_factory(self) -> StorageFactory:
        """Return what opens handles on a memory of this test's own."""
        return partial(MemoryStorage, MemoryStore())
