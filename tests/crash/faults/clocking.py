"""A wall clock that a test sets while programs run by it."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")

_OFFSET = struct.Struct("=q")


@dataclass(frozen=True)
class WallClock:
    """The clock of all programs that are started with its `env`. Called, it tells the time, as `time.time` does."""

    library: Path
    file: Path

    def __post_init__(self) -> None:
        self.file.write_bytes(_OFFSET.pack(0))

    def __call__(self) -> float:
        """Return the time by this clock."""
        return time.time() + self.offset

    @property
    def offset(self) -> float:
        """By how many seconds it goes ahead of the real one."""
        nanoseconds: int = _OFFSET.unpack(self.file.read_bytes())[0]
        return nanoseconds / 1e9

    def jump(self, seconds: float) -> None:
        """Set it forward, or back where that is negative; it counts at once, for whatever runs."""
        offset = round((self.offset + seconds) * 1e9)
        with self.file.open("r+b", buffering=0) as file:
            file.write(_OFFSET.pack(offset))

    @property
    def env(self) -> dict[str, str]:
        """What is to be in the environment of a program that goes by this clock."""
        return {"LD_PRELOAD": str(self.library), "CLOCK_OFFSET": str(self.file)}
