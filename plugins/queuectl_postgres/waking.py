"""Waking: who waits listens on a connection of its own, and each commit notifies those whom it concerns.

A notification may be lost: with its connection, or where a pooler takes connections away after each transaction and
nobody can listen. So whoever waits looks for itself as well, once in a while: a worker whether there is something to
claim, anybody else whether any transaction has ended, which costs next to nothing.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from threading import Lock

import psycopg

from queuectl import StorageError
from queuectl_postgres.database import Selector
from queuectl_postgres.migrating import lock_number
from queuectl_postgres.transaction import Wake

LOOKS_EVERY = 1.0
"""Seconds between looks while notifications come."""

ONLOOKS_EVERY = 0.5
"""The same for those who want no work: not all that changes is told to everybody."""

LOOKS_EVERY_UNHEARD = 0.25
"""The same where nobody can listen."""

TRIES_EVERY = 5.0
"""Seconds between two tries to listen again."""

NEWS_EVERY = 0.05
"""Seconds between two notifications of mere news: at each of them all commits of a server stand in one line."""

Connect = Callable[[], psycopg.Connection[tuple[object, ...]]]


class Waker:
    """Wakes the others, and is woken by them. One for each handle on a database."""

    def __init__(self, connect: Connect, schema: str, is_pooled: Callable[[], bool], moment: Callable[[], str]) -> None:
        mark = f"queuectl_{lock_number(schema) & 0xFFFFFFFFFFFFFFFF:016x}"
        self._channels = {Wake.NOBODY: (), Wake.CLIENTS: (f"{mark}_news",), Wake.ALL: (f"{mark}_news", f"{mark}_work")}
        self._connect = connect
        self._is_pooled = is_pooled
        self._moment = moment
        self._last_moment: str | None = None
        self._lock = Lock()
        self._name = os.urandom(6).hex()
        self._wants_work = False
        self._listener: psycopg.Connection[tuple[object, ...]] | None = None
        self._next_try = 0.0
        self._ear, self._hand = socket.socketpair()
        for end in (self._ear, self._hand):
            end.settimeout(0.0)
        self._waiting = 0
        self._look_at = 0.0
        self._told_news_at = 0.0
        self._owes_news = False
        self._interrupted = False
        self._closed = False

    def wants_work(self) -> None:
        """Be woken from now on by all that may bring work, and no longer by every piece of news."""
        with self._lock:
            if not self._wants_work:
                self._wants_work = True
                self._stop_listening()
            self._listen()

    def settle_down(self) -> None:
        """Forget what was heard so far: who calls this looks at the database next."""
        self._look_at = time.monotonic() + self._patience()
        if not self._waiting:
            self._hear()

    def concerned(self, wake: Wake) -> Sequence[str]:
        """Return the channels to notify of a commit; mere news only now and then, what is left out is owed."""
        now = time.monotonic()
        if wake is Wake.CLIENTS and now - self._told_news_at < NEWS_EVERY:
            self._owes_news = True
            return ()
        if wake is not Wake.NOBODY:
            self._told_news_at = now
            self._owes_news = False
        return self._channels[wake]

    def owed(self) -> Sequence[str]:
        """Return the channels to be notified of what was left out, which from now on nobody is owed."""
        if not self._owes_news:
            return ()
        self._told_news_at = 0.0
        return self.concerned(Wake.CLIENTS)

    def owed_in(self) -> float:
        """Return in how many seconds that may be told which was left out; 0 where it may be, and where nothing was."""
        return max(0.0, self._told_news_at + NEWS_EVERY - time.monotonic()) if self._owes_news else 0.0

    @property
    def signature(self) -> str:
        """What a notification carries, so that who sent it knows it for its own, unless another thread waits here."""
        return "" if self._waiting else self._name

    def wait(self, timeout: float) -> bool:
        """Block until woken, interrupted, closed, or it is time to look; return False after `timeout` seconds."""
        with self._lock:
            if self._closed:
                return True
            self._waiting += 1
            self._listen()
        try:
            return self._wait(time.monotonic() + timeout)
        finally:
            with self._lock:
                self._waiting -= 1
                self._take_away_if_last()

    def interrupt(self) -> None:
        """Make a wait return, the running one or the next; takes no lock, so that a signal handler may call it."""
        self._interrupted = True
        try:
            self._hand.send(b"!")
        except OSError:  # full, so it rings already; or closed
            return

    def close(self) -> None:
        """Make every wait return, and stop listening."""
        self._closed = True
        self.interrupt()
        with self._lock:
            self._take_away_if_last()

    def _wait(self, deadline: float) -> bool:
        while not self._told():
            if self._hear():
                self._look()
                break
            now = time.monotonic()
            if now >= deadline:
                return False
            if now >= self._look_at:
                self._look_at = now + self._patience()
                if self._look():
                    break
            else:
                self._sleep(min(deadline, self._look_at) - now)
        return True

    def _look(self) -> bool:
        """Return whether there may be something new: a worker finds out by asking for it. Raises StorageError."""
        if self._wants_work:
            return True
        before, self._last_moment = self._last_moment, self._moment()
        return self._last_moment != before

    def _patience(self) -> float:
        if self._listener is None:
            return LOOKS_EVERY_UNHEARD
        return LOOKS_EVERY if self._wants_work else ONLOOKS_EVERY

    def _sleep(self, seconds: float) -> None:
        listener = self._listener
        with Selector() as selector:
            selector.register(self._ear, selectors.EVENT_READ)
            if listener is not None and not listener.closed:
                selector.register(listener.fileno(), selectors.EVENT_READ)
            selector.select(seconds)

    def _told(self) -> bool:
        """Return whether this process itself wants the wait to end, and take an interrupt as heard."""
        if self._interrupted:
            self._interrupted = False  # first: an interrupt that comes from here on counts anew
            try:
                while self._ear.recv(4096):
                    continue
            except OSError:  # silent
                pass
            return True
        return self._closed

    def _hear(self) -> bool:
        """Return whether somebody else notified since this was asked last, or the connection broke."""
        with self._lock:
            if self._listener is None:
                return False
            heard = False
            try:
                pgconn = self._listener.pgconn
                pgconn.consume_input()
                while (notification := pgconn.notifies()) is not None:
                    heard |= notification.extra != self._name.encode()
            except psycopg.Error:
                self._stop_listening()
                return True
            return heard

    def _listen(self) -> None:
        """Listen, if that is possible and was not found impossible a moment ago. The lock is held."""
        now = time.monotonic()
        if self._listener is not None or self._closed or now < self._next_try:
            return
        self._next_try = now + TRIES_EVERY
        if self._is_pooled():
            return
        channel = self._channels[Wake.ALL][1 if self._wants_work else 0]
        try:
            listener = self._connect()
            listener.execute(f'LISTEN "{channel}"')
        except (psycopg.Error, StorageError):  # who asks for jobs next is told why
            return
        self._listener = listener
        self._look_at = 0.0  # what happened before is looked for at once

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        self._next_try = 0.0
        if listener is not None:
            listener.close()

    def _take_away_if_last(self) -> None:
        if self._closed and not self._waiting:
            self._stop_listening()
            self._ear.close()
            self._hand.close()
