"""Keeping a run's output from filling the disk, while it is written by somebody else."""

from __future__ import annotations

import os
import sys

from queuectl import OUTPUT_TAIL
from queuectl_subprocess import kernel

if sys.platform == "win32":
    raise ImportError("jobs run on Linux and macOS only")

_BLOCK = 4096
_COUNTED = 512
"""Bytes of a block as `st_blocks` counts them."""


class Trimmer:
    """Drops the middle of a file that has grown beyond a limit: its first and its last half stay.

    The dropped part reads as zeros and takes no space; all that stays keeps its place, and so does whoever appends. The
    limit is lower on a disk with little room: an output takes no more of it than it leaves, since a disk that one job
    has filled stops all the others, and the storage with them.
    """

    def __init__(self, file: int | str, limit: int) -> None:
        """Take a descriptor, or a path by which this process opens the file."""
        self._file = file
        self._limit = limit
        self._start, self._end = _up(limit // 2), 0

    def trim(self) -> None:
        """Drop what is too much now. Nothing happens where the file system cannot do it."""
        found = os.stat(self._file)
        taken = found.st_blocks * _COUNTED
        if taken <= OUTPUT_TAIL:
            return
        limit = min(self._limit, (taken + self._room()) // 2)
        tail = max(limit // 2, OUTPUT_TAIL)  # the worker stores these last bytes
        start = min(self._start, _up(limit // 2))
        end = max(self._end, (found.st_size - tail) // _BLOCK * _BLOCK)
        if found.st_size > limit and end > start and (start, end) != (self._start, self._end):
            self._drop(start, end - start)
            self._start, self._end = start, end

    def _drop(self, start: int, length: int) -> None:
        if isinstance(self._file, int):
            kernel.punch_hole(self._file, start, length)
            return
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CLOEXEC)
        try:
            kernel.punch_hole(descriptor, start, length)
        finally:
            os.close(descriptor)

    def _room(self) -> int:
        """Return how many bytes of the disk are free."""
        disk = os.statvfs(self._file)
        return disk.f_bavail * disk.f_frsize


def _up(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
