"""A program that enqueues jobs as fast as it can: `python -m benchmarks.endurance.feeder NAME COUNT DATABASE MARKS`.

It prints each id once it is acknowledged. Whatever the store refuses ends it with an error.
"""

from __future__ import annotations

import os
import sys
from random import Random

import queuectl

LARGEST = 200
"""How many jobs are enqueued in one transaction at most."""


def main(name: str, count: int, database: str, marks: str) -> None:
    """Enqueue jobs, each of which notes that it ran, in transactions of all sizes."""
    random, sent = Random(name), 0
    command = 'echo "$QUEUECTL_JOB_ID" >>"$MARKS"'
    with queuectl.open(overrides=[f"storage.path={database}"]) as queue:
        while sent < count:
            size = min(count - sent, random.choice((1, 1, 2, 5, random.randint(1, LARGEST))))
            ids = [f"{name}-{number}" for number in range(sent, sent + size)]
            queue.enqueue_many([{"id": id, "command": command, "env": {"MARKS": marks}} for id in ids])
            sys.stdout.write("".join(f"{id}\n" for id in ids))
            sent += size


if __name__ == "__main__":
    os.environ["QUEUECTL_HOME"] = os.path.dirname(sys.argv[3])
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
