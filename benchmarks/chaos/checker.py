"""The checker: reads a history, and says what in it breaks a promise. Pure: it asks nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from benchmarks.chaos.history import History
from benchmarks.chaos.rules import (
    alone,
    cancelled,
    charged,
    counts,
    kept,
    numbers,
    once,
    order,
    recorded,
    retried,
    sound,
    superseded,
    tokens,
    transitions,
    truth,
)

Rule = Callable[[History], Iterable[str]]

RULES: Mapping[str, Rule] = {
    "an acknowledged enqueue is kept until it is done": kept.breaches,
    "no two runs of a job overlap": alone.breaches,
    "a lease has one outcome at most": once.breaches,
    "nothing is accepted from a lease that was superseded": superseded.breaches,
    "attempts count 1, 2, 3": numbers.breaches,
    "each run that began is recorded, and nothing else": recorded.breaches,
    "only runs that their worker survived are charged": charged.breaches,
    "what is recorded is what the command did": truth.breaches,
    "a later run has a higher token": tokens.breaches,
    "a job is as its last transition left it": transitions.breaches,
    "a cancelled job is not started again": cancelled.breaches,
    "a retry that was answered puts its job back": retried.breaches,
    "one worker runs by priority, then in order": order.breaches,
    "the kept counts are right": counts.breaches,
    "store, host and run are sound in the end": sound.breaches,
}
"""What is promised, and the rule that finds where it was not held."""


def check(history: History) -> dict[str, list[str]]:
    """Return what each rule found; only rules that found something are there."""
    found = {promise: list(rule(history)) for promise, rule in RULES.items()}
    return {promise: breaches for promise, breaches in found.items() if breaches}
