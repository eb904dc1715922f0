"""The matrix of signals: what each does, to whom, and while what; `docs/reference/signals.md` has it as a table."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.place import PATIENCE, UNTIL_GO, Place, Process
from queuectl import Result, State

STUBBORN = f"trap 'touch ended' TERM; {UNTIL_GO}"
TIME_LIMIT = 1.5
"""Seconds within which a shell has set its trap, on a machine that has much to do."""

GRACEFUL = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
ABRUPT = [signal.SIGQUIT, signal.SIGKILL]
CONDITIONS = ["idle", "job running", "timeout pending", "draining", "second signal"]


class Stage(Place):
    """A place with a worker, and a job that runs until it is let go, with another one behind it."""

    def set(self, condition: str) -> None:
        """Store the jobs that a condition wants, before workers start."""
        if condition == "idle":
            return
        timed = condition == "timeout pending"
        self.enqueue(running={"command": STUBBORN, "timeout": TIME_LIMIT} if timed else UNTIL_GO, waiting="true")

    def bring_about(self, condition: str) -> Process:
        """Start workers, and return when the condition has come about."""
        drain = ["--drain"] if condition == "draining" else []
        supervisor = self.start(*drain, "--set", "executor.kill-after=60s", "--debug")
        if condition != "idle":
            self.until(self.mark(condition).exists)
        return supervisor

    def mark(self, condition: str) -> Path:
        """Return the file that tells that the job runs, or that its time is up."""
        return self.root / ("ended" if condition == "timeout pending" else "marks")

    def restart(self, condition: str) -> Callable[[], None]:
        """Forget that the job began; return what waits until it has begun once more, and lets it end."""
        for name in ("marks", "ended"):
            (self.root / name).unlink(missing_ok=True)

        def go() -> None:
            self.until(self.mark(condition).exists)
            self.go()

        return go

    def worker(self) -> int | None:
        """Return the pid of the worker that is registered."""
        found = self.workers()
        return found[0].pid if found else None

    def ends(self) -> Sequence[object]:
        """Return the state of the job that ran, how its runs ended, and the state of the one behind it."""
        return (*self.states("running", "waiting"), *self.results("running"))

    def is_quiet(self) -> bool:
        """Whether no process of this stage is left, but for those that a test started itself."""
        own = {process.pid for process in self.started if process.poll() is None}
        return own.issuperset(self.processes())

    def has_stopped(self, supervisor: Process, condition: str) -> None:
        """Hold what a graceful stop is: exit 0, no process and no ledger left, and the job ended or given back."""
        assert supervisor.wait(PATIENCE) == 0
        assert self.is_quiet()
        assert os.listdir(self.home / "run") == []
        if condition != "idle":
            given_back = (State.PENDING, State.PENDING, Result.RELEASED)
            assert self.ends() == (given_back if condition == "second signal" else finished(condition))

    def recover(self) -> None:
        """Run what is left to do."""
        assert self.drain() == 0
        assert os.listdir(self.home / "run") == []


def finished(condition: str) -> Sequence[object]:
    """Return what has become of the jobs when the first one ended as it would, and the other did not begin."""
    if condition == "timeout pending":
        return State.DEAD, State.PENDING, Result.FAILED
    return State.COMPLETED, State.PENDING, Result.COMPLETED


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Return a stage; no process of this test leaves its memory behind in a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    stage = Stage(tmp_path)
    try:
        yield stage
    finally:
        stage.close()
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def name(value: object) -> str:
    """Name a parameter."""
    return value.name if isinstance(value, signal.Signals) else str(value)


every_condition = pytest.mark.parametrize("condition", CONDITIONS)


def announce(stage: Stage, condition: str, send: Callable[[signal.Signals], None]) -> None:
    """Send the first of two signals, and wait until it was understood."""
    if condition == "second signal":
        send(signal.SIGTERM)
        stage.until(lambda: is_stopping(stage))


def is_stopping(stage: Stage) -> bool:
    """Whether the worker has said that it claims no more."""
    return "no more claims" in stage.log()


class TestSupervisor:
    """A signal to the process behind `worker start`."""

    @every_condition
    @pytest.mark.parametrize("number", GRACEFUL, ids=name)
    def test_a_graceful_one(self, stage: Stage, number: signal.Signals, condition: str) -> None:
        """No new claims, the running job ends as it would, exit 0; the second one gives the job back."""
        stage.set(condition)
        supervisor = stage.bring_about(condition)
        announce(stage, condition, supervisor.send_signal)
        supervisor.send_signal(number)
        if condition != "second signal":
            stage.until(lambda: is_stopping(stage))
            stage.go()
        stage.has_stopped(supervisor, condition)

    @every_condition
    @pytest.mark.parametrize("number", ABRUPT, ids=name)
    def test_an_abrupt_one(self, stage: Stage, number: signal.Signals, condition: str) -> None:
        """It is gone at once; its workers finish what they run, and stop."""
        stage.set(condition)
        supervisor = stage.bring_about(condition)
        announce(stage, condition, supervisor.send_signal)
        supervisor.send_signal(number)
        assert supervisor.wait(PATIENCE) == -number
        stage.until(lambda: is_stopping(stage))
        stage.go()
        stage.until(stage.is_quiet)
        if condition != "idle":
            assert stage.ends() == finished(condition)
            stage.recover()
            assert stage.job("waiting").state is State.COMPLETED


class TestWorker:
    """A signal to a worker alone, by its pid."""

    @every_condition
    @pytest.mark.parametrize("number", [*GRACEFUL, *ABRUPT], ids=name)
    def test_another_takes_its_place(self, stage: Stage, number: signal.Signals, condition: str) -> None:
        """Gracefully it finishes its job first; otherwise the run is lost, or given back, and another run follows."""
        stage.set(condition)
        supervisor = stage.bring_about(condition)
        worker = stage.worker()
        assert worker is not None
        announce(stage, condition, lambda first: os.kill(worker, first))
        finishes = number in GRACEFUL and condition != "second signal"
        go = stage.go if finishes or condition == "idle" else stage.restart(condition)
        os.kill(worker, number)
        if finishes:
            stage.until(lambda: is_stopping(stage))
        go()
        stage.until(lambda: not Path(f"/proc/{worker}").exists())
        if condition == "draining":
            assert supervisor.wait(PATIENCE) == 0
        elif condition == "idle":
            stage.until(lambda: stage.worker() not in {None, worker})
        else:
            stage.wait("running", "waiting")
        if condition != "idle":
            cut = [Result.LOST] if number in ABRUPT else [Result.RELEASED] if condition == "second signal" else []
            state, _, last = finished(condition)
            assert stage.ends() == (state, State.COMPLETED, *cut, last)
        supervisor.terminate()
        assert supervisor.wait(PATIENCE) == 0


class TestAll:
    """A signal to supervisor and workers alike, as `pkill queuectl` or a service manager sends it."""

    @every_condition
    @pytest.mark.parametrize("number", GRACEFUL, ids=name)
    def test_a_graceful_one(self, stage: Stage, number: signal.Signals, condition: str) -> None:
        """It counts once, as if it had been sent to the supervisor alone."""
        stage.set(condition)
        supervisor = stage.bring_about(condition)
        worker = stage.worker()
        assert worker is not None

        def send(number: signal.Signals) -> None:
            supervisor.send_signal(number)
            os.kill(worker, number)

        announce(stage, condition, send)
        send(number)
        if condition != "second signal":
            stage.until(lambda: "waiting for the running jobs" in stage.log())
            stage.until(lambda: is_stopping(stage))
            stage.go()
        stage.has_stopped(supervisor, condition)

    @every_condition
    @pytest.mark.parametrize("number", ABRUPT, ids=name)
    def test_an_abrupt_one(self, stage: Stage, number: signal.Signals, condition: str) -> None:
        """All are gone; who starts next ends what still runs, and goes on."""
        stage.set(condition)
        supervisor = stage.bring_about(condition)
        worker = stage.worker()
        assert worker is not None
        announce(stage, condition, supervisor.send_signal)
        supervisor.send_signal(number)
        os.kill(worker, number)
        assert supervisor.wait(PATIENCE) == -number
        stage.until(lambda: not Path(f"/proc/{worker}").exists())
        if condition == "idle":
            return
        assert stage.job("running").state is State.PROCESSING
        go = stage.restart(condition)
        recovering = stage.begin("worker", "start", "--drain", "--set", "executor.kill-after=60s")
        go()
        assert recovering.wait(PATIENCE) == 0
        state, _, last = finished(condition)
        assert stage.ends() == (state, State.COMPLETED, Result.LOST, last)


@pytest.mark.parametrize("number", GRACEFUL, ids=name)
def test_one_that_comes_after_the_last_job_changes_nothing(stage: Stage, number: signal.Signals) -> None:
    """Though Python, as it takes itself apart, would let the kernel end it by that signal."""
    script = f"""
