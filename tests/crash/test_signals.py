"""The matrix of signals: what each does, to whom, and while what; `docs/reference/signals.md` has it as a table."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import queuectl
from queuectl import Job, State
from queuectl.model.job import FINAL

PATIENCE = 60.0
UNTIL_GO = "echo start >>marks; until test -e go; do sleep 0.02; done"
STUBBORN = f"trap 'touch ended' TERM; {UNTIL_GO}"

GRACEFUL = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
ABRUPT = [signal.SIGQUIT, signal.SIGKILL]
CONDITIONS = ["idle", "job running", "timeout pending", "draining", "second signal"]


@dataclass
class Stage:
    """A store, workers over it, and a job that runs until it is let go, with another one behind it."""

    root: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def env(self) -> Mapping[str, str]:
        """The environment of all processes."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QUEUECTL_")}
        return kept | {"QUEUECTL_HOME": str(self.root / "home")}

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `queuectl` in a process group of its own, as a shell does."""
        with (self.root / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "queuectl", *arguments],
                env=self.env,
                cwd=self.root,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self.started.append(process)
        return process

    def set(self, condition: str) -> None:
        """Store the jobs that a condition wants, before workers start."""
        if condition == "idle":
            return
        timed = condition == "timeout pending"
        running: dict[str, Any] = {"id": "running", "command": STUBBORN if timed else UNTIL_GO, "cwd": str(self.root)}
        with self.open() as queue:
            queue.enqueue_many([running | ({"timeout": 0.2, "max_retries": 0} if timed else {})])
            queue.enqueue("true", id="waiting", cwd=str(self.root))

    def start(self, condition: str) -> subprocess.Popen[bytes]:
        """Start workers, and return when the condition has come about."""
        drain = ["--drain"] if condition == "draining" else []
        supervisor = self.begin("worker", "start", *drain, "--set", "executor.kill-after=60s", "--debug")
        self.until(lambda: "1 worker works" in (self.root / "log").read_text())
        if condition == "idle":
            return supervisor
        self.until((self.root / "marks").exists)
        if condition == "timeout pending":
            self.until((self.root / "ended").exists)
        return supervisor

    def restart(self, condition: str) -> Callable[[], None]:
        """Forget that the job began; return what waits until it has begun once more, and lets it end."""
        for name in ("marks", "ended"):
            (self.root / name).unlink(missing_ok=True)

        def go() -> None:
            self.until((self.root / ("ended" if condition == "timeout pending" else "marks")).exists)
            self.go()

        return go

    def open(self) -> queuectl.Queue:
        """Open the queue."""
        return queuectl.open(overrides=[f"storage.path={self.root / 'home' / 'jobs.db'}"])

    def worker(self) -> int | None:
        """Return the pid of the worker that is registered."""
        if not (self.root / "home" / "jobs.db").exists():
            return None
        with self.open() as queue:
            found = [worker.pid for worker in queue.storage.workers() if worker.role.value == "worker"]
        return found[0] if found else None

    def jobs(self) -> tuple[Job, Job]:
        """Return the job that ran and the one behind it."""
        with self.open() as queue:
            return queue.get("running"), queue.get("waiting")

    def results(self) -> list[str]:
        """Return how the runs of the first job ended."""
        with self.open() as queue:
            return [attempt.result.value for attempt in queue.attempts("running")]

    def go(self) -> None:
        """Let the running job end."""
        (self.root / "go").touch()

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, (self.root / "log").read_text()
            time.sleep(0.02)

    def is_quiet(self) -> bool:
        """Whether no process of this stage is left, but for those that a test started itself."""
        mark = f"QUEUECTL_HOME={self.root / 'home'}\0".encode()
        own = {process.pid for process in self.started if process.poll() is None} | {os.getpid()}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and int(entry.name) not in own and mark in (entry / "environ").read_bytes():
                    return False
            except OSError:
                continue
        return True

    def recover(self) -> None:
        """Run what is left to do."""
        drain = self.begin("worker", "start", "--drain")
        assert drain.wait(PATIENCE) == 0
        assert os.listdir(self.root / "home" / "run") == []

    def close(self) -> None:
        """End what is left."""
        self.go()
        for process in self.started:
            process.kill()
            process.wait()
        self.until(self.is_quiet)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Return a stage; no process of this test leaves its memory behind in a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    stage = Stage(tmp_path)
    yield stage
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
    return "no more claims" in (stage.root / "log").read_text()


class TestSupervisor:
    """A signal to the process behind `worker start`."""

    @every_condition
    @pytest.mark.parametrize("number", GRACEFUL, ids=name)
    def test_a_graceful_one(self, stage: Stage, number: signal.Signals, condition: str) -> None:
        """No new claims, the running job ends as it would, exit 0; the second one gives the job back."""
        stage.set(condition)
        supervisor = stage.start(condition)
        announce(stage, condition, supervisor.send_signal)
        supervisor.send_signal(number)
        if condition != "second signal":
            stage.until(lambda: is_stopping(stage))
            stage.go()
        assert supervisor.wait(PATIENCE) == 0
        assert stage.is_quiet()
        assert os.listdir(stage.root / "home" / "run") == []
        if condition != "idle":
            running, waiting = stage.jobs()
            ends = {"second signal": ("pending", "released"), "timeout pending": ("dead", "failed")}
            assert (running.state.value, *stage.results()) == ends.get(condition, ("completed", "completed"))
            assert waiting.state is State.PENDING

    @every_condition
    @pytest.mark.parametrize("number", ABRUPT, ids=name)
    def test_an_abrupt_one(self, stage: Stage, number: signal.Signals, condition: str) -> None:
        """It is gone at once; its workers finish what they run, and stop."""
        stage.set(condition)
        supervisor = stage.start(condition)
        announce(stage, condition, supervisor.send_signal)
        supervisor.send_signal(number)
        assert supervisor.wait(PATIENCE) == -number
        stage.until(lambda: is_stopping(stage))
        stage.go()
        stage.until(stage.is_quiet)
        if condition != "idle":
            running, waiting = stage.jobs()
            ends = {"timeout pending": ("dead", "failed")}
            assert (running.state.value, *stage.results()) == ends.get(condition, ("completed", "completed"))
            assert waiting.state is State.PENDING
            stage.recover()
            assert stage.jobs()[1].state is State.COMPLETED


class TestWorker:
    """A signal to a worker alone, by its pid."""

    @every_condition
    @pytest.mark.parametrize("number", [*GRACEFUL, *ABRUPT], ids=name)
    def test_another_takes_its_place(self, stage: Stage, number: signal.Signals, condition: str) -> None:
        """Gracefully it finishes its job first; otherwise the run is lost, or given back, and another run follows."""
        stage.set(condition)
        supervisor = stage.start(condition)
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
            stage.until(lambda: all(job.state in FINAL for job in stage.jobs()))
        if condition != "idle":
            cut = ["lost"] if number in ABRUPT else ["released"] if condition == "second signal" else []
            state, last = ("dead", "failed") if condition == "timeout pending" else ("completed", "completed")
            assert (stage.jobs()[0].state.value, stage.results()) == (state, [*cut, last])
            assert stage.jobs()[1].state is State.COMPLETED
        supervisor.terminate()
        assert supervisor.wait(PATIENCE) == 0


class TestAll:
    """A signal to supervisor and workers alike, as `pkill queuectl` or a service manager sends it."""

    @every_condition
    @pytest.mark.parametrize("number", GRACEFUL, ids=name)
    def test_a_graceful_one(self, stage: Stage, number: signal.Signals, condition: str) -> None:
        """It counts once, as if it had been sent to the supervisor alone."""
        stage.set(condition)
        supervisor = stage.start(condition)
        worker = stage.worker()
        assert worker is not None

        def send(number: signal.Signals) -> None:
            supervisor.send_signal(number)
            os.kill(worker, number)

        announce(stage, condition, send)
        send(number)
        if condition != "second signal":
            stage.until(lambda: "waiting for the running jobs" in (stage.root / "log").read_text())
            stage.until(lambda: is_stopping(stage))
            stage.go()
        assert supervisor.wait(PATIENCE) == 0
        assert stage.is_quiet()
        if condition != "idle":
            running, waiting = stage.jobs()
            ends = {"second signal": ("pending", "released"), "timeout pending": ("dead", "failed")}
            assert (running.state.value, *stage.results()) == ends.get(condition, ("completed", "completed"))
            assert waiting.state is State.PENDING

    @every_condition
    @pytest.mark.parametrize("number", ABRUPT, ids=name)
    def test_an_abrupt_one(self, stage: Stage, number: signal.Signals, condition: str) -> None:
        """All are gone; who starts next ends what still runs, and goes on."""
        stage.set(condition)
        supervisor = stage.start(condition)
        worker = stage.worker()
        assert worker is not None
        announce(stage, condition, supervisor.send_signal)
        supervisor.send_signal(number)
        os.kill(worker, number)
        assert supervisor.wait(PATIENCE) == -number
        stage.until(lambda: not Path(f"/proc/{worker}").exists())
        if condition == "idle":
            return
        assert stage.jobs()[0].state is State.PROCESSING
        go = stage.restart(condition)
        recovering = stage.begin("worker", "start", "--drain", "--set", "executor.kill-after=60s")
        go()
        assert recovering.wait(PATIENCE) == 0
        state, last = ("dead", "failed") if condition == "timeout pending" else ("completed", "completed")
        assert (stage.jobs()[0].state.value, stage.results()) == (state, ["lost", last])
        assert stage.jobs()[1].state is State.COMPLETED


class TestCommand:
    """A signal to a command that a person typed."""

    @pytest.mark.parametrize("number", [*GRACEFUL, *ABRUPT], ids=name)
    @pytest.mark.parametrize("command", [("wait", "running"), ("logs", "-f", "running"), ("worker", "stop")])
    def test_it_ends_and_nothing_else(self, stage: Stage, command: tuple[str, ...], number: signal.Signals) -> None:
        """By the signal, which a shell shows as 128 and its number; the job that it was about goes on."""
        stage.set("job running")
        supervisor = stage.start("job running")
        process = stage.begin(*command)
        if command == ("worker", "stop"):
            stage.until(lambda: is_stopping(stage))
        else:
            stage.until(lambda: has_opened(process.pid, stage.root / "home" / "jobs.db"))
        process.send_signal(number)
        assert process.wait(PATIENCE) == (130 if number is signal.SIGINT else -number)
        assert stage.jobs()[0].state is State.PROCESSING
        stage.go()
        stage.until(lambda: stage.jobs()[0].state is State.COMPLETED)
        supervisor.terminate()
        assert supervisor.wait(PATIENCE) == 0


def has_opened(pid: int, path: Path) -> bool:
    """Whether a process has a file open."""
    try:
        return any(os.readlink(each) == str(path) for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
