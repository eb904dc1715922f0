"""What is told of a run in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.chaos.history import History

SHOWN = 10
"""How many breaches of one promise are shown."""

LONGEST = 400


def summary(history: History) -> Iterator[str]:
    """Yield the lines that say how much happened."""
    jobs = history.final.jobs
    results = Counter(record.result for job in jobs for record in job.records)
    lost = sum(job.state == "dead" and bool(job.records) and job.records[-1].result == "lost" for job in jobs)
    killed = Counter(line.role for line in history.signals if line.signal == "SIGKILL")
    others = Counter(f"{line.signal} to {line.role}" for line in history.signals if line.signal != "SIGKILL")
    yield f"jobs       {len(jobs)}: {_list(Counter(job.state for job in jobs))}"
    yield f"runs       {sum(results.values())}: {_list(results)}"
    yield f"commands   {len(history.runs)} began, {sum(run.end is None for run in history.runs)} of them were killed"
    yield f"kills      {sum(killed.values())}: {_list(killed)}"
    yield f"signals    {sum(others.values())}: {_list(others)}"
    yield f"take-overs {len(history.missed)} of workers; {lost} jobs were given up after too many lost runs"
    yield f"typed      {len(history.orders)}: {_list(Counter(order.action for order in history.orders))}"


def complaint(breaches: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the lines that say how many breaches there are, of which promises, and where."""
    yield f"breaches   {sum(map(len, breaches.values()))}"
    for promise, places in breaches.items():
        yield f"BROKEN     {promise}: {len(places)}"
        yield from (f"             {_shorten(place)}" for place in places[:SHOWN])


def _shorten(place: str) -> str:
    return place if len(place) <= LONGEST else f"{place[:LONGEST]} …"


def _list(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
