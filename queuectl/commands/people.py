"""Times and sizes as people read them on a terminal."""

from __future__ import annotations

import time

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_MONTH = 30 * 86400


def span(seconds: float) -> str:
    """Write a duration by its two largest units: `3d 4h`, `5m 12s`, `7.3s`, `40ms`."""
    if seconds < 1:
        return f"{round(max(seconds, 0) * 1000)}ms"
    if seconds < 10:
        return f"{seconds:.1f}s".replace(".0s", "s")
    rest = int(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(filter(None, parts))


def ago(moment: float | None, *, now: float | None = None) -> str:
    """Write a past time as its age by the largest unit: `4m ago`; as a date when older than a month, `-` for None."""
    if moment is None:
        return "-"
    age = (time.time() if now is None else now) - moment
    return _date(moment) if age >= _MONTH else f"{_largest(age)} ago"


def until(moment: float | None, *, now: float | None = None) -> str:
    """Write a time to come by its distance: `in 5m`; as a date beyond a month, `now` once it has come."""
    if moment is None:
        return "-"
    ahead = moment - (time.time() if now is None else now)
    if ahead <= 0:
        return "now"
    return _date(moment) if ahead >= _MONTH else f"in {_largest(ahead)}"


def size(count: int) -> str:
    """Write a number of bytes with at most one decimal: `512 B`, `1.5 KiB`, `20 MiB`."""
    if count < 1024:
        return f"{count} B"
    amount = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        amount /= 1024
        if amount < 1024 or unit == "TiB":
            break
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"


def count(number: int, noun: str) -> str:
    """Write `1 job`, `2 jobs`, `12,000 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _largest(seconds: float) -> str:
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return "0s"


def _date(moment: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(moment))
