"""Charts as SVG, drawn by the server: no style attribute, no script, and a table of the same numbers beside each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from queuectl import Bucket

WIDTH, HEIGHT = 720.0, 150.0
GAP = 0.22
"""The part of a step that stays empty."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of time: where its parts are, and what they count."""

    x: float
    width: float
    completed_y: float
    completed_height: float
    failed_y: float
    failed_height: float
    bucket: Bucket


@dataclass(frozen=True, slots=True)
class Chart:
    """Runs over time, stacked; `top` is what the highest line of the grid counts."""

    bars: tuple[Bar, ...]
    top: int
    width: float = WIDTH
    height: float = HEIGHT

    @property
    def completed(self) -> int:
        """All that were completed."""
        return sum(bar.bucket.completed for bar in self.bars)

    @property
    def failed(self) -> int:
        """All that failed."""
        return sum(bar.bucket.failed for bar in self.bars)

    @property
    def failure_rate(self) -> float | None:
        """The part of the runs that failed; None when there were none."""
        runs = self.completed + self.failed
        return self.failed / runs if runs else None


def chart_of(buckets: Sequence[Bucket]) -> Chart:
    """Draw buckets."""
    top = round_up(max((bucket.completed + bucket.failed for bucket in buckets), default=0))
    step = WIDTH / max(len(buckets), 1)
    return Chart(tuple(_bar(index, bucket, step, top) for index, bucket in enumerate(buckets)), top)


def round_up(count: int) -> int:
    """Return the least of 2, 4, 6, 8, 10, 20, 40, 60 … that is not below a number: even, for a line in the middle."""
    unit = 1
    while unit * 10 < count:
        unit *= 10
    return next(top * unit for top in (2, 4, 6, 8, 10) if top * unit >= count)


def _bar(index: int, bucket: Bucket, step: float, top: int) -> Bar:
    failed, completed = (HEIGHT * count / top for count in (bucket.failed, bucket.completed))
    return Bar(
        x=round((index + GAP / 2) * step, 2),
        width=round(step * (1 - GAP), 2),
        completed_y=round(HEIGHT - completed, 2),
        completed_height=round(completed, 2),
        failed_y=round(HEIGHT - completed - failed, 2),
        failed_height=round(failed, 2),
        bucket=bucket,
    )
