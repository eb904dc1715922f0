"""Who has a file open, as the kernel tells."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl.engine.opened import is_open_elsewhere, reopening

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "file"


@pytest.fixture
def file(path: Path) -> Iterator[int]:
    """A file that is open here, for appending."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    yield descriptor
    os.close(descriptor)


def test_nobody_has_it(file: int) -> None:
    """Asked as often as one likes."""
    assert [is_open_elsewhere(file) for _ in range(3)] == [False] * 3


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_APPEND])
def test_somebody_has_it(path: Path, file: int, flags: int) -> None:
    """Whoever reads or writes it, until it is closed."""
    other = os.open(path, flags)
    assert is_open_elsewhere(file)
    os.close(other)
    assert not is_open_elsewhere(file)


def test_a_process_that_opened_it_anew_is_seen(file: int) -> None:
    """As long as it has it open. It opens it as commands do: in the new process, before the program is loaded."""
    way = reopening(file, os.fstat(file).st_dev)
    assert way is not None
    here, there = os.pipe()  # what the process reads, and this one never writes
    actions = [(os.POSIX_SPAWN_DUP2, here, 0), (os.POSIX_SPAWN_OPEN, 1, way, os.O_WRONLY | os.O_APPEND, 0)]
    child = os.posix_spawn("/bin/cat", ["cat"], os.environ, file_actions=actions)
    os.close(here)
    assert is_open_elsewhere(file)
    os.close(there)
    os.waitpid(child, 0)
    assert not is_open_elsewhere(file)


def test_who_opens_it_while_it_is_looked_at_is_only_kept_waiting(path: Path) -> None:
    """And the signal by which the kernel asks for the file ends nobody."""
    looker = """
import os, sys
from queuectl.engine.opened import is_open_elsewhere, reopening
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
reopening(file, os.fstat(file).st_dev)
print("ready", flush=True)
for _ in range(20000):
    is_open_elsewhere(file)
"""
    looking = subprocess.Popen([sys.executable, "-c", looker, str(path)], stdout=subprocess.PIPE)
    assert looking.stdout is not None
    with looking.stdout as said:
        assert said.readline() == b"ready\n"
        while looking.poll() is None:
            os.close(os.open(path, os.O_RDONLY))
    assert looking.returncode == 0


def test_where_nobody_can_tell_somebody_may_have_it() -> None:
    """No lease is given on a pipe."""
    here, there = os.pipe()
    try:
        assert is_open_elsewhere(there)
        assert reopening(there, -1) is None
    finally:
        os.close(here)
        os.close(there)
