"""Processes: several of them on one store, and what is left when one is killed."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from multiprocessing.connection import Connection
from typing import Any

import pytest

from queuectl.model.job import State
from queuectl.model.lease import Verdict
from queuectl.model.query import Query
from queuectl.model.storage import Storage
from queuectl.testing.contract import children
from queuectl.testing.contract.children import Life
from queuectl.testing.contract.fixtures import StorageFactory, needs
from queuectl.testing.contract.steps import (
    PATIENCE,
    ask,
    enqueue,
    register,
    settle,
    settlement,
    stored,
)


class Child:
    """A process that lives on a handle of its own, and talks with the test."""

    def __init__(self, factory: StorageFactory, life: Life) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_live, args=(factory, life, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, message: object) -> None:
        """Tell it something."""
        self._pipe.send(message)

    def receive(self) -> Any:
        """Return the next thing that it has to tell, which must come."""
        assert self._pipe.poll(PATIENCE), "the other process has nothing to tell"
        return self._pipe.recv()

    def last_words(self) -> list[Any]:
        """Return all that it had told when it was killed, and was not yet received."""
        words = []
        try:
            while self._pipe.poll(0.0):
                words.append(self._pipe.recv())
        except (EOFError, OSError):
            pass
        return words

    def kill(self) -> None:
        """End it by SIGKILL, and return once it is gone."""
        self._process.kill()
        self._process.join(PATIENCE)

    def close(self) -> None:
        """End it, and forget it."""
        self.kill()
        self._process.close()
        self._pipe.close()


Start = Callable[[Life], Child]


class Processes:
    """The clauses of a store that several processes share."""

    @pytest.fixture
    def live_storage(self, storage: Storage, storage_factory: StorageFactory) -> Iterator[Storage]:
        """Return a handle by the real clock, which is the one that all processes have."""
        with closing(storage_factory()) as live_storage:
            yield live_storage

    @pytest.fixture
    def start(self, storage_factory: StorageFactory) -> Iterator[Start]:
        """Return what starts another process on the same store."""
        with ExitStack() as stack:
            yield lambda life: stack.enter_context(closing(Child(storage_factory, life)))

    @needs("multi_process")
    def test_each_job_is_claimed_by_one_process(self, live_storage: Storage, start: Start) -> None:
        """Processes that claim and settle at the same time get every job, and none twice."""
        ids = [f"job-{number:03}" for number in range(150)]
        enqueue(live_storage, *ids)
        drainers = [start(children.drain) for _ in range(2)]
        for number, child in enumerate(drainers):
            child.send(f"worker-{number}")
        claimed = [id for child in drainers for id in child.receive()]
        assert Counter(claimed) == Counter(ids)
        assert live_storage.counts()["default"].get(State.COMPLETED) == len(ids)

    @needs("multi_process")
    def test_the_jobs_of_a_killed_process_are_taken_over(self, live_storage: Storage, start: Start) -> None:
        """What a killed process held is processing until somebody takes it over, and then may be settled."""
        enqueue(live_storage, "a", "b", "c")
        child = start(children.hold)
        child.send("doomed")
        assert child.receive() == ["a", "b"]
        child.kill()
        assert [stored(live_storage, id).state for id in ("a", "b")] == [State.PROCESSING] * 2
        heir = register(live_storage, "heir")
        taken = live_storage.take_over(["doomed"], heir)
        assert sorted(each.job.id for each in taken) == ["a", "b"]
        lost = [settlement(each, Verdict.LOST) for each in taken]
        live_storage.exchange(heir, lost, None)
        assert [each.job.id for each in ask(live_storage, heir).claims] == ["a", "b", "c"]

    @needs("multi_process")
    def test_a_process_that_was_taken_over_settles_nothing(self, live_storage: Storage, start: Start) -> None:
        """A process that was only slow, and was taken for dead, cannot settle what is another's now."""
        enqueue(live_storage, "a", "b")
        child = start(children.settle_late)
        child.send("slow")
        assert child.receive() == "a"
        heir = register(live_storage, "heir")
        (taken,) = live_storage.take_over(["slow"], heir)
        child.send("settle now")
        assert child.receive() is False
        assert stored(live_storage, "a").state is State.PROCESSING
        assert settle(live_storage, taken, Verdict.LOST)

    @needs("multi_process", "wakeup")
    def test_a_wait_ends_when_another_process_commits(self, live_storage: Storage, start: Start) -> None:
        """A wait returns soon after another process enqueued a job, and the job is there."""
        worker = register(live_storage, "worker-1")
        child = start(children.enqueue_one)
        ask(live_storage, worker)
        child.send("new")
        while not (claims := ask(live_storage, worker).claims):
            assert live_storage.wait(PATIENCE), "no wake-up came"
        assert [each.job.id for each in claims] == ["new"]

    @needs("multi_process", "durable")
    def test_an_acknowledged_enqueue_outlives_its_process(self, live_storage: Storage, start: Start) -> None:
        """Every job whose enqueue had answered is there when its process is killed right after."""
        child = start(children.enqueue_on)
        acknowledged = [child.receive() for _ in range(20)]
        child.kill()
        acknowledged += child.last_words()
        assert [id for id in acknowledged if live_storage.get(id) is None] == []
        assert list(live_storage.check()) == []

    @needs("multi_process")
    def test_a_store_is_sound_after_kills(self, live_storage: Storage, start: Start) -> None:
        """Processes that are killed amid all kinds of writes leave a sound store, in which nothing is lost."""
        workers = ["doomed-1", "doomed-2"]
        doomed = [start(children.work_on) for _ in workers]
        for child, worker in zip(doomed, workers, strict=True):
            child.send(worker)
        settled = [child.receive() for child in doomed for _ in range(10)]
        for child in doomed:
            child.kill()
        settled += [id for child in doomed for id in child.last_words()]
        assert {stored(live_storage, id).state for id in settled} == {State.COMPLETED}
        assert list(live_storage.check()) == []
        self._finish_the_rest(live_storage, workers)
        page = live_storage.list(Query(), None, 1000)
        assert {job.state for job in page.jobs} == {State.COMPLETED}

    def _finish_the_rest(self, storage: Storage, dead: list[str]) -> None:
        heir = register(storage, "heir")
        lost = [settlement(each, Verdict.LOST) for each in storage.take_over(dead, heir)]
        storage.exchange(heir, lost, None)
        while claims := ask(storage, heir).claims:
            storage.exchange(heir, [settlement(each, Verdict.COMPLETED) for each in claims], None)


def _live(factory: StorageFactory, life: Life, parent: Connection) -> None:
    with closing(factory()) as storage:
        life(storage, parent)
