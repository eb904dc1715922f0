"""Storages with one defect each: memories that do one thing wrong."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from queuectl.errors import ConflictError
from queuectl.model.job import LIVE, Job, NewJob, State
from queuectl.model.lease import Ask, Claim, Exchange, Lease, Settlement, Verdict
from queuectl.model.query import Action, Changed, Page, Query
from queuectl.model.worker import NewWorker, StopMode, Worker
from queuectl.testing import MemoryStorage
from queuectl.testing.memory.claiming import claim_of

T = TypeVar("T")


class FencesByWorker(MemoryStorage):
    """Looks at whose lease it is, and not which."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Accept the settlement of an earlier lease of the same worker on the same job."""
        return super().exchange(worker, [replace(each, lease=self._own(each.lease)) for each in settlements], ask)

    def _own(self, lease: Lease) -> Lease:
        entry = self.store.entries.get(lease.job)
        held = entry.holding.lease if entry and entry.holding else lease
        return held if held.worker == lease.worker and held.token > lease.token else lease


class LosesUpdates(MemoryStorage):
    """Reads a job, and writes it back though somebody has changed it meanwhile."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Give back a job as it was before a cancel."""
        before = {each.lease.job: self._cancelled(each.lease.job) for each in settlements}
        if any(each.verdict is Verdict.RELEASED for each in settlements) and _is_beside_others():
            time.sleep(0.02)
        with self.store.changed:
            for id, cancelled in before.items():
                if id in self.store.entries:
                    entry = self.store.entries[id]
                    entry.job = replace(entry.job, cancel_requested=cancelled)
            return super().exchange(worker, settlements, ask)

    def change(self, action: Action, target: Query | Sequence[str], **options: Any) -> Changed:
        """Let the other read first."""
        if _is_beside_others():
            time.sleep(0.005)
        return super().change(action, target, **options)

    def _cancelled(self, id: str) -> bool:
        return id in self.store.entries and self.store.entries[id].job.cancel_requested


class GivesTwice(MemoryStorage):
    """Chooses jobs, and gives them out though somebody has claimed them meanwhile."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Give one job to two workers that ask at the same moment."""
        if ask is None or not _is_beside_others() or any(queue.limit for queue in self.store.queues.values()):
            return super().exchange(worker, settlements, ask)
        with self.store.changed:
            chosen = [entry for entry in self.store.entries.values() if entry.holding is None][: ask.limit]
        time.sleep(0.001)
        brought = super().exchange(worker, settlements, ask)
        stolen = [claim_of(each, each.holding) for each in chosen if each.holding and each.job.worker != worker]
        return replace(brought, claims=(*brought.claims, *stolen))


class PutsTheLateLast(MemoryStorage):
    """Orders jobs by when they came due."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Put a job with a delay behind all that came before it was due."""
        for entry in self.store.entries.values():
            if entry.job.run_at is not None and not entry.job.runs and entry.due_at <= self._clock():
                self.store.last_order += 1
                entry.order = self.store.last_order
        return super().exchange(worker, settlements, ask)


class CountsForItself(MemoryStorage):
    """Has a counter of tokens in each handle."""

    _handles = itertools.count(1)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._last_token = next(self._handles) * 1_000_000

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Give tokens of the handle's own."""
        return self._counting(lambda: super(CountsForItself, self).exchange(worker, settlements, ask))

    def take_over(self, dead: Sequence[str], by: str, *, proven: bool = True) -> Sequence[Claim]:
        """Give tokens of the handle's own."""
        return self._counting(lambda: super(CountsForItself, self).take_over(dead, by, proven=proven))

    def _counting(self, do: Callable[[], T]) -> T:
        with self.store.changed:
            self.store.last_token = self._last_token
            answer = do()
            self._last_token = self.store.last_token
            return answer


class ServesTheRetired(MemoryStorage):
    """Claims for workers that have retired."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Take back whoever asks, if it was known."""
        if ask and worker in self._retired and worker not in self.store.workers:
            self.register(NewWorker(id=worker, host="host", pid=1))
        return super().exchange(worker, settlements, ask)

    def retire(self, worker: str) -> None:
        """Remember it."""
        self._retired = (*self._retired, worker)
        super().retire(worker)

    _retired: tuple[str, ...] = ()


class ClaimsEarly(MemoryStorage):
    """Rounds times."""

    def enqueue(self, jobs: Sequence[NewJob], **options: Any) -> Sequence[Job]:
        """Let a job with `run_at` come due a little before it."""
        stored = super().enqueue(jobs, **options)
        for new in jobs:
            if new.run_at is not None:
                self.store.entries[new.id].due_at -= 0.5
        return stored


class BringsForward(MemoryStorage):
    """Lets a whole queue come due with the first of its jobs that waited for a time."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Bring forward whatever was enqueued with a delay."""
        now = self._clock()
        delayed = [entry for entry in self.store.entries.values() if entry.job.run_at and entry.since is not None]
        waiting = [entry for entry in delayed if entry.job.state is State.PENDING]
        if any(entry.due_at <= now for entry in waiting):
            for entry in waiting:
                entry.due_at = min(entry.due_at, now)
        return super().exchange(worker, settlements, ask)


