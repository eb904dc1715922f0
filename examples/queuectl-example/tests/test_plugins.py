"""Each module that has an entry point is a sound plugin."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest
from queuectl.testing import PluginContract

MODULES = sorted(point.value for point in entry_points(group="queuectl") if point.value.startswith("queuectl_example."))


class TestContract(PluginContract):
    """All that every plugin promises, asked of each in turn."""

    @pytest.fixture(params=MODULES)
    def plugin(self, request: pytest.FixtureRequest) -> str:
        """Return the module."""
        module: str = request.param
        return module


def test_there_is_a_plugin_of_each_kind() -> None:
    """Given the installed distribution, then none of its entry points is missing."""
    names = {module.partition(".")[2] for module in MODULES}
    assert names == {"bell", "decorrelated", "feed", "journal", "python", "stopwatch", "summary"}
