"""The JSON Schema of the configuration, by which editors complete and check. Draft 7, which they know."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from queuectl.config.explain import to_json
from queuectl.config.fields import Field, alternatives, bare, element_of, fields_of, limits, mapped_by
from queuectl.config.settings import CORE, NOTIFICATIONS, PER_QUEUE, PLUGGED, SECTIONS, JobDefaults
from queuectl.model.event_names import EVENT_NAMES
from queuectl.registry import Found
from queuectl.units import LARGEST, LONGEST, Duration, Size

DURATION = r"^\s*((\d+(\.\d+)?(ms|[smhdw]))+|\d+(\.\d+)?)\s*$"
SIZE = r"^\s*\d+(\.\d+)?\s*(B|kB|MB|GB|KiB|MiB|GiB)?\s*$"

Schema = dict[str, Any]

_KEYWORDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
}


def schema(found: Iterable[Found]) -> Schema:
    """Return the schema, with the settings of these providers."""
    by_kind: dict[str, list[Found]] = {kind: [] for kind in (*PLUGGED, "notifier")}
    for each in found:
        by_kind[each.kind].append(each)
    definitions = {kind: _plugged(kind, by_kind[kind]) for kind in by_kind}
    defaults = {f"default-{kind}": _with_default(kind, by_kind[kind]) for kind in PLUGGED}
    properties: Schema = {}
    for section, about in SECTIONS.items():
        properties[section] = {"description": about, **_section(section)}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "queuectl.yaml",
        "description": "The configuration of queuectl.",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
        "definitions": {**definitions, **defaults, "queue": _queue()},
    }


def _section(name: str) -> Schema:
    if name in CORE:
        return {**_keys(fields_of(CORE[name])), "type": ["object", "null"]}
    if name in PLUGGED:
        return {"anyOf": [{"type": "null"}, {"$ref": f"#/definitions/default-{name}"}]}
    if name == "notifications":
        items = {"$ref": "#/definitions/notifier"}
        return {"type": ["array", "null"], "items": items, "default": list(NOTIFICATIONS)}
    if name == "queues":
        return {"type": ["object", "null"], "additionalProperties": {"$ref": "#/definitions/queue"}}
    return {"type": ["array", "null"], "items": {"type": "string"}, "default": []}


def _queue() -> Schema:
    keys = _keys(fields_of(JobDefaults), defaults=False)
    # In draft 7 nothing counts that stands beside a `$ref`.
    own = {kind: {"description": f"its own {kind}", "allOf": [{"$ref": f"#/definitions/{kind}"}]} for kind in PER_QUEUE}
    return {**keys, "type": ["object", "null"], "properties": {**keys["properties"], **own}}


def _plugged(kind: str, found: list[Found]) -> Schema:
    """Describe a section that selects a plugin: which keys it takes depends on which one.

    Plugins that are installed elsewhere may be named as well; nothing is known of their keys.
    """
    known = {"enum": [each.name for each in found], "enumDescriptions": [each.provider.summary for each in found]}
    plugin: Schema = {"description": f"which {kind} is used", "anyOf": [known, {"type": "string"}]}
    if kind in PLUGGED:
        plugin["default"] = PLUGGED[kind]
    long: Schema = {"type": "object", "properties": {"plugin": plugin}, "allOf": [_rule(kind, each) for each in found]}
    if kind not in PLUGGED:
        long["required"] = ["plugin"]
    return {"anyOf": [known, {"type": "string"}, long]}


def _with_default(kind: str, found: list[Found]) -> Schema:
    """Describe the section itself, where the default plugin serves if none is named; a queue's inherits it."""
    settings: Schema = next((_rule(kind, each)["then"] for each in found if each.name == PLUGGED[kind]), {})
    unnamed = {"type": "object", "not": {"required": ["plugin"]}}
    return {"allOf": [{"$ref": f"#/definitions/{kind}"}, {"if": unnamed, "then": settings}]}


def _rule(kind: str, found: Found) -> Schema:
    chosen = {"properties": {"plugin": {"const": found.name}}, "required": ["plugin"]}
    ours: Schema = {"plugin": {}}
    if kind == "notifier":
        about = "the events that it hears of; without this key all that it wants"
        ours["events"] = {"description": about, "type": ["array", "null"], "items": {"enum": sorted(EVENT_NAMES)}}
    fields = fields_of(found.provider.settings)
    settings = _keys(fields)
    # What a section leaves out may come from the environment, as passwords do; an entry of a list stands alone.
    needed = _needed(fields) if kind == "notifier" else {}
    return {"if": chosen, "then": {**settings, **needed, "properties": {**ours, **settings["properties"]}}}


def _needed(fields: Mapping[str, Field]) -> Schema:
    """Demand the keys without a default, each in either spelling."""
    spelled = [{key: None, field.name: None} for key, field in fields.items() if field.required]
    return {"allOf": [{"anyOf": [{"required": [key]} for key in each]} for each in spelled]} if spelled else {}


def _keys(fields: Mapping[str, Field], *, defaults: bool = True) -> Schema:
    """Describe the keys of a settings dataclass. Editors suggest those with `-`; those with `_` are as good."""
    properties = {key: _key(field, defaults=defaults) for key, field in fields.items()}
    schema: Schema = {"properties": properties, "additionalProperties": False}
    other = {f"^{field.name}$": properties[key] for key, field in fields.items() if "_" in field.name}
    if other:
        schema["patternProperties"] = other
    return schema


def _key(field: Field, *, defaults: bool) -> Schema:
    told = [*([field.description] if field.description else []), *(["(required)"] if field.required else [])]
    about: Schema = {"description": " ".join(told)} if told else {}
    if defaults and not field.required:
        value = field.default
        about["default"] = str(value) if isinstance(value, Duration | Size) else to_json(value)
    return {**about, **_type(field.type)}


def _type(annotation: Any) -> Schema:
    members = [_one(member) for member in alternatives(annotation)]
    return members[0] if len(members) == 1 else {"anyOf": members}


def _one(annotation: Any) -> Schema:
    kind, limit = bare(annotation), limits(annotation)
    keywords = {_KEYWORDS[name]: value for name, value in limit.items() if name in _KEYWORDS}
    element, mapped = element_of(kind), mapped_by(kind)
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if element is not None:
        return {"type": "array", "items": _type(element[0]), **_lengths(limit, "Items")}
    if mapped is not None:
        return {"type": "object", "additionalProperties": _type(mapped[1])}
    if hasattr(kind, "__dataclass_fields__"):
        return {"type": "object", **_keys(fields_of(kind))}
    if kind in (Duration, Size):
        least = {} if "exclusiveMinimum" in keywords else {"minimum": 0}
        number = {**least, "maximum": LONGEST if kind is Duration else LARGEST, **keywords}
        text = {"type": "string", "pattern": DURATION if kind is Duration else SIZE}
        return {"anyOf": [{"type": "number", **number}, text]}
    named = {str: "string", Path: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}
    return {**({"type": named[kind]} if kind in named else _foreign(kind)), **keywords, **_lengths(limit, "Length")}


def _foreign(kind: Any) -> Schema:
    """Describe a type that msgspec knows and we do not, as far as both drafts say it alike."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [to_json(member) for member in kind]}
    try:
        made = msgspec.json.schema(kind)
    except TypeError:
        return {}
    return {keyword: made[keyword] for keyword in ("type", "minItems", "maxItems") if keyword in made}


def _lengths(limit: Mapping[str, Any], what: str) -> Schema:
    return {f"{name[:3]}{what}": value for name, value in limit.items() if name in {"min_length", "max_length"}}
