"""The files beside an open database, its log and the index of that: parts of it, though they look like leftovers.

Where somebody removed them, who has the database open and who opens it anew write to different files, each unseen by
the other.
"""

from __future__ import annotations

import os
from pathlib import Path

from queuectl import StorageRefusedError

Identity = tuple[int, int]


def identity(path: Path | str) -> Identity | None:
    """Return what tells a file from another one that takes its place, None where there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


class Companions:
    """The files that belong to one connection; SQLite makes them when they are first needed."""

    def __init__(self, path: Path) -> None:
        self._known: dict[str, Identity | None] = {f"{path}-wal": None, f"{path}-shm": None}

    def check(self) -> None:
        """Raise StorageRefusedError if one was removed or replaced: what is written now would be lost, or do harm."""
        for name, known in self._known.items():
            found = identity(name)
            if found == known:
                continue
            if known is not None:
                raise StorageRefusedError(
                    f"{name} was removed while it was open: it is a part of the store", hint="start this program again"
                )
            self._known[name] = found

    def are_replaced(self) -> bool:
        """Whether others have made new ones: ours must not be moved over what they wrote."""
        return any(known is not None and identity(name) not in {None, known} for name, known in self._known.items())
