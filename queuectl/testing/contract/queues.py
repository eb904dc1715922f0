"""Queues: paused, bounded, counted."""

from __future__ import annotations

import pytest

from queuectl.model.job import State
from queuectl.model.lease import Ask, Verdict
from queuectl.model.query import Action
from queuectl.model.storage import Storage
from queuectl.testing.contract.steps import (
    claim,
    claim_one,
    claimed,
    complete,
    enqueue,
    enqueue_and_claim,
    one_in_each_state,
    register,
    settlement,
    stored,
)


class Pausing:
    """The clauses of a paused queue."""

    def test_a_paused_queue_gives_nothing(self, storage: Storage, worker: str) -> None:
        """Of a paused queue nothing is claimed, of others it is."""
        enqueue(storage, "a", queue="red")
        enqueue(storage, "b", queue="blue")
        assert storage.set_queue("red", paused=True).paused
        assert claimed(storage, worker) == ["b"]
        assert claimed(storage, worker, queues=("red",)) == []

    def test_a_resumed_queue_goes_on(self, storage: Storage, worker: str) -> None:
        """What waited in a paused queue is claimed once it is resumed."""
        enqueue(storage, "a", queue="red")
        storage.set_queue("red", paused=True)
        assert not storage.set_queue("red", paused=False).paused
        assert claimed(storage, worker) == ["a"]

    def test_what_runs_goes_on(self, storage: Storage, worker: str) -> None:
        """A pause does not touch what is claimed."""
        claim = enqueue_and_claim(storage, worker, queue="red")
        storage.set_queue("red", paused=True)
        complete(storage, claim)
        assert stored(storage, "a").state is State.COMPLETED

    def test_a_paused_queue_takes_jobs(self, storage: Storage, worker: str) -> None:
        """Jobs are enqueued to a paused queue, even before it ever had one."""
        storage.set_queue("red", paused=True)
        enqueue(storage, "a", queue="red")
        assert claimed(storage, worker) == []
        assert stored(storage, "a").state is State.PENDING


class Limits:
    """The clauses of limits on what runs at once."""

    def test_a_queue_runs_so_many_at_most(self, storage: Storage, worker: str) -> None:
        """No more jobs of a queue are claimed than its limit leaves room for, over all workers."""
        storage.set_queue("red", limit=2)
        enqueue(storage, "a", "b", "c", queue="red")
        other = register(storage, "worker-2")
        assert claimed(storage, worker, limit=1) == ["a"]
        assert claimed(storage, other) == ["b"]
        assert claimed(storage, worker) == []

    def test_a_batch_keeps_to_the_limit(self, storage: Storage, worker: str) -> None:
        """One ask does not overstep the limit either."""
        storage.set_queue("red", limit=2)
        enqueue(storage, "a", "b", "c", queue="red")
        assert claimed(storage, worker) == ["a", "b"]

    def test_others_pass_a_full_queue(self, storage: Storage, worker: str) -> None:
        """Jobs of other queues are claimed though a full queue has jobs of higher priority."""
        storage.set_queue("red", limit=1)
        enqueue(storage, "a", "b", queue="red", priority=9)
        enqueue(storage, "c", queue="blue")
        assert claimed(storage, worker) == ["a", "c"]

    @pytest.mark.parametrize("verdict", Verdict)
    def test_a_settlement_makes_room(self, storage: Storage, worker: str, verdict: Verdict) -> None:
        """Whatever the verdict, room is made, for the claims of the same exchange already."""
        storage.set_queue("red", limit=1)
        enqueue(storage, "a", "b", queue="red")
        first = claim_one(storage, worker)
        exchange = storage.exchange(worker, [settlement(first, verdict, delay=60.0)], Ask(limit=5))
        assert [each.job.id for each in exchange.claims] == ["b"]

    def test_a_take_over_keeps_the_room(self, storage: Storage, worker: str) -> None:
        """A job that is taken over still runs, until it is settled."""
        storage.set_queue("red", limit=1)
        enqueue(storage, "a", "b", queue="red")
        claim_one(storage, worker)
        heir = register(storage, "heir")
        storage.take_over([worker], heir)
        assert claimed(storage, heir) == []

    def test_a_limit_of_nothing_is_none(self, storage: Storage, worker: str) -> None:
        """A limit of 0 lifts the limit, None leaves it as it is."""
        storage.set_queue("red", limit=1, key_limit=2)
        enqueue(storage, "a", "b", "c", queue="red")
        state = storage.set_queue("red", paused=False)
        assert (state.limit, state.key_limit) == (1, 2)
        assert storage.set_queue("red", limit=0).limit is None
        assert claimed(storage, worker) == ["a", "b", "c"]

    def test_a_lowered_limit_takes_nothing_back(self, storage: Storage, worker: str) -> None:
        """What runs goes on when the limit is set below it; the next is claimed once there is room."""
        enqueue(storage, "a", "b", "c", queue="red")
        first, second = claim(storage, worker, limit=2)
        storage.set_queue("red", limit=1)
        complete(storage, first)
        assert claimed(storage, worker) == []
        complete(storage, second)
        assert claimed(storage, worker) == ["c"]

    def test_a_key_runs_so_many_at_most(self, storage: Storage, worker: str) -> None:
        """Of the jobs with one `limit_key` no more run than `key_limit`, and the others pass them."""
        storage.set_queue("red", key_limit=1)
        enqueue(storage, "a1", "a2", queue="red", limit_key="a", priority=9)
        enqueue(storage, "b1", "b2", queue="red", limit_key="b")
        enqueue(storage, "free1", "free2", queue="red")
        assert claimed(storage, worker) == ["a1", "b1", "free1", "free2"]
        assert claimed(storage, worker) == []

    def test_room_for_a_key_comes_with_its_settlement(self, storage: Storage, worker: str) -> None:
        """When a job with the key is settled the next with it is claimed."""
        storage.set_queue("red", key_limit=1)
        enqueue(storage, "a1", "a2", queue="red", limit_key="a")
        complete(storage, claim_one(storage, worker))
        assert claimed(storage, worker) == ["a2"]

    def test_a_key_belongs_to_its_queue(self, storage: Storage, worker: str) -> None:
        """The same key in another queue is another key; a queue without a `key_limit` bounds none."""
        storage.set_queue("red", key_limit=1)
        storage.set_queue("blue", key_limit=1)
        for queue in ("red", "blue", "free"):
            enqueue(storage, f"{queue}1", f"{queue}2", queue=queue, limit_key="a")
        assert claimed(storage, worker) == ["red1", "blue1", "free1", "free2"]

    def test_both_limits_hold(self, storage: Storage, worker: str) -> None:
        """A queue with a limit and a `key_limit` keeps to both."""
        storage.set_queue("red", limit=2, key_limit=1)
        enqueue(storage, "a1", "a2", queue="red", limit_key="a")
        enqueue(storage, "b1", queue="red", limit_key="b")
        enqueue(storage, "c1", queue="red", limit_key="c")
        assert claimed(storage, worker) == ["a1", "b1"]


