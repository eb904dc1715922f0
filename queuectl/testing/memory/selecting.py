"""Selecting: which jobs a query means, and what is told of many at once."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence

from queuectl.model.attempt import Result
from queuectl.model.job import Job, State
from queuectl.model.query import Backlog, Bucket, Group, Page, Query
from queuectl.testing.memory.store import Entry, KeptRun, MemoryStore, Transaction


def matching(tx: Transaction, query: Query) -> list[Entry]:
    """Return the jobs that match, oldest first."""
    return [entry for entry in tx.store.entries.values() if _matches(entry.job, query, tx.now)]


def page(tx: Transaction, query: Query, cursor: str | None, limit: int) -> Page:
    """Return the newest jobs that match, or those older than the cursor, which is the place of the last job told."""
    before = math.inf if cursor is None else int(cursor)
    found = [entry for entry in reversed(matching(tx, query)) if entry.order < before]
    shown = found[:limit]
    more = shown and len(found) > limit
    return Page(jobs=tuple(entry.job for entry in shown), next_cursor=str(shown[-1].order) if more else None)


def resolve(store: MemoryStore, prefix: str, limit: int) -> list[str]:
    """Return the ids that start with a prefix, or the one that equals it."""
    if prefix in store.entries:
        return [prefix][:limit]
    return sorted(id for id in store.entries if id.startswith(prefix))[:limit]


def groups(tx: Transaction, query: Query) -> list[Group]:
    """Return the jobs that match by how they ended, the largest group first."""
    alike: dict[tuple[str | None, int | None, int | None], list[Job]] = {}
    for entry in matching(tx, query):
        alike.setdefault(_ending(entry.job), []).append(entry.job)
    found = [_group(jobs) for jobs in alike.values()]
    return sorted(found, key=lambda group: (-group.count, -(group.newest.finished_at or 0.0)))


def backlog(tx: Transaction) -> Backlog | None:
    """Return the job that could be claimed and waits longest."""
    waiting = [entry for entry in tx.store.entries.values() if entry.job.state in {State.PENDING, State.FAILED}]
    due = [entry for entry in waiting if not entry.job.held and entry.due_at <= tx.now]
    if not due:
        return None
    oldest = min(due, key=_waits_since)
    return Backlog(oldest=oldest.job, since=_waits_since(oldest))


def buckets(tx: Transaction, since: float, step: float) -> list[Bucket]:
    """Return what ended in each step of the time from `since` seconds ago until now."""
    start = tx.now - since
    size = math.ceil(since / step)
    piles: list[list[KeptRun]] = [[] for _ in range(size)]
    for run in (run for runs in tx.store.runs.values() for run in runs):
        if start <= run.attempt.finished_at <= tx.now:
            piles[min(size - 1, int((run.attempt.finished_at - start) / step))].append(run)
    return [_bucket(start + index * step, pile) for index, pile in enumerate(piles)]


def _waits_since(entry: Entry) -> float:
    return max(entry.due_at, entry.job.created_at)


def _matches(job: Job, query: Query, now: float) -> bool:
    finished_by = math.inf if query.finished_before is None else now - query.finished_before
    return (
        (query.states is None or job.state in query.states)
        and (query.queue is None or job.queue == query.queue)
        and (query.tag is None or query.tag in job.tags)
        and (query.text is None or query.text in _shown(job))
        and (query.finished_before is None or (job.finished_at is not None and job.finished_at <= finished_by))
        and (not query.grouped or _ending(job) == (query.error, query.exit_code, query.signal))
    )


def _shown(job: Job) -> str:
    command = job.command if isinstance(job.command, str) else shlex.join(job.command)
    return "\n".join((job.id, command, job.error or ""))


def _ending(job: Job) -> tuple[str | None, int | None, int | None]:
    return job.error, job.exit_code, job.signal


def _group(jobs: Sequence[Job]) -> Group:
    error, exit_code, signal = _ending(jobs[0])
    newest = max(jobs, key=lambda job: job.finished_at or 0.0)
    return Group(error=error, exit_code=exit_code, signal=signal, count=len(jobs), newest=newest)


def _bucket(start: float, ended: Sequence[KeptRun]) -> Bucket:
    attempts = [run.attempt for run in ended]
    return Bucket(
        start=start,
        completed=sum(attempt.result is Result.COMPLETED for attempt in attempts),
        failed=sum(attempt.result in {Result.FAILED, Result.LOST} for attempt in attempts),
        run_time=sum(attempt.finished_at - attempt.started_at for attempt in attempts),
        wait_time=sum(run.waited for run in ended),
    )
