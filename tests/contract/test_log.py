"""The notifier `log` keeps the contract of notifiers."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl import Context, Notifier
from queuectl.testing import NotifierContract
from queuectl_log import Log, create


class TestLog(NotifierContract):
    """Its lines go where the log goes."""

    @pytest.fixture
    def notifier(self) -> Notifier:
        """Return the notifier."""
        return create(Log(), Context(data=Path("/nowhere")))
