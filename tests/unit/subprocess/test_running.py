"""What is recorded of a command."""

from __future__ import annotations

import pytest

from queuectl_subprocess.kernel import Process
from queuectl_subprocess.running import Running

RUNNING = Running(7, 100, 102, "e3b0", "inc.12")


class TestText:
    """It is recorded as a short text."""

    def test_there_and_back(self) -> None:
        """The text gives the same again, also where the lease is empty or of another form."""
        for lease in ("inc.12", "", "a:b"):
            running = Running(7, 100, 102, "e3b0", lease)
            assert Running.parse(str(running)) == running

    def test_it_is_short(self) -> None:
        """A handle has at most 400 bytes."""
        longest = Running(2**22, 2**63, 2**63, "d7f0fda7-215d-4c86-b335-6a5b5d012586", f"{'x' * 128}.{2**63}")
        assert len(str(longest).encode()) <= 400

    @pytest.mark.parametrize("text", ["", "7", "a:b:c:d:e", "1:2:3", "container abc"])
    def test_another_s(self, text: str) -> None:
        """What another executor recorded is refused."""
        with pytest.raises(ValueError, match="not a handle of the subprocess executor"):
            Running.parse(text)


class TestIdentity:
    """A number alone names nobody."""

    @pytest.mark.parametrize(
        ("pid", "start", "same"), [(7, 100, True), (7, 102, True), (7, 99, False), (7, 103, False), (8, 101, False)]
    )
    def test_is_leader(self, pid: int, start: int, same: bool) -> None:
        """The number and the time of the start must agree."""
        assert RUNNING.is_leader(Process(pid, 1, pid, pid, start)) == same
