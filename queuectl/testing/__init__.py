"""The kit for plugin authors: contracts to subclass, and stand-ins to test against. Needs `queuectl[testing]`."""

from __future__ import annotations

import pytest

# Before anything of it is imported: else a failing clause would say `AssertionError`, and nothing of what differs.
pytest.register_assert_rewrite("queuectl.testing.contract", "queuectl.testing.twins")

from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.fixtures import OpenStorage, StorageFactory
from queuectl.testing.contract.transactions import Connect
from queuectl.testing.machine import StorageMachine
from queuectl.testing.memory import MemoryStorage, MemoryStore
from queuectl.testing.provided import ProvidedStorage
from queuectl.testing.storage import StorageContract

__all__ = [
    "Connect",
    "FakeClock",
    "MemoryStorage",
    "MemoryStore",
    "OpenStorage",
    "ProvidedStorage",
    "StorageContract",
    "StorageFactory",
    "StorageMachine",
]
