"""A plugin that writes a worker's part of the history: each run around its executor, and what is told of transitions.

It is an ordinary third party's plugin: the house installs it as a distribution of its own, and names it in the YAML.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.chaos.journal import Journal, now
from benchmarks.chaos.lines import Missed, Returned, Taken, Told
from queuectl import Event, Job, Outcome, RunContext, hookimpl


@cache
def journal() -> Journal:
    """Return this worker's file."""
    return Journal(Path(os.environ["CHAOS_HISTORY"]) / f"worker-{os.getpid()}.jsonl")


@hookimpl(wrapper=True)
def queuectl_execute(job: Job, context: RunContext) -> Generator[None, Outcome, Outcome]:
    """Note that a command is about to start, and how it ended."""
    names: dict[str, Any] = {"job": job.id, "attempt": context.number, "lease": context.env["QUEUECTL_LEASE"]}
    journal().write(Taken(**names, **now()))
    outcome = yield
    journal().write(
        Returned(
            **names,
            exit_code=outcome.exit_code,
            signal=outcome.signal,
            error=outcome.error,
            timed_out=outcome.timed_out,
            **now(),
        )
    )
    return outcome


@hookimpl
def queuectl_notify(event: Event) -> None:
    """Note a transition."""
    line = told(event)
    if line is not None:
        journal().write(line)


def told(event: Event) -> Told | Missed | None:
    """Return what an event tells of a job, or of a worker that was lost; None for the other events."""
    if event.name == "worker.lost" and event.worker is not None:
        return Missed(id=event.id, worker=event.worker, **now())
    if event.job is None:
        return None
    return Told(
        id=event.id,
        name=event.name,
        at=event.at,
        job=event.job.id,
        attempt=event.attempt,
        token=event.job.lease,
        state=event.job.state.value,
        attempts=event.job.attempts,
        **now(),
    )
