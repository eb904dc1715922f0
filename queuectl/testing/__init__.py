"""The kit for plugin authors: contracts to subclass, and stand-ins to test against. Needs `queuectl[testing]`."""

from __future__ import annotations

import pytest

# Before anything of it is imported: else a failing clause would say `AssertionError`, and nothing of what differs.
pytest.register_assert_rewrite(
    *(f"queuectl.testing.{name}" for name in ("backoff", "contract", "notifier", "patience", "twins"))
)

from queuectl.testing.backoff import BackoffContract
from queuectl.testing.clock import FakeClock
from queuectl.testing.context import FakeRunContext
from queuectl.testing.contract.bench import EXECUTOR_CAPABILITIES
from queuectl.testing.contract.fixtures import OpenStorage, StorageFactory
from queuectl.testing.contract.transactions import Connect
from queuectl.testing.executor import ExecutorContract
from queuectl.testing.machine import StorageMachine
from queuectl.testing.making import make_event, make_failure, make_job
from queuectl.testing.memory import MemoryStorage, MemoryStore
from queuectl.testing.notifier import NotifierContract
from queuectl.testing.plugin import PluginContract
from queuectl.testing.provided import ProvidedStorage
from queuectl.testing.scripted import ScriptedExecutor
from queuectl.testing.storage import StorageContract

__all__ = [
    "EXECUTOR_CAPABILITIES",
    "BackoffContract",
    "Connect",
    "ExecutorContract",
    "FakeClock",
    "FakeRunContext",
    "MemoryStorage",
    "MemoryStore",
    "NotifierContract",
    "OpenStorage",
    "PluginContract",
    "ProvidedStorage",
    "ScriptedExecutor",
    "StorageContract",
    "StorageFactory",
    "StorageMachine",
    "make_event",
    "make_failure",
    "make_job",
]
