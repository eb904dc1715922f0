"""Telling: the events that transitions write."""

from __future__ import annotations

import pytest

from queuectl.errors import ConflictError
from queuectl.model.job import State
from queuectl.model.lease import Ask, Verdict
from queuectl.model.query import Action, Query
from queuectl.model.storage import Storage
from queuectl.model.worker import Role
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    bury,
    claim_one,
    complete,
    enqueue,
    enqueue_and_claim,
    fail,
    give_back,
    last_event,
    register,
    settle,
    settlement,
    stored,
    told,
)

_TOLD = {
    Verdict.COMPLETED: "job.completed",
    Verdict.FAILED: "job.failed",
    Verdict.DEAD: "job.dead",
    Verdict.CANCELLED: "job.cancelled",
    Verdict.RELEASED: "job.requeued",
    Verdict.LOST: "job.lost",
}


class Telling:
    """The clauses of the events that transitions write."""

    @pytest.fixture
    def keeper(self, storage: Storage, worker: str) -> str:
        """Keep a live job in the queue, so that it is not drained."""
        return enqueue(storage, "keeper", delay=1e6)[0].id

    def test_an_enqueued_job_is_told(self, storage: Storage, clock: FakeClock) -> None:
        """Each stored job tells job.enqueued, in order, with the job as it was stored."""
        jobs = enqueue(storage, "b", "a", queue="mail")
        events = storage.events(0, 10)
        assert [(event.name, event.job) for event in events] == [("job.enqueued", job) for job in jobs]
        assert [(event.at, event.queue, event.attempt) for event in events] == [(clock.now, "mail", None)] * 2

    @pytest.mark.parametrize("verdict", Verdict)
    def test_a_settled_run_is_told(self, storage: Storage, worker: str, keeper: str, verdict: Verdict) -> None:
        """A run that was never recorded tells that it started, then how it was settled, with the job as it was then."""
        claim = enqueue_and_claim(storage, worker, "a", queue="default", priority=1)
        before = last_event(storage)
        settle(storage, claim, verdict, charge=True, delay=5.0)
        started, settled = storage.events(before, 10)
        assert (started.name, settled.name) == ("job.started", _TOLD[verdict])
        assert settled.job == stored(storage, "a")
        assert started.job is not None
        assert (started.job.id, started.job.state) == ("a", State.PROCESSING)
        for event in (started, settled):
            assert (event.attempt, event.worker, event.queue) == (1, worker, "default")

    def test_a_recorded_run_is_told_once(self, storage: Storage, worker: str, keeper: str) -> None:
        """A run tells that it started when it is recorded, and neither again nor when it is settled."""
        claim = enqueue_and_claim(storage, worker, "a", priority=1)
        before = last_event(storage)
        storage.record(claim.lease, None)
        storage.record(claim.lease, "pid 7")
        (started,) = storage.events(before, 10)
        assert (started.name, started.attempt, started.worker) == ("job.started", 1, worker)
        assert started.job == stored(storage, "a")
        complete(storage, claim)
        assert told(storage, before) == ["job.started a", "job.completed a"]

    def test_a_claim_tells_nothing(self, storage: Storage, worker: str, keeper: str) -> None:
        """To claim a job, and to give it back unstarted, is no transition that anybody hears of."""
        enqueue(storage, "a", priority=1)
        before = last_event(storage)
        give_back(storage, claim_one(storage, worker))
        assert told(storage, before) == []

    def test_a_run_that_was_cancelled_meanwhile_is_told_as_cancelled(
        self, storage: Storage, worker: str, keeper: str
    ) -> None:
        """The request itself tells nothing; what it made of the settlement does."""
        claim = enqueue_and_claim(storage, worker, "a", priority=1)
        before = last_event(storage)
        storage.change(Action.CANCEL, ["a"])
        assert told(storage, before) == []
        settle(storage, claim, Verdict.FAILED, charge=True)
        assert told(storage, before) == ["job.started a", "job.cancelled a"]

    def test_a_claim_that_was_cancelled_unstarted_is_told(self, storage: Storage, worker: str, keeper: str) -> None:
        """A job that is given back unstarted, and so is cancelled, tells that, without an attempt."""
        claim = enqueue_and_claim(storage, worker, "a", priority=1)
        before = last_event(storage)
        storage.change(Action.CANCEL, ["a"])
        give_back(storage, claim)
        (event,) = storage.events(before, 10)
        assert (event.name, event.attempt) == ("job.cancelled", None)

    def test_what_people_do_is_told(self, storage: Storage, worker: str, keeper: str) -> None:
        """A retry tells job.requeued, the cancel of a waiting job job.cancelled, each with the job as it was then."""
        bury(storage, enqueue_and_claim(storage, worker, "dead", priority=1))
        fail(storage, enqueue_and_claim(storage, worker, "failed", priority=1))
        before = last_event(storage)
        storage.change(Action.RETRY, ["dead"])
        storage.change(Action.RETRY, ["failed"])
        storage.change(Action.CANCEL, ["dead", "failed"])
        events = storage.events(before, 10)
        assert told(storage, before)[:2] == ["job.requeued dead", "job.requeued failed"]
        assert sorted(told(storage, before)[2:]) == ["job.cancelled dead", "job.cancelled failed"]
        states = [event.job.state for event in events if event.job]
        assert states == [State.PENDING, State.FAILED, State.CANCELLED, State.CANCELLED]

    def test_the_rest_of_what_people_do_is_not_told(self, storage: Storage, worker: str, keeper: str) -> None:
        """To hold, release, edit, delete and prune tells nothing, nor does a refused change."""
        bury(storage, enqueue_and_claim(storage, worker, "dead", priority=1))
        bury(storage, enqueue_and_claim(storage, worker, "dead too", priority=1))
        before = last_event(storage)
        storage.change(Action.HOLD, [keeper])
        storage.change(Action.RELEASE, [keeper])
        storage.change(Action.CANCEL, [keeper, "dead"])
        storage.change(Action.DELETE, ["dead"])
        storage.prune(Query(), 10)
        storage.set_queue("default", paused=True)
        assert told(storage, before) == []

    def test_workers_are_told(self, storage: Storage, clock: FakeClock) -> None:
        """Workers tell when they start, stop and are lost; supervisors do not."""
        for role in (Role.WORKER, Role.SUPERVISOR):
            for id in ("stops", "lost", "heir"):
                register(storage, f"{id}-{role}", role=role)
            storage.retire(f"stops-{role}")
            storage.take_over([f"lost-{role}"], f"heir-{role}")
        assert told(storage) == [
            "worker.started stops-worker",
            "worker.started lost-worker",
            "worker.started heir-worker",
            "worker.stopped stops-worker",
            "worker.lost lost-worker",
        ]
        assert {(event.job, event.attempt, event.queue) for event in storage.events(0, 10)} == {(None, None, None)}

    def test_an_unknown_worker_tells_nothing(self, storage: Storage, worker: str) -> None:
        """To retire or take over somebody twice is told once."""
        heir = register(storage, "heir")
        storage.take_over([worker], heir)
        before = last_event(storage)
        storage.take_over([worker], heir)
        storage.retire(worker)
        assert told(storage, before) == []

    def test_a_refused_batch_tells_nothing(self, storage: Storage) -> None:
        """What is not done is not told."""
        enqueue(storage, "a")
        with pytest.raises(ConflictError):
            enqueue(storage, "b", "a")
        assert told(storage) == ["job.enqueued a"]


