"""What the authors of broken plugins would write: each contract, over whatever `broken` is."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from queuectl import Backoff, Executor, Notifier
from queuectl.testing import (
    EXECUTOR_CAPABILITIES,
    BackoffContract,
    ExecutorContract,
    MemoryStore,
    NotifierContract,
    PluginContract,
    StorageContract,
    StorageFactory,
)
from queuectl.testing.contract.fixtures import StorageFixtures
from queuectl.testing.contract.processes import Processes


class TestStorage(StorageContract):
    """A storage that is a kind of memory."""

    @pytest.fixture
    def storage_factory(self, broken: Any) -> StorageFactory:
        """Return what opens handles on a memory of this test's own."""
        return partial(broken, MemoryStore())


class TestProcesses(Processes, StorageFixtures):
    """A storage in a file, as several processes see it."""

    @pytest.fixture
    def storage_factory(self, broken: Any, tmp_path: Path) -> StorageFactory:
        """Return what opens handles on a file of this test's own."""
        return partial(broken, tmp_path / "data" / "jobs.db")


class TestBackoff(BackoffContract):
    """A backoff."""

    @pytest.fixture
    def backoff(self, broken: Any) -> Backoff:
        """Return a backoff."""
        self.patience = getattr(broken, "patience", self.patience)
        backoff: Backoff = broken()
        return backoff


class TestExecutor(ExecutorContract):
    """An executor that claims all that can be claimed."""

    capabilities = frozenset(EXECUTOR_CAPABILITIES)
    moment = 0.02

    @pytest.fixture
    def executor(self, broken: Any) -> Executor:
        """Return an executor."""
        self.patience = getattr(broken, "patience", self.patience)
        executor: Executor = broken()
        return executor


class TestNotifier(NotifierContract):
    """A notifier."""

    @pytest.fixture
    def notifier(self, broken: Any) -> Notifier:
        """Return a notifier."""
        self.patience = getattr(broken, "patience", self.patience)
        notifier: Notifier = broken()
        return notifier


class TestPlugin(PluginContract):
    """A plugin's module."""

    @pytest.fixture
    def plugin(self, broken: str) -> str:
        """Return the name of a module."""
        return broken
