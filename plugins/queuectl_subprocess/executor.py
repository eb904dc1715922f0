"""The executor: one call runs one command from its start to the status that it left."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress

from queuectl import Job, Outcome, OutputFile, RunContext
from queuectl_subprocess import Subprocess, kernel
from queuectl_subprocess.ending import end_lease, end_running
from queuectl_subprocess.running import Running
from queuectl_subprocess.spawning import StartError, spawn
from queuectl_subprocess.trimming import Trimmer
from queuectl_subprocess.watching import Watch

if sys.platform == "win32":
    raise ImportError("jobs run on Linux and macOS only")

LONGEST_FULL = 30.0
"""Seconds to wait for a system that has no room for another process: then the run has failed."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_LEASE = "lease:"
_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024


class SubprocessExecutor:
    """Runs commands as processes of this host."""

    def __init__(self, settings: Subprocess) -> None:
        self._settings = settings

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Run the command, and end it when its time is up or it is cancelled.

        On a time-out its whole session gets SIGTERM, and SIGKILL after `kill_after`; on a cancel SIGKILL follows after
        half a second at most. What a command leaves behind in the background when it ends by itself lives on.
        """
        output = _opening(context.output)
        error_output = _opening(context.error_output) if self._settings.split else None
        earliest = kernel.now()
        try:
            pid = _start(job, context, output, error_output)
        except StartError as error:
            return Outcome(exit_code=error.exit_code, error=str(error))
        try:
            lease = context.env.get("QUEUECTL_LEASE", "")
            context.record(str(Running(pid, earliest, kernel.now(), kernel.boot(), lease)))
            files = [output] if error_output is None else [output, error_output]
            trimmers = [Trimmer(file, self._settings.max_output) for file in files]
            with closing(Watch(pid, context, trimmers)) as watch:
                timed_out = watch.until_exit(self._settings.kill_after)
        except BaseException:
            _abandon(pid)
            raise
        return _collect(pid, timed_out=timed_out)

    def end(self, handle: str, job: Job) -> None:
        """Make sure that what `handle` names no longer runs, wherever the processes of the job went."""
        if handle.startswith(_LEASE):
            end_lease(handle.removeprefix(_LEASE))
        else:
            end_running(Running.parse(handle))


def _opening(file: OutputFile) -> int | str:
    """Return by what a command gets at its output: a path, so that it is seen who has the file, else a descriptor."""
    reopening: Callable[[], str | None] | None = getattr(file, "reopening", None)  # a wrapper's own file has none
    path = None if reopening is None else reopening()
    return file.fileno() if path is None else path


def _start(job: Job, context: RunContext, output: int | str, error_output: int | str | None) -> int:
    """Start the command, and return its process id; wait a while for a system that is full, as one job can make it."""
    deadline = min(time.monotonic() + LONGEST_FULL, math.inf if context.deadline is None else context.deadline)
    pause = _FIRST_PAUSE
    while True:
        try:
            return spawn(job.command, env=context.env, cwd=job.cwd, output=output, error_output=error_output)
        except StartError as error:
            left = deadline - time.monotonic()
            if not error.passing or left <= 0 or context.cancelled.wait(min(pause, left)):
                raise
        pause = min(2 * pause, _LONGEST_PAUSE)


def _collect(pid: int, *, timed_out: bool) -> Outcome:
    try:
        _, status, usage = os.wait4(pid, 0)
    except ChildProcessError:
        return Outcome(error="its exit status was lost: this process ignores SIGCHLD", timed_out=timed_out, pid=pid)
    code = os.waitstatus_to_exitcode(status)
    return Outcome(
        exit_code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        timed_out=timed_out,
        cpu_time=usage.ru_utime + usage.ru_stime,
        peak_memory=usage.ru_maxrss * _MEMORY_UNIT,
        pid=pid,
    )


def _abandon(pid: int) -> None:
    """End a command that nobody watches any more."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)
