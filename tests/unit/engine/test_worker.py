"""The worker: a whole one, in this process, with real commands."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from queuectl.config import Config
from queuectl.engine import ledger
from queuectl.engine import worker as working
from queuectl.engine.retry import MAX_LOST
from queuectl.engine.runner import Runner
from queuectl.engine.worker import Terms, Worker, install_signals
from queuectl.errors import StorageError, StorageGoneError, StorageRefusedError
from queuectl.model.attempt import Result, Run
from queuectl.model.job import Job, NewJob, State
from queuectl.model.lease import Ask, Claim, Settlement, Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.query import Action, Query
from queuectl.model.worker import NewWorker, StopMode
from queuectl.testing import MemoryStorage

from .conftest import until

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
UNTIL_GO = "touch begun; while ! test -e go; do sleep 0.01; done"


@pytest.fixture
def storage(work: Path) -> MemoryStorage:
    """A storage."""
    return MemoryStorage()


@pytest.fixture
def enqueue(storage: MemoryStorage, work: Path) -> Callable[..., None]:
    """Store jobs that run in the working directory."""

    def enqueue(**commands: str) -> None:
        storage.enqueue([NewJob(id=id, command=command, cwd=str(work)) for id, command in commands.items()])

    return enqueue


def job(storage: MemoryStorage, id: str) -> Job:
    """Return a job."""
    found = storage.get(id)
    assert found is not None
    return found


class Started:
    """A worker that runs on a thread of its own."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.codes: list[int] = []
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self.codes.append(worker.run(ready.set)))
        self._thread.start()
        assert ready.wait(60.0)

    def end(self) -> int:
        """Wait until it has ended; return its exit code."""
        self._thread.join(60.0)
        assert not self._thread.is_alive()
        return self.codes[0]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_drain_runs_what_there_is_and_ends(
    config: Config, storage: MemoryStorage, enqueue: Callable[..., None], concurrency: int
) -> None:
    """What fails for good is dead; nothing of the worker is left, in the storage or on the disk."""
    enqueue(**{f"good-{number}": "echo hello" for number in range(10)})
    storage.enqueue([NewJob(id="bad", command="exit 3", max_retries=0)])
    assert Worker(config, storage, Terms(id="w", concurrency=concurrency, drain=True)).run() == 0
    states = {each.id: each.state for each in storage.list(Query(), None, 100).jobs}
    assert states.pop("bad") is State.DEAD
    assert set(states.values()) == {State.COMPLETED}
    assert storage.workers() == []
    assert (os.listdir(config.data / "run"), os.listdir(config.data / "logs")) == ([], [])


def test_only_its_queues_are_served(config: Config, storage: MemoryStorage) -> None:
    """The others are for others."""
    storage.enqueue([NewJob(id=queue, command="true", queue=queue) for queue in ("mail", "other")])
    Worker(config, storage, Terms(id="w", queues=("mail",), drain=True)).run()
    assert (job(storage, "mail").state, job(storage, "other").state) == (State.COMPLETED, State.PENDING)


