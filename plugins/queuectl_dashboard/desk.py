"""The desk: what all pages and the API share. It remembers costly figures for a while, and what was done from here."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from starlette.requests import Request

from queuectl import Action, Bucket, Console, Group, Query, State
from queuectl_dashboard.figures import Times, times_of
from queuectl_dashboard.watching import Watcher

T = TypeVar("T")

DEAR = 20.0
"""A figure is asked for anew only when it is so many times as old as it took to get: it costs a twentieth of a core."""

SAMPLE = 500
"""How many of the newest completed jobs the percentiles are taken of."""

REMEMBERED = 500
"""How many deeds are remembered."""

DEAD = Query(states=frozenset({State.DEAD}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that was done from here: when, what, to what, to how many, and from which address."""

    id: int
    at: float
    what: str
    target: str
    count: int
    client: str

    @property
    def text(self) -> str:
        """Say it in a few words."""
        return f"{self.what} {self.target}"


class Desk:
    """The console with a memory."""

    def __init__(self, console: Console, watcher: Watcher, *, clock: Callable[[], float] = time.time) -> None:
        self.console = console
        self.watcher = watcher
        self.clock = clock
        self._numbers = itertools.count(1)
        self._deeds: deque[Deed] = deque(maxlen=REMEMBERED)
        self._figures: dict[Hashable, tuple[int, float, float, Any]] = {}
        self._locks: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def stats(self, since: float, step: float) -> Sequence[Bucket]:
        """Return what ended in each step of the last `since` seconds."""
        return self._remembered(("stats", since, step), lambda: self.console.stats(since, step), stale_after=step)

    def groups(self, query: Query = DEAD) -> Sequence[Group]:
        """Return jobs grouped by how they ended."""
        return self._remembered(("groups", query), lambda: self.console.groups(query))

    def times(self) -> Times:
        """Return how long the newest completed jobs waited and ran."""
        newest = Query(states=frozenset({State.COMPLETED}))
        return self._remembered("times", lambda: times_of(self.console.page(newest, None, SAMPLE).jobs))

    def done(self, request: Request, what: str, target: str, count: int = 1) -> Deed:
        """Note what was done, and have all pages look again."""
        client = request.client.host if request.client is not None else ""
        deed = Deed(id=next(self._numbers), at=self.clock(), what=what, target=target, count=count, client=client)
        self._deeds.append(deed)
        self.watcher.tell()
        return deed

    def deeds(self) -> list[Deed]:
        """Return what was done from here, the latest first."""
        return [*reversed(self._deeds)]

    def deed(self, id: str | None) -> Deed | None:
        """Return one deed by its number."""
        return next((deed for deed in self._deeds if str(deed.id) == id), None)

    def _remembered(self, key: Hashable, ask: Callable[[], T], *, stale_after: float = float("inf")) -> T:
        """Ask for a figure, unless it is known and nothing has changed, or it was dear and is young."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            version, now = self.watcher.version, time.monotonic()
            if key in self._figures:
                seen, at, took, figure = self._figures[key]
                if (seen == version and now - at < stale_after) or now - at < took * DEAR:
                    return cast("T", figure)
            figure = ask()
            self._figures[key] = (version, now, time.monotonic() - now, figure)
            return figure


def desk_of(request: Request) -> Desk:
    """Return the desk that a request is for."""
    return cast("Desk", request.app.state.desk)


def past(action: Action) -> str:
    """Say what an action did."""
    return {
        Action.RETRY: "retried",
        Action.CANCEL: "cancelled",
        Action.DELETE: "deleted",
        Action.HOLD: "held",
        Action.RELEASE: "released",
        Action.EDIT: "edited",
    }[action]
