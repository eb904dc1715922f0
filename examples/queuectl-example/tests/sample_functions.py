"""What jobs call in the tests of the executor. The tests themselves do not import it."""

from __future__ import annotations

import os
import signal
import sys
import time


def succeed() -> None:
    """Do nothing."""


def fail() -> None:
    """Exit with a code of its own."""
    sys.exit(3)


def write() -> str:
    """Return what is then printed."""
    return "hello"


def last() -> None:
    """Take longer than anybody waits."""
    time.sleep(60)


def resist() -> None:
    """Do so even when asked to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    last()


def tell_environment() -> str:
    """Return a variable."""
    return os.environ["QUEUECTL_JOB_ID"]


def tell(*words: str, **arguments: object) -> str:
    """Return what it was called with."""
    return f"{words} {arguments}"


def linger() -> None:
    """Leave a process in the background, which answers when it is asked."""
    if os.fork() == 0:
        until = time.monotonic() + 60
        while not os.path.exists("asked") and time.monotonic() < until:
            time.sleep(0.01)
        os.mkdir("answered")
        os._exit(0)
