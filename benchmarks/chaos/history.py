"""A history: what happened to all jobs of one run of chaos, put together from everybody's lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from benchmarks.chaos.final import Final, Stored
from benchmarks.chaos.lines import (
    Acknowledged,
    Answered,
    AnyLine,
    Asked,
    Began,
    Ended,
    Intended,
    Missed,
    Returned,
    Signalled,
    Taken,
    Told,
)

T = TypeVar("T", "Run", "Try", Told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as its own command saw it, in monotonic time. Without an `end` it was killed."""

    job: str
    attempt: int
    worker: str
    token: int
    begin: float
    began_at: float
    alone: bool = True
    end: float | None = None
    code: int | None = None

    def __str__(self) -> str:
        return f"{self.job}: attempt {self.attempt} under lease {self.token}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """A run as its worker saw it. Without `returned` the worker did not live to see its end, or left it to somebody."""

    job: str
    attempt: int
    worker: str
    token: int
    taken: float
    returned: float | None = None
    exit_code: int | None = None
    signal: int | None = None

    @property
    def may_have_begun(self) -> bool:
        """Whether there may have been a command: not if an error is all that came back."""
        return self.returned is None or self.exit_code is not None or self.signal is not None

    def __str__(self) -> str:
        return f"{self.job}: attempt {self.attempt} under lease {self.token}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Jobs that were enqueued together."""

    jobs: tuple[str, ...]
    acknowledged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person asked, and the answer: None where the command did not live to give one."""

    action: str
    jobs: tuple[str, ...]
    asked: float
    answered: float | None = None
    code: int | None = None

    def concerns(self, job: str) -> bool:
        """Whether the job may have been meant."""
        return not self.jobs or job in self.jobs


@dataclass(frozen=True, kw_only=True)
class History:
    """All that is known. `told` is in the order of the transitions, the rest in the order of its moments."""

    runs: tuple[Run, ...] = ()
    tries: tuple[Try, ...] = ()
    told: tuple[Told, ...] = ()
    missed: frozenset[str] = frozenset()
    """The workers that died and were taken over."""
    batches: tuple[Batch, ...] = ()
    orders: tuple[Order, ...] = ()
    signals: tuple[Signalled, ...] = ()
    final: Final = field(default_factory=Final)

    @cached_property
    def runs_of(self) -> Mapping[str, tuple[Run, ...]]:
        """The runs of each job, in the order of their begins."""
        return _grouped(self.runs)

    @cached_property
    def tries_of(self) -> Mapping[str, tuple[Try, ...]]:
        """The runs of each job as workers saw them, in the order of their begins."""
        return _grouped(self.tries)

    @cached_property
    def told_of(self) -> Mapping[str, tuple[Told, ...]]:
        """The transitions of each job, in their order."""
        return _grouped(self.told)

    @cached_property
    def stored(self) -> Mapping[str, Stored]:
        """The jobs as they were in the end, by id."""
        return {job.id: job for job in self.final.jobs}


def put_together(lines: Iterable[AnyLine], final: Final) -> History:
    """Make a history of lines that came in any order."""
    sorted_lines = sorted(lines, key=lambda line: line.mono)
    told = {line.id: line for line in sorted_lines if isinstance(line, Told)}
    return History(
        runs=_runs(sorted_lines),
        tries=_tries(sorted_lines),
        told=tuple(told[id] for id in sorted(told)),
        missed=frozenset(line.worker for line in sorted_lines if isinstance(line, Missed)),
        batches=_batches(sorted_lines),
        orders=_orders(sorted_lines),
        signals=tuple(line for line in sorted_lines if isinstance(line, Signalled)),
        final=final,
    )


def _runs(lines: Sequence[AnyLine]) -> tuple[Run, ...]:
    ends = {(line.lease, line.pid): line for line in lines if isinstance(line, Ended)}
    return tuple(_run(line, ends.get((line.lease, line.pid))) for line in lines if isinstance(line, Began))


def _run(began: Began, ended: Ended | None) -> Run:
    worker, _, token = began.lease.rpartition(".")
    return Run(
        job=began.job,
        attempt=began.attempt,
        worker=worker,
        token=int(token),
        begin=began.mono,
        began_at=began.wall,
        alone=began.alone,
        end=None if ended is None else ended.mono,
        code=None if ended is None else ended.code,
    )


def _tries(lines: Sequence[AnyLine]) -> tuple[Try, ...]:
    returns = {(line.lease, line.pid): line for line in lines if isinstance(line, Returned)}
    return tuple(_try(line, returns.get((line.lease, line.pid))) for line in lines if isinstance(line, Taken))


def _try(taken: Taken, returned: Returned | None) -> Try:
    worker, _, token = taken.lease.rpartition(".")
    return Try(
        job=taken.job,
        attempt=taken.attempt,
        worker=worker,
        token=int(token),
        taken=taken.mono,
        returned=None if returned is None else returned.mono,
        exit_code=None if returned is None else returned.exit_code,
        signal=None if returned is None else returned.signal,
    )


def _batches(lines: Sequence[AnyLine]) -> tuple[Batch, ...]:
    acknowledged = {line.batch for line in lines if isinstance(line, Acknowledged)}
    return tuple(
        Batch(jobs=line.jobs, acknowledged=line.batch in acknowledged) for line in lines if isinstance(line, Intended)
    )


def _orders(lines: Sequence[AnyLine]) -> tuple[Order, ...]:
    answers = {line.order: line for line in lines if isinstance(line, Answered)}
    return tuple(_order(line, answers.get(line.order)) for line in lines if isinstance(line, Asked))


def _order(asked: Asked, answer: Answered | None) -> Order:
    return Order(
        action=asked.action,
        jobs=asked.jobs,
        asked=asked.mono,
        answered=None if answer is None else answer.mono,
        code=None if answer is None else answer.code,
    )


def _grouped(items: Iterable[T]) -> Mapping[str, tuple[T, ...]]:
    groups: dict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[item.job].append(item)
    return {job: tuple(group) for job, group in groups.items()}
