"""The executor `python`: a job is a function, called in a process of its own.

    queuectl enqueue '{"command": "shutil:rmtree", "options": {"arguments": {"path": "/tmp/scratch"}}}'
    queuectl enqueue -- platform:platform

A process of its own, because a function that runs in the worker could be neither cancelled nor stopped at its deadline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta
from queuectl import Context, Duration, Executor, Provider, hookimpl

queuectl_api = 1


@dataclass(frozen=True, kw_only=True)
class Python:
    """What `executor:` may say beside `plugin: python`, and a job in its `options`, which stand over that."""

    arguments: Annotated[Mapping[str, Any], Meta(description="the function's arguments by name")] = field(
        default_factory=dict
    )
    search: Annotated[
        tuple[Path, ...], Meta(description="folders to import from, before the job's directory and all others")
    ] = ()
    kill_after: Annotated[
        Duration, Meta(description="after a time-out, how long a function may take over SIGTERM before SIGKILL follows")
    ] = Duration("10s")


def create(settings: Python, context: Context) -> Executor:
    """Build the executor. One is built for each way in which jobs set their options, and used for all such jobs."""
    from queuectl_example.python.executor import PythonExecutor

    return PythonExecutor(settings, context.data / "python")


@hookimpl
def queuectl_executors() -> Iterable[Provider]:
    """Offer the executor under the name of its entry point."""
    yield Provider("python", Python, create, summary="calls a function, `module:name`, in a process of its own")
