"""What the kernel tells of processes."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_subprocess import kernel

ODD_NAME = "a) (R\n1 2"


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return a child in a session of its own whose name looks like the fields that follow it."""
    program = tmp_path / ODD_NAME
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"], start_new_session=True, env={"A": "b c", "D": ""}) as child:
        yield child
        child.kill()


class TestProcess:
    """One process."""

    def test_it_is_described(self, sleeper: subprocess.Popen[bytes]) -> None:
        """Its parent, group and session, whatever its name."""
        earliest = kernel.process(os.getpid())
        found = kernel.process(sleeper.pid)
        assert found is not None
        assert earliest is not None
        assert (found.pid, found.parent, found.group, found.session) == (sleeper.pid, os.getpid(), *[sleeper.pid] * 2)
        assert earliest.start <= found.start <= kernel.now()

    def test_the_start_is_on_the_clock(self) -> None:
        """A process starts between two looks at the clock."""
        before = kernel.now()
        with subprocess.Popen(["sleep", "60"]) as child:
            found = kernel.process(child.pid)
            child.kill()
        assert found is not None
        assert before <= found.start <= kernel.now()

    def test_a_zombie_has_exited(self) -> None:
        """Nobody collected its status yet, but it runs no more."""
        with subprocess.Popen(["true"]) as child:
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            assert kernel.process(child.pid) is None

    def test_nobody(self) -> None:
        """A number that nobody has."""
        assert kernel.process(2**22 + 1) is None

    def test_all(self, sleeper: subprocess.Popen[bytes]) -> None:
        """Every one is listed."""
        assert {os.getpid(), sleeper.pid} <= {process.pid for process in kernel.processes()}

    def test_forked_but_not_executed(self) -> None:
        """A fork is unborn until it loads a program."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)
        os.close(reader)
        try:
            found = kernel.process(pid)
            assert found is not None
            assert found.unborn
        finally:
            os.close(writer)
            os.waitpid(pid, 0)
        this = kernel.process(os.getppid())
        assert this is not None


class TestWhatItHas:
    """Its environment and its files."""

    def test_environment(self, sleeper: subprocess.Popen[bytes]) -> None:
        """As it was given."""
        deadline = time.monotonic() + 60
        while not kernel.environment(sleeper.pid):  # there is none yet in the middle of an execution
            assert time.monotonic() < deadline
        assert kernel.environment(sleeper.pid) == b"A=b c\0D=\0"
        assert kernel.environment(2**22 + 1) == b""

    def test_open_paths(self, tmp_path: Path) -> None:
        """The files that it has open."""
        with (tmp_path / "open").open("w"):
            assert str(tmp_path / "open") in kernel.open_paths(os.getpid())
        assert kernel.open_paths(2**22 + 1) == []


class TestExit:
    """Being told of an exit."""

    def test_it_is_told(self) -> None:
        """The descriptor becomes readable when the process exits, and not before."""
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
            descriptor = kernel.exit_descriptor(child.pid)
            assert descriptor is not None
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            assert poll.poll(0) == []
            assert child.stdin is not None
            child.stdin.close()
            assert poll.poll(20_000) == [(descriptor, select.POLLIN)]
            os.close(descriptor)

    def test_the_kernel_offers_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An old kernel or a sandbox is no error."""

        def missing(pid: int) -> int:
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr(os, "pidfd_open", missing)
        assert kernel.exit_descriptor(os.getpid()) is None

    def test_other_errors_are_errors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody takes them for an answer."""

        def exhausted(pid: int) -> int:
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(os, "pidfd_open", exhausted)
        with pytest.raises(OSError, match="Too many open files"):
            kernel.exit_descriptor(os.getpid())


def test_the_boot_has_a_name() -> None:
    """The same one each time, and for each process."""
    look = "from queuectl_subprocess import kernel; print(kernel.boot())"
    seen = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout.strip()
    assert kernel.boot() == seen != ""
