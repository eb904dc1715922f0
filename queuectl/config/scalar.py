"""Scalars as YAML 1.2 reads them: `yes`, `12:30` and `1_000` are texts, `010` is ten."""

from __future__ import annotations

import re
from functools import cache

Scalar = None | bool | int | float | str

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_UNITS = "smhdwB"
"""How durations and sizes end, and no numbers but those in base 16; they are common, and need no pattern."""

_LONGEST = 400
"""Characters of the longest number; a longer one is a text, and no setting takes it."""


def resolve(text: str) -> Scalar:
    """Read an unquoted scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789.+-" or len(text) > _LONGEST or not text.isascii():
        return text
    if text.isdigit():
        return int(text)
    if text[-1] in _UNITS and not text.startswith("0x"):
        return text
    match = _number_pattern().fullmatch(text)
    if match is None:
        return text
    return _number(match)


@cache
def _number_pattern() -> re.Pattern[str]:
    # Compiled when the first number that is no plain integer is met: it takes longer than all the rest of this module.
    return re.compile(
        r"(?P<int>[-+]?[0-9]+)"
        r"|0o(?P<oct>[0-7]+)"
        r"|0x(?P<hex>[0-9a-fA-F]+)"
        r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
        r"|(?P<inf>[-+]?)\.(?:inf|Inf|INF)"
        r"|(?P<nan>\.(?:nan|NaN|NAN))",
        re.ASCII,
    )


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
