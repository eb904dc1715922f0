"""Concurrency: many threads, on one handle or on several, as if they stood in line."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import pytest

from queuectl.errors import ConflictError
from queuectl.model.job import State
from queuectl.model.lease import Ask, Claim, Verdict
from queuectl.model.query import Action
from queuectl.model.storage import Storage
from queuectl.testing.contract.fixtures import OpenStorage
from queuectl.testing.contract.steps import (
    claim,
    enqueue,
    enqueue_and_claim,
    listed,
    new_job,
    patiently,
    register,
    settlement,
    stored,
    told,
)

_THREADS = 4


class Concurrency:
    """The clauses that hold when several do things at once."""

    @pytest.fixture(params=["one handle", "a handle each"])
    def handles(self, request: pytest.FixtureRequest, storage: Storage, open_storage: OpenStorage) -> list[Storage]:
        """Return a handle for each thread, which may be the same."""
        return [storage if request.param == "one handle" else open_storage() for _ in range(_THREADS)]

    def test_each_job_is_claimed_once(self, storage: Storage, handles: list[Storage]) -> None:
        """Workers that claim and settle at the same time get every job, and none twice."""
        ids = [f"job-{number:03}" for number in range(120)]
        enqueue(storage, *ids)
        claimed: list[list[Claim]] = at_once(_drain, handles)
        tokens = [each.lease.token for claims in claimed for each in claims]
        assert Counter(each.job.id for claims in claimed for each in claims) == Counter(ids)
        assert len(set(tokens)) == len(ids)
        assert storage.counts()["default"].get(State.COMPLETED) == len(ids)

    def test_an_id_is_stored_once(self, storage: Storage, handles: list[Storage]) -> None:
        """Of several that store one id at the same time one does, and the others are refused."""

        def store(handle: Storage, number: int) -> int | None:
            try:
                patiently(partial(handle.enqueue, [new_job("same", priority=number), new_job(f"own-{number}")]))
            except ConflictError:
                return None
            return number

        winners = [number for number in at_once(store, handles) if number is not None]
        assert [stored(storage, "same").priority] == winners
        assert sorted(listed(storage)) == [f"own-{winners[0]}", "same"]

    def test_a_key_is_held_once(self, storage: Storage, handles: list[Storage]) -> None:
        """Of several that store a live job with one key at the same time one does."""

        def store(handle: Storage, number: int) -> int:
            new = new_job(f"job-{number}", unique_key="key")
            return len(patiently(partial(handle.enqueue, [new], skip_existing=True)))

        assert sorted(at_once(store, handles)) == [0] * (_THREADS - 1) + [1]

    def test_the_dead_have_one_heir(self, storage: Storage, worker: str, handles: list[Storage]) -> None:
        """Of several that take over one worker at the same time one gets its jobs."""
        enqueue_and_claim(storage, worker)

        def inherit(handle: Storage, number: int) -> list[Claim]:
            heir = register(handle, f"heir-{number}")
            return list(patiently(partial(handle.take_over, [worker], heir)))

        taken = [claim for claims in at_once(inherit, handles) for claim in claims]
        assert [claim.job.id for claim in taken] == ["a"]
        assert stored(storage, "a").worker == taken[0].lease.worker

    def test_of_rival_settlements_one_is_accepted(self, storage: Storage, worker: str, handles: list[Storage]) -> None:
        """Of several settlements under one lease at the same time one is accepted."""
        claim = enqueue_and_claim(storage, worker)
        settlements = [settlement(claim, Verdict.FAILED, charge=True)]

        def settle(handle: Storage, _: int) -> int:
            return len(patiently(partial(handle.exchange, worker, settlements, None)).accepted)

        assert sum(at_once(settle, handles)) == 1
        assert (stored(storage, "a").attempts, len(storage.attempts("a"))) == (1, 1)

    def test_a_limit_is_kept(self, storage: Storage, handles: list[Storage]) -> None:
        """Workers that claim at the same time do not overstep the limit of a queue together."""
        storage.set_queue("default", limit=3)
        enqueue(storage, *(f"job-{number}" for number in range(40)))

        def grab(handle: Storage, number: int) -> int:
            worker = register(handle, f"worker-{number}")
            return sum(len(patiently(partial(handle.exchange, worker, [], Ask(limit=2))).claims) for _ in range(5))

        grabbed = sum(at_once(grab, handles))
        assert grabbed <= 3
        assert grabbed + grab(storage, _THREADS) == 3

    def test_a_queue_is_drained_once(self, storage: Storage, worker: str, handles: list[Storage]) -> None:
        """When the last jobs of a queue are settled at the same time, its end is told once, after all of them."""
        enqueue(storage, *(str(number) for number in range(_THREADS)))
        claims = claim(storage, worker)

        def settle(handle: Storage, number: int) -> None:
            patiently(partial(handle.exchange, worker, [settlement(claims[number], Verdict.COMPLETED)], None))

        at_once(settle, handles)
        storage.exchange(worker, [], Ask(limit=1))
        assert told(storage)[-1] == "queue.drained default"
        assert told(storage).count("queue.drained default") == 1

    def test_a_cancel_and_a_settlement_agree(self, storage: Storage, handles: list[Storage]) -> None:
        """Whichever comes first, a job that is cancelled while it is put back ends cancelled."""
        for number in range(10):
            claim = enqueue_and_claim(storage, register(storage, f"worker-{number}"), f"job-{number}")
            at_once(partial(_cancel_or_give_back, claim), handles[:2])
            assert stored(storage, claim.job.id).state is State.CANCELLED

    def test_events_come_in_the_order_of_their_ids(self, storage: Storage, handles: list[Storage]) -> None:
        """Whoever reads on from the last id it saw misses no event, however many write."""
        seen: list[str] = []
        writing = threading.Event()
        writing.set()

        def read() -> None:
            last = 0
            while True:
                done = not writing.is_set()
                events = patiently(partial(storage.events, last, 7))
                seen.extend(event.job.id for event in events if event.job)
                last = max([last, *(event.id for event in events)])
                if done and not events:
                    return

        def write(handle: Storage, number: int) -> None:
            for count in range(25):
                patiently(partial(enqueue, handle, f"{number}-{count}"))

        with ThreadPoolExecutor(1) as reader:
            reading = reader.submit(read)
            try:
                at_once(write, handles)
            finally:
                writing.clear()
            reading.result()
        assert sorted(seen) == sorted(f"{number}-{count}" for number in range(_THREADS) for count in range(25))


Answer = TypeVar("Answer")


def at_once(act: Callable[[Storage, int], Answer], handles: list[Storage]) -> list[Answer]:
    """Call `act` with each handle on a thread of its own, all of them at the same moment."""
    barrier = threading.Barrier(len(handles))

    def begin(handle: Storage, number: int) -> Answer:
        barrier.wait()
        return act(handle, number)

    with ThreadPoolExecutor(len(handles)) as pool:
        return list(pool.map(begin, handles, range(len(handles))))


def _drain(handle: Storage, number: int) -> list[Claim]:
    """Claim in small portions, settling each with the next, until nothing is left."""
    worker = register(handle, f"worker-{number}")
    claims: list[Claim] = []
    held: list[Claim] = []
    while True:
        settlements = [settlement(each, Verdict.COMPLETED, charge=True) for each in held]
        exchange = patiently(partial(handle.exchange, worker, settlements, Ask(limit=3)))
        assert len(exchange.accepted) == len(held)
        held = list(exchange.claims)
        claims += held
        if not held and exchange.next_due != 0.0:
            return claims


def _cancel_or_give_back(claim: Claim, handle: Storage, number: int) -> None:
    if number == 0:
        patiently(partial(handle.change, Action.CANCEL, [claim.job.id]))
    else:
        back = [settlement(claim, Verdict.RELEASED, run=None)]
        patiently(partial(handle.exchange, claim.lease.worker, back, None))
