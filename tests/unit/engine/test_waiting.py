"""Waiting ends when the jobs end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from queuectl.engine import waiting
from queuectl.engine.waiting import LONGEST, SHORTEST, wait_for
from queuectl.errors import NotFoundError, WaitTimeoutError
from queuectl.model.job import Job, State
from queuectl.model.query import Action
from queuectl.testing import MemoryStorage
from queuectl.testing.contract.steps import bury, claim_one, complete, enqueue, fail, register


@pytest.fixture
def storage() -> MemoryStorage:
    """A store with a worker."""
    storage = MemoryStorage()
    register(storage, "worker")
    return storage


@contextmanager
def after_a_look(
    storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]
) -> Iterator[None]:
    """Let these happen one by one, each in a pause between two looks."""
    left = list(steps)

    def pause(seconds: float) -> None:
        if left:
            left.pop(0)()

    monkeypatch.setattr(waiting, "sleep", pause)
    yield
    assert left == []


def test_jobs_are_returned_in_the_order_asked_for(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once all have ended, however they ended; an id may be asked for twice."""
    enqueue(storage, "a", "b", "c")
    steps = (
        lambda: complete(storage, claim_one(storage, "worker")),
        lambda: bury(storage, claim_one(storage, "worker")),
        lambda: storage.change(Action.CANCEL, ["c"]),
    )
    with after_a_look(storage, monkeypatch, *steps):
        jobs = wait_for(storage, ["c", "a", "b", "a"], None)
    assert [(job.id, job.state) for job in jobs] == [
        ("c", State.CANCELLED),
        ("a", State.COMPLETED),
        ("b", State.DEAD),
        ("a", State.COMPLETED),
    ]


def test_a_failed_job_has_not_ended(storage: MemoryStorage) -> None:
    """It will be tried again."""
    enqueue(storage, "a")
    fail(storage, claim_one(storage, "worker"), delay=3600.0)
    with pytest.raises(WaitTimeoutError, match=r"^job 'a' is failed after 0\.01 s$"):
        wait_for(storage, ["a"], 0.01)


def test_a_time_out_tells_of_each_job(storage: MemoryStorage) -> None:
    """Those that have ended are no matter."""
    enqueue(storage, "a", "b", "c")
    complete(storage, claim_one(storage, "worker"))
    claim_one(storage, "worker")
    with pytest.raises(WaitTimeoutError) as caught:
        wait_for(storage, ["a", "b", "c"], 0.0)
    assert caught.value.message == "job 'b' is processing after 0 s"
    assert caught.value.details == ("job 'c' is pending",)
    assert caught.value.exit_code == 124


def test_an_unknown_job_is_not_waited_for(storage: MemoryStorage) -> None:
    """All that are unknown are named."""
    enqueue(storage, "a")
    with pytest.raises(NotFoundError) as caught:
        wait_for(storage, ["a", "x", "y"], None)
    assert (caught.value.message, caught.value.details) == ("no job 'x'", ("no job 'y'",))


def test_a_job_that_is_deleted_meanwhile_is_told(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be waited for without an end."""
    enqueue(storage, "a")

    def delete() -> None:
        storage.change(Action.CANCEL, ["a"])
        storage.change(Action.DELETE, ["a"])

    with after_a_look(storage, monkeypatch, delete), pytest.raises(NotFoundError, match="'a' was deleted"):
        wait_for(storage, ["a"], None)


def test_a_job_that_was_seen_to_end_may_be_deleted(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the others are waited for."""
    enqueue(storage, "a", "b")
    steps = (
        lambda: complete(storage, claim_one(storage, "worker")),
        lambda: storage.change(Action.DELETE, ["a"]),
        lambda: complete(storage, claim_one(storage, "worker")),
    )
    with after_a_look(storage, monkeypatch, *steps):
        assert [job.id for job in wait_for(storage, ["a", "b"], None)] == ["a", "b"]


def test_nothing_is_waited_for_at_once(storage: MemoryStorage) -> None:
    """No jobs have all ended."""
    assert wait_for(storage, [], None) == []


def test_pauses_grow_and_stay_short(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short job is seen to end soon, a long one costs little."""
    enqueue(storage, "a")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 40:
            complete(storage, claim_one(storage, "worker"))

    monkeypatch.setattr(waiting, "sleep", pause)
    wait_for(storage, ["a"], None)
    assert pauses[0] >= SHORTEST
    assert all(later >= min(earlier, LONGEST) for earlier, later in pairwise(pauses))
    assert pauses[-1] >= LONGEST


def test_the_last_pause_ends_with_the_time(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause is longer than what is left."""
    enqueue(storage, "a")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        time.sleep(seconds)

    monkeypatch.setattr(waiting, "sleep", pause)
    with pytest.raises(WaitTimeoutError):
        wait_for(storage, ["a"], 0.001)
    assert max(pauses) <= 0.001


def test_another_thread_may_end_the_job(storage: MemoryStorage) -> None:
    """Nothing is held while it is waited."""
    enqueue(storage, "a")
    seen: list[Job] = []
    waiter = threading.Thread(target=lambda: seen.extend(wait_for(storage, ["a"], 30.0)))
    waiter.start()
    complete(storage, claim_one(storage, "worker"))
    waiter.join()
    assert [job.state for job in seen] == [State.COMPLETED]
