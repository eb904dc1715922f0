"""Isolation: who needs to be alone is alone, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from queuectl.engine import isolation as isolating
from queuectl.engine.isolation import Isolation

from .conftest import until

Entrance = Callable[[], AbstractContextManager[None]]


class Guest:
    """Somebody who goes in on a thread of its own, and stays until let go."""

    def __init__(self, entrance: Entrance) -> None:
        self.inside = threading.Event()
        self._go = threading.Event()
        self._thread = threading.Thread(target=self._stay, args=(entrance,))
        self._thread.start()

    def _stay(self, entrance: Entrance) -> None:
        with entrance():
            self.inside.set()
            self._go.wait()

    def is_in(self) -> bool:
        """Whether it is in."""
        return self.inside.is_set()

    def is_kept_out(self) -> bool:
        """Whether it is not in after a moment."""
        return not self.inside.wait(0.05)

    def leave(self) -> None:
        """Let it go, once it is in."""
        self._go.set()
        self._thread.join(60.0)
        assert not self._thread.is_alive()


@pytest.fixture
def isolation() -> Isolation:
    """The isolation of a worker."""
    return Isolation()


@pytest.fixture
def among(isolation: Isolation) -> Iterator[Callable[[], Guest]]:
    """Let somebody in who minds no company; all leave in the end."""
    guests: list[Guest] = []

    def enter() -> Guest:
        guests.append(Guest(isolation.among_others))
        return guests[-1]

    yield enter
    for guest in guests:
        guest.leave()


@pytest.fixture
def alone(isolation: Isolation) -> Iterator[Callable[..., Guest]]:
    """Let somebody in who wants to be alone; all leave in the end."""
    guests: list[Guest] = []

    def enter(unwanted: Callable[[], bool] = lambda: False) -> Guest:
        guests.append(Guest(lambda: isolation.alone(unwanted=unwanted)))
        return guests[-1]

    yield enter
    for guest in guests:
        guest.leave()


def wants_in(isolation: Isolation, number: int = 1) -> None:
    """Wait until so many want to be alone, or are."""
    until(lambda: isolation._suspects == number)


class TestIsolation:
    """Who is in together."""

    def test_others_are_in_together(self, among: Callable[[], Guest]) -> None:
        """As many as there are."""
        first, second = among(), among()
        until(lambda: first.is_in() and second.is_in())

    def test_who_wants_to_be_alone_waits_for_the_others(
        self, isolation: Isolation, among: Callable[[], Guest], alone: Callable[..., Guest]
    ) -> None:
        """All of them; and nobody goes in meanwhile, or it would wait for ever."""
        first, second = among(), among()
        until(lambda: first.is_in() and second.is_in())
        suspect = alone()
        wants_in(isolation)
        third = among()
        first.leave()
        assert suspect.is_kept_out()
        assert third.is_kept_out()
        second.leave()
        until(suspect.is_in)
        assert third.is_kept_out()
        suspect.leave()
        until(third.is_in)

    def test_of_two_who_want_to_be_alone_each_is(self, isolation: Isolation, alone: Callable[..., Guest]) -> None:
        """One after the other."""
        suspects = [alone(), alone()]
        wants_in(isolation, 2)
        until(lambda: any(suspect.is_in() for suspect in suspects))
        first, second = sorted(suspects, key=lambda suspect: not suspect.is_in())
        assert second.is_kept_out()
        first.leave()
        until(second.is_in)

    def test_who_is_not_wanted_any_more_does_not_wait(
        self, isolation: Isolation, among: Callable[[], Guest], alone: Callable[..., Guest]
    ) -> None:
        """A cancel, or a stop of the worker, wants it gone at once."""
        running = among()
        until(running.is_in)
        unwanted = threading.Event()
        suspect = alone(unwanted.is_set)
        wants_in(isolation)
        assert suspect.is_kept_out()
        unwanted.set()
        until(suspect.is_in)

    def test_nobody_waits_for_ever(
        self, among: Callable[[], Guest], alone: Callable[..., Guest], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What runs may never end, alone or among others."""
        monkeypatch.setattr(isolating, "PATIENCE", 0.1)
        endless = among()
        until(endless.is_in)
        began = time.monotonic()
        suspect = alone()
        until(suspect.is_in)
        other = among()
        until(other.is_in)
        assert time.monotonic() - began >= 0.2

    def test_who_raises_leaves(self, isolation: Isolation) -> None:
        """Nobody waits for it."""
        for entrance in (isolation.among_others, lambda: isolation.alone(unwanted=lambda: False)):
            with pytest.raises(KeyError), entrance():
                raise KeyError
        assert (isolation._running, isolation._suspects) == (0, 0)
