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
    final = history.final
    states = Counter(job.state for job in final.jobs)
    results = Counter(record.result for job in final.jobs for record in job.records)
    signals = Counter((line.signal, line.role) for line in history.signals)
    kills = sum(count for (name, _), count in signals.items() if name == "SIGKILL")
    yield f"jobs       {len(final.jobs)}: {_list(states)}"
    yield f"runs       {sum(results.values())}: {_list(results)}"
    yield f"commands   {len(history.runs)} began, {sum(run.end is None for run in history.runs)} of them were killed"
    yield f"kills      {kills}"
    yield f"signals    {_list({f'{name} to {role}': count for (name, role), count in signals.items()})}"
    yield f"typed      {_list(Counter(order.action for order in history.orders))}"


def complaint(breaches: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the lines that say which promises were broken, and where."""
    for promise, places in breaches.items():
        yield f"BROKEN     {promise}: {len(places)}"
        yield from (f"             {_shorten(place)}" for place in places[:SHOWN])


def _shorten(place: str) -> str:
    return place if len(place) <= LONGEST else f"{place[:LONGEST]} …"


def _list(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
