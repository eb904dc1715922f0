"""One run from its start to its outcome."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from queuectl import EndingExecutor
from queuectl_subprocess import Subprocess, executor, kernel, spawning
from queuectl_subprocess.executor import SubprocessExecutor

if TYPE_CHECKING:
    from tests.unit.subprocess.conftest import Bench, Run


class TestOutcome:
    """How a run ended."""

    @pytest.mark.parametrize("code", [0, 1, 75, 255])
    def test_exit_code(self, bench: Bench, code: int) -> None:
        """The command's own; only 0 is a success."""
        outcome = bench.run(f"exit {code}").end()
        assert (outcome.exit_code, outcome.signal, outcome.error, outcome.timed_out) == (code, None, None, False)
        assert outcome.succeeded == (code == 0)

    @pytest.mark.parametrize("number", [9, 15, 6])
    def test_signal(self, bench: Bench, number: int) -> None:
        """A command ended by a signal has no exit code."""
        outcome = bench.run(f"kill -{number} $$").end()
        assert (outcome.exit_code, outcome.signal, outcome.succeeded) == (None, number, False)

    def test_what_it_took(self, bench: Bench) -> None:
        """Processor time with that of its children, peak memory in bytes, and the process id."""
        burn = "import time; x = b'x' * (200 * 2**20)\nwhile time.process_time() < 0.2: pass"
        run = bench.run(f'{sys.executable} -Ic "{burn}"; true')
        outcome = run.end()
        assert outcome.cpu_time is not None
        assert outcome.cpu_time >= 0.2
        assert outcome.peak_memory is not None
        assert 200 * 2**20 < outcome.peak_memory < 400 * 2**20
        assert outcome.pid == run.pid

    def test_status_lost(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where somebody else collected the status, the run has failed, and says why."""

        def collected(pid: int, options: int) -> None:
            os.waitpid(pid, options)
            raise ChildProcessError

        monkeypatch.setattr(os, "wait4", collected)
        outcome = bench.run("true").end()
        assert not outcome.succeeded
        assert "exit status was lost" in str(outcome.error)


class TestFullSystem:
    """The system has no room for another process, as while a job forks without end."""

    @pytest.fixture
    def refusals(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Return the errors that the next starts meet."""
        refusals: list[int] = []

        def start(*arguments: object) -> int:
            if refusals:
                number = refusals.pop()
                raise OSError(number, os.strerror(number))
            return original(*arguments)

        original: Callable[..., int] = spawning._posix_spawn
        monkeypatch.setattr(spawning, "_posix_spawn", start)
        return refusals

    def test_it_is_waited_for(self, bench: Bench, refusals: list[int]) -> None:
        """The run is none the worse for it."""
        refusals += [errno.EAGAIN, errno.ENOMEM]
        outcome = bench.run("echo well").end()
        assert (outcome.succeeded, refusals) == (True, [])

    def test_not_for_ever(self, bench: Bench, refusals: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
        """Then the run has failed, and no exit code says that its command did."""
        monkeypatch.setattr(executor, "LONGEST_FULL", 0.2)
        refusals += [errno.EAGAIN] * 100
        outcome = bench.run("true").end()
        assert outcome.exit_code is None
        assert outcome.error == f"cannot start a process: {os.strerror(errno.EAGAIN)}"

    def test_nor_longer_than_the_run_may_take(self, bench: Bench, refusals: list[int]) -> None:
        """Waiting counts."""
        refusals += [errno.EAGAIN] * 1000
        began = time.monotonic()
        assert not bench.run("true", timeout=0.2).end().succeeded
        assert time.monotonic() - began < executor.LONGEST_FULL / 2

    def test_nor_by_who_is_cancelled(self, bench: Bench, refusals: list[int]) -> None:
        """That ends the wait at once."""
        refusals += [errno.EAGAIN] * 1000
        run = bench.start("true")
        bench.until(lambda: len(refusals) < 1000)
        run.cancelled.set()
        assert not run.end().succeeded
        assert len(refusals) > 900

    def test_what_is_wrong_with_the_command_is_told_at_once(self, bench: Bench, refusals: list[int]) -> None:
        """No wait mends that."""
        refusals += [errno.EACCES, errno.EACCES]
        assert bench.run("true").end().exit_code == 126
        assert len(refusals) == 1


class TestOutput:
    """Output goes straight to the files."""

    def test_merged(self, bench: Bench) -> None:
        """Standard output and error are in one file, in the order in which they were written."""
        assert bench.run("echo a; echo b >&2; echo c").lines == ["a", "b", "c"]

    def test_split(self, bench: Bench) -> None:
        """Standard error is kept apart when that is set."""
        run = bench.run("echo a; echo b >&2", split=True)
        assert (run.written, run.errors) == (b"a\n", b"b\n")

    def test_bytes_are_kept(self, bench: Bench) -> None:
        """Whatever they are."""
        run = bench.run([sys.executable, "-Ic", "import sys; sys.stdout.buffer.write(bytes(range(256)) * 100)"])
        assert run.written == bytes(range(256)) * 100

    def test_it_is_appended(self, bench: Bench) -> None:
        """A command that opens its own output anew overwrites nothing."""
        assert bench.run("echo one; echo two > /dev/stdout; echo three").lines[-1] == "three"
        assert bench.run("echo one; sh -c 'echo two' >> /dev/fd/1; echo three").lines == ["one", "two", "three"]

    def test_it_is_there_at_once(self, bench: Bench) -> None:
        """Nothing waits for the end of the run."""
        run = bench.start("echo hello; sleep 60")
        assert run.wrote(lines=1) == ["hello"]
        assert run.outcome is None

    def test_the_background_does_not_hold_the_run(self, bench: Bench) -> None:
        """The run ends with its command; a child that still has the output open lives on."""
        run = bench.run("sleep 60 & echo $!")
        assert run.end().exit_code == 0
        assert bench.is_running(int(run.lines[0]))


class TestRecord:
    """What would outlive the worker is recorded as soon as it is there."""

    def test_before_the_end(self, bench: Bench) -> None:
        """While the command runs."""
        run = bench.start("sleep 60")
        assert bench.is_running(run.pid)
        assert len(run.handle.encode()) <= 400

    def test_refused(self, bench: Bench) -> None:
        """When recording fails, so does the attempt, and the command is gone."""
        seen: list[int] = []

        def refuse(run: Run) -> None:
            seen.append(run.pid)
            raise OSError("no space")

        with pytest.raises(OSError, match="no space"):
            bench.run("sleep 60 & sleep 60", recording=refuse)
        assert not bench.is_running(seen[0])

    def test_without_descriptors(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """When the command cannot be watched, it is ended, and the attempt fails."""

        def exhausted(pid: int) -> None:
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(kernel, "exit_descriptor", exhausted)
        with pytest.raises(OSError, match="Too many open files"):
            bench.run("sleep 60")


class TestManyRuns:
    """Runs do not get in each other's way."""

    def test_one_after_another(self, bench: Bench) -> None:
        """A hundred of them end alike; the bench sees that no descriptor and no process is left."""
        assert [bench.run(["true"]).end().exit_code for _ in range(100)] == [0] * 100

    def test_at_the_same_time(self, bench: Bench) -> None:
        """Each thread gets the status of its own command."""
        runs = [bench.start(f"exit {code}") for code in range(20)]
        assert [run.end().exit_code for run in runs] == list(range(20))

    def test_on_any_thread(self, bench: Bench) -> None:
        """The main thread and others alike."""
        assert threading.current_thread() is threading.main_thread()
        assert bench.run("exit 3").end() != bench.start("exit 4").end()

    def test_it_can_end_what_it_ran(self) -> None:
        """The core may ask it to."""
        assert isinstance(SubprocessExecutor(Subprocess()), EndingExecutor)
