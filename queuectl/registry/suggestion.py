"""The nearest known name to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def did_you_mean(name: str, known: Iterable[str] | Mapping[str, str]) -> str:
    """Return `; did you mean 'x'?`, or nothing when no known name is near.

    Of a mapping the keys are compared, and the value of the nearest is suggested.
    """
    from difflib import get_close_matches

    meant = known if isinstance(known, Mapping) else {each: each for each in known}
    near = get_close_matches(name, list(meant), n=1)
    return f"; did you mean '{meant[near[0]]}'?" if near else ""
