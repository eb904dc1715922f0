"""What was there in the end, when all was calm: the jobs as they are stored, and what is left around them."""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt as it is stored."""

    number: int
    result: str
    worker: str
    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it is stored, with its attempts, oldest first."""

    id: str
    state: str
    queue: str = "default"
    priority: int = 0
    attempts: int = 0
    runs: int = 0
    token: int = 0
    records: tuple[Record, ...] = ()


class Final(msgspec.Struct, frozen=True, kw_only=True):
    """All that is stored, in the order in which it was enqueued.

    `counts` are the kept ones, by state. `problems` is what the storage says is wrong with itself. `left` are processes
    that still run, and traces of workers that are gone. `faults` is what went wrong around the run, such as a drain
    that did not end.
    """

    jobs: tuple[Stored, ...] = ()
    counts: dict[str, int] = {}
    problems: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
