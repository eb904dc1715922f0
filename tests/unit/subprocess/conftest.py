"""A bench on which one command is run as a worker would run it."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from queuectl import Duration, Job, Outcome, Size, State
from queuectl_subprocess import Subprocess
from queuectl_subprocess.executor import SubprocessExecutor

PATIENCE = 60.0
"""Seconds after which a condition that does not come true fails the test."""


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition to become true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.002)


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Cancel:
    """What tells a run that it must end."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def set(self) -> None:
        """Tell it."""
        os.write(self._writer, b"x")

    def is_set(self) -> bool:
        """Whether it was told."""
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is told."""
        return bool(select.select([self._reader], [], [], timeout)[0])

    def fileno(self) -> int:
        """Return what becomes readable then."""
        return self._reader

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self._reader)
        os.close(self._writer)


@dataclass
class Run:
    """One run: what its executor is given, and what it makes of it."""

    output: FileIO
    error_output: FileIO
    env: Mapping[str, str]
    deadline: float | None = None
    number: int = 1
    cancelled: Cancel = field(default_factory=Cancel)
    handles: list[str] = field(default_factory=list)
    outcome: Outcome | None = None
    thread: threading.Thread | None = None
    recording: Callable[[Run], None] | None = None
    ready: int = 0
    timeout: float | None = None

    def record(self, handle: str) -> None:
        """Keep the handle; where the command is to be ready first, its time begins to run when it is."""
        self.handles.append(handle)
        if self.recording is not None:
            self.recording(self)
        if self.ready:
            self.wrote(self.ready)
        if self.timeout is not None:
            self.deadline = time.monotonic() + self.timeout

    @property
    def handle(self) -> str:
        """The handle, as soon as there is one."""
        until(lambda: self.handles)
        return self.handles[0]

    @property
    def pid(self) -> int:
        """The process id of the command."""
        return int(self.handle.split(":")[0])

    @property
    def lease(self) -> str:
        """The lease that the command carries."""
        return self.env["QUEUECTL_LEASE"]

    @property
    def written(self) -> bytes:
        """What the command wrote so far."""
        return Path(str(self.output.name)).read_bytes()

    @property
    def lines(self) -> list[str]:
        """The lines that the command wrote so far."""
        return self.written.decode().splitlines()

    @property
    def errors(self) -> bytes:
        """What the command wrote to a standard error of its own."""
        return Path(str(self.error_output.name)).read_bytes()

    def wrote(self, lines: int) -> list[str]:
        """Return what the command wrote, as soon as that many lines are there."""
        until(lambda: self.written.count(b"\n") >= lines)
        return self.lines

    def end(self) -> Outcome:
        """Return the outcome, as soon as there is one."""
        if self.thread is not None:
            self.thread.join(PATIENCE)
        assert self.outcome is not None, "the run did not end"
        return self.outcome


class Bench:
    """Runs commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs: list[Run] = []

    def run(self, command: str | Sequence[str], **options: Any) -> Run:
        """Run a command to its end."""
        run, execute = self._prepare(command, **options)
        run.outcome = execute()
        return run

    def start(self, command: str | Sequence[str], **options: Any) -> Run:
        """Run a command on a thread of its own."""
        run, execute = self._prepare(command, **options)
        run.thread = threading.Thread(target=lambda: setattr(run, "outcome", execute()))
        run.thread.start()
        return run

    def end(self, handle: str) -> None:
        """End what is left of a run, as the worker does that took it over."""
        SubprocessExecutor(Subprocess()).end(handle, job("true"))

    until = staticmethod(until)
    is_running = staticmethod(is_running)

    def close(self) -> None:
        """End what runs, and give everything back."""
        for run in self._runs:
            run.cancelled.set()
            if run.thread is not None:
                run.thread.join(PATIENCE)
            self.end(f"lease:{run.lease}")
            run.cancelled.close()
            run.output.close()
            run.error_output.close()

    def _prepare(
        self,
        command: str | Sequence[str],
        *,
        cwd: str | None = ".",
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        ready: int = 0,
        kill_after: float = 10.0,
        max_output: int = 100 * 2**20,
        split: bool = False,
        recording: Callable[[Run], None] | None = None,
    ) -> tuple[Run, Callable[[], Outcome]]:
        """Make a run; its time, where it has one, begins anew once the command has written `ready` lines."""
        lease = f"bench{os.getpid()}x{id(self)}.{len(self._runs) + 1}"
        stem = self.folder / lease.replace(".", "-")
        run = Run(
            output=FileIO(f"{stem}.out", "a"),
            error_output=FileIO(f"{stem}.err", "a"),
            env={"PATH": os.environ["PATH"], "QUEUECTL_LEASE": lease, **(env or {})},
            recording=recording,
            ready=ready,
            timeout=timeout,
            deadline=None if timeout is None or ready else time.monotonic() + timeout,
        )
        self._runs.append(run)
        settings = Subprocess(kill_after=Duration(kill_after), max_output=Size(max_output), split=split)
        executor = SubprocessExecutor(settings)
        subject = job(command, cwd=None if cwd is None else os.path.join(self.folder, cwd))
        return run, lambda: executor.execute(subject, run)


def job(command: str | Sequence[str], cwd: str | None = None) -> Job:
    """Return a job as a worker has it."""
    return Job(
        id="job",
        command=command if isinstance(command, str) else tuple(command),
        cwd=cwd,
        state=State.PROCESSING,
        queue="default",
        priority=0,
        attempts=0,
        max_retries=3,
        created_at=0.0,
        updated_at=0.0,
    )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a bench, and see that nothing is left of what ran on it."""
    before, children = _descriptors(), _children()
    bench = Bench(tmp_path)
    try:
        yield bench
    finally:
        bench.close()
    assert _descriptors() == before
    assert _children() <= children


def _children() -> set[str]:
    """Return the children of this process, zombies too; the tests before may have left helpers of their own."""
    found: set[str] = set()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has just ended
            found.update((thread / "children").read_text(encoding="ascii").split())
    return found


def _descriptors() -> set[str]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except FileNotFoundError:
            continue
    return found
