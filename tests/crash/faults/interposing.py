"""The interposer: a small library in C that a program is started with, and what it recorded."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

_HEAD = struct.Struct("<cBHHQQI")
_SOURCE = Path(__file__).with_name("interpose.c")


@dataclass(frozen=True)
class Operation:
    """One operation on a file or a name, in the order in which the program did them.

    `kind` is W write, T truncate, A allocate, S sync, C create, D make a directory, R rename, L link, U unlink.
    """

    kind: str
    path: Path
    to: Path | None
    offset: int
    length: int
    data: bytes


@dataclass(frozen=True)
class Interposer:
    """Says how a program is started so that what it does below `root` is counted, recorded or spoilt."""

    library: Path
    root: Path
    only: str | None = None
    log: Path | None = None
    at: int | None = None
    until: int | None = None
    error: int | None = None
    once: Path | None = None
    spoilt: Path | None = None

    def meeting(self, at: int, *, until: int | None = None, error: int | None = None) -> Interposer:
        """Return one that meets the operations from `at` to `until` by SIGKILL, or by an error number."""
        return replace(self, at=at, until=until, error=error)

    def spoiling(self, spoilt: Path, error: int) -> Interposer:
        """Return one that meets everything by an error number for as long as a file exists."""
        return replace(self, spoilt=spoilt, error=error)

    def recording(self, log: Path) -> Interposer:
        """Return one that appends what is done to a file."""
        return replace(self, log=log)

    def within(self, only: str, *, once: Path | None = None) -> Interposer:
        """Return one for programs with this text in their command line; with `once`, for the first that is met."""
        if once is not None:
            once.touch()
        return replace(self, only=only, once=once)

    @property
    def env(self) -> dict[str, str]:
        """What is to be in the program's environment."""
        values = {
            "LD_PRELOAD": self.library,
            "FAULTS_ROOT": self.root,
            "FAULTS_ONLY": self.only,
            "FAULTS_LOG": self.log,
            "FAULTS_AT": self.at,
            "FAULTS_UNTIL": self.until,
            "FAULTS_ERROR": self.error,
            "FAULTS_ONCE": self.once,
            "FAULTS_WHILE": self.spoilt,
        }
        return {name: str(value) for name, value in values.items() if value is not None}


def compiled(folder: Path, source: Path = _SOURCE) -> Path | None:
    """Compile the library into a folder, or another one; None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = folder / source.with_suffix(".so").name
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


def recorded(log: Path) -> Iterator[Operation]:
    """Yield what was recorded."""
    text = log.read_bytes()
    place = 0

    def taken(count: int) -> bytes:
        nonlocal place
        place += count
        return text[place - count : place]

    while place < len(text):
        kind, _, path, to, offset, length, data = _HEAD.unpack(taken(_HEAD.size))
        first, second = taken(path).decode(), taken(to).decode()
        yield Operation(kind.decode(), Path(first), Path(second) if second else None, offset, length, taken(data))
