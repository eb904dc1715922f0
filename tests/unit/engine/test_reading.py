"""Reading an output's file: piece by piece, on from where it was left, and over what was dropped."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from queuectl.engine.reading import CHUNK, OutputReader


def test_a_file_is_read_on_from_where_it_was_left(tmp_path: Path) -> None:
    """Given a file that grows, and is removed meanwhile, then each look brings what is new, in pieces."""
    file = tmp_path / "output"
    file.write_bytes(b"x" * (CHUNK + 1))
    with OutputReader(file) as reader, file.open("ab", buffering=0) as writing:
        assert [*reader.pieces()] == [b"x" * CHUNK, b"x"]
        assert [*reader.pieces()] == []
        file.unlink()
        writing.write(b"more")
        assert [*reader.pieces()] == [b"more"]


def test_what_was_dropped_is_counted(tmp_path: Path) -> None:
    """Given a hole in the middle, then it is told how long that is, and none of it is read."""
    file = tmp_path / "output"
    with file.open("wb") as writing:
        writing.write(b"head")
        writing.seek(1 << 20)
        writing.write(b"tail")
    if file.stat().st_blocks * 512 >= 1 << 20:
        pytest.skip("the file system of the temporary directory has no holes")
    with OutputReader(file) as reader:
        pieces = [*reader.pieces()]
    (dropped,) = (piece for piece in pieces if isinstance(piece, int))
    read = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    assert read.startswith(b"head") and read.endswith(b"tail") and len(read) + dropped == (1 << 20) + 4


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Whoever laid it would choose what is read."""
    (tmp_path / "secret").write_bytes(b"secret")
    os.symlink(tmp_path / "secret", tmp_path / "output")
    with pytest.raises(OSError, match="symbolic"):
        OutputReader(tmp_path / "output")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=lambda make: make.__name__)
def test_what_is_no_file_is_not_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A directory has no bytes, and a pipe somebody else's."""
    make(tmp_path / "output")
    with pytest.raises(OSError, match="no regular file"):
        OutputReader(tmp_path / "output")
