"""Starting a worker as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from queuectl.errors import ConfigError

if TYPE_CHECKING:
    from queuectl.engine.supervisor import Plan


READY = b"1"
"""What a worker says once it works; before that, it may say why it will not."""


class Child:
    """A worker's process. It is reaped by the supervisor alone, by its pid."""

    def __init__(self, process: subprocess.Popen[bytes], ready: int) -> None:
        self._process = process
        self._ready: int | None = ready
        self._said = b""
        self.pid = process.pid

    def is_ready(self) -> bool:
        """Whether the worker said that it works."""
        self._listen()
        return self._said == READY

    def refusal(self) -> ConfigError | None:
        """Return why a worker that was reaped did not begin to work, where it said so."""
        self._listen()
        if not self._said.endswith(b"}"):
            return None
        said = json.loads(self._said)
        error = ConfigError(said["message"], hint=said["hint"], details=said["details"])
        error.code = said["code"]
        return error

    def _listen(self) -> None:
        if self._ready is not None:
            with contextlib.suppress(BlockingIOError):
                while piece := os.read(self._ready, 65536):
                    self._said += piece

    def send(self, number: int) -> None:
        """Send a signal; its pid is ours until we reap it, so it can be nobody else's."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def close(self) -> None:
        """Forget a process that was reaped."""
        if self._ready is not None:
            os.close(self._ready)
            self._ready = None
        self._process.returncode = 0


def spawn(plan: Plan, *, supervisor: str, index: int, life: tuple[int, int]) -> Child:
    """Start one worker, in a process group of its own: a Ctrl-C at the terminal reaches the supervisor alone."""
    ready_read, ready_write = os.pipe()
    os.set_blocking(ready_read, False)
    terms = {
        "concurrency": plan.concurrency,
        "queues": plan.queues,
        "drain": plan.drain,
        "supervisor": supervisor,
        "life": life[0],
        "ready": ready_write,
        "console": plan.console,
    }
    try:
        process = subprocess.Popen(  # our own program
            [*program(), *plan.flags, "worker", "run", json.dumps(terms)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=plan.stderr,
            pass_fds=(life[0], ready_write),
            process_group=0,
        )
    except BaseException:
        os.close(ready_read)
        raise
    finally:
        os.close(ready_write)
    return Child(process, ready_read)


def program() -> list[str]:
    """Return how this program is started anew: without the current directory on the path, unless it came from there."""
    home = Path(__file__).resolve().parents[2]
    isolated = [] if home == Path.cwd() else ["-P"]
    return [sys.executable, *isolated, "-m", "queuectl"]
