"""StorageContract: what every storage promises."""

from __future__ import annotations

from queuectl.testing.contract.acting import Cancelling, Editing, Retrying
from queuectl.testing.contract.attempts import Attempts
from queuectl.testing.contract.cancelling import CancelMeanwhile
from queuectl.testing.contract.changing import ChangingByIds, ChangingByQuery
from queuectl.testing.contract.claiming import Claiming, NextDue
from queuectl.testing.contract.clocks import ClockSetBack, ClockSetForward
from queuectl.testing.contract.concurrency import Concurrency
from queuectl.testing.contract.deleting import Deleting
from queuectl.testing.contract.enqueueing import Enqueueing
from queuectl.testing.contract.fencing import Fencing, Recording
from queuectl.testing.contract.fixtures import StorageFixtures
from queuectl.testing.contract.histories import Histories
from queuectl.testing.contract.keys import UniqueKeys
from queuectl.testing.contract.outbox import Consuming, Wanting
from queuectl.testing.contract.processes import Processes
from queuectl.testing.contract.queues import Limits, Pausing, Queues
from queuectl.testing.contract.reading import Finding, Listing
from queuectl.testing.contract.reporting import Backlogs, Counting, Grouping
from queuectl.testing.contract.settling import Settling
from queuectl.testing.contract.takeover import TakingOver
from queuectl.testing.contract.telling import Draining, Telling
from queuectl.testing.contract.transactions import Transactions
from queuectl.testing.contract.upkeep import Upkeep
from queuectl.testing.contract.waiting import Waiting
from queuectl.testing.contract.workers import Beats, Stopping, Workers


class StorageContract(
    Enqueueing,
    UniqueKeys,
    Claiming,
    NextDue,
    Settling,
    CancelMeanwhile,
    Attempts,
    Fencing,
    Recording,
    TakingOver,
    Workers,
    Beats,
    Stopping,
    Retrying,
    Cancelling,
    Editing,
    Deleting,
    ChangingByIds,
    ChangingByQuery,
    Pausing,
    Limits,
    Queues,
    Finding,
    Listing,
    Grouping,
    Counting,
    Backlogs,
    Telling,
    Draining,
    Wanting,
    Consuming,
    Waiting,
    Upkeep,
    ClockSetBack,
    ClockSetForward,
    Concurrency,
    Processes,
    Transactions,
    Histories,
    StorageFixtures,
):
    """Test a storage: subclass this, override `storage_factory`, run pytest.

        class TestMyStorage(StorageContract):
            @pytest.fixture
            def storage_factory(self, tmp_path):
                return functools.partial(open_my_storage, tmp_path / "jobs.db")

    What a storage does not claim in its `capabilities` is not asked of it.
    """
