"""The desk: what all pages and the API share. It remembers costly figures for a while, and what was done from here."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from starlette.requests import Request

from queuectl import Action, Backlog, Bucket, Console, Group, Page, Query, QueuectlError, State
from queuectl_dashboard.attention import LATELY, Alert, alerts
from queuectl_dashboard.figures import Times, times_of
from queuectl_dashboard.watching import Watcher

T = TypeVar("T")

DEAR = 20.0
"""A figure is asked for anew only when it is so many times as old as it took to get: it costs a twentieth of a core."""

OLDEST = 5.0
"""Seconds after which it is asked for anew whatever it took: on a busy machine everything takes long, once."""

SLOW = 0.03
"""A figure that took longer is asked for anew in the background: no page waits for it but the first."""

VERY_SLOW = 0.5

SAMPLE = 500
"""How many of the newest completed jobs the percentiles are taken of."""

MANY = 200
"""How many figures are remembered."""

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


@dataclass(frozen=True, slots=True)
class _Figure:
    """A figure with the version of the store, and the time, at which it was asked for, and how long that took."""

    version: int
    at: float
    took: float
    figure: Any

    @property
    def until(self) -> float:
        """Up to when it is shown whatever has changed."""
        return self.at + min(self.took * DEAR, OLDEST)


class Desk:
    """The console with a memory."""

    def __init__(self, console: Console, watcher: Watcher, *, clock: Callable[[], float] = time.time) -> None:
        self.console = console
        self.watcher = watcher
        self.clock = clock
        self._aside = console.another()
        self._numbers = itertools.count(1)
        self._deeds: deque[Deed] = deque(maxlen=REMEMBERED)
        self._figures: dict[Hashable, _Figure] = {}
        self._renewing: set[Hashable] = set()
        self._announced: set[Hashable] = set()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Give back what it opened."""
        self._aside.close()

    def prepare(self) -> None:
        """Ask once for what takes long, so that the first page need not wait for it."""
        with suppress(QueuectlError):
            self.groups()
            self.times()
            self.backlog()

    def stats(self, since: float, step: float) -> Sequence[Bucket]:
        """Return what ended in each step of the last `since` seconds."""
        return self._remembered(("stats", since, step), lambda console: console.stats(since, step))

    def alerts(self) -> list[Alert]:
        """Return what there is to see to."""
        (lately,) = self.stats(LATELY, LATELY)
        return alerts(self.console.queues(), self.console.workers(), self.groups(), lately)

    def backlog(self) -> Backlog | None:
        """Return the job that could run and has waited longest, None where none waits."""
        return self._remembered("backlog", Console.backlog)

    def groups(self, query: Query = DEAD) -> Sequence[Group]:
        """Return jobs grouped by how they ended."""
        return self._remembered(("groups", query), lambda console: console.groups(query))

    def page(self, query: Query, cursor: str | None, limit: int) -> Page:
        """Return some of the jobs that match; what was found by its text is remembered."""
        if query.text is None:
            return self.console.page(query, cursor, limit)
        key = ("page", query, cursor, limit)
        return self._remembered(key, lambda console: console.page(query, cursor, limit))

    def times(self) -> Times:
        """Return how long the newest completed jobs waited and ran."""
        newest = Query(states=frozenset({State.COMPLETED}))
        return self._remembered("times", lambda console: times_of(console.page(newest, None, SAMPLE).jobs))

    def done(self, request: Request, what: str, target: str, count: int = 1) -> Deed:
        """Note what was done, and have all pages look again."""
        client = request.client.host if request.client is not None else ""
        deed = Deed(id=next(self._numbers), at=self.clock(), what=what, target=target, count=count, client=client)
        self._deeds.append(deed)
        self._forget()
        self.watcher.tell()
        return deed

    def deeds(self) -> list[Deed]:
        """Return what was done from here, the latest first."""
        return [*reversed(self._deeds)]

    def deed(self, id: str | None) -> Deed | None:
        """Return one deed by its number."""
        return next((deed for deed in self._deeds if str(deed.id) == id), None)

    def _remembered(self, key: Hashable, ask: Callable[[Console], T]) -> T:
        """Ask for a figure, unless it was dear and is young."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            version, now = self.watcher.version, time.monotonic()
            known = self._figures.get(key)
            if known is not None and now < known.until:
                if known.version != version:
                    self._look_again(key, known.until - now)
                return cast("T", known.figure)
            if known is not None and known.took > SLOW:
                self._renew(key, ask)
                return cast("T", known.figure)
            return self._ask(key, ask, self.console)

    def _ask(self, key: Hashable, ask: Callable[[Console], T], console: Console) -> T:
        version, now = self.watcher.version, time.monotonic()
        figure = ask(console)
        self._make_room()
        self._figures[key] = _Figure(version, now, time.monotonic() - now, figure)
        return figure

    def _renew(self, key: Hashable, ask: Callable[[Console], object]) -> None:
        """Ask for a figure anew while pages show the old one, and have them look again when it is there.

        Of a console of its own: what is asked of the same one waits for each other.
        """
        with self._lock:
            if key in self._renewing:
                return
            self._renewing.add(key)

        def renew() -> None:
            try:
                with suppress(QueuectlError):  # whoever asks for the page is told why
                    self._ask(key, ask, self._aside)
            finally:
                self._renewing.discard(key)
            self.watcher.tell()

        threading.Thread(target=renew, name="renewing", daemon=True).start()

    def _forget(self) -> None:
        """Have figures asked for anew, unless that takes very long: people want to see what came of what they did."""
        with self._lock:
            for key in [key for key, known in self._figures.items() if known.took < VERY_SLOW]:
                del self._figures[key]

    def _make_room(self) -> None:
        """Forget what was asked for first: of searches there is no end."""
        with self._lock:
            while len(self._figures) >= MANY:
                first = next(iter(self._figures))
                del self._figures[first]
                self._locks.pop(first, None)

    def _look_again(self, key: Hashable, delay: float) -> None:
        """Have all pages look again once a figure may be asked for anew: what they show of it is out of date."""
        if key not in self._announced:
            self._announced.add(key)
            timer = threading.Timer(delay, self._announce, [key])
            timer.daemon = True
            timer.start()

    def _announce(self, key: Hashable) -> None:
        self._announced.discard(key)
        self.watcher.tell()


def desk_of(request: Request) -> Desk:
    """Return the desk that a request is for, and note which changes its answer knows for sure: those until now."""
    desk = cast("Desk", request.app.state.desk)
    if not hasattr(request.state, "watched"):
        request.state.watched = desk.watcher.version
    return desk


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
