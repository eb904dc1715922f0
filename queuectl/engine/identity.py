"""Ids: short, unique without asking anybody, and growing with time, so that new rows go where the last ones went."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o or u, which are taken for other characters; in the order of their values."""

LENGTH = 13
"""How many characters an id has: 65 bits, 40 of them milliseconds since `EPOCH`, 25 random."""

EPOCH = 1_704_067_200
"""2024-01-01T00:00:00Z. Forty bits of milliseconds last until 2058."""

_RANDOM_BITS = 25
_PAIRS = [first + second for first in DIGITS for second in DIGITS]


class _Last:
    """The last number that this process gave out."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.number = 0


_last = _Last()


def _start_again() -> None:
    # A forked child that went on from its parent's last number would give out the same ids as its parent.
    global _last  # noqa: PLW0603
    _last = _Last()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_again)


def new_id(clock: Callable[[], float] = time.time) -> str:
    """Return a new id."""
    return new_ids(1, clock)[0]


def new_ids(count: int, clock: Callable[[], float] = time.time) -> list[str]:
    """Return new ids in growing order, above all that this process was given before, also when the clock goes back."""
    milliseconds = max(0, int((clock() - EPOCH) * 1000))
    fresh = (milliseconds << _RANDOM_BITS) | (int.from_bytes(os.urandom(4)) >> (32 - _RANDOM_BITS))
    last = _last
    with last.lock:
        same_moment = last.number >> _RANDOM_BITS >= milliseconds
        first = last.number + 1 if same_moment else fresh
        last.number = first + count - 1
    return _written(first, count)


def _written(first: int, count: int) -> list[str]:
    """Write numbers that follow each other: nearly all of them begin alike."""
    ids: list[str] = []
    number, end = first, first + count
    while number < end:
        block = number >> 20
        stop = min(end, (block + 1) << 20)
        head = _head(block)
        ids += [head + _PAIRS[n >> 10 & 1023] + _PAIRS[n & 1023] for n in range(number, stop)]
        number = stop
    return ids


def _head(block: int) -> str:
    return "".join(DIGITS[block >> shift & 31] for shift in range(5 * (LENGTH - 5), -1, -5))
