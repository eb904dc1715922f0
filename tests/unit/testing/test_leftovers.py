"""What is left by something done again and again is seen, whatever it is."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from queuectl.testing.leftovers import each_leaves_something, left_by

Leave = Callable[[ExitStack], object]


def _file(stack: ExitStack) -> None:
    stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))


def _thread(stack: ExitStack) -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    stack.callback(thread.join)
    stack.callback(end.set)


def _zombie(stack: ExitStack) -> None:
    child = subprocess.Popen(["/bin/sh", "-c", "exit 0"])
    stack.callback(child.wait)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Give back afterwards what was left on purpose."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("leave", [_file, _thread, _zombie], ids=["file", "thread", "process"])
def test_what_each_leaves_is_seen(stack: ExitStack, leave: Leave) -> None:
    """A file, a thread or a process that each call leaves is too much."""
    if leave is _zombie and sys.platform != "linux":
        pytest.skip("processes are counted on Linux alone")
    assert each_leaves_something(left_by(lambda _: leave(stack)))


def test_what_is_made_once_does_not_count(stack: ExitStack) -> None:
    """What a first call makes and keeps for the others is no leftover."""

    def leave_once(number: int) -> None:
        if number == 0:
            _file(stack)

    assert not each_leaves_something(left_by(leave_once))


def test_a_thread_that_ends_while_it_is_looked_at_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given threads of somebody else's that come and go, then nothing fails because of them."""

    def gone(_: Path, pattern: str) -> Iterator[Path]:
        yield Path("/proc/self/task/0/children")

    monkeypatch.setattr(Path, "glob", gone)
    assert left_by(lambda _: None) == 0
