"""What an executor is given for one run, on files of a test's own."""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from queuectl import RunContext
from queuectl.testing import FakeRunContext, make_job


@pytest.fixture
def context(tmp_path: Path) -> Iterator[FakeRunContext]:
    """Return a context."""
    with FakeRunContext(tmp_path) as context:
        yield context


def test_it_is_a_run_context(context: FakeRunContext) -> None:
    """The type checker agrees that executors can be given it; it is a first run without a limit."""
    given: RunContext = context
    assert (given.number, given.deadline) == (1, None)


def test_what_is_written_can_be_read(context: FakeRunContext) -> None:
    """Both outputs take bytes from whoever writes to them, also from another process by the descriptor."""
    context.output.write(b"one\n")
    output, error_output = context.output.fileno(), context.error_output.fileno()
    subprocess.run(["/bin/sh", "-c", "echo two; echo wrong >&2"], stdout=output, stderr=error_output, check=True)
    context.output.write(b"three\n")
    assert (context.written, context.error_written) == (b"one\ntwo\nthree\n", b"wrong\n")


def test_a_second_file_is_made_when_it_is_wanted(context: FakeRunContext, tmp_path: Path) -> None:
    """Where nobody asks for standard error there is no file for it."""
    assert len(list(tmp_path.iterdir())) == 1
    assert context.error_written == b""
    context.error_output.write(b"x")
    assert len(list(tmp_path.iterdir())) == 2


def test_contexts_in_one_folder_keep_apart(tmp_path: Path) -> None:
    """Several runs have each a file and a lease of their own."""
    with FakeRunContext(tmp_path) as one, FakeRunContext(tmp_path) as other:
        one.output.write(b"one")
        assert (one.written, other.written) == (b"one", b"")
        assert one.lease != other.lease


def test_a_job_has_the_environment_that_workers_give(tmp_path: Path) -> None:
    """The variables of a job, of its run, and of the test are there, and a `PATH`."""
    job = make_job(id="a", queue="mail", env={"MINE": "1"})
    with FakeRunContext(tmp_path, job=job, number=3, env={"MORE": "2"}) as context:
        env = context.env
    assert (env["QUEUECTL_JOB_ID"], env["QUEUECTL_QUEUE"], env["QUEUECTL_ATTEMPT"]) == ("a", "mail", "3")
    assert (env["MINE"], env["MORE"], env["QUEUECTL_LEASE"]) == ("1", "2", context.lease)
    assert env["PATH"]


def test_a_cancel_is_seen_by_all_who_look(context: FakeRunContext) -> None:
    """A cancel sets the flag, wakes who waits, and makes the descriptor readable."""
    assert not context.cancelled.is_set()
    assert not context.cancelled.wait(0.0)
    waiting = threading.Thread(target=context.cancelled.wait)
    waiting.start()
    context.cancel()
    waiting.join(60.0)
    assert not waiting.is_alive()
    assert context.cancelled.is_set()
    assert select.select([context.cancelled], [], [], 0.0)[0]


def test_handles_are_kept(context: FakeRunContext) -> None:
    """What is recorded is there, in order."""
    context.record("pid 7")
    context.record("pid 8")
    assert context.handles == ["pid 7", "pid 8"]


@pytest.mark.parametrize(("handle", "error"), [("x" * 401, ValueError), ("ü" * 201, ValueError), (7, TypeError)])
def test_a_handle_that_workers_refuse_is_refused(context: FakeRunContext, handle: Any, error: type[Exception]) -> None:
    """A handle is a text of 400 bytes at most."""
    with pytest.raises(error, match="a handle"):
        context.record(handle)
    assert context.handles == []


def test_a_deadline_is_what_the_test_says(tmp_path: Path) -> None:
    """It is on the monotonic clock, as executors expect it."""
    deadline = time.monotonic() + 5.0
    with FakeRunContext(tmp_path, deadline=deadline) as context:
        assert context.deadline == deadline


def test_it_gives_its_descriptors_back(tmp_path: Path) -> None:
    """Closed, it holds no descriptor, however often that is done; what was written can still be read."""
    context = FakeRunContext(tmp_path)
    descriptors = [context.output.fileno(), context.error_output.fileno(), context.cancelled.fileno()]
    context.output.write(b"x")
    context.close()
    context.close()
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    assert context.written == b"x"
