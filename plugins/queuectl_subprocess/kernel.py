"""What differs by platform: processes and who they are, telling that one has exited, and holes in files."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Process:
    """A process that has not exited. `start` is on the clock of `now`.

    `unborn`: forked, but the program that it is to become was not loaded yet, so that its environment tells nothing.
    """

    pid: int
    parent: int
    group: int
    session: int
    start: int
    unborn: bool = False


if sys.platform == "linux":
    _TICKS = os.sysconf("SC_CLK_TCK")
    _FORKED_NOT_EXECUTED = 0x40
    _NOT_OFFERED = frozenset({errno.ENOSYS, errno.EPERM})  # the second is what some sandboxes say
    _KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02
    SPAWN_FLAGS = 0x04 | 0x08 | 0x80
    """For `posix_spawn`: SETSIGDEF, SETSIGMASK, SETSID."""

    @cache
    def boot() -> str:
        """Name the present boot: no process of another one can still run."""
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()

    def now() -> int:
        """Read the clock on which processes start."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) * _TICKS // 10**9

    def process(pid: int) -> Process | None:
        """Look at one process; None when it has exited, even if nobody has collected its status."""
        stat = _read(f"/proc/{pid}/stat")
        # The name stands in parentheses and may hold any byte; the fields are counted from the last of them.
        fields = stat[stat.rfind(b")") + 2 :].split()
        if len(fields) < 20 or fields[0] in {b"Z", b"X", b"x"}:
            return None
        parent, group, session, _, _, flags = map(int, fields[1:7])
        return Process(pid, parent, group, session, int(fields[19]), bool(flags & _FORKED_NOT_EXECUTED))

    def processes() -> Iterator[Process]:
        """Look at every process that is visible here."""
        for name in os.listdir("/proc"):
            if name.isdecimal() and (found := process(int(name))) is not None:
                yield found

    def environment(pid: int) -> bytes:
        """Return a process's environment, entries ended by NUL; empty when it may not be read, or is not there yet."""
        return _read(f"/proc/{pid}/environ")

    def open_paths(pid: int) -> list[str]:
        """Return what a process's descriptors refer to, as far as that may be seen."""
        paths = []
        with suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with suppress(OSError):
                    paths.append(os.readlink(f"/proc/{pid}/fd/{name}"))
        return paths

    def exit_descriptor(pid: int) -> int | None:
        """Return a descriptor that becomes readable when a process exits; None when the kernel has none to give."""
        try:
            return os.pidfd_open(pid)
        except OSError as error:
            if error.errno in _NOT_OFFERED:
                return None
            raise

    def punch_hole(descriptor: int, offset: int, length: int) -> bool:
        """Give back the space of a part of a file, which then reads as zeros; False when the file system cannot."""
        call = ctypes.CDLL(None).fallocate64
        call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
        return bool(call(descriptor, _KEEP_SIZE | _PUNCH_HOLE, offset, length) == 0)

    def _read(path: str) -> bytes:
        try:
            with open(path, "rb", buffering=0) as file:
                return file.readall()
        except OSError:
            return b""

elif sys.platform == "darwin":
    import select
    import subprocess
    from contextlib import closing

    SPAWN_FLAGS = 0x04 | 0x08 | 0x0400 | 0x4000
    """For `posix_spawn`: SETSIGDEF, SETSIGMASK, SETSID, CLOEXEC_DEFAULT."""

    @cache
    def boot() -> str:
        """Name the present boot: no process of another one can still run."""
        return _output("sysctl", "-n", "kern.bootsessionuuid").strip()

    def now() -> int:
        """Read the clock on which processes start."""
        return int(time.time())

    def process(pid: int) -> Process | None:
        """Look at one process; None when it has exited, even if nobody has collected its status."""
        return next(_listed("-p", str(pid)), None)

    def processes() -> Iterator[Process]:
        """Look at every process that is visible here."""
        return _listed("-A")

    def environment(pid: int) -> bytes:
        """Return a process's environment, entries ended by NUL; empty when it may not be read, or is not there yet."""
        return _output("ps", "-E", "-ww", "-o", "command=", "-p", str(pid)).encode().replace(b" ", b"\0")

    def open_paths(pid: int) -> list[str]:
        """Return what a process's descriptors refer to, as far as that may be seen."""
        return []

    def exit_descriptor(pid: int) -> int | None:
        """Return a descriptor that becomes readable when a process exits; None when the kernel has none to give."""
        exit_of = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
        with closing(select.kqueue()) as queue, suppress(ProcessLookupError):
            queue.control([exit_of], 0)
            return os.dup(queue.fileno())
        return None

    def punch_hole(descriptor: int, offset: int, length: int) -> bool:
        """Give back the space of a part of a file, which then reads as zeros; False when the file system cannot."""
        return False

    def _listed(*which: str) -> Iterator[Process]:
        listing = _output("ps", *which, "-o", "pid=,ppid=,pgid=,stat=,lstart=")
        for pid, parent, group, state, *start in map(str.split, listing.splitlines()):
            if not state.startswith("Z"):
                with suppress(ProcessLookupError, PermissionError):
                    started = int(time.mktime(time.strptime(" ".join(start))))
                    yield Process(int(pid), int(parent), int(group), os.getsid(int(pid)), started)

    def _output(*command: str) -> str:
        environment = {**os.environ, "LC_ALL": "C"}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment).stdout
