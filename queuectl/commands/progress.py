"""A progress bar that stays away from short work, from pipes and from scripts."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from queuectl.commands.terminal import has_color, is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

PATIENCE = 0.2
"""Seconds of work before a bar appears."""


class Progress:
    """Use as a context manager and call `advance`; off a terminal it does nothing."""

    def __init__(self, total: int | None, label: str, *, color: bool | None = None) -> None:
        self._total = total
        self._label = label
        self._color = color
        self._done = 0
        self._bar: Bar | None = None
        self._due = time.monotonic() + PATIENCE if is_terminal(sys.stderr) else float("inf")

    def advance(self, n: int = 1) -> None:
        """Count `n` more pieces of work as done."""
        self._done += n
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done)
        elif time.monotonic() >= self._due:
            self._show()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        console = Console(file=sys.stderr, no_color=not has_color(sys.stderr, self._color), markup=False)
        label = TextColumn("{task.description}", markup=False)
        columns = (label, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, console=console, transient=True)
        self._bar.add_task(self._label, total=self._total, completed=self._done)
        self._bar.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
