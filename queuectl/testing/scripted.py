"""ScriptedExecutor: an executor that does what a test wrote down."""

from __future__ import annotations

import threading

from queuectl.model.executor import RunContext
from queuectl.model.job import Job
from queuectl.model.outcome import Outcome


class ScriptedExecutor:
    """Runs nothing: gives the outcomes of its script in order, and raises the exceptions that stand in it.

        executor = ScriptedExecutor(Outcome(exit_code=1), OSError("no host"), Outcome(exit_code=0))

    `jobs` are those that it was given, in order. Safe to use from several threads.
    """

    def __init__(self, *script: Outcome | Exception) -> None:
        self.jobs: list[Job] = []
        self._script = script
        self._lock = threading.Lock()

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Return or raise what is next. Raises LookupError when the script is over."""
        with self._lock:
            place = len(self.jobs)
            self.jobs.append(job)
        if place >= len(self._script):
            raise LookupError(f"the script has {len(self._script)} outcomes, and this is run {place + 1}")
        ending = self._script[place]
        if isinstance(ending, Exception):
            raise ending
        return ending
