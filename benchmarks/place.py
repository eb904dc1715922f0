"""A place where the real program runs: a home, a working directory, and all processes that were started there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import apsw

import queuectl
from queuectl import Job, Queue, Result, Role, State, Worker

PATIENCE = 240.0
"""Seconds after which a condition that has not come true is a failure; far above what any takes."""

READY = "Ctrl-C lets running jobs finish"
"""What a supervisor says once all its workers work."""

UNTIL_GO = "echo start >>marks; until test -e go; do sleep 0.02; done"
"""A command that says that it runs, and ends once `Place.go` was called."""

Process = subprocess.Popen[str]


def until(condition: Callable[[], object], *, patience: float = PATIENCE) -> None:
    """Wait for a condition to become true. Raises TimeoutError."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the condition did not come true")
        time.sleep(0.02)


@dataclass
class Place:
    """Starts the real program in `root`, and finds whatever is left of it."""

    root: Path
    started: list[Process] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """The data directory."""
        return self.root / "home"

    @property
    def database(self) -> Path:
        """The database."""
        return self.home / "jobs.db"

    @property
    def env(self) -> Mapping[str, str]:
        """The environment of all processes."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QUEUECTL_")}
        return kept | {"QUEUECTL_HOME": str(self.home)}

    @contextmanager
    def open(self) -> Iterator[Queue]:
        """Open the queue anew."""
        with queuectl.open(overrides=[f"storage.path={self.database}"]) as queue:
            yield queue

    @cached_property
    def queue(self) -> Queue:
        """The queue, which stays open."""
        return queuectl.open(overrides=[f"storage.path={self.database}"])

    def enqueue(self, **commands: str | list[str] | dict[str, Any]) -> None:
        """Store jobs that run here: each a command, or all of its fields, under its id. None is tried twice."""
        here = {"cwd": str(self.root), "max_retries": 0}
        jobs = [command if isinstance(command, dict) else {"command": command} for command in commands.values()]
        with self.open() as queue:
            queue.enqueue_many([here | job | {"id": id} for id, job in zip(commands, jobs, strict=True)])

    def job(self, id: str) -> Job:
        """Return a job."""
        with self.open() as queue:
            return queue.get(id)

    def states(self, *ids: str) -> list[State]:
        """Return the states of jobs."""
        with self.open() as queue:
            return [queue.get(id).state for id in ids]

    def results(self, id: str) -> list[Result]:
        """Return how the runs of a job ended."""
        with self.open() as queue:
            return [attempt.result for attempt in queue.attempts(id)]

    def workers(self) -> list[Worker]:
        """Return the workers that are registered, dead or alive."""
        with self.open() as queue:
            return [worker for worker in queue.storage.workers() if worker.role is Role.WORKER]

    def wait(self, *ids: str) -> None:
        """Wait until jobs have ended."""
        with self.open() as queue:
            queue.wait_many(ids, timeout=PATIENCE)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition to become true. Fails with what was logged."""
        try:
            until(condition)
        except TimeoutError:
            raise AssertionError(self.log()) from None

    def until_completed(self, *ids: str) -> None:
        """Wait until these jobs are completed."""
        self.until(lambda: all(self.queue.get(id).state is State.COMPLETED for id in ids))

    def begin(self, *arguments: str, stdout: int | None = None, stderr: int | None = None) -> Process:
        """Start `queuectl` in a process group of its own, as a shell does; it goes on by itself."""
        with (self.root / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "queuectl", *arguments],
                env=self.env,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log if stdout is None else stdout,
                stderr=log if stderr is None else stderr,
                text=True,
                errors="surrogateescape",
                process_group=0,
            )
        self.started.append(process)
        return process

    def start(self, *arguments: str) -> Process:
        """Start workers, and return when all of them work."""
        before = self.log().count(READY)
        supervisor = self.begin("worker", "start", *arguments)
        self.until(lambda: self.log().count(READY) > before)
        return supervisor

    def drain(self, *arguments: str) -> int:
        """Run workers until nothing is left to do; return the exit code."""
        return self.begin("worker", "start", "--drain", *arguments).wait(PATIENCE)

    def call(self, *arguments: str) -> Process:
        """Start a command whose answer is wanted."""
        return self.begin(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; bytes that are no text stand for themselves in what it wrote."""
        return ended(self.call(*arguments))

    def go(self, word: str = "go") -> None:
        """Let commands end that wait for this word, as those of `UNTIL_GO` do."""
        (self.root / word).touch()

    def marks(self) -> list[str]:
        """Return the words that commands wrote."""
        path = self.root / "marks"
        return path.read_text().split() if path.exists() else []

    def log(self) -> str:
        """Return what workers and supervisors logged."""
        path = self.root / "log"
        return path.read_text() if path.exists() else ""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep everybody else from writing to the database, as another program may that has it open."""
        with closing(apsw.Connection(str(self.database))) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    def processes(self) -> list[int]:
        """Return the living processes, workers and jobs, that carry the mark of this place."""
        mark = f"QUEUECTL_HOME={self.home}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with suppress(OSError):
                    if mark in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
        return found

    def kill(self) -> None:
        """Kill all supervisors and workers at one blow, so that nobody looks after the others."""
        with self.open() as queue:
            pids = [worker.pid for worker in queue.storage.workers()]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            _send(pids, number)
        for process in self.started:
            if process.pid in pids:
                process.wait(PATIENCE)

    def close(self) -> None:
        """End whatever is left."""
        if "queue" in self.__dict__:
            self.queue.close()
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        until(lambda: not self._kill())

    def _kill(self) -> list[int]:
        left = self.processes()
        _send(left, signal.SIGKILL)
        return left


def ended(process: Process) -> subprocess.CompletedProcess[str]:
    """Wait until a command has ended, and return its answer."""
    out, err = process.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
