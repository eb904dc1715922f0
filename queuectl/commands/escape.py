"""Job text made safe to show: what it contains can neither move the cursor nor break a record apart."""

from __future__ import annotations

import re
from functools import cache

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = "\u2028\u2029\ufeff\U000e0000-\U000e007f"
_UNSAFE = f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{_BIDI}{_UNSEEN}]"
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"}


def visible(text: str) -> str:
    r"""Write control, bidirectional and unpaired surrogate characters as `\n`, `\x1b`, `\u202e`, for people to see."""
    # What is printable in the sense of Unicode holds none of them, and needs no pattern to be compiled.
    return text if text.isprintable() else _pattern(_UNSAFE).sub(_written, text)


def tsv_field(text: str) -> str:
    r"""Write a text as a field of a tab-separated line: as `visible`, and `\` as `\\`, so that it can be read back."""
    return text if text.isprintable() and "\\" not in text else _pattern(rf"\\|{_UNSAFE}").sub(_written, text)


@cache
def _pattern(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def _written(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"
