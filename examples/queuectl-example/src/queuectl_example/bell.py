"""The listener `bell`: rings the terminal's bell when a queue has nothing left to do.

A listener is a notifier without settings: it hears every event where `plugins:` lists it. For a choice of events, or
anything else to set, offer a notifier instead.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from queuectl import Event, hookimpl

queuectl_api = 1

TERMINAL = Path("/dev/tty")
"""The terminal in which the worker was started; its standard error may be a file, or a pipe to its supervisor."""


@hookimpl
def queuectl_notify(event: Event) -> None:
    """Ring. It is called in workers, on a thread of its own, at least once for each event.

    What it raises is logged, and the event comes again; that nobody sits at a terminal is no reason for that.
    """
    if event.name == "queue.drained":
        with suppress(OSError), TERMINAL.open("w") as terminal:
            terminal.write("\a")
