"""A place where the real program runs: a home, a working directory, and all processes that were started there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from queuectl import Queue, Result, Role, State, Worker

PATIENCE = 60.0
"""Seconds after which a condition that does not come true fails the test; far above what any takes."""

READY = "Ctrl-C lets running jobs finish"
"""What a supervisor says once all its workers work."""

UNTIL_GO = "echo start >>marks; until test -e go; do sleep 0.02; done"
"""A command that says that it runs, and ends once `Place.go` was called."""


@dataclass
class Place:
    """The current directory and the home of this process, and so of all that it starts."""

    root: Path
    queue: Queue
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """The data directory."""
        return self.root / "home"

    @property
    def database(self) -> Path:
        """The database."""
        return self.home / "jobs.db"

    def begin(self, *arguments: str, stdout: int | None = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start `queuectl`, which goes on by itself."""
        with (self.root / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "queuectl", *arguments], stdout=stdout, stderr=log, text=True
            )
        self.started.append(process)
        return process

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a supervisor, and return when it has all its workers."""
        before = self.log().count(READY)
        supervisor = self.begin("worker", "start", *arguments)
        self.until(lambda: self.log().count(READY) > before)
        return supervisor

    def drain(self, *arguments: str) -> None:
        """Run workers until there is nothing left to do."""
        assert self.begin("worker", "start", "--drain", *arguments).wait(PATIENCE) == 0, self.log()

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run `queuectl` to its end, and return what it printed."""
        process = self.begin(*arguments, stdout=subprocess.PIPE)
        out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, self.log()
        return out

    def workers(self) -> list[Worker]:
        """Return the workers that are registered, dead or alive."""
        return [worker for worker in self.queue.storage.workers() if worker.role is Role.WORKER]

    def results(self, id: str) -> list[Result]:
        """Return how the runs of a job ended."""
        return [attempt.result for attempt in self.queue.attempts(id)]

    def marks(self) -> list[str]:
        """Return the words that commands wrote."""
        path = self.root / "marks"
        return path.read_text().split() if path.exists() else []

    def go(self) -> None:
        """Let the commands of `UNTIL_GO` end."""
        (self.root / "go").touch()

    def log(self) -> str:
        """Return what all processes wrote to standard error."""
        path = self.root / "log"
        return path.read_text() if path.exists() else ""

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition to come true."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def until_completed(self, *ids: str) -> None:
        """Wait until these jobs are completed."""
        self.until(lambda: all(self.queue.get(id).state is State.COMPLETED for id in ids))

    def own(self) -> list[int]:
        """Return the processes that were started here, and those that they started, as far as they keep their home."""
        mark = f"QUEUECTL_HOME={self.home}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and int(entry.name) != os.getpid() and mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found

    def kill(self) -> None:
        """Kill all supervisors and workers at one blow, so that nobody looks after the others."""
        pids = [worker.pid for worker in self.queue.storage.workers()]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        for process in self.started:
            if process.pid in pids:
                process.wait(PATIENCE)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep everybody else from writing to the database, as another program may that has it open."""
        connection = apsw.Connection(str(self.database))
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
        finally:
            connection.close()

    def close(self) -> None:
        """End what is left."""
        self.queue.close()
        for process in self.started:
            process.kill()
            process.wait(PATIENCE)
            if process.stdout is not None:
                process.stdout.close()
        deadline = time.monotonic() + PATIENCE
        while left := self.own():
            assert time.monotonic() < deadline
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
