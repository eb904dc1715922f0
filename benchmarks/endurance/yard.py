"""A yard: a home and a directory of its own, and the processes that are started there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import queuectl
from queuectl import Job, Queue, Role

PATIENCE = 300.0
"""Seconds after which a condition that has not come true is a failure."""

READY = "Ctrl-C lets running jobs finish"
"""What a supervisor says once all its workers work."""

Process = subprocess.Popen[str]


def until(condition: Callable[[], object], *, patience: float = PATIENCE) -> None:
    """Wait for a condition to become true. Raises TimeoutError."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the condition did not come true")
        time.sleep(0.02)


@dataclass
class Yard:
    """Starts the real program in `root`, and finds whatever is left of it."""

    root: Path
    started: list[Process] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """The data directory."""
        return self.root / "home"

    @property
    def env(self) -> Mapping[str, str]:
        """The environment of all processes."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QUEUECTL_")}
        return kept | {"QUEUECTL_HOME": str(self.home)}

    @contextmanager
    def open(self) -> Iterator[Queue]:
        """Open the queue."""
        with queuectl.open(overrides=[f"storage.path={self.home / 'jobs.db'}"]) as queue:
            yield queue

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

    def states(self, *ids: str) -> list[str]:
        """Return the states of jobs."""
        with self.open() as queue:
            return [queue.get(id).state.value for id in ids]

    def results(self, id: str) -> list[str]:
        """Return how the runs of a job ended."""
        with self.open() as queue:
            return [attempt.result.value for attempt in queue.attempts(id)]

    def wait(self, *ids: str) -> None:
        """Wait until jobs have ended."""
        with self.open() as queue:
            queue.wait_many(ids, timeout=PATIENCE)

    def begin(self, *arguments: str) -> Process:
        """Start `queuectl` in a process group of its own, as a shell does; it goes on by itself."""
        with (self.root / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "queuectl", *arguments],
                env=self.env,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
                process_group=0,
            )
        self.started.append(process)
        return process

    def start(self, *arguments: str) -> Process:
        """Start workers, and return when all of them work."""
        before = self.log().count(READY)
        supervisor = self.begin("worker", "start", *arguments)
        until(lambda: self.log().count(READY) > before)
        return supervisor

    def drain(self, *arguments: str) -> int:
        """Run workers until nothing is left to do; return the exit code."""
        return self.begin("worker", "start", "--drain", *arguments).wait(PATIENCE)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; bytes that are no text stand for themselves in what it wrote."""
        done = subprocess.run(
            [sys.executable, "-m", "queuectl", *arguments],
            env=self.env,
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        out, err = (os.fsdecode(each) for each in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    def log(self) -> str:
        """Return what workers and supervisors logged."""
        path = self.root / "log"
        return path.read_text() if path.exists() else ""

    def workers(self) -> list[int]:
        """Return the processes of the workers that are registered."""
        with self.open() as queue:
            return [worker.pid for worker in queue.storage.workers() if worker.role is Role.WORKER]

    def processes(self) -> list[int]:
        """Return the living processes, workers and jobs, that carry the mark of this yard."""
        mark = f"QUEUECTL_HOME={self.home}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with suppress(OSError):
                    if mark in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
        return found

    def close(self) -> None:
        """End whatever is left."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        until(lambda: not self._kill())

    def _kill(self) -> list[int]:
        left = self.processes()
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left
