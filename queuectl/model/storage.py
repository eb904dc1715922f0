"""The storage seam: atomic domain operations, each of them one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from queuectl.model.attempt import Attempt, Output
from queuectl.model.event import Event
from queuectl.model.job import Job, NewJob, State
from queuectl.model.lease import Ask, Beat, Claim, Exchange, Lease, Settlement
from queuectl.model.query import Action, Backlog, Bucket, Changed, Edit, Group, Page, Query, QueueState
from queuectl.model.worker import NewWorker, StopMode, Worker

CAPABILITIES = frozenset({"durable", "multi_process", "multi_host", "wakeup", "transactional"})
"""durable: an acknowledged enqueue survives kill and loss of power. multi_process, multi_host: several may share
the store. wakeup: `wait` returns within milliseconds of a commit. transactional: `enqueue` takes a connection."""


class Storage(Protocol):
    """Keeps jobs, leases, attempts and events.

    Callable from any thread, never across a fork. The clock is the storage's. Each method is one transaction: done
    whole or not at all. Raises `StorageBusyError` when the same call may succeed later, `StorageRefusedError` when the
    store is not to be used, `StorageGoneError` when it was taken away while it was open, `StorageError` for the rest.

    Every transition writes its events (see `EVENT_NAMES`) in its own transaction, but only those that the context of
    `create` wants. One transition, one event: settlements write job.completed, job.failed, job.dead, job.lost (for
    LOST), job.cancelled, and job.requeued (for RELEASED with a run); enqueue job.enqueued; change job.requeued (RETRY)
    and job.cancelled (CANCEL of a waiting job); record job.started; register, retire and take_over worker.started,
    worker.stopped and worker.lost (for workers, not supervisors); and whatever leaves a queue without a live job, after
    it had one, queue.drained, once: of transactions that do so together the last writes it, or a later one, unless a
    job came meanwhile. A settlement whose run was never recorded writes job.started before its own. The `job` of an
    event is the job right after that transition.
    """

    capabilities: frozenset[str]

    def enqueue(
        self, jobs: Sequence[NewJob], *, skip_existing: bool = False, connection: object | None = None
    ) -> Sequence[Job]:
        """Store jobs, all or none, and return them as stored, in order.

        Raises `ConflictError` naming the first id that is stored already or stands twice in `jobs` (or whose unique key
        is held by a live job, or whose `(schedule, fire_at)` was used). With `skip_existing` such jobs are passed over,
        and the result holds only those that were stored now. With a `connection` the jobs join its transaction, and a
        refusal leaves that as it was before the call; a storage that is not `transactional` raises `UsageError`.
        """
        ...

    def get(self, id: str) -> Job | None:
        """Return one job by its whole id."""
        ...

    def resolve(self, prefix: str, limit: int) -> Sequence[str]:
        """Return at most `limit` ids that start with `prefix`, in order; an id that equals it comes first and alone."""
        ...

    def list(self, query: Query, cursor: str | None, limit: int) -> Page:
        """Return a page of the jobs that match, newest first. A cursor is good for the query that it came from.

        It ends when a page has no cursor. Where a text is looked for among very many jobs, a storage may look at some
        of them at a time: then a page is short, or empty, and still has a cursor.
        """
        ...

    def attempts(self, job: str) -> Sequence[Attempt]:
        """Return the attempts of a job, oldest first; empty for an unknown job."""
        ...

    def output(self, job: str, number: int) -> Output | None:
        """Return what is stored of an attempt's output: empty where it wrote nothing, None for an unknown attempt."""
        ...

    def counts(self) -> Mapping[str, Mapping[State, int]]:
        """Return how many jobs each queue has in each state, from kept counts; zeros may be left out."""
        ...

    def stats(self, since: float, step: float) -> Sequence[Bucket]:
        """Return what ended in each `step` seconds of the last `since` seconds, oldest first, empty steps included.

        The bucket i starts `since - i * step` seconds ago; the last ends now, and what ended just now is in it.
        """
        ...

    def groups(self, query: Query) -> Sequence[Group]:
        """Return the jobs that match, grouped by how they ended, the largest group first."""
        ...

    def change(
        self,
        action: Action,
        target: Query | Sequence[str],
        *,
        expected: int | None = None,
        limit: int = 500,
        edit: Edit | None = None,
    ) -> Changed:
        """Do something to jobs that a person named, by ids (all or nothing) or by a query (at most `limit` a call).

        With `expected`, raises `ConflictError` and changes nothing when it would change another number of jobs, were it
        not for `limit`. What each action does and where it is allowed is told by `Action` and `ALLOWED`. A RETRY that
        would make two live jobs with one unique key raises `ConflictError` naming the job, and changes nothing.
        """
        ...

    def queues(self) -> Sequence[QueueState]:
        """Return all queues that have or had jobs, or were set, by name."""
        ...

    def set_queue(
        self, name: str, *, paused: bool | None = None, limit: int | None = None, key_limit: int | None = None
    ) -> QueueState:
        """Pause or resume a queue, bound how many of its jobs (and of those with one `limit_key`) run at once.

        None leaves as is, 0 lifts a limit.
        """
        ...

    def register(self, worker: NewWorker) -> None:
        """Make an incarnation known; twice is once. It may hold leases from now on."""
        ...

    def retire(self, worker: str) -> None:
        """Forget an incarnation; the leases that it still holds are released, as of claims that never started."""
        ...

    def workers(self) -> Sequence[Worker]:
        """Return the registered processes, oldest first."""
        ...

    def request_stop(self, ids: Sequence[str], mode: StopMode) -> None:
        """Ask incarnations to stop; unknown ids are passed over. FORCE is never weakened to FINISH."""
        ...

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Settle and claim in one transaction; either part may be empty.

        Settles first, so that what is given back, or makes room under a limit, may be claimed at once. Promotes what is
        due (of a great many the longest due first), never claims for a worker that is not registered (or was taken
        over), from a paused queue, beyond a limit, or a held job. Does not write when there is nothing to settle and
        nothing to claim; when it does write, that proves the worker to be alive as a beat does.

        When it raises `StorageBusyError` it may have been done, where only the answer was lost: send the settlements
        again (one that is not accepted then was written, or its lease is lost), and give back the leases that `beat`
        names and you do not know.
        """
        ...

    def record(self, lease: Lease, handle: str | None, *, started_ago: float = 0.0) -> bool:
        """Note that the run under this lease started `started_ago` seconds ago, and its handle; return if it holds.

        Sets the job's `started_at`. Called for runs that last; short ones tell it all when they settle.
        """
        ...

    def beat(self, worker: str) -> Beat:
        """Prove to be alive, learn what is asked.

        Writes only when a lease is held and the last proof is older than a sixth of it, or lies as far ahead; than a
        third at the latest.
        """
        ...

    def take_over(self, dead: Sequence[str], by: str, *, proven: bool = True) -> Sequence[Claim]:
        """End the leases of dead incarnations: forget those, and give their jobs to `by` under new leases.

        With `proven` the caller knows that they are dead (it holds the locks of their ledgers); else only those are
        taken that are `expired`: name such as are `running` something, for who holds no lease does not beat. The caller
        ends what still runs, then settles each claim. Of two rivals one gets the jobs, the other none. Nothing happens
        where `by` is not registered. For `by` it is a proof to be alive, and without `proven` it is written each time,
        even if for nobody: so it fails where nothing can be written.

        Returns all that `by` took over, by this call and earlier ones, and has not settled: when it raises
        `StorageError` it may have been done, where only the answer was lost, and is asked again, if for nobody.
        """
        ...

    def events(self, after: int, limit: int) -> Sequence[Event]:
        """Return events with an id above `after`, oldest first.

        Once an event has been returned no event with a smaller id ever appears. Ids are never used again.
        """
        ...

    def advance(self, consumer: str, upto: int, *, worker: str, hold: float = 30.0) -> int | None:
        """Move a consumer's cursor forward to `upto` and keep the right to deliver to it for `hold` seconds.

        Returns the cursor, or None while another registered worker holds the right. A new consumer starts at 0.
        `retire` and `take_over` give the right up. Events that every known consumer has passed are deleted.
        """
        ...

    def wait(self, timeout: float) -> bool:
        """Block until somebody else committed something, `interrupt` was called, or `timeout` seconds passed.

        Something is what one may wait for: a job that became claimable or ended, a cancel, a stop, an event. Returns
        False only for the time-out, which runs by a real clock. What was committed before the call but after the last
        `exchange` of this handle counts: no wake-up is lost between the two. Spurious returns are allowed.
        """
        ...

    def interrupt(self) -> None:
        """Make a `wait` of this handle, running or next, return True at once; safe in a signal handler's thread."""
        ...

    def migrate(self) -> None:
        """Bring the store to the newest schema; opening a store does this by itself where it is quick."""
        ...

    def check(self) -> Sequence[str]:
        """Return what is wrong with the store, a line each; empty when it is sound."""
        ...

    def backup(self, path: Path) -> None:
        """Write a consistent copy to a new file."""
        ...

    def prune(self, query: Query, limit: int) -> Changed:
        """Delete at most `limit` finished jobs that match, first finished first, with their attempts; for retention."""
        ...

    def close(self) -> None:
        """Give everything back; idempotent. A `wait` that runs returns."""
        ...


@runtime_checkable
class BackloggedStorage(Protocol):
    """A storage that can tell which job waits longest without a look at all that wait."""

    def backlog(self) -> Backlog | None:
        """Return the job that waits longest of those that could be claimed, None where none could.

        These are due and not held; that their queue is paused, or as much runs as may, makes no difference. A job waits
        since it became due, at the earliest since it was enqueued; one that was retried or given back, since then.
        """
        ...