class Queues:
    """The clauses of `Storage.queues` and `counts`."""

    def test_there_are_no_queues_at_first(self, storage: Storage) -> None:
        """An empty store has no queue, and counts nothing."""
        assert list(storage.queues()) == []
        assert sum(sum(states.values()) for states in storage.counts().values()) == 0

    def test_queues_stand_by_name(self, storage: Storage) -> None:
        """All queues that have jobs, or were set, are listed by name."""
        enqueue(storage, "a", queue="mail")
        enqueue(storage, "b", queue="default")
        storage.set_queue("audio", paused=True, limit=3, key_limit=2)
        audio, default, mail = storage.queues()
        assert (audio.name, audio.paused, audio.limit, audio.key_limit) == ("audio", True, 3, 2)
        assert (default.name, default.paused, default.limit, default.key_limit) == ("default", False, None, None)
        assert mail.name == "mail"

    def test_an_emptied_queue_is_still_one(self, storage: Storage, worker: str) -> None:
        """A queue that had jobs stays listed when they are deleted."""
        complete(storage, enqueue_and_claim(storage, worker, queue="mail"))
        storage.change(Action.DELETE, ["a"])
        (mail,) = storage.queues()
        assert (mail.name, sum(mail.counts.values())) == ("mail", 0)

    def test_every_state_is_counted(self, storage: Storage, worker: str) -> None:
        """A queue's counts name every state, also those with no job."""
        enqueue(storage, "a", "b", queue="mail")
        claim_one(storage, worker)
        (mail,) = storage.queues()
        assert mail.counts == {state: {"pending": 1, "processing": 1}.get(state.value, 0) for state in State}
        assert storage.set_queue("mail", limit=1).counts == mail.counts

    def test_counts_are_by_queue_and_state(self, storage: Storage, worker: str) -> None:
        """Each queue counts its own jobs, in all states."""
        one_in_each_state(storage, worker)
        enqueue(storage, "a", "b", queue="mail")
        counts = storage.counts()
        assert {state: counts["default"].get(state, 0) for state in State} == dict.fromkeys(State, 1)
        assert {state: n for state, n in counts["mail"].items() if n} == {State.PENDING: 2}

    def test_names_of_queues_are_any_text(self, storage: Storage, worker: str) -> None:
        """Queues differ by case, and their names are no patterns."""
        names = ["mail", "Mail", "größe 😀", "a%b", "x" * 128]
        for number, name in enumerate(names):
            enqueue(storage, str(number), queue=name)
        assert {queue.name for queue in storage.queues()} == set(names)
        assert claimed(storage, worker, queues=("Mail", "größe 😀")) == ["1", "2"]
