"""Failures by which jobs or their results are lost when something is killed."""

from __future__ import annotations

import datetime as dt
import os
import signal
from functools import partial
from textwrap import dedent

import pytest

from benchmarks.place import UNTIL_GO, Place
from queuectl import Action, Result, State
from queuectl.engine import ledger

TWO_RUNS = "echo run >>marks; test -e again && exit 0; touch again; exec sleep 60"
"""A command that only ends when it is run a second time."""


class TestResults:
    """A command ended, and whoever ran it is killed before that was stored."""

    def test_a_result_that_waits_for_the_store_outlives_its_worker(self, place: Place) -> None:
        """It was noted as soon as it was there, so that it is settled by the next worker, and nothing runs again."""
        place.start()
        (worker,) = place.workers()
        job = place.queue.enqueue(UNTIL_GO)
        place.until(place.marks)
        with place.locked():
            place.go()
            place.until(lambda: outcomes(place, worker.id))
            place.kill()
        assert place.queue.get(job.id).state is State.PROCESSING
        assert place.drain() == 0
        assert place.results(job.id) == [Result.COMPLETED]
        assert place.marks() == ["start"]

    def test_what_had_ended_stays_so_over_a_crash_and_a_restart(self, place: Place) -> None:
        """Jobs that completed, that gave up, and that somebody cancelled do not come back with the next workers."""
        place.queue.enqueue("echo completed >>marks", id="completed")
        place.queue.enqueue("echo dead >>marks; exit 1", id="dead", max_retries=0)
        place.queue.enqueue("echo cancelled >>marks", id="cancelled")
        place.queue.cancel("cancelled")
        place.queue.enqueue(UNTIL_GO, id="running")
        place.start()
        place.until(lambda: "start" in place.marks())
        before = [place.queue.get(id) for id in ("completed", "dead", "cancelled")]
        place.kill()
        place.go()
        assert place.drain() == 0
        assert [place.queue.get(id) for id in ("completed", "dead", "cancelled")] == before
        assert sorted(place.marks()) == ["completed", "dead", "start", "start"]


def outcomes(place: Place, worker: str) -> bool:
    """Whether a worker has noted how something ended."""
    record = ledger.read(place.home / "run", worker)
    return record is not None and any(entry.outcome is not None for entry in record.entries.values())


class TestRescue:
    """What puts jobs back that a crash left."""

    @pytest.fixture
    def slow_to_end(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        """Install an executor that waits before it ends what a dead worker left."""
        site = place.root / "site"
        (site / "slow-1.0.dist-info").mkdir(parents=True)
        (site / "slow-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n")
        (site / "slow-1.0.dist-info" / "entry_points.txt").write_text("[queuectl]\nslow = slow\n")
        (site / "slow.py").write_text(
            dedent("""
                import os
                import time

                from queuectl import Provider, hookimpl
                from queuectl_subprocess import Subprocess
                from queuectl_subprocess.executor import SubprocessExecutor

                class Slow(SubprocessExecutor):
                    def end(self, handle, job):
                        open(f"ending-{os.getpid()}", "w").close()
                        while not os.path.exists("may-end"):
                            time.sleep(0.02)
                        super().end(handle, job)

                @hookimpl
                def queuectl_executors():
                    yield Provider("slow", Subprocess, lambda settings, context: Slow(settings))
            """)
        )
        (place.root / "queuectl.yaml").write_text("executor: {plugin: slow}\n")
        monkeypatch.setenv("PYTHONPATH", f"{site}:{os.environ.get('PYTHONPATH', '')}")

    @pytest.mark.usefixtures("slow_to_end")
    def test_whoever_dies_while_it_looks_after_a_dead_worker_leaves_its_jobs_to_the_next(self, place: Place) -> None:
        """However many die at it: one run was lost, nothing of it is left, and the job runs again."""
        place.start()
        job = place.queue.enqueue(TWO_RUNS)
        place.until(place.marks)
        place.kill()
        for number in (1, 2):
            place.start()
            place.until(partial(has_begun_to_end, place, number))
            assert place.queue.get(job.id).state is State.PROCESSING
            place.kill()
        (place.root / "may-end").touch()
        assert place.drain() == 0
        assert place.results(job.id) == [Result.LOST, Result.COMPLETED]
        assert place.marks() == ["run", "run"]
        assert not place.processes()

    def test_no_time_has_to_pass_before_a_dead_workers_job_runs_again(self, place: Place) -> None:
        """Its death is known for certain, and at once: the lease, here of an hour, is not waited for."""
        place.start("--set", "worker.lease=1h")
        (worker,) = place.workers()
        job = place.queue.enqueue(TWO_RUNS)
        place.until(place.marks)
        os.kill(worker.pid, signal.SIGKILL)
        place.until_completed(job.id)
        assert place.results(job.id) == [Result.LOST, Result.COMPLETED]

    def test_what_the_dead_left_keeps_nobody_from_stopping_or_starting(self, place: Place) -> None:
        """No file of theirs is taken for a process that lives, whatever has got its number since."""
        place.start()
        place.queue.enqueue(TWO_RUNS, id="job")
        place.until(place.marks)
        place.kill()
        assert list((place.home / "run").iterdir())
        assert place.run("worker", "stop").stdout == ""
        assert place.run("worker", "list").stdout == ""
        assert place.drain() == 0
        assert place.queue.get("job").state is State.COMPLETED
        assert list((place.home / "run").iterdir()) == []


def has_begun_to_end(place: Place, number: int) -> bool:
    """Whether so many processes have begun to end what a dead worker left."""
    return len(list(place.root.glob("ending-*"))) == number


class TestDueJobs:
    """Jobs whose time comes."""

    def test_none_is_lost_of_those_that_become_due_while_workers_are_killed(self, place: Place) -> None:
        """To become due is no step in which a job is nowhere: all of them run in the end."""
        soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1.5)
        numbers = [str(number) for number in range(80)]
        place.start("--count", "2")
        jobs = [{"id": number, "command": f"echo {number} >>marks", "run_at": soon} for number in numbers]
        place.queue.enqueue_many(jobs)
        place.until(lambda: len(place.marks()) >= 5)
        place.kill()
        assert sum(place.queue.totals().values()) == len(numbers)
        assert place.drain() == 0
        assert place.queue.totals()[State.COMPLETED] == len(numbers)
        assert set(place.marks()) == set(numbers)
        assert len(place.marks()) <= len(numbers) + 2


class TestStates:
    """What people did to jobs while nobody was there to see it."""

    def test_a_cancel_holds_though_the_worker_that_was_to_hear_of_it_died(self, place: Place) -> None:
        """The job was running, and is cancelled by whoever takes it over: it does not run again."""
        place.start()
        place.queue.enqueue(TWO_RUNS, id="job")
        place.until(place.marks)
        place.kill()
        place.queue.change(Action.CANCEL, ["job"])
        assert place.drain() == 0
        assert place.queue.get("job").state is State.CANCELLED
        assert place.marks() == ["run"]
