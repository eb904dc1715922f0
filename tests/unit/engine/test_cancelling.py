"""The flag that says that a run must end."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from queuectl.engine.cancelling import CancelFlag


@pytest.fixture(params=["pipe2", "pipe"])
def flag(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[CancelFlag]:
    """A flag, as systems with and without a call for its pipe make it."""
    if request.param == "pipe":
        monkeypatch.delattr(os, "pipe2")
    flag = CancelFlag()
    yield flag
    flag.close()


def readable(flag: CancelFlag) -> bool:
    """Whether its descriptor says that the run must end."""
    return bool(select.select([flag], [], [], 0)[0])


def test_it_is_not_set_at_first(flag: CancelFlag) -> None:
    """And commands do not inherit its descriptors."""
    assert (flag.is_set(), readable(flag), flag.wait(0)) == (False, False, False)
    assert not os.get_inheritable(flag.fileno())


def test_once_set_it_stays_so(flag: CancelFlag) -> None:
    """However often it is looked at, until it is cleared for the next run."""
    flag.set("cancel")
    for _ in range(2):
        assert (flag.is_set(), readable(flag), flag.wait()) == (True, True, True)
    flag.clear()
    flag.clear()
    assert (flag.is_set(), readable(flag), flag.reason) == (False, False, None)


@pytest.mark.parametrize(
    ("reasons", "kept"),
    [
        (("cancel", "stop"), "cancel"),
        (("stop", "cancel"), "stop"),
        (("cancel", "lost"), "lost"),
        (("lost",), "lost"),
    ],
)
def test_the_first_reason_counts_but_a_lost_lease_outweighs_any(
    flag: CancelFlag, reasons: tuple[Any, ...], kept: str
) -> None:
    """What is done under a lost lease is not written."""
    for reason in reasons:
        flag.set(reason)
    assert flag.reason == kept
    flag.clear()
    assert not readable(flag)


def test_who_waits_is_woken(flag: CancelFlag) -> None:
    """And knows why at once."""
    seen: list[object] = []
    waiting = threading.Thread(target=lambda: seen.extend((flag.wait(60.0), flag.reason)))
    waiting.start()
    flag.set("stop")
    waiting.join(60.0)
    assert seen == [True, "stop"]


def test_waiting_has_an_end(flag: CancelFlag) -> None:
    """Without a cause it returns False."""
    assert flag.wait(0.001) is False
