"""The wrapper `stopwatch`: logs how long each run took, whatever the executor.

It is loaded where `plugins:` lists it. Wrappers have no settings, since no section belongs to them.
"""

from __future__ import annotations

import time
from collections.abc import Generator

from queuectl import Job, Outcome, RunContext, hookimpl

queuectl_api = 1


@hookimpl(wrapper=True)
def queuectl_execute(job: Job, context: RunContext) -> Generator[None, Outcome, Outcome]:
    """Run what is inside at `yield`, and return its outcome, or another one.

    What is raised here fails the attempt. What the executor raises comes out of `yield`: `finally` sees that too.
    """
    import structlog  # the log of workers; it brings asyncio, and `queuectl enqueue` imports this module as well

    began = time.monotonic()
    try:
        return (yield)
    finally:
        seconds = round(time.monotonic() - began, 3)
        # The worker adds the job and the attempt to all that is logged while it runs one.
        structlog.get_logger("queuectl_example").info("stopwatch", queue=job.queue, seconds=seconds)
