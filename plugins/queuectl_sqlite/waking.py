"""Waking: who waits has a FIFO beside the database, and who committed something writes a byte into it.

A byte stays in the FIFO until it is read, so no wake-up is lost between looking and waiting. Should a process be killed between its
commit and the byte, a look at the database's version, twice a second, finds the commit.
"""

from __future__ import annotations

import errno
import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from queuectl_sqlite.transaction import Wake

LOOKS_EVERY = 0.5
"""Seconds between looks at the version while a FIFO does the waking."""

LOOKS_EVERY_WITHOUT_FIFO = 0.02
"""The same where the file system has no FIFOs."""

_FOR_WORK, _FOR_NEWS = ".work", ".news"
_ABANDONED_AFTER = 60.0


class Waker:
    """Wakes the others, and is woken by them. One for each handle on a database."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = Lock()
        self._fifo: int | None = None
        self._name: Path | None = None
        self._wants_work = False
        self._pipe: tuple[int, int] | None = None
        self._waiting = 0
        self._interrupted = False
        self._closed = False

    def wants_work(self) -> None:
        """Be woken from now on by all that may bring work, and no longer by every piece of news."""
        if self._wants_work:
            return
        with self._lock:
            self._wants_work = True
            if self._name is not None:
                named = self._name.with_suffix(_FOR_WORK)
                self._name.rename(named)
                self._name = named

    def settle_down(self) -> None:
        """Forget the wake-ups so far: who calls this looks at the database next."""
        if self._fifo is not None:
            _drain(self._fifo)

    def poke(self, wake: Wake) -> None:
        """Wake those whom a commit concerns; to be called after it."""
        if wake is Wake.NOBODY:
            return
        try:
            names = os.listdir(self._directory)
        except OSError:  # nobody ever waited here
            return
        for name in names:
            if name.endswith(_FOR_NEWS) or (wake is Wake.ALL and name.endswith(_FOR_WORK)):
                self._poke_one(self._directory / name)

    def wait(self, timeout: float, changed: Callable[[], bool]) -> bool:
        """Block until poked, interrupted or closed, or until `changed` says so; return False after `timeout` seconds."""
        with self._lock:
            if self._closed:
                return True
            self._prepare()
            self._waiting += 1
        try:
            return self._wait(time.monotonic() + timeout, changed)
        finally:
            with self._lock:
                self._waiting -= 1
                if self._closed and not self._waiting:
                    self._give_back()

    def interrupt(self) -> None:
        """Make a wait return, the running one or the next; takes no lock, so that a signal handler may call it."""
        self._interrupted = True
        pipe = self._pipe
        if pipe is not None:
            _write(pipe[1])

    def close(self) -> None:
        """Make every wait return, and remove the FIFO."""
        self._closed = True
        self.interrupt()
        with self._lock:
            if not self._waiting:
                self._give_back()

    def _wait(self, deadline: float, changed: Callable[[], bool]) -> bool:
        assert self._pipe is not None
        poll = select.poll()
        poll.register(self._pipe[0], select.POLLIN)
        if self._fifo is not None:
            poll.register(self._fifo, select.POLLIN)
        longest = LOOKS_EVERY_WITHOUT_FIFO if self._fifo is None else LOOKS_EVERY
        while not (self._told() or changed()):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if any(descriptor == self._fifo for descriptor, _ in poll.poll(min(left, longest) * 1000)):
                self.settle_down()
                return True
        return True

    def _told(self) -> bool:
        if self._closed:
            return True
        if not self._interrupted:
            return False
        self._interrupted = False
        if self._pipe is not None:
            _drain(self._pipe[0])
        return True

    def _prepare(self) -> None:
        if self._pipe is not None:
            return
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        self._pipe = reader, writer
        try:
            self._fifo, self._name = _make_fifo(self._directory, _FOR_WORK if self._wants_work else _FOR_NEWS)
        except OSError:
            self._fifo = None  # no FIFOs here: the looks at the version do it alone

    def _poke_one(self, path: Path) -> None:
        if path == self._name and not self._waiting:
            return
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nobody reads: its process is gone, since a FIFO gets its name with its reader
                path.unlink(missing_ok=True)
            return
        try:
            _write(descriptor)
        finally:
            os.close(descriptor)

    def _give_back(self) -> None:
        pipe, self._pipe = self._pipe, None
        fifo, self._fifo = self._fifo, None
        if self._name is not None:
            self._name.unlink(missing_ok=True)
            self._name = None
            _remove_if_empty(self._directory)
        for descriptor in (*(pipe or ()), *(() if fifo is None else (fifo,))):
            os.close(descriptor)


def _make_fifo(directory: Path, suffix: str) -> tuple[int, Path]:
    """Make a FIFO that is open for reading before others can see its name."""
    name = f"{os.getpid()}-{os.urandom(6).hex()}"
    hidden, shown = directory / f".{name}", directory / (name + suffix)
    for _ in range(10):
        directory.mkdir(mode=0o700, exist_ok=True)
        try:
            os.mkfifo(hidden, 0o600)
            break
        except FileNotFoundError:  # the last to leave has just removed the directory
            continue
    # For writing too, so that the end of whoever poked is no end of file.
    descriptor = os.open(hidden, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    hidden.rename(shown)
    _remove_abandoned(directory)
    return descriptor, shown


def _remove_abandoned(directory: Path) -> None:
    """Remove what a process left that was killed before its FIFO had a name."""
    for path in directory.glob(".*"):
        try:
            if time.time() - path.lstat().st_mtime > _ABANDONED_AFTER:
                path.unlink()
        except FileNotFoundError:
            continue


def _remove_if_empty(directory: Path) -> None:
    try:
        directory.rmdir()
    except OSError:  # others wait
        return


def _write(descriptor: int) -> None:
    try:
        os.write(descriptor, b"!")
    except OSError:  # full, so it is readable already; or closed meanwhile, so nobody waits
        return


def _drain(descriptor: int) -> None:
    try:
        while len(os.read(descriptor, 4096)) == 4096:
            continue
    except OSError:  # empty
        return
