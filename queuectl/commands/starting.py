"""How workers are started, in the foreground and behind it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from queuectl.commands.frame import Session
from queuectl.commands.output import message, progress
from queuectl.commands.terminal import has_color, is_terminal
from queuectl.config import Config
from queuectl.engine.files import make_private_directory
from queuectl.engine.spawning import program
from queuectl.engine.supervisor import Plan, Supervisor
from queuectl.errors import StorageError
from queuectl.model.job import LIVE
from queuectl.model.storage import Storage

if TYPE_CHECKING:
    from queuectl.commands.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What was typed. None: as the configuration says."""

    count: int | None
    concurrency: int | None
    queues: tuple[str, ...] | None
    drain: bool
    ready_fd: int | None = None


def start(session: Session, orders: Orders) -> int:
    """Supervise in this process; return the exit code."""
    from queuectl.engine import journal

    config = session.config()
    config.resolve_all()
    journal.configure(debug=session.debug, color=has_color(sys.stderr, session.color))
    storage: Storage = config.create(config.storage)
    try:
        with _Bar(storage, orders) as bar:
            supervisor = Supervisor(config, storage, _plan(session, config, orders, bar.log))
            _introduce(session, config, storage)
            return supervisor.run(ready=lambda: _say_ready(session, orders, config), watch=bar.watch)
    finally:
        storage.close()


def detach(session: Session, orders: Orders) -> int:
    """Start a supervisor in a session of its own; return when its workers work, or when it failed."""
    config = session.config()
    config.resolve_all()
    logs = config.data / "logs"
    make_private_directory(logs)
    path = logs / f"worker-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    log = os.open(path, flags, 0o600)
    ready_read, ready_write = os.pipe()
    try:
        process = subprocess.Popen(  # our own program
            [*program(), *global_flags(session), *_arguments(orders), "--ready-fd", str(ready_write)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            pass_fds=(ready_write,),
            start_new_session=True,
            # Not a part of the job that may have started it: it outlives that job.
            env={name: value for name, value in os.environ.items() if name != "QUEUECTL_LEASE"},
        )
    finally:
        os.close(ready_write)
        os.close(log)
    if os.read(ready_read, 1):
        os.close(ready_read)
        message(session, f"workers started in the background, supervisor {process.pid}, log {path}")
        process.returncode = 0  # it is not ours to wait for
        return 0
    os.close(ready_read)
    code = process.wait()
    sys.stderr.write(path.read_text(errors="backslashreplace"))
    return code


def global_flags(session: Session) -> list[str]:
    """Return the global options that a process of ours is to be started with."""
    flags = [f"--set={override}" for override in session.overrides]
    file = session.config().file
    if session.config_file is not None and file is not None:
        flags.append(f"--config={file.absolute()}")
    return flags + ["--debug"] * session.debug + ["--no-color"] * (session.color is False)


def _arguments(orders: Orders) -> list[str]:
    arguments = ["worker", "start"]
    if orders.count is not None:
        arguments += ["--count", str(orders.count)]
    if orders.concurrency is not None:
        arguments += ["--concurrency", str(orders.concurrency)]
    for queue in orders.queues or ():
        arguments += [f"--queue={queue}"]
    return arguments + ["--drain"] * orders.drain


def _plan(session: Session, config: Config, orders: Orders, log: int | None) -> Plan:
    return Plan(
        count=orders.count or config.worker.count,
        concurrency=orders.concurrency or config.worker.concurrency,
        queues=orders.queues,
        drain=orders.drain,
        flags=global_flags(session),
        stderr=log,
        console=log is not None,
    )


def _introduce(session: Session, config: Config, storage: Storage) -> None:
    """Name what decides which commands run here: whoever can write either runs commands as this user."""
    store = getattr(storage, "path", None) or config.storage.found.name
    message(session, f"store {store}, configuration {config.file or 'none, the defaults serve'}")


def _say_ready(session: Session, orders: Orders, config: Config) -> None:
    if orders.ready_fd is not None:
        with contextlib.suppress(BrokenPipeError):  # who waited was interrupted
            os.write(orders.ready_fd, b"1")
        os.close(orders.ready_fd)
    count = orders.count or config.worker.count
    message(session, f"{count} worker{'s work' if count > 1 else ' works'}; Ctrl-C lets running jobs finish and stops")


class _Bar:
    """The progress of `--drain` on a terminal: how many of the jobs that were there have ended.

    The log of the workers comes through a pipe meanwhile, so that it is printed above the bar and not across it.
    """

    def __init__(self, storage: Storage, orders: Orders) -> None:
        self._storage = storage
        self._wanted = orders.drain and is_terminal(sys.stderr)
        self._queues = orders.queues
        self._progress: Progress | None = None
        self._left = 0
        self._relay: threading.Thread | None = None
        self.log: int | None = None

    def __enter__(self) -> Self:
        if self._wanted:
            self._left = self._count()
            self._progress = progress(self._left, "draining")
            self._progress.__enter__()
            reading, self.log = os.pipe()
            self._relay = threading.Thread(target=_relay, args=(reading,), daemon=True)
            self._relay.start()
        return self

    def watch(self) -> None:
        """Move the bar."""
        if self._progress is not None:
            with contextlib.suppress(StorageError):
                left = self._count()
                self._progress.advance(max(0, self._left - left))
                self._left = min(self._left, left)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.log is not None and self._relay is not None:
            os.close(self.log)
            self._relay.join(timeout=1.0)
        if self._progress is not None:
            self._progress.__exit__(kind, error, trace)

    def _count(self) -> int:
        counts = self._storage.counts()
        chosen = [counts.get(queue, {}) for queue in self._queues or tuple(counts)]
        return sum(states.get(state, 0) for states in chosen for state in LIVE)


def _relay(reading: int) -> None:
    with os.fdopen(reading, encoding="utf-8", errors="backslashreplace") as lines:
        for line in lines:
            sys.stderr.write(line)
