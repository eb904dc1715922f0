"""What the clauses start from: a store, handles on it, a clock that they turn, and a worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Protocol, TypeVar

import pytest

from queuectl.model.event import EVENT_NAMES
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import register


class StorageFactory(Protocol):
    """Opens a handle on one store: every call gives a fresh handle on the same one, empty at first.

    `clock` is the clock of the storage, `events` are the names of the events that somebody wants. A storage that
    claims `multi_process` is opened in other processes too, so its factory must be one that `pickle` takes and
    another interpreter can import: `functools.partial(open_storage, path)` with a function of the plugin's own
    package, or `ProvidedStorage`.
    """

    def __call__(self, *, clock: Callable[[], float] = time.time, events: frozenset[str] = EVENT_NAMES) -> Storage:
        """Open a handle."""
        ...


class OpenStorage(Protocol):
    """Opens one more handle, by the test's clock, and closes it when the test ends."""

    def __call__(self, *, events: frozenset[str] = EVENT_NAMES) -> Storage:
        """Open a handle."""
        ...


class StorageFixtures:
    """The fixtures of `StorageContract`. `storage_factory` is the one to override."""

    @pytest.fixture
    def storage_factory(self) -> StorageFactory:
        """Return what opens handles on a store of this test's own."""
        raise NotImplementedError("override the fixture storage_factory: return a StorageFactory")

    @pytest.fixture
    def clock(self) -> FakeClock:
        """Return the clock of all handles of this test."""
        return FakeClock()

    @pytest.fixture
    def open_storage(self, storage_factory: StorageFactory, clock: FakeClock) -> Iterator[OpenStorage]:
        """Return what opens further handles on the store of this test."""
        with ExitStack() as stack:

            def open_storage(*, events: frozenset[str] = EVENT_NAMES) -> Storage:
                return stack.enter_context(closing(storage_factory(clock=clock, events=events)))

            yield open_storage

    @pytest.fixture
    def storage(self, request: pytest.FixtureRequest, open_storage: OpenStorage) -> Storage:
        """Return a handle, or skip the clause where it asks for what the storage does not claim."""
        storage = open_storage()
        needed: frozenset[str] = getattr(request.function, "needed_capabilities", frozenset())
        missing = needed - storage.capabilities
        if missing:
            pytest.skip(f"the storage does not claim {', '.join(sorted(missing))}")
        return storage

    @pytest.fixture
    def worker(self, storage: Storage) -> str:
        """Return the id of a registered worker."""
        return register(storage, "worker-1")


Clause = TypeVar("Clause", bound=Callable[..., None])


def needs(*capabilities: str) -> Callable[[Clause], Clause]:
    """Ask a clause only of storages that claim all these capabilities."""

    def mark(clause: Clause) -> Clause:
        clause.needed_capabilities = frozenset(capabilities)  # type: ignore[attr-defined]
        return clause

    return mark
