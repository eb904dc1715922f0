"""The supervisor: what it does for its workers, and what it leaves to others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from queuectl.config import Config
from queuectl.engine.supervisor import Place, Plan, Supervisor
from queuectl.testing import MemoryStorage

from .conftest import until


@pytest.fixture
def supervisor(config: Config) -> Iterator[Supervisor]:
    """A supervisor that has started nothing yet."""
    supervisor = Supervisor(config, MemoryStorage(), Plan(count=1, concurrency=1))
    yield supervisor
    supervisor._leave()


class Started:
    """A worker's process, as far as reaping goes."""

    def __init__(self, code: int) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
        self.pid = self.process.pid
        until(lambda: os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG))

    def close(self) -> None:
        """Forget it."""
        self.process.returncode = 0

    def refusal(self) -> None:
        """Say nothing."""

    def send(self, number: int) -> None:
        """Be gone already."""


class TestReaping:
    """Whose exit status it collects."""

    def test_a_child_of_nobody_is_collected(self, supervisor: Supervisor) -> None:
        """As process 1 of a container it gets the orphans."""
        orphan = Started(0)
        supervisor._reap()
        with pytest.raises(ChildProcessError):
            os.waitpid(orphan.pid, os.WNOHANG)
        orphan.close()

    def test_a_child_of_a_plugin_is_left_to_it(self, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
        """While an executor ends something it may wait for a process of its own, and wants the status."""
        monkeypatch.setattr(supervisor._rescue, "_calls", 1)
        own, other = Started(0), Started(3)
        supervisor._places = [Place(child=own)]  # type: ignore[arg-type]
        supervisor._reap()
        assert other.process.wait() == 3
        assert supervisor._places[0].done
