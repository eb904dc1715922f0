"""How a run is ended when its time is up, or when it is cancelled."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from queuectl_subprocess import kernel, watching

if TYPE_CHECKING:
    from tests.unit.subprocess.conftest import Bench, Run

STUBBORN = "trap '' TERM; echo ready; while :; do sleep 60; done"


class TestTimeout:
    """The whole session gets SIGTERM, then SIGKILL."""

    def test_in_time(self, bench: Bench) -> None:
        """A command that ends before its time is up has not timed out."""
        outcome = bench.run("true", timeout=60).end()
        assert (outcome.exit_code, outcome.timed_out) == (0, False)

    def test_out_of_time(self, bench: Bench) -> None:
        """It gets SIGTERM, and the outcome tells both."""
        outcome = bench.run("exec sleep 60", timeout=0.1).end()
        assert (outcome.timed_out, outcome.signal, outcome.exit_code, outcome.succeeded) == (True, 15, None, False)

    def test_no_time_at_all(self, bench: Bench) -> None:
        """A deadline that is past already ends the command at once."""
        assert bench.run("exec sleep 60", timeout=-1.0).end().timed_out

    def test_it_may_clean_up(self, bench: Bench) -> None:
        """A command that catches SIGTERM gets to its end, and its exit code is kept."""
        run = bench.run("trap 'echo cleaning; exit 3' TERM; echo ready; sleep 60 & wait", ready=1, timeout=0.1)
        assert run.lines == ["ready", "cleaning"]
        outcome = run.end()
        assert (outcome.timed_out, outcome.exit_code, outcome.succeeded) == (True, 3, False)

    def test_success_too_late_is_none(self, bench: Bench) -> None:
        """Exit code 0 after the time is up is no success."""
        outcome = bench.run("trap 'exit 0' TERM; echo ready; sleep 60 & wait", ready=1, timeout=0.1).end()
        assert (outcome.timed_out, outcome.exit_code, outcome.succeeded) == (True, 0, False)

    def test_it_may_not_refuse(self, bench: Bench) -> None:
        """A command that ignores SIGTERM gets SIGKILL after `kill_after`, not before."""
        run = bench.start(STUBBORN, ready=1, timeout=0.1, kill_after=0.5)
        outcome = run.end()
        assert (outcome.timed_out, outcome.signal) == (True, 9)
        assert run.deadline is not None
        assert time.monotonic() - run.deadline >= 0.45

    def test_all_of_its_group(self, bench: Bench) -> None:
        """Children and their children end with it."""
        run = bench.start("sleep 60 & echo $!; (sleep 60 & echo $!; wait) & wait", ready=2, timeout=0.1)
        pids = [int(pid) for pid in run.wrote(lines=2)]
        assert run.end().timed_out
        bench.until(lambda: not any(bench.is_running(pid) for pid in pids))

    def test_groups_of_its_own_making(self, bench: Bench) -> None:
        """`timeout` opens a group of its own, which is of the session all the same."""
        stubborn = 'trap "" TERM; echo $$; while :; do sleep 60; done'
        within = "timeout 300 sh -c"
        command = f"{within} 'echo $$; exec sleep 60' & {within} '{stubborn}' & wait"
        found: list[tuple[int, int, int]] = []

        def look(run: Run) -> None:
            found.extend((pid, os.getsid(pid), os.getpgid(pid)) for pid in map(int, run.wrote(lines=2)))

        run = bench.start(command, recording=look, timeout=0.1, kill_after=0.5)
        assert run.end().timed_out
        assert [session for _, session, _ in found] == [run.pid] * 2
        assert run.pid not in {group for _, _, group in found}
        assert not any(bench.is_running(pid) for pid, *_ in found)

    def test_one_that_a_look_passed_over(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever forks while the others are killed is found by the next look."""
        stubborn = "timeout 300 sh -c 'trap \"\" TERM; echo $$; while :; do sleep 60; done'"
        processes, looks = kernel.processes, iter(range(1000))

        def pass_over(run: Run) -> None:
            late = os.getpgid(int(run.wrote(lines=2)[0]))

            def look() -> list[kernel.Process]:
                killing = next(looks) == 2  # after SIGTERM and SIGCONT
                return [process for process in processes() if not (killing and process.group == late)]

            monkeypatch.setattr(kernel, "processes", look)

        run = bench.start(f"{stubborn} & {stubborn} & wait", recording=pass_over, timeout=0.1, kill_after=0)
        assert run.end().timed_out
        assert next(looks) > 2
        assert not any(bench.is_running(int(pid)) for pid in run.lines)

    def test_who_left_its_session(self, bench: Bench) -> None:
        """Is not the job any more: a daemon that it started lives on."""
        run = bench.start("setsid -f sh -c 'echo $$; exec sleep 60'; sleep 60", ready=1, timeout=0.1, kill_after=0.2)
        (daemon,) = (int(pid) for pid in run.wrote(lines=1))
        assert run.end().timed_out
        assert bench.is_running(daemon)

    def test_those_who_outlive_the_leader(self, bench: Bench) -> None:
        """A child that ignores SIGTERM is killed after `kill_after`, though the command itself has ended before."""
        stubborn = "trap '' TERM; echo $$; while :; do sleep 60; done"
        run = bench.start(f"sh -c '{stubborn.replace(chr(39), chr(34))}' & wait", ready=1, timeout=0.1, kill_after=0.6)
        child = int(run.wrote(lines=1)[0])
        outcome = run.end()
        assert (outcome.timed_out, outcome.signal) == (True, 15)
        bench.until(lambda: not bench.is_running(child))

    def test_those_who_clean_up_after_the_leader(self, bench: Bench) -> None:
        """A child that needs a moment for its end gets it, and nobody waits for longer than that."""
        child = "import signal, sys, time\ndef end(*_): time.sleep(0.3); print(2, flush=True); sys.exit()"
        wait = "signal.signal(signal.SIGTERM, end); print(1, flush=True); time.sleep(60)"
        run = bench.start(f'{sys.executable} -Ic "{child}\n{wait}" & wait', ready=1, timeout=0.1, kill_after=15)
        assert run.end().timed_out
        assert run.lines == ["1", "2"]

    def test_one_that_is_stopped(self, bench: Bench) -> None:
        """A stopped command is woken to hear SIGTERM."""
        command = "trap 'exit 4' TERM; echo ready; kill -STOP $$; exit 5"
        run = bench.run(command, ready=1, timeout=0.3, kill_after=15)
        assert run.end().exit_code in {4, 5}


