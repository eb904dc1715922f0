"""Scalars as YAML 1.2 reads and writes them: `yes`, `12:30` and `1_000` are texts, `010` is ten."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

Scalar = None | bool | int | float | str

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(
    r"(?P<int>[-+]?[0-9]+)"
    r"|0o(?P<oct>[0-7]+)"
    r"|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<inf>[-+]?)\.(?:inf|Inf|INF)"
    r"|(?P<nan>\.(?:nan|NaN|NAN))",
    re.ASCII,
)
_LONGEST = 400
"""Characters of the longest number; a longer one is a text, and no setting takes it."""

_PLAIN = re.compile(r"[A-Za-z0-9_./~+^$][A-Za-z0-9_./~+^$@=:;()\\-]*(?: [A-Za-z0-9_./~+^$@=;()\\-]+)*", re.ASCII)
"""Texts that need no quotes anywhere, flow collections included. Careful rather than complete."""

_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def resolve(text: str) -> Scalar:
    """Read an unquoted scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789.+-" or len(text) > _LONGEST:
        return text
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    return _number(match)


def _number(match: re.Match[str]) -> int | float:
    kind = match.lastgroup
    digits = match[kind] if kind else ""
    if kind == "int":
        return int(digits)
    if kind == "oct":
        return int(digits, 8)
    if kind == "hex":
        return int(digits, 16)
    if kind == "float":
        return float(digits)
    return float("nan") if kind == "nan" else float(f"{digits}inf")


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
        return ".nan" if value != value else ("-.inf" if value < 0 else ".inf")
    return _written_text(str(value)) if type(value) not in (int, float) else _short(value)


def _short(value: object) -> str:
    text = repr(value)
    return text.removesuffix(".0") if isinstance(value, float) and "e" not in text else text


def _written_text(text: str) -> str:
    if _PLAIN.fullmatch(text) and isinstance(resolve(text), str) and not text.endswith(":"):
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
