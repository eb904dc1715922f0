"""A worker has descriptors enough for the jobs that it runs at once."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from queuectl.engine.limits import allow_runs


@pytest.fixture(autouse=True)
def limit() -> Iterator[None]:
    """Give the limit back as it was."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def limits() -> tuple[int, int]:
    """Return both limits."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)


def test_the_limit_is_raised_to_what_is_needed() -> None:
    """And no further: commands inherit it."""
    hard = limits()[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    needed, allowed = allow_runs(10)
    assert needed == allowed == limits()[0] > 128
    assert limits()[1] == hard


def test_a_limit_that_will_do_stays() -> None:
    """As most do."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, limits()[1]))
    needed, allowed = allow_runs(10)
    assert needed <= allowed == limits()[0] == 1024


def test_the_hard_limit_holds() -> None:
    """Then it is told that fewer are allowed than are needed."""
    hard = limits()[1]
    if hard == resource.RLIM_INFINITY:
        pytest.skip("there is no hard limit")
    needed, allowed = allow_runs(hard)
    assert needed > allowed == limits()[0] == hard
