"""ExecutorContract: what every executor promises."""

from __future__ import annotations

from queuectl.testing.contract.bench import ExecutorFixtures
from queuectl.testing.contract.running import AtOnce, Outcomes, Returning, Surroundings
from queuectl.testing.contract.stopping import Cancels, Deadlines, Ending


# What stands last pytest runs first.
class ExecutorContract(Outcomes, Surroundings, AtOnce, Cancels, Deadlines, Ending, Returning, ExecutorFixtures):
    """Test an executor: subclass this, override `executor`, say what it can do, run pytest.

        class TestContainers(ExecutorContract):
            capabilities = frozenset({"output", "cancel"})
            options = {"image": "alpine"}

            @pytest.fixture
            def executor(self):
                return Containers(socket="/run/podman.sock")

    The attributes are commands for a shell; an executor that reads commands in another way says what succeeds, fails,
    writes and lasts for it.
    """
