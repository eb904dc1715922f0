"""Histories: whatever is done in whatever order, a storage does what the memory does."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.machine import StorageMachine


class Histories:
    """The clauses together."""

    def test_any_history_ends_as_in_memory(self, storage: Storage, clock: FakeClock) -> None:
        """A storage and `MemoryStorage` answer and hold the same, after every step of any history."""
        run_state_machine_as_test(
            StorageMachine.on(storage, clock),
            settings=settings(
                max_examples=50,
                stateful_step_count=40,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
