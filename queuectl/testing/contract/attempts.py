"""Attempts: what is kept of each run, and of its output."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from queuectl.model.attempt import OUTPUT_TAIL, Output, Result
from queuectl.model.lease import Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.query import Action
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    claim_one,
    complete,
    enqueue_and_claim,
    enqueue_and_claim_again,
    ran,
    register,
    settle,
    stored,
)


class Attempts:
    """The clauses of attempts and their output."""

    def test_a_run_is_kept_as_an_attempt(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """An attempt tells all of its run: result, outcome, times, and who ran it where."""
        claim = enqueue_and_claim(storage, register(storage, "worker-9", host="host-9", pid=999))
        outcome = Outcome(
            exit_code=None, signal=9, error="timed out", timed_out=True, cpu_time=1.25, peak_memory=2**33, pid=4242
        )
        run = replace(ran(claim, Result.FAILED, started_ago=30.0, ended_ago=0.5), outcome=outcome)
        settle(storage, claim, Verdict.FAILED, run=run, charge=True)
        (attempt,) = storage.attempts("a")
        assert (attempt.job, attempt.number, attempt.result, attempt.outcome) == ("a", 1, Result.FAILED, outcome)
        assert (attempt.worker, attempt.host, attempt.worker_pid) == ("worker-9", "host-9", 999)
        assert attempt.started_at == pytest.approx(clock.now - 30.0, abs=0.002)
        assert attempt.finished_at == pytest.approx(clock.now - 0.5, abs=0.002)

    def test_attempts_are_numbered_for_ever(self, storage: Storage, worker: str) -> None:
        """Numbers count 1, 2, 3 … over failures, losses and retries by hand; oldest first."""
        for verdict in (Verdict.FAILED, Verdict.LOST, Verdict.RELEASED, Verdict.DEAD):
            assert settle(storage, enqueue_and_claim_again(storage, worker), verdict, charge=True)
        storage.change(Action.RETRY, ["a"])
        complete(storage, claim_one(storage, worker))
        attempts = storage.attempts("a")
        assert [attempt.number for attempt in attempts] == [1, 2, 3, 4, 5]
        results = ["failed", "lost", "released", "failed", "completed"]
        assert [attempt.result.value for attempt in attempts] == results

    def test_an_unknown_job_has_no_attempts(self, storage: Storage) -> None:
        """There are no attempts of a job that is not stored, and no output."""
        assert list(storage.attempts("nothing")) == []
        assert storage.output("nothing", 1) is None

    def test_output_comes_back_byte_by_byte(self, storage: Storage, worker: str) -> None:
        """Tails are bytes, whatever stands in them, up to `OUTPUT_TAIL` each; sizes and paths come back too."""
        output = Output(
            tail=bytes(range(256)) * (OUTPUT_TAIL // 256),
            size=10**12,
            path="/data/logs/w-1.out",
            error_tail=os.urandom(1000) + b"\x00\xff\xfe",
            error_size=1003,
            error_path="/data/logs/w-1.err",
        )
        claim = enqueue_and_claim(storage, worker)
        settle(storage, claim, Verdict.COMPLETED, run=ran(claim, exit_code=0, output=output))
        assert storage.output("a", 1) == output
        (attempt,) = storage.attempts("a")
        assert (attempt.output_size, attempt.output_path) == (10**12, "/data/logs/w-1.out")

    def test_a_run_that_wrote_nothing_has_an_empty_output(self, storage: Storage, worker: str) -> None:
        """An attempt without output has one of no bytes; an attempt that never was has none."""
        complete(storage, enqueue_and_claim(storage, worker))
        assert storage.output("a", 1) == Output()
        assert storage.output("a", 2) is None

    def test_standard_error_apart_may_be_empty(self, storage: Storage, worker: str) -> None:
        """No standard error apart is None, an empty one is empty."""
        claim = enqueue_and_claim(storage, worker)
        settle(storage, claim, Verdict.COMPLETED, run=ran(claim, exit_code=0, output=Output(error_tail=b"")))
        assert storage.output("a", 1) == Output(error_tail=b"")

    def test_each_attempt_has_its_own_output(self, storage: Storage, worker: str) -> None:
        """Outputs are kept for each attempt."""
        for number in (1, 2, 3):
            claim = enqueue_and_claim_again(storage, worker)
            run = ran(claim, Result.FAILED, output=Output(tail=b"run %d" % number, size=5))
            settle(storage, claim, Verdict.FAILED, run=run)
        tails = [output.tail for number in (1, 2, 3) if (output := storage.output("a", number))]
        assert tails == [b"run 1", b"run 2", b"run 3"]

    def test_errors_may_be_long(self, storage: Storage, worker: str) -> None:
        """An error is a text of any length and script."""
        error = "größer 😀\n" * 10_000
        claim = enqueue_and_claim(storage, worker)
        settle(storage, claim, Verdict.DEAD, run=ran(claim, Result.FAILED, error=error))
        assert stored(storage, "a").error == error
        assert storage.attempts("a")[0].outcome.error == error
