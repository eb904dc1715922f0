"""What is stored: eight tables in memory, and the lines of the journal that bring them up to date.

All that a row holds is immutable: a row is replaced, never changed. That makes a transaction simple. It tells what
it put into each table and what it dropped, and that is its line. Whoever applies the lines in order has the tables.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from queuectl import Attempt, Event, Job, Lease, Output, QueueState, Worker

K = TypeVar("K")
V = TypeVar("V")


class Holding(Struct, frozen=True, kw_only=True):
    """Who may run a job now, and who was meant to run it before any take-over.

    `before` is the job as it was before the claim, `due_at` since when it could have been claimed, `runner` the worker
    of the lease `origin`.
    """

    lease: Lease
    origin: Lease
    runner: Worker
    before: Job
    due_at: float
    recorded: bool = False
    handle: str | None = None


class Entry(Struct, frozen=True):
    """A job with what people do not see of it. `holding` is set exactly while the job is processing.

    `since` is when its wait until `due_at` began, None where that moment was named.
    """

    order: int
    job: Job
    due_at: float
    since: float | None
    holding: Holding | None = None


class KeptRun(Struct, frozen=True, kw_only=True):
    """A run that was settled. `waited` is for how many seconds its job had been due when it started."""

    attempt: Attempt
    output: Output
    waited: float


class Consumer(Struct, frozen=True):
    """A reader of the outbox: all up to `cursor` is delivered, and `holder` alone may deliver on for a time."""

    cursor: int = 0
    holder: str | None = None
    held_since: float = 0.0
    held_until: float = 0.0


class Line(Struct, omit_defaults=True):
    """One transaction: the new rows of each table by their keys, null for those that it dropped."""

    jobs: dict[str, Entry | None] = {}
    runs: dict[str, KeptRun | None] = {}
    queues: dict[str, QueueState | None] = {}
    workers: dict[str, Worker | None] = {}
    events: dict[int, Event | None] = {}
    consumers: dict[str, Consumer | None] = {}
    fires: dict[str, bool | None] = {}
    counters: dict[str, int | None] = {}


class Table(UserDict[K, V]):
    """Rows by their keys, in the order in which they came; remembers what was changed."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: dict[K, V | None] = {}

    def __setitem__(self, key: K, row: V) -> None:
        self.data[key] = row
        self.changes[key] = row

    def __delitem__(self, key: K) -> None:
        del self.data[key]
        self.changes[key] = None

    def apply(self, changes: dict[K, V | None]) -> None:
        """Make the changes of somebody else."""
        for key, row in changes.items():
            if row is None:
                self.data.pop(key, None)
            else:
                self.data[key] = row


class Store:
    """The tables. Keys are what the rows are found by: ids, names, and `NUMBER ID` for a run."""

    def __init__(self) -> None:
        self.jobs = Table[str, Entry]()
        self.runs = Table[str, KeptRun]()
        self.queues = Table[str, QueueState]()
        self.workers = Table[str, Worker]()
        self.events = Table[int, Event]()
        self.consumers = Table[str, Consumer]()
        self.fires = Table[str, bool]()
        self.counters = Table[str, int]()

    def next(self, counter: str) -> int:
        """Return a number that was never returned before, in the life of the store."""
        self.counters[counter] = number = self.counters.get(counter, 0) + 1
        return number

    def apply(self, line: bytes) -> None:
        """Do what a line says. Raises msgspec.DecodeError for one that is damaged."""
        changes = _decoder.decode(line)
        for name, table in self._tables():
            table.apply(getattr(changes, name))

    def take_changes(self) -> bytes | None:
        """Return the line of what was changed since the last call, None when nothing was."""
        changes = {name: table.changes for name, table in self._tables() if table.changes}
        line = msgspec.json.encode(Line(**changes)) if changes else None
        for _, table in self._tables():
            table.changes = {}
        return line

    def whole(self) -> bytes:
        """Return one line that says it all."""
        return msgspec.json.encode(Line(**{name: table.data for name, table in self._tables()}))

    def rows(self) -> int:
        """Return how many rows there are."""
        return sum(len(table) for _, table in self._tables())

    def _tables(self) -> Sequence[tuple[str, Table[Any, Any]]]:
        return [(name, getattr(self, name)) for name in Line.__struct_fields__]


_decoder = msgspec.json.Decoder(Line)
