"""What a program does on the disk that a test spoils: `python -m tests.crash.faults.scenes`.

It reads a line of JSON for each scene that it is to play, plays it in a child process of its own, and prints how that
ended: 0, 3 with an error of queuectl, -9 where it was killed. Each scene notes what it was promised, right after it
was.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from queuectl import Ask, Claim, NewJob, NewWorker, Outcome, QueuectlError, Result, Run, Settlement, Verdict
from queuectl_sqlite import checkpointing
from queuectl_sqlite.storage import SqliteStorage

STORE = Path("data", "jobs.db")
COPY = Path("copy.db")
NOTES = "acknowledged.notes"
REFUSED = 3
"""How a scene ends that an error of queuectl ended."""


def create(root: Path) -> None:
    """Make a store, and store jobs in it."""
    with closing(SqliteStorage(root / STORE)) as storage:
        _enqueue(root, storage, "first", 2)


def enqueue(root: Path) -> None:
    """Store jobs in a store that is there, one after the other and many at once."""
    with closing(SqliteStorage(root / STORE)) as storage:
        _enqueue(root, storage, "one", 1)
        _enqueue(root, storage, "many", 30)
        _enqueue(root, storage, "last", 1)


def work(root: Path) -> None:
    """Claim and settle, with the log moved into the file in between; every answer is durable."""
    checkpointing.PAGES = 12
    with closing(SqliteStorage(root / STORE, always_sync=True)) as storage:
        storage.register(NewWorker(id="worker-1", host="host", pid=1))
        _enqueue(root, storage, "work", 6)
        claims: Sequence[Claim] = ()
        for _ in range(4):
            settled = [_settlement(claim) for claim in claims]
            claims = storage.exchange("worker-1", settled, Ask(limit=2)).claims
            _note(root, "settled", [each.lease.job for each in settled])
        _enqueue(root, storage, "late", 1)
        storage.retire("worker-1")


def take_over(root: Path) -> None:
    """Take the jobs of a dead worker over, and settle them."""
    with closing(SqliteStorage(root / STORE)) as storage:
        _enqueue(root, storage, "taken", 3)
        storage.register(NewWorker(id="dead", host="host", pid=1))
        storage.exchange("dead", [], Ask(limit=3))
        storage.register(NewWorker(id="heir", host="host", pid=2))
        claims = storage.take_over(["dead"], "heir")
        storage.exchange("heir", [_settlement(claim) for claim in claims], None)
        _enqueue(root, storage, "more", 1)


def copy(root: Path) -> None:
    """Write a backup of a store that is there."""
    with closing(SqliteStorage(root / STORE)) as storage:
        storage.backup(root / COPY)


SCENES: dict[str, Callable[[Path], None]] = {
    "create": create,
    "enqueue": enqueue,
    "work": work,
    "take_over": take_over,
    "copy": copy,
}


def _enqueue(root: Path, storage: SqliteStorage, name: str, number: int) -> None:
    jobs = [NewJob(id=f"{name}-{n}", command="true" * 200) for n in range(number)]
    storage.enqueue(jobs)
    _note(root, "stored", [job.id for job in jobs])


def _settlement(claim: Claim) -> Settlement:
    outcome = Outcome(exit_code=0)
    run = Run(number=claim.number, result=Result.COMPLETED, outcome=outcome, started_ago=1.0, ended_ago=0.0)
    return Settlement(lease=claim.lease, verdict=Verdict.COMPLETED, run=run, charge=True)


def _note(root: Path, what: str, ids: Sequence[str]) -> None:
    with (root / NOTES).open("a") as notes:
        notes.write("".join(f"{what} {id}\n" for id in ids))


def _play(scene: str, root: str, log: str | None, at: int, until: int, error: int) -> NoReturn:
    """Play a scene with the interposer at work, in this process, which ends with it."""
    words = [None if word is None else word.encode() for word in (root, log)]
    ctypes.CDLL(None).faults_begin(*words, ctypes.c_long(at), ctypes.c_long(until), error)
    try:
        SCENES[scene](Path(root))
    except QueuectlError as refusal:
        print(f"{type(refusal).__name__}: {refusal.message}", file=sys.stderr, flush=True)
        os._exit(REFUSED)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _play(**json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _main()
