"""Two processes take from litequeue and run a program: with_litequeue.py JOBS PROGRAM MARKS."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import litequeue

JOBS, PROGRAM, MARKS = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
STORE = str(MARKS.with_name("litequeue.db"))


def work() -> None:
    """Take jobs until there is none."""
    queue = litequeue.LiteQueue(STORE)
    while (message := queue.pop()) is not None:
        subprocess.run([PROGRAM], check=True)
        queue.done(message.message_id)
        with MARKS.open("ab") as marks:
            marks.write(time.monotonic_ns().to_bytes(8, sys.byteorder))


def main() -> None:
    """Store all jobs, then work in two processes."""
    queue = litequeue.LiteQueue(STORE)
    for number in range(JOBS):
        queue.put(str(number))
    queue.close()
    for _ in range(2):
        if not os.fork():
            work()
            os._exit(0)
    for _ in range(2):
        os.wait()


if __name__ == "__main__":
    main()
