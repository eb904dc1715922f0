"""Durations and sizes as people write them: `90s`, `1h30m`, `100MiB`."""

from __future__ import annotations

import math
import re
from typing import Self

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)
_BYTES = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


class Duration(float):
    """Seconds, written as a number or as `90s`, `5m`, `1h30m`, `250ms`, `30d`. Raises ValueError for anything else."""

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
    """Bytes, written as a number or as `64KiB`, `100MiB`, `1GB`. Raises ValueError for anything else."""

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
    if isinstance(value, bool):
        raise ValueError(f"expected a duration such as 90s or 1h30m, got {value!r}")
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.fullmatch(text):
            return float(text)
        if not _DURATION.fullmatch(text):
            raise ValueError(f"expected a duration such as 90s or 1h30m, got {value!r}")
        return sum(float(count) * _SECONDS[unit] for count, unit in _DURATION_PART.findall(text))
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"expected a duration of 0 or more seconds, got {value!r}")
    return float(value)


def _bytes(value: int | str) -> int:
    if isinstance(value, bool):
        raise ValueError(f"expected a size such as 64KiB or 100MiB, got {value!r}")
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if match is None or match[2] not in _BYTES:
            raise ValueError(f"expected a size such as 64KiB or 100MiB, got {value!r}")
        return int(float(match[1]) * _BYTES[match[2]])
    if value < 0 or value != int(value):
        raise ValueError(f"expected a size of 0 or more bytes, got {value!r}")
    return int(value)
