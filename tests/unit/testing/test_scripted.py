"""An executor that does what a test wrote down."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from queuectl import Executor, Outcome
from queuectl.testing import FakeRunContext, ScriptedExecutor, make_job


@pytest.fixture
def context(tmp_path: Path) -> Iterator[FakeRunContext]:
    """Return what an executor is given."""
    with FakeRunContext(tmp_path) as context:
        yield context


def test_it_follows_its_script(context: FakeRunContext) -> None:
    """It returns the outcomes and raises the exceptions in order, and keeps the jobs."""
    first, last = Outcome(exit_code=1), Outcome(exit_code=0)
    executor: Executor = ScriptedExecutor(first, OSError("no host"), last)
    assert executor.execute(make_job(id="a"), context) is first
    with pytest.raises(OSError, match="no host"):
        executor.execute(make_job(id="b"), context)
    assert executor.execute(make_job(id="c"), context) is last


def test_it_keeps_the_jobs(context: FakeRunContext) -> None:
    """The jobs are there in the order in which they were given, those that raised too."""
    executor = ScriptedExecutor(ValueError("x"), Outcome(exit_code=0))
    jobs = [make_job(id="a"), make_job(id="b")]
    with pytest.raises(ValueError, match="x"):
        executor.execute(jobs[0], context)
    executor.execute(jobs[1], context)
    assert executor.jobs == jobs


def test_a_script_that_is_over_is_told(context: FakeRunContext) -> None:
    """One run more than was written down is a mistake that the test hears of."""
    executor = ScriptedExecutor(Outcome(exit_code=0))
    executor.execute(make_job(), context)
    with pytest.raises(LookupError, match="1 outcomes, and this is run 2"):
        executor.execute(make_job(), context)


def test_threads_get_each_an_outcome_of_their_own(context: FakeRunContext) -> None:
    """No outcome is given twice, and none left out."""
    executor = ScriptedExecutor(*(Outcome(exit_code=code) for code in range(50)))
    with ThreadPoolExecutor(8) as pool:
        outcomes = pool.map(lambda _: executor.execute(make_job(), context), range(50))
    assert sorted(outcome.exit_code or 0 for outcome in outcomes) == list(range(50))
