"""Transactions that got in each other's way: each is undone, and tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from queuectl_postgres.failures import COLLISIONS
from queuectl_postgres.link import Link

Answer = TypeVar("Answer")

TRIES = 5
"""How often a transaction is tried that another one got in the way of."""


def tried(link: Link, act: Callable[[], Answer]) -> Answer:
    """Do what is one transaction, again where another one got in its way."""
    for _ in range(TRIES - 1):
        with suppress(*COLLISIONS), _undone(link):
            return act()
    with _undone(link):
        return act()


@contextmanager
def _undone(link: Link) -> Iterator[None]:
    """Undo what the block did when it raises."""
    try:
        yield
    except BaseException:
        link.roll_back()
        raise
