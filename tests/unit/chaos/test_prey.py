"""Signals hit processes of the run, and nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.chaos.prey import Territory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the storm looks for its prey in /proc")

PATIENCE = 60.0
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start processes with an environment, each in a session of its own if wanted."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*, session: bool = False, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["sleep", "60"], env=environment, start_new_session=session)
        started.append(process)
        deadline = time.monotonic() + PATIENCE
        while not Path(f"/proc/{process.pid}/environ").read_bytes():  # the kernel is just putting it in its place
            assert time.monotonic() < deadline
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def territory(tmp_path: Path) -> Territory:
    """Return the territory of one history."""
    return Territory(tmp_path / "history")


def test_it_finds_who_carries_its_mark(territory: Territory, start: Start) -> None:
    """Neither one of another run, nor of one whose folder begins alike, nor who carries no mark."""
    ours = start(PATH=os.environ["PATH"], CHAOS_HISTORY=str(territory.history))
    start(PATH=os.environ["PATH"], CHAOS_HISTORY=f"{territory.history}-2")
    start(PATH=os.environ["PATH"], OTHER_CHAOS_HISTORY=str(territory.history))
    start(PATH=os.environ["PATH"])
    assert [*territory.processes()] == [ours.pid]


def test_commands_are_leaders_with_a_lease(territory: Territory, start: Start) -> None:
    """Workers have none, and a command's children lead nothing."""
    marked = {"PATH": os.environ["PATH"], "CHAOS_HISTORY": str(territory.history)}
    start(**marked)
    start(**marked, QUEUECTL_LEASE="w.1")
    command = start(session=True, **marked, QUEUECTL_LEASE="w.2")
    assert territory.commands() == [command.pid]


def test_a_signal_reaches_one_of_its_own(territory: Territory, start: Start) -> None:
    """And whoever sent it learns that somebody was there."""
    ours = start(PATH=os.environ["PATH"], CHAOS_HISTORY=str(territory.history))
    assert territory.send(ours.pid, signal.SIGTERM)
    assert ours.wait(PATIENCE) == -signal.SIGTERM
    assert not territory.send(ours.pid, signal.SIGTERM)


def test_a_stranger_is_spared(territory: Territory, start: Start) -> None:
    """A number may have gone to somebody else meanwhile."""
    stranger = start(PATH=os.environ["PATH"])
    assert not territory.send(stranger.pid, signal.SIGKILL)
    assert stranger.poll() is None
