"""Failures by which workers live, and do nothing any more."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path

from benchmarks.place import UNTIL_GO, Place
from queuectl import Result, State


def test_a_worker_that_can_no_longer_be_called_looks_by_itself(place: Place) -> None:
    """By whatever its doorbell was taken away: jobs that come later run all the same."""
    place.start()
    bells = place.home / "jobs.db-wake"
    place.until(lambda: bells.exists() and list(bells.iterdir()))
    shutil.rmtree(bells)
    for _ in range(2):
        place.until_completed(place.queue.enqueue("true").id)


def test_workers_that_slept_for_longer_than_their_lease_go_on(place: Place) -> None:
    """As after a laptop's sleep: what ran is theirs still, since nobody else was awake, and what comes next runs."""
    supervisor = place.start("--set", "worker.lease=2s")
    (worker,) = place.workers()
    job = place.queue.enqueue(UNTIL_GO)
    place.until(place.marks)
    for pid in (supervisor.pid, worker.pid):
        os.kill(pid, signal.SIGSTOP)
    place.until(lambda: place.workers()[0].expired)
    slept = naps(supervisor.pid)
    os.kill(supervisor.pid, signal.SIGCONT)
    place.until(lambda: naps(supervisor.pid) > slept + 2)  # it has looked around
    os.kill(worker.pid, signal.SIGCONT)
    place.go()
    later = place.queue.enqueue("true")
    place.until_completed(job.id, later.id)
    assert Result.LOST not in place.results(job.id)
    assert place.results(later.id) == [Result.COMPLETED]
    assert [each.id for each in place.workers()] == [worker.id]


def naps(pid: int) -> int:
    """Return how often a process has gone to sleep by itself."""
    found = re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])


def test_workers_start_while_somebody_else_keeps_the_store_locked(place: Place) -> None:
    """They wait for their turn, and then they work."""
    job = place.queue.enqueue("true")
    with place.locked():
        supervisor = place.begin("worker", "start", "--drain")
        place.until(lambda: (place.home / "run").is_dir() and list((place.home / "run").iterdir()))
        assert supervisor.poll() is None
    assert supervisor.wait() == 0
    assert place.queue.get(job.id).state is State.COMPLETED
