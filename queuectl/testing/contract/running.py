"""Running: what an executor makes of a job, of its environment and its output, alone and beside others."""

from __future__ import annotations

import pytest

from queuectl.engine.spool import still_open
from queuectl.model.outcome import Outcome
from queuectl.registry.outcomes import fault_in
from queuectl.testing.contract.bench import Bench, ExecutorFixtures
from queuectl.testing.contract.fixtures import needs
from queuectl.testing.leftovers import each_leaves_something, left_by
from queuectl.testing.patience import remember

_AT_ONCE = 6


class Returning(ExecutorFixtures):
    """The clause that is asked first: where runs do not even end, no other makes sense."""

    def test_a_run_ends(self, bench: Bench, request: pytest.FixtureRequest) -> None:
        """A command that succeeds or fails soon does not keep its run from ending."""
        for command in (self.succeeds, self.fails):
            ended = bench.run(command).call.ended(0.0)
            remember(request, failed=not ended)
            assert ended, f"{command!r} did not end within {self.patience:g} s"


class Outcomes(ExecutorFixtures):
    """The clauses of what `Executor.execute` returns."""

    def test_a_run_has_an_outcome(self, bench: Bench) -> None:
        """What it returns is an `Outcome`; that a command fails is no reason to raise."""
        for command in (self.succeeds, self.fails):
            call = bench.run(command).call
            if call.ended(0.0):
                assert isinstance(call.answer(), Outcome)

    def test_a_success_is_one(self, bench: Bench) -> None:
        """A command that succeeds has exit code 0, no signal, no error, and was in time."""
        outcome = bench.run(self.succeeds).outcome
        assert str(outcome.exit_code) == "0"
        assert (outcome.signal, outcome.error, outcome.timed_out) == (None, None, False)

    def test_an_exit_code_is_told_as_it_is(self, bench: Bench) -> None:
        """A command that fails has its own exit code: `retry-on`, `give-up-on` and `wait` rely on it."""
        assert str(bench.run(self.fails).outcome.exit_code) == str(self.fails_with)

    def test_an_outcome_can_be_stored(self, bench: Bench) -> None:
        """The fields of an outcome have the types that they are declared with, and the outcome says something."""
        for command in (self.succeeds, self.fails):
            outcome = bench.run(command).outcome
            assert fault_in(outcome) is None

    def test_what_cannot_run_fails(self, bench: Bench) -> None:
        """A job that cannot be run ends all the same, in an outcome that is no success, or in an exception."""
        call = bench.run(self.impossible).call
        assert call.ended(0.0), f"{self.impossible!r} did not end within {self.patience:g} s"
        if call.raised is None and isinstance(call.answer(), Outcome):
            assert not call.answer().succeeded

    def test_one_run_does_not_colour_the_next(self, bench: Bench) -> None:
        """An executor serves many jobs one after the other, and each ends in its own way."""
        fails, succeeds, *again = (bench.run(each).ending for each in [self.fails, self.succeeds] * 2)
        assert fails != succeeds
        assert again == [fails, succeeds]

    def test_no_run_leaves_anything_behind(self, bench: Bench) -> None:
        """A worker runs jobs for weeks: none of them leaves a thread, an open file or a process."""

        def run(_: int) -> None:
            bench.run(self.succeeds).context.close()

        assert not each_leaves_something(left_by(run))


class Surroundings(ExecutorFixtures):
    """The clauses of `context.output` and `context.env`."""

    def test_the_output_stays_open(self, bench: Bench) -> None:
        """It does not close the descriptor of `context.output`, which is the worker's; a duplicate it may close."""
        run = bench.run(self.succeeds)
        if run.call.ended(0.0):
            output = run.context.output
            assert still_open(output), "the descriptor of context.output is closed; give os.fdopen a duplicate of it"

    @needs("output")
    def test_what_a_job_writes_is_kept(self, bench: Bench) -> None:
        """What a command writes is in `context.output` by the time its run has ended."""
        run = bench.run(self.writes)
        assert self.written in run.context.written, run.ending

    @needs("output", "environment")
    def test_a_job_has_its_environment(self, bench: Bench) -> None:
        """A command has the variables of `context.env`."""
        if self.written not in bench.run(self.writes).context.written:
            pytest.skip("nothing is written: see test_what_a_job_writes_is_kept")
        run = bench.run(self.tells_environment)
        assert run.job.id.encode() in run.context.written, run.ending


class AtOnce(ExecutorFixtures):
    """The clauses of several runs at the same time, each on a thread of its own."""

    def test_runs_at_once_end_each_in_its_own_way(self, bench: Bench) -> None:
        """Of runs at the same time, each ends as its command does when it is alone."""
        commands = [self.succeeds, self.fails] * (_AT_ONCE // 2)
        alone = {command: bench.run(command).ending for command in commands[:2]}
        runs = bench.ended(*(bench.start(command) for command in commands))
        assert [run.ending for run in runs] == [alone[command] for command in commands]

    @needs("output")
    def test_runs_at_once_write_each_its_own(self, bench: Bench) -> None:
        """Of runs at the same time, each has the output of its own command, and no other's."""
        alone = bench.run(self.writes).context.written.count(self.written)
        runs = bench.ended(*(bench.start(self.writes) for _ in range(_AT_ONCE)))
        assert [run.context.written.count(self.written) for run in runs] == [alone] * _AT_ONCE
