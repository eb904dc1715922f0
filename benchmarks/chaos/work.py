"""The jobs of a storm: short ones, long ones, such as fail, such as will not end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

NEVER = 1_000_000
"""An attempt that no job comes to: it fails until then."""

Deed = tuple[str, int, int, int]
"""Style, milliseconds, exit code, and the attempt from which on it succeeds."""


def jobs(random: Random, command: Sequence[str], ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return jobs with these ids, as JSON has them."""
    return [_job(random, command, id) for id in ids]


def _job(random: Random, command: Sequence[str], id: str) -> dict[str, Any]:
    kind = random.choices(tuple(_KINDS), weights=[weight for weight, _ in _KINDS.values()])[0]
    deed, options = _KINDS[kind][1](random)
    options.setdefault("max_retries", 5)
    if random.random() < 0.2:
        options["priority"] = random.randint(-5, 5)
    queue = random.choice(("default", "default", "mail", "bulk"))
    return {"id": id, "command": [*command, *map(str, deed)], "queue": queue, "tags": [kind], **options}


Made = tuple[Deed, dict[str, Any]]


def _quick(random: Random) -> Made:
    return ("plain", 0, 0, 0), {}


def _short(random: Random) -> Made:
    return ("plain", random.randint(5, 60), 0, 0), {}


def _flaky(random: Random) -> Made:
    return ("plain", random.randint(0, 20), 75, random.randint(2, 4)), {}


def _hopeless(random: Random) -> Made:
    return ("plain", 0, 3, NEVER), {"max_retries": random.randint(0, 2)}


def _long(random: Random) -> Made:
    return ("plain", random.randint(200, 2000), 0, 0), {}


def _family(random: Random) -> Made:
    return ("family", random.randint(50, 1500), 0, 0), {}


def _stubborn(random: Random) -> Made:
    return ("stubborn", random.randint(50, 1500), 0, 0), {}


def _polite(random: Random) -> Made:
    return ("polite", random.randint(50, 1500), 0, 0), {}


def _endless(random: Random) -> Made:
    style = random.choice(("plain", "stubborn", "polite", "family"))
    return (style, 30_000, 0, 0), {"timeout": random.uniform(0.1, 0.6), "max_retries": 1}


def _delayed(random: Random) -> Made:
    return ("plain", 0, 0, 0), {"delay": random.uniform(0.2, 3.0)}


_KINDS: Mapping[str, tuple[int, Callable[[Random], Made]]] = {
    "quick": (50, _quick),
    "short": (20, _short),
    "flaky": (10, _flaky),
    "hopeless": (5, _hopeless),
    "long": (4, _long),
    "family": (3, _family),
    "stubborn": (2, _stubborn),
    "polite": (2, _polite),
    "endless": (2, _endless),
    "delayed": (2, _delayed),
}
"""How often each kind comes, and how it is made."""
