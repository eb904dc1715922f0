"""What a job of the chaos run does, where no compiler is: see `deed.c`, whose twin this is.

Usage: python -I -S deed.py STYLE MILLISECONDS CODE UNTIL
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from typing import Any


class AskedToEnd(Exception):  # noqa: N818  # it is no error
    """A polite command was asked to end."""


def note(journal: int, line: str, name: str, value: str) -> None:
    """Append a line to the history."""
    job, attempt, lease = (os.environ[f"QUEUECTL_{key}"] for key in ("JOB_ID", "ATTEMPT", "LEASE"))
    text = (
        f'\n{{"line":"{line}","pid":{os.getpid()},"wall":{time.time():.6f},"mono":{time.monotonic():.9f},'
        f'"job":"{job}","attempt":{attempt},"lease":"{lease}","{name}":{value}}}\n'
    )
    os.write(journal, text.encode())


def is_alone(lock: int) -> bool:
    """Whether no process of another run of this job is there."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def ask_to_end(number: int, frame: Any) -> None:
    """Leave what is being waited for."""
    raise AskedToEnd


def main(style: str, milliseconds: int, code: int, until: int) -> int:
    """Do the deed, and return the exit code."""
    if style == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    history = os.environ["CHAOS_HISTORY"]
    journal = os.open(f"{history}/commands.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    lock = os.open(f"{history}/locks/{os.environ['QUEUECTL_JOB_ID']}", os.O_RDWR | os.O_CREAT, 0o600)
    code = 0 if int(os.environ["QUEUECTL_ATTEMPT"]) >= until else code
    try:
        if style == "polite":
            signal.signal(signal.SIGTERM, ask_to_end)
        note(journal, "began", "alone", "true" if is_alone(lock) else "false")
        child = os.fork() if style == "family" else -1
        if child <= 0:
            time.sleep(milliseconds / 1000)
        if child == 0:
            os._exit(0)
        if child > 0:
            os.waitpid(child, 0)
    except AskedToEnd:
        code = 0
    note(journal, "ended", "code", str(code))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:5])))
