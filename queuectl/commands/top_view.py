"""What `queuectl top` shows, and what each key does to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from queuectl.commands.columns import JOB, STATE_STYLE
from queuectl.commands.escape import visible
from queuectl.commands.people import count, span
from queuectl.commands.table import table_lines
from queuectl.commands.terminal import painted
from queuectl.engine.console import Console
from queuectl.errors import QueuectlError, StorageError
from queuectl.model.job import Job, State
from queuectl.model.query import Action, Backlog, Bucket, Query, QueueState
from queuectl.model.worker import Worker

KEYS = "j k choose   R retry   c cancel   f state   p pause   q quit"

HEAD = 7
"""Lines that are no jobs: the counts, the workers, the last hour, what is wrong, two empty ones, the keys."""

HOUR = 3600.0

_FILTERS: tuple[State | None, ...] = (None, *State)


@dataclass
class View:
    """What was last seen, and what of it is shown."""

    console: Console
    queue: str | None = None
    color: bool = True
    filter: State | None = None
    place: int = 0
    paused: bool = False
    over: bool = False
    message: str = ""
    totals: Mapping[State, int] = field(default_factory=dict)
    workers: Sequence[Worker] = ()
    queues: Sequence[QueueState] = ()
    ended: Bucket | None = None
    backlog: Backlog | None = None
    jobs: Sequence[Job] = ()

    def look(self, height: int) -> None:
        """Ask for what fits a terminal of this height; a store that cannot be read is told, and asked again."""
        states = None if self.filter is None else frozenset({self.filter})
        try:
            self.totals = self.console.totals()
            self.workers = self.console.workers()
            self.queues = self.console.queues()
            (self.ended,) = self.console.stats(HOUR, HOUR)
            self.backlog = self.console.backlog()
            self.jobs = self.console.page(Query(states=states, queue=self.queue), None, max(height - HEAD - 1, 1)).jobs
        except StorageError as error:
            self.message = error.message
        self.place = max(min(self.place, len(self.jobs) - 1), 0)

    def press(self, key: str) -> bool:
        """Do what a key does; whether there is something new to look at."""
        does = _DEEDS.get(key)
        if does is None:
            return False
        self.message = ""
        try:
            return does(self)
        except QueuectlError as error:
            self.message = error.message
            return True

    def lines(self, height: int) -> list[str]:
        """Lay it out, no higher than the terminal."""
        head = [self._counts(), self._at_work(), self._lately(), self._wrong(), ""]
        rows = list(table_lines(self.jobs, JOB, color=self.color)) or [self._nothing()]
        if self.jobs:
            rows[self.place + 1] = f"\x1b[7m{_bare(rows[self.place + 1])}\x1b[0m"
        foot = ["", painted(visible(self.message) or KEYS, "" if self.message else "dim", self.color)]
        room = max(height - len(head) - len(foot), 1)
        return [*head, *rows[:room], *[""] * (room - len(rows)), *foot][:height]

    def _counts(self) -> str:
        styles = {state: STATE_STYLE[state] if self.totals.get(state) else "dim" for state in State}
        counts = (
            painted(f"{self.totals.get(state, 0):,} {state}", style, self.color) for state, style in styles.items()
        )
        return "   ".join([*(["PAUSED"] if self.paused else []), *counts])

    def _at_work(self) -> str:
        if not self.workers:
            return "no worker runs: queuectl worker start"
        running, slots = sum(len(each.running) for each in self.workers), sum(each.concurrency for each in self.workers)
        shown = f"   showing {self.filter}" if self.filter is not None else ""
        return f"{count(len(self.workers), 'worker')}, {running} of {slots} at work{shown}"

    def _lately(self) -> str:
        """Say what ended within the last hour, and how long the oldest job waits."""
        completed, failed = (self.ended.completed, self.ended.failed) if self.ended else (0, 0)
        rate = f" ({failed / (completed + failed):.1%})" if failed else ""
        waits = f"   oldest waits {span(max(time.time() - self.backlog.since, 0.0))}" if self.backlog else ""
        return f"last hour {completed:,} completed, {failed:,} failed runs{rate}{waits}"

    def _wrong(self) -> str:
        found = []
        waiting = self.totals.get(State.PENDING, 0) + self.totals.get(State.FAILED, 0)
        if waiting and not self.workers:
            found.append(f"{count(waiting, 'job')} to run, and nobody to run them")
        if self.totals.get(State.DEAD):
            found.append(f"{count(self.totals[State.DEAD], 'job')} gave up: queuectl dlq list")
        found += [f"{visible(queue.name)} is paused" for queue in self.queues if queue.paused]
        return painted("   ".join(found), "yellow", self.color) if found else "all is well"

    def _nothing(self) -> str:
        return "no such jobs" if self.filter is not None or self.queue else "no jobs yet: queuectl enqueue 'echo hi'"

    def _chosen(self) -> list[str]:
        return [self.jobs[self.place].id] if self.jobs else []

    def _move(self, step: int) -> bool:
        self.place = max(min(self.place + step, len(self.jobs) - 1), 0)
        return False

    def _change(self, action: Action, done: str) -> bool:
        for id in self._chosen():
            self.console.change(action, [id])
            self.message = f"{done} {id}"
        return True

    def _next_filter(self) -> bool:
        self.filter = _FILTERS[(_FILTERS.index(self.filter) + 1) % len(_FILTERS)]
        self.place = 0
        return True

    def _pause(self) -> bool:
        self.paused = not self.paused
        return not self.paused

    def _quit(self) -> bool:
        self.over = True
        return False


_DEEDS: Mapping[str, Callable[[View], bool]] = {
    "j": lambda view: view._move(1),  # noqa: SLF001  # the keys are the view's own
    "k": lambda view: view._move(-1),  # noqa: SLF001
    "R": lambda view: view._change(Action.RETRY, "retried"),  # noqa: SLF001
    "c": lambda view: view._change(Action.CANCEL, "cancelled"),  # noqa: SLF001
    "f": View._next_filter,  # noqa: SLF001
    "p": View._pause,  # noqa: SLF001
    "q": View._quit,  # noqa: SLF001
}


def _bare(line: str) -> str:
    """Return a line without its colours, which would end the marking of the row."""
    while (start := line.find("\x1b[")) >= 0:
        line = line[:start] + line[line.index("m", start) + 1 :]
    return line
