"""StorageMachine: any history, told to a storage and to the memory alike, gives the same."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from queuectl.model.job import NewJob, State
from queuectl.model.lease import Ask, Verdict
from queuectl.model.query import Action, Edit, Query
from queuectl.model.storage import Storage
from queuectl.model.worker import NewWorker, StopMode
from queuectl.testing.clock import FakeClock
from queuectl.testing.twins import Ending, Twins

_EXAMPLES = itertools.count()

_small = st.integers(0, 3)
_indexes = st.lists(st.integers(0, 5), max_size=3)
_states = st.none() | st.frozensets(st.sampled_from(State), min_size=1, max_size=2)


class StorageMachine(RuleBasedStateMachine):
    """Does anything in any order to a storage and to a `MemoryStorage`, and compares what both answer and hold.

        hypothesis.stateful.run_state_machine_as_test(StorageMachine.on(storage, clock))

    The storage must go by `clock` and write all events. All examples may share one store: each uses ids of its own,
    and leaves nothing but the names of queues and what the outbox holds.
    """

    def __init__(self, storage: Storage, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock
        self.twins = Twins(storage, clock)
        self.prefix = f"{next(_EXAMPLES)}-"
        self.workers: list[str] = []

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
        alive = [worker.id for worker in self.twins.model.workers()]
        known = alive if alive and index < 3 else self.workers
        return known[-1 - index % len(known)]

    @initialize()
    def begin(self) -> None:
        """Start with two workers, one of which runs a job while others wait, the first of them for its time."""
        self.register(lease=30)
        self.register(lease=20)
        for ids, delay in (([0], None), ([1], 20), ([2, 3], None)):
            self.enqueue(ids=ids, queue=0, priority=0, delay=delay, key=None, limit_key=None, skip=False)
        self.exchange(worker=0, verdicts=[], limit=1, queue=None, delay=0)

    def register(self, lease: int) -> None:
        """A process starts."""
        id = f"{self.prefix}worker-{len(self.workers)}"
        self.workers.append(id)
        self.twins.both(lambda storage: storage.register(NewWorker(id=id, host="host", pid=1, lease=lease)))

    @rule(seconds=st.sampled_from([12, 36]))
    def time_passes(self, seconds: int) -> None:
        """Time passes: more than a sixth of any lease, so that every write of a worker has to prove it alive."""
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
        self.twins.jobs_agree(lambda storage: storage.enqueue(jobs, skip_existing=skip))

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
        pairs = self.twins.pairs
        endings = {
            pair: Ending(pair=pair, verdict=verdict, started=started, delay=delay)
            for index, verdict, started in verdicts
            for pair in pairs[-1 - index :][:1]
        }
        ask = Ask(limit=limit, queues=None if queue is None else (self.queue(queue),))
        self.twins.exchange(self.worker(worker), endings.values(), ask)

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
        for pair in self.twins.pairs[-1 - index :][:1]:
            self.twins.record(pair, handle, started_ago)

    @rule(worker=_small, stop=st.none() | st.sampled_from(StopMode))
    def beat(self, worker: int, stop: StopMode | None) -> None:
        """A worker beats, dead or alive; it may be asked to stop."""
        id = self.worker(worker)
        if stop is not None:
            self.twins.both(lambda storage: storage.request_stop([id], stop))
        self.twins.beat(id)

    @rule(worker=_small)
    def replace_worker(self, worker: int) -> None:
        """A worker retires, and another comes."""
        id = self.worker(worker)
        self.twins.both(lambda storage: storage.retire(id))
        self.register(lease=30)

    @rule(dead=_small, by=_small, proven=st.booleans())
    def take_over(self, dead: int, by: int, proven: bool) -> None:
        """A worker takes another over, which may be alive, and yet another comes."""
        self.twins.take_over(self.worker(dead), self.worker(by), proven=proven)
        self.register(lease=20)

    @rule(action=st.sampled_from(Action), ids=_indexes, priority=st.integers(-1, 1))
    def change_named(self, action: Action, ids: list[int], priority: int) -> None:
        """Somebody does something to a few jobs, whether they are there and allow it or not."""
        names = [self.job(index) for index in ids]
        self.twins.changes_agree(lambda storage: storage.change(action, names, edit=Edit(priority=priority)))

    @rule(action=st.sampled_from(Action), states=_states, queue=st.none() | _small)
    def change_matching(self, action: Action, states: frozenset[State] | None, queue: int | None) -> None:
        """Somebody does something to all jobs that match."""
        query = Query(states=states, queue=None if queue is None else self.queue(queue))
        self.twins.changes_agree(lambda storage: storage.change(action, query, edit=Edit(priority=1)))

    @rule(age=st.sampled_from([0, 10, 60]))
    def prune(self, age: int) -> None:
        """Old jobs are pruned."""
        self.twins.changes_agree(lambda storage: storage.prune(Query(finished_before=age), 100))

    @rule(
        queue=_small,
        paused=st.none() | st.booleans(),
        limit=st.none() | _small,
        key_limit=st.none() | st.integers(0, 1),
    )
    def set_queue(self, queue: int, paused: bool | None, limit: int | None, key_limit: int | None) -> None:
        """Somebody pauses or bounds a queue."""
        name = self.queue(queue)
        self.twins.both(lambda storage: storage.set_queue(name, paused=paused, limit=limit, key_limit=key_limit))

    @invariant()
    def twins_are_alike(self) -> None:
        """Both hold, count and tell the same."""
        self.twins.hold_the_same_jobs()
        self.twins.count_the_same()
        self.twins.know_the_same_workers()
        self.twins.tell_the_same()

    def teardown(self) -> None:
        """Leave an empty store to the next example."""
        self.twins.clear()
