"""What is recorded of a command that runs: enough to find it, and to know it from one that got its number later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from queuectl_subprocess import kernel


@dataclass(frozen=True, slots=True)
class Running:
    """The leader of a command's session and group.

    It started between `earliest` and `latest` on the clock of `kernel.now`, within `boot`. Each process of the command
    that kept its environment has `lease` there, as `QUEUECTL_LEASE`; it is empty when the command was given none.
    """

    pid: int
    earliest: int
    latest: int
    boot: str
    lease: str

    def __str__(self) -> str:
        """Write it as the text to record."""
        return f"{self.pid}:{self.earliest}:{self.latest}:{self.boot}:{self.lease}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a recorded text; raises ValueError for any other."""
        try:
            pid, earliest, latest, boot, lease = text.split(":", 4)
            return cls(int(pid), int(earliest), int(latest), boot, lease)
        except ValueError:
            raise ValueError(f"not a handle of the subprocess executor: {text!r}") from None

    def is_leader(self, process: kernel.Process) -> bool:
        """Whether a process is the one that was recorded, and not another that got its number."""
        return process.pid == self.pid and self.earliest <= process.start <= self.latest
