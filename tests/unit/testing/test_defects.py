"""The kit finds what is broken: storages with one defect each fail the clause that forbids it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from queuectl.model.event import EVENT_NAMES
from queuectl.model.job import Job
from queuectl.model.lease import Ask, Claim, Exchange, Settlement, Verdict
from queuectl.model.query import Action, Changed, Page, Query
from queuectl.model.storage import Storage
from queuectl.model.worker import NewWorker, StopMode
from queuectl.testing import FakeClock, MemoryStorage, MemoryStore, StorageContract, StorageMachine
from queuectl.testing.contract.steps import give_back, register


class ForgetsFences(MemoryStorage):
    """Accepts a settlement under any lease that the job has now."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Settle under the current leases."""
        current = {entry.job.id: entry.holding.lease for entry in self.store.entries.values() if entry.holding}
        forged = [replace(each, lease=current.get(each.lease.job, each.lease)) for each in settlements]
        return super().exchange(worker, forged, ask)


class ServesStrangers(MemoryStorage):
    """Claims for workers that never registered."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Register whoever asks."""
        self.register(NewWorker(id=worker, host="host", pid=1))
        return super().exchange(worker, settlements, ask)


class ClaimsEarly(MemoryStorage):
    """Claims jobs an hour before they are due."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Let what waits come due before its time."""
        for entry in self.store.entries.values():
            entry.due_at -= 3600.0
        return super().exchange(worker, settlements, ask)


class ReusesTokens(MemoryStorage):
    """Gives every claim the same token."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Start to count anew."""
        self.store.last_token = 0
        return super().exchange(worker, settlements, ask)


class StoresHalves(MemoryStorage):
    """Stores the jobs that stand before the one that is refused."""

    def enqueue(self, jobs: Sequence[Any], **options: Any) -> list[Job]:
        """Store one after another."""
        return [job for new in jobs for job in super(StoresHalves, self).enqueue([new], **options)]


class WeakensStops(MemoryStorage):
    """Lets FINISH replace FORCE."""

    def request_stop(self, ids: Sequence[str], mode: StopMode) -> None:
        """Keep the last mode."""
        for id in set(ids) & self.store.workers.keys():
            self.store.workers[id] = replace(self.store.workers[id], stop=mode)


class BuriesTheLiving(MemoryStorage):
    """Takes over without proof whoever is named."""

    def take_over(self, dead: Sequence[str], by: str, *, proven: bool = True) -> Sequence[Claim]:
        """Believe anything."""
        return super().take_over(dead, by, proven=True)


class SharesRights(MemoryStorage):
    """Lets every worker deliver to every consumer."""

    def advance(self, consumer: str, upto: int, *, worker: str, hold: float = 30.0) -> int | None:
        """Hold no right."""
        return super().advance(consumer, upto, worker=worker, hold=0.0)


class LosesWakeUps(MemoryStorage):
    """Sleeps through what was committed before it waits."""

    def wait(self, timeout: float) -> bool:
        """Look at the store only from now on."""
        self._seen = self.store.commits
        return super().wait(0.05)


class ReadsPatterns(MemoryStorage):
    """Takes a prefix for a pattern."""

    def resolve(self, prefix: str, limit: int) -> Sequence[str]:
        """Match with wildcards."""
        return [id for id in self.store.entries if fnmatchcase(id, f"{prefix}*")][:limit]


class ListsOldestFirst(MemoryStorage):
    """Lists jobs in enqueue order."""

    def list(self, query: Query, cursor: str | None, limit: int) -> Page:
        """Turn the page round."""
        page = super().list(query, cursor, limit)
        return replace(page, jobs=page.jobs[::-1])


class NeverEnds(MemoryStorage):
    """Holds the same jobs again at every call."""

    def change(self, action: Action, target: Query | Sequence[str], **options: Any) -> Changed:
        """Release before."""
        if action is Action.HOLD:
            super().change(Action.RELEASE, target)
        return super().change(action, target, **options)


