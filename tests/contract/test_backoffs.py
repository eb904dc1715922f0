"""The built-in backoffs keep the contract of backoffs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from queuectl import Backoff, Context
from queuectl.testing import BackoffContract
from queuectl_backoff import queuectl_backoffs
from queuectl_backoff.exponential import Exponential
from queuectl_backoff.schedule import Schedule

_PROVIDERS = {provider.name: provider for provider in queuectl_backoffs()}
_SETTINGS: dict[str, Any] = {name: (name, provider.settings()) for name, provider in _PROVIDERS.items()}
_SETTINGS |= {
    "exponential, jitter": ("exponential", Exponential(jitter="full")),
    "schedule, give up": ("schedule", Schedule(then="give-up")),
}


class TestBackoffs(BackoffContract):
    """Each with its defaults, and with what makes it answer otherwise."""

    @pytest.fixture(params=_SETTINGS.values(), ids=list(_SETTINGS))
    def backoff(self, request: pytest.FixtureRequest) -> Backoff:
        """Return each of them in turn."""
        name, settings = request.param
        create = _PROVIDERS[name].create
        backoff: Backoff = settings if create is None else create(settings, Context(data=Path("/nowhere")))
        return backoff
