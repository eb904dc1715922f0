"""A disk that loses power: what of a program's operations may be there afterwards.

What was synced is there. Of the rest of a file any part may be: each sector of each write by itself, in any order,
since a disk writes when it likes. Names are there up to some point, in the order in which they were made: file systems
keep a journal of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.faults.interposing import Operation

SECTOR = 512
"""Bytes that a disk writes as a whole."""

Keep = Callable[[], bool]
"""Decides of one thing that was not synced whether it is there afterwards."""


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Operation] = field(default_factory=list)

    def sync(self) -> None:
        self.durable = self.content(lambda: True)
        self.pending.clear()

    def content(self, keep: Keep) -> bytearray:
        content = bytearray(self.durable)
        for operation in self.pending:
            if operation.kind == "T":
                if keep():
                    _set_length(content, operation.length)
            elif operation.kind == "A":
                if keep():
                    _set_length(content, max(len(content), operation.offset + operation.length))
            else:
                _write(content, operation, keep)
        return content


def _set_length(content: bytearray, length: int) -> None:
    del content[length:]
    content.extend(bytes(length - len(content)))


def _write(content: bytearray, operation: Operation, keep: Keep) -> None:
    end = operation.offset + len(operation.data)
    start = operation.offset
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        if keep():
            if len(content) < stop:
                _set_length(content, stop)
            content[start:stop] = operation.data[start - operation.offset : stop - operation.offset]
        start = stop


Names = dict[Path, _File | None]
"""Files by their names; None for a directory."""


class Disk:
    """Does operations, and tells what would be there if the power failed now."""

    def __init__(self) -> None:
        self._now: Names = {}
        self._durable: Names = {}
        self._changes: list[tuple[Operation, _File | None]] = []

    def do(self, operation: Operation) -> None:
        """Do one operation."""
        if operation.kind == "S":
            self._sync(operation.path)
        elif operation.kind in "WTA":
            found = self._now.get(operation.path)
            if found is not None:  # else a file that is not asked for any more
                found.pending.append(operation)
        else:
            change = (operation, _File() if operation.kind == "C" else None)
            _rename(self._now, *change)
            self._changes.append(change)

    def _sync(self, path: Path) -> None:
        found = self._now.get(path)
        if found is not None:
            found.sync()
            return
        for change in self._changes:  # the journal of names is written as a whole
            _rename(self._durable, *change)
        self._changes.clear()

    def after_power_loss(self, seed: random.Random | None, *, lose: bool = False) -> dict[Path, bytes | None]:
        """Return what is there: all (no seed), nothing that was not synced (`lose`), or some of it."""
        keep: Keep = (lambda: not lose) if seed is None else (lambda: seed.random() < 0.5)
        names = dict(self._durable)
        last = len(self._changes) if seed is None else seed.randint(0, len(self._changes))
        for change in self._changes[: 0 if lose else last]:
            _rename(names, *change)
        return {path: None if found is None else bytes(found.content(keep)) for path, found in names.items()}


def _rename(names: Names, operation: Operation, made: _File | None) -> None:
    match operation.kind:
        case "C" | "D":
            names[operation.path] = made
        case "U":
            names.pop(operation.path, None)
        case "R" if operation.to is not None:
            names[operation.to] = names.pop(operation.path, None)
        case "L" if operation.to is not None:
            names[operation.to] = names.get(operation.path)


def lay_out(found: dict[Path, bytes | None], root: Path, place: Path) -> None:
    """Write what is there below `place`, which stands for `root`; shared memory is no file that survives."""
    for path, content in sorted(found.items()):
        target = place / path.relative_to(root)
        if content is None:
            target.mkdir(mode=0o700, exist_ok=True)
        elif target.parent.is_dir() and not path.name.endswith("-shm"):
            target.write_bytes(content)
            target.chmod(0o600)
