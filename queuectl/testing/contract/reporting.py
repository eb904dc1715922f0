"""Reporting: what is told of many jobs at once."""

from __future__ import annotations

import pytest

from queuectl.model.attempt import Result
from queuectl.model.job import State
from queuectl.model.lease import Ask, Verdict
from queuectl.model.query import Action, Backlog, Query
from queuectl.model.storage import BackloggedStorage, Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    bury,
    claim_one,
    complete,
    enqueue,
    enqueue_and_claim,
    fail,
    listed,
    one_in_each_state,
    ran,
    settle,
    settlement,
)


class Grouping:
    """The clauses of `Storage.groups`."""

    def test_what_ended_alike_is_one_group(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """Jobs with the same error, exit code and signal are one group, the largest first, with the newest of each."""
        for id, outcome in (
            ("a", {"exit_code": 3}),
            ("b", {"signal": 9, "error": "killed"}),
            ("c", {"exit_code": 3}),
            ("d", {"exit_code": 3, "error": "why"}),
            ("e", {"exit_code": 3}),
            ("f", {"signal": 9, "error": "killed"}),
        ):
            bury(storage, enqueue_and_claim(storage, worker, id), **outcome)
            clock.advance(1.0)
        groups = storage.groups(Query(states=frozenset({State.DEAD})))
        told = [(group.error, group.exit_code, group.signal, group.count, group.newest.id) for group in groups]
        assert told == [(None, 3, None, 3, "e"), ("killed", None, 9, 2, "f"), ("why", 3, None, 1, "d")]

    def test_a_group_is_found_again_by_its_query(self, storage: Storage, worker: str) -> None:
        """`grouped` with the values of a group matches just its jobs."""
        for id in ("a", "b"):
            bury(storage, enqueue_and_claim(storage, worker, id), exit_code=3, error="why")
        (group,) = storage.groups(Query(states=frozenset({State.DEAD})))
        assert listed(storage, grouped=True, error=group.error, exit_code=group.exit_code, signal=group.signal) == [
            "b",
            "a",
        ]

    def test_only_what_matches_is_grouped(self, storage: Storage, worker: str) -> None:
        """The query narrows the choice; where nothing matches there is no group."""
        bury(storage, enqueue_and_claim(storage, worker, "a", queue="red"))
        complete(storage, enqueue_and_claim(storage, worker, "b", queue="blue"))
        assert [group.newest.id for group in storage.groups(Query(queue="blue"))] == ["b"]
        assert list(storage.groups(Query(queue="green"))) == []


class Backlogs:
    """The clauses of `BackloggedStorage.backlog`, for a storage that has it."""

    def test_nothing_waits_where_nothing_could_be_claimed(self, storage: Storage, worker: str) -> None:
        """Jobs that are held, due later, leased or done do not wait."""
        assert _backlog(storage) is None
        one_in_each_state(storage, worker)
        storage.change(Action.HOLD, ["pending"])
        enqueue(storage, "later", delay=1e6)
        assert _backlog(storage) is None

    def test_who_came_first_waits_longest(self, storage: Storage, clock: FakeClock) -> None:
        """Whatever the queues and priorities, also where a queue is paused; the job is told as it is stored."""
        for id, queue, priority in (("a", "mail", 0), ("b", "mail", 9), ("c", "other", 3)):
            enqueue(storage, id, queue=queue, priority=priority)
            clock.advance(10.0)
        storage.set_queue("mail", paused=True)
        start = clock.now - 30.0
        for id in ("a", "b", "c"):
            assert _waits(storage, id, start)
            storage.change(Action.CANCEL, [id])
            start += 10.0
        assert _backlog(storage) is None

    def test_a_job_waits_since_it_is_due(self, storage: Storage, clock: FakeClock) -> None:
        """Not since it was enqueued, where that was before; nor since before it was enqueued."""
        start = clock.now
        enqueue(storage, "delayed", delay=50.0)
        clock.advance(20.0)
        enqueue(storage, "overdue", run_at=start - 1e6)
        clock.advance(40.0)
        assert _waits(storage, "overdue", start + 20.0)
        storage.change(Action.CANCEL, ["overdue"])
        assert _waits(storage, "delayed", start + 50.0)

    def test_what_comes_back_waits_anew(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A job that failed waits since its time has come, one that was retried since then, and so do many together."""
        start = clock.now
        dead = [f"dead-{number}" for number in range(300)]
        enqueue(storage, "failing", *dead)
        claims = storage.exchange(worker, [], Ask(limit=1000)).claims
        fail(storage, claims[0], delay=10.0)
        storage.exchange(worker, [settlement(claim, Verdict.DEAD, charge=True) for claim in claims[1:]], None)
        clock.advance(20.0)
        enqueue(storage, "new")
        clock.advance(5.0)
        while storage.change(Action.RETRY, Query(states=frozenset({State.DEAD}))).remaining:
            pass
        clock.advance(5.0)
        assert _waits(storage, "failing", start + 10.0)
        storage.change(Action.CANCEL, ["failing"])
        assert _waits(storage, "new", start + 20.0)
        storage.change(Action.CANCEL, ["new"])
        found = _backlog(storage)
        assert found is not None and found.oldest.id in dead and found.since == pytest.approx(start + 25.0, abs=0.002)

    def test_as_many_as_may_run_and_the_rest_waits(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """Jobs that a limit keeps back wait like others."""
        storage.set_queue("default", key_limit=1)
        start = clock.now
        enqueue(storage, "a", "b", limit_key="k")
        assert [claim.job.id for claim in storage.exchange(worker, [], Ask(limit=9)).claims] == ["a"]
        clock.advance(10.0)
        enqueue(storage, "c")
        assert _waits(storage, "b", start)


def _backlog(storage: Storage) -> Backlog | None:
    if not isinstance(storage, BackloggedStorage):
        pytest.skip("the storage does not tell which job waits longest")
    return storage.backlog()


def _waits(storage: Storage, id: str, since: float) -> bool:
    found = _backlog(storage)
    return found is not None and found.oldest == storage.get(id) and found.since == pytest.approx(since, abs=0.002)


class Counting:
    """The clauses of `Storage.stats`."""

    def test_steps_cover_the_time_asked_for(self, storage: Storage, clock: FakeClock) -> None:
        """There is a bucket for each step, oldest first, the empty ones too; the last ends now."""
        buckets = storage.stats(3600.0, 600.0)
        assert [bucket.start for bucket in buckets] == [
            pytest.approx(clock.now - 3600.0 + index * 600.0, abs=0.002) for index in range(6)
        ]
        assert {(bucket.completed, bucket.failed, bucket.run_time, bucket.wait_time) for bucket in buckets} == {
            (0, 0, 0.0, 0.0)
        }

    def test_attempts_count_where_they_ended(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """Each bucket counts the completed, and the failed and lost together; runs that people ended are neither."""
        results = {
            "a": (Verdict.COMPLETED, 90.0),
            "b": (Verdict.COMPLETED, 30.0),
            "c": (Verdict.DEAD, 30.0),
            "d": (Verdict.LOST, 30.0),
            "e": (Verdict.CANCELLED, 30.0),
            "f": (Verdict.RELEASED, 30.0),
            "g": (Verdict.COMPLETED, 500.0),
        }
        enqueue(storage, *results)
        clock.advance(1000.0)
        for _ in results:
            claim = claim_one(storage, worker)
            verdict, ended_ago = results[claim.job.id]
            run = settlement(claim, verdict).run
            assert run is not None
            run = ran(claim, run.result, started_ago=ended_ago + 1.0, ended_ago=ended_ago)
            assert settle(storage, claim, verdict, run=run, delay=1e6)
        assert [(bucket.completed, bucket.failed) for bucket in storage.stats(120.0, 60.0)] == [(1, 0), (1, 2)]

    def test_times_are_summed(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """`run_time` sums how long the runs took, `wait_time` how long their jobs had been due when they started."""
        enqueue(storage, "a")
        enqueue(storage, "b", delay=15.0)
        clock.advance(20.0)
        for run_time in (3.0, 2.0):
            claim = claim_one(storage, worker)
            run = ran(claim, Result.COMPLETED, exit_code=0, started_ago=run_time)
            assert settle(storage, claim, Verdict.COMPLETED, run=run, charge=True)
        (bucket,) = storage.stats(60.0, 60.0)
        assert bucket.run_time == pytest.approx(3.0 + 2.0, abs=0.01)
        assert bucket.wait_time == pytest.approx((20.0 - 3.0) + (5.0 - 2.0), abs=0.01)

    def test_what_ends_now_is_in_the_last_step(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """The window ends with the present moment, which belongs to it."""
        complete(storage, enqueue_and_claim(storage, worker))
        assert [bucket.completed for bucket in storage.stats(60.0, 20.0)] == [0, 0, 1]
