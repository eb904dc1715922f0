"""The keys of a settings dataclass: their types, limits, defaults and help."""

from __future__ import annotations

import types
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, fields
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

from queuectl.config.tree import dashed
from queuectl.errors import PluginError

LIMITS = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length")


class Field(Struct, frozen=True):
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
    if issubclass(settings, Struct):
        known = [_field(name, hints[name], default, {}) for name, default in _defaults_of(settings).items()]
    else:
        known = [
            _field(each.name, hints[each.name], _default(each), each.metadata) for each in fields(settings) if each.init
        ]
    return {field.key: field for field in known}


def _defaults_of(settings: type[Struct]) -> dict[str, Any]:
    # The defaults of a Struct are those of its last fields; ours all have one, and none is made by a function.
    return dict(zip(settings.__struct_fields__, settings.__struct_defaults__, strict=True))


def _default(each: Any) -> Any:
    return each.default_factory() if each.default is MISSING and each.default_factory is not MISSING else each.default


def _field(name: str, hint: Any, default: Any, metadata: Mapping[str, Any]) -> Field:
    described = [meta.description for meta in metas(hint) if getattr(meta, "description", None)]
    text = described[0] if described else metadata.get("description", metadata.get("help", ""))
    return Field(name, hint, default, text)


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
