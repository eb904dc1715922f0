"""How workers are stopped and listed: through the store, never by a bare pid."""

from __future__ import annotations

import socket
import sys
import time

from queuectl.commands.frame import Session
from queuectl.commands.output import Column, message, print_records
from queuectl.commands.people import ago
from queuectl.engine.times import format_time
from queuectl.engine.wire import worker_to_dict
from queuectl.errors import UsageError
from queuectl.model.worker import StopMode, Worker
from queuectl.units import Duration

POLL = 0.05


def stop(session: Session, *, force: bool, timeout: str | None, all_hosts: bool) -> int:
    """Ask and wait; return the exit code."""
    deadline = _deadline(timeout)
    mode = StopMode.FORCE if force else StopMode.FINISH
    asked = {worker.id for worker in _processes(session, all_hosts)}
    if not asked:
        message(session, "no worker runs")
        return 0
    session.queue().storage.request_stop(sorted(asked), mode)
    while True:
        left = {worker.id for worker in _processes(session, all_hosts)} & asked
        if not left:
            message(session, "stopped")
            return 0
        if deadline is not None and time.monotonic() >= deadline:
            message(session, f"the time is up, {len(left)} still at work; --force ends the jobs")
            return 1
        time.sleep(POLL)


def print_workers(session: Session) -> None:
    """Print the workers that run."""
    workers = session.queue().workers()
    print_records(session, workers, COLUMNS, worker_to_dict)


def _deadline(timeout: str | None) -> float | None:
    if timeout is None:
        return None
    try:
        return time.monotonic() + Duration(timeout)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from error


def _processes(session: Session, all_hosts: bool) -> list[Worker]:
    """Return workers and supervisors that live, as far as can be told."""
    if sys.platform == "win32":
        return []
    from queuectl.engine.ledger import is_alive

    queue = session.queue()
    run, here = queue.config.data / "run", socket.gethostname()
    found = []
    for worker in queue.storage.workers():
        alive = is_alive(run, worker.id)
        if alive or (alive is None and worker.host != here and all_hosts and not worker.expired):
            found.append(worker)
    return found


COLUMNS = (
    Column("ID", lambda worker: worker.id),
    Column("HOST", lambda worker: worker.host, rank=3),
    Column("PID", lambda worker: worker.pid, right=True),
    Column("AT ONCE", lambda worker: worker.concurrency, rank=2, right=True),
    Column("QUEUES", lambda worker: "all" if worker.queues is None else " ".join(worker.queues), rank=1, least=8),
    Column("RUNNING", lambda worker: len(worker.running), right=True),
    Column("STARTED", lambda worker: format_time(worker.started_at), lambda worker: ago(worker.started_at), rank=4),
)