class Draining:
    """The clauses of queue.drained."""

    @pytest.mark.parametrize("verdict", [Verdict.COMPLETED, Verdict.DEAD, Verdict.CANCELLED])
    def test_the_last_settlement_drains_its_queue(
        self, storage: Storage, worker: str, clock: FakeClock, verdict: Verdict
    ) -> None:
        """The settlement that leaves a queue without a live job tells queue.drained, after its own event."""
        claim = enqueue_and_claim(storage, worker, "a", queue="mail")
        enqueue(storage, "elsewhere")
        before = last_event(storage)
        settle(storage, claim, verdict)
        assert told(storage, before) == ["job.started a", f"{_TOLD[verdict]} a", "queue.drained mail"]
        drained = storage.events(before, 10)[-1]
        assert (drained.job, drained.queue, drained.at) == (None, "mail", clock.now)

    @pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.LOST, Verdict.RELEASED])
    def test_a_job_that_runs_again_keeps_its_queue(self, storage: Storage, worker: str, verdict: Verdict) -> None:
        """A queue with a job that is failed or pending again is not drained."""
        settle(storage, enqueue_and_claim(storage, worker, "a"), verdict, charge=True)
        assert "queue.drained default" not in told(storage)

    @pytest.mark.parametrize("rest", ["pending", "later", "held", "processing"])
    def test_any_live_job_keeps_its_queue(self, storage: Storage, worker: str, rest: str) -> None:
        """A queue is not drained while a job waits, for a time or a person, or runs."""
        claim = enqueue_and_claim(storage, worker, "a")
        enqueue(storage, "rest", delay=60.0 if rest == "later" else None)
        if rest == "held":
            storage.change(Action.HOLD, ["rest"])
        if rest == "processing":
            claim_one(storage, worker)
        complete(storage, claim)
        assert "queue.drained default" not in told(storage)

    def test_a_cancel_drains(self, storage: Storage) -> None:
        """To cancel the last waiting jobs of a queue drains it, once."""
        enqueue(storage, "a", "b")
        storage.change(Action.CANCEL, ["a", "b"])
        assert told(storage)[-1] == "queue.drained default"
        assert told(storage).count("queue.drained default") == 1

    def test_only_the_transition_is_told(self, storage: Storage, worker: str) -> None:
        """A drained queue is not told again, until it had a live job again."""
        complete(storage, enqueue_and_claim(storage, worker, "a"))
        storage.change(Action.DELETE, ["a"])
        storage.exchange(worker, [], Ask(limit=1))
        assert told(storage).count("queue.drained default") == 1
        bury(storage, enqueue_and_claim(storage, worker, "b"))
        assert told(storage).count("queue.drained default") == 2
        storage.change(Action.RETRY, ["b"])
        complete(storage, claim_one(storage, worker))
        assert told(storage).count("queue.drained default") == 3

    def test_an_exchange_drains_each_queue_once(self, storage: Storage, worker: str) -> None:
        """A batch of settlements tells once of every queue that it drained."""
        claims = [enqueue_and_claim(storage, worker, f"{id}-{queue}", queue=queue) for queue in "xy" for id in "ab"]
        before = last_event(storage)
        storage.exchange(worker, [settlement(each, Verdict.COMPLETED) for each in claims], None)
        drained = [each for each in told(storage, before) if each.startswith("queue.drained")]
        assert sorted(drained) == ["queue.drained x", "queue.drained y"]
