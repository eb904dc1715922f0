"""Failures by which a job runs twice at a time, or more of them than may."""

from __future__ import annotations

from benchmarks.place import UNTIL_GO, Place
from queuectl import NewWorker, Result, State


def test_a_run_that_takes_longer_than_its_lease_is_not_given_to_another_worker(place: Place) -> None:
    """However long a job takes, its worker keeps proving that it lives: time alone takes nothing from it."""
    place.start("--set", "worker.lease=6s")
    (worker,) = place.workers()
    storage = place.queue.storage
    storage.register(NewWorker(id="rival", host="elsewhere", pid=1, lease=3600.0))
    job = place.queue.enqueue(UNTIL_GO)
    place.until(place.marks)

    def outlasts_its_lease() -> bool:
        assert not storage.take_over([worker.id], "rival", proven=False)
        (now,) = (each for each in place.workers() if each.id == worker.id)
        return now.beat_at > worker.started_at + 1.2 * worker.lease

    place.until(outlasts_its_lease)
    place.go()
    place.until_completed(job.id)
    assert place.results(job.id) == [Result.COMPLETED]


def test_a_retry_keeps_to_the_limit_of_its_queue(place: Place) -> None:
    """Jobs that are tried again take a place like any others: no more of them run at once than may."""
    (place.root / "queuectl.yaml").write_text("backoff: {plugin: fixed, delay: 0}\n")
    place.queue.set_queue("narrow", limit=1)
    command = "echo begin >>marks; sleep 0.02; echo end >>marks; exit 1"
    jobs = [{"command": command, "queue": "narrow", "max_retries": 2} for _ in range(3)]
    place.queue.enqueue_many(jobs)
    assert place.drain("--count", "2", "--concurrency", "2") == 0
    assert place.marks() == ["begin", "end"] * 9
    assert place.queue.totals()[State.DEAD] == 3
