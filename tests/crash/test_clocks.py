"""A wall clock that is set while supervisors, workers, commands and jobs run by it; `docs/explanation/promises.md`."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.place import PATIENCE, Place
from queuectl import Attempt, NewJob, NewWorker, Result, Role, State, Worker
from queuectl.engine.silence import EXPIRY_ROUND
from queuectl_sqlite.storage import SqliteStorage
from tests.crash.faults.clocking import WallClock

HOUR, DAY = 3600.0, 86400.0
JUMPS = (HOUR, -HOUR, DAY, -DAY)
BACK = (-HOUR, -DAY)

BEGIN, END = (f"echo {word}-$QUEUECTL_JOB_ID >>marks" for word in ("begin", "end"))
UNTIL_GO = f"{BEGIN}; until test -e go-$QUEUECTL_JOB_ID; do sleep 0.05; done; {END}"
FOREVER = f"{BEGIN}; exec sleep 600"
AT_ONCE = f"{BEGIN}; {END}"


@dataclass
class House(Place):
    """A place whose processes go by a clock of their own, and the store as it is by that clock."""

    _: KW_ONLY
    clock: WallClock
    storage: SqliteStorage

    @property
    def env(self) -> Mapping[str, str]:
        """The environment of all processes, the clock among it."""
        return {**super().env, **self.clock.env}

    def told(self, *arguments: str) -> str:
        """Run a command that succeeds, and return what it printed."""
        ended = self.run(*arguments)
        assert ended.returncode == 0, (ended.stdout, ended.stderr, self.log())
        return ended.stdout

    def store(self, id: str, command: str, **fields: Any) -> None:
        """Store a job, by the clock of all."""
        self.storage.enqueue([NewJob(id=id, command=command, cwd=str(self.root), **fields)])

    def until_failed(self, id: str) -> None:
        """Wait until a job has failed; it waits for its retry then, unless this machine is very slow."""
        self.until(lambda: self.results(id)[:1] == [Result.FAILED])

    def until_all_beat(self) -> None:
        """Wait until all workers that run something have proved to be alive by the clock as it is now."""
        self.until(lambda: not any(worker.running and worker.expired for worker in self.workers()))

    def attempt(self, id: str) -> Attempt:
        """Return the last run of a job."""
        return self.storage.attempts(id)[-1]

    def workers(self) -> list[Worker]:
        """Return the workers that are registered, and by this clock silent or not."""
        return [worker for worker in self.storage.workers() if worker.role is Role.WORKER]

    def running(self, id: str, command: str = UNTIL_GO, **fields: Any) -> None:
        """Store a job, and return when it runs."""
        self.store(id, command, **fields)
        self.until(lambda: f"begin-{id}" in self.marks())


@pytest.fixture
def clock(clock_library: Path, tmp_path: Path) -> WallClock:
    """Return the clock of all processes of a test."""
    return WallClock(clock_library, tmp_path / "clock")


@pytest.fixture
def house(place: Place, clock: WallClock) -> Iterator[House]:
    """Return a house, and see that nothing of it is left running."""
    place.home.mkdir(mode=0o700)
    with closing(SqliteStorage(place.database, clock=clock)) as storage:
        yield House(place.root, place.started, clock=clock, storage=storage)


def is_whole(attempt: Attempt, at_least: float = 0.0) -> bool:
    """Whether a run took as long as it may have taken, by no clock that was set."""
    return at_least <= attempt.finished_at - attempt.started_at < PATIENCE


def test_a_job_that_runs_goes_on(house: House) -> None:
    """Its worker keeps it, nobody else starts it, its neighbour works on, and it takes as long as it takes."""
    house.start("--count", "2")
    for number, jump in enumerate(JUMPS):
        job, other = f"job-{number}", f"other-{number}"
        house.running(job)
        lease = house.job(job).lease
        house.clock.jump(jump)
        house.store(other, AT_ONCE)
        house.wait(other)
        house.until_all_beat()
        house.go(f"go-{job}")
        house.wait(job)
        assert (house.job(job).lease, house.results(job)) == (lease, ["completed"])
        assert is_whole(house.attempt(job))
        assert house.marks()[-4:] == [f"begin-{job}", f"begin-{other}", f"end-{other}", f"end-{job}"]


def test_a_clock_that_is_set_again_and_again_kills_nobody(house: House) -> None:
    """Whenever a neighbour looks at who is silent, those who live are not taken for dead."""
    house.start("--count", "2")
    house.running("job")
    before = {worker.id for worker in house.workers()}
    looked_at = time.monotonic() + 1.5 * EXPIRY_ROUND
    while time.monotonic() < looked_at:
        house.clock.jump(HOUR)
        time.sleep(0.1)
    house.go("go-job")
    house.wait("job")
    assert house.results("job") == ["completed"]
    assert {worker.id for worker in house.workers()} == before


@pytest.mark.parametrize("jump", BACK)
def test_a_wait_is_not_stretched(house: House, jump: float) -> None:
    """A retry and a delayed job come when their wait is over, not when the old clock would have come round again."""
    house.start()
    house.store("delayed", AT_ONCE, delay=2.0)
    retried = f"{BEGIN}; {END}; test $QUEUECTL_ATTEMPT -gt 1"
    house.store("retried", retried, backoff={"plugin": "fixed", "delay": "2s"}, max_retries=1)
    house.until_failed("retried")
    house.clock.jump(jump)
    house.wait("delayed", "retried")
    assert house.results("retried") == ["failed", "completed"]
    assert house.results("delayed") == ["completed"]


def test_a_wait_may_end_when_the_clock_is_set_forward(house: House) -> None:
    """Nobody can tell that from time that has passed, in a suspended machine for one."""
    house.start()
    for number, jump in enumerate((HOUR, DAY)):
        delayed, retried = f"delayed-{number}", f"retried-{number}"
        house.store(delayed, AT_ONCE, delay=jump / 2)
        backoff = {"plugin": "fixed", "delay": jump / 2}
        house.store(retried, "test $QUEUECTL_ATTEMPT -gt 1", backoff=backoff, max_retries=1)
        house.until_failed(retried)
        house.clock.jump(jump)
        house.wait(delayed, retried)
        assert house.results(retried) == ["failed", "completed"]


def test_what_failed_by_a_clock_that_went_ahead_is_retried_soon(house: House) -> None:
    """Once the clock is right again, nothing waits for the day to which it was set."""
    house.start()
    for number, jump in enumerate(BACK):
        job = f"job-{number}"
        house.clock.jump(-jump)
        house.store(job, "test $QUEUECTL_ATTEMPT -gt 1", backoff={"plugin": "fixed", "delay": "2s"}, max_retries=1)
        house.until_failed(job)
        house.clock.jump(jump)
        house.wait(job)


def test_a_named_moment_follows_the_clock(house: House) -> None:
    """`run_at` comes when the wall clock says so: at once when that is set forward, later when it is set back."""
    house.start()
    for number, jump in enumerate((HOUR, DAY)):
        early, late = f"early-{number}", f"late-{number}"
        house.store(early, AT_ONCE, run_at=house.clock() + jump / 2)
        house.clock.jump(jump)
        house.wait(early)
        house.store(late, AT_ONCE, run_at=house.clock() + jump / 2)
        house.clock.jump(-jump)
        house.store(f"now-{number}", AT_ONCE, delay=2.0)
        house.wait(f"now-{number}")
        assert house.job(late).state is State.PENDING
        house.clock.jump(2 * jump)
        house.wait(late)


def test_a_time_limit_is_neither_shorter_nor_longer(house: House) -> None:
    """A run has the time that it was given, by no clock that can be set."""
    house.start("--concurrency", "4")
    for number, jump in enumerate(JUMPS):
        house.running(f"job-{number}", FOREVER, timeout=2.0, max_retries=0)
        house.clock.jump(jump)
    for number, _ in enumerate(JUMPS):
        house.wait(f"job-{number}")
        attempt = house.attempt(f"job-{number}")
        assert attempt.outcome.timed_out
        assert is_whole(attempt, at_least=2.0)


@pytest.mark.parametrize("jump", JUMPS)
def test_who_waits_waits_as_long_as_was_said(house: House, jump: float) -> None:
    """`wait --timeout` and `worker stop --timeout` neither give up early nor wait for the old clock to come round."""
    supervisor = house.start()
    house.running("job")
    time_limit = "30m" if jump > 0 else "2s"
    waiting = house.begin("wait", "job", "--timeout", time_limit)
    house.until(lambda: has_looked(waiting.pid) or waiting.poll() is not None)
    stopping = house.begin("worker", "stop", "--timeout", time_limit)
    house.until(lambda: house.workers()[0].stop is not None)
    house.clock.jump(jump)
    if jump < 0:
        assert (waiting.wait(PATIENCE), stopping.wait(PATIENCE)) == (124, 1)
    house.go("go-job")
    if jump > 0:
        assert (waiting.wait(PATIENCE), stopping.wait(PATIENCE)) == (0, 0)
    assert supervisor.wait(PATIENCE) == 0
    assert house.results("job") == ["completed"]


def has_looked(pid: int) -> bool:
    """Whether a command has read from the store: for that it opens the database a second time."""
    opened = []
    with suppress(FileNotFoundError, PermissionError):  # it has ended
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                opened.append(descriptor.readlink().name)
    return opened.count("jobs.db") > 1


@pytest.mark.parametrize("jump", JUMPS)
def test_a_killed_worker_is_taken_over_as_ever(house: House, jump: float) -> None:
    """Its lock tells that it is dead, and no clock; its command is gone before the job runs again."""
    house.start()
    house.running("job", f"test $QUEUECTL_ATTEMPT -gt 1 && {{ {END}; exit 0; }}; {FOREVER}")
    (worker,) = house.workers()
    house.clock.jump(jump)
    os.kill(worker.pid, signal.SIGKILL)
    house.wait("job")
    assert house.results("job") == ["lost", "completed"]
    assert is_whole(house.storage.attempts("job")[0])
    assert house.marks() == ["begin-job", "end-job"]


def test_a_store_from_the_future_is_worked_through(house: House) -> None:
    """A machine whose clock is behind all that is stored: what waited, what failed, what died with its worker."""
    house.clock.jump(DAY)
    supervisor = house.start()
    house.store("failed", "test $QUEUECTL_ATTEMPT -gt 1", backoff={"plugin": "fixed", "delay": "1s"}, max_retries=1)
    house.until_failed("failed")
    house.running("lost", f"test $QUEUECTL_ATTEMPT -gt 1 && {{ {END}; exit 0; }}; {FOREVER}")
    (worker,) = house.workers()
    supervisor.kill()
    os.kill(worker.pid, signal.SIGKILL)
    supervisor.wait()
    house.store("new", AT_ONCE)
    house.clock.jump(-2 * DAY)
    house.told("worker", "start", "--drain")
    assert house.results("lost") == ["lost", "completed"]
    assert [house.job(id).state for id in ("failed", "lost", "new")] == [State.COMPLETED] * 3


@pytest.mark.parametrize("ahead", JUMPS)
def test_a_command_may_go_by_another_clock_than_workers(house: House, clock_library: Path, ahead: float) -> None:
    """What it enqueues runs, delayed as asked, and it sees who works."""
    other = WallClock(clock_library, house.root / "other")
    other.jump(ahead)
    house.start()
    elsewhere = replace(house, clock=other)
    elsewhere.told("enqueue", "--id", "at-once", "true")
    elsewhere.told("enqueue", "--id", "delayed", "--delay", "1s", "true")
    assert elsewhere.told("wait", "at-once", "delayed", "--timeout", "1m") == ""
    found = json.loads(elsewhere.told("list", "--json"))
    assert [job["state"] for job in found] == ["completed"] * 2
    assert json.loads(elsewhere.told("status", "--json"))["workers"] == {"active": 1}


def test_retention_keeps_what_is_young(house: House) -> None:
    """A clock that is a day ahead makes nothing a month old."""
    for id, age in (("old", 31 * DAY), ("young", 0.0)):
        house.clock.jump(-age)
        house.storage.register(NewWorker(id=f"worker-{id}", host="host", pid=1))
        house.store(id, "true")
        house.told("cancel", id)
        house.clock.jump(age)
    house.clock.jump(DAY)
    house.start()
    house.until(lambda: house.storage.get("old") is None)
    assert house.job("young").state is State.CANCELLED


@pytest.mark.parametrize("jump", JUMPS)
def test_the_examination_tells_of_the_clock_alone(house: House, jump: float) -> None:
    """That it was set back; not that who idles had died, nor that who just began was late."""
    house.start("--count", "2")
    house.running("job", timeout=600.0)
    house.until(lambda: house.job("job").started_at is not None)
    house.clock.jump(jump)
    house.until_all_beat()
    found = json.loads(house.told("doctor", "--json"))
    unwell = {each["check"] for each in found if each["health"] != "ok"}
    assert unwell - {"disk space"} == ({"clock"} if jump < 0 else set())
