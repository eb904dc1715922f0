"""What is wrong with many jobs, told at once: whoever mends a file wants to do it in one go."""

from __future__ import annotations

from queuectl.errors import UsageError

MOST = 20
"""How many jobs with something wrong are told of."""


class Complaints:
    """Gathers errors, and becomes one."""

    def __init__(self) -> None:
        self._errors: list[UsageError] = []

    def add(self, error: UsageError) -> None:
        """Keep an error. Raises all of them as one when there are more than are worth telling."""
        self._errors.append(error)
        if len(self._errors) > MOST:
            self.raise_any()

    def raise_any(self) -> None:
        """Raise all as one error: the first with its hint, each further one a line below it."""
        if not self._errors:
            return
        first, *rest = self._errors
        lines = [error.message for error in rest[: MOST - 1]]
        more = ["… and more like these"] if len(rest) >= MOST else []
        raise UsageError(first.message, hint=first.hint, details=[*first.details, *lines, *more]) from None
