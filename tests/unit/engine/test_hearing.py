"""Hearing signals, beside a main thread that is busy."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from queuectl.engine.hearing import hear

from .conftest import until

TERM, HUP = signal.SIGTERM, signal.SIGHUP


@pytest.fixture
def heard() -> Iterator[list[tuple[signal.Signals, str]]]:
    """What is heard of two signals, and on which thread."""
    before = {number: signal.getsignal(number) for number in (TERM, HUP)}
    heard: list[tuple[signal.Signals, str]] = []
    hear([TERM, HUP], lambda number: heard.append((number, threading.current_thread().name)))
    yield heard
    for number, handler in before.items():
        signal.signal(number, handler)
    os.close(signal.set_wakeup_fd(-1))


def test_signals_are_heard_while_the_main_thread_sleeps(heard: list[tuple[signal.Signals, str]]) -> None:
    """Also such as another thread takes, at which no system call of the main thread returns."""
    reading, writing = os.pipe()

    def send() -> None:
        for number in (TERM, HUP):
            signal.pthread_kill(threading.get_ident(), number)
        until(lambda: len(heard) == 2)
        os.write(writing, b"x")

    sender = threading.Thread(target=send)
    sender.start()
    os.read(reading, 1)  # until both were heard
    sender.join()
    assert heard == [(TERM, "signals"), (HUP, "signals")]
    for end in (reading, writing):
        os.close(end)


def test_signals_are_heard_when_an_event_loop_took_the_descriptor(heard: list[tuple[signal.Signals, str]]) -> None:
    """Some plugin may run one on the main thread, and leave none behind."""
    own = signal.set_wakeup_fd(-1)
    signal.raise_signal(TERM)
    until(lambda: len(heard) == 1)
    assert signal.set_wakeup_fd(own) == own
    signal.raise_signal(HUP)
    until(lambda: len(heard) == 2)
    assert [number for number, _ in heard] == [TERM, HUP]


def test_other_signals_are_not_heard(heard: list[tuple[signal.Signals, str]]) -> None:
    """Such as one that a plugin handles itself."""
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(TERM)
    until(lambda: heard)
    assert [number for number, _ in heard] == [TERM]
    signal.signal(signal.SIGUSR1, before)
