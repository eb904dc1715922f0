"""Floods: many jobs, and many who enqueue, while workers run; `python -m benchmarks.endurance` has the long ones."""

from __future__ import annotations

import sys

import pytest

from benchmarks.endurance.floods import crowd, flood
from benchmarks.place import Place

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc"),
    pytest.mark.timeout(600),  # very many processes: they take long where others want the processors too
]


def test_every_job_of_a_flood_runs_once(place: Place) -> None:
    """Whoever enqueues is never told that the store is locked, and each job that was acknowledged ran once."""
    result = flood(place, jobs=3_000, workers=4, feeders=3)
    assert result.complaints == []
    assert result.jobs == 3_000


def test_whoever_enqueues_is_served(place: Place) -> None:
    """One after the other, and many at the same time: each job that was acknowledged is stored, and ran once."""
    result = crowd(place, in_turn=30, together=20, workers=2)
    assert result.complaints == []
    assert result.jobs == 50
