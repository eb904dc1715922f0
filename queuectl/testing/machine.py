"""StorageMachine: any history, told to a storage and to the memory alike, gives the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from queuectl.errors import ConflictError
from queuectl.model.job import LIVE, Job, NewJob, State
from queuectl.model.lease import Ask, Beat, Claim, Lease, Settlement, Verdict
from queuectl.model.query import Action, Changed, Edit, Query
from queuectl.model.storage import Storage
from queuectl.model.worker import NewWorker, StopMode, Worker
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import settlement, told
from queuectl.testing.memory import MemoryStorage

_EXAMPLES = itertools.count()
_FAR = 1000

_small = st.integers(0, 3)
_indexes = st.lists(st.integers(0, 5), max_size=3)
_states = st.none() | st.frozensets(st.sampled_from(State), min_size=1, max_size=2)


@dataclass(frozen=True, eq=False)
class _Pair:
    """One claim, as the storage and as the memory gave it."""

    real: Claim
    model: Claim


class StorageMachine(RuleBasedStateMachine):
    """Does anything in any order to a storage and to a `MemoryStorage`, and compares what both answer and hold.

        hypothesis.stateful.run_state_machine_as_test(StorageMachine.on(storage, clock))

    The storage must go by `clock` and write all events. All examples may share one store: each uses ids of its own,
    and leaves nothing but the names of queues and what the outbox holds.
    """

    def __init__(self, storage: Storage, clock: FakeClock) -> None:
        super().__init__()
        self.real = storage
        self.clock = clock
        self.model: Storage = MemoryStorage(clock=clock)
        self.prefix = f"{next(_EXAMPLES)}-"
        self.workers: list[str] = []
        self.pairs: list[_Pair] = []
        self.tokens: dict[int, int] = {}
        self.told = {"real": _last(storage), "model": 0}

    @staticmethod
    def on(storage: Storage, clock: FakeClock) -> type[StorageMachine]:
        """Return the machine as Hypothesis wants it, a class, which tries this storage."""

        class StorageMachineOn(StorageMachine):
            def __init__(self) -> None:
                super().__init__(storage, clock)

        return StorageMachineOn

    def job(self, index: int) -> str:
        """Return one of the few ids of this example."""
        return f"{self.prefix}job-{index}"

    def queue(self, index: int) -> str:
        """Return one of the two queues of this example."""
        return f"{self.prefix}queue-{index % 2}"

    def worker(self, index: int) -> str:
        """Return a worker: most often one that is registered, sometimes one that may be gone."""
        alive = [worker.id for worker in self.model.workers()]
        known = alive if alive and index < 3 else self.workers
        return known[-1 - index % len(known)]

    @initialize()
    def begin(self) -> None:
        """Start with two workers, one of which runs a job while others wait."""
        self.register(lease=30)
        self.register(lease=20)
        self.enqueue(ids=[0, 1, 2], queue=0, priority=0, delay=None, key=None, limit_key=None, skip=False)
        self.exchange(worker=0, verdicts=[], limit=1, queue=None, delay=0)

    def register(self, lease: int) -> None:
        """A process starts."""
        id = f"{self.prefix}worker-{len(self.workers)}"
        self.workers.append(id)
        self.both(lambda storage: storage.register(NewWorker(id=id, host="host", pid=1, lease=lease)))

    @rule(seconds=st.sampled_from([12, 36]))
    def time_passes(self, seconds: int) -> None:
        """Time passes: more than a third of any lease, so that every write of a worker has to prove it alive."""
        self.clock.advance(seconds)

    @rule(
        ids=st.lists(st.integers(0, 5), min_size=1, max_size=4),
        queue=_small,
        priority=st.integers(-1, 1),
        delay=st.sampled_from([None, 0, 20]),
        key=st.sampled_from([None, None, "key"]),
        limit_key=st.sampled_from([None, "x", "y"]),
        skip=st.booleans(),
    )
    def enqueue(
        self,
        ids: list[int],
        queue: int,
        priority: int,
        delay: int | None,
        key: str | None,
        limit_key: str | None,
        skip: bool,
    ) -> None:
        """Jobs are enqueued, some of them maybe twice."""
        jobs = [
            NewJob(
                id=self.job(index),
                command="true",
                queue=self.queue(queue),
                priority=priority,
                delay=delay,
                unique_key=key and self.prefix + key,
                limit_key=limit_key,
            )
            for index in ids
        ]
        self.jobs_agree(lambda storage: storage.enqueue(jobs, skip_existing=skip))

    @rule(
        worker=_small,
        verdicts=st.lists(st.tuples(_small, st.sampled_from(Verdict), st.booleans()), max_size=2),
        limit=st.integers(0, 3),
        queue=st.none() | _small,
        delay=st.sampled_from([0, 20]),
    )
    def exchange(
        self, worker: int, verdicts: list[tuple[int, Verdict, bool]], limit: int, queue: int | None, delay: int
    ) -> None:
        """A worker settles some of the latest claims, whether they still hold or not, and asks for more."""
        chosen = {
            self.pairs[-1 - index % len(self.pairs)]: (v, started) for index, v, started in verdicts if self.pairs
        }
        ask = Ask(limit=limit, queues=None if queue is None else (self.queue(queue),))
        id = self.worker(worker)
        real = self.real.exchange(id, [_settle(pair.real, *rest, delay) for pair, rest in chosen.items()], ask)
        model = self.model.exchange(id, [_settle(pair.model, *rest, delay) for pair, rest in chosen.items()], ask)
        self.claims_agree(real.claims, model.claims)
        assert {self.tokens[token] for token in real.accepted} == model.accepted
        assert self.leases(real.cancelled) == model.cancelled
        assert real.next_due == model.next_due

    @rule(worker=_small, limit=st.integers(1, 3))
    def claim(self, worker: int, limit: int) -> None:
        """A worker claims."""
        self.exchange(worker=worker, verdicts=[], limit=limit, queue=None, delay=0)

    @rule(index=_small, verdict=st.sampled_from(Verdict), started=st.booleans(), delay=st.sampled_from([0, 20]))
    def settle(self, index: int, verdict: Verdict, started: bool, delay: int) -> None:
        """One of the latest claims is settled."""
        self.exchange(worker=0, verdicts=[(index, verdict, started)], limit=0, queue=None, delay=delay)

    @rule(index=_small, handle=st.sampled_from([None, "pid 7"]), started_ago=_small)
    def record(self, index: int, handle: str | None, started_ago: int) -> None:
        """A worker records a run, whether its claim still holds or not."""
        for pair in self.pairs[-1 - index :][:1]:
            real = self.real.record(pair.real.lease, handle, started_ago=started_ago)
            assert real == self.model.record(pair.model.lease, handle, started_ago=started_ago)

    @rule(worker=_small, stop=st.none() | st.sampled_from(StopMode))
    def beat(self, worker: int, stop: StopMode | None) -> None:
        """A worker beats, dead or alive; it may be asked to stop."""
        id = self.worker(worker)
        if stop is not None:
            self.both(lambda storage: storage.request_stop([id], stop))
        real, model = self.real.beat(id), self.model.beat(id)
        assert self.as_model(real) == model

    @rule(worker=_small)
    def replace_worker(self, worker: int) -> None:
        """A worker retires, and another comes."""
        id = self.worker(worker)
        self.both(lambda storage: storage.retire(id))
        self.register(lease=30)

    @rule(dead=_small, by=_small, proven=st.booleans())
    def take_over(self, dead: int, by: int, proven: bool) -> None:
        """A worker takes another over, which may be alive, and yet another comes."""
        names = ([self.worker(dead)], self.worker(by))
        real = sorted(self.real.take_over(*names, proven=proven), key=lambda claim: claim.job.id)
        self.claims_agree(real, sorted(self.model.take_over(*names, proven=proven), key=lambda claim: claim.job.id))
        self.register(lease=20)

    @rule(action=st.sampled_from(Action), ids=_indexes, priority=st.integers(-1, 1))
    def change_named(self, action: Action, ids: list[int], priority: int) -> None:
        """Somebody does something to a few jobs, whether they are there and allow it or not."""
        names = [self.job(index) for index in ids]
        self.changes_agree(lambda storage: storage.change(action, names, edit=Edit(priority=priority)))

    @rule(action=st.sampled_from(Action), states=_states, queue=st.none() | _small)
    def change_matching(self, action: Action, states: frozenset[State] | None, queue: int | None) -> None:
        """Somebody does something to all jobs that match."""
        query = Query(states=states, queue=None if queue is None else self.queue(queue))
        self.changes_agree(lambda storage: storage.change(action, query, edit=Edit(priority=1)))

    @rule(age=st.sampled_from([0, 10, 60]))
    def prune(self, age: int) -> None:
        """Old jobs are pruned."""
        self.changes_agree(lambda storage: storage.prune(Query(finished_before=age), 100))

    @rule(
        queue=_small,
        paused=st.none() | st.booleans(),
        limit=st.none() | _small,
        key_limit=st.none() | st.integers(0, 1),
    )
    def set_queue(self, queue: int, paused: bool | None, limit: int | None, key_limit: int | None) -> None:
        """Somebody pauses or bounds a queue."""
        name = self.queue(queue)
        self.both(lambda storage: storage.set_queue(name, paused=paused, limit=limit, key_limit=key_limit))

    @invariant()
    def jobs_are_the_same(self) -> None:
        """Both hold the same jobs, in the same order, with the same attempts."""
        real = self.real.list(Query(), None, _FAR).jobs
        model = self.model.list(Query(), None, _FAR).jobs
        assert [self.view(job, self.tokens) for job in real] == [self.view(job) for job in model]
        for job in model:
            assert list(self.real.attempts(job.id)) == list(self.model.attempts(job.id))

    @invariant()
    def counts_are_right(self) -> None:
        """The kept counts are those of the jobs, and the memory's."""
        queues = {queue.name: dict(queue.counts) for queue in self.model.queues()}
        assert {q.name: dict(q.counts) for q in self.real.queues() if q.name in queues} == queues
        assert list(self.real.check()) == []

    @invariant()
    def workers_are_the_same(self) -> None:
        """Both know the same workers, with the same jobs: no job is held twice, and none by nobody."""
        assert sorted(map(_worker, self.real.workers())) == sorted(map(_worker, self.model.workers()))
        held = [id for worker in self.real.workers() for id in worker.running]
        processing = self.real.list(Query(states=frozenset({State.PROCESSING})), None, _FAR).jobs
        assert sorted(held) == sorted(job.id for job in processing)

    @invariant()
    def the_same_is_told(self) -> None:
        """Both wrote the same events since the last step."""
        real, model = self.news("real", self.real), self.news("model", self.model)
        assert sorted(real) == sorted(model)

    def teardown(self) -> None:
        """Leave an empty store to the next example."""
        for worker in self.real.workers():
            self.real.retire(worker.id)
        while self.real.change(Action.CANCEL, Query(states=LIVE)).remaining:
            pass
        while self.real.change(Action.DELETE, Query()).remaining:
            pass
        self.real.advance("machine", _last(self.real), worker="machine")

    def news(self, name: str, storage: Storage) -> list[str]:
        """Return what a storage told since this was asked last."""
        last, self.told[name] = self.told[name], _last(storage)
        return told(storage, last)

    def both(self, do: Callable[[Storage], object]) -> None:
        """Do something to both."""
        do(self.real)
        do(self.model)

    def jobs_agree(self, do: Callable[[Storage], Sequence[Job]]) -> None:
        """Do something to both that returns jobs, or is refused by both."""
        real, model = _attempt(do, self.real), _attempt(do, self.model)
        assert (real is None) == (model is None)
        if real is not None and model is not None:
            assert [self.view(job, self.tokens) for job in real] == [self.view(job) for job in model]

    def changes_agree(self, do: Callable[[Storage], Changed]) -> None:
        """Change both alike."""
        real, model = _attempt(do, self.real), _attempt(do, self.model)
        assert (real is None) == (model is None)
        if real is not None and model is not None:
            assert (real.missing, real.remaining > 0) == (model.missing, model.remaining > 0)
            for ours, theirs in ((real.jobs, model.jobs), (real.refused, model.refused)):
                mine = sorted((self.view(job, self.tokens) for job in ours), key=lambda job: str(job["id"]))
                assert mine == sorted((self.view(job) for job in theirs), key=lambda job: str(job["id"]))

    def claims_agree(self, real: Sequence[Claim], model: Sequence[Claim]) -> None:
        """Compare claims, and remember their tokens as pairs."""
        assert [claim.job.id for claim in real] == [claim.job.id for claim in model]
        for ours, theirs in zip(real, model, strict=True):
            assert ours.lease.token not in self.tokens
            self.tokens[ours.lease.token] = theirs.lease.token
            self.pairs.append(_Pair(ours, theirs))
            assert self.leases({ours.lease, ours.origin}) == {theirs.lease, theirs.origin}
            assert (ours.number, ours.recorded, ours.handle) == (theirs.number, theirs.recorded, theirs.handle)
            assert self.view(ours.job, self.tokens) == self.view(theirs.job)

    def as_model(self, beat: Beat) -> Beat:
        """Return a beat with the memory's tokens."""
        return replace(beat, cancelled=self.leases(beat.cancelled), leases=self.leases(beat.leases))

    def leases(self, real: set[Lease] | frozenset[Lease]) -> frozenset[Lease]:
        """Return leases with the memory's tokens."""
        return frozenset(replace(lease, token=self.tokens[lease.token]) for lease in real)

    def view(self, job: Job, tokens: Mapping[int, int] | None = None) -> dict[str, Any]:
        """Return what the contract fixes of a job."""
        fixed = {name: getattr(job, name) for name in Job.__slots__ if name != "updated_at"}
        fixed["lease"] = tokens[job.lease] if tokens is not None and job.lease else job.lease
        fixed["next_retry_at"] = job.next_retry_at if (job.next_retry_at or 0) > self.clock.now else None
        fixed["cancel_requested"] = job.cancel_requested and job.state is State.PROCESSING
        return fixed


def _settle(claim: Claim, verdict: Verdict, started: bool, delay: int) -> Settlement:
    if not started:
        return settlement(claim, verdict, run=None, delay=delay)
    return settlement(claim, verdict, charge=verdict in {Verdict.FAILED, Verdict.COMPLETED}, delay=delay)


Answer = TypeVar("Answer")


def _attempt(do: Callable[[Storage], Answer], storage: Storage) -> Answer | None:
    try:
        return do(storage)
    except ConflictError:
        return None


def _worker(worker: Worker) -> tuple[object, ...]:
    return (worker.id, worker.beat_at, worker.expired, worker.stop or "", sorted(worker.running))


def _last(storage: Storage) -> int:
    last = 0
    while events := storage.events(last, 1000):
        last = events[-1].id
    return last
