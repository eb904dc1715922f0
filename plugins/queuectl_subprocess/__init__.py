"""The built-in executor: each job is a process on the worker's host, in a session of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from queuectl import Context, Duration, Executor, Provider, Size, hookimpl

queuectl_api = 1


@dataclass(frozen=True, kw_only=True)
class Subprocess:
    """How commands are run and ended, and how much of their output is kept."""

    kill_after: Annotated[
        Duration, Meta(description="after a time-out, how long a command may take over SIGTERM before SIGKILL follows")
    ] = Duration(10)
    max_output: Annotated[
        Size, Meta(description="beyond this size the middle of a run's output is dropped, once a second")
    ] = Size("100MiB")
    split: Annotated[bool, Meta(description="whether standard error is kept apart from standard output")] = False


def create(settings: Subprocess, context: Context) -> Executor:
    """Build the executor."""
    from queuectl_subprocess.executor import SubprocessExecutor  # brings ctypes, which only workers need

    return SubprocessExecutor(settings)


@hookimpl
def queuectl_executors() -> Iterable[Provider]:
    """Offer the executor `subprocess`."""
    yield Provider("subprocess", Subprocess, create, summary="a process on the worker's host, in a session of its own")
