"""A flag that says that a run must end, with a descriptor to poll for it."""

from __future__ import annotations

import math
import os
import select
import threading
from typing import Literal

Reason = Literal["cancel", "stop", "lost"]
"""cancel: a person cancelled the job. stop: the worker must end now. lost: the lease is somebody else's."""


class CancelFlag:
    """Set at most once for each run; cleared when its slot takes the next."""

    def __init__(self) -> None:
        """Open the pipe that `fileno` shows."""
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK) if hasattr(os, "pipe2") else _pipe()
        self._lock = threading.Lock()
        self.reason: Reason | None = None

    def set(self, reason: Reason) -> None:
        """Ask the run to end; the first reason counts, but a lost lease outweighs any."""
        with self._lock:
            if self.reason is None:
                # Before the write: who polls may be done with the run, and ask why, before we go on.
                self.reason = reason
                os.write(self._write, b"x")
            elif reason == "lost":
                self.reason = reason

    def clear(self) -> None:
        """Make the flag ready for the next run."""
        with self._lock:
            if self.reason is not None:
                os.read(self._read, 1)
                self.reason = None

    def is_set(self) -> bool:
        """Whether the run must end."""
        return self.reason is not None

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the run must end, or for `timeout` seconds; return whether it must."""
        poll = select.poll()  # select knows no descriptor above 1023
        poll.register(self._read, select.POLLIN)
        poll.poll(None if timeout is None else math.ceil(timeout * 1000))
        return self.is_set()

    def fileno(self) -> int:
        """Return a descriptor that is readable while the run must end."""
        return self._read

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._read)
        os.close(self._write)


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write
