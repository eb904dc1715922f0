"""Durations and sizes as people write them: `90s`, `1h30m`, `100MiB`."""

from __future__ import annotations

import re
from functools import cache
from typing import Self

LONGEST = 36_525 * 86_400
"""A hundred years in seconds: no duration is longer, so that a moment so far away can still be written."""

LARGEST = 2**63 - 1
"""No size is larger: it is what files and databases can count."""

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_LENGTH = 400
"""Characters of the longest text that is read: a number with more digits is beyond all bounds."""

_FEW = 15
"""Digits of a number that is read without a pattern: a float has them all."""

_SHOWN = 60


class OutOfRangeError(ValueError):
    """A duration or a size that is one, but longer or larger than any may be. `expected` says what would do."""

    def __init__(self, expected: str, value: object) -> None:
        super().__init__(f"expected {expected}, got {_shown(value)}")
        self.expected = expected


class Duration(float):
    """Seconds, written as a number or as `90s`, `5m`, `1h30m`, `250ms`, `30d`, up to a hundred years.

    Raises ValueError for anything else.
    """

    def __new__(cls, value: float | str = 0.0) -> Self:
        """Read seconds from a number or a text."""
        return super().__new__(cls, _seconds(value))

    def __str__(self) -> str:
        """Write the duration as it would be typed, in the largest units that keep it exact."""
        rest = round(self * 1000)
        if rest == 0:
            return "0s"
        parts = []
        for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
            count, rest = divmod(rest, size)
            if count:
                parts.append(f"{count}{unit}")
        return "".join(parts)


class Size(int):
    """Bytes, written as a number or as `64KiB`, `100MiB`, `1GB`, up to 2**63 - 1.

    Raises ValueError for anything else.
    """

    def __new__(cls, value: int | str = 0) -> Self:
        """Read bytes from a number or a text."""
        return super().__new__(cls, _bytes(value))

    def __str__(self) -> str:
        """Write the size as it would be typed, in the largest binary unit that keeps it exact."""
        for unit in ("GiB", "MiB", "KiB"):
            if self and self % _BYTES[unit] == 0:
                return f"{int(self) // _BYTES[unit]}{unit}"
        return f"{int(self)}B"


def _seconds(value: float | str) -> float:
    seconds = _seconds_of_text(value) if isinstance(value, str) else value
    if isinstance(seconds, bool) or seconds is None:
        raise ValueError(f"expected a duration such as 90s or 1h30m, got {_shown(value)}")
    if not 0 <= seconds <= LONGEST:  # neither is NaN
        raise OutOfRangeError("a duration from 0 to 100 years", value)
    return float(seconds)


def _seconds_of_text(value: str) -> float | None:
    text = value.strip()
    digits, seconds = (text[:-1], _SECONDS[text[-1]]) if text[-1:] in _SECONDS else (text, 1)
    if digits.isascii() and digits.isdigit() and len(digits) <= _FEW:  # as most are written
        return int(digits) * seconds
    number, duration, part = _duration_patterns()
    if number.fullmatch(text):
        return float(text)
    return (
        sum(float(count) * _SECONDS[unit] for count, unit in part.findall(text)) if duration.fullmatch(text) else None
    )


def _bytes(value: int | str) -> int:
    size = _bytes_of_text(value) if isinstance(value, str) else value
    if isinstance(size, bool) or size is None:
        raise ValueError(f"expected a size such as 64KiB or 100MiB, got {_shown(value)}")
    if not 0 <= size <= LARGEST:  # neither is NaN
        raise OutOfRangeError(f"a size from 0 to {LARGEST} bytes", value)
    if size != int(size):
        raise ValueError(f"expected a size in whole bytes, got {_shown(value)}")
    return int(size)


def _bytes_of_text(value: str) -> float | None:
    digits, suffix = value[:-3], value[-3:]
    if suffix in _BYTES and digits.isascii() and digits.isdigit() and len(digits) <= _LENGTH:  # as most are written
        return int(digits) * _BYTES[suffix]
    match = _size_pattern().fullmatch(value.strip())
    if match is None or match["unit"] not in _BYTES:
        return None
    unit = _BYTES[match["unit"]]
    if match["fraction"] or len(match["whole"]) > _LENGTH:
        size = float(match["whole"] + match["fraction"]) * unit
        return int(size) if size <= LARGEST else size
    return int(match["whole"]) * unit


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes
        return "a very long number"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


# Patterns are compiled when the first is needed: it takes longer than all the rest of this module.


@cache
def _duration_patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    part = r"(\d+(?:\.\d+)?)(ms|[smhdw])"
    return (
        re.compile(r"\d+(?:\.\d+)?", re.ASCII),
        re.compile(rf"(?:{part})+", re.ASCII),
        re.compile(part, re.ASCII),
    )


@cache
def _size_pattern() -> re.Pattern[str]:
    return re.compile(r"(?P<whole>\d+)(?P<fraction>(?:\.\d+)?)\s*(?P<unit>[A-Za-z]*)", re.ASCII)
