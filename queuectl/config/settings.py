"""The core's own sections: keys, types, limits, defaults and help.

Structs, not dataclasses as in plugins: every call of the command line defines them, and they take a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from queuectl.units import Duration

INTEGER = 2**31 - 1
"""The largest integer that a key takes, so that every storage can keep it."""

Code = Annotated[int, Meta(ge=1, le=INTEGER)]


class JobDefaults(Struct, frozen=True, kw_only=True):
    """Defaults for new jobs, and which exit codes are worth another run. A queue may have its own."""

    max_retries: Annotated[
        int, Meta(ge=0, le=INTEGER, description="runs after the first before a failing job is dead")
    ] = 3
    timeout: Annotated[Duration | None, Meta(gt=0, description="how long a run may take; null means for ever")] = None
    priority: Annotated[int, Meta(ge=-INTEGER, le=INTEGER, description="higher runs first")] = 0
    retry_on: Annotated[
        tuple[Code, ...] | None, Meta(description="retry only after these exit codes; null means after all")
    ] = None
    give_up_on: Annotated[tuple[Code, ...], Meta(description="exit codes after which a job is dead at once")] = ()


class WorkerSettings(Struct, frozen=True, kw_only=True):
    """What `worker start` starts, unless its flags say otherwise."""

    count: Annotated[int, Meta(ge=1, le=1024, description="worker processes")] = 1
    concurrency: Annotated[int, Meta(ge=1, le=1024, description="jobs that each worker runs at once")] = 1
    lease: Annotated[
        Duration, Meta(ge=0.1, description="after how long without a sign of life another host takes over a job")
    ] = Duration(30.0)
    outputs: Annotated[
        Path | None,
        Meta(
            description="a directory that all hosts share, under one path, for whole outputs; "
            "null means that each keeps them in its data directory"
        ),
    ] = None


class Retention(Struct, frozen=True, kw_only=True):
    """How long finished jobs are kept. Dead jobs stay until they are purged."""

    completed: Annotated[Duration | None, Meta(description="how long completed jobs are kept; null means for ever")] = (
        Duration(30 * 86400.0)
    )
    cancelled: Annotated[Duration | None, Meta(description="how long cancelled jobs are kept; null means for ever")] = (
        Duration(30 * 86400.0)
    )


CORE: Mapping[str, type[Struct]] = {"jobs": JobDefaults, "worker": WorkerSettings, "retention": Retention}
"""The sections that no plugin has a part in."""

PLUGGED = {"storage": "sqlite", "executor": "subprocess", "backoff": "exponential"}
"""The sections that select a plugin, with the one that serves when none is named."""

PER_QUEUE = ("executor", "backoff")
"""The sections that a queue may have too, beside the keys of `jobs`."""

NOTIFICATIONS = ({"plugin": "log", "events": ["job.failed", "job.dead", "job.lost", "worker.lost"]},)
"""Who is notified where the configuration does not say."""

SECTIONS = {
    "storage": "where jobs are kept; `plugin` selects the storage, the other keys are its settings",
    "executor": "how a job is run; `plugin` selects the executor, the other keys are its settings",
    "backoff": "how long a failed job waits; `plugin` selects the backoff, the other keys are its settings",
    "notifications": "who is told of events: a list of plugins with their settings, and `events` to narrow each down",
    "jobs": "defaults for new jobs",
    "worker": "what `worker start` starts, unless its flags say otherwise",
    "retention": "how long finished jobs are kept; dead jobs stay until they are purged",
    "queues": "queues that differ, by name: any key of `jobs`, and a `backoff` and `executor` of their own",
    "plugins": "listeners and wrappers to load besides, by entry-point name",
}
"""The sections of the file, in the order in which they are shown."""
