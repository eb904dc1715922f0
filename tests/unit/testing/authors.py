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
from tests.unit.testing.defects import backoffs, executors, notifiers

CLAUSES: dict[Any, str] = {**backoffs.BROKEN, **executors.BROKEN, **notifiers.BROKEN}
"""The clause that each defect is to fail."""

PATIENCE = 8.0
"""Seconds that a clause waits which is to pass, where the one that is to fail waits for less."""


def patience(broken: Any, request: pytest.FixtureRequest, usual: float) -> float:
    """Return how long a clause waits: what comes too late by intent is not waited for, whatever else is."""
    if not hasattr(broken, "patience"):
        return usual
    due: float = broken.patience
    return due if CLAUSES[broken] == request.function.__name__ else PATIENCE


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
    def backoff(self, broken: Any, request: pytest.FixtureRequest) -> Backoff:
        """Return a backoff."""
        self.patience = patience(broken, request, self.patience)
        backoff: Backoff = broken()
        return backoff


class TestExecutor(ExecutorContract):
    """An executor that claims all that can be claimed."""

    capabilities = frozenset(EXECUTOR_CAPABILITIES)
    moment = 0.02

    @pytest.fixture
    def executor(self, broken: Any, request: pytest.FixtureRequest) -> Executor:
        """Return an executor."""
        self.patience = patience(broken, request, self.patience)
        executor: Executor = broken()
        return executor


class TestNotifier(NotifierContract):
    """A notifier."""

    @pytest.fixture
    def notifier(self, broken: Any, request: pytest.FixtureRequest) -> Notifier:
        """Return a notifier."""
        self.patience = patience(broken, request, self.patience)
        notifier: Notifier = broken()
        return notifier


class TestPlugin(PluginContract):
    """A plugin's module."""

    @pytest.fixture
    def plugin(self, broken: str) -> str:
        """Return the name of a module."""
        return broken
