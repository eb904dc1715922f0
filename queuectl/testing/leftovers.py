"""Leftovers: what a call leaves in this process when it returns."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_ROUNDS = 20


def left_by(act: Callable[[int], object]) -> int:
    """Do something twenty times, twenty times more, and return by how much the second time left more than the first.

    Counted are threads, open files and, on Linux, child processes. What is made once and kept does not count.
    """
    for number in range(_ROUNDS):
        act(number)
    before = _held()
    for number in range(_ROUNDS, 2 * _ROUNDS):
        act(number)
    return _held() - before


def each_leaves_something(left: int) -> bool:
    """Whether so much is left that it must be by each of the twenty; a few may come and go for other reasons."""
    return left >= _ROUNDS // 2


def _held() -> int:
    return threading.active_count() + _open_files() + _children()


def _open_files() -> int:
    folder = next((path for path in ("/proc/self/fd", "/dev/fd") if os.path.isdir(path)), None)
    return len(os.listdir(folder)) if folder else 0


def _children() -> int:
    children = 0
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # that thread has just ended
            children += len(path.read_text().split())
    return children
