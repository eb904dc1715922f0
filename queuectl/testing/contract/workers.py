"""Workers: registered, beating, asked to stop, retired."""

from __future__ import annotations

from queuectl.model.job import State
from queuectl.model.query import Action
from queuectl.model.storage import Storage
from queuectl.model.worker import NewWorker, Role, StopMode, Worker
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    claim_one,
    claimed,
    enqueue,
    enqueue_and_claim,
    fail,
    register,
    registered,
    stored,
    told,
)


class Workers:
    """The clauses of `register`, `workers` and `retire`."""

    def test_a_worker_is_shown_as_it_registered(self, storage: Storage, clock: FakeClock) -> None:
        """All that a worker tells of itself is shown, with the storage's time."""
        new = NewWorker(
            id="worker-1",
            host="größe.example",
            pid=4242,
            supervisor="boss",
            queues=("mail", "größe"),
            concurrency=8,
            lease=12.5,
        )
        storage.register(new)
        assert list(storage.workers()) == [
            Worker(
                id="worker-1",
                host="größe.example",
                pid=4242,
                role=Role.WORKER,
                supervisor="boss",
                queues=("mail", "größe"),
                concurrency=8,
                lease=12.5,
                started_at=clock.now,
                beat_at=clock.now,
                expired=False,
            )
        ]

    def test_to_register_twice_is_once(self, storage: Storage, clock: FakeClock) -> None:
        """A worker that registers again, since the answer got lost, is as it was, and has started once."""
        register(storage, "worker-1")
        before = storage.workers()
        clock.advance(1.0)
        register(storage, "worker-1")
        assert list(storage.workers()) == list(before)
        assert told(storage) == ["worker.started worker-1"]

    def test_queues_may_be_all_or_none(self, storage: Storage) -> None:
        """To serve all queues is None, which is not the same as to serve no queue."""
        register(storage, "all", queues=None)
        register(storage, "none", queues=())
        assert [worker.queues for worker in storage.workers()] == [None, ()]

    def test_the_oldest_stands_first(self, storage: Storage, clock: FakeClock) -> None:
        """Workers are listed in the order in which they registered, whatever their ids."""
        for id in ("c", "a", "b"):
            register(storage, id)
            clock.advance(1.0)
        assert [worker.id for worker in storage.workers()] == ["c", "a", "b"]

    def test_a_supervisor_is_a_registered_process(self, storage: Storage) -> None:
        """A supervisor is listed under its role."""
        register(storage, "boss", role=Role.SUPERVISOR)
        assert registered(storage, "boss").role is Role.SUPERVISOR

    def test_running_names_the_claimed_jobs(self, storage: Storage, worker: str) -> None:
        """`running` holds the ids of what a worker has claimed and not settled."""
        enqueue(storage, "a", "b", "c")
        first = claim_one(storage, worker)
        claim_one(storage, worker)
        assert sorted(registered(storage, worker).running) == ["a", "b"]
        fail(storage, first)
        assert registered(storage, worker).running == ("b",)

    def test_a_silent_worker_is_expired(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A worker that holds a lease and has been silent for longer than it is expired, until it beats."""
        enqueue_and_claim(storage, worker)
        clock.advance(29.0)
        assert not registered(storage, worker).expired
        clock.advance(2.0)
        assert registered(storage, worker).expired
        storage.beat(worker)
        assert not registered(storage, worker).expired

    def test_a_retired_worker_is_forgotten(self, storage: Storage, worker: str) -> None:
        """A retired worker is listed no more, and not alive to its own beat."""
        storage.retire(worker)
        assert list(storage.workers()) == []
        assert not storage.beat(worker).alive

    def test_to_retire_twice_is_fine(self, storage: Storage, worker: str) -> None:
        """To retire a worker that is unknown does nothing."""
        storage.retire(worker)
        storage.retire(worker)
        assert list(storage.workers()) == []

    def test_to_retire_gives_back_what_is_held(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """The jobs that a retiring worker still holds are given back as claims that never started."""
        fail(storage, enqueue_and_claim(storage, worker, "failed"), delay=1.0)
        clock.advance(2.0)
        enqueue(storage, "pending", "cancelled")
        assert claimed(storage, worker) == ["failed", "pending", "cancelled"]
        storage.change(Action.CANCEL, ["cancelled"])
        storage.retire(worker)
        states = {id: stored(storage, id).state.value for id in ("pending", "failed", "cancelled")}
        assert states == {"pending": "pending", "failed": "failed", "cancelled": "cancelled"}
        assert [stored(storage, id).runs for id in ("pending", "failed", "cancelled")] == [0, 1, 0]
        assert claimed(storage, register(storage, "worker-2")) == ["failed", "pending"]


class Beats:
    """The clauses of `Storage.beat`."""

    def test_an_unknown_worker_is_not_alive(self, storage: Storage) -> None:
        """A worker that is not registered is told so."""
        assert not storage.beat("nobody").alive

    def test_it_tells_all_that_is_held(self, storage: Storage, worker: str) -> None:
        """A beat answers with the leases of that worker, and of no other."""
        mine = [enqueue_and_claim(storage, worker, id) for id in ("a", "b")]
        enqueue_and_claim(storage, register(storage, "worker-2"), "c")
        beat = storage.beat(worker)
        assert (beat.alive, beat.stop, beat.cancelled) == (True, None, frozenset())
        assert beat.leases == {each.lease for each in mine}

    def test_it_proves_to_be_alive(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A beat after a third of the lease, if not sooner, renews the proof, while a lease is held."""
        enqueue_and_claim(storage, worker)
        clock.advance(11.0)
        assert storage.beat(worker).proven_ago in {0.0, None}
        assert registered(storage, worker).beat_at == clock.now

    def test_it_does_not_write_too_often(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A beat within a sixth of the lease since the last proof writes nothing; it may tell how old that is."""
        enqueue_and_claim(storage, worker)
        proven_at = clock.now
        clock.advance(4.0)
        beat = storage.beat(worker)
        assert (beat.alive, beat.proven_ago or 4.0) == (True, 4.0)
        assert registered(storage, worker).beat_at == proven_at

    def test_it_does_not_write_while_idle(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A beat of a worker that holds nothing writes nothing, and is still answered."""
        proven_at = clock.now
        clock.advance(20.0)
        assert storage.beat(worker).alive
        assert registered(storage, worker).beat_at == proven_at


class Stopping:
    """The clauses of `Storage.request_stop`."""

    def test_it_is_told_with_the_beat(self, storage: Storage, worker: str) -> None:
        """A worker learns from its beat that it is asked to stop; whoever lists the workers sees it."""
        storage.request_stop([worker], StopMode.FINISH)
        assert storage.beat(worker).stop is StopMode.FINISH
        assert registered(storage, worker).stop is StopMode.FINISH

    def test_only_those_named_are_asked(self, storage: Storage, worker: str) -> None:
        """Other workers go on, and unknown ids are passed over."""
        other = register(storage, "worker-2")
        storage.request_stop([worker, "unknown"], StopMode.FORCE)
        assert (storage.beat(worker).stop, storage.beat(other).stop) == (StopMode.FORCE, None)

    def test_it_can_be_sharpened(self, storage: Storage, worker: str) -> None:
        """FORCE after FINISH is FORCE."""
        storage.request_stop([worker], StopMode.FINISH)
        storage.request_stop([worker], StopMode.FORCE)
        assert storage.beat(worker).stop is StopMode.FORCE

    def test_it_is_never_weakened(self, storage: Storage, worker: str) -> None:
        """FINISH after FORCE is still FORCE."""
        storage.request_stop([worker], StopMode.FORCE)
        storage.request_stop([worker], StopMode.FINISH)
        assert storage.beat(worker).stop is StopMode.FORCE

    def test_a_supervisor_is_asked_too(self, storage: Storage) -> None:
        """A supervisor has a beat like any registered process."""
        boss = register(storage, "boss", role=Role.SUPERVISOR)
        storage.request_stop([boss], StopMode.FINISH)
        assert storage.beat(boss).stop is StopMode.FINISH

    def test_nobody_is_asked_by_an_empty_call(self, storage: Storage, worker: str) -> None:
        """No ids is nobody, not everybody."""
        storage.request_stop([], StopMode.FORCE)
        assert storage.beat(worker).stop is None

    def test_what_a_stopping_worker_holds_stays_its_own(self, storage: Storage, worker: str) -> None:
        """To ask for a stop changes no job."""
        enqueue_and_claim(storage, worker)
        storage.request_stop([worker], StopMode.FORCE)
        assert stored(storage, "a").state is State.PROCESSING
