"""The listener `bell`: rings the terminal's bell when a queue has nothing left to do.

A listener is a notifier without settings: it hears every event where `plugins:` lists it. For a choice of events, or
anything else to set, offer a notifier instead.
"""

from __future__ import annotations

import sys

from queuectl import Event, hookimpl

queuectl_api = 1


@hookimpl
def queuectl_notify(event: Event) -> None:
    """Ring. It is called in workers, on a thread of its own, at least once for each event."""
    if event.name == "queue.drained" and sys.stderr.isatty():
        sys.stderr.write("\a")
        sys.stderr.flush()
