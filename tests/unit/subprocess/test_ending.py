"""What a dead worker left running is ended, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from queuectl_subprocess import kernel
from queuectl_subprocess.running import Running

if TYPE_CHECKING:
    from tests.unit.subprocess.conftest import Bench

Start = Callable[..., "subprocess.Popen[str]"]

WORKER = """
import os, sys, types
from queuectl_subprocess import Subprocess
from queuectl_subprocess.executor import SubprocessExecutor

lease, command = sys.argv[1:]
job = types.SimpleNamespace(command=command, cwd=None)
reader, writer = os.pipe()
cancelled = types.SimpleNamespace(fileno=lambda: reader)
context = types.SimpleNamespace(
    output=sys.stdout, env={**os.environ, "QUEUECTL_LEASE": lease}, deadline=None, cancelled=cancelled,
    record=lambda handle: os.write(1, f"{handle}\\n".encode()),
)
SubprocessExecutor(Subprocess()).execute(job, context)
"""
"""Runs a command under a lease, and prints its handle."""

UNBORN = """
import os, sys, time
os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
pid = os.fork()
if pid:
    print(pid, flush=True)
    os._exit(0)
os.close(1)
time.sleep(60)
"""
"""Dies between the fork of a command and its execution, with its output file open."""


@pytest.fixture
def lease() -> str:
    """Return a lease that nobody else on this host has, whatever other tests run at the same time."""
    return f"{uuid4().hex}.1"


@pytest.fixture
def start() -> Iterator[Start]:
    """Return what starts a process for which the test, not an executor, is to blame."""
    started: list[subprocess.Popen[str]] = []

    def start(*command: str, env: Mapping[str, str] | None = None, own_session: bool = True) -> subprocess.Popen[str]:
        environment = {**os.environ, **(env or {})}
        child = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=own_session
        )
        started.append(child)
        return child

    yield start
    for child in started:
        with suppress(ProcessLookupError):
            (os.kill if os.getsid(child.pid) == os.getsid(0) else os.killpg)(child.pid, signal.SIGKILL)
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def told(child: subprocess.Popen[str]) -> str:
    """Return the next line that a process prints."""
    assert child.stdout is not None
    return child.stdout.readline().strip()


class TestRecorded:
    """`end` with the handle of a run."""

    def test_a_command(self, bench: Bench) -> None:
        """It is killed with its children, and learns of the end of none of them: no command after it runs."""
        run = bench.start("trap '' TERM; sleep 60 & echo $!; wait; echo more")
        child = int(run.wrote(lines=1)[0])
        bench.end(run.handle)
        assert not bench.is_running(run.pid)
        assert not bench.is_running(child)
        assert run.end().signal == signal.SIGKILL
        assert run.lines == [str(child)]

    def test_the_command_of_a_dead_worker(self, bench: Bench, start: Start, lease: str) -> None:
        """It survived its worker, and is ended by another process."""
        worker = start(sys.executable, "-c", WORKER, lease, "sleep 60 & echo $!; wait")
        child, handle = sorted((told(worker), told(worker)), key=len)  # whichever was faster
        worker.kill()
        worker.wait()
        pid = int(handle.split(":")[0])
        assert bench.is_running(pid)
        bench.end(handle)
        assert not bench.is_running(pid)
        assert not bench.is_running(int(child))

    def test_groups_of_its_session(self, bench: Bench) -> None:
        """As a shell with job control makes them."""
        apart = "import os, time; os.setpgid(0, 0); print(os.getpid(), flush=True); time.sleep(60)"
        run = bench.start(f"env -i {sys.executable} -Ic '{apart}' & wait")
        child = int(run.wrote(lines=1)[0])
        assert os.getpgid(child) == child
        bench.end(run.handle)
        assert not bench.is_running(child)

    def test_those_who_outlived_it(self, bench: Bench) -> None:
        """Also where the command itself is gone."""
        run = bench.run("sleep 60 & echo $!; env -i sleep 60 & echo $!")
        pids = [int(pid) for pid in run.lines]
        bench.end(run.handle)
        assert not any(bench.is_running(pid) for pid in pids)

    def test_those_who_left_its_session(self, bench: Bench) -> None:
        """They are known by the lease that they carry, and what they started in their own session goes with them."""
        run = bench.start("setsid sh -c 'echo $$; env -i sleep 60 & echo $!; wait' & wait")
        pids = [int(pid) for pid in run.wrote(lines=2)]
        bench.end(run.handle)
        assert not any(bench.is_running(pid) for pid in (run.pid, *pids))

    def test_one_without_an_environment(self, bench: Bench) -> None:
        """A command that carries no lease is known by its number and start."""
        run = bench.start("exec env -i sh -c 'sleep 60 & echo $!; wait'")
        child = int(run.wrote(lines=1)[0])
        bench.end(run.handle)
        assert not bench.is_running(run.pid)
        assert not bench.is_running(child)

    def test_twice(self, bench: Bench) -> None:
        """Nothing happens where nothing is left."""
        run = bench.run("true")
        bench.end(run.handle)
        bench.end(run.handle)

    def test_one_that_keeps_forking(self, bench: Bench) -> None:
        """It cannot outrun its end."""
        run = bench.start("while :; do sleep 60 & echo $!; sleep 0.001; done")
        run.wrote(lines=20)
        bench.end(run.handle)
        assert not any(bench.is_running(int(pid)) for pid in run.lines if pid.isdecimal())

    def test_another_executor_s_handle(self, bench: Bench) -> None:
        """It is refused, since it cannot be understood."""
        with pytest.raises(ValueError, match="not a handle"):
            bench.end("container 7")


class TestStrangers:
    """Nobody is killed for a number."""

    def test_the_number_went_to_another(self, bench: Bench, start: Start, lease: str) -> None:
        """A process that has the number, but another start, stays, and all of its session."""
        stranger = start("sh", "-c", "sleep 60 & echo $!; wait")
        child = int(told(stranger))
        now = kernel.now()
        for earliest in (0, now + 100):
            bench.end(str(Running(stranger.pid, earliest, earliest + 1, kernel.boot(), lease)))
        assert bench.is_running(stranger.pid)
        assert bench.is_running(child)

    def test_the_number_of_the_session_went_to_another(self, bench: Bench, start: Start, lease: str) -> None:
        """A session that lost its leader stays, unless somebody in it carries the lease."""
        stranger = start("sh", "-c", "sleep 60 & echo $!", env={"QUEUECTL_LEASE": f"{lease}2"})
        child = int(told(stranger))
        stranger.wait()
        bench.end(str(Running(stranger.pid, 0, kernel.now(), kernel.boot(), lease)))
        assert bench.is_running(child)
        bench.end(str(Running(stranger.pid, 0, kernel.now(), kernel.boot(), f"{lease}2")))
        assert not bench.is_running(child)

    def test_before_the_host_was_started_anew(self, bench: Bench) -> None:
        """Nothing of another boot can run, whoever has its number now."""
        run = bench.start("sleep 60")
        other = replace(Running.parse(run.handle), boot="another", lease="")
        bench.end(str(other))
        assert bench.is_running(run.pid)

    def test_those_in_a_stranger_s_session(self, bench: Bench, start: Start, lease: str) -> None:
        """One that carries the lease in the session of somebody who does not (this test) is ended alone."""
        carrier = start("sleep", "60", env={"QUEUECTL_LEASE": lease}, own_session=False)
        bench.end(f"lease:{lease}")
        assert carrier.wait() == -signal.SIGKILL

    def test_those_in_an_orphaned_session(self, start: Start, lease: str) -> None:
        """Nor where that session, as whoever asks lives in it too, lost its leader."""
        ask = f"from queuectl_subprocess import *; create(Subprocess(), None).end('lease:{lease}', None)"
        carrier = f"QUEUECTL_LEASE={lease} sleep 60 & carrier=$!"
        stranger = "sleep 60 & echo $!"
        verdict = "kill -0 $! && echo stays; wait $carrier; echo $?; kill $!"
        script = f'{carrier}; {stranger}; {sys.executable} -c "{ask}"; {verdict}'
        leader = start("sh", "-c", f"({script}) &")
        assert leader.wait() == 0
        assert told(leader).isdecimal()
        assert told(leader) == "stays"
        assert told(leader) == str(128 + signal.SIGKILL)

    def test_whoever_asks(self, start: Start, lease: str) -> None:
        """A worker that was itself started by the job ends the rest of it, not itself and those above it."""
        ask = f"from queuectl_subprocess import *; create(Subprocess(), None).end('lease:{lease}', None); print('done')"
        script = f'sleep 60 & echo $!; {sys.executable} -c "{ask}"; wait'
        asking = start("sh", "-c", script, env={"QUEUECTL_LEASE": lease})
        told(asking)
        assert told(asking) == "done"
        assert asking.wait() == 0

    def test_one_that_may_not_be_killed(
        self, bench: Bench, start: Start, monkeypatch: pytest.MonkeyPatch, lease: str
    ) -> None:
        """What runs as somebody else is out of reach; nobody waits for it."""
        carrier = start("sleep", "60", env={"QUEUECTL_LEASE": lease})

        def refuse(pid: int, number: int) -> None:
            raise PermissionError

        with monkeypatch.context() as patch:
            patch.setattr(os, "kill", refuse)
            patch.setattr(os, "killpg", refuse)
            bench.end(f"lease:{lease}")
        assert bench.is_running(carrier.pid)


class TestByLease:
    """`end` for a run that was caught before it could be recorded."""

    def test_those_who_carry_it(self, bench: Bench) -> None:
        """The command and its children, in whatever session."""
        run = bench.start("sleep 60 & echo $!; setsid sleep 60 & echo $!; wait")
        pids = [int(pid) for pid in run.wrote(lines=2)]
        bench.end(f"lease:{run.lease}")
        assert not any(bench.is_running(pid) for pid in (run.pid, *pids))

    def test_no_other_lease(self, bench: Bench, start: Start, lease: str) -> None:
        """Neither one that starts alike, nor a variable that ends alike."""
        others = [
            start("sleep", "60", env=env)
            for env in ({"QUEUECTL_LEASE": f"{lease}2"}, {"QUEUECTL_LEASE": f"x{lease}"}, {"XQUEUECTL_LEASE": lease})
        ]
        bench.end(f"lease:{lease}")
        assert all(bench.is_running(other.pid) for other in others)

    def test_nobody(self, bench: Bench, lease: str) -> None:
        """The worker died before it forked."""
        bench.end(f"lease:{lease}")

    def test_no_lease(self, bench: Bench, start: Start) -> None:
        """An empty one names nobody."""
        carrier = start("sleep", "60", env={"QUEUECTL_LEASE": ""})
        bench.end("lease:")
        assert bench.is_running(carrier.pid)

    @pytest.mark.parametrize(("file", "survives"), [("{}.out", False), ("{}2.blank", False), ("x{}.out", True)])
    def test_between_fork_and_execution(
        self, bench: Bench, start: Start, tmp_path: Path, file: str, survives: bool, lease: str
    ) -> None:
        """A fork that has no lease in its environment yet is known by an output of its worker's that it has open."""
        unborn = int(told(start(sys.executable, "-c", UNBORN, str(tmp_path / file.format(lease.replace(".", "-"))))))
        bench.end(f"lease:{lease}")
        assert bench.is_running(unborn) == survives
        if survives:
            os.kill(unborn, signal.SIGKILL)
