"""queuectl: run commands in the background and do not lose them.

What programs need is `open`; what plugin authors need is `Provider`, `hookimpl` and the four seams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from queuectl.errors import (
    ConfigError,
    ConflictError,
    NotFoundError,
    PluginError,
    QueuectlError,
    StorageBusyError,
    StorageError,
    StorageRefusedError,
    UsageError,
    WaitTimeoutError,
)
from queuectl.hookspecs import API_VERSION, Context, Provider, hookimpl
from queuectl.model.attempt import OUTPUT_TAIL, Attempt, Output, Result, Run
from queuectl.model.backoff import Backoff, Failure
from queuectl.model.event import EVENT_NAMES, Event
from queuectl.model.executor import Cancelled, EndingExecutor, Executor, OutputFile, RunContext
from queuectl.model.job import DEFAULT_QUEUE, FINAL, LIVE, BackoffChoice, Command, Job, NewJob, State
from queuectl.model.lease import Ask, Beat, Claim, Exchange, Lease, Settlement, Verdict
from queuectl.model.notifier import Notifier
from queuectl.model.outcome import Outcome
from queuectl.model.query import ALLOWED, Action, Bucket, Changed, Edit, Group, Page, Query, QueueState
from queuectl.model.storage import CAPABILITIES, Storage
from queuectl.model.worker import NewWorker, Role, StopMode, Worker
from queuectl.units import Duration, Size

if TYPE_CHECKING:
    from queuectl.engine.queue import Queue, open

__version__ = "0.1.0"

__all__ = [
    "ALLOWED",
    "API_VERSION",
    "CAPABILITIES",
    "DEFAULT_QUEUE",
    "EVENT_NAMES",
    "FINAL",
    "LIVE",
    "OUTPUT_TAIL",
    "Action",
    "Ask",
    "Attempt",
    "Backoff",
    "BackoffChoice",
    "Beat",
    "Bucket",
    "Cancelled",
    "Changed",
    "Claim",
    "Command",
    "ConfigError",
    "ConflictError",
    "Context",
    "Duration",
    "Edit",
    "EndingExecutor",
    "Event",
    "Exchange",
    "Executor",
    "Failure",
    "Group",
    "Job",
    "Lease",
    "NewJob",
    "NewWorker",
    "NotFoundError",
    "Notifier",
    "Outcome",
    "Output",
    "OutputFile",
    "Page",
    "PluginError",
    "Provider",
    "Query",
    "Queue",
    "QueueState",
    "QueuectlError",
    "Result",
    "Role",
    "Run",
    "RunContext",
    "Settlement",
    "Size",
    "State",
    "StopMode",
    "Storage",
    "StorageBusyError",
    "StorageError",
    "StorageRefusedError",
    "UsageError",
    "Verdict",
    "WaitTimeoutError",
    "Worker",
    "hookimpl",
    "open",
]


def __getattr__(name: str) -> Any:
    """Import the engine when it is first asked for: plugins and the model do without."""
    if name in {"open", "Queue"}:
        from queuectl.engine import queue  # noqa: PLC0415  # see the docstring

        return getattr(queue, name)
    raise AttributeError(f"module 'queuectl' has no attribute '{name}'")