class StoresHalves(MemoryStorage):
    """Makes a queue with its first job, and then looks at the others."""

    def enqueue(self, jobs: Sequence[NewJob], **options: Any) -> Sequence[Job]:
        """Store the first job of a refused batch when its queue was not there."""
        is_new = bool(jobs) and jobs[0].queue not in self.store.queues and bool(self.store.queues)
        try:
            return super().enqueue(jobs, **options)
        except ConflictError:
            if is_new:
                super().enqueue(jobs[:1])
            raise


class WeakensStops(MemoryStorage):
    """Lets FINISH replace FORCE."""

    def request_stop(self, ids: Sequence[str], mode: StopMode) -> None:
        """Keep the last mode."""
        super().request_stop(ids, mode)
        for id in set(ids) & self.store.workers.keys():
            self.store.workers[id] = replace(self.store.workers[id], stop=mode)


class HasOneLeaseForAll(MemoryStorage):
    """Takes every worker's lease for thirty seconds."""

    def take_over(self, dead: Sequence[str], by: str, *, proven: bool = True) -> Sequence[Claim]:
        """Bury whoever was silent for so long."""
        workers, now = self.store.workers, self._clock()
        silent = [id for id in dead if proven or (id in workers and abs(now - workers[id].beat_at) > 30.0)]
        super().take_over([], by, proven=proven)
        return super().take_over(silent, by)


class ProvesOnlyWithJobs(MemoryStorage):
    """Writes nothing when nobody is named."""

    def take_over(self, dead: Sequence[str], by: str, *, proven: bool = True) -> Sequence[Claim]:
        """Leave the heir's beat as it was."""
        before = self.store.workers.get(by)
        claims = super().take_over(dead, by, proven=proven)
        if before is not None and not dead:
            self.store.workers[by] = before
        return claims


class ForgetsTheOrigin(MemoryStorage):
    """Knows only the last owner of a job."""

    def take_over(self, dead: Sequence[str], by: str, *, proven: bool = True) -> Sequence[Claim]:
        """Give as the origin of a claim the lease that was taken over."""
        before = {each.job.id: each.holding.lease for each in self.store.entries.values() if each.holding}
        claims = super().take_over(dead, by, proven=proven)
        return [each if each.lease == before[each.job.id] else self._inherited(each, before) for each in claims]

    def _inherited(self, claim: Claim, before: dict[str, Lease]) -> Claim:
        return replace(claim, origin=before[claim.job.id])


class DoesNotRenew(MemoryStorage):
    """Gives the right to deliver for so long and no longer."""

    def advance(self, consumer: str, upto: int, *, worker: str, hold: float = 30.0) -> int | None:
        """Leave the end of a right where it is."""
        known = self.store.outbox.consumers.get(consumer)
        until = known.held_until if known and known.holder == worker else None
        cursor = super().advance(consumer, upto, worker=worker, hold=hold)
        if until is not None and hold:
            self.store.outbox.consumers[consumer].held_until = until
        return cursor


class KeepsARightForLong(MemoryStorage):
    """Knows when a right to deliver ends, and not when it began."""

    def advance(self, consumer: str, upto: int, *, worker: str, hold: float = 30.0) -> int | None:
        """Let every right have begun long ago."""
        cursor = super().advance(consumer, upto, worker=worker, hold=hold)
        self.store.outbox.consumers[consumer].held_since = 0.0
        return cursor


class ForgetsTheQuiet(MemoryStorage):
    """Takes a consumer that had nothing to do for one that is gone."""

    def advance(self, consumer: str, upto: int, *, worker: str, hold: float = 30.0) -> int | None:
        """Forget the others that have not come for a month."""
        known = self.store.outbox.consumers
        for name in [name for name, each in known.items() if each.held_until < self._clock() - 30 * 86400.0]:
            if name != consumer:
                del known[name]
        return super().advance(consumer, upto, worker=worker, hold=hold)


class TakesMomentsForWaits(MemoryStorage):
    """Keeps of `run_at` only how far away it was."""

    def enqueue(self, jobs: Sequence[NewJob], **options: Any) -> Sequence[Job]:
        """Begin to wait."""
        stored = super().enqueue(jobs, **options)
        for job in stored:
            self.store.entries[job.id].since = self._clock()
        return stored


class TellsTheOldTime(MemoryStorage):
    """Lets a wait begin anew, and shows when the first one would have ended."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Leave `run_at` as it was enqueued."""
        before = {id: each.job.run_at for id, each in self.store.entries.items() if not each.job.runs}
        brought = super().exchange(worker, settlements, ask)
        for id, run_at in before.items():
            entry = self.store.entries[id]
            if entry.job.run_at is not None and not settlements:
                entry.job = replace(entry.job, run_at=run_at)
        return brought


