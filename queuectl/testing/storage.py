"""StorageContract: what every storage promises."""

from __future__ import annotations

from queuectl.testing.contract.claiming import Claiming, NextDue
from queuectl.testing.contract.enqueueing import Enqueueing, UniqueKeys
from queuectl.testing.contract.fixtures import StorageFixtures


class StorageContract(Enqueueing, UniqueKeys, Claiming, NextDue, StorageFixtures):
    """Test a storage: subclass this, override `storage_factory`, run pytest.

        class TestMyStorage(StorageContract):
            @pytest.fixture
            def storage_factory(self, tmp_path):
                return functools.partial(open_my_storage, tmp_path / "jobs.db")

    What a storage does not claim in its `capabilities` is not asked of it.
    """
