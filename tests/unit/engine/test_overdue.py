"""Who lives on without its leases is ended, where that can be done without harming anybody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from queuectl.engine import ledger, overdue
from queuectl.engine.overdue import end_overdue

HOLDER = """
import sys
from pathlib import Path
from queuectl.engine.ledger import Ledger

book = Ledger(Path(sys.argv[1]), "w", slots=1, boot="boot")
print(flush=True)
sys.stdin.read()
"""

SURVIVOR = """
import sys
from pathlib import Path
from queuectl.engine.ledger import hold_dead

with hold_dead(Path(sys.argv[1]), "w") as held:
    print(held, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The directory of the ledgers."""
    return tmp_path / "run"


@pytest.fixture
def worker(run: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of a ledger, and does nothing any more: it is stopped."""
    call = [sys.executable, "-c", HOLDER, str(run)]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        yield process
        process.kill()


def test_it_is_gone_when_this_returns(worker: subprocess.Popen[str], run: Path) -> None:
    """Stopped as it is; its ledger stays, to be read."""
    assert end_overdue(run, "w", "boot") == worker.pid
    assert ledger.is_alive(run, "w") is False
    assert worker.wait() == -signal.SIGKILL
    assert end_overdue(run, "w", "boot") is None


def test_who_looks_after_a_dead_worker_is_not_taken_for_it(worker: subprocess.Popen[str], run: Path) -> None:
    """A survivor holds the lock meanwhile."""
    worker.kill()
    worker.wait()
    call = [sys.executable, "-c", SURVIVOR, str(run)]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as survivor:
        assert survivor.stdout is not None
        assert survivor.stdout.readline() == "True\n"
        assert ledger.holder(run, "w") == survivor.pid
        assert end_overdue(run, "w", "boot") is None
        assert survivor.poll() is None
        survivor.kill()


@pytest.mark.usefixtures("worker")
def test_a_worker_of_another_host_is_passed_over(run: Path) -> None:
    """Where hosts share a directory its number is somebody else's here."""
    assert end_overdue(run, "w", "another boot") is None
    assert ledger.is_alive(run, "w")


@pytest.mark.usefixtures("worker")
def test_whom_we_may_not_kill_is_passed_over(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of another user looks at its lease by itself."""

    def refuse(*_: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert end_overdue(run, "w", "boot") is None


@pytest.mark.usefixtures("worker")
def test_who_does_not_go_is_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked has to try again: as long as it is there, it may start something."""
    monkeypatch.setattr(os, "kill", lambda *_: None)
    monkeypatch.setattr(overdue, "LONGEST_DEATH", 0.01)
    with pytest.raises(OSError, match="is still there"):
        end_overdue(run, "w", "boot")


def test_a_ledger_that_cannot_be_read_is_passed_over(run: Path) -> None:
    """Whose it is stands there."""
    run.mkdir()
    (run / "w").write_bytes(b"nothing")
    assert end_overdue(run, "w", "boot") is None
    assert end_overdue(run, "nobody", "boot") is None
