"""Every notifier hears of every event that it wants: in order, at least once, and from one worker at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from queuectl.config import Config, load_config
from queuectl.engine import delivery
from queuectl.engine.delivery import HOLD, LONGEST_PAUSE, Consumer, Deliveries, Delivery, consumers
from queuectl.errors import StorageBusyError
from queuectl.model.event import Event
from queuectl.model.job import NewJob
from queuectl.model.storage import Storage
from queuectl.model.worker import NewWorker
from queuectl.testing import FakeClock, MemoryStorage

if TYPE_CHECKING:
    from tests.unit.conftest import Install

DEADLINE = 60.0
PLUGIN = "plugin 'pager' (queuectl-pager 1.2.3)"


@pytest.fixture
def clock() -> FakeClock:
    """The storage's clock."""
    return FakeClock()


@pytest.fixture
def storage(clock: FakeClock) -> MemoryStorage:
    """A storage with two workers, of whom no event tells, and three events."""
    storage = MemoryStorage(clock=clock, events=frozenset({"job.enqueued"}))
    for worker in ("w1", "w2"):
        storage.register(NewWorker(id=worker, host="h", pid=1))
    storage.enqueue([NewJob(id=id, command="true") for id in "abc"])
    return storage


@dataclass
class Heard:
    """A notifier that remembers the jobs that it heard of; `then` happens whenever it hears."""

    jobs: list[str] = field(default_factory=list)
    then: Callable[[str], object] = lambda job: None

    def notify(self, event: Event) -> None:
        """Remember."""
        assert event.job is not None
        self.jobs.append(event.job.id)
        self.then(event.job.id)


def by(worker: str, storage: Storage, heard: Heard, *, events: Sequence[str] | None = None) -> Delivery:
    """The delivery of one worker to one notifier."""
    wanted = None if events is None else frozenset(events)
    return Delivery(Consumer("pager", PLUGIN, heard.notify, wanted), storage, worker)


def deliver(delivery: Delivery) -> None:
    """Deliver all that is there, in this thread."""
    delivery.close()
    delivery.run()


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition to become true."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_events_are_told_in_order_and_once(storage: MemoryStorage) -> None:
    """Also by the next worker, which goes on where the last one was."""
    heard = Heard()
    deliver(by("w1", storage, heard))
    storage.enqueue([NewJob(id="d", command="true")])
    deliver(by("w2", storage, heard))
    assert heard.jobs == ["a", "b", "c", "d"]


def test_what_a_notifier_does_not_want_is_passed_over(storage: MemoryStorage) -> None:
    """And is not told to it later."""
    heard = Heard()
    deliver(by("w1", storage, heard, events=["job.dead"]))
    assert heard.jobs == []
    deliver(by("w1", storage, heard))
    assert heard.jobs == []


def test_more_than_one_batch_is_told(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a pause between them."""
    monkeypatch.setattr(delivery, "BATCH", 2)
    heard = Heard()
    deliver(by("w1", storage, heard))
    assert heard.jobs == ["a", "b", "c"]


@dataclass
class Failing:
    """Fails at one job as long as it is told to."""

    error: BaseException
    at: str = "b"
    times: int = 1

    def __call__(self, job: str) -> None:
        """Fail, or not."""
        if job == self.at and self.times:
            self.times -= 1
            raise self.error


@pytest.mark.parametrize(
    ("error", "told"),
    [(RuntimeError("one\ntwo"), "RuntimeError: one"), (SystemExit(0), "SystemExit: 0")],
    ids=["raises", "exits"],
)
def test_an_event_whose_notifier_failed_comes_again(storage: MemoryStorage, error: BaseException, told: str) -> None:
    """Before those that follow it; and the log names the plugin."""
    heard = Heard(then=Failing(error))
    with capture_logs() as logs:
        deliver(by("w1", storage, heard))
    assert heard.jobs == ["a", "b"]
    (line,) = logs
    assert (line["event"], line["plugin"], line["error"]) == (
        "the notifier raised, its event comes again",
        PLUGIN,
        told,
    )
    deliver(by("w2", storage, heard))
    assert heard.jobs == ["a", "b", "b", "c"]


def test_a_notifier_that_keeps_failing_is_asked_less_and_less_often(storage: MemoryStorage) -> None:
    """Up to once a minute, and often again once it works."""
    failing = Failing(RuntimeError("no"), times=9)
    delivery = by("w1", storage, Heard(then=failing))
    pauses = [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    with capture_logs():
        assert [delivery._round() for _ in range(9)] == pauses
        assert delivery._round() == 0.0
        storage.enqueue([NewJob(id="d", command="true")])
        failing.at, failing.times = "d", 1
        assert delivery._round() == 1


def test_an_event_is_told_again_rather_than_never(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a storage that fails just after the telling, when the worker dies, then the next one tells it again."""
    heard = Heard()
    dying = by("w1", storage, heard)
    advance = storage.advance
    calls: list[int] = []

    def fail_at_last(consumer: str, upto: int, **more: Any) -> int | None:
        calls.append(upto)
        if len(calls) > 1:
            raise StorageBusyError("no room")
        return advance(consumer, upto, **more)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "advance", fail_at_last)
        with pytest.raises(StorageBusyError):
            dying._round()
    storage.retire("w1")
    deliver(by("w2", storage, heard))
    assert heard.jobs == ["a", "b", "c", "a", "b", "c"]


