"""The built-in plugins keep the contract of plugins."""

from __future__ import annotations

import pytest

from queuectl.registry import BUILTINS, COMMANDS
from queuectl.testing import PluginContract
from queuectl_postgres import Postgres


class TestBuiltIns(PluginContract):
    """Each module behind a built-in name."""

    @pytest.fixture(params=sorted({module for names in (*BUILTINS.values(), COMMANDS) for module in names.values()}))
    def plugin(self, request: pytest.FixtureRequest) -> str:
        """Return each of them in turn; one cannot be made without a server."""
        if request.param == "queuectl_postgres":
            postgres: Postgres = request.getfixturevalue("postgres")
            self.settings = {"postgres": {"dsn": postgres.dsn, "schema": postgres.schema}}
        return str(request.param)
