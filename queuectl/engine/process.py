"""The life of a worker's process: what a supervisor starts."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading

import msgspec

from queuectl.config import Config
from queuectl.engine import journal
from queuectl.engine.identity import new_id
from queuectl.engine.limits import allow_runs
from queuectl.engine.spawning import READY
from queuectl.engine.worker import Terms, Worker, install_signals
from queuectl.errors import ConfigError, QueuectlError, StorageRefusedError
from queuectl.model.storage import Storage
from queuectl.model.worker import StopMode


class WorkerTerms(msgspec.Struct, frozen=True):
    """What the supervisor says: `life` is a pipe that ends with it, `ready` one that it reads.

    `console` says that people read the log.
    """

    concurrency: int
    queues: tuple[str, ...] | None
    drain: bool
    supervisor: str
    life: int
    ready: int
    console: bool


GARBAGE = 700, 10, 10
"""When a process that lives for long looks for garbage: as early as Python does by itself, not as late as a command."""


def run_worker(config: Config, text: str, *, debug: bool, color: bool) -> int:
    """Be a worker on the terms that a supervisor wrote; return the exit code."""
    gc.set_threshold(*GARBAGE)
    terms = msgspec.json.decode(text, type=WorkerTerms)
    journal.configure(debug=debug, color=color, terminal=terms.console or None)
    # The kernel throws exit statuses away for who ignores this signal, as a parent may have made us.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor in (terms.life, terms.ready):
        os.set_inheritable(descriptor, False)  # noqa: FBT003  # positional only
    needed, allowed = allow_runs(terms.concurrency)
    try:
        worker = _employed(config, terms)
    except (ConfigError, StorageRefusedError) as error:  # the supervisor tells it, once for all of its workers
        if debug:  # with the traceback of what went wrong here
            raise
        _say(terms.ready, msgspec.json.encode(_told(error)))
        return error.exit_code
    try:
        if allowed < needed:
            hint = f"raise the hard limit: ulimit -Hn {needed}, or LimitNOFILE={needed} in the unit"
            worker.log.warning("descriptors may run short", needed=needed, allowed=allowed, hint=hint)
        install_signals(worker)
        threading.Thread(target=_watch, args=(terms.life, worker), name="life", daemon=True).start()
        code = worker.run(ready=lambda: _say(terms.ready, READY))
    finally:
        worker.storage.close()
    if not worker.delivered:  # threads that a hanging notifier started would keep the process for ever
        sys.stderr.flush()
        os._exit(code)
    return code


def _employed(config: Config, terms: WorkerTerms) -> Worker:
    config.resolve_all()
    storage: Storage = config.create(config.storage)
    try:
        return Worker(
            config,
            storage,
            Terms(
                id=new_id(),
                concurrency=terms.concurrency,
                queues=terms.queues,
                drain=terms.drain,
                supervisor=terms.supervisor,
            ),
        )
    except BaseException:
        storage.close()
        raise


def _told(error: QueuectlError) -> dict[str, object]:
    return {"code": error.code, "message": error.message, "hint": error.hint, "details": error.details}


def _watch(life: int, worker: Worker) -> None:
    """Stop when the supervisor is gone: the pipe ends with it, however it died."""
    with contextlib.suppress(OSError):
        os.read(life, 1)
    worker.log.warning("the supervisor is gone; finishing the running jobs, then stopping")
    worker.stop(StopMode.FINISH, exit_code=os.EX_UNAVAILABLE)


def _say(ready: int, what: bytes) -> None:
    with contextlib.suppress(OSError):
        os.write(ready, what)
    os.close(ready)
