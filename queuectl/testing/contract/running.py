"""Running: what an executor makes of a job, of its environment and its output, alone and beside others."""

from __future__ import annotations

from queuectl.model.outcome import Outcome
from queuectl.testing.contract.bench import Bench, ExecutorFixtures
from queuectl.testing.contract.fixtures import needs

_AT_ONCE = 6


class Outcomes(ExecutorFixtures):
    """The clauses of `Outcome`."""

    def test_a_run_ends(self, bench: Bench) -> None:
        """A command that succeeds or fails soon does not keep its run from ending."""
        for command in (self.succeeds, self.fails):
            assert bench.run(command).call.ended(0.0), f"{command!r} did not end within {self.patience:g} s"

    def test_a_run_has_an_outcome(self, bench: Bench) -> None:
        """What it returns is an `Outcome`; a command that merely fails is no reason to raise."""
        for command in (self.succeeds, self.fails):
            call = bench.run(command).call
            if call.ended(0.0):
                assert isinstance(call.answer(), Outcome)

    def test_a_success_is_one(self, bench: Bench) -> None:
        """A command that succeeds has exit code 0, no signal, no error, and was in time."""
        outcome = bench.outcome(self.succeeds)
        assert str(outcome.exit_code) == "0"
        assert (outcome.signal, outcome.error, outcome.timed_out) == (None, None, False)

    def test_an_exit_code_is_told_as_it_is(self, bench: Bench) -> None:
        """A command that fails has its own exit code: `retry-on` and `wait` rely on it."""
        assert str(bench.outcome(self.fails).exit_code) == str(self.fails_with)

    def test_an_outcome_can_be_stored(self, bench: Bench) -> None:
        """The fields of an outcome have the types that they are declared with."""
        for command in (self.succeeds, self.fails):
            outcome = bench.outcome(command)
            assert [name for name in ("exit_code", "signal", "peak_memory", "pid") if _is_odd(outcome, name, int)] == []
            assert not _is_odd(outcome, "error", str)
            assert not _is_odd(outcome, "cpu_time", float, int)
            assert isinstance(outcome.timed_out, bool)

    def test_what_cannot_run_fails(self, bench: Bench) -> None:
        """A job that cannot be run ends all the same, in an outcome that is no success, or in an exception."""
        call = bench.run(self.impossible).call
        assert call.ended(0.0), f"{self.impossible!r} did not end within {self.patience:g} s"
        if call.raised is None:
            assert not call.answer().succeeded

    def test_one_run_does_not_colour_the_next(self, bench: Bench) -> None:
        """An executor serves many jobs one after the other, and each ends in its own way."""
        commands = (self.succeeds, self.fails, self.impossible, self.fails, self.succeeds)
        alone = {command: _told(bench, command) for command in (self.fails, self.succeeds)}
        told = [_told(bench, command) for command in commands]
        assert told == [alone.get(command, each) for command, each in zip(commands, told, strict=True)]


class Surroundings(ExecutorFixtures):
    """The clauses of `context.output` and `context.env`."""

    @needs("output")
    def test_what_a_job_writes_is_kept(self, bench: Bench) -> None:
        """What a command writes is in `context.output` by the time its run has ended."""
        run = bench.run(self.writes)
        run.outcome(self.patience)
        assert self.written in run.context.written

    @needs("output", "environment")
    def test_a_job_has_its_environment(self, bench: Bench) -> None:
        """A command has the variables of `context.env`."""
        run = bench.run(self.tells_environment)
        run.outcome(self.patience)
        assert run.job.id.encode() in run.context.written


class AtOnce(ExecutorFixtures):
    """The clauses of several runs at the same time, each on a thread of its own."""

    def test_runs_at_once_end_each_in_its_own_way(self, bench: Bench) -> None:
        """Of runs at the same time, each has the outcome of its own command."""
        runs = [bench.start((self.succeeds, self.fails)[number % 2]) for number in range(_AT_ONCE)]
        codes = [str(run.outcome(self.patience).exit_code) for run in runs]
        assert codes == ["0", str(self.fails_with)] * (_AT_ONCE // 2)

    @needs("output")
    def test_runs_at_once_write_each_its_own(self, bench: Bench) -> None:
        """Of runs at the same time, each has the output of its own command, and no other's."""
        runs = [bench.start(self.writes) for _ in range(_AT_ONCE)]
        for run in runs:
            run.outcome(self.patience)
        assert [run.context.written.count(self.written) for run in runs] == [1] * _AT_ONCE


def _is_odd(outcome: Outcome, name: str, *kinds: type) -> bool:
    value = getattr(outcome, name)
    return value is not None and (isinstance(value, bool) or not isinstance(value, kinds))


def _told(bench: Bench, command: object) -> str:
    call = bench.run(command).call  # type: ignore[arg-type]
    if call.raised is not None:
        return type(call.raised).__name__
    outcome = call.answer()
    return f"{outcome.exit_code} {outcome.signal} {outcome.error} {outcome.timed_out}"
