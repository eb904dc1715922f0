"""What goes wrong around a run: stops that last, outcomes that cannot be stored, output that cannot be read."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from queuectl.engine import spool as spooling
from queuectl.engine.desk import Desk
from queuectl.engine.runner import _checked, _escaped, _storable
from queuectl.engine.spool import Spool
from queuectl.model.attempt import Output
from queuectl.model.lease import Verdict
from queuectl.model.outcome import Outcome
from queuectl.registry.blame import brief


def _claim(token: int) -> Any:
    return SimpleNamespace(lease=SimpleNamespace(token=token))


class TestHardening:
    """A worker and its jobs outlive it."""

    def test_a_claim_that_waited_too_long_is_given_back_and_not_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Somebody else may have the job: the worker was stopped."""
        desk = Desk()
        desk.add([_claim(1)])
        later = time.monotonic() + 60.0
        monkeypatch.setattr(time, "monotonic", lambda: later)
        desk.add([_claim(2)])
        taken = desk.take(younger_than=15.0)
        assert taken is not None
        assert taken.lease.token == 2
        (ended,) = desk.take_ended()
        assert (ended.claim.lease.token, ended.decision.verdict) == (1, Verdict.RELEASED)

    def test_half_a_surrogate_pair_in_an_error_is_escaped(self) -> None:
        """Neither ledger nor storage takes it."""
        assert _escaped(Outcome(error="no \udcff")).error == r"no \udcff"
        assert _storable(brief(OSError("no \udcff"))) == r"OSError: no \udcff"

    def test_an_error_that_cannot_tell_itself_is_told_all_the_same(self) -> None:
        """An exception may fail at telling what it is."""

        class MuteError(Exception):
            def __str__(self) -> str:
                raise ValueError

        assert brief(MuteError()) == "MuteError, which cannot be told"

    @pytest.mark.parametrize("outcome", [Outcome(exit_code=2**70), Outcome(signal=-(2**70)), Outcome(error=7)])  # type: ignore[arg-type]
    def test_an_outcome_that_no_storage_takes_is_a_failure_that_says_so(self, outcome: Outcome) -> None:
        """It would make each settlement of the worker fail."""
        assert "x returned an outcome with" in str(_checked(outcome, "x").error)

    def test_output_that_cannot_be_read_costs_no_outcome(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the command did stays done."""
        spool = Spool(tmp_path, "w", 1)

        def fail(*_: object) -> Output:
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(spooling, "collect", fail)
        assert spool.close() == Output()
