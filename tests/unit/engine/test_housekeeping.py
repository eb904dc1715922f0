"""Housekeeping: what is old goes, a little at a time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from queuectl.config import Config, load_config
from queuectl.engine import housekeeping
from queuectl.engine.boot import boot_id
from queuectl.engine.housekeeping import Housekeeping, unlink_outputs
from queuectl.engine.ledger import Ledger
from queuectl.engine.steadiness import SETTLING, Steadiness
from queuectl.model.attempt import Output, Result, Run
from queuectl.model.lease import Settlement, Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.query import Changed, Query
from queuectl.testing import FakeClock, MemoryStorage

from .conftest import World

DAY = 86400.0


@pytest.fixture
def clock() -> FakeClock:
    """A clock to turn."""
    return FakeClock()


@pytest.fixture
def world(config: Config, clock: FakeClock) -> World:
    """A world in the home of the configuration."""
    return World(MemoryStorage(clock=clock), config.data)


@pytest.fixture
def keeping(config: Config, world: World) -> Housekeeping:
    """Housekeeping that is due."""
    keeping = Housekeeping(config, world.storage)
    keeping._next = 0.0
    return keeping


def finish(world: World, id: str, verdict: Verdict) -> Path:
    """Let a job end, with an output that was kept; return its path."""
    path = world.logs / f"{id}.out"
    path.touch()
    claim = world.claim(world.me, id)
    run = Run(
        number=1,
        result=Result.COMPLETED,
        outcome=Outcome(exit_code=0),
        started_ago=0.0,
        ended_ago=0.0,
        output=Output(path=str(path)),
    )
    world.storage.exchange(world.me, [Settlement(lease=claim.lease, verdict=verdict, run=run)], None)
    return path


def left(world: World) -> set[str]:
    """Return the ids of the jobs that are stored."""
    return {job.id for job in world.storage.list(Query(), None, 100).jobs}


def test_what_ended_long_ago_goes_with_its_output(keeping: Housekeeping, world: World, clock: FakeClock) -> None:
    """Completed and cancelled jobs after thirty days; dead ones stay."""
    old = finish(world, "a", Verdict.COMPLETED)
    finish(world, "b", Verdict.CANCELLED)
    dead = finish(world, "c", Verdict.DEAD)
    clock.advance(30 * DAY + 1)
    young = finish(world, "d", Verdict.COMPLETED)
    keeping.work()
    assert left(world) == {"c", "d"}
    assert (old.exists(), dead.exists(), young.exists()) == (False, True, True)


def test_it_works_now_and_then(
    keeping: Housekeeping, world: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Soon again when there was more than one pass takes, else after a minute or so."""
    monkeypatch.setattr(housekeeping, "STEP", 2)
    for id in "abc":
        finish(world, id, Verdict.COMPLETED)
    clock.advance(31 * DAY)
    keeping.work()
    assert len(left(world)) == 1
    keeping.work()
    assert len(left(world)) == 1
    assert keeping._next - time.monotonic() < 2.0
    keeping._next = 0.0
    keeping.work()
    assert left(world) == set()
    assert keeping._next - time.monotonic() > 30.0


def test_nothing_goes_while_the_clock_may_be_wrong(config: Config, world: World, clock: FakeClock) -> None:
    """A clock that was set forward and is put right an hour later has cost nothing; one that stays is right."""
    monotonic = FakeClock(0.0)
    keeping = Housekeeping(config, world.storage, Steadiness(clock, monotonic))

    def work() -> set[str]:
        keeping._next = 0.0
        keeping.work()
        return left(world)

    finish(world, "a", Verdict.COMPLETED)
    clock.advance(40 * DAY)
    assert work() == {"a"}
    monotonic.advance(SETTLING - 1.0)
    assert work() == {"a"}
    clock.advance(-40 * DAY)
    monotonic.advance(2.0)
    assert work() == {"a"}
    clock.advance(40 * DAY)
    assert work() == {"a"}
    monotonic.advance(SETTLING)
    assert work() == set()


def test_only_outputs_of_this_host_are_removed(tmp_path: Path) -> None:
    """A path elsewhere may be anybody's, and is not even looked at."""
    ours, others = tmp_path / "ours", tmp_path / "others"
    for directory in (ours, others):
        directory.mkdir()
        (directory / "x").touch()
    unlink_outputs(ours, (str(ours / "x"), str(others / "x"), str(ours / "gone"), str(ours / ".." / "others" / "x")))
    assert (os.listdir(ours), os.listdir(others)) == ([], ["x"])


def test_a_ledger_that_never_got_its_name_goes(keeping: Housekeeping, world: World) -> None:
    """Its process died while it made it; one that is young, or held, stays."""
    world.run.mkdir()
    for name in (".old", ".young"):
        (world.run / name).touch()
    ledger = Ledger(world.run, "live", slots=1, boot=boot_id())
    for name in (".old", "live"):
        os.utime(world.run / name, (0, 0))
    keeping.work()
    assert sorted(os.listdir(world.run)) == [".young", "live"]
    ledger.close()


def test_what_is_kept_for_ever_is_an_occasion_too(config: Config, world: World, clock: FakeClock) -> None:
    """A storage looks after itself when it is asked to prune: it is, though nothing is ever old enough."""
    asked: list[Query] = []
    prune = world.storage.prune

    def asking(query: Query, limit: int) -> Changed:
        asked.append(query)
        return prune(query, limit)

    world.storage.prune = asking  # type: ignore[method-assign]
    finish(world, "done", Verdict.COMPLETED)
    clock.advance(3650 * DAY)
    overrides = ["retention.completed=null", "retention.cancelled=null"]
    for_ever = load_config(environ={"QUEUECTL_HOME": str(config.data)}, overrides=overrides)
    keeping = Housekeeping(for_ever, world.storage)
    keeping._next = 0.0
    keeping.work()
    assert len(asked) == 2
    assert left(world) == {"done"}
