"""Watching over a command until it has exited: its time, a cancel, and the end of all that belongs to it."""

from __future__ import annotations

import math
import os
import select
import signal
import sys
import time
from collections.abc import Sequence

from queuectl import RunContext
from queuectl_subprocess import kernel
from queuectl_subprocess.trimming import Trimmer

if sys.platform == "win32":
    raise ImportError("jobs run on Linux and macOS only")

CANCEL_GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL of a cancelled command: a worker promises to end it within one second."""

_TRIM_EVERY = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.1
_LONGEST_DEATH = 2.0
"""Seconds that what was killed has to be gone: a process that the kernel holds goes when the kernel lets it."""


class Watch:
    """Watches one child, the leader of its session and group, and ends the session when it has to.

    The child is left a zombie, for the caller to collect its status: until then neither its number nor that of its
    group and session can go to anybody else, so that no signal ever hits a stranger.
    """

    def __init__(self, pid: int, context: RunContext, trimmers: Sequence[Trimmer]) -> None:
        self._pid = pid
        self._deadline = math.inf if context.deadline is None else context.deadline
        self._trimmers = trimmers
        self._exited = False
        self._cancelled = False
        self._pause = _FIRST_PAUSE
        self._poll = select.poll()
        self._poll.register(context.cancelled.fileno(), select.POLLIN)
        self._descriptor = kernel.exit_descriptor(pid)
        if self._descriptor is not None:
            self._poll.register(self._descriptor, select.POLLIN)

    def close(self) -> None:
        """Give the descriptor back, and drop what was written too much since the last look."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._trim()

    def until_exit(self, kill_after: float) -> bool:
        """Return when the child has exited or was killed; whether that was because its time was up."""
        while not self._exited and not self._cancelled:
            if time.monotonic() >= self._deadline:
                self._end(kill_after)
                return True
            self._wait(min(self._deadline, time.monotonic() + _TRIM_EVERY))
            if not self._exited:  # else `close` is soon to do it
                self._trim()
        if not self._exited:
            self._end(min(kill_after, CANCEL_GRACE))
        return False

    def _wait(self, until: float) -> None:
        """Wait for the exit or for a cancel, until a moment on the monotonic clock."""
        seconds = max(0.0, until - time.monotonic())
        if self._descriptor is None:
            seconds = min(seconds, self._next_pause())
        for descriptor, _ in self._poll.poll(math.ceil(seconds * 1000)):
            self._exited = self._exited or descriptor == self._descriptor
            self._cancelled = self._cancelled or descriptor != self._descriptor
            self._poll.unregister(descriptor)  # it would stay readable
        if self._descriptor is None and not self._exited:
            self._exited = kernel.process(self._pid) is None

    def _trim(self) -> None:
        for trimmer in self._trimmers:
            trimmer.trim()

    def _end(self, grace: float) -> None:
        """Ask the whole session to end, and kill what is left of it when the time of grace is over."""
        kill_at = time.monotonic() + grace
        self._pause = _FIRST_PAUSE
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # one that is stopped could not hear the other
        while time.monotonic() < kill_at and (not self._exited or self._has_company()):
            until = min(kill_at, time.monotonic() + (self._next_pause() if self._exited else _TRIM_EVERY))
            self._wait(until)
            self._trim()
            if self._cancelled:
                kill_at = min(kill_at, time.monotonic() + CANCEL_GRACE)
        self._kill()

    def _kill(self) -> None:
        """Kill, and look again until nobody is left: who is in no group of the leader's may have forked meanwhile."""
        deadline = time.monotonic() + _LONGEST_DEATH
        self._pause = _FIRST_PAUSE
        while self._signal(signal.SIGKILL) and time.monotonic() < deadline:
            time.sleep(self._next_pause())

    def _next_pause(self) -> float:
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        return pause

    def _has_company(self) -> bool:
        return any(process.session == self._pid for process in kernel.processes())

    def _signal(self, number: signal.Signals) -> bool:
        """Send a signal to all of the session; whether it reached somebody beside the group of its leader.

        A shell with job control, or `timeout`, opens groups of its own there.
        """
        _send(self._pid, number)
        groups = {process.group for process in kernel.processes() if process.session == self._pid} - {self._pid}
        reached = [group for group in groups if _send(group, number)]
        return bool(reached)


def _send(group: int, number: signal.Signals) -> bool:
    """Send a signal to a group; whether anybody got it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # nobody there is ours to signal any more: it runs as somebody else
        return False
    return True