def test_one_worker_at_a_time_tells_a_notifier(storage: MemoryStorage) -> None:
    """Given a worker that is telling, when another tries, then it tells nothing."""
    others = Heard()
    other = by("w2", storage, others)
    heard = Heard(then=lambda job: deliver(other))
    deliver(by("w1", storage, heard))
    assert (heard.jobs, others.jobs) == (["a", "b", "c"], [])


@pytest.fixture
def turn(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass for the storage and for the worker."""
    now = [1000.0]
    monkeypatch.setattr(delivery, "time", type("", (), {"monotonic": staticmethod(lambda: now[0])}))

    def turn(seconds: float) -> None:
        now[0] += seconds
        clock.advance(seconds)

    return turn


def test_a_slow_notifier_is_told_by_one_worker_all_the_same(
    storage: MemoryStorage, turn: Callable[[float], None]
) -> None:
    """Given one that takes most of the time that a right is held for, when others try meanwhile, then none tells it."""
    others = Heard()
    other = by("w2", storage, others)

    def take_long(job: str) -> None:
        turn(HOLD * 2 / 3)
        deliver(other)

    heard = Heard(then=take_long)
    deliver(by("w1", storage, heard))
    assert (heard.jobs, others.jobs) == (["a", "b", "c"], [])


def test_a_worker_that_hung_for_long_leaves_the_rest_to_who_took_over(
    storage: MemoryStorage, turn: Callable[[float], None]
) -> None:
    """Given a right that ran out while its notifier hung, when it returns, then only that event was told twice."""
    others = Heard()
    other = by("w2", storage, others)

    def hang(job: str) -> None:
        turn(HOLD + 1)
        other._round()

    heard = Heard(then=hang)
    by("w1", storage, heard)._round()
    assert (heard.jobs, others.jobs) == (["a"], ["a", "b", "c"])


def test_a_notifier_that_hangs_is_named_once(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given one that hangs, when it is watched, then the log names it once for each event; it goes on when it can."""
    monkeypatch.setattr(delivery, "SLOW", 0.0)
    free = threading.Semaphore(0)
    heard = Heard(then=lambda job: free.acquire())
    hanging = by("w1", storage, heard)
    with capture_logs() as logs:
        hanging.start()
        for count in (1, 2):
            until(lambda: len(heard.jobs) == count)  # noqa: B023  # called at once
            for _ in range(3):
                hanging.watch()
            free.release()
        free.release()
        hanging.close()
        hanging.join(DEADLINE)
    assert heard.jobs == ["a", "b", "c"]
    assert [(line["event"], line["plugin"], line["event_name"]) for line in logs] == [
        ("the notifier hangs; nothing but its own events waits for it", PLUGIN, "job.enqueued")
    ] * 2


def test_a_quick_notifier_is_not_called_hanging(storage: MemoryStorage) -> None:
    """Neither while it is told something, nor between."""
    quick = by("w1", storage, Heard(then=lambda job: quick.watch()))
    with capture_logs() as logs:
        deliver(quick)
        quick.watch()
    assert logs == []


def pager(heard: Heard, name: str = "pager") -> Consumer:
    """Who hears, under a name."""
    return Consumer(name, f"plugin '{name}'", heard.notify, None)


def test_a_worker_waits_at_its_end_but_not_for_ever(
    storage: MemoryStorage, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given one that hangs among others, when the worker ends, then the others hear all, and that one is named."""
    free = threading.Event()
    hangs = Heard(then=lambda job: free.wait(DEADLINE))
    sound = Heard()
    monkeypatch.setattr(delivery, "consumers", lambda config: [pager(hangs, "hangs"), pager(sound, "sound")])
    deliveries = Deliveries(config, storage, "w1")
    deliveries.start()
    until(lambda: hangs.jobs)
    with capture_logs() as logs:
        assert not deliveries.finish(0.05)
    assert sound.jobs == ["a", "b", "c"]
    assert [(line["plugin"], line["event"]) for line in logs] == [
        ("plugin 'hangs'", "the notifier is not done; the next worker delivers what is left")
    ]
    free.set()
    for thread in deliveries._threads:
        thread.join(DEADLINE)
    assert hangs.jobs == ["a"]  # a worker that has left tells nothing more


def test_a_worker_that_has_told_all_ends_at_once(
    storage: MemoryStorage, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says that nothing is left."""
    heard = Heard()
    monkeypatch.setattr(delivery, "consumers", lambda config: [pager(heard)])
    deliveries = Deliveries(config, storage, "w1")
    deliveries.start()
    assert deliveries.finish(DEADLINE)
    assert heard.jobs == ["a", "b", "c"]


def test_a_storage_that_fails_for_a_while_delays_and_no_more(
    storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given errors of any kind, when they are over, then the events are told; the log says each, trouble once."""
    monkeypatch.setattr(delivery, "IDLE", 0.001)
    events = storage.events
    busy = StorageBusyError("no room")
    errors: list[BaseException] = [SystemExit(0), RuntimeError("no"), busy, busy, busy]

    def fail_at_first(after: int, limit: int) -> Sequence[Event]:
        if errors:
            raise errors.pop()
        return events(after, limit)

    monkeypatch.setattr(storage, "events", fail_at_first)
    heard = Heard()
    delivering = by("w1", storage, heard)
    with capture_logs() as logs:
        delivering.start()
        until(lambda: heard.jobs == ["a", "b", "c"])
        delivering.close()
        delivering.join(DEADLINE)
    assert [line["event"] for line in logs] == [
        "cannot read events, trying again",
        "the delivery failed, and goes on",
        "the delivery failed, and goes on",
    ]


LISTENER = """
    from queuectl import hookimpl

    @hookimpl
    def queuectl_notify(event):
        ...
"""


def test_who_hears_are_the_notifiers_then_the_listeners(install: Install, work: Path, tmp_path: Path) -> None:
    """Each with a cursor of its own, also one that stands there twice; people are told whose each is."""
    install("queuectl-log2", LISTENER, points={"ear": "queuectl_log2"})
    (work / "queuectl.yaml").write_text("notifications: [log, {plugin: log, events: [job.dead]}]\nplugins: [ear]\n")
    config = load_config(environ={"QUEUECTL_HOME": str(tmp_path / "home")}, cwd=work)
    config.load_plugins()
    assert [(each.name, each.plugin, each.events) for each in consumers(config)] == [
        ("log", "plugin 'log' (built in)", None),
        ("log#2", "plugin 'log' (built in)", frozenset({"job.dead"})),
        ("plugin:ear", "plugin 'ear' (queuectl-log2 1.2.3)", None),
    ]


def test_a_new_notifier_does_not_miss_what_a_quicker_one_has_heard(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given two notifiers and an event, when the first hears it before the second begins, then that hears it too."""
    storage = MemoryStorage()
    storage.register(NewWorker(id="w", host="h", pid=1))
    heard: dict[str, list[str]] = {"quick": [], "slow": []}
    monkeypatch.setattr(delivery, "consumers", lambda config: [named(name, to) for name, to in heard.items()])
    start = Delivery.start

    def start_in_turn(thread: Delivery) -> None:
        if thread.consumer.name == "slow":
            wait_until_passed(storage, "quick")
        start(thread)

    monkeypatch.setattr(Delivery, "start", start_in_turn)
    deliveries = Deliveries(config, storage, "w")
    deliveries.start()
    assert deliveries.finish(DEADLINE)
    assert heard == {"quick": ["worker.started"], "slow": ["worker.started"]}


def named(name: str, heard: list[str]) -> Consumer:
    """Somebody who remembers the names of the events that were told."""
    return Consumer(name, name, lambda event: heard.append(event.name), None)


def wait_until_passed(storage: Storage, consumer: str) -> None:
    """Wait until a consumer has passed an event."""
    deadline = time.monotonic() + DEADLINE
    while not storage.advance(consumer, 0, worker="w", hold=0.0):
        assert time.monotonic() < deadline
        storage.wait(0.01)
