"""Ending what a dead worker left running: every process of the run, and none that merely got its number.

The run's processes are those in the session that its leader opened, and those that carry its lease in their
environment, wherever they went. A session's number goes to nobody else while any process is left in it: a process that
has the leader's number but another start proves that the session is empty. Where the leader is gone, the session is
the run's only if somebody in it carries the lease.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping

from queuectl_subprocess import kernel
from queuectl_subprocess.kernel import Process
from queuectl_subprocess.running import Running

if sys.platform == "win32":
    raise ImportError("jobs run on Linux and macOS only")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.1


def end_running(running: Running) -> None:
    """Kill what is left of a recorded run; return when it is gone."""
    if running.boot == kernel.boot():
        _end(running.lease, running)


def end_lease(lease: str) -> None:
    """Kill what is left of a run that was caught before it was recorded; return when it is gone."""
    _end(lease, None)


def _end(lease: str, running: Running | None) -> None:
    """Kill and look again until nobody is left, since whoever was not killed yet may have forked meanwhile.

    Processes that run as somebody else, so that they cannot be killed, are passed over.
    """
    out_of_reach: set[Process] = set()
    pause = _FIRST_PAUSE
    while left := _find(lease, running) - out_of_reach:
        out_of_reach.update(process for process in left if not _kill(process))
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _find(lease: str, running: Running | None) -> set[Process]:
    """Return what is left of the run, but never this process or one that it descends from."""
    alive = {process.pid: process for process in kernel.processes()}
    since = 0 if running is None else running.earliest
    carriers = {p.pid for p in alive.values() if p.start >= since and _carries(p.pid, lease)}
    sessions = {alive[pid].session for pid in carriers}
    sessions = {session for session in sessions if session not in alive or session in carriers}
    if running is not None and running.pid in alive and running.is_leader(alive[running.pid]):
        sessions.add(running.pid)
    found = {p for p in alive.values() if p.pid in carriers or p.session in sessions}
    if running is None:
        found.update(p for p in alive.values() if _is_being_born(p, lease))
    return found - _ancestry(alive)


def _carries(pid: int, lease: str) -> bool:
    entry = f"QUEUECTL_LEASE={lease}".encode()
    return bool(lease) and entry in kernel.environment(pid).split(b"\0")


def _is_being_born(process: Process, lease: str) -> bool:
    """Whether a process is what a dead worker forked for this run, and is yet to become the command.

    Its environment is still the worker's, or none, but it has the run's output file open, which workers name after the
    lease.
    """
    if process.parent == os.getpid() or not (process.unborn or not kernel.environment(process.pid)):
        return False
    stem = lease.replace(".", "-")
    return any(os.path.basename(path).partition(".")[0] == stem for path in kernel.open_paths(process.pid))


def _ancestry(alive: Mapping[int, Process]) -> set[Process]:
    line: set[Process] = set()
    process = alive.get(os.getpid())
    while process is not None and process not in line:
        line.add(process)
        process = alive.get(process.parent)
    return line


def _kill(process: Process) -> bool:
    """Kill a process unless its number went to another one; whether that is allowed."""
    try:
        if kernel.process(process.pid) == process:
            os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True
