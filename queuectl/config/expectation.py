"""Say in words what a type wants."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from queuectl.config.fields import alternatives, bare, element_of, limits, mapped_by
from queuectl.units import Duration, Size

_WORDS = {
    bool: ("true or false", "booleans"),
    int: ("an integer", "integers"),
    float: ("a number", "numbers"),
    str: ("a text", "texts"),
    Path: ("a path", "paths"),
    Duration: ("a duration such as 90s or 1h30m", "durations"),
    Size: ("a size such as 64KiB or 100MiB", "sizes"),
    types.NoneType: ("null", "nulls"),
}


def expected(annotation: Any, *, bounds: bool = True) -> str:
    """Say what a type wants, with its bounds: `an integer of at least 1`."""
    members = [member for member in alternatives(annotation) if bare(member) is not types.NoneType]
    words = [_bounded(member) if bounds else _expected(member) for member in members]
    return " or ".join(dict.fromkeys(words)) or "null"


def _bounded(annotation: Any) -> str:
    kind = bare(annotation)
    limit = {name: _as_typed(kind, bound) for name, bound in limits(annotation).items()}
    what, such_as, examples = _expected(annotation).partition(" such as ")
    return " ".join((what, *_bounds(limit))) + (f",{such_as}{examples}" if such_as and limit else such_as + examples)


def _as_typed(kind: Any, bound: Any) -> Any:
    """Return a bound as a person would type it; a plugin may set one that no value reaches."""
    try:
        return kind(bound) if kind in (Duration, Size) else bound
    except ValueError:
        return bound


def _expected(annotation: Any) -> str:
    kind = bare(annotation)
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(_shown, get_args(kind)))}"
    if element := element_of(kind):
        return f"a list of {_plural(element[0])}"
    if kind in _WORDS:
        return _WORDS[kind][0]
    return "a mapping" if _is_mapping(kind) else "another kind of value"


def _plural(annotation: Any) -> str:
    kind = bare(alternatives(annotation)[0])
    return _WORDS[kind][1] if kind in _WORDS else "values"


def _is_mapping(kind: Any) -> bool:
    return hasattr(kind, "__dataclass_fields__") or mapped_by(kind) is not None


def _bounds(limit: Mapping[str, Any]) -> Iterator[str]:
    if "ge" in limit and "le" in limit and abs(limit["le"]) < 2**31 - 1:
        yield f"from {limit['ge']} to {limit['le']}"
    elif "ge" in limit and limit["ge"] > -(2**31):
        yield f"of at least {limit['ge']}"
    if "gt" in limit:
        yield f"above {limit['gt']}"
    if "le" in limit and ("ge" not in limit or limit["ge"] <= -(2**31)):
        yield f"of at most {limit['le']}"
    if "lt" in limit:
        yield f"below {limit['lt']}"
    if "multiple_of" in limit:
        yield f"divisible by {limit['multiple_of']}"
    if "pattern" in limit:
        yield f"that matches {limit['pattern']}"
    if "min_length" in limit:
        yield f"with a length of at least {limit['min_length']}"
    if "max_length" in limit:
        yield f"with a length of at most {limit['max_length']}"


def _shown(choice: object) -> str:
    return str(choice).lower().replace("none", "null") if choice is None or isinstance(choice, bool) else str(choice)
