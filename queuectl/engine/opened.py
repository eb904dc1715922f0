"""Who has a file open: the kernel tells, for files that processes open each by itself."""

from __future__ import annotations

import os
import sys

if sys.platform == "linux":
    import fcntl
    import signal

    def is_open_elsewhere(descriptor: int) -> bool:
        """Whether anybody else may have a file open that is open here for writing, once; True where nobody can tell.

        The kernel gives a lease on a file only to whoever is the only one. It is given back at once: who opens the file
        in that instant waits for it. The signal that asks for it would end this process, were it not another one, which
        is forgotten each time.
        """
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError:
            return True
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False

    def reopening(descriptor: int, disk: int) -> str | None:
        """Return a path by which a process that was just forked opens this file anew, so that it is seen to have it.

        None where there is no such path, or leases that tell who has a file open are not to be had. `disk` is the
        number of the device that the file is on.
        """
        path = f"/proc/self/fd/{descriptor}"
        if disk not in _WORKS:
            _WORKS[disk] = _is_seen(descriptor, path)
        return path if _WORKS[disk] else None

    _WORKS: dict[int, bool] = {}

    def _is_seen(descriptor: int, path: str) -> bool:
        """Try whether somebody who opens the file by this path is seen to have it, and nobody where nobody has."""
        try:
            again = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        except OSError:
            return False
        seen = is_open_elsewhere(descriptor)
        os.close(again)
        return seen and not is_open_elsewhere(descriptor)

else:

    def is_open_elsewhere(descriptor: int) -> bool:
        """Say that nobody can tell."""
        return True

    def reopening(descriptor: int, disk: int) -> str | None:
        """Say that there is no such path."""
        return None
