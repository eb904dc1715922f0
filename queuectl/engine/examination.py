"""The examination: what an operator can get wrong, looked at one thing after the other."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator

import msgspec

from queuectl.config import Config
from queuectl.engine.queue import Queue
from queuectl.errors import QueuectlError, StorageBusyError
from queuectl.model.diagnosis import DiagnosedStorage, Finding, Health
from queuectl.model.job import Job, State
from queuectl.model.query import Query
from queuectl.model.worker import Role, Worker
from queuectl.units import Size

SCARCE = 1024 * 2**20
"""Bytes of free space below which somebody should look."""

LITTLE = 64 * 2**20
"""Bytes of free space below which nothing can be relied upon."""

AHEAD = 60.0
"""Seconds by which a stored time may lie in the future before the clock is doubted."""

OVERDUE = 60.0
"""Seconds by which a run may exceed its time limit and what it takes to end it."""

RESTORE = "stop the workers and put a backup in its place; queuectl backup FILE keeps what is left"

TAKEN_OVER = "queuectl worker start takes its jobs over"

MANY = 500
"""How many running jobs are looked at."""


def examine(read: Callable[[], Config]) -> Iterator[Finding]:
    """Look at everything that can be looked at; `read` reads the configuration. Starts and mends nothing.

    What cannot be read is a finding, and ends what depends on it.
    """
    try:
        config = read()
        config.resolve_all()
    except QueuectlError as error:
        yield _failed("configuration", error)
        return
    yield _ok("configuration", f"{config.file or 'none: the defaults serve'}")
    yield from _place(config)
    yield from _plugins(config)
    with Queue(config) as queue:
        yield from _store(queue)


def _store(queue: Queue) -> Iterator[Finding]:
    checks: Iterable[Callable[[Queue], Iterable[Finding]]] = (_content, _diagnosed, _clock, _workers, _queues, _runs)
    try:
        queue.storage  # noqa: B018  # opens it
    except QueuectlError as error:
        yield _failed("store", error)
        return
    for check in checks:
        try:
            yield from check(queue)
        except QueuectlError as error:
            yield _failed("store", error)
            return


def _ok(check: str, text: str) -> Finding:
    return Finding(check=check, health=Health.OK, text=text)


def _warning(check: str, text: str, hint: str | None = None) -> Finding:
    return Finding(check=check, health=Health.WARNING, text=text, hint=hint)


def _failed(check: str, error: QueuectlError) -> Finding:
    health = Health.WARNING if isinstance(error, StorageBusyError) else Health.ERROR
    text = "; ".join([error.message, *error.details])
    return Finding(check=check, health=health, text=text, hint=error.hint)


def _place(config: Config) -> Iterator[Finding]:
    """The data directory, which need not exist yet: then what its nearest parent has."""
    data = config.data
    place = next(each for each in (data, *data.parents) if each.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        read_only = os.statvfs(place).f_flag & os.ST_RDONLY
        text = f"{data} is on a read-only file system" if read_only else f"{data} cannot be written by this user"
        look = f"findmnt --target {place}" if read_only else f"ls -ld {place}"
        yield Finding(check="data directory", health=Health.ERROR, text=text, hint=look)
        return
    yield _ok("data directory", str(data) if place == data else f"{data} (not there yet)")
    free = shutil.disk_usage(place).free
    health = Health.ERROR if free < LITTLE else Health.WARNING if free < SCARCE else Health.OK
    hint = None if health is Health.OK else f"free some space, or prune: df -h {place}"
    yield Finding(check="disk space", health=health, text=f"{Size(free - free % 2**20)} free", hint=hint)


def _plugins(config: Config) -> Iterator[Finding]:
    """Plugins that nobody selected harm nobody; those that are selected have been found sound already."""
    broken = 0
    for each in config.registry.installed():
        if each.error is not None:
            broken += 1
            yield _warning("plugins", each.error, f"queuectl plugins show {each.entry.name}")
    if not broken:
        yield _ok("plugins", "all that are installed can be used")


def _content(queue: Queue) -> Iterator[Finding]:
    faults = queue.storage.check()
    for fault in faults:
        yield Finding(check="store", health=Health.ERROR, text=fault, hint=RESTORE)
    if not faults:
        place = queue.status()["store"]
        yield _ok("store", f"{place} is sound")


def _diagnosed(queue: Queue) -> Iterable[Finding]:
    storage = queue.storage
    return storage.diagnose() if isinstance(storage, DiagnosedStorage) else ()


def _clock(queue: Queue) -> Iterator[Finding]:
    """Times that lie ahead were written before the clock was set back, or by a host whose clock goes ahead."""
    jobs = queue.page(limit=20).jobs
    ahead = max((job.updated_at for job in jobs), default=0.0) - time.time()
    if ahead > AHEAD:
        text = f"the newest jobs were changed {round(ahead)} s in the future: the clock was set back"
        yield _warning("clock", text, "timedatectl status")
    else:
        yield _ok("clock", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


def _workers(queue: Queue) -> Iterator[Finding]:
    living = {worker.id for worker in queue.workers()}
    registered = [worker for worker in queue.storage.workers() if worker.role is Role.WORKER]
    dead = [worker for worker in registered if worker.id not in living]
    for worker in dead:
        yield _warning("workers", f"{_named(worker)} died{_with_jobs(worker)}", TAKEN_OVER)
    # Who runs nothing does not beat.
    silent = [each for each in registered if each.expired and each.running and each not in dead]
    for worker in silent:
        yield _warning("workers", f"{_named(worker)} is silent{_with_jobs(worker)}", TAKEN_OVER)
    waiting = queue.totals()
    due = waiting[State.PENDING] + waiting[State.FAILED]
    if not living and due:
        yield _warning("workers", f"none runs, and {_jobs(due)} to run", "queuectl worker start")
    elif not dead and not silent:
        yield _ok("workers", f"{len(living)} active")


def _jobs(number: int) -> str:
    return f"{number} job" if number == 1 else f"{number} jobs"


def _named(worker: Worker) -> str:
    return f"{worker.id} (pid {worker.pid} on {worker.host})"


def _with_jobs(worker: Worker) -> str:
    return f" with {_jobs(len(worker.running))}" if worker.running else ""


def _queues(queue: Queue) -> Iterator[Finding]:
    """Queues whose jobs nobody will run: paused, or served by none of the workers there are."""
    workers = queue.workers()
    every = any(worker.queues is None for worker in workers)
    served = {name for worker in workers for name in worker.queues or ()}
    for state in queue.queues():
        waiting = state.counts.get(State.PENDING, 0) + state.counts.get(State.FAILED, 0)
        if waiting and state.paused:
            yield _warning("queues", f"{state.name} is paused, with {_jobs(waiting)} to run")
        elif waiting and workers and not every and state.name not in served:
            hint = f"queuectl worker start --queue={state.name}"
            yield _warning("queues", f"no worker serves {state.name}, with {_jobs(waiting)} to run", hint)


def _runs(queue: Queue) -> Iterator[Finding]:
    """Jobs that run although nobody runs them, or far beyond their time."""
    workers = {worker.id for worker in queue.storage.workers()}
    running = queue.page(Query(states=frozenset({State.PROCESSING})), limit=MANY).jobs
    stuck = [job for job in running if job.worker not in workers or _is_overdue(queue, job)]
    for job in stuck:
        how = "runs beyond its time limit" if job.worker in workers else "is processing, but its worker is unknown"
        yield _warning("jobs", f"{job.id} {how}", f"queuectl cancel {job.id}")
    if not stuck:
        yield _ok("jobs", f"{len(running)} running, none stuck")


def _is_overdue(queue: Queue, job: Job) -> bool:
    if job.timeout is None or job.started_at is None:
        return False
    settings = queue.config.executor(job.queue).settings
    grace = float(getattr(settings, "kill_after", 0.0))
    return _age(queue, job, job.started_at) > job.timeout + grace + OVERDUE


def _age(queue: Queue, job: Job, started_at: float) -> float:
    """Return for how many seconds a job runs, where that is known as its worker counts them: nobody sets that clock."""
    if sys.platform != "win32" and job.worker is not None:
        from queuectl.engine import boot, ledger

        with contextlib.suppress(OSError, msgspec.MsgspecError):
            record = ledger.read(queue.config.data / "run", job.worker)
            if record is not None and record.boot == boot.boot_id() and job.lease in record.entries:
                return ledger.age(record.entries[job.lease], same_boot=True)
    return time.time() - started_at
