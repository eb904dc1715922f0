"""The machine finds what is broken, without being told where to look."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from queuectl.testing import FakeClock, MemoryStorage, StorageMachine
from tests.unit.testing.defects.storages import (
    DrainsAgain,
    FencesByWorker,
    PutsTheLateLast,
    ServesTheRetired,
    StoresHalves,
    WeakensStops,
)


@pytest.mark.parametrize(
    "defect", [FencesByWorker, PutsTheLateLast, ServesTheRetired, StoresHalves, WeakensStops, DrainsAgain]
)
def test_the_machine_finds_the_defect(defect: type[MemoryStorage]) -> None:
    """Some history shows the difference between the memory and the memory with the defect."""
    clock = FakeClock()
    storage = defect(clock=clock)
    found = settings(
        max_examples=500,
        stateful_step_count=40,
        deadline=None,
        database=None,
        derandomize=True,
        # What it finds is known here: the shortest way to it is not wanted.
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(StorageMachine.on(storage, clock), settings=found)
