"""Words: job text made safe to look at, and times, sizes and numbers as people read them."""

from __future__ import annotations

import re
import shlex
import signal
from datetime import UTC, datetime

from queuectl import Attempt, Command, Job, Outcome, State

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_HIDDEN = "\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f"
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{_HIDDEN}]")
_LINE = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{_HIDDEN}]")
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
"""Escapes that only change colours: of those a reader loses nothing."""


def visible(text: str) -> str:
    r"""Write control and bidirectional characters of a text as `\x1b`, but for tabs and ends of lines."""
    return text if text.isprintable() else _UNSAFE.sub(_written, text)


def line(text: str) -> str:
    r"""Write a text on one line: as `visible`, and the ends of lines as `\n`."""
    return text if text.isprintable() else _LINE.sub(_written, text)


def output_text(data: bytes) -> str:
    """Return what a command wrote as it may be shown: without colours, and with nothing that acts."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    return visible(_COLOURS.sub("", text))


def command_text(command: Command) -> str:
    """Write a command as a shell would take it."""
    return command if isinstance(command, str) else shlex.join(command)


def short(text: str, limit: int = 160) -> str:
    """Write the beginning of a text on one line."""
    begun = line(text[:limit])
    return begun if len(text) <= limit else f"{begun}…"


def span(seconds: float) -> str:
    """Write a duration by its two largest units: `3d 4h`, `5m 12s`, `7.3s`, `40ms`."""
    if seconds < 1:
        return f"{round(max(seconds, 0) * 1000)}ms"
    if seconds < 10:
        return f"{seconds:.1f}s".replace(".0s", "s")
    rest = int(seconds)
    for index, (unit, name) in enumerate(_UNITS):
        if rest >= unit:
            first, rest = divmod(rest, unit)
            smaller = _UNITS[index + 1] if index + 1 < len(_UNITS) else None
            second = rest // smaller[0] if smaller else 0
            return f"{first}{name} {second}{smaller[1]}" if smaller and second else f"{first}{name}"
    return "0s"


def distance(moment: float, now: float) -> str:
    """Write how far a moment is from now: `4m ago`, `in 2h`, or a date when it is far."""
    away = abs(moment - now)
    if away >= 30 * 86400:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
    count = next((f"{int(away // unit)}{name}" for unit, name in _UNITS if away >= unit), "0s")
    return f"in {count}" if moment > now + 0.5 else f"{count} ago"


def iso(moment: float) -> str:
    """Write a moment as machines read it."""
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):  # beyond the calendar
        return "9999-12-31T23:59:59Z"


def size(count: float) -> str:
    """Write a number of bytes: `512 B`, `1.5 KiB`, `20 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.1f}".removesuffix(".0") + f" {unit}"


def number(count: float) -> str:
    """Write a number with separators."""
    return f"{count:,}"


def brief(count: int) -> str:
    """Write a number in little room: `950`, `12.4k`, `1.2M`."""
    for least, name in ((1_000_000, "M"), (1_000, "k")):
        if count >= least:
            return f"{count / least:.1f}".removesuffix(".0") + name
    return str(count)


def jobs(count: int) -> str:
    """Write `1 job`, `2 jobs`."""
    return f"{count:,} job{'' if count == 1 else 's'}"


def ending(ended: Job | Attempt | Outcome) -> str:
    """Say how a run ended: its error, `killed by SIGTERM`, `exit 3`."""
    outcome = ended.outcome if isinstance(ended, Attempt) else ended
    return cause(outcome.error, outcome.exit_code, outcome.signal)


def cause(error: str | None, exit_code: int | None, number: int | None) -> str:
    """Say why a run failed."""
    if error:
        return error
    if number is not None:
        try:
            return f"killed by {signal.Signals(number).name}"
        except ValueError:
            return f"killed by signal {number}"
    return "" if exit_code is None else f"exit {exit_code}"


def outlook(job: Job, now: float) -> str:
    """Say what people want to know besides the state."""
    if job.state is State.PROCESSING:
        return "to be cancelled" if job.cancel_requested else "" if job.started_at is not None else "starting"
    if job.held:
        return "held"
    if job.state is State.PENDING:
        return f"due {distance(job.run_at, now)}" if job.run_at is not None and job.run_at > now else ""
    if job.state is State.FAILED:
        again = "" if job.next_retry_at is None else f", again {distance(job.next_retry_at, now)}"
        return f"{ending(job)}{again}"
    if job.state is State.COMPLETED and job.started_at is not None and job.finished_at is not None:
        return f"took {span(job.finished_at - job.started_at)}"
    return ending(job)


def _written(match: re.Match[str]) -> str:
    code = ord(match[0])
    named = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    return named or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
