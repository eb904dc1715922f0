"""Waiting: how a worker sleeps without missing anything."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from queuectl.model.lease import Settlement, Verdict
from queuectl.model.query import Action
from queuectl.model.storage import Storage
from queuectl.model.worker import StopMode
from queuectl.testing.contract.fixtures import OpenStorage, needs
from queuectl.testing.contract.steps import (
    PATIENCE,
    ask,
    enqueue,
    enqueue_and_claim,
    register,
)

_LONG = 2 * PATIENCE

Begin = Callable[[Callable[[], object]], "Future[object]"]

_COMMITS: dict[str, Callable[[Storage], object]] = {
    "enqueue": lambda storage: enqueue(storage, "new"),
    "settle": lambda storage: _settle_all(storage, "worker-2"),
    "cancel": lambda storage: storage.change(Action.CANCEL, ["claimed"]),
    "release": lambda storage: storage.change(Action.RELEASE, ["held"]),
    "resume": lambda storage: storage.set_queue("red", paused=False),
    "stop": lambda storage: storage.request_stop(["worker-1"], StopMode.FINISH),
}


def _settle_all(storage: Storage, worker: str) -> None:
    settlements = [Settlement(lease=lease, verdict=Verdict.DEAD) for lease in storage.beat(worker).leases]
    assert storage.exchange(worker, settlements, None).accepted


class Waiting:
    """The clauses of `Storage.wait` and `interrupt`."""

    @pytest.fixture
    def begin(self, storage: Storage) -> Iterator[Begin]:
        """Return what begins a call on a thread of its own."""
        with ThreadPoolExecutor() as pool:
            yield lambda call: pool.submit(call)
            storage.interrupt()

    def test_it_ends_with_its_time(self, storage: Storage, worker: str) -> None:
        """A wait lasts `timeout` seconds at most, by a clock that runs, and is then False."""
        ask(storage, worker)
        assert self._settles_down(storage)

    def test_no_time_is_no_wait(self, storage: Storage) -> None:
        """A wait of no time returns at once."""
        began = time.monotonic()
        storage.wait(0.0)
        assert time.monotonic() - began < PATIENCE

    def test_an_interrupt_ends_it(self, storage: Storage, worker: str, begin: Begin) -> None:
        """`interrupt` makes a wait that runs return True, from another thread."""
        ask(storage, worker)
        assert self._settles_down(storage)
        waiting = begin(lambda: storage.wait(_LONG))
        storage.interrupt()
        assert waiting.result(PATIENCE) is True

    def test_an_interrupt_ends_the_next(self, storage: Storage, worker: str) -> None:
        """`interrupt` before a wait makes it return True at once."""
        ask(storage, worker)
        storage.interrupt()
        began = time.monotonic()
        assert storage.wait(_LONG) is True
        assert time.monotonic() - began < PATIENCE

    def test_an_interrupt_ends_one(self, storage: Storage, worker: str) -> None:
        """An interrupt is over once a wait has returned for it."""
        ask(storage, worker)
        storage.interrupt()
        storage.wait(_LONG)
        assert self._settles_down(storage)

    def test_an_interrupt_is_the_handles_own(self, storage: Storage, open_storage: OpenStorage, worker: str) -> None:
        """To interrupt one handle does not interrupt another for ever."""
        other = open_storage()
        ask(storage, worker)
        other.interrupt()
        assert self._settles_down(storage)

    def test_an_interrupt_may_come_from_a_signal(self, storage: Storage, worker: str, begin: Begin) -> None:
        """A signal handler that calls `interrupt` ends the wait of the very thread that it interrupts."""
        ask(storage, worker)
        returned = threading.Event()

        def keep_sending() -> None:
            while not returned.wait(0.01):
                os.kill(os.getpid(), signal.SIGUSR1)

        before = signal.signal(signal.SIGUSR1, lambda *_: storage.interrupt())
        try:
            sending = begin(keep_sending)
            assert storage.wait(_LONG) is True
            returned.set()
            sending.result(PATIENCE)
        finally:
            returned.set()
            signal.signal(signal.SIGUSR1, before)

    def test_closing_ends_it(self, storage: Storage, open_storage: OpenStorage, begin: Begin) -> None:
        """A wait that runs returns when its handle is closed."""
        other = open_storage()
        entered = threading.Event()

        def wait_on() -> None:
            entered.set()
            other.wait(_LONG)

        waiting = begin(wait_on)
        assert entered.wait(PATIENCE)
        other.close()
        waiting.result(PATIENCE)

    def test_closing_twice_is_fine(self, open_storage: OpenStorage) -> None:
        """A closed handle may be closed again."""
        other = open_storage()
        other.close()
        other.close()

    def test_closing_one_handle_leaves_the_others(self, storage: Storage, open_storage: OpenStorage) -> None:
        """A store lives on when one of its handles is closed."""
        enqueue(other := open_storage(), "a")
        other.close()
        enqueue(storage, "b")
        assert storage.get("a") is not None

    @needs("wakeup")
    @pytest.mark.parametrize("commit", _COMMITS.values(), ids=_COMMITS.keys())
    def test_it_ends_when_another_commits(
        self,
        storage: Storage,
        open_storage: OpenStorage,
        worker: str,
        begin: Begin,
        commit: Callable[[Storage], object],
    ) -> None:
        """A wait returns True soon after another handle committed something."""
        other = self._with_something_to_do(storage, open_storage, worker)
        ask(storage, worker)
        assert self._settles_down(storage)
        waiting = begin(lambda: storage.wait(_LONG))
        commit(other)
        assert waiting.result(PATIENCE) is True

    @needs("wakeup")
    @pytest.mark.parametrize("commit", _COMMITS.values(), ids=_COMMITS.keys())
    def test_no_wake_up_is_lost_between_exchange_and_wait(
        self, storage: Storage, open_storage: OpenStorage, worker: str, commit: Callable[[Storage], object]
    ) -> None:
        """What another committed after the last exchange ends the wait that follows at once."""
        other = self._with_something_to_do(storage, open_storage, worker)
        ask(storage, worker)
        commit(other)
        began = time.monotonic()
        assert storage.wait(_LONG) is True
        assert time.monotonic() - began < PATIENCE

    @needs("wakeup")
    def test_every_commit_ends_a_wait(self, storage: Storage, open_storage: OpenStorage, worker: str) -> None:
        """Many rounds of exchange, commit and wait miss none."""
        other = open_storage()
        for number in range(50):
            ask(storage, worker)
            enqueue(other, f"job-{number}")
            assert storage.wait(_LONG) is True
            assert [each.job.id for each in ask(storage, worker).claims] == [f"job-{number}"]

    def _with_something_to_do(self, storage: Storage, open_storage: OpenStorage, worker: str) -> Storage:
        enqueue_and_claim(storage, worker, "claimed")
        enqueue_and_claim(storage, register(storage, "worker-2"), "claimed by another")
        enqueue(storage, "held")
        storage.change(Action.HOLD, ["held"])
        storage.set_queue("red", paused=True)
        return open_storage()

    def _settles_down(self, storage: Storage) -> bool:
        """Return whether a wait times out at last: a few may return before, since spurious returns are allowed."""
        return any(storage.wait(0.02) is False for _ in range(50))
