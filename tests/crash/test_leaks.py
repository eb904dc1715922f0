"""Leaks: a worker holds no more of anything after many jobs; `python -m benchmarks.endurance leaks` takes more."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from benchmarks.endurance.leaks import COUNTED, LOG_BOUND, Sample, complaints, watch
from benchmarks.place import Place

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is looked up in /proc"),
    pytest.mark.timeout(600),  # very many processes: they take long where others want the processors too
]

JOBS = 1_500


@pytest.mark.parametrize(("concurrency", "distinct"), [(1, False), (4, True)], ids=["alike", "distinct"])
def test_a_worker_holds_no_more_and_more(place: Place, concurrency: int, *, distinct: bool) -> None:
    """Memory, descriptors, threads, zombies and files, and the log of the store, also where no two jobs are alike."""
    samples = watch(place, jobs=JOBS, concurrency=concurrency, samples=40, distinct=distinct)
    assert [*complaints(samples)] == []


FLAT = [Sample(done, 40 * 2**20, 20, 5, 0, 2, 1, 6, 2**20) for done in range(0, 1001, 20)]
IDLE = replace(FLAT[-1], logs=0)


def test_what_is_flat_is_not_complained_of() -> None:
    """Nor is what grows in the beginning, or a little."""
    early = [replace(sample, memory=2**20, descriptors=1) if sample.done < 250 else sample for sample in FLAT]
    late = [replace(sample, threads=7) if sample.done > 700 else sample for sample in early]
    assert [*complaints([*late, IDLE])] == []


@pytest.mark.parametrize("until", [0.5, 0.75])
def test_who_looked_too_seldom_finds_nothing(until: float) -> None:
    """Where others wanted the processors while the second quarter ran, or the third as well."""
    seldom = [sample for sample in FLAT if not 250 <= sample.done < until * 1000]
    assert [*complaints([*seldom, IDLE])] == []


@pytest.mark.parametrize("name", ["memory", *COUNTED])
def test_what_grows_is_complained_of(name: str) -> None:
    """By its name."""
    growing = [
        replace(each, **{name: int(getattr(each, name) * (1 + each.done / 2000)) + each.done // 50}) for each in FLAT
    ]
    (complaint,) = complaints([*growing, IDLE])
    assert complaint.startswith(f"{name} grow")


@pytest.mark.parametrize(("name", "value"), [("zombies", 1), ("logs", 1), ("run", 3), ("log", LOG_BOUND + 1)])
def test_what_is_left_over_is_complained_of(name: str, value: int) -> None:
    """When nothing runs any more."""
    assert len([*complaints([*FLAT, replace(IDLE, **{name: value})])]) == 1
