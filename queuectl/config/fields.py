"""The keys of a settings dataclass: their types, limits, defaults and help."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from queuectl.config.tree import dashed
from queuectl.errors import PluginError
from queuectl.units import Duration, Size

LIMITS = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length")


@dataclass(frozen=True)
class Field:
    """One key. `type` is the annotation as it was written, with its limits in it."""

    name: str
    type: Any
    default: Any
    description: str

    @property
    def key(self) -> str:
        """The key as it is shown: `max-retries`."""
        return dashed(self.name)

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is MISSING


def fields_of(settings: type[Any]) -> Mapping[str, Field]:
    """Return the fields of a settings dataclass by their keys, spelled with `-`.

    Raises PluginError when its annotations cannot be read.
    """
    kind: Any = settings  # `cache` asks for Hashable, which mypy does not see in a class
    return _fields_of(kind)


@cache
def _fields_of(settings: Any) -> Mapping[str, Field]:
    try:
        hints = get_type_hints(settings, include_extras=True)
    except Exception as error:  # a wall: annotations are a plugin's code
        where = f"{settings.__module__}.{settings.__qualname__}"
        raise PluginError(f"the types of {where} cannot be read: {error}") from error
    made = (_field(each, hints[each.name]) for each in fields(settings) if each.init)
    return {field.key: field for field in made}


def _field(each: Any, hint: Any) -> Field:
    default = each.default
    if default is MISSING and each.default_factory is not MISSING:
        default = each.default_factory()
    described = [meta.description for meta in metas(hint) if getattr(meta, "description", None)]
    text = described[0] if described else each.metadata.get("description", each.metadata.get("help", ""))
    return Field(each.name, hint, default, text)


def metas(annotation: Any) -> tuple[Any, ...]:
    """Return what `Annotated` adds to a type."""
    return tuple(annotation.__metadata__) if get_origin(annotation) is Annotated else ()


def bare(annotation: Any) -> Any:
    """Return a type without what `Annotated` adds."""
    return annotation.__origin__ if get_origin(annotation) is Annotated else annotation


def limits(annotation: Any) -> dict[str, Any]:
    """Return the limits that `Annotated` sets, by their names in `msgspec.Meta`."""
    found = {name: getattr(meta, name, None) for meta in metas(annotation) for name in LIMITS}
    return {name: limit for name, limit in found.items() if limit is not None}


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union; other types have one."""
    kind = bare(annotation)
    if get_origin(kind) in {Union, types.UnionType}:
        outer = metas(annotation)
        members = (member for member in get_args(kind))
        return tuple(member if member is types.NoneType else _with(member, outer) for member in members)
    return (annotation,)


def _with(annotation: Any, outer: tuple[Any, ...]) -> Any:
    for meta in outer:
        annotation = Annotated[annotation, meta]
    return annotation


def takes(annotation: Any, *kinds: type) -> bool:
    """Whether a value of one of these kinds may be given."""
    return any(bare(member) in kinds for member in alternatives(annotation))


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
    words = [" ".join((_expected(member), *(_bounds(limits(member)) if bounds else ()))) for member in members]
    return " or ".join(dict.fromkeys(words)) or "null"


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


def element_of(kind: Any) -> tuple[Any, type[Any]] | None:
    """Return what a list, tuple or set type holds, and how to build it."""
    origin = get_origin(kind) or kind
    arguments = get_args(kind)
    if origin is tuple and (not arguments or (len(arguments) == 2 and arguments[1] is ...)):
        return (arguments[0] if arguments else Any), tuple
    for built in (list, set, frozenset):
        if origin is built:
            return (arguments[0] if arguments else Any), built
    if isinstance(origin, type) and origin.__module__ == "collections.abc" and origin is not Mapping:
        if issubclass(origin, AbstractSet):
            return (arguments[0] if arguments else Any), frozenset
        if origin.__name__ in {"Sequence", "Iterable", "Collection"}:
            return (arguments[0] if arguments else Any), tuple
    return None


def mapped_by(kind: Any) -> tuple[Any, Any] | None:
    """Return what a mapping type maps from and to."""
    origin = get_origin(kind) or kind
    if origin is dict or (isinstance(origin, type) and origin.__name__ in {"Mapping", "MutableMapping"}):
        arguments = get_args(kind)
        return (arguments[0], arguments[1]) if arguments else (str, Any)
    return None
