"""Ending a worker that still lives, although its leases were given to somebody else.

It was stopped, or swapped out, for longer than its lease, and it may have been about to start a command. No look of its
own at its lease can help it if it is stopped between that look and the start. So it is killed before its jobs may run
again: when it came back it would only find that it was given up for dead, and end.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import msgspec

from queuectl.engine import ledger

LONGEST_DEATH = 2.0
"""Seconds that a killed worker has to be gone."""


def end_overdue(run: Path, incarnation: str, boot: str) -> int | None:
    """Kill a worker of this host that was taken over, and return its process when it is gone, None if nobody was there.

    Passed over is who is out of reach: a worker of another host, of another user, or of a container of its own; and a
    survivor that holds the lock of a dead one at this moment, to look after it. Raises OSError when it was killed and
    does not go.
    """
    pid = ledger.holder(run, incarnation)
    if pid is None or pid != _writer(run, incarnation, boot):
        return None
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return None
    deadline = time.monotonic() + LONGEST_DEATH
    while ledger.is_alive(run, incarnation):
        if time.monotonic() > deadline:
            raise OSError(f"the worker was killed, and is still there: process {pid}")
        time.sleep(0.001)
    return pid


def _writer(run: Path, incarnation: str, boot: str) -> int | None:
    """Return the process whose ledger it is, None where its number means nothing: hosts may share a directory."""
    try:
        record = ledger.read(run, incarnation)
    except (msgspec.MsgspecError, TypeError):  # of another version, in words that this one does not know
        return None
    return record.pid if record is not None and record.boot == boot else None