import os, sys
from queuectl.cli import main

class Last:
    def __del__(self):
        os.kill(os.getpid(), {number:d})

last = Last()
main(["worker", "start", "--drain"])
"""
    ended = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        env=stage.env,
        cwd=stage.root,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (ended.returncode, ended.stderr.count("Traceback")) == (0, 0)


class TestCommand:
    """A signal to a command that a person typed."""

    @pytest.mark.parametrize("number", [*GRACEFUL, *ABRUPT], ids=name)
    @pytest.mark.parametrize("command", [("wait", "running"), ("logs", "-f", "running"), ("worker", "stop")])
    def test_it_ends_and_nothing_else(self, stage: Stage, command: tuple[str, ...], number: signal.Signals) -> None:
        """By the signal, which a shell shows as 128 and its number; the job that it was about goes on."""
        stage.set("job running")
        supervisor = stage.bring_about("job running")
        process = stage.begin(*command)
        if command == ("worker", "stop"):
            stage.until(lambda: is_stopping(stage))
        else:
            stage.until(lambda: has_opened(process.pid, stage.database))
        process.send_signal(number)
        assert process.wait(PATIENCE) == (130 if number is signal.SIGINT else -number)
        assert stage.job("running").state is State.PROCESSING
        stage.go()
        stage.until(lambda: stage.job("running").state is State.COMPLETED)
        supervisor.terminate()
        assert supervisor.wait(PATIENCE) == 0


def has_opened(pid: int, path: Path) -> bool:
    """Whether a process has a file open."""
    try:
        return any(os.readlink(each) == str(path) for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
