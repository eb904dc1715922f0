"""Writing lines of a history: each at once, at the end of a file, in one call."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.chaos.lines import AnyLine

_encode = msgspec.json.encode


class Journal:
    """A file of lines that only grows; several threads, and several processes, may write to it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, line: AnyLine) -> None:
        """Append a line; it is there for every reader when this returns, whatever becomes of this process."""
        os.write(self._fd, b"\n" + _encode(line) + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def now() -> dict[str, Any]:
    """Return who writes, and when: the fields that every line has."""
    return {"pid": os.getpid(), "wall": time.time(), "mono": time.monotonic()}
