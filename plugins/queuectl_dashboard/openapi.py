"""The API as OpenAPI 3.1 describes it, made of the table of endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from queuectl_dashboard.api import Endpoint

INTEGERS = ("limit", "priority", "max_retries", "expected", "since", "step", "run", "exit_code", "signal")

KINDS: Mapping[str, Any] = {
    **{name: {"type": "integer"} for name in INTEGERS},
    **{name: {"type": "boolean"} for name in ("paused", "force", "dry_run")},
    **{name: {"type": "array", "items": {"type": "string"}} for name in ("tags", "ids")},
    **{name: {"type": "object"} for name in ("env", "options", "filter")},
    **{name: {"type": ["number", "string"]} for name in ("timeout", "delay")},
    "command": {"type": ["string", "array"]},
    "backoff": {"type": ["string", "object"]},
    "run_at": {"type": "string", "format": "date-time"},
    "stream": {"enum": ["output", "error"]},
    "whole": {"enum": ["1"]},
    "action": {"enum": ["retry", "cancel", "hold", "release", "delete"]},
}
"""What each field is; of those that are not here a text."""

LISTED = {
    "type": "object",
    "required": ["items", "next_cursor"],
    "properties": {
        "items": {"type": "array", "items": {"type": "object"}},
        "next_cursor": {"type": ["string", "null"]},
    },
}
"""What each list is."""

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "code", "hint")},
        "status": {"type": "integer"},
        "details": {"type": "array", "items": {"type": "string"}},
    },
}
"""What is told where something was not done (RFC 9457); `code`, `hint` and `details` are those of the command line."""


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Return the description."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "queuectl", "version": version("queuectl"), "summary": "Jobs, queues and workers."},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"List": LISTED, "Problem": PROBLEM},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    told: dict[str, Any] = {
        "summary": endpoint.about,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": _kind("id")} for name in _named(endpoint.path)),
            *({"name": name, "in": "query", "schema": _kind(name)} for name in endpoint.asks),
        ],
        "responses": {
            str(endpoint.status): _answer("It was done.", endpoint.media, _schema(endpoint)),
            "default": _answer("It was not done.", "application/problem+json", _named_schema("Problem")),
        },
    }
    if endpoint.takes:
        properties = {name: _kind(name) for name in endpoint.takes}
        body = {"schema": {"type": "object", "properties": properties}}
        told["requestBody"] = {"content": {"application/json": body}}
    return told


def _answer(about: str, media: str, schema: Any) -> dict[str, Any]:
    return {"description": about, "content": {media: {"schema": schema}}}


def _schema(endpoint: Endpoint) -> Any:
    if endpoint.media.startswith("text/"):
        return {"type": "string"}
    return _named_schema("List") if endpoint.lists else {"type": "object"}


def _named_schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _named(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)


def _kind(name: str) -> Any:
    return KINDS.get(name, {"type": "string"})
