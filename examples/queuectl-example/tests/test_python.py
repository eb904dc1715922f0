"""The executor `python` keeps the contract of executors, and calls functions as it says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from queuectl import Command, Context, Duration, Executor
from queuectl.testing import EXECUTOR_CAPABILITIES, ExecutorContract, FakeRunContext, make_job

from queuectl_example.python import Python, create

HERE = Path(__file__).parent


def executor_in(folder: Path, **settings: Any) -> Executor:
    """Return the executor as queuectl makes it; the functions of this folder can be called."""
    return create(Python(search=(HERE,), **settings), Context(data=folder / "data"))


class TestContract(ExecutorContract):
    """All that an executor can promise. Its commands are no shell's, so the contract is told what to use instead."""

    capabilities = frozenset(EXECUTOR_CAPABILITIES)
    succeeds: Command = "sample_functions:succeed"
    fails: Command = "sample_functions:fail"
    impossible: Command = "no_such_module:function"
    writes: Command = "sample_functions:write"
    lasts: Command = "sample_functions:last"
    resists: Command = "sample_functions:resist"
    tells_environment: Command = "sample_functions:tell_environment"

    @pytest.fixture
    def executor(self, tmp_path: Path) -> Executor:
        """Return the executor to test."""
        return executor_in(tmp_path, kill_after=Duration("500ms"))


@contextmanager
def running(tmp_path: Path, command: Command, **fields: Any) -> Iterator[tuple[Any, FakeRunContext]]:
    """Give a job, and what it is run with."""
    job = make_job(command=command, cwd=str(tmp_path), **fields)
    with FakeRunContext(tmp_path, job=job) as context:
        yield job, context


def test_words_and_arguments_reach_the_function(tmp_path: Path) -> None:
    """What follows the function in a list is given by place, the option `arguments` by name."""
    with running(tmp_path, ("sample_functions:tell", "a b", "2")) as (job, context):
        outcome = executor_in(tmp_path, arguments={"width": 3}).execute(job, context)
        assert outcome.succeeded
        assert context.written == b"('a b', '2') {'width': 3}\n"


def test_an_exception_is_a_traceback_and_exit_code_1(tmp_path: Path) -> None:
    """As in any program of Python's."""
    with running(tmp_path, ("sample_functions:succeed", "too much")) as (job, context):
        assert executor_in(tmp_path).execute(job, context).exit_code == 1
        assert b"TypeError: succeed() takes 0 positional arguments" in context.written


def test_a_module_of_the_jobs_directory_is_found(tmp_path: Path) -> None:
    """The directory in which the job was enqueued is searched, as it is when Python is run there."""
    (tmp_path / "own.py").write_text("def where():\n    return __file__\n")
    with running(tmp_path, "own:where") as (job, context):
        executor_in(tmp_path).execute(job, context)
        assert context.written.decode().strip() == str(tmp_path / "own.py")


def test_a_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    """What cannot be started says why, and leaves nothing."""
    job = make_job(command="sample_functions:succeed", cwd=str(tmp_path / "gone"))
    with FakeRunContext(tmp_path, job=job) as context:
        outcome = executor_in(tmp_path).execute(job, context)
    assert outcome.error is not None
    assert "gone" in outcome.error
    assert list((tmp_path / "data" / "python").iterdir()) == []


def test_what_a_function_leaves_in_the_background_lives_on(tmp_path: Path) -> None:
    """A run ends with its own process. A fork of that does not keep the mark, by which it would be found and killed."""
    with running(tmp_path, "sample_functions:linger") as (job, context):
        assert executor_in(tmp_path).execute(job, context).succeeded
    (tmp_path / "asked").touch()
    until = time.monotonic() + 30
    while not (tmp_path / "answered").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
