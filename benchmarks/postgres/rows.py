"""The rows that are measured, and who takes part in each."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.postgres import ours
from benchmarks.postgres.server import database
from benchmarks.speed.contest import Budget, Contender, Contest, Measure, Result
from benchmarks.speed.programs import TRUE, compiled, lacks_module, rate, run, stamps

PEERS = Path(__file__).parents[1] / "speed" / "peers"
NAMES = "pgqueuer", "procrastinate"
PICKUPS = 60
MANY = 50


def contests(server: str, jobs: int, waiting: int) -> Sequence[Contest]:
    """Return all rows: each job does nothing, or runs `/bin/true`, with two workers."""
    return [
        _contest(
            "enqueue in bulk, from a program",
            _measured(server, lambda folder, dsn: ours.enqueue(folder, dsn, 5 * jobs)),
            lambda peer: _measured(server, lambda folder, dsn: _bulk(peer, folder, dsn, 5 * jobs)),
        ),
        _work_contest(server, "work: nothing, 2 workers", "nothing", jobs),
        _work_contest(server, "work: /bin/true, 2 workers", "program", jobs),
        _work_contest(server, f"work: nothing, 2 workers, {waiting:,} more waiting", "nothing", jobs, waiting),
        _contest(
            f"work: nothing, {MANY} workers that were waiting",
            _measured(server, lambda folder, dsn: ours.crowd(folder, dsn, jobs, MANY)),
            lambda peer: _measured(server, lambda folder, dsn: _work(peer, folder, dsn, "nothing", jobs, 0, MANY)),
        ),
        _contest(
            "pickup by an idle worker, the median",
            _measured(server, lambda folder, dsn: statistics.median(ours.pickup(folder, dsn, PICKUPS))),
            lambda peer: _measured(server, lambda folder, dsn: _pickup(peer, folder, dsn)),
            unit="ms",
        ),
    ]


def is_ahead(result: Result) -> bool:
    """Whether queuectl was ahead of all that took part, and at work twice as fast as procrastinate."""
    ours = result.median("queuectl")
    budgets = [result.contest.budget]
    budgets += [Budget("procrastinate", 2.0 if "work" in result.contest.title else 1.0, budgets[0].at_most)]
    return all(
        budget.is_kept(ours / result.median(budget.reference))
        for budget in budgets
        if budget.reference in result.values
    )


def _work_contest(server: str, title: str, what: str, jobs: int, waiting: int = 0) -> Contest:
    executor = "subprocess" if what == "program" else "nothing"
    return _contest(
        title,
        _measured(server, lambda folder, dsn: ours.work(folder, dsn, jobs, executor=executor, waiting=waiting)),
        lambda peer: _measured(server, lambda folder, dsn: _work(peer, folder, dsn, what, jobs, waiting)),
    )


def _contest(title: str, measure: Measure, of_peer: Callable[[str], Measure], unit: str = "jobs/s") -> Contest:
    return Contest(
        title=title,
        unit=unit,
        contenders=[
            Contender("queuectl", measure),
            *(Contender(peer, of_peer(peer), lacks_module(peer)) for peer in NAMES),
        ],
        budget=Budget(NAMES[0], 1.0, at_most=unit == "ms"),
        more_is_better=unit != "ms",
    )


def _measured(server: str, act: Callable[[Path, str], float]) -> Measure:
    def measure(folder: Path) -> float:
        with database(server) as dsn:
            return act(folder, dsn)

    return measure


def _bulk(peer: str, folder: Path, dsn: str, jobs: int) -> float:
    return float(json.loads(_said(peer, folder, dsn, TRUE, "enqueue", jobs)[0]))


def _work(peer: str, folder: Path, dsn: str, what: str, jobs: int, waiting: int, workers: int = 2) -> float:
    _said(peer, folder, dsn, TRUE, what, jobs, waiting, workers)
    return rate(stamps(folder / "marks")[:jobs])


def _pickup(peer: str, folder: Path, dsn: str) -> float:
    answered: list[float] = json.loads(_said(peer, folder, dsn, str(compiled("stamp")), "pickup", PICKUPS)[-1])
    taken = [there - here for here, there in zip(answered, stamps(folder / "marks"), strict=True)]
    return 1000 * statistics.median(taken)


def _said(peer: str, folder: Path, dsn: str, program: str, what: str, *numbers: int) -> Sequence[str]:
    script = PEERS / f"with_{peer}.py"
    return run(folder, sys.executable, script, dsn, folder / "marks", program, what, *map(str, numbers)).splitlines()
