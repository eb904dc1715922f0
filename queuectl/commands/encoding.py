"""JSON for standard output and standard error."""

from __future__ import annotations

import msgspec


def to_json(value: object, *, pretty: bool = False) -> bytes:
    """Encode a value as UTF-8 JSON on one line, or indented; what UTF-8 cannot carry is escaped."""
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:  # an unpaired surrogate, from bytes in an argument or a path that are no UTF-8
        encoded = _escaped(value)
    return msgspec.json.format(encoded, indent=2) if pretty else encoded


def _escaped(value: object) -> bytes:
    import json

    return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()
