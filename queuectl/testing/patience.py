"""Patience: what a plugin does must come to an end, and a clause waits so long and no longer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import pytest

Answer = TypeVar("Answer")

_HANGS = pytest.StashKey[bool]()


class Call(Generic[Answer]):
    """A call on a thread of its own, which nobody has to wait for."""

    def __init__(self, call: Callable[[], Answer]) -> None:
        self._call = call
        self._answer: list[Answer] = []
        self.raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def ended(self, seconds: float) -> bool:
        """Whether the call ends within so many seconds."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def answer(self) -> Answer:
        """Return what the call returned, or raise what it raised. It must have ended."""
        if self.raised is not None:
            raise self.raised
        return self._answer[0]

    def _run(self) -> None:
        try:
            self._answer.append(self._call())
        except BaseException as error:  # a wall: whatever a plugin raises is told to the clause that called
            self.raised = error


def hangs(request: pytest.FixtureRequest) -> bool:
    """Whether a clause of the same class has found that nothing comes to an end."""
    return _class_of(request).stash.get(_HANGS, default=False)


def note_hang(request: pytest.FixtureRequest, *, hangs: bool) -> None:
    """Note for the clauses that follow that nothing comes to an end: each of them would only wait in vain."""
    _class_of(request).stash[_HANGS] = hangs


def _class_of(request: pytest.FixtureRequest) -> pytest.Class:
    node: pytest.Class | None = request.node.getparent(pytest.Class)
    assert node is not None
    return node


def within(seconds: float, call: Callable[[], Answer], what: str) -> Answer:
    """Return what a call returns, or fail when that takes more than so many seconds."""
    made = Call(call)
    assert made.ended(seconds), f"{what} did not come within {seconds:g} s"
    return made.answer()
