"""The watcher: one thread waits at the store for all the tabs that are open."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from queuectl import Console, StorageError

CALM = 0.25
"""Seconds in which many changes become one."""

AGAIN = 1.0
"""Seconds until a store that could not be asked is asked again."""


class Watcher:
    """Counts the changes of the store; `version` grows with each.

    While nothing changes it asks the store for nothing but to be woken.
    """

    def __init__(self, console: Console) -> None:
        self.version = 0
        self.trouble: str | None = None
        self._console = console
        self._closing = threading.Event()
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin to wait."""
        self._thread.start()

    def close(self) -> None:
        """End all that listens, and the thread."""
        self._closing.set()
        self.tell()
        with suppress(StorageError):
            self._console.interrupt()
        if self._thread.is_alive():
            self._thread.join()
        self._console.close()

    @property
    def closing(self) -> bool:
        """Whether the server is going away."""
        return self._closing.is_set()

    def end_streams(self) -> None:
        """Have every stream end itself: from a signal's handler, before anybody waits for them."""
        self._closing.set()
        self.tell()

    def listen(self) -> asyncio.Event:
        """Return an event of the running loop that is set at each change, until `forget`."""
        event = asyncio.Event()
        with self._lock:
            self._listeners[event] = asyncio.get_running_loop()
        return event

    def forget(self, event: asyncio.Event) -> None:
        """Tell it no more."""
        with self._lock:
            self._listeners.pop(event, None)

    def tell(self) -> None:
        """Count a change and wake all who listen; what was done from here need not wait for the store to tell."""
        with self._lock:
            self.version += 1
            for event, loop in self._listeners.items():
                with suppress(RuntimeError):  # that loop has ended
                    loop.call_soon_threadsafe(event.set)

    def _watch(self) -> None:
        while not self._closing.is_set():
            try:
                changed = self._console.wait(30.0)
            except StorageError as error:
                changed = self.trouble != error.message
                self.trouble = error.message
                self._closing.wait(AGAIN)
            else:
                changed = changed or self.trouble is not None
                self.trouble = None
            if changed and not self._closing.is_set():
                self.tell()
                self._closing.wait(CALM)
