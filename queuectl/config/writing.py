"""Write values as YAML on one line, so that they are read back as they were."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from queuectl.config.scalar import resolve

_CHARACTER = r"(?:[A-Za-z0-9_./~+^$@=;()\\-]|:(?=[^ ]))"
_PLAIN = re.compile(rf"(?![-@=;():]){_CHARACTER}+(?: (?!-){_CHARACTER}+)*", re.ASCII)
"""Texts that need no quotes anywhere, flow collections included. Careful rather than complete."""

_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def write(value: object) -> str:
    """Write plain values as YAML on one line, so that they are read back as they were."""
    if isinstance(value, str):
        return _written_text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{write(str(key))}: {write(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return "[" + ", ".join(map(write, items)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return {float("inf"): ".inf", float("-inf"): "-.inf"}.get(value, ".nan")
    return _written_text(str(value)) if type(value) not in (int, float) else _short(value)


def _short(value: object) -> str:
    text = repr(value)
    return text.removesuffix(".0") if isinstance(value, float) and "e" not in text else text


def _written_text(text: str) -> str:
    if _PLAIN.fullmatch(text) and isinstance(resolve(text), str):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPED:
        return _ESCAPED[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
