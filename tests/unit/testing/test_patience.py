"""A clause waits for what a plugin does, and not for ever."""

from __future__ import annotations

import threading

import pytest

from queuectl.testing.patience import Call, within


def test_an_answer_is_returned() -> None:
    """What the call returns comes back."""
    assert within(20.0, lambda: 7, "the answer") == 7


def test_what_is_raised_is_raised() -> None:
    """What the call raises is raised where it was made."""

    def fail() -> None:
        raise OSError("no host")

    with pytest.raises(OSError, match="no host"):
        within(20.0, fail, "the answer")


def test_what_does_not_come_is_named() -> None:
    """After its time the clause fails, and says what did not come."""
    never = threading.Event()
    with pytest.raises(AssertionError, match=r"the answer did not come within 0\.01 s"):
        within(0.01, never.wait, "the answer")
    never.set()


def test_a_call_goes_on_beside_the_clause() -> None:
    """A call that was given up may still come to its end."""
    go_on = threading.Event()
    call = Call(lambda: go_on.wait(60.0))
    assert not call.ended(0.0)
    go_on.set()
    assert call.ended(20.0)
    assert call.answer() is True
