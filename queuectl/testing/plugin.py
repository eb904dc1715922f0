"""PluginContract: what every plugin promises, whatever it offers."""

from __future__ import annotations

from queuectl.testing.contract.importing import Importing
from queuectl.testing.contract.installed import Installed
from queuectl.testing.contract.offering import Offering


class PluginContract(Importing, Offering, Installed):
    """Test a plugin as a whole: subclass this, override `plugin`, run pytest.

        class TestPlugin(PluginContract):
            settings = {"webhook": {"url": "http://localhost/"}}

            @pytest.fixture
            def plugin(self):
                return "queuectl_webhook"

    What it offers is tested by the contract of its kind besides.
    """
