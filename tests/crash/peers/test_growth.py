"""Failures by which something grows for as long as workers live."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import apsw

from benchmarks.place import UNTIL_GO, Place, until

MEBIBYTE = 1024 * 1024
OUTPUT = 64
"""MiB that a command writes; what workers need otherwise is far less."""


def test_output_does_not_pass_through_the_worker(place: Place) -> None:
    """However much a command writes, its worker needs no memory for it."""
    place.start()
    (worker,) = place.workers()
    place.queue.enqueue("true", id="first")
    place.until_completed("first")
    before = most_memory(worker.pid)
    place.queue.enqueue(f"head -c {OUTPUT}M /dev/zero", id="loud")
    place.until_completed("loud")
    assert place.queue.output("loud").size == OUTPUT * MEBIBYTE
    assert most_memory(worker.pid) - before < OUTPUT * MEBIBYTE / 4


def most_memory(pid: int) -> int:
    """Return the most memory in bytes that a process ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def test_calling_a_worker_that_does_not_answer_leaves_nothing(place: Place) -> None:
    """Each enqueue wakes the workers; one that is stopped costs no file and no row for each, and delays nobody."""
    place.start()
    (worker,) = place.workers()
    place.queue.enqueue("true", id="first")
    place.until_completed("first")
    os.kill(worker.pid, signal.SIGSTOP)
    before = names_below(place.home), rows_beside_jobs(place.database)
    for number in range(200):
        place.queue.enqueue("true", id=f"job-{number}", delay=3600)
    assert (names_below(place.home), rows_beside_jobs(place.database)) == before
    os.kill(worker.pid, signal.SIGCONT)


def names_below(directory: Path) -> Sequence[Path]:
    """Return all that is in a directory."""
    return sorted(directory.rglob("*"))


def rows_beside_jobs(database: Path) -> dict[str, int]:
    """Return how many rows each table has, but for those of the jobs themselves."""
    with closing(apsw.Connection(str(database))) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: db.execute(f"SELECT count(*) FROM {name}").get for name in names if name not in {"job", "spec"}}


def test_a_worker_keeps_nothing_of_the_jobs_that_it_has_run(place: Place) -> None:
    """After many jobs it has as many descriptors and threads, and as long a ledger, as after some."""
    place.start("--concurrency", "2")
    (worker,) = place.workers()

    process, ledger = Path(f"/proc/{worker.pid}"), place.home / "run" / worker.id

    def run(prefix: str, number: int) -> None:
        jobs = [{"id": f"{prefix}-{n}", "command": ["true"]} for n in range(number)]
        place.queue.enqueue_many(jobs)
        place.queue.wait_many([f"{prefix}-{n}" for n in range(number)], 60)

    def held() -> tuple[int, int, int]:
        return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir())), ledger.stat().st_size

    place.enqueue(one=UNTIL_GO, other=UNTIL_GO)  # both of its places have been taken once
    place.until(lambda: len(place.marks()) == 2)
    place.go()
    place.wait("one", "other")
    run("some", 20)
    some = held()
    run("many", 200)
    until(lambda: all(now <= before for now, before in zip(held(), some, strict=True)))  # the last one is put away
    until(lambda: not list((place.home / "logs").iterdir()))
