"""Ending what a dead worker left running: every process of the run, and none that merely got its number.

The run's processes are those in the session that its leader opened, and those that carry its lease in their
environment, wherever they went. A session's number goes to nobody else while any process is left in it: a process that
has the leader's number but another start proves that the session is empty. Where the leader is gone, the session is
the run's only if somebody in it carries the lease, and never if whoever asks lives in it: what a service manager or a
closed terminal left without a leader is no run.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class _Found:
    """What is left of a run: its processes, and which groups and sessions belong to it as a whole."""

    processes: Sequence[Process]
    groups: Collection[int]
    sessions: Collection[int]


def _end(lease: str, running: Running | None) -> None:
    """Kill and look again until nobody is left, since whoever was not killed yet may have forked meanwhile.

    Processes that run as somebody else, so that they cannot be killed, are passed over.
    """
    out_of_reach: set[int] = set()
    pause = _FIRST_PAUSE
    found = _find(lease, running, ())
    while left := [process for process in found.processes if process.pid not in out_of_reach]:
        # Parents come first, and groups as a whole: a shell that sees its child killed would go on to its next command.
        for process in sorted(left, key=lambda process: process.start):
            if not _kill(process, group=process.group in found.groups):
                out_of_reach.add(process.pid)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
        found = _find(lease, running, found.sessions)


def _find(lease: str, running: Running | None, before: Collection[int]) -> _Found:
    """Look for what is left, but spare this process and those that it descends from."""
    alive = {process.pid: process for process in kernel.processes()}
    spared = _ancestry(alive)
    carriers = _carriers(alive, lease, running)
    sessions = _sessions(alive, carriers, running, before) - _orphaned(alive, spared)
    pids = {pid for pid, process in alive.items() if pid in carriers or process.session in sessions}
    if running is None:
        pids |= {pid for pid, process in alive.items() if _is_being_born(process, lease)}
    groups = {process.group for process in alive.values() if process.session in sessions}
    return _Found([alive[pid] for pid in pids - spared], groups - {alive[pid].group for pid in spared}, sessions)


def _carriers(alive: Mapping[int, Process], lease: str, running: Running | None) -> set[int]:
    since = 0 if running is None else running.earliest
    return {pid for pid, process in alive.items() if process.start >= since and _carries(pid, lease)}


def _sessions(
    alive: Mapping[int, Process], carriers: Collection[int], running: Running | None, before: Collection[int]
) -> set[int]:
    """Return the sessions that belong to the run as a whole.

    `before` are those of the last look, a moment ago: who proved it then may have been killed since.
    """
    sessions = {*before, *(alive[pid].session for pid in carriers)}
    ours = {session for session in sessions if session not in alive or session in carriers}
    if running is not None and running.pid in alive and running.is_leader(alive[running.pid]):
        ours.add(running.pid)
    return ours


def _orphaned(alive: Mapping[int, Process], line: Collection[int]) -> set[int]:
    """Return the sessions of these processes that have no leader here.

    The leader of session 0 is outside this container, whoever is in it.
    """
    return {0, *(alive[pid].session for pid in line if alive[pid].session not in alive)}


def _carries(pid: int, lease: str) -> bool:
    entry = f"QUEUECTL_LEASE={lease}".encode()
    return bool(lease) and entry in kernel.environment(pid).split(b"\0")


def _is_being_born(process: Process, lease: str) -> bool:
    """Whether a process is what a dead worker forked for this run, and is yet to become the command.

    Its environment is still the worker's, or none, but it has an output file of that worker's open, which is named
    after a lease, if not always the present one: all that the dead worker was about to start is to end.
    """
    if process.parent == os.getpid() or not (process.unborn or not kernel.environment(process.pid)):
        return False
    worker = f"{lease.rpartition('.')[0]}-"
    return any(os.path.basename(path).startswith(worker) for path in kernel.open_paths(process.pid))


def _ancestry(alive: Mapping[int, Process]) -> set[int]:
    """Return this process and those that it descends from: whoever asks is not ended."""
    line: set[int] = set()
    pid = os.getpid()
    while pid in alive and pid not in line:
        line.add(pid)
        pid = alive[pid].parent
    return line


def _kill(process: Process, *, group: bool) -> bool:
    """Kill a process, or its whole group, unless its number went to another one; whether that is allowed."""
    present = kernel.process(process.pid)
    if present is None or present.start != process.start:
        return True
    try:
        if group:
            os.killpg(process.group, signal.SIGKILL)
        else:
            os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True
