"""Silence: who is silent for a whole lease is dead, if only it could have been heard."""

from __future__ import annotations

import pytest

from queuectl.engine.silence import EXPIRY_ROUND, LATE, Silence
from queuectl.model.worker import Role, Worker
from queuectl.testing import FakeClock

LEASE = 25.0


class Neighbour:
    """A silence, by a clock of its own, and one other worker, which proves to be alive when it is told to."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.proven_at = self.clock()
        self.silence = Silence("me", self.clock)
        self.running: tuple[str, ...] = ("job",)

    def beat(self) -> None:
        """Let the other one prove that it is alive."""
        self.proven_at = self.clock()

    @property
    def workers(self) -> list[Worker]:
        """What the storage tells of all workers."""
        return [self._worker(id, self.running) for id in ("me", "other")]

    def look(self, *, written: bool = True) -> list[str]:
        """Look once, and return who is dead; nobody where the storage cannot be written at once."""
        suspects = self.silence.look(self.workers)
        if not written:
            self.silence.forget()
            return []
        return list(self.silence.dead(suspects)) if suspects else []

    def silent_for(self) -> float:
        """Look whenever it is time to, until the other is dead; return for how long it had been silent then."""
        while True:
            if self.silence.is_due() and self.look() == ["other"]:
                return self.clock() - self.proven_at
            self.clock.advance(0.25)

    def _worker(self, id: str, running: tuple[str, ...]) -> Worker:
        return Worker(
            id=id, host="there", pid=1, role=Role.WORKER, supervisor=None, queues=None, concurrency=1, lease=LEASE,
            started_at=0.0, beat_at=self.proven_at, running=running, expired=self.clock() - self.proven_at > LEASE,
        )  # fmt: skip


@pytest.fixture
def neighbour() -> Neighbour:
    """One that was heard of just now."""
    return Neighbour()


@pytest.mark.parametrize("begin", [0.0, 1.5, 3.0, 4.75])
def test_who_falls_silent_is_dead_as_soon_as_its_lease_ran_out(neighbour: Neighbour, begin: float) -> None:
    """And not some rounds later: it was under suspicion long before, whenever one looks."""
    neighbour.clock.advance(begin)
    neighbour.look()
    assert LEASE < neighbour.silent_for() <= LEASE + 1.25


def test_who_beats_is_not_suspected(neighbour: Neighbour) -> None:
    """However long one looks: and so nobody writes to find out."""
    for _ in range(50):
        assert neighbour.silence.look(neighbour.workers) == {}
        neighbour.clock.advance(LEASE / 6)
        neighbour.beat()


def test_who_runs_nothing_is_not_suspected(neighbour: Neighbour) -> None:
    """It does not beat, and there is nothing to take over."""
    neighbour.running = ()
    neighbour.clock.advance(3600.0)
    assert neighbour.silence.look(neighbour.workers) == {}


class TestWhenNobodyCouldWrite:
    """All leases run out while the storage is away, or while the host sleeps."""

    @pytest.fixture(autouse=True)
    def _later(self, neighbour: Neighbour) -> None:
        neighbour.look()
        neighbour.clock.advance(60.0)

    def test_one_look_is_no_proof(self, neighbour: Neighbour) -> None:
        """There is a round in which one that lives can show it."""
        assert neighbour.look() == []
        neighbour.clock.advance(EXPIRY_ROUND / 2)
        neighbour.beat()
        neighbour.clock.advance(EXPIRY_ROUND)
        assert neighbour.look() == []

    def test_the_dead_are_found_after_a_round(self, neighbour: Neighbour) -> None:
        """Who does not is dead."""
        assert 60.0 + EXPIRY_ROUND <= neighbour.silent_for() <= 60.0 + EXPIRY_ROUND + 1.0

    def test_what_was_known_before_another_time_without_the_storage_counts_no_more(self, neighbour: Neighbour) -> None:
        """The round begins anew, since nobody could show anything meanwhile."""
        neighbour.look()
        neighbour.clock.advance(LATE + 2.0 + EXPIRY_ROUND)
        assert neighbour.look() == []
        assert neighbour.silent_for() >= 60.0 + LATE + 2.0 + 2 * EXPIRY_ROUND

    def test_a_storage_that_could_not_be_written_at_once_tells_nothing(self, neighbour: Neighbour) -> None:
        """Who asked had to wait, and so had the others."""
        neighbour.look()
        for _ in range(5):
            neighbour.clock.advance(EXPIRY_ROUND)
            assert neighbour.look(written=False) == []
        assert neighbour.look() == []
