"""The supervisor: what it does for its workers, and what it leaves to others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from queuectl.config import Config, load_config
from queuectl.engine import supervisor as supervising
from queuectl.engine.supervisor import HEALTHY, Place, Plan, Signals, Supervisor
from queuectl.errors import StorageError, StorageGoneError
from queuectl.model.worker import Role, StopMode
from queuectl.testing import MemoryStorage

from .conftest import World, until

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Started:
    """A worker's process that ends at once, with some code; what is sent to it is noted."""

    def __init__(self, code: int) -> None:
        self.worked = code not in (os.EX_CONFIG, os.EX_USAGE)
        self.pid = os.posix_spawn("/bin/sh", ["sh", "-c", f"exit {code}"], os.environ)
        self.sent: list[int] = []
        self.closed = False
        until(lambda: os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG))

    def is_ready(self) -> bool:
        """Be ready, unless it cannot work here."""
        return self.worked

    def refusal(self) -> None:
        """Say nothing."""

    def send(self, number: int) -> None:
        """Note it."""
        self.sent.append(number)

    def close(self) -> None:
        """Forget it: it was collected."""
        self.closed = True

    def collect(self) -> int | None:
        """Return the code that it ended with, None when somebody has collected it."""
        try:
            return os.waitstatus_to_exitcode(os.waitpid(self.pid, os.WNOHANG)[1])
        except ChildProcessError:
            return None


class Crew:
    """Starts workers that end with the codes of a list, one after the other; an error is raised."""

    def __init__(self, *script: int | OSError) -> None:
        self.script = list(script)
        self.started: list[Started] = []

    def spawn(self, *_: object, **__: object) -> Started:
        """Start the next."""
        code = self.script.pop(0)
        if isinstance(code, OSError):
            raise code
        self.started.append(Started(code))
        return self.started[-1]


@pytest.fixture
def storage() -> MemoryStorage:
    """A storage."""
    return MemoryStorage()


@pytest.fixture
def supervisor(config: Config, storage: MemoryStorage) -> Iterator[Supervisor]:
    """A supervisor that has started nothing yet."""
    supervisor = Supervisor(config, storage, Plan(count=1, concurrency=1))
    yield supervisor
    supervisor._leave()


