"""Keeping a run's output from filling the disk, while it is written by somebody else."""

from __future__ import annotations

import os
import sys

from queuectl import OUTPUT_TAIL
from queuectl_subprocess import kernel

if sys.platform == "win32":
    raise ImportError("jobs run on Linux and macOS only")

_BLOCK = 4096


class Trimmer:
    """Drops the middle of a file that has grown beyond a limit: its first and its last half stay.

    The dropped part reads as zeros and takes no space; all that stays keeps its place, and so does whoever appends.
    """

    def __init__(self, descriptor: int, limit: int) -> None:
        self._descriptor = descriptor
        self._head = _up(limit // 2)
        self._tail = max(limit // 2, OUTPUT_TAIL)  # the worker stores these last bytes
        self._dropped_to = self._head
        self._limit = limit

    def trim(self) -> None:
        """Drop what is too much now. Nothing happens where the file system cannot do it."""
        size = os.fstat(self._descriptor).st_size
        end = (size - self._tail) // _BLOCK * _BLOCK
        if size > self._limit and end > self._dropped_to:
            kernel.punch_hole(self._descriptor, self._dropped_to, end - self._dropped_to)
            self._dropped_to = end


def _up(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
