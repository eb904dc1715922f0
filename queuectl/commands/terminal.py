"""What the three standard streams are, and whether to colour them."""

from __future__ import annotations

import os
import sys
from typing import IO, Any

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "error": "1;31"}


def is_terminal(stream: IO[Any] | None) -> bool:
    """Whether a person reads this stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def has_color(stream: IO[Any] | None, wanted: bool | None) -> bool:
    """Whether to colour this stream: only a terminal, and not under `--no-color`, NO_COLOR or TERM=dumb."""
    if wanted is False or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def painted(text: str, style: str, color: bool) -> str:
    """Colour a text, if colours are wanted and it has a style."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if color and style else text


def secure_streams() -> None:
    """Make the standard streams safe to use: open, and able to write any text.

    A descriptor that the caller closed would be given to the next file that is opened, and what is printed would land
    in the database.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # lives as long as the process
    sys.stdout = _able(sys.stdout or open(1, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    sys.stderr = _able(sys.stderr or open(2, "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def _able(stream: Any) -> Any:
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return stream


def abandon(stream: IO[Any] | None) -> None:
    """Point a stream whose reader has gone, or that is full, to nowhere: nothing complains when the process ends."""
    if stream is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, ValueError):
        pass
    finally:
        os.close(nowhere)
