"""The executor seam: what running a job means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from queuectl.model.job import Job
from queuectl.model.outcome import Outcome


class OutputFile(Protocol):
    """An unbuffered binary file that only appends."""

    def write(self, data: bytes, /) -> int | None:
        """Append bytes."""
        ...

    def fileno(self) -> int:
        """Return the descriptor, for a child process to inherit."""
        ...


class ReopenableFile(OutputFile, Protocol):
    """What a worker gives for an output: a child process may open it by itself."""

    def reopening(self) -> str | None:
        """Return a path by which a process that was just forked opens the file for appending; None if there is none.

        It is good until that process executes a program. An executor that uses it, and never asks for `fileno`, spares
        the worker a new file for the next run where nothing was written.
        """
        ...


class Cancelled(Protocol):
    """Tells a running executor that it must end the job now."""

    def is_set(self) -> bool:
        """Whether the job must end."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the job must end, or for `timeout` seconds; return whether it must."""
        ...

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when the job must end, for use with `poll`."""
        ...


class RunContext(Protocol):
    """What an executor is given for one run."""

    @property
    def number(self) -> int:
        """The attempt's number, which counts 1, 2, 3 … over the life of the job."""
        ...

    @property
    def output(self) -> OutputFile:
        """Where standard output, and error unless kept apart, go."""
        ...

    @property
    def error_output(self) -> OutputFile:
        """A second file for standard error; it exists from the first use of this property."""
        ...

    @property
    def cancelled(self) -> Cancelled:
        """Set when the run must end early."""
        ...

    @property
    def deadline(self) -> float | None:
        """When the time is up, on the clock of `time.monotonic()`; None for no limit."""
        ...

    @property
    def env(self) -> Mapping[str, str]:
        """The whole environment for the command."""
        ...

    def record(self, handle: str) -> None:
        """Note what now runs and would outlive this process, in words that `end` understands.

        At most 400 bytes of UTF-8. Call it as soon as there is something to note.
        """
        ...


class Executor(Protocol):
    """Runs one job at a time per call; called on a thread per running job, inline when concurrency is 1."""

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Run the job to its end and tell how it ended.

        Raising, or returning something that is no `Outcome`, fails the attempt, never the worker.
        """
        ...


@runtime_checkable
class EndingExecutor(Protocol):
    """An executor that can end what a dead worker left running."""

    def end(self, handle: str, job: Job) -> None:
        """Make sure that what `handle` names no longer runs; return only then. Idempotent.

        `handle` is what `record` was given, or, for a run that was caught before it could record one,
        `lease:TOKEN`, where `TOKEN` stands in the run's environment as `QUEUECTL_LEASE`.
        """
        ...