@pytest.fixture
def running(
    config: Config, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Crew, int], int]]:
    """Let a supervisor of so many workers run to its end; return its exit code."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    monkeypatch.setattr(supervising, "ROUND", 0.01)
    monkeypatch.setattr(supervising, "LONGEST_PAUSE", 0.02)

    def run(crew: Crew, count: int = 1) -> int:
        monkeypatch.setattr(supervising, "spawn", crew.spawn)
        return Supervisor(config, storage, Plan(count=count, concurrency=1)).run(ready=lambda: None)

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


Run = Callable[[Crew, int], int]


class TestRunning:
    """From its start to its end."""

    def test_it_ends_when_its_workers_are_done(self, running: Run, storage: MemoryStorage, config: Config) -> None:
        """With 0, and leaves nothing behind."""
        crew = Crew(0, 0, 0)
        assert running(crew, 3) == 0
        assert all(each.closed for each in crew.started)
        assert (storage.workers(), os.listdir(config.data / "run")) == ([], [])

    def test_one_that_dies_is_replaced(self, running: Run) -> None:
        """However it died; the log says so each time."""
        with capture_logs() as logs:
            assert running(Crew(1, 75, 78, 0), 1) == 0
        assert [(entry["exit_code"], entry["pause"] > 0) for entry in logs if "exit_code" in entry] == [
            (1, False),
            (75, True),
            (78, True),
        ]

    @pytest.mark.parametrize("code", [os.EX_CONFIG, os.EX_USAGE])
    def test_one_that_cannot_work_here_ends_it_all(self, running: Run, code: int) -> None:
        """Another would not fare better; a configuration that is spoilt later is waited out."""
        crew = Crew(code, 0)
        assert running(crew, 2) == code

    def test_one_that_has_worked_and_finds_the_store_refused_ends_it_all(
        self, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However often others have died there before."""
        child = Started(os.EX_CONFIG)
        child.worked = True
        child.collect()
        place = Place(child=child, deaths=3)  # type: ignore[arg-type]
        supervisor._on_end(place, os.EX_CONFIG)
        assert (place.done, supervisor._exit_code) == (True, os.EX_CONFIG)

    def test_where_the_store_is_gone_nobody_begins_a_new_one(
        self, running: Run, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A worker that died is replaced once the store is back; it is said once."""
        gone = [StorageGoneError("removed")] * 5
        beat = storage.beat

        def sometimes(worker: str) -> Any:
            if len(crew.started) == 1 and gone:
                raise gone.pop()
            return beat(worker)

        crew = Crew(1, 0)
        monkeypatch.setattr(storage, "beat", sometimes)
        with capture_logs() as logs:
            assert running(crew, 1) == 0
        assert gone == []
        assert [entry["error"] for entry in logs if "no worker is started" in entry["event"]] == ["removed"]

    def test_a_drain_of_a_store_that_is_gone_ends(
        self, config: Config, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the code of that, and nobody is started anew."""
        supervisor = Supervisor(config, storage, Plan(count=1, concurrency=1, drain=True))

        def fail(_: str) -> Any:
            raise StorageGoneError("removed")

        monkeypatch.setattr(storage, "beat", fail)
        place = Place()
        supervisor._on_end(place, 75)
        assert (place.done, supervisor._exit_code) == (True, 75)
        supervisor._leave()

    def test_no_process_to_be_had_is_no_reason_to_give_up(self, running: Run) -> None:
        """It may be later."""
        with capture_logs() as logs:
            assert running(Crew(OSError(11, "Resource temporarily unavailable"), 0), 1) == 0
        assert [entry["error"] for entry in logs] == ["Resource temporarily unavailable"]

    def test_who_lived_for_long_is_replaced_at_once(self, supervisor: Supervisor) -> None:
        """What it dies of now is another matter."""
        place = Place(deaths=7)
        place.started -= HEALTHY
        supervisor._on_end(place, 1)
        assert (place.deaths, place.done) == (1, False)

    def test_a_ledger_that_was_removed_is_put_back(self, supervisor: Supervisor, config: Config) -> None:
        """Within a round; it is said once."""
        (config.data / "run" / supervisor.id).unlink()
        with capture_logs() as logs:
            supervisor._look_around()
            supervisor._look_around()
        assert os.listdir(config.data / "run") == [supervisor.id]
        assert [entry["event"] for entry in logs] == ["the ledger was removed, and is put back"]

    def test_a_storage_that_fails_now_and_then_is_asked_again(
        self, running: Run, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its workers say it in the log already; that it cannot say goodbye it does say."""

        def fail(*_: object) -> None:
            raise StorageError("the disk is full")

        for name in ("beat", "retire"):
            monkeypatch.setattr(storage, name, fail)
        with capture_logs() as logs:
            assert running(Crew(0), 1) == 0
        assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
            "could not say goodbye to the storage"
        ]


class TestStopping:
    """How stops reach the workers."""

    @pytest.fixture
    def child(self, supervisor: Supervisor) -> Iterator[Started]:
        """A worker of the supervisor."""
        child = Started(0)
        supervisor._places = [Place(child=child), Place()]  # type: ignore[arg-type]
        yield child
        child.collect()

    def test_a_stop_comes_through_the_store(
        self, supervisor: Supervisor, child: Started, storage: MemoryStorage
    ) -> None:
        """Each worker is told once, and places without one stay so."""
        storage.request_stop([supervisor.id], StopMode.FINISH)
        for _ in range(2):
            supervisor._look_around()
        assert len(child.sent) == 1
        assert [place.done for place in supervisor._places] == [False, True]
        storage.request_stop([supervisor.id], StopMode.FORCE)
        supervisor._look_around()
        assert child.sent[1:] == [signal.SIGUSR1]

    def test_signals_count_up(self, supervisor: Supervisor, child: Started, monkeypatch: pytest.MonkeyPatch) -> None:
        """The second is as a stop by force, and the third kills."""
        codes: list[int] = []
        monkeypatch.setattr(os, "_exit", codes.append)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            supervisor._signals._note(number, None)
            supervisor._on_signal()
        assert child.sent[1:] == [signal.SIGUSR1, signal.SIGKILL]
        assert codes == [128 + signal.SIGTERM]

    def test_the_third_counts_when_nobody_looks_any_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """While it leaves, it may wait for a storage."""
        codes: list[int] = []
        monkeypatch.setattr(os, "_exit", codes.append)
        signals = Signals(leaving=True)
        for _ in range(3):
            signals._note(signal.SIGTERM, None)
        assert codes == [128 + signal.SIGTERM]
        signals.close()

    def test_who_dies_while_it_stops_is_not_replaced(self, supervisor: Supervisor, child: Started) -> None:
        """Its jobs go to whoever lives."""
        supervisor._stop(StopMode.FINISH)
        supervisor._on_end(supervisor._places[0], -9)
        assert all(place.done for place in supervisor._places)


class TestReaping:
    """Whose exit status it collects."""

    def test_a_child_of_nobody_is_collected(self, supervisor: Supervisor) -> None:
        """As process 1 of a container it gets the orphans."""
        orphan = Started(0)
        supervisor._reap()
        assert orphan.collect() is None

    def test_a_child_of_a_plugin_is_left_to_it(self, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
        """While an executor ends something it may wait for a process of its own, and wants the status."""
        monkeypatch.setattr(supervisor._rescue, "_calls", 1)
        own, other = Started(0), Started(3)
        supervisor._places = [Place(child=own)]  # type: ignore[arg-type]
        supervisor._reap()
        assert other.collect() == 3
        assert supervisor._places[0].done


class TestLeaving:
    """What it leaves to others."""

    def test_jobs_of_a_dead_worker_are_dealt_with_first(
        self, config: Config, storage: MemoryStorage, supervisor: Supervisor
    ) -> None:
        """Nobody may be there afterwards."""
        (config.data / "logs").rmdir()
        world = World(storage, config.data)
        world.die({"phase": "ended", "outcome": {"exit_code": 0}})
        assert supervisor._rescue.look_around_last()
        assert world.job("a").state == "completed"

    def test_what_it_could_not_deal_with_keeps_it_registered(
        self, config: Config, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The next one finds that its lock is gone, and goes on."""
        supervisor = Supervisor(config, storage, Plan(count=1, concurrency=1))
        monkeypatch.setattr(supervisor._rescue, "look_around_last", lambda: False)
        supervisor._leave()
        assert [worker.id for worker in storage.workers()] == [supervisor.id]
        assert os.listdir(config.data / "run") == [supervisor.id]

    def test_it_is_known_as_what_it_is(self, supervisor: Supervisor, storage: MemoryStorage) -> None:
        """Not as a worker, which would be counted."""
        assert [(worker.id, worker.role) for worker in storage.workers()] == [(supervisor.id, Role.SUPERVISOR)]


def test_a_store_that_jobs_do_not_find_is_told_of(
    config: Config, storage: MemoryStorage, running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, with what mends it."""
    monkeypatch.setenv("QUEUECTL_STORAGE__PATH", "/elsewhere/jobs.db")
    environ = dict(config.places.environ) | {"QUEUECTL_STORAGE__PATH": "/elsewhere/jobs.db"}
    other = load_config(environ=environ, cwd=config.places.cwd)
    monkeypatch.setattr(supervising, "spawn", Crew(0, 0).spawn)
    with capture_logs() as logs:
        Supervisor(other, storage, Plan(count=2, concurrency=1)).run(ready=lambda: None)
    assert [entry["hint"] for entry in logs if "another store" in entry["event"]] == [supervising.STORE_HINT]