class BelievesBeatsAhead(MemoryStorage):
    """Takes a beat that lies ahead for a fresh one."""

    def workers(self) -> Sequence[Worker]:
        """Call nobody silent who has beaten in the future."""
        return [replace(each, expired=self._clock() - each.beat_at > each.lease) for each in super().workers()]


class BuriesNobodyAhead(MemoryStorage):
    """Does the same when somebody takes over."""

    def take_over(self, dead: Sequence[str], by: str, *, proven: bool = True) -> Sequence[Claim]:
        """Pass over who has beaten in the future."""
        known = self.store.workers
        named = [id for id in dead if proven or (id in known and known[id].beat_at <= self._clock())]
        return super().take_over(named, by, proven=proven)


class WaitsForEvents(MemoryStorage):
    """Takes what tells no event for no news."""

    _last_event = 0

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Note the last event."""
        with self.store.changed:
            brought = super().exchange(worker, settlements, ask)
            self._last_event = self.store.outbox.last_id
            return brought

    def wait(self, timeout: float) -> bool:
        """Sleep through a commit without an event that came before."""
        with self.store.changed:
            if self._seen != self.store.commits and self._last_event == self.store.outbox.last_id:
                self._seen = self.store.commits
                timeout = 0.01
        return super().wait(timeout)


class ReadsPatterns(MemoryStorage):
    """Takes a prefix for a pattern, as LIKE does."""

    def resolve(self, prefix: str, limit: int) -> Sequence[str]:
        """Match with wildcards."""
        if not set(prefix) & {"%", "_"}:
            return super().resolve(prefix, limit)
        pattern = re.escape(prefix).replace("%", ".*").replace("_", ".")
        return sorted(id for id in self.store.entries if re.match(pattern, id))[:limit]


class PromisesMore(MemoryStorage):
    """Takes a full page for a sign that there are more."""

    def list(self, query: Query, cursor: str | None, limit: int) -> Page:
        """Give a cursor with every full page."""
        page = super().list(query, cursor, limit)
        if len(page.jobs) < limit:
            return page
        return replace(page, next_cursor=str(self.store.entries[page.jobs[-1].id].order))


class NeverEnds(MemoryStorage):
    """Holds the same jobs again at every call."""

    def change(self, action: Action, target: Query | Sequence[str], **options: Any) -> Changed:
        """Release before."""
        if action is Action.HOLD:
            super().change(Action.RELEASE, target)
        return super().change(action, target, **options)


class DrainsAgain(MemoryStorage):
    """Takes an empty queue for a drained one."""

    def change(self, action: Action, target: Query | Sequence[str], **options: Any) -> Changed:
        """Tell of it once more when its last job is deleted."""
        changed = super().change(action, target, **options)
        counts = self.store.counts["default"]
        if action is Action.DELETE and changed.jobs and not any(counts[state] for state in LIVE):
            self.store.outbox.append("queue.drained", at=self._clock(), queue="default")
        return changed


BROKEN: dict[type[MemoryStorage], str] = {
    FencesByWorker: "test_a_stale_settlement_changes_nothing",
    LosesUpdates: "test_a_cancel_and_a_settlement_agree",
    GivesTwice: "test_each_job_is_claimed_once",
    PutsTheLateLast: "test_a_job_that_became_due_takes_its_place_in_enqueue_order",
    CountsForItself: "test_tokens_grow_for_every_handle",
    ServesTheRetired: "test_a_retired_worker_claims_nothing",
    ClaimsEarly: "test_a_job_with_run_at_waits_for_it",
    BringsForward: "test_what_becomes_due_brings_nothing_else_forward",
    StoresHalves: "test_a_refused_batch_leaves_no_trace",
    WeakensStops: "test_it_is_never_weakened",
    HasOneLeaseForAll: "test_unproven_each_worker_has_its_own_lease",
    ProvesOnlyWithJobs: "test_unproven_it_is_a_proof_even_for_nobody",
    ForgetsTheOrigin: "test_a_chain_keeps_the_origin",
    DoesNotRenew: "test_the_right_is_renewed",
    KeepsARightForLong: "test_the_right_to_deliver_does_not_last_longer",
    ForgetsTheQuiet: "test_who_was_told_nothing_for_long_is_told_what_is_new",
    TakesMomentsForWaits: "test_a_named_moment_stays",
    TellsTheOldTime: "test_the_new_time_is_told",
    BelievesBeatsAhead: "test_a_beat_that_lies_ahead_proves_nothing",
    BuriesNobodyAhead: "test_who_beats_is_not_taken_over",
    WaitsForEvents: "test_no_wake_up_is_lost_between_exchange_and_wait",
    ReadsPatterns: "test_a_prefix_is_no_pattern",
    PromisesMore: "test_a_last_page_that_is_full_is_the_last",
    NeverEnds: "test_calling_on_comes_to_an_end",
    DrainsAgain: "test_only_the_transition_is_told",
}
"""Each with the one clause that it breaks."""


def _is_beside_others() -> bool:
    """Whether this is one of several threads, which is where races are."""
    return threading.current_thread() is not threading.main_thread()
