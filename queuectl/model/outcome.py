"""An outcome: how one run ended, as the executor tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended.

    `exit_code` is None when a `signal` ended the command, or when it never ran (`error` says why). `timed_out` is
    set when the run was ended because its time was up. `cpu_time` is in seconds (user and system, children included),
    `peak_memory` in bytes, `pid` that of the command; each is None where it is not known.
    """

    exit_code: int | None = None
    signal: int | None = None
    error: str | None = None
    timed_out: bool = False
    cpu_time: float | None = None
    peak_memory: int | None = None
    pid: int | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the run counts as a success: exit code 0, in time, and no error."""
        return self.exit_code == 0 and self.signal is None and not self.timed_out and self.error is None
