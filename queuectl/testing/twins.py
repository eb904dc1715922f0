"""Twins: a storage and a memory that are told the same, and must answer and hold the same."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from queuectl.errors import ConflictError
from queuectl.model.event import Event
from queuectl.model.job import LIVE, Job, State
from queuectl.model.lease import Ask, Beat, Claim, Lease, Settlement, Verdict
from queuectl.model.query import Action, Changed, Query
from queuectl.model.storage import Storage
from queuectl.model.worker import Worker
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import settlement, tell
from queuectl.testing.memory import MemoryStorage

_FAR = 1000

Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class Pair:
    """One claim, as the storage and as the memory gave it."""

    real: Claim
    model: Claim


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How one claim is to be settled: with a run or, when it never started, without."""

    pair: Pair
    verdict: Verdict
    started: bool
    delay: int

    def of(self, claim: Claim) -> Settlement:
        """Return the settlement of one of the twins' claims."""
        if not self.started:
            return settlement(claim, self.verdict, run=None, delay=self.delay)
        charge = self.verdict in {Verdict.FAILED, Verdict.COMPLETED}
        return settlement(claim, self.verdict, charge=charge, delay=self.delay)


class Twins:
    """A storage and a `MemoryStorage` by the same clock.

    Tokens and event ids need not be the same in both: claims are remembered as pairs, and the storage's tokens are
    read as the memory's.
    """

    def __init__(self, real: Storage, clock: FakeClock) -> None:
        self.real = real
        self.model = MemoryStorage(clock=clock)
        self.pairs: list[Pair] = []
        self._clock = clock
        self._tokens: dict[int, int] = {}
        self._told = {"real": _last(real), "model": 0}

    def both(self, do: Callable[[Storage], object]) -> None:
        """Do something to both."""
        do(self.real)
        do(self.model)

    def exchange(self, worker: str, endings: Collection[Ending], ask: Ask) -> None:
        """Settle and claim alike."""
        real = self.real.exchange(worker, [each.of(each.pair.real) for each in endings], ask)
        model = self.model.exchange(worker, [each.of(each.pair.model) for each in endings], ask)
        self.claims_agree(real.claims, model.claims)
        assert {self._tokens[token] for token in real.accepted} == model.accepted
        assert self._leases(real.cancelled) == model.cancelled
        assert real.next_due == model.next_due

    def record(self, pair: Pair, handle: str | None, started_ago: int) -> None:
        """Record a run alike."""
        real = self.real.record(pair.real.lease, handle, started_ago=started_ago)
        assert real == self.model.record(pair.model.lease, handle, started_ago=started_ago)

    def beat(self, worker: str) -> None:
        """Beat alike."""
        real, model = self._as_model(self.real.beat(worker)), self.model.beat(worker)
        assert real == (replace(model, proven_ago=None) if real.proven_ago is None else model)

    def take_over(self, dead: str, by: str, *, proven: bool) -> None:
        """Take over alike, whatever the order of the claims."""
        real, model = (
            sorted(each.take_over([dead], by, proven=proven), key=lambda claim: claim.job.id)
            for each in (self.real, self.model)
        )
        self.claims_agree(real, model)

    def jobs_agree(self, do: Callable[[Storage], Sequence[Job]]) -> None:
        """Do something to both that returns jobs, or is refused by both."""
        real, model = _attempt(do, self.real), _attempt(do, self.model)
        assert (real is None) == (model is None)
        assert self._views(real or ()) == self._views(model or (), of_model=True)

    def changes_agree(self, do: Callable[[Storage], Changed]) -> None:
        """Change both alike, whatever the order of the jobs, or have it refused by both."""
        real, model = _attempt(do, self.real), _attempt(do, self.model)
        assert (real is None) == (model is None)
        if real is not None and model is not None:
            assert (real.missing, real.remaining > 0) == (model.missing, model.remaining > 0)
            for ours, theirs in ((real.jobs, model.jobs), (real.refused, model.refused)):
                assert _by_id(self._views(ours)) == _by_id(self._views(theirs, of_model=True))

    def claims_agree(self, real: Sequence[Claim], model: Sequence[Claim]) -> None:
        """Compare claims, and remember them as pairs."""
        assert [claim.job.id for claim in real] == [claim.job.id for claim in model]
        for ours, theirs in zip(real, model, strict=True):
            if self._tokens.setdefault(ours.lease.token, theirs.lease.token) != theirs.lease.token:
                raise AssertionError("two claims have one lease")
            self.pairs.append(Pair(ours, theirs))
            assert self._leases({ours.lease, ours.origin}) == {theirs.lease, theirs.origin}
            assert (ours.number, ours.recorded, ours.handle) == (theirs.number, theirs.recorded, theirs.handle)
            assert self._views([ours.job]) == self._views([theirs.job], of_model=True)

    def hold_the_same_jobs(self) -> None:
        """Compare all jobs, in order, with their attempts."""
        real, model = (storage.list(Query(), None, _FAR).jobs for storage in (self.real, self.model))
        assert self._views(real) == self._views(model, of_model=True)
        for job in model:
            assert list(self.real.attempts(job.id)) == list(self.model.attempts(job.id))

    def count_the_same(self) -> None:
        """Compare the kept counts, which must be those of the jobs too."""
        queues = {queue.name: dict(queue.counts) for queue in self.model.queues()}
        assert {q.name: dict(q.counts) for q in self.real.queues() if q.name in queues} == queues
        assert list(self.real.check()) == []

    def know_the_same_workers(self) -> None:
        """Compare the workers and what they run: no job is held twice, and none by nobody."""
        workers = self.real.workers()
        assert sorted(map(_worker, workers)) == sorted(map(_worker, self.model.workers()))
        held = [id for worker in workers for id in worker.running]
        processing = self.real.list(Query(states=frozenset({State.PROCESSING})), None, _FAR).jobs
        assert sorted(held) == sorted(job.id for job in processing)

    def tell_the_same(self) -> None:
        """Compare the events since this was asked last."""
        assert sorted(self._news("real", self.real)) == sorted(self._news("model", self.model))

    def clear(self) -> None:
        """Leave nothing in the storage but the names of queues."""
        for worker in self.real.workers():
            self.real.retire(worker.id)
        while self.real.change(Action.CANCEL, Query(states=LIVE)).remaining:
            pass
        while self.real.change(Action.DELETE, Query()).remaining:
            pass
        self.real.advance("twins", _last(self.real), worker="twins")

    def _news(self, name: str, storage: Storage) -> list[str]:
        events = _events(storage, self._told[name])
        if events:
            self._told[name] = events[-1].id
        return [tell(event) for event in events]

    def _as_model(self, beat: Beat) -> Beat:
        return replace(beat, cancelled=self._leases(beat.cancelled), leases=self._leases(beat.leases))

    def _leases(self, real: Collection[Lease]) -> frozenset[Lease]:
        return frozenset(replace(lease, token=self._tokens[lease.token]) for lease in real)

    def _views(self, jobs: Sequence[Job], *, of_model: bool = False) -> list[dict[str, Any]]:
        """Return what the contract fixes of each job, with the memory's tokens."""
        return [self._view(job, job.lease if of_model else self._tokens.get(job.lease, 0)) for job in jobs]

    def _view(self, job: Job, lease: int) -> dict[str, Any]:
        fixed: dict[str, Any] = {name: getattr(job, name) for name in Job.__slots__ if name != "updated_at"}
        waits = job.next_retry_at is not None and job.next_retry_at > self._clock.now
        asked = job.cancel_requested and job.state is State.PROCESSING
        return fixed | {
            "lease": lease,
            "next_retry_at": job.next_retry_at if waits else None,
            "cancel_requested": asked,
        }


def _attempt(do: Callable[[Storage], Answer], storage: Storage) -> Answer | None:
    try:
        return do(storage)
    except ConflictError:
        return None


def _by_id(views: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(views, key=lambda view: str(view["id"]))


def _worker(worker: Worker) -> tuple[object, ...]:
    return (worker.id, worker.beat_at, worker.expired, worker.stop or "", sorted(worker.running))


def _last(storage: Storage) -> int:
    return max((event.id for event in _events(storage, 0)), default=0)


def _events(storage: Storage, after: int) -> Sequence[Event]:
    """Return all events above an id."""
    found: list[Event] = []
    while True:
        page = storage.events(found[-1].id if found else after, _FAR)
        found += page
        if len(page) < _FAR:
            return found
