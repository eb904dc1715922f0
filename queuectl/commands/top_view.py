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

KEYS = ("q quit", "j k choose", "R retry", "A retry all dead", "c cancel", "d dead", "f state", "p pause")

GAP = "   "

HEAD = 7
"""Lines that are no jobs: what is wrong, the counts, the workers, the last hour, two empty ones, the keys."""

HOUR = 3600.0

Parts = list[tuple[str, str]]
"""Texts with their styles, in the order of their weight."""

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
    trouble: str = ""
    seen_at: float = 0.0
    asked: int | None = None
    pages: list[str | None] = field(default_factory=lambda: [None])
    next_page: str | None = None
    totals: Mapping[State, int] = field(default_factory=dict)
    workers: Sequence[Worker] = ()
    queues: Sequence[QueueState] = ()
    ended: Bucket | None = None
    backlog: Backlog | None = None
    jobs: Sequence[Job] = ()

    def look(self, height: int) -> None:
        """Ask for what fits a terminal of this height; a store that cannot be read is told, and asked again."""
        query = Query(states=None if self.filter is None else frozenset({self.filter}), queue=self.queue)
        try:
            self.totals = self.console.totals()
            self.workers = self.console.workers()
            self.queues = self.console.queues()
            (self.ended,) = self.console.stats(HOUR, HOUR)
            self.backlog = self.console.backlog()
            page = self.console.page(query, self.pages[-1], max(height - HEAD - 1, 1))
            self.jobs, self.next_page = page.jobs, page.next_cursor
            self.trouble, self.seen_at = "", time.time()
        except StorageError as error:
            self.trouble = error.message
        self.place = max(min(self.place, len(self.jobs) - 1), 0)

    def press(self, key: str) -> bool:
        """Do what a key does; whether there is something new to look at."""
        does = _DEEDS.get(key)
        if does is None:
            return False
        self.message = ""
        self.asked = self.asked if key == "A" else None
        try:
            return does(self)
        except QueuectlError as error:
            self.message = error.message
            return True

    def lines(self, height: int, width: int) -> list[str]:
        """Lay it out, no larger than the terminal."""
        told = (self._wrong(), self._counts(width), self._at_work(), self._lately())
        head = [*(self._joined(parts, width) for parts in told), ""]
        rows = list(table_lines(self.jobs, JOB, color=self.color)) or [self._nothing()]
        if self.jobs:
            rows[self.place + 1] = f"\x1b[7m{_bare(rows[self.place + 1])}\x1b[0m"
        foot = [(visible(self.message), "bold")] if self.message else [(key, "dim") for key in KEYS]
        room = max(height - len(head) - 2, 1)
        rows = rows[:room]
        return [*head, *rows, *[""] * (room - len(rows)), "", self._joined(foot, width)][:height]

    def _joined(self, parts: Parts, width: int) -> str:
        """Put on a line what fits there: the first part shortened, if need be, and others whole."""
        (first, style), *rest = parts
        shown = [painted(first[:width], style, self.color)]
        room = width - len(first)
        for text, style in rest:
            room -= len(GAP) + len(text)
            if room < 0:
                break
            shown.append(painted(text, style, self.color))
        return GAP.join(shown)

    def _wrong(self) -> Parts:
        """Say what is to be seen to: the first line, where eyes begin."""
        if self.trouble:
            return [(f"STALE for {span(max(time.time() - self.seen_at, 0.0))}: {visible(self.trouble)}", "red")]
        found: Parts = []
        waiting = self.totals.get(State.PENDING, 0) + self.totals.get(State.FAILED, 0)
        if waiting and not self.workers:
            found.append((f"{count(waiting, 'job')} to run, and nobody to run them", "red"))
        if self.totals.get(State.DEAD):
            found.append((f"{count(self.totals[State.DEAD], 'job')} gave up", "red"))
        found += [(f"{visible(queue.name)} is paused", "yellow") for queue in self.queues if queue.paused]
        return [*([("PAUSED", "bold")] if self.paused else []), *(found or [("all is well", "green")])]

    def _counts(self, width: int) -> Parts:
        """Say how many jobs there are in each state; where there is little room, in those that have some."""
        counts = {state: self.totals.get(state, 0) for state in State}
        parts = [(f"{number:,} {state}", STATE_STYLE[state] if number else "dim") for state, number in counts.items()]
        if sum(len(text) + len(GAP) for text, _ in parts) - len(GAP) <= width:
            return parts
        return [part for part, number in zip(parts, counts.values(), strict=True) if number] or parts

    def _at_work(self) -> Parts:
        shown = [(f"showing {self.filter}", "bold")] if self.filter is not None else []
        if not self.workers:
            return [("no worker runs: queuectl worker start", ""), *shown]
        running, slots = sum(len(each.running) for each in self.workers), sum(each.concurrency for each in self.workers)
        return [(f"{count(len(self.workers), 'worker')}, {running} of {slots} at work", ""), *shown]

    def _lately(self) -> Parts:
        """Say what ended within the last hour, and how long the oldest job waits."""
        completed, failed = (self.ended.completed, self.ended.failed) if self.ended else (0, 0)
        rate = f" ({failed / (completed + failed):.1%})" if failed else ""
        waits = f"oldest waits {span(max(time.time() - self.backlog.since, 0.0))}" if self.backlog else ""
        return [
            (f"last hour {completed:,} completed, {failed:,} failed runs{rate}", ""),
            *([(waits, "")] if waits else []),
        ]

    def _nothing(self) -> str:
        return "no such jobs" if self.filter is not None or self.queue else "no jobs yet: queuectl enqueue 'echo hi'"

    def _chosen(self) -> list[str]:
        return [self.jobs[self.place].id] if self.jobs else []

    def _move(self, step: int) -> bool:
        """Go to another row, and beyond the last or the first one to the page that follows or goes before."""
        self.place += step
        if self.place >= len(self.jobs) and self.next_page is not None:
            self.pages.append(self.next_page)
            self.place = 0
        elif self.place < 0 and len(self.pages) > 1:
            self.pages.pop()
            self.place = len(self.jobs)
        else:
            self.place = max(min(self.place, len(self.jobs) - 1), 0)
            return False
        return True

    def _retry_dead(self) -> bool:
        """Retry all that gave up, when it is asked for twice and their number is the same."""
        query = Query(states=frozenset({State.DEAD}), queue=self.queue)
        dead = self.console.count(Action.RETRY, query)
        if not dead:
            self.message = "no job gave up"
        elif self.asked != dead:
            self.asked, self.message = dead, f"A again: retry {count(dead, 'dead job')}"
        else:
            self.message = f"retried {count(len(self.console.change(Action.RETRY, query, expected=dead)), 'job')}"
        return True

    def _change(self, action: Action, done: str) -> bool:
        for id in self._chosen():
            self.console.change(action, [id])
            self.message = f"{done} {id}"
        return True

    def _next_filter(self) -> bool:
        return self._show(_FILTERS[(_FILTERS.index(self.filter) + 1) % len(_FILTERS)])

    def _show(self, filter: State | None) -> bool:
        self.filter, self.place, self.pages = filter, 0, [None]
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
    "A": View._retry_dead,  # noqa: SLF001
    "d": lambda view: view._show(None if view.filter is State.DEAD else State.DEAD),  # noqa: SLF001
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
