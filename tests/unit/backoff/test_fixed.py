"""Waits that never change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from queuectl import Context, Duration
from queuectl_backoff.fixed import Fixed, Immediate, create

if TYPE_CHECKING:
    from tests.unit.backoff.conftest import Fail


@pytest.mark.parametrize("attempts", [1, 2, 1000])
def test_fixed(fail: Fail, attempts: int) -> None:
    """The same each time; ten seconds unless it is set."""
    context = Context(data=Path())
    assert create(Fixed(), context).delay(fail(attempts)) == 10
    assert create(Fixed(delay=Duration("30s")), context).delay(fail(attempts)) == 30


@pytest.mark.parametrize("attempts", [1, 2, 1000])
def test_none(fail: Fail, attempts: int) -> None:
    """No wait, each time."""
    assert Immediate().delay(fail(attempts)) == 0
