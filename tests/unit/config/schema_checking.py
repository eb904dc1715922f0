"""As much of JSON Schema draft 7 as the configuration's schema uses, to hold it to the files that it describes."""

from __future__ import annotations

import re
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}

ANNOTATIONS = {"$schema", "title", "description", "default", "definitions", "enumDescriptions"}


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value is valid. Raises KeyError for a keyword that is not known here."""
    if "$ref" in schema:
        return fits(value, root["definitions"][schema["$ref"].rpartition("/")[2]], root)
    return all(
        CHECKS[keyword](value, wanted, schema, root) for keyword, wanted in schema.items() if keyword not in ANNOTATIONS
    )


def _type(value: Any, wanted: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    kinds = tuple(kind for name in names for kind in TYPES[name])
    return isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)


def _properties(value: Any, wanted: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    return not isinstance(value, dict) or all(fits(value[key], wanted[key], root) for key in value if key in wanted)


def _pattern_properties(value: Any, wanted: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    return not isinstance(value, dict) or all(
        fits(value[key], inner, root) for key in value for pattern, inner in wanted.items() if re.search(pattern, key)
    )


def _additional(value: Any, wanted: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return True
    patterns = schema.get("patternProperties", {})
    rest = [
        key for key in value if key not in schema.get("properties", {}) and not any(re.search(p, key) for p in patterns)
    ]
    return not rest if wanted is False else all(fits(value[key], wanted, root) for key in rest)


def _if(value: Any, wanted: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    return not fits(value, wanted, root) or fits(value, schema["then"], root)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


CHECKS: dict[str, Any] = {
    "type": _type,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "required": lambda v, w, s, r: not isinstance(v, dict) or set(w) <= v.keys(),
    "enum": lambda v, w, s, r: v in w,
    "const": lambda v, w, s, r: v == w,
    "anyOf": lambda v, w, s, r: any(fits(v, each, r) for each in w),
    "allOf": lambda v, w, s, r: all(fits(v, each, r) for each in w),
    "not": lambda v, w, s, r: not fits(v, w, r),
    "if": _if,
    "then": lambda v, w, s, r: True,
    "items": lambda v, w, s, r: not isinstance(v, list) or all(fits(each, w, r) for each in v),
    "minimum": lambda v, w, s, r: not _number(v) or v >= w,
    "exclusiveMinimum": lambda v, w, s, r: not _number(v) or v > w,
    "maximum": lambda v, w, s, r: not _number(v) or v <= w,
    "exclusiveMaximum": lambda v, w, s, r: not _number(v) or v < w,
    "multipleOf": lambda v, w, s, r: not _number(v) or v % w == 0,
    "pattern": lambda v, w, s, r: not isinstance(v, str) or re.search(w, v) is not None,
    "minItems": lambda v, w, s, r: not isinstance(v, list) or len(v) >= w,
    "maxItems": lambda v, w, s, r: not isinstance(v, list) or len(v) <= w,
    "minLength": lambda v, w, s, r: not isinstance(v, str) or len(v) >= w,
    "maxLength": lambda v, w, s, r: not isinstance(v, str) or len(v) <= w,
}
