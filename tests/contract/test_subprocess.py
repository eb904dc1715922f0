"""The executor `subprocess` keeps the contract of executors."""

from __future__ import annotations

import pytest

from queuectl import Duration, Executor
from queuectl.testing import EXECUTOR_CAPABILITIES, ExecutorContract
from queuectl_subprocess import Subprocess
from queuectl_subprocess.executor import SubprocessExecutor


class TestSubprocess(ExecutorContract):
    """It claims all that can be claimed."""

    capabilities = frozenset(EXECUTOR_CAPABILITIES)

    @pytest.fixture
    def executor(self) -> Executor:
        """Return the executor."""
        return SubprocessExecutor(Subprocess(kill_after=Duration(0.2)))