class TestCancel:
    """A cancelled run ends soon, and is no time-out."""

    def test_it_gets_sigterm(self, bench: Bench) -> None:
        """First of all."""
        run = bench.start("trap 'echo cleaning; exit 3' TERM; echo ready; sleep 60 & wait")
        run.wrote(lines=1)
        run.cancelled.set()
        outcome = run.end()
        assert (outcome.exit_code, outcome.timed_out) == (3, False)
        assert run.lines == ["ready", "cleaning"]

    def test_it_may_not_refuse(self, bench: Bench) -> None:
        """SIGKILL does not wait for `kill_after`, since a worker ends a cancelled job within one second."""
        run = bench.start(STUBBORN, kill_after=3600)
        run.wrote(lines=1)
        run.cancelled.set()
        outcome = run.end()
        assert (outcome.signal, outcome.timed_out) == (9, False)

    def test_kill_after_may_be_shorter(self, bench: Bench) -> None:
        """With none at all, SIGKILL follows at once."""
        run = bench.start(STUBBORN, kill_after=0)
        run.wrote(lines=1)
        run.cancelled.set()
        assert run.end().signal == 9

    def test_during_a_time_out(self, bench: Bench) -> None:
        """It cuts the time of grace short; the run has timed out all the same."""
        run = bench.start(STUBBORN, ready=1, timeout=0.1, kill_after=3600)
        bench.until(lambda: run.deadline is not None and time.monotonic() > run.deadline + 0.2)
        assert run.outcome is None
        run.cancelled.set()
        outcome = run.end()
        assert (outcome.signal, outcome.timed_out) == (9, True)

    def test_before_the_start(self, bench: Bench) -> None:
        """A run that is cancelled already ends like any other."""
        run = bench.start("exec sleep 60", recording=lambda run: run.cancelled.set())
        assert run.end().signal == 15

    def test_after_the_end(self, bench: Bench) -> None:
        """A command that has ended when the cancel is seen has ended by itself."""

        def end_first(run: Run) -> None:
            bench.until(lambda: not bench.is_running(run.pid))
            run.cancelled.set()

        run = bench.start("exit 0", recording=end_first)
        assert run.end().exit_code == 0


class TestWithoutExitDescriptors:
    """Where the kernel tells nobody of an exit, the run looks for it."""

    @pytest.fixture(autouse=True)
    def no_descriptors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take them away."""
        monkeypatch.setattr(kernel, "exit_descriptor", lambda pid: None)

    def test_it_ends(self, bench: Bench) -> None:
        """With its exit code, however long it takes."""
        assert bench.run("exit 3").end().exit_code == 3
        assert bench.run("sleep 0.3; exit 4").end().exit_code == 4

    def test_its_time_is_up(self, bench: Bench) -> None:
        """As ever."""
        outcome = bench.run(STUBBORN, ready=1, timeout=0.1, kill_after=0.2).end()
        assert (outcome.signal, outcome.timed_out) == (9, True)

    def test_it_is_cancelled(self, bench: Bench) -> None:
        """As ever."""
        run = bench.start("echo ready; exec sleep 60")
        run.wrote(lines=1)
        run.cancelled.set()
        assert run.end().signal == 15


def test_a_cancel_leaves_time_for_the_worker() -> None:
    """The worker has one second in all."""
    assert watching.CANCEL_GRACE <= 0.5
