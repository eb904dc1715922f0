"""An attempt: the record of one started run, written once and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from queuectl.model.outcome import Outcome

OUTPUT_TAIL = 64 * 1024
"""How many of the last bytes of a run's output are stored with its attempt."""


class Result(StrEnum):
    """What became of a run."""

    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a run wrote: the last bytes, and where the whole of it lies on the worker's host.

    `tail` and `error_tail` hold at most `OUTPUT_TAIL` bytes each, as they were written; `size` and `error_size` are the
    lengths in bytes of all that was written. `path` is set when the file is kept because it is longer than its tail.
    `error_*` are used only where standard error is kept apart.
    """

    tail: bytes = b""
    size: int = 0
    path: str | None = None
    error_tail: bytes | None = None
    error_size: int = 0
    error_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a worker reports of a run that it started.

    Times are ages, so that the storage's clock alone counts: the run started `started_ago` seconds before the
    storage reads this, and ended `ended_ago` seconds before. `number` is the one that the claim carried.
    """

    number: int
    result: Result
    outcome: Outcome
    started_ago: float
    ended_ago: float
    output: Output = Output()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A run as it is stored. `number` counts 1, 2, 3 … over the whole life of the job and is never reset.

    `worker`, `host` and `worker_pid` are those of the worker that ran it, also when another settled it after a
    take-over.
    """

    job: str
    number: int
    result: Result
    outcome: Outcome
    started_at: float
    finished_at: float
    worker: str
    host: str
    worker_pid: int
    output_size: int = 0
    output_path: str | None = None
