"""Two processes of huey's consumer run a program: with_huey.py JOBS PROGRAM MARKS."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import huey
from huey.consumer_options import ConsumerConfig

JOBS, PROGRAM, MARKS = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])

queue = huey.SqliteHuey(filename=str(MARKS.with_name("huey.db")))


def run() -> None:
    """Run the program, and note when it had ended."""
    subprocess.run([PROGRAM], check=True)
    with MARKS.open("ab") as marks:
        marks.write(time.monotonic_ns().to_bytes(8, sys.byteorder))


work = queue.task()(run)


def main() -> None:
    """Store all jobs, then let the consumer work until all are done."""
    for _ in range(JOBS):
        work()
    consumer = queue.create_consumer(**ConsumerConfig(workers=2, worker_type="process").values)

    def stop() -> None:
        while not MARKS.exists() or MARKS.stat().st_size < 8 * JOBS:
            time.sleep(0.05)
        consumer.stop()

    threading.Thread(target=stop, daemon=True).start()
    consumer.start()
    while not consumer.stop_flag.is_set():
        time.sleep(0.05)


if __name__ == "__main__":
    main()
