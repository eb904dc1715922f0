"""The wrappers around a run, each answerable for what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from queuectl.errors import PluginError
from queuectl.model.executor import RunContext
from queuectl.model.job import Job
from queuectl.model.outcome import Outcome
from queuectl.registry.blame import brief
from queuectl.registry.found import Entry
from queuectl.registry.outcomes import fault_in

Run = Callable[[Job, RunContext], Outcome]
"""What runs a job: the executor, or a wrapper around another run."""

Within = Callable[[Run, Job, RunContext], Any]
"""Runs a job by a run, inside one plugin's wrappers."""


class WrapperError(PluginError):
    """A wrapper raised, or returned something that is no outcome."""


@dataclass(slots=True)
class _Inside:
    """The run inside a wrapper, and what came out of it."""

    run: Run
    raised: BaseException | None = field(default=None)

    def __call__(self, job: Job, context: RunContext) -> Outcome:
        try:
            return self.run(job, context)
        except BaseException as error:
            self.raised = error
            raise


def around(entry: Entry, within: Within, run: Run) -> Run:
    """Put a plugin's wrappers around a run.

    What the run inside raises passes through as it is. Raises WrapperError, naming the plugin, for what its wrappers
    raise or return themselves.
    """

    def execute(job: Job, context: RunContext) -> Outcome:
        inside = _Inside(run)
        try:
            outcome = within(inside, job, context)
        except BaseException as error:
            if error is inside.raised:
                raise
            raise WrapperError(f"{entry} raised in queuectl_execute: {brief(error)}") from error
        fault = fault_in(outcome)
        if fault is not None:
            raise WrapperError(f"{entry} returned {fault} from queuectl_execute")
        return outcome  # type: ignore[no-any-return]  # it was looked at

    return execute
