"""Finding processes of one run of chaos, and no other, and sending them signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Territory:
    """All processes that carry a folder in their environment: workers, what they run, what was typed."""

    history: Path

    @property
    def mark(self) -> bytes:
        """The entry of the environment that they all carry."""
        return f"CHAOS_HISTORY={self.history}".encode()

    def processes(self) -> Iterator[int]:
        """Yield the processes that live here, but this one."""
        for name in os.listdir("/proc"):
            if name.isdecimal() and int(name) != os.getpid() and self.holds(int(name)):
                yield int(name)

    def commands(self) -> list[int]:
        """Return the leaders of the commands that run, in the order of their numbers."""
        return sorted(pid for pid in self.processes() if _carries(pid, b"QUEUECTL_LEASE=") and _leads(pid))

    def holds(self, pid: int) -> bool:
        """Whether a process is one of these."""
        return _carries(pid, self.mark + b"\0")

    def send(self, pid: int, number: signal.Signals, *, group: bool = False) -> bool:
        """Send a signal to a process of these, or to its whole group; whether there was one."""
        try:
            descriptor = os.pidfd_open(pid)  # from now on its number may go to somebody else
        except OSError:
            return False
        try:
            if not self.holds(pid):
                return False
            with suppress(ProcessLookupError):
                if group:
                    os.killpg(pid, number)
                else:
                    signal.pidfd_send_signal(descriptor, number)
                return True
            return False
        finally:
            os.close(descriptor)


def _carries(pid: int, entry: bytes) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return environment.startswith(entry) or b"\0" + entry in environment


def _leads(pid: int) -> bool:
    with suppress(ProcessLookupError):
        return os.getpgid(pid) == os.getsid(pid) == pid
    return False