class DrainsForEver(MemoryStorage):
    """Tells of a drained queue whenever somebody asks for jobs."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Tell it again."""
        brought = super().exchange(worker, settlements, ask)
        if ask and not brought.claims:
            self.store.outbox.append("queue.drained", at=self._clock(), queue="default")
        return brought


def _lose(storage: Storage, claim: Claim, _: FakeClock) -> None:
    give_back(storage, claim)
    storage.exchange(claim.lease.worker, [], Ask(limit=1))


Clause = Callable[..., None]
_contract = StorageContract()
_CLAUSES: list[tuple[type[MemoryStorage], Clause]] = [
    (ForgetsFences, partial(_contract.test_a_stale_settlement_changes_nothing, lose=_lose, verdict=Verdict.FAILED)),
    (ForgetsFences, _contract.test_a_token_opens_its_own_job_alone),
    (ServesStrangers, _contract.test_an_unknown_worker_claims_nothing),
    (ServesStrangers, _contract.test_a_worker_that_was_taken_over_claims_nothing),
    (ClaimsEarly, _contract.test_a_delay_counts_on_the_clock_of_the_storage),
    (ClaimsEarly, _contract.test_a_failed_job_waits_for_its_time),
    (ReusesTokens, _contract.test_tokens_grow_with_every_claim),
    (StoresHalves, _contract.test_a_stored_id_is_refused),
    (StoresHalves, _contract.test_a_refused_batch_leaves_no_trace),
    (WeakensStops, _contract.test_it_is_never_weakened),
    (BuriesTheLiving, _contract.test_unproven_a_living_worker_stays),
    (SharesRights, _contract.test_the_right_is_one_workers),
    (LosesWakeUps, _contract.test_every_commit_ends_a_wait),
    (ReadsPatterns, partial(_contract.test_a_prefix_is_no_pattern, prefix="a*")),
    (ListsOldestFirst, _contract.test_the_newest_stands_first),
    (NeverEnds, partial(_contract.test_calling_on_comes_to_an_end, action=Action.HOLD)),
    (DrainsForEver, _contract.test_only_the_transition_is_told),
]


def _name(value: object) -> str:
    return getattr(value, "__name__", "") or str(getattr(value, "func", value).__name__)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("defect", "clause"), _CLAUSES, ids=_name)
def test_a_clause_fails_for_who_breaks_it(defect: type[MemoryStorage], clause: Clause) -> None:
    """The clause holds for the memory, and fails for the memory with the defect."""
    _run(MemoryStorage, clause)
    with pytest.raises((AssertionError, ValueError)):
        _run(defect, clause)


def _run(kind: type[MemoryStorage], clause: Clause) -> None:
    """Run a clause as pytest would, with the fixtures that it names."""
    clock, store = FakeClock(), MemoryStore()

    def open_storage(*, events: frozenset[str] = EVENT_NAMES) -> MemoryStorage:
        return kind(store, clock=clock, events=events)

    storage = open_storage()
    named = inspect.signature(clause).parameters
    given: dict[str, Any] = {"storage": storage, "clock": clock, "open_storage": open_storage}
    if "worker" in named:
        given["worker"] = register(storage, "worker-1")
    if "heir" in named:
        given["heir"] = register(storage, "heir")
    clause(**{name: value for name, value in given.items() if name in named})


@pytest.mark.parametrize(
    "defect",
    [ForgetsFences, ServesStrangers, ClaimsEarly, StoresHalves, BuriesTheLiving, DrainsForEver],
    ids=_name,
)
def test_the_machine_finds_the_defect(defect: type[MemoryStorage]) -> None:
    """Some history shows the difference between the memory and the memory with the defect."""
    clock = FakeClock()
    storage = defect(clock=clock)
    found = settings(
        max_examples=500,
        stateful_step_count=40,
        deadline=None,
        database=None,
        derandomize=True,
        # What it finds is known here: the shortest way to it is not wanted.
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(StorageMachine.on(storage, clock), settings=found)
