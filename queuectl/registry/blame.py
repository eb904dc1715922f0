"""Walls around plugins' code: whatever it raises becomes one line that names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def walled(blame: Callable[[str], Exception], call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a plugin's code; when it raises anything, or exits, raise what `blame` makes of that in one line."""
    try:
        return call(*args, **kwargs)
    except KeyboardInterrupt:  # is not the plugin's doing
        raise
    except BaseException as error:  # a wall: SystemExit, and what async libraries cancel by, are no Exception
        raise blame(brief(error)) from error


def brief(error: BaseException) -> str:
    """Put an exception into one line."""
    kind = type(error).__name__
    try:
        first = str(error).strip().split("\n", 1)[0]
    except Exception:  # a wall: an exception may fail at telling what it is
        return f"{kind}, which cannot be told"
    return f"{kind}: {first}" if first else kind


def shown(value: object) -> str:
    """Put a value that a plugin returned into a few words."""
    try:
        return f"{value!r:.80}".split("\n", 1)[0]
    except Exception:  # a wall: a value may fail at telling what it is
        return f"a {type(value).__name__}"
