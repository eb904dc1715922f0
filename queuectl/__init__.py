"""queuectl: run commands in the background and do not lose them.

What programs need is `open`; what plugin authors need is `Provider`, `hookimpl` and the four seams. Each name is
imported when it is first asked for: a command that enqueues one job must not pay for what workers need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from queuectl.engine.console import Console
    from queuectl.engine.queue import Queue, open
    from queuectl.errors import (
        ConfigError,
        ConflictError,
        NotFoundError,
        PluginError,
        QueuectlError,
        ReadOnlyError,
        StorageBusyError,
        StorageError,
        StorageGoneError,
        StorageRefusedError,
        UsageError,
        WaitTimeoutError,
    )
    from queuectl.hookspecs import API_VERSION, Context, Provider, hookimpl
    from queuectl.model.attempt import OUTPUT_TAIL, Attempt, Output, Result, Run
    from queuectl.model.backoff import Backoff, Failure
    from queuectl.model.diagnosis import DiagnosedStorage, Finding, Health
    from queuectl.model.event import EVENT_NAMES, Event
    from queuectl.model.executor import Cancelled, EndingExecutor, Executor, OutputFile, ReopenableFile, RunContext
    from queuectl.model.fresh import FreshJobs
    from queuectl.model.job import DEFAULT_QUEUE, FINAL, LIVE, BackoffChoice, Command, Job, NewJob, State
    from queuectl.model.lease import Ask, Beat, Claim, Exchange, Lease, Settlement, Verdict
    from queuectl.model.notifier import Notifier
    from queuectl.model.outcome import Outcome
    from queuectl.model.query import ALLOWED, Action, Backlog, Bucket, Changed, Edit, Group, Page, Query, QueueState
    from queuectl.model.storage import CAPABILITIES, BackloggedStorage, Storage
    from queuectl.model.transfer import AdoptingStorage, Moved
    from queuectl.model.worker import NewWorker, Role, StopMode, Worker
    from queuectl.units import Duration, Size

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
    "AdoptingStorage",
    "Ask",
    "Attempt",
    "Backlog",
    "BackloggedStorage",
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
    "Console",
    "Context",
    "DiagnosedStorage",
    "Duration",
    "Edit",
    "EndingExecutor",
    "Event",
    "Exchange",
    "Executor",
    "Failure",
    "Finding",
    "FreshJobs",
    "Group",
    "Health",
    "Job",
    "Lease",
    "Moved",
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
    "ReadOnlyError",
    "ReopenableFile",
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
    "StorageGoneError",
    "StorageRefusedError",
    "UsageError",
    "Verdict",
    "WaitTimeoutError",
    "Worker",
    "hookimpl",
    "open",
]

_HOMES = {
    "queuectl.errors": (
        "ConfigError ConflictError NotFoundError PluginError QueuectlError ReadOnlyError "
        "StorageBusyError StorageError StorageGoneError StorageRefusedError UsageError WaitTimeoutError"
    ),
    "queuectl.hookspecs": "API_VERSION Context Provider hookimpl",
    "queuectl.model.attempt": "OUTPUT_TAIL Attempt Output Result Run",
    "queuectl.model.backoff": "Backoff Failure",
    "queuectl.model.diagnosis": "DiagnosedStorage Finding Health",
    "queuectl.model.event": "EVENT_NAMES Event",
    "queuectl.model.executor": "Cancelled EndingExecutor Executor OutputFile ReopenableFile RunContext",
    "queuectl.model.fresh": "FreshJobs",
    "queuectl.model.job": "DEFAULT_QUEUE FINAL LIVE BackoffChoice Command Job NewJob State",
    "queuectl.model.lease": "Ask Beat Claim Exchange Lease Settlement Verdict",
    "queuectl.model.notifier": "Notifier",
    "queuectl.model.outcome": "Outcome",
    "queuectl.model.query": "ALLOWED Action Backlog Bucket Changed Edit Group Page Query QueueState",
    "queuectl.model.storage": "CAPABILITIES BackloggedStorage Storage",
    "queuectl.model.transfer": "AdoptingStorage Moved",
    "queuectl.model.worker": "NewWorker Role StopMode Worker",
    "queuectl.units": "Duration Size",
    "queuectl.engine.console": "Console",
    "queuectl.engine.queue": "Queue open",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Import a public name from where it is at home."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'queuectl' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
