"""PythonExecutor: one call of `execute` is one process, from its start to its end."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from queuectl import Job, Outcome, RunContext

from queuectl_example.python import Python
from queuectl_example.python.marks import Marks

CHILD = Path(__file__).with_name("call.py")

CANCEL_GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL of a cancelled run: a worker promises to end it within one second."""

_LEASE = "lease:"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05


class PythonExecutor:
    """Calls functions. Safe to use from several threads: what belongs to one run is in that call alone."""

    def __init__(self, settings: Python, folder: Path) -> None:
        self._settings = settings
        self._marks = Marks(folder)

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Call the function; end its process, and all of its group, when its time is up or it is cancelled."""
        lease = context.env["QUEUECTL_LEASE"]
        try:
            process = self._start(job, context, lease)
        except OSError as error:
            self._marks.remove(lease)
            return Outcome(error=f"cannot start a process: {error}")
        try:
            timed_out = self._watch(process, context)
        finally:
            self._marks.end(lease)  # should the watch have raised, somebody has one to end
            code = process.wait()
        return _outcome(code, process.pid, timed_out=timed_out)

    def end(self, handle: str, job: Job) -> None:
        """Make sure that nothing of a run is left. `handle` is `lease:TOKEN` here, recorded or not."""
        self._marks.end(handle.removeprefix(_LEASE))

    def _start(self, job: Job, context: RunContext, lease: str) -> subprocess.Popen[bytes]:
        with TemporaryFile() as told, self._marks.locked(lease) as mark:
            self._tell(told, job, mark)
            # From here on a process may run that would outlive us, and this is what `end` needs to find it.
            context.record(_LEASE + lease)
            return subprocess.Popen(
                [sys.executable, "-uP", CHILD],
                stdin=told,
                stdout=context.output.fileno(),
                stderr=subprocess.STDOUT,
                cwd=job.cwd,
                env=dict(context.env),
                pass_fds=[mark],
                start_new_session=True,
            )

    def _tell(self, told: IO[bytes], job: Job, mark: int) -> None:
        """Write down what the child reads: a file cannot be too full to write to, as a pipe can."""
        function, *words = [job.command] if isinstance(job.command, str) else job.command
        search = [str(path) for path in self._settings.search]
        call = {"function": function, "words": words, "arguments": dict(self._settings.arguments)}
        told.write(json.dumps(call | {"search": search, "mark": mark}).encode())
        told.seek(0)

    def _watch(self, process: subprocess.Popen[bytes], context: RunContext) -> bool:
        """Return when the process has ended, or was ended; whether that was because its time was up."""
        deadline = math.inf if context.deadline is None else context.deadline
        pause = _FIRST_PAUSE
        while not _has_exited(process):
            if context.cancelled.wait(pause):
                _end(process, min(CANCEL_GRACE, float(self._settings.kill_after)))
                return False
            if time.monotonic() >= deadline:
                _end(process, float(self._settings.kill_after))
                return True
            pause = min(2 * pause, _LONGEST_PAUSE)
        return False


def _has_exited(process: subprocess.Popen[bytes]) -> bool:
    """Look whether the process has exited, but leave its status: until that is fetched nobody gets its number."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    """Ask the whole group to end, and kill what is left of it when the time of grace is over."""
    _signal(process, signal.SIGTERM)
    until = time.monotonic() + grace
    while time.monotonic() < until and not _has_exited(process):
        time.sleep(_FIRST_PAUSE)
    _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _outcome(code: int, pid: int, *, timed_out: bool) -> Outcome:
    """Tell how it ended: `Popen` gives the negative of a signal, an outcome has a field for it."""
    if code < 0:
        return Outcome(signal=-code, timed_out=timed_out, pid=pid)
    return Outcome(exit_code=code, timed_out=timed_out, pid=pid)
