"""The outbox: which events are written, and who delivers them."""

from __future__ import annotations

import pytest

from queuectl.model.event import EVENT_NAMES
from queuectl.model.job import State
from queuectl.model.lease import Verdict
from queuectl.model.query import Action, Query
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.fixtures import OpenStorage
from queuectl.testing.contract.steps import (
    bury,
    claim_one,
    complete,
    enqueue,
    enqueue_and_claim,
    last_event,
    register,
    settle,
    stored,
    told,
)


class Wanting:
    """The clauses of what is written at all."""

    def test_only_wanted_events_are_written(self, open_storage: OpenStorage) -> None:
        """A handle writes the events that its context wants, and no other."""
        storage = open_storage(events=frozenset({"job.dead", "job.enqueued"}))
        worker = register(storage, "worker-1")
        claims = [enqueue_and_claim(storage, worker, id) for id in ("a", "b")]
        complete(storage, claims[0])
        bury(storage, claims[1])
        storage.retire(worker)
        assert told(storage) == ["job.enqueued a", "job.enqueued b", "job.dead b"]

    def test_nothing_is_written_when_nobody_listens(self, open_storage: OpenStorage) -> None:
        """Without a wanted event the outbox stays empty."""
        storage = open_storage(events=frozenset())
        complete(storage, enqueue_and_claim(storage, register(storage, "worker-1")))
        assert list(storage.events(0, 10)) == []

    @pytest.mark.parametrize("name", sorted(EVENT_NAMES))
    def test_each_event_can_be_wanted_alone(self, open_storage: OpenStorage, name: str) -> None:
        """Every event is written where it alone is wanted."""
        storage = open_storage(events=frozenset({name}))
        worker, heir = register(storage, "worker-1"), register(storage, "heir")
        enqueue(storage, *(verdict.value for verdict in Verdict))
        for verdict in Verdict:
            settle(storage, claim_one(storage, worker), verdict, delay=1e6)
        storage.change(Action.CANCEL, Query(states=frozenset({State.PENDING, State.FAILED})))
        storage.take_over([worker], heir)
        storage.retire(heir)
        assert {event.name for event in storage.events(0, 100)} == {name}

    def test_ids_grow(self, storage: Storage, worker: str) -> None:
        """Events have growing ids, in the order of what happened."""
        complete(storage, enqueue_and_claim(storage, worker))
        ids = [event.id for event in storage.events(0, 10)]
        assert ids == sorted(set(ids))
        assert ids[0] > 0

    def test_events_are_read_in_portions(self, storage: Storage) -> None:
        """At most `limit` events above an id are returned, the oldest first."""
        enqueue(storage, "a", "b", "c")
        first = storage.events(0, 2)
        rest = storage.events(first[-1].id, 2)
        assert [event.job.id for event in [*first, *rest] if event.job] == ["a", "b", "c"]
        assert list(storage.events(rest[-1].id, 2)) == []

    def test_an_event_shows_the_job_as_it_was(self, storage: Storage, worker: str) -> None:
        """What happens to a job later does not change what was told of it."""
        (job,) = enqueue(storage, "a", env={"A": "b"}, command=("x", "y"))
        bury(storage, claim_one(storage, worker))
        dead = stored(storage, "a")
        storage.change(Action.DELETE, ["a"])
        jobs = {event.name: event.job for event in storage.events(0, 10)}
        assert (jobs["job.enqueued"], jobs["job.dead"]) == (job, dead)


class Consuming:
    """The clauses of `Storage.advance`."""

    def test_a_new_consumer_starts_at_nothing(self, storage: Storage, worker: str) -> None:
        """A consumer that was never heard of starts at 0, before all events that are stored."""
        enqueue(storage, "a")
        assert storage.advance("log", 0, worker=worker) == 0

    def test_the_cursor_moves_forward(self, storage: Storage, worker: str) -> None:
        """A consumer's cursor is where it was moved to, and never goes back."""
        enqueue(storage, "a", "b", "c")
        last = last_event(storage)
        assert storage.advance("log", last - 1, worker=worker) == last - 1
        assert storage.advance("log", 0, worker=worker) == last - 1
        assert storage.advance("log", last, worker=worker) == last

    def test_consumers_have_their_own_cursors(self, storage: Storage, worker: str) -> None:
        """One consumer does not move another."""
        enqueue(storage, "a")
        last = last_event(storage)
        storage.advance("log", last, worker=worker)
        assert storage.advance("mail", 0, worker=worker) == 0

    def test_the_right_is_one_workers(self, storage: Storage, worker: str) -> None:
        """While a worker holds the right to deliver to a consumer, another gets None and moves nothing."""
        other = register(storage, "worker-2")
        last = last_event(storage)
        storage.advance("log", 0, worker=worker)
        assert storage.advance("log", last, worker=other) is None
        assert storage.advance("log", 0, worker=worker) == 0

    def test_the_right_is_for_one_consumer(self, storage: Storage, worker: str) -> None:
        """Two workers may deliver to two consumers."""
        other = register(storage, "worker-2")
        assert storage.advance("log", 0, worker=worker) == 0
        assert storage.advance("mail", 0, worker=other) == 0

    def test_the_right_runs_out(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """After `hold` seconds another may take the right; the first has then lost it, and cannot move the cursor."""
        other = register(storage, "worker-2")
        last = last_event(storage)
        storage.advance("log", 0, worker=worker, hold=30.0)
        clock.advance(29.0)
        assert storage.advance("log", 0, worker=other) is None
        clock.advance(2.0)
        assert storage.advance("log", 0, worker=other) == 0
        assert storage.advance("log", last, worker=worker) is None

    def test_the_right_is_renewed(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """Every call of the holder keeps the right for `hold` seconds more."""
        other = register(storage, "worker-2")
        for _ in range(3):
            assert storage.advance("log", 0, worker=worker, hold=30.0) == 0
            clock.advance(20.0)
        assert storage.advance("log", 0, worker=other) is None

    @pytest.mark.parametrize("end", ["retire", "take_over"])
    def test_the_right_ends_with_its_worker(self, storage: Storage, worker: str, end: str) -> None:
        """A worker that retires or is taken over gives the right up at once; the cursor stays."""
        other = register(storage, "worker-2")
        last = last_event(storage)
        storage.advance("log", last, worker=worker)
        if end == "retire":
            storage.retire(worker)
        else:
            storage.take_over([worker], other)
        assert storage.advance("log", 0, worker=other) == last

    def test_what_all_have_passed_is_deleted(self, storage: Storage, worker: str) -> None:
        """Events go when every known consumer has passed them, not before."""
        enqueue(storage, "a", "b", "c")
        last = last_event(storage)
        storage.advance("mail", 0, worker=worker)
        storage.advance("log", last, worker=worker)
        assert told(storage)[-3:] == ["job.enqueued a", "job.enqueued b", "job.enqueued c"]
        storage.advance("mail", last - 1, worker=worker)
        assert told(storage) == ["job.enqueued c"]
        storage.advance("mail", last, worker=worker)
        assert told(storage) == []

    def test_ids_are_never_used_again(self, storage: Storage, worker: str) -> None:
        """An event that follows on an emptied outbox has a higher id than all before it."""
        enqueue(storage, "a")
        last = last_event(storage)
        storage.advance("log", last, worker=worker)
        assert told(storage) == []
        enqueue(storage, "b")
        assert last_event(storage) > last
        assert told(storage, last) == ["job.enqueued b"]