@pytest.mark.parametrize("verdict", [Verdict.LOST, Verdict.RELEASED])
def test_a_drain_sees_what_is_given_back_between_its_looks(
    config: Config,
    storage: MemoryStorage,
    enqueue: Callable[..., None],
    verdict: Verdict,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A dead worker's job runs when a worker looks for claims, and waits when it looks whether any runs."""
    enqueue(a="true")
    storage.register(NewWorker(id="rescuer", host="here", pid=1))
    claims = [*storage.exchange("rescuer", [], Ask(limit=1)).claims]
    counts = storage.counts

    def counts_after_a_settlement() -> Any:
        while claims:
            claim = claims.pop()
            given_back = lost(claim) if verdict is Verdict.LOST else Settlement(lease=claim.lease, verdict=verdict)
            storage.exchange("rescuer", [given_back], None)
        return counts()

    monkeypatch.setattr(storage, "counts", counts_after_a_settlement)
    assert Worker(config, storage, Terms(id="w", drain=True)).run() == 0
    assert job(storage, "a").state is State.COMPLETED


class TestLastChance:
    """Jobs that several workers did not survive."""

    @pytest.fixture
    def lose(self, storage: MemoryStorage) -> Callable[[], None]:
        """Lose runs of all jobs that wait, until one more would be too many."""

        def lose() -> None:
            for worker in (f"dead-{number}" for number in range(MAX_LOST - 1)):
                storage.register(NewWorker(id=worker, host="here", pid=1))
                claims = storage.exchange(worker, [], Ask(limit=10)).claims
                storage.exchange(worker, [lost(claim) for claim in claims], None)
                storage.retire(worker)

        return lose

    def test_each_runs_by_itself(
        self, config: Config, storage: MemoryStorage, enqueue: Callable[..., None], lose: Callable[[], None]
    ) -> None:
        """Of several that run side by side nobody could tell which one takes the worker along."""
        alone = "mkdir other || exit 1; sleep 0.1; rmdir other"
        enqueue(a=alone, b=alone)
        lose()
        enqueue(c="test ! -e other", d="test ! -e other")
        with capture_logs() as logs:
            Worker(config, storage, Terms(id="w", concurrency=4, drain=True)).run()
        assert {(job(storage, id).state, job(storage, id).attempts) for id in "abcd"} == {(State.COMPLETED, 1)}
        assert sorted(entry["job"] for entry in logs if "by itself" in entry["event"]) == ["a", "b"]

    @pytest.fixture
    def waiting(
        self,
        config: Config,
        storage: MemoryStorage,
        enqueue: Callable[..., None],
        lose: Callable[[], None],
        work: Path,
    ) -> Iterator[Started]:
        """A worker with a job that runs, and another one that waits to be alone."""
        enqueue(suspect="true")
        lose()
        storage.enqueue([NewJob(id="running", command=UNTIL_GO, cwd=str(work), priority=1)])
        started = Started(Worker(config, storage, Terms(id="w", concurrency=2)))
        until((work / "begun").exists)
        until(lambda: job(storage, "suspect").state is State.PROCESSING)
        until(lambda: started.worker._isolation._suspects == 1)
        yield started
        started.worker.stop(StopMode.FORCE)
        started.end()

    def test_one_that_waits_to_be_alone_is_given_back_when_the_worker_stops(
        self, storage: MemoryStorage, waiting: Started, work: Path
    ) -> None:
        """It has not begun."""
        waiting.worker.stop(StopMode.FINISH)
        until(lambda: job(storage, "suspect").state is State.PENDING)
        assert job(storage, "running").state is State.PROCESSING
        (work / "go").touch()
        waiting.end()
        assert (job(storage, "running").state, job(storage, "suspect").runs) == (State.COMPLETED, MAX_LOST - 1)

    def test_one_that_waits_to_be_alone_can_be_cancelled(self, storage: MemoryStorage, waiting: Started) -> None:
        """It does not wait for the others to end."""
        storage.change(Action.CANCEL, ["suspect"])
        until(lambda: job(storage, "suspect").state is State.CANCELLED)
        assert (job(storage, "running").state, job(storage, "suspect").runs) == (State.PROCESSING, MAX_LOST - 1)


def lost(claim: Claim) -> Settlement:
    """Return the settlement of a run that its worker did not survive."""
    run = Run(number=claim.number, result=Result.LOST, outcome=Outcome(error="lost"), started_ago=0.0, ended_ago=0.0)
    return Settlement(lease=claim.lease, verdict=Verdict.LOST, run=run)


class TestStopping:
    """A worker that is told to stop."""

    def test_it_finishes_what_runs(
        self, config: Config, storage: MemoryStorage, enqueue: Callable[..., None], work: Path
    ) -> None:
        """And claims no more."""
        enqueue(a=UNTIL_GO, b="true")
        started = Started(Worker(config, storage, Terms(id="w")))
        until((work / "begun").exists)
        started.worker.stop(StopMode.FINISH, exit_code=143)
        started.worker.stop(StopMode.FINISH)
        (work / "go").touch()
        assert started.end() == 143
        assert (job(storage, "a").state, job(storage, "b").state) == (State.COMPLETED, State.PENDING)

    def test_by_force_it_gives_back_what_runs(
        self, config: Config, storage: MemoryStorage, enqueue: Callable[..., None], work: Path
    ) -> None:
        """A later and milder stop changes nothing."""
        enqueue(a=UNTIL_GO)
        started = Started(Worker(config, storage, Terms(id="w")))
        until((work / "begun").exists)
        started.worker.stop(StopMode.FORCE)
        started.worker.stop(StopMode.FINISH)
        started.end()
        assert (job(storage, "a").state, job(storage, "a").attempts, job(storage, "a").runs) == (State.PENDING, 0, 1)

    def test_an_idle_one_ends_at_once(self, config: Config, storage: MemoryStorage) -> None:
        """It does not sleep on."""
        started = Started(Worker(config, storage, Terms(id="w", concurrency=2)))
        started.worker.stop(StopMode.FINISH)
        assert started.end() == 0

    def test_what_it_could_not_settle_keeps_it_registered(
        self,
        config: Config,
        storage: MemoryStorage,
        enqueue: Callable[..., None],
        work: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """To retire would give the job back, though its outcome is in the ledger, which stays."""
        enqueue(a=UNTIL_GO)
        started = Started(Worker(config, storage, Terms(id="w")))
        until((work / "begun").exists)

        def full(*_: object) -> Any:
            raise StorageError("the disk is full")

        monkeypatch.setattr(storage, "exchange", full)
        (work / "go").touch()
        until(lambda: not started.worker.desk.running())
        started.worker.stop(StopMode.FORCE)
        started.end()
        assert [each.running for each in storage.workers()] == [("a",)]
        record = ledger.read(config.data / "run", "w")
        assert record is not None
        assert [entry.outcome and entry.outcome["exit_code"] for entry in record.entries.values()] == [0]


class TestTrouble:
    """What goes wrong around its jobs."""

    def test_a_job_that_cannot_be_tried_is_given_back_for_a_moment(
        self, config: Config, storage: MemoryStorage, enqueue: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Such as when the ledger cannot be written; a drain waits for it."""
        monkeypatch.setattr(working, "TRY_AGAIN", 0.02)
        run, fails = Runner.run, [OSError("a broken disk")]

        def sometimes(runner: Runner, claim: Any) -> Any:
            if fails:
                raise fails.pop()
            return run(runner, claim)

        monkeypatch.setattr(Runner, "run", sometimes)
        enqueue(a="true")
        with capture_logs() as logs:
            assert Worker(config, storage, Terms(id="w", drain=True)).run() == 0
        assert "cannot run a job, giving it back" in [entry["event"] for entry in logs]
        assert (job(storage, "a").state, job(storage, "a").attempts) == (State.COMPLETED, 1)

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_a_runner_that_fails_stops_the_worker(
        self, config: Config, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With an exit code that has its supervisor start another."""
        started = Started(Worker(config, storage, Terms(id="w", concurrency=2)))

        def fail(*_: object, **__: object) -> Any:
            raise RuntimeError("a bug")

        monkeypatch.setattr(started.worker.counter, "exchange", fail)
        started.worker.desk.announce()
        until(lambda: started.worker.exit_code)
        monkeypatch.undo()
        assert started.end() == os.EX_SOFTWARE

    def test_a_drain_outlives_a_storage_that_fails(
        self, config: Config, storage: MemoryStorage, enqueue: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is not done before it could ask."""
        for name in ("exchange", "counts"):
            monkeypatch.setattr(storage, name, sometimes(getattr(storage, name), 2))
        enqueue(a="true")
        assert Worker(config, storage, Terms(id="w", drain=True)).run() == 0
        assert job(storage, "a").state is State.COMPLETED

    @pytest.mark.parametrize("call", ["exchange", "counts"])
    @pytest.mark.parametrize(
        ("error", "code"), [(StorageGoneError("removed"), 75), (StorageRefusedError("damaged"), 78)]
    )
    def test_a_drain_ends_where_no_store_is_to_be_had(
        self,
        config: Config,
        storage: MemoryStorage,
        error: StorageError,
        code: int,
        call: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Or its next start would find it waiting still."""
        monkeypatch.setattr(storage, call, failing(error))
        assert Worker(config, storage, Terms(id="w", drain=True)).run() == code

    def test_a_store_that_was_taken_away_is_waited_for(
        self, config: Config, storage: MemoryStorage, enqueue: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What ran meanwhile is settled when it is back."""
        enqueue(a=UNTIL_GO, b="true")
        started = Started(Worker(config, storage, Terms(id="w")))
        until((config.data.parent / "work" / "begun").exists)
        with monkeypatch.context() as away:
            for name in ("exchange", "beat", "record"):
                away.setattr(storage, name, failing(StorageGoneError("removed")))
            (config.data.parent / "work" / "go").touch()
            until(lambda: not started.worker.desk.running())
            until(lambda: started.worker.counter.pause() > 0.3)
        until(lambda: {job(storage, id).state for id in "ab"} == {State.COMPLETED})
        started.worker.stop(StopMode.FINISH)
        assert started.end() == 0

    def test_who_leaves_does_not_wait_for_it(
        self, config: Config, storage: MemoryStorage, enqueue: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its ledger keeps what ended, and its exit code tells it."""
        enqueue(a=UNTIL_GO)
        started = Started(Worker(config, storage, Terms(id="w")))
        until((config.data.parent / "work" / "begun").exists)
        for name in ("exchange", "beat", "record"):
            monkeypatch.setattr(storage, name, failing(StorageGoneError("removed")))
        started.worker.stop(StopMode.FINISH, exit_code=143)
        (config.data.parent / "work" / "go").touch()
        assert started.end() == 75
        record = ledger.read(config.data / "run", "w")
        assert record is not None
        assert [entry.phase for entry in record.entries.values()] == ["ended"]

    def test_its_leases_hold_for_as_long_as_the_storage_hears_of_it(
        self, config: Config, storage: MemoryStorage
    ) -> None:
        """Half a lease after the last time it is no longer certain."""
        worker = Worker(config, storage, Terms(id="w"))
        assert worker._holds()
        worker.counter.confirmed_at -= float(config.worker.lease) / 2
        assert not worker._holds()
        worker.ledger.close()


def failing(error: StorageError) -> Callable[..., Any]:
    """Return a call that fails."""

    def fail(*_: object) -> Any:
        raise error

    return fail


def sometimes(call: Callable[..., Any], failures: int) -> Callable[..., Any]:
    """Let a call fail some times before it works."""
    left = [StorageError("busy")] * failures

    def fail(*arguments: Any) -> Any:
        if left:
            raise left.pop()
        return call(*arguments)

    return fail


class TestSignals:
    """What signals make of it."""

    class Stopped:
        """Notes how it is stopped."""

        def __init__(self) -> None:
            self.calls: list[tuple[StopMode, int]] = []

        def stop(self, mode: StopMode, exit_code: int) -> None:
            """Note it."""
            self.calls.append((mode, exit_code))

    @pytest.fixture
    def worker(self) -> Iterator[Stopped]:
        """A worker, and signals as they were afterwards."""
        before = {number: signal.getsignal(number) for number in SIGNALS}
        yield self.Stopped()
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(signal.set_wakeup_fd(-1))

    def test_the_second_ends_the_jobs_and_the_third_the_process(
        self, worker: Stopped, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whichever they are."""
        codes: list[int] = []
        monkeypatch.setattr(os, "_exit", codes.append)
        install_signals(worker)  # type: ignore[arg-type]
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            signal.raise_signal(number)
        until(lambda: codes == [143])
        assert worker.calls[:2] == [(StopMode.FINISH, 143), (StopMode.FORCE, 130)]

    def test_an_order_counts_apart(self, worker: Stopped) -> None:
        """What a supervisor passes on is the signal that this worker may have had too."""
        install_signals(worker)  # type: ignore[arg-type]
        for number in (signal.SIGTERM, signal.SIGUSR2, signal.SIGUSR1):
            signal.raise_signal(number)
        calls = [(StopMode.FINISH, 143), (StopMode.FINISH, 140), (StopMode.FORCE, 138)]
        until(lambda: worker.calls == calls)

    @pytest.mark.parametrize(("before", "first"), [(signal.SIG_IGN, 140), (signal.SIG_DFL, 129)])
    def test_a_hang_up_counts_unless_it_was_ignored(self, worker: Stopped, before: Any, first: int) -> None:
        """As `nohup` has it."""
        signal.signal(signal.SIGHUP, before)
        install_signals(worker)  # type: ignore[arg-type]
        for number in (signal.SIGHUP, signal.SIGUSR2):
            signal.raise_signal(number)
        until(lambda: worker.calls)
        assert worker.calls[0][1] == first
