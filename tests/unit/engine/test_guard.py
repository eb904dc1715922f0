"""The guard: what runs is ended in time where others may take over, whoever is waiting for the storage."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from queuectl.config import Config
from queuectl.engine.boot import boot_id
from queuectl.engine.cancelling import CancelFlag
from queuectl.engine.desk import Desk, Running
from queuectl.engine.exchanging import Counter
from queuectl.engine.guard import Guard
from queuectl.engine.keeper import Keeper
from queuectl.engine.ledger import Ledger
from queuectl.engine.worker import Terms
from queuectl.model.lease import Beat
from queuectl.testing import MemoryStorage

from .conftest import World, until

LEASE = 30.0


@pytest.fixture
def counter(world: World) -> Iterator[Counter]:
    """The counter of this worker."""
    book = Ledger(world.run, world.me, slots=4, boot=boot_id())
    yield Counter(world.storage, Desk(), Terms(id=world.me), world.logs, book, structlog.get_logger())
    book.close()


@pytest.fixture
def running(world: World, counter: Counter) -> Iterator[Running]:
    """A job that runs."""
    claim = world.claim(world.me)
    counter.desk.add([claim])
    counter.desk.take()
    running = Running(claim, slot=1, flag=CancelFlag(), started=time.monotonic())
    counter.desk.start(running)
    yield running
    running.flag.close()


@pytest.mark.parametrize(("age", "ended"), [(LEASE * 0.6, False), (LEASE * 0.7, True)])
def test_what_runs_is_ended_in_time(counter: Counter, running: Running, age: float, ended: bool) -> None:
    """When the last proof of life that was stored is two thirds of the lease old."""
    counter.confirmed_at = counter.proven_at = time.monotonic() - age
    left = Guard(counter, lease=LEASE).look()
    assert (running.flag.reason == "lost") is ended
    if ended:
        assert left == pytest.approx(0.5, abs=0.1)
    else:
        assert LEASE * 2 / 3 - age - 1.9 < left <= LEASE * 2 / 3 - age  # it has become later since


@pytest.mark.parametrize(("age", "ended"), [(LEASE * 0.35, False), (LEASE * 0.42, True)])
def test_an_answer_that_does_not_tell_how_old_the_proof_is(
    counter: Counter, running: Running, age: float, ended: bool
) -> None:
    """Then it was as old as it may be, which is a third of what the storage takes for the lease."""
    counter.proven_at = time.monotonic() - LEASE
    counter.confirmed_at = time.monotonic() - age
    Guard(counter, lease=LEASE).look()
    assert (running.flag.reason == "lost") is ended


def test_what_is_just_being_started_is_ended_too(world: World, counter: Counter) -> None:
    """A claim that was taken from the desk is told as soon as it runs."""
    claim = world.claim(world.me)
    counter.desk.add([claim])
    counter.desk.take()
    counter.confirmed_at = counter.proven_at = time.monotonic() - LEASE
    Guard(counter, lease=LEASE).look()
    assert counter.desk.is_doomed(claim)


def test_what_runs_later_is_not(world: World, counter: Counter, running: Running) -> None:
    """Once the storage answers again the worker works as before."""
    counter.confirmed_at = counter.proven_at = time.monotonic() - LEASE
    Guard(counter, lease=LEASE).look()
    counter.confirmed_at = time.monotonic()
    claim = world.claim(world.me, "later")
    counter.desk.add([claim])
    counter.desk.take()
    later = Running(claim, slot=2, flag=CancelFlag(), started=time.monotonic())
    counter.desk.start(later)
    assert not later.flag.is_set()
    later.flag.close()


class Mute(MemoryStorage):
    """A storage of many hosts that takes every question, and answers none."""

    capabilities = frozenset({"multi_host"})

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let_go = threading.Event(), threading.Event()

    def beat(self, worker: str) -> Beat:
        """Keep whoever asks waiting."""
        self.asked.set()
        self.let_go.wait()
        return super().beat(worker)


class Others:
    """The rest of a worker, which has nothing to do."""

    is_unsure = False

    def finish(self) -> bool:
        """Have nothing left."""
        return True

    def __getattr__(self, name: str) -> Any:
        """Do nothing."""
        return lambda: None


def test_a_question_without_an_answer_keeps_nobody_from_it(counter: Counter, running: Running, config: Config) -> None:
    """The keeper waits for the answer to its beat, and the command is ended all the same."""
    counter.storage = mute = Mute()
    rest: Any = Others()
    keeper = Keeper(counter, rest, rest, config, lease=0.2, stop=lambda *_: None)
    keeper.start()
    try:
        assert mute.asked.wait(120)
        until(running.flag.is_set)
    finally:
        mute.let_go.set()
        keeper.finish()
