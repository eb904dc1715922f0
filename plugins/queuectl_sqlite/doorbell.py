"""The doorbell of one process: a FIFO beside the database that others ring, and a pipe by which it rings itself.

A ring stays until it is heard, so none is lost between looking at the database and waiting.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

if sys.platform == "win32":
    import threading

    class Doorbell:
        """A bell that only its own process can ring: Windows has no FIFOs."""

        heard_outside = False

        def __init__(self, directory: Path, suffix: str) -> None:
            self.path: Path | None = None
            self._event = threading.Event()

        def label(self, suffix: str) -> None:
            """Do nothing: there is no file."""

        def wait(self, seconds: float) -> bool:
            """Block until rung, `seconds` at most; return whether it was."""
            rung = self._event.wait(seconds)
            self._event.clear()
            return rung

        def ring(self) -> None:
            """Make a wait of this process return, the running one or the next."""
            self._event.set()

        def forget_own(self) -> None:
            """Forget the rings of this process."""
            self._event.clear()

        def silence(self) -> None:
            """Forget the rings of others."""

        def close(self) -> None:
            """Do nothing: there is no file."""

    def ring(directory: Path, suffixes: Sequence[str], *, but: Path | None) -> None:
        """Do nothing: nobody can be rung."""

else:
    ABANDONED_AFTER = 60.0
    """Seconds after which a FIFO without a name is known to be a dead process's."""

    class Doorbell:
        """A bell that whoever may write to the database can ring."""

        def __init__(self, directory: Path, suffix: str) -> None:
            self._ear, self._hand = os.pipe()
            os.set_blocking(self._ear, False)
            os.set_blocking(self._hand, False)
            self._fifo: int | None = None
            self.path: Path | None = None
            try:
                self._fifo, self.path = _make_fifo(directory, suffix)
            except OSError:
                return  # a file system without FIFOs, or a full one

        @property
        def heard_outside(self) -> bool:
            """Whether other processes can ring."""
            return self._fifo is not None

        def label(self, suffix: str) -> None:
            """Change what the bell is rung for."""
            if self.path is not None:
                self.path = self.path.rename(self.path.with_suffix(suffix))

        def wait(self, seconds: float) -> bool:
            """Block until rung, `seconds` at most; return whether it was."""
            import select  # who only rings does not need it

            poll = select.poll()
            poll.register(self._ear, select.POLLIN)
            if self._fifo is not None:
                poll.register(self._fifo, select.POLLIN)
            rung = bool(poll.poll(seconds * 1000))
            if rung:
                self.forget_own()
                self.silence()
            return rung

        def ring(self) -> None:
            """Make a wait of this process return, the running one or the next; takes no lock."""
            _write(self._hand)

        def forget_own(self) -> None:
            """Forget the rings of this process."""
            _drain(self._ear)

        def silence(self) -> None:
            """Forget the rings of others."""
            if self._fifo is not None:
                _drain(self._fifo)

        def close(self) -> None:
            """Take the bell away; nobody may be waiting."""
            if self.path is not None:
                self.path.unlink(missing_ok=True)
                _remove_if_empty(self.path.parent)
            for descriptor in (self._ear, self._hand, self._fifo):
                if descriptor is not None:
                    os.close(descriptor)

    def ring(directory: Path, suffixes: Sequence[str], *, but: Path | None) -> None:
        """Ring every bell in a directory with one of these suffixes."""
        try:
            names = os.listdir(directory)
        except OSError:  # nobody ever waited here
            return
        for name in names:
            if name.endswith(tuple(suffixes)) and not name.startswith("."):
                path = directory / name
                if path != but:
                    _ring(path)

    def _ring(path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            if error.errno == errno.ENXIO:  # its process is gone: a FIFO gets its name only after its reader
                path.unlink(missing_ok=True)
            return
        try:
            _write(descriptor)
        finally:
            os.close(descriptor)

    def _make_fifo(directory: Path, suffix: str) -> tuple[int, Path]:
        name = f"{os.getpid()}-{os.urandom(6).hex()}"
        hidden, shown = directory / f".{name}", directory / (name + suffix)
        _make_hidden(directory, hidden)
        # For writing too, so that the end of whoever rang is no end of file.
        descriptor = os.open(hidden, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        hidden.rename(shown)
        _remove_abandoned(directory)
        return descriptor, shown

    def _make_hidden(directory: Path, hidden: Path) -> None:
        for last in (False, False, False, True):
            directory.mkdir(mode=0o700, exist_ok=True)
            try:
                os.mkfifo(hidden, 0o600)
            except FileNotFoundError:  # whoever left last has just removed the directory
                if last:
                    raise
            else:
                return

    def _remove_abandoned(directory: Path) -> None:
        """Remove what a process left that was killed before its FIFO had a name."""
        for path in directory.glob(".*"):
            try:
                if time.time() - path.lstat().st_mtime > ABANDONED_AFTER:
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
        except OSError:  # full, so it rings already; or closed meanwhile, so nobody waits
            return

    def _drain(descriptor: int) -> None:
        try:
            while len(os.read(descriptor, 4096)) == 4096:
                continue
        except OSError:  # silent
            return
