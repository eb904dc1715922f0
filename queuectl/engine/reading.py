"""Reading the file of a run's output, piece by piece, as far as it is there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from typing import Self

CHUNK = 64 * 1024
"""How many bytes are read at once."""


class OutputReader:
    """An open file of a run's output, read on from where it was left; it may be removed meanwhile."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open it. Raises OSError, also for what is no file."""
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            self.close()
            raise OSError(errno.EINVAL, "no regular file", path)
        self._at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def pieces(self) -> Iterator[bytes | int]:
        """Yield what there is, up to the end as it is now; where the middle was dropped, how many bytes that were."""
        end = os.fstat(self._descriptor).st_size
        while self._at < end:
            data_at, data_end = self._data(end)
            if data_at > self._at:
                dropped, self._at = data_at - self._at, data_at
                yield dropped
            while self._at < data_end:
                piece = os.pread(self._descriptor, min(CHUNK, data_end - self._at), self._at)
                if not piece:
                    return
                self._at += len(piece)
                yield piece

    def _data(self, end: int) -> tuple[int, int]:
        """Return where the next bytes that are there begin and end."""
        if not hasattr(os, "SEEK_DATA"):
            return self._at, end
        try:
            begin = os.lseek(self._descriptor, self._at, os.SEEK_DATA)
            return begin, min(end, os.lseek(self._descriptor, begin, os.SEEK_HOLE))
        except OSError as error:
            return (end, end) if error.errno == errno.ENXIO else (self._at, end)
