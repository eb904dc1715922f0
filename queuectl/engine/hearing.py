"""Hears signals on a thread of its own, whatever the main thread is busy with.

Python runs handlers on the main thread, once it runs Python again. When two signals come close together, the kernel may
let another thread take both of them, and the main thread sleeps on in its system call, for as long as a job runs.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Callable, Collection
from typing import Any

AT_ONCE = 64
"""Signals that are read at one time."""


def hear(numbers: Collection[signal.Signals], heard: Callable[[signal.Signals], None]) -> None:
    """Call `heard` for each signal with such a number, one after the other. For the main thread, once."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # as Python wants it
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def note(number: int, _: Any) -> None:
        """Note a signal that Python did not, since somebody else, such as an event loop, took its descriptor away."""
        other = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        if other != writing:
            os.write(writing, bytes([number]))

    for number in numbers:
        signal.signal(number, note)
    threading.Thread(target=_listen, args=(reading, frozenset(numbers), heard), name="signals", daemon=True).start()


def ignore_when_leaving(numbers: Collection[signal.Signals]) -> None:
    """Ignore such signals from when this process has done all its work, so that none changes its exit code.

    Python gives them back to the kernel, to which they are deadly, some milliseconds before the process is gone.
    """

    def ignore() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    atexit.register(ignore)


def _listen(reading: int, numbers: frozenset[signal.Signals], heard: Callable[[signal.Signals], None]) -> None:
    with os.fdopen(reading, "rb", buffering=0) as signals:
        while some := signals.read(AT_ONCE):
            for number in some:
                if number in numbers:
                    heard(signal.Signals(number))
