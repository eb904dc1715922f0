"""Patience: what a plugin does must come to an end, and a clause waits so long and no longer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import pytest

Answer = TypeVar("Answer")

_FAILED = pytest.StashKey[set[str]]()


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


def remember(request: pytest.FixtureRequest, *, failed: bool) -> None:
    """Note whether a clause has failed on which others of its class rest: each of them would only wait in vain."""
    known = _known_failures(request)
    (known.add if failed else known.discard)(request.function.__name__)


def skip_after(request: pytest.FixtureRequest, clause: str) -> None:
    """Skip a clause when the one that it rests on has failed."""
    if clause in _known_failures(request):
        pytest.skip(f"this makes no sense before {clause} passes")


def _known_failures(request: pytest.FixtureRequest) -> set[str]:
    node: pytest.Class | None = request.node.getparent(pytest.Class)
    assert node is not None
    return node.stash.setdefault(_FAILED, set())


def within(seconds: float, call: Callable[[], Answer], what: str) -> Answer:
    """Return what a call returns, or fail when that takes more than so many seconds."""
    made = Call(call)
    assert made.ended(seconds), f"{what} did not come within {seconds:g} s"
    return made.answer()
