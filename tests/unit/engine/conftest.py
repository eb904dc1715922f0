"""A home of one's own, a queue in it, and workers that died."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from queuectl.config import Config, load_config
from queuectl.engine.boot import boot_id
from queuectl.engine.ledger import Entry, Ledger
from queuectl.engine.queue import Queue
from queuectl.model.backoff import Failure
from queuectl.model.job import Job, NewJob
from queuectl.model.lease import Ask, Claim
from queuectl.model.outcome import Outcome
from queuectl.model.worker import NewWorker
from queuectl.testing import MemoryStorage

PATIENCE = 60.0
"""Seconds after which a condition that does not come true fails the test."""


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition to become true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.002)


@dataclass
class Executioner:
    """Policies whose executor ends what it is told to, unless `fails` says otherwise, and whose backoff is none."""

    ended: list[str] = field(default_factory=list)
    fails: list[BaseException] = field(default_factory=list)

    def executor_name(self, _: Job) -> str:
        """Return what people are told of it."""
        return "executioner"

    def executor(self, _: Job) -> Executioner:
        """Be the executor of every job."""
        return self

    def execute(self, *_: object) -> Outcome:
        """Do nothing, well."""
        return Outcome(exit_code=0)

    def end(self, handle: str, _: Job) -> None:
        """Note what was to be ended; fail as long as there is something to fail with."""
        self.ended.append(handle)
        if self.fails:
            raise self.fails.pop()

    def policy(self, _: Job) -> Any:
        """Try again at once."""
        return Policy()


class Policy:
    """What a queue says about failures: try again at once."""

    retry_on: Sequence[int] | None = None
    give_up_on: Sequence[int] = ()

    @property
    def backoff(self) -> Policy:
        """Be the backoff too."""
        return self

    fallback = backoff

    def delay(self, _: Failure) -> float:
        """Wait for nothing."""
        return 0.0

    def warn(self, what: str) -> None:
        """Fail: nothing is wrong here."""
        raise AssertionError(what)


@dataclass
class World:
    """A storage with a living worker, and the directories of its host."""

    storage: MemoryStorage
    home: Path
    me: str = "me"

    def __post_init__(self) -> None:
        self.run = self.home / "run"
        self.logs = self.home / "logs"
        self.logs.mkdir(parents=True)
        self.storage.register(NewWorker(id=self.me, host="here", pid=1))

    def job(self, id: str) -> Job:
        """Return a job."""
        job = self.storage.get(id)
        assert job is not None
        return job

    def claim(self, worker: str, id: str = "a") -> Claim:
        """Enqueue a job and claim it."""
        self.storage.enqueue([NewJob(id=id, command="true")])
        (claim,) = self.storage.exchange(worker, [], Ask(limit=1)).claims
        return claim

    def die(self, *noted: dict[str, Any] | None, worker: str = "dead", ids: str = "abc") -> list[Claim]:
        """Leave what a worker leaves that was killed: its ledger, and a job for each; None is a claim never begun."""
        self.storage.register(NewWorker(id=worker, host="here", pid=2))
        ledger = Ledger(self.run, worker, slots=len(noted) + 1, boot=boot_id())
        claims = []
        for id, fields in zip(ids, noted, strict=False):
            claim = self.claim(worker, id)
            claims.append(claim)
            if fields is not None:
                started = time.monotonic()
                entry = Entry(claim.job.id, claim.lease.token, claim.number, "starting", started, time.time())
                ledger.note(ledger.take_slot(), replace(entry, **fields))
        ledger.close(unlink=False)
        return claims


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world of one's own."""
    return World(MemoryStorage(), tmp_path)


@pytest.fixture
def executioner() -> Executioner:
    """Policies whose executor ends what it is told to."""
    return Executioner()


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory."""
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def config(work: Path, tmp_path: Path) -> Config:
    """The defaults, with the data in a home of this test's own."""
    return load_config(environ={"QUEUECTL_HOME": str(tmp_path / "home")}, cwd=work)


@pytest.fixture(params=["sqlite", "memory"])
def queue(request: pytest.FixtureRequest, config: Config) -> Iterator[Queue]:
    """A queue in either storage, empty."""
    with Queue(config) as queue:
        if request.param == "memory":
            queue._storage = MemoryStorage()
        yield queue
